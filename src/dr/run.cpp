// A drill from its first phase to its last.
#include "dr/run.hpp"

#include <algorithm>

#include "azlin/snapshot/lease.hpp"
#include "dr/steps.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kKind = "dr.test";

// What bears the plan's own names; the rest of a drill is shared.
bool is_of(const DrillPlan& plan, const std::string& id) {
  return id == plan.target.id() || id == plan.nic_id || id == plan.public_ip_id ||
         std::any_of(plan.disks.begin(), plan.disks.end(),
                     [&](const auto& disk) { return disk.new_id == id; });
}

std::string text_of(const std::vector<Leftover>& left) {
  return fmt::format("{} left, the first: {}: {}", left.size(), left.front().id, left.front().error);
}

bool is_well(const DRTestResult& result) {
  return result.left.empty() &&
         (result.verdict == Verdict::passed || result.verdict == Verdict::restore_only);
}

}  // namespace

DRTestManager::DRTestManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                             const std::string& db_path, core::ProcessRunner* processes, cost::Prices prices)
    : arm_(arm),
      journal_(journal),
      clock_(clock),
      holder_(snapshot::lease_holder(journal.path())),
      processes_(processes),
      prices_(std::move(prices)),
      backups_(arm, journal, clock, journal.path()),
      store_(db_path) {}

// Everything that the drill made; a failure is in it too. The journal has known from the start what there may
// be: where it cannot be written any more, the disk being full, all is removed all the same.
DRTestManager::Removal DRTestManager::remove_all(Drill& drill) {
  Removal removal;
  const auto remove = [&] {
    removal.left = remove_owned(arm_, clock_, drill_owner(drill.record.drill_id), drill.record.subscription,
                                drill.record.ids, drill.record.group, {});
    if (!removal.left.empty()) throw Error(ErrorKind::failed, text_of(removal.left));
  };
  bool begun = false, gone = false;
  try {
    step(drill.operation, "cleanup", {{"drill", drill.record.drill_id}}, [&] {
      begun = true;
      remove();
      gone = true;
    });
  } catch (const std::exception& failure) {
    if (!gone) removal.error = failure.what();
  }
  if (begun) return removal;
  try {
    remove();
    removal.error.clear();
  } catch (const std::exception& failure) {
    removal.error = failure.what();
  }
  return removal;
}

void DRTestManager::clean_up(Drill& drill, const std::vector<Run*>& runs) {
  try {
    unmark(arm_, drill.record);
  } catch (const Error& error) {
    for (Run* run : runs)
      run->result.warnings.push_back(
          fmt::format("the mark azlin:in-use of the snapshots could not be taken off: {}", error.what()));
  }
  for (Run* run : runs) {
    if (run->config.cleanup_after_test) {
      run->phase(Step::cleanup).started = clock_.now();
      if (run->config.begun) run->config.begun(run->phase(Step::cleanup));
    } else {
      run->result.kept_until = run->plan.until;
      run->skip(Step::cleanup, "kept until " + core::to_display(run->plan.until));
    }
  }
  if (runs.empty() || !runs.front()->config.cleanup_after_test) return;
  const Removal removal = remove_all(drill);
  const auto is_shared = [&](const Leftover& each) {
    return std::none_of(runs.begin(), runs.end(), [&](Run* run) { return is_of(run->plan, each.id); });
  };
  for (Run* run : runs) {
    for (const auto& each : removal.left) {
      // The network and the group are the first one's to tell of.
      if (is_of(run->plan, each.id) || (run == runs.front() && is_shared(each)))
        run->result.left.push_back(each);
    }
    end_cleanup(*run, removal);
  }
}

// That something could not be removed is a fact of its own, not the drill's failure.
void DRTestManager::end_cleanup(Run& run, const Removal& removal) {
  Phase& phase = run.phase(Step::cleanup);
  const auto& left = run.result.left;
  const bool failed = !left.empty() || (removal.left.empty() && !removal.error.empty());
  phase.outcome = failed ? Outcome::failed : Outcome::passed;
  phase.detail = !failed ? "0 left" : left.empty() ? removal.error : text_of(left);
  phase.took = clock_.now() - *phase.started;
  if (run.config.ended) run.config.ended(phase);
}

