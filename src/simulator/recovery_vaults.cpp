// Vaults: create, read, change, delete; deleted vaults; counts.
#include <fmt/format.h>

#include "simulator/api_versions.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/recovery.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kType = "Microsoft.RecoveryServices/vaults";
constexpr const char* kNewPlatform = "2025-08-01";  // vaults made with it are secure by default
constexpr const char* kSettingsVersion =
    "2023-01-01";                                   // soft delete and redundancy through the vault's own API
constexpr const char* kAsyncDelete = "2023-01-01";  // DELETE answers 202
constexpr int kLeastDays = 14, kMostDays = 180;

void check_name(const std::string& name) {
  const bool good =
      name.size() >= 2 && name.size() <= 50 && std::isalpha(static_cast<unsigned char>(name[0])) &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '-'; });
  if (!good)
    throw_recovery(
        400, "InvalidRestApiParameter",
        fmt::format("The vault name '{}' is invalid: 2 to 50 letters, digits and hyphens, beginning with a "
                    "letter.",
                    name));
}

void check_sku(const Json& body) {
  const std::string name = text_at(body, "/sku/name"), tier = text_at(body, "/sku/tier");
  if (same(name, "Standard") || (same(name, "RS0") && same(tier, "Standard"))) return;
  throw_recovery(400, "InvalidRestApiParameter",
                 "The SKU of the vault is invalid: 'Standard', or 'RS0' of tier 'Standard'.");
}

Json defaults(bool secure) {
  return {{"storage", "GeoRedundant"}, {"crr", false},
          {"storageByVault", false},   {"soft", secure ? "AlwaysON" : "Enabled"},
          {"softDays", kLeastDays},    {"enhanced", secure ? "AlwaysON" : "Enabled"},
          {"softByVault", secure},     {"secure", secure},
          {"immutability", "Disabled"}};
}

void set_immutability(Resource& vault, const Json& body) {
  const std::string wanted = text_at(body, "/properties/securitySettings/immutabilitySettings/state");
  if (wanted.empty()) return;
  const std::string state =
      enum_value(wanted, {"Disabled", "Unlocked", "Locked"}, "immutabilitySettings.state");
  const std::string present = vault.hidden["immutability"];
  if (present == "Locked" && state != "Locked")
    throw_invalid_input("Immutability is locked; it cannot be changed any more.");
  if (present == "Disabled" && state == "Locked")
    throw_invalid_input("Immutability must be Unlocked before it can be Locked.");
  vault.hidden["immutability"] = state;
}

void set_soft_delete(Resource& vault, const Json& body) {
  const Json settings = subtree_at(body, "/properties/securitySettings/softDeleteSettings");
  if (!settings.is_object()) return;
  const std::string state = enum_value(text_at(settings, "/softDeleteState", vault.hidden["soft"]),
                                       {"Enabled", "Disabled", "AlwaysON"}, "softDeleteState");
  if (vault.hidden["secure"] == true && state != "AlwaysON")
    throw_recovery(400, "BMSUserErrorSoftDeleteStateNotSetToAlwaysON",
                   "Soft delete is secure by default for this vault; its state must be AlwaysON.");
  if (vault.hidden["soft"] == "AlwaysON" && state != "AlwaysON")
    throw_invalid_input("Soft delete that is always on cannot be turned off.");
  const auto days =
      number_at(settings, "/softDeleteRetentionPeriodInDays", vault.hidden["softDays"].get<int>());
  if (days < kLeastDays || days > kMostDays)
    throw_invalid_input("The soft delete retention is 14 to 180 days.");
  vault.hidden["soft"] = state;
  vault.hidden["softDays"] = days;
  vault.hidden["enhanced"] = text_at(settings, "/enhancedSecurityState", vault.hidden["enhanced"]);
  vault.hidden["softByVault"] = true;
}

void set_redundancy(Recovery& recovery, Resource& vault, const Json& body) {
  const Json settings = subtree_at(body, "/properties/redundancySettings");
  if (!settings.is_object()) return;
  const std::string storage =
      enum_value(text_at(settings, "/standardTierStorageRedundancy", vault.hidden["storage"]),
                 {"GeoRedundant", "LocallyRedundant", "ZoneRedundant"}, "standardTierStorageRedundancy");
  const bool had = vault.hidden["crr"];
  const bool crr = same(text_at(settings, "/crossRegionRestore", had ? "Enabled" : "Disabled"), "Enabled");
  change_storage(recovery, vault, storage, crr);
  vault.hidden["storageByVault"] = true;
}

