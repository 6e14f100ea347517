// azlin schedule: what runs by itself.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <climits>
#include <filesystem>

#include "azlin/cli/main.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/runbook/scheduler.hpp"
#include "cli/cmd_report.hpp"
#include "cli/option_values.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using runbook::Backend;

struct PlaceOptions {
  bool system = false, user = false;
};
struct ScheduleInstallOptions {
  PlaceOptions place;
  std::string how = "auto", chosen = "standard";
  std::vector<std::string> variables;
};
struct ScheduleShowOptions {
  PlaceOptions place;
};
struct ScheduleRemoveOptions {
  PlaceOptions place;
};
struct ScheduleRunOptions {
  std::string job;
  std::optional<std::string> delay;
  std::vector<std::string> command;
};

// What a scheduled run needs to know as this run does. Never a secret.
constexpr std::array<const char*, 9> kKeptVariables = {
    "AZLIN_CLOUD",     "AZLIN_ARM_ENDPOINT", "AZURE_SUBSCRIPTION_ID",
    "AZURE_TENANT_ID", "AZURE_CLIENT_ID",    "AZURE_FEDERATED_TOKEN_FILE",
    "AZLIN_AZ",        "AZURE_CONFIG_DIR",   "PATH"};
constexpr std::array<const char*, 3> kSecretVariables = {"AZURE_CLIENT_SECRET", "AZLIN_ACCESS_TOKEN",
                                                         "IDENTITY_HEADER"};

void bind_place(CLI::App& command, PlaceOptions& options) {
  command.add_flag("--system", options.system, "The machine's systemd (default for root)");
  command.add_flag("--user", options.user, "Your own systemd (default for all others)");
}

runbook::Place place_of(Runtime& runtime, const PlaceOptions& options) {
  if (options.system && options.user) throw Error(ErrorKind::usage, "--system and --user exclude each other");
  runbook::Place place;
  place.system = options.system || (!options.user && geteuid() == 0);
  const auto home = runtime.env().get_or("HOME", "");
  const auto config = runtime.env().get_or("XDG_CONFIG_HOME", home + "/.config");
  place.unit_dir = place.system ? "/etc/systemd/system" : config + "/systemd/user";
  place.home = std::filesystem::absolute(runtime.home());
  return place;
}

std::string own_program() {
  std::array<char, PATH_MAX> path{};
  const auto length = readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (length <= 0) throw Error(ErrorKind::failed, "cannot find out where azlin itself is");
  return {path.data(), static_cast<std::size_t>(length)};
}

runbook::Installation installation(Runtime& runtime, const runbook::Place& place) {
  runbook::Installation where;
  where.program = own_program();
  where.system = place.system;
  where.env_file = place.home + "/schedule.env";
  for (const char* name : kKeptVariables) {
    if (const auto value = runtime.env().get(name)) where.setting[name] = *value;
  }
  if (runtime.options().cloud) where.setting["AZLIN_CLOUD"] = *runtime.options().cloud;
  if (runtime.options().subscription)
    where.setting["AZURE_SUBSCRIPTION_ID"] = *runtime.options().subscription;
  where.setting["AZLIN_HOME"] = place.home;
  // A home in the environment that systemd may not set: ssh and az look there.
  if (const auto home = runtime.env().get("HOME")) where.setting["HOME"] = *home;
  return where;
}

ordered_json job_json(const runbook::Job& job) {
  return {{"name", job.name},
          {"what", job.what},
          {"command", fmt::format("azlin {}", fmt::join(job.command, " "))},
          {"calendar", job.calendar},
          {"delaySeconds", job.delay.count() / 1000},
          {"atStart", job.at_start}};
}

