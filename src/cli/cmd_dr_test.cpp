// azlin dr test.
#include <fmt/format.h>

#include <sstream>

#include "azlin/core/format.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/core/names.hpp"
#include "azlin/report/render.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/dr_calls.hpp"
#include "cli/group_plan.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using dr::Outcome;
using dr::Step;
using dr::Verdict;

namespace {

struct DrTestOptions {
  VmArgument vm;
  std::optional<std::string> backup, region, group, command, size, target_rto;
  std::optional<std::string> ssh_user, ssh_key, tester_address, plan, vm_group;
  bool no_cleanup = false, verify_boot = true, verify_ssh = true, replicate = false, public_ip = false;
};

void bind(CLI::App& command, DrTestOptions& options) {
  bind_vm(command, options.vm);
  command.get_option("vm")->required(false);
  command
      .add_option("--plan", options.plan, "Drill the VMs of a plan file, group by group, instead of one VM")
      ->type_name("FILE");
  command
      .add_option("--group", options.vm_group,
                  "Drill the VMs of this group in their boot order (docs/protection.md)")
      ->type_name("NAME");
  command
      .add_option("--backup", options.backup,
                  "The backup, by any beginning of its name (default: the newest)")
      ->type_name("NAME");
  command
      .add_option("--test-region", options.region,
                  "Where the VM is brought up (default: as `dr configure` or the backup schedule says)")
      ->type_name("REGION");
  command
      .add_option("--test-resource-group", options.group,
                  "Group for the drill (default: one of its own, removed with it)")
      ->type_name("GROUP");
  command.add_flag("--no-cleanup", options.no_cleanup, "Keep everything for 24 hours for a look at it");
  command
      .add_flag("--verify-boot,!--no-verify-boot", options.verify_boot,
                "Wait until the guest reports (default)")
      ->default_str("true");
  command
      .add_flag("--verify-ssh,!--no-verify-ssh", options.verify_ssh,
                "Check inside the guest that sshd answers (default)")
      ->default_str("true");
  command
      .add_option("--verify-command", options.command,
                  "Shell command to run in the guest; exit code 0 passes")
      ->type_name("CMD");
  command.add_flag("--replicate", options.replicate,
                   "Copy the backup to the region first where no complete copy is there");
  command.add_flag("--public-ip", options.public_ip,
                   "Check SSH by logging in from here, over a public address open to this machine alone");
  command
      .add_option("--tester-address", options.tester_address,
                  "This machine's address as the Internet sees it (default: AZLIN_TESTER_ADDRESS)")
      ->type_name("ADDRESS");
  command.add_option("--ssh-user", options.ssh_user, "Who logs in (default: as `dr configure` says)")
      ->type_name("NAME");
  command
      .add_option("--ssh-key", options.ssh_key, "File of the private key (default: as `dr configure` says)")
      ->type_name("FILE");
  command.add_option("--size", options.size, "VM size (default: the original's, or an equal one)");
  command.add_option("--target-rto", options.target_rto, "The RTO to compare with (default 15m)")
      ->type_name("TIME");
  command.footer(
      "The VM comes up in a network of its own: no way to production, and no public address but with "
      "--public-ip.\n"
      "Example: azlin dr test prod-db-vm --test-region westus2\n"
      "Exit codes: 0 passed, 1 failed or something is left, 2, 3 nothing to restore there, 5,\n"
      "            6 passed but slower than the target, 130");
}

core::Millis parse_target(const std::optional<std::string>& text) {
  if (!text) return dr::kDefaultTargetRto;
  const auto target = core::parse_duration(*text);
  if (target && target->count() > 0) return *target;
  throw Error(ErrorKind::usage, fmt::format("--target-rto '{}' is no time over 0", *text), "write it as 15m");
}

// What the command line leaves out comes from what holds for the VM.
void complete(Runtime& runtime, dr::DRTestConfig& config, const DrTestOptions& options) {
  if (options.region) config.test_region = core::normalize_region(*options.region);
  const bool needs_login = config.public_ip && (config.ssh_user.empty() || config.ssh_key.empty());
  if (options.region && options.target_rto && !needs_login) return;
  try {
    const auto view = open_drills(runtime).show(config.vm, runtime.stop());
    if (view.policy && !options.region) config.test_region = view.policy->region;
    if (view.policy && !options.target_rto) config.target_rto = view.policy->target_rto;
    if (view.policy && config.ssh_user.empty()) config.ssh_user = view.policy->ssh_user;
    if (view.policy && config.ssh_key.empty()) config.ssh_key = view.policy->ssh_key;
  } catch (const Error& error) {
    // The VM, or its region, may be what was lost.
    if (error.kind() == ErrorKind::interrupted || !options.region) throw;
  }
  if (config.test_region.empty())
    throw Error(ErrorKind::usage, "in which region? give --test-region",
                fmt::format("or set it once: azlin dr configure {} --test-region REGION", config.vm.name));
}

// What does not depend on the VM.
dr::DRTestConfig common_config(Runtime& runtime, const DrTestOptions& options) {
  if (options.backup && options.backup->empty())
    throw Error(ErrorKind::usage, "--backup is empty", "`azlin backup list` shows what there is");
  if (options.ssh_key) core::check_input_file(*options.ssh_key, "key");
  dr::DRTestConfig config;
  config.target_rto = parse_target(options.target_rto);
  config.backup = options.backup;
  config.test_resource_group = options.group;
  config.size = options.size;
  config.verify_boot = options.verify_boot;
  config.verify_connectivity = options.verify_ssh;
  config.verify_command = options.command.value_or("");
  config.cleanup_after_test = !options.no_cleanup;
  config.public_ip = options.public_ip;
  config.ssh_user = options.ssh_user.value_or("");
  config.ssh_key = options.ssh_key.value_or("");
  config.tester_address = options.tester_address.value_or(runtime.env().get_or("AZLIN_TESTER_ADDRESS", ""));
  if (options.region) config.test_region = core::normalize_region(*options.region);
  return config;
}

dr::DRTestConfig config_of(Runtime& runtime, const DrTestOptions& options) {
  dr::DRTestConfig config = common_config(runtime, options);
  config.vm = resolve_vm(runtime, options.vm);
  complete(runtime, config, options);
  return config;
}

const char* title(Step step) {
  switch (step) {
    case Step::restore:
      return "Restore backup to test VM...";
    case Step::boot:
      return "Verify VM boots successfully...";
    case Step::connectivity:
      return "Verify SSH connectivity...";
    case Step::command:
      return "Run check command...";
    case Step::cleanup:
      return "Cleanup test resources...";
  }
  return "";
}

const char* short_title(Step step) {
  switch (step) {
    case Step::restore:
      return "Restore";
    case Step::boot:
      return "Boot";
    case Step::connectivity:
      return "Connectivity";
    case Step::command:
      return "Command";
    case Step::cleanup:
      return "Cleanup";
  }
  return "";
}

std::string result_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed:
      return "SUCCESS";
    case Outcome::failed:
      return "FAILED";
    case Outcome::skipped:
      return "SKIPPED";
    case Outcome::not_run:
      return "NOT RUN";
  }
  return "";
}

