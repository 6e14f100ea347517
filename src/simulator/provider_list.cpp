// GET S/providers[/{namespace}]: which types there are, in which versions and regions. Clients choose their
// api-version by it.
#include <fmt/format.h>

#include "simulator/api_versions.hpp"
#include "simulator/locations.hpp"
#include "simulator/providers.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.Resources/providers";

Json type_body(const ApiVersions& entry) {
  std::vector<std::string> newest_first(entry.versions.rbegin(), entry.versions.rend());
  Json places = Json::array();
  for (const auto& location : locations()) places.push_back(location.display);
  return {{"resourceType", entry.key.substr(entry.key.find('/') + 1)},
          {"locations", places},
          {"apiVersions", newest_first},
          {"capabilities",
           "CrossResourceGroupResourceMove, CrossSubscriptionResourceMove, SupportsTags, SupportsLocation"}};
}

// nullopt: no type of this namespace is simulated.
std::optional<Json> provider_body(const std::string& subscription, const std::string& space) {
  Json body;
  for (const auto& entry : all_versions()) {
    const std::string name = entry.key.substr(0, entry.key.find('/'));
    if (!same(name, space)) continue;
    if (body.is_null())
      body = {{"id", fmt::format("/subscriptions/{}/providers/{}", subscription, name)},
              {"namespace", name},
              {"registrationPolicy", "RegistrationRequired"},
              {"registrationState", "Registered"},
              {"resourceTypes", Json::array()}};
    body["resourceTypes"].push_back(type_body(entry));
  }
  if (body.is_null()) return std::nullopt;
  return body;
}

Reply get_provider(const Request& request) {
  const auto body = provider_body(request.param("sub"), request.param("space"));
  if (!body)
    throw ApiError(404, "InvalidResourceNamespace",
                   fmt::format("The resource namespace '{}' is invalid.", request.param("space")));
  return Reply::json(200, *body);
}

Reply list_providers(const Request& request) {
  Json value = Json::array();
  std::string last;
  for (const auto& entry : all_versions()) {
    const std::string space = entry.key.substr(0, entry.key.find('/'));
    if (space != last) value.push_back(*provider_body(request.param("sub"), space));
    last = space;
  }
  return Reply::json(200, {{"value", value}});
}

}  // namespace

void register_provider_list(Router& router, Context& /*context*/) {
  router.arm("GET", "/subscriptions/{sub}/providers", kVersions,
             [](Request& request) { return list_providers(request); });
  router.arm("GET", "/subscriptions/{sub}/providers/{space}", kVersions,
             [](Request& request) { return get_provider(request); });
  // All are registered from the start.
  router.arm("POST", "/subscriptions/{sub}/providers/{space}/register", kVersions,
             [](Request& request) { return get_provider(request); });
}

}  // namespace azlin::simulator