// Up to the check command.
void DRTestManager::run_phases(Run& run, std::stop_token stop) {
  const DRTestConfig& config = run.config;
  bool well = run.go(Step::restore, clock_, [&](Phase&) { restore(run, stop); });
  if (!config.verify_boot) run.skip(Step::boot, "switched off");
  if (well && config.verify_boot)
    well = run.go(Step::boot, clock_, [&](Phase& phase) { await_guest(run, phase, stop); });
  if (run.result.phase_passed(Step::boot))
    run.result.rto = run.phase(Step::restore).took + run.phase(Step::boot).took;
  if (!config.verify_connectivity) run.skip(Step::connectivity, "switched off");
  if (well && config.verify_connectivity)
    well = run.go(Step::connectivity, clock_, [&](Phase& phase) { check_ssh(run, phase, stop); });
  if (well && !config.verify_command.empty())
    well = run.go(Step::command, clock_, [&](Phase& phase) { check_command(run, phase, stop); });
  const bool seen = run.result.phase_passed(Step::boot) || run.result.phase_passed(Step::connectivity) ||
                    run.result.phase_passed(Step::command);
  run.result.verdict = run.interrupted ? Verdict::interrupted
                       : !well         ? Verdict::failed
                       : seen          ? Verdict::passed
                                       : Verdict::restore_only;
}

// What an earlier drill of this VM or plan left when its process died.
std::vector<std::string> DRTestManager::settle_earlier(const std::string& target) {
  std::vector<std::string> notes;
  for (const auto& record : journal_.interrupted()) {
    if (!recovers(record.kind) || record.target != target) continue;
    try {
      for (const auto& note : recover(record, {}).notes) notes.push_back("an earlier drill: " + note);
    } catch (const Error& error) {
      notes.push_back(fmt::format("an earlier drill was not settled: {}", error.what()));
    }
  }
  return notes;
}

// The row that says that it runs.
void DRTestManager::begin(Run& run) {
  const DRTestConfig& config = run.config;
  DRTestResult& result = run.result;
  result.vm = config.vm;
  result.backup_name = run.plan.backup;
  result.test_region = run.plan.region;
  result.started_at = clock_.now();
  result.target_rto = config.target_rto;
  result.drill_id = run.plan.drill_id;
  result.test_vm_id = run.plan.target.id();
  result.operation = run.drill.operation.id();
  for (const Step each : {Step::restore, Step::boot, Step::connectivity, Step::command, Step::cleanup}) {
    if (each != Step::command || !config.verify_command.empty())
      result.phases.push_back({each, {}, {}, {}, {}});
  }
  store_.insert(result);
  if (config.planned) config.planned(run.plan);
}

// Of a drill that has ended.
cost::DrillUse DRTestManager::use_of(const Run& run) {
  cost::DrillUse use{run.plan.region, run.plan.vm_size, {}, !run.plan.public_ip_id.empty(), {}};
  for (const auto& disk : run.plan.disks) use.disks.push_back({disk.sku, disk.size_gb});
  use.duration = run.result.kept_until.value_or(*run.result.completed_at) - *run.first_disk;
  return use;
}

// Cleanup, and the rows as they ended.
void DRTestManager::finish(Drill& drill, const std::vector<Run*>& runs) {
  clean_up(drill, runs);
  std::string error;
  for (Run* run : runs) {
    DRTestResult& result = run->result;
    result.completed_at = clock_.now();
    if (run->first_disk) {
      result.use = use_of(*run);
      result.cost = cost::drill_cost(prices_, *result.use);
      result.currency = prices_.currency;
    }
    store_.update(result);
    if (is_well(result) || !error.empty()) continue;
    error = result.left.empty() ? result.error : "cleanup: " + result.left.front().error;
  }
  const bool well =
      std::all_of(runs.begin(), runs.end(), [](const Run* run) { return is_well(run->result); });
  well ? drill.operation.succeed() : drill.operation.fail(error);
}

