#include "contract/vm_support.hpp"

namespace azlin::test {
namespace {

// Disks of a VM: of the sample's critical-vm, running unless a test deallocates it.
class AttachedDisksContractTest : public ::testing::Test {
 protected:
  static constexpr const char* kDisk = "critical-vm_OsDisk";

  HttpReply act(const std::string& verb, const json& body = nullptr) {
    return sim_.arm("POST", sim_.disk_id(kDisk) + "/" + verb + "?api-version=2023-10-02", body);
  }
  HttpReply begin_access() {
    return act("beginGetAccess", {{"access", "Read"}, {"durationInSeconds", 3600}});
  }
  VmSimulator sim_;
};

// "Disk X is attached to VM /subscriptions/…/virtualMachines/Y.": OperationNotAllowed; deallocated, too.
TEST_F(AttachedDisksContractTest, DeleteIsRefused) {
  for (const bool deallocated : {false, true}) {
    if (deallocated) sim_.finish(sim_.act("critical-vm", "deallocate"));
    const auto reply = sim_.disk("DELETE", kDisk);
    EXPECT_EQ(reply.status, 409);
    EXPECT_EQ(reply.error_code(), "OperationNotAllowed");
    EXPECT_EQ(reply.json()["error"]["message"],
              fmt::format("Disk {} is attached to VM {}.", kDisk, sim_.vm_id("critical-vm")));
  }
}

// "On a disk of a running VM: 409 Conflict 'Access not permitted because disk X is currently attached to
// running VM …'." Deallocated it is allowed, and the disk is Reserved again afterwards.
TEST_F(AttachedDisksContractTest, AccessNeedsADeallocatedVm) {
  const auto refused = begin_access();
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.error_code(), "Conflict");
  EXPECT_NE(refused.body.find("currently attached to running VM"), std::string::npos);
  sim_.finish(sim_.act("critical-vm", "deallocate"));
  const auto granted = begin_access();
  EXPECT_EQ(granted.status, 202);
  sim_.finish(granted);
  EXPECT_EQ(sim_.disk_properties(kDisk)["diskState"], "ActiveSAS");
  EXPECT_EQ(sim_.act("critical-vm", "start").error_code(), "OperationNotAllowed");  // not while it is read
  sim_.finish(act("endGetAccess"));
  EXPECT_EQ(sim_.disk_properties(kDisk)["diskState"], "Reserved");
  EXPECT_EQ(sim_.act("critical-vm", "start").status, 202);
}

// "Cannot resize disk X while it is attached to running VM Y": 409 OperationNotAllowed.
TEST_F(AttachedDisksContractTest, ResizeNeedsADeallocatedVm) {
  const json larger = {{"properties", {{"diskSizeGB", 256}}}};
  const auto refused = sim_.disk("PATCH", kDisk, larger);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.error_code(), "OperationNotAllowed");
  const auto other_sku = sim_.disk("PATCH", kDisk, {{"sku", {{"name", "Standard_LRS"}}}});
  EXPECT_EQ(other_sku.error_code(), "OperationNotAllowed");
  EXPECT_NE(other_sku.body.find("Cannot change the sku of disk"), std::string::npos) << other_sku.body;
  sim_.finish(sim_.act("critical-vm", "deallocate"));
  sim_.finish(sim_.disk("PATCH", kDisk, larger));
  EXPECT_EQ(sim_.disk_properties(kDisk)["diskSizeGB"], 256);
  EXPECT_EQ(sim_.disk_properties(kDisk)["diskState"], "Reserved");
}

// A snapshot of a running VM's disk is allowed, inherits its security type, and holds its file system.
TEST_F(AttachedDisksContractTest, SnapshotOfARunningVmHoldsItsFileSystem) {
  sim_.copy_os_disk("critical-vm", "restored");
  const auto properties = sim_.disk_properties("restored");
  EXPECT_EQ(properties["securityProfile"]["securityType"], "TrustedLaunch");
  EXPECT_EQ(properties["osType"], "Linux");
  EXPECT_EQ(properties["diskState"], "Unattached");
  const auto granted =
      sim_.finish(sim_.arm("POST", sim_.disk_id("restored") + "/beginGetAccess?api-version=2023-10-02",
                           {{"access", "Read"}, {"durationInSeconds", 60}}));
  const auto sas = granted.json()["properties"]["output"]["accessSAS"].get<std::string>();
  EXPECT_EQ(http_call("GET", sas, "", {{"Range", "bytes=512-519"}}).body, "EFI PART");
}

}  // namespace
}  // namespace azlin::test
