#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "azlin/backup/manager.hpp"
#include "unit/snapshot/sets.hpp"

namespace azlin::backup {
namespace {

using snapshot::at;
using snapshot::made;
using snapshot::replica_of;

const auto kNow = at("2025-12-10 08:00");

std::vector<BackupInfo> backups(std::vector<azure::Snapshot> snapshots) {
  return to_backups(snapshot::group_sets(std::move(snapshots)), kNow);
}

BackupSchedule to_west() {
  BackupSchedule schedule;
  schedule.target_region = "westus2";
  return schedule;
}

TEST(BackupInfoTest, PlainSnapshotsAndUnknownTiersAreNoBackups) {
  EXPECT_TRUE(
      backups({made("plain", -1, 1, "2025-12-01", ""), made("odd", -1, 1, "2025-12-01", "hourly")}).empty());
}

TEST(BackupInfoTest, ReplicaBelongsToItsBackup) {
  const auto found = backups({made("s", -1, 1, "2025-12-01"), replica_of(made("s", -1, 1, "2025-12-01"))});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FALSE(found[0].replica_only);
  ASSERT_EQ(found[0].replicas.size(), 1u);
  EXPECT_EQ(found[0].replicas[0].region, "westus2");
  EXPECT_TRUE(found[0].replicas[0].complete);
  const auto points = to_points(found, to_west());
  ASSERT_EQ(points.size(), 2u);
  EXPECT_TRUE(points[0].replica);
  EXPECT_TRUE(points[1].replicated);
  EXPECT_EQ(points[0].created, points[1].created);
}

TEST(BackupInfoTest, UnfinishedCopyIsNoReplicaYetAndHoldsItsSource) {
  const auto found =
      backups({made("s", -1, 1, "2025-12-01"), replica_of(made("s", -1, 1, "2025-12-01"), 40)});
  EXPECT_EQ(found[0].in_use, "being copied to westus2");
  EXPECT_EQ(found[0].replicas[0].percent, 40);
  const auto points = to_points(found, to_west());
  EXPECT_FALSE(points[1].replicated);
  EXPECT_FALSE(points[0].complete);
  EXPECT_EQ(points[0].in_use, "being copied");
}

TEST(BackupInfoTest, ReplicaInAnotherRegionThanTheTargetDoesNotCount) {
  BackupSchedule to_north;
  to_north.target_region = "northeurope";
  const auto found = backups({made("s", -1, 1, "2025-12-01"), replica_of(made("s", -1, 1, "2025-12-01"))});
  EXPECT_FALSE(to_points(found, to_north)[1].replicated);
}

TEST(BackupInfoTest, LostPrimaryLeavesTheReplica) {
  const auto found = backups({replica_of(made("s", -1, 1, "2025-12-01"))});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].replica_only);
  EXPECT_EQ(found[0].region, "westus2");
  EXPECT_EQ(found[0].created, at("2025-12-01"));
  ASSERT_EQ(to_points(found, to_west()).size(), 1u);
}

TEST(BackupInfoTest, VerificationIsTakenFromTheTags) {
  auto good = made("good", -1, 1, "2025-12-02"), bad = made("bad", -1, 1, "2025-12-01");
  good.tags[snapshot::kVerifiedTag] = "content 2025-12-02T10:30:00Z";
  bad.tags[snapshot::kVerifiedTag] = "failed 2025-12-02T10:30:00Z";
  const auto found = backups({good, bad});
  EXPECT_EQ(found[0].verified, Verified::passed);
  EXPECT_EQ(found[0].verified_level, "content");
  EXPECT_EQ(found[1].verified, Verified::failed);
  EXPECT_EQ(found[1].verified_level, "");
}

}  // namespace
}  // namespace azlin::backup
