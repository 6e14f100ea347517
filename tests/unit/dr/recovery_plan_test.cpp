#include "azlin/dr/recovery_plan.hpp"

#include <gmock/gmock.h>

#include "azlin/core/error.hpp"
#include "support/fake_clock.hpp"

namespace azlin::dr {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kGood = R"(name: shop
region: West US 2
resource_group: shop-dr
groups:
  - name: database
    vms:
      - name: prod-db-vm
        resource_group: Production
        check: pg_isready
    hook: ./dns.sh database
  - name: app
    vms: [prod-app-vm, vm1]
)";

class RecoveryPlanTest : public ::testing::Test {
 protected:
  static std::string mistakes(const std::string& yaml) {
    try {
      parse_plan(yaml, "p.yaml");
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::usage);
      return error.what();
    }
    return "none";
  }
  // Brings everything up but `fails`; each takes a minute.
  PlanOutcome run(const RecoveryPlan& plan, const std::string& fails = {}, bool hook = true) {
    PlanActions actions;
    actions.max_parallel = 1;
    actions.bring_up = [&, fails](const PlanVm& vm) {
      order.push_back(vm.name);
      clock.advance(std::chrono::minutes{1});
      VmOutcome out;
      out.vm = vm.name;
      out.passed = vm.name != fails;
      return out;
    };
    actions.hook = [&, hook](const PlanGroup& group) -> std::optional<std::pair<bool, std::string>> {
      if (group.hook.empty()) return std::nullopt;
      order.push_back(group.hook);
      return std::pair(hook, std::string("said"));
    };
    return run_plan(plan, clock, actions, {});
  }
  test::FakeClock clock;
  std::vector<std::string> order;
};

TEST_F(RecoveryPlanTest, IsReadWithItsOrder) {
  const auto plan = parse_plan(kGood, "p.yaml");
  EXPECT_EQ(plan.name, "shop");
  EXPECT_EQ(plan.region, "westus2");
  EXPECT_EQ(plan.resource_group, "shop-dr");
  ASSERT_EQ(plan.groups.size(), 2U);
  EXPECT_EQ(plan.groups[0].vms.at(0).resource_group, "Production");
  EXPECT_EQ(plan.groups[0].vms.at(0).check, "pg_isready");
  EXPECT_EQ(plan.groups[0].hook, "./dns.sh database");
  EXPECT_EQ(plan.groups[1].vms.at(1).name, "vm1");
}

TEST_F(RecoveryPlanTest, MistakesHaveLineAndColumn) {
  EXPECT_EQ(mistakes("name: x\nregion: westus2\ngroups:\n  - name: a\n    vms: [vm1]\n    boot: 1\n"),
            "p.yaml:6:5: unknown key 'boot' in a group; did you mean 'hook'?");
  EXPECT_THAT(mistakes("name: x\nregion: westus2\ngroups:\n  - name: a\n    vms: []\n"),
              HasSubstr("p.yaml:5:10: vms must be a list of VMs"));
  EXPECT_THAT(mistakes("name: x\nregion: 'no region!'\ngroups:\n  - {name: a, vms: [vm1]}\n"),
              HasSubstr("p.yaml:2:9: "));
  EXPECT_THAT(mistakes("name: [\n"), HasSubstr("p.yaml:2:1: "));
  EXPECT_THAT(mistakes(""), HasSubstr("p.yaml:"));
  EXPECT_THAT(mistakes("groups:\n  - {name: a, vms: [vm1]}\n  - {name: a, vms: [{name: vm1}]}\n"),
              testing::AllOf(HasSubstr("p.yaml:1:1: the plan needs 'name'"),
                             HasSubstr("p.yaml:1:1: the plan needs 'region'"),
                             HasSubstr("p.yaml:3:5: the group a is there twice"),
                             HasSubstr("p.yaml:3:21: the VM vm1 is there twice")));
  EXPECT_THAT(mistakes("name: x\nregion: westus2\ngroups:\n  - name: a\n    vms:\n      - size: 3\n"),
              HasSubstr("p.yaml:6:9: a VM needs a name"));
}

TEST_F(RecoveryPlanTest, GroupsComeOneAfterTheOtherWithHooksBetween) {
  const auto outcome = run(parse_plan(kGood, "p.yaml"));
  EXPECT_TRUE(outcome.passed);
  EXPECT_THAT(order, ElementsAre("prod-db-vm", "./dns.sh database", "prod-app-vm", "vm1"));
  EXPECT_EQ(outcome.took, std::chrono::minutes{3});
  EXPECT_EQ(outcome.groups[0].hook_passed, true);
  EXPECT_FALSE(outcome.groups[1].hook_passed);
}

TEST_F(RecoveryPlanTest, AGroupThatFailsEndsThePlan) {
  const auto outcome = run(parse_plan(kGood, "p.yaml"), "prod-db-vm");
  EXPECT_FALSE(outcome.passed);
  EXPECT_THAT(order, ElementsAre("prod-db-vm"));  // not even its hook
  EXPECT_FALSE(outcome.groups[1].ran);
  EXPECT_EQ(outcome.groups[1].vms.size(), 2U);
}

TEST_F(RecoveryPlanTest, AHookThatFailsEndsThePlan) {
  const auto outcome = run(parse_plan(kGood, "p.yaml"), "", false);
  EXPECT_FALSE(outcome.passed);
  EXPECT_EQ(outcome.groups[0].hook_output, "said");
  EXPECT_FALSE(outcome.groups[1].ran);
}

}  // namespace
}  // namespace azlin::dr
