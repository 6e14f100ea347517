// azlin is killed (SIGKILL) before a request, after a request, or after a commit of its journal; `recover`
// runs; and all is well. A fixed choice of points; every point with AZLIN_TEST_FULL=1.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <numeric>

#include "inspect.hpp"

namespace azlin::crash {
namespace {

struct Workflow {
  const char* command;
  std::set<std::string> may_go = {};  // sets that it deletes; all are gone once it has succeeded
  bool old_disks_may_go = false;
  // Exit codes of the same command run again, when the first one had come to its end: what there was to do
  // may be done.
  std::set<int> again = {0};
};

const Workflow kWorkflows[] = {
    {.command = "trigger",
     .may_go = {"web-backup-daily-20251202-0800", "web-backup-daily-20251203-0800",
                "web-backup-daily-20251204-0800"}},
    {.command = "cleanup", .may_go = {"web-backup-daily-20251202-0800", "web-backup-daily-20251203-0800"}},
    {.command = "delete-backup", .may_go = {"web-backup-daily-20251203-0800"}, .again = {0, 3}},
    {.command = "restore"},
    {.command = "restore-delete-old", .old_disks_may_go = true},
    {.command = "restore-new-vm", .again = {0, 2}},
    {.command = "create"},
    {.command = "delete", .may_go = {"web-snapshot-20251203-0900"}, .again = {0, 3}},
    {.command = "sync", .may_go = {"web-snapshot-20251203-0900", "web-snapshot-20251204-0900"}},
};

void PrintTo(const Workflow& workflow, std::ostream* out) {
  *out << workflow.command;
}

bool full() {
  return std::getenv("AZLIN_TEST_FULL") != nullptr;
}

// `most` of them, the first and the last among them; all when that is fewer or everything is asked for.
std::vector<int> choose(const std::vector<int>& all, std::size_t most) {
  if (full() || all.size() <= most) return all;
  std::vector<int> chosen;
  for (std::size_t i = 0; i < most; ++i) chosen.push_back(all[i * (all.size() - 1) / (most - 1)]);
  return chosen;
}

std::vector<int> up_to(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 1);
  return all;
}

class CrashTest : public testing::TestWithParam<Workflow> {
 protected:
  // Points of a run that came to its end: before requests, after those that change something, after commits.
  static std::vector<Death> deaths(const Outcome& whole, std::size_t before, std::size_t after,
                                   std::size_t commit) {
    EXPECT_EQ(whole.code, 0) << whole.err;
    if (whole.code != 0) return {};
    const auto requests = up_to(whole.report.at("requests"));
    const auto changes = whole.report.at("changes").get<std::vector<int>>();
    std::vector<Death> out;
    for (const int n : choose(requests, before)) out.push_back({"before", n});
    for (const int n : full() ? requests : choose(changes, after)) out.push_back({"after", n});
    for (const int n : choose(up_to(whole.report.at("commits")), commit)) out.push_back({"commit", n});
    return out;
  }

  static std::vector<std::string> all_wrong(Scene& scene, const Inventory& before, const Workflow& workflow) {
    auto lines = wrong_with(look(scene.simulator()), before, workflow.may_go, workflow.old_disks_may_go);
    for (auto& line : unsettled(scene.journal_path())) lines.push_back(std::move(line));
    return lines;
  }

  static void expect_well(Scene& scene, const Inventory& before, const Workflow& workflow,
                          const std::string& when) {
    const auto lines = all_wrong(scene, before, workflow);
    EXPECT_THAT(lines, testing::IsEmpty()) << when << "; the last requests:\n" << scene.last_requests(60);
  }

