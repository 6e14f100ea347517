// What is left to do once a restored VM is up, and Azure refuses it.
#include <gmock/gmock.h>

#include "azlin/backup/manager.hpp"
#include "azlin/backup/restore.hpp"
#include "azlin/core/names.hpp"
#include "support/cloud_fixture.hpp"

namespace azlin::backup {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// No other programs: a scan of the guest's address would wait for an answer that cannot come.
class NoProcesses final : public core::ProcessRunner {
 public:
  core::ProcessResult run(const core::ProcessRequest&, std::stop_token) override { return {.exit_code = 1}; }
};

class RestoreLeftoversTest : public test::CloudTest {
 protected:
  RestoreLeftoversTest() {
    backups.configure(backups.plan_configure(vm(), {}, false, {}), {});
    backups.trigger(vm(), {}, {});
    options.keep_old_disks = false;
    const auto now = azure::get_vm(arm, vm().id(), false);
    old_os_disk = now.os_disk.disk_id;
    old_disks = {old_os_disk};
    for (const auto& disk : now.data_disks) old_disks.push_back(disk.disk_id);
  }
  RestoreResult restore() {
    return restores.restore(restores.plan_in_place(vm(), backups.list(vm(), {}).front(), {}), options, {});
  }
  std::int64_t refuse(const std::string& method, const std::string& path, int status, const std::string& code,
                      int skip = 0) {
    return simulator.add_fault({{"method", method},
                                {"path", path},
                                {"status", status},
                                {"code", code},
                                {"message", "injected"},
                                {"skip", skip},
                                {"count", -1}});
  }
  void clear(std::int64_t fault) { simulator.admin("DELETE", "faults/" + std::to_string(fault)); }
  std::vector<std::string> old_disks_left() {
    std::vector<std::string> left;
    for (const auto& id : old_disks) {
      if (azure::find_disk(arm, id)) left.push_back(id);
    }
    return left;
  }
  bool is_marked() {
    return simulator
               .arm("GET", backups.list(vm(), {}).front().set.members.front().snapshot.id +
                               "?api-version=2023-10-02")
               .body.find(snapshot::kInUseTag) != std::string::npos;
  }
  static void expect_told(const RestoreResult& result, const std::string& text) {
    EXPECT_THAT(result.warnings, Contains(HasSubstr(text)));
    EXPECT_THAT(result.warnings, Each(Not(HasSubstr("azlin recover"))));
  }
  void expect_next_backup_works() {
    EXPECT_THAT(journal.interrupted(), IsEmpty());
    clock.advance(std::chrono::minutes{10});
    EXPECT_NO_THROW(backups.trigger(vm(), {}, {}));
  }

  BackupManager backups{arm, journal, clock, journal_path};
  NoProcesses programs;
  RestoreManager restores{arm, journal, clock, programs, journal_path};
  RestoreOptions options;
  std::string old_os_disk;
  std::vector<std::string> old_disks;
};

TEST_F(RestoreLeftoversTest, LockedOldDiskIsToldAndTheVmIsFree) {
  const auto lock = simulator.arm(
      "PUT", old_os_disk + "/providers/Microsoft.Authorization/locks/keep?api-version=2016-09-01",
      {{"properties", {{"level", "CanNotDelete"}}}});
  ASSERT_EQ(lock.status, 201) << lock.body;
  const auto result = restore();
  expect_told(result, core::ResourceId::parse(old_os_disk).name + " could not be deleted");
  EXPECT_THAT(result.old_disks, SizeIs(2));
  EXPECT_THAT(old_disks_left(), ElementsAre(old_os_disk));
  expect_next_backup_works();
}

TEST_F(RestoreLeftoversTest, OldDiskThatMayNotBeTaggedIsToldAndTheVmIsFree) {
  options.keep_old_disks = true;
  const auto name = core::ResourceId::parse(old_os_disk).name;
  refuse("PATCH", "*/disks/" + name + "/*tags/default?*", 403, "RequestDisallowedByPolicy");
  expect_told(restore(), name + " could not be tagged");
  expect_next_backup_works();
}

// As the restore itself: each disk is tried, and the marks do not wait for them.
TEST_F(RestoreLeftoversTest, RecoverDoesWhatCanBeDone) {
  const auto marks = refuse("PATCH", "*/snapshots/*/tags/default?*", 403, "AuthorizationFailed", 3);
  const auto disks = refuse("DELETE", "*/disks/*", 409, "Conflict");
  EXPECT_THAT(restore().warnings, Contains(HasSubstr("azlin recover")));
  EXPECT_THAT(old_disks_left(), SizeIs(3));
  EXPECT_TRUE(is_marked());
  clear(marks);
  clear(disks);
  const auto os_disk =
      refuse("DELETE", "*/disks/" + core::ResourceId::parse(old_os_disk).name + "?*", 409, "Conflict");
  const auto first = restores.recover(journal.interrupted().at(0), {});
  EXPECT_FALSE(first.settled);
  EXPECT_THAT(first.notes, ElementsAre(HasSubstr("could not be deleted")));
  EXPECT_THAT(old_disks_left(), ElementsAre(old_os_disk));
  EXPECT_FALSE(is_marked());
  clear(os_disk);
  // By now its deletion is forbidden: that is told and ends it.
  refuse("DELETE", "*/disks/*", 403, "AuthorizationFailed");
  const auto second = restores.recover(journal.interrupted().at(0), {});
  EXPECT_TRUE(second.settled);
  EXPECT_THAT(second.notes, Contains(HasSubstr("could not be deleted")));
  expect_next_backup_works();
}

}  // namespace
}  // namespace azlin::backup
