// Vaults, registration, protection, backups, jobs and restores of databases, against the rules of the
// service.
#include "contract/recovery_support.hpp"

namespace azlin::test {
namespace {

class RecoveryContractTest : public ::testing::Test {
 protected:
  RecoverySimulator sim_;
};

// ---- vaults ----

TEST_F(RecoveryContractTest, ANewVaultHasItsDefaultPoliciesAndSettings) {
  const std::string vault = kGroup + "/providers/Microsoft.RecoveryServices/vaults/other";
  const auto made = sim_.call("PUT", vault,
                              {{"location", "eastus"},
                               {"sku", {{"name", "RS0"}, {"tier", "Standard"}}},
                               {"properties", json::object()}});
  EXPECT_EQ(made.status, 201) << made.body;
  std::vector<std::string> names;
  const json policies = sim_.get(vault + "/backupPolicies");  // must outlive the loop
  for (const auto& policy : policies["value"]) names.push_back(policy["name"]);
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("DefaultPolicy", "EnhancedPolicy", "HourlyLogBackup"));
  EXPECT_EQ(sim_.get(vault + "/backupconfig/vaultconfig")["properties"]["softDeleteFeatureState"], "Enabled");
  EXPECT_EQ(sim_.get(vault + "/backupstorageconfig/vaultstorageconfig")["properties"]["storageTypeState"],
            "Unlocked");
  EXPECT_EQ(sim_.refusal(sim_.call("PUT", vault, {{"location", "eastus"}, {"sku", {{"name", "RS0"}}}})),
            "400 InvalidRestApiParameter");
}

// DELETE answers 200 in 2022-10-01 and 202 in newer versions; a vault with containers is refused.
TEST_F(RecoveryContractTest, OnlyAnEmptyVaultCanBeDeleted) {
  sim_.enroll_all();
  EXPECT_EQ(sim_.refusal(sim_.call("DELETE", kVault)), "400 BMSUserErrorVaultDeletionNotAllowed");
  for (const auto& container : {kHanaContainer, kSqlContainer})
    EXPECT_EQ(sim_.outcome(sim_.call("DELETE", container)), "Succeeded");
  EXPECT_EQ(sim_.call("DELETE", kVault, nullptr, "2022-10-01").status, 200);
  EXPECT_EQ(sim_.refusal(sim_.call("GET", kVault)), "404 ResourceNotFound");
}

TEST_F(RecoveryContractTest, RedundancyIsLockedOnceSomethingIsRegistered) {
  const std::string config = kVault + "/backupstorageconfig/vaultstorageconfig";
  EXPECT_EQ(sim_.call("PATCH", config, {{"properties", {{"storageModelType", "LocallyRedundant"}}}}).status,
            204);
  sim_.enroll_all();
  EXPECT_EQ(sim_.refusal(sim_.call("PUT", config, {{"properties", {{"storageModelType", "GeoRedundant"}}}})),
            "400 StorageModelModifyError");
}

TEST_F(RecoveryContractTest, ImmutabilityGoesOneWay) {
  const auto set = [&](const char* state) {
    return sim_
        .call("PATCH", kVault,
              {{"properties", {{"securitySettings", {{"immutabilitySettings", {{"state", state}}}}}}}})
        .status;
  };
  EXPECT_EQ(set("Locked"), 400);
  EXPECT_EQ(set("Unlocked"), 200);
  EXPECT_EQ(set("Disabled"), 200);
  EXPECT_EQ(set("Unlocked"), 200);
  EXPECT_EQ(set("Locked"), 200);
  EXPECT_EQ(set("Unlocked"), 400);
}

TEST_F(RecoveryContractTest, SecureByDefaultVaultsStayAlwaysOn) {
  sim_.admin("POST", "recovery/mode", {{"secureByDefault", true}});
  const std::string vault = kGroup + "/providers/Microsoft.RecoveryServices/vaults/secure";
  ASSERT_EQ(
      sim_.call("PUT", vault,
                {{"location", "eastus"}, {"sku", {{"name", "Standard"}}}, {"properties", json::object()}})
          .status,
      201);
  const json off = {
      {"properties", {{"securitySettings", {{"softDeleteSettings", {{"softDeleteState", "Disabled"}}}}}}}};
  EXPECT_EQ(sim_.refusal(sim_.call("PATCH", vault, off)), "400 BMSUserErrorSoftDeleteStateNotSetToAlwaysON");
  EXPECT_EQ(sim_.refusal(sim_.call("PATCH", vault + "/backupconfig/vaultconfig",
                                   {{"properties", {{"softDeleteFeatureState", "Disabled"}}}})),
            "400 BMSUserErrorSoftDeleteUseVaultApi");
}

// ---- registration ----

TEST_F(RecoveryContractTest, VmsAreOfferedAfterRefreshAndNotOnceRegistered) {
  const std::string query = "&$filter=backupManagementType%20eq%20%27AzureWorkload%27";
  EXPECT_EQ(sim_.get(kFabric + "/protectableContainers", query)["value"].size(), 0U);
  sim_.refresh();
  EXPECT_EQ(sim_.get(kFabric + "/protectableContainers", query)["value"].size(), 6U);
  ASSERT_EQ(sim_.outcome(sim_.enroll(kHanaContainer, kHanaVm, "SAPHanaDatabase")), "Succeeded");
  EXPECT_EQ(sim_.get(kFabric + "/protectableContainers", query)["value"].size(), 5U);
  const auto container = sim_.get(kHanaContainer)["properties"];
  EXPECT_EQ(container["registrationStatus"], "Registered");
  EXPECT_EQ(container["extendedInfo"]["inquiryInfo"]["status"], "Success");
}

TEST_F(RecoveryContractTest, ContainerListNeedsAManagementType) {
  EXPECT_EQ(sim_.refusal(sim_.call("GET", kVault + "/backupProtectionContainers")),
            "400 BMSUserErrorInvalidInput");
  EXPECT_EQ(sim_.call("GET", kVault + "/backupProtectionContainers", nullptr, "2021-12-01",
                      "&%24filter=backupManagementType+eq+%27AzureWorkLoad%27")
                .status,
            200);
}

TEST_F(RecoveryContractTest, AContainersNameMustBeTheVms) {
  sim_.refresh();
  EXPECT_EQ(sim_.refusal(sim_.enroll(kHanaContainer, kSqlVm, "SQLDataBase")),
            "400 BMSUserErrorContainerNameIncorrectFormat");
}

TEST(RecoveryTimeTest, ASecondRegistrationWhileOneRunsIsRefused) {
  RecoverySimulator sim(simulator::Latency::realistic);
  const auto refresh = sim.call("POST", kFabric + "/refreshContainers");
  sim.advance("60s");
  const auto first = sim.enroll(kHanaContainer, kHanaVm, "SAPHanaDatabase");
  EXPECT_EQ(sim.status_of(first)["status"], "InProgress");
  const auto second = sim.enroll(kHanaContainer, kHanaVm, "SAPHanaDatabase");
  EXPECT_EQ(sim.refusal(second), "400 BadRequest");
  EXPECT_EQ(second.json()["error"]["message"], "Registration is already in progress.");
  sim.advance("150s");
  EXPECT_EQ(sim.outcome(first), "Succeeded");
}

TEST_F(RecoveryContractTest, UnregisteringWithProtectedItemsIsRefused) {
  sim_.protect_all();
  EXPECT_EQ(sim_.refusal(sim_.call("DELETE", kHanaContainer)), "400 BMSUserErrorContainerHasDatasources");
}

// ---- protection ----

TEST_F(RecoveryContractTest, ProtectingBeforeRegistrationOrAnUnknownDatabaseIsNotFound) {
  ASSERT_EQ(sim_.put_policy("hana", RecoverySimulator::policy("SAPHanaDatabase")).status, 200);
  EXPECT_EQ(sim_.refusal(sim_.protect(kHanaItem, "AzureVmWorkloadSAPHanaDatabase", "hana")),
            "404 BMSUserErrorDataSourceObjectNotFound");
  sim_.enroll_all();
  EXPECT_EQ(sim_.refusal(sim_.protect(kHanaContainer + "/protectedItems/SAPHanaDatabase;hxe;nothere",
                                      "AzureVmWorkloadSAPHanaDatabase", "hana")),
            "404 BMSUserErrorDataSourceObjectNotFound");
  EXPECT_EQ(sim_.refusal(sim_.protect(kHanaContainer + "/protectedItems/nonsense",
                                      "AzureVmWorkloadSAPHanaDatabase", "hana")),
            "400 BMSUserErrorProtectedItemNameIncorrectFormat");
}

TEST_F(RecoveryContractTest, APolicyOfAnotherWorkloadIsRefused) {
  sim_.enroll_all();
  ASSERT_EQ(sim_.put_policy("hana", RecoverySimulator::policy("SAPHanaDatabase")).status, 200);
  EXPECT_EQ(sim_.refusal(sim_.protect(kSqlItem, "AzureVmWorkloadSQLDatabase", "hana")),
            "400 BMSUserErrorInvalidInput");
}

TEST_F(RecoveryContractTest, ProtectedItemsLeaveTheProtectableOnesAndStartAsPending) {
  const std::string query =
      "&$filter=backupManagementType%20eq%20%27AzureWorkload%27%20and%20workloadType%20eq%20%"
      "27SAPHanaDatabase%27";
  sim_.enroll_all();
  const auto before = sim_.get(kVault + "/backupProtectableItems", query)["value"].size();
  sim_.protect_all();
  EXPECT_EQ(sim_.get(kVault + "/backupProtectableItems", query)["value"].size(), before - 1);
  EXPECT_EQ(sim_.item(kHanaItem)["protectionState"], "IRPending");
  EXPECT_EQ(sim_.get(kVault + "/backupPolicies/hana")["properties"]["protectedItemsCount"], 1);
  EXPECT_EQ(sim_.refusal(sim_.call("DELETE", kVault + "/backupPolicies/hana")),
            "400 BMSUserErrorPolicyObjectInUse");
}

TEST_F(RecoveryContractTest, NewDatabasesNeedAnInquiry) {
  sim_.enroll_all();
  sim_.admin("PUT", "recovery/databases",
             {{"vm", kHanaVm}, {"type", "SAPHana"}, {"instance", "HXE"}, {"databases", {"LATER"}}});
  const std::string query =
      "&$filter=backupManagementType%20eq%20%27AzureWorkload%27%20and%20friendlyName%20eq%20%27LATER%27";
  EXPECT_EQ(sim_.get(kVault + "/backupProtectableItems", query)["value"].size(), 0U);
  EXPECT_EQ(sim_.outcome(sim_.call("POST", kHanaContainer + "/inquire", nullptr, "2025-02-01",
                                   "&$filter=backupManagementType%20eq%20%27AzureWorkload%27")),
            "Succeeded");
  EXPECT_EQ(sim_.get(kVault + "/backupProtectableItems", query)["value"].size(), 1U);
}

TEST_F(RecoveryContractTest, StopKeepsBackupsAndResumeTakesAPolicy) {
  sim_.protect_all();
  ASSERT_EQ(sim_.outcome(sim_.back_up(kSqlItem, "Full")), "Succeeded");
  const json stop = {{"protectedItemType", "AzureVmWorkloadSQLDatabase"},
                     {"protectionState", "ProtectionStopped"},
                     {"policyId", ""}};
  ASSERT_EQ(sim_.outcome(sim_.put_item(kSqlItem, stop)), "Succeeded");
  EXPECT_EQ(sim_.item(kSqlItem)["protectionState"], "ProtectionStopped");
  EXPECT_FALSE(sim_.item(kSqlItem).contains("policyId"));
  EXPECT_EQ(sim_.refusal(sim_.back_up(kSqlItem, "Full")), "400 BMSUserErrorInvalidInput");
  ASSERT_EQ(sim_.outcome(sim_.protect(kSqlItem, "AzureVmWorkloadSQLDatabase", "sql")), "Succeeded");
  EXPECT_EQ(sim_.item(kSqlItem)["protectionState"], "Protected");
}

// Soft deleted items stay visible for 14 days, can be undeleted, and are purged by the clock.
TEST_F(RecoveryContractTest, SoftDeleteKeepsForFourteenDays) {
  sim_.protect_all();
  ASSERT_EQ(sim_.outcome(sim_.back_up(kSqlItem, "Full")), "Succeeded");
  const auto deleted = sim_.call("DELETE", kSqlItem);
  EXPECT_NE(deleted.header("azure-asyncoperation").find("/backupOperations/"), std::string::npos);
  ASSERT_EQ(sim_.outcome(deleted), "Succeeded");
  auto item = sim_.item(kSqlItem);
  EXPECT_EQ(item["isScheduledForDeferredDelete"], true);
  EXPECT_EQ(item["deferredDeleteTimeInUTC"], "2036-12-01T10:00:00Z");
  EXPECT_EQ(item["softDeleteRetentionPeriod"], 14);
  sim_.advance("1d");
  EXPECT_EQ(sim_.item(kSqlItem)["deferredDeleteTimeRemaining"].get<std::string>().substr(0, 3), "13.");
  const json undelete = {{"protectedItemType", "AzureVmWorkloadSQLDatabase"},
                         {"protectionState", "ProtectionStopped"},
                         {"policyId", ""},
                         {"isRehydrate", true}};
  EXPECT_EQ(sim_.refusal(sim_.protect(kSqlItem, "AzureVmWorkloadSQLDatabase", "sql")),
            "400 BMSUserErrorInvalidInput");
  ASSERT_EQ(sim_.outcome(sim_.put_item(kSqlItem, undelete)), "Succeeded");
  EXPECT_EQ(sim_.item(kSqlItem)["protectionState"], "ProtectionStopped");
  ASSERT_EQ(sim_.outcome(sim_.call("DELETE", kSqlItem)), "Succeeded");
  sim_.advance("15d");
  EXPECT_EQ(sim_.refusal(sim_.call("GET", kSqlItem)), "404 BMSUserErrorDataSourceObjectNotFound");
}

TEST_F(RecoveryContractTest, AClassicVaultWithSoftDeletedItemsCannotBeDeleted) {
  sim_.protect_all();
  ASSERT_EQ(sim_.outcome(sim_.call("DELETE", kSqlItem)), "Succeeded");
  EXPECT_EQ(sim_.refusal(sim_.call("DELETE", kVault)), "400 BMSUserErrorVaultDeletionForbidden");
  ASSERT_EQ(sim_.outcome(sim_.call("DELETE", kHanaItem)), "Succeeded");
  EXPECT_EQ(sim_.refusal(sim_.call("DELETE", kVault)), "400 BMSUserErrorVaultDeletionNotPermitted");
}

TEST_F(RecoveryContractTest, AnImmutableVaultRefusesDeletingData) {
  sim_.protect_all();
  ASSERT_EQ(
      sim_.call("PATCH", kVault,
                {{"properties", {{"securitySettings", {{"immutabilitySettings", {{"state", "Unlocked"}}}}}}}})
          .status,
      200);
  EXPECT_EQ(sim_.call("DELETE", kSqlItem).status, 400);
  json shorter = RecoverySimulator::policy("SQLDataBase");
  shorter["properties"]["subProtectionPolicy"][1]["retentionPolicy"]["retentionDuration"]["count"] = 20;
  EXPECT_NE(sim_.put_policy("sql", shorter).body.find("Reduction in retention is not allowed"),
            std::string::npos);
}

// ---- backups ----

TEST_F(RecoveryContractTest, AFullBackupMakesItProtectedAndBeginsTheLogs) {
  sim_.protect_all();
  ASSERT_EQ(sim_.outcome(sim_.back_up(kHanaItem, "Full")), "Succeeded");
  EXPECT_EQ(sim_.item(kHanaItem)["protectionState"], "Protected");
  ASSERT_EQ(sim_.points(kHanaItem).size(), 1U);
  sim_.advance("1h");
  const auto points = sim_.points(kHanaItem);
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0]["name"], "DefaultRangeRecoveryPoint");
  EXPECT_EQ(points[0]["properties"]["timeRanges"],
            json::array({{{"startTime", "2036-12-01T10:00:00Z"}, {"endTime", "2036-12-01T11:00:00Z"}}}));
  EXPECT_EQ(points[1]["properties"]["objectType"], "AzureWorkloadSAPHanaRecoveryPoint");
}

