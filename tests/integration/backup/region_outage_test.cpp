// A region that does not answer: the rest is listed and usable, nothing is deleted.
#include <gmock/gmock.h>

#include "azlin/backup/manager.hpp"
#include "support/cloud_fixture.hpp"

namespace azlin::backup {
namespace {

using core::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class RegionOutageTest : public test::CloudTest {
 protected:
  // Three backups of `web2`: a monthly with a replica in westus2, a daily that has expired, a daily.
  RegionOutageTest() {
    backups.configure(backups.plan_configure(vm("web2"), {.daily = 1}, false, {}), {});
    first = backups.trigger(vm("web2"), {.cleanup = false}, {}).backup.name;
    replicate(first);
    clock.advance(std::chrono::hours{1});
    second = backups.trigger(vm("web2"), {.cleanup = false}, {}).backup.name;
    clock.advance(std::chrono::hours{48});
    third = backups.trigger(vm("web2"), {.cleanup = false}, {}).backup.name;
    clock.advance(std::chrono::hours{1});
  }
  // As replication makes it.
  void replicate(const std::string& name) {
    const auto source = backups.find(vm("web2"), name, {}).set.members.at(0).snapshot;
    azure::NewSnapshot copy;
    copy.id = snapshot_path(source.name + "-westus2");
    copy.location = "westus2";
    copy.source_id = source.id;
    copy.copy_start = true;
    copy.tags = source.tags;
    copy.tags[snapshot::kReplicaOfTag] = "eastus/production/" + source.name;
    copy.tags[snapshot::kTimeTag] = core::to_iso8601(source.created_at);
    azure::create_snapshot(arm, copy);
  }
  void region(const std::string& name, bool down) {
    simulator.admin("POST", "faults", {{"region", name}, {"down", down}});
  }

  BackupManager backups{arm, journal, clock, journal_path};
  std::string first, second, third;
};

TEST_F(RegionOutageTest, ReplicaIsListedAndFoundWhileTheSourceRegionIsDown) {
  region("eastus", true);
  const auto listing = backups.look(vm("web2"), {});
  ASSERT_THAT(listing.backups, SizeIs(1));
  const auto& replica = listing.backups.front();
  EXPECT_EQ(replica.name, first);
  EXPECT_EQ(replica.region, "westus2");
  EXPECT_TRUE(replica.complete);
  EXPECT_TRUE(replica.primary_unreadable) << "its primary is not known to be gone";
  EXPECT_THAT(replica.unreadable_in, ElementsAre("eastus"));
  std::vector<std::string> missing;
  for (const auto& set : listing.unreadable) {
    missing.push_back(set.name);
    EXPECT_EQ(set.region, "eastus");
    EXPECT_EQ(set.tier, set.name == first ? "monthly" : "daily");
    EXPECT_FALSE(set.replica);
    EXPECT_THAT(set.error, HasSubstr("503"));
  }
  EXPECT_THAT(missing, UnorderedElementsAre(first, second, third));
  EXPECT_EQ(backups.find(vm("web2"), first, {}).region, "westus2");
  const auto error = error_of([&] { backups.find(vm("web2"), second, {}); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), HasSubstr("region eastus does not answer"));
  EXPECT_EQ(backups.snapshots().vm_of_set(vm("web2").subscription, first, {}), vm("web2").key());
}

TEST_F(RegionOutageTest, RegionProvedDownIsNotAskedForEachOfItsSnapshots) {
  for (int i = 0; i < 30; ++i) {
    clock.advance(std::chrono::hours{1});
    backups.trigger(vm("web2"), {.cleanup = false}, {});
  }
  region("eastus", true);
  const auto asked = [&] { return count("GET", "/snapshots/web2"); };
  const auto before = asked();
  EXPECT_THAT(backups.look(vm("web2"), {}).unreadable, SizeIs(33));
  EXPECT_LE(asked() - before, 16u * 4u + 1u) << "those under way, and the replica";
  const auto known = asked();
  EXPECT_THAT(backups.look(vm("web2"), {}).unreadable, SizeIs(33));
  EXPECT_EQ(asked() - known, 1u) << "the replica alone";
  region("eastus", false);
  clock.advance(std::chrono::minutes{2});
  EXPECT_THAT(backups.look(vm("web2"), {}).backups, SizeIs(33)) << "a region comes back";
}

TEST_F(RegionOutageTest, NothingIsDeletedWhileAReplicaRegionIsDown) {
  region("westus2", true);
  const auto before = snapshot_names();
  for (const bool confirmed : {false, true}) {
    const auto error = error_of([&] { backups.cleanup(vm("web2"), confirmed, {}); });
    EXPECT_EQ(error.kind(), ErrorKind::failed);
    EXPECT_THAT(error.what(), HasSubstr("region westus2 does not answer"));
  }
  EXPECT_EQ(error_of([&] { backups.plan_cleanup(vm("web2"), {}); }).kind(), ErrorKind::failed);
  EXPECT_EQ(error_of([&] { backups.remove(vm("web2"), second, {}, true, {}); }).kind(), ErrorKind::failed);
  EXPECT_EQ(error_of([&] { backups.hold(vm("web2"), first, "case 7", {}); }).kind(), ErrorKind::failed);
  EXPECT_EQ(snapshot_names(), before);
  region("westus2", false);
  clock.advance(std::chrono::minutes{2});
  EXPECT_THAT(backups.cleanup(vm("web2"), true, {}).deleted, SizeIs(1)) << "it was due all the time";
}

TEST_F(RegionOutageTest, BackupIsMadeWhileAReplicaRegionIsDownAndSaysWhatItLeft) {
  region("westus2", true);
  const auto before = snapshot_names().size();
  const auto result = backups.trigger(vm("web2"), {}, {});
  EXPECT_TRUE(result.backup.complete);
  EXPECT_EQ(result.backup.tier, Tier::daily) << "the weekly and the monthly of this period are there";
  EXPECT_FALSE(result.cleanup);
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("region westus2 does not answer")));
  EXPECT_EQ(snapshot_names().size(), before + 1);
  EXPECT_FALSE(backups.is_due(vm("web2"), {}));
}

