#include "simulator/api_versions.hpp"

#include <gtest/gtest.h>

#include "simulator/message.hpp"

namespace azlin::simulator {
namespace {

// Every version that azlin, az 2.45 and Microsoft's JavaScript packages send.
TEST(ApiVersionsTest, VersionsOfKnownClientsAreTaken) {
  const std::vector<std::pair<const char*, const char*>> sent = {
      {"Microsoft.Compute/disks", "2023-10-02"},
      {"Microsoft.Compute/snapshots", "2022-03-02"},
      {"Microsoft.Compute/disks", "2022-07-02"},
      {"Microsoft.Compute/snapshots", "2025-01-02"},
      {"Microsoft.Compute/virtualMachines", "2024-07-01"},
      {"Microsoft.Compute/virtualMachines", "2022-11-01"},
      {"Microsoft.Compute/virtualMachines", "2026-03-01"},
      {"Microsoft.Compute/skus", "2019-04-01"},
      {"Microsoft.Compute/skus", "2021-07-01"},
      {"Microsoft.Network/networkInterfaces", "2022-01-01"},
      {"Microsoft.Network/virtualNetworks", "2023-09-01"},
      {"Microsoft.Network/publicIPAddresses", "2025-05-01"},
      {"Microsoft.Resources/subscriptions", "2019-11-01"},
      {"Microsoft.Resources/resources", "2021-04-01"},
      {"Microsoft.Resources/resources", "2025-04-01"},
      {"Microsoft.Resources/tags", "2021-04-01"},
      {"Microsoft.Authorization/locks", "2016-09-01"},
      {"Microsoft.ResourceGraph/resources", "2021-03-01"},
      {"Microsoft.Compute/virtualMachines", "2026-04-01"},
      {"Microsoft.Compute/restorePointCollections", "2026-04-01"},
      {"Microsoft.Compute/disks", "2026-03-02"},
      {"Microsoft.Compute/galleries", "2025-12-03"},
      {"Microsoft.Network/virtualNetworks", "2026-01-01"},
      {"Microsoft.Resources/subscriptions", "2021-10-01"},
      {"Microsoft.Authorization/policyAssignments", "2025-03-01"},
      {"Microsoft.Authorization/roleAssignments", "2020-10-01"}};
  for (const auto& [type, version] : sent)
    EXPECT_NO_THROW(check_api_version(version, type, "")) << type << version;
}

// "No registered resource provider found for location 'L' and API version 'V' for type 'disks'. The supported
// api-versions are '…'. The supported locations are '…'."
TEST(ApiVersionsTest, ProvidersNameWhatTheySupport) {
  try {
    check_api_version("2024-07-01", "Microsoft.Compute/disks", "eastus");
    FAIL() << "a VM's version is none of a disk's";
  } catch (const ApiError& error) {
    EXPECT_EQ(error.code, "NoRegisteredProviderFound");
    EXPECT_EQ(error.message.find(
                  "No registered resource provider found for location 'eastus' and API version '2024-07-01' "
                  "for type 'disks'. The supported api-versions are '2016-04-30-preview, "),
              0U);
  }
}

TEST(ApiVersionsTest, DatesCompare) {
  EXPECT_TRUE(version_at_least("2021-03-01", "2021-03-01"));
  EXPECT_TRUE(version_at_least("2022-01-01-preview", "2021-03-01"));
  EXPECT_FALSE(version_at_least("2020-12-01", "2021-03-01"));
}

}  // namespace
}  // namespace azlin::simulator
