// Vaulted backups: the points that a policy's schedule has made up to now.
#include <fmt/format.h>

#include "simulator/data_protection.hpp"
#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr int kMostVaulted = 3'650;

[[noreturn]] void refuse_policy(const std::string& why) {
  throw ApiError(400, "BMSUserErrorInvalidPolicy", "The backup policy is invalid: " + why);
}

// "R/2024-05-08T14:00:00+00:00/P1D": from when on, and how often.
struct Schedule {
  core::TimePoint first{};
  std::chrono::days every{1};
};

Schedule schedule_of(const Json& rule) {
  const Json intervals = rule.value("/trigger/schedule/repeatingTimeIntervals"_json_pointer, Json());
  const std::string text =
      intervals.is_array() && intervals.size() == 1 && intervals[0].is_string() ? intervals[0] : "";
  const auto parts = split(text, '/');
  if (parts.size() != 3 || parts[0] != "R" || (parts[2] != "P1D" && parts[2] != "P1W"))
    refuse_policy("a backup rule needs one repeatingTimeInterval, each day or each week.");
  const auto zone = parts[1].find("+00:00");
  const auto first = core::parse_time(zone == std::string::npos ? parts[1] : parts[1].substr(0, zone) + "Z");
  if (!first) refuse_policy("the repeatingTimeInterval begins at no time.");
  return {*first, std::chrono::days{parts[2] == "P1D" ? 1 : 7}};
}

std::optional<Schedule> backup_rule(const Json& properties) {
  for (const auto& rule : properties.value("policyRules", Json::array())) {
    if (text_at(rule, "/objectType") != "AzureBackupRule") continue;
    if (text_at(rule, "/dataStore/dataStoreType") != "VaultStore" ||
        text_at(rule, "/backupParameters/backupType") != "Discrete")
      refuse_policy("a backup rule of blobs makes Discrete backups in the VaultStore.");
    return schedule_of(rule);
  }
  return std::nullopt;
}

}  // namespace

int vaulted_days(const Json& properties) {
  int days = 0;
  for (const auto& rule : properties.value("policyRules", Json::array()))
    for (const auto& cycle : rule.value("lifecycles", Json::array()))
      if (text_at(cycle, "/sourceDataStore/dataStoreType") == "VaultStore")
        days = std::max(days, retention_days_of(text_at(cycle, "/deleteAfter/duration")));
  if (days > kMostVaulted) refuse_policy("vaulted backups are kept for 10 years at most.");
  if ((days > 0) != backup_rule(properties).has_value())
    refuse_policy("vaulted backups need a backup rule and a retention rule of the VaultStore.");
  return days;
}

std::vector<VaultedPoint> vaulted_points(Context& context, const Resource& instance) {
  const auto policy =
      require(context, text_at(instance.body, "/properties/policyInfo/policyId")).body["properties"];
  const std::chrono::days keep{vaulted_days(policy)};
  const auto schedule = backup_rule(policy);
  std::vector<VaultedPoint> points;
  if (!schedule) return points;
  const auto now = context.now();
  const auto since = std::max(core::parse_time(text_at(instance.hidden, "/since")).value_or(now), now - keep);
  const auto step = std::chrono::duration_cast<core::Millis>(schedule->every);
  auto at = schedule->first;
  if (at < since) at += step * ((since - at + step - core::Millis{1}) / step);
  for (; at <= now; at += step)
    points.insert(points.begin(), {guid_from(lower(instance.id) + core::to_iso8601(at)), at, at + keep});
  return points;
}

Json present_point(const Resource& instance, const VaultedPoint& point) {
  const Json store = {{"id", guid_from(point.name)},
                      {"type", "VaultStore"},
                      {"creationTime", core::to_iso8601(point.at)},
                      {"expiryTime", core::to_iso8601(point.expires)},
                      {"state", "COMMITTED"},
                      {"visible", true}};
  return {{"id", fmt::format("{}/recoveryPoints/{}", instance.id, point.name)},
          {"name", point.name},
          {"type", std::string(kBackupInstanceType) + "/recoveryPoints"},
          {"properties",
           {{"objectType", "AzureBackupDiscreteRecoveryPoint"},
            {"recoveryPointId", point.name},
            {"recoveryPointTime", core::to_iso8601(point.at)},
            {"recoveryPointType", "Full"},
            {"policyName", last_segment(text_at(instance.body, "/properties/policyInfo/policyId"))},
            {"retentionTagName", "Default"},
            {"recoveryPointState", "Completed"},
            {"recoveryPointDataStoresDetails", {store}}}}};
}

}  // namespace azlin::simulator
