// azlin dr failback.
#include <fmt/format.h>

#include "azlin/core/names.hpp"
#include "azlin/dr/failback.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/dry_run.hpp"
#include "cli/replication_view.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

struct FailbackOptions {
  VmArgument vm;
  std::optional<std::string> subnet;
  bool no_seed = false;
};

void bind(CLI::App& command, FailbackOptions& options) {
  bind_vm(command, options.vm);
  command.add_option("--subnet", options.subnet, "Resource id of a subnet at home, where the old VM is gone")
      ->type_name("ID");
  command.add_flag("--no-seed", options.no_seed,
                   "Do not copy a first backup while the VM runs: fewer snapshots, but a longer stop");
  command.footer(
      "For a VM that `azlin dr failover` brought up (-g is its group), when its home region answers again: "
      "copies it\n"
      "home and swaps the disks of the old VM. It is stopped from the last backup until home is up. On any "
      "failure\n"
      "the failed-over VM runs again. It stays, stopped, when all is well.\n"
      "Example: azlin dr failback prod-db-vm -g Production-westus2\n"
      "Exit codes: 0, 1, 2, 3, 5, 7 busy, 130");
}

std::vector<PlannedCall> calls_of(const dr::FailbackPlan& plan, bool seed) {
  std::vector<PlannedCall> calls;
  const std::string home = plan.home.id();
  if (seed && plan.was_running)
    calls.push_back({"PUT", "snapshots of " + plan.vm.name, "and their copies in " + plan.home_region});
  calls.push_back({"POST", plan.vm.id() + "/deallocate", {}});
  calls.push_back({"PUT", "snapshots of " + plan.vm.name, "and their copies in " + plan.home_region});
  calls.push_back({"PUT", "disks in " + plan.home.resource_group, "from these copies"});
  calls.push_back(plan.in_place ? PlannedCall{"PATCH", home, "its disks are swapped"}
                                : PlannedCall{"PUT", home, "as a new VM"});
  return calls;
}

ordered_json json_of(const dr::FailbackResult& result) {
  const auto& plan = result.plan;
  return {{"vm", plan.vm.name},
          {"resourceGroup", plan.vm.resource_group},
          {"region", plan.region},
          {"homeRegion", plan.home_region},
          {"homeVmId", plan.home.id()},
          {"doneBefore", plan.done_before},
          {"inPlace", plan.in_place},
          {"backup", result.backup.empty() ? ordered_json(nullptr) : ordered_json(result.backup)},
          {"downtimeSeconds", seconds_of(result.downtime)},
          {"operation", result.operation},
          {"remaining", result.remaining},
          {"warnings", result.warnings}};
}

int run(Runtime& runtime, const FailbackOptions& options) {
  Console& console = runtime.console();
  dr::FailbackConfig config;
  config.seed = !options.no_seed;
  config.subnet_id = options.subnet;
  config.vm = resolve_vm(runtime, options.vm);
  config.notify = [&](const std::string& line) { console.note(line); };
  const auto replications = open_replication(runtime);
  dr::FailbackManager failbacks(runtime.arm(), runtime.journal(), runtime.clock(), runtime.processes(),
                                *replications);
  const auto plan = failbacks.plan(config, runtime.stop());
  if (plan.done_before) {
    console.line(fmt::format("✓ {} went home before: nothing was done", plan.vm.name));
    console.result(json_of({plan, 0, {}, {}, {}, {}, {}}));
    return 0;
  }
  console.line(fmt::format("Failback of {} ({}) to {} in {}", plan.vm.name, plan.region, plan.home.name,
                           plan.home_region));
  console.line(plan.in_place ? "  Into the old VM: its disks are swapped, and kept for 7 days"
                             : "  As a new VM: the old one is gone");
  for (const auto& warning : plan.warnings) console.warn(warning);
  if (runtime.dry_run()) {
    print_dry_run(console, calls_of(plan, config.seed),
                  {{"vm", plan.vm.name}, {"homeRegion", plan.home_region}});
    return 0;
  }
  if (!console.confirm("the failback of " + plan.vm.name))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  const auto result = failbacks.run(config, runtime.stop());
  console.line();
  console.line(fmt::format("✓ {} is up at home in {}", plan.home.name, plan.home_region));
  console.line("  Backup: " + result.backup);
  console.line("  Downtime: " + core::to_display(result.downtime));
  for (std::size_t i = result.plan.warnings.size(); i < result.warnings.size(); ++i)
    console.warn(result.warnings[i]);
  console.line("\n  Remains to be done:");
  for (const auto& each : result.remaining) console.line("    - " + each);
  console.result(json_of(result));
  return 0;
}

}  // namespace

backup::Recovered recover_failback(Runtime& runtime, const store::OperationRecord& operation) {
  const auto replications = open_replication(runtime);
  return dr::FailbackManager(runtime.arm(), runtime.journal(), runtime.clock(), runtime.processes(),
                             *replications)
      .recover(operation, runtime.stop());
}

void add_failback_command(CLI::App& group, Job& chosen) {
  add_command<FailbackOptions>(group, "failback", "Bring a failed-over VM home when its region is back",
                               chosen);
}

}  // namespace azlin::cli
