// azlin dr test, dr cleanup.
#include "cli/cmd_dr.hpp"

#include <fmt/format.h>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "cli/alerts.hpp"
#include "cli/dry_run.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using dr::Outcome;
using dr::Step;
using dr::Verdict;
using nlohmann::ordered_json;

namespace {

struct DrTestOptions {
  VmArgument vm;
  std::optional<std::string> backup, region, group, command, size, target_rto;
  bool no_cleanup = false, verify_boot = true, verify_ssh = true;
};
struct DrCleanupOptions {
  std::optional<std::string> drill;
};

void bind(CLI::App& command, DrTestOptions& options) {
  bind_vm(command, options.vm);
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
  command.add_flag("--verify-boot,!--no-verify-boot", options.verify_boot,
                   "Wait until the guest reports (default)");
  command.add_flag("--verify-ssh,!--no-verify-ssh", options.verify_ssh,
                   "Check inside the guest that sshd answers (default)");
  command
      .add_option("--verify-command", options.command,
                  "Shell command to run in the guest; exit code 0 passes")
      ->type_name("CMD");
  command.add_option("--size", options.size, "VM size (default: the original's, or an equal one)");
  command.add_option("--target-rto", options.target_rto, "The RTO to compare with (default 15m)")
      ->type_name("TIME");
  command.footer(
      "The VM comes up in a network of its own: no public address, no way to production.\n"
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
  if (options.region && options.target_rto) return;
  try {
    const auto view = open_drills(runtime).show(config.vm, runtime.stop());
    if (view.policy && !options.region) config.test_region = view.policy->region;
    if (view.policy && !options.target_rto) config.target_rto = view.policy->target_rto;
  } catch (const Error& error) {
    // The VM, or its region, may be what was lost.
    if (error.kind() == ErrorKind::interrupted || !options.region) throw;
  }
  if (config.test_region.empty())
    throw Error(ErrorKind::usage, "in which region? give --test-region",
                fmt::format("or set it once: azlin dr configure {} --test-region REGION", config.vm.name));
}

dr::DRTestConfig config_of(Runtime& runtime, const DrTestOptions& options) {
  if (options.backup && options.backup->empty())
    throw Error(ErrorKind::usage, "--backup is empty", "`azlin backup list` shows what there is");
  dr::DRTestConfig config;
  config.target_rto = parse_target(options.target_rto);
  config.backup = options.backup;
  config.test_resource_group = options.group;
  config.size = options.size;
  config.verify_boot = options.verify_boot;
  config.verify_connectivity = options.verify_ssh;
  config.verify_command = options.command.value_or("");
  config.cleanup_after_test = !options.no_cleanup;
  if (options.region) core::normalize_region(*options.region);
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

std::vector<PlannedCall> calls_of(const dr::DrillPlan& plan, bool cleanup) {
  std::vector<PlannedCall> calls;
  for (const auto& member : plan.set.members)
    calls.push_back(tags_patch(member.snapshot.id, snapshot::kInUseTag));
  const std::string group = fmt::format("/subscriptions/{}/resourceGroups/{}", plan.target.subscription,
                                        plan.target.resource_group);
  if (plan.own_group) calls.push_back({"PUT", group, "removed with the drill"});
  calls.push_back({"PUT", plan.nsg_id, "denies inbound, and outbound but for Run Command"});
  calls.push_back({"PUT", plan.network_id, "no peering, no routes"});
  calls.push_back({"PUT", plan.nic_id, "no public address"});
  for (const auto& disk : plan.disks) calls.push_back({"PUT", disk.new_id, "from " + disk.snapshot_id});
  calls.push_back({"PUT", plan.target.id(), plan.vm_size});
  if (!cleanup) return calls;
  calls.push_back({"DELETE", plan.target.id(), {}});
  calls.push_back({"DELETE", plan.nic_id, {}});
  for (const auto& disk : plan.disks) calls.push_back({"DELETE", disk.new_id, {}});
  calls.push_back({"DELETE", plan.network_id, {}});
  calls.push_back({"DELETE", plan.nsg_id, {}});
  if (plan.own_group) calls.push_back({"DELETE", group, {}});
  return calls;
}

int run(Runtime& runtime, const DrTestOptions& options) {
  Console& console = runtime.console();
  dr::DRTestConfig config = config_of(runtime, options);
  auto drills = open_drills(runtime);
  if (runtime.dry_run()) {
    const auto plan = drills.plan(config, runtime.stop());
    for (const auto& warning : plan.warnings) console.warn(warning);
    print_dry_run(console, calls_of(plan, config.cleanup_after_test),
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

void bind(CLI::App& command, DrCleanupOptions& options) {
  command
      .add_option(
          "--drill", options.drill,
          "Only this drill, also when --no-cleanup still keeps it (ids as dr test and this command show)")
      ->type_name("ID");
  command.footer(
      "Finds what drills left in every region and group of the subscription, by the tag azlin:drill. A "
      "drill\n"
      "that runs, one kept by --no-cleanup and one of another machine stay until their time is over.\n"
      "Exit codes: 0, 1 something could not be removed, 3, 5");
}

int run(Runtime& runtime, const DrCleanupOptions& options) {
  Console& console = runtime.console();
  auto drills = open_drills(runtime);
  const auto& subscription = runtime.subscription();
  const auto found = runtime.dry_run() ? drills.find_drills(subscription, options.drill, runtime.stop())
                                       : drills.cleanup(subscription, options.drill, runtime.stop());
  if (options.drill && found.empty())
    throw Error(ErrorKind::not_found, fmt::format("nothing of a drill {} is there", *options.drill),
                "`azlin dr cleanup --dry-run` lists what there is");
  ordered_json rows = ordered_json::array();
  std::vector<alert::AlertEvent> events;
  std::size_t removed = 0, left = 0;
  for (const auto& drill : found) {
    const bool gone = drill.dead && drill.left.empty() && !runtime.dry_run();
    console.line(
        fmt::format("{} {}  {}: {}",
                    gone                 ? "✓"
                    : drill.left.empty() ? "·"
                                         : "✗",
                    drill.drill_id, core::counted(drill.ids.size(), "resource"),
                    gone ? "removed, 0 left" : (drill.dead ? "to be removed: " : "stays: ") + drill.why));
    ordered_json row = {{"drill", drill.drill_id}, {"dead", drill.dead}, {"why", drill.why},
                        {"ids", drill.ids},        {"removed", gone},    {"left", ordered_json::array()}};
    for (const auto& item : drill.left) {
      console.line(fmt::format("    {}: {}", item.id, item.error));
      row["left"].push_back({{"id", item.id}, {"error", item.error}});
      events.push_back(alert::problem(alert::Rule::retention_violation, "dr:" + drill.drill_id,
                                      "A DR drill left something behind", item.id + "\n" + item.error));
    }
    removed += gone ? 1 : 0;
    left += drill.left.size();
    if (gone) events.push_back(alert::all_clear(alert::Rule::retention_violation, "dr:" + drill.drill_id));
    rows.push_back(std::move(row));
  }
  if (found.empty()) console.line("✓ No drill left anything behind");
  console.result({{"dryRun", runtime.dry_run()}, {"drills", rows}, {"removed", removed}, {"left", left}},
                 "drills");
  report_events(runtime, events);
  return left == 0 ? 0 : core::exit_code(ErrorKind::failed);
}

}  // namespace

dr::DRTestManager open_drills(Runtime& runtime) {
  return {runtime.arm(), runtime.journal(), runtime.clock(), runtime.home() + "/dr_tests.db"};
}

double seconds_of(core::Millis time) {
  return static_cast<double>(time.count()) / 1000.0;
}

std::string target_text(core::Millis target) {
  const auto minutes = std::chrono::floor<std::chrono::minutes>(target);
  if (minutes == target) return fmt::format("<{} minute{}", minutes.count(), minutes.count() == 1 ? "" : "s");
  return "<" + core::to_display(target);
}

std::string mark_of(Console& console, Outcome outcome) {
  if (outcome == Outcome::passed) return console.green("✓");
  return outcome == Outcome::failed ? console.red("✗") : console.yellow("–");
}

ordered_json to_json(const dr::DRTestResult& result) {
  const auto time = [](const std::optional<core::TimePoint>& at) {
    return at ? ordered_json(core::to_iso8601(*at)) : ordered_json(nullptr);
  };
  const auto text = [](const std::string& value) {
    return value.empty() ? ordered_json(nullptr) : ordered_json(value);
  };
  const bool judged = result.verdict == Verdict::passed || result.verdict == Verdict::failed;
  ordered_json json = {
      {"testId", result.test_id},
      {"vm", result.vm.name},
      {"resourceGroup", result.vm.resource_group},
      {"backup", result.backup_name},
      {"testRegion", result.test_region},
      {"verdict", dr::to_string(result.verdict)},
      {"success", judged ? ordered_json(result.verdict == Verdict::passed) : ordered_json(nullptr)},
      {"startedAt", core::to_iso8601(result.started_at)},
      {"completedAt", time(result.completed_at)},
      {"rtoSeconds", result.rto ? ordered_json(seconds_of(*result.rto)) : ordered_json(nullptr)},
      {"targetRtoSeconds", seconds_of(result.target_rto)},
      {"withinTarget", result.rto ? ordered_json(result.within_target()) : ordered_json(nullptr)},
      {"phases", ordered_json::array()}};
  for (const auto& phase : result.phases) {
    json["phases"].push_back(
        {{"name", dr::to_string(phase.step)},
         {"outcome", dr::to_string(phase.outcome)},
         {"startedAt", time(phase.started)},
         {"seconds", phase.started ? ordered_json(seconds_of(phase.took)) : ordered_json(nullptr)},
         {"detail", text(phase.detail)}});
  }
  json["error"] = text(result.error);
  json["hint"] = text(result.hint);
  json["bootLog"] = text(result.boot_log);
  json["drill"] = result.drill_id;
  json["testVmId"] = result.test_vm_id;
  json["operation"] = result.operation;
  json["keptUntil"] = time(result.kept_until);
  json["left"] = ordered_json::array();
  for (const auto& left : result.left) json["left"].push_back({{"id", left.id}, {"error", left.error}});
  json["warnings"] = result.warnings;
  return json;
}

void report_drill(Runtime& runtime, const dr::DRTestResult& result) {
  using alert::Rule;
  std::vector<alert::AlertEvent> events;
  const std::string& vm = result.vm.name;
  const std::vector<std::pair<std::string, std::string>> facts = {
      {"VM", vm}, {"Backup", result.backup_name}, {"Region", result.test_region}, {"Drill", result.drill_id}};
  if (result.verdict == Verdict::failed)
    events.push_back(alert::problem(Rule::dr_test_failure, vm, "DR test of " + vm + " failed",
                                    result.error + (result.hint.empty() ? "" : "\n" + result.hint), facts));
  if (result.verdict == Verdict::passed) events.push_back(alert::all_clear(Rule::dr_test_failure, vm));
  if (!result.left.empty()) {
    events.push_back(alert::problem(
        Rule::retention_violation, "dr:" + result.drill_id, "The DR test of " + vm + " left something behind",
        result.left.front().id + "\n" + result.left.front().error + "\nTry again with: azlin dr cleanup",
        facts));
  }
  if (result.rto && result.verdict == Verdict::passed) {
    events.push_back(result.within_target()
                         ? alert::all_clear(Rule::rto_exceeded, vm)
                         : alert::problem(Rule::rto_exceeded, vm, "Recovery of " + vm + " takes too long",
                                          fmt::format("RTO {}, target {}", core::to_display(*result.rto),
                                                      target_text(result.target_rto)),
                                          facts));
  }
  report_events(runtime, events);
}

void report_scheduled(Runtime& runtime, const dr::ScheduledTest& test) {
  if (test.result) return report_drill(runtime, *test.result);
  report_events(runtime,
                {alert::problem(alert::Rule::dr_test_failure, test.vm.name,
                                "DR test of " + test.vm.name + " failed", test.error + "\n" + test.hint)});
}

int exit_code_of(const dr::DRTestResult& result) {
  if (result.verdict == Verdict::interrupted) return core::exit_code(ErrorKind::interrupted);
  if (result.verdict == Verdict::failed || !result.left.empty()) return core::exit_code(ErrorKind::failed);
  return result.rto && !result.within_target() ? core::exit_code(ErrorKind::findings) : 0;
}

void add_dr_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "dr", "DR: drills, failover, readiness");
  add_command<DrTestOptions>(*group, "test", "Run one drill", chosen);
  add_failover_command(*group, chosen);
  add_dr_policy_commands(*group, chosen);
  add_dr_history_commands(*group, chosen);
  add_dr_readiness_command(*group, chosen);
  add_command<DrCleanupOptions>(*group, "cleanup", "Remove what dead drills left", chosen);
  add_orphans_command(root, chosen);
  add_ssh_command(root, chosen);
}

}  // namespace azlin::cli