// The parts of the body that stand for the vault's settings.
void write_settings(Resource& vault) {
  const Json& notes = vault.hidden;
  Json& properties = vault.body["properties"];
  properties["provisioningState"] = "Succeeded";
  properties["privateEndpointStateForBackup"] = "None";
  properties["privateEndpointStateForSiteRecovery"] = "None";
  properties["backupStorageVersion"] = "V1";
  properties["securitySettings"] = {{"immutabilitySettings", {{"state", notes["immutability"]}}},
                                    {"softDeleteSettings",
                                     {{"softDeleteState", notes["soft"]},
                                      {"softDeleteRetentionPeriodInDays", notes["softDays"]},
                                      {"enhancedSecurityState", notes["enhanced"]}}}};
  properties["redundancySettings"] = {{"standardTierStorageRedundancy", notes["storage"]},
                                      {"crossRegionRestore", notes["crr"] == true ? "Enabled" : "Disabled"}};
}

void set_properties(Recovery& recovery, const Request& request, Resource& vault, const Json& body) {
  Json& properties = vault.body["properties"];
  for (const char* kept : {"publicNetworkAccess", "monitoringSettings", "encryption", "restoreSettings"}) {
    if (const Json value = subtree_at(body, std::string("/properties/") + kept); !value.is_null())
      properties[kept] = value;
  }
  if (!properties.contains("publicNetworkAccess")) properties["publicNetworkAccess"] = "Enabled";
  if (body.contains("identity")) vault.body["identity"] = body["identity"];
  set_immutability(vault, body);
  if (version_at_least(request.api_version, kSettingsVersion)) {
    set_soft_delete(vault, body);
    set_redundancy(recovery, vault, body);
  }
  write_settings(vault);
  vault.body["etag"] = fmt::format("W/\"datetime'{}'\"", percent_encode(iso(recovery.now())));
}

void make_default_policies(Recovery& recovery, const Resource& vault) {
  for (const auto& [name, properties] : default_recovery_policies()) {
    RecoveryObject policy;
    policy.id = vault.id + "/backupPolicies/" + name;
    policy.vault = lower(vault.id);
    policy.parent = policy.vault;
    policy.kind = "policy";
    policy.at = recovery.now();
    policy.body = {{"id", policy.id},
                   {"name", name},
                   {"type", "Microsoft.RecoveryServices/vaults/backupPolicies"},
                   {"properties", properties}};
    recovery.store.save(policy);
  }
}

Reply put_vault(Recovery& recovery, Request& request) {
  check_name(request.param("vault"));
  Json body = request.object();
  drop_nulls(body);
  check_sku(body);
  auto existing = recovery.context.state.find(request.target.id);
  Resource vault = make_resource(recovery.context, request, kType);
  if (existing) {
    vault.hidden = existing->hidden;
    vault.created = existing->created;
    vault.etag = existing->etag;
    Json properties = existing->body["properties"];
    vault.body["properties"] = properties;
  } else {
    vault.hidden = defaults(version_at_least(request.api_version, kNewPlatform) ||
                            recovery.context.state.meta("recovery.secure").value_or("") == "1");
  }
  vault.body["sku"] = {{"name", "RS0"}, {"tier", "Standard"}};
  if (same(text_at(body, "/sku/name"), "Standard")) vault.body["sku"] = {{"name", "Standard"}};
  set_properties(recovery, request, vault, body);
  recovery.context.save(vault);
  if (!existing) make_default_policies(recovery, vault);
  return Reply::json(existing ? 200 : 201, vault.body);
}

Reply patch_vault(Recovery& recovery, Request& request) {
  Resource vault = recovery.vault(request);
  Json body = request.object();
  drop_nulls(body);
  if (body.contains("tags")) {
    check_tags(body["tags"]);
    vault.body["tags"] = body["tags"];
  }
  set_properties(recovery, request, vault, body);
  recovery.context.save(vault);
  return Reply::json(200, vault.body);
}

