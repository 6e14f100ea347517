// azlin status: the screen of the morning. azlin version: what this program is.
#include <fmt/format.h>

#include <set>

#include "azlin/core/error.hpp"
#include "azlin/http/version.hpp"
#include "azlin/report/status.hpp"
#include "azlin/runbook/scheduler.hpp"
#include "azlin/store/version.hpp"
#include "cli/alerts.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/cmd_report.hpp"
#include "cli/report_facts.hpp"

namespace azlin::cli {

namespace {

using core::ErrorKind;
using nlohmann::ordered_json;

constexpr std::size_t kMostShown = 15;

struct StatusOptions {};
struct VersionOptions {};

void bind(CLI::App& command, StatusOptions&) {
  command.footer("Example: azlin status\nExit codes: 0 all is well, 1, 5, 6 something needs attention");
}

report::StatusFacts gather(Runtime& runtime) {
  report::StatusFacts facts;
  facts.report = gather_report(runtime, {1, {}, {}});
  facts.policies = open_drills(runtime).policies(facts.report.subscription, {}, runtime.stop());
  facts.interrupted = runtime.journal().interrupted();
  for (const auto& record : open_alerts(runtime)->list())
    facts.alerts.push_back({record.event.title,
                            alert::to_string(record.event.severity.value_or(alert::Severity{})),
                            record.first_at});
  const auto runs = runbook::last_runs(runtime.home());
  const auto installed = installed_schedule(runtime);
  facts.schedule_installed = installed.has_value();
  std::set<std::string> names;  // of what is installed
  if (installed) {
    for (const auto& job : installed->jobs) {
      names.insert(job.name);
      if (!job.active) facts.stopped_jobs.push_back(job.name);
    }
  }
  for (const auto& [job, last] : runs) {
    if (installed && !names.contains(job)) continue;  // taken out since
    // `alert check` and `status` end with 6 for what is listed here anyway.
    const bool only_findings = last.exit_code == core::exit_code(ErrorKind::findings);
    if (last.ended && is_bad_run(last.exit_code) && !only_findings)
      facts.bad_runs.push_back({job, *last.ended, last.exit_code});
  }
  return facts;
}

std::string share(int part, int all) {
  return all == 0 ? std::string("-") : fmt::format("{} of {}", part, all);
}

void print_fleet(Console& console, const report::Status& status) {
  const auto mark = [&](int part, int all) {
    return all == 0 ? "–" : part == all ? console.green("✓") : console.red("✗");
  };
  const auto row = [&](const char* what, int part, int all) {
    console.line(fmt::format("  {} {:<34} {}", mark(part, all), what, share(part, all)));
  };
  console.line(
      fmt::format("{} with a backup schedule", status.vms == 1 ? "1 VM" : fmt::format("{} VMs", status.vms)));
  row("backed up in the last 24 hours", status.backed_up, status.vms);
  row("copied to their region", status.copied, status.to_copy);
  row("verified in the last 7 days", status.verified, status.vms);
  row("drilled in time", status.drilled, status.to_drill);
  if (!status.newest) return;
  const auto oldest = core::to_display_minutes(*status.oldest);
  const auto newest = core::to_display_minutes(*status.newest);
  console.line(oldest == newest ? fmt::format("  Newest backup: {} UTC", newest)
                                : fmt::format("  Newest backups: {} to {} UTC", oldest, newest));
}

template <class List, class Text>
void print_list(Console& console, const char* title, const List& list, Text text) {
  if (list.empty()) return;
  console.line();
  console.line(title);
  for (std::size_t i = 0; i < std::min(list.size(), kMostShown); ++i) console.line("  " + text(list[i]));
  if (list.size() > kMostShown)
    console.line(fmt::format("  … and {} more (-o json)", list.size() - kMostShown));
}

void print(Console& console, const report::Status& status, std::size_t interrupted) {
  print_fleet(console, status);
  print_list(console, "Failed since yesterday:", status.failures, [&](const report::Failure& failure) {
    return fmt::format("{} {}  {}{}{}", failure.mended ? "✓" : console.red("✗"),
                       core::to_display_minutes(failure.at), failure.what,
                       failure.error.empty() ? "" : ": " + failure.error.substr(0, failure.error.find('\n')),
                       failure.mended ? " (has worked since)" : "");
  });
  print_list(console, "Overdue:", status.overdue,
             [&](const report::Overdue& overdue) { return console.red("✗") + " " + overdue.what; });
  print_list(console, "Open alerts:", status.alerts, [](const report::StatusFacts::Alert& alert) {
    return fmt::format("{}  {} ({})", core::to_display_minutes(alert.since), alert.title, alert.severity);
  });
  print_list(console, "Scheduled jobs whose last run failed:", status.bad_runs,
             [](const report::StatusFacts::Run& run) {
               return fmt::format("{}  {} (exit code {})", core::to_display_minutes(run.ended), run.job,
                                  run.exit_code);
             });
  if (interrupted > 0) {
    console.line();
    console.line(
        fmt::format("{} interrupted and {} for `azlin recover`",
                    interrupted == 1 ? "1 operation was" : fmt::format("{} operations were", interrupted),
                    interrupted == 1 ? "waits" : "wait"));
  }
  print_list(console, "To do:", status.to_do, [](const std::string& command) { return "→ " + command; });
  console.line();
  console.line(status.attention ? console.red("✗ Needs attention") : console.green("✓ All is well"));
}

ordered_json to_json(const report::Status& status, const report::StatusFacts& facts) {
  const auto time = [](const std::optional<core::TimePoint>& each) {
    return each ? ordered_json(core::to_iso8601(*each)) : ordered_json(nullptr);
  };
  ordered_json json = {{"at", core::to_iso8601(facts.report.now)},
                       {"subscription", facts.report.subscription},
                       {"attention", status.attention},
                       {"vms", status.vms},
                       {"backedUp", status.backed_up},
                       {"toCopy", status.to_copy},
                       {"copied", status.copied},
                       {"verified", status.verified},
                       {"toDrill", status.to_drill},
                       {"drilled", status.drilled},
                       {"newestBackup", time(status.newest)},
                       {"oldestNewestBackup", time(status.oldest)},
                       {"failures", ordered_json::array()},
                       {"overdue", ordered_json::array()},
                       {"alerts", ordered_json::array()},
                       {"failedJobs", ordered_json::array()},
                       {"scheduleInstalled", facts.schedule_installed},
                       {"interrupted", facts.interrupted.size()},
                       {"toDo", status.to_do}};
  for (const auto& each : status.failures)
    json["failures"].push_back({{"at", core::to_iso8601(each.at)},
                                {"what", each.what},
                                {"error", each.error},
                                {"mended", each.mended},
                                {"command", each.command}});
  for (const auto& each : status.overdue)
    json["overdue"].push_back({{"what", each.what}, {"command", each.command}});
  for (const auto& each : status.alerts)
    json["alerts"].push_back(
        {{"title", each.title}, {"severity", each.severity}, {"since", core::to_iso8601(each.since)}});
  for (const auto& each : status.bad_runs)
    json["failedJobs"].push_back(
        {{"job", each.job}, {"endedAt", core::to_iso8601(each.ended)}, {"exitCode", each.exit_code}});
  return json;
}

int run(Runtime& runtime, const StatusOptions&) {
  const auto facts = gather(runtime);
  const auto status = report::make_status(facts);
  print(runtime.console(), status, facts.interrupted.size());
  runtime.console().result(to_json(status, facts), "overdue");
  return status.attention ? core::exit_code(ErrorKind::findings) : 0;
}

void bind(CLI::App& command, VersionOptions&) {
  command.footer(
      "Example: azlin version\n"
      "Exit codes: 0");
}

int run(Runtime& runtime, const VersionOptions&) {
  const std::vector<std::pair<const char*, std::string>> libraries = {
      {"curl", http::library_version()},
      {"sqlite", store::library_version()},
      {"nlohmann-json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                    NLOHMANN_JSON_VERSION_PATCH)},
      {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"cli11", CLI11_VERSION}};
  Console& console = runtime.console();
  console.line("azlin " AZLIN_VERSION);
  console.line(fmt::format("  commit {}", source_commit()));
  ordered_json json = {
      {"version", AZLIN_VERSION}, {"commit", source_commit()}, {"libraries", ordered_json::object()}};
  for (const auto& [name, version] : libraries) {
    console.line(fmt::format("  {} {}", name, version));
    json["libraries"][name] = version;
  }
  console.result(json);
  return 0;
}

}  // namespace

void add_status_command(CLI::App& root, Job& chosen) {
  add_command<StatusOptions>(root, "status", "What failed, what is overdue, what to do", chosen);
}

void add_version_command(CLI::App& root, Job& chosen) {
  add_command<VersionOptions>(root, "version", "Version, commit and libraries", chosen);
}

}  // namespace azlin::cli
