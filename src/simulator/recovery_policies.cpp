// Policies of a vault: list, read, create, change, delete.
#include <fmt/format.h>

#include "simulator/api_versions.hpp"
#include "simulator/json_util.hpp"
#include "simulator/recovery.hpp"
#include "simulator/recovery_policy.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kType = "Microsoft.RecoveryServices/vaults/backupPolicies";
constexpr const char* kAsyncDelete = "2024-04-01";

std::string policy_id(Recovery& recovery, const Request& request) {
  return recovery.vault(request).id + "/backupPolicies/" + request.param("policy");
}

Json present(Recovery& recovery, const RecoveryObject& policy) {
  Json body = policy.body;
  body["properties"]["protectedItemsCount"] = recovery.store.count_by_ref("item", policy.id);
  return body;
}

std::string workload_type(const Json& properties) {
  return workload_of(
      properties.value("workLoadType", properties["backupManagementType"] == "AzureIaasVM" ? "VM" : ""));
}

void check_name(const std::string& name) {
  const bool good =
      name.size() >= 3 && name.size() <= 150 && std::isalpha(static_cast<unsigned char>(name[0])) &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '-'; });
  if (!good)
    throw_recovery(
        400, "BMSUserErrorInvalidPolicyInput",
        "The policy's name must be 3 to 150 letters, digits and hyphens, beginning with a letter.");
}

// Every simple schedule is answered with this.
void add_weekly_frequency(Json& value) {
  if (value.is_object() && same(text_at(value, "/schedulePolicyType"), "SimpleSchedulePolicy"))
    value["scheduleWeeklyFrequency"] = 0;
  if (value.is_object() || value.is_array())
    for (auto& entry : value) add_weekly_frequency(entry);
}

// A change is carried to the items: one job each.
void update_items(Recovery& recovery, const RecoveryObject& policy) {
  for (const auto& item : recovery.store.by_ref("item", policy.id)) {
    NewJob job;
    job.vault = policy.vault;
    if (const auto vault = recovery.context.state.find(policy.vault)) job.vault = vault->id;
    job.operation = "ConfigureBackup";
    job.management = item.properties()["backupManagementType"];
    job.workload = item.notes.value("workload", "");
    job.entity = item.properties().value("friendlyName", "");
    job.item = item.id;
    recovery.start_job(job);
  }
}

Reply put_policy(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  check_name(request.param("policy"));
  Json body = request.object();
  drop_nulls(body);
  Json properties = subtree_at(body, "/properties");
  if (!properties.is_object()) throw_invalid_input("properties are missing.");
  check_policy(properties, request.api_version);
  add_weekly_frequency(properties);
  properties.erase("protectedItemsCount");
  const std::string id = vault.id + "/backupPolicies/" + request.param("policy");
  const auto existing = recovery.store.find(id);
  if (existing) {
    if (workload_type(existing->properties()) != workload_type(properties))
      throw_recovery(400, "BMSUserErrorInvalidPolicyInput",
                     "The workload type of a policy cannot be changed.");
    if (vault.hidden["immutability"] != "Disabled") check_no_shorter(existing->properties(), properties);
  }
  RecoveryObject policy = existing.value_or(RecoveryObject{});
  if (!existing) {
    policy.id = id;
    policy.vault = vault.id;
    policy.parent = vault.id;
    policy.kind = "policy";
    policy.at = recovery.now();
  }
  policy.body = {{"id", policy.id}, {"name", policy.name()}, {"type", kType}, {"properties", properties}};
  recovery.store.save(policy);
  if (existing) update_items(recovery, policy);
  return Reply::json(200, present(recovery, policy));
}

Reply delete_policy(Recovery& recovery, Request& request) {
  const std::string id = policy_id(recovery, request);
  const auto policy = recovery.store.find(id);
  if (!policy) return Reply::empty(204);
  if (recovery.store.count_by_ref("item", id) > 0)
    throw_recovery(
        400, "BMSUserErrorPolicyObjectInUse",
        "Backup policy is in use by protected items.\r\nMove the items to another policy, then retry.");
  recovery.store.erase(id);
  if (!version_at_least(request.api_version, kAsyncDelete)) return Reply::empty(200);
  RecoveryOperation operation;
  operation.base = policy->id;
  operation.status_part = "operations";
  operation.final_status = 204;
  return recovery.start(request, operation);
}

