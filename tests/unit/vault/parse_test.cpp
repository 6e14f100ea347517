#include "vault/parse.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "azlin/vault/service.hpp"

namespace azlin::vault {
namespace {

TEST(ParseJobTest, ActionsAreNumbersOrWords) {
  EXPECT_TRUE(parse_job(json::parse(R"({"properties":{"actionsInfo":[1]}})")).cancellable);
  EXPECT_TRUE(parse_job(json::parse(R"({"properties":{"actionsInfo":["Cancellable"]}})")).cancellable);
  EXPECT_FALSE(parse_job(json::parse(R"({"properties":{"actionsInfo":[2]}})")).cancellable);
  EXPECT_FALSE(parse_job(json::parse(R"({"properties":{}})")).cancellable);
}

TEST(ParseJobTest, ProgressByTasksWhereTheServiceGivesNoPercentage) {
  const auto job = parse_job(json::parse(R"({"properties":{"status":"InProgress","extendedInfo":{"tasksList":[
      {"taskId":"Take Snapshot","status":"Completed"},{"taskId":"Transfer data to vault","status":"InProgress"}]}}})"));
  EXPECT_EQ(job.progress(), 50);
  EXPECT_EQ(parse_job(json::parse(R"({"properties":{"status":"InProgress"}})")).progress(), std::nullopt);
}

TEST(ParseJobTest, ErrorsCarryTitleAndRecommendations) {
  const auto job =
      parse_job(json::parse(R"({"properties":{"status":"Failed","errorDetails":[{"errorCode":310006,
      "errorTitle":"UserErrorParentFullBackupMissing","errorString":"missing","recommendations":["Trigger a full backup"]}]}})"));
  ASSERT_EQ(job.errors.size(), 1U);
  EXPECT_EQ(job.errors[0].title, "UserErrorParentFullBackupMissing");
  EXPECT_EQ(job.errors[0].recommendations, std::vector<std::string>{"Trigger a full backup"});
}

TEST(ParsePointsTest, TheRuleThatKeepsAPoint) {
  const auto points =
      parse_points({json::parse(R"({"id":"/r/1","name":"1","properties":{"recoveryPointType":"AppConsistent",
      "recoveryPointTime":"2025-12-01T02:00:00Z","recoveryPointProperties":{"ruleName":"Weekly"}}})")});
  ASSERT_EQ(points.points.size(), 1U);
  EXPECT_EQ(points.points[0].rule, "Weekly");
}

TEST(ParsePointsTest, TiersByNumberOrNameAndLogsAsRanges) {
  const auto points =
      parse_points({json::parse(R"({"id":"/r/1","name":"1","properties":{"type":"Full",
      "recoveryPointTimeInUTC":"2025-12-01T02:00:00Z","recoveryPointTierDetails":[{"type":1,"status":1},{"type":"HardenedRP"}]}})"),
                    json::parse(R"({"id":"/r/DefaultRangeRecoveryPoint","name":"DefaultRangeRecoveryPoint",
      "properties":{"type":"Log","timeRanges":[{"startTime":"2025-12-01T02:00:00Z","endTime":"2025-12-01T03:00:00Z"}]}})")});
  ASSERT_EQ(points.points.size(), 1U);
  EXPECT_EQ(points.points[0].tiers, (std::vector<std::string>{"InstantRP", "HardenedRP"}));
  ASSERT_EQ(points.logs.size(), 1U);
  EXPECT_EQ(points.log_point_id, "/r/DefaultRangeRecoveryPoint");
}

TEST(ParseItemTest, TheServicesNeverIsNoTime) {
  const auto item = parse_item(json::parse(R"({"id":"/i","name":"VM;x","properties":{
      "protectedItemType":"Microsoft.Compute/virtualMachines","lastBackupTime":"2001-01-01T00:00:00Z","sourceResourceId":"/a/b/vm1"}})"));
  EXPECT_FALSE(item.last_backup);
  EXPECT_EQ(item.workload, Workload::vm);
  EXPECT_EQ(item.server, "vm1");
}

TEST(ParseItemTest, SoftDeletedByFlagOrState) {
  EXPECT_TRUE(
      parse_item(json::parse(R"({"properties":{"isScheduledForDeferredDelete":true}})")).soft_deleted);
  EXPECT_TRUE(parse_item(json::parse(R"({"properties":{"protectionState":"SoftDeleted"}})")).soft_deleted);
  EXPECT_FALSE(parse_item(json::parse(R"({"properties":{"protectionState":"Protected"}})")).soft_deleted);
}

TEST(FilterTest, TimesAreTwelveHours) {
  EXPECT_EQ(filter_time(core::parse_time("2024-01-02T15:04:05Z").value()), "2024-01-02 03:04:05 PM");
  EXPECT_EQ(filter_time(core::parse_time("2024-01-02T00:00:00Z").value()), "2024-01-02 12:00:00 AM");
  EXPECT_EQ(filter_time(core::parse_time("2024-01-02T12:30:00Z").value()), "2024-01-02 12:30:00 PM");
}

TEST(FilterTest, EmptyConditionsAreLeftOut) {
  EXPECT_EQ(filter_of({{"status", "Failed"}, {"operation", ""}, {"jobId", "x"}}),
            "status eq 'Failed' and jobId eq 'x'");
  EXPECT_THROW(filter_of({{"status", "a'b"}}), core::Error);
}

TEST(HelpTest, KnownCodesHaveSteps) {
  EXPECT_NE(help_for("BMSUserErrorContainerHasDatasources", 400).find("unprotect"), std::string::npos);
  EXPECT_NE(help_for("", 403).find("test-connection"), std::string::npos);
  EXPECT_EQ(help_for("SomethingNew", 400), "");
}

TEST(WorkloadTest, SpellingsOfPeopleAndOfTheService) {
  EXPECT_EQ(parse_workload("saphana"), Workload::hana);
  EXPECT_EQ(parse_workload("MSSQL"), Workload::sql);
  EXPECT_EQ(workload_of("AzureVmWorkloadSQLDatabase"), Workload::sql);
  EXPECT_EQ(workload_of("Microsoft.Compute/virtualMachines"), Workload::vm);
  EXPECT_EQ(workload_of("AzureFileShare"), std::nullopt);
  EXPECT_THROW(parse_workload("oracle"), core::Error);
}

}  // namespace
}  // namespace azlin::vault
