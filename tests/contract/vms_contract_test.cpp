#include "contract/vm_support.hpp"

namespace azlin::test {
namespace {

class VmsContractTest : public ::testing::Test {
 protected:
  json error(const HttpReply& reply) { return reply.json()["error"]; }
  // Status and code of a refusal, as one text.
  std::string refusal(const HttpReply& reply) {
    return fmt::format("{} {}", reply.status, reply.error_code());
  }
  // How the operation of an accepted request ended.
  std::string outcome(const HttpReply& started) {
    EXPECT_LT(started.status, 300) << started.body;
    const auto document = sim_.arm("GET", started.header("azure-asyncoperation")).json();
    return document["status"] == "Failed" ? document["error"]["code"] : document["status"];
  }
  void deallocate(const std::string& name) { ASSERT_EQ(outcome(sim_.act(name, "deallocate")), "Succeeded"); }
  VmSimulator sim_;
};

// The sample subscription: the VMs of the user guide, in Production in eastus.
TEST_F(VmsContractTest, SampleHasTheVmsOfTheGuide) {
  std::vector<std::string> names;
  const auto list =
      sim_.arm("GET", in_group("Microsoft.Compute/virtualMachines") + "?api-version=2024-07-01").json();
  for (const auto& vm : list["value"]) {
    names.push_back(vm["name"]);
    EXPECT_EQ(vm["location"], "eastus");
    EXPECT_FALSE(vm["properties"].contains("instanceView"));
  }
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("prod-db-vm", "prod-app-vm", "critical-vm", "staging-vm",
                                                     "my-vm", "vm1"));
}

// GET ?$expand=instanceView: vmAgent "Ready", PowerState/running, ProvisioningState/succeeded.
TEST_F(VmsContractTest, InstanceViewTellsPowerAndAgent) {
  const auto vm = sim_.vm("GET", "prod-db-vm", nullptr, "&$expand=instanceView").json();
  const auto& view = vm["properties"]["instanceView"];
  EXPECT_EQ(view["computerName"], "prod-db-vm");
  EXPECT_EQ(view["hyperVGeneration"], "V2");
  EXPECT_EQ(view["vmAgent"]["statuses"][0]["displayStatus"], "Ready");
  EXPECT_EQ(view["vmAgent"]["statuses"][0]["code"], "ProvisioningState/succeeded");
  EXPECT_EQ(view["statuses"][0]["code"], "ProvisioningState/succeeded");
  EXPECT_EQ(view["statuses"][1]["code"], "PowerState/running");
  EXPECT_EQ(view["statuses"][1]["displayStatus"], "VM running");
  EXPECT_EQ(view["disks"].size(), 3U);
}

// "statusOnly=true (all power states)".
TEST_F(VmsContractTest, StatusOnlyListsPowerStates) {
  const auto list =
      sim_.arm("GET",
               std::string(kSubscription) +
                   "/providers/Microsoft.Compute/virtualMachines?api-version=2024-07-01&statusOnly=true")
          .json();
  ASSERT_EQ(list["value"].size(), 6U);
  for (const auto& vm : list["value"]) {
    EXPECT_FALSE(vm["properties"].contains("storageProfile"));
    EXPECT_EQ(vm["properties"]["instanceView"]["statuses"][1]["code"], "PowerState/running");
  }
}

// deallocate: the disks stay, "Reserved"; the guest is gone. start: "Attached" again, the agent reports.
TEST_F(VmsContractTest, DeallocateReservesDisks) {
  EXPECT_EQ(sim_.disk_properties("my-vm_OsDisk")["diskState"], "Attached");
  const auto started = sim_.act("my-vm", "deallocate");
  EXPECT_EQ(started.status, 202);
  EXPECT_EQ(outcome(started), "Succeeded");
  EXPECT_EQ(sim_.power("my-vm"), "deallocated");
  EXPECT_EQ(sim_.agent("my-vm"), "");
  EXPECT_EQ(sim_.disk_properties("my-vm_OsDisk")["diskState"], "Reserved");
  EXPECT_EQ(sim_.disk("GET", "my-vm_OsDisk").json()["managedBy"], sim_.vm_id("my-vm"));
  EXPECT_EQ(outcome(sim_.act("my-vm", "start")), "Succeeded");
  EXPECT_EQ(sim_.power("my-vm"), "running");
  EXPECT_EQ(sim_.agent("my-vm"), "Ready");
  EXPECT_EQ(sim_.disk_properties("my-vm_OsDisk")["diskState"], "Attached");
}

// Power states on the way: starting, stopping, deallocating; the agent reports some time after the boot.
TEST_F(VmsContractTest, PowerStatesPassThroughTheirStages) {
  sim_.admin("POST", "latency", {{"profile", "realistic"}});
  sim_.freeze_at("2025-12-01T08:00:00Z");
  sim_.act("my-vm", "deallocate");
  EXPECT_EQ(sim_.power("my-vm"), "deallocating");
  sim_.advance("2m");
  EXPECT_EQ(sim_.power("my-vm"), "deallocated");
  sim_.act("my-vm", "start");
  EXPECT_EQ(sim_.power("my-vm"), "starting");
  sim_.advance("46s");
  EXPECT_EQ(sim_.power("my-vm"), "running");
  EXPECT_EQ(sim_.agent("my-vm"), "Not Ready");
  sim_.advance("60s");
  EXPECT_EQ(sim_.agent("my-vm"), "Ready");
}

// "The request failed due to conflict with a concurrent request. (two writes to a VM)"
TEST_F(VmsContractTest, SecondWriteAtOnceConflicts) {
  sim_.admin("POST", "latency", {{"profile", "realistic"}});
  sim_.freeze_at("2025-12-01T08:00:00Z");
  sim_.act("my-vm", "deallocate");
  const auto second = sim_.vm("PATCH", "my-vm", {{"tags", {{"a", "b"}}}});
  EXPECT_EQ(refusal(second), "409 Conflict");
  EXPECT_EQ(refusal(sim_.act("my-vm", "start")), "409 Conflict");
}

// VM GET has ETag and body etag; PATCH takes If-Match, PUT If-None-Match: *; 412 else.
TEST_F(VmsContractTest, EtagGuardsWrites) {
  const auto before = sim_.vm("GET", "my-vm");
  const auto etag = before.header("etag");
  EXPECT_EQ(before.json()["etag"], etag);
  const auto call = [&](const std::string& method, const char* name, const std::string& value) {
    return http_call(
        method, sim_.url() + sim_.vm_id("my-vm") + "?api-version=2024-07-01",
        json{{"location", "eastus"}, {"tags", {{"a", "b"}}}}.dump(),
        {{"Authorization", "Bearer " + sim_.token()}, {"Content-Type", "application/json"}, {name, value}});
  };
  EXPECT_EQ(call("PATCH", "If-Match", etag).status, 200);
  EXPECT_EQ(call("PATCH", "If-Match", etag).status, 412);  // it has changed
  EXPECT_EQ(call("PUT", "If-None-Match", "*").status, 412);
}

// "Cost of power: none": a start or stop does not change the model, so an ETag read before still holds.
TEST_F(VmsContractTest, PowerKeepsTheEtag) {
  const auto etag = sim_.vm("GET", "my-vm").header("etag");
  deallocate("my-vm");
  EXPECT_EQ(sim_.vm("GET", "my-vm").header("etag"), etag);
}

// PUT/PATCH of the resource itself replaces all tags; unknown properties are refused.
TEST_F(VmsContractTest, PatchReplacesTags) {
  EXPECT_EQ(outcome(sim_.vm("PATCH", "prod-db-vm", {{"tags", {{"x", "1"}}}})), "Succeeded");
  EXPECT_EQ(sim_.vm_body("prod-db-vm")["tags"], json({{"x", "1"}}));
  EXPECT_EQ(
      refusal(sim_.vm("PATCH", "prod-db-vm", {{"properties", {{"hardwareProfil", {{"vmSize", "x"}}}}}})),
      "400 BadRequest");
}

// A missing VM: 404 ResourceNotFound; DELETE 204.
TEST_F(VmsContractTest, MissingVmIsNotFound) {
  EXPECT_EQ(refusal(sim_.vm("GET", "none")), "404 ResourceNotFound");
  EXPECT_EQ(refusal(sim_.act("none", "start")), "404 ResourceNotFound");
  EXPECT_EQ(sim_.vm("DELETE", "none").status, 204);
}

// "default Detach, so a deleted VM leaves them all".
TEST_F(VmsContractTest, DeleteLeavesDisksAndNicByDefault) {
  const auto deleted = sim_.vm("DELETE", "prod-db-vm");
  EXPECT_EQ(deleted.status, 202);
  EXPECT_EQ(outcome(deleted), "Succeeded");
  EXPECT_EQ(sim_.vm("GET", "prod-db-vm").status, 404);
  EXPECT_EQ(sim_.disk_properties("prod-db-vm_DataDisk_1")["diskState"], "Unattached");
  EXPECT_FALSE(sim_.disk("GET", "prod-db-vm_OsDisk").json().contains("managedBy"));
  EXPECT_EQ(sim_.network("GET", "networkInterfaces/prod-db-vm-nic").status, 200);
}

// "deleteOption Delete|Detach on osDisk, dataDisks, NIC, and public IP (in the NIC's
// publicIPAddress.properties)".
TEST_F(VmsContractTest, DeleteOptionDeletesWhatItNames) {
  sim_.network("PUT", "publicIPAddresses/gone-ip",
               {{"location", "eastus"},
                {"sku", {{"name", "Standard"}}},
                {"properties", {{"publicIPAllocationMethod", "Static"}}}});
  sim_.make_nic("gone-nic", {{"publicIPAddress",
                              {{"id", in_group("Microsoft.Network/publicIPAddresses/gone-ip")},
                               {"properties", {{"deleteOption", "Delete"}}}}}});
  sim_.copy_os_disk("my-vm", "gone-os");
  sim_.empty_disk("kept-data");
  auto body = sim_.attach_body("gone-os", "gone-nic");
  body["properties"]["storageProfile"]["osDisk"]["deleteOption"] = "Delete";
  body["properties"]["storageProfile"]["dataDisks"] = {
      {{"lun", 0}, {"createOption", "Attach"}, {"managedDisk", {{"id", sim_.disk_id("kept-data")}}}}};
  body["properties"]["networkProfile"]["networkInterfaces"][0]["properties"]["deleteOption"] = "Delete";
  ASSERT_EQ(outcome(sim_.vm("PUT", "gone", body)), "Succeeded");
  ASSERT_EQ(outcome(sim_.vm("DELETE", "gone")), "Succeeded");
  EXPECT_EQ(sim_.disk("GET", "gone-os").status, 404);
  EXPECT_EQ(sim_.disk_properties("kept-data")["diskState"], "Unattached");
  EXPECT_EQ(sim_.network("GET", "networkInterfaces/gone-nic").status, 404);
  EXPECT_EQ(sim_.network("GET", "publicIPAddresses/gone-ip").status, 404);
}

// --- making a VM of existing disks ---

class VmCreateContractTest : public VmsContractTest {
 protected:
  void SetUp() override {
    sim_.copy_os_disk("my-vm", "copy");
    sim_.make_nic("nic");
  }
  json body_ = VmSimulator::attach_body("copy", "nic");
};

// PUT 201; the VM is Creating, then Succeeded and running, its disk Attached. Host name and users are the
// disk's.
TEST_F(VmCreateContractTest, AttachMakesARunningVm) {
  const auto started = sim_.vm("PUT", "new", body_);
  EXPECT_EQ(started.status, 201);
  EXPECT_EQ(started.json()["properties"]["provisioningState"], "Creating");
  EXPECT_EQ(outcome(started), "Succeeded");
  const auto vm = sim_.vm_body("new");
  EXPECT_EQ(vm["properties"]["provisioningState"], "Succeeded");
  EXPECT_EQ(vm["properties"]["storageProfile"]["osDisk"]["createOption"], "Attach");
  EXPECT_EQ(vm["properties"]["storageProfile"]["osDisk"]["name"], "copy");
  EXPECT_EQ(vm["properties"]["storageProfile"]["osDisk"]["managedDisk"]["storageAccountType"], "Premium_LRS");
  EXPECT_EQ(sim_.power("new"), "running");
  EXPECT_EQ(sim_.agent("new"), "Ready");
  EXPECT_EQ(sim_.view("new")["computerName"], "my-vm");
  EXPECT_EQ(sim_.disk("GET", "copy").json()["managedBy"], sim_.vm_id("new"));
  EXPECT_EQ(sim_.network("GET", "networkInterfaces/nic").json()["properties"]["virtualMachine"]["id"],
            sim_.vm_id("new"));
}

// "With Attach no osProfile (400 InvalidParameter "Parameter 'osProfile' is not allowed.", target osProfile),
// no imageReference."
TEST_F(VmCreateContractTest, AttachTakesNoOsProfile) {
  body_["properties"]["osProfile"] = {{"computerName", "x"}, {"adminUsername", "azureuser"}};
  const auto reply = sim_.vm("PUT", "new", body_);
  EXPECT_EQ(refusal(reply), "400 InvalidParameter");
  EXPECT_EQ(error(reply)["message"], "Parameter 'osProfile' is not allowed.");
  EXPECT_EQ(error(reply)["target"], "osProfile");
  body_["properties"].erase("osProfile");
  body_["properties"]["storageProfile"]["imageReference"] = {{"publisher", "Debian"}};
  EXPECT_EQ(error(sim_.vm("PUT", "new", body_))["target"], "imageReference");
}

// "Attaching an owned disk: 409 ConflictingUserInput".
TEST_F(VmCreateContractTest, OwnedDiskCannotBeAttached) {
  const auto reply = sim_.vm("PUT", "new", VmSimulator::attach_body("my-vm_OsDisk", "nic"));
  EXPECT_EQ(refusal(reply), "409 ConflictingUserInput");
  EXPECT_THAT(
      error(reply)["message"].get<std::string>(),
      ::testing::StartsWith(
          "Cannot attach the disk my-vm_OsDisk to VM new because it is already attached to VM my-vm"));
}

// "the zone … must equal the VM's (zonal VM: its zone or a ZRS disk; regional VM: no zonal disk)".
TEST_F(VmCreateContractTest, ZoneOfTheDiskMustBeTheVms) {
  sim_.copy_os_disk("my-vm", "zonal", {{"zones", {"2"}}});
  EXPECT_EQ(refusal(sim_.vm("PUT", "new", VmSimulator::attach_body("zonal", "nic"))), "400 BadRequest");
  auto body = VmSimulator::attach_body("zonal", "nic");
  body["zones"] = {"1"};
  EXPECT_EQ(refusal(sim_.vm("PUT", "new", body)), "400 BadRequest");
  body["zones"] = {"2"};
  EXPECT_EQ(outcome(sim_.vm("PUT", "new", body)), "Succeeded");
}

TEST_F(VmCreateContractTest, ZoneRedundantDiskFitsEveryZone) {
  sim_.copy_os_disk("my-vm", "zrs", {{"sku", {{"name", "Premium_ZRS"}}}});
  auto body = VmSimulator::attach_body("zrs", "nic");
  body["zones"] = {"3"};
  EXPECT_EQ(outcome(sim_.vm("PUT", "new", body)), "Succeeded");
}

// "securityProfile must match the disk's": 400 BadRequest.
TEST_F(VmCreateContractTest, SecurityTypeMustMatch) {
  body_["properties"]["securityProfile"] = {{"securityType", "TrustedLaunch"}};
  const auto reply = sim_.vm("PUT", "new", body_);
  EXPECT_EQ(refusal(reply), "400 BadRequest");
  EXPECT_EQ(error(reply)["message"],
            "Security type of VM is not compatible with the security type of attached OS Disk.");
}

// "Generation = the disk's hyperVGeneration; match against skus HyperVGenerations, CpuArchitectureType,
// PremiumIO, DiskControllerTypes."
TEST_F(VmCreateContractTest, SizeMustSuitTheDisk) {
  struct Row {
    const char *size, *code, *words;
  };
  for (const Row& row :
       {Row{"Standard_D2_v3", "400 InvalidParameter",
            "does not support the storage account type Premium_LRS"},
        Row{"Standard_D2ps_v5", "400 BadRequest", "CPU Architecture"},
        Row{"Standard_D4s_v6", "400 InvalidParameter", "disk controller types"},
        Row{"Standard_Nonsense", "400 InvalidParameter", "provided for the VM size is not valid"}}) {
    const auto reply = sim_.vm("PUT", "new", VmSimulator::attach_body("copy", "nic", row.size));
    EXPECT_EQ(refusal(reply), row.code) << row.size;
    EXPECT_THAT(error(reply)["message"].get<std::string>(), ::testing::HasSubstr(row.words));
  }
  sim_.copy_os_disk("my-vm", "hdd", {{"sku", {{"name", "Standard_LRS"}}}});
  const auto reply = sim_.vm("PUT", "new", VmSimulator::attach_body("hdd", "nic", "Standard_D2_v3"));
  EXPECT_THAT(error(reply)["message"].get<std::string>(),
              ::testing::HasSubstr("cannot boot Hypervisor Generation '2'"));
}

// 409 SkuNotAvailable, worded after the region; the same shows in skus as a restriction.
TEST_F(VmCreateContractTest, RestrictedSizeIsRefused) {
  sim_.make_group("Central", "centralus");
  json body = body_;
  body["location"] = "centralus";
  body["zones"] = {"2"};
  body["properties"]["hardwareProfile"]["vmSize"] = "Standard_D8s_v5";
  const auto reply = sim_.arm(
      "PUT", in_group("Microsoft.Compute/virtualMachines/x", "Central") + "?api-version=2024-07-01", body);
  EXPECT_EQ(refusal(reply), "409 SkuNotAvailable");
  EXPECT_THAT(error(reply)["message"].get<std::string>(),
              ::testing::StartsWith(
                  "The requested VM size for resource 'Following SKUs have failed for Capacity "
                  "Restrictions: Standard_D8s_v5' is currently not available in location 'centralus'."));
}

// "409 OperationNotAllowed … exceeding approved Total Regional Cores quota".
TEST_F(VmCreateContractTest, QuotaIsEnforced) {
  sim_.admin("PUT", "quota", {{"location", "eastus"}, {"name", "cores"}, {"limit", 18}});
  const auto reply = sim_.vm("PUT", "new", body_);
  EXPECT_EQ(refusal(reply), "409 OperationNotAllowed");
  EXPECT_THAT(error(reply)["message"].get<std::string>(),
              ::testing::AllOf(
                  ::testing::HasSubstr("exceeding approved Total Regional Cores quota"),
                  ::testing::HasSubstr("Location: eastus, Current Limit: 18, Current Usage: 18, Additional "
                                       "Required: 2, (Minimum) New Limit Required: 20")));
}

// "AllocationFailed: mostly in the operation … A failed create leaves a Failed VM"; "NIC of a failed VM is
// held: HTTP 400 NicReservedForAnotherVm … for 180 seconds".
TEST_F(VmCreateContractTest, AllocationFailsInTheOperation) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  sim_.admin("PUT", "capacity",
             {{"location", "eastus"}, {"vmSize", "Standard_D2s_v5"}, {"available", false}});
  EXPECT_EQ(outcome(sim_.vm("PUT", "new", body_)), "AllocationFailed");
  EXPECT_EQ(sim_.vm_body("new")["properties"]["provisioningState"], "Failed");
  EXPECT_EQ(sim_.view("new")["statuses"][0]["code"], "ProvisioningState/failed");
  const auto held = sim_.network("DELETE", "networkInterfaces/nic");
  EXPECT_EQ(refusal(held), "400 NicReservedForAnotherVm");
  EXPECT_THAT(
      error(held)["message"].get<std::string>(),
      ::testing::StartsWith("Nic(s) in request is reserved for another Virtual Machine for 180 seconds."));
  EXPECT_EQ(outcome(sim_.vm("DELETE", "new")), "Succeeded");
  EXPECT_EQ(refusal(sim_.vm("PUT", "other", body_)), "400 NicReservedForAnotherVm");
  sim_.advance("181s");
  EXPECT_EQ(sim_.network("DELETE", "networkInterfaces/nic").status, 202);
}

