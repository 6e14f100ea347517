// One backup run: choose the tier, take the set, let go of what expired.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/backup/manager.hpp"
#include "azlin/core/error.hpp"
#include "azlin/snapshot/vm_command.hpp"
#include "backup/calendar.hpp"
#include "backup/vm_state.hpp"

namespace azlin::backup {

using core::Error;
using core::ErrorKind;

namespace {

// After a backup the newest set's time is Azure's own, so that a wrong clock here cannot expire anything:
// more may go than in a cleanup by itself, as after a long pause.
constexpr DeleteLimit kLimitAfterBackup = {.at_least = 10, .percent = 50};
constexpr core::Millis kUsualSpread = std::chrono::seconds{60};

void check_enabled(const BackupSchedule& schedule, const VmRef& vm) {
  if (schedule.enabled) return;
  throw NotScheduled(fmt::format("backups of VM {} are disabled", vm.name),
                     fmt::format("enable them with `azlin backup configure {}`", vm.name));
}

// While not all primaries can be read a longer tier is left to a later backup: it stays due.
Tier choose_tier(const BackupSchedule& schedule, const std::vector<BackupInfo>& backups, bool all_known,
                 const TriggerOptions& options, core::TimePoint now) {
  if (options.tier) return *options.tier;
  if (!all_known) return Tier::daily;
  return due_tier(schedule.weekly_on, schedule.monthly_on, tier_marks(backups), now);
}

snapshot::TakeRequest take_request(const azure::Vm& machine,
                                   const std::vector<snapshot::SnapshotSet>& existing, Tier tier) {
  return {machine, std::string("backup-") + to_string(tier), to_string(tier), existing};
}

void say(const TriggerOptions& options, const std::string& line) {
  if (options.notify) options.notify(line);
}

void add_warnings(TriggerResult& result, const azure::Vm& machine) {
  for (const auto& disk : machine.data_disks) {
    if (!disk.disk_id.empty()) continue;
    result.warnings.push_back(
        fmt::format("LUN {} ({}) is not a managed disk and is not part of the backup", disk.lun, disk.name));
  }
  if (result.backup.spread > kUsualSpread) {
    result.warnings.push_back(
        fmt::format("the disks were snapshotted {} apart: data spread over several disks may not "
                    "fit together",
                    core::to_display(result.backup.spread)));
  }
}

}  // namespace

TriggerPlan BackupManager::plan_trigger(const VmRef& vm, const TriggerOptions& options,
                                        std::stop_token stop) {
  State state = load_scheduled(vm, stop);
  check_enabled(*state.schedule, vm);
  const auto now = clock_.now();
  TriggerPlan plan;
  plan.tier = choose_tier(*state.schedule, state.backups, primaries(state.unreadable).empty(), options, now);
  plan.take = snapshots_.plan_take(take_request(state.machine, state.sets, plan.tier), stop);
  plan.replicate_to = state.schedule->target_region;
  auto points = to_points(state.backups, *state.schedule);
  Point made;
  made.name = plan.take.set;
  made.region = state.machine.location;
  made.tier = plan.tier;
  made.created = now;
  points.push_back(made);
  if (state.unreadable.empty())
    plan.retention = plan_retention(*state.schedule, points, now, kLimitAfterBackup);
  return plan;
}

TriggerResult BackupManager::trigger(const VmRef& vm, const TriggerOptions& options, std::stop_token stop) {
  const auto started = clock_.now();
  const auto schedule = schedule_of(azure::get_vm(arm_, vm.id(), false, stop));
  if (schedule) check_enabled(*schedule, vm);  // refused before anything is written
  snapshot::VmCommand command(arm_, journal_, clock_, "backup.trigger", vm, "{}", stop);
  for (const auto& note : command.settled()) say(options, note);
  return snapshot::run_command(command, [&](snapshot::VmCommand& running) {
    State state = load_scheduled(vm, stop);
    check_enabled(*state.schedule, vm);
    TriggerResult result;
    result.operation = running.operation().id();
    const Tier tier =
        choose_tier(*state.schedule, state.backups, primaries(state.unreadable).empty(), options, started);
    say(options,
        fmt::format("Retention tier: {} ({})", to_string(tier), state.schedule->retention_text(tier)));
    auto set = snapshots_.take(take_request(state.machine, state.sets, tier), running.operation(), stop);
    say(options, fmt::format("Snapshot: {}", set.name));
    result.duration = clock_.now() - started;
    state.sets.push_back(std::move(set));
    state.backups = to_backups(state.sets, clock_.now());
    result.backup = to_backups({state.sets.back()}, clock_.now()).front();
    result.replicate_to = state.schedule->target_region;
    add_warnings(result, state.machine);
    if (options.cleanup) add_cleanup(result, state, running.operation(), stop);
    return result;
  });
}

void BackupManager::add_cleanup(TriggerResult& result, State& state, store::Operation& operation,
                                std::stop_token stop) {
  try {
    snapshot::require_readable(state.unreadable, "no old backup was deleted");
    result.cleanup = plan_for(state, result.backup.created, kLimitAfterBackup);
    if (result.cleanup->plan.over_limit) {
      result.warnings.push_back(
          fmt::format("nothing was deleted: {}; look with `azlin backup cleanup {} --dry-run`",
                      result.cleanup->plan.limit_reason, state.vm.name));
      return;
    }
    execute(*result.cleanup, state, operation, stop);
    for (const auto& failure : result.cleanup->failures) result.warnings.push_back("cleanup: " + failure);
  } catch (const Error& error) {
    result.warnings.push_back(fmt::format("cleanup after the backup failed: {}", error.what()));
  }
}

bool BackupManager::is_due(const VmRef& vm, std::stop_token stop) {
  const State state = load_scheduled(vm, stop);
  if (!state.schedule->enabled) return false;
  snapshot::require_readable(primaries(state.unreadable), "whether a backup is due cannot be told");
  const auto now = clock_.now();
  const auto marks = tier_marks(state.backups);
  if (due_tier(state.schedule->weekly_on, state.schedule->monthly_on, marks, now) != Tier::daily) return true;
  for (const auto& mark : marks) {
    if (day_of(mark.created) >= day_of(now)) return false;
  }
  return true;
}

Tier BackupManager::tier_now(const VmRef& vm, std::stop_token stop) {
  const State state = load_scheduled(vm, stop);
  check_enabled(*state.schedule, vm);
  return choose_tier(*state.schedule, state.backups, primaries(state.unreadable).empty(), {}, clock_.now());
}

}  // namespace azlin::backup
