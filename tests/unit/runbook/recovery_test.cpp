#include "azlin/runbook/recovery.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>

#include "azlin/core/error.hpp"
#include "support/fake_clock.hpp"
#include "support/temp_dir.hpp"

namespace azlin::runbook {
namespace {

constexpr const char* kPlan = R"(
name: small
variables: {group: , region: eastus}
steps:
  - {name: look, phase: assess, run: [platform, assess, -g, "${group}"], good_codes: [0, 6]}
  - {name: deploy, phase: provision, hook: [./deploy, "${region}"], approval: "Deploy in ${region}?"}
  - {name: one, phase: restore, run: [platform, a], parallel: true}
  - {name: two, phase: restore, run: [platform, b], parallel: true, retries: 1}
  - {name: cut, phase: cutover, hook: [./cut]}
)";

class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryPlan plan(const std::string& region = "westus") const {
    return parse_plan(kPlan, "small.yaml", {{"group", "Production"}, {"region", region}});
  }
  RecoveryHooks hooks() {
    RecoveryHooks out;
    out.runner = [this](const PlanStep& step, std::stop_token) {
      const std::lock_guard lock(mutex);
      ran.push_back(step.name);
      clock.advance(std::chrono::minutes{1});
      const int code = codes.contains(step.name) ? codes[step.name] : 0;
      return StepOutcome{code, code == 0 ? "" : "it did not work"};
    };
    out.approve = [this](const PlanStep&) { return approves; };
    return out;
  }
  RecoveryRun run(std::optional<std::string> resume = {}) {
    return run_plan(plan(), "small.yaml", dir.file("runs"), resume, clock, hooks());
  }
  static StepState state_of(const RecoveryRun& run, const std::string& name) {
    return std::find_if(run.steps.begin(), run.steps.end(),
                        [&](const auto& each) { return each.name == name; })
        ->state;
  }

  test::TempDir dir;
  test::FakeClock clock;
  std::mutex mutex;
  std::vector<std::string> ran;
  std::map<std::string, int> codes;
  bool approves = true;
};

TEST_F(RecoveryTest, NamesEveryMistakeOfAFileWithItsPlace) {
  const std::string text =
      "name: p\nvariables: {a: , b: [x]}\nsteps:\n"
      "  - {name: one, phase: restore, run: {a: b}, retries: 11, good_codes: 3}\n"
      "  - {name: one, phase: assess, run: [x], hook: [y], paralel: true, parallel: maybe}\n"
      "  - {phase: never, time_limit: soon, on_failure: pray}\n";
  std::string said;
  try {
    parse_plan(text, "p.yaml", {}, Unset::kept);
  } catch (const core::Error& error) {
    said = error.what();
  }
  EXPECT_EQ(said, "p.yaml:2:21: the variable `b` must be a text, or empty");
  try {
    parse_plan("steps:\n" + text.substr(text.find("  - ")), "p.yaml", {}, Unset::kept);
  } catch (const core::Error& error) {
    said = error.what();
    EXPECT_EQ(error.kind(), core::ErrorKind::usage);
  }
  EXPECT_EQ(said,
            "p.yaml:2:38: run must be a list of words\n"
            "p.yaml:2:55: retries must be a whole number from 0 to 10\n"
            "p.yaml:2:71: good_codes must be a list of exit codes\n"
            "p.yaml:3:5: two steps are named `one`\n"
            "p.yaml:3:5: `assess` comes before `restore`\n"
            "p.yaml:3:48: a step has either `run` or `hook`\n"
            "p.yaml:3:53: unknown key 'paralel' in a step; did you mean 'parallel'?\n"
            "p.yaml:3:78: parallel must be true or false\n"
            "p.yaml:4:5: a step has a name and a phase\n"
            "p.yaml:4:5: a step has either `run` or `hook`\n"
            "p.yaml:4:5: there is no phase `never`\n"
            "p.yaml:4:32: time_limit must be a duration such as 30m\n"
            "p.yaml:4:50: on_failure must be `stop` or `go on`");
}

TEST_F(RecoveryTest, RunsEveryStepWithItsVariables) {
  const auto parsed = plan();
  EXPECT_EQ(parsed.steps[0].command.back(), "Production");
  EXPECT_EQ(parsed.steps[1].approval, "Deploy in westus?");
  codes["look"] = 6;  // findings are what an assessment is for
  const auto done = run();
  EXPECT_EQ(done.state, "done");
  EXPECT_EQ(ran.size(), 5U);
  EXPECT_EQ(ran.back(), "cut");
  EXPECT_NE(recovery_report(done).find("| restore | two | done |"), std::string::npos);
  EXPECT_EQ(list_runs(dir.file("runs")).size(), 1U);
}

TEST_F(RecoveryTest, StopsAtAFailureAndGoesOnWhereItStopped) {
  codes["two"] = 1;
  const auto failed = run();
  EXPECT_EQ(failed.state, "failed");
  EXPECT_EQ(state_of(failed, "one"), StepState::done);
  EXPECT_EQ(state_of(failed, "two"), StepState::failed);
  EXPECT_EQ(state_of(failed, "cut"), StepState::waiting);
  EXPECT_EQ(std::count(ran.begin(), ran.end(), "two"), 2) << "one retry";
  EXPECT_NE(recovery_report(failed).find("it did not work"), std::string::npos);
  codes.clear();
  ran.clear();
  const auto done = run(failed.id);
  EXPECT_EQ(done.state, "done");
  EXPECT_EQ(ran, (std::vector<std::string>{"two", "cut"}));
}

