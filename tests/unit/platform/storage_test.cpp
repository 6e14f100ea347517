#include "azlin/platform/storage.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "azlin/platform/blob_backup.hpp"

namespace azlin::platform {
namespace {

using How = SkuStep::How;

std::string plan_text(const std::string& from, const std::string& to) {
  const auto plan = plan_sku(from, to, "StorageV2");
  if (!plan.refusal.empty()) return "refused";
  std::string out;
  for (const auto& step : plan.steps)
    out += (out.empty() ? "" : ", ") + std::string(step.how == How::patch ? "patch " : "migrate ") +
           step.sku.substr(9);
  return out;
}

// The table of "Change how a storage account is replicated", cell by cell.
TEST(SkuPlanTest, FollowsTheServicesTable) {
  struct Row {
    const char *from, *to, *plan;
  };
  for (const auto& row : {
           Row{"Standard_LRS", "Standard_GRS", "patch GRS"},
           Row{"Standard_LRS", "Standard_RAGRS", "patch RAGRS"},
           Row{"Standard_LRS", "Standard_ZRS", "migrate ZRS"},
           Row{"Standard_LRS", "Standard_RAGZRS", "patch RAGRS, migrate RAGZRS"},
           Row{"Standard_GRS", "Standard_LRS", "patch LRS"},
           Row{"Standard_RAGRS", "Standard_GRS", "patch GRS"},
           Row{"Standard_GRS", "Standard_ZRS", "patch LRS, migrate ZRS"},
           Row{"Standard_GRS", "Standard_GZRS", "migrate GZRS"},
           Row{"Standard_GRS", "Standard_RAGZRS", "patch RAGRS, migrate RAGZRS"},
           Row{"Standard_ZRS", "Standard_LRS", "migrate LRS"},
           Row{"Standard_ZRS", "Standard_GRS", "migrate GZRS, migrate GRS"},
           Row{"Standard_ZRS", "Standard_GZRS", "migrate GZRS"},
           Row{"Standard_ZRS", "Standard_RAGZRS", "migrate RAGZRS"},
           Row{"Standard_GZRS", "Standard_LRS", "patch ZRS, migrate LRS"},
           Row{"Standard_GZRS", "Standard_GRS", "migrate GRS"},
           Row{"Standard_RAGZRS", "Standard_GRS", "patch GZRS, migrate GRS"},
           Row{"Standard_GZRS", "Standard_ZRS", "patch ZRS"},
           Row{"Standard_LRS", "Standard_LRS", ""},
           Row{"Standard_LRS", "Premium_LRS", "refused"},
       })
    EXPECT_EQ(plan_text(row.from, row.to), row.plan) << row.from << " -> " << row.to;
  EXPECT_THROW(plan_sku("Standard_LRS", "Gold", "StorageV2"), core::Error);
  EXPECT_FALSE(plan_sku("Standard_LRS", "Standard_ZRS", "StorageV2", true).refusal.empty()) << "NFS";
  EXPECT_FALSE(plan_sku("Premium_LRS", "Premium_ZRS", "StorageV2").refusal.empty()) << "premium page blobs";
}

class ProtectionTest : public ::testing::Test {
 protected:
  ProtectionTest() {
    account.name = "store";
    account.body = {{"kind", "StorageV2"}, {"properties", {{"isHnsEnabled", false}}}};
  }
  Resource account;
  BlobProtection now{true, 35, 30, true, 0, {}};
};

TEST_F(ProtectionTest, NeverLowersUnlessTold) {
  ProtectionChange change;
  change.blob_delete_days = 30;
  EXPECT_THROW(plan_protection(now, change, account), core::Error);
  change.allow_lower = true;
  EXPECT_EQ(plan_protection(now, change, account).blob_delete_days, 30);
  ProtectionChange off;
  off.versioning = false;
  EXPECT_THROW(plan_protection(now, off, account), core::Error);
}

TEST_F(ProtectionTest, PointInTimeNeedsTheOthersAndFewerDays) {
  ProtectionChange change;
  change.point_in_time_days = 35;
  EXPECT_THROW(plan_protection(now, change, account), core::Error);
  change.point_in_time_days = 34;
  EXPECT_EQ(plan_protection(now, change, account).point_in_time_days, 34);
  now.change_feed = false;
  EXPECT_THROW(plan_protection(now, change, account), core::Error);
  now.change_feed = true;
  account.body["properties"]["isHnsEnabled"] = true;
  EXPECT_THROW(plan_protection(now, change, account), core::Error);
  ProtectionChange days;
  days.blob_delete_days = 366;
  EXPECT_THROW(plan_protection(now, days, account), core::Error);
}

TEST_F(ProtectionTest, ATimeOutOfReachIsRefused) {
  const auto at = core::parse_time("2025-12-01").value();
  EXPECT_THROW(check_point_in_time(now, at, at + std::chrono::hours{1}, {}), core::Error) << "it is off";
  now.point_in_time_days = 7;
  EXPECT_NO_THROW(check_point_in_time(now, at, at + std::chrono::hours{1}, {}));
  EXPECT_THROW(check_point_in_time(now, at, at + std::chrono::days{8}, {}), core::Error);
  EXPECT_THROW(check_point_in_time(now, at, at, {}), core::Error);
  EXPECT_THROW(check_point_in_time(now, at, at + std::chrono::hours{1}, std::vector<BlobRange>(11)),
               core::Error);
}

TEST(BlobBackupTest, PolicyAndRestoreBodiesFollowTheReference) {
  const auto now = core::parse_time("2024-05-08T10:00:00Z").value();
  const auto body = policy_body({30, 90, "14:00"}, now);
  EXPECT_EQ(body["properties"]["policyRules"][0]["lifecycles"][0]["deleteAfter"]["duration"], "P30D");
  EXPECT_EQ(body["properties"]["policyRules"][2]["trigger"]["schedule"]["repeatingTimeIntervals"][0],
            "R/2024-05-08T14:00:00+00:00/P1D");
  EXPECT_THROW(policy_body({0, 0, ""}, now), core::Error);
  EXPECT_THROW(policy_body({361, 0, ""}, now), core::Error);
  Resource account;
  account.id = "/subscriptions/s/a";
  account.location = "eastus";
  BlobRestore restore;
  restore.at = now;
  restore.ranges = {{"c/a", "c/b"}};
  const auto request = blob_restore_body(account, restore);
  EXPECT_EQ(request["objectType"], "AzureBackupRecoveryTimeBasedRestoreRequest");
  EXPECT_EQ(request["restoreTargetInfo"]["restoreCriteria"][0]["maxMatchingValue"], "c/b");
  restore.recovery_point = "p";
  restore.into = account;
  EXPECT_THROW(blob_restore_body(account, restore), core::Error) << "vaulted goes into another account";
}

}  // namespace
}  // namespace azlin::platform
