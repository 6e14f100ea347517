#include "vault/parse.hpp"

#include "azlin/core/names.hpp"

namespace azlin::vault {

namespace {

// The year 1 and 2001 stand for "never".
bool is_none(core::TimePoint time) {
  return time < core::parse_time("2002-01-01").value();
}

std::string server_of(const json& properties) {
  return text(properties, "serverName");
}

Workload workload_or(const std::string& word, Workload fallback) {
  return workload_of(word).value_or(fallback);
}

JobError parse_error(const json& body) {
  JobError error;
  error.code = static_cast<int>(number(body, "errorCode"));
  error.title = text(body, "errorTitle");
  error.text = text(body, "errorString");
  const json& recommendations = at(body, "recommendations");
  if (recommendations.is_array())
    for (const auto& entry : recommendations)
      if (entry.is_string()) error.recommendations.push_back(entry);
  return error;
}

// Actions come as numbers on primary jobs (1 is Cancellable), as words on those of the secondary region.
bool can_cancel(const json& properties) {
  const json& actions = at(properties, "actionsInfo");
  if (!actions.is_array()) return false;
  for (const auto& action : actions)
    if (action == 1 || action == "Cancellable") return true;
  return false;
}

void parse_extended(const json& extended, Job& job) {
  const json& tasks = at(extended, "tasksList");
  if (tasks.is_array()) {
    for (const auto& entry : tasks) {
      JobTask task{text(entry, "taskId"), text(entry, "status"), std::nullopt};
      if (at(entry, "progressPercentage").is_number())
        task.percent = static_cast<int>(number(entry, "progressPercentage"));
      job.tasks.push_back(task);
    }
  }
  const json& bag = at(extended, "propertyBag");
  if (bag.is_object())
    for (const auto& [key, value] : bag.items())
      job.properties[key] = value.is_string() ? value.get<std::string>() : value.dump();
  if (at(extended, "progressPercentage").is_number())
    job.percent = static_cast<int>(number(extended, "progressPercentage"));
}

// Old versions number the tiers and newer ones name them.
std::string tier_name(const json& tier) {
  static const char* kNames[] = {"Invalid", "InstantRP", "HardenedRP", "ArchivedRP"};
  const json& type = at(tier, "type");
  if (type.is_string()) return type;
  // Source: RecoveryPointTierType of the service's API: 1 instant, 2 vault, 3 archive.
  return type.is_number() && type >= 0 && type <= 3 ? kNames[type.get<int>()] : "";
}

RecoveryPoint parse_point(const json& body) {
  const json& properties = at(body, "properties");
  RecoveryPoint point;
  point.id = text(body, "id");
  point.name = text(body, "name");
  const bool vm = at(properties, "recoveryPointTime").is_string();
  point.type = text(properties, vm ? "recoveryPointType" : "type");
  point.time =
      time(properties, vm ? "recoveryPointTime" : "recoveryPointTimeInUTC").value_or(core::TimePoint{});
  const json& tiers = at(properties, "recoveryPointTierDetails");
  if (tiers.is_array())
    for (const auto& tier : tiers) point.tiers.push_back(tier_name(tier));
  point.expires = time(at(properties, "recoveryPointProperties"), "expiryTime");
  point.rule = text(at(properties, "recoveryPointProperties"), "ruleName");
  return point;
}

}  // namespace

std::optional<core::TimePoint> time(const json& body, const char* key) {
  const auto parsed = core::parse_time(text(body, key));
  if (!parsed || is_none(*parsed)) return std::nullopt;
  return parsed;
}

std::string last_segment(const std::string& id) {
  return id.substr(id.rfind('/') + 1);
}

std::string container_of(const std::string& id) {
  const std::string key = core::to_lower(id);
  for (const char* part : {"/protecteditems/", "/protectableitems/"})
    if (const auto found = key.find(part); found != std::string::npos) return id.substr(0, found);
  return id;
}

Vault parse_vault(const json& body) {
  const json& properties = at(body, "properties");
  Vault vault;
  vault.id = VaultId::parse(text(body, "id"));
  vault.location = text(body, "location");
  vault.sku = text(at(body, "sku"), "name");
  const json& redundancy = at(properties, "redundancySettings");
  vault.redundancy = text(redundancy, "standardTierStorageRedundancy");
  vault.cross_region_restore = text(redundancy, "crossRegionRestore") == "Enabled";
  const json& security = at(properties, "securitySettings");
  vault.soft_delete = text(at(security, "softDeleteSettings"), "softDeleteState");
  vault.soft_delete_days =
      static_cast<int>(number(at(security, "softDeleteSettings"), "softDeleteRetentionPeriodInDays"));
  vault.immutability = text(at(security, "immutabilitySettings"), "state");
  vault.public_network_access = text(properties, "publicNetworkAccess");
  const json& tags = at(body, "tags");
  if (tags.is_object())
    for (const auto& [name, value] : tags.items())
      vault.tags[name] = value.is_string() ? value.get<std::string>() : "";
  return vault;
}

Container parse_container(const json& body) {
  const json& properties = at(body, "properties");
  Container container;
  container.id = text(body, "id");
  container.name = text(body, "name");
  container.friendly_name = text(properties, "friendlyName");
  container.vm_id = text(properties, "sourceResourceId");
  container.status = text(properties, "registrationStatus");
  container.health = text(properties, "healthStatus");
  container.updated_at = time(properties, "lastUpdatedTime");
  const json& inquiry = at(at(properties, "extendedInfo"), "inquiryInfo");
  container.inquiry = text(inquiry, "status");
  const json& details = at(inquiry, "inquiryDetails");
  if (details.is_array())
    for (const auto& detail : details)
      container.found[text(detail, "type")] = static_cast<int>(number(detail, "itemCount"));
  return container;
}

ProtectableItem parse_protectable(const json& body) {
  const json& properties = at(body, "properties");
  ProtectableItem item;
  item.id = text(body, "id");
  item.name = text(body, "name");
  item.type = text(properties, "protectableItemType");
  item.friendly_name = text(properties, "friendlyName");
  item.parent = text(properties, "parentName");
  item.server = server_of(properties);
  item.vm_id = text(properties, "virtualMachineId");
  if (!item.vm_id.empty()) item.server = item.friendly_name;
  item.workload = workload_or(text(properties, "workloadType"), Workload::vm);
  item.protectable = flag(properties, "IsProtectable") || !item.vm_id.empty();
  item.auto_protectable = flag(properties, "isAutoProtectable");
  item.auto_protected = flag(properties, "isAutoProtected");
  return item;
}

ProtectedItem parse_item(const json& body) {
  const json& properties = at(body, "properties");
  ProtectedItem item;
  item.id = text(body, "id");
  item.name = text(body, "name");
  item.workload = workload_or(text(properties, "protectedItemType"),
                              workload_or(text(properties, "workloadType"), Workload::vm));
  item.friendly_name = text(properties, "friendlyName");
  item.parent = text(properties, "parentName");
  item.source_id = text(properties, "sourceResourceId");
  if (item.source_id.empty()) item.source_id = text(properties, "virtualMachineId");
  item.server = server_of(properties);
  if (item.server.empty()) item.server = last_segment(item.source_id);
  item.container = text(properties, "containerName");
  item.state = text(properties, "protectionState");
  item.health = text(properties, "protectedItemHealthStatus");
  if (item.health.empty()) item.health = text(properties, "healthStatus");
  item.last_backup_status = text(properties, "lastBackupStatus");
  item.last_backup = time(properties, "lastBackupTime");
  item.policy_id = text(properties, "policyId");
  item.policy_name = text(properties, "policyName");
  if (item.policy_name.empty()) item.policy_name = last_segment(item.policy_id);
  item.soft_deleted = flag(properties, "isScheduledForDeferredDelete") || item.state == "SoftDeleted";
  item.soft_delete_remaining = text(properties, "deferredDeleteTimeRemaining");
  const json& extended = at(properties, "extendedInfo");
  item.oldest_point = time(extended, "oldestRecoveryPoint");
  if (at(extended, "recoveryPointCount").is_number())
    item.points = static_cast<int>(number(extended, "recoveryPointCount"));
  return item;
}

Job parse_job(const json& body) {
  const json& properties = at(body, "properties");
  Job job;
  job.id = text(body, "id");
  job.name = text(body, "name");
  job.operation = text(properties, "operation");
  job.status = text(properties, "status");
  job.entity = text(properties, "entityFriendlyName");
  job.workload = text(properties, "workloadType");
  if (job.workload.empty() && text(properties, "backupManagementType") == "AzureIaasVM") job.workload = "VM";
  job.started = time(properties, "startTime").value_or(core::TimePoint{});
  job.ended = time(properties, "endTime");
  job.duration = text(properties, "duration");
  job.cancellable = can_cancel(properties);
  job.user_triggered = flag(properties, "isUserTriggered");
  parse_extended(at(properties, "extendedInfo"), job);
  const json& errors = at(properties, "errorDetails");
  if (errors.is_array())
    for (const auto& entry : errors) job.errors.push_back(parse_error(entry));
  return job;
}

RecoveryPoints parse_points(const std::vector<json>& bodies) {
  RecoveryPoints result;
  for (const auto& body : bodies) {
    const json& ranges = at(at(body, "properties"), "timeRanges");
    if (!ranges.is_array()) {
      result.points.push_back(parse_point(body));
      continue;
    }
    result.log_point_id = text(body, "id");
    for (const auto& range : ranges) {
      const auto start = time(range, "startTime"), end = time(range, "endTime");
      if (start && end) result.logs.push_back({*start, *end});
    }
  }
  const auto newest_first = [](const auto& a, const auto& b) { return a > b; };
  std::sort(result.points.begin(), result.points.end(),
            [&](const auto& a, const auto& b) { return newest_first(a.time, b.time); });
  std::sort(result.logs.begin(), result.logs.end(),
            [&](const auto& a, const auto& b) { return newest_first(a.start, b.start); });
  return result;
}

}  // namespace azlin::vault
