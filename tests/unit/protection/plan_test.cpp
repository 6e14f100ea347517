#include "azlin/protection/plan.hpp"

#include <gtest/gtest.h>

#include <random>

#include "azlin/core/error.hpp"
#include "azlin/snapshot/vm_tags.hpp"

namespace azlin::protection {
namespace {

using backup::BackupSchedule;

azure::Vm vm_named(const std::string& name, azure::Tags tags = {}, const std::string& group = "Production") {
  azure::Vm vm;
  vm.subscription = "00000000-0000-0000-0000-000000000001";
  vm.resource_group = group;
  vm.name = name;
  vm.id = snapshot::VmRef{vm.subscription, group, name}.id();
  vm.vm_id = "id-of-" + name;
  vm.location = "eastus";
  vm.tags = std::move(tags);
  return vm;
}

ProtectionFile rule(const std::string& settings) {
  return parse_file("version: 1\nrules:\n- {name: all, select: {name: \"*\"}, " + settings + "}\n", "p.yaml");
}

Plan plan_for(const ProtectionFile& file, const std::vector<azure::Vm>& vms, const AlertsState& alerts = {}) {
  auto plan = make_plan(file, vms, alerts);
  add_hash(plan);
  return plan;
}

std::string after(const Plan& plan, const std::string& tag) {
  for (const auto& vm : plan.vms) {
    for (const auto& change : vm.tags) {
      if (change.name == tag) return change.after.value_or("(removed)");
    }
  }
  return "(unchanged)";
}

azure::Vm applied(azure::Vm vm, const Plan& plan) {
  for (const auto& each : plan.vms) {
    if (each.now.vm.id != vm.id) continue;
    for (const auto& change : each.tags) {
      vm.tags.erase(change.name);
      if (change.after) vm.tags[change.name] = *change.after;
    }
  }
  return vm;
}

TEST(ProtectionPlanTest, ANewVmGetsTheDefaultsForWhatIsNotStated) {
  const auto plan = plan_for(rule("retention: {daily: 14}, region: westus2"), {vm_named("a")});
  EXPECT_EQ(after(plan, backup::kScheduleTag), R"({"v":1,"on":true,"d":14,"w":4,"m":12,"to":"westus2"})");
  EXPECT_EQ(after(plan, dr::kPolicyTag), "(unchanged)");
  EXPECT_TRUE(plan.drift());
}

TEST(ProtectionPlanTest, WhatIsNotStatedStaysAsItIs) {
  BackupSchedule schedule;
  schedule.enabled = false;
  schedule.weekly_on = false;
  schedule.target_region = "westus2";
  const auto vm = vm_named("a", {{backup::kScheduleTag, to_tag(schedule)}});
  schedule.weekly = 9;
  EXPECT_EQ(after(plan_for(rule("retention: {weekly: 9}"), {vm}), backup::kScheduleTag), to_tag(schedule));
  EXPECT_FALSE(plan_for(rule("region: westus2"), {vm}).drift());
}

TEST(ProtectionPlanTest, OffTakesNothingFromAVmThatHasNothing) {
  EXPECT_FALSE(plan_for(rule("schedule: off, region: none, drill: off"), {vm_named("a")}).drift());
}

TEST(ProtectionPlanTest, ADrillThatAReplicatingScheduleImpliesIsSwitchedOff) {
  const auto plan = plan_for(rule("schedule: [daily], region: westus2, drill: off"), {vm_named("a")});
  const auto policy = dr::parse_policy(after(plan, dr::kPolicyTag), "a");
  EXPECT_FALSE(policy.enabled);
  EXPECT_EQ(policy.region, "westus2");
}

TEST(ProtectionPlanTest, TheFirstRuleThatSelectsAVmHolds) {
  const auto file = parse_file(R"(
version: 1
rules:
- {name: one, select: {name: "db-*"}, retention: {daily: 3}}
- {name: two, select: {name: "*"}, retention: {daily: 5}}
- {name: three, select: {name: "db-1"}, retention: {daily: 9}}
)",
                               "p.yaml");
  const auto plan = plan_for(file, {vm_named("db-1"), vm_named("web")});
  ASSERT_EQ(plan.vms.size(), 2u);
  EXPECT_EQ(plan.vms[0].rule, "one");
  EXPECT_EQ(plan.vms[0].schedule->daily, 3);
  EXPECT_EQ(plan.vms[1].rule, "two");
  ASSERT_EQ(plan.warnings.size(), 1u);
  EXPECT_EQ(plan.warnings[0], "rule 'three' selects no VM that an earlier rule does not");
}

TEST(ProtectionPlanTest, ARuleThatAVmCannotFollowIsNamedWithItsPlace) {
  try {
    make_plan(rule("region: eastus"), {vm_named("a")}, {});
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::usage);
    EXPECT_EQ(std::string(error.what()).find("p.yaml:3:44: rule 'all', VM a: the target region eastus"), 0u)
        << error.what();
  }
  EXPECT_THROW(make_plan(rule("drill: {every: 7d}"), {vm_named("a")}, {}), core::Error);
  EXPECT_THROW(make_plan(rule("retention: {daily: 400, weekly: 200}"), {vm_named("a")}, {}), core::Error);
}

