#include "azlin/backup/manager.hpp"
#include "azlin/backup/restore.hpp"

#include <gmock/gmock.h>

#include <condition_variable>
#include <thread>

#include "azlin/backup/lease.hpp"
#include "support/cloud_fixture.hpp"

namespace azlin::backup {
namespace {

using core::Error;
using core::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BackupManagerTest : public test::CloudTest {
 protected:
  void configure(const ScheduleChange& change = {}, const std::string& name = "web2") {
    backups.configure(backups.plan_configure(vm(name), change, false, {}), {});
  }
  TriggerResult trigger(const std::string& name = "web2", TriggerOptions options = {}) {
    return backups.trigger(vm(name), options, {});
  }
  // One backup a day at the hour it is, `days` times; the clock stands at the last one.
  void run_daily(int days, const std::string& name = "web2") {
    for (int day = 0; day < days; ++day) {
      if (day > 0) clock.advance(std::chrono::hours{24});
      EXPECT_THAT(trigger(name).warnings, IsEmpty());
    }
  }
  std::vector<std::string> names(const std::string& name = "web2") {
    std::vector<std::string> out;
    for (const auto& info : backups.list(vm(name), {})) out.push_back(info.name);
    return out;
  }
  void mark(const std::string& name, const std::string& tag, const std::string& value) {
    snapshots().tag(backups.find(vm("web2"), name, {}).set, {{tag, value}}, {});
  }
  snapshot::SnapshotManager& snapshots() { return backups.snapshots(); }
  // A copy in westus2, as replication makes it.
  void replicate(const std::string& name) {
    const auto info = backups.find(vm("web2"), name, {});
    const auto& source = info.set.members.at(0).snapshot;
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

  BackupManager backups{arm, journal, clock, journal_path};
};

TEST_F(BackupManagerTest, ConfigureWritesTheTagAndLeavesOthers) {
  configure({.daily = 14, .weekly = 8, .monthly = 24, .cross_region = true, .target_region = "westus2"});
  EXPECT_EQ(vm_tags("web2")["azlin:backup-schedule"],
            R"({"v":1,"on":true,"d":14,"w":8,"m":24,"to":"westus2"})");
  set_vm_tag("team", "storage", "web2");
  configure({.daily = 7});
  EXPECT_EQ(vm_tags("web2")["azlin:backup-schedule"],
            R"({"v":1,"on":true,"d":7,"w":8,"m":24,"to":"westus2"})");
  EXPECT_EQ(vm_tags("web2")["team"], "storage");
  EXPECT_EQ(count("PUT", "/virtualMachines/"), 0u) << "the VM itself is never rewritten";
}

// An index that knows of no snapshot yet.
class LaggingTransport final : public http::Transport {
 public:
  explicit LaggingTransport(http::Transport& transport) : transport_(transport) {}
  http::Response send(const http::Request& request, std::stop_token stop) override {
    auto response = transport_.send(request, std::move(stop));
    if (request.url.find("/resources?") != std::string::npos) response.body = R"({"value": []})";
    return response;
  }

 private:
  http::Transport& transport_;
};

TEST_F(BackupManagerTest, TierIsChosenOnWhatWasJustMadeAlsoWhileTheIndexLags) {
  LaggingTransport lagging(*transport);
  arm::ArmClient client{lagging, clock, chain, {.endpoint = simulator.url()}};
  BackupManager here{client, journal, clock, journal_path};
  configure();
  EXPECT_EQ(here.trigger(vm("web2"), {}, {}).backup.tier, Tier::monthly);
  EXPECT_EQ(here.trigger(vm("web2"), {}, {}).backup.tier, Tier::daily);
  EXPECT_EQ(here.list(vm("web2"), {}).size(), 2u);
  EXPECT_FALSE(here.is_due(vm("web2"), {}));
}

TEST_F(BackupManagerTest, RefusedTagWriteSurfaces) {
  const auto plan = backups.plan_configure(vm("web2"), {}, false, {});
  simulator.add_fault({{"method", "PATCH"}, {"status", 403}, {"code", "AuthorizationFailed"}});
  EXPECT_EQ(error_of([&] { backups.configure(plan, {}); }).kind(), ErrorKind::unauthorized);
  EXPECT_EQ(journal.list(1).at(0).state, "failed");
  EXPECT_FALSE(backups.show(vm("web2"), {}).schedule);
}

TEST_F(BackupManagerTest, LoweredNumberShowsWhatWouldGo) {
  configure();
  run_daily(7);
  const auto plan = backups.plan_configure(vm("web2"), {.daily = 2}, false, {});
  std::vector<std::string> going;
  for (const auto& decision : plan.would_go) going.push_back(decision.point.name);
  EXPECT_THAT(going, ElementsAre("web2-backup-daily-20251202-0800", "web2-backup-daily-20251203-0800",
                                 "web2-backup-daily-20251204-0800", "web2-backup-daily-20251205-0800"));
  EXPECT_EQ(names().size(), 7u) << "a plan deletes nothing";
  EXPECT_THAT(backups.plan_configure(vm("web2"), {.daily = 20}, false, {}).would_go, IsEmpty());
}

TEST_F(BackupManagerTest, UnreadableScheduleStopsEverythingThatDeletes) {
  configure();
  run_daily(3);
  set_vm_tag(kScheduleTag, R"({"v":1,"on":true,"d":1)", "web2");
  clock.advance(std::chrono::hours{24 * 60});
  EXPECT_THROW(backups.cleanup(vm("web2"), true, {}), InvalidSchedule);
  EXPECT_THROW(backups.trigger(vm("web2"), {}, {}), InvalidSchedule);
  EXPECT_THROW(backups.plan_configure(vm("web2"), {}, false, {}), InvalidSchedule);
  EXPECT_EQ(names().size(), 3u);
  const auto all = backups.scheduled_vms(vm().subscription, {}, {});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_THAT(all[0].error, HasSubstr("VM web2"));

  backups.configure(backups.plan_configure(vm("web2"), {}, true, {}), {});
  EXPECT_EQ(backups.show(vm("web2"), {}).schedule, BackupSchedule{});
}

TEST_F(BackupManagerTest, ShowCountsWhatExists) {
  EXPECT_FALSE(backups.show(vm("web2"), {}).schedule);
  configure();
  run_daily(8);  // Monday the 1st to Monday the 8th
  const auto view = backups.show(vm("web2"), {});
  EXPECT_EQ(view.total, 8);
  EXPECT_EQ(view.counts.at(Tier::monthly), 1);
  EXPECT_EQ(view.counts.at(Tier::weekly), 1);
  EXPECT_EQ(view.counts.at(Tier::daily), 6);
  EXPECT_EQ(view.last.at(Tier::weekly), core::parse_time("2025-12-07 08:00"));
}

TEST_F(BackupManagerTest, BackupCarriesWhatIsReportedOfIt) {
  configure({.cross_region = true, .target_region = "westus2"}, "web");
  const auto result = trigger("web");
  EXPECT_EQ(result.backup.name, "web-backup-monthly-20251201-0800");
  EXPECT_EQ(result.backup.tier, Tier::monthly) << "the first backup fills every tier";
  EXPECT_EQ(result.backup.size_gb, 56);
  EXPECT_EQ(result.backup.disks, 3);
  EXPECT_TRUE(result.backup.complete);
  EXPECT_EQ(result.backup.resource_group, "Production");
  EXPECT_EQ(result.replicate_to, "westus2");
  EXPECT_EQ(journal.find(result.operation)->state, "succeeded");
  EXPECT_FALSE(vm_tags("web").contains(kLeaseTag));
}

TEST_F(BackupManagerTest, TierIsForcedOrTheHighestDue) {
  configure();
  EXPECT_EQ(trigger("web2", {.tier = Tier::weekly}).backup.tier, Tier::weekly);
  EXPECT_EQ(trigger().backup.tier, Tier::monthly);
  EXPECT_EQ(trigger().backup.tier, Tier::daily) << "a second run of the day is a further daily";
  EXPECT_THAT(names(), testing::Contains("web2-backup-daily-20251201-0800"));
}

TEST_F(BackupManagerTest, DisabledOrMissingScheduleMakesNoSnapshot) {
  EXPECT_THAT(error_of([&] { trigger(); }).what(), HasSubstr("no backup schedule"));
  configure();
  backups.disable(vm("web2"), {});
  EXPECT_THAT(error_of([&] { trigger(); }).what(), HasSubstr("disabled"));
  EXPECT_FALSE(backups.is_due(vm("web2"), {}));
  EXPECT_EQ(error_of([&] { backups.disable(vm("my-web"), {}); }).kind(), ErrorKind::not_found);
  EXPECT_THAT(snapshot_names(), IsEmpty());
}

TEST_F(BackupManagerTest, DryRunChangesNothing) {
  configure();
  const auto plan = backups.plan_trigger(vm("web2"), {}, {});
  EXPECT_EQ(plan.take.set, "web2-backup-monthly-20251201-0800");
  EXPECT_EQ(plan.take.snapshots.size(), 1u);
  EXPECT_THAT(snapshot_names(), IsEmpty());
  EXPECT_FALSE(vm_tags("web2").contains(kLeaseTag));
}

TEST_F(BackupManagerTest, RetentionRunsAfterEachBackup) {
  configure({.daily = 3, .weekly = 1, .monthly = 1});
  run_daily(35);  // 1 December to 4 January
  EXPECT_THAT(names(), ElementsAre("web2-backup-weekly-20260104-0800", "web2-backup-daily-20260103-0800",
                                   "web2-backup-daily-20260102-0800", "web2-backup-monthly-20260101-0800"));
  EXPECT_EQ(snapshot_names().size(), 4u);
}

TEST_F(BackupManagerTest, FailedCleanupIsAWarningOfTheBackup) {
  configure({.daily = 1, .no_weekly = true});
  run_daily(2);
  clock.advance(std::chrono::hours{24});
  simulator.add_fault({{"method", "DELETE"}, {"status", 409}, {"code", "ScopeLocked"}});
  const auto result = trigger();
  EXPECT_TRUE(result.backup.complete);
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("ScopeLocked")));
  EXPECT_EQ(result.cleanup->failures.size(), 1u);
  EXPECT_EQ(result.cleanup->deleted.size(), 0u);
  EXPECT_EQ(journal.find(result.operation)->state, "succeeded");
}

TEST_F(BackupManagerTest, OneDeletionThatFailsDoesNotKeepTheOthers) {
  configure({.daily = 7});
  run_daily(4);
  configure({.daily = 1});
  clock.advance(std::chrono::hours{24});
  simulator.add_fault(
      {{"method", "DELETE"}, {"path", "*daily-20251203*"}, {"status", 409}, {"code", "Conflict"}});
  const auto result = backups.cleanup(vm("web2"), true, {});
  EXPECT_EQ(result.counts.at(Tier::daily), 1);
  EXPECT_THAT(result.failures, ElementsAre(HasSubstr("20251203")));
  EXPECT_THAT(names(), ElementsAre("web2-backup-daily-20251204-0800", "web2-backup-daily-20251203-0800",
                                   "web2-backup-monthly-20251201-0800"));
}

TEST_F(BackupManagerTest, WrongClockHereDeletesNothing) {
  configure();
  run_daily(8);
  clock.set_local("2027-12-08 08:00");
  const auto after_backup = trigger();
  EXPECT_THAT(after_backup.cleanup->deleted, IsEmpty()) << "it counts from Azure's time of the backup";
  const auto alone = backups.cleanup(vm("web2"), false, {});
  EXPECT_TRUE(alone.plan.over_limit);
  EXPECT_FALSE(alone.executed);
  EXPECT_EQ(names().size(), 9u);
}

TEST_F(BackupManagerTest, CleanupGoesOnlyAsFarAsItsPlan) {
  configure({.daily = 3});
  run_daily(3);
  clock.advance(std::chrono::hours{24});
  configure({.daily = 1});
  const auto plan = backups.plan_cleanup(vm("web2"), {});
  EXPECT_FALSE(plan.executed);
  ASSERT_EQ(plan.plan.deletions().size(), 1u);
  EXPECT_EQ(plan.plan.deletions()[0].reason, "daily, expired on 2025-12-03");
  EXPECT_EQ(names().size(), 3u);
  const auto done = backups.cleanup(vm("web2"), false, {});
  EXPECT_TRUE(done.executed);
  ASSERT_EQ(done.deleted.size(), 1u);
  EXPECT_EQ(names().size(), 2u);
}

TEST_F(BackupManagerTest, HeldOneStaysUntilReleased) {
  configure({.daily = 1, .no_weekly = true});
  run_daily(2);
  EXPECT_EQ(error_of([&] { backups.hold(vm("web2"), "web2-backup-daily", "", {}); }).kind(),
            ErrorKind::usage);
  backups.hold(vm("web2"), "web2-backup-daily-20251202", "case 4711", {});
  EXPECT_THAT(*backups.find(vm("web2"), "web2-backup-daily-20251202", {}).hold, HasSubstr("case 4711"));
  clock.advance(std::chrono::hours{24});
  trigger();
  EXPECT_THAT(names(), testing::Contains("web2-backup-daily-20251202-0800"));
  EXPECT_EQ(error_of([&] { backups.remove(vm("web2"), "web2-backup-daily-20251202", {}, true, {}); }).kind(),
            ErrorKind::failed)
      << "not even by force";
  backups.release(vm("web2"), "web2-backup-daily-20251202", {});
  backups.cleanup(vm("web2"), false, {});
  EXPECT_THAT(names(), testing::Not(testing::Contains("web2-backup-daily-20251202-0800")));
}

TEST_F(BackupManagerTest, ExpiredOneWaitsForItsReplicaAndGoesWithIt) {
  configure({.daily = 1, .no_weekly = true, .target_region = "westus2"});
  run_daily(2);
  clock.advance(std::chrono::hours{24 * 2});
  trigger();
  EXPECT_THAT(names(), testing::Contains("web2-backup-daily-20251202-0800")) << "not copied yet";

  auto oldest_first = names();
  std::reverse(oldest_first.begin(), oldest_first.end());
  for (const auto& name : oldest_first) replicate(name);
  const auto before = backups.find(vm("web2"), "web2-backup-daily-20251202", {});
  ASSERT_EQ(before.replicas.size(), 1u);
  EXPECT_TRUE(before.replicas[0].complete);
  const auto done = backups.cleanup(vm("web2"), false, {});
  EXPECT_EQ(done.deleted.size(), 2u) << "the backup and its replica";
  EXPECT_EQ(done.counts.at(Tier::daily), 1);
  EXPECT_THAT(names(), testing::Not(testing::Contains("web2-backup-daily-20251202-0800")));
}

TEST_F(BackupManagerTest, LastVerifiedOneStays) {
  configure({.daily = 1, .no_weekly = true});
  run_daily(2);
  mark("web2-backup-daily-20251202", snapshot::kVerifiedTag, "content 2025-12-02T10:00:00Z");
  clock.advance(std::chrono::hours{24});
  run_daily(2);
  EXPECT_THAT(names(), ElementsAre("web2-backup-daily-20251204-0800", "web2-backup-daily-20251202-0800",
                                   "web2-backup-monthly-20251201-0800"));
}

TEST_F(BackupManagerTest, DeleteRefusesTheNewestWithoutForce) {
  configure();
  run_daily(2);
  EXPECT_THAT(error_of([&] { backups.remove(vm("web2"), "web2-backup-daily", {}, false, {}); }).what(),
              HasSubstr("the newest backup"));
  EXPECT_EQ(backups.remove(vm("web2"), "web2-backup-monthly", {}, false, {}).deleted.size(), 1u);
  EXPECT_EQ(backups.remove(vm("web2"), "web2-backup-daily", {}, true, {}).deleted.size(), 1u);
  EXPECT_THAT(snapshot_names(), IsEmpty());
  EXPECT_EQ(error_of([&] { backups.remove(vm("web2"), "web2", {}, true, {}); }).kind(), ErrorKind::not_found);
}

TEST_F(BackupManagerTest, FailedLeftoversOfTheServiceAreRemoved) {
  configure();
  run_daily(1);
  auto left = azure::NewSnapshot{};
  left.id = snapshot_path("web2-backup-daily-20251130-0800");
  left.location = "eastus";
  left.source_id = azure::get_vm(arm, vm("web2").id(), false).os_disk.disk_id;
  left.tags = {{snapshot::kVmTag, "production/web2"},
               {snapshot::kSetTag, "web2-backup-daily-20251130-0800"},
               {snapshot::kLunTag, "os"},
               {snapshot::kDisksTag, "1"},
               {snapshot::kTierTag, "daily"}};
  simulator.add_fault({{"method", "PUT"},
                       {"operationCode", "SnapshotsLimitReached"},
                       {"operationMessage", "x"},
                       {"count", 1}});
  EXPECT_THROW(azure::create_snapshot(arm, left), Error);
  ASSERT_EQ(snapshot_names().size(), 2u);
  EXPECT_EQ(backups.plan_cleanup(vm("web2"), {}).leftovers.size(), 1u);
  backups.cleanup(vm("web2"), false, {});
  EXPECT_EQ(snapshot_names().size(), 1u);
}

// The first snapshot is not asked for until the gate is opened.
class GatedTransport final : public http::Transport {
 public:
  explicit GatedTransport(http::Transport& inner) : inner_(inner) {}
  http::Response send(const http::Request& request, std::stop_token stop) override {
    if (request.method == "PUT" && request.url.find("/snapshots/") != std::string::npos) {
      std::unique_lock lock(mutex_);
      waits_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
    }
    return inner_.send(request, std::move(stop));
  }
  void wait_for_somebody() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waits_ || open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  http::Transport& inner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool waits_ = false, open_ = false;
};

TEST_F(BackupManagerTest, OfTwoTriggersAtOnceOneIsBusy) {
  configure();
  GatedTransport gate(*transport);
  arm::ArmClient behind(gate, clock, chain, {.endpoint = simulator.url()});
  BackupManager first(behind, journal, clock, journal_path);
  std::string failure = "none";
  std::thread thread([&] {
    try {
      first.trigger(vm("web2"), {}, {});
    } catch (const Error& error) {
      failure = error.what();
    }
    gate.open();
  });
  gate.wait_for_somebody();
  EXPECT_EQ(error_of([&] { trigger(); }).kind(), ErrorKind::busy);
  EXPECT_EQ(error_of([&] { trigger(); }).kind(), ErrorKind::busy);
  gate.open();
  thread.join();
  EXPECT_EQ(failure, "none");
  EXPECT_EQ(snapshot_names().size(), 1u);
}

TEST_F(BackupManagerTest, AnotherMachineIsToldThatTheVmIsBusy) {
  configure();
  VmLease theirs(arm, vm("web2").id(), "backup.restore", "elsewhere:1", clock.now() + std::chrono::hours{1},
                 {});
  EXPECT_EQ(error_of([&] { trigger(); }).kind(), ErrorKind::busy);
  EXPECT_THAT(snapshot_names(), IsEmpty());
  EXPECT_EQ(journal.list(1).at(0).state, "failed");
}

TEST_F(BackupManagerTest, InterruptedBackupIsUndoneByRecover) {
  configure({}, "web");
  simulator.add_fault({{"method", "PUT"}, {"path", "*-lun2*"}, {"status", 409}, {"code", "X"}});
  const auto no_delete = simulator.add_fault({{"method", "DELETE"}, {"status", 403}, {"code", "No"}});
  error_of([&] { trigger("web"); });
  ASSERT_EQ(journal.interrupted().size(), 1u);
  const auto again = backups.recover(journal.interrupted()[0], {});
  EXPECT_FALSE(again.settled);
  simulator.admin("DELETE", "faults/" + std::to_string(no_delete));
  const auto record = journal.interrupted().at(0);
  EXPECT_TRUE(BackupManager::recovers(record.kind));
  EXPECT_TRUE(backups.recover(record, {}).settled);
  EXPECT_THAT(snapshot_names(), IsEmpty());
  EXPECT_FALSE(vm_tags("web").contains(kLeaseTag));
  EXPECT_EQ(journal.find(record.id)->state, "recovered");
}

TEST_F(BackupManagerTest, BackupsOutliveTheirVm) {
  configure();
  run_daily(2);
  azure::delete_vm(arm, vm("web2").id());
  EXPECT_EQ(names().size(), 2u);
  EXPECT_EQ(error_of([&] { backups.cleanup(vm("web2"), true, {}); }).kind(), ErrorKind::not_found);
  EXPECT_EQ(names().size(), 2u);
  EXPECT_EQ(backups.remove(vm("web2"), "web2-backup-monthly", {}, false, {}).deleted.size(), 1u);
}

TEST_F(BackupManagerTest, DueOnceADay) {
  configure();
  EXPECT_TRUE(backups.is_due(vm("web2"), {}));
  trigger();
  EXPECT_FALSE(backups.is_due(vm("web2"), {}));
  clock.set("2025-12-02 00:00");
  EXPECT_TRUE(backups.is_due(vm("web2"), {}));
}

TEST_F(BackupManagerTest, ErrorOfTheServiceIsNeverAnEmptyList) {
  simulator.add_fault(
      {{"method", "GET"}, {"path", "*/resources?*"}, {"status", 403}, {"code", "AuthorizationFailed"}});
  EXPECT_EQ(error_of([&] { backups.list(vm("web2"), {}); }).kind(), ErrorKind::unauthorized);
}

TEST_F(BackupManagerTest, WholeSubscriptionListsTheSameAsEachVm) {
  configure({}, "web");
  configure({.target_region = "westus2"});
  trigger("web");
  run_daily(2);
  replicate("web2-backup-daily");
  mark("web2-backup-daily", snapshot::kVerifiedTag, "content 2025-12-02T10:00:00Z");
  const auto all = backups.list_all(vm().subscription, {});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].name, "web2-backup-daily-20251202-0800");
  for (const auto& info : all) {
    const auto same = backups.find(vm(info.vm_name), info.name, {});
    EXPECT_EQ(info.size_gb, same.size_gb);
    EXPECT_EQ(info.complete, same.complete);
    EXPECT_EQ(info.created, same.created);
    EXPECT_EQ(info.region, same.region);
    EXPECT_EQ(info.verified, same.verified);
    EXPECT_EQ(info.verified_level, same.verified_level);
    EXPECT_EQ(info.verified_at, same.verified_at);
    EXPECT_EQ(info.replicas.size(), same.replicas.size());
    EXPECT_EQ(info.disks, same.disks);
  }
}