// "also on start of a deallocated VM"
TEST_F(VmCreateContractTest, AllocationFailsOnStart) {
  deallocate("my-vm");
  sim_.admin("PUT", "capacity", {{"location", "eastus"}, {"available", false}});
  EXPECT_EQ(outcome(sim_.act("my-vm", "start")), "AllocationFailed");
  EXPECT_EQ(sim_.power("my-vm"), "deallocated");
  sim_.admin("PUT", "capacity", {{"location", "eastus"}, {"available", true}});
  EXPECT_EQ(outcome(sim_.act("my-vm", "start")), "Succeeded");
}

// A NIC belongs to one VM.
TEST_F(VmCreateContractTest, NicInUseIsRefused) {
  EXPECT_EQ(refusal(sim_.vm("PUT", "new", VmSimulator::attach_body("copy", "my-vm-nic"))), "400 NicInUse");
  EXPECT_EQ(refusal(sim_.vm("PUT", "new", VmSimulator::attach_body("copy", "no-such-nic"))), "404 NotFound");
}

// "the guest comes up only if the OS disk's content is bootable": Succeeded proves no boot.
TEST_F(VmCreateContractTest, BlankDiskRunsButNeverReports) {
  sim_.empty_disk("blank");
  auto body = VmSimulator::attach_body("blank", "nic", "Standard_D2s_v5");
  ASSERT_EQ(outcome(sim_.vm("PUT", "new", body)), "Succeeded");
  EXPECT_EQ(sim_.power("new"), "running");
  EXPECT_EQ(sim_.agent("new"), "Not Ready");
  const auto uris = sim_.act("new", "retrieveBootDiagnosticsData").json();
  const auto log = http_call("GET", uris["serialConsoleLogBlobUri"], "", {});
  EXPECT_THAT(log.body, ::testing::HasSubstr("no valid partition table on the OS disk"));
  EXPECT_THAT(log.body, ::testing::HasSubstr("Kernel panic"));
}

