// Sizes, quotas and room: skus, vmSizes, usages, and what a new VM is measured against.
#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kSkus = "Microsoft.Compute/skus";
constexpr const char* kUsages = "Microsoft.Compute/locations/usages";
constexpr const char* kVmSizes = "Microsoft.Compute/locations/vmSizes";
constexpr std::int64_t kDefaultCores = 350, kDefaultFamily = 100, kDefaultVms = 25'000;
constexpr const char* kCores = "cores";

Json settings(Context& context, const char* name) {
  const auto text = context.state.meta(name);
  return text ? Json::parse(*text) : Json::object();
}

// Cores in use in a region: of one family, or of all ("cores"). Deallocated VMs count, as on Azure.
std::int64_t used_cores(Context& context, const std::string& subscription, const std::string& location,
                        const std::string& name, std::int64_t* vms = nullptr) {
  ListFilter filter;
  filter.subscription = lower(subscription);
  filter.type = kVmType;
  std::int64_t total = 0;
  for (const auto& vm : context.state.list(filter)) {
    if (vm.location != location) continue;
    const auto* size = find_vm_size(text_at(vm.body, "/properties/hardwareProfile/vmSize"));
    if (vms != nullptr) ++*vms;
    if (size != nullptr && (name == kCores || name == size->family)) total += size->cores;
  }
  return total;
}

void check_limit(Context& context, const std::string& subscription, const std::string& location,
                 const std::string& name, const std::string& shown, int added) {
  const auto limit = quota(context, location, name), used = used_cores(context, subscription, location, name);
  if (used + added <= limit) return;
  throw ApiError(
      409, "OperationNotAllowed",
      fmt::format(
          "Operation could not be completed as it results in exceeding approved {} quota. Additional "
          "details - Deployment Model: Resource Manager, Location: {}, Current Limit: {}, Current Usage: "
          "{}, Additional Required: {}, (Minimum) New Limit Required: {}. Submit a request for Quota "
          "increase at https://aka.ms/ProdportalCRP/?#create/Microsoft.Support/Parameters/ by specifying "
          "parameters listed in the 'Details' section for deployment to succeed.",
          shown, location, limit, used, added, used + added));
}

// --- skus ---

Json capability(const char* name, const std::string& value) {
  return {{"name", name}, {"value", value}};
}
const char* yes(bool value) {
  return value ? "True" : "False";
}

Json capabilities_of(const VmSize& size) {
  Json all = {capability("MaxResourceVolumeMB", std::to_string(size.temp_disk_mb)),
              capability("OSVhdSizeMB", "1047552"),
              capability("vCPUs", std::to_string(size.cores)),
              capability("MemoryPreservingMaintenanceSupported", "True"),
              capability("HyperVGenerations", size.generations),
              capability("MemoryGB", fmt::format("{:g}", size.memory_gb)),
              capability("MaxDataDiskCount", std::to_string(size.max_data_disks)),
              capability("CpuArchitectureType", size.architecture),
              capability("LowPriorityCapable", "True"),
              capability("PremiumIO", yes(size.premium_io)),
              capability("VMDeploymentTypes", "IaaS"),
              capability("vCPUsAvailable", std::to_string(size.cores)),
              capability("UncachedDiskIOPS", std::to_string(size.uncached_iops)),
              capability("EphemeralOSDiskSupported", "False"),
              capability("EncryptionAtHostSupported", "True"),
              capability("AcceleratedNetworkingEnabled", yes(size.cores > 1)),
              capability("RdmaEnabled", "False"),
              capability("DiskControllerTypes", size.disk_controllers),
              capability("MaxNetworkInterfaces", std::to_string(size.max_nics))};
  if (!size.trusted_launch) all.push_back(capability("TrustedLaunchDisabled", "True"));
  return all;
}

Json restrictions_of(const std::string& name, const Location& location) {
  Json all = Json::array();
  for (const auto& restriction : size_restrictions()) {
    if (name != restriction.size || location.name != restriction.region) continue;
    const bool zonal = *restriction.zone != '\0';
    Json info = {{"locations", {location.name}}};
    if (zonal) info["zones"] = {restriction.zone};
    all.push_back({{"type", zonal ? "Zone" : "Location"},
                   {"values", {location.name}},
                   {"restrictionInfo", info},
                   {"reasonCode", restriction.reason}});
  }
  return all;
}

Json zones_of(const Location& location) {
  return location.zones ? Json{"1", "2", "3"} : Json::array();
}

