// azlin dr plan validate, dr test --plan, dr failover --plan.
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <set>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/dr/recovery_plan.hpp"
#include "azlin/dr/shell.hpp"
#include "azlin/report/render.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/dr_calls.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

struct PlanValidateOptions {
  std::string file;
};

void bind(CLI::App& command, PlanValidateOptions& options) {
  command.add_option("file", options.file, "The plan file")->required()->type_name("FILE");
  command.footer(
      "Makes no call.\n"
      "Example: azlin dr plan validate shop.yaml\n"
      "Exit codes: 0, 2 mistakes, each with line and column, 3 no such file");
}

ordered_json json_of(const dr::RecoveryPlan& plan) {
  ordered_json json = {{"name", plan.name}, {"region", plan.region}, {"groups", ordered_json::array()}};
  for (const auto& group : plan.groups) {
    ordered_json vms = ordered_json::array();
    for (const auto& vm : group.vms) vms.push_back(vm.name);
    json["groups"].push_back({{"name", group.name},
                              {"vms", vms},
                              {"hook", !group.hook.empty()},
                              {"drillHook", !group.drill_hook.empty()}});
  }
  return json;
}

void print_plan(Console& console, const dr::RecoveryPlan& plan) {
  console.line(fmt::format("Plan {}: to {}", plan.name, plan.region));
  for (std::size_t i = 0; i < plan.groups.size(); ++i) {
    const auto& group = plan.groups[i];
    std::vector<std::string> names;
    for (const auto& vm : group.vms) names.push_back(vm.name + (vm.check.empty() ? "" : " (checked)"));
    console.line(fmt::format("  {}. {}: {}{}{}", i + 1, group.name, fmt::join(names, ", "),
                             group.hook.empty() ? "" : ", then its hook",
                             group.drill_hook.empty() ? "" : ", in drills its drill hook"));
  }
}

int run(Runtime& runtime, const PlanValidateOptions& options) {
  const auto plan = dr::load_plan(options.file);
  print_plan(runtime.console(), plan);
  runtime.console().line("✓ The plan is valid");
  runtime.console().result(json_of(plan));
  return 0;
}

const char* state_of(bool ran, bool passed) {
  return !ran ? "not run" : passed ? "passed" : "failed";
}

ordered_json json_of(const dr::PlanOutcome& outcome, const dr::RecoveryPlan& plan) {
  ordered_json json = {{"plan", plan.name},
                       {"region", plan.region},
                       {"success", outcome.passed},
                       {"seconds", seconds_of(outcome.took)},
                       {"groups", ordered_json::array()}};
  for (const auto& group : outcome.groups) {
    ordered_json row = {
        {"name", group.name},
        {"outcome", state_of(group.ran, group.passed)},
        {"seconds", seconds_of(group.took)},
        {"hookPassed", group.hook_passed ? ordered_json(*group.hook_passed) : ordered_json(nullptr)},
        {"vms", ordered_json::array()}};
    for (const auto& vm : group.vms) {
      ordered_json each = {{"vm", vm.vm},
                           {"outcome", state_of(vm.ran, vm.passed)},
                           {"rtoSeconds", vm.rto ? ordered_json(seconds_of(*vm.rto)) : ordered_json(nullptr)},
                           {"error", vm.error.empty() ? ordered_json(nullptr) : ordered_json(vm.error)}};
      if (vm.drill) each["drill"] = to_json(*vm.drill);
      if (vm.failover) each["failover"] = to_json(*vm.failover);
      row["vms"].push_back(std::move(each));
    }
    json["groups"].push_back(std::move(row));
  }
  return json;
}

