#pragma once
// What CLI11 knows of the values of an option, read off its type name.
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace azlin::cli {

// "TEXT:{a,b,c}": the values of an option that takes one of a few; else empty.
std::vector<std::string> listed_values(const CLI::Option& option);

// "INT", "UINT", "INT:INT in [1 - 64]"
bool takes_integer(const CLI::Option& option);

}  // namespace azlin::cli
