// Taking a set: all or nothing.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "azlin/arm/error.hpp"
#include "azlin/azure/disk_traits.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/snapshot/manager.hpp"
#include "azlin/snapshot/names.hpp"
#include "snapshot/describe.hpp"
#include "snapshot/undo.hpp"

namespace azlin::snapshot {

using core::Error;
using core::ErrorKind;

namespace {

constexpr int kMostDisks = 65;  // an OS disk and 64 data disks
constexpr int kMostNames = 20;
constexpr int kMostSnapshotsOfADisk = 500;
constexpr int kMostInAWhile = 7;
constexpr core::Millis kAWhile = std::chrono::minutes{5};
constexpr const char* kLimitsHint =
    "Azure takes 7 incremental snapshots of a disk in five minutes and keeps 500: wait, or remove old ones "
    "(`azlin snapshot list`, `azlin backup cleanup --dry-run`)";

struct Source {
  azure::AttachedDisk attached;
  azure::Disk disk;
};

// The managed disks, OS disk first; notes the others in `skipped`.
std::vector<azure::AttachedDisk> managed_disks(const azure::Vm& vm, std::vector<std::string>& skipped) {
  if (vm.os_disk.disk_id.empty()) {
    throw Error(ErrorKind::failed,
                fmt::format("VM {} has no managed OS disk, so it cannot be snapshotted", vm.name),
                "convert it with `az vm convert`");
  }
  if (azure::has_ephemeral_os_disk(vm)) {
    throw Error(ErrorKind::failed,
                fmt::format("VM {} has an ephemeral OS disk, of which Azure takes no snapshots", vm.name),
                "nothing was made; make the VM anew with a managed OS disk, or keep its data with `azlin "
                "archive`");
  }
  std::vector<azure::AttachedDisk> disks = {vm.os_disk};
  disks.front().lun = -1;
  for (const auto& disk : vm.data_disks) {
    if (!disk.disk_id.empty()) {
      disks.push_back(disk);
    } else {
      skipped.push_back(fmt::format("LUN {} ({}) is not a managed disk", disk.lun, disk.name));
    }
  }
  return disks;
}

std::vector<Source> read_disks(arm::ArmClient& arm, const azure::Vm& vm, std::vector<std::string>& skipped,
                               std::stop_token stop) {
  std::vector<Source> sources;
  for (auto& attached : managed_disks(vm, skipped)) sources.push_back({std::move(attached), {}});
  rethrow_first(core::run_parallel(sources.size(), kMostDisks, stop, [&](std::size_t i) {
    auto found = azure::find_disk(arm, sources[i].attached.disk_id, stop);
    if (!found) {
      throw Error(ErrorKind::not_found,
                  fmt::format("disk {} of VM {} does not exist", sources[i].attached.disk_id, vm.name));
    }
    sources[i].disk = std::move(*found);
  }));
  return sources;
}

void check_limits(const std::vector<Source>& sources, const std::vector<SnapshotSet>& existing,
                  core::TimePoint now) {
  for (const auto& source : sources) {
    int all = 0, lately = 0;
    for (const auto& set : existing) {
      for (const auto& member : set.members) {
        if (!core::equal_ignoring_case(member.snapshot.source_id, source.disk.id)) continue;
        ++all;
        // Of those from the future this machine's clock is wrong: the service decides.
        if (std::chrono::abs(member.snapshot.created_at - now) < kAWhile) ++lately;
      }
    }
    if (all < kMostSnapshotsOfADisk && lately < kMostInAWhile) continue;
    throw Error(
        ErrorKind::failed,
        fmt::format("disk {} has {} snapshots, {} of them younger than five minutes: Azure takes no more",
                    source.disk.name, all, lately),
        kLimitsHint);
  }
}

std::string snapshot_id(const azure::Vm& vm, const std::string& name) {
  return fmt::format("/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/snapshots/{}",
                     vm.subscription, vm.resource_group, name);
}

// The first name of which no member exists. The service would take a second PUT as an update.
std::string free_set_name(arm::ArmClient& arm, const TakeRequest& request, const std::vector<Source>& sources,
                          core::TimePoint now, std::stop_token stop) {
  for (int attempt = 1; attempt <= kMostNames; ++attempt) {
    const std::string set = set_name(request.vm.name, request.kind, now, attempt);
    std::atomic<bool> taken = false;
    rethrow_first(core::run_parallel(sources.size(), kMostDisks, stop, [&](std::size_t i) {
      const std::string name = member_name(set, sources[i].attached.lun);
      if (azure::find_snapshot(arm, snapshot_id(request.vm, name), stop)) taken = true;
    }));
    if (!taken) return set;
  }
  throw Error(ErrorKind::failed,
              fmt::format("no free name for a snapshot of {} at this minute", request.vm.name),
              "wait a minute and try again");
}

azure::NewSnapshot new_snapshot(const TakeRequest& request, const Source& source, const std::string& set,
                                std::size_t disks, core::TimePoint now) {
  azure::NewSnapshot made;
  made.id = snapshot_id(request.vm, member_name(set, source.attached.lun));
  made.location = source.disk.location;
  made.source_id = source.disk.id;
  made.tags = {{kVmTag, vm_key(request.vm.resource_group, request.vm.name)},
               {kSetTag, set},
               {kLunTag, source.attached.lun < 0 ? "os" : std::to_string(source.attached.lun)},
               {kDisksTag, std::to_string(disks)},
               {kTimeTag, core::to_iso8601(now)},
               {kDiskSpecTag, to_tag(describe(source.attached, source.disk, request.vm))}};
  if (!request.tier.empty()) made.tags[kTierTag] = request.tier;
  return made;
}

// The service's refusals for too many snapshots do not tell the way out.
[[noreturn]] void rethrow_with_hint(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const arm::ArmError& refused) {
    const bool limit = refused.code() == "SnapshotsLimitReached" || refused.status() == 429;
    if (!limit) throw;
    throw arm::ArmError(refused.kind(), refused.what(), kLimitsHint, refused.status(), refused.code(),
                        refused.request_id(), refused.service_message());
  }
}

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& caught) {
    return caught.what();
  }
}

}  // namespace

