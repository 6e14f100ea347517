// azlin dr configure, disable, show, test-all.
#include <fmt/format.h>

#include <mutex>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/dry_run.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using dr::Verdict;
using nlohmann::ordered_json;

struct DrConfigureOptions {
  VmArgument vm;
  std::optional<std::string> region, every, target_rto, ssh_user, ssh_key;
};
struct DrDisableOptions {
  VmArgument vm;
};
struct DrShowOptions {
  VmArgument vm;
};
struct TestAllOptions {
  std::optional<std::string> group;
  int max_parallel = 3;
  bool force = false;
};

void bind(CLI::App& command, DrConfigureOptions& options) {
  bind_vm(command, options.vm);
  command.add_option("--test-region", options.region, "Where drills go (default: as it is)")
      ->type_name("REGION");
  command.add_option("--every", options.every, "Time between drills, e.g. 7d (default)")->type_name("TIME");
  command.add_option("--target-rto", options.target_rto, "The RTO to reach, e.g. 15m (default)")
      ->type_name("TIME");
  command.add_option("--ssh-user", options.ssh_user, "User of logins in drills with --public-ip")
      ->type_name("NAME");
  command
      .add_option("--ssh-key", options.ssh_key, "File of that user's private key, on the machine that drills")
      ->type_name("FILE");
  command.footer(
      "Kept in the VM's tag azlin:dr. What is not stated stays as it is.\n"
      "Example: azlin dr configure prod-db-vm --test-region westus2 --every 7d --target-rto 15m\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

void bind(CLI::App& command, DrDisableOptions& options) {
  bind_vm(command, options.vm);
  command.footer(
      "Example: azlin dr disable staging-vm\n"
      "Exit codes: 0, 1, 2, 3, 5");
}
void bind(CLI::App& command, DrShowOptions& options) {
  bind_vm(command, options.vm);
  command.footer(
      "Example: azlin dr show prod-db-vm\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

void bind(CLI::App& command, TestAllOptions& options) {
  command.add_option("-g,--resource-group", options.group, "Only VMs of this group")->type_name("GROUP");
  command.add_option("--max-parallel", options.max_parallel, "Drills at a time")
      ->check(CLI::Range(1, 20))
      ->capture_default_str();
  command.add_flag("--force", options.force, "Also those that are not due yet");
  command.footer(
      "Takes every VM with DR enabled: by `dr configure`, or by a backup schedule that replicates.\n"
      "Example: azlin dr test-all --max-parallel 2\n"
      "Exit codes: 0, 1 all failed, 4 some failed, 6 all passed, but one slower than its target, 130");
}

std::optional<core::Millis> duration_of(const char* flag, const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  if (const auto time = core::parse_duration(*text)) return time;
  throw Error(ErrorKind::usage, fmt::format("{} '{}' is no time", flag, *text), "write it as 15m, 12h or 7d");
}

// "7 days", "12 hours"
std::string every_text(core::Millis every) {
  const auto hours = std::chrono::floor<std::chrono::hours>(every).count();
  return hours % 24 == 0 ? core::counted(static_cast<std::size_t>(hours / 24), "day")
                         : core::counted(static_cast<std::size_t>(hours), "hour");
}

ordered_json policy_json(const snapshot::VmRef& vm, const dr::DrPolicy& policy) {
  return {{"vm", vm.name},
          {"resourceGroup", vm.resource_group},
          {"enabled", policy.enabled},
          {"testRegion", policy.region},
          {"everyHours", std::chrono::floor<std::chrono::hours>(policy.every).count()},
          {"targetRtoSeconds", seconds_of(policy.target_rto)},
          {"sshUser", policy.ssh_user.empty() ? ordered_json(nullptr) : ordered_json(policy.ssh_user)},
          {"sshKey", policy.ssh_key.empty() ? ordered_json(nullptr) : ordered_json(policy.ssh_key)}};
}

void print_policy(Console& console, const dr::DrPolicy& policy) {
  console.line("  Test region: " + policy.region);
  console.line("  Drill every: " + every_text(policy.every));
  console.line("  Target RTO: " + target_text(policy.target_rto));
  if (!policy.ssh_user.empty() || !policy.ssh_key.empty())
    console.line(fmt::format("  SSH with a public address: {} with {}",
                             policy.ssh_user.empty() ? "no user" : policy.ssh_user,
                             policy.ssh_key.empty() ? "no key" : policy.ssh_key));
}

int store_policy(Runtime& runtime, dr::DRTestManager& drills, const snapshot::VmRef& vm,
                 const dr::DrPolicy& policy, const std::string& done) {
  Console& console = runtime.console();
  if (runtime.dry_run()) {
    print_dry_run(console, {tags_patch(vm.id(), fmt::format("{} = {}", dr::kPolicyTag, dr::to_tag(policy)))},
                  {{"vm", vm.name}});
    return 0;
  }
  drills.configure(vm, policy, runtime.stop());
  console.line("✓ " + done);
  if (policy.enabled) print_policy(console, policy);
  console.line(fmt::format("\nConfiguration saved to VM tags ({})", dr::kPolicyTag));
  console.result(policy_json(vm, policy));
  return 0;
}

int run(Runtime& runtime, const DrConfigureOptions& options) {
  dr::PolicyChange change;
  if (options.region) change.region = core::normalize_region(*options.region);
  change.every = duration_of("--every", options.every);
  change.target_rto = duration_of("--target-rto", options.target_rto);
  change.ssh_user = options.ssh_user;
  change.ssh_key = options.ssh_key;
  const auto vm = resolve_vm(runtime, options.vm);
  auto drills = open_drills(runtime);
  const auto policy = drills.plan_configure(vm, change, runtime.stop());
  return store_policy(runtime, drills, vm, policy, "DR tests configured for " + vm.name);
}

// Said by the VM's own tag, so that a replicating backup schedule does not enable them again.
int run(Runtime& runtime, const DrDisableOptions& options) {
  const auto vm = resolve_vm(runtime, options.vm);
  auto drills = open_drills(runtime);
  const auto view = drills.show(vm, runtime.stop());
  if (!view.error.empty()) throw Error(ErrorKind::failed, view.error, "azlin dr configure writes it anew");
  if (!view.policy)
    throw Error(ErrorKind::not_found,
                fmt::format("DR tests are not enabled for {}, so there is nothing to disable", vm.name));
  auto policy = *view.policy;
  policy.enabled = false;
  return store_policy(runtime, drills, vm, policy, "DR tests disabled for " + vm.name);
}

int run(Runtime& runtime, const DrShowOptions& options) {
  Console& console = runtime.console();
  const auto vm = resolve_vm(runtime, options.vm);
  auto drills = open_drills(runtime);
  const auto view = drills.show(vm, runtime.stop());
  if (!view.error.empty()) throw Error(ErrorKind::failed, view.error, "azlin dr configure writes it anew");
  console.line(fmt::format("DR configuration for {}:", vm.name));
  if (!view.policy) {
    console.line("  Status: not configured");
    console.line("  → azlin dr configure " + vm.name + " --test-region REGION");
    console.result(
        {{"vm", vm.name}, {"resourceGroup", vm.resource_group}, {"enabled", false}, {"source", nullptr}});
    return 0;
  }
  const std::string source = view.stated ? dr::kPolicyTag : backup::kScheduleTag;
  console.line(fmt::format("  Status: {} (by {})", view.policy->enabled ? "Enabled" : "Disabled", source));
  print_policy(console, *view.policy);
  const bool due = view.due <= runtime.clock().now();
  if (view.policy->enabled)
    console.line("  Next drill: " + (due ? std::string("due now") : core::to_display_minutes(view.due)));
  auto json = policy_json(vm, *view.policy);
  json["source"] = source;
  json["due"] = view.policy->enabled && due;
  json["nextDue"] = due ? ordered_json(nullptr) : ordered_json(core::to_iso8601(view.due));
  console.result(json);
  return 0;
}

bool passed(const dr::ScheduledTest& test) {
  return test.result && test.result->verdict == Verdict::passed && test.result->left.empty();
}

void print_test(Console& console, std::size_t index, std::size_t total, std::size_t width,
                const dr::ScheduledTest& test) {
  const std::string head = fmt::format("[{}/{}] {:<{}}  ", index + 1, total, test.vm.name, width);
  if (!test.result) return console.line(head + console.red("✗") + "  " + test.error);
  const auto& result = *test.result;
  const core::Millis took = result.completed_at.value_or(result.started_at) - result.started_at;
  console.line(fmt::format("{}{}  {}  RTO: {}", head,
                           result.verdict == Verdict::passed ? console.green("✓") : console.red("✗"),
                           core::to_display(took), result.rto ? core::to_display(*result.rto) : "none"));
  if (!result.error.empty()) console.line("    " + result.error);
  for (const auto& left : result.left) console.line("    left behind: " + left.id);
}

struct Summary {
  std::size_t total = 0, passed = 0;
  bool slow = false, interrupted = false;
  dr::Statistics stats;
  core::Millis target{0};  // the shortest
};

Summary sum_up(const std::vector<dr::ScheduledTest>& tests) {
  Summary summary;
  std::vector<dr::DRTestResult> results;
  summary.total = tests.size();
  for (const auto& test : tests) {
    summary.passed += passed(test) ? 1 : 0;
    if (!test.result) continue;
    summary.interrupted = summary.interrupted || test.result->verdict == Verdict::interrupted;
    summary.slow = summary.slow || (test.result->rto && !test.result->within_target());
    if (summary.target.count() == 0 || test.result->target_rto < summary.target)
      summary.target = test.result->target_rto;
    results.push_back(*test.result);
  }
  summary.stats = dr::statistics(results);
  return summary;
}

void print_summary(Console& console, const Summary& summary) {
  const bool all = summary.passed == summary.total;
  console.line();
  console.line(fmt::format("{} ({}/{})", all ? "✓ All DR tests passed" : "✗ DR tests passed", summary.passed,
                           summary.total));
  if (summary.stats.average_rto) {
    console.line("  Average RTO: " + core::to_display(*summary.stats.average_rto));
    console.line(
        fmt::format("  Target: {} {}", target_text(summary.target), summary.slow ? "✗ exceeded" : "✓"));
  }
  console.line(fmt::format("  Success rate: {:.0f}%",
                           100.0 * static_cast<double>(summary.passed) / static_cast<double>(summary.total)));
}

int exit_code_of(const Summary& summary) {
  if (summary.interrupted) return core::exit_code(ErrorKind::interrupted);
  if (summary.passed == 0) return core::exit_code(ErrorKind::failed);
  if (summary.passed < summary.total) return core::exit_code(ErrorKind::partial);
  return summary.slow ? core::exit_code(ErrorKind::findings) : 0;
}

// A tag that cannot be read is taken, too: it fails, and is seen.
std::vector<dr::PolicyView> choose_due(Runtime& runtime, dr::DRTestManager& drills,
                                       const TestAllOptions& options) {
  Console& console = runtime.console();
  std::vector<dr::PolicyView> due;
  bool any = false;
  for (auto& view : drills.policies(runtime.subscription(), options.group, runtime.stop())) {
    if (view.policy && !view.policy->enabled) continue;
    any = true;
    if (view.policy && !options.force && view.due > runtime.clock().now()) {
      console.note(fmt::format("{} is due at {}", view.vm.name, core::to_display_minutes(view.due)));
      continue;
    }
    due.push_back(std::move(view));
  }
  if (!any) console.line("No VM has DR tests enabled: azlin dr configure VM --test-region REGION");
  if (any && due.empty()) console.line("✓ No DR test is due");
  return due;
}

int run(Runtime& runtime, const TestAllOptions& options) {
  Console& console = runtime.console();
  if (options.group) core::check_resource_group(*options.group);
  auto drills = open_drills(runtime);
  const auto due = choose_due(runtime, drills, options);
  ordered_json json = {
      {"dryRun", runtime.dry_run()}, {"total", due.size()}, {"passed", 0}, {"tests", ordered_json::array()}};
  if (due.empty() || runtime.dry_run()) {
    for (const auto& view : due) {
      console.line(fmt::format("  {} → {}", view.vm.name, view.policy ? view.policy->region : view.error));
      json["tests"].push_back({{"vm", view.vm.name}, {"resourceGroup", view.vm.resource_group}});
    }
    console.result(json, "tests");
    return 0;
  }
  std::size_t width = 0;
  for (const auto& view : due) width = std::max(width, view.vm.name.size());
  console.line("Running scheduled DR tests...");
  console.line();
  std::mutex printing;
  const auto ended = [&](std::size_t i, const dr::ScheduledTest& test) {
    const std::lock_guard lock(printing);
    print_test(console, i, due.size(), width, test);
  };
  const auto tests = drills.run_scheduled_tests(due, options.max_parallel, ended, runtime.stop());
  const Summary summary = sum_up(tests);
  print_summary(console, summary);
  json["passed"] = summary.passed;
  json["averageRtoSeconds"] = summary.stats.average_rto ? ordered_json(seconds_of(*summary.stats.average_rto))
                                                        : ordered_json(nullptr);
  for (const auto& test : tests) {
    json["tests"].push_back(test.result ? to_json(*test.result)
                                        : ordered_json{{"vm", test.vm.name},
                                                       {"resourceGroup", test.vm.resource_group},
                                                       {"success", false},
                                                       {"error", test.error},
                                                       {"hint", test.hint}});
  }
  console.result(json, "tests");
  for (const auto& test : tests) report_scheduled(runtime, test);
  return exit_code_of(summary);
}

}  // namespace

void add_dr_policy_commands(CLI::App& group, Job& chosen) {
  add_command<TestAllOptions>(group, "test-all", "Run the drills that are due", chosen);
  add_command<DrConfigureOptions>(group, "configure", "Which VMs are drilled, where and how often", chosen);
  add_command<DrDisableOptions>(group, "disable", "Drill a VM no more", chosen);
  add_command<DrShowOptions>(group, "show", "What holds for a VM", chosen);
}

}  // namespace azlin::cli