void print_outcome(Console& console, const dr::PlanOutcome& outcome, const dr::RecoveryPlan& plan) {
  console.line();
  for (const auto& group : outcome.groups) {
    console.line(fmt::format("  {}: {}{}", group.name, state_of(group.ran, group.passed),
                             group.ran ? "  " + core::to_display(group.took) : ""));
    if (group.hook_passed)
      console.line(fmt::format("    hook {}{}", *group.hook_passed ? "passed" : "FAILED",
                               group.hook_output.empty() ? "" : ": " + group.hook_output));
  }
  console.line(fmt::format("{} plan {} {} in {}", outcome.passed ? console.green("✓") : console.red("✗"),
                           plan.name, outcome.passed ? "passed" : "FAILED", core::to_display(outcome.took)));
}

// 0; 1 nothing came up; 4 some did; 130.
int exit_code_of(Runtime& runtime, const dr::PlanOutcome& outcome) {
  if (runtime.stop().stop_requested()) return core::exit_code(ErrorKind::interrupted);
  if (outcome.passed) return 0;
  for (const auto& group : outcome.groups) {
    for (const auto& vm : group.vms) {
      if (vm.passed) return core::exit_code(ErrorKind::partial);
    }
  }
  return core::exit_code(ErrorKind::failed);
}

// Progress as it goes, one line a VM.
dr::PlanActions actions_of(Console& console, std::mutex& printing) {
  dr::PlanActions actions;
  actions.begun = [&](const dr::PlanGroup& group) {
    console.line(fmt::format("Group {}: {}", group.name, core::counted(group.vms.size(), "VM")));
  };
  actions.vm_ended = [&](const dr::VmOutcome& vm) {
    const std::lock_guard lock(printing);
    console.line(fmt::format("  {} {}  RTO: {}", vm.passed ? console.green("✓") : console.red("✗"), vm.vm,
                             vm.rto ? core::to_display(*vm.rto) : "none"));
    if (!vm.error.empty()) console.line("      " + vm.error);
    if (!vm.hint.empty()) console.line("      → " + vm.hint);
  };
  return actions;
}

std::optional<std::pair<bool, std::string>> run_hook(Runtime& runtime, const dr::RecoveryPlan& plan,
                                                     const dr::PlanGroup& group, const std::string& command) {
  if (command.empty()) return std::nullopt;
  runtime.console().note("Running the hook of " + group.name + "...");
  const auto ended =
      dr::run_shell(runtime.processes(), command,
                    {{"AZLIN_PLAN", plan.name}, {"AZLIN_GROUP", group.name}, {"AZLIN_REGION", plan.region}},
                    runtime.stop());
  runtime.journal().record("dr.plan-hook", plan.name + "/" + group.name,
                           nlohmann::json{{"command", command}}.dump(),
                           ended.exit_code == 0 ? "" : "exit code " + std::to_string(ended.exit_code));
  return std::pair(ended.exit_code == 0, ended.last_line);
}

template <class Work>
dr::VmOutcome outcome_of(const dr::PlanVm& vm, Work&& work) {
  dr::VmOutcome outcome;
  outcome.vm = vm.name;
  try {
    work(outcome);
  } catch (const Error& error) {
    outcome.error = error.what();
    outcome.hint = error.hint();
  }
  return outcome;
}

void note(dr::VmOutcome& outcome, const dr::DRTestResult& drill) {
  outcome.rto = drill.rto;
  outcome.passed = drill.verdict == dr::Verdict::passed && drill.left.empty();
  outcome.error = drill.error;
  outcome.hint = drill.hint;
  if (!drill.left.empty() && outcome.error.empty()) outcome.error = "left behind: " + drill.left.front().id;
  outcome.drill = drill;
}

dr::FailoverConfig config_of(const dr::RecoveryPlan& plan, const snapshot::VmRef& ref, const dr::PlanVm& vm) {
  dr::FailoverConfig config;
  config.vm = ref;
  config.region = plan.region;
  config.resource_group = plan.resource_group;
  config.backup = vm.backup;
  config.size = vm.size;
  config.subnet_id = vm.subnet_id;
  config.check = vm.check;
  return config;
}