TEST_F(RecoveryTest, WaitsForAnApproval) {
  approves = false;
  const auto waiting = run();
  EXPECT_EQ(waiting.state, "waiting for approval");
  EXPECT_EQ(ran, std::vector<std::string>{"look"});
  approves = true;
  EXPECT_EQ(run(waiting.id).state, "done");
}

TEST_F(RecoveryTest, AStepThatWasRunningWhenTheProcessDiedRunsAgain) {
  struct Died {};
  auto dying = hooks();
  dying.told = [](const StepRecord& step) {
    if (step.name == "one" && step.state == StepState::running) throw Died{};
  };
  std::string id;
  EXPECT_THROW(run_plan(plan(), "small.yaml", dir.file("runs"), {}, clock, dying), Died);
  id = list_runs(dir.file("runs")).front().id;
  EXPECT_EQ(state_of(read_run(dir.file("runs"), id), "one"), StepState::running);
  ran.clear();
  EXPECT_EQ(run(id).state, "done");
  EXPECT_EQ(std::count(ran.begin(), ran.end(), "one"), 1);
  EXPECT_EQ(std::count(ran.begin(), ran.end(), "deploy"), 0);
}

TEST_F(RecoveryTest, AnotherPlanDoesNotGoOnWithARun) {
  codes["look"] = 1;
  const auto failed = run();
  EXPECT_THROW(run_plan(plan("northeurope"), "small.yaml", dir.file("runs"), failed.id, clock, hooks()),
               core::Error);
  EXPECT_THROW(run("no-such-run"), core::Error);
}

TEST_F(RecoveryTest, OnlyOneRunOfAPlanWithItsVariablesAtATime) {
  auto outer = hooks();
  std::string said;
  int begun = 0;
  outer.begun = [&] { ++begun; };
  outer.told = [&](const StepRecord& step) {
    if (step.name != "look" || step.state != StepState::running) return;
    try {
      run_plan(plan(), "small.yaml", dir.file("runs"), {}, clock, outer);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::busy);
      said = error.what();
    }
    EXPECT_EQ(run_plan(plan("northeurope"), "small.yaml", dir.file("runs"), {}, clock, hooks()).state, "done")
        << "another target is another recovery";
  };
  const auto done = run_plan(plan(), "small.yaml", dir.file("runs"), {}, clock, outer);
  EXPECT_EQ(done.state, "done");
  EXPECT_NE(said.find(done.id), std::string::npos) << said;
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(list_runs(dir.file("runs")).size(), 2U) << "what was refused left no run";
  EXPECT_EQ(run().state, "done") << "free again";
}

TEST_F(RecoveryTest, ARunIsAName) {
  run();
  const auto id = list_runs(dir.file("runs")).front().id;
  EXPECT_THROW(read_run(dir.file("runs"), "../runs/" + id), core::Error);
}

TEST(RecoveryPlanTest, RefusesWhatIsNotAPlan) {
  const auto bad = [](const std::string& text) {
    EXPECT_THROW(parse_plan(text, "f", {}), core::Error) << text;
  };
  bad("steps: []");
  bad("nonsense");
  bad("steps: [{name: a, phase: assess}]");
  bad("steps: [{name: a, phase: assess, run: [x], hook: [y]}]");
  bad("steps: [{name: a, phase: later, run: [x]}]");
  bad("steps: [{name: a, phase: restore, run: [x]}, {name: b, phase: assess, run: [x]}]");
  bad("steps: [{name: a, phase: assess, run: [x]}, {name: a, phase: assess, run: [x]}]");
  bad("steps: [{name: a, phase: assess, run: [\"${missing}\"]}]");
  bad("variables: {v: }\nsteps: [{name: a, phase: assess, run: [\"${v}\"]}]");
  bad("steps: [{name: a, phase: assess, run: [x], colour: red}]");
  bad("steps: [{name: a, phase: assess, run: [x], run: [y]}]");
  EXPECT_THROW(parse_plan("steps: [{name: a, phase: assess, run: [x]}]", "f", {{"unknown", "1"}}),
               core::Error);
}

// To look at a plan, nobody needs its values.
TEST(RecoveryPlanTest, VariablesWithoutAValueMayStay) {
  const auto plan =
      parse_plan(shipped_plans().at("standard"), "standard", {{"group", "Production"}}, Unset::kept);
  EXPECT_EQ(plan.steps[0].command.back(), "Production");
  EXPECT_EQ(plan.steps[1].command[4], "${cosmos}");
  EXPECT_TRUE(plan.unset.contains("cosmos"));
  EXPECT_FALSE(plan.unset.contains("group"));
  EXPECT_THROW(parse_plan("steps: [{name: a, phase: assess, run: [\"${missing}\"]}]", "f", {}, Unset::kept),
               core::Error);
}

TEST(RecoveryPlanTest, TheShippedPlanHasAllSixPhases) {
  std::map<std::string, std::string> values;
  for (const char* name : {"group", "vault", "new_vault", "vault_backup", "store_export", "new_store",
                           "storage", "cosmos", "new_cosmos", "restore_at", "deploy_hook", "cutover_hook"})
    values[name] = name;
  const auto plan = parse_plan(shipped_plans().at("standard"), "standard", values);
  for (const char* phase : kPhases)
    EXPECT_TRUE(std::any_of(plan.steps.begin(), plan.steps.end(), [&](const auto& step) {
      return step.phase == phase;
    })) << phase;
}

}  // namespace
}  // namespace azlin::runbook
