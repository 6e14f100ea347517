#include "azlin/vault/vaults.hpp"

#include <fmt/format.h>

#include "azlin/azure/access.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "vault/parse.hpp"

namespace azlin::vault {

using core::Error;
using core::ErrorKind;

namespace {

constexpr int kLeastDays = 14, kMostDays = 180;

void check_word(const std::optional<std::string>& value, const std::vector<std::string>& allowed,
                const char* what) {
  if (!value) return;
  for (const auto& word : allowed)
    if (*value == word) return;
  throw Error(ErrorKind::usage, fmt::format("{} cannot be '{}'", what, *value),
              fmt::format("use one of: {}", fmt::join(allowed, ", ")));
}

void check_settings(const VaultSettings& settings) {
  check_word(settings.redundancy, {"GeoRedundant", "LocallyRedundant", "ZoneRedundant"}, "redundancy");
  check_word(settings.soft_delete, {"Enabled", "Disabled", "AlwaysON"}, "soft delete");
  check_word(settings.immutability, {"Disabled", "Unlocked", "Locked"}, "immutability");
  if (settings.soft_delete_days &&
      (*settings.soft_delete_days < kLeastDays || *settings.soft_delete_days > kMostDays))
    throw Error(ErrorKind::usage, "soft delete keeps items 14 to 180 days");
  if (settings.cross_region_restore.value_or(false) && settings.redundancy &&
      *settings.redundancy != "GeoRedundant")
    throw Error(ErrorKind::usage, "cross-region restore needs GeoRedundant storage");
}

// Steps that cannot be taken back, or that the vault is past.
void check_against(const Vault& vault, const VaultSettings& settings) {
  if (vault.cross_region_restore && settings.cross_region_restore == false)
    throw Error(ErrorKind::usage, "cross-region restore cannot be turned off once it is on");
  if (vault.immutability == "Locked" && settings.immutability && *settings.immutability != "Locked")
    throw Error(ErrorKind::usage, "the vault's immutability is locked for good");
  if (vault.immutability == "Disabled" && settings.immutability == "Locked")
    throw Error(ErrorKind::usage, "immutability can be locked only after it was Unlocked",
                "use --immutability Unlocked first");
  if (vault.soft_delete == "AlwaysON" && settings.soft_delete && *settings.soft_delete != "AlwaysON")
    throw Error(ErrorKind::usage, "soft delete of this vault is always on; it cannot be turned off");
  const std::string redundancy = settings.redundancy.value_or(vault.redundancy);
  if (settings.cross_region_restore.value_or(false) && !redundancy.empty() && redundancy != "GeoRedundant")
    throw Error(ErrorKind::usage,
                "cross-region restore needs GeoRedundant storage; this vault is " + redundancy);
}

// The vault API takes these together; what is not stated is sent as it is.
json settings_body(const VaultSettings& settings) {
  json properties = json::object();
  if (settings.redundancy)
    properties["redundancySettings"]["standardTierStorageRedundancy"] = *settings.redundancy;
  if (settings.cross_region_restore)
    properties["redundancySettings"]["crossRegionRestore"] =
        *settings.cross_region_restore ? "Enabled" : "Disabled";
  if (settings.immutability)
    properties["securitySettings"]["immutabilitySettings"] = {{"state", *settings.immutability}};
  if (settings.soft_delete)
    properties["securitySettings"]["softDeleteSettings"]["softDeleteState"] = *settings.soft_delete;
  if (settings.soft_delete_days)
    properties["securitySettings"]["softDeleteSettings"]["softDeleteRetentionPeriodInDays"] =
        *settings.soft_delete_days;
  return properties;
}

}  // namespace

void check_vault_name(const std::string& name) {
  const bool good =
      name.size() >= 2 && name.size() <= 50 && std::isalpha(static_cast<unsigned char>(name[0])) != 0 &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
  if (!good)
    throw Error(ErrorKind::usage, "'" + name + "' cannot be a vault's name",
                "2 to 50 letters, digits and hyphens, beginning with a letter");
}

bool VaultSettings::empty() const {
  return !redundancy && !cross_region_restore && !soft_delete && !soft_delete_days && !immutability;
}

const std::vector<NeededAction>& needed_actions() {
  static const std::vector<NeededAction> actions = {
      {"Microsoft.RecoveryServices/vaults/read", "Backup Reader", "read vaults"},
      {"Microsoft.RecoveryServices/vaults/backupProtectedItems/read", "Backup Reader",
       "list protected items"},
      {"Microsoft.RecoveryServices/vaults/backupJobs/read", "Backup Reader", "follow jobs"},
      {"Microsoft.RecoveryServices/vaults/backupFabrics/refreshContainers/action", "Backup Operator",
       "discover VMs"},
      {"Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/write", "Backup Operator",
       "register VMs"},
      {"Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/write",
       "Backup Operator", "protect items"},
      {"Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/backup/action",
       "Backup Operator", "back up on demand"},
      {"Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/recoveryPoints/"
       "restore/action",
       "Backup Operator", "restore"},
      {"Microsoft.RecoveryServices/vaults/backupJobs/cancel/action", "Backup Operator", "cancel jobs"},
      {"Microsoft.RecoveryServices/vaults/backupPolicies/write", "Backup Contributor", "write policies"},
      {"Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/delete",
       "Backup Contributor", "delete backup data"},
      {"Microsoft.RecoveryServices/vaults/write", "Backup Contributor", "create and change vaults"},
  };
  return actions;
}

std::vector<Vault> VaultManager::list(const std::string& subscription,
                                      const std::optional<std::string>& group, std::stop_token stop) {
  std::string path = "/subscriptions/" + subscription;
  if (group) path += "/resourceGroups/" + *group;
  std::vector<Vault> vaults;
  service_.list(
      path + "/providers/Microsoft.RecoveryServices/vaults", "", "list vaults",
      [&](json&& body) {
        vaults.push_back(parse_vault(body));
        return true;
      },
      kVaultVersion, stop);
  return vaults;
}

std::optional<Vault> VaultManager::find(const VaultId& id, std::stop_token stop) {
  const auto body = service_.find(id.id(), "read vault " + id.name, kVaultVersion, stop);
  if (!body) return std::nullopt;
  return with_settings(parse_vault(*body), id, stop);
}

Vault VaultManager::with_settings(Vault vault, const VaultId& id, std::stop_token stop) {
  // Vaults that were set up by the older calls say so only there.
  if (vault.redundancy.empty()) {
    const json config = at(service_.get(id.id() + "/backupstorageconfig/vaultstorageconfig",
                                        "read the redundancy of vault " + id.name, kBackupVersion, stop),
                           "properties");
    vault.redundancy = text(config, "storageModelType");
    vault.cross_region_restore = flag(config, "crossRegionRestoreFlag");
  }
  if (vault.soft_delete.empty()) {
    const json config = at(service_.get(id.id() + "/backupconfig/vaultconfig",
                                        "read soft delete of vault " + id.name, kBackupVersion, stop),
                           "properties");
    vault.soft_delete = text(config, "softDeleteFeatureState");
    vault.soft_delete_days = static_cast<int>(number(config, "softDeleteRetentionPeriodInDays"));
  }
  return vault;
}

Vault VaultManager::create(const VaultId& id, const std::string& location,
                           const std::map<std::string, std::string>& tags, const VaultSettings& settings,
                           std::stop_token stop) {
  check_vault_name(id.name);
  check_settings(settings);
  if (settings.immutability == "Locked")
    throw Error(ErrorKind::usage, "immutability can be locked only after it was Unlocked");
  json body = {{"location", core::normalize_region(location)},
               {"sku", {{"name", "RS0"}, {"tier", "Standard"}}},
               {"properties", settings_body(settings)}};
  body["properties"]["publicNetworkAccess"] = "Enabled";
  if (!tags.empty()) body["tags"] = tags;
  // The reply is the vault: a read just after may not find it yet.
  const json made =
      service_.run_resource("PUT", id.id(), body, "create vault " + id.name, kVaultVersion, stop);
  if (service_.dry_run()) return {};
  return with_settings(parse_vault(made), id, stop);
}

Vault VaultManager::update(const VaultId& id, const VaultSettings& settings, std::stop_token stop) {
  check_settings(settings);
  const auto vault = find(id, stop);
  if (!vault)
    throw Error(ErrorKind::not_found, "there is no vault " + id.name, help_for("ResourceNotFound", 404));
  check_against(*vault, settings);
  const json changed = service_.run_resource("PATCH", id.id(), {{"properties", settings_body(settings)}},
                                             "change vault " + id.name, kVaultVersion, stop);
  if (service_.dry_run()) return *vault;
  return with_settings(parse_vault(changed), id, stop);
}

void VaultManager::remove(const VaultId& id, std::stop_token stop) {
  service_.run_resource("DELETE", id.id(), nullptr, "delete vault " + id.name, kVaultVersion, stop);
}

std::vector<Check> VaultManager::test_connection(const VaultId& id, std::stop_token stop) {
  std::vector<Check> checks;
  checks.push_back({"endpoint", true, service_.arm().endpoint()});
  try {
    const auto vault = find(id, stop);
    checks.push_back({"token", true, "accepted"});
    checks.push_back(
        {"vault " + id.name, vault.has_value(),
         vault ? vault->location : "there is no such vault; " + help_for("ResourceNotFound", 404)});
    if (!vault) return checks;
  } catch (const arm::ArmError& error) {
    checks.push_back({"token", error.status() != 401, error.status() == 401 ? error.hint() : "accepted"});
    checks.push_back({"vault " + id.name, false,
                      std::string(error.what()) + (error.hint().empty() ? "" : "; " + error.hint())});
    return checks;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    checks.back().ok = error.kind() == ErrorKind::unauthorized;
    checks.push_back(
        {"token", false, std::string(error.what()) + (error.hint().empty() ? "" : "; " + error.hint())});
    return checks;
  }
  const auto granted = azure::list_permissions(service_.arm(), id.id(), stop);
  for (const auto& needed : needed_actions()) {
    const bool ok = azure::is_granted(granted, needed.action);
    checks.push_back(
        {needed.action, ok,
         ok ? needed.purpose
            : fmt::format("missing: needed to {}; the role {} grants it", needed.purpose, needed.role)});
  }
  return checks;
}

}  // namespace azlin::vault
