// azlin dr failover.
#include <fmt/format.h>

#include "azlin/alert/evaluate.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/dr/failover.hpp"
#include "cli/alerts.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/dr_calls.hpp"
#include "cli/group_plan.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

constexpr core::Millis kProbePause = std::chrono::seconds{20};

struct FailoverOptions {
  std::optional<std::string> vm, group, plan, vm_group, region;
  std::optional<std::string> target_group, backup, size, subnet, check, hook;
  bool if_region_down = false;
  int probes = 3;
};

void bind(CLI::App& command, FailoverOptions& options) {
  command.add_option("vm", options.vm, "Name of the VM that was lost")->type_name("VM");
  command
      .add_option("--plan", options.plan,
                  "Fail the VMs of a plan file over, group by group; it names the region")
      ->type_name("FILE");
  command
      .add_option("--group", options.vm_group,
                  "Fail the VMs of this group over, in their boot order (docs/protection.md)")
      ->type_name("NAME");
  command.add_option("-g,--resource-group", options.group, "Its resource group, when the name is not unique")
      ->type_name("GROUP");
  command.add_option("--target-region", options.region, "Where it comes back")->type_name("REGION");
  command
      .add_option("--target-resource-group", options.target_group,
                  "Group there (default: GROUP-REGION; made when it is not there)")
      ->type_name("GROUP");
  command.add_option("--backup", options.backup, "The backup (default: the newest complete copy there)")
      ->type_name("NAME");
  command.add_option("--size", options.size, "VM size (default: the original's, or an equal one)");
  command
      .add_option("--subnet", options.subnet,
                  "Resource id of a subnet there (default: a network of its own in the group)")
      ->type_name("ID");
  command.add_option("--check", options.check, "Shell command to run in the guest; exit code 0 passes")
      ->type_name("CMD");
  command
      .add_option(
          "--hook", options.hook,
          "Shell command to run here when the VM is up, such as for DNS; AZLIN_ADDRESS and others are "
          "set")
      ->type_name("CMD");
  command.add_flag(
      "--if-region-down", options.if_region_down,
      "Only when the VM's own region does not answer; exit code 0 and nothing done when it does");
  command.add_option("--probes", options.probes, "How often it must not answer, 20 s apart")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command.footer(
      "Restores for good from the newest complete copy in the region, without a call to the region that was "
      "lost.\n"
      "Until the VM is made a failure removes everything again; from then on it stays. Run it again after a "
      "failure.\n"
      "Example: azlin dr failover prod-db-vm --target-region westus2\n"
      "Exit codes: 0 the guest is up, 1 failed, 2, 3 no copy there, 4 up, but the check or the hook failed, "
      "5,\n"
      "            7 busy, 130");
}

void print_plan(Console& console, const dr::FailoverPlan& plan, core::TimePoint now) {
  console.line(fmt::format("Failover of {} ({}) to {}", plan.source.name, plan.source_region, plan.region));
  console.line(
      fmt::format("  Backup: {} ({} old)", plan.backup, core::to_display(now - plan.backup_created)));
  console.line(fmt::format("  VM: {} in {}{}", plan.target.name, plan.target.resource_group,
                           plan.done_before ? " (it is there from an earlier failover)" : ""));
  if (!plan.done_before)
    console.line(fmt::format("  Size: {}, {}", plan.vm_size, core::counted(plan.disks.size(), "disk")));
  for (const auto& warning : plan.warnings) console.warn(warning);
}

dr::FailoverConfig config_of(const FailoverOptions& options) {
  dr::FailoverConfig config;
  config.region = core::normalize_region(*options.region);
  config.backup = options.backup;
  config.resource_group = options.target_group;
  config.size = options.size;
  config.subnet_id = options.subnet;
  config.check = options.check.value_or("");
  config.hook = options.hook.value_or("");
  return config;
}

int fail_group_over(Runtime& runtime, const FailoverOptions& options) {
  if (options.group || options.backup || options.size || options.subnet || options.check || options.hook)
    throw Error(ErrorKind::usage, "with --group there are --target-region and --target-resource-group alone",
                "what differs from VM to VM is for --plan; nothing was changed");
  auto plan = plan_of_group(runtime, *options.vm_group, options.region);
  plan.resource_group = options.target_group;
  return run_plan_failover(runtime, plan, options.if_region_down, options.probes);
}

int run(Runtime& runtime, const FailoverOptions& options) {
  Console& console = runtime.console();
  const int given = (options.plan ? 1 : 0) + (options.vm_group ? 1 : 0) + (options.vm ? 1 : 0);
  if (given != 1)
    throw Error(
        ErrorKind::usage,
        given == 0 ? "give a VM, --plan FILE or --group NAME" : "give one of a VM, --plan and --group",
        "nothing was changed");
  if (options.plan) {
    if (options.region || options.group || options.target_group || options.backup || options.size ||
        options.subnet || options.check || options.hook)
      throw Error(ErrorKind::usage, "with --plan, region, groups, backups, checks and hooks are the plan's",
                  "write them there; nothing was changed");
    return run_plan_failover(runtime, dr::load_plan(*options.plan), options.if_region_down, options.probes);
  }
  if (!options.region)
    throw Error(ErrorKind::usage, "in which region? give --target-region", "nothing was changed");
  check_known_region(runtime, core::normalize_region(*options.region));
  if (options.vm_group) return fail_group_over(runtime, options);
  auto config = config_of(options);
  auto failovers = open_failovers(runtime);
  config.vm = failovers.find_source(runtime.subscription(), *options.vm, options.group, config.region,
                                    runtime.stop());
  if (options.if_region_down && !region_is_down(runtime, failovers, config.vm, config.region, options.probes))
    return 0;
  const auto plan = failovers.plan(config, runtime.stop());
  if (runtime.dry_run()) {
    print_plan(console, plan, runtime.clock().now());
    print_dry_run(console, calls_of(plan),
                  {{"vm", plan.source.name}, {"backup", plan.backup}, {"targetRegion", plan.region}});
    return 0;
  }
  print_plan(console, plan, runtime.clock().now());
  if (!console.confirm("the failover of " + plan.source.name))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  config.notify = [&](const std::string& line) { console.note(line); };
  const auto result = failovers.run(config, runtime.stop());
  print_failover(console, result);
  console.result(to_json(result));
  report_failover(runtime, result);
  return exit_code_of(result);
}

}  // namespace

