#include "azure/encryption.hpp"

#include <gtest/gtest.h>

#include "azlin/azure/compute.hpp"
#include "azlin/azure/disk_sharing.hpp"
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

TEST_F(EncryptionTest, OrdinaryDisksAreSharedByOne) {
  transport.expect("GET", kDisk, reply(200, R"({"properties":{"maxShares":2}})"));
  EXPECT_EQ(max_shares(client, kDisk), 2);
  transport.expect("GET", kDisk, reply(200, R"({"properties":{}})"));
  EXPECT_EQ(max_shares(client, kDisk), 1);
}

}  // namespace
}  // namespace azlin::azure
