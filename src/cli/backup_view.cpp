#include "cli/backup_view.hpp"

#include <fmt/format.h>

#include "azlin/core/format.hpp"

namespace azlin::cli {

using backup::BackupInfo;
using backup::BackupSchedule;
using backup::Tier;
using backup::Verified;
using nlohmann::ordered_json;

namespace {

const char* word(Verified verified) {
  switch (verified) {
    case Verified::unknown:
      return "unknown";
    case Verified::passed:
      return "passed";
    case Verified::failed:
      return "failed";
  }
  return "unknown";
}

ordered_json optional_time(const std::optional<core::TimePoint>& time) {
  return time ? ordered_json(core::to_iso8601(*time)) : ordered_json(nullptr);
}

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

}  // namespace

ordered_json to_json(const BackupInfo& backup) {
  ordered_json json = {{"name", backup.name},
                       {"vm", backup.vm_name},
                       {"resourceGroup", backup.resource_group},
                       {"region", backup.region},
                       {"tier", backup::to_string(backup.tier)},
                       {"createdAt", core::to_iso8601(backup.created)},
                       {"sizeGb", backup.size_gb},
                       {"disks", backup.disks},
                       {"expectedDisks", backup.expected_disks},
                       {"complete", backup.complete},
                       {"spreadSeconds", static_cast<double>(backup.spread.count()) / 1000.0},
                       {"verified", word(backup.verified)},
                       {"verifiedLevel", text_or_null(backup.verified_level)},
                       {"verifiedAt", optional_time(backup.verified_at)},
                       {"replicated", false},
                       {"replicaOnly", backup.replica_only},
                       {"unreadableIn", backup.unreadable_in},
                       {"hold", backup.hold ? ordered_json(*backup.hold) : ordered_json(nullptr)},
                       {"inUse", text_or_null(backup.in_use)},
                       {"replicas", ordered_json::array()}};
  for (const auto& replica : backup.replicas) {
    if (replica.complete) json["replicated"] = true;
    json["replicas"].push_back({{"region", replica.region},
                                {"resourceGroup", replica.resource_group},
                                {"complete", replica.complete},
                                {"percent", replica.percent},
                                {"verified", word(replica.verified)}});
  }
  return json;
}

ordered_json to_json(const BackupSchedule& schedule) {
  return {{"enabled", schedule.enabled},
          {"dailyRetention", schedule.daily},
          {"weeklyRetention", schedule.weekly},
          {"monthlyRetention", schedule.monthly},
          {"weeklyEnabled", schedule.weekly_on},
          {"monthlyEnabled", schedule.monthly_on},
          {"crossRegion", schedule.target_region.has_value()},
          {"targetRegion",
           schedule.target_region ? ordered_json(*schedule.target_region) : ordered_json(nullptr)}};
}

ordered_json to_json(const backup::Decision& decision) {
  return {{"name", decision.point.name},
          {"region", decision.point.region},
          {"replica", decision.point.replica},
          {"tier", backup::to_string(decision.point.tier)},
          {"createdAt", core::to_iso8601(decision.point.created)},
          {"keep", decision.keep},
          {"reason", decision.reason}};
}

ordered_json to_json(const backup::CleanupResult& result) {
  ordered_json json = {{"executed", result.executed},      {"overLimit", result.plan.over_limit},
                       {"deleted", ordered_json::array()}, {"decisions", ordered_json::array()},
                       {"counts", ordered_json::object()}, {"leftovers", result.leftovers},
                       {"failures", result.failures}};
  for (const auto& decision : result.deleted) json["deleted"].push_back(to_json(decision));
  for (const auto& decision : result.plan.decisions) json["decisions"].push_back(to_json(decision));
  for (const Tier tier : {Tier::daily, Tier::weekly, Tier::monthly}) {
    const auto found = result.counts.find(tier);
    json["counts"][backup::to_string(tier)] = found == result.counts.end() ? 0 : found->second;
  }
  return json;
}

ordered_json to_json(const std::vector<snapshot::UnreadableSet>& unreadable) {
  ordered_json json = ordered_json::array();
  for (const auto& set : unreadable) {
    json.push_back({{"name", set.name},
                    {"region", set.region},
                    {"tier", text_or_null(set.tier)},
                    {"replica", set.replica},
                    {"error", set.error}});
  }
  return json;
}

void warn_unreadable(Console& console, const std::vector<snapshot::UnreadableSet>& unreadable) {
  for (const auto& text : snapshot::unreadable_texts(unreadable)) console.warn(text);
}

std::string verified_text(const BackupInfo& backup) {
  switch (backup.verified) {
    case Verified::passed:
      return "verified ✓";
    case Verified::failed:
      return "verification FAILED";
    case Verified::unknown:
      return "not verified";
  }
  return {};
}

std::string replicated_text(const BackupInfo& backup) {
  if (backup.primary_unreadable) return "replica, " + backup.region;
  if (backup.replica_only) return "replica only, " + backup.region;
  for (const auto& replica : backup.replicas) {
    if (replica.complete) return "replicated ✓";
  }
  for (const auto& replica : backup.replicas) return fmt::format("replicating {:.0f} %", replica.percent);
  return "not replicated";
}

std::string remarks(const BackupInfo& backup) {
  std::string text;
  const auto add = [&](const std::string& remark) { text += (text.empty() ? "" : ", ") + remark; };
  if (!backup.complete) add(fmt::format("INCOMPLETE ({} of {} disks)", backup.disks, backup.expected_disks));
  for (const auto& region : backup.unreadable_in) add("not readable in " + region);
  if (backup.hold) add("on hold");
  if (!backup.in_use.empty()) add(backup.in_use);
  return text;
}

void print_schedule(Console& console, const BackupSchedule& schedule) {
  console.line("  Daily retention: " + schedule.retention_text(Tier::daily));
  console.line("  Weekly retention: " + schedule.retention_text(Tier::weekly) +
               (schedule.weekly_on ? "" : " (no new weekly backups)"));
  console.line("  Monthly retention: " + schedule.retention_text(Tier::monthly) +
               (schedule.monthly_on ? "" : " (no new monthly backups)"));
  console.line("  Cross-region replication: " +
               (schedule.target_region ? "enabled → " + *schedule.target_region : std::string("disabled")));
}

void print_cleanup(Console& console, const backup::CleanupResult& result, bool all) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& decision : result.plan.decisions) {
    if (!all && decision.keep) continue;
    const std::string name = decision.point.replica
                                 ? fmt::format("{} ({})", decision.point.name, decision.point.region)
                                 : decision.point.name;
    rows.push_back({decision.keep ? "keep  " : "delete", name, decision.reason});
  }
  for (const auto& line : in_columns(rows)) console.line("  " + line);
  for (const auto& leftover : result.leftovers)
    console.line("  delete  " + leftover + "  a Failed leftover of the service");
  for (const auto& failure : result.failures) console.warn(failure);
}

}  // namespace azlin::cli
