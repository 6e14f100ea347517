// Several VMs as one drill, in one isolated network.
#include <gmock/gmock.h>

#include "azlin/azure/capacity.hpp"
#include "integration/dr/replicated_fixture.hpp"

namespace azlin::dr {
namespace {

using core::ErrorKind;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class TogetherTest : public ReplicatedTest {
 protected:
  void SetUp() override {
    ReplicatedTest::SetUp();
    backups.configure(backups.plan_configure(vm("web2"), {}, false, {}), {});
    replicate(backups.trigger(vm("web2"), {}, {}).backup.name, "web2");
    before = simulator.state();
  }
  std::vector<DRTestConfig> configs() const {
    std::vector<DRTestConfig> all(2);
    for (auto& config : all) config.test_region = kRegion;
    all[0].vm = vm("web");
    all[1].vm = vm("web2");
    return all;
  }
  // One after the other, and a look at the cloud when all are up.
  std::vector<std::optional<DRTestResult>> run(const std::vector<DRTestConfig>& all,
                                               const std::function<void()>& look = {}) {
    return drills.run_together("shop", all,
                               [&](const DRTestManager::BringUp& bring_up) {
                                 for (std::size_t i = 0; i < all.size(); ++i) {
                                   try {
                                     bring_up(i);
                                   } catch (const core::Error& error) {
                                     errors.emplace_back(error.what());
                                   }
                                 }
                                 if (look) look();
                               },
                               {});
  }
  nlohmann::json nic_of(const std::string& vm_id) {
    const auto machine = get(vm_id, "2024-07-01");
    const std::string id = machine.at("properties").at("networkProfile").at("networkInterfaces")[0].at("id");
    return get(id, "2023-09-01").at("properties");
  }

  std::vector<std::string> errors;
  DRTestManager drills{arm, journal, clock, simulator.state_dir() + "/home/dr_tests.db"};
};

TEST_F(TogetherTest, TheVmsAreUpAtOnceInOneNetworkAndGoTogether) {
  std::set<std::string> subnets;
  nlohmann::json rules;
  const auto results = run(configs(), [&] {
    for (const auto& row : drills.get_test_history({})) {
      EXPECT_EQ(row.verdict, Verdict::running);
      const auto nic = nic_of(row.test_vm_id);
      subnets.insert(nic.at("ipConfigurations")[0].at("properties").at("subnet").at("id"));
      rules = get(nic.at("networkSecurityGroup").at("id"), "2023-09-01").at("properties").at("securityRules");
    }
  });
  EXPECT_EQ(subnets.size(), 1U);
  // They reach each other and no other network; HTTPS to Azure is for Run Command.
  for (const auto& rule : rules) {
    const auto& each = rule.at("properties");
    if (each.at("access") != "Allow") continue;
    const bool among_them = each.at("sourceAddressPrefix") == "10.250.0.0/24" &&
                            each.at("destinationAddressPrefix") == "10.250.0.0/24";
    EXPECT_TRUE(among_them || each.at("destinationAddressPrefix") == "AzureCloud") << rule;
  }
  ASSERT_EQ(results.size(), 2U);
  for (const auto& result : results) {
    ASSERT_TRUE(result);
    EXPECT_EQ(result->verdict, Verdict::passed) << result->error;
    EXPECT_EQ(result->phase(Step::cleanup)->detail, "0 left");
    EXPECT_TRUE(result->rto);
    EXPECT_EQ(result->drill_id, results[0]->drill_id);
  }
  EXPECT_EQ(simulator.state(), before);
  EXPECT_EQ(drills.get_test_history({}).size(), 2U);
  EXPECT_THAT(journal.interrupted(), IsEmpty());
}

TEST_F(TogetherTest, EachFurtherVmGivesTheMarksMoreTime) {
  const auto plans = drills.plan_together("shop", configs(), {});
  ASSERT_EQ(plans.size(), 2U);
  for (const auto& plan : plans) EXPECT_EQ(plan.until, clock.now() + std::chrono::hours{5});
  std::vector<DRTestConfig> kept = configs();
  for (auto& config : kept) config.cleanup_after_test = false;
  EXPECT_EQ(drills.plan_together("shop", kept, {}).front().until, clock.now() + std::chrono::hours{24});
}

TEST_F(TogetherTest, OneThatCannotBeRestoredKeepsTheOthersFromBeingMade) {
  auto all = configs();
  all[1].size = "Standard_D8s_v5";
  simulator.admin("PUT", "quota", {{"location", kRegion}, {"name", "standardDSv5Family"}, {"limit", 7}});
  const auto results = run(all);
  EXPECT_FALSE(results[0]);
  ASSERT_TRUE(results[1]);
  EXPECT_EQ(results[1]->verdict, Verdict::failed);
  EXPECT_THAT(errors, Contains(HasSubstr("web2")));
  EXPECT_EQ(count("PUT", "azlin-drill"), 0U);
  EXPECT_EQ(simulator.state(), before);
  EXPECT_EQ(drills.get_test_history({}).size(), 1U);
}

TEST_F(TogetherTest, ASizeThatTheRegionDoesNotOfferIsRefusedAtOnce) {
  auto all = configs();
  all[1].size = "Standard_D96s_v5";
  const auto error = error_of([&] { run(all); });
  EXPECT_EQ(error.kind(), core::ErrorKind::usage);
  EXPECT_THAT(error.what(), HasSubstr("does not offer Standard_D96s_v5"));
  EXPECT_EQ(simulator.state(), before);
  EXPECT_THAT(drills.get_test_history({}), IsEmpty());
}

// Each alone would fit.
TEST_F(TogetherTest, TheirSumMustFitTheQuota) {
  const auto alone = drills.plan(configs()[0], {});
  const auto quotas = azure::list_quotas(arm, vm().subscription, kRegion);
  const auto cores =
      std::find_if(quotas.begin(), quotas.end(), [](const auto& q) { return q.name == "cores"; });
  ASSERT_NE(cores, quotas.end());
  simulator.admin("PUT", "quota",
                  {{"location", kRegion}, {"name", "cores"}, {"limit", cores->used + alone.vcpus}});
  EXPECT_NO_THROW(drills.plan(configs()[0], {}));
  EXPECT_NO_THROW(drills.plan(configs()[1], {}));
  EXPECT_THAT(error_of([&] { drills.plan_together("shop", configs(), {}); }).what(), HasSubstr("quota"));
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(TogetherTest, WithoutACopyOfEachNothingBegins) {
  auto all = configs();
  all[1].vm = vm("my-web");
  EXPECT_EQ(error_of([&] { run(all); }).kind(), ErrorKind::not_found);
  EXPECT_THAT(drills.get_test_history({}), IsEmpty());
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(TogetherTest, AFailureOfOneIsItsOwnAndAllGo) {
  fail_calls("PUT", "*/virtualMachines/web2-dr-test*", 1);
  const auto results = run(configs());
  EXPECT_EQ(results[0]->verdict, Verdict::passed) << results[0]->error;
  EXPECT_EQ(results[1]->verdict, Verdict::failed);
  EXPECT_THAT(results[1]->error, HasSubstr("injected"));
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(TogetherTest, TheSameNameOfTwoGroupsAndALongPlanNameAreNoTrouble) {
  auto all = configs();
  all[1].vm = vm("web");  // as another group's VM of that name would be
  const auto results = run(all);
  EXPECT_NE(results[0]->test_vm_id, results[1]->test_vm_id);
  for (const auto& result : results) EXPECT_EQ(result->verdict, Verdict::passed) << result->error;
  EXPECT_EQ(simulator.state(), before);
  const auto plans = drills.plan_together(std::string(200, 'x') + " & co/../", configs(), {});
  EXPECT_LE(plans[0].target.resource_group.size(), 90U);
}

TEST_F(TogetherTest, WhenTheOneWhoDrivesFailsAllGo) {
  const auto drive = [](const DRTestManager::BringUp& bring_up) {
    bring_up(0);
    throw core::Error(ErrorKind::failed, "the hook cannot be run");
  };
  EXPECT_THAT(error_of([&] { drills.run_together("shop", configs(), drive, {}); }).what(), HasSubstr("hook"));
  EXPECT_EQ(simulator.state(), before);
  EXPECT_THAT(journal.interrupted(), IsEmpty());
}

TEST_F(TogetherTest, AnInterruptCleansUpAllOfThem) {
  std::stop_source stop;
  auto all = configs();
  all[1].begun = [&](const Phase& phase) {
    if (phase.step == Step::boot) stop.request_stop();
  };
  const auto results = drills.run_together(
      "shop", all,
      [](const DRTestManager::BringUp& bring_up) {
        bring_up(0);
        bring_up(1);
      },
      stop.get_token());
  EXPECT_EQ(results[0]->verdict, Verdict::passed);
  EXPECT_EQ(results[1]->verdict, Verdict::interrupted);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(TogetherTest, KeptTogetherTheyStayUntilTheirTimeIsOver) {
  auto all = configs();
  for (auto& config : all) config.cleanup_after_test = false;
  const auto results = run(all);
  ASSERT_TRUE(results[0]->kept_until && results[1]->kept_until);
  auto swept = drills.cleanup(vm().subscription, {}, {});
  ASSERT_EQ(swept.size(), 1U);
  EXPECT_FALSE(swept[0].dead);
  swept = drills.cleanup(vm().subscription, results[0]->drill_id, {});
  EXPECT_TRUE(swept[0].dead);
  EXPECT_THAT(swept[0].left, IsEmpty());
  EXPECT_EQ(simulator.state(), before);
  for (const auto& row : drills.get_test_history({})) EXPECT_FALSE(row.kept_until);
}

TEST_F(TogetherTest, WhatCouldNotBeRemovedIsToldOnce) {
  fail_calls("DELETE", "*/virtualNetworks/azlin-drill*", 100, "ScopeLocked");
  const auto results = run(configs());
  EXPECT_FALSE(results[0]->left.empty());
  EXPECT_THAT(results[1]->left, IsEmpty());
  EXPECT_EQ(results[1]->phase(Step::cleanup)->outcome, Outcome::passed);
  simulator.admin("DELETE", "faults");
  EXPECT_THAT(drills.cleanup(vm().subscription, {}, {}).at(0).left, IsEmpty());
  EXPECT_EQ(simulator.state(), before);
}

}  // namespace
}  // namespace azlin::dr
