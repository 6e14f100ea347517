#include "azlin/replication/manager.hpp"

#include <gmock/gmock.h>

#include "support/cloud_fixture.hpp"

namespace azlin::replication {
namespace {

using core::Error;
using core::ErrorKind;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using namespace std::chrono_literals;

class ReplicationManagerTest : public test::CloudTest {
 protected:
  void SetUp() override {
    for (const char* name : {"web", "web2"})
      backups.configure(backups.plan_configure(vm(name), {}, false, {}), {});
  }
  std::string back_up(const std::string& name = "web2") {
    clock.advance(24h);
    return backups.trigger(vm(name), {}, {}).backup.name;
  }
  void latency(const std::string& profile) { simulator.admin("POST", "latency", {{"profile", profile}}); }
  Job queue(const std::string& backup, const std::string& name = "web2") {
    return manager.queue({manager.plan(vm(name), backup, target, {})}, target, {}).front();
  }
  Job replicate(const std::string& backup, const std::string& name = "web2") {
    return manager.wait({queue(backup, name).id}, 3, {}, {}).front();
  }
  std::vector<Job> replicate_all(const std::string& name, int max_parallel = 3) {
    std::vector<std::int64_t> ids;
    for (const auto& job : manager.queue(manager.plan_missing(vm(name), target, {}).plans, target, {}))
      ids.push_back(job.id);
    return manager.wait(ids, max_parallel, {}, {});
  }
  backup::BackupInfo find(const std::string& backup, const std::string& name = "web2") {
    return backups.find(vm(name), backup, {});
  }
  std::size_t copy_requests() { return count("PUT", "-westus2"); }

