#include "contract/vm_support.hpp"

namespace azlin::test {
namespace {

class VmChangesContractTest : public ::testing::Test {
 protected:
  static std::string refusal(const HttpReply& reply) {
    return fmt::format("{} {}", reply.status, reply.error_code());
  }
  static std::string message(const HttpReply& reply) { return reply.json()["error"]["message"]; }
  std::string outcome(const HttpReply& started) {
    EXPECT_LT(started.status, 300) << started.body;
    const auto document = sim_.arm("GET", started.header("azure-asyncoperation")).json();
    return document["status"] == "Failed" ? document["error"]["code"] : document["status"];
  }
  static json with_storage(const json& storage) { return {{"properties", {{"storageProfile", storage}}}}; }
  json swap_to(const std::string& disk, const std::string& option = "FromImage") {
    return with_storage({{"osDisk",
                          {{"createOption", option},
                           {"osType", "Linux"},
                           {"name", disk},
                           {"managedDisk", {{"id", sim_.disk_id(disk)}}}}}});
  }
  json os_disk(const std::string& vm) { return sim_.vm_body(vm)["properties"]["storageProfile"]["osDisk"]; }
  json data_disks(const std::string& vm) {
    return sim_.vm_body(vm)["properties"]["storageProfile"]["dataDisks"];
  }
  static json attach(const std::string& disk, int lun) {
    return {{"lun", lun},
            {"createOption", "Attach"},
            {"name", disk},
            {"managedDisk", {{"id", VmSimulator::disk_id(disk)}}}};
  }
  VmSimulator sim_;
};

// "changing managedDisk.id and name … Old disk stays, Unattached."
TEST_F(VmChangesContractTest, OsDiskIsSwapped) {
  sim_.copy_os_disk("my-vm", "restored");
  sim_.act("my-vm", "deallocate");
  EXPECT_EQ(outcome(sim_.vm("PATCH", "my-vm", swap_to("restored"))), "Succeeded");
  EXPECT_EQ(os_disk("my-vm")["managedDisk"]["id"], sim_.disk_id("restored"));
  EXPECT_EQ(os_disk("my-vm")["createOption"], "FromImage");
  EXPECT_EQ(sim_.disk_properties("my-vm_OsDisk")["diskState"], "Unattached");
  EXPECT_EQ(sim_.disk_properties("restored")["diskState"], "Reserved");
  EXPECT_EQ(outcome(sim_.act("my-vm", "start")), "Succeeded");
  EXPECT_EQ(sim_.agent("my-vm"), "Ready");
}

// Our choice: refused on a running VM (docs say it need not be stopped; support advises to deallocate first).
TEST_F(VmChangesContractTest, SwapOnARunningVmIsRefused) {
  sim_.copy_os_disk("my-vm", "restored");
  EXPECT_EQ(refusal(sim_.vm("PATCH", "my-vm", swap_to("restored"))), "409 OperationNotAllowed");
  EXPECT_EQ(os_disk("my-vm")["name"], "my-vm_OsDisk");
}

// "createOption stays what GET gave, else 409 PropertyChangeNotAllowed "Changing property
// 'osDisk.createOption' is not allowed."; without name, the same for osDisk.name."
TEST_F(VmChangesContractTest, SwapKeepsCreateOptionAndNeedsTheName) {
  sim_.copy_os_disk("my-vm", "restored");
  sim_.act("my-vm", "deallocate");
  const auto option = sim_.vm("PATCH", "my-vm", swap_to("restored", "Attach"));
  EXPECT_EQ(refusal(option), "409 PropertyChangeNotAllowed");
  EXPECT_EQ(message(option), "Changing property 'osDisk.createOption' is not allowed.");
  auto body = swap_to("restored");
  body["properties"]["storageProfile"]["osDisk"].erase("name");
  EXPECT_EQ(message(sim_.vm("PATCH", "my-vm", body)), "Changing property 'osDisk.name' is not allowed.");
}

// "Drop diskSizeGB: a stale one gives 400 "cannot be resized down"."
TEST_F(VmChangesContractTest, StaleSizeCannotShrinkTheDisk) {
  auto body = with_storage({{"osDisk", {{"createOption", "FromImage"}, {"diskSizeGB", 64}}}});
  const auto reply = sim_.vm("PATCH", "my-vm", body);
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(message(reply), ::testing::HasSubstr("cannot be resized down"));
}

// "Swapping OS Disk is not supported since HyperVisor property on the OSDisk and VM do not match"
TEST_F(VmChangesContractTest, SwapNeedsTheSameGeneration) {
  sim_.copy_os_disk("my-vm", "second-generation");
  sim_.act("vm1", "deallocate");
  const auto reply = sim_.vm("PATCH", "vm1", swap_to("second-generation"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(message(reply),
            "Swapping OS Disk is not supported since HyperVisor property on the OSDisk and VM do not match");
}

// "400 BadRequest "Security type of VM is not compatible with the security type of attached OS Disk.""
TEST_F(VmChangesContractTest, SwapNeedsTheSameSecurityType) {
  sim_.copy_os_disk("my-vm", "plain", {{"zones", {"1"}}});
  sim_.act("critical-vm", "deallocate");
  const auto reply = sim_.vm("PATCH", "critical-vm", swap_to("plain"));
  EXPECT_EQ(refusal(reply), "400 BadRequest");
  EXPECT_THAT(message(reply), ::testing::StartsWith("Security type of VM is not compatible"));
}

// Zone: a disk of another zone, or none, does not fit a zonal VM.
TEST_F(VmChangesContractTest, SwapNeedsTheSameZone) {
  sim_.copy_os_disk("critical-vm", "regional");
  sim_.act("critical-vm", "deallocate");
  EXPECT_EQ(refusal(sim_.vm("PATCH", "critical-vm", swap_to("regional"))), "400 BadRequest");
}

// "dataDisks in PUT/PATCH is the whole wanted list; an entry left out is detached."
TEST_F(VmChangesContractTest, DataDisksAreTheWholeWantedList) {
  sim_.empty_disk("extra");
  auto disks = data_disks("prod-db-vm");
  disks.erase(1);
  disks.push_back(attach("extra", 5));
  EXPECT_EQ(outcome(sim_.vm("PATCH", "prod-db-vm", with_storage({{"dataDisks", disks}}))), "Succeeded");
  const auto now = data_disks("prod-db-vm");
  ASSERT_EQ(now.size(), 2U);
  EXPECT_EQ(now[0]["lun"], 0);
  EXPECT_EQ(now[1]["lun"], 5);
  EXPECT_EQ(now[1]["diskSizeGB"], 32);
  EXPECT_EQ(sim_.disk_properties("prod-db-vm_DataDisk_1")["diskState"], "Unattached");
  EXPECT_EQ(sim_.disk("GET", "extra").json()["managedBy"], sim_.vm_id("prod-db-vm"));
}

// A PATCH that says nothing of data disks leaves them alone.
TEST_F(VmChangesContractTest, UnstatedDataDisksStay) {
  EXPECT_EQ(outcome(sim_.vm("PATCH", "prod-db-vm", {{"tags", {{"a", "b"}}}})), "Succeeded");
  EXPECT_EQ(data_disks("prod-db-vm").size(), 2U);
}

// Another disk may take the LUN of one that goes in the same request, under its own name.
TEST_F(VmChangesContractTest, DataDiskIsReplacedAtItsLun) {
  sim_.empty_disk("restored-data", 512);
  auto disks = data_disks("prod-db-vm");
  disks[1] = attach("restored-data", 1);
  EXPECT_EQ(outcome(sim_.vm("PATCH", "prod-db-vm", with_storage({{"dataDisks", disks}}))), "Succeeded");
  EXPECT_EQ(data_disks("prod-db-vm")[1]["name"], "restored-data");
}

// Same name with another disk, another LUN of the same disk, two at one LUN: refused.
TEST_F(VmChangesContractTest, DataDiskEntriesKeepTheirIdentity) {
  sim_.empty_disk("extra");
  auto disks = data_disks("prod-db-vm");
  auto changed = disks;
  changed[0]["managedDisk"]["id"] = sim_.disk_id("extra");
  EXPECT_EQ(refusal(sim_.vm("PATCH", "prod-db-vm", with_storage({{"dataDisks", changed}}))),
            "409 PropertyChangeNotAllowed");
  changed = disks;
  changed[0]["lun"] = 7;
  EXPECT_EQ(message(sim_.vm("PATCH", "prod-db-vm", with_storage({{"dataDisks", changed}}))),
            "Changing property 'dataDisk.lun' is not allowed.");
  changed = disks;
  changed.push_back(attach("extra", 0));
  EXPECT_EQ(refusal(sim_.vm("PATCH", "prod-db-vm", with_storage({{"dataDisks", changed}}))),
            "400 InvalidParameter");
}

// "Too many for the size's MaxDataDiskCount: 409 OperationNotAllowed."
TEST_F(VmChangesContractTest, DataDisksAreLimitedBySize) {
  json disks = json::array();
  for (int lun = 0; lun < 5; ++lun) {
    sim_.empty_disk(fmt::format("d{}", lun), 4);
    disks.push_back(attach(fmt::format("d{}", lun), lun));
  }
  const auto reply = sim_.vm("PATCH", "my-vm", with_storage({{"dataDisks", disks}}));
  EXPECT_EQ(refusal(reply), "409 OperationNotAllowed");
  EXPECT_EQ(message(reply),
            "The maximum number of data disks allowed to be attached to a VM of this size is 4.");
}

// "POST attachDetachDataDisks (2024-03-01+) … no read-modify-write race"; the result is the storage profile.
TEST_F(VmChangesContractTest, DisksAreAttachedAndDetachedByAction) {
  sim_.empty_disk("extra");
  const json body = {
      {"dataDisksToAttach", {{{"diskId", sim_.disk_id("extra")}, {"lun", 3}, {"caching", "ReadOnly"}}}},
      {"dataDisksToDetach", {{{"diskId", sim_.disk_id("prod-db-vm_DataDisk_0")}}}}};
  const auto started = sim_.act("prod-db-vm", "attachDetachDataDisks", body);
  EXPECT_EQ(started.status, 202);
  const auto result = sim_.arm("GET", started.header("location"));
  EXPECT_EQ(result.status, 200);
  EXPECT_EQ(result.json()["dataDisks"].size(), 2U);
  EXPECT_EQ(data_disks("prod-db-vm")[1]["caching"], "ReadOnly");
  EXPECT_EQ(sim_.disk_properties("prod-db-vm_DataDisk_0")["diskState"], "Unattached");
  const auto old =
      sim_.arm("POST", sim_.vm_id("prod-db-vm") + "/attachDetachDataDisks?api-version=2023-09-01", body);
  EXPECT_EQ(old.status, 400);
}

// "Attaching an owned disk: 409 ConflictingUserInput", also while a VM runs.
TEST_F(VmChangesContractTest, DiskOfAnotherVmIsRefused) {
  auto disks = json::array({attach("prod-db-vm_DataDisk_0", 0)});
  EXPECT_EQ(refusal(sim_.vm("PATCH", "my-vm", with_storage({{"dataDisks", disks}}))),
            "409 ConflictingUserInput");
}

// "DELETE when attached: OperationNotAllowed … Disk X is attached to VM"
TEST_F(VmChangesContractTest, AttachedDiskCannotBeDeleted) {
  const auto reply = sim_.disk("DELETE", "my-vm_OsDisk");
  EXPECT_EQ(refusal(reply), "409 OperationNotAllowed");
  EXPECT_THAT(message(reply), ::testing::HasSubstr("is attached to VM"));
}

// A failed operation leaves everything as it was.
TEST_F(VmChangesContractTest, FailedSwapLeavesTheOldDisk) {
  sim_.copy_os_disk("my-vm", "restored");
  sim_.act("my-vm", "deallocate");
  sim_.add_fault({{"method", "PATCH"},
                  {"path", "*my-vm*"},
                  {"operationCode", "InternalExecutionError"},
                  {"operationMessage", "An internal execution error occurred."}});
  EXPECT_EQ(outcome(sim_.vm("PATCH", "my-vm", swap_to("restored"))), "InternalExecutionError");
  EXPECT_EQ(os_disk("my-vm")["name"], "my-vm_OsDisk");
  EXPECT_EQ(sim_.disk_properties("restored")["diskState"], "Unattached");
}

// A size change restarts a running VM; the new size must suit disks and quota.
TEST_F(VmChangesContractTest, SizeChanges) {
  const auto to = [](const char* size) {
    return json{{"properties", {{"hardwareProfile", {{"vmSize", size}}}}}};
  };
  EXPECT_EQ(outcome(sim_.vm("PATCH", "my-vm", to("Standard_D2s_v5"))), "Succeeded");
  EXPECT_EQ(sim_.vm_body("my-vm")["properties"]["hardwareProfile"]["vmSize"], "Standard_D2s_v5");
  EXPECT_EQ(sim_.power("my-vm"), "running");
  const auto premium = sim_.vm("PATCH", "staging-vm", to("Standard_D2_v3"));
  EXPECT_EQ(premium.status, 400);
}

// What a VM was made with cannot be changed later: zone, users, image.
TEST_F(VmChangesContractTest, IdentityCannotChange) {
  EXPECT_EQ(refusal(sim_.vm("PATCH", "my-vm", {{"zones", {"2"}}})), "409 PropertyChangeNotAllowed");
  EXPECT_EQ(
      message(sim_.vm("PATCH", "my-vm", {{"properties", {{"osProfile", {{"adminUsername", "other"}}}}}})),
      "Changing property 'osProfile.adminUsername' is not allowed.");
  auto moved = sim_.vm_body("my-vm");
  moved["location"] = "westus2";
  EXPECT_EQ(refusal(sim_.vm("PUT", "my-vm", moved)), "409 InvalidResourceLocation");
}

// A GET's body can be sent back as it is.
TEST_F(VmChangesContractTest, PutOfWhatGetGaveChangesNothing) {
  const auto before = sim_.vm_body("prod-db-vm");
  EXPECT_EQ(outcome(sim_.vm("PUT", "prod-db-vm", before)), "Succeeded");
  auto after = sim_.vm_body("prod-db-vm");
  after["etag"] = before["etag"];
  EXPECT_EQ(after, before);
}

// Actions that Azure has, and that do not apply to VMs like these.
TEST_F(VmChangesContractTest, ActionsThatDoNotApplyAreRefused) {
  for (const char* verb : {"reimage", "capture", "convertToManagedDisks", "performMaintenance"}) {
    EXPECT_EQ(refusal(sim_.act("vm1", verb)), "409 OperationNotAllowed") << verb;
    EXPECT_EQ(refusal(sim_.act("none", verb)), "404 ResourceNotFound") << verb;
  }
}

TEST_F(VmChangesContractTest, PatchesAreAssessedInARunningVm) {
  const auto started = sim_.act("vm1", "assessPatches");
  EXPECT_EQ(outcome(started), "Succeeded");
  EXPECT_EQ(sim_.arm("GET", started.header("location")).json()["criticalAndSecurityPatchCount"], 0);
  sim_.finish(sim_.act("vm1", "deallocate"));
  EXPECT_EQ(refusal(sim_.act("vm1", "assessPatches")), "409 OperationNotAllowed");
}

}  // namespace
}  // namespace azlin::test
