#include "azlin/platform/cosmos.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"

namespace azlin::platform {
namespace {

using nlohmann::json;

Resource account(json properties) {
  Resource out;
  out.name = "db";
  out.id = "/subscriptions/s/db";
  out.body = {{"kind", "GlobalDocumentDB"}, {"properties", std::move(properties)}};
  return out;
}

json periodic() {
  return {{"type", "Periodic"},
          {"periodicModeProperties",
           {{"backupIntervalInMinutes", 240},
            {"backupRetentionIntervalInHours", 8},
            {"backupStorageRedundancy", "Geo"}}}};
}

TEST(CosmosPolicyTest, ContinuousHasNoWayBack) {
  std::string loses;
  bool for_good = false;
  PolicyChange change;
  change.type = "Continuous";
  change.tier = "Continuous30Days";
  const auto body =
      plan_policy(read_cosmos(account({{"backupPolicy", periodic()}})), change, loses, for_good);
  EXPECT_TRUE(for_good);
  EXPECT_EQ(body["properties"]["backupPolicy"]["continuousModeProperties"]["tier"], "Continuous30Days");
  PolicyChange back;
  back.type = "Periodic";
  EXPECT_THROW(
      plan_policy(read_cosmos(account({{"backupPolicy", {{"type", "Continuous"}}}})), back, loses, for_good),
      core::Error);
  const auto cassandra =
      account({{"backupPolicy", periodic()}, {"capabilities", json::array({{{"name", "EnableCassandra"}}})}});
  EXPECT_THROW(plan_policy(read_cosmos(cassandra), change, loses, for_good), core::Error);
  auto moving = periodic();
  moving["migrationState"]["status"] = "InProgress";
  EXPECT_THROW(plan_policy(read_cosmos(account({{"backupPolicy", moving}})), change, loses, for_good),
               core::Error);
}

TEST(CosmosPolicyTest, PeriodicNumbersAreChecked) {
  const auto now = read_cosmos(account({{"backupPolicy", periodic()}}));
  std::string loses;
  bool for_good = false;
  PolicyChange change;
  change.interval_minutes = 30;
  EXPECT_THROW(plan_policy(now, change, loses, for_good), core::Error);
  change.interval_minutes = 300;
  EXPECT_THROW(plan_policy(now, change, loses, for_good), core::Error) << "8 hours are not two intervals";
  change.retention_hours = 10;
  EXPECT_NO_THROW(plan_policy(now, change, loses, for_good));
  EXPECT_TRUE(loses.empty());
  change.redundancy = "Local";
  plan_policy(now, change, loses, for_good);
  EXPECT_FALSE(loses.empty()) << "older backups go at once";
}

class CosmosRestoreTest : public ::testing::Test {
 protected:
  static core::TimePoint day(int day) { return std::chrono::sys_days{std::chrono::year{2025} / 11 / day}; }
  CosmosRestoreTest() {
    RestorableAccount first;
    first.id = "/r/1";
    first.name = "db";
    first.location = "West US";
    first.api = "Sql";
    first.created = day(1);
    first.deleted = day(10);
    first.regions = {{"West US", day(1), {}}};
    auto second = first;
    second.id = "/r/2";
    second.created = day(12);
    second.deleted.reset();
    second.regions = {{"West US", day(12), {}}, {"East US", day(20), {}}};
    all = {first, second};
    restore.source = "DB";
    restore.target = "db-new";
  }
  std::vector<RestorableAccount> all;
  CosmosRestore restore;
};

TEST_F(CosmosRestoreTest, TakesTheInstanceThatLivedThen) {
  restore.at = day(5);
  EXPECT_EQ(choose_restorable(all, restore, day(25)).id, "/r/1");
  restore.at = day(15);
  EXPECT_EQ(choose_restorable(all, restore, day(25)).id, "/r/2");
  restore.at = day(11);
  EXPECT_THROW(choose_restorable(all, restore, day(25)), core::Error) << "between the two there was none";
  restore.at = day(26);
  EXPECT_THROW(choose_restorable(all, restore, day(25)), core::Error) << "to come";
  restore.at = day(15);
  restore.region = "eastus";
  EXPECT_THROW(choose_restorable(all, restore, day(25)), core::Error) << "not in that region then";
  restore.at = day(21);
  EXPECT_EQ(choose_restorable(all, restore, day(25)).id, "/r/2");
  restore.source = "other";
  EXPECT_THROW(choose_restorable(all, restore, day(25)), core::Error);
}

TEST_F(CosmosRestoreTest, TheBodyNamesSourceTimeAndPlace) {
  restore.at = day(15) + std::chrono::milliseconds{250};
  restore.only = {{"db1", {"c1"}}};
  const auto body = restore_body(all[1], restore);
  EXPECT_EQ(body["properties"]["createMode"], "Restore");
  EXPECT_EQ(body["properties"]["restoreParameters"]["restoreTimestampInUtc"], "2025-11-15T00:00:00Z");
  EXPECT_EQ(body["properties"]["restoreParameters"]["restoreSource"], "/r/2");
  EXPECT_EQ(body["properties"]["restoreParameters"]["databasesToRestore"][0]["collectionNames"][0], "c1");
  EXPECT_EQ(body["location"], "West US");
}

}  // namespace
}  // namespace azlin::platform