bool region_is_down(Runtime& runtime, dr::FailoverManager& failovers, const snapshot::VmRef& vm,
                    const std::string& region, int probes) {
  Console& console = runtime.console();
  const std::string source = failovers.source_region(vm, region, runtime.stop());
  const auto probe = failovers.probe(vm.subscription, source, region, probes, kProbePause, runtime.stop());
  if (probe.down()) {
    console.note(
        fmt::format("{} did not answer {} of {} times: {}", source, probe.failed, probe.asked, probe.error));
    return true;
  }
  console.line(fmt::format("✓ {} answers: nothing was done", source));
  console.result({{"acted", false}, {"vm", vm.name}, {"sourceRegion", source}, {"probes", probe.asked}});
  return false;
}

dr::FailoverManager open_failovers(Runtime& runtime) {
  return {runtime.arm(), runtime.journal(), runtime.clock(), runtime.processes()};
}

void print_failover(Console& console, const dr::FailoverResult& result) {
  const auto& plan = result.plan;
  console.line();
  if (result.up)
    console.line(console.green("✓") + fmt::format(" {} is up in {}", plan.target.name, plan.region));
  else
    console.line(console.red("✗") + fmt::format(" {} was made in {}, but its guest does not report: {}",
                                                plan.target.name, plan.region, result.guest));
  console.line(fmt::format("  VM: {}", plan.target.id()));
  if (!result.private_address.empty()) console.line("  Address: " + result.private_address);
  if (result.rto) console.line("  RTO: " + core::to_display(*result.rto));
  console.line(fmt::format("  RPO: {} (data of {} UTC)", core::to_display(result.rpo),
                           core::to_display_minutes(plan.backup_created)));
  if (result.up)
    console.line("  SSH: " +
                 (result.ssh.empty() ? "sshd answers inside the guest (Run Command)" : result.ssh));
  const auto outcome = [&](const char* what, const std::optional<bool>& passed, const std::string& said) {
    if (!passed) return;
    console.line(fmt::format("  {}: {}{}", what, *passed ? "passed" : "FAILED",
                             said.empty() ? "" : " (" + said + ")"));
  };
  outcome("Check", result.check_passed, result.check_output);
  outcome("Hook", result.hook_passed, result.hook_output);
  console.line("\n  Remains to be done:");
  for (const auto& each : result.remaining) console.line("    - " + each);
  for (const auto& warning : result.warnings) console.warn(warning);
}

ordered_json to_json(const dr::FailoverResult& result) {
  const auto& plan = result.plan;
  const auto flag = [](const std::optional<bool>& value) {
    return value ? ordered_json(*value) : ordered_json(nullptr);
  };
  return {{"acted", true},
          {"vm", plan.source.name},
          {"resourceGroup", plan.source.resource_group},
          {"sourceRegion", plan.source_region},
          {"targetRegion", plan.region},
          {"targetVmId", plan.target.id()},
          {"targetResourceGroup", plan.target.resource_group},
          {"backup", plan.backup},
          {"doneBefore", plan.done_before},
          {"startedAt", core::to_iso8601(result.started_at)},
          {"up", result.up},
          {"rtoSeconds", result.rto ? ordered_json(seconds_of(*result.rto)) : ordered_json(nullptr)},
          {"rpoSeconds", seconds_of(result.rpo)},
          {"address",
           result.private_address.empty() ? ordered_json(nullptr) : ordered_json(result.private_address)},
          {"ssh", result.up && result.ssh.empty()},
          {"checkPassed", flag(result.check_passed)},
          {"hookPassed", flag(result.hook_passed)},
          {"operation", result.operation},
          {"remaining", result.remaining},
          {"warnings", result.warnings}};
}

void report_failover(Runtime& runtime, const dr::FailoverResult& result) {
  if (!result.rto) return;
  const auto event =
      alert::evaluate_rto(alert::load_for_raising(runtime.home() + "/alerts.yaml"),
                          {result.plan.source.name, result.plan.source.resource_group}, *result.rto, {});
  if (event && !event->resolved) report_events(runtime, {*event});
}

int exit_code_of(const dr::FailoverResult& result) {
  if (!result.up) return core::exit_code(ErrorKind::failed);
  const bool half = result.check_passed == false || result.hook_passed == false;
  return half ? core::exit_code(ErrorKind::partial) : 0;
}

void add_failover_command(CLI::App& group, Job& chosen) {
  add_command<FailoverOptions>(group, "failover", "Bring a VM of a lost region up in another, for good",
                               chosen);
}

}  // namespace azlin::cli
