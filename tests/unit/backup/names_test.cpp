#include "azlin/backup/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/names.hpp"
#include "unit/backup/times.hpp"

namespace azlin::backup {
namespace {

using core::Error;
using core::ErrorKind;
using testing::HasSubstr;

TEST(BackupNamesTest, NameIsAsDocumented) {
  EXPECT_EQ(set_name("prod-db-vm", Tier::daily, at("2025-12-02 08:00:59")),
            "prod-db-vm-backup-daily-20251202-0800");
  EXPECT_EQ(set_name("vm1", Tier::monthly, at("2025-12-01 23:59"), 2), "vm1-backup-monthly-20251201-2359-2");
  EXPECT_EQ(snapshot::member_name("vm1-backup-daily-20251202-0800", -1), "vm1-backup-daily-20251202-0800");
  EXPECT_EQ(snapshot::member_name("vm1-backup-daily-20251202-0800", 3),
            "vm1-backup-daily-20251202-0800-lun3");
}

TEST(BackupNamesTest, ReasonsOfHoldsAreCountedInCharactersNotBytes) {
  std::string umlauts, emojis;
  for (int i = 0; i < 200; ++i) umlauts += "ü";
  for (int i = 0; i < 100; ++i) emojis += "🔒";
  for (const std::string& good : {umlauts, emojis, std::string("x"), std::string(200, 'x')})
    EXPECT_NO_THROW(check_hold_reason(good)) << good;
  for (const std::string& bad : {umlauts + "ü", emojis + "x", std::string(), std::string(201, 'x')})
    EXPECT_THROW(check_hold_reason(bad), Error) << bad;
}

TEST(BackupNamesTest, LongestVmNamesStayWithinAzuresLimitAndApart) {
  std::set<std::string> names;
  const std::vector<std::string> vms = {std::string(64, 'a'), std::string(63, 'a').append("b"),
                                        std::string(63, 'a').insert(0, "x")};
  for (const std::string& vm : vms) {
    const std::string name = snapshot::member_name(set_name(vm, Tier::monthly, at("2025-12-01"), 10), 63);
    EXPECT_LE(name.size(), 80u) << name;
    EXPECT_NO_THROW(core::check_compute_name(name, "snapshot"));
    EXPECT_THAT(name, HasSubstr("-backup-monthly-20251201-0000-10-lun63"));
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

TEST(BackupNamesTest, CharactersThatSnapshotsDoNotTakeAreReplaced) {
  EXPECT_EQ(set_name("db.prod", Tier::daily, at("2025-12-02")), "db-prod-backup-daily-20251202-0000");
}

TEST(FindByPrefixTest, UnambiguousBeginningIsEnough) {
  const std::vector<std::string> names = {"vm-backup-daily-20251202-0800", "vm-backup-weekly-20251130-0800"};
  EXPECT_EQ(find_by_prefix(names, "vm-backup-w", "backup"), 1u);
  EXPECT_EQ(find_by_prefix(names, "VM-Backup-Daily-20251202", "backup"), 0u);
}

TEST(FindByPrefixTest, WholeNameWinsOverLongerOnes) {
  const std::vector<std::string> names = {"vm-backup-daily-20251202-0800-2", "vm-backup-daily-20251202-0800"};
  EXPECT_EQ(find_by_prefix(names, "vm-backup-daily-20251202-0800", "backup"), 1u);
}

TEST(FindByPrefixTest, AmbiguousBeginningListsTheCandidates) {
  try {
    find_by_prefix({"vm-a", "vm-b", "other"}, "vm", "backup");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("2 backups begin with 'vm'"));
    EXPECT_THAT(error.what(), HasSubstr("vm-b"));
    EXPECT_THAT(error.what(), Not(HasSubstr("other")));
  }
}

TEST(FindByPrefixTest, NothingAndEmptyAreNotFound) {
  for (const char* text : {"x", ""}) {
    try {
      find_by_prefix({"vm-a"}, text, "backup");
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::not_found);
    }
  }
}

}  // namespace
}  // namespace azlin::backup
