// Every backup of a subscription, in little memory: a snapshot is reduced to what a list shows as soon as it
// arrives.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "azlin/backup/manager.hpp"

namespace azlin::backup {

namespace {

// What is kept of one set in one region while its snapshots arrive.
struct Copy {
  BackupInfo info;  // without `set`; sizes and counts so far
  bool replica = false, os_disk = false, all_complete = true, all_verified = true;
  core::TimePoint first, last;  // timeCreated of its snapshots
  double percent_sum = 0;
};

int rank(const std::string& level) {
  return level == "disk" ? 1 : level == "content" ? 2 : 3;
}

void add_verified(Copy& copy, const std::optional<snapshot::VerifiedMark>& mark) {
  BackupInfo& info = copy.info;
  if (!mark) {
    copy.all_verified = false;
    return;
  }
  info.verified_at = info.verified_at ? std::min(*info.verified_at, mark->at) : mark->at;
  if (mark->level == "failed") {
    info.verified = Verified::failed;
  } else if (info.verified_level.empty() || rank(mark->level) < rank(info.verified_level)) {
    info.verified_level = mark->level;
  }
}

// `part` is a set of this one snapshot.
void add_part(Copy& copy, const snapshot::SnapshotSet& part, core::TimePoint now) {
  const azure::Snapshot& snapshot = part.members.front().snapshot;
  BackupInfo& info = copy.info;
  if (info.disks == 0 || part.os_disk() != nullptr) {
    info.name = part.name;
    info.vm_name = part.vm_name;
    info.resource_group = part.resource_group;
    info.subscription = part.subscription;
    info.region = part.location;
    info.tier = *parse_tier(part.tier);
    info.created = part.created;
    info.expected_disks = part.expected;
  }
  copy.first = info.disks == 0 ? snapshot.created_at : std::min(copy.first, snapshot.created_at);
  copy.last = info.disks == 0 ? snapshot.created_at : std::max(copy.last, snapshot.created_at);
  ++info.disks;
  info.size_bytes += snapshot.size_bytes;
  info.size_gb += snapshot.size_gb;
  copy.replica = part.replica();
  copy.os_disk = copy.os_disk || part.os_disk() != nullptr;
  copy.all_complete = copy.all_complete && snapshot.complete();
  copy.percent_sum += snapshot.completion_percent.value_or(100.0);
  if (!info.hold) info.hold = part.hold();
  if (info.in_use.empty()) info.in_use = part.in_use(now);
  add_verified(copy, part.verified());
}

void finish(Copy& copy) {
  BackupInfo& info = copy.info;
  info.complete = copy.all_complete && copy.os_disk && info.disks == info.expected_disks;
  info.spread = copy.replica ? core::Millis{0} : copy.last - copy.first;
  if (info.verified == Verified::failed || !copy.all_verified) info.verified_level.clear();
  if (info.verified != Verified::failed) {
    info.verified = copy.all_verified ? Verified::passed : Verified::unknown;
    if (!copy.all_verified) info.verified_at.reset();
  }
}

ReplicaInfo to_replica(const Copy& copy) {
  return {copy.info.region,   copy.info.resource_group,
          copy.info.complete, copy.percent_sum / std::max(copy.info.disks, 1),
          copy.info.verified, {}};
}

// One backup of its primary (when it is there) and its replicas.
BackupInfo join(std::map<std::string, Copy>& copies) {
  Copy* best = nullptr;
  std::vector<ReplicaInfo> replicas;
  for (auto& [region, copy] : copies) {
    finish(copy);
    if (copy.replica) replicas.push_back(to_replica(copy));
    const auto better = [](const Copy& a, const Copy& b) {
      return std::pair{a.replica, !a.info.complete} < std::pair{b.replica, !b.info.complete};
    };
    if (best == nullptr || better(copy, *best)) best = &copy;
  }
  BackupInfo info = std::move(best->info);
  info.replica_only = best->replica;
  info.replicas = std::move(replicas);
  return info;
}

}  // namespace

std::vector<BackupInfo> BackupManager::list_all(const std::string& subscription, std::stop_token stop) {
  std::unordered_map<std::string, std::map<std::string, Copy>> sets;  // VM and set -> region -> copy
  const auto now = clock_.now();
  azure::list_snapshots(
      arm_, subscription, std::nullopt,
      [&](azure::Snapshot&& snapshot) {
        const auto parts = snapshot::group_sets({std::move(snapshot)});
        if (parts.empty() || !parse_tier(parts.front().tier)) return true;
        const auto& part = parts.front();
        add_part(sets[part.vm_key + "\n" + part.name][part.location + (part.replica() ? "+" : "")], part,
                 now);
        return true;
      },
      stop);
  std::vector<BackupInfo> out;
  out.reserve(sets.size());
  while (!sets.empty()) {
    out.push_back(join(sets.begin()->second));
    sets.erase(sets.begin());
  }
  std::sort(out.begin(), out.end(), [](const BackupInfo& a, const BackupInfo& b) {
    return std::tie(b.created, b.name) < std::tie(a.created, a.name);
  });
  return out;
}

}  // namespace azlin::backup