TEST_F(RecoveryContractTest, ADifferentialBeforeAFullFailsItsJob) {
  sim_.protect_all();
  const auto job = sim_.job_of(sim_.back_up(kSqlItem, "Differential"));
  EXPECT_EQ(job["status"], "Failed");
  EXPECT_EQ(job["errorDetails"][0]["errorTitle"], "UserErrorParentFullBackupMissing");
}

TEST_F(RecoveryContractTest, HanaTakesOnlyFullAndDifferentialOnDemand) {
  sim_.protect_all();
  for (const char* type : {"Log", "CopyOnlyFull", "Incremental"})
    EXPECT_EQ(sim_.refusal(sim_.back_up(kHanaItem, type)), "400 BMSUserErrorInvalidInput") << type;
}

TEST_F(RecoveryContractTest, ASimpleDatabaseTakesNoLogs) {
  sim_.protect_all();
  ASSERT_EQ(sim_.outcome(sim_.back_up(kSqlItem, "Full")), "Succeeded");
  sim_.admin("POST", "recovery/databases",
             {{"vm", kSqlVm}, {"name", "sqldatabase;mssqlserver;sales"}, {"set", {{"model", "Simple"}}}});
  EXPECT_EQ(sim_.job_of(sim_.back_up(kSqlItem, "Log"))["errorDetails"][0]["errorTitle"],
            "UserErrorSQLPODoesNotSupportBackupType");
}

