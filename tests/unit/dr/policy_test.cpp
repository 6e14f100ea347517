#include "azlin/dr/policy.hpp"

#include <gtest/gtest.h>

namespace azlin::dr {
namespace {

DrPolicy policy() {
  return {true, "westus2", std::chrono::hours{24}, std::chrono::minutes{20}};
}

TEST(PolicyTest, ReadsWhatItWrites) {
  EXPECT_EQ(parse_policy(to_tag(policy()), "web"), policy());
  EXPECT_LE(to_tag(policy()).size(), 256U);
}

TEST(PolicyTest, KeepsUserAndKeyOfLogins) {
  const auto with = apply(policy(), {.ssh_user = "ops", .ssh_key = "/home/ops/.ssh/drill"}, "eastus");
  EXPECT_EQ(parse_policy(to_tag(with), "web"), with);
  EXPECT_EQ(apply(with, {.ssh_key = ""}, "eastus").ssh_key, "");
  EXPECT_THROW(apply(policy(), {.ssh_user = "-oProxyCommand=x"}, "eastus"), core::Error);
  EXPECT_THROW(apply(policy(), {.ssh_key = std::string(256, 'k')}, "eastus"), core::Error);
}

TEST(PolicyTest, RefusesWhatItDoesNotUnderstand) {
  for (const char* bad : {"", "no json", "[]", R"({"v":2,"on":true,"to":"westus2","h":1,"rto":1})",
                          R"({"v":1,"on":true,"to":"westus2","h":0,"rto":1})",
                          R"({"v":1,"on":true,"to":"West!","h":1,"rto":1})",
                          R"({"v":1,"on":true,"to":"westus2","h":1,"rto":1,"x":1})",
                          R"({"v":1,"on":1,"to":"westus2","h":1,"rto":1})"}) {
    EXPECT_THROW(parse_policy(bad, "web"), InvalidPolicy) << bad;
  }
}

TEST(PolicyTest, AChangeKeepsWhatIsNotStatedAndEnables) {
  auto before = policy();
  before.enabled = false;
  const auto after = apply(before, {.every = std::chrono::hours{48}}, "eastus");
  EXPECT_TRUE(after.enabled);
  EXPECT_EQ(after.region, "westus2");
  EXPECT_EQ(after.every, std::chrono::hours{48});
  EXPECT_EQ(after.target_rto, policy().target_rto);
}

TEST(PolicyTest, RefusesNoRegionItsOwnRegionAndNoTime) {
  EXPECT_THROW(apply({}, {}, "eastus"), core::Error);
  EXPECT_THROW(apply({}, {.region = "eastus"}, "EastUS"), core::Error);
  EXPECT_THROW(apply(policy(), {.every = core::Millis{0}}, "eastus"), core::Error);
  EXPECT_THROW(apply(policy(), {.target_rto = core::Millis{0}}, "eastus"), core::Error);
}

TEST(PolicyTest, AReplicatingScheduleEnablesUnlessTheTagSaysOtherwise) {
  backup::BackupSchedule schedule;
  EXPECT_FALSE(effective({}, schedule));
  schedule.target_region = "westus2";
  EXPECT_EQ(effective({}, schedule).value().region, "westus2");
  schedule.enabled = false;
  EXPECT_FALSE(effective({}, schedule));
  schedule.enabled = true;
  auto off = policy();
  off.enabled = false;
  EXPECT_FALSE(effective(off, schedule).value().enabled);
}

TEST(PolicyTest, DueAfterTheNewestDrillThatWasJudgedInItsRegion) {
  const VmRef vm = {"sub", "Production", "web"};
  const auto start = core::parse_time("2025-12-01 08:00").value();
  DRTestResult test;
  test.vm = {"sub", "production", "WEB"};
  test.test_region = "westus2";
  test.started_at = start;
  test.verdict = Verdict::failed;
  EXPECT_EQ(next_due(policy(), vm, {}), core::TimePoint{});
  EXPECT_EQ(next_due(policy(), vm, {test}), start + std::chrono::hours{24});
  auto other = test;
  other.started_at = start + std::chrono::hours{1};
  other.verdict = Verdict::interrupted;
  EXPECT_EQ(next_due(policy(), vm, {other, test}), start + std::chrono::hours{24});
  other.verdict = Verdict::passed;
  other.test_region = "northeurope";
  EXPECT_EQ(next_due(policy(), vm, {other, test}), start + std::chrono::hours{24});
}

}  // namespace
}  // namespace azlin::dr
