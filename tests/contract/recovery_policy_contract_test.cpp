// What the service accepts as a policy: a table of its rules, each with its error.
#include "contract/recovery_support.hpp"

namespace azlin::test {
namespace {

using Change = void (*)(json& properties);

struct PolicyCase {
  const char* name;
  const char* workload;
  Change change;
  const char* expected;  // "200", or status and code
};

json& sub(json& properties, std::size_t index) {
  return properties["subProtectionPolicy"][index];
}

class RecoveryPolicyContractTest : public ::testing::Test {
 protected:
  RecoverySimulator sim_;
};

constexpr const char* kInput = "400 BMSUserErrorInvalidPolicyInput";
constexpr const char* kRetention = "400 BMSUserErrorPolicyRetentionInvalid";

const std::vector<PolicyCase>& cases() {
  static const std::vector<PolicyCase> table = {
      {"as it is", "SQLDataBase", [](json&) {}, "200 "},
      {"HANA as it is", "SAPHanaDatabase", [](json&) {}, "200 "},
      {"another day kept than run", "SQLDataBase",
       [](json& p) {
         sub(p, 0)["retentionPolicy"]["weeklySchedule"]["daysOfTheWeek"] = json::array({"Monday"});
       },
       kInput},
      {"daily retention of a weekly schedule", "SQLDataBase",
       [](json& p) {
         sub(p, 0)["retentionPolicy"]["dailySchedule"] = {
             {"retentionTimes", RecoverySimulator::times()},
             {"retentionDuration", RecoverySimulator::keep(30, "Days")}};
       },
       kInput},
      {"retention at another time than the run", "SQLDataBase",
       [](json& p) {
         sub(p, 0)["retentionPolicy"]["weeklySchedule"]["retentionTimes"] =
             json::array({"2024-01-01T03:00:00Z"});
       },
       kInput},
      {"two differential days", "SQLDataBase",
       [](json& p) {
         sub(p, 1)["schedulePolicy"]["scheduleRunDays"] = json::array({"Monday", "Wednesday"});
       },
       kInput},
      {"HANA: two differential days", "SAPHanaDatabase",
       [](json& p) {
         sub(p, 1)["schedulePolicy"]["scheduleRunDays"] = json::array({"Monday", "Wednesday"});
       },
       "200 "},
      {"differential on the day of the full", "SAPHanaDatabase",
       [](json& p) { sub(p, 1)["schedulePolicy"]["scheduleRunDays"] = json::array({"Sunday"}); }, kInput},
      {"log kept 36 days", "SQLDataBase",
       [](json& p) { sub(p, 2)["retentionPolicy"]["retentionDuration"]["count"] = 36; },
       "400 UserErrorLogRetentionNotInValidRangeInPolicy"},
      {"log kept as long as differential", "SQLDataBase",
       [](json& p) { sub(p, 2)["retentionPolicy"]["retentionDuration"]["count"] = 30; },
       "400 UserErrorLogRetentionMoreThanDiffRetentionInPolicy"},
      {"differential kept 6 days", "SQLDataBase",
       [](json& p) { sub(p, 1)["retentionPolicy"]["retentionDuration"]["count"] = 6; }, kRetention},
      {"differential kept 181 days", "SQLDataBase",
       [](json& p) { sub(p, 1)["retentionPolicy"]["retentionDuration"]["count"] = 181; }, kRetention},
      {"HANA without logs", "SAPHanaDatabase", [](json& p) { p["subProtectionPolicy"].erase(2); }, kInput},
      {"SQL without logs", "SQLDataBase", [](json& p) { p["subProtectionPolicy"].erase(2); }, "200 "},
      {"no full", "SQLDataBase", [](json& p) { p["subProtectionPolicy"].erase(0); }, kInput},
      {"logs every 10 minutes", "SAPHanaDatabase",
       [](json& p) { sub(p, 2)["schedulePolicy"]["scheduleFrequencyInMins"] = 10; }, kInput},
      {"SQL incremental", "SQLDataBase", [](json& p) { sub(p, 1)["policyType"] = "Incremental"; }, kInput},
      {"HANA incremental instead of differential", "SAPHanaDatabase",
       [](json& p) { sub(p, 1)["policyType"] = "Incremental"; }, "200 "},
      {"unknown time zone", "SQLDataBase", [](json& p) { p["settings"]["timeZone"] = "Europe/Berlin"; },
       kInput},
      {"Windows time zone", "SQLDataBase",
       [](json& p) { p["settings"]["timeZone"] = "Pacific Standard Time"; }, "200 "},
  };
  return table;
}

TEST_F(RecoveryPolicyContractTest, RulesOfWorkloadPolicies) {
  int number = 0;
  for (const auto& row : cases()) {
    json body = RecoverySimulator::policy(row.workload);
    row.change(body["properties"]);
    const auto reply = sim_.put_policy(fmt::format("policy-{}", ++number), body);
    EXPECT_EQ(fmt::format("{} {}", reply.status, reply.error_code()), row.expected)
        << row.name << ": " << reply.body;
  }
}

json vm_policy(const char* type, int instant, int days) {
  return {{"properties",
           {{"backupManagementType", "AzureIaasVM"},
            {"policyType", type},
            {"timeZone", "UTC"},
            {"instantRpRetentionRangeInDays", instant},
            {"schedulePolicy",
             {{"schedulePolicyType", "SimpleSchedulePolicy"},
              {"scheduleRunFrequency", "Daily"},
              {"scheduleRunTimes", RecoverySimulator::times()}}},
            {"retentionPolicy",
             {{"retentionPolicyType", "LongTermRetentionPolicy"},
              {"dailySchedule",
               {{"retentionTimes", RecoverySimulator::times()},
                {"retentionDuration", RecoverySimulator::keep(days, "Days")}}}}}}}};
}

TEST_F(RecoveryPolicyContractTest, RulesOfVmPolicies) {
  EXPECT_EQ(sim_.put_policy("vm1", vm_policy("V1", 2, 30)).status, 200);
  EXPECT_EQ(sim_.put_policy("vm2", vm_policy("V1", 1, 1)).status, 200);
  EXPECT_EQ(sim_.refusal(sim_.put_policy("vm3", vm_policy("V1", 6, 30))), kInput);
  EXPECT_EQ(sim_.refusal(sim_.put_policy("vm4", vm_policy("V1", 2, 3))), kRetention);
  EXPECT_EQ(sim_.refusal(sim_.put_policy("vm5", vm_policy("V2", 7, 30))),
            kInput);  // V2 has a schedule of its own
  json hourly = vm_policy("V2", 7, 30);
  hourly["properties"]["schedulePolicy"] = {{"schedulePolicyType", "SimpleSchedulePolicyV2"},
                                            {"scheduleRunFrequency", "Hourly"},
                                            {"hourlySchedule",
                                             {{"interval", 4},
                                              {"scheduleWindowStartTime", "2024-01-01T02:00:00Z"},
                                              {"scheduleWindowDuration", 16}}}};
  EXPECT_EQ(sim_.put_policy("vm6", hourly).status, 200);
  hourly["properties"]["schedulePolicy"]["hourlySchedule"]["interval"] = 5;
  EXPECT_EQ(sim_.refusal(sim_.put_policy("vm7", hourly)), kInput);
}

TEST_F(RecoveryPolicyContractTest, TheWorkloadOfAPolicyStays) {
  ASSERT_EQ(sim_.put_policy("mine", RecoverySimulator::policy("SQLDataBase")).status, 200);
  EXPECT_EQ(sim_.refusal(sim_.put_policy("mine", RecoverySimulator::policy("SAPHanaDatabase"))), kInput);
}

}  // namespace
}  // namespace azlin::test
