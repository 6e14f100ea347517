// Microsoft.Features: preview features of a subscription. One is known, and registered.
#include <fmt/format.h>

#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.Features/features";
constexpr const char *kSpace = "Microsoft.Compute", *kName = "EncryptionAtHost";

Json feature_body(const Request& request) {
  return {{"id", fmt::format("/subscriptions/{}/providers/Microsoft.Features/providers/{}/features/{}",
                             request.target.subscription, kSpace, kName)},
          {"name", fmt::format("{}/{}", kSpace, kName)},
          {"type", "Microsoft.Features/providers/features"},
          {"properties", {{"state", "Registered"}}}};
}

Reply list_features(const Request& request) {
  Json value = Json::array();
  if (request.params.count("space") == 0 || same(request.param("space"), kSpace))
    value.push_back(feature_body(request));
  return Reply::json(200, {{"value", value}});
}

Reply get_feature(const Request& request) {
  if (same(request.param("space"), kSpace) && same(request.param("name"), kName))
    return Reply::json(200, feature_body(request));
  throw ApiError(404, "FeatureNotFound",
                 fmt::format("The feature '{}' could not be found.", request.param("name")));
}

}  // namespace

void register_features(Router& router, Context& /*context*/) {
  const std::string base = "/subscriptions/{sub}/providers/Microsoft.Features/",
                    of_space = base + "providers/{space}/features", one = of_space + "/{name}";
  router.arm("GET", base + "features", kVersions, list_features);
  router.arm("GET", of_space, kVersions, list_features);
  router.arm("GET", one, kVersions, get_feature);
  router.arm("POST", one + "/register", kVersions, get_feature);
  router.arm("POST", one + "/unregister", kVersions, get_feature);
  const auto none = [](Request&) { return Reply::json(200, {{"value", Json::array()}}); };
  router.arm("GET", base + "subscriptionFeatureRegistrations", kVersions, none);
  router.arm("GET", base + "featureProviders/{space}/subscriptionFeatureRegistrations", kVersions, none);
}

}  // namespace azlin::simulator
