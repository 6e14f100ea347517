// One request of a verification goes wrong, each in its turn, in each way that a network and a service know:
// no fault of the way is ever a verdict on the backup, and nothing is left behind.
#include <gmock/gmock.h>

#include <cstdlib>

#include "azlin/verification/manager.hpp"
#include "support/cloud_fixture.hpp"
#include "support/fault_kinds.hpp"

namespace azlin::verification {
namespace {

using core::Error;
using core::ErrorKind;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class FaultyVerification : public test::CloudTest {
 protected:
  void SetUp() override {
    backups.configure(backups.plan_configure(vm("web2"), {}, false, {}), {});
    backup = backups.trigger(vm("web2"), {}, {}).backup;
  }
  Verification verify(Level level = Level::full) {
    VerifyOptions options;
    options.level = level;
    options.readers = 2;
    return verifications.verify(vm("web2"), backup.set, options, {});
  }
  // What `azlin recover` does, and what the sweep before each verification does an hour later.
  void recover() {
    for (const auto& left : journal.interrupted()) {
      const auto done = verifications.recover(left, {});
      EXPECT_TRUE(done.settled) << (done.notes.empty() ? "" : done.notes.back());
    }
    clock.advance(std::chrono::hours{2});
    for (const auto& removal : verifications.remove_expired(vm().subscription, {}))
      EXPECT_EQ(removal.error, "") << removal.name;
  }
  void expect_nothing_left(const std::string& when) {
    for (const auto& disk : azure::list_disks(arm, vm().subscription, {}))
      EXPECT_NE(disk.name.rfind("azlin-verify-", 0), 0u) << when << ": " << disk.name;
    for (const auto& member : backup.set.members) {
      const auto snapshot = azure::find_snapshot(arm, member.snapshot.id).value();
      EXPECT_EQ(snapshot.state, "Unattached") << when << ": access is not revoked";
      EXPECT_FALSE(snapshot.tags.contains(snapshot::kInUseTag)) << when;
    }
    EXPECT_TRUE(journal.interrupted().empty()) << when;
  }

  backup::BackupManager backups{arm, journal, clock, journal_path};
  VerificationManager verifications{arm, journal, clock, simulator.state_dir() + "/home/verification.db"};
  backup::BackupInfo backup;
};

class OneFaultTest : public FaultyVerification, public testing::WithParamInterface<test::FaultKind> {};

TEST_P(OneFaultTest, IsNoVerdictAndLeavesNothing) {
  const bool garbled = GetParam().rule.contains("corrupt");
  const int step = std::getenv("AZLIN_TEST_FULL") != nullptr ? 1 : 9;
  bool struck = true;
  int n = 0;
  for (; struck && n < 500; n += step) {
    auto rule = GetParam().rule;
    if (garbled) rule["corrupt"] = n + 1;
    rule["skip"] = n;
    rule["count"] = 1;
    const auto fault = simulator.add_fault(rule);
    const std::string when = "request " + std::to_string(n);
    try {
      const auto run = verify();
      EXPECT_NE(run.outcome, Outcome::failed) << when << ": " << run.error;
      EXPECT_TRUE(run.outcome == Outcome::passed || !run.error.empty()) << when;
      EXPECT_THAT(run.error, Not(HasSubstr("sig="))) << when;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()), "") << when;
      EXPECT_THAT(error.what(), Not(HasSubstr("json.exception"))) << when;
    }
    struck = simulator.fault_hits(fault) > 0;
    simulator.admin("DELETE", "faults/" + std::to_string(fault));
    recover();
    expect_nothing_left(when);
    if (HasFailure()) return;
  }
  EXPECT_FALSE(struck) << "the command never ends";
  EXPECT_GT(n, 3 * step);
  const auto sound = verify();
  EXPECT_EQ(sound.outcome, Outcome::passed) << sound.error;
  expect_nothing_left("at the end");
}
INSTANTIATE_TEST_SUITE_P(Faults, OneFaultTest, test::fault_kinds(), test::name_of);

// One field of one answer is lost or another, in each place that a verdict may come from.
TEST_F(FaultyVerification, NoSingleAnswerFailsABackup) {
  const int seeds = std::getenv("AZLIN_TEST_FULL") != nullptr ? 400 : 20;
  int struck = 0;
  for (const char* path : {"*/snapshots/*", "*/disks/azlin-verify-*", "*/resources?*"}) {
    for (int seed = 1; seed <= seeds; ++seed) {
      const auto fault = simulator.add_fault({{"method", seed % 4 == 0 ? "PUT" : "GET"},
                                              {"path", path},
                                              {"corrupt", seed},
                                              {"skip", seed % 3},
                                              {"count", 1}});
      const std::string when = std::string(path) + " " + std::to_string(seed);
      try {
        const auto run = verify(Level::disk);
        EXPECT_NE(run.outcome, Outcome::failed) << when << ": " << run.error;
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()), "") << when;
      }
      struck += simulator.fault_hits(fault) > 0 ? 1 : 0;
      simulator.admin("DELETE", "faults/" + std::to_string(fault));
      recover();
    }
  }
  EXPECT_GT(struck, seeds / 2);
  EXPECT_EQ(verify().outcome, Outcome::passed);
}

