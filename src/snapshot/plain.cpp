// `azlin snapshot`: sets without a tier, taken at an interval or by hand.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/manager.hpp"
#include "azlin/snapshot/vm_command.hpp"

namespace azlin::snapshot {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kKind = "snapshot";  // in the name

std::optional<SnapshotSchedule> read_schedule(const azure::Vm& vm) {
  for (const auto& [name, value] : vm.tags) {
    if (core::equal_ignoring_case(name, kSnapshotScheduleTag)) return parse_snapshot_schedule(value, vm.name);
  }
  return std::nullopt;
}

std::vector<SnapshotSet> plain_sets(std::vector<SnapshotSet> sets) {
  std::erase_if(sets, [](const SnapshotSet& set) { return !set.tier.empty() || set.replica(); });
  return sets;
}

core::TimePoint next_due(const SnapshotSchedule& schedule, const std::vector<SnapshotSet>& plain,
                         core::TimePoint now) {
  for (const auto& set : plain) {  // newest first
    if (set.complete()) return set.created + std::chrono::hours{schedule.interval_hours};
  }
  return now;
}

// Those past the newest N complete ones, and broken ones older than these; held and used ones stay.
std::vector<const SnapshotSet*> surplus(const std::vector<SnapshotSet>& plain, int keep,
                                        core::TimePoint now) {
  std::vector<const SnapshotSet*> out;
  int whole = 0;
  for (const auto& set : plain) {
    if (whole >= keep && !set.hold() && set.in_use(now).empty()) out.push_back(&set);
    if (set.complete()) ++whole;
  }
  return out;
}

const SnapshotSet& find_plain(const std::vector<SnapshotSet>& sets, const std::string& prefix) {
  const SnapshotSet* found = nullptr;
  for (const auto& set : sets) {
    if (set.replica()) continue;
    if (core::equal_ignoring_case(set.name, prefix)) return set;
    if (!core::equal_ignoring_case(std::string_view(set.name).substr(0, prefix.size()), prefix)) continue;
    if (found != nullptr) {
      throw Error(ErrorKind::usage,
                  fmt::format("several snapshots begin with '{}': {}, {}, …", prefix, found->name, set.name),
                  "give more of the name");
    }
    found = &set;
  }
  if (found == nullptr || prefix.empty()) {
    throw Error(ErrorKind::not_found, fmt::format("there is no snapshot '{}'", prefix),
                "`azlin snapshot list` shows what there is");
  }
  return *found;
}

void check_removable(const SnapshotSet& set, core::TimePoint now) {
  if (!set.tier.empty()) {
    throw Error(ErrorKind::usage, fmt::format("{} is a backup", set.name),
                "delete it with `azlin backup delete`");
  }
  if (const auto hold = set.hold()) {
    throw Error(ErrorKind::failed, fmt::format("{} is on hold ({})", set.name, *hold),
                "release it with `azlin backup hold --release`");
  }
  if (const auto use = set.in_use(now); !use.empty()) {
    throw Error(ErrorKind::busy, fmt::format("{} is {}", set.name, use), "try again when that has ended");
  }
}

// Replicas elsewhere do not matter to plain snapshots.
std::vector<SnapshotSet> sets_if_plain_whole(Listing listing, const VmRef& vm) {
  std::erase_if(listing.unreadable,
                [](const UnreadableSet& set) { return !set.tier.empty() || set.replica; });
  require_readable(listing.unreadable, "the snapshots of " + vm.name + " cannot be listed");
  return std::move(listing.sets);
}

std::string plan_json(const std::string& name) {
  return nlohmann::json{{"snapshot", name}}.dump();
}

}  // namespace

SnapshotSet SnapshotManager::create(const VmRef& vm, std::stop_token stop) {
  VmCommand command(arm_, journal_, clock_, "snapshot.create", vm, "{}", stop);
  return run_command(command, [&](VmCommand& running) {
    const TakeRequest request{azure::get_vm(arm_, vm.id(), true, stop), kKind, {}, look(vm, stop).sets};
    return take(request, running.operation(), stop);
  });
}