TEST(RecoveryTimeTest, JobsAdvanceWithTheClockOverlapFailsAndCancelTakesItsTime) {
  RecoverySimulator sim;
  sim.protect_all();
  sim.admin("POST", "latency", {{"profile", "realistic"}});
  const auto started = sim.back_up(kSqlItem, "Full");
  auto job = sim.job_of(started);
  EXPECT_EQ(job["status"], "InProgress");
  EXPECT_EQ(job["actionsInfo"], json::array({1}));
  EXPECT_EQ(job["extendedInfo"]["tasksList"][0]["status"], "InProgress");
  const auto overlapping = sim.job_of(sim.back_up(kSqlItem, "Full"));
  EXPECT_EQ(overlapping["errorDetails"][0]["errorCode"], 510008);
  sim.advance("63s");
  EXPECT_EQ(sim.job_of(started)["duration"], "PT1M3S");
  const std::string id = sim.status_of(started)["properties"]["jobId"];
  EXPECT_EQ(sim.call("POST", kVault + "/backupJobs/" + id + "/cancel").status, 202);
  EXPECT_EQ(sim.job_of(started)["status"], "Cancelling");
  sim.advance("40s");
  EXPECT_EQ(sim.job_of(started)["status"], "Cancelled");
  EXPECT_EQ(sim.call("POST", kVault + "/backupJobs/" + id + "/cancel").status, 400);
}

