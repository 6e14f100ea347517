// What the service refuses in a policy, said before the call; and the body that is sent.
#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "azlin/vault/policies.hpp"

namespace azlin::vault {
namespace {

// The message of the refusal; "" when the policy is accepted.
std::string refusal(const PolicySpec& spec) {
  try {
    check_policy(spec);
    return "";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::usage);
    return error.what();
  }
}

struct Case {
  const char* name;
  Workload workload;
  void (*change)(PolicySpec&);
  const char* expected;  // part of the message; "" accepted
};

class PolicyRuleTest : public ::testing::TestWithParam<Case> {};

TEST_P(PolicyRuleTest, IsSaidBeforeTheCall) {
  PolicySpec spec = template_policy(GetParam().workload);
  GetParam().change(spec);
  const std::string said = refusal(spec);
  if (std::string_view(GetParam().expected).empty()) {
    EXPECT_EQ(said, "");
  } else {
    EXPECT_NE(said.find(GetParam().expected), std::string::npos) << said;
  }
}

constexpr auto kHana = Workload::hana;
constexpr auto kSql = Workload::sql;
constexpr auto kVm = Workload::vm;

INSTANTIATE_TEST_SUITE_P(
    Rules, PolicyRuleTest,
    ::testing::Values(
        Case{"HanaTemplate", kHana, [](PolicySpec&) {}, ""},
        Case{"SqlTemplate", kSql, [](PolicySpec&) {}, ""}, Case{"VmTemplate", kVm, [](PolicySpec&) {}, ""},
        Case{"HanaNeedsLogs", kHana, [](PolicySpec& spec) { spec.log_minutes = spec.log_keep_days = 0; },
             "needs log backups"},
        Case{"SqlMayHaveNoLogs", kSql, [](PolicySpec& spec) { spec.log_minutes = spec.log_keep_days = 0; },
             ""},
        Case{"LogEvery15", kHana, [](PolicySpec& spec) { spec.log_minutes = 14; }, "every 15 to 1440"},
        Case{"LogKeptAtLeast7", kSql, [](PolicySpec& spec) { spec.log_keep_days = 6; }, "kept 7 to 35 days"},
        Case{"LogKeptAtMost35", kSql,
             [](PolicySpec& spec) {
               spec.log_keep_days = 36;
               spec.differential_keep_days = 60;
             },
             "kept 7 to 35 days"},
        Case{"LogUnderDifferential", kSql,
             [](PolicySpec& spec) { spec.differential_keep_days = spec.log_keep_days; },
             "fewer days than differential"},
        Case{"DifferentialNotOnFullDay", kHana, [](PolicySpec& spec) { spec.differential_days = {"Sunday"}; },
             "the day of the full backup"},
        Case{"DifferentialNeedsWeeklyFull", kHana,
             [](PolicySpec& spec) {
               spec.full_days.clear();
               spec.full = {30, 0, 0, 0};
             },
             "not daily"},
        Case{"SqlOneDifferentialDay", kSql,
             [](PolicySpec& spec) {
               spec.differential_days = {"Monday", "Wednesday"};
             },
             "exactly one day"},
        Case{"HanaSeveralDifferentialDays", kHana,
             [](PolicySpec& spec) {
               spec.differential_days = {"Monday", "Wednesday"};
             },
             ""},
        Case{"DifferentialAtMost180", kSql, [](PolicySpec& spec) { spec.differential_keep_days = 181; },
             "7 to 180 days"},
        Case{"NotBothPartials", kHana,
             [](PolicySpec& spec) {
               spec.incremental_days = {"Monday"};
               spec.incremental_keep_days = 30;
             },
             "cannot be combined"},
        Case{"SqlHasNoIncremental", kSql,
             [](PolicySpec& spec) {
               spec.differential_days.clear();
               spec.differential_keep_days = 0;
               spec.incremental_days = {"Monday"};
               spec.incremental_keep_days = 30;
             },
             "no incremental"},
        Case{"WeeklyNeedsWeeks", kHana, [](PolicySpec& spec) { spec.full.weeks = 0; }, "retention in weeks"},
        Case{"WeeklyTakesNoDays", kHana, [](PolicySpec& spec) { spec.full.days = 30; },
             "retention is in weeks"},
        Case{"UnknownDay", kHana, [](PolicySpec& spec) { spec.full_days = {"Someday"}; },
             "no day of the week"},
        Case{"BadTime", kHana, [](PolicySpec& spec) { spec.time = "25:00"; }, "no time of day"},
        Case{"VmDaily1Or7", kVm,
             [](PolicySpec& spec) {
               spec.full = {3, 0, 0, 0};
             },
             "1 day, or at least 7"},
        Case{"VmDaily1", kVm,
             [](PolicySpec& spec) {
               spec.full = {1, 0, 0, 0};
             },
             ""},
        Case{"VmInstant1To5", kVm, [](PolicySpec& spec) { spec.instant_days = 6; }, "1 to 5 days"},
        Case{"VmHourlyInstantTo30", kVm,
             [](PolicySpec& spec) {
               spec.every_hours = 4;
               spec.instant_days = 30;
             },
             ""},
        Case{"VmHourlyInterval", kVm, [](PolicySpec& spec) { spec.every_hours = 5; }, "every 4, 6, 8 or 12"},
        Case{"VmHasNoLogs", kVm, [](PolicySpec& spec) { spec.log_minutes = 15; }, "only full backups"},
        Case{"CompressionIsForSql", kHana, [](PolicySpec& spec) { spec.compression = true; },
             "SQL Server only"}),
    [](const auto& row) { return row.param.name; });

TEST(PolicyBodyTest, HanaTemplateAsTheServiceSpellsIt) {
  const auto body = policy_body(template_policy(Workload::hana));
  EXPECT_EQ(body["workLoadType"], "SAPHanaDatabase");
  EXPECT_EQ(body["settings"]["issqlcompression"], false);
  ASSERT_EQ(body["subProtectionPolicy"].size(), 3U);
  const auto& full = body["subProtectionPolicy"][0];
  EXPECT_EQ(full["schedulePolicy"]["scheduleRunFrequency"], "Weekly");
  EXPECT_EQ(full["schedulePolicy"]["scheduleRunTimes"], nlohmann::json::array({"2024-01-01T02:00:00Z"}));
  EXPECT_EQ(full["retentionPolicy"]["weeklySchedule"]["daysOfTheWeek"], nlohmann::json::array({"Sunday"}));
  EXPECT_EQ(full["retentionPolicy"]["weeklySchedule"]["retentionTimes"],
            full["schedulePolicy"]["scheduleRunTimes"]);
  EXPECT_EQ(full["retentionPolicy"]["monthlySchedule"]["retentionScheduleWeekly"]["weeksOfTheMonth"],
            nlohmann::json::array({"First"}));
  EXPECT_EQ(body["subProtectionPolicy"][2]["schedulePolicy"]["scheduleFrequencyInMins"], 15);
}

TEST(PolicyBodyTest, HourlyVmPolicyIsV2) {
  PolicySpec spec = template_policy(Workload::vm);
  spec.every_hours = 4;
  const auto body = policy_body(spec);
  EXPECT_EQ(body["policyType"], "V2");
  EXPECT_EQ(body["schedulePolicy"]["schedulePolicyType"], "SimpleSchedulePolicyV2");
  EXPECT_EQ(body["schedulePolicy"]["hourlySchedule"]["interval"], 4);
  EXPECT_EQ(body["instantRpRetentionRangeInDays"], 7);
}

TEST(PolicyFileTest, YamlKeysChangeTheTemplate) {
  const auto body =
      policy_from_json("workload: MSSQL\ntime: \"03:30\"\nfull:\n  days: [Saturday]\n  keepWeeks: 8\n");
  EXPECT_EQ(body["workLoadType"], "SQLDataBase");
  EXPECT_EQ(body["subProtectionPolicy"][0]["schedulePolicy"]["scheduleRunDays"],
            nlohmann::json::array({"Saturday"}));
  EXPECT_EQ(body["subProtectionPolicy"][0]["schedulePolicy"]["scheduleRunTimes"][0], "2024-01-01T03:30:00Z");
  EXPECT_EQ(body["subProtectionPolicy"][0]["retentionPolicy"]["weeklySchedule"]["retentionDuration"]["count"],
            8);
}

TEST(PolicyFileTest, TheServicesOwnBodyIsTakenAsItIs) {
  const auto body = policy_from_json(
      R"({"properties":{"backupManagementType":"AzureWorkload","workLoadType":"SQLDataBase"}})");
  EXPECT_EQ(body["workLoadType"], "SQLDataBase");
}

TEST(PolicyFileTest, UnknownKeysAndBrokenRulesAreRefused) {
  EXPECT_THROW(policy_from_json("workload: SAPHana\nfulll: {}\n"), core::Error);
  EXPECT_THROW(policy_from_json("workload: SAPHana\nlog: {everyMinutes: 5, keepDays: 10}\n"), core::Error);
  EXPECT_THROW(policy_from_json("time: \"02:00\"\n"), core::Error);
  EXPECT_THROW(policy_from_json("]["), core::Error);
}

TEST(PolicyNameTest, WhatTheServiceRefusesIsRefusedBefore) {
  for (const char* good : {"abc", "a-1", "Daily-SQL-2"}) EXPECT_NO_THROW(check_policy_name(good)) << good;
  for (const char* bad : {"", "ab", "1abc", "-abc", "a_bc", "a bc"})
    EXPECT_THROW(check_policy_name(bad), core::Error) << bad;
  EXPECT_NO_THROW(check_policy_name(std::string(150, 'a')));
  EXPECT_THROW(check_policy_name(std::string(151, 'a')), core::Error);
}

TEST(VmRetentionTest, IsReadFromTheBodyThatWasWritten) {
  PolicySpec spec = template_policy(Workload::vm);
  spec.full = {14, 8, 0, 0};
  Policy policy;
  policy.properties = policy_body(spec);
  EXPECT_EQ(vm_retention(policy), (VmRetention{14, 8, 0}));
  EXPECT_EQ(vm_retention(Policy{}), VmRetention{});
}

}  // namespace
}  // namespace azlin::vault
