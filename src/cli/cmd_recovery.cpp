// azlin recovery: plans of the six steps, run, resumed and reported.
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <iterator>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/core/suggest.hpp"
#include "azlin/platform/recovery.hpp"
#include "azlin/runbook/recovery.hpp"
#include "cli/cmd_platform.hpp"
#include "cli/option_values.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

struct RecoveryRunOptions {
  std::string plan, report;
  std::vector<std::string> variables, approve;
  bool resume = false;
  std::string run;
};
struct RecoveryListOptions {};
struct RecoveryShowOptions {
  std::string id;
};
struct RecoveryPlansOptions {
  std::string print;
};

std::string runs_folder(Runtime& runtime) {
  return runtime.home() + "/recovery";
}

// The name of a plan that azlin comes with, or a file.
runbook::RecoveryPlan load_plan(const std::string& name, const std::vector<std::string>& variables,
                                runbook::Unset unset) {
  const auto& shipped = runbook::shipped_plans();
  if (const auto found = shipped.find(name); found != shipped.end())
    return runbook::parse_plan(found->second, name, named_values(variables), unset);
  const auto text = core::read_input_file(
      name, "plan", "`azlin recovery plans` lists those that azlin comes with; else give a file");
  return runbook::parse_plan(text, name, named_values(variables), unset);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string own_program() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw Error(ErrorKind::failed, "azlin does not find its own program");
  return path.string();
}

// The last lines of what a command said.
std::string tail(const std::string& text) {
  constexpr std::size_t kMost = 2'000;
  return text.size() <= kMost ? text : text.substr(text.size() - kMost);
}

// azlin's own commands answer prompts with yes: the plan's approvals are the place to ask.
runbook::StepOutcome run_step(Runtime& runtime, const std::string& program, const runbook::PlanStep& step,
                              std::stop_token stop) {
  core::ProcessRequest request;
  if (step.hook) {
    request.argv = step.command;
  } else {
    request.argv = {program};
    request.argv.insert(request.argv.end(), step.command.begin(), step.command.end());
    request.argv.emplace_back("--yes");
    const auto& options = runtime.options();
    if (options.cloud) request.argv.insert(request.argv.end(), {"--cloud", *options.cloud});
    if (options.subscription)
      request.argv.insert(request.argv.end(), {"--subscription", *options.subscription});
  }
  request.time_limit = step.time_limit;
  const auto result = runtime.processes().run(request, stop);
  return {result.exit_code, tail(result.err.empty() ? result.out : result.err)};
}

ordered_json to_json(const runbook::RecoveryRun& run) {
  const auto time = [](const std::optional<core::TimePoint>& at) {
    return at ? ordered_json(core::to_iso8601(*at)) : ordered_json();
  };
  ordered_json out = {{"id", run.id},
                      {"plan", run.plan},
                      {"state", run.state},
                      {"startedAt", core::to_iso8601(run.started)},
                      {"endedAt", time(run.ended)},
                      {"steps", ordered_json::array()}};
  for (const auto& step : run.steps)
    out["steps"].push_back({{"phase", step.phase},
                            {"name", step.name},
                            {"state", runbook::to_string(step.state)},
                            {"exitCode", step.exit_code},
                            {"attempts", step.attempts},
                            {"startedAt", time(step.started)},
                            {"endedAt", time(step.ended)},
                            {"message", step.message}});
  return out;
}

void bind(CLI::App& command, RecoveryRunOptions& options) {
  command.add_option("plan", options.plan, "Plan that azlin comes with, or a YAML file")->required();
  command.add_option("--set", options.variables, "NAME=VALUE of a variable; may be repeated")
      ->allow_extra_args(false);
  command.add_flag("--resume", options.resume, "Go on with the newest run of this plan that is not done");
  command.add_option("--run", options.run, "Of --resume: this run");
  command.add_option("--approve", options.approve, "Step that may go on without asking; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--report", options.report, "Write what was done to this file (Markdown)");
  command.footer(
      "Example: azlin recovery run plan.yaml --set group=Production --report report.md\n"
      "Steps that are done stay done; one that was under way when azlin died runs again.\n"
      "Exit codes: 0 done, 1 a step failed, 2, 3, 4 done with failures, 6 waits for an approval, 7, 130");
}

