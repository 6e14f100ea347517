#include "azlin/azure/unused.hpp"

#include <nlohmann/json.hpp>

#include "azlin/arm/client.hpp"
#include "azlin/core/names.hpp"
#include "azure/json_fields.hpp"
#include "azure/versions.hpp"

namespace azlin::azure {

using nlohmann::json;

namespace {

constexpr const char* kNetworkVersion = "2023-09-01";

void list(arm::ArmClient& arm, const std::string& path, const char* version,
          const std::vector<std::pair<std::string, std::string>>& query, std::stop_token stop,
          const std::function<void(const json&)>& each) {
  arm::Call call;
  call.path = path;
  call.api_version = version;
  call.query = query;
  arm.list(
      call,
      [&](json&& item) {
        each(item);
        return true;
      },
      stop);
}

}  // namespace

std::vector<Nic> list_nics(arm::ArmClient& arm, const std::string& subscription, std::stop_token stop) {
  std::vector<Nic> nics;
  list(arm, "/subscriptions/" + subscription + "/providers/Microsoft.Network/networkInterfaces",
       kNetworkVersion, {}, stop, [&](const json& item) {
         const json& properties = member(item, "properties");
         Nic nic;
         nic.id = text(item, "id");
         nic.name = text(item, "name");
         nic.location = text(item, "location");
         nic.vm_id = text(member(properties, "virtualMachine"), "id");
         // One of a private endpoint or a private link is that one's.
         if (nic.vm_id.empty()) nic.vm_id = text(member(properties, "privateEndpoint"), "id");
         if (nic.vm_id.empty()) nic.vm_id = text(member(properties, "privateLinkService"), "id");
         nic.tags = tags_of(item);
         nics.push_back(std::move(nic));
       });
  return nics;
}

std::vector<PublicIp> list_public_ips(arm::ArmClient& arm, const std::string& subscription,
                                      std::stop_token stop) {
  std::vector<PublicIp> addresses;
  list(arm, "/subscriptions/" + subscription + "/providers/Microsoft.Network/publicIPAddresses",
       kNetworkVersion, {}, stop, [&](const json& item) {
         const json& properties = member(item, "properties");
         std::string used_by = text(member(properties, "ipConfiguration"), "id");
         if (used_by.empty()) used_by = text(member(properties, "natGateway"), "id");
         addresses.push_back(
             {text(item, "id"), text(item, "name"), text(item, "location"), used_by, tags_of(item)});
       });
  return addresses;
}

TimesById disk_ownership_times(arm::ArmClient& arm, const std::string& subscription, std::stop_token stop) {
  TimesById times;
  list(arm, "/subscriptions/" + subscription + "/providers/Microsoft.Compute/disks", kDiskVersion, {}, stop,
       [&](const json& item) {
         const auto at = core::parse_time(text(member(item, "properties"), "LastOwnershipUpdateTime"));
         if (at) times[core::to_lower(text(item, "id"))] = *at;
       });
  return times;
}

TimesById created_times(arm::ArmClient& arm, const std::string& subscription, const std::string& type,
                        std::stop_token stop) {
  TimesById times;
  list(arm, "/subscriptions/" + subscription + "/resources", kResourcesVersion,
       {{"$filter", "resourceType eq '" + type + "'"}, {"$expand", "createdTime"}}, stop,
       [&](const json& item) {
         const auto at = core::parse_time(text(item, "createdTime"));
         if (at) times[core::to_lower(text(item, "id"))] = *at;
       });
  return times;
}

}  // namespace azlin::azure