// Which rule keeps the vault from being deleted, as the service tells them apart.
void check_deletable(Recovery& recovery, const Resource& vault) {
  bool live = false, soft_deleted = false;
  for (const auto& item : recovery.store.list("item", vault.id)) {
    (item.properties().value("isScheduledForDeferredDelete", false) ? soft_deleted : live) = true;
  }
  if (recovery.store.count("container", vault.id) > 0 && !soft_deleted) live = true;
  if (!live && (!soft_deleted || vault.hidden["secure"] == true)) return;
  const std::string reason = live && soft_deleted ? "Forbidden" : live ? "NotAllowed" : "NotPermitted";
  const std::string what = live && soft_deleted ? "existing resources and soft deleted items"
                           : live               ? "existing resources"
                                                : "soft deleted items, which count as existing resources";
  throw_recovery(
      400, "BMSUserErrorVaultDeletion" + reason,
      fmt::format("Recovery Services vault '{}' cannot be deleted as there are {} within the vault. Please "
                  "stop protection, delete the backup data and unregister the containers first.",
                  vault.name, what));
}

Reply delete_vault(Recovery& recovery, Request& request) {
  const auto found = recovery.context.state.find(request.target.id);
  if (!found) return Reply::empty(204);
  const Resource vault = *found;
  check_deletable(recovery, vault);
  if (vault.hidden["secure"] == true) {
    RecoveryObject deleted;
    deleted.id =
        fmt::format("/subscriptions/{}/providers/Microsoft.RecoveryServices/locations/{}/deletedVaults/{}",
                    request.param("sub"), vault.location, guid_from(vault.id));
    deleted.kind = "deleted";
    deleted.vault = lower(fmt::format("/subscriptions/{}/{}", request.param("sub"), vault.location));
    deleted.at = recovery.now();
    deleted.body = {
        {"id", deleted.id},
        {"name", deleted.name()},
        {"type", "Microsoft.RecoveryServices/locations/deletedVaults"},
        {"properties",
         {{"vaultId", vault.id},
          {"vaultDeletionTime", iso(recovery.now())},
          {"purgeAt", iso(recovery.now() + std::chrono::days{vault.hidden["softDays"].get<int>()})}}}};
    deleted.notes = {{"body", vault.body}, {"hidden", vault.hidden}};
    recovery.store.save(deleted);
  } else {
    recovery.store.erase_vault(vault.id);
  }
  erase_with_children(recovery.context, vault.id);
  if (!version_at_least(request.api_version, kAsyncDelete)) return Reply::empty(200);
  RecoveryOperation operation;
  operation.base = vault.id;
  operation.status_part = "operationStatus";
  return recovery.start(request, operation);
}

// ---- deleted vaults (newer platform) ----

std::string region_key(const Request& request) {
  return lower(fmt::format("/subscriptions/{}/{}", request.param("sub"), request.param("region")));
}

Reply undelete_vault(Recovery& recovery, Request& request) {
  auto deleted = recovery.store.find(request.target.id);
  if (!deleted) throw_not_found(request.target.id);
  const std::string id = deleted->properties()["vaultId"];
  if (recovery.context.state.exists(id))
    throw_recovery(409, "Conflict", "A vault of this name exists in the resource group.");
  Resource vault;
  vault.id = id;
  vault.type = kType;
  vault.name = id.substr(id.rfind('/') + 1);
  vault.location = request.param("region");
  vault.body = deleted->notes["body"];
  vault.hidden = deleted->notes["hidden"];
  recovery.context.save(vault);
  recovery.store.erase(deleted->id);
  RecoveryOperation operation;
  operation.base = vault.id;
  operation.status_part = "operationStatus";
  return recovery.start(request, operation);
}

// ---- counts ----

Json usage(const std::string& name, std::int64_t value, std::int64_t limit) {
  return {
      {"unit", "Count"},       {"quotaPeriod", "P0D"}, {"nextResetTime", "0001-01-01T00:00:00Z"},
      {"currentValue", value}, {"limit", limit},       {"name", {{"value", name}, {"localizedValue", name}}}};
}

Reply list_usages(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  Json value = Json::array();
  value.push_back(usage("AzureBackupProtectedItems", recovery.store.count("item", vault.id), -1));
  value.push_back(usage("AzureBackupContainers", recovery.store.count("container", vault.id), -1));
  value.push_back(usage("AzureBackupPolicies", recovery.store.count("policy", vault.id), 200));
  return Reply::json(200, {{"value", value}});
}