// The policy runs by the clock: fulls on Sundays, differentials on Wednesdays; scheduled HANA backups are no
// jobs.
TEST_F(RecoveryContractTest, ThePolicyRunsByTheClock) {
  sim_.protect_all();
  sim_.advance("14d");  // Monday to Monday
  std::vector<std::string> types;
  for (const auto& point : sim_.points(kSqlItem)) types.push_back(point["properties"]["type"]);
  EXPECT_THAT(types, ::testing::ElementsAre("Log", "Full", "Differential", "Full"));
  int sql = 0, hana = 0;
  const json jobs = sim_.get(kVault + "/backupJobs");  // must outlive the loop
  for (const auto& job : jobs["value"]) {
    if (job["properties"]["operation"] != "Backup" || job["properties"]["status"] != "Completed") continue;
    (job["properties"]["workloadType"] == "SQLDataBase" ? sql : hana)++;
  }
  EXPECT_EQ(sql, 3);
  EXPECT_EQ(hana, 0);
  EXPECT_EQ(sim_.points(kHanaItem).size(), 4U);
}

// ---- restores ----

TEST_F(RecoveryContractTest, APointInTimeMustBeInARange) {
  sim_.protect_all();
  ASSERT_EQ(sim_.outcome(sim_.back_up(kHanaItem, "Full")), "Succeeded");
  sim_.advance("1h");
  const auto restore = [&](const char* time) {
    return sim_.call("POST", kHanaItem + "/recoveryPoints/DefaultRangeRecoveryPoint/restore",
                     {{"properties",
                       {{"objectType", "AzureWorkloadSAPHanaPointInTimeRestoreRequest"},
                        {"recoveryType", "OriginalLocation"},
                        {"sourceResourceId", kHanaVm},
                        {"pointInTime", time}}}});
  };
  EXPECT_EQ(sim_.refusal(restore("2036-12-01T09:59:00Z")), "400 BMSUserErrorInvalidInput");
  const auto started = restore("2036-12-01T10:20:00Z");
  EXPECT_EQ(sim_.outcome(started), "Succeeded");
  EXPECT_EQ(sim_.job_of(started)["status"], "Completed");
}

