// The lifecycle rules of an account's blobs: kept and checked; no blob is moved or deleted by them.
// Source: REST reference, Management Policies (2023-05-01).
#include <fmt/format.h>

#include <set>

#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/storage.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::size_t kMostRules = 100, kMostPrefixes = 10, kMostTags = 10;

[[noreturn]] void refuse(std::size_t rule, const std::string& what) {
  throw_storage_value(fmt::format("policy.rules[{}].{}", rule, what));
}

Resource account_of(Context& context, const Request& request) {
  return require(context,
                 fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                             request.param("rg"), kStorageType, request.param("account")));
}

void check_filters(std::size_t at, const Json& filters) {
  const Json types = filters.value("blobTypes", Json());
  if (!types.is_array() || types.empty()) refuse(at, "definition.filters.blobTypes");
  for (const auto& type : types)
    if (type != "blockBlob" && type != "appendBlob") refuse(at, "definition.filters.blobTypes");
  if (filters.value("prefixMatch", Json::array()).size() > kMostPrefixes)
    refuse(at, "definition.filters.prefixMatch");
  if (filters.value("blobIndexMatch", Json::array()).size() > kMostTags)
    refuse(at, "definition.filters.blobIndexMatch");
}

// One action: {"daysAfter…GreaterThan": days ≥ 0, …}. Last access needs its tracking to be on.
void check_action(std::size_t at, const std::string& where, const Json& action, bool tracked) {
  bool days = false;
  for (const auto& [name, value] : action.items()) {
    if (!name.starts_with("daysAfter") || !name.ends_with("GreaterThan") || !value.is_number() || value < 0)
      refuse(at, where + "." + name);
    if (name == "daysAfterLastAccessTimeGreaterThan" && !tracked) refuse(at, where + "." + name);
    days = days || name != "daysAfterLastTierChangeGreaterThan";
  }
  if (!days) refuse(at, where);
}

void check_actions(std::size_t at, const Json& actions, bool tracked) {
  bool any = false;
  for (const char* part : {"baseBlob", "snapshot", "version"}) {
    if (!actions.contains(part)) continue;
    for (const auto& [name, action] : actions[part].items()) {
      if (name == "enableAutoTierToHotFromCool") continue;
      if (name != "delete" && name != "tierToCool" && name != "tierToArchive" && name != "tierToCold" &&
          name != "tierToHot")
        refuse(at, fmt::format("definition.actions.{}.{}", part, name));
      if (!action.is_object()) refuse(at, fmt::format("definition.actions.{}.{}", part, name));
      check_action(at, fmt::format("definition.actions.{}.{}", part, name), action, tracked);
      any = true;
    }
  }
  if (!any) refuse(at, "definition.actions");
}

void check_rules(const Json& rules, bool tracked) {
  if (!rules.is_array() || rules.empty() || rules.size() > kMostRules) throw_storage_value("policy.rules");
  std::set<std::string> names;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string name = text_at(rules[i], "/name");
    if (name.empty() || name.size() > 256 || !names.insert(name).second) refuse(i, "name");
    if (text_at(rules[i], "/type") != "Lifecycle") refuse(i, "type");
    check_filters(i, subtree_at(rules[i], "/definition/filters"));
    const Json actions = subtree_at(rules[i], "/definition/actions");
    if (!actions.is_object()) refuse(i, "definition.actions");
    check_actions(i, actions, tracked);
  }
}

Json shown(const Resource& account) {
  return {{"id", account.id + "/managementPolicies/default"},
          {"name", "DefaultManagementPolicy"},
          {"type", "Microsoft.Storage/storageAccounts/managementPolicies"},
          {"properties", account.hidden["lifecycle"]}};
}

Reply put_policy(Context& context, Request& request) {
  Resource account = account_of(context, request);
  Json body = request.object();
  drop_nulls(body);
  const Json policy = subtree_at(body, "/properties/policy");
  if (!policy.is_object() || text_at(account.body, "/kind") == "FileStorage") throw_storage_value("policy");
  Json rules = policy.value("rules", Json());
  check_rules(rules, flag_at(account.hidden, "/blobs/lastAccessTimeTrackingPolicy/enable", false));
  for (auto& rule : rules)
    if (!rule.contains("enabled")) rule["enabled"] = true;
  account.hidden["lifecycle"] = {{"lastModifiedTime", core::to_iso8601(context.now())},
                                 {"policy", {{"rules", rules}}}};
  context.save(account);
  return Reply::json(200, shown(account));
}

}  // namespace

void register_storage_lifecycle(Router& router, Context& context) {
  const std::string one = group_path(kStorageType) + "/{account}/managementPolicies/default";
  const auto on = [&](const char* method, auto handler) {
    router.arm(method, one, kStorageType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  on("GET", [](Context& cloud, Request& request) {
    const Resource account = account_of(cloud, request);
    if (!account.hidden.contains("lifecycle"))
      throw ApiError(404, "ManagementPolicyNotFound",
                     fmt::format("No ManagementPolicy found for account {}", account.name));
    return Reply::json(200, shown(account));
  });
  on("PUT", put_policy);
  on("DELETE", [](Context& cloud, Request& request) {
    Resource account = account_of(cloud, request);
    if (account.hidden.erase("lifecycle") == 0) return Reply::empty(204);
    cloud.save(account);
    return Reply::empty(200);
  });
}

}  // namespace azlin::simulator
