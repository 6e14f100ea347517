#include "azlin/dr/failback.hpp"

#include <gmock/gmock.h>

#include "azlin/azure/network.hpp"

#include "integration/dr/replicated_fixture.hpp"

namespace azlin::dr {
namespace {

using core::Error;
using core::ErrorKind;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// No other programs.
class NoProcesses final : public core::ProcessRunner {
 public:
  core::ProcessResult run(const core::ProcessRequest&, std::stop_token) override { return {.exit_code = 1}; }
};

class FailbackTest : public ReplicatedTest {
 protected:
  // web is failed over to westus2, and eastus is back.
  void SetUp() override {
    ReplicatedTest::SetUp();
    simulator.admin("POST", "faults", {{"region", "eastus"}});
    FailoverConfig over;
    over.vm = vm();
    over.region = kRegion;
    target = failovers.run(over, {}).plan.target;
    simulator.admin("POST", "faults", {{"region", "eastus"}, {"down", false}});
    clock.advance(std::chrono::hours{5});
  }
  FailbackConfig config() const {
    FailbackConfig config;
    config.vm = target;
    return config;
  }
  azure::Vm now(const VmRef& ref) { return azure::get_vm(arm, ref.id(), true); }
  std::string write(const VmRef& ref, const std::string& script) {
    return azure::run_script(arm, ref.id(), {script}).out;
  }

  NoProcesses processes;
  FailoverManager failovers{arm, journal, clock, processes};
  replication::ReplicationManager replications{arm, journal, clock, journal_path,
                                               simulator.state_dir() + "/home/replication.db"};
  FailbackManager failbacks{arm, journal, clock, processes, replications};
  VmRef target;
};

TEST_F(FailbackTest, TheVmGoesHomeIntoTheOldOne) {
  const auto old_disk = now(vm()).os_disk.disk_id;
  const auto result = failbacks.run(config(), {});
  EXPECT_TRUE(result.plan.in_place);
  const auto home = now(vm());
  EXPECT_EQ(home.power_state, "running");
  EXPECT_NE(home.os_disk.disk_id, old_disk);
  EXPECT_TRUE(azure::find_disk(arm, old_disk)->tags.contains("azlin:kept"));
  EXPECT_EQ(now(target).power_state, "deallocated");
  EXPECT_EQ(journal.list(20, "succeeded").empty(), false);
  EXPECT_THAT(result.remaining, Not(IsEmpty()));
  EXPECT_GT(result.downtime.count(), -1);
  // Again: nothing is left to do.
  const auto state = simulator.state();
  EXPECT_TRUE(failbacks.run(config(), {}).plan.done_before);
  EXPECT_EQ(simulator.state(), state);
}

TEST_F(FailbackTest, WarningsOfItsRestoreAreToldOnce) {
  simulator.add_fault({{"method", "PATCH"},
                       {"path", "*/resourceGroups/Production/*/disks/web_OsDisk/*tags/default?*"},
                       {"count", -1},
                       {"status", 403},
                       {"code", "RequestDisallowedByPolicy"},
                       {"message", "injected"}});
  const auto result = failbacks.run(config(), {});
  auto expected = result.plan.warnings;
  expected.insert(expected.end(), result.restored.warnings.begin(), result.restored.warnings.end());
  EXPECT_EQ(result.warnings, expected);
  EXPECT_THAT(result.warnings, Contains(HasSubstr("web_OsDisk could not be tagged")));
}

TEST_F(FailbackTest, AFailureAtHomeStartsTheFailedOverVmAgain) {
  const auto disks = now(vm()).os_disk.disk_id;
  fail_calls("PUT", "*/Production/*/disks/web*", 100, "Conflict");
  fail_calls("PUT", "*/resourceGroups/Production/providers/Microsoft.Compute/disks/*", 100, "Conflict");
  const auto error = error_of([&] { failbacks.run(config(), {}); });
  EXPECT_THAT(error.what(), HasSubstr("The failed-over VM was started again"));
  EXPECT_EQ(now(target).power_state, "running");
  EXPECT_EQ(now(vm()).os_disk.disk_id, disks);
  simulator.admin("DELETE", "faults");
  EXPECT_EQ(failbacks.run(config(), {}).plan.done_before, false);
  EXPECT_EQ(now(target).power_state, "deallocated");
}

TEST_F(FailbackTest, WhileHomeIsDownNothingIsDone) {
  simulator.admin("POST", "faults", {{"region", "eastus"}});
  const auto state = simulator.state();
  EXPECT_EQ(error_of([&] { failbacks.run(config(), {}); }).kind(), ErrorKind::failed);
  EXPECT_EQ(simulator.state(), state);
  EXPECT_EQ(now(target).power_state, "running");
}

TEST_F(FailbackTest, WithoutTheOldVmASubnetIsNeeded) {
  const auto subnet = azure::find_nic(arm, now(vm()).nic_ids.front())->subnet_id;
  azure::delete_vm(arm, vm().id());
  EXPECT_THAT(error_of([&] { failbacks.run(config(), {}); }).hint(), HasSubstr("--subnet"));
  auto anew = config();
  anew.subnet_id = subnet;
  const auto result = failbacks.run(anew, {});
  EXPECT_FALSE(result.plan.in_place);
  EXPECT_EQ(now(vm()).power_state, "running");
  EXPECT_EQ(now(vm()).location, "eastus");
}

TEST_F(FailbackTest, AVmThatWasNotFailedOverIsRefused) {
  auto other = config();
  other.vm = vm("web2");
  EXPECT_EQ(error_of([&] { failbacks.run(other, {}); }).kind(), ErrorKind::usage);
}

}  // namespace
}  // namespace azlin::dr
