#include "azlin/verification/manager.hpp"

#include <gmock/gmock.h>

#include "azlin/core/parallel.hpp"
#include "azlin/store/database.hpp"
#include "support/cloud_fixture.hpp"

namespace azlin::verification {
namespace {

using core::ErrorKind;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint64_t kMiB = 1U << 20;
constexpr std::uint64_t kExt4 = 65 * kMiB;  // the second partition of a seeded OS disk

// The rows as the first schema had them.
void strip_of_group_and_region(const std::string& path) {
  store::Database(path, store::Migrations(2))
      .execute("UPDATE verifications SET resource_group = '', region = ''");
}

class VerificationManagerTest : public test::CloudTest {
 protected:
  VerificationManagerTest() {
    for (const auto* name : {"web", "web2"})
      backups.configure(backups.plan_configure(vm(name), {}, false, {}), {});
  }
  backup::BackupInfo take(const std::string& name = "web2") {
    return backups.trigger(vm(name), {}, {}).backup;
  }
  backup::BackupInfo look(const std::string& backup, const std::string& name = "web2") {
    return backups.find(vm(name), backup, {});
  }
  Verification verify(const backup::BackupInfo& backup, Level level = Level::content,
                      const std::string& name = "web2") {
    VerifyOptions options;
    options.level = level;
    options.readers = 2;
    return verifications.verify(vm(name), backup.set, options, {});
  }
  // What goes bad on its own.
  void spoil(const std::string& resource, std::uint64_t offset, std::uint64_t length = 512) {
    simulator.admin("POST", "disk-writes",
                    {{"resource", resource}, {"offset", offset}, {"length", length}, {"fill", "x"}});
  }
  std::string tag(const std::string& snapshot_id, const char* name) {
    const auto tags = azure::get_tags(arm, snapshot_id);
    const auto found = tags.find(name);
    return found == tags.end() ? "" : found->second;
  }
  std::vector<std::string> test_disks() {
    std::vector<std::string> names;
    for (const auto& disk : azure::list_disks(arm, vm().subscription, {})) {
      if (disk.name.rfind("azlin-verify-", 0) == 0) names.push_back(disk.name);
    }
    return names;
  }
  void expect_nothing_left(const backup::BackupInfo& backup) {
    EXPECT_THAT(test_disks(), IsEmpty());
    for (const auto& member : backup.set.members) {
      EXPECT_EQ(azure::find_snapshot(arm, member.snapshot.id)->state, "Unattached") << "access is revoked";
      EXPECT_EQ(tag(member.snapshot.id, snapshot::kInUseTag), "");
    }
  }
  backup::ReplicaInfo replicate(const backup::BackupInfo& info) {
    const auto& source = info.set.members.at(0).snapshot;
    azure::NewSnapshot copy;
    copy.id = snapshot_path(source.name + "-westus2");
    copy.location = "westus2";
    copy.source_id = source.id;
    copy.copy_start = true;
    copy.os_type = source.os_type;
    copy.generation = source.generation;
    copy.tags = source.tags;
    copy.tags[snapshot::kReplicaOfTag] = "eastus/production/" + source.name;
    copy.tags[snapshot::kTimeTag] = core::to_iso8601(source.created_at);
    azure::create_snapshot(arm, copy);
    clock.advance(std::chrono::hours{12});
    return look(info.name).replicas.at(0);
  }

