// Azure Backup for blobs. docs/simulator-platform.md has the rules.
#include "contract/platform_support.hpp"

namespace azlin::test {
namespace {

using nlohmann::json;

const std::string kBlobs = "Microsoft.Storage/storageAccounts/blobServices";

class DataProtectionContractTest : public PlatformTest {
 protected:
  void SetUp() override {
    sim_.freeze_at("2026-01-01T00:00:00Z");
    group_ = sim_.make_group("rg");
    sim_.arm("PUT", path("Microsoft.Storage/storageAccounts/one", "2023-05-01"),
             {{"location", "eastus"}, {"kind", "StorageV2"}, {"sku", {{"name", "Standard_LRS"}}}});
    const auto vault = sim_.arm(
        "PUT", at(""),
        {{"location", "eastus"},
         {"identity", {{"type", "SystemAssigned"}}},
         {"properties",
          {{"storageSettings", {{{"datastoreType", "VaultStore"}, {"type", "LocallyRedundant"}}}}}}});
    ASSERT_EQ(vault.status, 201) << vault.body;
    ASSERT_EQ(policy("p30", "P30D").status, 200);
  }
  std::string at(const std::string& rest) {
    return path("Microsoft.DataProtection/backupVaults/vault" + rest, "2021-01-01");
  }
  std::string account() { return group_ + "/providers/Microsoft.Storage/storageAccounts/one"; }
  HttpReply policy(const std::string& name, const std::string& duration) {
    const json cycle = {
        {"deleteAfter", {{"objectType", "AbsoluteDeleteOption"}, {"duration", duration}}},
        {"sourceDataStore", {{"dataStoreType", "OperationalStore"}, {"objectType", "DataStoreInfoBase"}}}};
    const json rule = {{"name", "Default"},
                       {"objectType", "AzureRetentionRule"},
                       {"isDefault", true},
                       {"lifecycles", {cycle}}};
    return sim_.arm(
        "PUT", at("/backupPolicies/" + name),
        {{"properties",
          {{"objectType", "BackupPolicy"}, {"datasourceTypes", {kBlobs}}, {"policyRules", {rule}}}}});
  }
  HttpReply protect(const std::string& instance) {
    return sim_.arm(
        "PUT", at("/backupInstances/" + instance),
        {{"properties",
          {{"objectType", "BackupInstance"},
           {"dataSourceInfo",
            {{"objectType", "Datasource"},
             {"datasourceType", kBlobs},
             {"resourceID", account()},
             {"resourceName", "one"}}},
           {"policyInfo",
            {{"policyId",
              group_ + "/providers/Microsoft.DataProtection/backupVaults/vault/backupPolicies/p30"}}}}}});
  }
  std::string group_;
};

TEST_F(DataProtectionContractTest, APolicyIsNotChanged) {
  EXPECT_EQ(policy("p30", "P30D").status, 200);
  EXPECT_EQ(policy("p30", "P31D").status, 400);
  EXPECT_EQ(policy("p361", "P361D").status, 400);
}

// Operational n days: PITR n, soft delete n+5, versioning, change feed, a delete lock.
TEST_F(DataProtectionContractTest, ProtectionSetsTheAccountUp) {
  const auto started = protect("i1");
  EXPECT_EQ(started.status, 201) << started.body;
  EXPECT_EQ(sim_.finish(started).json()["status"], "Succeeded");
  const auto settings =
      get(path("Microsoft.Storage/storageAccounts/one/blobServices/default", "2023-05-01"))["properties"];
  EXPECT_EQ(settings["restorePolicy"]["days"], 30);
  EXPECT_EQ(settings["deleteRetentionPolicy"]["days"], 35);
  EXPECT_EQ(sim_.arm("DELETE", path("Microsoft.Storage/storageAccounts/one", "2023-05-01")).error_code(),
            "ScopeLocked");
  EXPECT_EQ(get(at("/backupInstances/i1"))["properties"]["currentProtectionState"], "ProtectionConfigured");
  EXPECT_EQ(protect("i2").error_code(), "UserErrorDppDatasourceAlreadyProtected");
}

TEST_F(DataProtectionContractTest, AMissingPermissionFailsTheOperation) {
  sim_.admin(
      "PUT", "grants",
      {{"grants",
        {{{"principal", "22222222-2222-2222-2222-222222222222"}, {"scope", "/"}, {"actions", {"*"}}}}}});
  const auto done = sim_.finish(protect("i1")).json();
  EXPECT_EQ(done["status"], "Failed");
  EXPECT_EQ(done["error"]["code"], "UserErrorMissingRequiredPermissions");
  EXPECT_EQ(get(at("/backupInstances/i1"))["properties"]["currentProtectionState"], "ProtectionError");
}

TEST_F(DataProtectionContractTest, ARestoreIsToATimeInRange) {
  sim_.finish(protect("i1"));
  sim_.advance("2d");
  const auto ranges = sim_.arm("POST", at("/backupInstances/i1/findRestorableTimeRanges"),
                               {{"sourceDataStoreType", "OperationalStore"}})
                          .json();
  EXPECT_EQ(ranges["properties"]["restorableTimeRanges"].size(), 1U) << ranges;
  const auto restore = [&](const std::string& time, const std::string& verb) {
    const json wanted = {{"objectType", "AzureBackupRecoveryTimeBasedRestoreRequest"},
                         {"sourceDataStoreType", "OperationalStore"},
                         {"recoveryPointTime", time},
                         {"restoreTargetInfo",
                          {{"objectType", "RestoreTargetInfo"},
                           {"recoveryOption", "FailIfExists"},
                           {"restoreLocation", "eastus"},
                           {"datasourceInfo", {{"resourceID", account()}}}}}};
    return sim_.arm("POST", at("/backupInstances/i1/" + verb),
                    verb == "restore" ? wanted : json{{"restoreRequestObject", wanted}});
  };
  EXPECT_EQ(restore("2025-12-31T00:00:00Z", "restore").error_code(), "UserErrorInvalidRecoveryPointTime");
  EXPECT_EQ(sim_.finish(restore("2026-01-02T00:00:00Z", "validateRestore")).json()["status"], "Succeeded");
  sim_.admin("POST", "latency", {{"profile", "demo"}});
  const auto started = restore("2026-01-02T00:00:00Z", "restore");
  EXPECT_EQ(started.status, 202);
  EXPECT_EQ(sim_.arm("GET", started.header("azure-asyncoperation")).json()["status"], "Inprogress");
  EXPECT_EQ(restore("2026-01-02T00:00:00Z", "restore").status, 409);
  sim_.advance("2s");
  EXPECT_EQ(sim_.finish(started).json()["status"], "Succeeded");
}

// Vaulted: containers are named, points come by the schedule and go with the retention, and are restored into
// another account only.
TEST_F(DataProtectionContractTest, VaultedPointsComeAndGo) {
  const json keep = {
      {"name", "Default"},
      {"objectType", "AzureRetentionRule"},
      {"isDefault", true},
      {"lifecycles",
       {{{"deleteAfter", {{"objectType", "AbsoluteDeleteOption"}, {"duration", "P7D"}}},
         {"sourceDataStore", {{"dataStoreType", "VaultStore"}, {"objectType", "DataStoreInfoBase"}}}}}}};
  json daily = {{"name", "BackupDaily"},
                {"objectType", "AzureBackupRule"},
                {"backupParameters", {{"objectType", "AzureBackupParams"}, {"backupType", "Discrete"}}},
                {"dataStore", {{"dataStoreType", "VaultStore"}, {"objectType", "DataStoreInfoBase"}}},
                {"trigger",
                 {{"objectType", "ScheduleBasedTriggerContext"},
                  {"schedule", {{"repeatingTimeIntervals", {"R/2025-12-01T14:00:00+00:00/P1D"}}}}}}};
  const auto put = [&](const json& rules) {
    return sim_.arm(
        "PUT", at("/backupPolicies/v7"),
        {{"properties",
          {{"objectType", "BackupPolicy"}, {"datasourceTypes", {kBlobs}}, {"policyRules", rules}}}});
  };
  EXPECT_EQ(put({keep}).error_code(), "BMSUserErrorInvalidPolicy");
  EXPECT_EQ(put({keep, daily}).status, 200);
  json instance = {
      {"objectType", "BackupInstance"},
      {"dataSourceInfo", {{"datasourceType", kBlobs}, {"resourceID", account()}}},
      {"policyInfo",
       {{"policyId", group_ + "/providers/Microsoft.DataProtection/backupVaults/vault/backupPolicies/v7"}}}};
  EXPECT_EQ(sim_.arm("PUT", at("/backupInstances/i1"), {{"properties", instance}}).status, 400);
  instance["policyInfo"]["policyParameters"]["backupDatasourceParametersList"] = {
      {{"objectType", "BlobBackupDatasourceParameters"}, {"containersList", {"a"}}}};
  sim_.finish(sim_.arm("PUT", at("/backupInstances/i1"), {{"properties", instance}}));
  const auto points = [&] { return get(at("/backupInstances/i1/recoveryPoints"))["value"]; };
  EXPECT_EQ(points().size(), 0U);
  sim_.advance("3d");
  ASSERT_EQ(points().size(), 3U);
  EXPECT_EQ(points()[0]["properties"]["recoveryPointTime"].get<std::string>().substr(0, 19),
            "2026-01-03T14:00:00");
  json wanted = {{"objectType", "AzureBackupRecoveryPointBasedRestoreRequest"},
                 {"sourceDataStoreType", "VaultStore"},
                 {"recoveryPointId", points()[0]["name"]},
                 {"restoreTargetInfo",
                  {{"objectType", "RestoreTargetInfo"},
                   {"recoveryOption", "FailIfExists"},
                   {"datasourceInfo", {{"resourceID", account()}}}}}};
  const auto restore = [&] { return sim_.arm("POST", at("/backupInstances/i1/restore"), wanted); };
  EXPECT_EQ(restore().error_code(), "BMSUserErrorInvalidInput");
  sim_.arm("PUT", path("Microsoft.Storage/storageAccounts/two", "2023-05-01"),
           {{"location", "eastus"}, {"kind", "StorageV2"}, {"sku", {{"name", "Standard_LRS"}}}});
  wanted["restoreTargetInfo"]["datasourceInfo"]["resourceID"] =
      group_ + "/providers/Microsoft.Storage/storageAccounts/two";
  EXPECT_EQ(sim_.finish(restore()).json()["status"], "Succeeded");
  sim_.advance("20d");
  EXPECT_EQ(points().size(), 7U);
  EXPECT_EQ(restore().error_code(), "UserErrorRecoveryPointNotFound");
}

}  // namespace
}  // namespace azlin::test
