#pragma once
// Settings: flags over AZLIN_* variables over ~/.azlin/config.toml. (The Azure CLI's default subscription
// comes last, where it is needed.) Keys and their meaning are the table in docs/configuration.md.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "azlin/core/env.hpp"

namespace azlin::core {

// A flat view of the TOML file: "recovery_services.vaults.production.vault_name" -> text of the value. An
// array of plain values is one text with commas between them.
class Config {
 public:
  Config() = default;
  // A missing file is an empty configuration. Throws core::Error (usage) with line and column when it is not
  // valid.
  static Config load(const std::string& path);
  // The same for text; `name` stands for the path in errors.
  static Config parse(const std::string& text, const std::string& name);

  std::optional<std::string> get(const std::string& key) const;
  // Everything, by key.
  const std::map<std::string, std::string>& values() const { return values_; }
  // Names of the tables directly under `prefix`, sorted: tables_under("recovery_services.vaults").
  std::vector<std::string> tables_under(const std::string& prefix) const;

 private:
  std::map<std::string, std::string> values_;
  std::map<std::string, std::set<std::string>> tables_;  // prefix -> names of the tables directly under it
};

// Flag (if given), else environment variable, else configuration key, else nullopt.
std::optional<std::string> setting(const std::optional<std::string>& flag, const Env& env,
                                   const char* variable, const Config& config, const char* key);

}  // namespace azlin::core
