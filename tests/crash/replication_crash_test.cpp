// `replicate`, `replicate-all`, a cancelled copy and `verify` are killed at chosen points (at every point
// with AZLIN_TEST_FULL=1); `recover` and the same command again end as if nothing had happened.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <numeric>

#include "azlin/replication/job_store.hpp"
#include "inspect.hpp"

namespace azlin::crash {
namespace {

constexpr const char* kSet = "web-backup-daily-20251204-0800";

// `most` of all, the first and the last among them.
std::vector<int> spread(const std::vector<int>& all, std::size_t most) {
  if (std::getenv("AZLIN_TEST_FULL") != nullptr || all.size() <= most) return all;
  std::vector<int> chosen;
  for (std::size_t i = 0; i < most; ++i) chosen.push_back(all[i * (all.size() - 1) / (most - 1)]);
  return chosen;
}

std::vector<Death> deaths_of(const Outcome& whole, std::size_t changes, std::size_t commits) {
  std::vector<Death> out;
  for (const int n : spread(whole.report.at("changes").get<std::vector<int>>(), changes)) {
    out.push_back({"before", n});
    out.push_back({"after", n});
  }
  std::vector<int> all(whole.report.at("commits").get<std::size_t>());
  std::iota(all.begin(), all.end(), 1);
  for (const int n : spread(all, commits)) out.push_back({"commit", n});
  return out;
}

std::vector<std::string> open_jobs(Scene& scene) {
  const std::string& journal = scene.journal_path();
  replication::JobFilter filter;
  filter.open_only = true;
  std::vector<std::string> lines;
  for (const auto& job :
       replication::JobStore(journal.substr(0, journal.rfind('/')) + "/replication.db").list(filter))
    lines.push_back(fmt::format("job {} is {}", job.id, replication::to_string(job.status)));
  return lines;
}

// What must hold whatever was killed: no mark, no SAS, no disk of nobody, no open operation.
void expect_well(Scene& scene, const Inventory& before, const std::string& when) {
  EXPECT_THAT(wrong_with(look(scene.simulator()), before, {}, false), testing::IsEmpty()) << when;
  EXPECT_THAT(unsettled(scene.journal_path()), testing::IsEmpty()) << when;
  EXPECT_THAT(open_accesses(scene.simulator()), testing::IsEmpty()) << when;
}

// Kills `command` at each point, recovers, looks by `recovered`, runs it again and looks by `again`.
template <class Recovered, class Again>
void kill_everywhere(const std::string& command, std::size_t changes, std::size_t commits,
                     Recovered recovered_well, Again again_well) {
  const auto whole = Scene().run(command);
  ASSERT_EQ(whole.code, 0) << whole.err;
  for (const auto& death : deaths_of(whole, changes, commits)) {
    std::string when = fmt::format("{} killed at {} {}", command, death.point, death.number);
    Scene scene;
    const auto before = look(scene.simulator());
    const auto outcome = scene.run(command, death);  // how often it looks depends on the machine's speed
    EXPECT_TRUE(outcome.killed || outcome.code == 0) << when << ": " << outcome.code << " " << outcome.err;
    if (!outcome.killed) when += " (not reached)";
    const auto recovered = scene.run("recover");
    EXPECT_EQ(recovered.code, 0) << when << ", recover: " << recovered.err;
    when += "; recovered: " + recovered.err;
    recovered_well(scene, before, when);
    scene.simulator().advance("10m");
    const auto again = scene.run(command);
    EXPECT_EQ(again.code, 0) << when << ": again: " << again.err;
    again_well(scene, before, when + "; again: " + again.err);
    if (testing::Test::HasFailure()) break;
  }
}

const auto kNothing = [](Scene&, const Inventory&, const std::string&) {};

TEST(ReplicationCrashTest, EachSnapshotIsCopiedOnce) {
  kill_everywhere("replicate-all", 5, 8, kNothing,
                  [](Scene& scene, const Inventory& before, const auto& when) {
                    expect_well(scene, before, when);
                    EXPECT_THAT(unreplicated(scene.simulator()), testing::IsEmpty()) << when;
                    EXPECT_THAT(open_jobs(scene), testing::IsEmpty()) << when;
                  });
}

TEST(ReplicationCrashTest, OneBackupIsCopiedOnceAndNoOther) {
  kill_everywhere("replicate", 4, 6, kNothing, [](Scene& scene, const Inventory& before, const auto& when) {
    expect_well(scene, before, when);
    EXPECT_THAT(unreplicated(scene.simulator(), kSet), testing::IsEmpty()) << when;
    EXPECT_THAT(open_jobs(scene), testing::IsEmpty()) << when;
  });
}

// Killed in the middle of it, a cancelled copy is gone after the next look, or whole.
TEST(ReplicationCrashTest, CancelledCopyIsGoneOrWhole) {
  kill_everywhere("replicate-cancel", 4, 6, kNothing,
                  [](Scene& scene, const Inventory& before, const auto& when) {
                    expect_well(scene, before, when);
                    EXPECT_THAT(open_jobs(scene), testing::IsEmpty()) << when;
                    if (copied(scene.simulator()).empty()) return;
                    EXPECT_THAT(unreplicated(scene.simulator(), kSet), testing::IsEmpty()) << when;
                  });
}

TEST(VerificationCrashTest, NoTestDiskMarkOrAccessIsLeft) {
  kill_everywhere("verify", 5, 8, expect_well, expect_well);
}

}  // namespace
}  // namespace azlin::crash
