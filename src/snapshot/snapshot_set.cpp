#include "azlin/snapshot/snapshot_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "azlin/core/names.hpp"

namespace azlin::snapshot {

namespace {

const std::string* find_tag(const azure::Tags& tags, std::string_view name) {
  for (const auto& [key, value] : tags) {
    if (core::equal_ignoring_case(key, name)) return &value;
  }
  return nullptr;
}

std::string tag(const azure::Tags& tags, std::string_view name) {
  const std::string* value = find_tag(tags, name);
  return value == nullptr ? std::string() : *value;
}

std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

// nullopt: not a snapshot of azlin's.
std::optional<int> lun_of(const azure::Tags& tags) {
  const std::string text = tag(tags, kLunTag);
  return text == "os" ? std::optional(-1) : whole_number(text);
}

// Levels from weak to strong.
int rank(const std::string& level) {
  return level == "failed" ? 0 : level == "disk" ? 1 : level == "content" ? 2 : 3;
}

// Fills in what the set as a whole is, from its OS disk's snapshot or else from any.
void describe(SnapshotSet& set) {
  const azure::Snapshot& first = set.members.front().snapshot;
  const auto id = core::ResourceId::parse(first.id);
  set.subscription = id.subscription;
  set.resource_group = id.resource_group;
  set.location = first.location;
  set.tier = tag(first.tags, kTierTag);
  set.expected = whole_number(tag(first.tags, kDisksTag)).value_or(0);
  const auto asked_at = core::parse_time(tag(first.tags, kTimeTag));
  set.created = set.replica() && asked_at ? *asked_at : first.created_at;
  const auto spec = vm_spec(first.tags);
  set.vm_name = spec ? spec->name : set.vm_key.substr(set.vm_key.find('/') + 1);
}

}  // namespace

bool SnapshotSet::complete() const {
  // The number alone would take a set of two for whole that lost its OS disk.
  return expected > 0 && static_cast<int>(members.size()) == expected && os_disk() != nullptr &&
         std::all_of(members.begin(), members.end(), [](const Member& m) { return m.snapshot.complete(); });
}

double SnapshotSet::percent() const {
  double sum = 0;
  for (const auto& member : members) sum += member.snapshot.completion_percent.value_or(100.0);
  return members.empty() ? 0 : sum / static_cast<double>(members.size());
}

std::string SnapshotSet::failure() const {
  for (const auto& member : members) {
    if (!member.snapshot.copy_error.empty()) return member.snapshot.copy_error;
    if (member.snapshot.provisioning_state == "Failed") return member.snapshot.name + " is in state Failed";
  }
  return {};
}

std::uint64_t SnapshotSet::size_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& member : members) sum += member.snapshot.size_bytes;
  return sum;
}

int SnapshotSet::size_gb() const {
  int sum = 0;
  for (const auto& member : members) sum += member.snapshot.size_gb;
  return sum;
}

core::Millis SnapshotSet::spread() const {
  if (members.empty()) return core::Millis{0};
  const auto [first, last] = std::minmax_element(
      members.begin(), members.end(),
      [](const Member& a, const Member& b) { return a.snapshot.created_at < b.snapshot.created_at; });
  return last->snapshot.created_at - first->snapshot.created_at;
}

const Member* SnapshotSet::os_disk() const {
  return !members.empty() && members.front().lun == -1 ? &members.front() : nullptr;
}

std::optional<VmSpec> SnapshotSet::vm() const {
  const Member* os = os_disk();
  return os == nullptr ? std::nullopt : vm_spec(os->snapshot.tags);
}

std::optional<VerifiedMark> SnapshotSet::verified() const {
  std::optional<VerifiedMark> lowest;
  bool all = true;
  for (const auto& member : members) {
    const auto mark = parse_verified(tag(member.snapshot.tags, kVerifiedTag));
    if (mark && mark->level == "failed") return mark;
    if (!mark) {
      all = false;
    } else if (!lowest || rank(mark->level) < rank(lowest->level)) {
      lowest = VerifiedMark{mark->level, lowest ? std::min(lowest->at, mark->at) : mark->at};
    } else {
      lowest->at = std::min(lowest->at, mark->at);
    }
  }
  return all ? lowest : std::nullopt;
}

std::optional<std::string> SnapshotSet::hold() const {
  for (const auto& member : members) {
    if (const std::string* text = find_tag(member.snapshot.tags, kHoldTag)) return *text;
  }
  return std::nullopt;
}

std::string SnapshotSet::in_use(core::TimePoint now) const {
  for (const auto& member : members) {
    const auto& snapshot = member.snapshot;
    if (const std::string* text = find_tag(snapshot.tags, kInUseTag)) {
      const auto mark = parse_in_use(*text);
      if (!mark) return fmt::format("has a mark that cannot be read: {}={}", kInUseTag, *text);
      if (mark->until > now)
        return fmt::format("in use ({}, until {})", mark->what.substr(0, mark->what.find(':')),
                           core::to_display(mark->until));
    }
    if (snapshot.state == "ActiveSAS" || snapshot.state == "ActiveSASFrozen")
      return "being read (an open SAS)";
    const bool copying = snapshot.copy_error.empty() && snapshot.completion_percent.value_or(100.0) < 100.0;
    if (copying && snapshot.provisioning_state != "Failed") return "being copied";
  }
  return {};
}

std::vector<SnapshotSet> group_sets(std::vector<azure::Snapshot> snapshots) {
  std::map<std::tuple<std::string, std::string, std::string, bool>, SnapshotSet> sets;
  for (auto& snapshot : snapshots) {
    const std::string vm = tag(snapshot.tags, kVmTag), name = tag(snapshot.tags, kSetTag);
    const auto lun = lun_of(snapshot.tags);
    if (vm.empty() || name.empty() || !lun) continue;
    const std::string source = tag(snapshot.tags, kReplicaOfTag);
    SnapshotSet& set = sets[{vm, name, core::to_lower(snapshot.location), !source.empty()}];
    set.name = name;
    set.vm_key = vm;
    if (set.replica_of.empty() || *lun == -1) set.replica_of = source;
    set.members.push_back({*lun, std::move(snapshot)});
  }
  std::vector<SnapshotSet> out;
  for (auto& [key, set] : sets) {
    std::sort(set.members.begin(), set.members.end(),
              [](const Member& a, const Member& b) { return a.lun < b.lun; });
    describe(set);
    out.push_back(std::move(set));
  }
  std::sort(out.begin(), out.end(), [](const SnapshotSet& a, const SnapshotSet& b) {
    return std::tie(b.created, b.name) < std::tie(a.created, a.name);
  });
  return out;
}

}  // namespace azlin::snapshot
