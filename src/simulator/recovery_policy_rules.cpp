// What the service accepts as a policy.
#include <fmt/format.h>

#include "simulator/api_versions.hpp"
#include "simulator/json_util.hpp"
#include "simulator/recovery.hpp"
#include "simulator/recovery_policy.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr int kLeastDays = 7, kMostDifferentialDays = 180, kLeastLogDays = 7, kMostLogDays = 35;
constexpr int kLeastLogMinutes = 15, kMostLogMinutes = 1440;
constexpr int kMostDays = 36'135;  // 99 years
constexpr const char* kSnapshotVersion = "2023-06-01";

const std::vector<std::string> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

[[noreturn]] void throw_input(const std::string& detail) {
  throw ApiError(
      400, "BMSUserErrorInvalidPolicyInput",
      "Input for create or update policy is not in proper format. Please check format of parameters like "
      "schedule time, schedule days, retention time and retention days.\r\n" +
          detail);
}

[[noreturn]] void throw_retention(const std::string& detail) {
  throw ApiError(
      400, "BMSUserErrorPolicyRetentionInvalid",
      "The retention duration provided in the backup policy is not supported. Verify the supported retention "
      "durations for different backup types at https://aka.ms/policysupport\r\n" +
          detail);
}

int duration_days(const Json& duration, const std::string& what) {
  const auto count = number_at(duration, "/count", 0);
  const std::string type = lower(text_at(duration, "/durationType"));
  if (count < 1 || count > 9'999) throw_input(what + ": the retention count must be 1 to 9999.");
  const std::int64_t unit = type == "days"     ? 1
                            : type == "weeks"  ? 7
                            : type == "months" ? 30
                            : type == "years"  ? 365
                                               : 0;
  if (unit == 0) throw_input(what + ": durationType must be Days, Weeks, Months or Years.");
  return static_cast<int>(count * unit);
}

void check_long_enough(const Json& duration, const std::string& what) {
  const int days = duration_days(duration, what);
  if (days < kLeastDays || days > kMostDays)
    throw_retention(fmt::format("{}: at least {} days and at most 99 years.", what, kLeastDays));
}

std::set<std::string> day_set(const Json& days, const std::string& what) {
  std::set<std::string> result;
  if (!days.is_array() || days.empty()) throw_input(what + ": days of the week are missing.");
  for (const auto& day : days) {
    const bool known =
        day.is_string() && std::any_of(kDays.begin(), kDays.end(), [&](const std::string& name) {
          return same(name, day.get<std::string>());
        });
    if (!known) throw_input(what + ": unknown day of the week.");
    result.insert(lower(day.get<std::string>()));
  }
  return result;
}

void check_times(const Json& times, const std::string& what) {
  if (!times.is_array() || times.size() != 1 || !times[0].is_string() ||
      !core::parse_time(times[0].get<std::string>()))
    throw_input(what + ": exactly one full date and time is expected.");
}

struct Schedule {
  bool weekly = false;
  std::set<std::string> days;
  std::string time;
};

Schedule check_simple_schedule(const Json& policy, const std::string& what) {
  if (!same(text_at(policy, "/schedulePolicyType"), "SimpleSchedulePolicy"))
    throw_input(what + ": a SimpleSchedulePolicy is expected.");
  const std::string frequency = lower(text_at(policy, "/scheduleRunFrequency"));
  if (frequency != "daily" && frequency != "weekly")
    throw_input(what + ": scheduleRunFrequency must be Daily or Weekly.");
  Schedule schedule;
  schedule.weekly = frequency == "weekly";
  const Json times = subtree_at(policy, "/scheduleRunTimes");
  check_times(times, what + " scheduleRunTimes");
  schedule.time = times[0];
  if (schedule.weekly)
    schedule.days = day_set(subtree_at(policy, "/scheduleRunDays"), what + " scheduleRunDays");
  return schedule;
}

void check_same_time(const Json& part, const Schedule& schedule, const std::string& what) {
  const Json times = subtree_at(part, "/retentionTimes");
  check_times(times, what + " retentionTimes");
  if (core::parse_time(times[0].get<std::string>()) != core::parse_time(schedule.time))
    throw_input(what + ": retentionTimes must equal scheduleRunTimes.");
}

void check_periodic(const Json& part, const Schedule& schedule, const std::string& what) {
  if (part.is_null()) return;
  const std::string format = lower(text_at(part, "/retentionScheduleFormatType"));
  if (schedule.weekly && format != "weekly")
    throw_input(what + ": with a weekly schedule the format must be Weekly.");
  if (format == "weekly") {
    const auto days = day_set(subtree_at(part, "/retentionScheduleWeekly/daysOfTheWeek"), what);
    for (const auto& day : days)
      if (schedule.weekly && schedule.days.count(day) == 0)
        throw_input(what + ": keeps a day on which no backup runs.");
    const Json weeks = subtree_at(part, "/retentionScheduleWeekly/weeksOfTheMonth");
    if (!weeks.is_array() || weeks.empty()) throw_input(what + ": weeksOfTheMonth is missing.");
  } else if (format == "daily") {
    const Json dates = subtree_at(part, "/retentionScheduleDaily/daysOfTheMonth");
    if (!dates.is_array() || dates.empty()) throw_input(what + ": daysOfTheMonth is missing.");
  } else {
    throw_input(what + ": retentionScheduleFormatType must be Weekly or Daily.");
  }
  check_same_time(part, schedule, what);
  check_long_enough(subtree_at(part, "/retentionDuration"), what);
}

void check_long_term(const Json& retention, const Schedule& schedule, const std::string& what) {
  if (!same(text_at(retention, "/retentionPolicyType"), "LongTermRetentionPolicy"))
    throw_input(what + ": a LongTermRetentionPolicy is expected.");
  const Json daily = subtree_at(retention, "/dailySchedule"),
             weekly = subtree_at(retention, "/weeklySchedule");
  if (schedule.weekly && !daily.is_null()) throw_input(what + ": a weekly schedule takes no dailySchedule.");
  if (schedule.weekly && weekly.is_null()) throw_input(what + ": a weekly schedule needs weeklySchedule.");
  if (!schedule.weekly && daily.is_null()) throw_input(what + ": a daily schedule needs dailySchedule.");
  if (!daily.is_null()) {
    check_same_time(daily, schedule, what + " dailySchedule");
    check_long_enough(subtree_at(daily, "/retentionDuration"), what + " dailySchedule");
  }
  if (!weekly.is_null()) {
    const auto days = day_set(subtree_at(weekly, "/daysOfTheWeek"), what + " weeklySchedule");
    if (schedule.weekly && days != schedule.days)
      throw_input(what + ": weeklySchedule.daysOfTheWeek must equal scheduleRunDays.");
    check_same_time(weekly, schedule, what + " weeklySchedule");
    check_long_enough(subtree_at(weekly, "/retentionDuration"), what + " weeklySchedule");
  }
  const Json monthly = subtree_at(retention, "/monthlySchedule"),
             yearly = subtree_at(retention, "/yearlySchedule");
  check_periodic(monthly, schedule, what + " monthlySchedule");
  check_periodic(yearly, schedule, what + " yearlySchedule");
  if (!yearly.is_null() && (!yearly.contains("monthsOfYear") || yearly["monthsOfYear"].empty()))
    throw_input(what + " yearlySchedule: monthsOfYear is missing.");
}

void check_tiering(const Json& tiering) {
  if (tiering.is_null()) return;
  const Json archive = subtree_at(tiering, "/ArchivedRP");
  const std::string mode = lower(text_at(archive, "/tieringMode"));
  if (mode != "tierrecommended" && mode != "tierafter" && mode != "donottier")
    throw_input("tieringPolicy: unknown mode.");
  if (mode == "tierafter" &&
      (number_at(archive, "/duration", 0) < 1 || text_at(archive, "/durationType") == "Invalid"))
    throw_input("tieringPolicy: TierAfter needs a duration.");
}

int simple_retention_days(const Json& sub, const std::string& what) {
  if (!same(text_at(sub, "/retentionPolicy/retentionPolicyType"), "SimpleRetentionPolicy"))
    throw_input(what + ": a SimpleRetentionPolicy is expected.");
  return duration_days(subtree_at(sub, "/retentionPolicy/retentionDuration"), what);
}

// Differential and incremental; returns the days of retention.
int check_partial(const Json& sub, const std::string& type, const Schedule& full, bool sql) {
  const Schedule schedule = check_simple_schedule(subtree_at(sub, "/schedulePolicy"), type);
  if (!full.weekly) throw_input(type + " backups need a weekly full backup.");
  if (sql && (!schedule.weekly || schedule.days.size() != 1))
    throw_input(type + ": exactly one day of the week is supported for SQL.");
  if (!schedule.weekly) throw_input(type + " would run on the day of the full backup.");
  for (const auto& day : schedule.days)
    if (full.days.count(day) != 0) throw_input(type + " cannot run on the day of the full backup.");
  const int days = simple_retention_days(sub, type);
  if (days < kLeastDays || days > kMostDifferentialDays)
    throw_retention(fmt::format("{}: {} to {} days.", type, kLeastDays, kMostDifferentialDays));
  return days;
}

void check_log(const Json& sub, int differential_days) {
  if (!same(text_at(sub, "/schedulePolicy/schedulePolicyType"), "LogSchedulePolicy"))
    throw_input("Log: a LogSchedulePolicy is expected.");
  const auto minutes = number_at(sub, "/schedulePolicy/scheduleFrequencyInMins", 0);
  if (minutes < kLeastLogMinutes || minutes > kMostLogMinutes)
    throw_input("Log: scheduleFrequencyInMins must be 15 to 1440.");
  const int days = simple_retention_days(sub, "Log");
  if (days < kLeastLogDays || days > kMostLogDays)
    throw_recovery(400, "UserErrorLogRetentionNotInValidRangeInPolicy",
                   "Log retention NO_PARAM is not in the valid range of NO_PARAM to NO_PARAM days.");
  if (differential_days > 0 && days >= differential_days)
    throw_recovery(400, "UserErrorLogRetentionMoreThanDiffRetentionInPolicy",
                   "Log retention must be less than the differential retention.");
}

void check_instance_policy(const Json& subs, const std::string& api_version) {
  if (!version_at_least(api_version, kSnapshotVersion))
    throw_input("SAPHanaDBInstance needs api-version 2023-06-01.");
  for (const auto& sub : subs) {
    const std::string type = text_at(sub, "/policyType");
    if (!same(type, "SnapshotFull") && !same(type, "SnapshotCopyOnlyFull"))
      throw_input("SAPHanaDBInstance takes only snapshots.");
    if (sub.contains("retentionPolicy")) throw_input("A snapshot has no retentionPolicy.");
    const auto days = number_at(sub, "/snapshotBackupAdditionalDetails/instantRpRetentionRangeInDays", 0);
    if (days < 1 || days > 35 || text_at(sub, "/snapshotBackupAdditionalDetails/instantRPDetails").empty() ||
        subtree_at(sub, "/snapshotBackupAdditionalDetails/userAssignedManagedIdentityDetails").is_null())
      throw_input("snapshotBackupAdditionalDetails is not complete.");
    if (same(type, "SnapshotFull")) check_simple_schedule(subtree_at(sub, "/schedulePolicy"), "SnapshotFull");
  }
}

void check_workload(Json& properties, const std::string& api_version) {
  const std::string workload =
      workload_of(text_at(properties, "/workLoadType", text_at(properties, "/workloadType")));
  if (workload.empty() || workload == "VM") throw_input("workLoadType is unknown.");
  properties.erase("workloadType");
  properties["workLoadType"] = workload;
  if (!zone_offset(text_at(properties, "/settings/timeZone")))
    throw_input("settings.timeZone is not a Windows time zone id.");
  const Json subs = subtree_at(properties, "/subProtectionPolicy");
  if (!subs.is_array() || subs.empty()) throw_input("subProtectionPolicy is missing.");
  std::map<std::string, Json> by_type;
  for (const auto& sub : subs)
    if (!by_type.emplace(lower(text_at(sub, "/policyType")), sub).second)
      throw_input("Two sub-policies of one type.");
  if (workload == "SAPHanaDBInstance") return check_instance_policy(subs, api_version);
  const bool sql = workload == "SQLDataBase";
  for (const auto& [type, sub] : by_type) {
    const bool known =
        type == "full" || type == "differential" || type == "log" || (type == "incremental" && !sql);
    if (!known) throw_input("A sub-policy of this type is not supported for the workload: " + type + ".");
    check_tiering(subtree_at(sub, "/tieringPolicy"));
  }
  if (by_type.count("full") == 0) throw_input("A full backup is mandatory.");
  if (!sql && by_type.count("log") == 0) throw_input("Log backups are mandatory for SAP HANA.");
  if (by_type.count("differential") != 0 && by_type.count("incremental") != 0)
    throw_input("Differential and incremental backups cannot be combined.");
  const Json& full = by_type["full"];
  const Schedule schedule = check_simple_schedule(subtree_at(full, "/schedulePolicy"), "Full");
  check_long_term(subtree_at(full, "/retentionPolicy"), schedule, "Full");
  int differential_days = 0;
  if (const auto sub = by_type.find("differential"); sub != by_type.end())
    differential_days = check_partial(sub->second, "Differential", schedule, sql);
  if (const auto sub = by_type.find("incremental"); sub != by_type.end())
    check_partial(sub->second, "Incremental", schedule, false);
  if (const auto sub = by_type.find("log"); sub != by_type.end()) check_log(sub->second, differential_days);
}

Schedule check_hourly(const Json& schedule) {
  const auto interval = number_at(schedule, "/hourlySchedule/interval", 0);
  const auto window = number_at(schedule, "/hourlySchedule/scheduleWindowDuration", 0);
  if (interval != 4 && interval != 6 && interval != 8 && interval != 12)
    throw_input("hourly: interval must be 4, 6, 8 or 12.");
  if (window < 4 || window > 24 || window < interval) throw_input("hourly: the window is 4 to 24 hours.");
  const std::string start = text_at(schedule, "/hourlySchedule/scheduleWindowStartTime");
  if (!core::parse_time(start)) throw_input("hourly: scheduleWindowStartTime is missing.");
  return {false, {}, start};
}

Schedule check_v2_schedule(const Json& schedule) {
  const std::string frequency = lower(text_at(schedule, "/scheduleRunFrequency"));
  if (frequency == "hourly") return check_hourly(schedule);
  const std::string part = frequency == "weekly" ? "/weeklySchedule" : "/dailySchedule";
  if (frequency != "weekly" && frequency != "daily") throw_input("scheduleRunFrequency is unknown.");
  const Json times = subtree_at(schedule, part + "/scheduleRunTimes");
  check_times(times, "schedule");
  Schedule result{frequency == "weekly", {}, times[0]};
  if (result.weekly) result.days = day_set(subtree_at(schedule, part + "/scheduleRunDays"), "schedule");
  return result;
}

void check_vm(Json& properties) {
  const std::string type = text_at(properties, "/policyType", "V1");
  if (!same(type, "V1") && !same(type, "V2")) throw_input("policyType must be V1 or V2.");
  const bool v2 = same(type, "V2");
  if (!zone_offset(text_at(properties, "/timeZone"))) throw_input("timeZone is not a Windows time zone id.");
  const Json schedule_policy = subtree_at(properties, "/schedulePolicy");
  const bool v2_schedule = same(text_at(schedule_policy, "/schedulePolicyType"), "SimpleSchedulePolicyV2");
  if (v2_schedule != v2) throw_input("policyType and schedulePolicyType do not belong together.");
  const Schedule schedule =
      v2 ? check_v2_schedule(schedule_policy) : check_simple_schedule(schedule_policy, "schedule");
  const Json retention = subtree_at(properties, "/retentionPolicy");
  const auto instant = number_at(properties, "/instantRpRetentionRangeInDays",
                                 v2                ? 7
                                 : schedule.weekly ? 5
                                                   : 2);
  const Json daily = subtree_at(retention, "/dailySchedule/retentionDuration");
  const int daily_days = daily.is_null() ? 0 : duration_days(daily, "dailySchedule");
  if (daily_days != 0 && daily_days != 1 && daily_days < kLeastDays)
    throw_retention("dailySchedule: 1 day, or at least 7.");
  Json checked = retention;
  if (daily_days == 1) checked["dailySchedule"]["retentionDuration"]["count"] = kLeastDays;
  check_long_term(checked, schedule, "retentionPolicy");
  const bool in_range = v2                ? instant >= 1 && instant <= 30
                        : schedule.weekly ? instant == 5
                                          : instant >= 1 && instant <= 5;
  if (!in_range)
    throw_input("instantRpRetentionRangeInDays: 1 to 5 (V1 daily), 5 (V1 weekly), 1 to 30 (V2).");
  if (daily_days > 1 && instant > daily_days)
    throw_recovery(400, "BMSUserErrorInstantRPRetentionExceedsVaultedRetention",
                   "The retention of instant recovery points exceeds that of the vault.");
  check_tiering(subtree_at(properties, "/tieringPolicy"));
  properties["policyType"] = v2 ? "V2" : "V1";
  properties["instantRpRetentionRangeInDays"] = instant;
  if (!properties.contains("instantRPDetails")) properties["instantRPDetails"] = Json::object();
}

// Every retention in days, by where it stands.
void collect(const Json& value, const std::string& where, std::map<std::string, int>& days) {
  if (value.is_object() && value.contains("count") && value.contains("durationType")) {
    days[where] = duration_days(value, where);
    return;
  }
  if (value.is_array())
    for (const auto& entry : value) collect(entry, where + "/" + text_at(entry, "/policyType", "-"), days);
  if (value.is_object())
    for (const auto& [key, entry] : value.items()) collect(entry, where + "/" + key, days);
}

}  // namespace

void check_policy(Json& properties, const std::string& api_version) {
  const std::string management = text_at(properties, "/backupManagementType");
  if (same(management, "AzureIaasVM")) {
    properties["backupManagementType"] = "AzureIaasVM";
    return check_vm(properties);
  }
  if (!same(management, "AzureWorkload"))
    throw_input("backupManagementType must be AzureIaasVM or AzureWorkload.");
  properties["backupManagementType"] = "AzureWorkload";
  check_workload(properties, api_version);
}

void check_no_shorter(const Json& present, const Json& wanted) {
  std::map<std::string, int> before, after;
  collect(present, "", before);
  collect(wanted, "", after);
  for (const auto& [where, days] : before) {
    const auto found = after.find(where);
    if (found == after.end() || found->second < days)
      throw_recovery(400, "BMSUserErrorInvalidPolicyInput",
                     "Reduction in retention is not allowed since the vault is immutable");
  }
}

}  // namespace azlin::simulator
