// azlin dr test-history, dr success-rate.
#include <fmt/format.h>

#include <map>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "cli/cmd_dr.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using dr::Verdict;
using nlohmann::ordered_json;

struct HistoryOptions {
  std::optional<std::string> vm, group;
  int days = 30;
};
struct RateOptions {
  std::optional<std::string> vm, group;
  int days = 30;
};

void bind(CLI::App& command, HistoryOptions& options) {
  command.add_option("vm", options.vm, "Only this VM")->type_name("VM");
  command.add_option("-g,--resource-group", options.group, "Only VMs of this group")->type_name("GROUP");
  command.add_option("--days", options.days, "How far back")->capture_default_str();
  command.footer(
      "Drills that this machine ran.\n"
      "Example: azlin dr test-history prod-db-vm --days 30\n"
      "Exit codes: 0, 2");
}

void bind(CLI::App& command, RateOptions& options) {
  command.add_option("--vm", options.vm, "Only this VM")->type_name("VM");
  command.add_option("-g,--resource-group", options.group, "Only VMs of this group")->type_name("GROUP");
  command.add_option("--days", options.days, "How far back")->capture_default_str();
  command.footer(
      "Restore-only and interrupted drills are no passes and no failures: they are counted apart.\n"
      "Example: azlin dr success-rate --days 90\n"
      "Exit codes: 0, 2, 6 below the target of 99.9 %");
}

// VMs of one name, told apart.
class Labels {
 public:
  explicit Labels(const std::vector<dr::DRTestResult>& tests) {
    for (const auto& test : tests)
      groups_[core::to_lower(test.vm.name)].emplace(core::to_lower(test.vm.resource_group),
                                                    group_text(test.vm));
  }
  std::string of(const snapshot::VmRef& vm) const {
    return groups_.at(core::to_lower(vm.name)).size() > 1 ? vm.name + " (" + group_text(vm) + ")" : vm.name;
  }
  // "A, B" where VMs of this name in several groups were drilled; else empty.
  std::string groups_of(const std::string& vm) const {
    const auto found = groups_.find(core::to_lower(vm));
    if (found == groups_.end() || found->second.size() < 2) return {};
    std::string list;
    for (const auto& [key, group] : found->second) list += (list.empty() ? "" : ", ") + group;
    return list;
  }

 private:
  static std::string group_text(const snapshot::VmRef& vm) {
    return vm.resource_group.empty() ? "group not known" : vm.resource_group;
  }
  std::map<std::string, std::map<std::string, std::string>> groups_;  // by name, then by group, in lower case
};

void warn_of_namesakes(Console& console, const Labels& labels, const std::optional<std::string>& vm) {
  if (!vm) return;
  const auto groups = labels.groups_of(*vm);
  if (!groups.empty())
    console.warn(
        fmt::format("VMs called {} were drilled in several groups ({}): all of them are shown; -g says "
                    "which one",
                    *vm, groups));
}

template <class Options>
std::vector<dr::DRTestResult> tests_of(Runtime& runtime, const Options& options) {
  constexpr int kMostDays = 36500;
  if (options.days <= 0 || options.days > kMostDays)
    throw Error(ErrorKind::usage, fmt::format("--days {} is not 1 to {}", options.days, kMostDays));
  if (options.vm) core::check_vm_name(*options.vm);
  if (options.group) core::check_resource_group(*options.group);
  auto drills = open_drills(runtime);
  dr::TestFilter filter;
  filter.vm = options.vm;
  filter.resource_group = options.group;
  filter.subscription = runtime.subscription();
  filter.since = runtime.clock().now() - std::chrono::hours{24 * options.days};
  return drills.get_test_history(filter);
}

std::string percent(double value) {
  const std::string text = fmt::format("{:.1f}", value);
  return (text.ends_with(".0") ? text.substr(0, text.size() - 2) : text) + "%";
}

std::string share(int part, int total) {
  return total == 0 ? std::string("no data") : percent(100.0 * part / total);
}

std::string word(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "✓ PASS";
    case Verdict::failed:
      return "✗ FAIL";
    case Verdict::restore_only:
      return "– RESTORE ONLY";
    case Verdict::interrupted:
      return "✗ INTERRUPTED";
    case Verdict::running:
      return "· RUNNING";
  }
  return "";
}

ordered_json stats_json(const dr::Statistics& stats) {
  const auto seconds = [](const std::optional<core::Millis>& time) {
    return time ? ordered_json(seconds_of(*time)) : ordered_json(nullptr);
  };
  const auto rate = stats.rate();
  return {{"total", stats.total()},
          {"passed", stats.passed},
          {"failed", stats.failed},
          {"restoreOnly", stats.restore_only},
          {"interrupted", stats.interrupted},
          {"successRate", rate ? ordered_json(*rate) : ordered_json(nullptr)},
          {"targetRate", dr::kTargetRate},
          {"compliant", rate ? ordered_json(*rate >= dr::kTargetRate) : ordered_json(nullptr)},
          {"averageRtoSeconds", seconds(stats.average_rto)},
          {"maxRtoSeconds", seconds(stats.max_rto)}};
}

void print_uncounted(Console& console, const dr::Statistics& stats) {
  if (stats.restore_only > 0)
    console.line(fmt::format("  Restore only: {} (not counted)", stats.restore_only));
  if (stats.interrupted > 0) console.line(fmt::format("  Interrupted: {} (not counted)", stats.interrupted));
}