Json vm_sku(const VmSize& size, const Location& location) {
  const std::string name = size.name, rest = name.substr(name.find('_') + 1);
  return {{"resourceType", "virtualMachines"},
          {"name", name},
          {"tier", "Standard"},
          {"size", rest},
          {"family", size.family},
          {"locations", {location.name}},
          {"locationInfo",
           {{{"location", location.name}, {"zones", zones_of(location)}, {"zoneDetails", Json::array()}}}},
          {"capabilities", capabilities_of(size)},
          {"restrictions", restrictions_of(name, location)}};
}

Json disk_sku(const char* type, const std::string& name, const Location& location) {
  return {{"resourceType", type},
          {"name", name},
          {"tier", name.substr(0, name.find('_'))},
          {"locations", {location.name}},
          {"locationInfo", {{{"location", location.name}, {"zones", zones_of(location)}}}},
          {"capabilities", Json::array()},
          {"restrictions", Json::array()}};
}

// "location eq 'westus2'", the one filter that the service takes.
std::string location_filter(const Request& request) {
  const auto filter = trim(request.query_or("$filter", ""));
  if (filter.empty()) return {};
  const auto parts = split(filter, '\'');
  if (parts.size() != 3 || !same(trim(parts[0]), "location eq") || !trim(parts[2]).empty())
    throw ApiError(400, "BadRequest", fmt::format("The filter '{}' is not supported.", filter), "$filter");
  return parts[1];
}

Reply list_skus(const Request& request) {
  const auto wanted = location_filter(request);
  Json value = Json::array();
  for (const auto& location : locations()) {
    if (!wanted.empty() && !same(location.name, wanted)) continue;
    for (const auto& size : vm_sizes()) value.push_back(vm_sku(size, location));
    for (const char* name :
         {"Standard_LRS", "StandardSSD_LRS", "Premium_LRS", "PremiumV2_LRS", "UltraSSD_LRS"})
      value.push_back(disk_sku("disks", name, location));
    if (location.zones)
      for (const char* name : {"StandardSSD_ZRS", "Premium_ZRS"})
        value.push_back(disk_sku("disks", name, location));
    for (const char* name : {"Standard_LRS", "Premium_LRS"})
      value.push_back(disk_sku("snapshots", name, location));
    if (location.zones) value.push_back(disk_sku("snapshots", "Standard_ZRS", location));
  }
  return Reply::json(200, {{"value", value}});
}

// --- usages and vmSizes ---

Json usage(const std::string& name, const std::string& display, std::int64_t used, std::int64_t limit) {
  return {{"unit", "Count"},
          {"currentValue", used},
          {"limit", limit},
          {"name", {{"value", name}, {"localizedValue", display}}}};
}

std::string known_location(const Request& request) {
  return check_location(request.param("location"), "locations");
}

std::int64_t count_skus(Context& context, const std::string& subscription, const std::string& location,
                        const char* type, const std::string& sku) {
  auto query = context.state.db().prepare(
      "SELECT count(*) FROM resources WHERE sub = ?1 AND type = ?2 AND location = ?3"
      " AND json_extract(body, '$.sku.name') = ?4");
  query.bind(1, lower(subscription)).bind(2, lower(type)).bind(3, location).bind(4, sku);
  return query.step() ? query.integer(0) : 0;
}