// Were the tier chosen on what is left, a monthly would be made again.
TEST_F(RegionOutageTest, NoLongerTierIsChosenWhilePrimariesCannotBeRead) {
  simulator.add_fault({{"method", "GET"}, {"path", "*/snapshots/" + first + "*"}, {"status", 503}});
  EXPECT_EQ(backups.plan_trigger(vm("web2"), {}, {}).tier, Tier::daily);
  EXPECT_EQ(error_of([&] { backups.is_due(vm("web2"), {}); }).kind(), ErrorKind::failed);
  EXPECT_EQ(error_of([&] { backups.forecast(vm("web2"), clock.now(), {}); }).kind(), ErrorKind::failed);
}

TEST_F(RegionOutageTest, RefusedReadIsNoOutage) {
  simulator.add_fault({{"method", "GET"},
                       {"path", "*/snapshots/" + first + "*"},
                       {"status", 403},
                       {"code", "AuthorizationFailed"}});
  EXPECT_EQ(error_of([&] { backups.look(vm("web2"), {}); }).kind(), ErrorKind::unauthorized);
}

TEST_F(RegionOutageTest, PlainSnapshotsGoOnWhileAReplicaRegionIsDown) {
  backups.snapshots().enable(vm("web2"), 1, 1, {});
  backups.snapshots().sync(vm("web2"), {});
  clock.advance(std::chrono::hours{2});
  region("westus2", true);
  const auto before = snapshot_names().size();
  const auto result = backups.snapshots().sync(vm("web2"), {});
  EXPECT_TRUE(result.taken);
  EXPECT_THAT(result.removed, IsEmpty());
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("nothing was deleted")));
  EXPECT_EQ(snapshot_names().size(), before + 1);
}

}  // namespace
}  // namespace azlin::backup
