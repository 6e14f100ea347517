#include "azlin/vault/protection.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "vault/parse.hpp"

namespace azlin::vault {

using core::Error;
using core::ErrorKind;

namespace {

constexpr int kFullDays = 45, kOtherDays = 30;

const char* management(Workload workload) {
  return workload == Workload::vm ? "AzureIaasVM" : "AzureWorkload";
}

const char* filter_word(Workload workload) {
  return workload == Workload::sql ? "SQLDataBase" : workload == Workload::hana ? "SAPHanaDatabase" : "VM";
}

const char* item_type(Workload workload) {
  switch (workload) {
    case Workload::hana:
      return "AzureVmWorkloadSAPHanaDatabase";
    case Workload::sql:
      return "AzureVmWorkloadSQLDatabase";
    case Workload::vm:
      return "Microsoft.Compute/virtualMachines";
  }
  return "";
}

// "SYSTEMDB", "HXE/SYSTEMDB" or the service's name.
template <class Item>
bool is_named(const Item& item, const std::string& name) {
  return name.empty() || core::equal_ignoring_case(item.friendly_name, name) ||
         core::equal_ignoring_case(item.name, name) ||
         core::equal_ignoring_case(item.parent + "/" + item.friendly_name, name);
}

template <class Item>
bool fits(const Item& item, const ItemQuery& query) {
  return is_named(item, query.name) &&
         (query.server.empty() || core::equal_ignoring_case(item.server, query.server)) &&
         (!query.workload || *query.workload == item.workload);
}

template <class Item>
std::string described(const Item& item) {
  return fmt::format("{}{}{} on {} ({})", item.parent, item.parent.empty() ? "" : "/", item.friendly_name,
                     item.server, to_string(item.workload));
}

// The one of `found`, or the error that says what to do.
template <class Item>
Item only_one(std::vector<Item> found, const ItemQuery& query, const std::string& none,
              const std::string& hint) {
  if (found.empty()) throw Error(ErrorKind::not_found, none, hint);
  if (found.size() == 1) return std::move(found.front());
  std::string listed;
  for (const auto& item : found) listed += "\n  " + described(item);
  throw Error(ErrorKind::usage, fmt::format("'{}' means several:{}", query.name, listed),
              "name one as INSTANCE/DATABASE, and say --server or --workload");
}

// The service measures the 45 days of a full backup by its own clock; ours may be behind.
constexpr int kClockMarginDays = 1;

std::string expiry(core::TimePoint now, int days) {
  return core::to_iso8601(now + std::chrono::days{days});
}

const char* service_word(BackupType type) {
  switch (type) {
    case BackupType::full:
      return "Full";
    case BackupType::differential:
      return "Differential";
    case BackupType::incremental:
      return "Incremental";
    case BackupType::log:
      return "Log";
    case BackupType::copy_only_full:
      return "CopyOnlyFull";
  }
  return "";
}

}  // namespace

BackupType parse_backup_type(const std::string& text) {
  const std::string word = core::to_lower(text);
  if (word == "full") return BackupType::full;
  if (word == "differential") return BackupType::differential;
  if (word == "incremental") return BackupType::incremental;
  if (word == "log") return BackupType::log;
  if (word == "copy-only-full" || word == "copyonlyfull") return BackupType::copy_only_full;
  throw Error(ErrorKind::usage, "unknown backup type '" + text + "'",
              "use full, differential, incremental, log or copy-only-full");
}

const char* to_string(BackupType type) {
  switch (type) {
    case BackupType::full:
      return "full";
    case BackupType::differential:
      return "differential";
    case BackupType::incremental:
      return "incremental";
    case BackupType::log:
      return "log";
    case BackupType::copy_only_full:
      return "copy-only-full";
  }
  return "";
}

void ProtectionManager::each_protectable(const ItemQuery& query,
                                         const std::function<bool(ProtectableItem&&)>& each,
                                         std::stop_token stop) {
  bool wanted = true;
  const auto show = [&](json&& body) {
    auto item = parse_protectable(body);
    if (fits(item, query)) wanted = each(std::move(item));
    return wanted;
  };
  const std::string path = vault_.id() + "/backupProtectableItems", doing = "list what can be protected";
  if (query.workload != Workload::vm) {
    const std::string type = query.workload ? filter_word(*query.workload) : "";
    service_.list(path, filter_of({{"backupManagementType", "AzureWorkload"}, {"workloadType", type}}), doing,
                  show, kBackupVersion, stop);
  }
  if (query.workload == Workload::vm)
    service_.list(path, filter_of({{"backupManagementType", "AzureIaasVM"}}), doing, show, kBackupVersion,
                  stop);
}

void ProtectionManager::each_item(const ItemQuery& query, const std::function<bool(ProtectedItem&&)>& each,
                                  bool secondary, std::stop_token stop) {
  const auto show = [&](json&& body) {
    auto item = parse_item(body);
    return fits(item, query) ? each(std::move(item)) : true;
  };
  std::vector<std::pair<std::string, std::string>> conditions;
  if (query.workload)
    conditions = {{"backupManagementType", management(*query.workload)},
                  {"itemType", filter_word(*query.workload)}};
  service_.list(vault_.id() + "/backupProtectedItems", filter_of(conditions), "list protected items", show,
                secondary ? kSecondaryVersion : kBackupVersion, stop);
}

ProtectableItem ProtectionManager::require_protectable(const ItemQuery& query, std::stop_token stop) {
  std::vector<ProtectableItem> found;
  each_protectable(
      query,
      [&](ProtectableItem&& item) {
        found.push_back(std::move(item));
        return true;
      },
      stop);
  // A name also fits the system or instance of that name; the database is meant unless only that is there.
  std::vector<ProtectableItem> databases;
  std::copy_if(found.begin(), found.end(), std::back_inserter(databases), [](const ProtectableItem& item) {
    return item.protectable && item.type != "SAPHanaDBInstance";
  });
  if (!databases.empty()) found = std::move(databases);
  return only_one(std::move(found), query,
                  fmt::format("vault {} knows no unprotected '{}'", vault_.name, query.name),
                  help_for("BMSUserErrorDataSourceObjectNotFound", 404));
}

ProtectedItem ProtectionManager::require_item(const ItemQuery& query, bool secondary, std::stop_token stop) {
  std::vector<ProtectedItem> found;
  each_item(
      query,
      [&](ProtectedItem&& item) {
        found.push_back(std::move(item));
        return true;
      },
      secondary, stop);
  const std::string where = secondary ? "the secondary region of vault " : "vault ";
  return only_one(std::move(found), query,
                  fmt::format("{}{} protects no '{}'", where, vault_.name, query.name),
                  "`azlin vault items` lists what is protected, `azlin vault protectable` what can be");
}

std::optional<ProtectedItem> ProtectionManager::find(const std::string& id, std::stop_token stop) {
  const auto body = service_.find(id, "read item " + last_segment(id), kBackupVersion, stop);
  return body ? std::optional(parse_item(*body)) : std::nullopt;
}

std::string ProtectionManager::protect(const ProtectableItem& item, const std::string& policy_id,
                                       std::stop_token stop) {
  if (!item.protectable)
    throw Error(ErrorKind::usage,
                fmt::format("{} is a {}: it only groups databases", described(item), item.type),
                item.auto_protectable ? "use --auto to protect all of its databases, also later ones"
                                      : "protect its databases one by one, or with --all --server");
  if (item.workload == Workload::vm) return protect_vm(item.vm_id, policy_id, stop);
  const json body = {
      {"properties", {{"protectedItemType", item_type(item.workload)}, {"policyId", policy_id}}}};
  return service_.begin_job(vault_, "PUT", container_of(item.id) + "/protectedItems/" + item.name, body,
                            "protect " + described(item), stop);
}

std::string ProtectionManager::protect_vm(const std::string& vm_id, const std::string& policy_id,
                                          std::stop_token stop) {
  ItemQuery query;
  query.workload = Workload::vm;
  std::optional<ProtectableItem> found;
  each_protectable(
      query,
      [&](ProtectableItem&& item) {
        if (core::equal_ignoring_case(item.vm_id, vm_id)) found = std::move(item);
        return !found;
      },
      stop);
  if (!found)
    throw Error(ErrorKind::not_found,
                fmt::format("vault {} does not offer {} for protection", vault_.name, last_segment(vm_id)),
                "it must be in the vault's region and subscription and not be protected by any vault: "
                "`azlin vault registration-status " +
                    last_segment(vm_id) + "`");
  // The list's ids name container and item; the item's own name lacks its first part.
  const std::string item = last_segment(found->id);
  const json body = {{"properties",
                      {{"protectedItemType", item_type(Workload::vm)},
                       {"sourceResourceId", vm_id},
                       {"policyId", policy_id}}}};
  return service_.begin_job(vault_, "PUT", container_of(found->id) + "/protectedItems/" + item, body,
                            "protect " + last_segment(vm_id), stop);
}

std::string ProtectionManager::put_item(const ProtectedItem& item, const json& properties,
                                        const std::string& doing, std::stop_token stop) {
  json body = {{"properties", properties}};
  body["properties"]["protectedItemType"] = item_type(item.workload);
  if (item.workload == Workload::vm) body["properties"]["sourceResourceId"] = item.source_id;
  return service_.begin_job(vault_, "PUT", item.id, body, doing, stop);
}

std::string ProtectionManager::set_policy(const ProtectedItem& item, const std::string& policy_id,
                                          std::stop_token stop) {
  if (item.soft_deleted)
    throw Error(ErrorKind::usage, described(item) + " is soft deleted", "run `azlin vault undelete` first");
  return put_item(item, {{"policyId", policy_id}}, "set the policy of " + described(item), stop);
}

std::string ProtectionManager::stop_protection(const ProtectedItem& item, std::stop_token stop) {
  return put_item(item, {{"protectionState", "ProtectionStopped"}, {"policyId", ""}},
                  "stop protection of " + described(item), stop);
}

std::string ProtectionManager::delete_data(const ProtectedItem& item, std::stop_token stop) {
  return service_.begin_job(vault_, "DELETE", item.id, nullptr, "delete the backups of " + described(item),
                            stop);
}

std::string ProtectionManager::undelete(const ProtectedItem& item, std::stop_token stop) {
  if (!item.soft_deleted)
    throw Error(ErrorKind::usage, described(item) + " is not soft deleted",
                "`azlin vault items --deleted` lists those that are");
  return put_item(item, {{"protectionState", "ProtectionStopped"}, {"policyId", ""}, {"isRehydrate", true}},
                  "undelete " + described(item), stop);
}

std::string why_not(const ProtectedItem& item, BackupType type) {
  if (item.soft_deleted) return "it is soft deleted: run `azlin vault undelete` first";
  if (item.state == "ProtectionStopped" || item.state == "BackupsSuspended")
    return "its protection is stopped: `azlin vault protect` with a policy resumes it";
  if (item.workload == Workload::vm && type != BackupType::full)
    return "a VM backup has no types: leave out --type (the service transfers only what changed)";
  if (type == BackupType::incremental)
    return "the service has no incremental backup on demand: it runs by the policy; `--type differential` is "
           "the nearest";
  if (item.workload == Workload::hana && type != BackupType::full && type != BackupType::differential)
    return fmt::format("SAP HANA takes only full and differential backups on demand, not {}: {}",
                       to_string(type),
                       type == BackupType::log ? "logs run by the policy" : "`--type full` is the nearest");
  if (item.workload == Workload::sql && core::equal_ignoring_case(item.friendly_name, "master") &&
      type != BackupType::full)
    return "master takes only full backups";
  const bool needs_full = type == BackupType::differential || type == BackupType::log;
  if (needs_full && (item.state == "IRPending" || item.points == 0))
    return "there is no full backup yet to build on: use `--type full` first";
  return "";
}

std::string ProtectionManager::back_up(const ProtectedItem& item, BackupType type, int keep_days,
                                       bool compression, std::stop_token stop) {
  if (const std::string reason = why_not(item, type); !reason.empty())
    throw Error(ErrorKind::usage, fmt::format("cannot back up {}: {}", described(item), reason));
  const bool full = type == BackupType::full && item.workload != Workload::vm;
  const bool by_policy = type == BackupType::differential || type == BackupType::log;
  if (full && keep_days != 0 && keep_days < kFullDays)
    throw Error(ErrorKind::usage, "a full backup on demand is kept at least 45 days",
                "use copy-only-full (SQL) for a shorter time");
  if (by_policy && keep_days != 0)
    throw Error(ErrorKind::usage,
                fmt::format("how long a {} backup is kept is the policy's to say", to_string(type)));
  if (compression && item.workload != Workload::sql)
    throw Error(ErrorKind::usage, "compression is for SQL Server only");
  json properties = {{"objectType", "IaasVMBackupRequest"}};
  if (item.workload != Workload::vm)
    properties = {{"objectType", "AzureWorkloadBackupRequest"},
                  {"backupType", service_word(type)},
                  {"enableCompression", compression}};
  const int days = (keep_days != 0 ? keep_days
                    : full         ? kFullDays
                                   : kOtherDays) +
                   (full ? kClockMarginDays : 0);
  if (!by_policy) properties["recoveryPointExpiryTimeInUTC"] = expiry(service_.clock().now(), days);
  return service_.begin_job(vault_, "POST", item.id + "/backup", {{"properties", properties}},
                            "back up " + described(item), stop);
}

void ProtectionManager::auto_protect(const ProtectableItem& instance, const std::string& policy_id,
                                     std::stop_token stop) {
  if (!instance.auto_protectable)
    throw Error(ErrorKind::usage, described(instance) + " cannot be protected automatically",
                "only SQL Server instances and availability groups can");
  const json body = {{"properties",
                      {{"protectionIntentItemType", "RecoveryServiceVaultItem"},
                       {"backupManagementType", "AzureWorkload"},
                       {"itemId", instance.id},
                       {"policyId", policy_id}}}};
  service_.send("PUT", vault_.fabric() + "/backupProtectionIntent/" + core::new_guid(), body,
                "protect " + described(instance) + " automatically", kBackupVersion, stop);
}

}  // namespace azlin::vault
