// A snapshot is reduced to what a list shows as soon as it arrives, and texts that repeat are kept once.
#include "azlin/backup/fleet_list.hpp"

#include <malloc.h>

#include <algorithm>
#include <deque>
#include <set>
#include <tuple>

namespace azlin::backup {

namespace {

using Text = const std::string*;  // in the pool; equal texts are one address

enum class Level : std::int8_t { none, failed, disk, content, full };

struct Fact {
  Text vm_key, vm_name, resource_group, region, subscription, hold, in_use;
  std::string set;
  core::TimePoint set_created, created_at, verified_at;
  std::uint64_t size_bytes = 0;
  int size_gb = 0;
  float percent = 100;
  std::int16_t expected = 0;
  Tier tier = Tier::daily;
  Level verified = Level::none;
  bool replica = false, os_disk = false, complete = false, failed = false;
};

Level level_of(const std::string& text) {
  if (text == "failed") return Level::failed;
  if (text == "disk") return Level::disk;
  return text == "content" ? Level::content : Level::full;
}

const char* text_of(Level level) {
  if (level == Level::disk) return "disk";
  if (level == Level::content) return "content";
  return level == Level::full ? "full" : "";
}

class Pool {
 public:
  Text keep(const std::string& text) { return &*texts_.insert(text).first; }

 private:
  std::set<std::string> texts_;
};

// nullopt: it is of no backup.
std::optional<Fact> to_fact(azure::Snapshot&& snapshot, Pool& pool, core::TimePoint now) {
  const auto parts = snapshot::group_sets({std::move(snapshot)});
  if (parts.empty()) return std::nullopt;
  const auto& part = parts.front();
  const auto tier = parse_tier(part.tier);
  if (!tier) return std::nullopt;
  const azure::Snapshot& only = part.members.front().snapshot;
  Fact fact;
  fact.vm_key = pool.keep(part.vm_key);
  fact.vm_name = pool.keep(part.vm_name);
  fact.resource_group = pool.keep(part.resource_group);
  fact.region = pool.keep(part.location);
  fact.subscription = pool.keep(part.subscription);
  fact.hold = part.hold() ? pool.keep(*part.hold()) : nullptr;
  fact.in_use = pool.keep(part.in_use(now));
  fact.set = part.name;
  fact.set_created = part.created;
  fact.created_at = only.created_at;
  fact.size_bytes = only.size_bytes;
  fact.size_gb = only.size_gb;
  fact.percent = static_cast<float>(only.completion_percent.value_or(100.0));
  fact.expected = static_cast<std::int16_t>(part.expected);
  fact.tier = *tier;
  if (const auto mark = part.verified()) {
    fact.verified = level_of(mark->level);
    fact.verified_at = mark->at;
  }
  fact.replica = part.replica();
  fact.os_disk = part.os_disk() != nullptr;
  fact.complete = only.complete();
  fact.failed = !part.failure().empty();
  return fact;
}

auto backup_of(const Fact& fact) {
  return std::tie(fact.vm_key, fact.set);
}
// The OS disk's snapshot comes first: it says what the set is.
auto copy_of(const Fact& fact) {
  return std::tuple(fact.replica, fact.region, !fact.os_disk);
}

using Facts = std::deque<Fact>::const_iterator;

void add_verified(BackupInfo& info, Facts begin, Facts end) {
  Level lowest = Level::full;
  auto oldest = begin->verified_at;
  for (auto fact = begin; fact != end; ++fact) {
    if (fact->verified == Level::failed) {
      info.verified = Verified::failed;
      info.verified_at = fact->verified_at;
      return;
    }
    lowest = std::min(lowest, fact->verified);
    oldest = std::min(oldest, fact->verified_at);
  }
  if (lowest == Level::none) return;
  info.verified = Verified::passed;
  info.verified_level = text_of(lowest);
  info.verified_at = oldest;
}

// The set of one region; its facts stand together.
BackupInfo sum_up(Facts begin, Facts end) {
  BackupInfo info;
  info.name = begin->set;
  info.vm_key = *begin->vm_key;
  info.vm_name = *begin->vm_name;
  info.resource_group = *begin->resource_group;
  info.subscription = *begin->subscription;
  info.region = *begin->region;
  info.tier = begin->tier;
  info.created = begin->set_created;
  info.replica_only = begin->replica;
  info.disks = static_cast<int>(end - begin);
  info.expected_disks = begin->expected;
  info.complete = begin->os_disk && info.disks == info.expected_disks;
  auto first = begin->created_at, last = begin->created_at;
  for (auto fact = begin; fact != end; ++fact) {
    info.size_bytes += fact->size_bytes;
    info.size_gb += fact->size_gb;
    info.complete = info.complete && fact->complete;
    first = std::min(first, fact->created_at);
    last = std::max(last, fact->created_at);
    if (fact->hold != nullptr && !info.hold) info.hold = *fact->hold;
    if (info.in_use.empty()) info.in_use = *fact->in_use;
  }
  if (!begin->replica) info.spread = last - first;
  add_verified(info, begin, end);
  return info;
}

ReplicaInfo to_replica(const BackupInfo& info, Facts begin, Facts end) {
  double percent = 0;
  for (auto fact = begin; fact != end; ++fact) percent += fact->percent;
  return {info.region,   info.resource_group,
          info.complete, percent / static_cast<double>(end - begin),
          info.verified, {},
          info.hold,     info.in_use};
}

// The primary and the replicas of one backup; their facts stand together, the primary's first.
BackupInfo join(Facts begin, Facts end) {
  std::optional<BackupInfo> out;
  std::vector<ReplicaInfo> replicas;
  std::string copying;
  for (auto from = begin; from != end;) {
    const auto to = std::find_if(from, end, [&](const Fact& fact) {
      return fact.replica != from->replica || fact.region != from->region;
    });
    BackupInfo info = sum_up(from, to);
    if (from->replica) {
      replicas.push_back(to_replica(info, from, to));
      const bool failed = std::any_of(from, to, [](const Fact& fact) { return fact.failed; });
      if (!info.complete && !failed) copying = "being copied to " + info.region;
    }
    const bool better = !out || (out->replica_only && !out->complete && info.complete);
    if (better) out = std::move(info);
    from = to;
  }
  if (!out->replica_only && out->in_use.empty()) out->in_use = copying;
  out->replicas = std::move(replicas);
  return std::move(*out);
}

}  // namespace

struct FleetList::Facts {
  struct Place {
    core::TimePoint created;
    std::uint32_t first, count;
  };
  Pool pool;
  std::deque<Fact> all;        // those of one backup side by side
  std::vector<Place> backups;  // newest first

