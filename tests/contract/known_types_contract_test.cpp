// Types that Azure knows and of which none can exist here; scopes and actions that nobody may use.
#include "contract/vm_support.hpp"

namespace azlin::test {
namespace {

class KnownTypesContractTest : public ::testing::Test {
 protected:
  HttpReply call(const std::string& method, const std::string& path, const std::string& version,
                 const json& body = nullptr) {
    return sim_.arm(method, path + "?api-version=" + version, body);
  }
  static std::string refusal(const HttpReply& reply) {
    return fmt::format("{} {}", reply.status, reply.error_code());
  }
  VmSimulator sim_;
};

TEST_F(KnownTypesContractTest, ListsAreEmptyAndNothingIsFound) {
  const std::string in_subscription = std::string(kSubscription) + "/providers/Microsoft.Network/";
  for (const auto& list : {in_subscription + "virtualHubs", in_subscription + "AzureFirewalls",
                           in_subscription + "locations/eastus/availableDelegations",
                           in_group("Microsoft.Network/virtualNetworkGateways")}) {
    const auto reply = call("GET", list, "2026-01-01");
    EXPECT_EQ(reply.status, 200) << list;
    EXPECT_EQ(reply.json()["value"], json::array()) << list;
  }
  const auto hub = in_group("Microsoft.Network/virtualHubs/h");
  EXPECT_EQ(refusal(call("GET", hub, "2026-01-01")), "404 ResourceNotFound");
  EXPECT_THAT(call("GET", hub + "/hubRouteTables/t", "2026-01-01").body,
              ::testing::HasSubstr("The Resource 'Microsoft.Network/virtualHubs/h' under resource group"));
  EXPECT_EQ(refusal(call("GET", hub + "/hubRouteTables", "2026-01-01")), "404 ResourceNotFound");
  EXPECT_EQ(refusal(call("PATCH", hub, "2026-01-01", json::object())), "404 ResourceNotFound");
  EXPECT_EQ(refusal(call("POST", hub + "/effectiveRoutes", "2026-01-01")), "404 ResourceNotFound");
  EXPECT_EQ(call("DELETE", hub, "2026-01-01").status, 204);
  EXPECT_EQ(refusal(call("PUT", hub, "2026-01-01", {{"location", "eastus"}})), "409 OperationNotAllowed");
  EXPECT_EQ(refusal(call("GET", hub, "1999-01-01")), "400 NoRegisteredProviderFound");
  EXPECT_EQ(refusal(call("GET", in_group("Microsoft.Network/unheardOf"), "2026-01-01")),
            "404 InvalidResourceType");
}

// A list below what is there is empty; an extension of what is missing is not.
TEST_F(KnownTypesContractTest, OwnersMustBeThere) {
  const auto settings = [&](const std::string& vm) {
    return call("GET", sim_.vm_id(vm) + "/providers/Microsoft.Insights/dataCollectionRuleAssociations",
                "2024-03-11");
  };
  EXPECT_EQ(settings("vm1").status, 200);
  EXPECT_EQ(refusal(settings("none")), "404 ResourceNotFound");
}

TEST_F(KnownTypesContractTest, ManagementGroupsAreForNobody) {
  // az registers the provider first.
  EXPECT_EQ(
      call("POST", std::string(kSubscription) + "/providers/Microsoft.Management/register", "2021-04-01")
          .status,
      200);
  for (const char* path : {"/providers/Microsoft.Management/managementGroups",
                           "/providers/Microsoft.Management/managementGroups/m",
                           "/providers/Microsoft.Management/managementGroups/m/providers/"
                           "Microsoft.Authorization/roleAssignments"})
    EXPECT_EQ(refusal(call("GET", path, "2022-04-01")), "403 AuthorizationFailed") << path;
}

TEST_F(KnownTypesContractTest, PrivilegedAccessNeedsALicense) {
  const std::string requests =
      std::string(kSubscription) + "/providers/Microsoft.Authorization/roleEligibilityScheduleRequests";
  EXPECT_EQ(call("GET", requests, "2020-10-01").json()["value"].size(), 0U);
  EXPECT_EQ(refusal(call("PUT", requests + "/64caffb6-55c0-4deb-a585-68e948ea1ad6", "2020-10-01",
                         {{"properties", json::object()}})),
            "400 AadPremiumLicenseRequired");
}

TEST_F(KnownTypesContractTest, ProvidersNameThem) {
  const auto types =
      call("GET", std::string(kSubscription) + "/providers/Microsoft.Network", "2021-04-01").json();
  EXPECT_THAT(types["resourceTypes"].dump(), ::testing::HasSubstr("\"virtualHubs/hubRouteTables\""));
}

}  // namespace
}  // namespace azlin::test
