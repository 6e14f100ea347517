#include "cli/backup_groups.hpp"

#include <fmt/format.h>

#include <atomic>
#include <set>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"

namespace azlin::cli {

using backup::BackupManager;
using backup::Tier;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using snapshot::VmRef;

namespace {

// "20251201-080005"
std::string run_id(core::TimePoint now) {
  return core::to_name_stamp(now) + core::to_display(now).substr(17, 2);
}

bool holds(const std::vector<BatchItem>& items, const VmRef& vm) {
  return std::any_of(items.begin(), items.end(),
                     [&](const BatchItem& item) { return core::equal_ignoring_case(item.vm.id(), vm.id()); });
}

// Names of the groups that VMs are in.
std::set<std::string> group_names(Console& console, const std::vector<azure::Vm>& vms) {
  std::set<std::string> names;
  for (const auto& vm : vms) {
    try {
      if (const auto mark = backup::group_of(vm)) names.insert(mark->name);
    } catch (const Error& error) {
      console.warn(error.what());
    }
  }
  return names;
}

}  // namespace

std::optional<Tier> tier_of_group(Runtime& runtime, BackupManager& backups,
                                  const std::vector<backup::GroupMember>& members, bool only_due) {
  std::vector<Tier> tiers(members.size(), Tier::daily);
  std::atomic<bool> due = !only_due;
  const auto ends = core::run_parallel(members.size(), kMostOfAGroup, runtime.stop(), [&](std::size_t i) {
    tiers[i] = backups.tier_now(members[i].vm, runtime.stop());
    if (!due && backups.is_due(members[i].vm, runtime.stop())) due = true;
  });
  for (const auto& end : ends) {
    if (end) std::rethrow_exception(end);
  }
  return due ? std::optional(*std::max_element(tiers.begin(), tiers.end())) : std::nullopt;
}

std::vector<BatchItem> items_of(const std::string& group, const std::vector<backup::GroupMember>& members,
                                std::optional<Tier> tier) {
  std::vector<BatchItem> items;
  for (const auto& member : members) {
    BatchItem item;
    item.vm = member.vm;
    item.group = group;
    item.tier = tier;
    item.skipped = !tier;
    items.push_back(std::move(item));
  }
  return items;
}

std::vector<BatchItem> joined(Runtime& runtime, BackupManager& backups, std::vector<BatchItem> items,
                              bool only_due) {
  const auto vms = azure::list_vms(runtime.arm(), runtime.subscription(), {}, runtime.stop());
  std::vector<BatchItem> out;
  for (const auto& name : group_names(runtime.console(), vms)) {
    try {
      const auto members = backup::members_of(vms, name);
      const bool wanted = std::any_of(members.begin(), members.end(),
                                      [&](const auto& member) { return holds(items, member.vm); });
      if (!wanted) continue;
      const auto tier = tier_of_group(runtime, backups, members, only_due);
      for (auto& item : items_of(name, members, tier)) out.push_back(std::move(item));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      runtime.console().warn(
          fmt::format("the VMs of group {} are backed up one by one: {}", name, error.what()));
    }
  }
  const auto grouped = out;
  for (auto& item : items) {
    if (!holds(grouped, item.vm)) out.push_back(std::move(item));
  }
  return out;
}

ordered_json finish_group(Runtime& runtime, BackupManager& backups,
                          replication::ReplicationManager& replications, std::span<BatchItem> items) {
  std::vector<snapshot::SnapshotSet> sets;
  for (const auto& item : items) {
    if (item.result) sets.push_back(item.result->backup.set);
  }
  const backup::GroupRun run{items.front().group, run_id(runtime.clock().now()),
                             static_cast<int>(items.size()), backup::spread_of(sets)};
  const bool whole = sets.size() == items.size();
  for (auto& item : items) {
    if (!item.result) continue;
    try {
      if (whole) backups.snapshots().tag(item.result->backup.set, {{backup::kGroupRunTag, to_tag(run)}}, {});
      for (auto& member : item.result->backup.set.members) {
        if (whole) member.snapshot.tags[backup::kGroupRunTag] = to_tag(run);
      }
    } catch (const Error& error) {
      item.result->warnings.push_back(
          fmt::format("it is not marked as part of run {} of its group: {}", run.id, error.what()));
    }
    item.queued = queue_after_backup(runtime, replications, item.vm, *item.result);
  }
  const double seconds = static_cast<double>(run.spread.count()) / 1000.0;
  if (whole)
    runtime.console().line(fmt::format("Run {} of group {}: {} within {:.1f} s", run.id, run.group,
                                       core::counted(items.size(), "VM"), seconds));
  return {{"group", run.group},
          {"run", whole ? ordered_json(run.id) : ordered_json(nullptr)},
          {"spreadSeconds", whole ? ordered_json(seconds) : ordered_json(nullptr)}};
}

}  // namespace azlin::cli
