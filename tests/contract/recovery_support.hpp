#pragma once
// What the tests on Recovery Services share: the sample's vault, and its databases one step further each.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/simulator_fixture.hpp"

namespace azlin::test {

using nlohmann::json;

inline const std::string kGroup = std::string(kSubscription) + "/resourceGroups/Production";
inline const std::string kVault = kGroup + "/providers/Microsoft.RecoveryServices/vaults/my-vault";
inline const std::string kFabric = kVault + "/backupFabrics/Azure";
inline const std::string kHanaVm = kGroup + "/providers/Microsoft.Compute/virtualMachines/prod-db-vm";
inline const std::string kSqlVm = kGroup + "/providers/Microsoft.Compute/virtualMachines/prod-app-vm";
inline const std::string kHanaContainer =
    kFabric + "/protectionContainers/VMAppContainer;Compute;production;prod-db-vm";
inline const std::string kSqlContainer =
    kFabric + "/protectionContainers/VMAppContainer;Compute;production;prod-app-vm";
inline const std::string kHanaItem = kHanaContainer + "/protectedItems/SAPHanaDatabase;hxe;hxe";
inline const std::string kSqlItem = kSqlContainer + "/protectedItems/SQLDataBase;mssqlserver;sales";

class RecoverySimulator : public Simulator {
 public:
  explicit RecoverySimulator(simulator::Latency latency = simulator::Latency::none)
      : Simulator(options(latency)) {
    freeze_at("2036-12-01T10:00:00Z");  // a Monday, later than the machine's clock made the sample's VMs
  }

  HttpReply call(const std::string& method, const std::string& path, const json& body = nullptr,
                 const std::string& version = "2025-02-01", const std::string& query = "") {
    return arm(method, path + "?api-version=" + version + query, body);
  }
  json get(const std::string& path, const std::string& query = "") {
    return call("GET", path, nullptr, "2025-02-01", query).json();
  }
  std::string refusal(const HttpReply& reply) {
    return fmt::format("{} {}", reply.status, reply.error_code());
  }

  // How the operation of an accepted request ended: "Succeeded", or the code of its error.
  std::string outcome(const HttpReply& started) {
    EXPECT_EQ(started.status, 202) << started.body;
    const json status = status_of(started);
    return status["status"] == "Failed" ? status["error"]["code"] : status["status"];
  }
  json status_of(const HttpReply& started) {
    std::string url = started.header("azure-asyncoperation");
    if (url.empty()) url = started.header("location");
    url = url.substr(0, url.find('?'));
    return get(kVault + "/backupOperations/" + url.substr(url.rfind('/') + 1));
  }
  json job_of(const HttpReply& started) {
    return get(kVault + "/backupJobs/" +
               status_of(started)["properties"]["jobId"].get<std::string>())["properties"];
  }

  void refresh() {
    EXPECT_EQ(outcome(call("POST", kFabric + "/refreshContainers", nullptr, "2025-02-01",
                           "&$filter=backupManagementType%20eq%20%27AzureWorkload%27")),
              "Succeeded");
  }
  HttpReply enroll(const std::string& container, const std::string& vm, const std::string& workload) {
    return call("PUT", container,
                {{"properties",
                  {{"backupManagementType", "AzureWorkload"},
                   {"containerType", "VMAppContainer"},
                   {"sourceResourceId", vm},
                   {"workloadType", workload},
                   {"operationType", "Register"}}}});
  }
  void enroll_all() {
    refresh();
    ASSERT_EQ(outcome(enroll(kHanaContainer, kHanaVm, "SAPHanaDatabase")), "Succeeded");
    ASSERT_EQ(outcome(enroll(kSqlContainer, kSqlVm, "SQLDataBase")), "Succeeded");
  }

  static json times() { return json::array({"2024-01-01T02:00:00Z"}); }
  static json keep(int count, const char* unit) { return {{"count", count}, {"durationType", unit}}; }
  // Weekly full on Sunday, differential on Wednesday, logs every 15 minutes.
  static json policy(const std::string& workload) {
    json full = {{"policyType", "Full"},
                 {"schedulePolicy",
                  {{"schedulePolicyType", "SimpleSchedulePolicy"},
                   {"scheduleRunFrequency", "Weekly"},
                   {"scheduleRunDays", json::array({"Sunday"})},
                   {"scheduleRunTimes", times()}}},
                 {"retentionPolicy",
                  {{"retentionPolicyType", "LongTermRetentionPolicy"},
                   {"weeklySchedule",
                    {{"daysOfTheWeek", json::array({"Sunday"})},
                     {"retentionTimes", times()},
                     {"retentionDuration", keep(12, "Weeks")}}}}}};
    json differential = {
        {"policyType", "Differential"},
        {"schedulePolicy",
         {{"schedulePolicyType", "SimpleSchedulePolicy"},
          {"scheduleRunFrequency", "Weekly"},
          {"scheduleRunDays", json::array({"Wednesday"})},
          {"scheduleRunTimes", times()}}},
        {"retentionPolicy",
         {{"retentionPolicyType", "SimpleRetentionPolicy"}, {"retentionDuration", keep(30, "Days")}}}};
    json log = {
        {"policyType", "Log"},
        {"schedulePolicy", {{"schedulePolicyType", "LogSchedulePolicy"}, {"scheduleFrequencyInMins", 15}}},
        {"retentionPolicy",
         {{"retentionPolicyType", "SimpleRetentionPolicy"}, {"retentionDuration", keep(15, "Days")}}}};
    return {{"properties",
             {{"backupManagementType", "AzureWorkload"},
              {"workLoadType", workload},
              {"settings", {{"timeZone", "UTC"}, {"issqlcompression", false}, {"isCompression", false}}},
              {"subProtectionPolicy", json::array({full, differential, log})}}}};
  }
  HttpReply put_policy(const std::string& name, const json& body) {
    return call("PUT", kVault + "/backupPolicies/" + name, body);
  }

  HttpReply put_item(const std::string& item, const json& properties) {
    return call("PUT", item, {{"properties", properties}});
  }
  HttpReply protect(const std::string& item, const std::string& type, const std::string& policy_name) {
    return put_item(item,
                    {{"protectedItemType", type}, {"policyId", kVault + "/backupPolicies/" + policy_name}});
  }
  // The two databases registered and protected.
  void protect_all() {
    enroll_all();
    ASSERT_EQ(put_policy("hana", policy("SAPHanaDatabase")).status, 200);
    ASSERT_EQ(put_policy("sql", policy("SQLDataBase")).status, 200);
    ASSERT_EQ(outcome(protect(kHanaItem, "AzureVmWorkloadSAPHanaDatabase", "hana")), "Succeeded");
    ASSERT_EQ(outcome(protect(kSqlItem, "AzureVmWorkloadSQLDatabase", "sql")), "Succeeded");
  }
  HttpReply back_up(const std::string& item, const std::string& type) {
    return call("POST", item + "/backup",
                {{"properties", {{"objectType", "AzureWorkloadBackupRequest"}, {"backupType", type}}}});
  }
  json item(const std::string& id) { return get(id)["properties"]; }
  json points(const std::string& id) { return get(id + "/recoveryPoints")["value"]; }

 private:
  static simulator::Options options(simulator::Latency latency) {
    simulator::Options made{.seed = "sample"};
    made.latency = latency;
    made.latency_given = true;
    return made;
  }
};

}  // namespace azlin::test
