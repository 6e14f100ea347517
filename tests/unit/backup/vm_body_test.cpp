#include "azlin/backup/vm_body.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace azlin::backup {
namespace {

NewVm with_data_disk_of(const std::string& sku) {
  NewVm vm;
  vm.size = "Standard_E4s_v5";
  vm.disks.resize(2);
  vm.disks[0].lun = -1;
  vm.disks[1].lun = 0;
  vm.disks[1].sku = sku;
  return vm;
}

TEST(VmBodyTest, AVmWithUltraDisksSaysSo) {
  const auto body = nlohmann::json::parse(vm_body(with_data_disk_of("UltraSSD_LRS")));
  EXPECT_EQ(body["properties"]["additionalCapabilities"]["ultraSSDEnabled"], true);
}

TEST(VmBodyTest, OtherVmsNeedNoCapability) {
  const auto body = nlohmann::json::parse(vm_body(with_data_disk_of("PremiumV2_LRS")));
  EXPECT_FALSE(body["properties"].contains("additionalCapabilities"));
}

}  // namespace
}  // namespace azlin::backup