dr::VmOutcome fail_over(Runtime& runtime, dr::FailoverManager& failovers, const dr::RecoveryPlan& plan,
                        const snapshot::VmRef& ref, const dr::PlanVm& vm) {
  return outcome_of(vm, [&](dr::VmOutcome& outcome) {
    outcome.failover = failovers.run(config_of(plan, ref, vm), runtime.stop());
    outcome.rto = outcome.failover->rto;
    outcome.passed = outcome.failover->up && outcome.failover->check_passed != false;
    if (!outcome.failover->up) outcome.error = "the guest does not report: " + outcome.failover->guest;
    if (outcome.failover->check_passed == false)
      outcome.error = "the check failed: " + outcome.failover->check_output;
  });
}

dr::DRTestConfig config_of(dr::DRTestConfig config, const snapshot::VmRef& ref, const dr::PlanVm& vm) {
  config.vm = ref;
  config.backup = vm.backup;
  if (vm.size) config.size = vm.size;
  if (!vm.check.empty()) config.verify_command = vm.check;
  return config;
}

// "0 left", or what is, and until when.
void print_removal(Console& console, const std::vector<std::optional<dr::DRTestResult>>& results) {
  bool left = false;
  std::optional<core::TimePoint> kept;
  double cost = 0;
  std::string drill, currency;
  for (const auto& result : results) {
    if (!result) continue;
    drill = result->drill_id;
    currency = result->currency;
    cost += result->cost.value_or(0);
    kept = result->kept_until;
    left = left || !result->left.empty();
    for (const auto& each : result->left)
      console.line(fmt::format("  Left behind: {}\n    {}", each.id, each.error));
    const dr::Phase* cleanup = result->phase(dr::Step::cleanup);
    left = left || (cleanup != nullptr && cleanup->outcome == dr::Outcome::failed);
  }
  if (drill.empty()) return;
  console.line();
  if (kept)
    console.line(fmt::format("  Kept until {}\n  → remove it earlier with: azlin dr cleanup --drill {}",
                             core::to_display(*kept), drill));
  else
    console.line(left ? "  → azlin dr cleanup tries again" : "  Left behind: 0 left");
  console.line(
      fmt::format("  Cost: about {} (estimate: list prices, docs/cost.md)", report::money(cost, currency)));
}

using Refs = std::map<const dr::PlanVm*, snapshot::VmRef>;

// All VMs of a plan before anything is done with one of them.
template <class Find>
Refs find_all(const dr::RecoveryPlan& plan, Find&& find) {
  Refs refs;
  for (const auto& group : plan.groups) {
    for (const auto& vm : group.vms) refs[&vm] = find(vm);
  }
  return refs;
}

int finish(Runtime& runtime, const dr::RecoveryPlan& plan, const dr::PlanOutcome& outcome) {
  print_outcome(runtime.console(), outcome, plan);
  runtime.console().result(json_of(outcome, plan), "groups");
  return exit_code_of(runtime, outcome);
}

}  // namespace