int number_of(Step step, bool has_command) {
  const int number = static_cast<int>(step) + 1;
  return step == Step::cleanup && !has_command ? number - 1 : number;
}

void print_phase(Console& console, const dr::Phase& phase, bool has_command) {
  const std::string time = phase.outcome == Outcome::skipped ? "skipped" : core::to_display(phase.took);
  console.line(fmt::format("{:<42}{}  {}",
                           fmt::format("Phase {}: {}", number_of(phase.step, has_command), title(phase.step)),
                           mark_of(console, phase.outcome), time));
  if (phase.outcome == Outcome::failed) console.line("    " + phase.detail);
  if (phase.outcome == Outcome::skipped && !phase.detail.empty()) console.line("    (" + phase.detail + ")");
}

void print_verdict(Console& console, const dr::DRTestResult& result) {
  console.line();
  switch (result.verdict) {
    case Verdict::passed:
      console.line(console.green("✓") + " DR test PASSED");
      break;
    case Verdict::restore_only:
      console.line(console.yellow("–") +
                   " DR test: RESTORE ONLY (the guest was not looked at; no pass, no RTO)");
      break;
    case Verdict::interrupted:
      console.line(console.red("✗") + " DR test INTERRUPTED");
      break;
    default:
      console.line(console.red("✗") + " DR test FAILED");
  }
  if (result.rto) {
    console.line("  RTO (Recovery Time Objective): " + core::to_display(*result.rto));
    console.line(fmt::format("  Target: {} {}", target_text(result.target_rto),
                             result.within_target() ? console.green("✓") : console.red("✗ exceeded")));
  } else if (result.verdict != Verdict::restore_only) {
    console.line("  RTO (Recovery Time Objective): not reached");
  }
  console.line();
  console.line("  Test results:");
  for (const auto& phase : result.phases)
    console.line(fmt::format("    - {}: {}", short_title(phase.step), result_word(phase.outcome)));
}

