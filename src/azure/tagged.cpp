#include "azlin/azure/tagged.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/arm/client.hpp"
#include "azure/json_fields.hpp"
#include "azure/versions.hpp"

namespace azlin::azure {

using nlohmann::json;

namespace {

std::vector<TaggedResource> list_at(arm::ArmClient& arm, const std::string& path,
                                    const std::vector<std::pair<std::string, std::string>>& query,
                                    std::stop_token stop) {
  arm::Call call;
  call.path = path;
  call.api_version = kResourcesVersion;
  call.query = query;
  std::vector<TaggedResource> found;
  arm.list(
      call,
      [&](json&& item) {
        found.push_back({text(item, "id"), text(item, "type"), text(item, "location"), tags_of(item)});
        return true;
      },
      stop);
  return found;
}

}  // namespace

std::vector<TaggedResource> list_tagged(arm::ArmClient& arm, const std::string& subscription,
                                        const std::string& tag, std::stop_token stop) {
  return list_at(arm, "/subscriptions/" + subscription + "/resources",
                 {{"$filter", fmt::format("tagName eq '{}'", tag)}}, stop);
}

std::vector<TaggedResource> list_tagged(arm::ArmClient& arm, const std::string& subscription,
                                        const std::string& tag, const std::string& value,
                                        std::stop_token stop) {
  return list_at(arm, "/subscriptions/" + subscription + "/resources",
                 {{"$filter", fmt::format("tagName eq {} and tagValue eq {}", quoted(tag), quoted(value))}},
                 stop);
}

std::vector<TaggedResource> list_of_type(arm::ArmClient& arm, const std::string& subscription,
                                         const std::string& type, std::stop_token stop) {
  return list_at(arm, "/subscriptions/" + subscription + "/resources",
                 {{"$filter", "resourceType eq " + quoted(type)}}, stop);
}

std::vector<TaggedResource> list_group(arm::ArmClient& arm, const std::string& subscription,
                                       const std::string& group, std::stop_token stop) {
  try {
    return list_at(arm, "/subscriptions/" + subscription + "/resourceGroups/" + group + "/resources", {},
                   stop);
  } catch (const arm::ArmError& error) {
    if (error.status() == 404) return {};
    throw;
  }
}

std::vector<ResourceGroup> list_resource_groups(arm::ArmClient& arm, const std::string& subscription,
                                                std::stop_token stop) {
  arm::Call call;
  call.path = "/subscriptions/" + subscription + "/resourcegroups";
  call.api_version = kResourcesVersion;
  std::vector<ResourceGroup> groups;
  arm.list(
      call,
      [&](json&& item) {
        groups.push_back({text(item, "id"), text(item, "name"), text(item, "location"), tags_of(item)});
        return true;
      },
      stop);
  return groups;
}

}  // namespace azlin::azure