int show_plan(Runtime& runtime, const runbook::RecoveryPlan& plan) {
  Console& console = runtime.console();
  ordered_json json = {
      {"dryRun", true}, {"plan", plan.name}, {"unset", plan.unset}, {"steps", ordered_json::array()}};
  console.line("Dry run: these steps would be made.");
  if (!plan.unset.empty())
    console.warn("A run needs --set for: " + joined({plan.unset.begin(), plan.unset.end()}));
  std::string phase;
  for (const auto& step : plan.steps) {
    if (step.phase != phase) console.line(console.bold(step.phase));
    phase = step.phase;
    console.line(fmt::format("  {}: {}{}{}", step.name, step.hook ? "" : "azlin ", joined(step.command),
                             step.approval.empty() ? "" : "  [asks]"));
    json["steps"].push_back({{"phase", step.phase},
                             {"name", step.name},
                             {"hook", step.hook},
                             {"command", step.command},
                             {"approval", step.approval},
                             {"parallel", step.parallel}});
  }
  console.result(json, "steps");
  return 0;
}

std::optional<std::string> run_to_resume(Runtime& runtime, const RecoveryRunOptions& options,
                                         const std::string& plan) {
  if (!options.resume) {
    if (!options.run.empty()) throw Error(ErrorKind::usage, "--run goes with --resume");
    return std::nullopt;
  }
  if (!options.run.empty()) return options.run;
  for (const auto& run : runbook::list_runs(runs_folder(runtime)))
    if (run.plan == plan && run.state != "done") return run.id;
  throw Error(ErrorKind::not_found, fmt::format("no run of plan {} is unfinished", plan),
              "`azlin recovery list`");
}

// Asked of a person, or said before by --approve or --yes; without either, the run waits.
bool approve(Runtime& runtime, const RecoveryRunOptions& options, const runbook::PlanStep& step) {
  Console& console = runtime.console();
  if (runtime.options().yes ||
      std::find(options.approve.begin(), options.approve.end(), step.name) != options.approve.end())
    return true;
  console.warn(fmt::format("{}: {}", step.name, step.approval));
  if (!console.interactive()) return false;
  return console.confirm("step " + step.name);
}

void check_approvals(const runbook::RecoveryPlan& plan, const std::vector<std::string>& approved) {
  std::vector<std::string> names;
  for (const auto& step : plan.steps) names.push_back(step.name);
  for (const auto& each : approved) {
    if (std::find(names.begin(), names.end(), each) == names.end())
      throw Error(ErrorKind::usage,
                  fmt::format("--approve {}: plan {} has no such step{}", each, plan.name,
                              core::suggestion(each, names)),
                  "--dry-run shows its steps");
  }
}

int exit_of(const std::string& state) {
  if (state == "done") return 0;
  if (state == "done with failures") return core::exit_code(ErrorKind::partial);
  if (state == "waiting for approval") return core::exit_code(ErrorKind::findings);
  if (state == "interrupted") return core::exit_code(ErrorKind::interrupted);
  return core::exit_code(ErrorKind::failed);
}

