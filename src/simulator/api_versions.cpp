#include "simulator/api_versions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "simulator/locations.hpp"
#include "simulator/message.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

// Compute's two lists of versions differ: disks and snapshots have theirs, virtual machines another.
const std::vector<std::string> kDiskVersions = {
    "2016-04-30-preview", "2017-03-30", "2018-04-01", "2018-06-01", "2018-09-30", "2019-03-01",
    "2019-07-01",         "2019-11-01", "2020-05-01", "2020-06-30", "2020-09-30", "2020-12-01",
    "2021-04-01",         "2021-08-01", "2021-12-01", "2022-03-02", "2022-07-02", "2023-01-02",
    "2023-04-02",         "2023-10-02", "2024-03-02", "2025-01-02"};

const std::vector<std::string> kVmVersions = {
    "2015-06-15", "2016-03-30", "2016-04-30-preview", "2017-03-30", "2017-12-01", "2018-04-01",
    "2018-06-01", "2018-10-01", "2019-03-01",         "2019-07-01", "2019-12-01", "2020-06-01",
    "2020-12-01", "2021-03-01", "2021-04-01",         "2021-07-01", "2021-11-01", "2022-03-01",
    "2022-08-01", "2022-11-01", "2023-03-01",         "2023-07-01", "2023-09-01", "2024-03-01",
    "2024-07-01", "2024-11-01", "2025-04-01",         "2025-11-01", "2026-03-01"};

const std::vector<std::string> kRestorePointVersions = {
    "2021-03-01", "2021-04-01", "2021-07-01", "2021-11-01", "2022-03-01", "2022-08-01",
    "2022-11-01", "2023-03-01", "2023-07-01", "2023-09-01", "2024-03-01", "2024-07-01",
    "2024-11-01", "2025-04-01", "2025-11-01", "2026-03-01"};

const std::vector<std::string> kNetworkVersions = {
    "2015-06-15", "2017-10-01", "2018-11-01", "2019-11-01", "2020-04-01", "2020-05-01",
    "2020-11-01", "2021-02-01", "2021-03-01", "2021-05-01", "2021-08-01", "2022-01-01",
    "2022-05-01", "2022-07-01", "2022-09-01", "2022-11-01", "2023-02-01", "2023-04-01",
    "2023-05-01", "2023-06-01", "2023-09-01", "2023-11-01", "2024-01-01", "2024-03-01",
    "2024-05-01", "2024-07-01", "2025-01-01", "2025-03-01", "2025-05-01"};

const std::vector<std::string> kResourcesVersions = {
    "2015-01-01", "2015-11-01", "2016-02-01", "2016-06-01", "2016-09-01", "2017-05-10", "2018-02-01",
    "2018-05-01", "2019-03-01", "2019-05-01", "2019-05-10", "2019-06-01", "2019-07-01", "2019-08-01",
    "2019-10-01", "2019-11-01", "2020-01-01", "2020-06-01", "2020-08-01", "2020-10-01", "2021-01-01",
    "2021-04-01", "2022-01-01", "2022-09-01", "2022-12-01", "2023-07-01", "2024-03-01", "2024-07-01",
    "2024-11-01", "2025-03-01", "2025-04-01"};

// Recovery Services: vaults; backup in the primary region; backup in the secondary region, whose versions
// stand for it.
const std::vector<std::string> kVaultVersions = {
    "2016-06-01",         "2018-07-10", "2018-12-20", "2019-05-13", "2019-06-15", "2020-02-02", "2020-10-01",
    "2021-01-01",         "2021-02-10", "2021-03-01", "2021-04-01", "2021-06-01", "2021-07-01", "2021-08-01",
    "2021-11-01-preview", "2021-12-01", "2022-01-01", "2022-02-01", "2022-03-01", "2022-04-01", "2022-05-01",
    "2022-08-01",         "2022-09-10", "2022-10-01", "2023-01-01", "2023-02-01", "2023-04-01", "2023-06-01",
    "2023-08-01",         "2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-10-01", "2025-02-01",
    "2025-08-01",         "2026-05-01", "2026-07-01"};
