#include "simulator/api_versions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "simulator/locations.hpp"
#include "simulator/message.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

const ApiVersions* find_versions(std::string_view key) {
  for (const auto& entry : all_versions()) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

void check_api_version(const std::string& api_version, std::string_view key, const std::string& location) {
  if (api_version.empty())
    throw ApiError(400, "MissingApiVersionParameter",
                   "The api-version query parameter (?api-version=) is required for all requests.");
  const ApiVersions& known = *find_versions(key);
  if (std::find(known.versions.begin(), known.versions.end(), lower(api_version)) != known.versions.end())
    return;
  if (!known.provider)
    throw ApiError(400, "InvalidApiVersionParameter",
                   fmt::format("The api-version '{}' is invalid. The supported versions are '{}'.",
                               api_version, fmt::join(known.versions, ",")));
  const std::string type = known.key.substr(known.key.find('/') + 1);
  throw ApiError(
      400, "NoRegisteredProviderFound",
      fmt::format("No registered resource provider found for location '{}' and API version '{}' for type "
                  "'{}'. The supported api-versions are '{}'. The supported locations are '{}'.",
                  location, api_version, type, fmt::join(known.versions, ", "),
                  fmt::join(location_names(), ", ")));
}

bool version_at_least(std::string_view api_version, std::string_view first) {
  return api_version.substr(0, 10) >= first.substr(0, 10);
}

}  // namespace azlin::simulator