  backup::BackupManager backups{arm, journal, clock, journal_path};
  VerificationManager verifications{arm, journal, clock, simulator.state_dir() + "/home/verification.db"};
};

TEST_F(VerificationManagerTest, ASoundBackupOfAllDisksPassesAtEachLevel) {
  const auto backup = take("web");
  for (const auto level : {Level::disk, Level::content, Level::full}) {
    const auto run = verify(backup, level, "web");
    EXPECT_EQ(run.outcome, Outcome::passed) << run.error;
    EXPECT_EQ(run.reached, level);
    EXPECT_EQ(run.size_gb, 32 + 8 + 16);
    EXPECT_TRUE(run.test_disk_created && run.test_disk_deleted && run.size_matches == true);
    EXPECT_EQ(run.readable.has_value(), level != Level::disk) << "nothing is claimed that was not read";
    for (const auto& member : backup.set.members)
      EXPECT_THAT(tag(member.snapshot.id, snapshot::kVerifiedTag), HasSubstr(to_string(level)));
    expect_nothing_left(backup);
  }
  EXPECT_EQ(look(backup.name, "web").verified, backup::Verified::passed);
  EXPECT_EQ(verifications.history(7, "web").size(), 3u);
  EXPECT_THAT(verifications.history(7, "web2"), IsEmpty());
}

TEST_F(VerificationManagerTest, ADamagedPartitionTableIsFoundByContent) {
  const auto backup = take();
  spoil(backup.set.members.at(0).snapshot.id, 512);
  EXPECT_EQ(verify(backup, Level::disk).outcome, Outcome::passed) << "this level does not promise it";
  const auto run = verify(backup);
  EXPECT_EQ(run.outcome, Outcome::failed);
  EXPECT_THAT(run.error, HasSubstr("byte 512"));
  EXPECT_THAT(run.action, HasSubstr("Recreate backup"));
  EXPECT_THAT(tag(backup.set.members.at(0).snapshot.id, snapshot::kVerifiedTag), HasSubstr("failed "));
  EXPECT_EQ(look(backup.name).verified, backup::Verified::failed);
  expect_nothing_left(backup);
}

TEST_F(VerificationManagerTest, ADamagedSuperblockIsFoundByContent) {
  const auto backup = take();
  for (const std::uint64_t half : {512, 0}) {  // the second holds the checksum, the first the magic number
    spoil(backup.set.members.at(0).snapshot.id, kExt4 + 1024 + half);
    const auto run = verify(backup);
    EXPECT_EQ(run.outcome, Outcome::failed) << half;
    EXPECT_THAT(run.error, HasSubstr("partition 2")) << half;
  }
  expect_nothing_left(backup);
}

TEST_F(VerificationManagerTest, ContentsThatAreNotRecognisedAreNotCalledChecked) {
  const auto backup = take("web");
  spoil(backup.set.members.at(1).snapshot.id, 0, 4096);
  const auto run = verify(backup, Level::content, "web");
  EXPECT_EQ(run.outcome, Outcome::passed) << run.error;
  EXPECT_EQ(run.reached, Level::disk) << "the lowest of its disks";
  EXPECT_EQ(run.disks.at(0).reached, Level::content);
  EXPECT_THAT(run.disks.at(1).not_checked, Contains(HasSubstr("not recognised")));
}

TEST_F(VerificationManagerTest, ABlockInTheMiddleIsNamedByTheSecondFullRead) {
  const auto backup = take();
  const auto& id = backup.set.members.at(0).snapshot.id;
  ASSERT_EQ(verify(backup, Level::full).reached, Level::full);
  spoil(id, 1024 * kMiB + 4096);
  EXPECT_EQ(verify(backup).outcome, Outcome::passed) << "content does not promise it";
  const auto run = verify(backup, Level::full);
  EXPECT_EQ(run.outcome, Outcome::failed);
  EXPECT_THAT(run.error, HasSubstr("1 block of 4 MiB differs"));
  EXPECT_THAT(run.error, HasSubstr("at byte 1073741824"));
  EXPECT_EQ(verify(backup, Level::full).outcome, Outcome::failed) << "what was kept first stays the measure";
  const auto lesser = verify(backup);
  EXPECT_EQ(lesser.outcome, Outcome::failed) << "content does not look there, so it is verified in full";
  EXPECT_EQ(lesser.asked, Level::full);
  EXPECT_EQ(look(backup.name).verified, backup::Verified::failed);
}

TEST_F(VerificationManagerTest, AFailureThatWasNoneIsTakenBackAtItsLevel) {
  const auto backup = take();
  ASSERT_EQ(verify(backup, Level::full).reached, Level::full);
  const auto& id = backup.set.members.at(0).snapshot.id;
  azure::merge_tags(arm, id, {{snapshot::kVerifiedTag, "failed 2025-12-01T08:00:00Z"}});  // another machine
  const auto run = verify(backup, Level::disk);
  EXPECT_EQ(run.asked, Level::content);
  EXPECT_EQ(run.outcome, Outcome::passed) << run.error;
  EXPECT_EQ(look(backup.name).verified, backup::Verified::passed);
}

TEST_F(VerificationManagerTest, AReplicaIsComparedWithItsSource) {
  const auto backup = take();
  ASSERT_EQ(verify(backup, Level::full).reached, Level::full);
  const auto replica = replicate(backup);
  VerifyOptions options;
  options.level = Level::full;
  const auto sound = verifications.verify(vm("web2"), replica.set, options, {});
  EXPECT_EQ(sound.outcome, Outcome::passed) << sound.error;
  EXPECT_TRUE(sound.replica);
  EXPECT_EQ(sound.region, "westus2");
  EXPECT_THAT(sound.disks.at(0).checked, Contains(HasSubstr("equals its source")));
  spoil(replica.set.members.at(0).snapshot.id, 2048 * kMiB);
  const auto bad = verifications.verify(vm("web2"), replica.set, options, {});
  EXPECT_EQ(bad.outcome, Outcome::failed);
  EXPECT_THAT(bad.error, HasSubstr("at byte 2147483648"));
  EXPECT_THAT(bad.action, HasSubstr("Replicate it again"));
  EXPECT_EQ(look(backup.name).verified, backup::Verified::passed) << "the source is as good as it was";
}

TEST_F(VerificationManagerTest, AReplicaWhoseSourceWasNotHashedSaysSo) {
  const auto backup = take();
  const auto replica = replicate(backup);
  VerifyOptions options;
  options.level = Level::full;
  const auto run = verifications.verify(vm("web2"), replica.set, options, {});
  EXPECT_THAT(run.disks.at(0).not_checked, Contains(HasSubstr("equality with its source")));
}

TEST_F(VerificationManagerTest, TheNextSnapshotIsReadWhereItChangedOnly) {
  const auto first = take();
  const auto full = verify(first, Level::full);
  const auto machine = azure::get_vm(arm, vm("web2").id(), false);
  spoil(machine.os_disk.disk_id, 3072 * kMiB, 4 * kMiB);
  clock.advance(std::chrono::hours{24});
  const auto second = take();
  const auto changed = verify(second, Level::full);
  EXPECT_EQ(changed.outcome, Outcome::passed) << changed.error;
  EXPECT_THAT(changed.disks.at(0).checked, Contains(HasSubstr("that changed since " + first.name)));
  EXPECT_NE(changed.disks.at(0).root, full.disks.at(0).root);
  VerificationManager elsewhere(arm, journal, clock, simulator.state_dir() + "/other.db");
  VerifyOptions options;
  options.level = Level::full;
  EXPECT_EQ(elsewhere.verify(vm("web2"), second.set, options, {}).disks.at(0).root, changed.disks.at(0).root)
      << "as if all had been read";
  expect_nothing_left(first);
  expect_nothing_left(second);
}

TEST_F(VerificationManagerTest, TheSizeIsComparedWithWhatWasRecorded) {
  const auto backup = take();
  auto spec = *snapshot::disk_spec(backup.set.members.at(0).snapshot.tags);
  spec.size_gb = 64;
  azure::merge_tags(arm, backup.set.members.at(0).snapshot.id,
                    {{snapshot::kDiskSpecTag, snapshot::to_tag(spec)}});
  const auto run = verify(backup, Level::disk);
  EXPECT_EQ(run.outcome, Outcome::failed);
  EXPECT_EQ(run.size_matches, false);
  EXPECT_EQ(run.error, "Disk size mismatch (expected 64GB, got 32GB)");
}

TEST_F(VerificationManagerTest, ASetThatLacksADiskFails) {
  const auto backup = take("web");
  azure::delete_snapshot(arm, backup.set.members.at(1).snapshot.id);
  const auto run = verify(backup, Level::disk, "web");
  EXPECT_EQ(run.outcome, Outcome::failed);
  EXPECT_THAT(run.error, HasSubstr("expected 3, got 2"));
  EXPECT_THAT(test_disks(), IsEmpty());
}

TEST_F(VerificationManagerTest, ARefusedTestDiskSaysNothingAboutTheBackup) {
  const auto backup = take();
  simulator.add_fault({{"method", "PUT"},
                       {"path", "*/disks/azlin-verify-*"},
                       {"status", 403},
                       {"code", "RequestDisallowedByPolicy"},
                       {"message", "quota"}});
  const auto run = verify(backup);
  EXPECT_EQ(run.outcome, Outcome::inconclusive);
  EXPECT_THAT(run.error, HasSubstr("quota"));
  EXPECT_EQ(tag(backup.set.members.at(0).snapshot.id, snapshot::kVerifiedTag), "");
  EXPECT_EQ(verifications.history(1, {}).at(0).outcome, Outcome::inconclusive);
  expect_nothing_left(backup);
}

TEST_F(VerificationManagerTest, ATestDiskThatStaysIsASecondFactAndIsRetried) {
  const auto backup = take();
  const auto fault = simulator.add_fault({{"method", "DELETE"},
                                          {"path", "*/disks/azlin-verify-*"},
                                          {"status", 409},
                                          {"code", "ScopeLocked"},
                                          {"message", "locked"},
                                          {"count", 2}});
  const auto run = verify(backup);
  EXPECT_EQ(run.outcome, Outcome::passed) << run.error;
  EXPECT_FALSE(run.test_disk_deleted);
  EXPECT_THAT(run.cleanup_error, HasSubstr("locked"));
  EXPECT_EQ(simulator.fault_hits(fault), 2);
  EXPECT_EQ(test_disks().size(), 1u);
  const auto open = journal.interrupted();
  ASSERT_EQ(open.size(), 1u);
  const auto done = verifications.recover(open.at(0), {});
  EXPECT_TRUE(done.settled) << done.notes.back();
  expect_nothing_left(backup);
  EXPECT_TRUE(verifications.history(1, {}).at(0).test_disk_deleted);
  EXPECT_EQ(verifications.history(1, {}).at(0).cleanup_error, "");
}

TEST_F(VerificationManagerTest, AccessThatCannotBeRevokedIsLeftToRecovery) {
  const auto backup = take();
  simulator.add_fault({{"method", "POST"},
                       {"path", "*/endGetAccess*"},
                       {"status", 403},
                       {"code", "AuthorizationFailed"},
                       {"message", "no"},
                       {"count", 1}});
  const auto run = verify(backup);
  EXPECT_EQ(run.outcome, Outcome::passed) << run.error;
  EXPECT_THAT(run.cleanup_error, HasSubstr("not revoked"));
  EXPECT_EQ(azure::find_snapshot(arm, backup.set.members.at(0).snapshot.id)->state, "ActiveSAS");
  EXPECT_EQ(verify(backup, Level::disk).outcome, Outcome::passed) << "the next one settles it first";
  expect_nothing_left(backup);
  EXPECT_THAT(journal.interrupted(), IsEmpty());
}

TEST_F(VerificationManagerTest, ContentsThatTheServiceKeepsBackAreNotCalledChecked) {
  const auto backup = take();
  const auto& id = backup.set.members.at(0).snapshot.id;
  const auto reply = simulator.arm("PATCH", id + "?api-version=2023-10-02",
                                   {{"properties", {{"networkAccessPolicy", "DenyAll"}}}});
  ASSERT_LT(reply.status, 300) << reply.body;
  const auto run = verify(backup);
  EXPECT_EQ(run.outcome, Outcome::passed);
  EXPECT_EQ(run.reached, Level::disk);
  EXPECT_EQ(run.readable, std::nullopt);
  EXPECT_THAT(run.disks.at(0).not_checked, Contains(HasSubstr("networkAccessPolicy is DenyAll")));
  EXPECT_THAT(tag(id, snapshot::kVerifiedTag), HasSubstr("disk "));
}

TEST_F(VerificationManagerTest, ReadsThatFailAreNoVerdict) {
  const auto backup = take();
  simulator.add_fault(
      {{"method", "GET"}, {"path", "*_sas*"}, {"status", 403}, {"code", "AuthenticationFailed"}});
  const auto run = verify(backup);
  EXPECT_EQ(run.outcome, Outcome::inconclusive);
  EXPECT_THAT(run.error, Not(AnyOf(HasSubstr("sig="), HasSubstr("/_sas/"))));
  EXPECT_EQ(tag(backup.set.members.at(0).snapshot.id, snapshot::kVerifiedTag), "");
  expect_nothing_left(backup);
}

TEST_F(VerificationManagerTest, ASetInUseIsLeftAlone) {
  const auto backup = take();
  backups.snapshots().tag(backup.set, {{snapshot::kInUseTag, "restore 2025-12-01T10:00:00Z"}}, {});
  EXPECT_EQ(error_of([&] { verify(backup); }).kind(), ErrorKind::busy);
  EXPECT_EQ(tag(backup.set.members.at(0).snapshot.id, snapshot::kInUseTag), "restore 2025-12-01T10:00:00Z");
}

TEST_F(VerificationManagerTest, TestDisksPastTheirTimeAreFoundByTheirTag) {
  const auto backup = take();
  const auto make = [&](const char* name, const std::string& mark) {
    azure::NewDisk disk;
    disk.id =
        vm().id().substr(0, vm().id().find("/providers/")) + "/providers/Microsoft.Compute/disks/" + name;
    disk.location = "eastus";
    disk.sku = "Standard_LRS";
    disk.snapshot_id = backup.set.members.at(0).snapshot.id;
    if (!mark.empty()) disk.tags = {{"azlin:drill", mark}};
    azure::create_disk(arm, disk);
  };
  make("over", "v-1a2b3c4d 2025-12-01T07:00:00Z");
  make("running", "v-1a2b3c4e 2025-12-01T20:00:00Z");
  make("drill", "d-1a2b3c4e 2025-12-01T07:00:00Z");
  make("other", "");
  std::vector<std::string> removed;
  for (const auto& removal : verifications.remove_expired(vm().subscription, {})) {
    EXPECT_EQ(removal.error, "");
    removed.push_back(removal.name);
  }
  EXPECT_THAT(removed, ElementsAre("over"));
}

TEST_F(VerificationManagerTest, NoMoreThanFiveSnapshotsOfADiskAreReadAtOnce) {
  std::vector<backup::BackupInfo> all;
  for (int day = 0; day < 7; ++day) {
    all.push_back(take());
    clock.advance(std::chrono::hours{24});
  }
  std::vector<Outcome> outcomes(all.size());
  core::run_parallel(all.size(), 7, {}, [&](std::size_t i) { outcomes[i] = verify(all[i]).outcome; });
  EXPECT_THAT(outcomes, testing::Each(Outcome::passed));
  EXPECT_EQ(count("POST", "/beginGetAccess"), all.size()) << "none was refused for the sixth";
}

TEST_F(VerificationManagerTest, RebuildTakesBackWhatTheTagsSay) {
  const auto backup = take();
  verify(backup);
  const auto sets = backups.snapshots().list(vm("web2"), {});
  EXPECT_EQ(verifications.rebuild(sets), 0u) << "it is known";
  VerificationManager fresh(arm, journal, clock, simulator.state_dir() + "/fresh.db");
  EXPECT_EQ(fresh.rebuild(sets), 1u);
  EXPECT_EQ(fresh.rebuild(sets), 0u);
  const auto row = fresh.history(1, {}).at(0);
  EXPECT_EQ(row.backup, backup.name);
  EXPECT_EQ(row.outcome, Outcome::passed);
  EXPECT_EQ(row.reached, Level::content);
}

// Its rows name neither group nor region.
TEST_F(VerificationManagerTest, RebuildAddsNothingToARowOfTheFirstSchema) {
  const auto path = simulator.state_dir() + "/old.db";
  const auto backup = take();
  verify(backup);
  const auto sets = backups.snapshots().list(vm("web2"), {});
  VerificationManager old(arm, journal, clock, path);
  ASSERT_EQ(old.rebuild(sets), 1u);
  strip_of_group_and_region(path);
  EXPECT_EQ(old.rebuild(sets), 0u);
  EXPECT_EQ(old.history(1, {}).at(0).region, "");
}

TEST_F(VerificationManagerTest, AWindowOfNoDaysIsRefused) {
  EXPECT_EQ(error_of([&] { verifications.history(0, {}); }).kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace azlin::verification