const std::vector<std::string> kBackupVersions = {
    "2016-12-01",         "2018-07-10", "2019-05-13",         "2019-05-13-preview", "2019-06-15",
    "2020-02-02",         "2020-10-01", "2020-12-01",         "2021-01-01",         "2021-02-01",
    "2021-02-10",         "2021-03-01", "2021-04-01",         "2021-06-01",         "2021-07-01",
    "2021-08-01",         "2021-10-01", "2021-12-01",         "2022-01-01",         "2022-02-01",
    "2022-03-01",         "2022-04-01", "2022-06-01-preview", "2022-09-01-preview", "2022-09-10",
    "2022-10-01",         "2023-01-01", "2023-02-01",         "2023-04-01",         "2023-06-01",
    "2023-08-01",         "2024-01-01", "2024-02-01",         "2024-03-01",         "2024-04-01",
    "2024-07-30-preview", "2024-10-01", "2025-01-01",         "2025-02-01",         "2025-08-01"};
const std::vector<std::string> kSecondaryVersions = {"2018-12-20", "2018-12-20-preview", "2021-11-15",
                                                     "2023-01-15"};

// The platform resources. Microsoft's JavaScript SDKs ask for the newest, Debian's az for those of 2022.
const std::vector<std::string> kKeyVaultVersions = {
    "2016-10-01",         "2018-02-14",         "2018-02-14-preview", "2019-09-01",
    "2020-04-01-preview", "2021-04-01-preview", "2021-06-01-preview", "2021-10-01",
    "2021-11-01-preview", "2022-02-01-preview", "2022-07-01",         "2022-11-01",
    "2023-02-01",         "2023-07-01",         "2024-11-01",         "2025-05-01"};
const std::vector<std::string> kAppConfigurationVersions = {
    "2020-06-01",         "2020-07-01-preview", "2021-03-01-preview", "2021-10-01-preview",
    "2022-03-01-preview", "2022-05-01",         "2023-03-01",         "2023-08-01-preview",
    "2023-09-01-preview", "2024-05-01",         "2024-06-01",         "2025-02-01-preview"};
const std::vector<std::string> kStorageVersions = {
    "2016-01-01", "2018-11-01", "2019-04-01", "2019-06-01", "2020-08-01-preview", "2021-01-01", "2021-02-01",
    "2021-04-01", "2021-06-01", "2021-08-01", "2021-09-01", "2022-05-01",         "2022-09-01", "2023-01-01",
    "2023-04-01", "2023-05-01", "2024-01-01", "2025-01-01", "2025-06-01",         "2025-08-01", "2026-04-01"};
const std::vector<std::string> kCosmosVersions = {
    "2021-10-15", "2022-02-15-preview", "2022-05-15",         "2022-08-15", "2022-08-15-preview",
    "2022-11-15", "2022-11-15-preview", "2023-03-01-preview", "2023-03-15", "2023-03-15-preview",
    "2023-04-15", "2023-09-15",         "2023-11-15",         "2024-05-15", "2024-08-15",
    "2024-11-15", "2025-04-15",         "2025-10-15"};
const std::vector<std::string> kProtectionVersions = {
    "2021-01-01", "2021-07-01",         "2022-01-01",         "2022-03-01",         "2022-04-01",
    "2022-05-01", "2022-09-01-preview", "2022-10-01-preview", "2022-11-01-preview", "2022-12-01",
    "2023-01-01", "2023-05-01",         "2023-11-01",         "2023-12-01",         "2024-03-01",
    "2024-04-01", "2025-01-01",         "2025-07-01"};