  auto begin_of(const Place& place) const { return all.cbegin() + place.first; }
  BackupInfo get(const Place& place) const { return join(begin_of(place), begin_of(place) + place.count); }
  void arrange();
};

void FleetList::Facts::arrange() {
  std::sort(all.begin(), all.end(), [](const Fact& a, const Fact& b) {
    return std::tuple(backup_of(a), copy_of(a)) < std::tuple(backup_of(b), copy_of(b));
  });
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    if (i == 0 || backup_of(all[i]) != backup_of(all[i - 1])) backups.push_back({{}, i, 0});
    ++backups.back().count;
  }
  for (auto& place : backups) place.created = get(place).created;
  std::sort(backups.begin(), backups.end(), [&](const Place& a, const Place& b) {
    return std::tie(b.created, begin_of(b)->set) < std::tie(a.created, begin_of(a)->set);
  });
#ifdef __GLIBC__
  ::malloc_trim(0);  // gives back what the pages of the replies needed
#endif
}

FleetList::FleetList(std::unique_ptr<Facts> facts) : facts_(std::move(facts)) {}
FleetList::FleetList(FleetList&&) noexcept = default;
FleetList::~FleetList() = default;

FleetList FleetList::read(arm::ArmClient& arm, const std::string& subscription, core::TimePoint now,
                          std::stop_token stop) {
  auto facts = std::make_unique<Facts>();
  azure::list_snapshots(
      arm, subscription, std::nullopt,
      [&](azure::Snapshot&& snapshot) {
        if (auto fact = to_fact(std::move(snapshot), facts->pool, now))
          facts->all.push_back(*std::move(fact));
        return true;
      },
      stop);
  facts->arrange();
  return FleetList(std::move(facts));
}

std::size_t FleetList::size() const {
  return facts_->backups.size();
}

BackupInfo FleetList::at(std::size_t index) const {
  return facts_->get(facts_->backups.at(index));
}

std::vector<BackupInfo> BackupManager::list_all(const std::string& subscription, std::stop_token stop) {
  const auto list = FleetList::read(arm_, subscription, clock_.now(), stop);
  std::vector<BackupInfo> out;
  out.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) out.push_back(list.at(i));
  return out;
}

}  // namespace azlin::backup
