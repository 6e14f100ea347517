#include "azlin/core/env.hpp"

#include <unistd.h>

#include "azlin/core/error.hpp"

namespace azlin::core {

Env Env::from_process() {
  std::map<std::string, std::string> values;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos) values.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return Env(std::move(values));
}

std::optional<std::string> Env::get(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

std::string Env::get_or(const std::string& name, const std::string& fallback) const {
  return get(name).value_or(fallback);
}

std::string Env::azlin_home() const {
  if (const auto home = get("AZLIN_HOME")) return *home;
  if (const auto home = get("HOME")) return *home + "/.azlin";
  throw Error(ErrorKind::usage, "there is no folder for azlin's state: neither AZLIN_HOME nor HOME is set",
              "set AZLIN_HOME to a folder that only you can read");
}

}  // namespace azlin::core