const std::vector<std::string> kKubernetesVersions = {
    "2020-01-01", "2020-02-01",         "2020-03-01", "2020-04-01", "2020-06-01",         "2020-07-01",
    "2020-09-01", "2020-11-01",         "2020-12-01", "2021-02-01", "2021-03-01",         "2021-05-01",
    "2021-07-01", "2021-08-01",         "2021-09-01", "2021-10-01", "2022-01-01",         "2022-02-01",
    "2022-03-01", "2022-04-01",         "2022-06-01", "2022-07-01", "2022-08-03-preview", "2022-09-01",
    "2022-11-01", "2022-11-02-preview", "2023-01-01", "2023-02-01", "2023-03-01",         "2023-04-01",
    "2023-05-01", "2023-06-01",         "2023-07-01", "2023-08-01", "2023-09-01",         "2023-10-01",
    "2023-11-01", "2024-01-01",         "2024-02-01", "2024-05-01", "2024-07-01",         "2024-08-01",
    "2024-09-01", "2024-10-01",         "2025-01-01", "2025-02-01", "2025-03-01",         "2025-04-01",
    "2025-05-01", "2025-07-01"};

std::vector<std::string> both(std::vector<std::string> versions, const std::vector<std::string>& more) {
  versions.insert(versions.end(), more.begin(), more.end());
  std::sort(versions.begin(), versions.end());
  versions.erase(std::unique(versions.begin(), versions.end()), versions.end());
  return versions;
}

const std::vector<ApiVersions> kTable = {
    {"Microsoft.RecoveryServices/vaults", true, kVaultVersions},
    {"Microsoft.RecoveryServices/vaults/backup", true, kBackupVersions},
    {"Microsoft.RecoveryServices/vaults/backupAndSecondary", true, both(kBackupVersions, kSecondaryVersions)},
    {"Microsoft.RecoveryServices/locations/secondary", true, kSecondaryVersions},
    {"Microsoft.Compute/disks", true, kDiskVersions},
    {"Microsoft.Compute/snapshots", true, kDiskVersions},
    {"Microsoft.Compute/diskEncryptionSets", true, kDiskVersions},
    {"Microsoft.Compute/locations/DiskOperations", true, kDiskVersions},
    {"Microsoft.Compute/virtualMachines", true, kVmVersions},
    {"Microsoft.Compute/locations/operations", true, kVmVersions},
    {"Microsoft.Compute/locations/usages", true, kVmVersions},
    {"Microsoft.Compute/locations/vmSizes", true, kVmVersions},
    {"Microsoft.Compute/locations/publishers", true, kVmVersions},
    {"Microsoft.Compute/restorePointCollections", true, kRestorePointVersions},
    {"Microsoft.Compute/diskRestorePoints", true, kDiskVersions},
    {"Microsoft.Compute/skus", true, {"2017-03-30", "2017-09-01", "2019-04-01", "2021-07-01"}},
    {"Microsoft.Network/virtualNetworks", true, kNetworkVersions},
    {"Microsoft.Network/networkSecurityGroups", true, kNetworkVersions},
    {"Microsoft.Network/networkInterfaces", true, kNetworkVersions},
    {"Microsoft.Network/publicIPAddresses", true, kNetworkVersions},
    {"Microsoft.Network/locations/operations", true, kNetworkVersions},
    {"Microsoft.KeyVault/vaults", true, kKeyVaultVersions},
    {"Microsoft.KeyVault/vaults/keys", true, kKeyVaultVersions},
    {"Microsoft.KeyVault/locations", true, kKeyVaultVersions},
    {"Microsoft.KeyVault/deletedVaults", true, kKeyVaultVersions},
    {"Microsoft.KeyVault/managedHSMs", true, kKeyVaultVersions},
    {"Microsoft.KeyVault/deletedManagedHSMs", true, kKeyVaultVersions},
    {"Microsoft.AppConfiguration/configurationStores", true, kAppConfigurationVersions},
    {"Microsoft.AppConfiguration/locations", true, kAppConfigurationVersions},
    {"Microsoft.Storage/storageAccounts", true, kStorageVersions},
    {"Microsoft.Storage/locations", true, kStorageVersions},
    {"Microsoft.DocumentDB/databaseAccounts", true, kCosmosVersions},
    {"Microsoft.DocumentDB/locations", true, kCosmosVersions},
    {"Microsoft.DocumentDB/restorableDatabaseAccounts", true, kCosmosVersions},
    {"Microsoft.DocumentDB/databaseAccountNames", false, kCosmosVersions},
    {"Microsoft.DataProtection/backupVaults", true, kProtectionVersions},
    {"Microsoft.DataProtection/locations", true, kProtectionVersions},
    {"Microsoft.ContainerService/managedClusters", true, kKubernetesVersions},
    {"Microsoft.Resources/subscriptions",
     false,
     {"2014-04-01", "2015-11-01", "2016-06-01", "2018-02-01", "2018-05-01", "2018-06-01", "2019-03-01",
      "2019-05-01", "2019-06-01", "2019-07-01", "2019-10-01", "2019-11-01", "2020-01-01", "2020-06-01",
      "2020-08-01", "2020-09-01", "2020-10-01", "2021-01-01", "2021-04-01", "2022-09-01", "2022-12-01"}},
    {"Microsoft.Resources/resources", false, kResourcesVersions},
    {"Microsoft.Resources/resourceGroups", false, kResourcesVersions},
    {"Microsoft.Resources/providers", false, kResourcesVersions},
    {"Microsoft.Resources/deployments", false, kResourcesVersions},
    {"Microsoft.Resources/tags",
     false,
     {"2019-10-01", "2020-06-01", "2020-08-01", "2020-10-01", "2021-01-01", "2021-04-01", "2022-09-01",
      "2022-12-01", "2023-07-01", "2024-03-01", "2024-07-01", "2024-11-01", "2025-03-01", "2025-04-01"}},
    {"Microsoft.Authorization/locks",
     true,
     {"2015-01-01", "2015-05-01-preview", "2016-09-01", "2017-04-01", "2020-05-01"}},
    {"Microsoft.Authorization/permissions",
     true,
     {"2015-07-01", "2018-01-01-preview", "2018-07-01", "2022-04-01"}},
    {"Microsoft.Authorization/roleAssignments",
     true,
     {"2015-07-01", "2018-01-01-preview", "2018-07-01", "2018-09-01-preview", "2020-04-01-preview",
      "2022-04-01"}},
    {"Microsoft.Authorization/roleDefinitions",
     true,
     {"2015-07-01", "2018-01-01-preview", "2018-07-01", "2022-04-01", "2022-05-01-preview"}},
    {"Microsoft.ResourceGraph/resources",
     true,
     {"2018-09-01-preview", "2019-04-01", "2020-04-01-preview", "2021-03-01", "2022-10-01", "2024-04-01"}},
};

}  // namespace

