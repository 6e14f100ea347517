#include "cli/option_values.hpp"

#include <fmt/format.h>

#include <regex>
#include <set>
#include <utility>

#include "azlin/core/error.hpp"

namespace azlin::cli {

std::vector<std::string> listed_values(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto open = type.find('{'), close = type.rfind('}');
  std::vector<std::string> values;
  if (open == std::string::npos || close == std::string::npos || close < open) return values;
  std::string value;
  for (const char c : type.substr(open + 1, close - open - 1) + ",") {
    if (c != ',') {
      value += c;
    } else if (!value.empty()) {
      values.push_back(std::exchange(value, {}));
    }
  }
  return values;
}

bool takes_integer(const CLI::Option& option) {
  static const std::set<std::string> kCounts = {"DAYS", "WEEKS", "MONTHS", "HOURS", "COUNT"};
  const std::string type = option.get_type_name();
  return type.rfind("INT", 0) == 0 || type.rfind("UINT", 0) == 0 || kCounts.contains(type);
}

void check_numbers(const CLI::App& app) {
  static const std::regex kWhole("[+-]?(0|[1-9][0-9]*)");
  static const std::regex kReal("[+-]?(0|[1-9][0-9]*)?([.][0-9]+)?(e[+-]?[0-9]+)?", std::regex::icase);
  constexpr std::size_t kLongest = 64;  // std::regex recurses once a character
  for (const CLI::Option* option : app.get_options()) {
    const bool whole = takes_integer(*option);
    if (!whole && option->get_type_name().rfind("FLOAT", 0) != 0) continue;
    for (const auto& word : option->results()) {
      const bool digits = word.find_first_of("0123456789") != std::string::npos;
      if (digits && word.size() <= kLongest && std::regex_match(word, whole ? kWhole : kReal)) continue;
      throw core::Error(core::ErrorKind::usage,
                        fmt::format("{}: '{}' is not a {}number", option->get_name(), word.substr(0, 40),
                                    whole ? "whole " : ""),
                        "decimal digits, with no leading zeros; nothing was changed");
    }
  }
  for (const CLI::App* command : app.get_subcommands()) check_numbers(*command);
}

CLI::Validator an_id(const std::string& list) {
  const auto mistake = [list](const std::string& word) -> std::string {
    const bool digits = !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
    if (digits && word.front() != '0' && word.size() <= 18) return "";
    return fmt::format("'{}' is no id; `{}` shows them", word.substr(0, 40), list);
  };
  return CLI::Validator(mistake, "");
}

CLI::Validator not_negative() {
  const auto mistake = [](const std::string& word) -> std::string {
    double value = 0;
    if (CLI::detail::lexical_cast(word, value) && value >= 0) return "";
    return fmt::format("'{}' is no number of 0 or more", word.substr(0, 40));
  };
  return CLI::Validator(mistake, "NONNEGATIVE");
}

std::map<std::string, std::string> named_values(const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> out;
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      throw core::Error(core::ErrorKind::usage, "'" + pair + "' is not NAME=VALUE");
    out[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return out;
}

}  // namespace azlin::cli
