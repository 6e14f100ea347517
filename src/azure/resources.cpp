#include "azlin/azure/resources.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/arm/client.hpp"
#include "azlin/core/names.hpp"
#include "azure/json_fields.hpp"
#include "azure/versions.hpp"

namespace azlin::azure {

using nlohmann::json;

namespace {

arm::Call tags_call(const std::string& method, const std::string& resource_id) {
  arm::Call call;
  call.method = method;
  call.path = resource_id + "/providers/Microsoft.Resources/tags/default";
  call.api_version = kResourcesVersion;
  call.repeatable = http::Repeatable::yes;
  return call;
}

void patch_tags(arm::ArmClient& arm, const std::string& resource_id, const char* operation, const Tags& tags,
                std::stop_token stop) {
  arm::Call call = tags_call("PATCH", resource_id);
  call.body = json{{"operation", operation}, {"properties", {{"tags", tags}}}}.dump();
  arm.run(call, stop);
}

std::string group_path(const std::string& subscription, const std::string& name) {
  return "/subscriptions/" + subscription + "/resourceGroups/" + name;
}

ResourceGroup parse_group(const json& body) {
  return {text(body, "id"), text(body, "name"), text(body, "location"), tags_of(body)};
}

std::vector<std::string> find_ids(arm::ArmClient& arm, const std::string& subscription,
                                  const std::string& type, const std::string& filter, std::stop_token stop) {
  arm::Call call;
  call.path = "/subscriptions/" + subscription + "/resources";
  call.api_version = kResourcesVersion;
  call.query = {{"$filter", filter}};
  std::vector<std::string> ids;
  arm.list(
      call,
      [&](json&& item) {
        if (core::equal_ignoring_case(text(item, "type"), type)) ids.push_back(text(item, "id"));
        return true;
      },
      stop);
  return ids;
}

}  // namespace

Tags get_tags(arm::ArmClient& arm, const std::string& resource_id, std::stop_token stop) {
  const json body = arm.send(tags_call("GET", resource_id), stop).json();
  const json& properties = member(body, "properties");
  if (!member(properties, "tags").is_object())
    throw_unreadable(body, "it has no tags, not even an empty list of them");
  return tags_of(properties);
}

void merge_tags(arm::ArmClient& arm, const std::string& resource_id, const Tags& tags, std::stop_token stop) {
  patch_tags(arm, resource_id, "Merge", tags, stop);
}

void remove_tags(arm::ArmClient& arm, const std::string& resource_id, const Tags& tags,
                 std::stop_token stop) {
  patch_tags(arm, resource_id, "Delete", tags, stop);
}

std::vector<std::string> find_by_name(arm::ArmClient& arm, const std::string& subscription,
                                      const std::string& type, const std::string& name,
                                      std::stop_token stop) {
  return find_ids(arm, subscription, type,
                  fmt::format("resourceType eq {} and name eq {}", quoted(type), quoted(name)), stop);
}

void list_resources(arm::ArmClient& arm, const std::string& subscription,
                    const std::function<void(const ListedResource&)>& visit, std::stop_token stop) {
  arm::Call call;
  call.path = "/subscriptions/" + subscription + "/resources";
  call.api_version = kResourcesVersion;
  arm.list(
      call,
      [&](json&& item) {
        visit({text(item, "id"), text(item, "type"), text(item, "name"), tags_of(item)});
        return true;
      },
      stop);
}

std::vector<std::string> list_regions(arm::ArmClient& arm, const std::string& subscription,
                                      std::stop_token stop) {
  arm::Call call;
  call.path = "/subscriptions/" + subscription + "/locations";
  call.api_version = kSubscriptionsVersion;
  std::vector<std::string> names;
  arm.list(
      call,
      [&](json&& item) {
        names.push_back(text(item, "name"));
        return true;
      },
      stop);
  return names;
}

std::optional<ResourceGroup> find_resource_group(arm::ArmClient& arm, const std::string& subscription,
                                                 const std::string& name, std::stop_token stop) {
  arm::Call call;
  call.path = group_path(subscription, name);
  call.api_version = kResourcesVersion;
  try {
    return parse_group(arm.send(call, stop).json());
  } catch (const arm::ArmError& error) {
    if (error.status() == 404) return std::nullopt;
    throw;
  }
}

ResourceGroup ensure_resource_group(arm::ArmClient& arm, const std::string& subscription,
                                    const std::string& name, const std::string& location, const Tags& tags,
                                    std::stop_token stop) {
  if (auto found = find_resource_group(arm, subscription, name, stop)) return *found;
  arm::Call call;
  call.method = "PUT";
  call.path = group_path(subscription, name);
  call.api_version = kResourcesVersion;
  call.body = json{{"location", location}, {"tags", tags}}.dump();
  return parse_group(arm.run(call, stop));
}

void delete_resource_group(arm::ArmClient& arm, const std::string& subscription, const std::string& name,
                           std::stop_token stop) {
  arm::Call call;
  call.method = "DELETE";
  call.path = group_path(subscription, name);
  call.api_version = kResourcesVersion;
  try {
    arm.run(call, stop);
  } catch (const arm::ArmError& error) {
    if (error.status() != 404) throw;
  }
}

}  // namespace azlin::azure