int run_plan_drill(Runtime& runtime, const dr::RecoveryPlan& plan, dr::DRTestConfig config) {
  Console& console = runtime.console();
  if (config.backup)
    throw Error(ErrorKind::usage, "with --plan and --group, backups are the plan's", "name them there");
  if (config.test_region.empty()) config.test_region = plan.region;
  check_known_region(runtime, config.test_region);
  const Refs refs = find_all(plan, [&](const dr::PlanVm& vm) {
    return resolve_vm(runtime, {vm.name, vm.resource_group});
  });
  std::vector<dr::DRTestConfig> configs;
  std::map<const dr::PlanVm*, std::size_t> numbers;
  for (const auto& group : plan.groups) {
    for (const auto& vm : group.vms) {
      numbers[&vm] = configs.size();
      configs.push_back(config_of(config, refs.at(&vm), vm));
    }
  }
  print_plan(console, plan);
  auto drills = open_drills(runtime);
  if (runtime.dry_run()) {
    const auto plans = drills.plan_together(plan.name, configs, runtime.stop());
    for (const auto& each : plans) {
      for (const auto& warning : each.warnings) console.warn(each.source.name + ": " + warning);
    }
    print_dry_run(console, calls_of(plans, config.cleanup_after_test), json_of(plan));
    return 0;
  }
  std::mutex printing;
  auto actions = actions_of(console, printing);
  actions.hook = [&](const dr::PlanGroup& group) { return run_hook(runtime, plan, group, group.drill_hook); };
  dr::PlanOutcome outcome;
  const auto drive = [&](const dr::DRTestManager::BringUp& bring_up) {
    actions.bring_up = [&](const dr::PlanVm& vm) {
      return outcome_of(vm, [&](dr::VmOutcome& each) { note(each, bring_up(numbers.at(&vm))); });
    };
    outcome = dr::run_plan(plan, runtime.clock(), actions, runtime.stop());
    console.note(config.cleanup_after_test ? "Removing what was made..." : "Keeping what was made...");
  };
  const auto results = drills.run_together(plan.name, configs, drive, runtime.stop());
  std::size_t i = 0;
  for (auto& group : outcome.groups) {
    for (auto& vm : group.vms) {
      const auto& result = results[i++];
      if (!result) continue;
      note(vm, *result);
      group.passed = group.passed && vm.passed;
      report_drill(runtime, *result);
    }
    outcome.passed = outcome.passed && group.passed;
  }
  print_removal(console, results);
  return finish(runtime, plan, outcome);
}

int run_plan_failover(Runtime& runtime, const dr::RecoveryPlan& plan, bool if_region_down, int probes) {
  Console& console = runtime.console();
  check_known_region(runtime, plan.region);
  auto failovers = open_failovers(runtime);
  const Refs refs = find_all(plan, [&](const dr::PlanVm& vm) {
    return failovers.find_source(runtime.subscription(), vm.name, vm.resource_group, plan.region,
                                 runtime.stop());
  });
  const auto& first = refs.at(&plan.groups.front().vms.front());
  if (if_region_down && !region_is_down(runtime, failovers, first, plan.region, probes)) return 0;
  print_plan(console, plan);
  if (runtime.dry_run()) {
    std::vector<PlannedCall> calls;
    for (const auto& group : plan.groups) {
      for (const auto& vm : group.vms) {
        const auto each = failovers.plan(config_of(plan, refs.at(&vm), vm), runtime.stop());
        for (const auto& warning : each.warnings) console.warn(each.source.name + ": " + warning);
        for (const auto& call : calls_of(each)) calls.push_back(call);
      }
    }
    print_dry_run(console, calls, json_of(plan));
    return 0;
  }
  if (!console.confirm("the failover by plan " + plan.name))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  runtime.journal();  // opened before the threads that use it
  std::mutex printing;
  auto actions = actions_of(console, printing);
  actions.bring_up = [&](const dr::PlanVm& vm) {
    return fail_over(runtime, failovers, plan, refs.at(&vm), vm);
  };
  actions.hook = [&](const dr::PlanGroup& group) { return run_hook(runtime, plan, group, group.hook); };
  const auto outcome = dr::run_plan(plan, runtime.clock(), actions, runtime.stop());
  std::set<std::string> remaining;
  for (const auto& group : outcome.groups) {
    for (const auto& vm : group.vms) {
      if (vm.failover) remaining.insert(vm.failover->remaining.begin(), vm.failover->remaining.end());
    }
  }
  if (!remaining.empty()) console.line("\n  Remains to be done:");
  for (const auto& each : remaining) console.line("    - " + each);
  return finish(runtime, plan, outcome);
}

void add_plan_commands(CLI::App& group, Job& chosen) {
  CLI::App* plans = add_group(group, "plan", "Plan files: groups of VMs in their boot order");
  add_command<PlanValidateOptions>(*plans, "validate", "Check a plan file", chosen);
}

}  // namespace azlin::cli