DRTestResult DRTestManager::run_dr_test(const DRTestConfig& config, std::stop_token stop) {
  Place place = find_place(config, config.vm.name, stop);
  DrillPlan plan = prepare(config, place, stop);
  DrillRecord record = record_of({plan}, holder_);
  Drill drill{record, journal_.start(kKind, config.vm.id(), to_json(record), {}), {}, {}, {}, {}};
  drill.run_command = plan.needs_run_command;
  Run run{config, std::move(plan), drill};
  begin(run);
  for (auto& note : settle_earlier(config.vm.id())) run.plan.warnings.push_back(std::move(note));
  run_phases(run, stop);
  finish(drill, {&run});
  return run.result;
}

// Noted as failed, with the reason; nothing is made for it.
void DRTestManager::fail(Run& run, const std::exception_ptr& reason) {
  begin(run);
  run.go(Step::restore, clock_, [&](Phase&) { std::rethrow_exception(reason); });
  run.result.verdict = Verdict::failed;
}

std::vector<std::optional<DRTestResult>> DRTestManager::run_together(
    const std::string& name, const std::vector<DRTestConfig>& configs,
    const std::function<void(const BringUp&)>& drive, std::stop_token stop) {
  auto plans = prepare_together(name, configs, stop);
  const auto misfits = fit_together(plans, configs, stop);
  for (auto& note : settle_earlier("plan " + name)) plans.front().warnings.push_back(std::move(note));
  const DrillRecord record = record_of(plans, holder_);
  Drill drill{record, journal_.start(kKind, "plan " + name, to_json(record), {}), true, {}, {}, {}};
  std::vector<std::unique_ptr<Run>> runs;
  std::vector<Run*> begun;
  std::mutex mutex;  // of begun
  for (std::size_t i = 0; i < plans.size(); ++i) {
    drill.run_command = drill.run_command || plans[i].needs_run_command;
    runs.push_back(std::make_unique<Run>(configs[i], std::move(plans[i]), drill, true));
  }
  std::string amiss;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (!misfits[i]) continue;
    fail(*runs[i], misfits[i]);
    begun.push_back(runs[i].get());
    if (amiss.empty()) amiss = fmt::format("{}: {}", configs[i].vm.name, runs[i]->result.error);
  }
  const BringUp bring_up = [&](std::size_t i) {
    if (misfits[i]) return runs[i]->result;
    if (!amiss.empty())
      throw Error(ErrorKind::failed, "not begun, since not all can be restored: " + amiss,
                  "nothing was made; see what to change there, then run it again");
    begin(*runs[i]);
    {
      const std::lock_guard lock(mutex);
      begun.push_back(runs[i].get());
    }
    run_phases(*runs[i], stop);
    return runs[i]->result;
  };
  try {
    drive(bring_up);
  } catch (...) {
    finish(drill, begun);
    throw;
  }
  finish(drill, begun);
  std::vector<std::optional<DRTestResult>> results(runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i]->result.completed_at) results[i] = runs[i]->result;
  }
  return results;
}

std::vector<DrillPlan> DRTestManager::plan_together(const std::string& name,
                                                    const std::vector<DRTestConfig>& configs,
                                                    std::stop_token stop) {
  auto plans = prepare_together(name, configs, stop);
  for (const auto& misfit : fit_together(plans, configs, stop)) {
    if (misfit) std::rethrow_exception(misfit);
  }
  return plans;
}

bool DRTestManager::recovers(const std::string& kind) {
  return kind == kKind;
}

backup::Recovered DRTestManager::recover(const store::OperationRecord& found, std::stop_token) {
  return settle_operation(journal_, found, [&](std::vector<std::string>& notes) {
    const DrillRecord record = parse_record(found.plan);
    unmark(arm_, record);
    const auto left = remove_owned(arm_, clock_, drill_owner(record.drill_id), record.subscription,
                                   record.ids, record.group, {});
    for (auto& row : store_.list_drill(record.drill_id)) {
      if (row.verdict != Verdict::running) continue;
      row.verdict = Verdict::interrupted;
      row.completed_at = clock_.now();
      row.error = "the process ended in the middle of the drill";
      row.left = left;
      store_.update(row);
    }
    note_left(left, "drill", notes);
    notes.push_back(fmt::format("drill {}: 0 left", record.drill_id));
    return std::string("the drill's leftovers were removed");
  });
}

}  // namespace azlin::dr
