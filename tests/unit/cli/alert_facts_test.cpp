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
  EXPECT_EQ(facts[0].vm, "web (A)");
  EXPECT_EQ(facts[1].vm, "WEB (B)");
  EXPECT_EQ(facts[2].vm, "db");
}

}  // namespace
}  // namespace azlin::cli
