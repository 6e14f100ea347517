// Looking: schedule, list, find, hold, forecast.
#include "azlin/backup/manager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "azlin/azure/disk_traits.hpp"
#include "azlin/azure/resources.hpp"
#include "azlin/backup/lease.hpp"
#include "azlin/backup/names.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/suggest.hpp"
#include "backup/vm_state.hpp"

namespace azlin::backup {

using core::Error;
using core::ErrorKind;

std::optional<BackupSchedule> schedule_of(const azure::Vm& vm) {
  for (const auto& [name, value] : vm.tags) {
    if (core::equal_ignoring_case(name, kScheduleTag)) return parse_schedule(value, vm.name);
  }
  return std::nullopt;
}

std::vector<TierMark> tier_marks(const std::vector<BackupInfo>& backups) {
  std::vector<TierMark> marks;
  for (const auto& info : backups) {
    if (info.complete && !info.replica_only) marks.push_back({info.tier, info.created});
  }
  return marks;
}

std::vector<snapshot::UnreadableSet> primaries(std::vector<snapshot::UnreadableSet> unreadable) {
  std::erase_if(unreadable, [](const auto& set) { return set.replica; });
  return unreadable;
}

namespace {

void note_unreadable(std::vector<BackupInfo>& backups,
                     const std::vector<snapshot::UnreadableSet>& unreadable) {
  for (auto& info : backups) {
    for (const auto& set : unreadable) {
      if (set.name != info.name) continue;
      info.unreadable_in.push_back(set.region);
      info.primary_unreadable = info.primary_unreadable || !set.replica;
    }
  }
}

void require_all_copies(const BackupInfo& info, const std::string& refused) {
  if (info.unreadable_in.empty()) return;
  throw Error(ErrorKind::failed,
              fmt::format("{}: a copy of {} is in {}, which does not answer", refused, info.name,
                          info.unreadable_in.front()),
              "try again when it answers; nothing is deleted meanwhile");
}

}  // namespace

BackupManager::BackupManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                             const std::string& journal_path)
    : arm_(arm),
      journal_(journal),
      clock_(clock),
      holder_(lease_holder(journal_path)),
      snapshots_(arm, journal, clock) {}

BackupManager::State BackupManager::load(const VmRef& vm, std::stop_token stop) {
  State state;
  state.vm = vm;
  state.machine = azure::get_vm(arm_, vm.id(), true, stop);
  state.schedule = schedule_of(state.machine);
  auto listing = snapshots_.look(vm, stop, snapshots_.made_lately(vm));
  state.sets = std::move(listing.sets);
  state.unreadable = std::move(listing.unreadable);
  state.backups = to_backups(state.sets, clock_.now());
  note_unreadable(state.backups, state.unreadable);
  return state;
}

BackupManager::State BackupManager::load_whole(const VmRef& vm, std::stop_token stop) {
  State state = load_scheduled(vm, stop);
  snapshot::require_readable(state.unreadable, "no backup of " + vm.name + " is deleted now");
  return state;
}

BackupManager::State BackupManager::load_scheduled(const VmRef& vm, std::stop_token stop) {
  State state = load(vm, stop);
  if (state.schedule) return state;
  throw NotScheduled(fmt::format("VM {} has no backup schedule", vm.name),
                     fmt::format("make one with `azlin backup configure {}`", vm.name));
}

void check_regions(arm::ArmClient& arm, const std::string& subscription,
                   const std::vector<std::string>& regions, std::stop_token stop) {
  if (regions.empty()) return;
  std::vector<std::string> known;
  try {
    known = azure::list_regions(arm, subscription, stop);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::unauthorized) return;  // a role in a resource group alone: Azure will tell
    throw;
  }
  for (const auto& region : regions) {
    const auto is_it = [&](const std::string& each) { return core::equal_ignoring_case(each, region); };
    if (std::any_of(known.begin(), known.end(), is_it)) continue;
    const auto near = core::nearest(region, known);
    throw Error(ErrorKind::usage, fmt::format("the subscription has no region {}", region),
                near ? fmt::format("did you mean {}?", *near)
                     : "`az account list-locations -o table` shows them; nothing was changed");
  }
}

namespace {

constexpr std::size_t kMostTags = 50;  // of a resource, by Azure

// The schedule is a tag, and the lease of every later command is another.
void require_room(const azure::Vm& vm) {
  const auto own = [](const auto& tag) {
    return core::equal_ignoring_case(tag.first, kScheduleTag) ||
           core::equal_ignoring_case(tag.first, snapshot::kLeaseTag);
  };
  const auto others =
      vm.tags.size() - static_cast<std::size_t>(std::count_if(vm.tags.begin(), vm.tags.end(), own));
  if (others + 2 <= kMostTags) return;
  throw Error(ErrorKind::failed,
              fmt::format("VM {} has {} tags of the {} that Azure allows; azlin needs two: {} and {}",
                          vm.name, others, kMostTags, kScheduleTag, snapshot::kLeaseTag),
              "remove others (`az tag update --operation delete`); nothing was changed");
}

}  // namespace

ConfigurePlan BackupManager::plan_configure(const VmRef& vm, const ScheduleChange& change, bool replace,
                                            std::stop_token stop) {
  ConfigurePlan plan;
  plan.vm = vm;
  const azure::Vm machine = azure::get_vm(arm_, vm.id(), false, stop);
  require_room(machine);
  if (azure::has_ephemeral_os_disk(machine))
    throw Error(ErrorKind::failed,
                fmt::format("VM {} has an ephemeral OS disk, of which Azure takes no snapshots", machine.name),
                "nothing was changed; make the VM anew with a managed OS disk, or keep its data with `azlin "
                "archive`");
  try {
    plan.before = schedule_of(machine);
  } catch (const InvalidSchedule&) {
    if (!replace) throw;
    plan.replaces_unreadable = true;
  }
  plan.after = apply(plan.before, change, machine.location);
  if (change.target_region) check_regions(arm_, vm.subscription, {*plan.after.target_region}, stop);

  const auto listing = look(vm, stop);
  plan.unreadable = listing.unreadable;
  plan.would_go = losses(plan.before, plan.after, listing.backups, clock_.now());
  return plan;
}