Reply list_policies(Recovery& recovery, Request& request) {
  const Filter filter = parse_filter(request);
  const auto type = filter.find("workloadtype");
  const std::string wanted = type == filter.end() ? "" : workload_of(type->second);
  return recovery_page(
      recovery, request, "policy", recovery.vault(request).id, false,
      [&](const RecoveryObject& policy) {
        const Json& properties = policy.properties();
        return passes(filter, "backupmanagementtype", properties["backupManagementType"]) &&
               (type == filter.end() || workload_type(properties) == wanted);
      },
      [&](const RecoveryObject& policy) { return present(recovery, policy); });
}

Json vm_policy(const char* policy_type, int instant_days) {
  const Json times = {"2024-01-01T02:00:00Z"};
  const bool v2 = std::string_view(policy_type) == "V2";
  Json schedule = {{"schedulePolicyType", "SimpleSchedulePolicy"},
                   {"scheduleRunFrequency", "Daily"},
                   {"scheduleRunTimes", times},
                   {"scheduleWeeklyFrequency", 0}};
  if (v2) {
    schedule = {{"schedulePolicyType", "SimpleSchedulePolicyV2"},
                {"scheduleRunFrequency", "Hourly"},
                {"hourlySchedule",
                 {{"interval", 4}, {"scheduleWindowStartTime", times[0]}, {"scheduleWindowDuration", 12}}}};
  }
  return {
      {"backupManagementType", "AzureIaasVM"},
      {"policyType", policy_type},
      {"timeZone", "UTC"},
      {"instantRpRetentionRangeInDays", instant_days},
      {"instantRPDetails", Json::object()},
      {"schedulePolicy", schedule},
      {"retentionPolicy",
       {{"retentionPolicyType", "LongTermRetentionPolicy"},
        {"dailySchedule",
         {{"retentionTimes", times}, {"retentionDuration", {{"count", 30}, {"durationType", "Days"}}}}}}}};
}

Json hourly_log_policy() {
  const Json times = {"2024-01-01T02:00:00Z"};
  return {
      {"backupManagementType", "AzureWorkload"},
      {"workLoadType", "SQLDataBase"},
      {"settings", {{"timeZone", "UTC"}, {"issqlcompression", false}, {"isCompression", false}}},
      {"subProtectionPolicy",
       {{{"policyType", "Full"},
         {"schedulePolicy",
          {{"schedulePolicyType", "SimpleSchedulePolicy"},
           {"scheduleRunFrequency", "Daily"},
           {"scheduleRunTimes", times},
           {"scheduleWeeklyFrequency", 0}}},
         {"retentionPolicy",
          {{"retentionPolicyType", "LongTermRetentionPolicy"},
           {"dailySchedule",
            {{"retentionTimes", times}, {"retentionDuration", {{"count", 30}, {"durationType", "Days"}}}}}}}},
        {{"policyType", "Log"},
         {"schedulePolicy", {{"schedulePolicyType", "LogSchedulePolicy"}, {"scheduleFrequencyInMins", 60}}},
         {"retentionPolicy",
          {{"retentionPolicyType", "SimpleRetentionPolicy"},
           {"retentionDuration", {{"count", 30}, {"durationType", "Days"}}}}}}}}};
}

}  // namespace

std::vector<std::pair<std::string, Json>> default_recovery_policies() {
  return {{"DefaultPolicy", vm_policy("V1", 2)},
          {"EnhancedPolicy", vm_policy("V2", 2)},
          {"HourlyLogBackup", hourly_log_policy()}};
}

void add_recovery_policies(Router& router, Recovery& recovery) {
  const std::string path = kVaultPath + "/backupPolicies/{policy}";
  router.arm("GET", kVaultPath + "/backupPolicies", kBackupVersions,
             [&recovery](Request& request) { return list_policies(recovery, request); });
  router.arm("GET", path, kBackupVersions, [&recovery](Request& request) {
    const auto policy = recovery.store.find(policy_id(recovery, request));
    if (!policy)
      throw_recovery(404, "ResourceNotFound", "The policy '" + request.param("policy") + "' was not found.");
    return Reply::json(200, present(recovery, *policy));
  });
  router.arm("PUT", path, kBackupVersions,
             [&recovery](Request& request) { return put_policy(recovery, request); });
  router.arm("DELETE", path, kBackupVersions,
             [&recovery](Request& request) { return delete_policy(recovery, request); });
}

}  // namespace azlin::simulator
