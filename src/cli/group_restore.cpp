#include "cli/group_restore.hpp"

#include <fmt/format.h>

#include <map>
#include <mutex>

#include "azlin/backup/group.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/dr/recovery_plan.hpp"
#include "cli/backup_view.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/dry_run.hpp"

namespace azlin::cli {

using backup::BackupInfo;
using backup::GroupMember;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

constexpr int kAtOnce = 8;

struct RunOfMember {
  backup::GroupRun run;
  BackupInfo backup;
};
using Runs = std::map<std::string, RunOfMember>;  // of one VM, by the run's id

// Complete ones alone.
Runs runs_of(Runtime& runtime, backup::BackupManager& backups, const GroupMember& member,
             const std::string& group) {
  Runs runs;
  const auto listing = backups.look(member.vm, runtime.stop());
  // A newer run may lie among them; copies elsewhere are none of it.
  auto primaries = listing.unreadable;
  std::erase_if(primaries, [](const auto& set) { return set.replica; });
  snapshot::require_readable(primaries, "the backups of " + member.vm.name + " cannot be read");
  for (const auto& info : listing.backups) {
    const auto run = backup::group_run_of(info.set);
    if (run && info.complete && run->group == group) runs[run->id] = {*run, info};
  }
  return runs;
}

std::vector<Runs> all_runs(Runtime& runtime, const std::vector<GroupMember>& members,
                           const std::string& group) {
  backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
  std::vector<Runs> runs(members.size());
  const auto ends = core::run_parallel(members.size(), kAtOnce, runtime.stop(), [&](std::size_t i) {
    runs[i] = runs_of(runtime, backups, members[i], group);
  });
  for (const auto& end : ends) {
    if (end) std::rethrow_exception(end);
  }
  return runs;
}

std::optional<core::TimePoint> time_of(const GroupRestore& request) {
  if (!request.at) return std::nullopt;
  if (const auto at = core::parse_time(*request.at)) return at;
  throw Error(ErrorKind::usage, fmt::format("--at '{}' is no time", *request.at),
              "write it as 2025-12-01T07:00 (UTC)");
}

bool fits(const std::string& id, const std::vector<Runs>& runs, const GroupRestore& request,
          const std::optional<core::TimePoint>& at) {
  if (request.run && *request.run != id) return false;
  return std::all_of(runs.begin(), runs.end(), [&](const Runs& of_vm) {
    const auto found = of_vm.find(id);
    return found != of_vm.end() && (!at || found->second.backup.created <= *at);
  });
}

// The newest run that all members have. Ids are times, so that their order is that of time.
std::string choose_run(const std::vector<Runs>& runs, const GroupRestore& request) {
  const auto at = time_of(request);
  std::string known;
  for (auto run = runs.front().rbegin(); run != runs.front().rend(); ++run) {
    if (fits(run->first, runs, request, at)) return run->first;
    known += (known.empty() ? "" : ", ") + run->first;
  }
  throw Error(
      ErrorKind::not_found,
      fmt::format("group {} has no run that is complete for all of its {}{}", request.group,
                  core::counted(runs.size(), "VM"), request.at ? " from " + *request.at + " or before" : ""),
      known.empty() ? "azlin backup trigger --group " + request.group : "runs of some of them: " + known);
}

struct Prepared {
  dr::RecoveryPlan plan;                            // a stage is a group of it
  std::vector<backup::RestorePlan> restores;        // as the members
  std::map<const dr::PlanVm*, std::size_t> member;  // which one a VM of the plan is
};

Prepared prepare(Runtime& runtime, backup::RestoreManager& manager, const std::vector<GroupMember>& members,
                 const std::vector<Runs>& runs, const GroupRestore& request, const std::string& run) {
  Prepared out;
  out.plan.name = request.group;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto& member = members[i];
    if (!runtime.dry_run()) {
      for (const auto& note : manager.settle(member.vm, runtime.stop())) runtime.console().note(note);
    }
    out.restores.push_back(manager.plan_in_place(member.vm, runs[i].at(run).backup, runtime.stop()));
    const std::string stage = "stage " + std::to_string(member.stage);
    if (out.plan.groups.empty() || out.plan.groups.back().name != stage)
      out.plan.groups.push_back({stage, {}, {}, {}});
    dr::PlanVm vm;
    vm.name = member.vm.name;
    vm.resource_group = member.vm.resource_group;
    out.plan.groups.back().vms.push_back(std::move(vm));
  }
  std::size_t i = 0;
  for (const auto& group : out.plan.groups) {
    for (const auto& vm : group.vms) out.member[&vm] = i++;
  }
  return out;
}

void explain(Console& console, const Prepared& prepared, const backup::GroupRun& run) {
  console.line(fmt::format("Restoring group {} from its run {} ({} VMs within {:.1f} s):", run.group, run.id,
                           prepared.restores.size(), static_cast<double>(run.spread.count()) / 1000.0));
  for (const auto& group : prepared.plan.groups) {
    for (const auto& vm : group.vms) {
      const auto& plan = prepared.restores[prepared.member.at(&vm)];
      console.line(fmt::format("  {}: {} from {}", group.name, vm.name, plan.backup));
      for (const auto& warning : plan.warnings) console.warn(vm.name + ": " + warning);
    }
  }
  console.warn("This replaces the disks of these VMs, and stops each of them while it does");
}