TEST_F(BackupManagerTest, ForecastLooksAheadFromWhatExists) {
  configure({.daily = 2, .no_weekly = true});
  run_daily(2);
  const auto made = backups.forecast(vm("web2"), core::parse_time("2025-12-20").value(), {});
  std::vector<std::string> forecast_names;
  for (const auto& point : made.points) forecast_names.push_back(point.name);
  EXPECT_THAT(forecast_names,
              ElementsAre("web2-backup-monthly-20251201-0800", "web2-backup-daily-20251219-0800",
                          "web2-backup-daily-20251220-0800"));
  EXPECT_TRUE(made.points[0].exists_now);
}

// An interrupt comes while the first program runs.
class InterruptedRunner final : public core::ProcessRunner {
 public:
  core::ProcessResult run(const core::ProcessRequest&, std::stop_token) override {
    source.request_stop();
    return {};
  }
  std::stop_source source;
};

TEST_F(BackupManagerTest, RestoreThatIsDoneIsToldAlthoughTheLookAtSshIsInterrupted) {
  configure({});
  backups.trigger(vm("web2"), {}, {});
  InterruptedRunner programs;
  RestoreManager restores(arm, journal, clock, programs, journal_path);
  const auto backup = backups.list(vm("web2"), {}).front();
  const auto plan = restores.plan_in_place(vm("web2"), backup, {});
  const auto result = restores.restore(plan, {}, programs.source.get_token());
  EXPECT_EQ(result.power_state, "running");
  EXPECT_THAT(result.ssh, testing::HasSubstr("not checked"));
}

