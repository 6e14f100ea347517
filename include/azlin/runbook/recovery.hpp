#pragma once
// Recovery plans: the six steps of a disaster recovery as a YAML runbook over azlin's own commands and hooks,
// with checkpoints, approvals, resume and a report. docs/recovery-plans.md describes the file.
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::runbook {

// In this order; a plan need not have all of them.
inline constexpr const char* kPhases[] = {"assess",    "provision", "restore",
                                          "configure", "validate",  "cutover"};

struct PlanStep {
  std::string name, phase, what;
  std::vector<std::string> command;  // words after `azlin`, or a program with its arguments
  bool hook = false;                 // `command` is a program of the operator, run without a shell
  std::string approval;              // asked before it; "": none
  std::vector<int> good_codes = {0};
  int retries = 0;
  core::Millis time_limit{0};  // 0: none
  bool parallel = false;       // together with the neighbours of its phase that are parallel, too
  bool go_on = false;          // a failure is noted, and the run goes on
};

struct RecoveryPlan {
  std::string name, what;
  std::string digest;           // of its text and variables: a run is resumed only with the same plan
  std::set<std::string> unset;  // variables that are used and have no value
  std::vector<PlanStep> steps;
};

// What becomes of a variable without a value: an error, or "${name}" stays, to look at the plan.
enum class Unset { refused, kept };

// `variables` replace those of the file; "${name}" stands for one. Throws core::Error (usage) with line and
// key: an unknown key, phase or variable, phases out of order, two steps of one name, a step without a
// command.
RecoveryPlan parse_plan(const std::string& yaml, const std::string& file,
                        const std::map<std::string, std::string>& variables, Unset unset = Unset::refused);

// Plans that azlin comes with: name -> YAML.
const std::map<std::string, std::string>& shipped_plans();

enum class StepState { waiting, running, done, failed, skipped };
const char* to_string(StepState state);

struct StepRecord {
  std::string name, phase;
  StepState state = StepState::waiting;
  int exit_code = 0, attempts = 0;
  std::optional<core::TimePoint> started, ended;
  std::string message;  // the last lines that it said, when it failed
};

// A run, kept in a file that is replaced as a whole after every change.
struct RecoveryRun {
  std::string id, plan, file, digest;
  core::TimePoint started;
  std::optional<core::TimePoint> ended;
  std::string state =
      "running";  // running, waiting for approval, failed, interrupted, done, done with failures
  std::vector<StepRecord> steps;
};

// Throws core::Error: not_found, failed (unreadable).
RecoveryRun read_run(const std::string& folder, const std::string& id);
// Newest first; files that cannot be read are left out.
std::vector<RecoveryRun> list_runs(const std::string& folder);

struct StepOutcome {
  int exit_code = 0;
  std::string message;
};
// What the run works with. The runner runs one step (and must stop with the token); `approve` is asked before
// a step that needs it; `told` hears of each change of a step, from any thread.
struct RecoveryHooks {
  std::function<StepOutcome(const PlanStep&, std::stop_token)> runner;
  std::function<bool(const PlanStep&)> approve;
  std::function<void()> begun;  // the run is in this process's hands: before its first step; may be empty
  std::function<void(const StepRecord&)> told;
};

// Runs the plan, or goes on with `resume` (a run of the same plan: core::Error (usage) if it is another):
// steps that are done stay done, one that was running when the process died runs again. Ends at the first
// failure that matters. Throws core::Error: busy (another process runs the same plan with the same variables:
// it is named), interrupted.
RecoveryRun run_plan(const RecoveryPlan& plan, const std::string& file, const std::string& folder,
                     const std::optional<std::string>& resume, core::Clock& clock, const RecoveryHooks& hooks,
                     std::stop_token stop = {});

// Markdown: what was done, when, how long it took, what failed.
std::string recovery_report(const RecoveryRun& run);

}  // namespace azlin::runbook