TEST_F(RecoveryContractTest, AnExistingTargetNeedsOverwrite) {
  sim_.protect_all();
  ASSERT_EQ(sim_.outcome(sim_.back_up(kSqlItem, "Full")), "Succeeded");
  const std::string point = sim_.points(kSqlItem)[0]["id"];
  const auto restore = [&](const char* name, const char* overwrite) {
    return sim_.job_of(sim_.call(
        "POST", point + "/restore",
        {{"properties",
          {{"objectType", "AzureWorkloadSQLRestoreRequest"},
           {"recoveryType", "AlternateLocation"},
           {"sourceResourceId", kSqlVm},
           {"targetVirtualMachineId", kSqlVm},
           {"shouldUseAlternateTargetLocation", true},
           {"targetInfo",
            {{"overwriteOption", overwrite}, {"containerId", kSqlContainer}, {"databaseName", name}}}}}}));
  };
  EXPECT_EQ(restore("MSSQLSERVER/sales", "FailOnConflict")["errorDetails"][0]["errorTitle"],
            "UserErrorCannotRestoreExistingDBWithoutForceOverwrite");
  EXPECT_EQ(restore("MSSQLSERVER/sales", "Overwrite")["status"], "Completed");
  EXPECT_EQ(restore("MSSQLSERVER/sales_copy", "FailOnConflict")["status"], "Completed");
}

