#include "simulator/access.hpp"

#include <fmt/format.h>

#include "simulator/state.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

bool covers(const std::string& scope, const std::string& id) {
  std::string above = lower(scope);
  while (above.ends_with('/')) above.pop_back();
  const std::string below = lower(id);
  return above.empty() || below == above || below.starts_with(above + "/");
}

bool any_match(const std::vector<std::string>& patterns, const std::string& action) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const auto& pattern) { return glob_match(pattern, action); });
}

std::string describe(const char* principal_kind, const std::string& principal) {
  return fmt::format("The {} '{}' with object id '{}'", principal_kind, principal, principal);
}

bool policy_applies(const Json& policy, const Request& request) {
  return !policy.contains("type") || same(policy["type"].get<std::string>(), request.target.type);
}

bool policy_broken(const Json& policy, const Json& body) {
  if (policy.contains("requiredTag")) {
    bool found = false;
    const Json tags = body.value("tags", Json::object());
    for (const auto& [name, value] : tags.items())
      found = found || same(name, policy["requiredTag"].get<std::string>());
    if (!found) return true;
  }
  if (policy.contains("locations")) {
    const std::string location = body.value("location", "");
    for (const auto& allowed : policy["locations"]) {
      if (same(allowed.get<std::string>(), location)) return false;
    }
    return !location.empty();
  }
  return !policy.contains("requiredTag");
}

[[noreturn]] void throw_disallowed(const Json& policy, const Request& request) {
  const std::string name = policy.value("name", "policy");
  const std::string assignment =
      fmt::format("/subscriptions/{}/providers/Microsoft.Authorization/policyAssignments/{}",
                  request.target.subscription, name);
  ApiError error(403, "RequestDisallowedByPolicy",
                 fmt::format("Resource '{}' was disallowed by policy. Policy identifiers: "
                             "'[{{\"policyAssignment\":{{\"name\":\"{}\",\"id\":\"{}\"}}}}]'.",
                             request.target.name, name, assignment),
                 request.target.name);
  error.additional_info = Json::array({{{"type", "PolicyViolation"},
                                        {"info",
                                         {{"policyAssignmentId", assignment},
                                          {"policyAssignmentName", name},
                                          {"policyDefinitionEffect", "deny"}}}}});
  throw error;
}

}  // namespace

void to_json(Json& json, const Grant& grant) {
  json = {{"principal", grant.principal},
          {"scope", grant.scope},
          {"actions", grant.actions},
          {"notActions", grant.not_actions}};
  if (!grant.assignment.empty()) json["assignment"] = grant.assignment;
}

void from_json(const Json& json, Grant& grant) {
  grant.principal = json.value("principal", "*");
  grant.scope = json.value("scope", "/");
  grant.actions = json.value("actions", std::vector<std::string>{"*"});
  grant.not_actions = json.value("notActions", std::vector<std::string>{});
  grant.assignment = json.value("assignment", "");
}

const std::vector<Grant>& Access::grants() {
  if (loaded_) return grants_;
  const auto saved = state_.meta("grants");
  grants_ =
      saved ? Json::parse(*saved).get<std::vector<Grant>>() : std::vector<Grant>{{"*", "/", {"*"}, {}, ""}};
  loaded_ = true;
  return grants_;
}

void Access::set_grants(const std::vector<Grant>& grants) {
  state_.set_meta("grants", Json(grants).dump());
  forget();
}

void Access::add_grant(const Grant& grant) {
  auto all = grants();
  all.push_back(grant);
  set_grants(all);
}

void Access::remove_grant(const std::string& assignment) {
  auto all = grants();
  std::erase_if(all, [&](const Grant& grant) { return grant.assignment == assignment; });
  set_grants(all);
}

std::vector<Grant> Access::grants_at(const std::string& principal, const std::string& scope) {
  std::vector<Grant> found;
  for (const auto& grant : grants()) {
    if ((grant.principal == "*" || same(grant.principal, principal)) && covers(grant.scope, scope))
      found.push_back(grant);
  }
  return found;
}

bool Access::allows(const std::string& principal, const std::string& action, const std::string& scope) {
  for (const auto& grant : grants_at(principal, scope)) {
    if (any_match(grant.actions, action) && !any_match(grant.not_actions, action)) return true;
  }
  return false;
}

void Access::check(const std::string& principal, const std::string& action, const std::string& scope) {
  // Lists at the top show what the caller may see; asking needs no permission.
  if (scope.empty() || same(action, "Microsoft.Authorization/permissions/read") ||
      allows(principal, action, scope))
    return;
  throw ApiError(
      403, "AuthorizationFailed",
      fmt::format("{} does not have authorization to perform action '{}' over scope '{}' or the scope is "
                  "invalid. If access was recently granted, please refresh your credentials.",
                  describe("client", principal), action, scope));
}

void Access::check_linked(const Request& request, const std::string& linked_action,
                          const std::string& linked_scope) {
  if (allows(request.principal, linked_action, linked_scope)) return;
  throw ApiError(
      403, "LinkedAuthorizationFailed",
      fmt::format(
          "{} has permission to perform action '{}' on scope '{}'; however, it does not have permission "
          "to perform action(s) '{}' on the linked scope(s) '{}' or the linked scope(s) are invalid.",
          describe("client", request.principal), request.target.action, request.target.id, linked_action,
          linked_scope));
}

Json Access::policies() {
  return Json::parse(state_.meta("policies").value_or("[]"));
}

void Access::set_policies(const Json& policies) {
  state_.set_meta("policies", policies.dump());
}

void Access::check_policies(const Request& request) {
  if (request.method != "PUT" || !request.json.is_object()) return;
  for (const auto& policy : policies()) {
    if (policy_applies(policy, request) && policy_broken(policy, request.json))
      throw_disallowed(policy, request);
  }
}

void Access::forget() {
  loaded_ = false;
  grants_.clear();
}

}  // namespace azlin::simulator