std::vector<Removal> SnapshotManager::remove_plain(const VmRef& vm, const std::string& name_prefix,
                                                   std::stop_token stop) {
  settle(*this, journal_, vm, stop);
  const auto sets = list(vm, stop);
  const SnapshotSet& set = find_plain(sets, name_prefix);
  check_removable(set, clock_.now());
  VmCommand command(arm_, journal_, clock_, "snapshot.delete", vm, plan_json(set.name), stop);
  return run_command(command, [&](VmCommand& running) { return remove(set, running.operation(), stop); });
}

void SnapshotManager::enable(const VmRef& vm, int interval_hours, int keep, std::stop_token stop) {
  const SnapshotSchedule schedule{true, interval_hours, keep};
  check(schedule);
  const auto found = azure::get_vm(arm_, vm.id(), false, stop);
  azure::merge_tags(arm_, found.id, {{kSnapshotScheduleTag, to_tag(schedule)}}, stop);
  journal_.record("snapshot.enable", vm.id(), to_tag(schedule), {});
}

void SnapshotManager::disable(const VmRef& vm, std::stop_token stop) {
  auto schedule = read_schedule(azure::get_vm(arm_, vm.id(), false, stop));
  if (!schedule) {
    throw Error(ErrorKind::not_found, fmt::format("VM {} has no snapshot schedule", vm.name),
                "`azlin snapshot enable` makes one");
  }
  schedule->enabled = false;
  azure::merge_tags(arm_, vm.id(), {{kSnapshotScheduleTag, to_tag(*schedule)}}, stop);
  journal_.record("snapshot.disable", vm.id(), to_tag(*schedule), {});
}

SnapshotStatus SnapshotManager::status(const VmRef& vm, std::stop_token stop) {
  SnapshotStatus out;
  out.schedule = read_schedule(azure::get_vm(arm_, vm.id(), false, stop));
  out.sets = plain_sets(sets_if_plain_whole(look(vm, stop), vm));
  if (out.schedule && out.schedule->enabled) out.next = next_due(*out.schedule, out.sets, clock_.now());
  return out;
}

SyncResult SnapshotManager::plan_sync(const VmRef& vm, std::stop_token stop) {
  const auto found = status(vm, stop);
  if (!found.next) {
    throw Error(ErrorKind::failed, fmt::format("VM {} has no enabled snapshot schedule", vm.name),
                "`azlin snapshot enable` makes one");
  }
  SyncResult out;
  out.due = *found.next <= clock_.now();
  const int keep = found.schedule->keep - (out.due ? 1 : 0);  // the one to come is the newest
  for (const auto* set : surplus(found.sets, keep, clock_.now())) out.removed.push_back(set->name);
  return out;
}

SyncResult SnapshotManager::sync(const VmRef& vm, std::stop_token stop) {
  settle(*this, journal_, vm, stop);
  const auto plan = plan_sync(vm, stop);
  SyncResult out;
  if (!plan.due && plan.removed.empty()) return out;
  VmCommand command(arm_, journal_, clock_, "snapshot.sync", vm, "{}", stop);
  return run_command(command, [&](VmCommand& running) {
    // Read again: another command may have worked between the plan and the lock.
    const auto machine = azure::get_vm(arm_, vm.id(), true, stop);
    const auto schedule = read_schedule(machine);
    if (!schedule || !schedule->enabled) return out;
    auto listing = look(vm, stop);
    const auto unreadable = listing.unreadable;
    auto all = sets_if_plain_whole(std::move(listing), vm);
    auto plain = plain_sets(all);
    out.due = next_due(*schedule, plain, clock_.now()) <= clock_.now();
    if (out.due) {
      out.taken = take({machine, kKind, {}, std::move(all)}, running.operation(), stop);
      plain.insert(plain.begin(), *out.taken);
    }
    auto old = surplus(plain, schedule->keep, clock_.now());
    if (!old.empty() && !unreadable.empty()) {
      out.warnings.push_back("nothing was deleted: " + unreadable_texts(unreadable).front());
      old.clear();
    }
    for (const auto* set : old) {
      bool gone = true;
      for (const auto& removal : remove(*set, running.operation(), stop)) {
        if (removal.error.empty()) continue;
        gone = false;
        out.warnings.push_back(removal.error);
      }
      if (gone) out.removed.push_back(set->name);
    }
    return out;
  });
}

}  // namespace azlin::snapshot
