// Disks that are encrypted with a customer's key: can they be decrypted in the test region?
#include <gmock/gmock.h>

#include "azlin/dr/failover.hpp"
#include "integration/dr/replicated_fixture.hpp"

namespace azlin::dr {
namespace {

using core::ErrorKind;
using nlohmann::json;
using testing::HasSubstr;

class KeysTest : public ReplicatedTest {
 protected:
  void SetUp() override {
    ReplicatedTest::SetUp();
    put(kVault, "2023-07-01", vault_body(json::array()));
    put(std::string(kVault) + "/keys/good", "2023-07-01", {{"properties", {{"kty", "RSA"}}}});
    use_key("good");
    grant({"get", "wrapKey", "unwrapKey"});
    for (const auto& name : snapshot_names()) {
      if (!name.ends_with("-westus2")) continue;
      const auto reply = simulator.arm(
          "PATCH", snapshot_path(name) + "?api-version=2023-10-02",
          {{"properties",
            {{"encryption", {{"type", "EncryptionAtRestWithCustomerKey"}, {"diskEncryptionSetId", kSet}}}}}});
      ASSERT_LT(reply.status, 300) << reply.body;
    }
    before = simulator.state();
  }
  json put(const std::string& id, const std::string& version, const json& body) {
    const auto reply = simulator.arm("PUT", id + "?api-version=" + version, body);
    EXPECT_LT(reply.status, 300) << reply.body;
    return reply.json();
  }
  static json vault_body(const json& policies) {
    return {{"location", kRegion},
            {"properties",
             {{"tenantId", "11111111-1111-1111-1111-111111111111"},
              {"sku", {{"family", "A"}, {"name", "standard"}}},
              {"enablePurgeProtection", true},
              {"accessPolicies", policies}}}};
  }
  void use_key(const std::string& name) {
    const std::string url =
        get(std::string(kVault) + "/keys/" + name, "2023-07-01").at("properties").at("keyUriWithVersion");
    principal = put(kSet, "2023-10-02",
                    {{"location", kRegion},
                     {"identity", {{"type", "SystemAssigned"}}},
                     {"properties", {{"activeKey", {{"sourceVault", {{"id", kVault}}}, {"keyUrl", url}}}}}})
                    .at("identity")
                    .at("principalId");
  }
  void grant(const std::vector<std::string>& permissions) {
    put(kVault, "2023-07-01",
        vault_body({{{"tenantId", "11111111-1111-1111-1111-111111111111"},
                     {"objectId", principal},
                     {"permissions", {{"keys", permissions}}}}}));
  }
  // What the drill's restore and the failover's plan say; nothing is made by either.
  void expect_refused(const std::string& why) {
    const auto drilled = drills.run_dr_test(config(), {});
    EXPECT_EQ(drilled.phase(Step::restore)->outcome, Outcome::failed);
    EXPECT_THAT(drilled.error, HasSubstr(why));
    FailoverConfig lost;
    lost.vm = vm();
    lost.region = kRegion;
    EXPECT_THAT(error_of([&] { failovers.plan(lost, {}); }).what(), HasSubstr(why));
    EXPECT_EQ(count("PUT", "azlin-drill"), 0U);
  }
  DRTestConfig config() const {
    DRTestConfig config;
    config.vm = vm();
    config.test_region = kRegion;
    return config;
  }
  static constexpr const char* kVault =
      "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/"
      "Microsoft.KeyVault/vaults/west-keys";
  static constexpr const char* kSet =
      "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/"
      "Microsoft.Compute/diskEncryptionSets/west";
  std::string principal;
  DRTestManager drills{arm, journal, clock, simulator.state_dir() + "/home/dr_tests.db"};
  FailoverManager failovers{arm, journal, clock, processes};
};

TEST_F(KeysTest, TheDrillsDisksAreEncryptedWithTheSetsKey) {
  auto kept = config();
  kept.cleanup_after_test = false;
  const auto result = drills.run_dr_test(kept, {});
  ASSERT_EQ(result.verdict, Verdict::passed) << result.error;
  const auto machine = get(result.test_vm_id, "2024-07-01");
  const std::string disk =
      machine.at("properties").at("storageProfile").at("osDisk").at("managedDisk").at("id");
  EXPECT_EQ(get(disk, "2023-10-02").at("properties").at("encryption").at("diskEncryptionSetId"), kSet);
  EXPECT_TRUE(drills.cleanup(vm().subscription, result.drill_id, {}).at(0).left.empty());
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(KeysTest, AKeyThatIsDisabledOrExpiredIsToldBeforeAnythingIsMade) {
  put(std::string(kVault) + "/keys/off", "2023-07-01",
      {{"properties", {{"kty", "RSA"}, {"attributes", {{"enabled", false}}}}}});
  use_key("off");
  expect_refused("which is disabled");
  put(std::string(kVault) + "/keys/old", "2023-07-01",
      {{"properties", {{"kty", "RSA"}, {"attributes", {{"exp", 1'700'000'000}}}}}});
  use_key("old");
  expect_refused("which has expired");
}

TEST_F(KeysTest, ASetThatMayNotUseItsKeyIsToldBeforeAnythingIsMade) {
  grant({"get", "list"});
  expect_refused("does not grant it get, wrapKey and unwrapKey");
}

TEST_F(KeysTest, AVaultThatIsGoneIsToldBeforeAnythingIsMade) {
  EXPECT_LT(simulator.arm("DELETE", std::string(kVault) + "?api-version=2023-07-01").status, 300);
  expect_refused("the key vault of the disk encryption set");
}

// What the service itself says, as a client that did not look would hear it.
TEST_F(KeysTest, TheCloudRefusesADiskWhoseKeyCannotBeUsed) {
  grant({"get"});
  azure::NewDisk disk;
  disk.id = std::string(test::kSubscription) +
            "/resourceGroups/Production/providers/Microsoft.Compute/disks/encrypted";
  disk.location = kRegion;
  disk.snapshot_id = snapshot_path(backup_name + "-westus2");
  disk.encryption_set_id = kSet;
  EXPECT_THAT(error_of([&] { azure::create_disk(arm, disk, {}); }).what(),
              HasSubstr("Please grant get, wrap and unwrap key permissions to disk encryption set 'west'"));
}

}  // namespace
}  // namespace azlin::dr
