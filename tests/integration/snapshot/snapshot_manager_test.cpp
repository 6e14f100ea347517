#include "azlin/snapshot/manager.hpp"

#include <gmock/gmock.h>

#include "azlin/snapshot/lease.hpp"
#include "azlin/snapshot/vm_command.hpp"
#include "support/cloud_fixture.hpp"

namespace azlin::snapshot {
namespace {

using core::Error;
using core::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SnapshotManagerTest : public test::CloudTest {
 protected:
  SnapshotManager snapshots{arm, journal, clock};
};

TEST_F(SnapshotManagerTest, SetHasOneIncrementalSnapshotOfEachDisk) {
  const auto set = snapshots.create(vm(), {});
  EXPECT_EQ(set.name, "web-snapshot-20251201-0800");
  EXPECT_TRUE(set.complete());
  EXPECT_EQ(set.size_gb(), 32 + 8 + 16);
  EXPECT_THAT(snapshot_names(), ElementsAre("web-snapshot-20251201-0800", "web-snapshot-20251201-0800-lun0",
                                            "web-snapshot-20251201-0800-lun2"));
  for (const auto& member : set.members) EXPECT_TRUE(member.snapshot.incremental) << member.snapshot.name;
  ASSERT_EQ(set.members.size(), 3u);
  EXPECT_EQ(set.members[2].lun, 2);
  EXPECT_EQ(journal.list(1).at(0).state, "succeeded");
}

TEST_F(SnapshotManagerTest, SetTellsWhatTheVmWas) {
  snapshots.create(vm(), {});
  const auto sets = snapshots.list(vm(), {});
  ASSERT_EQ(sets.size(), 1u);
  const auto spec = sets[0].vm();
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->name, "web");
  EXPECT_EQ(spec->location, "eastus");
  EXPECT_EQ(spec->size, "Standard_D2s_v5");
  EXPECT_EQ(spec->zone, "1");
  EXPECT_EQ(spec->generation, "V2");
  EXPECT_EQ(spec->security_type, "TrustedLaunch");
  EXPECT_TRUE(spec->secure_boot);
  ASSERT_EQ(spec->nics.size(), 1u);
  EXPECT_THAT(spec->nics[0].subnet, HasSubstr("/default"));
  EXPECT_EQ(spec->tags, (azure::Tags{{"env", "prod"}})) << "the lease is not part of what the VM was";
  const auto disk = disk_spec(sets[0].members[1].snapshot.tags);
  ASSERT_TRUE(disk);
  EXPECT_EQ(disk->name, "web_DataDisk_0");
  EXPECT_EQ(disk->caching, "ReadOnly");
  EXPECT_EQ(disk->size_gb, 8);
}

TEST_F(SnapshotManagerTest, OnlyTheVmsOwnSetsAreListed) {
  for (const char* name : {"web", "web2", "my-web"}) snapshots.create(vm(name), {});
  const auto sets = snapshots.list(vm("web"), {});
  ASSERT_EQ(sets.size(), 1u);
  EXPECT_EQ(sets[0].vm_name, "web");
  EXPECT_EQ(snapshots.list_all(vm().subscription, {}).size(), 3u);
}

TEST_F(SnapshotManagerTest, ListAsksOnlyForWhatIsTheVms) {
  for (const char* name : {"web", "web2", "my-web"}) snapshots.create(vm(name), {});
  const auto before = simulator.requests("GET").size();
  snapshots.list(vm("web2"), {});
  EXPECT_EQ(simulator.requests("GET").size() - before, 2u) << "the index and the one snapshot";
}

TEST_F(SnapshotManagerTest, TakenNameGetsASuffix) {
  const auto first = snapshots.create(vm("web2"), {});
  const auto second = snapshots.create(vm("web2"), {});
  EXPECT_EQ(second.name, first.name + "-2");
  EXPECT_EQ(snapshots.list(vm("web2"), {}).size(), 2u);
}

TEST_F(SnapshotManagerTest, FailedMemberUndoesTheWholeSet) {
  simulator.add_fault(
      {{"method", "PUT"}, {"path", "*-lun2*"}, {"status", 409}, {"code", "OperationNotAllowed"}});
  const Error error = error_of([&] { snapshots.create(vm(), {}); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), HasSubstr("OperationNotAllowed"));
  EXPECT_THAT(snapshot_names(), IsEmpty());
  EXPECT_EQ(journal.list(1).at(0).state, "rolled_back");
  EXPECT_FALSE(vm_tags().contains("azlin:lease"));
}

TEST_F(SnapshotManagerTest, FailedOperationUndoesTheWholeSet) {
  simulator.add_fault({{"method", "PUT"},
                       {"path", "*-lun0*"},
                       {"operationCode", "InternalError"},
                       {"operationMessage", "broken"}});
  EXPECT_THAT(error_of([&] { snapshots.create(vm(), {}); }).what(), HasSubstr("broken"));
  EXPECT_THAT(snapshot_names(), IsEmpty());
}

TEST_F(SnapshotManagerTest, LostReplyDoesNotLoseTheSet) {
  simulator.add_fault({{"method", "PUT"}, {"path", "*/snapshots/*"}, {"drop", "after"}, {"count", 2}});
  EXPECT_TRUE(snapshots.create(vm(), {}).complete());
  EXPECT_EQ(snapshot_names().size(), 3u);
}

// The service's reply to the create is the proof: a list that lags is never asked to confirm it.
TEST_F(SnapshotManagerTest, ReplyOfTheCreateIsTrusted) {
  simulator.add_fault(
      {{"method", "GET"}, {"path", "*/resources?*"}, {"status", 400}, {"code", "Late"}, {"skip", 1}});
  EXPECT_TRUE(snapshots.create(vm(), {}).complete());
  EXPECT_EQ(count("GET", "/resources"), 1u) << "before the set, for Azure's limits";
}

TEST_F(SnapshotManagerTest, WhatCouldNotBeUndoneIsSettledByTheNextCommand) {
  simulator.add_fault({{"method", "PUT"}, {"path", "*-lun2*"}, {"status", 409}, {"code", "X"}, {"count", 1}});
  const auto no_delete =
      simulator.add_fault({{"method", "DELETE"}, {"status", 403}, {"code", "AuthorizationFailed"}});
  error_of([&] { snapshots.create(vm(), {}); });
  EXPECT_EQ(snapshot_names().size(), 2u);
  EXPECT_EQ(journal.list(1).at(0).state, "interrupted");
  EXPECT_EQ(journal.interrupted().size(), 1u);

  simulator.admin("DELETE", "faults/" + std::to_string(no_delete));
  clock.advance(std::chrono::minutes{1});
  const auto set = snapshots.create(vm(), {});
  EXPECT_EQ(set.name, "web-snapshot-20251201-0801");
  EXPECT_EQ(snapshot_names().size(), 3u);
  EXPECT_TRUE(journal.interrupted().empty());
}

TEST_F(SnapshotManagerTest, WholeSetOfADeadCommandStays) {
  {
    VmCommand command(arm, journal, clock, "snapshot.create", vm("web2"), "{}", {});
    snapshots.take({azure::get_vm(arm, vm("web2").id(), true), "snapshot", {}, {}}, command.operation(), {});
    command.operation().interrupt("killed before it could say so");
  }
  const auto record = journal.interrupted().at(0);
  auto operation = journal.resume(record.id);
  EXPECT_THAT(snapshots.recover(record, operation, {}), ElementsAre(HasSubstr("is complete and stays")));
  operation.recovered("");
  EXPECT_EQ(snapshot_names().size(), 1u);
}

TEST_F(SnapshotManagerTest, VmWithoutManagedOsDiskIsRefused) {
  auto machine = azure::get_vm(arm, vm().id(), false);
  machine.os_disk.disk_id.clear();
  EXPECT_THAT(error_of([&] {
                snapshots.plan_take({machine, "snapshot", {}, {}}, {});
              }).what(),
              HasSubstr("VM web has no managed OS disk"));
}

TEST_F(SnapshotManagerTest, UnmanagedDataDiskIsLeftOutAndNamed) {
  auto machine = azure::get_vm(arm, vm().id(), false);
  machine.data_disks[0].disk_id.clear();
  const auto plan = snapshots.plan_take({machine, "snapshot", {}, {}}, {});
  EXPECT_EQ(plan.snapshots.size(), 2u);
  EXPECT_THAT(plan.skipped, ElementsAre(HasSubstr("LUN 0")));
  EXPECT_THAT(snapshot_names(), IsEmpty()) << "a plan changes nothing";
}

TEST_F(SnapshotManagerTest, EighthSnapshotInFiveMinutesIsRefusedWithTheRule) {
  for (int i = 0; i < 7; ++i) snapshots.create(vm("web2"), {});
  const Error error = error_of([&] { snapshots.create(vm("web2"), {}); });
  EXPECT_THAT(error.hint(), HasSubstr("7 incremental snapshots"));
  EXPECT_EQ(snapshot_names().size(), 7u);
  clock.advance(std::chrono::minutes{6});
  EXPECT_NO_THROW(snapshots.create(vm("web2"), {}));
}

TEST_F(SnapshotManagerTest, WrongClockOfThisMachineRefusesNoSnapshot) {
  for (int i = 0; i < 7; ++i) snapshots.create(vm("web2"), {});
  clock.advance(std::chrono::minutes{6});
  clock.set_local("2025-11-30 08:00");  // a day behind: all seven are from the future
  EXPECT_NO_THROW(snapshots.create(vm("web2"), {}));
}

TEST_F(SnapshotManagerTest, RemoveLooksAgainBeforeItDeletes) {
  const auto set = snapshots.create(vm(), {});
  snapshots.tag(set, {{kHoldTag, "2025-12-01T08:00:00Z case 4711"}}, {});  // after the set was read
  auto operation = journal.start("snapshot.delete", vm().id(), "{}", "");
  const auto removals = snapshots.remove(set, operation, {});
  for (const auto& removal : removals) EXPECT_THAT(removal.error, HasSubstr("case 4711"));
  EXPECT_EQ(snapshot_names().size(), 3u);
  snapshots.untag(set, {kHoldTag}, {});
  for (const auto& removal : snapshots.remove(set, operation, {})) EXPECT_EQ(removal.error, "");
  EXPECT_THAT(snapshot_names(), IsEmpty());
}

TEST_F(SnapshotManagerTest, OsDisksSnapshotGoesLast) {
  const auto set = snapshots.create(vm(), {});
  simulator.add_fault({{"method", "DELETE"}, {"path", "*-lun0*"}, {"status", 409}, {"code", "Conflict"}});
  auto operation = journal.start("snapshot.delete", vm().id(), "{}", "");
  snapshots.remove(set, operation, {});
  EXPECT_THAT(snapshot_names(), ElementsAre(set.name, set.name + "-lun0"));
}

TEST_F(SnapshotManagerTest, PlainRemovalRefusesBackupsAndUnknownNames) {
  snapshots.create(vm("web2"), {});
  EXPECT_EQ(error_of([&] { snapshots.remove_plain(vm("web2"), "nothing", {}); }).kind(),
            ErrorKind::not_found);
  VmCommand command(arm, journal, clock, "backup.trigger", vm("web2"), "{}", {});
  snapshots.take({azure::get_vm(arm, vm("web2").id(), true), "backup-daily", "daily", {}},
                 command.operation(), {});
  command.operation().succeed();
  EXPECT_THAT(error_of([&] { snapshots.remove_plain(vm("web2"), "web2-backup", {}); }).what(),
              HasSubstr("is a backup"));
}

TEST_F(SnapshotManagerTest, SyncTakesWhenDueAndKeepsTheNewestN) {
  snapshots.enable(vm("web2"), 6, 2, {});
  for (int hours = 0; hours < 30; hours += 2) {
    const bool due = hours % 6 == 0;
    const auto result = snapshots.sync(vm("web2"), {});
    EXPECT_EQ(result.due, due) << hours;
    EXPECT_THAT(result.warnings, IsEmpty());
    clock.advance(std::chrono::hours{2});
  }
  EXPECT_THAT(snapshot_names(), ElementsAre("web2-snapshot-20251202-0200", "web2-snapshot-20251202-0800"));
  EXPECT_EQ(snapshots.status(vm("web2"), {}).next, core::parse_time("2025-12-02 14:00"));
}

TEST_F(SnapshotManagerTest, SyncPassesOverHeldOnes) {
  snapshots.enable(vm("web2"), 1, 1, {});
  const auto first = snapshots.sync(vm("web2"), {});
  snapshots.tag(*first.taken, {{kHoldTag, "2025-12-01T08:00:00Z why"}}, {});
  for (int i = 0; i < 2; ++i) {
    clock.advance(std::chrono::hours{1});
    snapshots.sync(vm("web2"), {});
  }
  EXPECT_THAT(snapshot_names(), ElementsAre("web2-snapshot-20251201-0800", "web2-snapshot-20251201-1000"));
}

TEST_F(SnapshotManagerTest, DisabledOrUnreadableScheduleTakesNothing) {
  EXPECT_EQ(error_of([&] { snapshots.sync(vm("web2"), {}); }).kind(), ErrorKind::failed);
  EXPECT_EQ(error_of([&] { snapshots.disable(vm("web2"), {}); }).kind(), ErrorKind::not_found);
  snapshots.enable(vm("web2"), 1, 1, {});
  snapshots.disable(vm("web2"), {});
  EXPECT_THROW(snapshots.sync(vm("web2"), {}), Error);
  set_vm_tag(kSnapshotScheduleTag, "{", "web2");
  EXPECT_THAT(error_of([&] { snapshots.sync(vm("web2"), {}); }).what(), HasSubstr(kSnapshotScheduleTag));
  EXPECT_THROW(snapshots.enable(vm("web2"), 0, 1, {}), Error);
  EXPECT_THAT(snapshot_names(), IsEmpty());
}

class LeaseTest : public test::CloudTest {
 protected:
  core::TimePoint soon() { return clock.now() + std::chrono::minutes{30}; }
};

TEST_F(LeaseTest, IsOnTheVmWhileHeldAndLeavesOtherTagsAlone) {
  {
    VmLease lease(arm, vm().id(), "backup.trigger", "host:1", soon(), {});
    EXPECT_TRUE(vm_tags().contains(kLeaseTag));
    EXPECT_EQ(vm_tags()["env"], "prod");
  }
  EXPECT_FALSE(vm_tags().contains(kLeaseTag));
  EXPECT_EQ(vm_tags()["env"], "prod");
}

TEST_F(LeaseTest, AnotherMachineIsTold) {
  VmLease lease(arm, vm().id(), "backup.trigger", "host:1", soon(), {});
  const Error error = error_of([&] { VmLease(arm, vm().id(), "backup.restore", "host:2", soon(), {}); });
  EXPECT_EQ(error.kind(), ErrorKind::busy);
  EXPECT_THAT(error.what(), HasSubstr("backup.trigger by host:1"));
  EXPECT_TRUE(vm_tags().contains(kLeaseTag));
}

TEST_F(LeaseTest, RunsOutByItself) {
  VmLease first(arm, vm().id(), "backup.trigger", "host:1", soon(), {});
  clock.advance(std::chrono::minutes{31});
  VmLease second(arm, vm().id(), "backup.trigger", "host:2", soon(), {});
  first.release();
  EXPECT_TRUE(vm_tags().contains(kLeaseTag)) << "the first gives back only what was its own";
}

TEST_F(LeaseTest, LostRaceIsSeen) {
  // The other machine writes between our read and our write: the service answers 412, and the second look
  // finds it.
  simulator.add_fault({{"method", "PATCH"},
                       {"path", "*/virtualMachines/web?*"},
                       {"status", 412},
                       {"count", 1},
                       {"code", "ConditionNotMet"}});
  VmLease lease(arm, vm().id(), "backup.trigger", "host:1", soon(), {});
  const auto patches = simulator.requests("PATCH");
  EXPECT_EQ(std::count(patches.begin(), patches.end(), vm().id()), 2);
}

TEST_F(LeaseTest, LostReplyOfItsWriteIsNoFailure) {
  simulator.add_fault(
      {{"method", "PATCH"}, {"path", "*/virtualMachines/web?*"}, {"drop", "after"}, {"count", 1}});
  {
    VmLease lease(arm, vm().id(), "backup.trigger", "host:1", soon(), {});
    EXPECT_TRUE(vm_tags().contains(kLeaseTag));
  }
  EXPECT_FALSE(vm_tags().contains(kLeaseTag));
}

TEST_F(LeaseTest, IsGivenBackWhenTheLookAfterALostReplyFails) {
  const std::string path = "*/virtualMachines/web?*";
  simulator.add_fault({{"method", "PATCH"}, {"path", path}, {"drop", "after"}, {"count", 1}});
  simulator.add_fault({{"method", "GET"},
                       {"path", path},
                       {"skip", 1},
                       {"status", 403},
                       {"count", 1},
                       {"code", "AuthorizationFailed"}});
  const Error error = error_of([&] { VmLease(arm, vm().id(), "backup.trigger", "host:1", soon(), {}); });
  EXPECT_EQ(error.kind(), ErrorKind::unauthorized) << error.what();
  EXPECT_FALSE(vm_tags().contains(kLeaseTag));
  EXPECT_EQ(vm_tags()["env"], "prod");
}

TEST_F(LeaseTest, OfAnotherThatWonTheRaceStays) {
  const std::string theirs = to_tag(LeaseInfo{"op", "backup.trigger", "host:1", clock.now()});
  set_vm_tag(kLeaseTag, theirs);  // it has run out
  simulator.add_fault({{"method", "PATCH"},
                       {"path", "*/virtualMachines/web?*"},
                       {"status", 412},
                       {"count", 5},
                       {"code", "ConditionNotMet"}});
  const Error error = error_of([&] { VmLease(arm, vm().id(), "backup.trigger", "host:2", soon(), {}); });
  EXPECT_EQ(error.kind(), ErrorKind::busy);
  EXPECT_EQ(vm_tags()[kLeaseTag], theirs);
}

TEST_F(LeaseTest, IsGivenBackAlthoughAnotherWriteIsInTheWay) {
  VmLease lease(arm, vm().id(), "backup.trigger", "host:1", soon(), {});
  simulator.add_fault({{"method", "PATCH"},
                       {"path", "*/virtualMachines/web/*tags/default*"},
                       {"status", 409},
                       {"count", 2},
                       {"code", "Conflict"}});
  lease.release();
  EXPECT_FALSE(vm_tags().contains(kLeaseTag));
}

TEST_F(LeaseTest, UnreadableLeaseIsNotTaken) {
  set_vm_tag(kLeaseTag, "mine");
  EXPECT_EQ(error_of([&] { VmLease(arm, vm().id(), "backup.trigger", "host:1", soon(), {}); }).kind(),
            ErrorKind::busy);
}

TEST_F(LeaseTest, ComesBackFromItsTag) {
  const LeaseInfo lease{"guid", "backup.trigger", "host:1", soon()};
  EXPECT_LE(to_tag(lease).size(), kLongestTagValue);
  const auto back = parse_lease(to_tag(lease));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->by, "host:1");
  EXPECT_EQ(back->until, soon());
  EXPECT_FALSE(parse_lease("{\"v\":1}"));
  EXPECT_FALSE(parse_lease("x"));
}

}  // namespace
}  // namespace azlin::snapshot
