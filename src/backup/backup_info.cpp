// From snapshot sets to backups, and from backups to what retention looks at.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "azlin/backup/manager.hpp"
#include "azlin/core/names.hpp"

namespace azlin::backup {

namespace {

Verified verified_of(const snapshot::SnapshotSet& set) {
  const auto mark = set.verified();
  if (!mark) return Verified::unknown;
  return mark->level == "failed" ? Verified::failed : Verified::passed;
}

ReplicaInfo to_replica(const snapshot::SnapshotSet& set, core::TimePoint now) {
  return {set.location, set.resource_group, set.complete(), set.percent(), verified_of(set),
          set,          set.hold(),         set.in_use(now)};
}

void fill(BackupInfo& info, const snapshot::SnapshotSet& set, core::TimePoint now) {
  info.name = set.name;
  info.vm_key = set.vm_key;
  info.vm_name = set.vm_name;
  info.resource_group = set.resource_group;
  info.subscription = set.subscription;
  info.region = set.location;
  info.tier = *parse_tier(set.tier);
  info.created = set.created;
  info.complete = set.complete();
  info.disks = static_cast<int>(set.members.size());
  info.expected_disks = set.expected;
  info.size_bytes = set.size_bytes();
  info.size_gb = set.size_gb();
  info.spread = set.replica() ? core::Millis{0} : set.spread();
  info.verified = verified_of(set);
  if (const auto mark = set.verified()) {
    if (info.verified == Verified::passed) info.verified_level = mark->level;
    info.verified_at = mark->at;
  }
  info.hold = set.hold();
  info.in_use = set.in_use(now);
  info.set = set;
}

// A source must stay while a copy reads it.
void note_running_copies(BackupInfo& info) {
  if (info.replica_only || !info.in_use.empty()) return;
  for (const auto& replica : info.replicas) {
    if (!replica.complete && replica.set.failure().empty()) info.in_use = "being copied to " + replica.region;
  }
}

Point to_point(const BackupInfo& info, const ReplicaInfo& replica) {
  Point point;
  point.name = info.name;
  point.region = replica.region;
  point.replica = true;
  point.tier = info.tier;
  point.created = info.created;
  point.complete = replica.complete;
  point.verified = replica.verified;
  point.on_hold = replica.hold.has_value();
  point.in_use = replica.in_use;
  return point;
}

}  // namespace

std::vector<BackupInfo> to_backups(const std::vector<snapshot::SnapshotSet>& sets, core::TimePoint now) {
  std::map<std::pair<std::string, std::string>, std::vector<const snapshot::SnapshotSet*>> by_name;
  for (const auto& set : sets) {
    if (parse_tier(set.tier)) by_name[{set.vm_key, set.name}].push_back(&set);
  }
  std::vector<BackupInfo> out;
  for (auto& [key, group] : by_name) {
    // The primary first; of replicas a complete one, since that can be restored.
    std::stable_sort(group.begin(), group.end(), [](const auto* a, const auto* b) {
      return std::tuple{a->replica(), !a->complete()} < std::tuple{b->replica(), !b->complete()};
    });
    BackupInfo info;
    fill(info, *group.front(), now);
    info.replica_only = group.front()->replica();
    for (const auto* set : group) {
      if (set->replica()) info.replicas.push_back(to_replica(*set, now));
    }
    note_running_copies(info);
    out.push_back(std::move(info));
  }
  std::sort(out.begin(), out.end(), [](const BackupInfo& a, const BackupInfo& b) {
    return std::tie(b.created, b.name) < std::tie(a.created, a.name);
  });
  return out;
}

std::vector<Point> to_points(const std::vector<BackupInfo>& backups, const BackupSchedule& schedule) {
  std::vector<Point> points;
  for (const auto& info : backups) {
    bool replicated = false;
    for (const auto& replica : info.replicas) {
      points.push_back(to_point(info, replica));
      const bool in_target =
          schedule.target_region && core::equal_ignoring_case(replica.region, *schedule.target_region);
      replicated = replicated || (in_target && replica.complete);
    }
    if (info.replica_only) continue;
    Point point;
    point.name = info.name;
    point.region = info.region;
    point.tier = info.tier;
    point.created = info.created;
    point.complete = info.complete;
    point.verified = info.verified;
    point.on_hold = info.hold.has_value();
    point.in_use = info.in_use;
    point.replicated = replicated;
    points.push_back(std::move(point));
  }
  return points;
}

namespace {

// What goes when nothing but the schedule keeps it: what works on a point now, or waits for its copy, ends.
std::vector<Decision> goes_by(BackupSchedule schedule, const std::vector<BackupInfo>& backups,
                              core::TimePoint now) {
  schedule.target_region.reset();
  auto points = to_points(backups, schedule);
  for (auto& point : points) point.in_use.clear();
  return plan_retention(schedule, points, now).deletions();
}

}  // namespace

std::vector<Decision> losses(const std::optional<BackupSchedule>& before, const BackupSchedule& after,
                             const std::vector<BackupInfo>& backups, core::TimePoint now) {
  std::set<std::pair<std::string, std::string>> gone_anyway;
  if (before) {
    for (const auto& gone : goes_by(*before, backups, now))
      gone_anyway.insert({gone.point.name, gone.point.region});
  }
  std::vector<Decision> lost;
  for (auto& gone : goes_by(after, backups, now)) {
    if (!gone_anyway.contains({gone.point.name, gone.point.region})) lost.push_back(std::move(gone));
  }
  return lost;
}

}  // namespace azlin::backup
