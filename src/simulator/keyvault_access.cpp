// Access policies of a vault: added, replaced and removed one by one. They are kept, not enforced: grants
// are. Source: REST reference, Vaults - Update Access Policy.
#include <fmt/format.h>

#include <set>

#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kKinds[] = {"keys", "secrets", "certificates", "storage"};
constexpr std::size_t kMostPolicies = 1'024;

std::string owner(const Json& policy) {
  return lower(text_at(policy, "/tenantId") + "/" + text_at(policy, "/objectId") + "/" +
               text_at(policy, "/applicationId"));
}

void check(const Json& policy) {
  for (const char* member : {"tenantId", "objectId"})
    if (text_at(policy, std::string("/") + member).empty())
      throw ApiError(400, "BadRequest",
                     fmt::format("The parameter accessPolicies.{} is not specified.", member));
  if (!policy.value("permissions", Json()).is_object())
    throw ApiError(400, "BadRequest", "The parameter accessPolicies.permissions is not specified.");
}

std::set<std::string> permissions(const Json& policy, const char* kind) {
  std::set<std::string> out;
  for (const auto& one : policy["permissions"].value(kind, Json::array()))
    if (one.is_string()) out.insert(lower(one.get<std::string>()));
  return out;
}

// What `policy` has with those of `more` added or taken away; whether anything is left.
bool change(Json& policy, const Json& more, bool add) {
  bool left = false;
  for (const char* kind : kKinds) {
    auto held = permissions(policy, kind);
    for (const auto& one : permissions(more, kind)) add ? (void)held.insert(one) : (void)held.erase(one);
    if (held.empty() && !policy["permissions"].contains(kind)) continue;
    policy["permissions"][kind] = held;
    left = left || !held.empty();
  }
  return left;
}

void update(Json& policies, const std::string& operation, const Json& wanted) {
  for (auto policy = policies.begin(); policy != policies.end(); ++policy) {
    if (owner(*policy) != owner(wanted)) continue;
    if (operation == "replace") {
      *policy = wanted;
    } else if (!change(*policy, wanted, operation == "add")) {
      policies.erase(policy);
    }
    return;
  }
  if (operation != "remove") policies.push_back(wanted);
}

Reply update_access(Context& context, Request& request) {
  const std::string id =
      fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                  request.param("rg"), kVaultType, request.param("vault"));
  Resource vault = require(context, id);
  const std::string operation =
      enum_value(request.param("operation"), {"add", "replace", "remove"}, "operationKind");
  const Json wanted = request.object().value("/properties/accessPolicies"_json_pointer, Json());
  if (!wanted.is_array() || wanted.empty())
    throw ApiError(400, "BadRequest", "The parameter accessPolicies is not specified.");
  Json policies = vault.body["properties"].value("accessPolicies", Json::array());
  for (const auto& policy : wanted) {
    check(policy);
    update(policies, operation, policy);
  }
  if (policies.size() > kMostPolicies)
    throw ApiError(400, "BadRequest", "A vault has at most 1024 access policies.");
  vault.body["properties"]["accessPolicies"] = policies;
  context.save(vault);
  return Reply::json(200, {{"id", vault.id + "/accessPolicies/"},
                           {"type", "Microsoft.KeyVault/vaults/accessPolicies"},
                           {"location", vault.location},
                           {"properties", {{"accessPolicies", policies}}}});
}

}  // namespace

void register_access_policies(Router& router, Context& context) {
  router.arm("PUT", group_path(kVaultType) + "/{vault}/accessPolicies/{operation}", kVaultType,
             [&context](Request& request) { return update_access(context, request); });
}

}  // namespace azlin::simulator
