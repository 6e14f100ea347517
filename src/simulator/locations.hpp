#pragma once
// The regions of the simulated cloud.
#include <string>
#include <string_view>
#include <vector>

namespace azlin::simulator {

struct Location {
  std::string name;       // "eastus"
  std::string display;    // "East US"
  std::string geography;  // "US"
  std::string paired;     // "westus"; empty: none
  bool zones;             // has availability zones 1 to 3 (and so ZRS)
};

const std::vector<Location>& locations();
const std::vector<std::string>& location_names();
// By name or display name, ignoring case and spaces. nullptr: there is none.
const Location* find_location(std::string_view text);
// The name. Throws ApiError 400: LocationRequired for "", LocationNotAvailableForResourceType for an unknown
// one.
std::string check_location(std::string_view text, std::string_view type);

}  // namespace azlin::simulator
