#pragma once
// [recovery_services] of config.toml: one primary vault and any number of named ones.
#include <optional>
#include <string>
#include <vector>

#include "azlin/core/config.hpp"
#include "azlin/vault/model.hpp"

namespace azlin::vault {

struct NamedVault {
  std::string key;  // "" for the primary one
  VaultId id;
  std::string description;
};

struct Settings {
  bool enabled = true;
  std::optional<NamedVault> primary;
  std::vector<NamedVault> named;
};

// `subscription` stands in where a vault states none (may be empty). Throws core::Error (usage) naming the
// key that is missing or wrong.
Settings read_settings(const core::Config& config, const std::string& subscription);
// Throws core::Error (usage) when `enabled = false`.
void check_enabled(const Settings& settings);

// The vault that `azlin vault use` chose, in a file of the state folder. nullopt: none.
std::optional<VaultId> read_choice(const std::string& home);
void write_choice(const std::string& home, const VaultId& id);

}  // namespace azlin::vault
