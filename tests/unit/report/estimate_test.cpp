#include "azlin/report/estimate.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "support/report_facts.hpp"

namespace azlin::report {
namespace {

using namespace test;  // NOLINT: the facts of these tests

cost::Prices prices() {
  return cost::parse_prices("[snapshot]\neastus = 0.05\nwestus2 = 0.06\n[transfer]\nwestus2 = 0.02\n",
                            "t.toml");
}

CostFacts facts_of(std::vector<backup::BackupInfo> backups) {
  CostFacts facts;
  facts.backups = std::move(backups);
  facts.now = kNow;
  return facts;
}

CostLine line(const CostEstimate& estimate, const std::string& what) {
  for (const auto& each : estimate.lines) {
    if (each.what == what) return each;
  }
  ADD_FAILURE() << "no line " << what;
  return {};
}

bool says(const CostEstimate& estimate, const std::string& text) {
  for (const auto& each : estimate.assumptions) {
    if (each.find(text) != std::string::npos) return true;
  }
  return false;
}

TEST(EstimateTest, WhatWasNotMeasuredIsAnUpperBoundAndSaysSo) {
  const auto result =
      estimate(facts_of({backup_at(1), backup_at(25), backup_at(49, backup::Tier::weekly)}), prices());
  EXPECT_EQ(line(result, "daily").count, 2);
  EXPECT_DOUBLE_EQ(line(result, "daily").gib, 200);
  EXPECT_EQ(line(result, "daily").basis, Basis::bound);
  EXPECT_DOUBLE_EQ(line(result, "daily").monthly, 10);
  EXPECT_DOUBLE_EQ(line(result, "weekly").monthly, 5);
  EXPECT_DOUBLE_EQ(result.total, 15);
  EXPECT_TRUE(
      says(result, "3 sets are counted as if the whole disk were used and had changed: an upper bound"));
  EXPECT_TRUE(says(result, "Azure does not say"));
}

TEST(EstimateTest, MeasuredBytesReplaceTheBound) {
  auto facts = facts_of({backup_at(1), backup_at(25)});
  auto run = run_at(1, facts.backups[0].name, verification::Outcome::passed);
  run.evidence = R"([{"root": "ab", "bytesRead": 2147483648}, {"root": "cd", "bytesRead": 1073741824}])";
  auto partial = run_at(1, facts.backups[1].name, verification::Outcome::passed);
  partial.evidence = R"([{"root": "", "bytesRead": 5}, {"root": "cd", "bytesRead": 5}])";
  facts.measured = measured_sizes({run, partial});
  ASSERT_EQ(facts.measured.size(), 1U);
  const auto result = estimate(facts, prices());
  EXPECT_DOUBLE_EQ(line(result, "daily").gib, 103);
  EXPECT_EQ(line(result, "daily").basis, Basis::bound) << "the least sure of its parts";
  EXPECT_EQ(result.sets.at(Basis::measured), 1);
  EXPECT_TRUE(says(result, "1 set is counted by the bytes that a full verification read"));
}

TEST(EstimateTest, OfSeveralReadingsTheSmallestCounts) {
  auto whole = run_at(5, "b", verification::Outcome::passed);
  whole.evidence = R"([{"root": "ab", "bytesRead": 10737418240}])";
  auto changes = whole;
  changes.evidence = R"([{"root": "ab", "bytesRead": 1073741824}])";
  EXPECT_DOUBLE_EQ(measured_sizes({changes, whole}).at("production/b@eastus"), 1);
  EXPECT_DOUBLE_EQ(measured_sizes({whole, changes}).at("production/b@eastus"), 1);
  whole.evidence = "not json";
  EXPECT_TRUE(measured_sizes({whole}).empty());
}

TEST(EstimateTest, AStatedChangeReplacesTheBoundAfterTheFirst) {
  auto facts = facts_of({backup_at(1), backup_at(25), backup_at(49)});
  facts.daily_change = 3;
  const auto result = estimate(facts, prices());
  EXPECT_DOUBLE_EQ(line(result, "daily").gib, 100 + 3 + 3);
  EXPECT_EQ(result.sets.at(Basis::bound), 1);
  EXPECT_EQ(result.sets.at(Basis::assumed), 2);
  EXPECT_TRUE(says(result, "3 % of the disk for each day"));
}

TEST(EstimateTest, ReplicasCostInTheirRegionAndOnceOnTheirWay) {
  const auto result =
      estimate(facts_of({with_replica(backup_at(1)), with_replica(backup_at(24 * 40))}), prices());
  EXPECT_DOUBLE_EQ(line(result, "replicas").monthly, 200 * 0.06);
  EXPECT_EQ(line(result, "replicas").region, "westus2");
  EXPECT_EQ(line(result, "transfer").count, 1) << "the older one was copied before the window";
  EXPECT_DOUBLE_EQ(line(result, "transfer").monthly, 100 * 0.02);
}

TEST(EstimateTest, DrillsAndTestDisksCostTheirTime) {
  auto facts = facts_of({backup_at(1)});
  facts.drills = {drill_at(3, dr::Verdict::passed, 10)};
  auto run = run_at(1, "b", verification::Outcome::passed);
  run.test_disk_created = true;
  run.size_gb = 73;
  run.duration = std::chrono::minutes{1};
  facts.verifications = {run};
  const auto result = estimate(facts, prices());
  EXPECT_NEAR(line(result, "drills").monthly, 0.048, 1e-9) << "half an hour of two vCPUs";
  EXPECT_NEAR(line(result, "test disks").monthly, 73 * 0.154 / 730, 1e-9) << "an hour begun";
}

TEST(EstimateTest, ADrillThatNotedWhatItUsedIsCountedByThat) {
  auto facts = facts_of({backup_at(1)});
  facts.drills = {drill_at(3, dr::Verdict::passed, 10)};
  facts.drills[0].use =
      cost::DrillUse{"westus2", "Standard_D8s_v5", {{"Standard_LRS", 73}}, true, std::chrono::minutes{30}};
  EXPECT_NEAR(line(estimate(facts, prices()), "drills").monthly,
              8 * 0.048 / 2 + 73 * 0.046 / 730 + 3.65 / 730, 1e-9);
}

TEST(EstimateTest, ARegionWithoutAPriceOfItsOwnIsNamed) {
  auto backup = backup_at(1);
  backup.region = "atlantis";
  EXPECT_TRUE(says(estimate(facts_of({backup}), prices()), "no snapshot price of its own for atlantis"));
}

TEST(EstimateTest, VmsOfOneNameAreToldApart) {
  auto other = backup_at(1);
  other.vm_key = "staging/web";
  other.resource_group = "Staging";
  const auto result = estimate(facts_of({backup_at(1), other}), prices());
  ASSERT_EQ(result.lines.size(), 2U);
  EXPECT_EQ(result.lines[0].vm, "web (Production)");
  EXPECT_EQ(result.lines[1].vm, "web (Staging)");
}

TEST(EstimateTest, ADrillOfTheFirstSchemaIsOfTheVmOfItsNameAndCountsItsDisks) {
  auto facts = facts_of({backup_at(1)});
  facts.drills = {drill_at(3, dr::Verdict::passed, 10)};
  facts.drills[0].backup_name = facts.backups[0].name;
  const double known = line(estimate(facts, prices()), "drills").monthly;
  facts.drills[0].vm.resource_group = "";
  const auto drills = line(estimate(facts, prices()), "drills");
  EXPECT_EQ(drills.vm, "web");
  EXPECT_NEAR(drills.monthly, known, 1e-9);
  EXPECT_GT(known, 0.048) << "more than its vCPUs";
}

TEST(WhatIfTest, ReadsEachChangeAndRefusesOthers) {
  WhatIf change;
  for (const char* text : {"daily=14", "weekly=0", "monthly=6", "region=West US 3", "drill=30d"})
    add_change(change, text);
  EXPECT_EQ(change.daily, 14);
  EXPECT_EQ(change.weekly, 0);
  EXPECT_EQ(change.monthly, 6);
  EXPECT_EQ(change.region, "westus3");
  EXPECT_EQ(change.drill_every, std::chrono::hours{24 * 30});
  add_change(change, "region=none");
  add_change(change, "drill=none");
  EXPECT_EQ(change.region, "");
  EXPECT_EQ(change.drill_every, core::Millis{0});
  for (const char* text :
       {"daily=0", "daily=x", "daily", "weekly=-1", "yearly=1", "drill=5m", "drill=x", "region="})
    EXPECT_THROW(add_change(change, text), core::Error) << text;
}

TEST(WhatIfTest, ComparesTheSchedulesNotWhatIsThereToday) {
  auto facts = facts_of({backup_at(1), backup_at(25), backup_at(49)});
  facts.scheduled = {scheduled()};
  facts.scheduled[0].schedule->daily = 7;
  facts.scheduled[0].schedule->weekly_on = false;
  facts.scheduled[0].schedule->monthly_on = false;
  WhatIf change;
  add_change(change, "daily=14");
  auto result = compare(facts, prices(), change);
  ASSERT_EQ(result.size(), 1U);
  EXPECT_NEAR(result[0].now, 7 * 100 * 0.05, 1e-9);
  EXPECT_NEAR(result[0].then, 14 * 100 * 0.05, 1e-9);
  facts.daily_change = 10;
  result = compare(facts, prices(), change);
  EXPECT_NEAR(result[0].now, (100 + 6 * 10) * 0.05, 1e-9);
  change = {};
  add_change(change, "region=westus2");
  result = compare(facts, prices(), change);
  EXPECT_NEAR(result[0].then - result[0].now, 160 * 0.06 + 30 * 10 * 0.02, 1e-9);
}

}  // namespace
}  // namespace azlin::report
