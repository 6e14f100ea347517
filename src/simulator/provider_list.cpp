// What the cloud offers: providers with their types and api-versions, zones, reserved names.
#include <fmt/format.h>

#include "simulator/api_versions.hpp"
#include "simulator/json_util.hpp"
#include "simulator/known_types.hpp"
#include "simulator/locations.hpp"
#include "simulator/providers.hpp"
#include "simulator/subscriptions.hpp"
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

// `subscription` empty: as the tenant sees it. nullopt: no type of this namespace is simulated.
std::optional<Json> provider_body(const std::string& subscription, const std::string& space) {
  Json body;
  for (const auto& entry : all_versions()) {
    const std::string name = entry.key.substr(0, entry.key.find('/'));
    if (!same(name, space)) continue;
    if (body.is_null()) body = {{"namespace", name}, {"resourceTypes", Json::array()}};
    body["resourceTypes"].push_back(type_body(entry));
  }
  for (const auto& known : known_spaces()) {
    if (!same(known.name, space)) continue;
    if (body.is_null()) body = {{"namespace", known.name}, {"resourceTypes", Json::array()}};
    for (const char* type : known.types)
      body["resourceTypes"].push_back(
          type_body({std::string(known.name) + "/" + type, true, find_versions(known.versions)->versions}));
  }
  if (body.is_null()) return std::nullopt;
  const auto name = body["namespace"].get<std::string>();
  body["id"] = subscription.empty() ? "/providers/" + name
                                    : fmt::format("/subscriptions/{}/providers/{}", subscription, name);
  if (subscription.empty()) return body;
  body["registrationPolicy"] = "RegistrationRequired";
  body["registrationState"] = "Registered";
  return body;
}

Json require_provider(const std::string& subscription, const std::string& space) {
  auto body = provider_body(subscription, space);
  if (body) return std::move(*body);
  throw ApiError(404, "InvalidResourceNamespace",
                 fmt::format("The resource namespace '{}' is invalid.", space));
}

Json all_providers(const std::string& subscription) {
  std::vector<std::string> spaces;
  for (const auto& entry : all_versions()) {
    const std::string space = entry.key.substr(0, entry.key.find('/'));
    if (std::find(spaces.begin(), spaces.end(), space) == spaces.end()) spaces.push_back(space);
  }
  Json value = Json::array();
  for (const auto& space : spaces) value.push_back(*provider_body(subscription, space));
  return {{"value", value}};
}

Reply list_types(const Request& request) {
  return Reply::json(
      200, {{"value", require_provider(request.param("sub"), request.param("space"))["resourceTypes"]}});
}

// Every subscription sees the zones of a region by the same numbers here.
Reply check_zone_peers(Context& context, const Request& request) {
  const auto location = check_location(text_at(request.object(), "/location"), "locations");
  Json zones = Json::array();
  if (find_location(location)->zones)
    for (const char* zone : {"1", "2", "3"}) {
      Json peers = Json::array();
      for (const auto& id : request.json.value("subscriptionIds", Json::array())) {
        const auto subscription = last_segment(id.get<std::string>());
        if (!subscription_exists(context.state, subscription))
          throw ApiError(404, "SubscriptionNotFound",
                         fmt::format("The subscription '{}' could not be found.", subscription));
        peers.push_back({{"subscriptionId", subscription}, {"availabilityZone", zone}});
      }
      zones.push_back({{"availabilityZone", zone}, {"peers", peers}});
    }
  return Reply::json(
      200,
      {{"subscriptionId", request.param("sub")}, {"location", location}, {"availabilityZonePeers", zones}});
}

// "Reserved words and trademarks":
// https://learn.microsoft.com/azure/azure-resource-manager/templates/error-reserved-resource-name
Reply check_resource_name(const Request& request) {
  const auto name = text_at(request.object(), "/name"), type = text_at(request.json, "/type");
  for (const auto& [field, value] : {std::pair{"name", name}, {"type", type}})
    if (value.empty())
      throw ApiError(
          400, "InvalidRequestContent",
          fmt::format("The request content was invalid and could not be deserialized: '{} is required.'.",
                      field));
  bool reserved = false;
  for (const char* word : {"LOGIN", "MICROSOFT", "WINDOWS", "XBOX", "AZURE", "OFFICE", "BING"})
    reserved = reserved || same(name, word) ||
               (std::string_view(word) == "MICROSOFT" && lower(name).find("microsoft") != std::string::npos);
  if (reserved)
    throw ApiError(
        400, "ReservedResourceName",
        fmt::format("The resource name '{}' or a part of the name is a trademarked or reserved word.", name));
  return Reply::json(200, {{"name", name}, {"type", type}, {"status", "Allowed"}});
}

// What may be done with the types of a namespace: the routes that there are.
Reply list_operations(const Router& router, const Request& request) {
  const auto space = require_provider("", request.param("space"))["namespace"].get<std::string>();
  Json value = Json::array();
  for (const auto& name : router.actions(space)) {
    const auto parts = split(name, '/');
    const std::string resource = parts.size() > 1 ? parts[1] : space;
    value.push_back({{"name", name},
                     {"isDataAction", false},
                     {"display",
                      {{"provider", space},
                       {"resource", resource},
                       {"operation", parts.back()},
                       {"description", name}}}});
  }
  return Reply::json(200, {{"value", value}});
}

void register_tenant_lists(Router& router, Context& context) {
  router.arm("GET", "/providers/{space}/operations", "Microsoft.Resources/operations",
             [&router](Request& request) { return list_operations(router, request); });
  router.arm("GET", "/providers", kVersions, [](Request&) { return Reply::json(200, all_providers("")); });
  router.arm("GET", "/providers/{space}", kVersions,
             [](Request& request) { return Reply::json(200, require_provider("", request.param("space"))); });
  router.arm("POST", "/providers/Microsoft.Resources/checkResourceName",
             "Microsoft.Resources/checkResourceName",
             [](Request& request) { return check_resource_name(request); });
  router.arm("POST", "/subscriptions/{sub}/providers/Microsoft.Resources/checkZonePeers",
             "Microsoft.Resources/subscriptions",
             [&context](Request& request) { return check_zone_peers(context, request); });
}

}  // namespace

void register_provider_list(Router& router, Context& context) {
  const std::string all = "/subscriptions/{sub}/providers", one = all + "/{space}";
  const auto get = [](Request& request) {
    return Reply::json(200, require_provider(request.param("sub"), request.param("space")));
  };
  router.arm("GET", all, kVersions,
             [](Request& request) { return Reply::json(200, all_providers(request.param("sub"))); });
  router.arm("GET", one, kVersions, get);
  router.arm("GET", one + "/resourceTypes", kVersions, [](Request& request) { return list_types(request); });
  // All are registered from the start.
  router.arm("POST", one + "/register", kVersions, get);
  router.arm("POST", one + "/unregister", kVersions, [](Request& request) -> Reply {
    require_provider(request.param("sub"), request.param("space"));
    throw ApiError(409, "CannotUnregisterProvider",  // our wording; the rule is Azure's
                   fmt::format("The resource namespace '{}' has resources and cannot be unregistered.",
                               request.param("space")));
  });
  register_tenant_lists(router, context);
}

}  // namespace azlin::simulator
