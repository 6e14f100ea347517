// What is asked of a vault before something is done.
#include "contract/recovery_support.hpp"

namespace azlin::test {
namespace {

class RecoveryVaultContractTest : public ::testing::Test {
 protected:
  HttpReply region(const std::string& verb, const json& body) {
    return sim_.call(
        "POST", std::string(kSubscription) + "/providers/Microsoft.RecoveryServices/locations/eastus/" + verb,
        body);
  }
  RecoverySimulator sim_;
};

// A PIN of six digits, good for five minutes of the service's clock.
TEST_F(RecoveryVaultContractTest, GivesASecurityPin) {
  const auto pin = sim_.call("POST", kVault + "/backupSecurityPIN").json();
  EXPECT_EQ(pin["securityPIN"].get<std::string>().size(), 6U);
  EXPECT_EQ(pin["expiryTimeInUtcTicks"].get<std::int64_t>(), 642'473'355'000'000'000);  // 10:05
  EXPECT_EQ(sim_.refusal(sim_.call("POST", kVault + "x/backupSecurityPIN")), "404 ResourceNotFound");
}

TEST_F(RecoveryVaultContractTest, SaysWhetherAVmCanBeProtected) {
  const auto answer = region("backupPreValidateProtection", {{"resourceType", "VM"}, {"resourceId", kSqlVm}});
  EXPECT_EQ(answer.json()["status"], "Success");
  EXPECT_EQ(answer.json()["protectedItemName"], "vm;iaasvmcontainerv2;production;prod-app-vm");
  EXPECT_EQ(sim_.refusal(region("backupPreValidateProtection",
                                {{"resourceType", "VM"}, {"resourceId", kSqlVm + "x"}})),
            "404 BMSUserErrorDataSourceObjectNotFound");
  EXPECT_EQ(region("backupValidateFeatures", {{"featureType", "AzureVMResourceBackup"}}).json(),
            (json{{"supportStatus", "Supported"}}));
}

// A customer's key is chosen for good.
TEST_F(RecoveryVaultContractTest, EncryptionGoesOneWay) {
  const std::string config = kVault + "/backupEncryptionConfigs/backupResourceEncryptionConfig";
  const auto put = [&](const json& properties) {
    return sim_.call("PUT", config, {{"properties", properties}});
  };
  EXPECT_EQ(sim_.get(config)["properties"]["encryptionAtRestType"], "MicrosoftManaged");
  EXPECT_EQ(sim_.refusal(put({{"encryptionAtRestType", "CustomerManaged"}})), "400 BMSUserErrorInvalidInput");
  EXPECT_EQ(put({{"encryptionAtRestType", "CustomerManaged"}, {"keyUri", "https://kv/keys/k/1"}}).status,
            200);
  EXPECT_EQ(sim_.get(config)["properties"]["keyUri"], "https://kv/keys/k/1");
  EXPECT_EQ(sim_.refusal(put({{"encryptionAtRestType", "MicrosoftManaged"}})),
            "400 BMSUserErrorInvalidInput");
}

// What the vault has none of.
TEST_F(RecoveryVaultContractTest, NoEnginesAndNoGuards) {
  EXPECT_EQ(sim_.get(kVault + "/backupEngines")["value"].size(), 0U);
  EXPECT_EQ(sim_.get(kVault + "/privateEndpointConnections")["value"].size(), 0U);
  EXPECT_EQ(sim_.refusal(sim_.call("GET", kVault + "/backupResourceGuardProxies/p")), "404 ResourceNotFound");
}

}  // namespace
}  // namespace azlin::test