TEST(ProtectionPlanTest, ATagThatCannotBeReadIsAProblemAndIsLeftAlone) {
  const auto plan = plan_for(rule("retention: {daily: 3}"), {vm_named("a", {{backup::kScheduleTag, "{"}})});
  EXPECT_TRUE(plan.drift());
  EXPECT_TRUE(plan.vms[0].tags.empty());
  EXPECT_NE(plan.vms[0].problem, "");
}

TEST(ProtectionPlanTest, VmsOfDrillsAndVaultsAreLeftAlone) {
  const auto plan = plan_for(rule("retention: {daily: 3}"),
                             {vm_named("a", {{"azlin:drill", "d-1"}}),
                              vm_named("b", {{snapshot::kEngineTag, "azure-backup:/subscriptions/x"}})});
  EXPECT_FALSE(plan.drift());
  ASSERT_EQ(plan.warnings.size(), 1u);
  EXPECT_EQ(plan.warnings[0].find("b is left alone"), 0u);
}

TEST(ProtectionPlanTest, ProtectedVmsThatNoRuleSelectsAreNamedAndNoDrift) {
  const auto file = parse_file("version: 1\nrules: []\n", "p.yaml");
  const auto plan =
      plan_for(file, {vm_named("a", {{backup::kScheduleTag, to_tag(BackupSchedule{})}}), vm_named("b")});
  ASSERT_EQ(plan.not_in_file.size(), 1u);
  EXPECT_EQ(plan.not_in_file[0].name, "a");
  EXPECT_FALSE(plan.drift());
}

const char* const kGroups = "version: 1\ngroups:\n  shop: {boot_order: [db, [app-1, \"web-*\"]]}\n";

TEST(ProtectionPlanTest, GroupsGetStagesAndOthersLoseTheirs) {
  const auto plan =
      plan_for(parse_file(kGroups, "p.yaml"),
               {vm_named("app-1"), vm_named("db"),
                vm_named("old", {{backup::kGroupTag, R"({"v":1,"n":"was","o":1})"}}), vm_named("web-1")});
  ASSERT_EQ(plan.vms.size(), 4u);
  EXPECT_EQ(plan.vms[0].tags[0].after, R"({"v":1,"n":"shop","o":2})");
  EXPECT_EQ(plan.vms[1].tags[0].after, R"({"v":1,"n":"shop","o":1})");
  EXPECT_EQ(plan.vms[2].tags[0].after, std::nullopt);
  EXPECT_EQ(plan.vms[3].tags[0].after, R"({"v":1,"n":"shop","o":2})");
}

TEST(ProtectionPlanTest, AMemberThatIsNotThereIsAnErrorAndAPatternThatFitsNothingAWarning) {
  try {
    make_plan(parse_file(kGroups, "p.yaml"), {vm_named("db")}, {});
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::not_found);
    EXPECT_EQ(std::string(error.what()), "p.yaml:3:28: group 'shop': no VM is 'app-1'");
  }
  const auto plan = plan_for(parse_file(kGroups, "p.yaml"), {vm_named("db"), vm_named("app-1")});
  ASSERT_EQ(plan.warnings.size(), 1u);
  EXPECT_EQ(plan.warnings[0], "group 'shop': no VM is 'web-*'");
}

TEST(ProtectionPlanTest, AVmInTwoPlacesIsAMistake) {
  const auto file =
      parse_file("version: 1\ngroups: {a: {boot_order: [db]}, b: {boot_order: [\"d*\"]}}\n", "p.yaml");
  EXPECT_THROW(make_plan(file, {vm_named("db")}, {}), core::Error);
}

TEST(ProtectionPlanTest, AlertsAreComparedKeyByKey) {
  const auto file = parse_file(
      "version: 1\nalerts: {rpo_exceeded: {threshold_hours: 26}, backup_failure: {severity: low}}\n",
      "p.yaml");
  const auto before = parse_alerts(
      "rpo_exceeded:\n  threshold_hours: 24\nrto_exceeded: {enabled: false}\nbackup_failure: {severity: "
      "low}\n",
      "alerts.yaml");
  const auto plan = plan_for(file, {}, before);
  ASSERT_EQ(plan.alerts.size(), 2u);
  EXPECT_EQ(plan.alerts[0].setting, "rpo_exceeded.threshold_hours");
  EXPECT_EQ(plan.alerts[0].before, "24");
  EXPECT_EQ(plan.alerts[0].after, "26");
  EXPECT_EQ(plan.alerts[1].setting, "rto_exceeded.enabled");
  EXPECT_EQ(plan.alerts[1].after, std::nullopt);
  EXPECT_FALSE(plan_for(file, {}, parse_alerts(*plan.alerts_text, "alerts.yaml")).drift());
}

