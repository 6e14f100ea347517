#include "azlin/snapshot/manager.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "snapshot/region_reads.hpp"
#include "snapshot/undo.hpp"

namespace azlin::snapshot {

using core::Error;
using core::ErrorKind;

namespace {

constexpr int kParallelChanges = 16;

// Not canceled half-way: the step in hand is finished.
Removal remove_one(arm::ArmClient& arm, const azure::Snapshot& known, core::TimePoint now) {
  try {
    if (const auto found = azure::find_snapshot(arm, known.id)) {
      const std::string against =
          known.unique_id != found->unique_id ? "another snapshot has this name now" : why_kept(*found, now);
      if (!against.empty()) throw Error(ErrorKind::failed, fmt::format("{} stays: {}", known.name, against));
      azure::delete_snapshot(arm, known.id);
    }
    return {known.name, {}};
  } catch (const Error& error) {
    return {known.name, error.what()};
  }
}

template <class Change>
void change_members(const SnapshotSet& set, std::stop_token stop, Change change) {
  rethrow_first(core::run_parallel(set.members.size(), kParallelChanges, stop,
                                   [&](std::size_t i) { change(set.members[i].snapshot); }));
}

}  // namespace

std::string VmRef::id() const {
  return fmt::format("/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/virtualMachines/{}",
                     subscription, resource_group, name);
}

SnapshotManager::SnapshotManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock)
    : arm_(arm), journal_(journal), clock_(clock), outages_(std::make_shared<RegionOutages>()) {}

std::vector<SnapshotSet> SnapshotManager::list_all(const std::string& subscription, std::stop_token stop) {
  std::vector<azure::Snapshot> found;
  azure::list_snapshots(
      arm_, subscription, std::nullopt,
      [&](azure::Snapshot&& snapshot) {
        if (snapshot.tags.contains(kSetTag)) found.push_back(std::move(snapshot));
        return true;
      },
      stop);
  return group_sets(std::move(found));
}

std::vector<Removal> SnapshotManager::remove(const SnapshotSet& set, store::Operation& operation,
                                             std::stop_token stop) {
  std::vector<const azure::Snapshot*> data;
  for (const auto& member : set.members) {
    if (member.lun >= 0) data.push_back(&member.snapshot);
  }
  auto all = data;
  if (const Member* os = set.os_disk()) all.push_back(&os->snapshot);
  core::throw_if_stopped(stop, "deleting a snapshot");
  const auto seq = operation.begin(kDeleteStep, delete_step(all));
  std::vector<Removal> removals(data.size());
  const auto now = clock_.now();
  const auto stayed = [](const Removal& removal) { return !removal.error.empty(); };
  rethrow_first(core::run_parallel(data.size(), kParallelChanges, {},
                                   [&](std::size_t i) { removals[i] = remove_one(arm_, *data[i], now); }));
  if (all.size() > data.size() && std::none_of(removals.begin(), removals.end(), stayed))
    removals.push_back(remove_one(arm_, *all.back(), now));
  const auto first = std::find_if(removals.begin(), removals.end(), stayed);
  first == removals.end() ? operation.done(seq) : operation.failed(seq, first->error);
  return removals;
}

void SnapshotManager::tag(const SnapshotSet& set, const azure::Tags& tags, std::stop_token stop) {
  change_members(set, stop,
                 [&](const azure::Snapshot& snapshot) { azure::merge_tags(arm_, snapshot.id, tags, stop); });
}

void SnapshotManager::untag(const SnapshotSet& set, const std::vector<std::string>& names,
                            std::stop_token stop) {
  change_members(set, stop, [&](const azure::Snapshot& snapshot) {
    azure::Tags present;
    for (const auto& [name, value] : azure::get_tags(arm_, snapshot.id, stop)) {
      const auto wanted = [&](const std::string& other) { return core::equal_ignoring_case(name, other); };
      if (std::any_of(names.begin(), names.end(), wanted)) present[name] = value;
    }
    if (!present.empty()) azure::remove_tags(arm_, snapshot.id, present, stop);
  });
}

}  // namespace azlin::snapshot
