#pragma once
// What an ARM path names: a scope, a resource and the permission that a request on it needs.
#include <string>
#include <vector>

namespace azlin::simulator {

struct Target {
  std::string subscription;  // as sent; empty above subscriptions
  std::string group;         // as sent; empty when there is none
  std::string space;         // "Microsoft.Compute"; of the last `providers` segment
  std::string type;  // "Microsoft.Compute/restorePointCollections/restorePoints"; a group's or subscription's
                     // is "Microsoft.Resources/subscriptions[/resourceGroups]"
  std::string name;  // the last name; empty for a list
  std::string id;    // path up to the last name: what locks, roles and policies are about
  std::string parent;  // the scope before the last `providers` segment: the group, or the extended resource
  std::string verb;    // a POST's action ("beginGetAccess"), or what follows the last name of a GET
  std::string action;  // "Microsoft.Compute/snapshots/write"
};

// `segments` are decoded. `method` is upper case.
Target parse_target(const std::string& method, const std::vector<std::string>& segments);

}  // namespace azlin::simulator
