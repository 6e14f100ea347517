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

// Words given for numbers that CLI11 reads as nobody means them: "" as not given, 010 as 8, 0x10 as 16, nan.
// Of the commands that were parsed. Throws core::Error (usage).
void check_numbers(const CLI::App& app);

// Validators whose messages name the limits that matter; CLI11's own name the largest number there is.
// Of an integer that CLI11 would cut to the largest one: 1 to 18 digits, from 1. `list` is the command that
// lists them.
CLI::Validator an_id(const std::string& list);
// Of a number, 0 or more.
CLI::Validator not_negative();

// "NAME=VALUE" of each; a later one replaces an earlier one. Throws core::Error (usage).
std::map<std::string, std::string> named_values(const std::vector<std::string>& pairs);

}  // namespace azlin::cli