TEST_F(FaultyVerification, AMemberMissingFromTheListOrFromOneAnswerIsLookedForAgain) {
  VerifyOptions options;
  options.level = Level::disk;
  backups.configure(backups.plan_configure(vm("web"), {}, false, {}), {});
  const auto whole = backups.trigger(vm("web"), {}, {}).backup.set;
  auto listed = whole;
  listed.members.pop_back();  // as a damaged list gave it
  EXPECT_EQ(verifications.verify(vm("web"), listed, options, {}).outcome, Outcome::passed);
  const auto fault = simulator.add_fault(
      {{"method", "GET"}, {"path", "*-lun2?*"}, {"status", 404}, {"code", "ResourceNotFound"}, {"count", 1}});
  EXPECT_EQ(verifications.verify(vm("web"), whole, options, {}).outcome, Outcome::passed);
  EXPECT_EQ(simulator.fault_hits(fault), 1);
}

// What differed at the first look is not forgotten because the second one cannot be had.
TEST_F(FaultyVerification, ADifferenceThatCannotBeLookedAtAgainIsNoPass) {
  const auto id = backup.set.members.at(0).snapshot.id;
  auto spec = *snapshot::disk_spec(backup.set.members.at(0).snapshot.tags);
  spec.size_gb += 1;
  azure::merge_tags(arm, id, {{snapshot::kDiskSpecTag, snapshot::to_tag(spec)}});
  const auto name = backup.set.members.at(0).snapshot.name;
  for (const int status : {404, 503}) {
    VerifyOptions options;
    options.notify = [&](const std::string& line) {
      if (line == name + ": creating a test disk")
        simulator.add_fault(
            {{"method", "GET"}, {"path", "*/" + name + "?*"}, {"status", status}, {"code", "NotNow"}});
    };
    const auto run = verifications.verify(vm("web2"), backup.set, options, {});
    simulator.admin("DELETE", "faults");
    EXPECT_EQ(run.outcome, Outcome::inconclusive) << status << ": " << run.error;
    EXPECT_NE(run.error, "") << status;
    EXPECT_TRUE(run.test_disk_deleted) << status;
    EXPECT_FALSE(azure::find_snapshot(arm, id).value().tags.contains(snapshot::kVerifiedTag)) << status;
    recover();
    expect_nothing_left(std::to_string(status));
  }
  EXPECT_EQ(verify(Level::disk).outcome, Outcome::failed);
}

TEST_F(FaultyVerification, DiskWhoseCreationWasOnlyLostOnTheWayIsFoundAndDeleted) {
  simulator.add_fault({{"method", "PUT"}, {"path", "*/disks/azlin-verify-*"}, {"drop", "after"}});
  const auto run = verify(Level::disk);
  EXPECT_NE(run.outcome, Outcome::failed) << run.error;
  simulator.admin("DELETE", "faults");
  recover();
  expect_nothing_left("after the lost replies");
}

TEST_F(FaultyVerification, DiskThatTheServiceFailsToMakeIsNoVerdict) {
  simulator.add_fault({{"method", "PUT"},
                       {"path", "*/disks/azlin-verify-*"},
                       {"operationCode", "AllocationFailed"},
                       {"operationMessage", "no room"}});
  const auto run = verify();
  EXPECT_EQ(run.outcome, Outcome::inconclusive);
  EXPECT_THAT(run.error, HasSubstr("no room"));
  recover();
  expect_nothing_left("after a failed creation");
}

TEST_F(FaultyVerification, RegionThatIsDownIsNoVerdict) {
  simulator.admin("POST", "faults", {{"region", "eastus"}, {"down", true}});
  EXPECT_THAT(error_of([&] { verify(); }).what(), HasSubstr("eastus"));
  simulator.admin("POST", "faults", {{"region", "eastus"}, {"down", false}});
  EXPECT_EQ(verify().outcome, Outcome::passed);
  expect_nothing_left("after the outage");
}

TEST_F(FaultyVerification, AWrongClockHereLeavesNothing) {
  for (const char* wrong : {"2024-06-01 00:00", "2027-06-01 00:00"}) {
    clock.set_local(wrong);
    const auto run = verify();
    EXPECT_EQ(run.outcome, Outcome::passed) << wrong << ": " << run.error;
    expect_nothing_left(wrong);
  }
}

}  // namespace
}  // namespace azlin::verification