TEST_F(RecoveryContractTest, FilesGoToAnAbsoluteFolder) {
  sim_.protect_all();
  ASSERT_EQ(sim_.outcome(sim_.back_up(kHanaItem, "Full")), "Succeeded");
  const std::string point = sim_.points(kHanaItem)[0]["id"];
  const auto restore = [&](const char* folder) {
    return sim_.call("POST", point + "/restore",
                     {{"properties",
                       {{"objectType", "AzureWorkloadSAPHanaRestoreRequest"},
                        {"recoveryType", "AlternateLocation"},
                        {"recoveryMode", "FileRecovery"},
                        {"sourceResourceId", kHanaVm},
                        {"targetInfo",
                         {{"overwriteOption", "Overwrite"},
                          {"containerId", kHanaContainer},
                          {"targetDirectoryForFileRestore", folder}}}}}});
  };
  EXPECT_EQ(restore("relative").status, 400);
  EXPECT_EQ(sim_.job_of(restore("/hana/restore"))["status"], "Completed");
}

TEST_F(RecoveryContractTest, NothingIsRestoredFromASoftDeletedItem) {
  sim_.protect_all();
  ASSERT_EQ(sim_.outcome(sim_.back_up(kHanaItem, "Full")), "Succeeded");
  const std::string point = sim_.points(kHanaItem)[0]["id"];
  ASSERT_EQ(sim_.outcome(sim_.call("DELETE", kHanaItem)), "Succeeded");
  EXPECT_EQ(sim_.call("POST", point + "/restore",
                      {{"properties",
                        {{"objectType", "AzureWorkloadSAPHanaRestoreRequest"},
                         {"recoveryType", "OriginalLocation"}}}})
                .status,
            400);
}

