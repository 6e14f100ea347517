#include "azlin/azure/capacity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "azlin/arm/client.hpp"
#include "azlin/core/names.hpp"
#include "azure/json_fields.hpp"
#include "azure/versions.hpp"

namespace azlin::azure {

using nlohmann::json;

namespace {

constexpr const char* kSkusVersion = "2021-07-01";

std::vector<std::string> split(const std::string& value) {
  std::vector<std::string> parts;
  std::istringstream stream(value);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

void read_capability(const std::string& name, const std::string& value, VmSize& size) {
  if (name == "vCPUs") size.vcpus = std::atoi(value.c_str());
  if (name == "MemoryGB") size.memory_gb = std::atof(value.c_str());
  if (name == "MaxDataDiskCount") size.max_data_disks = std::atoi(value.c_str());
  if (name == "PremiumIO") size.premium = core::equal_ignoring_case(value, "True");
  if (name == "HyperVGenerations") size.generations = split(value);
  if (name == "CpuArchitectureType") size.architecture = value;
  if (name == "DiskControllerTypes") size.controllers = split(value);
}

void read_restriction(const json& restriction, VmSize& size) {
  if (text(restriction, "type") == "Location") {
    size.blocked = true;
    size.blocked_reason = text(restriction, "reasonCode");
    return;
  }
  for (auto& zone : texts(member(restriction, "restrictionInfo"), "zones"))
    size.blocked_zones.push_back(std::move(zone));
}

VmSize parse_size(const json& item, const std::string& region) {
  VmSize size;
  size.name = text(item, "name");
  size.family = text(item, "family");
  for (const json& capability : list(item, "capabilities")) {
    read_capability(text(capability, "name"), text(capability, "value"), size);
  }
  for (const json& info : list(item, "locationInfo")) {
    if (!core::equal_ignoring_case(text(info, "location"), region)) continue;
    for (auto& zone : texts(info, "zones")) size.zones.push_back(std::move(zone));
  }
  for (const json& restriction : list(item, "restrictions")) read_restriction(restriction, size);
  return size;
}

bool contains(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

arm::Call skus_call(const std::string& subscription, const std::string& region) {
  arm::Call call;
  call.path = "/subscriptions/" + subscription + "/providers/Microsoft.Compute/skus";
  call.api_version = kSkusVersion;
  call.query = {{"$filter", fmt::format("location eq '{}'", region)}};
  return call;
}

}  // namespace

std::vector<VmSize> list_vm_sizes(arm::ArmClient& arm, const std::string& subscription,
                                  const std::string& region, std::stop_token stop) {
  std::vector<VmSize> sizes;
  const auto call = skus_call(subscription, region);
  arm.list(
      call,
      [&](json&& item) {
        if (text(item, "resourceType") == "virtualMachines") sizes.push_back(parse_size(item, region));
        return true;
      },
      stop);
  return sizes;
}

std::vector<std::string> list_disk_skus(arm::ArmClient& arm, const std::string& subscription,
                                        const std::string& region, std::stop_token stop) {
  std::vector<std::string> names;
  const auto call = skus_call(subscription, region);
  arm.list(
      call,
      [&](json&& item) {
        const bool blocked =
            std::any_of(member(item, "restrictions").begin(), member(item, "restrictions").end(),
                        [](const json& restriction) { return text(restriction, "type") == "Location"; });
        if (text(item, "resourceType") == "disks" && !blocked && !contains(names, text(item, "name")))
          names.push_back(text(item, "name"));
        return true;
      },
      stop);
  return names;
}

std::vector<Quota> list_quotas(arm::ArmClient& arm, const std::string& subscription,
                               const std::string& region, std::stop_token stop) {
  std::vector<Quota> quotas;
  arm::Call call;
  call.path =
      "/subscriptions/" + subscription + "/providers/Microsoft.Compute/locations/" + region + "/usages";
  call.api_version = kVmVersion;
  arm.list(
      call,
      [&](json&& item) {
        quotas.push_back({text(member(item, "name"), "value"), static_cast<int>(number(item, "currentValue")),
                          static_cast<int>(number(item, "limit"))});
        return true;
      },
      stop);
  return quotas;
}

std::string why_not(const VmSize& size, const std::optional<std::string>& zone,
                    const std::vector<Quota>& quotas) {
  if (size.blocked) return fmt::format("{} is restricted in the region ({})", size.name, size.blocked_reason);
  if (zone && !contains(size.zones, *zone))
    return fmt::format("{} is not offered in zone {}", size.name, *zone);
  if (zone && contains(size.blocked_zones, *zone))
    return fmt::format("{} is restricted in zone {}", size.name, *zone);
  for (const auto& quota : quotas) {
    const bool counts = quota.name == "cores" || core::equal_ignoring_case(quota.name, size.family);
    if (counts && quota.used + size.vcpus > quota.limit) {
      return fmt::format("quota {}: {} of {} used, {} needs {} more", quota.name, quota.used, quota.limit,
                         size.name, size.vcpus);
    }
  }
  return {};
}

}  // namespace azlin::azure