const std::vector<ApiVersions>& all_versions() {
  return kTable;
}

const ApiVersions* find_versions(std::string_view key) {
  for (const auto& entry : kTable) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

void check_api_version(const std::string& api_version, std::string_view key, const std::string& location) {
  if (api_version.empty())
    throw ApiError(400, "MissingApiVersionParameter",
                   "The api-version query parameter (?api-version=) is required for all requests.");
  const ApiVersions& known = *find_versions(key);
  if (std::find(known.versions.begin(), known.versions.end(), lower(api_version)) != known.versions.end())
    return;
  if (!known.provider)
    throw ApiError(400, "InvalidApiVersionParameter",
                   fmt::format("The api-version '{}' is invalid. The supported versions are '{}'.",
                               api_version, fmt::join(known.versions, ",")));
  const std::string type = known.key.substr(known.key.find('/') + 1);
  throw ApiError(
      400, "NoRegisteredProviderFound",
      fmt::format("No registered resource provider found for location '{}' and API version '{}' for type "
                  "'{}'. The supported api-versions are '{}'. The supported locations are '{}'.",
                  location, api_version, type, fmt::join(known.versions, ", "),
                  fmt::join(location_names(), ", ")));
}

bool version_at_least(std::string_view api_version, std::string_view first) {
  return api_version.substr(0, 10) >= first.substr(0, 10);
}

}  // namespace azlin::simulator
