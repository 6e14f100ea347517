#pragma once
// Which api-versions each resource type takes.
#include <string>
#include <string_view>
#include <vector>

namespace azlin::simulator {

struct ApiVersions {
  std::string key;  // "Microsoft.Compute/disks"
  bool provider =
      true;  // how a refusal is worded: NoRegisteredProviderFound, else InvalidApiVersionParameter
  std::vector<std::string> versions;  // oldest first
};

// nullptr: no such key. Case counts: keys are written in routes.
const ApiVersions* find_versions(std::string_view key);

// All of them, in the table's order.
const std::vector<ApiVersions>& all_versions();

// Throws ApiError 400: MissingApiVersionParameter, NoRegisteredProviderFound or InvalidApiVersionParameter.
void check_api_version(const std::string& api_version, std::string_view key, const std::string& location);

// Dates compare as text: whether `api_version` is `first` or later ("2024-03-01-preview" counts as its date).
bool version_at_least(std::string_view api_version, std::string_view first);

}  // namespace azlin::simulator