// FromImage makes a managed OS disk; osProfile is wanted then, and its secrets are not shown.
TEST_F(VmCreateContractTest, FromImageMakesADisk) {
  json body = body_;
  body["properties"]["storageProfile"] = {
      {"imageReference",
       {{"publisher", "Debian"}, {"offer", "debian-12"}, {"sku", "12-gen2"}, {"version", "latest"}}},
      {"osDisk", {{"createOption", "fromImage"}}}};
  EXPECT_EQ(error(sim_.vm("PUT", "new", body))["target"], "osProfile");
  body["properties"]["osProfile"] = {
      {"computerName", "host-a"}, {"adminUsername", "azureuser"}, {"adminPassword", "s3cret!"}};
  ASSERT_EQ(outcome(sim_.vm("PUT", "new", body)), "Succeeded");
  const auto vm = sim_.vm_body("new");
  EXPECT_EQ(vm.dump().find("s3cret"), std::string::npos);
  const auto disk = sim_.disk("GET", vm["properties"]["storageProfile"]["osDisk"]["name"]).json();
  EXPECT_EQ(disk["properties"]["hyperVGeneration"], "V2");
  EXPECT_EQ(disk["managedBy"], sim_.vm_id("new"));
  EXPECT_EQ(sim_.view("new")["computerName"], "host-a");
}

}  // namespace
}  // namespace azlin::test
