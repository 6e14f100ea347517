#pragma once
// Resources of any type, found by a tag or by their group.
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/azure/resources.hpp"

namespace azlin::azure {

struct TaggedResource {
  std::string id, type, location;
  Tags tags;
};

// Those of the subscription that have the tag, whatever its value, or with that value. An index: it may lag
// and it may still list what is gone, so each is read again before anything is done to it; and Azure leaves
// `tags` out of what a tag filter finds. Source: Resources - List with a tag filter (2021-04-01).
std::vector<TaggedResource> list_tagged(arm::ArmClient& arm, const std::string& subscription,
                                        const std::string& tag, std::stop_token stop = {});
std::vector<TaggedResource> list_tagged(arm::ArmClient& arm, const std::string& subscription,
                                        const std::string& tag, const std::string& value,
                                        std::stop_token stop = {});
// All of a type ("Microsoft.Compute/snapshots") in the subscription, with their tags; the same index.
std::vector<TaggedResource> list_of_type(arm::ArmClient& arm, const std::string& subscription,
                                         const std::string& type, std::stop_token stop = {});
// What is in a group; the same index. A group that is not there has nothing in it.
std::vector<TaggedResource> list_group(arm::ArmClient& arm, const std::string& subscription,
                                       const std::string& group, std::stop_token stop = {});
// Source: Resource Groups - List (2021-04-01).
std::vector<ResourceGroup> list_resource_groups(arm::ArmClient& arm, const std::string& subscription,
                                                std::stop_token stop = {});

}  // namespace azlin::azure
