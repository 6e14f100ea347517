#include "simulator/subscriptions.hpp"

#include "simulator/locations.hpp"
#include "simulator/providers.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kType = "Microsoft.Resources/subscriptions";

Json body_of(const Subscription& subscription) {
  return {{"id", "/subscriptions/" + subscription.id},
          {"authorizationSource", "RoleBased"},
          {"managedByTenants", Json::array()},
          {"subscriptionId", subscription.id},
          {"tenantId", kTenant},
          {"displayName", subscription.name},
          {"state", "Enabled"},
          {"subscriptionPolicies",
           {{"locationPlacementId", "Public_2014-09-01"},
            {"quotaId", "PayAsYouGo_2014-09-01"},
            {"spendingLimit", "Off"}}}};
}

Reply get_subscription(Context& context, const Request& request) {
  for (const auto& subscription : list_subscriptions(context.state)) {
    if (same(subscription.id, request.param("sub"))) return Reply::json(200, body_of(subscription));
  }
  throw ApiError(404, "SubscriptionNotFound",
                 "The subscription '" + request.param("sub") + "' could not be found.");
}

Reply list_all(Context& context) {
  Json value = Json::array();
  for (const auto& subscription : list_subscriptions(context.state)) value.push_back(body_of(subscription));
  const Json count = {{"type", "Total"}, {"value", value.size()}};
  return Reply::json(200, {{"value", value}, {"count", count}});
}

Reply list_tenants() {
  return Reply::json(200, {{"value",
                            {{{"id", std::string("/tenants/") + kTenant},
                              {"tenantId", kTenant},
                              {"countryCode", "US"},
                              {"displayName", "Simulated Azure"},
                              {"domains", {"simulator.invalid"}},
                              {"defaultDomain", "simulator.invalid"},
                              {"tenantCategory", "Home"},
                              {"tenantType", "AAD"}}}}});
}

Reply list_locations(const Request& request) {
  Json value = Json::array();
  const std::string prefix = "/subscriptions/" + request.param("sub") + "/locations/";
  for (const auto& location : locations()) {
    Json metadata = {{"regionType", "Physical"},
                     {"regionCategory", "Recommended"},
                     {"geographyGroup", location.geography}};
    metadata["pairedRegion"] = Json::array();
    if (!location.paired.empty())
      metadata["pairedRegion"].push_back({{"name", location.paired}, {"id", prefix + location.paired}});
    Json item = {{"id", prefix + location.name},
                 {"name", location.name},
                 {"type", "Region"},
                 {"displayName", location.display},
                 {"regionalDisplayName", "(" + location.geography + ") " + location.display},
                 {"metadata", metadata}};
    if (location.zones) {
      item["availabilityZoneMappings"] = Json::array();
      for (const char* zone : {"1", "2", "3"})
        item["availabilityZoneMappings"].push_back(
            {{"logicalZone", zone}, {"physicalZone", location.name + "-az" + zone}});
    }
    value.push_back(item);
  }
  return Reply::json(200, {{"value", value}});
}

}  // namespace

std::vector<Subscription> list_subscriptions(State& state) {
  const auto saved = state.meta("subscriptions");
  if (!saved) return {{kSampleSubscription, "Simulated subscription"}};
  std::vector<Subscription> all;
  for (const auto& item : Json::parse(*saved)) all.push_back({item.at("id"), item.at("name")});
  return all;
}

void add_subscription(State& state, const Subscription& subscription) {
  Json all = Json::array();
  for (const auto& known : list_subscriptions(state)) {
    if (!same(known.id, subscription.id)) all.push_back({{"id", known.id}, {"name", known.name}});
  }
  all.push_back({{"id", lower(subscription.id)}, {"name", subscription.name}});
  state.set_meta("subscriptions", all.dump());
}

bool subscription_exists(State& state, const std::string& id) {
  for (const auto& subscription : list_subscriptions(state)) {
    if (same(subscription.id, id)) return true;
  }
  return false;
}

void register_subscriptions(Router& router, Context& context) {
  router.arm("GET", "/subscriptions", kType, [&context](Request&) { return list_all(context); });
  router.arm("GET", "/subscriptions/{sub}", kType,
             [&context](Request& request) { return get_subscription(context, request); });
  router.arm("GET", "/subscriptions/{sub}/locations", kType,
             [](Request& request) { return list_locations(request); });
  router.arm("GET", "/tenants", kType, [](Request&) { return list_tenants(); });
}

}  // namespace azlin::simulator
