#include <gmock/gmock.h>

#include "azlin/azure/compute.hpp"
#include "azlin/azure/resources.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_process_runner.hpp"
#include "support/scripted_transport.hpp"
#include "support/temp_dir.hpp"

namespace azlin::azure {
namespace {

using testing::HasSubstr;

// As the service tells of a VM in state Creating: its data disk has no id yet.
constexpr const char* kCreating = R"({"name": "new", "location": "eastus",
  "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/new",
  "tags": {"team": "storage"},
  "properties": {"vmId": "2", "provisioningState": "Creating", "storageProfile": {
    "osDisk": {"osType": "Linux", "createOption": "FromImage", "managedDisk": {"storageAccountType": "Premium_LRS"}},
    "dataDisks": [{"lun": 0, "createOption": "Empty", "managedDisk": {"storageAccountType": "Premium_LRS"}}]}}})";
constexpr const char* kReady = R"({"name": "web", "location": "eastus",
  "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web",
  "properties": {"vmId": "1", "provisioningState": "Succeeded", "storageProfile": {"osDisk": {"osType": "Linux"}}}})";

class VmsTest : public testing::Test {
 protected:
  test::TempDir dir;
  test::FakeClock clock;
  test::ScriptedTransport transport;
  test::FakeProcessRunner processes;
  core::Env env{std::map<std::string, std::string>{{"AZLIN_ACCESS_TOKEN", "secret-token"}}};
  arm::CredentialChain chain{
      transport, clock, processes, env, arm::find_cloud("AzureCloud"), dir.file("tokens.json")};
  arm::ArmClient client{transport, clock, chain, {}};
};

TEST_F(VmsTest, OneThatIsBeingCreatedDoesNotHideTheOthers) {
  transport.expect("GET", "/virtualMachines",
                   test::reply(200, std::string(R"({"value": [)") + kCreating + "," + kReady + "]}"));
  const auto vms = list_vms(client, "s", {});
  ASSERT_EQ(vms.size(), 2u);
  EXPECT_EQ(vms[0].name, "new");
  EXPECT_EQ(vms[0].tags.at("team"), "storage");
  EXPECT_EQ(vms[0].provisioning_state, "Creating");
  EXPECT_EQ(vms[1].name, "web");
}

TEST_F(VmsTest, AnAnswerThatIsNoVmIsATypedError) {
  for (const char* body : {"", "null", "[]", "{}", "<html>"})
    EXPECT_THROW(parse_vm(body), core::Error) << body;
}

// As if it had none, a mark would not be found, and what it marks would be left or taken for another's.
TEST_F(VmsTest, TagsThatAreNotToldAreNoEmptyTags) {
  for (const char* body : {"", "null", "[]", "{}", R"({"properties": {}})",
                           R"({"properties": {"tags": null}})", R"({"properties": true})"}) {
    transport.expect("GET", "/tags/default", test::reply(200, body));
    EXPECT_THROW(get_tags(client, "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"),
                 core::Error)
        << body;
  }
}

TEST_F(VmsTest, OneThatIsReadByItsIdHasEveryDisk) {
  transport.expect("GET", "/virtualMachines/new", test::reply(200, kCreating));
  try {
    find_vm(client, "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/new",
            false);
    FAIL() << "a disk without an id was taken for none";
  } catch (const core::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("an entry of its data disks has no disk or no LUN"));
  }
}

}  // namespace
}  // namespace azlin::azure