int print_calls(Runtime& runtime, const Prepared& prepared) {
  std::vector<PlannedCall> calls;
  for (const auto& plan : prepared.restores) {
    for (const auto& disk : plan.disks) calls.push_back({"PUT", disk.new_id, "from " + disk.snapshot_id});
    calls.push_back(
        {"PATCH", plan.target.id(), "storageProfile with the new disks, between deallocate and start"});
  }
  print_dry_run(runtime.console(), calls, {{"group", prepared.plan.name}});
  return 0;
}

dr::PlanOutcome carry_out(Runtime& runtime, backup::RestoreManager& manager, const Prepared& prepared,
                          const GroupRestore& request) {
  Console& console = runtime.console();
  std::mutex printing;
  dr::PlanActions actions;
  actions.max_parallel = kAtOnce;
  actions.hook = [](const dr::PlanGroup&) { return std::nullopt; };
  actions.begun = [&](const dr::PlanGroup& group) {
    console.line(fmt::format("{}: {}", group.name, core::counted(group.vms.size(), "VM")));
  };
  actions.bring_up = [&](const dr::PlanVm& vm) {
    dr::VmOutcome outcome;
    outcome.vm = vm.name;
    try {
      auto settings = request.settings;
      settings.notify = [&](const std::string& line) { console.note(vm.name + ": " + line); };
      const auto done = manager.restore(prepared.restores[prepared.member.at(&vm)], settings, runtime.stop());
      outcome.passed = true;
      outcome.rto = done.rto;
    } catch (const Error& error) {
      outcome.error = error.what();
      outcome.hint = error.hint();
    }
    return outcome;
  };
  actions.vm_ended = [&](const dr::VmOutcome& vm) {
    const std::lock_guard lock(printing);
    console.line(fmt::format("  {} {}  {}", vm.passed ? console.green("✓") : console.red("✗"), vm.vm,
                             vm.rto ? core::to_display(*vm.rto) : vm.error));
    if (!vm.hint.empty()) console.line("      → " + vm.hint);
  };
  return dr::run_plan(prepared.plan, runtime.clock(), actions, runtime.stop());
}

ordered_json to_json(const dr::PlanOutcome& outcome, const Prepared& prepared, const backup::GroupRun& run) {
  const auto state = [](bool ran, bool passed) { return !ran ? "not run" : passed ? "passed" : "failed"; };
  ordered_json json = {{"group", run.group},
                       {"run", run.id},
                       {"spreadSeconds", seconds_of(run.spread)},
                       {"success", outcome.passed},
                       {"seconds", seconds_of(outcome.took)},
                       {"stages", ordered_json::array()}};
  std::size_t i = 0;
  for (const auto& stage : outcome.groups) {
    ordered_json row = {{"name", stage.name},
                        {"outcome", state(stage.ran, stage.passed)},
                        {"seconds", seconds_of(stage.took)},
                        {"vms", ordered_json::array()}};
    for (const auto& vm : stage.vms) {
      row["vms"].push_back(
          {{"vm", vm.vm},
           {"backup", prepared.restores[i++].backup},
           {"outcome", state(vm.ran, vm.passed)},
           {"rtoSeconds", vm.rto ? ordered_json(seconds_of(*vm.rto)) : ordered_json(nullptr)},
           {"error", vm.error.empty() ? ordered_json(nullptr) : ordered_json(vm.error)}});
    }
    json["stages"].push_back(std::move(row));
  }
  return json;
}

int exit_code_of(Runtime& runtime, const dr::PlanOutcome& outcome) {
  if (runtime.stop().stop_requested()) return core::exit_code(ErrorKind::interrupted);
  if (outcome.passed) return 0;
  for (const auto& stage : outcome.groups) {
    for (const auto& vm : stage.vms) {
      if (vm.passed) return core::exit_code(ErrorKind::partial);
    }
  }
  return core::exit_code(ErrorKind::failed);
}

}  // namespace

int restore_group(Runtime& runtime, const GroupRestore& request) {
  Console& console = runtime.console();
  time_of(request);  // a bad one is refused before any call
  const auto members = backup::members_of(
      azure::list_vms(runtime.arm(), runtime.subscription(), {}, runtime.stop()), request.group);
  const auto runs = all_runs(runtime, members, request.group);
  const auto id = choose_run(runs, request);
  const auto& run = runs.front().at(id).run;
  backup::RestoreManager manager(runtime.arm(), runtime.journal(), runtime.clock(), runtime.processes(),
                                 runtime.journal_path());
  const auto prepared = prepare(runtime, manager, members, runs, request, id);
  explain(console, prepared, run);
  if (runtime.dry_run()) return print_calls(runtime, prepared);
  if (!console.confirm("replacing the disks of group " + run.group))
    throw Error(ErrorKind::failed, "not confirmed: nothing was changed");
  const auto outcome = carry_out(runtime, manager, prepared, request);
  console.line(fmt::format("{} group {} {} in {}", outcome.passed ? console.green("✓") : console.red("✗"),
                           run.group, outcome.passed ? "restored" : "NOT restored as a whole",
                           core::to_display(outcome.took)));
  console.result(to_json(outcome, prepared, run), "stages");
  return exit_code_of(runtime, outcome);
}

}  // namespace azlin::cli