// Azure said once that one snapshot of the set is not there, in each place where it is asked.
TEST_F(BackupManagerTest, DeletionLooksAgainBeforeItSaysThatAllIsGone) {
  configure({}, "web");
  int struck = 0;
  for (int skip = 0; skip < 5; ++skip) {
    clock.advance(std::chrono::hours{24});
    const auto name = backups.trigger(vm(), {}, {}).backup.name;
    const auto fault = simulator.add_fault({{"method", "GET"},
                                            {"path", "*/snapshots/" + name + "-lun2?*"},
                                            {"status", 404},
                                            {"code", "ResourceNotFound"},
                                            {"skip", skip},
                                            {"count", 1}});
    const auto result = backups.remove(vm(), name, {}, true, {});
    struck += simulator.fault_hits(fault) > 0 ? 1 : 0;
    simulator.admin("DELETE", "faults/" + std::to_string(fault));
    EXPECT_THAT(result.failures, IsEmpty()) << skip;
    EXPECT_THAT(snapshot_names(), testing::Not(testing::Contains(HasSubstr(name)))) << skip;
  }
  EXPECT_GT(struck, 1);
}

// Says that it started what it did not.
class NothingStarted final : public http::Transport {
 public:
  explicit NothingStarted(http::Transport& transport) : transport_(transport) {}
  http::Response send(const http::Request& request, std::stop_token stop) override {
    if (request.url.find("/start?") != std::string::npos) return {200, {}, {}};
    return transport_.send(request, std::move(stop));
  }

