#include "azlin/vault/policies.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "vault/parse.hpp"

namespace azlin::vault {

using core::Error;
using core::ErrorKind;

namespace {

std::string joined(const json& words) {
  std::string text;
  if (words.is_array())
    for (const auto& word : words)
      text += (text.empty() ? "" : ", ") + (word.is_string() ? word.get<std::string>() : word.dump());
  return text;
}

std::string time_of_day(const json& times) {
  const std::string text =
      times.is_array() && !times.empty() && times[0].is_string() ? times[0].get<std::string>() : "";
  const auto parsed = core::parse_time(text);
  return parsed ? core::to_display_minutes(*parsed).substr(11) : "";
}

std::string schedule_text(const json& schedule) {
  const std::string type = text(schedule, "schedulePolicyType"),
                    frequency = text(schedule, "scheduleRunFrequency");
  if (type == "LogSchedulePolicy")
    return fmt::format("every {} minutes", number(schedule, "scheduleFrequencyInMins"));
  if (frequency == "Hourly")
    return fmt::format("every {} hours", number(at(schedule, "hourlySchedule"), "interval"));
  json part = schedule;
  if (type == "SimpleSchedulePolicyV2")
    part = at(schedule, frequency == "Weekly" ? "weeklySchedule" : "dailySchedule");
  const std::string when = time_of_day(at(part, "scheduleRunTimes"));
  if (frequency == "Weekly")
    return fmt::format("weekly on {} at {}", joined(at(part, "scheduleRunDays")), when);
  return "daily at " + when;
}

std::string duration_text(const json& part) {
  const json& duration = at(part, "retentionDuration");
  return fmt::format("{} {}", number(duration, "count"), text(duration, "durationType"));
}

std::string retention_text(const json& retention) {
  if (text(retention, "retentionPolicyType") == "SimpleRetentionPolicy") return duration_text(retention);
  std::string result;
  for (const auto& [key, word] :
       {std::pair{"dailySchedule", "daily"}, std::pair{"weeklySchedule", "weekly"},
        std::pair{"monthlySchedule", "monthly"}, std::pair{"yearlySchedule", "yearly"}}) {
    const json& part = at(retention, key);
    if (part.is_object())
      result += fmt::format("{}{} {}", result.empty() ? "" : ", ", word, duration_text(part));
  }
  return result;
}

Policy parse_policy(const json& body) {
  Policy policy;
  policy.id = text(body, "id");
  policy.name = text(body, "name");
  policy.properties = at(body, "properties");
  const json& properties = policy.properties;
  const bool vm = text(properties, "backupManagementType") == "AzureIaasVM";
  policy.workload = vm ? std::optional(Workload::vm) : workload_of(text(properties, "workLoadType"));
  policy.time_zone = vm ? text(properties, "timeZone") : text(at(properties, "settings"), "timeZone");
  policy.items = static_cast<int>(number(properties, "protectedItemsCount"));
  const auto add = [&](const std::string& type, const json& part) {
    policy.schedules.push_back(type + ": " + schedule_text(at(part, "schedulePolicy")));
    const std::string kept = retention_text(at(part, "retentionPolicy"));
    if (!kept.empty()) policy.retentions.push_back(type + ": " + kept);
  };
  if (vm) add("Full", properties);
  const json& subs = at(properties, "subProtectionPolicy");
  if (subs.is_array())
    for (const auto& sub : subs) add(text(sub, "policyType"), sub);
  return policy;
}

}  // namespace

VmRetention vm_retention(const Policy& policy) {
  const json& retention = at(policy.properties, "retentionPolicy");
  const auto count = [&](const char* key) {
    return static_cast<int>(number(at(at(retention, key), "retentionDuration"), "count"));
  };
  return {count("dailySchedule"), count("weeklySchedule"), count("monthlySchedule")};
}

std::vector<Policy> PolicyManager::list(std::optional<Workload> workload, std::stop_token stop) {
  std::vector<std::pair<std::string, std::string>> conditions;
  if (workload == Workload::vm) conditions = {{"backupManagementType", "AzureIaasVM"}};
  if (workload && workload != Workload::vm)
    conditions = {{"backupManagementType", "AzureWorkload"},
                  {"workloadType", workload == Workload::sql ? "SQLDataBase" : "SAPHanaDatabase"}};
  std::vector<Policy> policies;
  service_.list(
      vault_.id() + "/backupPolicies", filter_of(conditions), "list policies of vault " + vault_.name,
      [&](json&& body) {
        policies.push_back(parse_policy(body));
        return true;
      },
      kBackupVersion, stop);
  return policies;
}

std::optional<Policy> PolicyManager::find(const std::string& name, std::stop_token stop) {
  const auto body =
      service_.find(vault_.id() + "/backupPolicies/" + name, "read policy " + name, kBackupVersion, stop);
  return body ? std::optional(parse_policy(*body)) : std::nullopt;
}

Policy PolicyManager::require(const std::string& name, std::stop_token stop) {
  auto policy = find(name, stop);
  if (policy) return std::move(*policy);
  std::string names;
  for (const auto& other : list(std::nullopt, stop)) names += (names.empty() ? "" : ", ") + other.name;
  throw Error(ErrorKind::not_found, fmt::format("vault {} has no policy '{}'", vault_.name, name),
              "it has: " + names);
}

Policy PolicyManager::put(const std::string& name, const json& properties, std::stop_token stop) {
  const std::string path = vault_.id() + "/backupPolicies/" + name;
  // Usually 200 with the body; where the service takes its time, the policy is read when that has passed.
  service_.run(vault_, "PUT", path, {{"properties", properties}}, "write policy " + name, stop);
  if (service_.dry_run()) return {};
  return parse_policy(service_.get(path, "read policy " + name, kBackupVersion, stop));
}

void PolicyManager::remove(const std::string& name, std::stop_token stop) {
  service_.run(vault_, "DELETE", vault_.id() + "/backupPolicies/" + name, nullptr, "delete policy " + name,
               stop);
}

}  // namespace azlin::vault
