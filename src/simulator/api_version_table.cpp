// The table of api-versions: what each resource type of the simulated cloud takes. Azure takes every version
// that it has published for a type; the dates are those of azure-rest-api-specs and of the client packages
// that send them (for the newest: @azure/arm-compute 25.1, arm-network 39, arm-policy 7, arm-monitor 8).
#include <algorithm>

#include "simulator/api_versions.hpp"

namespace azlin::simulator {
namespace {

using Versions = std::vector<std::string>;

// Compute's lists of versions differ: disks and snapshots have theirs, virtual machines another, galleries a
// third.
const Versions kDiskVersions = {"2016-04-30-preview", "2017-03-30", "2018-04-01", "2018-06-01", "2018-09-30",
                                "2019-03-01",         "2019-07-01", "2019-11-01", "2020-05-01", "2020-06-30",
                                "2020-09-30",         "2020-12-01", "2021-04-01", "2021-08-01", "2021-12-01",
                                "2022-03-02",         "2022-07-02", "2023-01-02", "2023-04-02", "2023-10-02",
                                "2024-03-02",         "2025-01-02", "2026-03-02"};
const Versions kVmVersions = {
    "2015-06-15", "2016-03-30", "2016-04-30-preview", "2016-08-30", "2017-03-30", "2017-12-01", "2018-04-01",
    "2018-06-01", "2018-10-01", "2019-03-01",         "2019-07-01", "2019-12-01", "2020-06-01", "2020-12-01",
    "2021-03-01", "2021-04-01", "2021-07-01",         "2021-11-01", "2022-03-01", "2022-08-01", "2022-11-01",
    "2023-03-01", "2023-07-01", "2023-09-01",         "2024-03-01", "2024-07-01", "2024-11-01", "2025-04-01",
    "2025-11-01", "2026-03-01", "2026-04-01"};
const Versions kRestorePointVersions = {"2021-03-01", "2021-04-01", "2021-07-01", "2021-11-01", "2022-03-01",
                                        "2022-08-01", "2022-11-01", "2023-03-01", "2023-07-01", "2023-09-01",
                                        "2024-03-01", "2024-07-01", "2024-11-01", "2025-04-01", "2025-11-01",
                                        "2026-03-01", "2026-04-01"};
const Versions kGalleryVersions = {"2018-06-01", "2019-03-01", "2019-07-01", "2019-12-01", "2020-09-30",
                                   "2021-07-01", "2021-10-01", "2022-01-03", "2022-03-03", "2022-08-03",
                                   "2023-07-03", "2024-03-03", "2025-03-03", "2025-12-03"};

const Versions kNetworkVersions = {
    "2014-12-01-preview", "2015-05-01-preview", "2015-06-15", "2016-03-30", "2016-06-01", "2016-07-01",
    "2016-08-01",         "2016-09-01",         "2016-10-01", "2016-11-01", "2016-12-01", "2017-03-01",
    "2017-04-01",         "2017-06-01",         "2017-08-01", "2017-09-01", "2017-10-01", "2017-11-01",
    "2018-01-01",         "2018-02-01",         "2018-03-01", "2018-04-01", "2018-05-01", "2018-06-01",
    "2018-07-01",         "2018-08-01",         "2018-10-01", "2018-11-01", "2018-12-01", "2019-02-01",
    "2019-04-01",         "2019-06-01",         "2019-07-01", "2019-08-01", "2019-09-01", "2019-11-01",
    "2019-12-01",         "2020-01-01",         "2020-03-01", "2020-04-01", "2020-05-01", "2020-06-01",
    "2020-07-01",         "2020-08-01",         "2020-11-01", "2021-01-01", "2021-02-01", "2021-03-01",
    "2021-04-01",         "2021-05-01",         "2021-06-01", "2021-08-01", "2021-12-01", "2022-01-01",
    "2022-05-01",         "2022-07-01",         "2022-09-01", "2022-11-01", "2023-02-01", "2023-04-01",
    "2023-05-01",         "2023-06-01",         "2023-09-01", "2023-11-01", "2024-01-01", "2024-03-01",
    "2024-05-01",         "2024-07-01",         "2024-10-01", "2025-01-01", "2025-03-01", "2025-05-01",
    "2025-07-01",         "2026-01-01"};

const Versions kResourcesVersions = {
    "2014-04-01-preview", "2015-01-01", "2015-11-01", "2016-02-01", "2016-06-01", "2016-07-01", "2016-09-01",
    "2017-03-01",         "2017-05-01", "2017-05-10", "2017-06-01", "2017-08-01", "2018-01-01", "2018-02-01",
    "2018-05-01",         "2018-07-01", "2018-08-01", "2018-09-01", "2018-11-01", "2019-03-01", "2019-04-01",
    "2019-05-01",         "2019-05-10", "2019-06-01", "2019-07-01", "2019-08-01", "2019-09-01", "2019-10-01",
    "2019-11-01",         "2020-01-01", "2020-05-01", "2020-06-01", "2020-07-01", "2020-08-01", "2020-09-01",
    "2020-10-01",         "2021-01-01", "2021-04-01", "2022-01-01", "2022-09-01", "2022-12-01", "2023-07-01",
    "2024-03-01",         "2024-07-01", "2024-11-01", "2025-03-01", "2025-04-01"};
const Versions kSubscriptionVersions = {
    "2014-04-01", "2015-11-01", "2016-06-01", "2016-09-01", "2017-03-01", "2018-01-01", "2018-02-01",
    "2018-05-01", "2018-06-01", "2018-08-01", "2019-03-01", "2019-05-01", "2019-05-10", "2019-06-01",
    "2019-07-01", "2019-08-01", "2019-09-01", "2019-10-01", "2019-11-01", "2020-01-01", "2020-05-01",
    "2020-06-01", "2020-07-01", "2020-08-01", "2020-09-01", "2020-10-01", "2021-01-01", "2021-04-01",
    "2021-10-01", "2022-01-01", "2022-09-01", "2022-12-01", "2023-07-01", "2024-03-01", "2024-07-01",
    "2024-11-01", "2025-03-01", "2025-04-01"};
const Versions kPolicyVersions = {
    "2015-10-01-preview", "2016-04-01", "2016-12-01", "2017-06-01-preview", "2018-03-01", "2018-05-01",
    "2019-01-01",         "2019-06-01", "2019-09-01", "2020-03-01",         "2020-09-01", "2021-06-01",
    "2022-06-01",         "2023-04-01", "2024-04-01", "2024-05-01",         "2025-01-01", "2025-03-01"};
const Versions kRoleVersions = {
    "2014-07-01-preview", "2014-10-01-preview", "2015-05-01-preview", "2015-06-01",
    "2015-07-01",         "2016-07-01",         "2017-05-01",         "2017-10-01-preview",
    "2018-01-01-preview", "2018-05-01-preview", "2018-07-01",         "2018-09-01-preview",
    "2018-12-01-preview", "2019-04-01-preview", "2019-08-01-preview", "2020-03-01-preview",
    "2020-04-01-preview", "2020-08-01-preview", "2020-10-01",         "2021-04-01-preview",
    "2022-04-01",         "2022-05-01-preview", "2022-08-01-preview"};
const Versions kInsightsVersions = {"2014-04-01", "2015-04-01",         "2015-07-01", "2016-03-01",
                                    "2016-09-01", "2017-03-01-preview", "2017-04-01", "2017-05-01-preview",
                                    "2018-01-01", "2018-03-01",         "2018-09-01", "2019-03-01",
                                    "2019-06-01", "2020-10-01",         "2021-05-01", "2021-05-01-preview",
                                    "2021-09-01", "2022-06-01",         "2022-10-01", "2023-01-01",
                                    "2023-10-01", "2024-02-01",         "2024-03-11", "2026-01-01"};
const Versions kHealthVersions = {"2015-01-01",         "2017-07-01", "2018-07-01",
                                  "2020-05-01",         "2022-05-01", "2022-10-01",
                                  "2023-10-01-preview", "2024-02-01", "2025-05-01"};
const Versions kIdentityVersions = {"2015-08-31-preview", "2018-11-30",        "2021-09-30-preview",
                                    "2022-01-31-preview", "2023-01-31",        "2023-07-31-preview",
                                    "2024-11-30",         "2025-01-31-preview"};

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
    "2023-02-01",         "2023-07-01",         "2024-11-01",         "2025-05-01",
    "2026-02-01"};
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

Versions both(Versions versions, const Versions& more) {
  versions.insert(versions.end(), more.begin(), more.end());
  std::sort(versions.begin(), versions.end());
  versions.erase(std::unique(versions.begin(), versions.end()), versions.end());
  return versions;
}

// Types of one namespace that share a list.
void add(std::vector<ApiVersions>& table, const char* space, bool provider, const Versions& versions,
         std::initializer_list<const char*> types) {
  for (const char* type : types) table.push_back({std::string(space) + "/" + type, provider, versions});
}

void add_compute(std::vector<ApiVersions>& table) {
  add(table, "Microsoft.Compute", true, kDiskVersions,
      {"disks", "snapshots", "diskEncryptionSets", "diskAccesses", "locations/DiskOperations",
       "diskRestorePoints"});
  add(table, "Microsoft.Compute", true, kVmVersions,
      {"virtualMachines", "virtualMachines/extensions", "virtualMachines/runCommands", "availabilitySets",
       "proximityPlacementGroups", "images", "sshPublicKeys", "hostGroups", "hostGroups/hosts",
       "capacityReservationGroups", "capacityReservationGroups/capacityReservations",
       "virtualMachineScaleSets", "locations/usages", "locations/vmSizes", "locations/publishers",
       "locations/runCommands", "locations/virtualMachines", "locations/virtualMachineScaleSets",
       "operations"});
  add(table, "Microsoft.Compute", true, both(kVmVersions, kGalleryVersions), {"locations/operations"});
  add(table, "Microsoft.Compute", true, kRestorePointVersions, {"restorePointCollections"});
  add(table, "Microsoft.Compute", true, {"2017-03-30", "2017-09-01", "2019-04-01", "2021-07-01"}, {"skus"});
  add(table, "Microsoft.Compute", true, kGalleryVersions,
      {"galleries", "galleries/images", "galleries/images/versions", "galleries/applications",
       "galleries/applications/versions", "locations/sharedGalleries", "locations/communityGalleries"});
}

void add_network(std::vector<ApiVersions>& table) {
  add(table, "Microsoft.Network", true, kNetworkVersions,
      {"virtualNetworks",
       "networkSecurityGroups",
       "networkInterfaces",
       "publicIPAddresses",
       "locations/operations",
       "applicationSecurityGroups",
       "routeTables",
       "natGateways",
       "publicIPPrefixes",
       "loadBalancers",
       "networkWatchers",
       "virtualNetworkTaps",
       "privateEndpoints",
       "privateLinkServices",
       "serviceEndpointPolicies",
       "bastionHosts",
       "azureFirewalls",
       "firewallPolicies",
       "applicationGateways",
       "virtualNetworkGateways",
       "localNetworkGateways",
       "connections",
       "expressRouteCircuits",
       "ddosProtectionPlans",
       "networkProfiles",
       "ipGroups",
       "virtualWans",
       "virtualHubs",
       "vpnSites",
       "vpnGateways",
       "networkManagers",
       "locations/usages",
       "locations/serviceTags",
       "locations/checkDnsNameAvailability",
       "operations"});
}

void add_resources(std::vector<ApiVersions>& table) {
  add(table, "Microsoft.Resources", false, kSubscriptionVersions, {"subscriptions"});
  add(table, "Microsoft.Resources", false, kResourcesVersions,
      {"resources", "resourceGroups", "providers", "deployments", "tagNames", "checkResourceName"});
  add(table, "Microsoft.Resources", false,
      {"2019-10-01", "2020-06-01", "2020-08-01", "2020-10-01", "2021-01-01", "2021-04-01", "2022-09-01",
       "2022-12-01", "2023-07-01", "2024-03-01", "2024-07-01", "2024-11-01", "2025-03-01", "2025-04-01"},
      {"tags"});
  add(table, "Microsoft.Authorization", true,
      {"2015-01-01", "2015-05-01-preview", "2016-09-01", "2017-04-01", "2020-05-01"}, {"locks"});
  add(table, "Microsoft.Authorization", true, kRoleVersions,
      {"permissions", "roleAssignments", "roleDefinitions", "denyAssignments", "classicAdministrators",
       "providerOperations", "roleAssignmentScheduleInstances", "roleEligibilityScheduleInstances"});
  add(table, "Microsoft.Authorization", true, kPolicyVersions,
      {"policyAssignments", "policyDefinitions", "policySetDefinitions"});
  add(table, "Microsoft.ResourceGraph", true,
      {"2018-09-01-preview", "2019-04-01", "2020-04-01-preview", "2021-03-01", "2022-10-01", "2024-04-01"},
      {"resources", "operations"});
  add(table, "Microsoft.Features", true, {"2014-08-01-preview", "2015-12-01", "2021-07-01"},
      {"features", "featureProviders"});
  add(table, "Microsoft.Insights", true, kInsightsVersions,
      {"eventtypes", "eventCategories", "metrics", "metricDefinitions", "diagnosticSettings", "actionGroups",
       "activityLogAlerts", "metricAlerts", "autoscalesettings", "dataCollectionRules"});
  add(table, "Microsoft.ResourceHealth", true, kHealthVersions, {"availabilityStatuses", "events"});
  add(table, "Microsoft.ManagedIdentity", true, kIdentityVersions, {"userAssignedIdentities", "identities"});
}

std::vector<ApiVersions> make_table() {
  std::vector<ApiVersions> table = {
      {"Microsoft.RecoveryServices/vaults", true, kVaultVersions},
      {"Microsoft.RecoveryServices/vaults/backup", true, kBackupVersions},
      {"Microsoft.RecoveryServices/vaults/backupAndSecondary", true,
       both(kBackupVersions, kSecondaryVersions)},
      {"Microsoft.RecoveryServices/locations/secondary", true, kSecondaryVersions},
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
  };
  add_compute(table);
  add_network(table);
  add_resources(table);
  // Lists of operations have the versions of their provider; any will do here.
  Versions any;
  for (const auto& entry : table) any = both(any, entry.versions);
  table.push_back({"Microsoft.Resources/operations", false, any});
  return table;
}

}  // namespace

const std::vector<ApiVersions>& all_versions() {
  static const std::vector<ApiVersions> kTable = make_table();
  return kTable;
}

}  // namespace azlin::simulator
