// Locks, role assignments and policies.
#include "support/simulator_fixture.hpp"

namespace azlin::test {
namespace {

class AccessContractTest : public ::testing::Test {
 protected:
  std::string lock_path(const std::string& scope) {
    return scope + "/providers/Microsoft.Authorization/locks/keep?api-version=2016-09-01";
  }
  HttpReply lock(const std::string& scope, const std::string& level) {
    return sim_.arm("PUT", lock_path(scope), {{"properties", {{"level", level}, {"notes", "for a test"}}}});
  }
  HttpReply put_disk(const std::string& location = "eastus") {
    return sim_.arm("PUT", disk_ + "?api-version=2023-10-02",
                    {{"location", location},
                     {"properties", {{"diskSizeGB", 4}, {"creationData", {{"createOption", "Empty"}}}}}});
  }
  HttpReply tag(const std::string& scope) {
    return sim_.arm("PATCH", scope + "/providers/Microsoft.Resources/tags/default?api-version=2021-04-01",
                    {{"operation", "Merge"}, {"properties", {{"tags", {{"a", "b"}}}}}});
  }

  Simulator sim_;
  const std::string group_ = sim_.make_group("rg");
  const std::string disk_ = group_ + "/providers/Microsoft.Compute/disks/d";
};

// 409 "The scope '…' cannot perform delete operation because following scope(s) are locked: '…'. Please
// remove the lock and try again."; locks inherit.
TEST_F(AccessContractTest, CanNotDeleteStopsDeletesBelowItOnly) {
  ASSERT_EQ(put_disk().status, 202);
  EXPECT_EQ(lock(group_, "CanNotDelete").status, 201);
  const auto reply = sim_.arm("DELETE", disk_ + "?api-version=2023-10-02");
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.error_code(), "ScopeLocked");
  EXPECT_EQ(reply.json()["error"]["message"],
            "The scope '" + disk_ +
                "' cannot perform delete operation because following scope(s) are locked: '" + group_ +
                "'. Please remove the lock and try again.");
  EXPECT_EQ(tag(disk_).status, 200);
  EXPECT_EQ(sim_.arm("DELETE", lock_path(group_)).status, 200);
  EXPECT_EQ(sim_.arm("DELETE", disk_ + "?api-version=2023-10-02").status, 202);
}

// ReadOnly blocks POST actions too (start, beginGetAccess).
TEST_F(AccessContractTest, ReadOnlyStopsWritesAndActions) {
  ASSERT_EQ(put_disk().status, 202);
  EXPECT_EQ(lock(disk_, "ReadOnly").status, 201);
  EXPECT_EQ(tag(disk_).error_code(), "ScopeLocked");
  EXPECT_EQ(sim_.arm("POST", disk_ + "/beginGetAccess?api-version=2023-10-02",
                     {{"access", "Read"}, {"durationInSeconds", 60}})
                .error_code(),
            "ScopeLocked");
  EXPECT_EQ(sim_.arm("GET", disk_ + "?api-version=2023-10-02").status, 200);
  EXPECT_EQ(tag(group_).status, 200);
}

TEST_F(AccessContractTest, LockInsideAGroupKeepsTheGroup) {
  ASSERT_EQ(put_disk().status, 202);
  lock(disk_, "CanNotDelete");
  EXPECT_EQ(sim_.arm("DELETE", group_ + "?api-version=2021-04-01").error_code(), "ScopeLocked");
  const auto locks =
      sim_.arm("GET", group_ + "/providers/Microsoft.Authorization/locks?api-version=2016-09-01")
          .json()["value"];
  ASSERT_EQ(locks.size(), 1U);
  EXPECT_EQ(locks[0]["properties"]["level"], "CanNotDelete");
}

// 403 "The client '…' with object id '…' does not have authorization to perform action '…' over scope '…' …".
TEST_F(AccessContractTest, ActionsNotGrantedAreRefused) {
  sim_.admin("PUT", "grants", {{"grants", {{{"actions", {"*/read", "Microsoft.Compute/snapshots/*"}}}}}});
  const auto reply = put_disk();
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reply.error_code(), "AuthorizationFailed");
  const std::string message = reply.json()["error"]["message"];
  EXPECT_NE(message.find(
                "does not have authorization to perform action 'Microsoft.Compute/disks/write' over scope '" +
                disk_ + "'"),
            std::string::npos)
      << message;
  EXPECT_EQ(sim_.arm("GET", group_ + "?api-version=2021-04-01").status, 200);
  const auto mine =
      sim_.arm("GET", group_ + "/providers/Microsoft.Authorization/permissions?api-version=2022-04-01")
          .json();
  EXPECT_EQ(mine["value"][0]["actions"], (nlohmann::json{"*/read", "Microsoft.Compute/snapshots/*"}));
}

// Disk Snapshot Contributor: snapshots and disks/beginGetAccess, but not virtualMachines/read, disks/read or
// tags/write.
TEST_F(AccessContractTest, RoleAssignmentsGrantBuiltInRoles) {
  const std::string someone = "44444444-4444-4444-4444-444444444444";
  const std::string assignment =
      group_ +
      "/providers/Microsoft.Authorization/roleAssignments/55555555-5555-5555-5555-555555555555"
      "?api-version=2022-04-01";
  EXPECT_EQ(sim_.arm("PUT", assignment,
                     {{"properties",
                       {{"principalId", someone},
                        {"roleDefinitionId", std::string(kSubscription) +
                                                 "/providers/Microsoft.Authorization/roleDefinitions/"
                                                 "7efff54f-a5b4-42b5-a1c5-5411624893ce"}}}})
                .status,
            201);
  auto grants = sim_.admin("GET", "grants").at("grants");
  grants.erase(0);  // the one that lets everybody do everything
  sim_.admin("PUT", "grants", {{"grants", grants}});
  const std::string token = sim_.admin("POST", "token", {{"principal", someone}}).at("token");
  const auto get = [&](const std::string& path) {
    return http_call("GET", sim_.url() + path, "", {{"Authorization", "Bearer " + token}}).status;
  };
  EXPECT_EQ(get(group_ + "/providers/Microsoft.Compute/snapshots?api-version=2023-10-02"), 200);
  EXPECT_EQ(get(group_ + "/providers/Microsoft.Compute/disks?api-version=2023-10-02"), 403);
  EXPECT_EQ(get(std::string(kSubscription) + "/providers/Microsoft.Compute/snapshots?api-version=2023-10-02"),
            403);
  const auto definition =
      sim_.arm("GET", std::string(kSubscription) +
                          "/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01"
                          "&$filter=roleName%20eq%20'Reader'");
  EXPECT_EQ(definition.status, 403);  // the test's own principal has lost its rights
}

// 403 RequestDisallowedByPolicy "Resource 'x' was disallowed by policy. …" + target, additionalInfo
// PolicyViolation.
TEST_F(AccessContractTest, PoliciesRefuseWrites) {
  sim_.admin("PUT", "policies",
             {{"policies",
               {{{"name", "regions"}, {"type", "Microsoft.Compute/disks"}, {"locations", {"westus2"}}}}}});
  const auto reply = put_disk();
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reply.error_code(), "RequestDisallowedByPolicy");
  const auto error = reply.json()["error"];
  EXPECT_EQ(error["target"], "d");
  EXPECT_EQ(error["additionalInfo"][0]["type"], "PolicyViolation");
  EXPECT_EQ(error["additionalInfo"][0]["info"]["policyAssignmentName"], "regions");
  EXPECT_EQ(put_disk("westus2").status, 202);
}

}  // namespace
}  // namespace azlin::test
