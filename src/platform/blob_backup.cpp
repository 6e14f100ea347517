#include "azlin/platform/blob_backup.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kSource = "Microsoft.Storage/storageAccounts/blobServices";
constexpr const char* kVaultType = "Microsoft.DataProtection/backupVaults";

BackupVault vault_of(const json& body) {
  BackupVault out;
  out.id = text(body, "id");
  out.name = text(body, "name");
  out.resource_group = core::ResourceId::parse(out.id).resource_group;
  out.location = text(body, "location");
  out.principal = text(at(body, "identity"), "principalId");
  const auto& settings = at(props(body), "storageSettings");
  if (settings.is_array() && !settings.empty()) out.redundancy = text(settings.front(), "type");
  return out;
}

BlobInstance instance_of(const json& body) {
  BlobInstance out;
  out.id = text(body, "id");
  out.name = text(body, "name");
  out.account_id = text(at(props(body), "dataSourceInfo"), "resourceID");
  out.policy = last_segment(text(at(props(body), "policyInfo"), "policyId"));
  out.state = text(props(body), "currentProtectionState");
  out.error = text(at(props(body), "protectionErrorDetails"), "message");
  return out;
}

json source_of(const Resource& account) {
  return {{"objectType", "Datasource"},
          {"datasourceType", kSource},
          {"resourceID", account.id},
          {"resourceName", account.name},
          {"resourceType", info(Kind::storage).type},
          {"resourceLocation", account.location},
          {"resourceUri", account.id}};
}

json store(const char* type) {
  return {{"dataStoreType", type}, {"objectType", "DataStoreInfoBase"}};
}

json retention(const char* name, const char* type, int days) {
  return {{"name", name},
          {"objectType", "AzureRetentionRule"},
          {"isDefault", true},
          {"lifecycles",
           json::array({{{"deleteAfter",
                          {{"objectType", "AbsoluteDeleteOption"}, {"duration", fmt::format("P{}D", days)}}},
                         {"sourceDataStore", store(type)}}})}};
}

json daily_rule(const BlobPolicy& policy, core::TimePoint now) {
  const auto day = core::to_iso8601(std::chrono::floor<std::chrono::days>(now)).substr(0, 10);
  return {{"name", "BackupDaily"},
          {"objectType", "AzureBackupRule"},
          {"backupParameters", {{"objectType", "AzureBackupParams"}, {"backupType", "Discrete"}}},
          {"dataStore", store("VaultStore")},
          {"trigger",
           {{"objectType", "ScheduleBasedTriggerContext"},
            {"schedule",
             {{"repeatingTimeIntervals",
               json::array({fmt::format("R/{}T{}:00+00:00/P1D", day, policy.daily_at)})}}},
            {"taggingCriteria",
             json::array(
                 {{{"isDefault", true}, {"taggingPriority", 99}, {"tagInfo", {{"tagName", "Default"}}}}})}}}};
}

}  // namespace

std::vector<BackupVault> list_backup_vaults(Service& service, const std::string& subscription,
                                            const std::optional<std::string>& group, std::stop_token stop) {
  std::string path = "/subscriptions/" + subscription;
  if (group) path += "/resourceGroups/" + *group;
  std::vector<BackupVault> out;
  for (const auto& body :
       service.list(path + "/providers/" + kVaultType, kDataProtectionVersion, std::move(stop)))
    out.push_back(vault_of(body));
  return out;
}

BackupVault find_backup_vault(Service& service, const std::string& subscription,
                              const std::optional<std::string>& group, const std::string& name,
                              std::stop_token stop) {
  if (name.starts_with("/subscriptions/"))
    return vault_of(service.get(name, kDataProtectionVersion, std::move(stop)));
  std::vector<BackupVault> found;
  for (auto& vault : list_backup_vaults(service, subscription, group, std::move(stop)))
    if (core::equal_ignoring_case(vault.name, name)) found.push_back(std::move(vault));
  if (found.size() == 1) return found.front();
  if (found.empty())
    throw Error(
        ErrorKind::not_found, fmt::format("there is no Backup vault '{}'", name),
        "blobs are protected in a Backup vault, not in a Recovery Services vault: `azlin platform storage "
        "backup vault create` makes one");
  throw Error(ErrorKind::usage, fmt::format("several Backup vaults are named '{}'", name),
              "say which group with -g");
}

