#include <gmock/gmock.h>

#include "azlin/dr/failover.hpp"
#include "integration/dr/replicated_fixture.hpp"
#include "support/fake_process_runner.hpp"

namespace azlin::dr {
namespace {

using core::Error;
using core::ErrorKind;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class FailoverTest : public ReplicatedTest {
 protected:
  FailoverConfig config() const {
    FailoverConfig config;
    config.vm = {vm().subscription, "production", "web"};
    config.region = kRegion;
    return config;
  }
  void lose_region(bool down = true) {
    simulator.admin("POST", "faults", {{"region", "eastus"}, {"down", down}});
    seen = last_request();
  }
  std::int64_t last_request() { return simulator.admin("GET", "requests").at("last"); }
  // Requests since lose_region() that the lost region had to answer, and that it could not.
  std::vector<std::string> calls_to_the_lost_region() {
    std::vector<std::string> calls;
    for (const auto& each : simulator.admin("GET", "requests").at("requests")) {
      if (each.at("number").get<std::int64_t>() <= seen) continue;
      const std::string path = each.at("path");
      const bool of_vm = path.find("/virtualMachines/web") != std::string::npos &&
                         path.find("Production/") != std::string::npos;
      if (each.at("status") == 503 || of_vm || path.find("eastus") != std::string::npos)
        calls.push_back(each.at("method").get<std::string>() + " " + path);
    }
    return calls;
  }
  nlohmann::json get(const std::string& id, const std::string& version) {
    return simulator.arm("GET", id + "?api-version=" + version).json();
  }
  FailoverResult run(const FailoverConfig& config) { return failovers.run(config, {}); }

  std::int64_t seen = 0;
  test::FakeProcessRunner hooks;
  FailoverManager failovers{arm, journal, clock, hooks};
};

TEST_F(FailoverTest, BringsTheVmUpWithoutACallToTheLostRegion) {
  lose_region();
  const auto source = failovers.find_source(vm().subscription, "web", {}, kRegion, {});
  EXPECT_EQ(source.resource_group, "production");
  clock.advance(std::chrono::minutes{30});
  const auto result = run(config());
  EXPECT_THAT(calls_to_the_lost_region(), IsEmpty());
  EXPECT_TRUE(result.up) << result.guest;
  EXPECT_EQ(result.ssh, "");
  ASSERT_TRUE(result.rto);
  EXPECT_GE(result.rpo, std::chrono::minutes{30});
  EXPECT_EQ(result.plan.backup, backup_name);
  EXPECT_EQ(result.plan.target.resource_group, "Production-westus2");
  EXPECT_EQ(result.plan.target.name, "web");
  EXPECT_THAT(result.remaining, Not(IsEmpty()));

  const auto machine = get(result.plan.target.id(), "2024-07-01");
  EXPECT_EQ(machine.at("location"), kRegion);
  EXPECT_EQ(machine.at("tags").at("env"), "prod");
  EXPECT_EQ(machine.at("properties").at("storageProfile").at("dataDisks").size(), 2U);
  EXPECT_EQ(machine.at("properties").at("securityProfile").at("securityType"), "TrustedLaunch");
  const auto history = journal.list(1);
  EXPECT_EQ(history.at(0).kind, "dr.failover");
  EXPECT_EQ(history.at(0).state, "succeeded");
}

TEST_F(FailoverTest, KeepsTheNamesOfDisksAndNicWhereTheyAreFree) {
  const auto original = get(vm().id(), "2024-07-01").at("properties").at("storageProfile");
  lose_region();
  const auto result = run(config());
  const auto now = get(result.plan.target.id(), "2024-07-01").at("properties").at("storageProfile");
  EXPECT_EQ(now.at("osDisk").at("name"), original.at("osDisk").at("name"));
  EXPECT_EQ(now.at("dataDisks")[0].at("name"), original.at("dataDisks")[0].at("name"));
  EXPECT_EQ(now.at("dataDisks")[1].at("lun"), 2);
}

TEST_F(FailoverTest, TheVmAndItsGroupNeedNotBeThere) {
  simulator.arm("DELETE", vm().id() + "?api-version=2024-07-01");
  lose_region();
  const auto source = failovers.find_source(vm().subscription, "web", {}, kRegion, {});
  EXPECT_EQ(source.key(), vm().key());
  EXPECT_TRUE(run(config()).up);
  EXPECT_THAT(calls_to_the_lost_region(), IsEmpty());
}

TEST_F(FailoverTest, AgainItFindsTheVmAndMakesNothing) {
  lose_region();
  const auto first = run(config());
  const auto after = simulator.state();
  const auto again = run(config());
  EXPECT_TRUE(again.plan.done_before);
  EXPECT_TRUE(again.up);
  EXPECT_FALSE(again.rto);
  EXPECT_EQ(again.private_address, first.private_address);
  EXPECT_EQ(simulator.state(), after);
}

TEST_F(FailoverTest, AnotherVmOfThatNameIsInTheWay) {
  auto home = config();
  home.resource_group = "Production";  // where web itself is
  const auto error = error_of([&] { run(home); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_THAT(error.what(), HasSubstr("there is a VM web in Production already"));
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(FailoverTest, WithoutACopyThereThereIsNothingToFailOverTo) {
  auto elsewhere = config();
  elsewhere.region = "northeurope";
  EXPECT_EQ(error_of([&] { run(elsewhere); }).kind(), ErrorKind::not_found);
  EXPECT_EQ(error_of([&] { failovers.find_source(vm().subscription, "nope", {}, kRegion, {}); }).kind(),
            ErrorKind::not_found);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(FailoverTest, AFailureBeforeTheVmIsMadeLeavesNothing) {
  lose_region();
  for (const std::string path :
       {"*/networkSecurityGroups/azlin-failover*", "*/virtualNetworks/azlin-failover*",
        "*/networkInterfaces/*", "*/disks/*", "*/virtualMachines/web*"}) {
    fail_calls("PUT", path, 1);
    const auto error = error_of([&] { run(config()); });
    EXPECT_THAT(error.what(), HasSubstr("Nothing was left behind")) << path;
    EXPECT_EQ(simulator.state(), before) << path;
    EXPECT_EQ(journal.list(1).at(0).state, "rolled_back") << path;
  }
  EXPECT_TRUE(run(config()).up);
}

TEST_F(FailoverTest, NoQuotaIsSaidBeforeAnythingIsMade) {
  simulator.admin("PUT", "quota", {{"location", kRegion}, {"name", "cores"}, {"limit", 0}});
  EXPECT_THAT(error_of([&] { run(config()); }).what(), HasSubstr("quota"));
  EXPECT_EQ(count("PUT", "Production-westus2"), 0U);
}

TEST_F(FailoverTest, AVmWhoseGuestIsSilentStaysAndIsTakenUpAgain) {
  lose_region();
  fail_calls("GET", "*/virtualMachines/web*expand*", -1, "InternalOperationError");
  EXPECT_THAT(error_of([&] { run(config()); }).what(), HasSubstr("was made and stays"));
  simulator.admin("DELETE", "faults");
  lose_region();
  const auto again = run(config());
  EXPECT_TRUE(again.plan.done_before);
  EXPECT_TRUE(again.up);
}

TEST_F(FailoverTest, TheHookRunsWhenTheVmIsUpAndItsFailureIsTold) {
  lose_region();
  hooks.expect({"sh", "-c", "update-dns"}, {.exit_code = 3, .out = "no such zone\n"});
  auto hooked = config();
  hooked.hook = "update-dns";
  hooked.check = "true";
  const auto result = run(hooked);
  EXPECT_EQ(result.check_passed, true);
  EXPECT_EQ(result.hook_passed, false);
  EXPECT_EQ(result.hook_output, "no such zone");
  const auto variables = hooks.requests().at(0).extra_env;
  EXPECT_EQ(variables.at("AZLIN_VM"), "web");
  EXPECT_EQ(variables.at("AZLIN_REGION"), kRegion);
  EXPECT_EQ(variables.at("AZLIN_ADDRESS"), result.private_address);
  EXPECT_THAT(result.private_address, Not(IsEmpty()));
}

TEST_F(FailoverTest, ACheckThatFailsKeepsTheHookFromRunning) {
  lose_region();
  auto hooked = config();
  hooked.hook = "update-dns";
  hooked.check = "false";
  const auto result = run(hooked);
  EXPECT_EQ(result.check_passed, false);
  EXPECT_FALSE(result.hook_passed);
  EXPECT_THAT(hooks.requests(), IsEmpty());
}

TEST_F(FailoverTest, ARegionIsDownWhenNoProbeIsAnswered) {
  const auto probe = [&](int times) {
    return failovers.probe(vm().subscription, "eastus", kRegion, times, std::chrono::seconds{20}, {});
  };
  EXPECT_FALSE(probe(3).down());
  EXPECT_EQ(probe(3).asked, 1);  // the first answer is enough
  lose_region();
  const auto down = probe(3);
  EXPECT_TRUE(down.down());
  EXPECT_EQ(down.failed, 3);
  EXPECT_THAT(down.error, Not(IsEmpty()));
  // With both silent it may be this machine's network.
  simulator.admin("POST", "faults", {{"region", kRegion}});
  EXPECT_THAT(error_of([&] { probe(1); }).what(), HasSubstr("neither does westus2"));
}

TEST_F(FailoverTest, TwoVmsShareTheNetworkOfTheGroup) {
  backups.configure(backups.plan_configure(vm("web2"), {}, false, {}), {});
  replicate(backups.trigger(vm("web2"), {}, {}).backup.name, "web2");
  lose_region();
  run(config());
  auto second = config();
  second.vm.name = "web2";
  const auto result = run(second);
  EXPECT_FALSE(result.plan.new_network);
  EXPECT_TRUE(result.up);
  EXPECT_EQ(count("PUT", "virtualNetworks/azlin-failover-net"), 1U);
}

}  // namespace
}  // namespace azlin::dr