void BackupManager::configure(const ConfigurePlan& plan, std::stop_token stop) {
  const std::string value = to_tag(plan.after);
  try {
    azure::merge_tags(arm_, plan.vm.id(), {{kScheduleTag, value}}, stop);
  } catch (const Error& error) {
    journal_.record("backup.configure", plan.vm.id(), value, error.what());
    throw;
  }
  journal_.record("backup.configure", plan.vm.id(), value, {});
}

void BackupManager::disable(const VmRef& vm, std::stop_token stop) {
  auto schedule = schedule_of(azure::get_vm(arm_, vm.id(), false, stop));
  if (!schedule) {
    throw Error(ErrorKind::not_found,
                fmt::format("VM {} has no backup schedule, so there is nothing to disable", vm.name));
  }
  schedule->enabled = false;
  azure::merge_tags(arm_, vm.id(), {{kScheduleTag, to_tag(*schedule)}}, stop);
  journal_.record("backup.disable", vm.id(), to_tag(*schedule), {});
}

ScheduleView BackupManager::show(const VmRef& vm, std::stop_token stop) {
  const State state = load(vm, stop);
  ScheduleView view;
  view.vm = vm;
  view.schedule = state.schedule;
  view.unreadable = state.unreadable;
  for (const auto& mark : tier_marks(state.backups)) {
    ++view.counts[mark.tier];
    ++view.total;
    const auto known = view.last.find(mark.tier);
    if (known == view.last.end() || known->second < mark.created) view.last[mark.tier] = mark.created;
  }
  return view;
}

std::vector<BackupManager::Scheduled> BackupManager::scheduled_vms(const std::string& subscription,
                                                                   const std::optional<std::string>& group,
                                                                   std::stop_token stop) {
  std::vector<Scheduled> out;
  for (const auto& machine : azure::list_vms(arm_, subscription, group, stop)) {
    Scheduled found{{machine.subscription, machine.resource_group, machine.name}, {}, {}};
    try {
      found.schedule = schedule_of(machine);
    } catch (const InvalidSchedule& error) {
      found.error = error.what();
    }
    if (found.schedule || !found.error.empty()) out.push_back(std::move(found));
  }
  return out;
}

BackupListing BackupManager::look(const VmRef& vm, std::stop_token stop) {
  auto found = snapshots_.look(vm, stop, snapshots_.made_lately(vm));
  BackupListing listing{to_backups(found.sets, clock_.now()), std::move(found.unreadable)};
  std::erase_if(listing.unreadable, [](const auto& set) { return set.tier.empty() && !set.replica; });
  note_unreadable(listing.backups, listing.unreadable);
  return listing;
}

std::vector<BackupInfo> BackupManager::list(const VmRef& vm, std::stop_token stop) {
  return to_backups(snapshots_.list(vm, stop, snapshots_.made_lately(vm)), clock_.now());
}

BackupInfo BackupManager::find(const VmRef& vm, const std::string& prefix, std::stop_token stop) {
  auto listing = look(vm, stop);
  std::vector<std::string> names;
  for (const auto& info : listing.backups) names.push_back(info.name);
  std::vector<snapshot::UnreadableSet> alone;
  for (auto& set : listing.unreadable) {
    if (std::find(names.begin(), names.end(), set.name) != names.end()) continue;
    names.push_back(set.name);
    alone.push_back(std::move(set));
  }
  const auto index = find_by_prefix(names, prefix, "backup");
  if (index >= listing.backups.size())
    snapshot::require_readable({alone[index - listing.backups.size()]}, "it has no copy that can be read");
  return std::move(listing.backups[index]);
}

void BackupManager::hold(const VmRef& vm, const std::string& prefix, const std::string& reason,
                         std::stop_token stop) {
  check_hold_reason(reason);
  const std::string value = core::to_iso8601(clock_.now()) + " " + reason;
  const auto info = find(vm, prefix, stop);
  require_all_copies(info, "the hold is not set");
  snapshots_.tag(info.set, {{snapshot::kHoldTag, value}}, stop);
  for (const auto& replica : info.replicas) snapshots_.tag(replica.set, {{snapshot::kHoldTag, value}}, stop);
  journal_.record("backup.hold", vm.id(), nlohmann::json{{"backup", info.name}, {"reason", reason}}.dump(),
                  {});
}

void BackupManager::release(const VmRef& vm, const std::string& prefix, std::stop_token stop) {
  const auto info = find(vm, prefix, stop);
  require_all_copies(info, "the hold stays");
  snapshots_.untag(info.set, {snapshot::kHoldTag}, stop);
  for (const auto& replica : info.replicas) snapshots_.untag(replica.set, {snapshot::kHoldTag}, stop);
  journal_.record("backup.release", vm.id(), nlohmann::json{{"backup", info.name}}.dump(), {});
}

Forecast BackupManager::forecast(const VmRef& vm, core::TimePoint on, std::stop_token stop) {
  const State state = load_scheduled(vm, stop);
  snapshot::require_readable(primaries(state.unreadable), "there is no forecast for " + vm.name);
  auto points = to_points(state.backups, *state.schedule);
  std::erase_if(points, [](const Point& point) { return point.replica; });
  return backup::forecast(vm.name, *state.schedule, points, clock_.now(), on);
}

}  // namespace azlin::backup
