#include "azlin/snapshot/snapshot_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/snapshot/sets.hpp"

namespace azlin::snapshot {
namespace {

using testing::HasSubstr;

SnapshotSet one(std::vector<azure::Snapshot> snapshots) {
  auto sets = group_sets(std::move(snapshots));
  if (sets.size() != 1) throw std::logic_error("expected one set");
  return std::move(sets.front());
}

TEST(SnapshotSetTest, MembersComeTogetherOsDiskFirst) {
  const auto set = one({made("s", 4, 3, "2025-12-01 08:00:02"), made("s", -1, 3, "2025-12-01 08:00:00"),
                        made("s", 0, 3, "2025-12-01 08:00:01")});
  EXPECT_TRUE(set.complete());
  EXPECT_EQ(set.members[0].lun, -1);
  EXPECT_EQ(set.members[1].lun, 0);
  EXPECT_EQ(set.members[2].lun, 4);
  EXPECT_EQ(set.created, at("2025-12-01 08:00:00"));
  EXPECT_EQ(set.spread(), core::Millis{2000});
  EXPECT_EQ(set.size_gb(), 96);
  EXPECT_EQ(set.vm_name, "web") << "from the key when there is no description";
}

TEST(SnapshotSetTest, SetsAreNewestFirstAndApart) {
  const auto sets = group_sets({made("a", -1, 1, "2025-12-01"), made("b", -1, 1, "2025-12-02"),
                                replica_of(made("a", -1, 1, "2025-12-01"))});
  ASSERT_EQ(sets.size(), 3u);
  EXPECT_EQ(sets[0].name, "b");
  EXPECT_NE(sets[1].replica(), sets[2].replica());
}

TEST(SnapshotSetTest, ForeignSnapshotsAreLeftOut) {
  auto foreign = made("a", -1, 1, "2025-12-01");
  foreign.tags.erase(kSetTag);
  auto odd = made("a", -1, 1, "2025-12-01");
  odd.tags[kLunTag] = "first";
  EXPECT_TRUE(group_sets({foreign, odd, azure::Snapshot{}}).empty());
}

TEST(SnapshotSetTest, IncompleteInEveryWayIsNotedAsSuch) {
  EXPECT_FALSE(one({made("s", -1, 2, "2025-12-01")}).complete()) << "a disk is missing";
  EXPECT_FALSE(one({made("s", 0, 2, "2025-12-01"), made("s", 1, 2, "2025-12-01")}).complete())
      << "no OS disk";
  auto failed = made("s", -1, 1, "2025-12-01");
  failed.provisioning_state = "Failed";
  EXPECT_FALSE(one({failed}).complete());
  EXPECT_THAT(one({failed}).failure(), HasSubstr("Failed"));
  EXPECT_FALSE(one({replica_of(made("s", -1, 1, "2025-12-01"), 99.5)}).complete());
  auto no_count = made("s", -1, 1, "2025-12-01");
  no_count.tags.erase(kDisksTag);
  EXPECT_FALSE(one({no_count}).complete());
}

TEST(SnapshotSetTest, ReplicaHasTheTimeOfItsSource) {
  const auto set = one({replica_of(made("s", -1, 1, "2025-12-01 08:00"))});
  EXPECT_TRUE(set.replica());
  EXPECT_EQ(set.created, at("2025-12-01 08:00"));
  EXPECT_EQ(set.location, "westus2");
}

TEST(SnapshotSetTest, VerifiedIsTheWeakestOfItsMembers) {
  auto os = made("s", -1, 2, "2025-12-01"), data = made("s", 0, 2, "2025-12-01");
  os.tags[kVerifiedTag] = "full 2025-12-02T10:00:00Z";
  EXPECT_EQ(one({os, data}).verified(), std::nullopt) << "one of two is not enough";
  data.tags[kVerifiedTag] = "disk 2025-12-03T10:00:00Z";
  ASSERT_TRUE(one({os, data}).verified());
  EXPECT_EQ(one({os, data}).verified()->level, "disk");
  EXPECT_EQ(one({os, data}).verified()->at, at("2025-12-02 10:00"));
  data.tags[kVerifiedTag] = "failed 2025-12-03T10:00:00Z";
  EXPECT_EQ(one({os, data}).verified()->level, "failed");
}

TEST(SnapshotSetTest, InUseByMarkSasOrCopy) {
  const auto now = at("2025-12-01 12:00");
  auto marked = made("s", -1, 1, "2025-12-01");
  EXPECT_EQ(one({marked}).in_use(now), "");
  marked.tags[kInUseTag] = "restore 2025-12-01T14:00:00Z";
  EXPECT_THAT(one({marked}).in_use(now), HasSubstr("restore"));
  EXPECT_EQ(one({marked}).in_use(at("2025-12-01 14:00")), "") << "a mark runs out by itself";
  marked.tags[kInUseTag] = "???";
  EXPECT_THAT(one({marked}).in_use(now), HasSubstr("cannot be read"));
  auto read = made("s", -1, 1, "2025-12-01");
  read.state = "ActiveSAS";
  EXPECT_NE(one({read}).in_use(now), "");
  EXPECT_EQ(one({replica_of(made("s", -1, 1, "2025-12-01"), 40)}).in_use(now), "being copied");
}

TEST(SnapshotSetTest, HoldOfOneMemberHoldsTheSet) {
  auto os = made("s", -1, 2, "2025-12-01"), data = made("s", 0, 2, "2025-12-01");
  data.tags["AZLIN:HOLD"] = "2025-12-01T00:00:00Z case 4711";
  EXPECT_EQ(one({os, data}).hold(), "2025-12-01T00:00:00Z case 4711");
}

}  // namespace
}  // namespace azlin::snapshot
