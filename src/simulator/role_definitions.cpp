// Microsoft.Authorization/roleDefinitions: the built-in roles, and custom ones.
// Source: REST reference, Role Definitions (2022-04-01), and "Troubleshoot Azure RBAC".
#include <fmt/format.h>

#include <algorithm>

#include "simulator/json_util.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/roles.hpp"
#include "simulator/subscriptions.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kType = kRoleDefinitions;

Json built_in_body(const Role& role, const std::string& subscription) {
  const std::string above = subscription.empty() ? "" : "/subscriptions/" + subscription;
  return {{"id", fmt::format("{}/providers/{}/{}", above, kType, role.guid)},
          {"name", role.guid},
          {"type", kType},
          {"properties",
           {{"roleName", role.name},
            {"type", "BuiltInRole"},
            {"description", ""},
            {"assignableScopes", {"/"}},
            {"permissions",
             {{{"actions", role.actions},
               {"notActions", role.not_actions},
               {"dataActions", role.data_actions},
               {"notDataActions", Json::array()}}}}}}};
}

std::vector<Resource> custom_roles(Context& context) {
  ListFilter filter;
  filter.type = kType;
  return context.state.list(filter);
}

// A custom role is there where one of its scopes is this one, above or below it.
bool at_scope(const Json& body, const std::string& scope) {
  const std::string here = lower(scope) + "/";
  for (const auto& assignable : body["properties"]["assignableScopes"]) {
    const std::string there = lower(assignable.get<std::string>()) + "/";
    if (here.starts_with(there) || there.starts_with(here)) return true;
  }
  return scope.empty();
}

// "roleName eq 'Reader'", "type eq 'BuiltInRole'", "atScopeAndBelow()", joined by and.
bool wanted(const Json& body, const std::string& filter) {
  const auto parts = split(filter, '\'');
  for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
    const std::string term = lower(parts[i]);
    const char* member = term.find("rolename eq") != std::string::npos ? "/properties/roleName"
                         : term.find("type eq") != std::string::npos   ? "/properties/type"
                                                                       : nullptr;
    if (member != nullptr && !same(parts[i + 1], text_at(body, member))) return false;
  }
  return true;
}

std::string scope_of(const Request& request) {
  const auto found = request.params.find("scope");
  return found == request.params.end() ? "" : found->second;
}

Reply list_definitions(Context& context, const Request& request) {
  const std::string filter = request.query_or("$filter", "");
  Json value = Json::array();
  const auto add = [&](const Json& body) {
    if (wanted(body, filter)) value.push_back(body);
  };
  for (const auto& role : built_in_roles()) add(built_in_body(role, request.target.subscription));
  for (const auto& role : custom_roles(context))
    if (at_scope(role.body, scope_of(request))) add(role.body);
  return Reply::json(200, {{"value", value}});
}

std::optional<Resource> find_custom(Context& context, const std::string& name) {
  for (auto& role : custom_roles(context))
    if (same(role.name, name)) return std::move(role);
  return std::nullopt;
}

Reply get_definition(Context& context, const Request& request) {
  const auto& name = request.param("name");
  if (const Role* role = find_built_in(name))
    return Reply::json(200, built_in_body(*role, request.target.subscription));
  if (const auto role = find_custom(context, name)) return Reply::json(200, role->body);
  throw ApiError(404, "RoleDefinitionDoesNotExist",
                 fmt::format("The specified role definition with ID '{}' does not exist.", name));
}

[[noreturn]] void refuse_format(const std::string& what) {
  throw ApiError(400, "BadRequestFormat", "The request was incorrectly formatted: " + what);
}

// One permission with all of its lists; an action is "*" or has a provider and an operation.
Json checked_permission(const Json& stated) {
  Json permission;
  for (const char* member : {"actions", "notActions", "dataActions", "notDataActions"}) {
    permission[member] = stated.value(member, Json::array());
    for (const auto& action : permission[member]) {
      const auto text = action.get<std::string>();
      if (text != "*" && text.find('/') == std::string::npos)
        throw ApiError(
            400, "InvalidActionOrNotAction",
            fmt::format("'{}' does not match any of the actions supported by the providers.", text));
    }
  }
  return permission;
}

Json checked_scopes(Context& context, const Json& stated) {
  if (!stated.is_array() || stated.empty()) refuse_format("assignableScopes is missing.");
  for (const auto& scope : stated) {
    const auto id = scope.get<std::string>();
    const auto segments = split_path(id);
    const bool subscription = segments.size() >= 2 && same(segments[0], "subscriptions") &&
                              subscription_exists(context.state, segments[1]);
    if (!subscription || (segments.size() > 2 && !context.state.exists(id)))
      throw ApiError(400, "InvalidAssignableScope",
                     fmt::format("One of assignable scopes is invalid. Assignable Scope: '{}'", id));
  }
  return stated;
}