TEST(ProtectionPlanTest, TheHashIsThatOfWhatIsThereAndWhatIsWanted) {
  const auto file = rule("retention: {daily: 14}");
  const auto hash = plan_for(file, {vm_named("a")}).hash;
  EXPECT_EQ(hash.size(), 16u);
  EXPECT_EQ(hash, plan_for(file, {vm_named("a")}).hash);
  EXPECT_EQ(hash, plan_for(file, {vm_named("a", {{"azlin:lease", "x"}})}).hash);
  EXPECT_NE(hash, plan_for(file, {vm_named("a", {{"env", "x"}})}).hash);
  EXPECT_NE(hash, plan_for(rule("retention: {daily: 15}"), {vm_named("a")}).hash);
  auto other = vm_named("a");
  other.vm_id = "another";
  EXPECT_NE(hash, plan_for(file, {other}).hash);
}

TEST(DifferenceTest, SaysWhatChangedAndPassesOverLeases) {
  const auto planned = vm_named("a", {{"env", "prod"}});
  EXPECT_EQ(difference(planned, vm_named("a", {{"env", "prod"}, {"azlin:lease", "x"}})), "");
  EXPECT_EQ(difference(planned, vm_named("a", {{"env", "test"}})), "the tag env has another value");
  EXPECT_EQ(difference(planned, vm_named("a")), "the tag env is gone");
  EXPECT_EQ(difference(planned, vm_named("a", {{"env", "prod"}, {"x", ""}})), "the tag x is new");
}

// ---- export ∘ plan is the identity, whatever is there

class RandomFleet {
 public:
  explicit RandomFleet(unsigned seed) : random_(seed) {}
  bool coin() { return random_() % 2 == 0; }
  int number(int least, int most) {
    return least + static_cast<int>(random_() % static_cast<unsigned>(most - least + 1));
  }

  azure::Tags tags() {
    azure::Tags tags = {{"env", coin() ? "prod" : "test"}};
    if (coin()) {
      BackupSchedule schedule{coin(), number(1, 99), number(1, 99), number(1, 99), coin(), coin(), {}};
      if (coin()) schedule.target_region = coin() ? "westus2" : "northeurope";
      tags[backup::kScheduleTag] = backup::to_tag(schedule);
    }
    if (coin()) {
      dr::DrPolicy policy;
      policy.enabled = coin();
      policy.region = "westus2";
      policy.every = std::chrono::hours{number(1, 500)};
      policy.target_rto = std::chrono::seconds{number(1, 5000)};
      if (coin()) policy.ssh_user = "true";  // a word that YAML would read as something else
      if (coin()) policy.ssh_key = "/etc/keys/a b: #1";
      tags[dr::kPolicyTag] = dr::to_tag(policy);
    }
    if (coin())
      tags[verification::kVerificationTag] = verification::to_tag(verification::VerificationPolicy{
          coin(), coin() ? verification::Level::disk : verification::Level::full,
          std::chrono::hours{number(1, 800)}});
    if (coin())
      tags[backup::kGroupTag] = backup::to_tag(backup::GroupMark{coin() ? "shop" : "true", number(1, 4)});
    return tags;
  }

 private:
  std::mt19937 random_;
};

TEST(ExportTest, APlanOfTheExportedFileShowsNoDifference) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    RandomFleet fleet(seed);
    std::vector<azure::Vm> vms;
    for (int i = 0; i < 12; ++i)
      vms.push_back(vm_named("vm-" + std::to_string(i % 9), fleet.tags(), i < 9 ? "Production" : "Test(1)"));
    const auto alerts = parse_alerts(
        "rpo_exceeded: {threshold_hours: 2.5, renotify: never}\nchannels: {slack: {webhook_url: "
        "\"env:A\"}}\n",
        "alerts.yaml");
    ASSERT_EQ(alerts.error, "");
    const auto exported = export_file(vms, std::nullopt, alerts);
    ASSERT_TRUE(exported.left_out.empty());
    for (const auto& text : {to_yaml_file(exported.tree), exported.tree.dump(2)}) {
      const auto plan = plan_for(parse_file(text, "p.yaml"), vms, alerts);
      ASSERT_FALSE(plan.drift()) << "seed " << seed << "\n" << text;
      ASSERT_TRUE(plan.not_in_file.empty()) << text;
    }
  }
}

