// One request of a replication goes wrong, each in its turn, in each way that a network and a service know:
// the job ends in a copy or in a clear error, nothing is left, and the next try makes one copy of each
// snapshot.
#include <gmock/gmock.h>

#include <cstdlib>

#include "azlin/replication/manager.hpp"
#include "support/cloud_fixture.hpp"
#include "support/fault_kinds.hpp"

namespace azlin::replication {
namespace {

using core::Error;
using core::ErrorKind;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using namespace std::chrono_literals;

class FaultyReplication : public test::CloudTest {
 protected:
  void SetUp() override { backups.configure(backups.plan_configure(vm("web2"), {}, false, {}), {}); }
  std::string back_up() {
    clock.advance(24h);
    backup::TriggerOptions keep_all;
    keep_all.cleanup = false;
    return backups.trigger(vm("web2"), keep_all, {}).backup.name;
  }
  Job replicate(const std::string& backup) {
    const auto jobs = manager.queue({manager.plan(vm("web2"), backup, target, {})}, target, {});
    return manager.wait({jobs.front().id}, 3, {}, {}).front();
  }
  backup::BackupInfo find(const std::string& backup) { return backups.find(vm("web2"), backup, {}); }
  std::vector<azlin::azure::Snapshot> copies() {
    std::vector<azure::Snapshot> out;
    azure::list_snapshots(arm, vm().subscription, {}, [&](azure::Snapshot&& each) {
      if (each.location == "westus2") out.push_back(std::move(each));
      return true;
    });
    return out;
  }

  void forget(const backup::BackupInfo& info) {
    for (const auto& copy : copies()) azure::delete_snapshot(arm, copy.id);
    for (const auto& member : info.set.members) azure::delete_snapshot(arm, member.snapshot.id);
  }

  backup::BackupManager backups{arm, journal, clock, journal_path};
  ReplicationManager manager{arm, journal, clock, journal_path,
                             simulator.state_dir() + "/home/replication.db"};
  Target target = make_target("westus2", {}, {});
};

class OneFaultTest : public FaultyReplication, public testing::WithParamInterface<test::FaultKind> {
 protected:
  // The `n`th request goes wrong. Whether there was one.
  bool one_run(int n, int seed) {
    const auto backup = back_up();
    auto rule = GetParam().rule;
    if (rule.contains("corrupt")) rule["corrupt"] = seed;
    rule["skip"] = n;
    rule["count"] = 1;
    const auto fault = simulator.add_fault(rule);
    const auto error = run_with_fault(backup);
    const bool struck = simulator.fault_hits(fault) > 0;
    simulator.admin("DELETE", "faults/" + std::to_string(fault));
    const auto when =
        "request " + std::to_string(n) + ", seed " + std::to_string(seed) + ": " + error.value_or("");
    if (error) {
      EXPECT_NE(*error, "") << when;
      EXPECT_THAT(*error, Not(HasSubstr("json.exception"))) << when;
      const auto again = replicate(backup);
      EXPECT_EQ(again.status, Status::completed) << when << "; again: " << again.error;
    }
    const auto info = find(backup);
    EXPECT_TRUE(info.replicas.size() == 1 && info.replicas[0].complete) << when;
    EXPECT_EQ(info.in_use, "") << when;
    EXPECT_EQ(copies().size(), 1u) << when;
    EXPECT_TRUE(journal.interrupted().empty()) << when;
    forget(info);  // so that the next run makes as many requests
    return struck;
  }