  backup::BackupManager backups{arm, journal, clock, journal_path};
  std::string db_path = simulator.state_dir() + "/home/replication.db";
  ReplicationManager manager{arm, journal, clock, journal_path, db_path};
  Target target = make_target("westus2", {}, {});
};

TEST_F(ReplicationManagerTest, SetOfSeveralDisksIsCopiedWithItsTags) {
  const auto backup = back_up("web");
  const auto job = replicate(backup, "web");
  EXPECT_EQ(job.status, Status::completed) << job.error;
  EXPECT_EQ(job.target_region, "westus2");
  EXPECT_EQ(job.target_snapshot, backup + "-westus2");
  const auto info = find(backup, "web");
  ASSERT_THAT(info.replicas, SizeIs(1));
  EXPECT_TRUE(info.replicas[0].complete);
  const auto& os = info.replicas[0].set.members[0].snapshot;
  EXPECT_EQ(os.security_type, "TrustedLaunch");
  EXPECT_EQ(os.tags.at("azlin:backup-tier"), "monthly");
  EXPECT_EQ(os.tags.at("azlin:replica-of"), "eastus/production/" + backup);
  EXPECT_TRUE(snapshot::vm_spec(os.tags)) << "it can be restored with the primary region gone";
  EXPECT_EQ(journal.list(1).at(0).state, "succeeded");
}

TEST_F(ReplicationManagerTest, CopiesThatAreDoneAtOnceKeepNoOtherWaiting) {
  const auto backup = back_up("web");
  const auto begun = clock.now();
  const auto job = manager.wait({queue(backup, "web").id}, 1, {}, {}).front();
  EXPECT_EQ(job.status, Status::completed) << job.error;
  EXPECT_LT(clock.now() - begun, core::Millis{5s}) << "three disks, one after the other";
}

TEST_F(ReplicationManagerTest, AcceptedIsNotCompleted) {
  const auto backup = back_up();
  latency("realistic");
  const auto id = queue(backup).id;
  EXPECT_THAT(manager.advance({vm("web2")}, 3, {}), IsEmpty());
  EXPECT_EQ(manager.job(id).status, Status::in_progress);
  EXPECT_LT(manager.job(id).percent(), 5) << "the service said Succeeded";
  clock.advance(30s);
  manager.advance({vm("web2")}, 3, {});
  const auto half = manager.job(id);
  EXPECT_EQ(half.status, Status::in_progress);
  EXPECT_GT(half.percent(), 0);
  EXPECT_LT(half.percent(), 100);
  EXPECT_TRUE(manager.progress_of(half).eta);
  EXPECT_THAT(find(backup).in_use, HasSubstr("being copied"));
  clock.advance(1h);
  EXPECT_THAT(manager.advance({vm("web2")}, 3, {}), SizeIs(1));
  EXPECT_EQ(manager.job(id).status, Status::completed);
}

TEST_F(ReplicationManagerTest, ChainGoesOneAtATimeInOrderWhateverTheLimit) {
  std::vector<std::string> made;
  for (int day = 0; day < 4; ++day) made.push_back(back_up());
  latency("realistic");
  const auto jobs = replicate_all("web2", 3);
  ASSERT_THAT(jobs, SizeIs(4));
  std::optional<core::TimePoint> last;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_EQ(jobs[i].set, made[i]);
    EXPECT_EQ(jobs[i].status, Status::completed) << jobs[i].error;
    EXPECT_EQ(jobs[i].attempts(), 1) << "the service never had to refuse";
    if (last) {
      EXPECT_GE(jobs[i].started_at, *last);
    }
    last = jobs[i].completed_at;
  }
  EXPECT_EQ(copy_requests(), 4u);
  EXPECT_THAT(manager.plan_missing(vm("web2"), target, {}).plans, IsEmpty());
}

TEST_F(ReplicationManagerTest, ManyCopiesAreFollowedByListsOfTheirGroup) {
  std::vector<std::int64_t> ids;
  for (const char* name : {"web", "web2", "my-web"}) {
    backups.configure(backups.plan_configure(vm(name), {}, false, {}), {});
    ids.push_back(queue(back_up(name), name).id);
  }
  latency("realistic");
  for (const auto& job : manager.wait(ids, 10, {}, {})) EXPECT_EQ(job.status, Status::completed) << job.error;
  const auto paths = simulator.requests("GET");
  const auto lists = static_cast<std::size_t>(std::count_if(paths.begin(), paths.end(), [](const auto& path) {
    return path.ends_with("/resourceGroups/Production/providers/Microsoft.Compute/snapshots");
  }));
  EXPECT_GT(lists, 5u);
  EXPECT_LT(count("GET", "-westus2"), 5 * lists) << "each look read each copy";
}

TEST_F(ReplicationManagerTest, ListsThatFailDoNotKeepCopiesFromBeingFollowed) {
  latency("realistic");
  const auto id = queue(back_up("web"), "web").id, second = queue(back_up()).id;
  simulator.add_fault({{"method", "GET"},
                       {"path", "*/resourceGroups/Production/providers/Microsoft.Compute/snapshots?api*"},
                       {"status", 500}});
  for (const auto& job : manager.wait({id, second}, 10, {}, {}))
    EXPECT_EQ(job.status, Status::completed) << job.error;
}

TEST_F(ReplicationManagerTest, WaitingSourcesAreMarkedAndFreedAgain) {
  const auto first = back_up(), second = back_up();
  latency("realistic");
  const auto one = queue(first).id, two = queue(second).id;
  manager.advance({vm("web2")}, 3, {});
  EXPECT_EQ(manager.job(two).status, Status::pending);
  EXPECT_THAT(find(second).in_use, HasSubstr("replication"));
  EXPECT_THAT(error_of([&] { backups.remove(vm("web2"), second, {}, true, {}); }).what(),
              HasSubstr("in use"));
  manager.wait({one, two}, 3, {}, {});
  EXPECT_EQ(find(second).in_use, "");
}

TEST_F(ReplicationManagerTest, TransientFailureIsTriedAgainAndRecorded) {
  const auto backup = back_up();
  simulator.add_fault({{"method", "PUT"},
                       {"path", "*-westus2*"},
                       {"count", 1},
                       {"operationCode", "InternalExecutionError"},
                       {"operationMessage", "try again"}});
  const auto job = replicate(backup);
  EXPECT_EQ(job.status, Status::completed) << job.error;
  const auto attempts = manager.attempts(job.id);
  ASSERT_THAT(attempts, SizeIs(2));
  EXPECT_THAT(attempts[0].error, HasSubstr("try again"));
  EXPECT_EQ(attempts[1].error, "");
}

TEST_F(ReplicationManagerTest, ThreeAttemptsThenFailedAndNothingIsLeft) {
  const auto backup = back_up("web");
  simulator.add_fault({{"method", "PUT"},
                       {"path", "*-lun2-westus2*"},
                       {"operationCode", "InternalExecutionError"},
                       {"operationMessage", "no luck"}});
  const auto job = replicate(backup, "web");
  EXPECT_EQ(job.status, Status::failed);
  EXPECT_THAT(job.error, HasSubstr("LUN 2: "));
  EXPECT_THAT(job.error, HasSubstr("no luck"));
  EXPECT_THAT(job.error, HasSubstr("after 3 attempts"));
  EXPECT_THAT(snapshot_names(), Not(Contains(HasSubstr("westus2"))));
  EXPECT_EQ(journal.list(1).at(0).state, "failed");
  EXPECT_EQ(find(backup, "web").in_use, "");
}

TEST_F(ReplicationManagerTest, QuotaIsNotTriedAgain) {
  const auto backup = back_up();
  simulator.add_fault({{"method", "PUT"},
                       {"path", "*-westus2*"},
                       {"status", 409},
                       {"code", "OperationNotAllowed"},
                       {"message", "Operation results in exceeding quota limits of snapshots."}});
  const auto job = replicate(backup);
  EXPECT_EQ(job.status, Status::failed);
  EXPECT_THAT(job.error, HasSubstr("exceeding quota limits"));
  EXPECT_EQ(job.attempts(), 1);
}

TEST_F(ReplicationManagerTest, FailedJobAndItsSecondTryAreBothInTheHistory) {
  const auto backup = back_up();
  const auto fault = simulator.add_fault(
      {{"method", "PUT"}, {"path", "*-westus2*"}, {"status", 403}, {"code", "Forbidden"}});
  const auto failed = replicate(backup);
  EXPECT_EQ(failed.status, Status::failed);
  simulator.admin("DELETE", "faults/" + std::to_string(fault));
  const auto good = replicate(backup);
  EXPECT_EQ(good.status, Status::completed) << good.error;
  JobFilter all;
  const auto listed = manager.jobs(all);
  ASSERT_THAT(listed, SizeIs(2));
  EXPECT_EQ(listed[0].id, good.id);
  EXPECT_EQ(listed[1].id, failed.id);
}

TEST_F(ReplicationManagerTest, CopyThatIsThereIsAdoptedNotMadeAgain) {
  const auto backup = back_up();
  const auto source = find(backup).set.members[0].snapshot;
  azure::create_snapshot(arm, replica_request(source, snapshot_path(backup + "-westus2"), "westus2", {}));
  const auto before = copy_requests();
  const auto job = replicate(backup);
  EXPECT_EQ(job.status, Status::completed) << job.error;
  EXPECT_TRUE(job.copies[0].adopted);
  EXPECT_EQ(copy_requests(), before);
}

TEST_F(ReplicationManagerTest, NameOfSomethingElseIsNotTouched) {
  const auto other = back_up(), backup = back_up();
  auto wrong =
      replica_request(find(other).set.members[0].snapshot, snapshot_path(backup + "-westus2"), "westus2", {});
  wrong.tags.clear();
  azure::create_snapshot(arm, wrong);
  const auto job = replicate(backup);
  EXPECT_EQ(job.status, Status::failed);
  EXPECT_THAT(job.error, HasSubstr("is taken"));
  EXPECT_THAT(snapshot_names(), Contains(backup + "-westus2"));
}

TEST_F(ReplicationManagerTest, TwoMachinesMakeOneCopyASnapshot) {
  const auto backup = back_up("web");
  latency("realistic");
  store::Journal other_journal{simulator.state_dir() + "/other/operations.db", clock};
  ReplicationManager other{arm, other_journal, clock, other_journal.path(),
                           simulator.state_dir() + "/other/replication.db"};
  const auto plan = other.plan(vm("web"), backup, target, {});  // both see that nothing is there
  const auto here = queue(backup, "web").id;
  manager.advance({vm("web")}, 3, {});
  const auto there = other.queue({plan}, target, {}).front().id;
  EXPECT_EQ(other.wait({there}, 3, {}, {}).front().status, Status::completed);
  EXPECT_EQ(manager.wait({here}, 3, {}, {}).front().status, Status::completed);
  EXPECT_EQ(copy_requests(), 3u);
}

TEST_F(ReplicationManagerTest, CopyOfAnotherMachineIsWaitedFor) {
  const auto first = back_up(), second = back_up();
  latency("realistic");
  store::Journal other_journal{simulator.state_dir() + "/other/operations.db", clock};
  ReplicationManager other{arm, other_journal, clock, other_journal.path(),
                           simulator.state_dir() + "/other/replication.db"};
  other.queue({other.plan(vm("web2"), first, target, {})}, target, {});
  other.advance({vm("web2")}, 3, {});
  const auto job = replicate(second);  // of the same disk: refused until the other's has ended
  EXPECT_EQ(job.status, Status::completed) << job.error;
  EXPECT_EQ(job.attempts(), 1) << "waiting is no attempt";
}

TEST_F(ReplicationManagerTest, JobOfADeadProcessIsTakenUp) {
  const auto backup = back_up();
  latency("realistic");
  const auto id = queue(backup).id;
  manager.advance({vm("web2")}, 3, {});
  clock.advance(1h);
  ReplicationManager next{arm, journal, clock, journal_path, db_path};
  const auto state = next.status(vm("web2"), {}, {});
  EXPECT_EQ(next.job(id).status, Status::completed);
  ASSERT_THAT(state.ended, SizeIs(1));
  ASSERT_THAT(state.regions, SizeIs(1));
  EXPECT_EQ(state.regions[0].newest, backup);
  EXPECT_GE(state.regions[0].rpo.value(), core::Millis{1h});
}

TEST_F(ReplicationManagerTest, CopyThatVanishedIsMadeAgain) {
  const auto backup = back_up();
  latency("realistic");
  const auto id = queue(backup).id;
  manager.advance({vm("web2")}, 3, {});
  azure::delete_snapshot(arm, snapshot_path(backup + "-westus2"));
  const auto job = manager.wait({id}, 3, {}, {}).front();
  EXPECT_EQ(job.status, Status::completed) << job.error;
  EXPECT_EQ(job.attempts(), 2);
}

TEST_F(ReplicationManagerTest, CancelDeletesWhatWasCopied) {
  const auto backup = back_up("web");
  latency("realistic");
  const auto id = queue(backup, "web").id;
  manager.advance({vm("web")}, 2, {});
  const auto job = manager.cancel(id, {});
  EXPECT_EQ(job.status, Status::failed);
  EXPECT_EQ(job.error, "cancelled");
  EXPECT_THAT(snapshot_names(), Not(Contains(HasSubstr("westus2"))));
  EXPECT_EQ(find(backup, "web").in_use, "");
  EXPECT_EQ(error_of([&] { manager.cancel(id, {}); }).kind(), ErrorKind::failed);
  EXPECT_THAT(error_of([&] { manager.cancel(4711, {}); }).what(), HasSubstr("job 4711 not found"));
}

TEST_F(ReplicationManagerTest, RefusedBackupsLeaveNoRow) {
  const auto backup = back_up();
  EXPECT_EQ(error_of([&] { manager.plan(vm("web2"), backup, make_target("eastus", {}, {}), {}); }).kind(),
            ErrorKind::usage);
  EXPECT_EQ(error_of([&] { manager.plan(vm("web2"), "nothing", target, {}); }).kind(), ErrorKind::not_found);
  EXPECT_THAT(manager.jobs({}), IsEmpty());
}

TEST_F(ReplicationManagerTest, NamedGroupIsCreatedAndKeepsTheSourcesName) {
  const auto backup = back_up();
  target = make_target("westus2", "Dr", {});
  const auto job = replicate(backup);
  EXPECT_EQ(job.status, Status::completed) << job.error;
  EXPECT_EQ(job.target_snapshot, backup);
  EXPECT_EQ(job.target_group, "Dr");
  EXPECT_EQ(azure::find_resource_group(arm, vm().subscription, "Dr")->location, "westus2");
}

TEST_F(ReplicationManagerTest, RebuildFindsReplicasByTheirTags) {
  const auto backup = back_up("web");
  replicate(backup, "web");
  ReplicationManager empty{arm, journal, clock, journal_path, simulator.state_dir() + "/home/new.db"};
  const auto rebuilt = empty.rebuild(vm().subscription, {});
  ASSERT_THAT(rebuilt.jobs, SizeIs(1));
  EXPECT_EQ(rebuilt.jobs[0].set, backup);
  EXPECT_EQ(rebuilt.jobs[0].status, Status::completed);
  EXPECT_EQ(rebuilt.jobs[0].note, "found in Azure");
  EXPECT_EQ(empty.rebuild(vm().subscription, {}).known, 1);
  EXPECT_THAT(empty.jobs({}), SizeIs(1));
}

TEST_F(ReplicationManagerTest, MissedBackupsAreThoseWhoseLastJobFailed) {
  const auto first = back_up(), second = back_up(), third = back_up();
  const auto fault = simulator.add_fault(
      {{"method", "PUT"}, {"path", "*-westus2*"}, {"status", 403}, {"code", "Forbidden"}});
  replicate(first);
  const auto cancelled = queue(second).id;
  manager.cancel(cancelled, {});
  simulator.admin("DELETE", "faults/" + std::to_string(fault));
  const auto missed = manager.plan_missed(vm("web2"), target, {});
  ASSERT_THAT(missed, SizeIs(1));
  EXPECT_EQ(missed[0].job.set, first);
  EXPECT_EQ(replicate(first).status, Status::completed);
  EXPECT_THAT(manager.plan_missed(vm("web2"), target, {}), IsEmpty());
  EXPECT_THAT(manager.plan_missing(vm("web2"), target, {}).plans, SizeIs(2)) << third;
}

TEST_F(ReplicationManagerTest, DryRunLeavesTheRowsAsTheyAre) {
  const auto backup = back_up();
  const auto id = queue(backup).id;
  ReplicationManager looking{arm, journal, clock, journal_path, db_path, {.look_only = true}};
  EXPECT_THAT(looking.status(vm("web2"), {}, {}).jobs, SizeIs(1));
  EXPECT_EQ(manager.job(id).status, Status::pending);
  EXPECT_EQ(copy_requests(), 0u);
}

TEST_F(ReplicationManagerTest, LostSourceFailsTheJobForGood) {
  const auto first = back_up(), second = back_up();
  latency("realistic");
  queue(first);
  const auto id = queue(second).id;
  azure::delete_snapshot(arm, snapshot_path(second));
  const auto job = manager.wait({id}, 3, {}, {}).front();
  EXPECT_EQ(job.status, Status::failed);
  EXPECT_THAT(job.error, HasSubstr("source " + second + " is gone"));
}

}  // namespace
}  // namespace azlin::replication