  // The same command again does what it is for.
  static void expect_works_again(Scene& scene, const Inventory& before, const Workflow& workflow,
                                 const std::string& when) {
    scene.simulator().advance("10m");
    const auto again = scene.run(workflow.command);
    EXPECT_TRUE(workflow.again.contains(again.code)) << when << ": again: " << again.code << " " << again.err;
    expect_well(scene, before, workflow, when + ", run again");
    const auto sets = look(scene.simulator()).sets();
    for (const auto& name : workflow.may_go)
      EXPECT_FALSE(sets.contains(name)) << when << ": " << name << " stayed";
  }
};

TEST_P(CrashTest, RecoverPutsThingsRight) {
  const Workflow& workflow = GetParam();
  int index = 0;
  for (const auto& death : deaths(Scene().run(workflow.command), 2, 7, 6)) {
    const std::string when = fmt::format("{} killed at {} {}", workflow.command, death.point, death.number);
    Scene scene;
    const auto before = look(scene.simulator());
    const auto outcome = scene.run(workflow.command, death);
    EXPECT_TRUE(outcome.killed || outcome.code == 0) << when << ": " << outcome.code << " " << outcome.err;
    if (++index % 2 == 0) scene.simulator().advance("10m");  // else Azure may still be at work
    const auto recovered = scene.run("recover");
    EXPECT_EQ(recovered.code, 0) << when << ", recover: " << recovered.err;
    expect_well(scene, before, workflow, when + ", recovered: " + recovered.err);
    expect_works_again(scene, before, workflow, when);
    if (HasFailure()) break;
  }
}

// The same command run again finishes or undoes what was left, as recover would.
TEST_P(CrashTest, TheSameCommandSettlesItself) {
  const Workflow& workflow = GetParam();
  const auto changes = Scene().run(workflow.command).report.at("changes").get<std::vector<int>>();
  for (const int number : choose(changes, 3)) {
    const std::string when = fmt::format("{} killed at after {}", workflow.command, number);
    Scene scene;
    const auto before = look(scene.simulator());
    EXPECT_TRUE(scene.run(workflow.command, {"after", number}).killed) << when;
    expect_works_again(scene, before, workflow, when);
    if (HasFailure()) return;
  }
}

// recover is killed, too; the next one ends it.
TEST_P(CrashTest, KilledRecoverIsTakenUpByTheNext) {
  const Workflow& workflow = GetParam();
  const auto changes = Scene().run(workflow.command).report.at("changes").get<std::vector<int>>();
  for (const int number : choose(changes, 3)) {
    if (!full() && number != changes[(changes.size() - 1) / 2]) continue;
    const Death first{"after", number};
    Scene counted;
    counted.run(workflow.command, first);
    for (const auto& death : deaths(counted.run("recover"), 2, 2, 2)) {
      const std::string when = fmt::format("{} killed at {} {}, recover at {} {}", workflow.command,
                                           first.point, first.number, death.point, death.number);
      Scene scene;
      const auto before = look(scene.simulator());
      EXPECT_TRUE(scene.run(workflow.command, first).killed) << when;
      scene.run("recover", death);
      const auto recovered = scene.run("recover");
      EXPECT_EQ(recovered.code, 0) << when << ": " << recovered.err;
      expect_well(scene, before, workflow, when);
      if (HasFailure()) return;
    }
  }
}

// Without its service recover changes nothing, says so, and leaves the work for later.
TEST_P(CrashTest, RecoverWithoutTheServiceLeavesItForLater) {
  const Workflow& workflow = GetParam();
  Scene scene;
  const auto before = look(scene.simulator());
  const auto changes = Scene().run(workflow.command).report.at("changes").get<std::vector<int>>();
  ASSERT_TRUE(scene.run(workflow.command, {"after", changes[changes.size() * 3 / 4]}).killed);
  const auto cut_off = scene.run_cut_off("recover");
  EXPECT_EQ(cut_off.code, 4) << cut_off.err;
  EXPECT_THAT(cut_off.err, testing::Not(testing::IsEmpty()));
  EXPECT_THAT(unsettled(scene.journal_path()), testing::SizeIs(1));
  EXPECT_EQ(scene.run("recover").code, 0);
  expect_well(scene, before, workflow, "recovered later");
}

// A lease that Azure refused to take back, and azlin dies while it takes it off.
TEST(CrashedLeaseTest, RemovalThatDiedIsSettledAndTheVmIsFree) {
  const auto leased = [](Scene& scene) {
    const auto fault = scene.simulator().add_fault({{"method", "PATCH"},
                                                    {"path", "*/web/providers/Microsoft.Resources/tags/*"},
                                                    {"status", 403},
                                                    {"code", "AuthorizationFailed"},
                                                    {"count", -1}});
    EXPECT_EQ(scene.run("create").code, 0);
    scene.simulator().admin("DELETE", "faults/" + std::to_string(fault));
  };
  Scene counted;
  leased(counted);
  const auto changes = counted.run("recover-leases").report.at("changes").get<std::vector<int>>();
  ASSERT_THAT(changes, testing::SizeIs(1));
  for (const char* point : {"before", "after"}) {
    for (const char* next : {"recover", "trigger"}) {
      Scene scene;
      leased(scene);
      EXPECT_TRUE(scene.run("recover-leases", {point, changes.front()}).killed) << point;
      EXPECT_THAT(unsettled(scene.journal_path()), testing::SizeIs(1)) << point;
      const auto outcome = scene.run(next);
      EXPECT_EQ(outcome.code, 0) << point << ", " << next << ": " << outcome.err;
      EXPECT_THAT(unsettled(scene.journal_path()), testing::IsEmpty()) << point << ", " << next;
      EXPECT_FALSE(look(scene.simulator()).machines.at("web").tags.contains("azlin:lease"))
          << point << ", " << next;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Commands, CrashTest, testing::ValuesIn(kWorkflows), [](const auto& tested) {
  std::string name = tested.param.command;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace azlin::crash
