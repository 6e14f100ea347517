// From a plain description of a policy to the service's body, with the service's rules checked first.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/vault/policies.hpp"
#include "vault/parse.hpp"

namespace azlin::vault {

using core::Error;
using core::ErrorKind;

namespace {

constexpr int kLeastDays = 7, kMostPartialDays = 180, kMostLogDays = 35, kLeastLogMinutes = 15,
              kMostLogMinutes = 1440;
constexpr const char* kDate = "2024-01-01T";  // the service reads only the time of day
const std::vector<std::string> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

[[noreturn]] void refuse(const std::string& rule) {
  throw Error(ErrorKind::usage, "the service would refuse this policy: " + rule);
}

void check_days(const std::vector<std::string>& days, const char* what) {
  std::set<std::string> seen;
  for (const auto& day : days) {
    if (std::find(kDays.begin(), kDays.end(), day) == kDays.end())
      refuse(fmt::format("{}: '{}' is no day of the week", what, day));
    if (!seen.insert(day).second) refuse(fmt::format("{}: {} is given twice", what, day));
  }
}

void check_full(const PolicySpec& spec) {
  check_days(spec.full_days, "full");
  const bool weekly = !spec.full_days.empty();
  if (weekly && spec.full.days > 0)
    refuse("with full backups on certain days, retention is in weeks (and months, years)");
  if (weekly && spec.full.weeks < 1) refuse("weekly full backups need a retention in weeks");
  if (!weekly && spec.full.days < 1) refuse("daily backups need a retention in days");
  if (!weekly && spec.workload != Workload::vm && spec.full.days < kLeastDays)
    refuse("full backups are kept at least 7 days");
  if (spec.workload == Workload::vm && spec.full.days > 1 && spec.full.days < kLeastDays)
    refuse("daily VM backups are kept 1 day, or at least 7");
}

void check_partial(const PolicySpec& spec, const std::vector<std::string>& days, int keep, const char* what) {
  if (days.empty()) {
    if (keep > 0) refuse(fmt::format("{} backups have a retention but no day", what));
    return;
  }
  check_days(days, what);
  if (spec.full_days.empty())
    refuse(fmt::format("{} backups need full backups on certain days of the week, not daily", what));
  if (spec.workload == Workload::sql && days.size() != 1)
    refuse("SQL takes exactly one day a week for differential backups");
  for (const auto& day : days)
    if (std::find(spec.full_days.begin(), spec.full_days.end(), day) != spec.full_days.end())
      refuse(fmt::format("{} cannot run on {}, the day of the full backup", what, day));
  if (keep < kLeastDays || keep > kMostPartialDays)
    refuse(fmt::format("{} backups are kept 7 to 180 days", what));
}

void check_log(const PolicySpec& spec) {
  if (spec.log_minutes == 0) {
    if (spec.workload == Workload::hana) refuse("SAP HANA needs log backups");
    return;
  }
  if (spec.log_minutes < kLeastLogMinutes || spec.log_minutes > kMostLogMinutes)
    refuse("log backups run every 15 to 1440 minutes");
  if (spec.log_keep_days < kLeastDays || spec.log_keep_days > kMostLogDays)
    refuse("logs are kept 7 to 35 days");
  if (!spec.differential_days.empty() && spec.log_keep_days >= spec.differential_keep_days)
    refuse("logs must be kept for fewer days than differential backups");
}

void check_vm(const PolicySpec& spec) {
  if (!spec.differential_days.empty() || !spec.incremental_days.empty() || spec.log_minutes != 0)
    refuse("a VM has only full backups (the service transfers what changed)");
  if (spec.compression) refuse("compression is for SQL Server only");
  const bool weekly = !spec.full_days.empty(), v2 = spec.every_hours != 0;
  if (v2 && spec.every_hours != 4 && spec.every_hours != 6 && spec.every_hours != 8 && spec.every_hours != 12)
    refuse("hourly backups run every 4, 6, 8 or 12 hours");
  if (v2 && (spec.window_hours < 4 || spec.window_hours > 24 || spec.window_hours < spec.every_hours))
    refuse("the window of hourly backups is 4 to 24 hours, and not shorter than the interval");
  if (v2 && weekly) refuse("hourly backups run every day");
  const int instant = spec.instant_days;
  if (instant != 0 && !v2 && weekly && instant != 5)
    refuse("instant recovery points of a weekly policy are kept 5 days");
  if (instant != 0 && !v2 && !weekly && (instant < 1 || instant > 5))
    refuse("instant recovery points are kept 1 to 5 days");
  if (v2 && instant != 0 && (instant < 1 || instant > 30))
    refuse("instant recovery points of an hourly policy are kept 1 to 30 days");
  if (!weekly && spec.full.days > 1 && instant > spec.full.days)
    refuse("instant recovery points cannot outlive daily backups");
}

void check_time(const PolicySpec& spec) {
  if (!core::parse_time(std::string(kDate) + spec.time + ":00Z") || spec.time.size() != 5)
    throw Error(ErrorKind::usage, "'" + spec.time + "' is no time of day", "use HH:MM, such as 02:00");
  if (spec.time_zone.empty())
    throw Error(ErrorKind::usage, "the time zone is missing",
                "a Windows id such as \"UTC\" or \"Pacific Standard Time\"");
}

json duration(int count, const char* unit) {
  return {{"count", count}, {"durationType", unit}};
}

json times_of(const PolicySpec& spec) {
  return json::array({kDate + spec.time + ":00Z"});
}

json simple_schedule(const PolicySpec& spec, const std::vector<std::string>& days) {
  json schedule = {{"schedulePolicyType", "SimpleSchedulePolicy"},
                   {"scheduleRunFrequency", days.empty() ? "Daily" : "Weekly"},
                   {"scheduleRunTimes", times_of(spec)}};
  if (!days.empty()) schedule["scheduleRunDays"] = days;
  return schedule;
}

// Monthly and yearly points: the first scheduled day of the month, by week and weekday.
json periodic(const PolicySpec& spec, int count, const char* unit) {
  const std::vector<std::string> days = {spec.full_days.empty() ? "Sunday" : spec.full_days.front()};
  json rule = {{"retentionScheduleFormatType", "Weekly"},
               {"retentionScheduleWeekly", {{"daysOfTheWeek", days}, {"weeksOfTheMonth", {"First"}}}},
               {"retentionTimes", times_of(spec)},
               {"retentionDuration", duration(count, unit)}};
  if (std::string_view(unit) == "Years") rule["monthsOfYear"] = {"January"};
  return rule;
}

json long_term(const PolicySpec& spec) {
  json retention = {{"retentionPolicyType", "LongTermRetentionPolicy"}};
  const json times = times_of(spec);
  if (spec.full.days > 0)
    retention["dailySchedule"] = {{"retentionTimes", times},
                                  {"retentionDuration", duration(spec.full.days, "Days")}};
  if (spec.full.weeks > 0)
    retention["weeklySchedule"] = {
        {"daysOfTheWeek", spec.full_days.empty() ? std::vector<std::string>{"Sunday"} : spec.full_days},
        {"retentionTimes", times},
        {"retentionDuration", duration(spec.full.weeks, "Weeks")}};
  if (spec.full.months > 0) retention["monthlySchedule"] = periodic(spec, spec.full.months, "Months");
  if (spec.full.years > 0) retention["yearlySchedule"] = periodic(spec, spec.full.years, "Years");
  return retention;
}

json vm_body(const PolicySpec& spec) {
  const bool v2 = spec.every_hours != 0, weekly = !spec.full_days.empty();
  json schedule = simple_schedule(spec, spec.full_days);
  if (v2)
    schedule = {{"schedulePolicyType", "SimpleSchedulePolicyV2"},
                {"scheduleRunFrequency", "Hourly"},
                {"hourlySchedule",
                 {{"interval", spec.every_hours},
                  {"scheduleWindowStartTime", times_of(spec)[0]},
                  {"scheduleWindowDuration", spec.window_hours}}}};
  int instant = spec.instant_days;
  if (instant == 0) instant = v2 ? 7 : weekly ? 5 : 2;
  // What is not stated follows the retention down: a policy of one day keeps its snapshots one day.
  if (spec.instant_days == 0 && !weekly && spec.full.days > 0) instant = std::min(instant, spec.full.days);
  return {{"backupManagementType", "AzureIaasVM"},
          {"policyType", v2 ? "V2" : "V1"},
          {"timeZone", spec.time_zone},
          {"instantRpRetentionRangeInDays", instant},
          {"schedulePolicy", schedule},
          {"retentionPolicy", long_term(spec)}};
}

json partial(const PolicySpec& spec, const char* type, const std::vector<std::string>& days, int keep) {
  return {
      {"policyType", type},
      {"schedulePolicy", simple_schedule(spec, days)},
      {"retentionPolicy",
       {{"retentionPolicyType", "SimpleRetentionPolicy"}, {"retentionDuration", duration(keep, "Days")}}}};
}

// ---- files ----

json from_yaml(const YAML::Node& node) {
  if (node.IsSequence()) {
    json list = json::array();
    for (const auto& entry : node) list.push_back(from_yaml(entry));
    return list;
  }
  if (node.IsMap()) {
    json object = json::object();
    for (const auto& entry : node) object[entry.first.as<std::string>()] = from_yaml(entry.second);
    return object;
  }
  if (node.IsNull()) return nullptr;
  const std::string text = node.as<std::string>();
  if (node.Tag() == "!") return text;  // it was quoted
  if (text == "true" || text == "false") return text == "true";
  if (!text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos)
    return std::stoi(text);
  return text;
}

class SpecReader {
 public:
  explicit SpecReader(const json& body) : body_(body) {}
  PolicySpec read() {
    PolicySpec spec;
    if (!body_.contains("workload")) throw Error(ErrorKind::usage, "the policy file states no workload");
    spec = template_policy(parse_workload(text_of("workload")));
    word("timeZone", spec.time_zone);
    word("time", spec.time);
    if (has("full")) read_full(body_["full"], spec);
    read_partial("differential", spec.differential_days, spec.differential_keep_days);
    read_partial("incremental", spec.incremental_days, spec.incremental_keep_days);
    if (has("log")) {
      spec.log_minutes = whole(body_["log"], "everyMinutes", 0);
      spec.log_keep_days = whole(body_["log"], "keepDays", 0);
    }
    if (has("compression")) spec.compression = body_["compression"] == true;
    spec.instant_days = whole(body_, "instantDays", spec.instant_days);
    spec.every_hours = whole(body_, "everyHours", spec.every_hours);
    spec.window_hours = whole(body_, "windowHours", spec.window_hours);
    for (const auto& [key, value] : body_.items())
      if (known_.count(key) == 0)
        throw Error(ErrorKind::usage, "unknown key '" + key + "' in the policy file");
    return spec;
  }