void bind(CLI::App& command, ScheduleInstallOptions& options) {
  bind_place(command, options.place);
  command.add_option("--with", options.how, "systemd, crontab, or auto: systemd where it runs")
      ->check(CLI::IsMember({"auto", "systemd", "crontab"}))
      ->capture_default_str();
  std::vector<std::string> names;
  for (const auto& each : runbook::templates()) names.push_back(each.name);
  command
      .add_option("--template", options.chosen,
                  fmt::format("Changes to the jobs: a TOML file, or {}", fmt::join(names, ", ")))
      ->capture_default_str()
      ->type_name("FILE|NAME");
  command.add_option("--set", options.variables, "NAME=VALUE of a variable of the template; may be repeated")
      ->allow_extra_args(false);
  command.footer(
      "Run it again to change it. --dry-run prints the unit files (or the lines of the crontab).\n"
      "Each job does only what is due, one run at a time; its output is in the journal:\n"
      "journalctl -t azlin-backup.\n"
      "Example: azlin schedule install --user\n"
      "Exit codes: 0, 1, 2, 3 no systemd and no cron");
}

int dry_run_install(Runtime& runtime, Backend backend, const std::vector<runbook::Job>& jobs,
                    const runbook::Installation& where, const runbook::Place& place) {
  Console& console = runtime.console();
  ordered_json json = {{"dryRun", true},
                       {"backend", runbook::to_string(backend)},
                       {"jobs", ordered_json::array()},
                       {"files", ordered_json::object()},
                       {"crontab", nullptr}};
  for (const auto& job : jobs) json["jobs"].push_back(job_json(job));
  if (backend == Backend::crontab) {
    const auto block = runbook::crontab_block(jobs, where);
    json["crontab"] = block;
    console.line("Would put these lines into the crontab:\n\n" + block);
  } else {
    for (const auto& [name, text] : runbook::unit_files(jobs, where)) {
      const auto path = place.unit_dir + "/" + name;
      json["files"][path] = text;
      console.line("── " + path + "\n" + text);
    }
    console.line("Would write these files, reload systemd and start the timers");
  }
  console.result(json, "jobs");
  return 0;
}

// What works now and would not when nobody is logged in.
void warn_of_pitfalls(Runtime& runtime, const runbook::Place& place, Backend backend) {
  Console& console = runtime.console();
  for (const char* name : kSecretVariables) {
    if (runtime.env().get(name))
      console.warn(
          fmt::format("{} is set here and not written anywhere: put it into {}/schedule.env "
                      "(chmod 600), or the jobs cannot sign in",
                      name, place.home));
  }
  if (backend != Backend::systemd || place.system) return;
  try {
    core::ProcessRequest request;
    request.argv = {"loginctl", "show-user", std::to_string(geteuid()), "--property=Linger"};
    if (runtime.processes().run(request, runtime.stop()).out.find("Linger=no") != std::string::npos)
      console.warn("your timers stop when you log out: `loginctl enable-linger` keeps them running");
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
  }
}

