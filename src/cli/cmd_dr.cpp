// azlin dr cleanup, and what the dr commands share.
#include "cli/cmd_dr.hpp"

#include <fmt/format.h>

#include "azlin/alert/evaluate.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "cli/alerts.hpp"
#include "cli/report_facts.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using dr::Outcome;
using dr::Step;
using dr::Verdict;
using nlohmann::ordered_json;

namespace {

struct DrCleanupOptions {
  std::optional<std::string> drill;
};

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
      "Example: azlin dr cleanup\n"
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
  return {runtime.arm(),        runtime.journal(),
          runtime.clock(),      runtime.home() + "/dr_tests.db",
          &runtime.processes(), prices_for_estimates(runtime)};
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
  json["estimatedCost"] = result.cost ? ordered_json(*result.cost) : ordered_json(nullptr);
  json["currency"] = result.currency;
  json["left"] = ordered_json::array();
  for (const auto& left : result.left) json["left"].push_back({{"id", left.id}, {"error", left.error}});
  json["warnings"] = result.warnings;
  return json;
}

void report_drill(Runtime& runtime, const dr::DRTestResult& result) {
  using alert::Rule;
  std::vector<alert::AlertEvent> events;
  const std::string& vm = result.vm.name;
  const alert::Subject subject(vm, result.vm.resource_group);
  const std::vector<std::pair<std::string, std::string>> facts = {
      {"VM", vm}, {"Backup", result.backup_name}, {"Region", result.test_region}, {"Drill", result.drill_id}};
  if (result.verdict == Verdict::failed)
    events.push_back(alert::problem(Rule::dr_test_failure, subject, "DR test of " + vm + " failed",
                                    result.error + (result.hint.empty() ? "" : "\n" + result.hint), facts));
  if (result.verdict == Verdict::passed) events.push_back(alert::all_clear(Rule::dr_test_failure, subject));
  if (!result.left.empty()) {
    events.push_back(alert::problem(
        Rule::retention_violation, "dr:" + result.drill_id, "The DR test of " + vm + " left something behind",
        result.left.front().id + "\n" + result.left.front().error + "\nTry again with: azlin dr cleanup",
        facts));
  }
  // The default target is nobody's: alerts.yaml says what counts.
  const bool stated = result.target_rto != dr::kDefaultTargetRto;
  if (result.rto && result.verdict == Verdict::passed) {
    auto event = alert::evaluate_rto(alert::load_for_raising(runtime.home() + "/alerts.yaml"), subject,
                                     *result.rto, stated ? std::optional(result.target_rto) : std::nullopt);
    if (event) events.push_back(std::move(*event));
  }
  report_events(runtime, events);
}

void report_scheduled(Runtime& runtime, const dr::ScheduledTest& test) {
  if (test.result) return report_drill(runtime, *test.result);
  report_events(runtime,
                {alert::problem(alert::Rule::dr_test_failure, {test.vm.name, test.vm.resource_group},
                                "DR test of " + test.vm.name + " failed", test.error + "\n" + test.hint)});
}

int exit_code_of(const dr::DRTestResult& result) {
  if (result.verdict == Verdict::interrupted) return core::exit_code(ErrorKind::interrupted);
  if (result.verdict == Verdict::failed || !result.left.empty()) return core::exit_code(ErrorKind::failed);
  return result.rto && !result.within_target() ? core::exit_code(ErrorKind::findings) : 0;
}

void add_dr_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "dr", "DR: drills, failover, readiness");
  add_dr_test_command(*group, chosen);
  add_failover_command(*group, chosen);
  add_failback_command(*group, chosen);
  add_plan_commands(*group, chosen);
  add_dr_policy_commands(*group, chosen);
  add_dr_history_commands(*group, chosen);
  add_dr_readiness_command(*group, chosen);
  add_command<DrCleanupOptions>(*group, "cleanup", "Remove what dead drills left", chosen);
  add_orphans_command(root, chosen);
  add_ssh_command(root, chosen);
}

}  // namespace azlin::cli
