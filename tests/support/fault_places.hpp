#pragma once
// Where a fault may strike, told by what is asked for. Requests run side by side, so the n-th of all is
// another one in each run; the first and the second of a method and path are the same ones.
#include <nlohmann/json.hpp>

#include <map>
#include <regex>
#include <string>
#include <utility>
#include <vector>

namespace azlin::test {

// A pattern for this path and no other; ids that are made anew in each run stand for any.
inline std::string pattern_of(const std::string& path) {
  static const std::regex special(R"([.^$|()\[\]{}*+?\\])"), made_anew("[0-9a-f]{8}[0-9a-f-]*|[0-9]{8}");
  const auto escaped = std::regex_replace(path, special, R"(\$&)");
  return "regex:^" + std::regex_replace(escaped, made_anew, "[^/?]*") + "([?]|$)";
}

// Rules for these entries of the simulator's log ("requests"), without what is to happen; sorted. Not the
// looks at operations, of which there are as many as a machine needs.
inline std::vector<nlohmann::json> fault_places(const nlohmann::json& requests) {
  std::map<std::pair<std::string, std::string>, int> seen;
  for (const auto& request : requests) {
    const std::string path = request.at("path");
    if (path.starts_with("/subscriptions/") && path.find("perations/") == std::string::npos)
      ++seen[{pattern_of(path), request.at("method")}];
  }
  std::vector<nlohmann::json> places;
  for (const auto& [request, times] : seen) {
    for (int n = 0; n < std::min(times, 2); ++n)
      places.push_back({{"method", request.second}, {"path", request.first}, {"skip", n}});
  }
  return places;
}

}  // namespace azlin::test
