// Letting go of backups: by retention, or one by name.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "azlin/backup/manager.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/vm_command.hpp"
#include "backup/vm_state.hpp"

namespace azlin::backup {

using core::Error;
using core::ErrorKind;
using snapshot::SnapshotSet;

namespace {

// So far ahead that only what is guarded stays: tells why a backup would be guarded.
constexpr std::chrono::days kFarAhead{36'500};

bool is_failed(const azure::Snapshot& snapshot) {
  return snapshot.provisioning_state == "Failed";
}

// What the service left of creates that it refused: those members alone, as sets of their own.
std::vector<SnapshotSet> failed_leftovers(const std::vector<SnapshotSet>& sets) {
  std::vector<SnapshotSet> out;
  for (const auto& set : sets) {
    SnapshotSet part = set;
    std::erase_if(part.members, [](const snapshot::Member& member) { return !is_failed(member.snapshot); });
    if (!set.replica() && !part.members.empty()) out.push_back(std::move(part));
  }
  return out;
}

const SnapshotSet* find_set(const std::vector<SnapshotSet>& sets, const Point& point) {
  for (const auto& set : sets) {
    if (set.name == point.name && set.replica() == point.replica && !set.tier.empty() &&
        core::equal_ignoring_case(set.location, point.region)) {
      return &set;
    }
  }
  return nullptr;
}

// Sources first: a replica goes only when its source went.
std::vector<Decision> in_order(const RetentionPlan& plan) {
  auto deletions = plan.deletions();
  std::stable_partition(deletions.begin(), deletions.end(),
                        [](const Decision& decision) { return !decision.point.replica; });
  return deletions;
}

// The first thing that kept a set from going; empty: it is gone.
std::string first_error(const std::vector<snapshot::Removal>& removals) {
  for (const auto& removal : removals) {
    if (!removal.error.empty()) return removal.error;
  }
  return {};
}

std::string plan_json(const RetentionPlan& plan) {
  nlohmann::json names = nlohmann::json::array();
  for (const auto& decision : plan.deletions())
    names.push_back(decision.point.name + " in " + decision.point.region);
  return nlohmann::json{{"delete", names}}.dump();
}

bool refused_without_force(Rule rule) {
  return rule == Rule::newest || rule == Rule::last_good || rule == Rule::newest_verified ||
         rule == Rule::waiting_for_replica;
}

void check_removable(const Decision& decision, bool force) {
  const std::string& name = decision.point.name;
  if (decision.rule == Rule::on_hold) {
    throw Error(ErrorKind::failed, fmt::format("{} is on hold", name),
                fmt::format("release it first: azlin backup hold … {} --release", name));
  }
  if (decision.rule == Rule::in_use) {
    throw Error(ErrorKind::busy, fmt::format("{} is {}", name, decision.reason),
                "try again when that has ended");
  }
  if (!force && refused_without_force(decision.rule)) {
    throw Error(ErrorKind::failed, fmt::format("{} is not deleted: {}", name, decision.reason),
                "add --force if it really must go");
  }
}

// A snapshot that one answer said was gone, when its set was read or was to be deleted, may be there all the
// same.
void remove_overlooked(CleanupResult& result, snapshot::SnapshotManager& snapshots, const VmRef& vm,
                       const std::string& name, const std::optional<std::string>& region,
                       store::Operation& operation, std::stop_token stop) {
  const auto rest = [&] {
    auto sets = snapshots.list(vm, stop);
    std::erase_if(sets, [&](const SnapshotSet& set) {
      return set.name != name || (region && !core::equal_ignoring_case(*region, set.location));
    });
    return sets;
  };
  try {
    const auto overlooked = rest();
    for (const auto& set : overlooked) {
      for (const auto& removal : snapshots.remove(set, operation, stop)) {
        if (removal.error.empty())
          ++result.snapshots_deleted;
        else
          result.failures.push_back(fmt::format("{} in {}: {}", removal.name, set.location, removal.error));
      }
    }
    if (overlooked.empty() || !result.failures.empty()) return;
    for (const auto& set : rest())
      result.failures.push_back(fmt::format("{} in {} was deleted but is still there", name, set.location));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    result.failures.push_back(fmt::format("whether all of it is gone is not known: {}", error.what()));
  }
}

}  // namespace

CleanupResult BackupManager::plan_for(const State& state, core::TimePoint now, const DeleteLimit& limit) {
  CleanupResult result;
  result.plan = plan_retention(*state.schedule, to_points(state.backups, *state.schedule), now, limit);
  if (!state.schedule->enabled) return result;
  for (const auto& part : failed_leftovers(state.sets)) {
    for (const auto& member : part.members) result.leftovers.push_back(member.snapshot.name);
  }
  return result;
}

void BackupManager::execute(CleanupResult& result, const State& state, store::Operation& operation,
                            std::stop_token stop) {
  result.executed = true;
  result.leftovers.clear();
  for (const auto& part : failed_leftovers(state.sets)) {
    for (const auto& removal : snapshots_.remove(part, operation, stop)) {
      (removal.error.empty() ? result.leftovers : result.failures)
          .push_back(removal.error.empty() ? removal.name : removal.error);
    }
  }
  std::set<std::string> stayed;
  for (auto& decision : in_order(result.plan)) {
    core::throw_if_stopped(stop, "deleting expired backups");
    const SnapshotSet* set = find_set(state.sets, decision.point);
    if (set == nullptr || (decision.point.replica && stayed.contains(decision.point.name))) continue;
    const auto removals = snapshots_.remove(*set, operation, stop);
    result.snapshots_deleted += static_cast<std::size_t>(std::count_if(
        removals.begin(), removals.end(), [](const auto& removal) { return removal.error.empty(); }));
    const std::string error = first_error(removals);
    if (!error.empty()) {
      stayed.insert(decision.point.name);
      result.failures.push_back(
          fmt::format("{} in {}: {}", decision.point.name, decision.point.region, error));
      continue;
    }
    if (!decision.point.replica) ++result.counts[decision.point.tier];
    result.deleted.push_back(std::move(decision));
  }
}

CleanupResult BackupManager::plan_cleanup(const VmRef& vm, std::stop_token stop) {
  return plan_for(load_whole(vm, stop), clock_.now(), {});
}

CleanupResult BackupManager::cleanup(const VmRef& vm, bool confirmed, std::stop_token stop) {
  snapshot::settle(snapshots_, journal_, vm, stop);
  CleanupResult planned = plan_cleanup(vm, stop);
  const bool nothing = planned.plan.deletions().empty() && planned.leftovers.empty();
  if (nothing || (planned.plan.over_limit && !confirmed)) return planned;
  snapshot::VmCommand command(arm_, journal_, clock_, "backup.cleanup", vm, plan_json(planned.plan), stop);
  return snapshot::run_command(command, [&](snapshot::VmCommand& running) {
    const State state = load_whole(vm, stop);  // again, under the lock
    CleanupResult result = plan_for(state, clock_.now(), {});
    if (!result.plan.over_limit || confirmed) execute(result, state, running.operation(), stop);
    return result;
  });
}

CleanupResult BackupManager::remove(const VmRef& vm, const std::string& prefix,
                                    const std::optional<std::string>& region, bool force,
                                    std::stop_token stop) {
  const auto choose = [&](const State& state, const std::string& name) {
    RetentionPlan chosen;
    const BackupSchedule schedule = state.schedule.value_or(BackupSchedule{});
    BackupSchedule judged = schedule;
    judged.enabled = true;
    const auto now = clock_.now();
    for (auto& decision :
         plan_retention(judged, to_points(state.backups, judged), now + kFarAhead).decisions) {
      if (decision.point.name != name) continue;
      if (region && !core::equal_ignoring_case(*region, decision.point.region)) continue;
      check_removable(decision, force || (decision.point.replica && !region));
      decision.keep = false;
      chosen.decisions.push_back(std::move(decision));
    }
    if (chosen.decisions.empty()) {
      throw Error(ErrorKind::not_found,
                  fmt::format("{} has no copy in {}", name, region.value_or("any region")));
    }
    return chosen;
  };
  const auto look = [&] {
    State state;
    state.vm = vm;
    if (auto machine = azure::find_vm(arm_, vm.id(), false, stop)) state.schedule = schedule_of(*machine);
    state.sets = snapshots_.list(vm, stop);
    state.backups = to_backups(state.sets, clock_.now());
    return state;
  };
  snapshot::settle(snapshots_, journal_, vm, stop);
  const std::string name = find(vm, prefix, stop).name;
  const RetentionPlan planned = choose(look(), name);
  snapshot::VmCommand command(arm_, journal_, clock_, "backup.delete", vm, plan_json(planned), stop);
  return snapshot::run_command(command, [&](snapshot::VmCommand& running) {
    State state = look();
    CleanupResult result;
    result.plan = choose(state, name);
    std::erase_if(state.sets, [&](const SnapshotSet& set) { return set.name != name; });
    execute(result, state, running.operation(), stop);
    if (result.failures.empty())
      remove_overlooked(result, snapshots_, vm, name, region, running.operation(), stop);
    return result;
  });
}

}  // namespace azlin::backup
