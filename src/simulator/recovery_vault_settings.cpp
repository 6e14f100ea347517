// The vault's older settings calls: storage, soft delete, encryption, resource guard.
#include "simulator/json_util.hpp"
#include "simulator/recovery.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

Json storage_body(Recovery& recovery, const Resource& vault) {
  const bool locked =
      recovery.store.count("container", vault.id) > 0 || recovery.store.count("item", vault.id) > 0;
  return {{"id", vault.id + "/backupstorageconfig/vaultstorageconfig"},
          {"name", "vaultstorageconfig"},
          {"type", "Microsoft.RecoveryServices/vaults/backupstorageconfig"},
          {"properties",
           {{"storageModelType", vault.hidden["storage"]},
            {"storageType", vault.hidden["storage"]},
            {"storageTypeState", locked ? "Locked" : "Unlocked"},
            {"crossRegionRestoreFlag", vault.hidden["crr"]},
            {"dedupState", "Disabled"},
            {"xcoolState", "Disabled"}}}};
}

Resource set_storage(Recovery& recovery, Request& request) {
  Resource vault = recovery.vault(request);
  if (vault.hidden["storageByVault"] == true)
    throw_recovery(400, "BMSUserErrorRedundancySettingsUseVaultApi",
                   "Redundancy of this vault is set through the vault API; use that to change it.");
  Json body = request.object();
  drop_nulls(body);
  std::string model = text_at(body, "/properties/storageModelType", text_at(body, "/properties/storageType"));
  if (model.empty()) model = vault.hidden["storage"];
  const bool had = vault.hidden["crr"];
  change_storage(recovery, vault,
                 enum_value(model, {"GeoRedundant", "LocallyRedundant", "ZoneRedundant"}, "storageModelType"),
                 flag_at(body, "/properties/crossRegionRestoreFlag", had));
  vault.body["properties"]["redundancySettings"] = {
      {"standardTierStorageRedundancy", vault.hidden["storage"]},
      {"crossRegionRestore", vault.hidden["crr"] == true ? "Enabled" : "Disabled"}};
  recovery.context.save(vault);
  return vault;
}

Json config_body(const Resource& vault) {
  return {{"id", vault.id + "/backupconfig/vaultconfig"},
          {"name", "vaultconfig"},
          {"type", "Microsoft.RecoveryServices/vaults/backupconfig"},
          {"properties",
           {{"enhancedSecurityState", vault.hidden["enhanced"]},
            {"softDeleteFeatureState", vault.hidden["soft"]},
            {"softDeleteRetentionPeriodInDays", vault.hidden["softDays"]},
            {"isSoftDeleteFeatureStateEditable", vault.hidden["soft"] != "AlwaysON"}}}};
}

Reply set_config(Recovery& recovery, Request& request) {
  Resource vault = recovery.vault(request);
  if (vault.hidden["softByVault"] == true)
    throw_recovery(400, "BMSUserErrorSoftDeleteUseVaultApi",
                   "Soft delete of this vault is set through the vault API; use that to change it.");
  Json body = request.object();
  drop_nulls(body);
  const std::string state =
      enum_value(text_at(body, "/properties/softDeleteFeatureState", vault.hidden["soft"]),
                 {"Enabled", "Disabled", "AlwaysON"}, "softDeleteFeatureState");
  if (vault.hidden["soft"] == "AlwaysON" && state != "AlwaysON")
    throw_invalid_input("Soft delete that is always on cannot be turned off.");
  const auto days =
      number_at(body, "/properties/softDeleteRetentionPeriodInDays", vault.hidden["softDays"].get<int>());
  if (days < 14 || days > 180) throw_invalid_input("The soft delete retention is 14 to 180 days.");
  vault.hidden["soft"] = state;
  vault.hidden["softDays"] = days;
  vault.hidden["enhanced"] = text_at(body, "/properties/enhancedSecurityState", vault.hidden["enhanced"]);
  vault.body["properties"]["securitySettings"]["softDeleteSettings"]["softDeleteState"] = state;
  vault.body["properties"]["securitySettings"]["softDeleteSettings"]["softDeleteRetentionPeriodInDays"] =
      days;
  recovery.context.save(vault);
  return Reply::json(200, config_body(vault));
}

}  // namespace

void change_storage(Recovery& recovery, Resource& vault, const std::string& storage, bool crr) {
  const bool locked =
      recovery.store.count("container", vault.id) > 0 || recovery.store.count("item", vault.id) > 0;
  if (locked && storage != vault.hidden["storage"])
    throw_recovery(400, "StorageModelModifyError",
                   "Storage type of the vault cannot be modified: it is Locked once an item is registered or "
                   "protected.");
  const bool had = vault.hidden["crr"];
  if (had && !crr) throw_invalid_input("Cross region restore cannot be disabled once it is enabled.");
  if (crr && storage != "GeoRedundant")
    throw_invalid_input("Cross region restore needs GeoRedundant storage.");
  vault.hidden["storage"] = storage;
  vault.hidden["crr"] = crr;
}

void add_recovery_vault_settings(Router& router, Recovery& recovery) {
  const std::string storage = kVaultPath + "/backupstorageconfig/vaultstorageconfig";
  router.arm("GET", storage, kBothRegions, [&recovery](Request& request) {
    return Reply::json(200, storage_body(recovery, recovery.vault(request)));
  });
  router.arm("PUT", storage, kBothRegions, [&recovery](Request& request) {
    return Reply::json(200, storage_body(recovery, set_storage(recovery, request)));
  });
  router.arm("PATCH", storage, kBothRegions, [&recovery](Request& request) {
    set_storage(recovery, request);
    return Reply::empty(204);
  });
  const std::string config = kVaultPath + "/backupconfig/vaultconfig";
  router.arm("GET", config, kBackupVersions, [&recovery](Request& request) {
    return Reply::json(200, config_body(recovery.vault(request)));
  });
  for (const char* method : {"PUT", "PATCH"})
    router.arm(method, config, kBackupVersions,
               [&recovery](Request& request) { return set_config(recovery, request); });
  router.arm("GET", kVaultPath + "/backupResourceGuardProxies", kBackupVersions,
             [&recovery](Request& request) {
               recovery.vault(request);
               return Reply::json(200, {{"value", Json::array()}});
             });
}

}  // namespace azlin::simulator
