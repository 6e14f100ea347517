#include <gmock/gmock.h>

#include "azlin/dr/manager.hpp"
#include "support/cloud_fixture.hpp"

namespace azlin::dr {
namespace {

using core::Error;
using core::ErrorKind;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kRegion = "westus2";

class DrillTest : public test::CloudTest {
 protected:
  // A backup of web (three disks) with a copy in westus2, and what the cloud holds then.
  void SetUp() override {
    backups.configure(backups.plan_configure(vm(), {}, false, {}), {});
    backup_name = backups.trigger(vm(), {}, {}).backup.name;
    replicate(backup_name);
    before = simulator.state();
  }
  void replicate(const std::string& name) {
    const auto info = backups.find(vm(), name, {});
    for (const auto& member : info.set.members) {
      azure::NewSnapshot copy;
      copy.id = snapshot_path(member.snapshot.name + "-westus2");
      copy.location = kRegion;
      copy.source_id = member.snapshot.id;
      copy.copy_start = true;
      copy.os_type = member.snapshot.os_type;
      copy.generation = member.snapshot.generation;
      copy.security_type = member.snapshot.security_type;
      copy.tags = member.snapshot.tags;
      copy.tags[snapshot::kReplicaOfTag] = "eastus/production/" + member.snapshot.name;
      copy.tags[snapshot::kTimeTag] = core::to_iso8601(member.snapshot.created_at);
      azure::create_snapshot(arm, copy);
    }
  }
  DRTestConfig config() const {
    DRTestConfig config;
    config.vm = vm();
    config.test_region = kRegion;
    return config;
  }
  DRTestResult run(const DRTestConfig& config) { return drills.run_dr_test(config, {}); }
  Outcome outcome(const DRTestResult& result, Step step) { return result.phase(step)->outcome; }
  void fail_calls(const std::string& method, const std::string& path, int count,
                  const std::string& code = "OperationNotAllowed") {
    simulator.add_fault({{"method", method},
                         {"path", path},
                         {"count", count},
                         {"status", 409},
                         {"code", code},
                         {"message", "injected"}});
  }
  nlohmann::json get(const std::string& id, const std::string& version) {
    return simulator.arm("GET", id + "?api-version=" + version).json();
  }

  backup::BackupManager backups{arm, journal, clock, journal_path};
  std::string db_path = simulator.state_dir() + "/home/dr_tests.db";
  DRTestManager drills{arm, journal, clock, db_path};
  std::string backup_name;
  nlohmann::json before;
};

TEST_F(DrillTest, PassesAndLeavesNothing) {
  const auto result = run(config());
  EXPECT_EQ(result.verdict, Verdict::passed) << result.error;
  for (const auto& phase : result.phases) EXPECT_EQ(phase.outcome, Outcome::passed) << phase.detail;
  EXPECT_EQ(result.rto, result.phase(Step::restore)->took + result.phase(Step::boot)->took);
  EXPECT_EQ(result.phase(Step::cleanup)->detail, "0 left");
  EXPECT_EQ(simulator.state(), before);
  EXPECT_THAT(backups.find(vm(), backup_name, {}).in_use, IsEmpty());
  const auto history = drills.get_test_history({});
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].verdict, Verdict::passed);
  EXPECT_EQ(history[0].backup_name, backup_name);
}