TakePlan SnapshotManager::plan_take(const TakeRequest& request, std::stop_token stop) {
  TakePlan plan;
  const auto sources = read_disks(arm_, request.vm, plan.skipped, stop);
  const auto now = clock_.now();
  check_limits(sources, request.existing, now);
  plan.set = free_set_name(arm_, request, sources, now, stop);
  for (const auto& source : sources) {
    plan.snapshots.push_back(new_snapshot(request, source, plan.set, sources.size(), now));
  }
  VmSpec spec = describe(request.vm, read_nics(arm_, request.vm, stop));
  if (spec.generation.empty()) spec.generation = sources.front().disk.generation;
  plan.snapshots.front().tags.merge(to_tags(spec));
  core::throw_if_stopped(stop, "preparing a snapshot");
  return plan;
}

SnapshotSet SnapshotManager::take(const TakeRequest& request, store::Operation& operation,
                                  std::stop_token stop) {
  const TakePlan plan = plan_take(request, stop);
  std::vector<std::int64_t> steps;
  for (const auto& wanted : plan.snapshots)
    steps.push_back(operation.begin(kCreateStep, create_step(wanted)));

  std::vector<azure::Snapshot> made(plan.snapshots.size());
  const auto errors = core::run_parallel(made.size(), kMostDisks, stop, [&](std::size_t i) {
    made[i] = azure::create_snapshot(arm_, plan.snapshots[i], stop);
    if (made[i].provisioning_state != "Succeeded") {
      throw Error(ErrorKind::failed,
                  fmt::format("snapshot {} ended in state {}", made[i].name, made[i].provisioning_state));
    }
    operation.done(steps[i]);
  });
  const auto failed =
      std::find_if(errors.begin(), errors.end(), [](const auto& error) { return error != nullptr; });
  if (failed != errors.end()) {
    const std::string why = message_of(*failed);
    try {
      for (std::size_t i = 0; i < made.size(); ++i) {
        delete_if_ours(arm_, plan.snapshots[i].id, plan.snapshots[i].tags.at(kVmTag), plan.set, {});
        operation.undone(steps[i]);
      }
    } catch (const Error& error) {
      operation.interrupt(fmt::format("{}; and what was made could not be deleted: {}",
                                      core::without_full_stop(why), error.what()));
    }
    rethrow_with_hint(*failed);
  }
  auto sets = group_sets(std::move(made));
  if (sets.size() != 1) throw Error(ErrorKind::failed, "the service returned snapshots without their tags");
  return std::move(sets.front());
}

}  // namespace azlin::snapshot