// ---- VMs ----

TEST_F(RecoveryContractTest, AVmIsProtectedBackedUpAndItsDisksRestored) {
  const std::string container =
      kFabric + "/protectionContainers/IaasVMContainer;iaasvmcontainerv2;production;prod-db-vm";
  const std::string item = container + "/protectedItems/VM;iaasvmcontainerv2;production;prod-db-vm";
  ASSERT_EQ(sim_.outcome(sim_.put_item(item, {{"protectedItemType", "Microsoft.Compute/virtualMachines"},
                                              {"sourceResourceId", kHanaVm},
                                              {"policyId", kVault + "/backupPolicies/DefaultPolicy"}})),
            "Succeeded");
  const auto started =
      sim_.call("POST", item + "/backup", {{"properties", {{"objectType", "IaasVMBackupRequest"}}}});
  ASSERT_EQ(sim_.job_of(started)["status"], "Completed");
  const auto point = sim_.points(item)[0];
  EXPECT_EQ(point["properties"]["objectType"], "IaasVMRecoveryPoint");
  EXPECT_EQ(point["properties"]["recoveryPointDiskConfiguration"]["numberOfDisksIncludedInBackup"], 3);
  sim_.make_group("restored");
  json request = {{"objectType", "IaasVMRestoreRequest"},
                  {"recoveryPointId", point["name"]},
                  {"recoveryType", "RestoreDisks"},
                  {"sourceResourceId", kHanaVm},
                  {"region", "eastus"},
                  {"storageAccountId", kGroup + "/providers/Microsoft.Storage/storageAccounts/staging"},
                  {"targetResourceGroupId", std::string(kSubscription) + "/resourceGroups/restored"}};
  const auto restored =
      sim_.call("POST", point["id"].get<std::string>() + "/restore", {{"properties", request}});
  EXPECT_EQ(sim_.job_of(restored)["status"], "Completed") << sim_.job_of(restored);
  const auto disks =
      sim_.arm("GET", std::string(kSubscription) +
                          "/resourceGroups/restored/providers/Microsoft.Compute/disks?api-version=2023-10-02")
          .json();
  EXPECT_EQ(disks["value"].size(), 3U);
  request["recoveryType"] = "OriginalLocation";
  const auto replaced =
      sim_.call("POST", point["id"].get<std::string>() + "/restore", {{"properties", request}});
  EXPECT_EQ(sim_.job_of(replaced)["status"], "Completed") << sim_.job_of(replaced);
}

