// Microsoft.Authorization: what may I do here, role assignments, and the built-in roles.
#include <fmt/format.h>

#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/roles.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kAssignments = "Microsoft.Authorization/roleAssignments";
constexpr const char* kDefinitions = "Microsoft.Authorization/roleDefinitions";
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

Json definition_body(const Role& role, const std::string& subscription) {
  return {{"id", fmt::format("/subscriptions/{}/providers/{}/{}", subscription, kDefinitions, role.guid)},
          {"name", role.guid},
          {"type", kDefinitions},
          {"properties",
           {{"roleName", role.name},
            {"type", "BuiltInRole"},
            {"description", ""},
            {"assignableScopes", {"/"}},
            {"permissions",
             {{{"actions", role.actions},
               {"notActions", role.not_actions},
               {"dataActions", Json::array()},
               {"notDataActions", Json::array()}}}}}}};
}

Reply list_definitions(const Request& request) {
  const std::string filter = request.query_or("$filter", "");
  Json value = Json::array();
  for (const auto& role : built_in_roles()) {
    if (filter.empty() || filter.find("'" + role.name + "'") != std::string::npos)
      value.push_back(definition_body(role, request.target.subscription));
  }
  return Reply::json(200, {{"value", value}});
}

Reply get_definition(const Request& request) {
  const Role* role = find_role(request.param("name"));
  if (role == nullptr)
    throw ApiError(
        404, "RoleDefinitionDoesNotExist",
        fmt::format("The specified role definition with ID '{}' does not exist.", request.param("name")));
  return Reply::json(200, definition_body(*role, request.target.subscription));
}

Reply put_assignment(Context& context, Request& request) {
  const Json properties = request.object().value("properties", Json::object());
  const std::string role_id = properties.value("roleDefinitionId", ""),
                    principal = properties.value("principalId", "");
  const Role* role = find_role(role_id);
  if (role == nullptr)
    throw ApiError(400, "RoleDefinitionDoesNotExist",
                   fmt::format("The specified role definition with ID '{}' does not exist.", role_id));
  if (principal.empty())
    throw ApiError(400, "BadRequestFormat", "The request was incorrectly formatted: principalId is missing.");
  if (context.state.exists(request.target.id))
    throw ApiError(409, "RoleAssignmentExists", "The role assignment already exists.");
  const std::string& scope = request.param("scope");
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

Reply list_assignments(Context& context, const Request& request) {
  ListFilter filter;
  filter.type = kAssignments;
  const std::string scope = lower(request.param("scope")) + "/";
  Json value = Json::array();
  for (const auto& assignment : context.state.list(filter)) {
    if (scope.starts_with(assignment.ref + "/") || (assignment.ref + "/").starts_with(scope))
      value.push_back(assignment.body);
  }
  return Reply::json(200, {{"value", value}});
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
  const std::string scope = "/{*scope}/providers/";
  router.arm("GET", scope + kPermissions, kPermissions,
             [&context](Request& request) { return list_permissions(context, request); });
  router.arm("GET", scope + kDefinitions, kDefinitions,
             [](Request& request) { return list_definitions(request); });
  router.arm("GET", scope + kDefinitions + "/{name}", kDefinitions,
             [](Request& request) { return get_definition(request); });
  router.arm("GET", scope + kAssignments, kAssignments,
             [&context](Request& request) { return list_assignments(context, request); });
  router.arm("GET", scope + kAssignments + "/{name}", kAssignments,
             [&context](Request& request) { return get_resource(context, request); });
  router.arm("PUT", scope + kAssignments + "/{name}", kAssignments,
             [&context](Request& request) { return put_assignment(context, request); });
  router.arm("DELETE", scope + kAssignments + "/{name}", kAssignments,
             [&context](Request& request) { return delete_assignment(context, request); });
}

}  // namespace azlin::simulator
