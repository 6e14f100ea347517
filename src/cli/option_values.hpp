#pragma once
// What CLI11 knows of the values of an option, read off its type name; and options that are pairs.
#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace azlin::cli {

// "TEXT:{a,b,c}": the values of an option that takes one of a few; else empty.
std::vector<std::string> listed_values(const CLI::Option& option);

// "INT", "UINT", "INT:INT in [1 - 64]", "DAYS" and other counts
bool takes_integer(const CLI::Option& option);

// "NAME=VALUE" of each; a later one replaces an earlier one. Throws core::Error (usage).
std::map<std::string, std::string> named_values(const std::vector<std::string>& pairs);

}  // namespace azlin::cli