int run(Runtime& runtime, const ScheduleInstallOptions& options) {
  Console& console = runtime.console();
  const auto jobs = runbook::jobs_of(options.chosen, named_values(options.variables));
  const auto place = place_of(runtime, options.place);
  const auto where = installation(runtime, place);
  runbook::Scheduler scheduler(runtime.processes(), place, runtime.stop());
  const Backend backend = options.how == "systemd"   ? Backend::systemd
                          : options.how == "crontab" ? Backend::crontab
                          : runtime.dry_run()        ? Backend::systemd
                                                     : scheduler.choose();
  if (runtime.dry_run()) return dry_run_install(runtime, backend, jobs, where, place);
  std::string error;
  try {
    scheduler.install(backend, jobs, where);
  } catch (const Error& failure) {
    runtime.journal().record("schedule.install", runbook::to_string(backend), "{}", failure.what());
    throw;
  }
  ordered_json json = {{"backend", runbook::to_string(backend)}, {"jobs", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {{"JOB", "WHEN", "SPREAD", "COMMAND"}};
  for (const auto& job : jobs) {
    json["jobs"].push_back(job_json(job));
    rows.push_back({job.name, job.calendar, core::to_display(job.delay),
                    fmt::format("azlin {}", fmt::join(job.command, " "))});
  }
  runtime.journal().record("schedule.install", runbook::to_string(backend), json.dump(), "");
  for (const auto& line : in_columns(rows)) console.line(line);
  console.line();
  console.line(fmt::format("✓ {} jobs are in {}", jobs.size(),
                           backend == Backend::crontab ? "your crontab" : place.unit_dir));
  warn_of_pitfalls(runtime, place, backend);
  console.result(json, "jobs");
  return 0;
}

void bind(CLI::App& command, ScheduleShowOptions& options) {
  bind_place(command, options.place);
  command.footer(
      "Example: azlin schedule show --user\n"
      "Exit codes: 0, 1, 3 nothing is installed, 6 a timer does not run, or a job's last run failed");
}

std::string last_text(const std::optional<runbook::RunRecord>& last) {
  if (!last) return "not yet";
  if (!last->ended) return core::to_display_minutes(last->started) + " (no end was seen)";
  return fmt::format("{} (exit code {})", core::to_display_minutes(last->started), last->exit_code);
}

ordered_json last_json(const std::optional<runbook::RunRecord>& last) {
  if (!last) return nullptr;
  return {{"startedAt", core::to_iso8601(last->started)},
          {"endedAt", last->ended ? ordered_json(core::to_iso8601(*last->ended)) : ordered_json(nullptr)},
          {"exitCode", last->ended ? ordered_json(last->exit_code) : ordered_json(nullptr)}};
}

int run(Runtime& runtime, const ScheduleShowOptions& options) {
  Console& console = runtime.console();
  const auto place = place_of(runtime, options.place);
  const auto installed = runbook::Scheduler(runtime.processes(), place, runtime.stop()).show();
  if (!installed)
    throw Error(ErrorKind::not_found, "azlin has scheduled nothing here",
                "azlin schedule install [--system|--user]");
  const auto runs = runbook::last_runs(place.home);
  ordered_json json = {{"backend", runbook::to_string(installed->backend)}, {"jobs", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {{"JOB", "WHEN", "NEXT", "LAST RUN (UTC)", "COMMAND"}};
  bool well = true;
  for (const auto& job : installed->jobs) {
    const auto found = runs.find(job.name);
    const auto last = found == runs.end() ? std::nullopt : std::optional(found->second);
    well = well && job.active && (!last || !last->ended || !is_bad_run(last->exit_code));
    rows.push_back({job.name, job.calendar,
                    !job.active        ? "does not run"
                    : job.next.empty() ? "-"
                                       : job.next,
                    last_text(last), "azlin " + job.command});
    json["jobs"].push_back({{"name", job.name},
                            {"calendar", job.calendar},
                            {"active", job.active},
                            {"next", job.next.empty() ? ordered_json(nullptr) : ordered_json(job.next)},
                            {"command", "azlin " + job.command},
                            {"lastRun", last_json(last)}});
  }
  for (const auto& line : in_columns(rows)) console.line(line);
  console.result(json, "jobs");
  return well ? 0 : core::exit_code(ErrorKind::findings);
}

void bind(CLI::App& command, ScheduleRemoveOptions& options) {
  bind_place(command, options.place);
  command.footer(
      "Only what `azlin schedule install` made.\n"
      "Example: azlin schedule remove --user\n"
      "Exit codes: 0, 1, 3 nothing is installed");
}

int run(Runtime& runtime, const ScheduleRemoveOptions& options) {
  Console& console = runtime.console();
  const auto place = place_of(runtime, options.place);
  runbook::Scheduler scheduler(runtime.processes(), place, runtime.stop());
  const auto installed = scheduler.show();
  if (!installed) throw Error(ErrorKind::not_found, "azlin has scheduled nothing here");
  if (runtime.dry_run()) {
    for (const auto& job : installed->jobs)
      console.line(
          fmt::format("Would take the job {} out of {}", job.name, runbook::to_string(installed->backend)));
    console.result({{"dryRun", true}, {"removed", ordered_json::array()}});
    return 0;
  }
  const auto removed = scheduler.remove();
  runtime.journal().record("schedule.remove", runbook::to_string(installed->backend), "{}", "");
  for (const auto& line : removed) console.line("✓ removed " + line);
  console.result({{"removed", removed}});
  return 0;
}

void bind(CLI::App& command, ScheduleRunOptions& options) {
  command.add_option("job", options.job, "Name of the job")->required();
  command.add_option("command", options.command, "Words after `azlin`, behind --")->required();
  command.add_option("--delay", options.delay, "Begin up to so much later, always the same on this machine")
      ->type_name("TIME");
  command.footer(
      "What the timers call: one run of a job at a time, and its outcome noted for `schedule show`. Flags of "
      "every command\n"
      "may stand before --.\n"
      "Example: azlin schedule run backup -- backup trigger --due\n"
      "Exit codes: those of the command; 7 the job runs already");
}

// What was said of every command holds for this one, too, where it does not say otherwise.
std::vector<std::string> common_flags(const GlobalOptions& options, const std::vector<std::string>& words) {
  std::vector<std::string> flags;
  const auto pass = [&](const std::string& flag, const std::string& value, const std::string& letter = "") {
    const bool said = std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return word == flag || word.starts_with(flag + "=") || (!letter.empty() && word.starts_with(letter));
    });
    if (!value.empty() && !said) flags.insert(flags.end(), {flag, value});
  };
  pass("--cloud", options.cloud.value_or(""));
  pass("--subscription", options.subscription.value_or(""));
  pass("--output", options.output == "text" ? "" : options.output, "-o");
  for (const auto& [set, flag] : {std::pair{options.quiet, "--quiet"},
                                  {options.verbose, "--verbose"},
                                  {options.debug, "--debug"},
                                  {options.yes, "--yes"},
                                  {options.dry_run, "--dry-run"}})
    if (set) flags.emplace_back(flag);
  return flags;
}

// The command in this process, as if it had been typed.
int run_command(const GlobalOptions& options, const std::vector<std::string>& words) {
  std::vector<std::string> line = common_flags(options, words);
  line.insert(line.begin(), "azlin");
  line.insert(line.end(), words.begin(), words.end());
  std::vector<char*> argv;
  for (auto& word : line) argv.push_back(word.data());
  argv.push_back(nullptr);
  return run_main(static_cast<int>(line.size()), argv.data());
}

std::string machine_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

int run(Runtime& runtime, const ScheduleRunOptions& options) {
  if (options.job.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
    throw Error(ErrorKind::usage, fmt::format("'{}' is no name for a job (a-z, 0-9, -)", options.job));
  if (options.command.front() == "schedule")
    throw Error(ErrorKind::usage, "a job cannot be a `schedule` command");
  core::SystemClock clock;  // jobs are started by the machine's own clock
  if (options.delay) {
    const auto most = core::parse_duration(*options.delay);
    if (!most)
      throw Error(ErrorKind::usage, fmt::format("--delay {} is not a time like 15m", *options.delay));
    if (!clock.sleep_for(runbook::fixed_delay(machine_name(), options.job, *most), runtime.stop()))
      throw Error(ErrorKind::interrupted, "interrupted before the job began");
  }
  if (runtime.dry_run()) return run_command(runtime.options(), options.command);
  const runbook::RunLock lock(runtime.home(), options.job);
  runbook::RunRecord record{options.job, clock.now(), {}, 0};
  lock.note(record);
  record.exit_code = run_command(runtime.options(), options.command);
  record.ended = clock.now();
  lock.note(record);
  return record.exit_code;
}

}  // namespace

std::optional<runbook::Installed> installed_schedule(Runtime& runtime) {
  for (const bool system : {geteuid() == 0, geteuid() != 0}) {
    try {
      const auto place = place_of(runtime, {.system = system, .user = !system});
      if (auto found = runbook::Scheduler(runtime.processes(), place, runtime.stop()).show()) return found;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      runtime.console().note(fmt::format("the schedule could not be looked up: {}", error.what()));
    }
  }
  return std::nullopt;
}

// 7: another command was at it already.
bool is_bad_run(int exit_code) {
  return exit_code != 0 && exit_code != core::exit_code(ErrorKind::busy);
}

void add_schedule_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "schedule", "What runs by itself: backups, verification, drills, alerts");
  add_command<ScheduleInstallOptions>(*group, "install", "Put the jobs into systemd timers or the crontab",
                                      chosen);
  add_command<ScheduleShowOptions>(*group, "show", "The jobs, their next and their last run", chosen);
  add_command<ScheduleRemoveOptions>(*group, "remove", "Take the jobs out again", chosen);
  add_command<ScheduleRunOptions>(*group, "run", "Run one job, as its timer does", chosen);
}

}  // namespace azlin::cli