void print_counts(Console& console, const dr::Statistics& stats) {
  console.line(fmt::format("  Total tests: {}", stats.total()));
  if (stats.total() > 0) {
    console.line(fmt::format("  Passed: {} ({})", stats.passed, share(stats.passed, stats.total())));
    console.line(fmt::format("  Failed: {} ({})", stats.failed, share(stats.failed, stats.total())));
  }
  print_uncounted(console, stats);
}

void print_tests(Console& console, const std::vector<dr::DRTestResult>& tests, const Labels& labels,
                 bool with_vm) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& test : tests) {
    rows.push_back({"  " + core::to_display_minutes(test.started_at), word(test.verdict),
                    test.rto ? "RTO: " + core::to_display(*test.rto) : "RTO: none", test.test_region});
    if (with_vm) rows.back().insert(rows.back().begin() + 1, labels.of(test.vm));
  }
  for (const auto& line : in_columns(rows)) console.line(line);
  for (const auto& test : tests) {
    if (!test.error.empty())
      console.line(fmt::format("    {}: {}", core::to_display_minutes(test.started_at), test.error));
    for (const auto& left : test.left) console.line("    left behind: " + left.id);
  }
}

int run(Runtime& runtime, const HistoryOptions& options) {
  Console& console = runtime.console();
  const auto tests = tests_of(runtime, options);
  const auto stats = dr::statistics(tests);
  const Labels labels(tests);
  warn_of_namesakes(console, labels, options.vm);
  console.line(
      fmt::format("DR Test History{} (Last {} Days)", options.vm ? " for " + *options.vm : "", options.days));
  console.line();
  console.line(fmt::format("Recent Tests ({}):", tests.size()));
  if (tests.empty()) console.line("  (no data: no drill was run here in that time)");
  print_tests(console, tests, labels, !options.vm || !labels.groups_of(*options.vm).empty());
  console.line();
  console.line("Statistics:");
  print_counts(console, stats);
  const core::Millis target = tests.empty() ? dr::kDefaultTargetRto : tests.front().target_rto;
  console.line("  Average RTO: " + (stats.average_rto ? core::to_display(*stats.average_rto) : "no data"));
  if (stats.max_rto) {
    console.line(fmt::format("  Max RTO: {} ({} {}m target {})", core::to_display(*stats.max_rto),
                             *stats.max_rto < target ? "within" : "over",
                             std::chrono::floor<std::chrono::minutes>(target).count(),
                             *stats.max_rto < target ? "✓" : "✗"));
  }
  ordered_json json = {
      {"days", options.days}, {"tests", ordered_json::array()}, {"statistics", stats_json(stats)}};
  for (const auto& test : tests) json["tests"].push_back(to_json(test));
  console.result(json, "tests");
  return 0;
}

void print_rate(Console& console, const dr::Statistics& stats) {
  print_counts(console, stats);
  const auto rate = stats.rate();
  const bool good = rate && *rate >= dr::kTargetRate;
  console.line("  Success rate: " + (rate ? percent(*rate) + (good ? " ✓" : " ✗") : std::string("no data")));
  console.line(fmt::format("  Target: {}%", dr::kTargetRate));
  if (stats.average_rto)
    console.line(fmt::format("  RTO: average {}, max {}", core::to_display(*stats.average_rto),
                             core::to_display(*stats.max_rto)));
}

int run(Runtime& runtime, const RateOptions& options) {
  Console& console = runtime.console();
  const auto tests = tests_of(runtime, options);
  std::map<std::string, std::vector<dr::DRTestResult>> by_vm;
  for (const auto& test : tests) by_vm[core::to_lower(test.vm.key())].push_back(test);
  const auto overall = dr::statistics(tests);
  const Labels labels(tests);
  warn_of_namesakes(console, labels, options.vm);
  const auto rate = overall.rate();
  ordered_json json = {
      {"days", options.days}, {"overall", stats_json(overall)}, {"vms", ordered_json::array()}};
  console.line(fmt::format("DR Success Rate (Last {} Days)", options.days));
  for (const auto& [key, of_vm] : by_vm) {
    console.line();
    console.line("VM: " + labels.of(of_vm.front().vm));
    print_rate(console, dr::statistics(of_vm));
    ordered_json row = {{"vm", of_vm.front().vm.name}, {"resourceGroup", of_vm.front().vm.resource_group}};
    row.update(stats_json(dr::statistics(of_vm)));
    json["vms"].push_back(std::move(row));
  }
  if (!options.vm || by_vm.size() != 1) {
    console.line();
    console.line(options.vm ? "Overall:" : "Overall (All VMs):");
    print_rate(console, overall);
  }
  console.line();
  console.line(std::string("Compliance: ") + (!rate                      ? "no data"
                                              : *rate >= dr::kTargetRate ? "PASSING"
                                                                         : "FAILING"));
  console.result(json, "vms");
  return rate && *rate < dr::kTargetRate ? core::exit_code(ErrorKind::findings) : 0;
}

}  // namespace

void add_dr_history_commands(CLI::App& group, Job& chosen) {
  add_command<HistoryOptions>(group, "test-history", "Drills of the past, newest first", chosen);
  add_command<RateOptions>(group, "success-rate", "How many drills passed, against 99.9 %", chosen);
}

}  // namespace azlin::cli