void check_name_free(Context& context, const std::string& name, const std::string& guid) {
  const auto taken = [&](const std::string& other, const std::string& other_guid) {
    return same(other, name) && !same(other_guid, guid);
  };
  bool found = false;
  for (const auto& role : built_in_roles()) found = found || taken(role.name, role.guid);
  for (const auto& role : custom_roles(context))
    found = found || taken(text_at(role.body, "/properties/roleName"), role.name);
  if (found)
    throw ApiError(
        409, "RoleDefinitionWithSameNameExists",
        fmt::format("A custom role with the same name already exists in this directory. Use a different name "
                    "for the custom role. Role name: '{}'.",
                    name));
}

// Those who have the role may from now on what it now says.
void renew_grants(Context& context, const Role& role) {
  ListFilter filter;
  filter.type = kRoleAssignments;
  for (const auto& assignment : context.state.list(filter)) {
    const Json& properties = assignment.body["properties"];
    if (!same(last_segment(text_at(properties, "/roleDefinitionId")), role.guid)) continue;
    context.access.remove_grant(lower(assignment.id));
    context.access.add_grant({text_at(properties, "/principalId"), text_at(properties, "/scope"),
                              role.actions, role.not_actions, lower(assignment.id)});
  }
}

void refuse_built_in(const std::string& name) {
  if (find_built_in(name) != nullptr)
    throw ApiError(403, "RoleDefinitionCannotBeModified", "Built-in roles cannot be changed or deleted.");
}

Reply put_definition(Context& context, Request& request) {
  const auto& name = request.param("name");
  if (!is_guid(name))
    throw ApiError(400, "InvalidRoleDefinitionId",
                   fmt::format("The role definition ID '{}' is not valid. The role definition ID must be a "
                               "GUID.",
                               name));
  refuse_built_in(name);
  drop_nulls(request.json);
  const Json stated = request.object().value("properties", Json::object());
  const auto role_name = text_at(stated, "/roleName");
  if (role_name.empty()) refuse_format("roleName is missing.");
  check_name_free(context, role_name, name);
  const auto existing = find_custom(context, name);
  Resource role;
  role.id = existing ? existing->id : request.target.id;
  role.type = kType;
  role.name = lower(name);
  Json permissions = Json::array();
  for (const auto& permission : stated.value("permissions", Json::array()))
    permissions.push_back(checked_permission(permission));
  const std::string now = to_azure_time(context.now());
  role.body = {
      {"id", role.id},
      {"name", role.name},
      {"type", kType},
      {"properties",
       {{"roleName", role_name},
        {"type", "CustomRole"},
        {"description", text_at(stated, "/description")},
        {"assignableScopes", checked_scopes(context, stated.value("assignableScopes", Json()))},
        {"permissions", permissions},
        {"createdOn", existing ? text_at(existing->body, "/properties/createdOn") : now},
        {"updatedOn", now},
        {"createdBy", existing ? text_at(existing->body, "/properties/createdBy") : request.principal},
        {"updatedBy", request.principal}}}};
  context.save(role);
  renew_grants(context, *find_role(context.state, role.id));
  return Reply::json(201, role.body);
}

Reply delete_definition(Context& context, const Request& request) {
  refuse_built_in(request.param("name"));
  const auto role = find_custom(context, request.param("name"));
  if (!role) return Reply::empty(204);
  ListFilter filter;
  filter.type = kRoleAssignments;
  for (const auto& assignment : context.state.list(filter))
    if (same(last_segment(text_at(assignment.body, "/properties/roleDefinitionId")), role->name))
      throw ApiError(400, "RoleDefinitionHasAssignments",
                     "There are existing role assignments referencing role (code: "
                     "RoleDefinitionHasAssignments).");
  context.state.erase(role->id);
  return Reply::json(200, role->body);
}

}  // namespace

void register_role_definitions(Router& router, Context& context) {
  const std::string tenant = std::string("/providers/") + kType, scoped = "/{*scope}" + tenant;
  for (const auto& path : {tenant, scoped}) {
    router.arm("GET", path, kType, [&context](Request& r) { return list_definitions(context, r); });
    router.arm("GET", path + "/{name}", kType, [&context](Request& r) { return get_definition(context, r); });
  }
  router.arm("PUT", scoped + "/{name}", kType, [&context](Request& r) { return put_definition(context, r); });
  router.arm("DELETE", scoped + "/{name}", kType,
             [&context](Request& r) { return delete_definition(context, r); });
}

}  // namespace azlin::simulator
