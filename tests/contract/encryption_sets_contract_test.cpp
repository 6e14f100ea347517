// Disk encryption sets and the keys behind them. docs/simulator-vms.md has the rules and our choices.
#include "contract/platform_support.hpp"

namespace azlin::test {
namespace {

using nlohmann::json;

class EncryptionSetsContractTest : public PlatformTest {
 protected:
  void SetUp() override {
    sim_.make_group("rg");
    vault({});
    key("k");
  }
  HttpReply vault(const json& policies, const json& more = json::object()) {
    json properties = {{"tenantId", "11111111-1111-1111-1111-111111111111"},
                       {"sku", {{"family", "A"}, {"name", "standard"}}},
                       {"enablePurgeProtection", true},
                       {"accessPolicies", policies.is_array() ? policies : json::array()}};
    properties.update(more);
    return sim_.arm("PUT", path("Microsoft.KeyVault/vaults/kv-one", "2023-07-01"),
                    {{"location", "eastus"}, {"properties", properties}});
  }
  std::string key(const std::string& name, const json& attributes = json::object()) {
    const auto reply = sim_.arm("PUT", path("Microsoft.KeyVault/vaults/kv-one/keys/" + name, "2023-07-01"),
                                {{"properties", {{"kty", "RSA"}, {"attributes", attributes}}}});
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json().at("properties").at("keyUriWithVersion");
  }
  std::string id(const std::string& rest) {
    return std::string(kSubscription) + "/resourceGroups/rg/providers/" + rest;
  }
  HttpReply set(const std::string& url, const std::string& location = "eastus") {
    return sim_.arm(
        "PUT", path("Microsoft.Compute/diskEncryptionSets/des", "2023-10-02"),
        {{"location", location},
         {"identity", {{"type", "SystemAssigned"}}},
         {"properties",
          {{"activeKey",
            {{"sourceVault", {{"id", id("Microsoft.KeyVault/vaults/kv-one")}}}, {"keyUrl", url}}}}}});
  }
  // A set whose identity may use the key.
  void ready(const std::string& url) {
    const auto made = set(url);
    ASSERT_EQ(made.status, 200) << made.body;
    grant(made.json().at("identity").at("principalId"));
  }
  void grant(const std::string& principal) {
    vault({{{"tenantId", "11111111-1111-1111-1111-111111111111"},
            {"objectId", principal},
            {"permissions", {{"keys", {"Get", "WrapKey", "UnwrapKey"}}}}}});
  }
  HttpReply disk(const std::string& location = "eastus",
                 const std::string& type = "EncryptionAtRestWithCustomerKey") {
    return sim_.arm(
        "PUT", path("Microsoft.Compute/disks/d", "2023-10-02"),
        {{"location", location},
         {"properties",
          {{"creationData", {{"createOption", "Empty"}}},
           {"diskSizeGB", 8},
           {"encryption",
            {{"type", type}, {"diskEncryptionSetId", id("Microsoft.Compute/diskEncryptionSets/des")}}}}}});
  }
  static std::string code(const HttpReply& reply) { return reply.json().at("error").value("code", ""); }
};

TEST_F(EncryptionSetsContractTest, HasAnIdentityOfItsOwnAndIsShown) {
  ready(key("k"));
  const auto shown = get(path("Microsoft.Compute/diskEncryptionSets/des", "2023-10-02"));
  EXPECT_EQ(shown["properties"]["provisioningState"], "Succeeded");
  EXPECT_EQ(shown["properties"]["encryptionType"], "EncryptionAtRestWithCustomerKey");
  EXPECT_EQ(shown["identity"]["type"], "SystemAssigned");
  EXPECT_LT(disk().status, 300);
}

// The set says how its disks are encrypted; another type is refused.
TEST_F(EncryptionSetsContractTest, TheTypeIsThatOfTheSet) {
  ready(key("k"));
  EXPECT_EQ(code(disk("eastus", "EncryptionAtRestWithPlatformAndCustomerKeys")), "InvalidParameter");
}

// "keyUrl: … pointing to a key … with version, unless rotationToLatestKeyVersionEnabled" (REST reference);
// "Key vault must have … purge protection enabled", same region (server-side encryption page).
TEST_F(EncryptionSetsContractTest, NeedsAVersionedKeyOfAProtectedVaultInItsRegion) {
  const std::string url = key("k");
  EXPECT_EQ(set(url.substr(0, url.rfind('/'))).status, 400);
  EXPECT_EQ(set(url, "westus2").status, 400);
  EXPECT_EQ(set("").status, 400);
  sim_.arm("PUT", path("Microsoft.KeyVault/vaults/kv-two", "2023-07-01"),
           {{"location", "eastus"},
            {"properties",
             {{"tenantId", "11111111-1111-1111-1111-111111111111"},
              {"sku", {{"family", "A"}, {"name", "standard"}}},
              {"accessPolicies", json::array()}}}});
  const auto open =
      sim_.arm("PUT", path("Microsoft.Compute/diskEncryptionSets/des", "2023-10-02"),
               {{"location", "eastus"},
                {"properties",
                 {{"activeKey",
                   {{"sourceVault", {{"id", id("Microsoft.KeyVault/vaults/kv-two")}}}, {"keyUrl", url}}}}}});
  EXPECT_EQ(open.status, 400) << open.body;
}

// "Unable to access key vault resource '…' to enable encryption at rest. Please grant get, wrap and unwrap
// key permissions to disk encryption set '…'." (reports of users)
TEST_F(EncryptionSetsContractTest, AKeyThatCannotBeUsedRefusesTheDisk) {
  ASSERT_EQ(set(key("k")).status, 200);
  const auto denied = disk();
  EXPECT_EQ(denied.status, 400);
  EXPECT_EQ(code(denied), "KeyVaultAccessForbidden");
  ready(key("off", {{"enabled", false}}));
  EXPECT_EQ(code(disk()), "KeyVaultAccessForbidden");
  ready(key("old", {{"exp", 1'000'000}}));
  EXPECT_EQ(code(disk()), "KeyVaultAccessForbidden");
  ready(key("k"));
  EXPECT_LT(disk().status, 300);
}

TEST_F(EncryptionSetsContractTest, AVaultThatGoesByRolesAsksForARole) {
  ready(key("k"));
  vault({}, {{"enableRbacAuthorization", true}});
  EXPECT_EQ(code(disk()), "KeyVaultAccessForbidden");
}

TEST_F(EncryptionSetsContractTest, IsOfOneRegionAndStaysWhileADiskUsesIt) {
  ready(key("k"));
  EXPECT_EQ(disk("westus2").status, 400);
  ASSERT_LT(disk().status, 300);
  const std::string target = path("Microsoft.Compute/diskEncryptionSets/des", "2023-10-02");
  EXPECT_EQ(code(sim_.arm("DELETE", target)), "OperationNotAllowed");
  const auto users =
      get(path("Microsoft.Compute/diskEncryptionSets/des/associatedResources", "2023-10-02"))["value"];
  ASSERT_EQ(users.size(), 1U);
  EXPECT_EQ(users[0], id("Microsoft.Compute/disks/d"));
  EXPECT_LT(sim_.arm("DELETE", path("Microsoft.Compute/disks/d", "2023-10-02")).status, 300);
  EXPECT_EQ(sim_.arm("DELETE", target).status, 200);
}

// Keys - Create If Not Exist: "If the key already exists, no write operations are performed."
TEST_F(EncryptionSetsContractTest, AKeyInArmIsMadeOnceAndRead) {
  const auto first = key("k"), again = key("k", {{"enabled", false}});
  EXPECT_EQ(first, again);
  const auto shown = get(path("Microsoft.KeyVault/vaults/kv-one/keys/k", "2023-07-01"));
  EXPECT_EQ(shown["properties"]["attributes"]["enabled"], true);
  EXPECT_EQ(shown["properties"]["keyUriWithVersion"], first);
  const auto none = sim_.arm("GET", path("Microsoft.KeyVault/vaults/kv-one/keys/none", "2023-07-01"));
  EXPECT_EQ(none.status, 404);
}

}  // namespace
}  // namespace azlin::test
