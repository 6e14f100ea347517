// When a policy runs and how long its points stay.
#include <chrono>

#include "simulator/json_util.hpp"
#include "simulator/recovery_policy.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

using namespace std::chrono;

constexpr const char* kDays[] = {"sunday",   "monday", "tuesday", "wednesday",
                                 "thursday", "friday", "saturday"};
constexpr const char* kWeeks[] = {"first", "second", "third", "fourth"};
constexpr const char* kMonths[] = {"january", "february", "march",     "april",   "may",      "june",
                                   "july",    "august",   "september", "october", "november", "december"};

const Json* sub_policy(const Json& properties, const std::string& type) {
  const auto subs = properties.find("subProtectionPolicy");
  if (subs == properties.end()) return nullptr;
  for (const auto& sub : *subs)
    if (same(sub.value("policyType", ""), type)) return &sub;
  return nullptr;
}

bool contains(const Json& words, const std::string& word) {
  return words.is_array() && std::any_of(words.begin(), words.end(), [&](const Json& entry) {
           return same(entry.get<std::string>(), word);
         });
}

core::Millis zone_of(const Json& properties) {
  const std::string zone = text_at(properties, "/settings/timeZone", text_at(properties, "/timeZone", "UTC"));
  return minutes{zone_offset(zone).value_or(0)};
}

// The first time of day `clock` on one of `days` (null: every day) after `after`; local times.
std::optional<core::TimePoint> first_after(const std::string& clock, const Json& days,
                                           core::TimePoint after) {
  const auto time = core::parse_time(clock);
  if (!time) return std::nullopt;
  const core::Millis of_day = *time - floor<std::chrono::days>(*time);
  for (int ahead = 0; ahead <= 7; ++ahead) {
    const auto day = floor<std::chrono::days>(after) + std::chrono::days{ahead};
    if (core::TimePoint{day} + of_day <= after) continue;
    if (days.is_null() || contains(days, kDays[weekday{day}.c_encoding()]))
      return core::TimePoint{day} + of_day;
  }
  return std::nullopt;
}

std::optional<core::TimePoint> first_hourly(const Json& hourly, core::TimePoint after) {
  const auto start = core::parse_time(text_at(hourly, "/scheduleWindowStartTime"));
  if (!start) return std::nullopt;
  const core::Millis of_day = *start - floor<days>(*start);
  const auto interval = number_at(hourly, "/interval", 4),
             window = number_at(hourly, "/scheduleWindowDuration", 4);
  for (int ahead = -1; ahead <= 1; ++ahead) {
    const core::TimePoint first = core::TimePoint{floor<days>(after) + days{ahead}} + of_day;
    for (std::int64_t at = 0; at <= window; at += interval)
      if (first + hours{at} > after) return first + hours{at};
  }
  return std::nullopt;
}

std::optional<core::TimePoint> next_of(const Json& schedule, core::TimePoint after) {
  const std::string frequency = lower(text_at(schedule, "/scheduleRunFrequency"));
  if (frequency == "hourly") return first_hourly(subtree_at(schedule, "/hourlySchedule"), after);
  Json part = schedule;
  if (same(text_at(schedule, "/schedulePolicyType"), "SimpleSchedulePolicyV2"))
    part = subtree_at(schedule, frequency == "weekly" ? "/weeklySchedule" : "/dailySchedule");
  return first_after(text_at(part, "/scheduleRunTimes/0"),
                     frequency == "weekly" ? subtree_at(part, "/scheduleRunDays") : Json(), after);
}

core::Millis length_of(const Json& duration) {
  const auto count = number_at(duration, "/count", 0);
  const std::string type = lower(text_at(duration, "/durationType"));
  return days{count * (type == "weeks" ? 7 : type == "months" ? 30 : type == "years" ? 365 : 1)};
}