int run(Runtime& runtime, const RecoveryRunOptions& options) {
  const auto plan = load_plan(options.plan, options.variables,
                              runtime.dry_run() ? runbook::Unset::kept : runbook::Unset::refused);
  check_approvals(plan, options.approve);
  if (runtime.dry_run()) return show_plan(runtime, plan);
  if (!options.report.empty()) core::check_output_file(options.report, "report");
  Console& console = runtime.console();
  const auto resume = run_to_resume(runtime, options, plan.name);
  const auto program = own_program();
  runbook::RecoveryHooks hooks;
  hooks.runner = [&](const runbook::PlanStep& step, std::stop_token stop) {
    return run_step(runtime, program, step, stop);
  };
  hooks.approve = [&](const runbook::PlanStep& step) { return approve(runtime, options, step); };
  hooks.told = [&](const runbook::StepRecord& step) {
    console.note(fmt::format("{}  {}: {}", step.phase, step.name, runbook::to_string(step.state)));
  };
  const auto again =
      fmt::format("go on with the same --set values: azlin recovery run {} … --resume", options.plan);
  std::optional<store::Operation> operation;
  hooks.begun = [&] {
    operation.emplace(runtime.journal().start(
        platform::kRecoveryRunKind, plan.name,
        ordered_json{{"plan", options.plan}, {"digest", plan.digest}, {"again", again}}.dump(), ""));
  };
  core::SystemClock clock;
  runbook::RecoveryRun result;
  try {
    result =
        runbook::run_plan(plan, options.plan, runs_folder(runtime), resume, clock, hooks, runtime.stop());
  } catch (const Error& error) {
    if (operation) operation->fail(error.what());
    throw;
  }
  result.state == "done" ? operation->succeed() : operation->fail(result.state);
  for (const auto& step : result.steps) {
    const bool good = step.state == runbook::StepState::done;
    console.line(
        fmt::format("{} {:9} {}{}",
                    good                                       ? "✓"
                    : step.state == runbook::StepState::failed ? "✗"
                                                               : "·",
                    step.phase, step.name,
                    step.started && step.ended ? "  " + core::to_display(*step.ended - *step.started) : ""));
    if (step.state == runbook::StepState::failed) console.line("    " + step.message);
  }
  console.line(fmt::format("Run {}: {}{}", result.id, result.state,
                           result.ended ? ", " + core::to_display(*result.ended - result.started) : ""));
  if (result.state != "done" && result.state != "done with failures")
    console.line(fmt::format("  Go on: azlin recovery run {} … --resume --run {}", options.plan, result.id));
  if (!options.report.empty()) {
    try {
      core::write_file(options.report, runbook::recovery_report(result), 0644);
    } catch (const Error& error) {
      throw Error(ErrorKind::failed, error.what(),
                  fmt::format("the run is kept: azlin recovery show {} > FILE", result.id));
    }
  }
  console.result(to_json(result), "steps");
  return exit_of(result.state);
}

void bind(CLI::App& command, RecoveryListOptions&) {
  command.footer(
      "Example: azlin recovery list\n"
      "Exit codes: 0, 1");
}

int run(Runtime& runtime, const RecoveryListOptions&) {
  ordered_json json = {{"runs", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {{"RUN", "PLAN", "STARTED", "STATE"}};
  for (const auto& each : runbook::list_runs(runs_folder(runtime))) {
    rows.push_back({each.id, each.plan, core::to_display(each.started), each.state});
    json["runs"].push_back(to_json(each));
  }
  if (rows.size() == 1) runtime.console().line("No recovery runs");
  if (rows.size() > 1)
    for (const auto& line : in_columns(rows)) runtime.console().line(line);
  runtime.console().result(json);
  return 0;
}

void bind(CLI::App& command, RecoveryShowOptions& options) {
  command.add_option("run", options.id, "Run")->required();
  command.footer(
      "Example: azlin recovery show 1\n"
      "Exit codes: 0, 1, 2, 3");
}

int run(Runtime& runtime, const RecoveryShowOptions& options) {
  const auto found = runbook::read_run(runs_folder(runtime), options.id);
  runtime.console().line(runbook::recovery_report(found));
  runtime.console().result(to_json(found), "steps");
  return 0;
}

void bind(CLI::App& command, RecoveryPlansOptions& options) {
  command.add_option("--print", options.print, "Print this plan, to be copied and changed");
  command.footer(
      "Example: azlin recovery plans --print standard\n"
      "Exit codes: 0, 2, 3");
}

int run(Runtime& runtime, const RecoveryPlansOptions& options) {
  Console& console = runtime.console();
  const auto& plans = runbook::shipped_plans();
  ordered_json json = {{"plans", ordered_json::array()}};
  if (!options.print.empty() && !plans.contains(options.print))
    throw Error(ErrorKind::not_found, "azlin comes with no plan " + options.print, "`azlin recovery plans`");
  for (const auto& [name, text] : plans) {
    if (!options.print.empty() && options.print != name) continue;
    console.line(options.print.empty() ? name : text);
    json["plans"].push_back({{"name", name}, {"text", text}});
  }
  console.result(json, "plans");
  return 0;
}

}  // namespace

void add_recovery_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "recovery",
                              "Recovery plans: assess, provision, restore, configure, validate, cut over");
  add_command<RecoveryRunOptions>(*group, "run", "Run a plan, or go on with it", chosen);
  add_command<RecoveryListOptions>(*group, "list", "Runs, newest first", chosen);
  add_command<RecoveryShowOptions>(*group, "show", "The report of a run", chosen);
  add_command<RecoveryPlansOptions>(*group, "plans", "Plans that azlin comes with", chosen);
}

}  // namespace azlin::cli
