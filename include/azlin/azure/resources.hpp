#pragma once
// What holds for every ARM resource: tags, the search by tag, resource groups.
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace azlin::arm {
class ArmClient;
}

namespace azlin::azure {

using Tags = std::map<std::string, std::string>;

// Source: Tags - Get/Update At Scope (2021-04-01). These change tags alone; other tags and the resource stay
// as they are.
Tags get_tags(arm::ArmClient& arm, const std::string& resource_id, std::stop_token stop = {});
void merge_tags(arm::ArmClient& arm, const std::string& resource_id, const Tags& tags,
                std::stop_token stop = {});
void remove_tags(arm::ArmClient& arm, const std::string& resource_id, const Tags& tags,
                 std::stop_token stop = {});

// Ids of resources of `type` that bear this name, in any group. An index: it may
// lag, so nothing is deleted on its word. Source: Resources - List (2021-04-01).
std::vector<std::string> find_by_name(arm::ArmClient& arm, const std::string& subscription,
                                      const std::string& type, const std::string& name,
                                      std::stop_token stop = {});

// Every resource of the subscription, with its tags. The same index. `visit` is called on this thread.
struct ListedResource {
  std::string id, type, name;
  Tags tags;
};
void list_resources(arm::ArmClient& arm, const std::string& subscription,
                    const std::function<void(const ListedResource&)>& visit, std::stop_token stop = {});

// Names ("westus2") of the regions that the subscription may use. Source: Subscriptions - List Locations.
std::vector<std::string> list_regions(arm::ArmClient& arm, const std::string& subscription,
                                      std::stop_token stop = {});

struct ResourceGroup {
  std::string id, name, location;
  Tags tags;
};
std::optional<ResourceGroup> find_resource_group(arm::ArmClient& arm, const std::string& subscription,
                                                 const std::string& name, std::stop_token stop = {});
// Creates it, or leaves it as it is when it exists.
ResourceGroup ensure_resource_group(arm::ArmClient& arm, const std::string& subscription,
                                    const std::string& name, const std::string& location, const Tags& tags,
                                    std::stop_token stop = {});
// Also all that is in it. A group that is not there is no error.
void delete_resource_group(arm::ArmClient& arm, const std::string& subscription, const std::string& name,
                           std::stop_token stop = {});

}  // namespace azlin::azure