Reply usage_summaries(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const Filter filter = parse_filter(request);
  const auto type = filter.find("type");
  if (type == filter.end()) throw_invalid_input("The filter must name a type.");
  const bool items = same(type->second, "BackupProtectedItemCountSummary");
  if (!items && !same(type->second, "BackupProtectionContainerCountSummary"))
    throw_invalid_input("Unknown summary type.");
  std::map<std::string, std::int64_t> counts = {{"AzureIaasVM", 0}, {"AzureWorkload", 0}};
  recovery.store.scan(items ? "item" : "container", vault.id, false, "", [&](RecoveryObject&& object) {
    ++counts[object.properties().value("backupManagementType", "")];
    return true;
  });
  Json value = Json::array();
  for (const auto& [name, count] : counts) {
    Json entry = usage(name, count, -1);
    entry["type"] = items ? "BackupProtectedItemCountSummary" : "BackupProtectionContainerCountSummary";
    value.push_back(entry);
  }
  return Reply::json(200, {{"value", value}});
}

}  // namespace

void make_recovery_vault(Recovery& recovery, const std::string& id, const std::string& location) {
  Resource vault;
  vault.id = id;
  vault.name = last_segment(id);
  vault.type = kType;
  vault.location = location;
  vault.body = {{"id", id},
                {"name", vault.name},
                {"type", kType},
                {"location", location},
                {"sku", {{"name", "RS0"}, {"tier", "Standard"}}},
                {"properties", {{"publicNetworkAccess", "Enabled"}}}};
  vault.hidden = defaults(false);
  write_settings(vault);
  recovery.context.save(vault);
  make_default_policies(recovery, vault);
}

Resource Recovery::vault(const Request& request) {
  const std::string id =
      fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                  request.param("rg"), kType, request.param("vault"));
  auto found = context.state.find(id);
  if (!found) {
    throw_recovery(
        404, "ResourceNotFound",
        fmt::format(
            "The Resource '{}/{}' under resource group '{}' was not found. For more details please go to "
            "https://aka.ms/ARMResourceNotFoundFix",
            kType, request.param("vault"), request.param("rg")));
  }
  const auto fabric = request.params.find("fabric");
  if (fabric != request.params.end() && !same(fabric->second, "Azure"))
    throw_invalid_input("The fabric is not 'Azure'.");
  return std::move(*found);
}

void add_recovery_vaults(Router& router, Recovery& recovery) {
  recovery.context.on_erase[lower(kType)] = [&recovery](Context&, const Resource& vault) {
    if (vault.hidden["secure"] != true) recovery.store.erase_vault(vault.id);
  };
  router.arm("PUT", kVaultPath, kVaultVersions,
             [&recovery](Request& request) { return put_vault(recovery, request); });
  router.arm("PATCH", kVaultPath, kVaultVersions,
             [&recovery](Request& request) { return patch_vault(recovery, request); });
  router.arm("GET", kVaultPath, kVaultVersions,
             [&recovery](Request& request) { return Reply::json(200, recovery.vault(request).body); });
  router.arm("DELETE", kVaultPath, kVaultVersions,
             [&recovery](Request& request) { return delete_vault(recovery, request); });
  for (const auto& path : {subscription_path(kType), group_path(kType)})
    router.arm("GET", path, kVaultVersions,
               [&recovery](Request& request) { return list_resources(recovery.context, request, kType); });
  router.arm("GET", kVaultPath + "/usages", kVaultVersions,
             [&recovery](Request& request) { return list_usages(recovery, request); });
  router.arm("GET", kVaultPath + "/backupUsageSummaries", kBackupVersions,
             [&recovery](Request& request) { return usage_summaries(recovery, request); });
  const std::string deleted = kRegionPath + "/deletedVaults";
  router.arm("GET", deleted, kVaultVersions, [&recovery](Request& request) {
    return recovery_page(
        recovery, request, "deleted", region_key(request), false, [](const RecoveryObject&) { return true; },
        [](const RecoveryObject& vault) { return vault.body; });
  });
  router.arm("GET", deleted + "/{name}", kVaultVersions, [&recovery](Request& request) {
    const auto vault = recovery.store.find(request.target.id);
    if (!vault) throw_not_found(request.target.id);
    return Reply::json(200, vault->body);
  });
  router.arm("POST", deleted + "/{name}/undelete", kVaultVersions,
             [&recovery](Request& request) { return undelete_vault(recovery, request); });
}

}  // namespace azlin::simulator