TEST_F(DrillTest, TheVmIsIsolatedAndIsNotTheOriginal) {
  auto kept = config();
  kept.cleanup_after_test = false;
  const auto result = run(kept);
  ASSERT_EQ(result.verdict, Verdict::passed) << result.error;
  ASSERT_TRUE(result.kept_until);
  const auto machine = get(result.test_vm_id, "2024-07-01");
  EXPECT_EQ(machine.at("location"), kRegion);
  EXPECT_FALSE(machine.at("tags").contains("env"));
  EXPECT_THAT(machine.at("tags").at(kDrillTag).get<std::string>(), HasSubstr(result.drill_id));
  EXPECT_FALSE(machine.contains("identity"));
  const auto nic_id = machine.at("properties").at("networkProfile").at("networkInterfaces")[0].at("id");
  const auto nic = get(nic_id, "2023-09-01").at("properties");
  EXPECT_FALSE(nic.at("ipConfigurations")[0].at("properties").contains("publicIPAddress"));
  const auto rules =
      get(nic.at("networkSecurityGroup").at("id"), "2023-09-01").at("properties").at("securityRules");
  for (const auto& rule : rules) {
    const auto& each = rule.at("properties");
    if (each.at("access") != "Allow") continue;
    EXPECT_EQ(each.at("direction"), "Outbound");
    EXPECT_EQ(each.at("destinationAddressPrefix"), "AzureCloud");
    EXPECT_EQ(each.at("destinationPortRange"), "443");
  }
  // It stays while its time is not over, and goes after that.
  EXPECT_FALSE(drills.cleanup(vm().subscription, {}, {}).at(0).dead);
  clock.advance(std::chrono::hours{25});
  EXPECT_TRUE(drills.cleanup(vm().subscription, {}, {}).at(0).dead);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, WithoutACopyInTheRegionItSaysReplicateFirst) {
  auto elsewhere = config();
  elsewhere.test_region = "northeurope";
  const auto error = error_of([&] { run(elsewhere); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.hint(), HasSubstr("replicate first"));
  elsewhere.backup = backup_name;
  EXPECT_THAT(error_of([&] { run(elsewhere); }).hint(), HasSubstr("replicate first"));
  EXPECT_THAT(drills.get_test_history({}), IsEmpty());
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, BadNamesAreRefusedBeforeAnyCall) {
  const auto calls = simulator.requests("").size();
  auto bad = config();
  bad.vm.name = "";
  EXPECT_EQ(error_of([&] { run(bad); }).kind(), ErrorKind::usage);
  bad = config();
  bad.backup = "";
  EXPECT_EQ(error_of([&] { run(bad); }).kind(), ErrorKind::usage);
  EXPECT_EQ(simulator.requests("").size(), calls);
}

TEST_F(DrillTest, NoQuotaFailsTheRestoreBeforeAnythingIsMade) {
  simulator.admin("PUT", "quota", {{"location", kRegion}, {"name", "cores"}, {"limit", 0}});
  const auto result = run(config());
  EXPECT_EQ(result.verdict, Verdict::failed);
  EXPECT_EQ(outcome(result, Step::restore), Outcome::failed);
  EXPECT_EQ(outcome(result, Step::boot), Outcome::not_run);
  EXPECT_EQ(outcome(result, Step::connectivity), Outcome::not_run);
  EXPECT_EQ(outcome(result, Step::cleanup), Outcome::passed);
  EXPECT_FALSE(result.rto);
  EXPECT_THAT(result.error, HasSubstr("quota"));
  EXPECT_EQ(count("PUT", "azlin-drill"), 0U);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, AFailureAtEachStepLeavesNothing) {
  for (const std::string path :
       {"*/networkSecurityGroups/azlin-drill*", "*/virtualNetworks/azlin-drill*",
        "*/networkInterfaces/azlin-drill*", "*/disks/web-dr-test*lun2*", "*/virtualMachines/web-dr-test*"}) {
    fail_calls("PUT", path, 1);
    const auto result = run(config());
    EXPECT_EQ(result.verdict, Verdict::failed) << path;
    EXPECT_EQ(outcome(result, Step::cleanup), Outcome::passed) << path;
    EXPECT_EQ(simulator.state(), before) << path;
  }
}

TEST_F(DrillTest, AGuestThatDoesNotReportFailsAtBoot) {
  fail_calls("GET", "*/virtualMachines/web-dr-test*expand*", -1, "InternalOperationError");
  auto quick = config();
  quick.boot_limit = std::chrono::minutes{1};
  const auto result = run(quick);
  EXPECT_EQ(outcome(result, Step::restore), Outcome::passed);
  EXPECT_EQ(outcome(result, Step::boot), Outcome::failed);
  EXPECT_EQ(outcome(result, Step::connectivity), Outcome::not_run);
  EXPECT_EQ(outcome(result, Step::cleanup), Outcome::passed);
  EXPECT_FALSE(result.rto);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, WithoutALookAtTheGuestItIsNoPassAndHasNoRto) {
  auto blind = config();
  blind.verify_boot = blind.verify_connectivity = false;
  const auto result = run(blind);
  EXPECT_EQ(result.verdict, Verdict::restore_only);
  EXPECT_EQ(outcome(result, Step::boot), Outcome::skipped);
  EXPECT_FALSE(result.rto);
  const auto stats = statistics(drills.get_test_history({}));
  EXPECT_EQ(stats.total(), 0);
  EXPECT_FALSE(stats.rate());
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, TheCheckCommandDecides) {
  auto checked = config();
  checked.verify_command = "true";
  EXPECT_EQ(run(checked).verdict, Verdict::passed);
  checked.verify_command = "false";
  const auto result = run(checked);
  EXPECT_EQ(result.verdict, Verdict::failed);
  EXPECT_EQ(outcome(result, Step::command), Outcome::failed);
  EXPECT_THAT(result.error, HasSubstr("exit code 1"));
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, WhatCouldNotBeRemovedIsItsOwnFactAndIsRemovedLater) {
  fail_calls("DELETE", "*/virtualNetworks/azlin-drill*", 100, "ScopeLocked");
  const auto result = run(config());
  EXPECT_EQ(result.verdict, Verdict::passed) << result.error;
  EXPECT_EQ(outcome(result, Step::cleanup), Outcome::failed);
  ASSERT_THAT(result.left, Not(IsEmpty()));
  EXPECT_THAT(result.left[0].id, HasSubstr("virtualNetworks/azlin-drill"));
  simulator.admin("DELETE", "faults");
  const auto swept = drills.cleanup(vm().subscription, {}, {});
  ASSERT_EQ(swept.size(), 1U);
  EXPECT_TRUE(swept[0].dead);
  EXPECT_THAT(swept[0].left, IsEmpty());
  EXPECT_EQ(simulator.state(), before);
  EXPECT_THAT(drills.get_test_history({}).at(0).left, IsEmpty());
}

TEST_F(DrillTest, AnInterruptCleansUp) {
  std::stop_source stop;
  auto config = this->config();
  config.begun = [&](const Phase& phase) {
    if (phase.step == Step::boot) stop.request_stop();
  };
  const auto result = drills.run_dr_test(config, stop.get_token());
  EXPECT_EQ(result.verdict, Verdict::interrupted);
  EXPECT_EQ(outcome(result, Step::cleanup), Outcome::passed);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, AnotherMachinesDrillStaysUntilItsTimeIsOver) {
  auto kept = config();
  kept.cleanup_after_test = false;
  run(kept);
  DRTestManager other{arm, journal, clock, simulator.state_dir() + "/other/dr_tests.db"};
  EXPECT_FALSE(other.cleanup(vm().subscription, {}, {}).at(0).dead);
  EXPECT_NE(simulator.state(), before);
  clock.advance(std::chrono::hours{25});
  EXPECT_TRUE(other.cleanup(vm().subscription, {}, {}).at(0).dead);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, AGroupThatIsThereIsUsedAndStays) {
  simulator.make_group("DR-Testing", kRegion);
  const auto with_group = simulator.state();
  auto grouped = config();
  grouped.test_resource_group = "DR-Testing";
  const auto result = run(grouped);
  EXPECT_EQ(result.verdict, Verdict::passed) << result.error;
  EXPECT_THAT(result.test_vm_id, HasSubstr("/DR-Testing/"));
  EXPECT_EQ(simulator.state(), with_group);
}

}  // namespace
}  // namespace azlin::dr
