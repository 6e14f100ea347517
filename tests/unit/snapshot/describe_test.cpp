#include "snapshot/describe.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"

namespace azlin::snapshot {
namespace {

const char* const kVm = R"({
  "id": "/subscriptions/s/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/web",
  "name": "web", "location": "eastus", "zones": ["2"], "etag": "\"1\"", "tags": {"env": "prod"},
  "properties": {
    "vmId": "guid", "hardwareProfile": {"vmSize": "Standard_D2s_v5"}, "licenseType": "SLES_BYOS",
    "securityProfile": {"securityType": "TrustedLaunch",
                        "uefiSettings": {"secureBootEnabled": true, "vTpmEnabled": true}},
    "storageProfile": {"diskControllerType": "NVMe",
      "osDisk": {"osType": "Linux", "name": "os", "caching": "ReadWrite", "deleteOption": "Delete",
                 "managedDisk": {"id": "/subscriptions/s/resourceGroups/Production/providers/Microsoft.Compute/disks/os"}},
      "dataDisks": [{"lun": 3, "name": "data", "caching": "None", "writeAcceleratorEnabled": true,
                     "managedDisk": {"id": "/subscriptions/s/resourceGroups/Production/providers/Microsoft.Compute/disks/data"}}]},
    "networkProfile": {"networkInterfaces": [
      {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/networkInterfaces/second"},
      {"id": "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/networkInterfaces/first",
       "properties": {"primary": true}}]}}})";

azure::Nic nic(const std::string& name) {
  azure::Nic out;
  out.name = name;
  out.id = "/subscriptions/s/resourceGroups/Net/providers/Microsoft.Network/networkInterfaces/" + name;
  out.subnet_id =
      "/subscriptions/s/resourceGroups/Hub/providers/Microsoft.Network/virtualNetworks/vnet/subnets/" + name;
  out.nsg_id = "/subscriptions/s/resourceGroups/Hub/providers/Microsoft.Network/networkSecurityGroups/nsg";
  out.accelerated = true;
  return out;
}

TEST(DescribeTest, VmWithADataDiskThatCannotBeReadIsRefused) {
  const auto with_disk = [](const nlohmann::json& disk) {
    auto vm = nlohmann::json::parse(kVm);
    vm["properties"]["storageProfile"]["dataDisks"][0] = disk;
    return azure::parse_vm(vm.dump());
  };
  EXPECT_THROW(with_disk({{"lun", 3}, {"name", "data"}}), core::Error);
  EXPECT_THROW(with_disk({{"lun", 3}, {"name", "data"}, {"managedDisk", 5}}), core::Error);
  EXPECT_THROW(with_disk({{"name", "data"}, {"managedDisk", {{"id", "/subscriptions/s"}}}}), core::Error);
  EXPECT_THROW(with_disk("data"), core::Error);
  const auto unmanaged = with_disk({{"lun", 3}, {"name", "data"}, {"vhd", {{"uri", "https://a/b.vhd"}}}});
  EXPECT_EQ(unmanaged.data_disks.at(0).disk_id, "");
}

TEST(DescribeTest, VmIsDescribedAsItIs) {
  const VmSpec spec = describe(azure::parse_vm(kVm), {nic("second"), nic("first")});
  EXPECT_EQ(spec.name, "web");
  EXPECT_EQ(spec.resource_group, "Production");
  EXPECT_EQ(spec.size, "Standard_D2s_v5");
  EXPECT_EQ(spec.zone, "2");
  EXPECT_EQ(spec.os_type, "Linux");
  EXPECT_EQ(spec.security_type, "TrustedLaunch");
  EXPECT_TRUE(spec.secure_boot);
  EXPECT_TRUE(spec.vtpm);
  EXPECT_EQ(spec.disk_controller, "NVMe");
  EXPECT_EQ(spec.license, "SLES_BYOS");
  ASSERT_EQ(spec.nics.size(), 2u);
  EXPECT_EQ(spec.nics[0], (NicSpec{"first", "Net", "Hub/vnet/first", "Hub/nsg", true}))
      << "the primary one first";
  EXPECT_EQ(spec.tags, (azure::Tags{{"env", "prod"}}));
}

TEST(DescribeTest, DiskIsWhatTheDiskAndItsAttachmentSay) {
  const azure::Vm vm = azure::parse_vm(kVm);
  azure::Disk disk;
  disk.name = "data";
  disk.sku = "Premium_LRS";
  disk.size_gb = 512;
  disk.zone = "2";
  EXPECT_EQ(describe(vm.data_disks.at(0), disk, vm),
            (DiskSpec{"data", "Premium_LRS", "None", 512, "2", true, ""}));
  disk.name = "os";
  EXPECT_EQ(describe(vm.os_disk, disk, vm),
            (DiskSpec{"os", "Premium_LRS", "ReadWrite", 512, "2", false, "Delete"}));
}

}  // namespace
}  // namespace azlin::snapshot