 private:
  http::Transport& transport_;
};

TEST_F(BackupManagerTest, VmThatWasNotStartedAgainIsNotCalledStarted) {
  configure({});
  backups.trigger(vm("web2"), {}, {});
  const auto backup = backups.list(vm("web2"), {}).front();
  NothingStarted lying(*transport);
  arm::ArmClient client{lying, clock, chain, {.endpoint = simulator.url()}};
  RestoreManager restores(client, journal, clock, processes, journal_path);
  const auto plan = restores.plan_in_place(vm("web2"), backup, {});
  const auto error = error_of([&] { restores.restore(plan, {}, {}); });
  EXPECT_THAT(error.what(), HasSubstr("told to start, but it is deallocated"));
  EXPECT_THAT(error.what(), HasSubstr("azlin recover"));

  RestoreManager honest(arm, journal, clock, processes, journal_path);
  EXPECT_TRUE(honest.recover(journal.interrupted().front(), {}).settled);
  EXPECT_EQ(azure::get_vm(arm, vm("web2").id(), true).power_state, "running");
}

// Says that it deleted what it did not.
class NothingDeleted final : public http::Transport {
 public:
  explicit NothingDeleted(http::Transport& transport) : transport_(transport) {}
  http::Response send(const http::Request& request, std::stop_token stop) override {
    if (request.method == "DELETE" && request.url.find("-lun2?") != std::string::npos) return {204, {}, {}};
    return transport_.send(request, std::move(stop));
  }

 private:
  http::Transport& transport_;
};

TEST_F(BackupManagerTest, SnapshotThatStaysAfterItsDeletionIsTold) {
  configure({}, "web");
  const auto name = backups.trigger(vm(), {}, {}).backup.name;
  NothingDeleted lying(*transport);
  arm::ArmClient client{lying, clock, chain, {.endpoint = simulator.url()}};
  const auto result = BackupManager(client, journal, clock, journal_path).remove(vm(), name, {}, true, {});
  EXPECT_THAT(result.failures, testing::Contains(HasSubstr("is still there")));
}

}  // namespace
}  // namespace azlin::backup