void create_backup_vault(Service& service, const std::string& subscription, const std::string& group,
                         const std::string& name, const std::string& location, const std::string& redundancy,
                         std::stop_token stop) {
  const auto path = fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", subscription, group,
                                kVaultType, name);
  service.change(
      "PUT", path, kDataProtectionVersion,
      {{"location", location},
       {"identity", {{"type", "SystemAssigned"}}},
       {"properties",
        {{"storageSettings", json::array({{{"datastoreType", "VaultStore"}, {"type", redundancy}}})}}}},
      std::move(stop));
}

json policy_body(const BlobPolicy& policy, core::TimePoint now) {
  if (policy.operational_days == 0 && policy.vaulted_days == 0)
    throw Error(ErrorKind::usage, "a policy keeps operational or vaulted backups, or both");
  if (policy.operational_days < 0 || policy.operational_days > 360)
    throw Error(ErrorKind::usage, "operational backups are kept for 1 to 360 days");
  if (policy.vaulted_days < 0 || policy.vaulted_days > 3650)
    throw Error(ErrorKind::usage, "vaulted backups are kept for at most 10 years");
  json rules = json::array();
  if (policy.operational_days > 0)
    rules.push_back(retention("Default", "OperationalStore", policy.operational_days));
  if (policy.vaulted_days > 0) {
    rules.push_back(retention("Default", "VaultStore", policy.vaulted_days));
    rules.push_back(daily_rule(policy, now));
  }
  return {{"properties",
           {{"objectType", "BackupPolicy"},
            {"datasourceTypes", json::array({kSource})},
            {"policyRules", rules}}}};
}

void create_blob_policy(Service& service, const BackupVault& vault, const std::string& name,
                        const BlobPolicy& policy, std::stop_token stop) {
  const auto path = vault.id + "/backupPolicies/" + name;
  const auto body = policy_body(policy, service.clock().now());
  if (service.find(path, kDataProtectionVersion, stop))
    throw Error(ErrorKind::usage, fmt::format("vault {} has a policy {} already", vault.name, name),
                "a policy for blobs cannot be changed: make one of another name");
  service.change("PUT", path, kDataProtectionVersion, body, std::move(stop));
}

std::vector<json> list_blob_policies(Service& service, const BackupVault& vault, std::stop_token stop) {
  return service.list(vault.id + "/backupPolicies", kDataProtectionVersion, std::move(stop));
}

std::vector<BlobInstance> list_blob_instances(Service& service, const BackupVault& vault,
                                              std::stop_token stop) {
  std::vector<BlobInstance> out;
  for (const auto& body :
       service.list(vault.id + "/backupInstances", kDataProtectionVersion, std::move(stop)))
    out.push_back(instance_of(body));
  return out;
}

BlobInstance find_blob_instance(Service& service, const BackupVault& vault, const std::string& account_id,
                                std::stop_token stop) {
  for (auto& instance : list_blob_instances(service, vault, std::move(stop)))
    if (core::equal_ignoring_case(instance.account_id, account_id)) return std::move(instance);
  throw Error(ErrorKind::not_found,
              fmt::format("vault {} does not protect {}", vault.name, last_segment(account_id)),
              "`azlin platform storage backup enable` protects it");
}

void protect_blobs(Service& service, const BackupVault& vault, const std::string& policy,
                   const Resource& account, const std::vector<std::string>& containers, std::stop_token stop,
                   const arm::Progress& progress) {
  json policy_info = {{"policyId", vault.id + "/backupPolicies/" + policy}};
  if (!containers.empty())
    policy_info["policyParameters"]["backupDatasourceParametersList"] =
        json::array({{{"objectType", "BlobBackupDatasourceParameters"}, {"containersList", containers}}});
  const json instance = {
      {"objectType", "BackupInstance"}, {"dataSourceInfo", source_of(account)}, {"policyInfo", policy_info}};
  if (!service.dry_run()) {
    try {
      service.ask(vault.id + "/validateForBackup", kDataProtectionVersion, {{"backupInstance", instance}},
                  stop);
    } catch (const arm::ArmError& error) {
      if (error.code() != "UserErrorMissingRequiredPermissions") throw;
      throw arm::ArmError(
          error.kind(), error.what(),
          fmt::format("give the vault's identity {} the role Storage Account Backup Contributor on {}",
                      vault.principal, account.name),
          error.status(), error.code(), error.request_id(), error.service_message());
    }
  }
  const auto name = fmt::format("{}-blobs", core::to_lower(account.name));
  service.change("PUT", vault.id + "/backupInstances/" + name, kDataProtectionVersion,
                 {{"properties", instance}}, std::move(stop), progress);
}

