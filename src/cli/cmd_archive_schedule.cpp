// azlin archive schedule: archives, checks and copies by cron expression, run by `run-due`.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "azlin/archive/schedule.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/format.hpp"
#include "cli/alerts.hpp"
#include "cli/archive_commands.hpp"
#include "cli/archive_session.hpp"

namespace azlin::cli {

namespace {

using archive::CronZone;
using archive::Schedule;
using archive::ScheduleAction;
using archive::ScheduleStore;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

struct ArchiveScheduleAddOptions {
  std::string name, archive, cron, zone = "utc", action = "create", type, destination, to;
  std::vector<std::string> services;
  bool include_data = false;
  std::optional<std::string> retention;
};
struct ArchiveScheduleListOptions {};
struct ArchiveScheduleRemoveOptions {
  std::string name;
};
struct ArchiveScheduleRunDueOptions {};

std::optional<archive::ScheduleRun> last_run(ScheduleStore& store, const std::string& name) {
  auto runs = store.runs(name, 1);
  return runs.empty() ? std::nullopt : std::optional(runs.front());
}

const char* outcome(const archive::ScheduleRun& run) {
  return !run.ended_at ? "did not end" : run.ok ? "succeeded" : "failed";
}

ordered_json to_json(const Schedule& schedule, const std::optional<archive::ScheduleRun>& last) {
  ordered_json json = {{"name", schedule.name},
                       {"archive", schedule.archive},
                       {"cron", schedule.cron.text()},
                       {"timeZone", schedule.zone == CronZone::utc ? "utc" : "local"},
                       {"action", archive::to_string(schedule.action)},
                       {"type", schedule.type},
                       {"services", schedule.services},
                       {"includeData", schedule.include_data},
                       {"destination", schedule.destination},
                       {"to", nullptr},
                       {"retention", nullptr},
                       {"nextRun", core::to_iso8601(schedule.next_due())},
                       {"lastRun", nullptr},
                       {"lastOutcome", nullptr},
                       {"lastDetail", nullptr}};
  if (!schedule.sync_to.empty()) json["to"] = schedule.sync_to;
  if (schedule.retention) json["retention"] = schedule.retention->text();
  if (last) {
    json["lastRun"] = core::to_iso8601(last->started_at);
    json["lastOutcome"] = outcome(*last);
    json["lastDetail"] = last->detail;
  }
  return json;
}

void bind(CLI::App& command, ArchiveScheduleAddOptions& options) {
  command.add_option("name", options.name, "Name of the schedule")->required();
  command
      .add_option("--archive", options.archive, "Name of the archives (default for create: the schedule's)")
      ->type_name("NAME");
  command.add_option("--cron", options.cron, "When: \"0 2 * * *\", \"0 1 * * sun\", @daily, …")
      ->required()
      ->type_name("EXPRESSION");
  command.add_option("--time-zone", options.zone, "Whose clock the expression means")
      ->check(CLI::IsMember({"utc", "local"}))
      ->capture_default_str();
  command.add_option("--action", options.action, "What is done; test-restore is a deep verification")
      ->check(CLI::IsMember({"create", "verify", "test-restore", "sync"}))
      ->capture_default_str();
  command.add_option("--type", options.type, "Of the archives (default: config, with --service service)")
      ->check(CLI::IsMember({"config", "full", "service", "disaster-recovery"}));
  command.add_option("--service", options.services, "A service of archive.yaml; repeatable")
      ->type_name("NAME");
  command.add_flag("--include-data", options.include_data, "Data besides configuration");
  command.add_option("-d,--destination", options.destination, "Where the archives are")
      ->required()
      ->type_name("DESTINATION");
  command.add_option("--to", options.to, "sync: the second destination")->type_name("DESTINATION");
  command.add_option("--retention", options.retention, "How long archives are kept: 30d, 12w, 12m, 2y")
      ->type_name("PERIOD");
  command.footer(
      "Passwords come from the environment, a file or a command at each run, as for `azlin archive create`; "
      "none is kept here.\n"
      "Example: azlin archive schedule add nightly --cron \"30 2 * * *\" --type full --destination "
      "/mnt/backup --retention 90d\n"
      "Exit codes: 0, 1, 2");
}

// A schedule runs in another folder: a path is kept whole, a name of archive.yaml or an address as it is.
std::string from_anywhere(Runtime& runtime, const std::string& text) {
  const auto destination = resolve_destination(runtime, text);
  const bool path = destination.kind == archive::DestinationKind::local;
  return path && !archive_settings(runtime).addresses.contains(text) ? destination.url : text;
}

int run(Runtime& runtime, const ArchiveScheduleAddOptions& options) {
  if (options.cron == "continuous" || options.cron == "@continuous")
    throw Error(
        ErrorKind::usage, "azlin makes no continuous archives",
        "a schedule may run every few minutes (\"*/15 * * * *\"); for less loss use the database's own log "
        "archiving");
  Schedule schedule;
  schedule.name = options.name;
  schedule.archive = options.archive.empty() && options.action == "create" ? options.name : options.archive;
  schedule.cron = archive::CronExpression::parse(options.cron);
  schedule.zone = options.zone == "local" ? CronZone::local : CronZone::utc;
  schedule.action = archive::parse_schedule_action(options.action).value();
  schedule.type = !options.type.empty() ? options.type : options.services.empty() ? "config" : "service";
  schedule.services = options.services;
  schedule.include_data = options.include_data;
  schedule.destination = from_anywhere(runtime, options.destination);
  if (!options.to.empty()) schedule.sync_to = from_anywhere(runtime, options.to);
  if (options.retention) schedule.retention = archive::Retention::parse(*options.retention);
  schedule.created_at = runtime.clock().now();
  Console& console = runtime.console();
  if (!runtime.dry_run()) {
    open_schedules(runtime).add(schedule);
    runtime.journal().record("archive.schedule.add", schedule.name, to_json(schedule, {}).dump(), "");
  }
  console.line(fmt::format("{} Schedule {}: {} to {}, next {} UTC", runtime.dry_run() ? "·" : "✓",
                           schedule.name, archive::to_string(schedule.action), schedule.destination,
                           core::to_display_minutes(schedule.next_due())));
  console.note(
      "`azlin archive schedule run-due` runs what is due; `azlin schedule install` has it run by itself");
  console.result(to_json(schedule, {}));
  return 0;
}

void bind(CLI::App& command, ArchiveScheduleListOptions&) {
  command.footer(
      "Example: azlin archive schedule list\n"
      "Exit codes: 0, 1");
}

int run(Runtime& runtime, const ArchiveScheduleListOptions&) {
  auto store = open_schedules(runtime);
  Console& console = runtime.console();
  ordered_json json = {{"schedules", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "CRON", "ACTION", "DESTINATION", "KEEP", "NEXT (UTC)", "LAST (UTC)", "OUTCOME"}};
  for (const auto& schedule : store.list()) {
    const auto last = last_run(store, schedule.name);
    json["schedules"].push_back(to_json(schedule, last));
    rows.push_back({schedule.name,
                    schedule.cron.text() + (schedule.zone == CronZone::local ? " (local)" : ""),
                    archive::to_string(schedule.action), schedule.destination,
                    schedule.retention ? schedule.retention->text() : "all",
                    core::to_display_minutes(schedule.next_due()),
                    last ? core::to_display_minutes(last->started_at) : "never", last ? outcome(*last) : ""});
  }
  if (rows.size() == 1) console.line("No archive schedules");
  if (rows.size() > 1) {
    for (const auto& line : in_columns(rows)) console.line(line);
  }
  console.result(json, "schedules");
  return 0;
}

void bind(CLI::App& command, ArchiveScheduleRemoveOptions& options) {
  command.add_option("name", options.name, "Name of the schedule")->required();
  command.footer(
      "Its archives stay.\n"
      "Example: azlin archive schedule remove nightly\n"
      "Exit codes: 0, 1, 3");
}

int run(Runtime& runtime, const ArchiveScheduleRemoveOptions& options) {
  if (!runtime.dry_run()) {
    open_schedules(runtime).remove(options.name);
    runtime.journal().record("archive.schedule.remove", options.name, "{}", "");
  }
  runtime.console().line(
      fmt::format("{} Schedule {} removed; its archives stay", runtime.dry_run() ? "·" : "✓", options.name));
  runtime.console().result({{"removed", options.name}});
  return 0;
}

void bind(CLI::App& command, ArchiveScheduleRunDueOptions&) {
  command.footer(
      "For cron or a timer, every few minutes. A run that was missed is made up for once. One run at a time; "
      "what fails is kept in the list, alerted, and tried again at its next time.\n"
      "Example: azlin archive schedule run-due\n"
      "Exit codes: 0, 1, 4, 7");
}

// The commands of one run, each without the program's name.
std::vector<std::vector<std::string>> commands_of(const Schedule& schedule) {
  const std::vector<std::string> where = {"--destination", schedule.destination};
  const auto with = [&](std::vector<std::string> command) {
    command.insert(command.end(), where.begin(), where.end());
    return command;
  };
  switch (schedule.action) {
    case ScheduleAction::verify:
      return {with({"archive", "verify", schedule.archive})};
    case ScheduleAction::deep_verify:
      return {with({"archive", "verify", schedule.archive, "--deep"})};
    case ScheduleAction::sync:
      return {with({"archive", "sync", "--verify", "--to", schedule.sync_to})};
    case ScheduleAction::create:
      break;
  }
  auto create = with({"archive", "create", "--name", schedule.archive, "--type", schedule.type});
  for (const auto& service : schedule.services) create.insert(create.end(), {"--service", service});
  if (schedule.include_data) create.emplace_back("--include-data");
  std::vector<std::vector<std::string>> out = {create};
  if (schedule.retention)
    out.push_back(
        with({"archive", "prune", schedule.archive, "--keep", schedule.retention->text(), "--yes"}));
  return out;
}

std::string own_program() {
  std::array<char, 4096> path{};
  const auto size = readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (size <= 0) throw Error(ErrorKind::failed, "cannot find this program's own file");
  return {path.data(), static_cast<std::size_t>(size)};
}

// What a person needs of a failed command's stderr.
std::string first_lines(const std::string& text) {
  std::string out = text.substr(0, 500);
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

struct DueOutcome {
  bool ok = true, pruned = true;
  std::string detail;
};

// Each in a process of its own: what happens to it cannot harm the others.
DueOutcome run_one(Runtime& runtime, const Schedule& schedule) {
  DueOutcome out;
  std::size_t at = 0;
  for (const auto& command : commands_of(schedule)) {
    core::ProcessRequest request{.argv = {own_program(), "--quiet"}, .time_limit = core::Millis{0}};
    request.argv.insert(request.argv.end(), command.begin(), command.end());
    const auto result = runtime.processes().run(request, runtime.stop());
    const bool first = at++ == 0;
    if (first) out.detail = first_lines(result.exit_code == 0 ? result.out : result.err);
    if (result.exit_code == 0) continue;
    if (out.detail.empty() || !first)
      out.detail = fmt::format("`azlin archive {}` ended with exit code {}: {}", command[1], result.exit_code,
                               first_lines(result.err + result.out));
    (first ? out.ok : out.pruned) = false;
    break;
  }
  return out;
}

alert::Rule rule_of(ScheduleAction action) {
  if (action == ScheduleAction::create) return alert::Rule::backup_failure;
  return action == ScheduleAction::sync ? alert::Rule::replication_failure
                                        : alert::Rule::verification_failure;
}

void alert_about(Runtime& runtime, const Schedule& schedule, const DueOutcome& outcome) {
  const std::string subject = "archive " + schedule.name;
  const auto rule = rule_of(schedule.action);
  std::vector<alert::AlertEvent> events;
  events.push_back(outcome.ok ? alert::all_clear(rule, subject)
                              : alert::problem(rule, subject,
                                               fmt::format("Archive schedule {} failed", schedule.name),
                                               outcome.detail, {{"Destination", schedule.destination}}));
  if (schedule.retention && outcome.ok) {
    const auto retention = alert::Rule::retention_violation;
    events.push_back(outcome.pruned
                         ? alert::all_clear(retention, subject)
                         : alert::problem(retention, subject,
                                          fmt::format("Old archives of {} were not removed", schedule.name),
                                          outcome.detail, {{"Destination", schedule.destination}}));
  }
  report_local_events(runtime, events);
}

int run(Runtime& runtime, const ArchiveScheduleRunDueOptions&) {
  Console& console = runtime.console();
  auto store = open_schedules(runtime);
  ordered_json json = {{"dryRun", runtime.dry_run()}, {"runs", ordered_json::array()}};
  std::optional<archive::RunLock> lock;
  if (!runtime.dry_run()) lock.emplace(runtime.home() + "/archive-schedule.lock");
  std::size_t failed = 0;
  const auto due = store.due(runtime.clock().now());
  for (const auto& schedule : due) {
    DueOutcome outcome;
    if (!runtime.dry_run()) {
      core::throw_if_stopped(runtime.stop(), "running archive schedules");
      console.note(fmt::format("running {} ({})", schedule.name, archive::to_string(schedule.action)));
      const auto id = store.begin(schedule, runtime.clock().now());
      outcome = run_one(runtime, schedule);
      store.end(id, outcome.ok && outcome.pruned, outcome.detail, runtime.clock().now());
      alert_about(runtime, schedule, outcome);
    }
    const bool good = outcome.ok && outcome.pruned;
    failed += good ? 0 : 1;
    console.line(fmt::format("{} {}: {} to {}",
                             runtime.dry_run() ? "·"
                             : good            ? "✓"
                                               : "✗",
                             schedule.name, archive::to_string(schedule.action), schedule.destination));
    if (!good) console.line("    " + outcome.detail);
    json["runs"].push_back({{"schedule", schedule.name},
                            {"action", archive::to_string(schedule.action)},
                            {"dueAt", core::to_iso8601(schedule.next_due())},
                            {"ok", runtime.dry_run() ? ordered_json(nullptr) : ordered_json(good)},
                            {"detail", outcome.detail}});
  }
  if (due.empty()) console.line("No archive schedule is due");
  console.result(json, "runs");
  return failed == 0 ? 0 : core::exit_code(ErrorKind::partial);
}

}  // namespace

void add_archive_schedule_commands(CLI::App& archive_group, Job& chosen) {
  CLI::App* group =
      add_group(archive_group, "schedule", "Archives by cron expression, and what became of them");
  add_command<ArchiveScheduleAddOptions>(*group, "add", "Add a schedule", chosen);
  add_command<ArchiveScheduleListOptions>(*group, "list",
                                          "Schedules, their next run and how the last one went", chosen);
  add_command<ArchiveScheduleRemoveOptions>(*group, "remove", "Remove a schedule; its archives stay", chosen);
  add_command<ArchiveScheduleRunDueOptions>(*group, "run-due", "Run what is due now", chosen);
}

}  // namespace azlin::cli