  // The error of the faulty run; nullopt: it made the copy all the same.
  std::optional<std::string> run_with_fault(const std::string& backup) {
    try {
      const auto job = replicate(backup);
      EXPECT_TRUE(job.ended());
      if (job.status == Status::completed) return std::nullopt;
      EXPECT_EQ(job.attempts() > 1, job.error.find("attempts") != std::string::npos) << job.error;
      return job.error;
    } catch (const Error& error) {
      return error.what();
    }
  }
};

TEST_P(OneFaultTest, EndsInACopyOrAClearErrorAndTheNextTryMakesOneCopy) {
  simulator.admin("POST", "latency", {{"profile", "demo"}});
  const bool garbled = GetParam().rule.contains("corrupt");
  const int seeds =
      garbled && std::getenv("AZLIN_TEST_FULL") != nullptr ? 20 : 1;  // each damages another field
  bool struck = true;
  int runs = 0;
  for (int n = 0; struck && n < 100; ++n) {
    struck = false;
    for (int seed = 1; seed <= seeds; ++seed) {
      struck = one_run(n, n * seeds + seed) || struck;
      if (HasFailure()) return;
      ++runs;
    }
  }
  EXPECT_FALSE(struck) << "the command never ends";
  EXPECT_GE(runs, 6);
}
INSTANTIATE_TEST_SUITE_P(Faults, OneFaultTest, test::fault_kinds(), test::name_of);

TEST_F(FaultyReplication, AnswerThatIsNoJsonFailsTheJobAndSaysSo) {
  const auto backup = back_up();
  simulator.add_fault({{"method", "GET"}, {"path", "*-westus2*"}, {"drop", "truncate"}});
  const auto job = replicate(backup);
  EXPECT_EQ(job.status, Status::failed);
  EXPECT_NE(job.error, "");
  EXPECT_EQ(copies().size(), 0u);
}

TEST_F(FaultyReplication, PutThatFailsForEverFailsTheJobAfterThreeAttempts) {
  const auto backup = back_up();
  simulator.add_fault({{"method", "PUT"}, {"path", "*-westus2*"}, {"status", 500}});
  const auto job = replicate(backup);
  EXPECT_EQ(job.status, Status::failed);
  EXPECT_EQ(job.attempts(), 3);
  EXPECT_THAT(job.error, HasSubstr("500"));
  EXPECT_EQ(copies().size(), 0u);
  EXPECT_EQ(find(backup).in_use, "");
}

TEST_F(FaultyReplication, TokenThatIsNoLongerTakenLeavesTheJobToGoOnLater) {
  const auto backup = back_up();
  const auto fault =
      simulator.add_fault({{"method", "PUT"}, {"path", "*-westus2*"}, {"expireToken", true}, {"count", 100}});
  EXPECT_EQ(error_of([&] { replicate(backup); }).kind(), ErrorKind::unauthorized);
  ASSERT_THAT(manager.jobs({}), SizeIs(1));
  EXPECT_FALSE(manager.jobs({}).front().ended()) << manager.jobs({}).front().error;
  simulator.admin("DELETE", "faults/" + std::to_string(fault));
  const auto job = replicate(backup);
  EXPECT_EQ(job.status, Status::completed) << job.error;
  EXPECT_EQ(job.id, 1);
  EXPECT_EQ(copies().size(), 1u);
}

TEST_F(FaultyReplication, RepliesLostAfterAcceptanceMakeNoSecondCopy) {
  const auto backup = back_up();
  simulator.admin("POST", "latency", {{"profile", "realistic"}});
  simulator.add_fault({{"method", "PUT"}, {"path", "*-westus2*"}, {"drop", "after"}, {"count", 2}});
  const auto job = replicate(backup);
  EXPECT_EQ(job.status, Status::completed) << job.error;
  EXPECT_EQ(copies().size(), 1u);
}

TEST_F(FaultyReplication, SourceRegionThatGoesDownMeanwhileIsWaitedFor) {
  const auto backup = back_up();
  simulator.admin("POST", "latency", {{"profile", "realistic"}});
  const auto id = manager.queue({manager.plan(vm("web2"), backup, target, {})}, target, {}).front().id;
  manager.advance({vm("web2")}, 3, {});
  simulator.admin("POST", "faults", {{"region", "eastus"}, {"down", true}});
  clock.advance(2h);
  manager.advance({vm("web2")}, 3, {});
  EXPECT_EQ(manager.job(id).status, Status::in_progress) << manager.job(id).error;
  EXPECT_TRUE(manager.progress_of(manager.job(id)).percent < 100);
  simulator.admin("POST", "faults", {{"region", "eastus"}, {"down", false}});
  const auto job = manager.wait({id}, 3, {}, {}).front();
  EXPECT_EQ(job.status, Status::completed) << job.error;
  EXPECT_EQ(copies().size(), 1u);
}

TEST_F(FaultyReplication, TargetRegionThatIsDownIsNamedInTheError) {
  const auto backup = back_up();
  simulator.admin("POST", "faults", {{"region", "westus2"}, {"down", true}});
  const auto job = replicate(backup);
  EXPECT_EQ(job.status, Status::failed);
  EXPECT_THAT(job.error, HasSubstr("westus2"));
  EXPECT_EQ(job.attempts(), 3);
  simulator.admin("POST", "faults", {{"region", "westus2"}, {"down", false}});
  EXPECT_EQ(replicate(backup).status, Status::completed);
  EXPECT_EQ(copies().size(), 1u);
}

class HalfASet : public FaultyReplication {
 protected:
  // A job of three disks, one of which Azure refuses to copy; what it did copy cannot be deleted.
  void SetUp() override {
    backups.configure(backups.plan_configure(vm("web"), {}, false, {}), {});
    backup = backups.trigger(vm("web"), {}, {}).backup.name;
    const auto refused = simulator.add_fault({{"method", "PUT"},
                                              {"path", "*-lun2-westus2*"},
                                              {"status", 400},
                                              {"code", "InvalidParameter"},
                                              {"message", "not this one"}});
    const auto down = simulator.add_fault(
        {{"method", "DELETE"}, {"path", "*-westus2*"}, {"status", 503}, {"code", "ServiceUnavailable"}});
    const auto job = try_again();
    EXPECT_EQ(job.status, Status::failed);
    EXPECT_THAT(job.error, HasSubstr("could not be deleted"));
    EXPECT_THAT(copies(), SizeIs(2));
    again = [this, refused, down](bool all) {
      simulator.admin("DELETE", "faults/" + std::to_string(down));
      if (all) simulator.admin("DELETE", "faults/" + std::to_string(refused));
    };
  }
  Job try_again() {
    const auto jobs = manager.queue({manager.plan(vm("web"), backup, target, {})}, target, {});
    return manager.wait({jobs.front().id}, 3, {}, {}).front();
  }
  std::string backup;
  store::Journal other_journal{simulator.state_dir() + "/other/operations.db", clock};
  ReplicationManager other{arm, other_journal, clock, other_journal.path(),  // another machine
                           simulator.state_dir() + "/other/replication.db"};
  std::function<void(bool all)> again;  // what failed works again: deletions, and the copy if `all`
};

TEST_F(HalfASet, IsDeletedByTheNextLook) {
  EXPECT_THAT(manager.advance(manager.open_vms(vm().subscription), 3, {}), IsEmpty());
  EXPECT_THAT(copies(), SizeIs(2)) << "still refused";
  again(false);
  manager.advance(manager.open_vms(vm().subscription), 3, {});
  EXPECT_THAT(copies(), IsEmpty());
  EXPECT_THAT(manager.open_vms(vm().subscription), IsEmpty());
  EXPECT_THAT(journal.interrupted(), IsEmpty());
}

TEST_F(HalfASet, IsDeletedByRecover) {
  ASSERT_THAT(journal.interrupted(), SizeIs(1));
  EXPECT_FALSE(manager.recover(journal.interrupted()[0], {}).settled);
  again(false);
  ASSERT_THAT(journal.interrupted(), SizeIs(1));
  EXPECT_TRUE(manager.recover(journal.interrupted()[0], {}).settled);
  EXPECT_THAT(copies(), IsEmpty());
  EXPECT_THAT(journal.interrupted(), IsEmpty());
}

TEST_F(HalfASet, IsTakenOverByALaterJobOfTheSet) {
  again(true);
  EXPECT_EQ(try_again().status, Status::completed);
  EXPECT_THAT(copies(), SizeIs(3));
  EXPECT_THAT(manager.open_vms(vm().subscription), IsEmpty());
  EXPECT_EQ(manager.job(1).note, "") << "nothing was deleted";
}

TEST_F(HalfASet, IsLeftToALaterJobWhileThatIsOpen) {
  again(true);
  simulator.admin("POST", "latency", {{"profile", "realistic"}});
  const auto id = manager.queue({manager.plan(vm("web"), backup, target, {})}, target, {}).front().id;
  manager.advance({vm("web")}, 3, {});
  ASSERT_EQ(manager.job(id).status, Status::in_progress);
  EXPECT_THAT(copies(), SizeIs(3));
  EXPECT_THAT(journal.interrupted(), IsEmpty()) << "nothing for `azlin recover` to do";
  EXPECT_EQ(manager.wait({id}, 3, {}, {}).front().status, Status::completed);
  EXPECT_THAT(copies(), SizeIs(3));
  EXPECT_THAT(manager.open_vms(vm().subscription), IsEmpty());
}

TEST_F(HalfASet, IsDeletedWhenTheJobThatTookItOverFailsToo) {
  again(false);
  EXPECT_EQ(try_again().status, Status::failed);
  EXPECT_THAT(copies(), IsEmpty());
  EXPECT_THAT(manager.open_vms(vm().subscription), IsEmpty());
  EXPECT_EQ(manager.job(1).note, "what it left was deleted later");
}

TEST_F(HalfASet, StaysWhereAnotherMachineHasCompletedTheSet) {
  again(true);
  const auto id = other.queue({other.plan(vm("web"), backup, target, {})}, target, {}).front().id;
  EXPECT_EQ(other.wait({id}, 3, {}, {}).front().status, Status::completed);
  manager.advance(manager.open_vms(vm().subscription), 3, {});
  EXPECT_THAT(copies(), SizeIs(3));
  EXPECT_THAT(manager.open_vms(vm().subscription), IsEmpty());
  EXPECT_THAT(manager.job(1).note, HasSubstr("the set is complete"));
}

TEST_F(HalfASet, StaysWhileAnotherMachineCopiesTheRest) {
  again(true);
  simulator.admin("POST", "latency", {{"profile", "realistic"}});
  const auto id = other.queue({other.plan(vm("web"), backup, target, {})}, target, {}).front().id;
  other.advance({vm("web")}, 3, {});
  ASSERT_EQ(other.job(id).status, Status::in_progress);
  manager.advance(manager.open_vms(vm().subscription), 3, {});
  EXPECT_THAT(copies(), SizeIs(3));
  EXPECT_THAT(manager.job(1).note, HasSubstr("being copied"));
  EXPECT_EQ(other.wait({id}, 3, {}, {}).front().status, Status::completed);
  manager.advance(manager.open_vms(vm().subscription), 3, {});
  EXPECT_THAT(copies(), SizeIs(3));
}

TEST_F(HalfASet, StaysWhileAnotherMachineWaitsToCopyTheRest) {
  again(true);
  simulator.add_fault({{"method", "PUT"}, {"path", "*-lun2-westus2*"}, {"status", 500}, {"count", 100}});
  const auto id = other.queue({other.plan(vm("web"), backup, target, {})}, target, {}).front().id;
  other.advance({vm("web")}, 3, {});
  ASSERT_EQ(other.job(id).status, Status::in_progress);
  manager.advance(manager.open_vms(vm().subscription), 3, {});
  EXPECT_THAT(copies(), SizeIs(2));
  EXPECT_THAT(manager.job(1).note, HasSubstr("being replicated"));
}

TEST_F(HalfASet, StaysWhileItIsInUseOrOnHold) {
  again(false);
  const auto copy = copies().back();
  const auto until = clock.now() + 2h;
  azure::merge_tags(arm, copy.id,
                    {{snapshot::kInUseTag, snapshot::to_tag(snapshot::InUseMark{"restore:17", until})}});
  manager.advance(manager.open_vms(vm().subscription), 3, {});
  EXPECT_THAT(copies(), SizeIs(2));
  EXPECT_THAT(manager.job(1).note, HasSubstr("in use (restore"));
  clock.advance(3h);
  azure::merge_tags(arm, copy.id, {{snapshot::kHoldTag, "court"}});
  manager.advance(manager.open_vms(vm().subscription), 3, {});
  EXPECT_THAT(copies(), SizeIs(2));
  ASSERT_THAT(journal.interrupted(), SizeIs(1));
  EXPECT_THAT(manager.recover(journal.interrupted()[0], {}).notes, Contains(HasSubstr("on hold: court")));
  azure::remove_tags(arm, copy.id, {{snapshot::kHoldTag, "court"}});
  manager.advance(manager.open_vms(vm().subscription), 3, {});
  EXPECT_THAT(copies(), IsEmpty());
  EXPECT_EQ(manager.job(1).note, "what it left was deleted later");
}

TEST_F(FaultyReplication, AWrongClockHereChangesNeitherCopyNorTags) {
  const auto backup = back_up();
  clock.set_local("2024-06-01 00:00");  // a year and a half behind
  const auto job = replicate(backup);
  EXPECT_EQ(job.status, Status::completed) << job.error;
  const auto behind = manager.status(vm("web2"), "westus2", {});
  ASSERT_THAT(behind.regions, SizeIs(1));
  EXPECT_GE(behind.regions[0].rpo.value(), core::Millis{0}) << "an age is not negative";
  ASSERT_EQ(copies().size(), 1u);
  EXPECT_EQ(copies()[0].tags.at("azlin:time"), core::to_iso8601(find(backup).created));
}

TEST_F(FaultyReplication, ListThatFailsIsNoEmptyList) {
  back_up();
  simulator.add_fault({{"method", "GET"}, {"path", "*/resources?*"}, {"status", 500}});
  EXPECT_EQ(error_of([&] { manager.plan_missing(vm("web2"), target, {}); }).kind(), ErrorKind::failed);
  EXPECT_EQ(error_of([&] { manager.status(vm("web2"), {}, {}); }).kind(), ErrorKind::failed);
  EXPECT_THAT(manager.jobs({}), IsEmpty());
}

TEST_F(FaultyReplication, NoMoreCopiesThanAllowedRunAtATime) {
  simulator.admin("POST", "latency", {{"profile", "realistic"}});
  backups.configure(backups.plan_configure(vm("web"), {}, false, {}), {});
  clock.advance(24h);
  const auto three_disks = backups.trigger(vm("web"), {}, {}).backup.name;
  const auto one_disk = back_up();
  auto plans = std::vector{manager.plan(vm("web"), three_disks, target, {}),
                           manager.plan(vm("web2"), one_disk, target, {})};
  std::vector<std::int64_t> ids;
  for (const auto& job : manager.queue(plans, target, {})) ids.push_back(job.id);
  std::size_t most = 0;
  manager.wait(ids, 2,
               [&](const std::vector<Job>& jobs) {
                 std::size_t running = 0;
                 for (const auto& job : jobs) {
                   for (const auto& copy : job.copies) running += copy.status == Status::in_progress ? 1 : 0;
                 }
                 most = std::max(most, running);
               },
               {});
  EXPECT_EQ(most, 2u);
  EXPECT_EQ(copies().size(), 4u);
}

}  // namespace
}  // namespace azlin::replication
