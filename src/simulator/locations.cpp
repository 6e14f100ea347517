#include "simulator/locations.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "simulator/message.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

const std::vector<Location>& locations() {
  static const std::vector<Location> table = {
      {"eastus", "East US", "US", "westus", true},
      {"eastus2", "East US 2", "US", "centralus", true},
      {"centralus", "Central US", "US", "eastus2", true},
      {"northcentralus", "North Central US", "US", "southcentralus", false},
      {"southcentralus", "South Central US", "US", "northcentralus", true},
      {"westcentralus", "West Central US", "US", "westus2", false},
      {"westus", "West US", "US", "eastus", false},
      {"westus2", "West US 2", "US", "westcentralus", true},
      {"westus3", "West US 3", "US", "eastus", true},
      {"canadacentral", "Canada Central", "Canada", "canadaeast", true},
      {"canadaeast", "Canada East", "Canada", "canadacentral", false},
      {"brazilsouth", "Brazil South", "South America", "southcentralus", true},
      {"northeurope", "North Europe", "Europe", "westeurope", true},
      {"westeurope", "West Europe", "Europe", "northeurope", true},
      {"francecentral", "France Central", "Europe", "francesouth", true},
      {"germanywestcentral", "Germany West Central", "Europe", "germanynorth", true},
      {"norwayeast", "Norway East", "Europe", "norwaywest", true},
      {"swedencentral", "Sweden Central", "Europe", "swedensouth", true},
      {"switzerlandnorth", "Switzerland North", "Europe", "switzerlandwest", true},
      {"uksouth", "UK South", "UK", "ukwest", true},
      {"ukwest", "UK West", "UK", "uksouth", false},
      {"uaenorth", "UAE North", "Middle East", "uaecentral", true},
      {"southafricanorth", "South Africa North", "Africa", "southafricawest", true},
      {"centralindia", "Central India", "Asia Pacific", "southindia", true},
      {"southindia", "South India", "Asia Pacific", "centralindia", false},
      {"eastasia", "East Asia", "Asia Pacific", "southeastasia", true},
      {"southeastasia", "Southeast Asia", "Asia Pacific", "eastasia", true},
      {"japaneast", "Japan East", "Asia Pacific", "japanwest", true},
      {"japanwest", "Japan West", "Asia Pacific", "japaneast", false},
      {"koreacentral", "Korea Central", "Asia Pacific", "koreasouth", true},
      {"australiaeast", "Australia East", "Asia Pacific", "australiasoutheast", true},
      {"australiasoutheast", "Australia Southeast", "Asia Pacific", "australiaeast", false},
  };
  return table;
}

const std::vector<std::string>& location_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& location : locations()) all.push_back(location.name);
    return all;
  }();
  return names;
}

const Location* find_location(std::string_view text) {
  std::string name = lower(text);
  std::erase(name, ' ');
  for (const auto& location : locations()) {
    if (location.name == name) return &location;
  }
  return nullptr;
}

std::string check_location(std::string_view text, std::string_view type) {
  if (text.empty())
    throw ApiError(400, "LocationRequired", "The location property is required for this definition.");
  const Location* location = find_location(text);
  if (location == nullptr)
    throw ApiError(
        400, "LocationNotAvailableForResourceType",
        fmt::format("The provided location '{}' is not available for resource type '{}'. List of available "
                    "regions for the resource type is '{}'.",
                    text, type, fmt::join(location_names(), ",")));
  return location->name;
}

}  // namespace azlin::simulator
