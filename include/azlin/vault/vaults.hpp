#pragma once
// Vaults: list, read, create, change, delete; whether this credential can work with one.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/vault/model.hpp"
#include "azlin/vault/service.hpp"

namespace azlin::vault {

// What `vault update` changes; what is not stated stays.
struct VaultSettings {
  std::optional<std::string> redundancy;  // GeoRedundant, LocallyRedundant, ZoneRedundant
  std::optional<bool> cross_region_restore;
  std::optional<std::string> soft_delete;   // Enabled, Disabled, AlwaysON
  std::optional<int> soft_delete_days;      // 14 to 180
  std::optional<std::string> immutability;  // Disabled, Unlocked, Locked
  bool empty() const;
};

// One thing that test-connection looked at.
struct Check {
  std::string what;
  bool ok = false;
  std::string detail;  // what was found, or what to do
};

// The RBAC actions that the commands need, each with the built-in role that grants it.
struct NeededAction {
  const char* action;
  const char* role;
  const char* purpose;
};
const std::vector<NeededAction>& needed_actions();

// Throws core::Error (usage) for what cannot be a vault's name.
void check_vault_name(const std::string& name);

// Borrows the service. One thread.
class VaultManager {
 public:
  explicit VaultManager(Service& service) : service_(service) {}

  // Of the subscription, or of one group.
  std::vector<Vault> list(const std::string& subscription, const std::optional<std::string>& group,
                          std::stop_token stop = {});
  // With its redundancy, soft delete and immutability. nullopt: there is none.
  std::optional<Vault> find(const VaultId& id, std::stop_token stop = {});
  Vault create(const VaultId& id, const std::string& location, const std::map<std::string, std::string>& tags,
               const VaultSettings& settings, std::stop_token stop = {});
  // Refuses before the call what cannot be undone or is locked. Throws core::Error (usage).
  Vault update(const VaultId& id, const VaultSettings& settings, std::stop_token stop = {});
  // Throws core::Error (failed) listing what is left in a vault that is not empty.
  void remove(const VaultId& id, std::stop_token stop = {});

  // Endpoint, token, vault, and each action; never throws for what it looks for.
  std::vector<Check> test_connection(const VaultId& id, std::stop_token stop = {});

 private:
  // Adds what only the older calls tell of a vault that was set up by them.
  Vault with_settings(Vault vault, const VaultId& id, std::stop_token stop);

  Service& service_;
};

}  // namespace azlin::vault
