// Microsoft.Authorization: what may I do here, and role assignments.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/roles.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kAssignments = kRoleAssignments;
constexpr const char* kPermissions = "Microsoft.Authorization/permissions";

Reply list_permissions(Context& context, const Request& request) {
  Json value = Json::array();
  for (const auto& grant : context.access.grants_at(request.principal, request.param("scope")))
    value.push_back({{"actions", grant.actions},
                     {"notActions", grant.not_actions},
                     {"dataActions", Json::array()},
                     {"notDataActions", Json::array()}});
  return Reply::json(200, {{"value", value}});
}

// One role of a principal at a scope is assigned once, whatever the assignment's name.
void check_not_doubled(Context& context, const std::string& scope, const std::string& principal,
                       const Role& role) {
  for (const auto& other : context.state.list_by_ref(kAssignments, lower(scope))) {
    const auto& properties = other.body["properties"];
    if (same(properties["principalId"].get<std::string>(), principal) &&
        same(last_segment(properties["roleDefinitionId"].get<std::string>()), role.guid))
      throw ApiError(409, "RoleAssignmentExists", "The role assignment already exists.");
  }
}

Reply put_assignment(Context& context, Request& request) {
  const Json properties = request.object().value("properties", Json::object());
  const std::string role_id = properties.value("roleDefinitionId", ""),
                    principal = properties.value("principalId", "");
  const auto role = find_role(context.state, role_id);
  if (!role)
    throw ApiError(400, "RoleDefinitionDoesNotExist",
                   fmt::format("The specified role definition with ID '{}' does not exist.", role_id));
  if (principal.empty())
    throw ApiError(400, "BadRequestFormat", "The request was incorrectly formatted: principalId is missing.");
  if (context.state.exists(request.target.id))
    throw ApiError(409, "RoleAssignmentExists", "The role assignment already exists.");
  const std::string& scope = request.param("scope");
  check_not_doubled(context, scope, principal, *role);
  Resource assignment;
  assignment.id = fmt::format("{}/providers/{}/{}", scope, kAssignments, request.param("name"));
  assignment.type = kAssignments;
  assignment.name = request.param("name");
  assignment.ref = lower(scope);
  assignment.body = {{"id", assignment.id},
                     {"name", assignment.name},
                     {"type", kAssignments},
                     {"properties",
                      {{"roleDefinitionId", role_id},
                       {"principalId", principal},
                       {"principalType", properties.value("principalType", "ServicePrincipal")},
                       {"scope", scope},
                       {"createdOn", to_azure_time(context.now())}}}};
  context.save(assignment);
  context.access.add_grant({principal, scope, role->actions, role->not_actions, lower(assignment.id)});
  return Reply::json(201, assignment.body);
}

// "atScope()", "principalId eq 'x'", "assignedTo('x')", joined by and.
struct AssignmentFilter {
  bool at_scope = false;
  std::string principal;
};

AssignmentFilter parse_assignment_filter(const std::string& text) {
  AssignmentFilter filter;
  filter.at_scope = lower(text).find("atscope()") != std::string::npos;
  const auto parts = split(text, '\'');
  for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
    const std::string term = lower(parts[i]);
    const bool known =
        term.find("principalid eq") != std::string::npos || term.find("assignedto(") != std::string::npos;
    if (!known)
      throw ApiError(400, "UnsupportedQuery",
                     fmt::format("The filter '{}' is not supported. Supported filters are either 'atScope()' "
                                 "or 'principalId eq '{{value}}' or assignedTo('{{value}}')'.",
                                 text));
    filter.principal = parts[i + 1];
  }
  return filter;
}

Reply list_assignments(Context& context, const Request& request) {
  const auto wanted = parse_assignment_filter(request.query_or("$filter", ""));
  ListFilter filter;
  filter.type = kAssignments;
  const std::string scope = lower(request.param("scope")) + "/";
  Json value = Json::array();
  for (const auto& assignment : context.state.list(filter)) {
    const bool above = scope.starts_with(assignment.ref + "/");
    const bool below = !wanted.at_scope && (assignment.ref + "/").starts_with(scope);
    const bool of_principal =
        wanted.principal.empty() ||
        same(assignment.body["properties"]["principalId"].get<std::string>(), wanted.principal);
    if ((above || below) && of_principal) value.push_back(assignment.body);
  }
  return Reply::json(200, {{"value", value}});
}

Reply get_assignment(Context& context, const Request& request) {
  const auto found = context.state.find(request.target.id);
  if (found) return Reply::json(200, found->body);
  throw ApiError(404, "RoleAssignmentNotFound",
                 fmt::format("The role assignment '{}' is not found.", request.target.name));
}

Reply delete_assignment(Context& context, const Request& request) {
  const auto assignment = context.state.find(request.target.id);
  if (!assignment) return Reply::empty(204);
  context.state.erase(request.target.id);
  context.access.remove_grant(lower(request.target.id));
  return Reply::json(200, assignment->body);
}

}  // namespace

void register_authorization(Router& router, Context& context) {
  register_role_definitions(router, context);
  const std::string scope = "/{*scope}/providers/";
  router.arm("GET", scope + kPermissions, kPermissions,
             [&context](Request& request) { return list_permissions(context, request); });
  router.arm("GET", scope + kAssignments, kAssignments,
             [&context](Request& request) { return list_assignments(context, request); });
  router.arm("GET", scope + kAssignments + "/{name}", kAssignments,
             [&context](Request& request) { return get_assignment(context, request); });
  router.arm("PUT", scope + kAssignments + "/{name}", kAssignments,
             [&context](Request& request) { return put_assignment(context, request); });
  router.arm("DELETE", scope + kAssignments + "/{name}", kAssignments,
             [&context](Request& request) { return delete_assignment(context, request); });
}

}  // namespace azlin::simulator