bool in_month_rule(const Json& rule, sys_days day) {
  const year_month_day date{day};
  const unsigned number = static_cast<unsigned>(date.day());
  const bool last_week = year_month_day{day + days{7}}.month() != date.month();
  if (same(text_at(rule, "/retentionScheduleFormatType"), "Weekly")) {
    const Json weeks = subtree_at(rule, "/retentionScheduleWeekly/weeksOfTheMonth");
    const unsigned week = (number - 1) / 7;
    const bool fits = (week < 4 && contains(weeks, kWeeks[week])) || (last_week && contains(weeks, "last"));
    return fits && contains(subtree_at(rule, "/retentionScheduleWeekly/daysOfTheWeek"),
                            kDays[weekday{day}.c_encoding()]);
  }
  const bool last_day = year_month_day{day + days{1}}.month() != date.month();
  const Json dates = subtree_at(rule, "/retentionScheduleDaily/daysOfTheMonth");
  for (const auto& entry : dates)
    if (number_at(entry, "/date", 0) == number || (last_day && flag_at(entry, "/isLast", false))) return true;
  return false;
}

}  // namespace

std::optional<ScheduledRun> next_run(const Json& properties, core::TimePoint after) {
  const core::Millis zone = zone_of(properties);
  std::optional<ScheduledRun> best;
  const auto consider = [&](const std::string& type, const Json& schedule) {
    const auto at = next_of(schedule, after + zone);
    if (at && (!best || *at - zone < best->at)) best = ScheduledRun{type, *at - zone};
  };
  if (properties.contains("schedulePolicy")) consider("Full", properties["schedulePolicy"]);
  for (const char* type : {"Full", "Differential", "Incremental", "SnapshotFull"})
    if (const Json* sub = sub_policy(properties, type)) consider(type, subtree_at(*sub, "/schedulePolicy"));
  return best;
}

int log_minutes(const Json& properties) {
  const Json* sub = sub_policy(properties, "Log");
  return sub == nullptr ? 0 : static_cast<int>(number_at(*sub, "/schedulePolicy/scheduleFrequencyInMins", 0));
}

int log_days(const Json& properties) {
  const Json* sub = sub_policy(properties, "Log");
  if (sub == nullptr) return 0;
  return static_cast<int>(
      duration_cast<days>(length_of(subtree_at(*sub, "/retentionPolicy/retentionDuration"))).count());
}

bool has_sub_policy(const Json& properties, const std::string& type) {
  return sub_policy(properties, type) != nullptr;
}

Expiry expiry_of(const Json& properties, const std::string& type, core::TimePoint taken) {
  const Json* sub = sub_policy(properties, type);
  Json retention = subtree_at(sub != nullptr ? *sub : properties, "/retentionPolicy");
  if (type == "SnapshotFull" && sub != nullptr)
    return {
        taken + days{number_at(*sub, "/snapshotBackupAdditionalDetails/instantRpRetentionRangeInDays", 2)},
        "Daily"};
  if (same(text_at(retention, "/retentionPolicyType"), "SimpleRetentionPolicy"))
    return {taken + length_of(subtree_at(retention, "/retentionDuration")), "Daily"};
  const auto day = floor<days>(taken + zone_of(properties));
  Expiry best{taken + days{7}, "Daily"};
  const auto consider = [&](const std::string& rule, const Json& part) {
    const auto until = taken + length_of(subtree_at(part, "/retentionDuration"));
    if (until > best.at) best = {until, rule};
  };
  const Json daily = subtree_at(retention, "/dailySchedule"),
             weekly = subtree_at(retention, "/weeklySchedule");
  const Json monthly = subtree_at(retention, "/monthlySchedule"),
             yearly = subtree_at(retention, "/yearlySchedule");
  if (!daily.is_null()) best = {taken + length_of(subtree_at(daily, "/retentionDuration")), "Daily"};
  if (!weekly.is_null() && contains(subtree_at(weekly, "/daysOfTheWeek"), kDays[weekday{day}.c_encoding()]))
    consider("Weekly", weekly);
  if (!monthly.is_null() && in_month_rule(monthly, day)) consider("Monthly", monthly);
  const unsigned month = static_cast<unsigned>(year_month_day{day}.month());
  if (!yearly.is_null() && contains(subtree_at(yearly, "/monthsOfYear"), kMonths[month - 1]) &&
      in_month_rule(yearly, day))
    consider("Yearly", yearly);
  return best;
}

}  // namespace azlin::simulator