// az sends no initiatorName; the file layout of a log range is there when asked for, and empty.
TEST_F(RecoveryContractTest, WhatAzAsksOfPointsIsAnswered) {
  sim_.protect_all();
  ASSERT_EQ(sim_.outcome(sim_.back_up(kSqlItem, "Full")), "Succeeded");
  sim_.advance("1h");
  const auto points =
      sim_.get(kSqlItem + "/recoveryPoints", "&$filter=extendedInfo%20eq%20%27True%27")["value"];
  EXPECT_EQ(points[0]["properties"]["extendedInfo"]["dataDirectoryPaths"], json::array());
  EXPECT_EQ(points[1]["properties"]["extendedInfo"]["dataDirectoryPaths"].size(), 2U);
  EXPECT_FALSE(sim_.points(kSqlItem)[0]["properties"].contains("extendedInfo"));
}

// ---- versions and lists ----

// Every version that the reference names, and the seed's.
TEST_F(RecoveryContractTest, EveryKnownVersionIsAnswered) {
  for (const char* version :
       {"2021-12-01", "2022-10-01", "2024-04-01", "2025-02-01", "2025-08-01", "2026-05-01", "2026-07-01"})
    EXPECT_EQ(sim_.call("GET", kVault, nullptr, version).status, 200) << version;
  for (const char* version : {"2021-12-01", "2022-09-01-preview", "2023-06-01", "2024-04-01", "2025-02-01",
                              "2025-08-01", "2019-05-13-preview"})
    for (const char* part :
         {"/backupProtectedItems", "/backupPolicies", "/backupJobs", "/backupProtectableItems"})
      EXPECT_EQ(sim_.call("GET", kVault + part, nullptr, version).status, 200) << version << part;
  for (const char* version : {"2018-12-20", "2021-11-15", "2023-01-15"})
    EXPECT_EQ(sim_.refusal(sim_.call("GET", kVault + "/backupProtectedItems/", nullptr, version)),
              "400 BMSUserErrorInvalidInput")
        << version;  // cross-region restore is off
  EXPECT_EQ(sim_.refusal(sim_.call("GET", kVault, nullptr, "2021-12-02")), "400 NoRegisteredProviderFound");
}

TEST_F(RecoveryContractTest, TheSecondaryRegionIsAskedForByVersion) {
  EXPECT_EQ(sim_.call("GET", kVault + "/backupProtectedItems/", nullptr, "2023-01-15").status,
            400);  // not enabled
  ASSERT_EQ(sim_.call("PATCH", kVault,
                      {{"properties", {{"redundancySettings", {{"crossRegionRestore", "Enabled"}}}}}})
                .status,
            200);
  sim_.protect_all();
  ASSERT_EQ(sim_.outcome(sim_.back_up(kSqlItem, "Full")), "Succeeded");
  EXPECT_EQ(sim_.call("GET", kVault + "/backupProtectedItems/", nullptr, "2023-01-15").json()["value"].size(),
            1U);
  EXPECT_EQ(sim_.refusal(sim_.call("GET", kVault + "/backupJobs", nullptr, "2023-01-15")),
            "400 NoRegisteredProviderFound");
  EXPECT_EQ(sim_.call("GET", kVault + "/backupJobs", nullptr, "2021-12-01").status, 200);
}

TEST_F(RecoveryContractTest, JobsAreFilteredByTimeAndStatusAndComeInPages) {
  sim_.protect_all();
  for (int i = 0; i < 120; ++i) sim_.back_up(kSqlItem, "CopyOnlyFull");
  const auto first = sim_.get(kVault + "/backupJobs", "&$filter=operation%20eq%20%27Backup%27");
  EXPECT_EQ(first["value"].size(), 100U);
  const auto second = sim_.arm("GET", first["nextLink"].get<std::string>()).json();
  EXPECT_EQ(second["value"].size(), 20U);
  EXPECT_FALSE(second.contains("nextLink"));
  EXPECT_EQ(
      sim_.get(kVault + "/backupJobs", "&$filter=startTime%20eq%20%272037-01-01%2001:00:00%20AM%27")["value"]
          .size(),
      0U);
}

}  // namespace
}  // namespace azlin::test
