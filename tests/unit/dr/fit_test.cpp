#include "dr/fit.hpp"

#include <gtest/gtest.h>

namespace azlin::dr {
namespace {

using backup::BackupInfo;
using backup::Verified;

// With a complete copy in westus2.
BackupInfo made(const char* name, int hour, Verified source, Verified copy) {
  BackupInfo backup;
  backup.name = name;
  backup.region = "eastus";
  backup.created = core::parse_time("2025-12-01 00:00").value() + std::chrono::hours{hour};
  backup.verified = source;
  backup::ReplicaInfo replica;
  replica.region = "westus2";
  replica.complete = true;
  replica.verified = copy;
  backup.replicas.push_back(replica);
  return backup;
}

TEST(NewestCopyTest, ACopyThatWasFoundDamagedIsPassedOver) {
  const struct {
    const char* what;
    Verified source, copy;
    bool taken;
  } rows[] = {
      {"nobody looked", Verified::unknown, Verified::unknown, true},
      {"the copy is sound", Verified::unknown, Verified::passed, true},
      {"the copy is damaged, its source is not", Verified::passed, Verified::failed, false},
      {"the source is damaged, nobody looked at the copy", Verified::failed, Verified::unknown, false},
      {"the source is damaged, the copy is not", Verified::failed, Verified::passed, true},
  };
  for (const auto& row : rows) {
    const std::vector<BackupInfo> backups = {made("new", 2, row.source, row.copy),
                                             made("old", 1, Verified::unknown, Verified::unknown)};
    const auto* chosen = newest_in(backups, "westus2");
    ASSERT_NE(chosen, nullptr);
    EXPECT_EQ(chosen->name, row.taken ? "new" : "old") << row.what;
    EXPECT_EQ(doubts(backups, *chosen, "westus2", false),
              row.taken ? "" : "the newer new is passed over: its last verification FAILED")
        << row.what;
  }
}

TEST(NewestCopyTest, ADamagedOneIsBetterThanNoneAndIsSaidToBe) {
  const std::vector<BackupInfo> backups = {made("only", 1, Verified::passed, Verified::failed)};
  const auto* chosen = newest_in(backups, "westus2");
  ASSERT_NE(chosen, nullptr);
  EXPECT_EQ(doubts(backups, *chosen, "westus2", false), "the last verification of this backup FAILED");
}

TEST(NewestCopyTest, AnOlderOneThatWasNamedHasNoDoubts) {
  const std::vector<BackupInfo> backups = {made("new", 2, Verified::unknown, Verified::unknown),
                                           made("old", 1, Verified::unknown, Verified::unknown)};
  EXPECT_EQ(doubts(backups, backups[1], "westus2", true), "");
}

TEST(NewestCopyTest, NothingIsPassedOverForOneThatWasNamed) {
  const std::vector<BackupInfo> backups = {made("new", 2, Verified::passed, Verified::failed),
                                           made("old", 1, Verified::unknown, Verified::unknown)};
  EXPECT_EQ(doubts(backups, backups[1], "westus2", true), "");
  EXPECT_EQ(doubts(backups, backups[0], "westus2", true), "the last verification of this backup FAILED");
}

}  // namespace
}  // namespace azlin::dr
