#include "cli/option_values.hpp"

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