void print_result(Console& console, const dr::DRTestResult& result) {
  print_verdict(console, result);
  const dr::Phase* cleanup = result.phase(Step::cleanup);
  if (cleanup != nullptr && cleanup->outcome == Outcome::passed) console.line("  Left behind: 0 left");
  if (result.cost)
    console.line(fmt::format("  Cost: about {} (estimate: list prices, docs/cost.md)",
                             report::money(*result.cost, result.currency)));
  for (const auto& left : result.left)
    console.line(fmt::format("  Left behind: {}\n    {}", left.id, left.error));
  if (!result.left.empty()) console.line("  → azlin dr cleanup tries again");
  if (result.kept_until) {
    console.line(fmt::format("  Kept until {}: {}", core::to_display(*result.kept_until), result.test_vm_id));
    console.line("  → remove it earlier with: azlin dr cleanup --drill " + result.drill_id);
  }
  if (!result.error.empty()) console.line("\n  Error: " + result.error);
  if (!result.boot_log.empty()) {
    console.line("  Last lines of the boot log:");
    std::istringstream lines(result.boot_log);
    for (std::string line; std::getline(lines, line);) console.line("    " + line);
  }
  if (!result.hint.empty()) console.line("  → " + result.hint);
  for (const auto& warning : result.warnings) console.warn(warning);
}

int run(Runtime& runtime, const DrTestOptions& options) {
  Console& console = runtime.console();
  const int given = (options.plan ? 1 : 0) + (options.vm_group ? 1 : 0) + (options.vm.name.empty() ? 0 : 1);
  if (given != 1)
    throw Error(
        ErrorKind::usage,
        given == 0 ? "give a VM, --plan FILE or --group NAME" : "give one of a VM, --plan and --group",
        "nothing was changed");
  if ((options.plan || options.vm_group) && options.replicate)
    throw Error(ErrorKind::usage, "--replicate is for the drill of one VM",
                "for all: azlin backup replicate-all --all --target-region REGION");
  if (options.region) check_known_region(runtime, core::normalize_region(*options.region));
  if (options.plan)
    return run_plan_drill(runtime, dr::load_plan(*options.plan), common_config(runtime, options));
  if (options.vm_group)
    return run_plan_drill(runtime, plan_of_group(runtime, *options.vm_group, options.region),
                          common_config(runtime, options));
  dr::DRTestConfig config = config_of(runtime, options);
  auto drills = open_drills(runtime);
  if (options.replicate && !runtime.dry_run()) replicate_for_drill(runtime, config);
  if (runtime.dry_run()) {
    const auto plan = drills.plan(config, runtime.stop());
    for (const auto& warning : plan.warnings) console.warn(warning);
    print_dry_run(console, calls_of({plan}, config.cleanup_after_test),
                  {{"vm", plan.source.name}, {"backup", plan.backup}, {"testRegion", plan.region}});
    return 0;
  }
  const bool has_command = !config.verify_command.empty();
  config.planned = [&](const dr::DrillPlan& plan) {
    console.line(fmt::format("Starting DR test for {}...", plan.source.name));
    console.line("  Backup: " + plan.backup);
    console.line("  Test region: " + plan.region);
    console.line("  Test VM: " + plan.target.name);
    console.line();
  };
  config.ended = [&](const dr::Phase& phase) { print_phase(console, phase, has_command); };
  const auto result = drills.run_dr_test(config, runtime.stop());
  print_result(console, result);
  console.result(to_json(result));
  report_drill(runtime, result);
  return exit_code_of(result);
}

}  // namespace

void add_dr_test_command(CLI::App& group, Job& chosen) {
  add_command<DrTestOptions>(group, "test", "Run one drill, or those of a plan", chosen);
}

}  // namespace azlin::cli