TEST(ExportTest, AnEmptySubscriptionHasAnEmptyFile) {
  const auto exported = export_file({vm_named("a")}, std::nullopt, AlertsState{});
  EXPECT_FALSE(plan_for(parse_file(to_yaml_file(exported.tree), "p.yaml"), {vm_named("a")}).drift());
}

TEST(ExportTest, AVmWithATagThatCannotBeReadIsNamed) {
  const auto exported = export_file({vm_named("a", {{dr::kPolicyTag, "?"}})}, std::nullopt, {});
  ASSERT_EQ(exported.left_out.size(), 1u);
  EXPECT_NE(exported.left_out[0].find("of VM a cannot be read"), std::string::npos);
}

// A plan that was carried out leaves nothing to do, whatever was there before.
TEST(ProtectionPlanTest, ASecondPlanIsEmpty) {
  const auto file = parse_file(R"(
version: 1
rules:
- {name: a, select: {tags: {env: prod}}, schedule: [daily, monthly], retention: {daily: 3}, region: centralus, drill: {every: 3d}, verification: {level: full}}
- {name: b, select: {name: "*"}, schedule: off, drill: off, verification: off}
groups:
  shop: {boot_order: ["vm-?"]}
)",
                               "p.yaml");
  for (unsigned seed = 1; seed <= 100; ++seed) {
    RandomFleet fleet(seed);
    std::vector<azure::Vm> vms;
    for (int i = 0; i < 9; ++i) vms.push_back(vm_named("vm-" + std::to_string(i), fleet.tags()));
    const auto plan = plan_for(file, vms);
    for (auto& vm : vms) vm = applied(vm, plan);
    ASSERT_FALSE(plan_for(file, vms).drift()) << "seed " << seed;
  }
}

// ---- what would be lost

core::TimePoint day(int n) {
  return *core::parse_time("2026-03-01T08:00:00Z") + std::chrono::hours{24 * n};
}

backup::BackupInfo daily(const azure::Vm& vm, int n) {
  backup::BackupInfo info;
  info.name = vm.name + "-" + std::to_string(n);
  info.vm_key = snapshot::VmRef{vm.subscription, vm.resource_group, vm.name}.key();
  info.region = "eastus";
  info.created = day(n);
  return info;
}

TEST(LossesTest, NamesThePointsThatTheNewRetentionLetsGoAndTheOldOneKept) {
  BackupSchedule schedule;
  schedule.daily = 10;
  const auto vm = vm_named("a", {{backup::kScheduleTag, to_tag(schedule)}});
  std::vector<backup::BackupInfo> backups;
  for (int n = 20; n >= 0; --n) backups.push_back(daily(vm, n));
  auto plan = make_plan(rule("retention: {daily: 5}"), {vm}, {});
  ASSERT_TRUE(plan.touches_retention());
  add_losses(plan, backups, day(20));
  add_hash(plan);
  ASSERT_EQ(plan.lost_points(), 5u);  // of days 11 to 15; older ones go by the old numbers, too
  EXPECT_EQ(plan.vms[0].lost.front().point.name, "a-11");
  EXPECT_EQ(plan.vms[0].lost.back().point.name, "a-15");

  auto again = make_plan(rule("retention: {daily: 5}"), {vm}, {});
  backups.erase(backups.begin() + 8);  // "a-12"
  add_losses(again, backups, day(20));
  add_hash(again);
  EXPECT_NE(again.hash, plan.hash);
}

TEST(LossesTest, APointThatOnlyWaitsForItsCopyOrIsInUseIsLostAllTheSame) {
  BackupSchedule schedule;
  schedule.daily = 10;
  const auto vm = vm_named("a", {{backup::kScheduleTag, to_tag(schedule)}});
  std::vector<backup::BackupInfo> backups = {daily(vm, 20), daily(vm, 13), daily(vm, 12)};
  backups[2].in_use = "being verified";
  auto plan = make_plan(rule("retention: {daily: 5}, region: westus2"), {vm}, {});
  add_losses(plan, backups, day(20));
  EXPECT_EQ(plan.lost_points(), 2u);
  backups[1].hold = "2026-03-14T08:00:00Z case 4711";
  add_losses(plan, backups, day(20));
  EXPECT_EQ(plan.lost_points(), 1u);
}

TEST(LossesTest, AHigherRetentionLosesNothing) {
  const auto vm = vm_named("a", {{backup::kScheduleTag, to_tag(BackupSchedule{})}});
  auto plan = make_plan(rule("retention: {daily: 50}"), {vm}, {});
  add_losses(plan, {daily(vm, 1), daily(vm, 2)}, day(40));
  EXPECT_FALSE(plan.loses());
}

}  // namespace
}  // namespace azlin::protection
