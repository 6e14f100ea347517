#include "cli/alert_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace azlin::cli {
namespace {

using backup::BackupInfo;
using backup::BackupManager;
using backup::BackupSchedule;
using testing::IsEmpty;
using testing::SizeIs;

class AlertFactsTest : public testing::Test {
 protected:
  static BackupManager::Scheduled scheduled(const std::string& name,
                                            const std::string& group = "Production") {
    return {{"sub", group, name}, BackupSchedule{}, ""};
  }
  static BackupInfo made(const std::string& vm, const std::string& name,
                         const std::string& group = "Production") {
    BackupInfo backup;
    backup.vm_name = vm;
    backup.vm_key = snapshot::vm_key(group, vm);
    backup.resource_group = group;
    backup.name = name;
    backup.created = *core::parse_time("2025-12-01T08:00:00Z");
    return backup;
  }
};

TEST_F(AlertFactsTest, BackupsGoToTheirVmAlone) {
  const auto facts =
      backup_facts({scheduled("web"), scheduled("web2")},
                   {made("WEB", "b1", "production"), made("web2", "b2"), made("web", "b3", "Other")});
  ASSERT_THAT(facts, SizeIs(2));
  EXPECT_TRUE(facts[0].backups_known);
  ASSERT_THAT(facts[0].backups, SizeIs(1));
  EXPECT_EQ(facts[0].backups[0].name, "b1");
  ASSERT_THAT(facts[1].backups, SizeIs(1));
}

TEST_F(AlertFactsTest, IncompleteBackupsDoNotCount) {
  auto broken = made("web", "b1");
  broken.complete = false;
  EXPECT_THAT(backup_facts({scheduled("web")}, {broken}).at(0).backups, IsEmpty());
}

TEST_F(AlertFactsTest, OnlyAVerificationThatPassedCounts) {
  auto passed = made("web", "b1"), failed = made("web", "b2");
  passed.verified = backup::Verified::passed;
  failed.verified = backup::Verified::failed;
  passed.verified_at = failed.verified_at = passed.created;
  const auto facts = backup_facts({scheduled("web")}, {passed, failed});
  EXPECT_EQ(facts[0].backups[0].verified_at, passed.created);
  EXPECT_EQ(facts[0].backups[1].verified_at, std::nullopt);
}

TEST_F(AlertFactsTest, DisabledScheduleIsNotProtectedAndAnUnreadableOneIs) {
  auto off = scheduled("off"), odd = scheduled("odd");
  off.schedule->enabled = false;
  odd.schedule.reset();
  odd.error = "not JSON";
  const auto facts = backup_facts({off, odd}, {});
  ASSERT_THAT(facts, SizeIs(1));
  EXPECT_EQ(facts[0].vm, "odd");
}

TEST_F(AlertFactsTest, NamesakesAreToldApart) {
  const auto facts = backup_facts({scheduled("web", "A"), scheduled("WEB", "B"), scheduled("db")}, {});
  EXPECT_EQ(facts[0].label, "web (A)");
  EXPECT_EQ(facts[1].label, "WEB (B)");
  EXPECT_EQ(facts[1].words, "WEB -g B");
  EXPECT_EQ(facts[2].vm, "db");
  EXPECT_EQ(facts[2].label, "");
  EXPECT_NE(alert::alert_key(alert::Rule::rpo_exceeded, {facts[0].vm, facts[0].group}),
            alert::alert_key(alert::Rule::rpo_exceeded, {facts[1].vm, facts[1].group}));
}

TEST_F(AlertFactsTest, ACopyInAnotherGroupIsOfTheVmAllTheSame) {
  auto copy = made("web", "b1");
  copy.replica_only = true;
  copy.resource_group = "Production-westus2";
  EXPECT_THAT(backup_facts({scheduled("web")}, {copy}).at(0).backups, SizeIs(1));
}

TEST_F(AlertFactsTest, DrillsGiveRtoTargetAndRate) {
  const auto drill = [](const std::string& vm, dr::Verdict verdict, std::optional<core::Millis> rto) {
    dr::DRTestResult test;
    test.vm = {"sub", "production", vm};
    test.verdict = verdict;
    test.rto = rto;
    return test;
  };
  dr::PolicyView policy;
  policy.vm = {"sub", "Production", "web"};
  policy.policy = dr::DrPolicy{};
  policy.policy->target_rto = std::chrono::minutes{20};
  policy.stated = true;
  dr::PolicyView only_drilled = policy;
  only_drilled.vm.name = "bare";
  only_drilled.stated = false;
  dr::PolicyView off = policy;
  off.vm.name = "off";
  off.policy->enabled = false;
  alert::OverdueFacts facts;
  const std::vector<BackupManager::Scheduled> vms = {scheduled("web"), scheduled("web2")};
  facts.vms = backup_facts(vms, {});
  add_drill_facts(facts, vms, {policy, only_drilled, off},
                  {drill("web", dr::Verdict::failed, std::nullopt),
                   drill("web", dr::Verdict::passed, std::chrono::minutes{12}),
                   drill("web", dr::Verdict::passed, std::chrono::minutes{30}),
                   drill("bare", dr::Verdict::restore_only, std::nullopt)},
                  30);
  ASSERT_THAT(facts.vms, SizeIs(3));
  EXPECT_EQ(facts.vms[0].last_rto, std::chrono::minutes{12});
  EXPECT_EQ(facts.vms[0].rto_target, std::chrono::minutes{20});
  EXPECT_FALSE(facts.vms[1].last_rto);
  EXPECT_EQ(facts.vms[2].vm, "bare");
  EXPECT_FALSE(facts.vms[2].rto_target);  // the threshold of alerts.yaml holds
  EXPECT_FALSE(facts.vms[2].backups_known);
  ASSERT_THAT(facts.rates, SizeIs(1));
  EXPECT_EQ(facts.rates[0].total, 3);
  EXPECT_EQ(facts.rates[0].passed, 2);
}

}  // namespace
}  // namespace azlin::cli