std::vector<TimeRange> restorable_times(Service& service, const BlobInstance& instance, core::TimePoint from,
                                        core::TimePoint to, std::stop_token stop) {
  const auto body = service.ask(instance.id + "/findRestorableTimeRanges", kDataProtectionVersion,
                                {{"sourceDataStoreType", "OperationalStore"},
                                 {"startTime", core::to_iso8601(from)},
                                 {"endTime", core::to_iso8601(to)}},
                                std::move(stop));
  const auto& document = body.contains("properties") ? props(body) : body;
  std::vector<TimeRange> out;
  for (const auto& range : at(document, "restorableTimeRanges"))
    out.push_back({core::parse_time(text(range, "startTime")).value_or(core::TimePoint{}),
                   core::parse_time(text(range, "endTime")).value_or(core::TimePoint{})});
  return out;
}

std::vector<VaultedPoint> vaulted_points(Service& service, const BlobInstance& instance,
                                         std::stop_token stop) {
  std::vector<VaultedPoint> out;
  for (const auto& body :
       service.list(instance.id + "/recoveryPoints", kDataProtectionVersion, std::move(stop)))
    out.push_back({text(body, "name"),
                   core::parse_time(text(props(body), "recoveryPointTime")).value_or(core::TimePoint{})});
  return out;
}

json blob_restore_body(const Resource& account, const BlobRestore& restore) {
  const bool vaulted = !restore.recovery_point.empty();
  if (vaulted && (!restore.into || core::equal_ignoring_case(restore.into->id, account.id)))
    throw Error(ErrorKind::usage, "vaulted backups are restored into another account only",
                "name one with --to");
  if (!vaulted && restore.into)
    throw Error(ErrorKind::usage, "operational backups are restored in the account itself",
                "for another account give a vaulted --point");
  if (restore.containers.size() > 100)
    throw Error(ErrorKind::usage, "at most 100 containers can be restored at once");
  const auto& target = vaulted ? *restore.into : account;
  json target_info = {{"objectType", "RestoreTargetInfo"},
                      {"recoveryOption", "FailIfExists"},
                      {"restoreLocation", target.location},
                      {"datasourceInfo", source_of(target)}};
  json criteria = json::array();
  for (const auto& range : restore.ranges)
    criteria.push_back({{"objectType", "RangeBasedItemLevelRestoreCriteria"},
                        {"minMatchingValue", range.start},
                        {"maxMatchingValue", range.end}});
  for (const auto& container : restore.containers)
    criteria.push_back({{"objectType", "ItemPathBasedRestoreCriteria"},
                        {"itemPath", container},
                        {"isPathRelativeToBackupItem", true}});
  if (!criteria.empty()) {
    target_info["objectType"] = "ItemLevelRestoreTargetInfo";
    target_info["restoreCriteria"] = criteria;
  }
  json body = {{"restoreTargetInfo", target_info},
               {"sourceDataStoreType", vaulted ? "VaultStore" : "OperationalStore"}};
  if (vaulted) {
    body["objectType"] = "AzureBackupRecoveryPointBasedRestoreRequest";
    body["recoveryPointId"] = restore.recovery_point;
  } else {
    body["objectType"] = "AzureBackupRecoveryTimeBasedRestoreRequest";
    body["recoveryPointTime"] = core::to_iso8601(restore.at);
  }
  return body;
}

void restore_blobs(Service& service, const BlobInstance& instance, const json& body, std::stop_token stop,
                   const arm::Progress& progress) {
  if (!service.dry_run())
    service.change("POST", instance.id + "/validateRestore", kDataProtectionVersion,
                   {{"restoreRequestObject", body}}, stop);
  service.change("POST", instance.id + "/restore", kDataProtectionVersion, body, std::move(stop), progress);
}

}  // namespace azlin::platform
