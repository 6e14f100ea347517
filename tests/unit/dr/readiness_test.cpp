#include "azlin/dr/readiness.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace azlin::dr {
namespace {

using testing::HasSubstr;

class ReadinessTest : public ::testing::Test {
 protected:
  // All is well: an hour-old backup, copied, verified and drilled.
  ReadinessTest() {
    facts.vm = {"sub", "Production", "web"};
    facts.schedule = backup::BackupSchedule{};
    facts.policy = DrPolicy{true, "westus2"};
    backup::BackupInfo backup;
    backup.name = "web-backup";
    backup.region = "eastus";
    backup.created = now - std::chrono::hours{1};
    backup.verified = backup::Verified::passed;
    backup.verified_at = backup.created;
    backup.replicas.push_back({"westus2", "Production", true, 100});
    facts.backups = {backup};
    facts.drills = {drill(Verdict::passed, 10)};
  }
  DRTestResult drill(Verdict verdict, int minutes) const {
    DRTestResult result;
    result.vm = facts.vm;
    result.test_region = "westus2";
    result.started_at = now - std::chrono::hours{24};
    result.verdict = verdict;
    result.rto = std::chrono::minutes{minutes};
    return result;
  }
  // The one gap that there is.
  std::string gap() const {
    const auto result = judge(facts, now);
    EXPECT_FALSE(result.ready());
    EXPECT_EQ(result.gaps.size(), 1U);
    return result.gaps.empty() ? "" : result.gaps[0].text + " | " + result.gaps[0].command;
  }
  core::TimePoint now = core::parse_time("2025-12-10 12:00").value();
  ReadinessFacts facts;
};

TEST_F(ReadinessTest, ReadyWhenNothingIsMissing) {
  const auto result = judge(facts, now);
  EXPECT_TRUE(result.ready()) << result.gaps[0].text;
  EXPECT_EQ(result.rpo, std::chrono::hours{1});
  ASSERT_TRUE(result.rto);
  EXPECT_EQ(result.rto->p90, std::chrono::minutes{10});
}

TEST_F(ReadinessTest, WhatKeepsItFromBeingRestoredNowIsAGap) {
  facts.obstacle = "westus2 has no quota left";
  EXPECT_THAT(gap(), HasSubstr("no quota left | azlin dr test web --test-region westus2 --dry-run"));
}

TEST_F(ReadinessTest, BackupsThatCannotBeReadAreNotSaidToBeMissing) {
  facts.backups.clear();
  facts.not_seen = {"3 sets are not readable: region westus2 does not answer (a, b, c)"};
  const auto result = judge(facts, now);
  EXPECT_FALSE(result.ready());
  EXPECT_EQ(result.gaps.front().text, facts.not_seen.front());
  for (const auto& each : result.gaps)
    EXPECT_EQ(each.text.find("there is no"), std::string::npos) << each.text;
}

// A region that does not answer leaves in doubt what lies in it, not what lies in the policy's.
TEST_F(ReadinessTest, ACopyIsMissingForCertainUnlessItMayLieWhereNobodyAnswers) {
  facts.backups[0].replicas[0].region = "northeurope";
  facts.not_seen = {"1 set is not readable: region westeurope does not answer (a)"};
  const auto missing = [&] {
    const auto result = judge(facts, now);
    return std::any_of(result.gaps.begin(), result.gaps.end(),
                       [](const Gap& each) { return each.text == "there is no complete copy in westus2"; });
  };
  EXPECT_TRUE(missing());
  facts.copies_unknown = true;
  EXPECT_FALSE(missing());
}

TEST_F(ReadinessTest, EachThingThatIsMissingIsAGapWithItsCommand) {
  auto good = facts;
  facts.schedule->enabled = false;
  EXPECT_THAT(gap(), HasSubstr("azlin backup configure web"));
  facts = good;
  facts.policy.reset();
  EXPECT_THAT(gap(), HasSubstr("azlin dr configure web"));
  facts = good;
  facts.backups[0].replicas[0].complete = false;
  EXPECT_THAT(gap(), HasSubstr("no complete copy in westus2 | azlin backup replicate web-backup"));
  facts = good;
  facts.backups[0].verified = backup::Verified::unknown;
  EXPECT_THAT(gap(), HasSubstr("azlin backup verify web-backup"));
  facts = good;
  facts.drills.clear();
  EXPECT_THAT(gap(), HasSubstr("azlin dr test web"));
  facts = good;
  facts.drills[0].verdict = Verdict::failed;
  EXPECT_THAT(gap(), HasSubstr("failed"));
  facts = good;
  facts.drills[0].rto = std::chrono::minutes{15};
  EXPECT_THAT(gap(), HasSubstr("P90"));
  facts = good;
  facts.drills[0].started_at = now - std::chrono::hours{24 * 8};
  EXPECT_THAT(gap(), HasSubstr("no drill"));
}

// A VM that is gone can be brought back, but neither backed up nor configured.
TEST_F(ReadinessTest, NothingIsAdvisedThatAVmMustBeThereFor) {
  facts.gone = true;
  facts.unreadable = "the VM is gone";
  facts.schedule.reset();
  facts.policy.reset();
  const auto expect_no_backup = [&](const std::string& gap, const std::string& command) {
    bool told = false;
    for (const auto& each : judge(facts, now).gaps) {
      EXPECT_THAT(each.command, testing::Not(HasSubstr("azlin backup configure"))) << each.text;
      EXPECT_THAT(each.command, testing::Not(HasSubstr("azlin backup trigger"))) << each.text;
      told = told || (each.text == gap && each.command == command);
    }
    EXPECT_TRUE(told) << gap;
  };
  facts.backups[0].created = now - std::chrono::hours{30};
  expect_no_backup("the newest backup is 30h 00m 00s old",
                   "azlin backup restore web -g Production --backup web-backup --new-vm web");
  facts.backups.clear();
  expect_no_backup("there is no complete backup", "azlin backup list web");
}

// With no region set, a copy that is there is named, and its region proposed.
TEST_F(ReadinessTest, WithoutARegionTheCopyThatIsThereIsTold) {
  facts.policy.reset();
  EXPECT_THAT(
      gap(),
      HasSubstr("no region is set for it to come back in | azlin dr configure web --test-region westus2"));
  auto result = judge(facts, now);
  ASSERT_NE(result.copied, nullptr);
  EXPECT_EQ(result.copy_region, "westus2");
  EXPECT_EQ(result.rpo, std::chrono::hours{1});
  facts.policy = DrPolicy{false, "westus3"};
  EXPECT_THAT(gap(), HasSubstr("its DR tests are disabled"));
  facts.policy.reset();
  facts.backups[0].replicas[0].complete = false;
  EXPECT_THAT(gap(), HasSubstr("azlin dr configure web --test-region REGION"));
  EXPECT_EQ(judge(facts, now).copied, nullptr);
}

TEST_F(ReadinessTest, AnOldBackupIsTwoGapsBecauseItsCopyIsOldToo) {
  facts.backups[0].created = now - std::chrono::hours{30};
  const auto result = judge(facts, now);
  EXPECT_EQ(result.gaps.size(), 2U);
  EXPECT_EQ(result.rpo, std::chrono::hours{30});
}

TEST_F(ReadinessTest, PercentilesAreNearestRank) {
  std::vector<core::Millis> values;
  for (int i = 10; i >= 1; --i) values.emplace_back(i);
  EXPECT_EQ(percentile(values, 50), core::Millis{5});
  EXPECT_EQ(percentile(values, 90), core::Millis{9});
  EXPECT_EQ(percentile({core::Millis{7}}, 90), core::Millis{7});
}

TEST_F(ReadinessTest, RestoresCountToo) {
  facts.drills = {drill(Verdict::passed, 4)};
  facts.restores = {{now - std::chrono::hours{48}, std::chrono::minutes{8}},
                    {now - std::chrono::hours{72}, std::chrono::minutes{6}}};
  const auto result = judge(facts, now);
  ASSERT_TRUE(result.rto);
  EXPECT_EQ(result.rto->drills, 1);
  EXPECT_EQ(result.rto->restores, 2);
  EXPECT_EQ(result.rto->p50, std::chrono::minutes{6});
  EXPECT_EQ(result.rto->p90, std::chrono::minutes{8});
}

TEST_F(ReadinessTest, SaysHowOftenRealityFellInsideTheForecast) {
  facts.drills.clear();
  for (const int minutes : {9, 14, 10, 10, 10}) facts.drills.push_back(drill(Verdict::passed, minutes));
  const auto result = judge(facts, now);
  ASSERT_TRUE(result.rto);
  EXPECT_EQ(result.rto->drills, 5);
  EXPECT_EQ(result.rto->judged, 2);
  EXPECT_EQ(result.rto->inside, 1);
}

}  // namespace
}  // namespace azlin::dr