Reply list_usages(Context& context, const Request& request) {
  const auto location = known_location(request);
  const auto& subscription = request.target.subscription;
  std::int64_t vms = 0;
  const auto cores = used_cores(context, subscription, location, kCores, &vms);
  Json value = {usage("availabilitySets", "Availability Sets", 0, 2'500),
                usage(kCores, "Total Regional vCPUs", cores, quota(context, location, kCores)),
                usage("virtualMachines", "Virtual Machines", vms, kDefaultVms)};
  std::string last;
  for (const auto& size : vm_sizes()) {
    if (last == size.family) continue;
    last = size.family;
    value.push_back(usage(size.family, size.family_display, used_cores(context, subscription, location, last),
                          quota(context, location, last)));
  }
  const struct {
    const char *name, *display, *type, *sku;
    std::int64_t limit;
  } kStorage[] = {
      {"StandardDiskCount", "Standard Storage Managed Disks", kDiskType, "Standard_LRS", 50'000},
      {"PremiumDiskCount", "Premium Storage Managed Disks", kDiskType, "Premium_LRS", 50'000},
      {"StandardSSDDiskCount", "Standard SSD Managed Disks", kDiskType, "StandardSSD_LRS", 50'000},
      {"StandardSnapshotCount", "Standard Storage Snapshots", kSnapshotType, "Standard_LRS", 75'000},
      {"ZRSSnapshotCount", "ZRS Storage Snapshots", kSnapshotType, "Standard_ZRS", 75'000},
      {"PremiumSnapshotCount", "Premium Storage Snapshots", kSnapshotType, "Premium_LRS", 75'000}};
  for (const auto& row : kStorage)
    value.push_back(usage(row.name, row.display,
                          count_skus(context, subscription, location, row.type, row.sku), row.limit));
  return Reply::json(200, {{"value", value}});
}

Reply list_vm_sizes(const Request& request) {
  known_location(request);
  Json value = Json::array();
  for (const auto& size : vm_sizes()) value.push_back(size_body(size));
  return Reply::json(200, {{"value", value}});
}

// --- what a test may set ---

Reply put_quota(Context& context, const Request& request) {
  const auto location = check_location(text_at(request.json, "/location"), "quota");
  const auto name = text_at(request.json, "/name", kCores);
  const auto limit = number_at(request.json, "/limit", -1);
  if (limit < 0) refuse_missing("limit");
  set_quota(context, location, name, limit);
  return Reply::json(200, {{"location", location}, {"name", name}, {"limit", limit}});
}

// {"location", "zone"?, "vmSize"? (all sizes), "available": false}
Reply put_capacity(Context& context, const Request& request) {
  const auto location = check_location(text_at(request.json, "/location"), "capacity");
  auto full = settings(context, "capacity");
  const auto key = lower(
      fmt::format("{}/{}/{}", location, text_at(request.json, "/zone"), text_at(request.json, "/vmSize")));
  if (flag_at(request.json, "/available", true))
    full.erase(key);
  else
    full[key] = true;
  context.state.set_meta("capacity", full.dump());
  return Reply::json(200, full);
}

}  // namespace

Json size_body(const VmSize& size) {
  return {{"name", size.name},
          {"numberOfCores", size.cores},
          {"osDiskSizeInMB", 1'047'552},
          {"resourceDiskSizeInMB", size.temp_disk_mb},
          {"memoryInMB", static_cast<int>(size.memory_gb * 1024)},
          {"maxDataDiskCount", size.max_data_disks}};
}

bool has_capacity(Context& context, const std::string& location, const std::string& zone,
                  const std::string& size) {
  const auto full = settings(context, "capacity");
  for (const auto& where : {zone, std::string()})
    for (const auto& what : {size, std::string()})
      if (full.contains(lower(fmt::format("{}/{}/{}", location, where, what)))) return false;
  return true;
}

const VmSize& check_size(const std::string& name, const std::string& location, const std::string& zone) {
  const auto* size = find_vm_size(name);
  if (size == nullptr) {
    std::string known;
    for (const auto& one : vm_sizes()) known += (known.empty() ? "" : ",") + std::string(one.name);
    throw ApiError(
        400, "InvalidParameter",
        fmt::format(
            "The value {} provided for the VM size is not valid. The valid sizes in the current region "
            "are: {}. Find out more on the valid VM sizes in each region at https://aka.ms/azure-regions.",
            name, known),
        "vmSize");
  }
  if (!size_offered(*size, location, zone))
    throw ApiError(
        409, "SkuNotAvailable",
        fmt::format(
            "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: "
            "{}' is currently not available in location '{}'. Please try another size or deploy to a "
            "different location or different zone. See https://aka.ms/azureskunotavailable for details.",
            size->name, location));
  return *size;
}

void check_quota(Context& context, const std::string& subscription, const std::string& location,
                 const VmSize& size, int added) {
  if (added <= 0) return;
  check_limit(context, subscription, location, kCores, "Total Regional Cores", added);
  check_limit(context, subscription, location, size.family, std::string(size.family) + " Cores", added);
}

void set_quota(Context& context, const std::string& location, const std::string& name, std::int64_t limit) {
  auto all = settings(context, "quota");
  all[location][name] = limit;
  context.state.set_meta("quota", all.dump());
}

std::int64_t quota(Context& context, const std::string& location, const std::string& name) {
  return number_at(settings(context, "quota"), "/" + location + "/" + name,
                   name == kCores ? kDefaultCores : kDefaultFamily);
}

void register_capacity(Router& router, Context& context) {
  router.arm("GET", "/subscriptions/{sub}/providers/Microsoft.Compute/skus", kSkus,
             [](Request& request) { return list_skus(request); });
  router.arm("GET", "/subscriptions/{sub}/providers/Microsoft.Compute/locations/{location}/usages", kUsages,
             [&context](Request& request) { return list_usages(context, request); });
  router.arm("GET", "/subscriptions/{sub}/providers/Microsoft.Compute/locations/{location}/vmSizes", kVmSizes,
             [](Request& request) { return list_vm_sizes(request); });
  router.open("PUT", "/_simulator/quota",
              [&context](Request& request) { return put_quota(context, request); });
  router.open("PUT", "/_simulator/capacity",
              [&context](Request& request) { return put_capacity(context, request); });
}

}  // namespace azlin::simulator