 private:
  bool has(const char* key) {
    known_.insert(key);
    return body_.contains(key) && !body_[key].is_null();
  }
  std::string text_of(const char* key) {
    if (!has(key) || !body_[key].is_string())
      throw Error(ErrorKind::usage, fmt::format("'{}' must be a text", key));
    return body_[key];
  }
  void word(const char* key, std::string& into) {
    if (has(key)) into = text_of(key);
  }
  int whole(const json& object, const char* key, int fallback) {
    known_.insert(key);
    if (!object.is_object() || !object.contains(key)) return fallback;
    if (!object[key].is_number_integer())
      throw Error(ErrorKind::usage, fmt::format("'{}' must be a whole number", key));
    return object[key];
  }
  static std::vector<std::string> days_of(const json& object) {
    if (!object.contains("days")) return {};
    if (!object["days"].is_array())
      throw Error(ErrorKind::usage, "'days' must be a list of days of the week");
    return object["days"].get<std::vector<std::string>>();
  }
  void read_full(const json& full, PolicySpec& spec) {
    spec.full_days = days_of(full);
    spec.full = {whole(full, "keepDays", 0), whole(full, "keepWeeks", 0), whole(full, "keepMonths", 0),
                 whole(full, "keepYears", 0)};
  }
  void read_partial(const char* key, std::vector<std::string>& days, int& keep) {
    known_.insert(key);
    if (!body_.contains(key)) return;
    days = body_[key].is_null() ? std::vector<std::string>{} : days_of(body_[key]);
    keep = body_[key].is_null() ? 0 : whole(body_[key], "keepDays", 0);
  }
  const json& body_;
  std::set<std::string> known_;
};

}  // namespace

void check_policy_name(const std::string& name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool known = std::all_of(name.begin(), name.end(),
                                 [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; });
  if (name.size() < 3 || name.size() > 150 || !letter(name[0]) || !known)
    throw Error(ErrorKind::usage, fmt::format("'{}' is no name of a policy", name),
                "3 to 150 letters, digits and hyphens, a letter first");
}

void check_policy(const PolicySpec& spec) {
  check_time(spec);
  check_full(spec);
  if (spec.workload == Workload::vm) return check_vm(spec);
  if (spec.every_hours != 0 || spec.instant_days != 0)
    refuse("hourly backups and instant recovery points are for VMs");
  if (spec.compression && spec.workload != Workload::sql) refuse("compression is for SQL Server only");
  if (spec.workload == Workload::sql && !spec.incremental_days.empty())
    refuse("SQL Server has no incremental backups");
  if (!spec.differential_days.empty() && !spec.incremental_days.empty())
    refuse("differential and incremental backups cannot be combined");
  check_partial(spec, spec.differential_days, spec.differential_keep_days, "differential");
  check_partial(spec, spec.incremental_days, spec.incremental_keep_days, "incremental");
  check_log(spec);
}

json policy_body(const PolicySpec& spec) {
  if (spec.workload == Workload::vm) return vm_body(spec);
  json subs = json::array();
  subs.push_back({{"policyType", "Full"},
                  {"schedulePolicy", simple_schedule(spec, spec.full_days)},
                  {"retentionPolicy", long_term(spec)}});
  if (!spec.differential_days.empty())
    subs.push_back(partial(spec, "Differential", spec.differential_days, spec.differential_keep_days));
  if (!spec.incremental_days.empty())
    subs.push_back(partial(spec, "Incremental", spec.incremental_days, spec.incremental_keep_days));
  if (spec.log_minutes != 0)
    subs.push_back(
        {{"policyType", "Log"},
         {"schedulePolicy",
          {{"schedulePolicyType", "LogSchedulePolicy"}, {"scheduleFrequencyInMins", spec.log_minutes}}},
         {"retentionPolicy",
          {{"retentionPolicyType", "SimpleRetentionPolicy"},
           {"retentionDuration", duration(spec.log_keep_days, "Days")}}}});
  return {{"backupManagementType", "AzureWorkload"},
          {"workLoadType", spec.workload == Workload::sql ? "SQLDataBase" : "SAPHanaDatabase"},
          {"settings",
           {{"timeZone", spec.time_zone},
            {"issqlcompression", spec.compression},
            {"isCompression", spec.compression}}},
          {"subProtectionPolicy", subs}};
}

PolicySpec template_policy(Workload workload) {
  PolicySpec spec;
  spec.workload = workload;
  if (workload == Workload::vm) {
    spec.full = {30, 12, 12, 0};
    return spec;
  }
  spec.full_days = {"Sunday"};
  spec.full = {0, 12, 12, 0};
  spec.differential_days = {"Wednesday"};
  spec.differential_keep_days = 30;
  spec.log_minutes = workload == Workload::hana ? 15 : 60;
  spec.log_keep_days = 15;
  return spec;
}

json policy_from_json(const std::string& file_text) {
  json body;
  try {
    body = from_yaml(YAML::Load(file_text));  // JSON is YAML, too
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::usage, std::string("the policy file cannot be read: ") + error.what());
  }
  if (!body.is_object()) throw Error(ErrorKind::usage, "the policy file must be an object");
  if (body.contains("properties")) return body["properties"];
  if (body.contains("backupManagementType")) return body;
  const PolicySpec spec = SpecReader(body).read();
  check_policy(spec);
  return policy_body(spec);
}

}  // namespace azlin::vault
