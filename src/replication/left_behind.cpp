#include "replication/left_behind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "azlin/azure/compute.hpp"
#include "azlin/core/names.hpp"
#include "azlin/replication/replica.hpp"
#include "azlin/snapshot/snapshot_set.hpp"

namespace azlin::replication {

namespace {

bool of_the_set(const azure::Snapshot& snapshot, const Job& job) {
  const auto is = [&](const char* tag, const std::string& value) {
    const auto found = snapshot.tags.find(tag);
    return found != snapshot.tags.end() && found->second == value;
  };
  return is(snapshot::kVmTag, job.vm_key) && is(snapshot::kSetTag, job.set) &&
         snapshot.tags.contains(snapshot::kReplicaOfTag) &&
         core::equal_ignoring_case(snapshot.location, job.target_region);
}

// By lower-case id; another machine's may lie in another group.
std::set<std::string> listed(arm::ArmClient& arm, const Job& job) {
  std::set<std::string> ids;
  azure::list_snapshots(arm, job.subscription, std::nullopt, [&](azure::Snapshot&& each) {
    if (of_the_set(each, job)) ids.insert(core::to_lower(each.id));
    return true;
  });
  return ids;
}

// The disk encryption set is each machine's own choice.
bool is_good(const azure::Snapshot& snapshot, const Copy& copy) {
  Expected expected = copy.expected;
  expected.encryption_set_id.clear();
  return snapshot.complete() && is_replica_of(snapshot, copy.source_id, expected.source_unique_id) &&
         differences(expected, snapshot).empty();
}

// Marks are on the sources of copies that wait, whichever machine's they are (SourceGuard).
bool is_awaited(arm::ArmClient& arm, const Copy& copy, core::TimePoint now) {
  const auto source = azure::find_snapshot(arm, copy.source_id);
  if (!source) return false;
  const auto tag = source->tags.find(snapshot::kInUseTag);
  const auto mark = tag == source->tags.end() ? std::nullopt : snapshot::parse_in_use(tag->second);
  return mark && mark->what.rfind("replication:", 0) == 0 && mark->until > now;
}

}  // namespace

LeftBehind look_at_left_behind(arm::ArmClient& arm, const Job& job, core::TimePoint now) {
  const auto in_list = listed(arm, job);
  auto ids = in_list;
  for (const auto& copy : job.copies) ids.insert(core::to_lower(copy.target_id));
  snapshot::SnapshotSet set;
  for (const auto& id : ids) {
    auto found = azure::find_snapshot(arm, id);
    if (!found || !of_the_set(*found, job)) continue;
    if (!in_list.contains(id)) return {false, fmt::format("the list of snapshots lacks {}", found->name)};
    set.members.push_back({-1, *std::move(found)});
  }
  const auto has_good = [&](const Copy& copy) {
    return std::any_of(set.members.begin(), set.members.end(),
                       [&](const auto& member) { return is_good(member.snapshot, copy); });
  };
  if (std::all_of(job.copies.begin(), job.copies.end(), has_good)) return {true, {}};
  if (const auto hold = set.hold()) return {false, "on hold: " + *hold};
  if (auto use = set.in_use(now); !use.empty()) return {false, std::move(use)};
  for (const auto& copy : job.copies) {
    if (is_awaited(arm, copy, now)) return {false, "being replicated by another job"};
  }
  return {};
}

}  // namespace azlin::replication
