#include "azure/encryption.hpp"

#include <gtest/gtest.h>

#include "azlin/azure/compute.hpp"
#include "azlin/azure/disk_traits.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_process_runner.hpp"
#include "support/scripted_transport.hpp"
#include "support/temp_dir.hpp"

namespace azlin::azure {
namespace {

using nlohmann::json;
using test::reply;

constexpr const char* kSet =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/diskEncryptionSets/keys";
constexpr const char* kDisk = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d";

class EncryptionTest : public ::testing::Test {
 protected:
  std::string type_with(const http::Response& set) {
    transport.expect("GET", kSet, set);
    return encryption_by(client, kSet, {}).at("type");
  }

  test::ScriptedTransport transport;
  test::FakeClock clock{core::parse_time("2025-12-01 08:00").value()};
  test::FakeProcessRunner processes;
  test::TempDir dir;
  core::Env env{std::map<std::string, std::string>{{"AZLIN_ACCESS_TOKEN", "secret-token"}}};
  arm::CredentialChain chain{transport,         clock, processes, env, arm::find_cloud("AzureCloud"),
                             dir.file("t.json")};
  arm::ArmClient client{transport, clock, chain, {}};
};

TEST_F(EncryptionTest, HasTheTypeOfTheSet) {
  EXPECT_EQ(type_with(reply(
                200, R"({"properties":{"encryptionType":"EncryptionAtRestWithPlatformAndCustomerKeys"}})")),
            "EncryptionAtRestWithPlatformAndCustomerKeys");
  EXPECT_EQ(type_with(reply(200, R"({"properties":{"encryptionType":"EncryptionAtRestWithCustomerKey"}})")),
            "EncryptionAtRestWithCustomerKey");
}

TEST_F(EncryptionTest, OfASetThatCannotBeReadIsTheUsualOne) {
  const char* const refused = R"({"error":{"code":"AuthorizationFailed","message":"no"}})";
  EXPECT_EQ(type_with(reply(403, refused)), "EncryptionAtRestWithCustomerKey");
  EXPECT_EQ(type_with(reply(404, R"({"error":{"code":"ResourceNotFound","message":"no"}})")),
            "EncryptionAtRestWithCustomerKey");
}

TEST_F(EncryptionTest, DiskIsMadeWithIt) {
  transport.expect(
      "GET", kSet,
      reply(200, R"({"properties":{"encryptionType":"EncryptionAtRestWithPlatformAndCustomerKeys"}})"));
  json sent;
  transport.expect("PUT", kDisk, [&](const http::Request& request) {
    sent = json::parse(request.body);
    json made = sent;
    made["id"] = kDisk;
    made["name"] = "d";
    made["properties"]["provisioningState"] = "Succeeded";
    return reply(200, made.dump());
  });
  NewDisk disk;
  disk.id = kDisk;
  disk.location = "eastus";
  disk.encryption_set_id = kSet;
  create_disk(client, disk);
  EXPECT_EQ(sent["properties"]["encryption"]["type"], "EncryptionAtRestWithPlatformAndCustomerKeys");
  EXPECT_EQ(sent["properties"]["encryption"]["diskEncryptionSetId"], kSet);
}

TEST_F(EncryptionTest, WhatKeepsADiskFromBeingSwappedIsRead) {
  const auto disk = [&](const std::string& properties) {
    return reply(200, R"({"id":")" + std::string(kDisk) +
                          R"(","name":"d","location":"eastus","properties":)" + properties + "}");
  };
  transport.expect("GET", kDisk, disk(R"({"maxShares":2})"));
  EXPECT_EQ(find_disk_traits(client, kDisk)->max_shares, 2);
  transport.expect("GET", kDisk, disk(R"({"encryptionSettingsCollection":{"enabled":true}})"));
  const auto encrypted = find_disk_traits(client, kDisk).value();
  EXPECT_EQ(encrypted.max_shares, 1);
  EXPECT_TRUE(encrypted.guest_encrypted);
  transport.expect("GET", kDisk, disk("{}"));
  EXPECT_FALSE(find_disk_traits(client, kDisk)->guest_encrypted);
}

TEST(EphemeralOsDiskTest, IsKnownByItsSettings) {
  Vm vm;
  vm.raw = R"({"properties":{"storageProfile":{"osDisk":{"diffDiskSettings":{"option":"Local"}}}}})";
  EXPECT_TRUE(has_ephemeral_os_disk(vm));
  vm.raw = R"({"properties":{"storageProfile":{"osDisk":{"name":"os"}}}})";
  EXPECT_FALSE(has_ephemeral_os_disk(vm));
  vm.raw = "";
  EXPECT_FALSE(has_ephemeral_os_disk(vm));
}

}  // namespace
}  // namespace azlin::azure
