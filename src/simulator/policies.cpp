#include "simulator/policies.hpp"

#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/policy_rules.hpp"
#include "simulator/plain_types.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kAssignment = "Microsoft.Authorization/policyAssignments";
constexpr const char* kDefinition = "Microsoft.Authorization/policyDefinitions";
constexpr const char* kSet = "Microsoft.Authorization/policySetDefinitions";

Json built_in(const char* guid, const char* name, const char* parameter, const char* type, const Json& rule) {
  return {{"id", fmt::format("/providers/{}/{}", kDefinition, guid)},
          {"name", guid},
          {"type", kDefinition},
          {"properties",
           {{"displayName", name},
            {"description", name},
            {"policyType", "BuiltIn"},
            {"mode", "Indexed"},
            {"metadata", {{"category", "General"}, {"version", "1.0.0"}}},
            {"parameters", {{parameter, {{"type", type}}}}},
            {"policyRule", {{"if", rule}, {"then", {{"effect", "deny"}}}}}}}};
}

// Three of Azure's, under their own names:
// https://learn.microsoft.com/azure/governance/policy/samples/built-in-policies
const std::vector<Json>& built_ins() {
  static const std::vector<Json> kAll = {
      built_in("e56962a6-4747-49cd-b67b-bf8b01975c4c", "Allowed locations", "listOfAllowedLocations", "Array",
               {{"allOf",
                 {{{"field", "location"}, {"notIn", "[parameters('listOfAllowedLocations')]"}},
                  {{"field", "location"}, {"notEquals", "global"}}}}}),
      built_in("871b6d14-10aa-478d-b590-94f262ecfa99", "Require a tag on resources", "tagName", "String",
               {{"field", "[concat('tags[', parameters('tagName'), ']')]"}, {"exists", "false"}}),
      built_in("6c112d4e-5bc7-47ae-a041-ea2d9dccd749", "Not allowed resource types",
               "listOfResourceTypesNotAllowed", "Array",
               {{"field", "type"}, {"in", "[parameters('listOfResourceTypesNotAllowed')]"}})};
  return kAll;
}

std::optional<Json> find_definition(Context& context, const std::string& id) {
  for (const auto& definition : built_ins())
    if (same(definition["id"].get<std::string>(), id)) return definition;
  const auto found = context.state.find(id);
  return found ? std::optional<Json>(found->body) : std::nullopt;
}

// --- the deny ---

// {"name": {"value": …}} gives …; null where it is not stated.
Json stated_value(const Json& parameters, const std::string& name) {
  const Json stated = parameters.is_object() ? parameters.value(name, Json()) : Json();
  return stated.is_object() ? stated.value("value", Json()) : Json();
}

// Default values of the definition under the values that are assigned.
Json parameter_values(const Json& definition, const Json& assigned) {
  Json values = Json::object();
  const Json declared = subtree_at(definition, "/properties/parameters");
  if (declared.is_object())
    for (const auto& [name, about] : declared.items()) {
      if (about.contains("defaultValue")) values[name] = about["defaultValue"];
      const Json given = stated_value(assigned, name);
      if (!given.is_null()) values[name] = given;
    }
  return values;
}

[[noreturn]] void throw_denied(const Request& request, const Resource& assignment, const Json& definition) {
  const auto name = text_at(assignment.body, "/properties/displayName", assignment.name);
  const auto policy = text_at(definition, "/properties/displayName", text_at(definition, "/name"));
  ApiError error(
      403, "RequestDisallowedByPolicy",
      fmt::format(
          "Resource '{}' was disallowed by policy. Policy identifiers: '[{{\"policyAssignment\":"
          "{{\"name\":\"{}\",\"id\":\"{}\"}},\"policyDefinition\":{{\"name\":\"{}\",\"id\":\"{}\"}}}}]'.",
          request.target.name, name, assignment.id, policy, text_at(definition, "/id")),
      request.target.name);
  error.additional_info = Json::array({{{"type", "PolicyViolation"},
                                        {"info",
                                         {{"policyAssignmentId", assignment.id},
                                          {"policyAssignmentName", assignment.name},
                                          {"policyAssignmentDisplayName", name},
                                          {"policyDefinitionId", text_at(definition, "/id")},
                                          {"policyDefinitionDisplayName", policy},
                                          {"policyDefinitionEffect", "deny"}}}}});
  throw error;
}

void check_definition(const Request& request, const Resource& assignment, const Json& definition,
                      const Json& assigned) {
  const PolicySubject subject{request.target.id, request.target.type, request.target.name, request.json};
  // "Indexed": only what has tags and a location, but for groups and deployments:
  // https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-basics#mode
  if (same(text_at(definition, "/properties/mode", "Indexed"), "Indexed") &&
      (!request.json.contains("location") || same(request.target.space, "Microsoft.Resources")))
    return;
  const Json values = parameter_values(definition, assigned);
  const Json effect =
      policy_value(subtree_at(definition, "/properties/policyRule/then/effect"), subject, values);
  if (!effect.is_string() || !same(effect.get<std::string>(), "deny")) return;
  if (policy_holds(subtree_at(definition, "/properties/policyRule/if"), subject, values))
    throw_denied(request, assignment, definition);
}

void check_assignment(Context& context, const Request& request, const Resource& assignment) {
  const auto& properties = assignment.body["properties"];
  if (same(text_at(properties, "/enforcementMode", "Default"), "DoNotEnforce")) return;
  const std::string target = lower(request.target.id) + "/";
  for (const auto& spared : properties.value("notScopes", Json::array()))
    if (target.starts_with(lower(spared.get<std::string>()) + "/")) return;
  const auto definition = find_definition(context, text_at(properties, "/policyDefinitionId"));
  const Json assigned = properties.value("parameters", Json::object());
  if (!definition) return;
  if (!same(text_at(*definition, "/type"), kSet))
    return check_definition(request, assignment, *definition, assigned);
  const PolicySubject nothing{"", "", "", Json::object()};
  const Json of_set = parameter_values(*definition, assigned);
  for (const auto& member : (*definition)["properties"].value("policyDefinitions", Json::array())) {
    Json given = member.value("parameters", Json::object());
    for (auto& parameter : given)
      parameter["value"] = policy_value(parameter.value("value", Json()), nothing, of_set);
    const auto one = find_definition(context, text_at(member, "/policyDefinitionId"));
    if (one) check_definition(request, assignment, *one, given);
  }
}

// --- the resources ---

Reply save_at(Context& context, const Request& request, const char* type, const std::string& scope,
              Json properties) {
  const auto existing = context.state.find(request.target.id);
  Resource resource;
  resource.id = fmt::format("{}/providers/{}/{}", scope, type, request.target.name);
  resource.type = type;
  resource.name = request.target.name;
  resource.ref = lower(scope);
  resource.body = {
      {"id", resource.id}, {"name", resource.name}, {"type", type}, {"properties", std::move(properties)}};
  for (const char* member : {"identity", "location"})
    if (request.json.contains(member)) resource.body[member] = request.json[member];
  context.save(resource);
  return Reply::json(existing && same(type, kSet) ? 200 : 201, resource.body);
}

Reply put_assignment(Context& context, Request& request) {
  drop_nulls(request.json);
  Json properties = subtree_at(request.object(), "/properties");
  const auto definition = text_at(properties, "/policyDefinitionId");
  if (definition.empty())
    throw ApiError(400, "InvalidRequestContent",
                   "The request content was invalid: properties.policyDefinitionId is missing.");
  const auto found = find_definition(context, definition);
  if (!found)
    throw ApiError(404, "PolicyDefinitionNotFound",
                   fmt::format("The policy definition '{}' could not be found.", last_segment(definition)));
  const std::string& scope = request.param("scope");
  if (split_path(scope).size() > 2 && !context.state.exists(scope)) throw_not_found(scope);
  const Json declared = subtree_at(*found, "/properties/parameters");
  if (declared.is_object())
    for (const auto& [name, about] : declared.items())
      if (!about.contains("defaultValue") &&
          stated_value(subtree_at(properties, "/parameters"), name).is_null())
        throw ApiError(
            400, "MissingPolicyParameter",
            fmt::format(
                "The policy assignment '{}' is missing the parameter(s) '{}' as defined in the policy "
                "definition '{}'.",
                request.target.name, name, text_at(*found, "/name")));
  properties["policyDefinitionId"] = (*found)["id"];
  properties["scope"] = scope;
  if (!properties.contains("enforcementMode")) properties["enforcementMode"] = "Default";
  return save_at(context, request, kAssignment, scope, std::move(properties));
}

// Only the identity and its location change.
Reply patch_assignment(Context& context, Request& request) {
  auto assignment = context.state.find(request.target.id);
  if (!assignment)
    throw ApiError(404, "PolicyAssignmentNotFound",
                   fmt::format("The policy assignment '{}' could not be found.", request.target.name));
  complete_identity(context, assignment->id, request.object(), assignment->body, assignment->body);
  if (request.json.contains("location")) assignment->body["location"] = request.json["location"];
  context.save(*assignment);
  return Reply::json(200, assignment->body);
}

[[noreturn]] void refuse_definition(const Request& request, const char* code, const std::string& why) {
  throw ApiError(400, code,
                 fmt::format("The policy definition '{}' is invalid: {}.", request.target.name, why));
}

// A rule that may deny is one that can be evaluated here.
void check_rule(const Request& request, const Json& rule) {
  const auto effect = text_at(rule, "/then/effect");
  if (effect.empty()) refuse_definition(request, "InvalidPolicyRule", "'then.effect' is missing");
  if (!effect.starts_with('[') && !same(effect, "deny")) return;
  const auto fault = policy_fault(subtree_at(rule, "/if"));
  if (!fault.empty()) refuse_definition(request, "InvalidPolicyRule", fault);
}

Reply put_definition(Context& context, Request& request, const char* type) {
  drop_nulls(request.json);
  Json properties = subtree_at(request.object(), "/properties");
  const char* needed = same(type, kSet) ? "policyDefinitions" : "policyRule";
  if (!properties.is_object() || !properties.contains(needed))
    refuse_definition(request, same(type, kSet) ? "InvalidPolicySetDefinition" : "InvalidPolicyRule",
                      fmt::format("'{}' is missing", needed));
  if (!same(type, kSet)) check_rule(request, properties[needed]);
  if (same(type, kSet))
    for (const auto& member : properties[needed])
      if (!find_definition(context, text_at(member, "/policyDefinitionId")))
        throw ApiError(404, "PolicyDefinitionNotFound",
                       fmt::format("The policy definition '{}' could not be found.",
                                   last_segment(text_at(member, "/policyDefinitionId"))));
  properties["policyType"] = "Custom";
  if (!same(type, kSet) && !properties.contains("mode")) properties["mode"] = "Indexed";
  return save_at(context, request, type, "/subscriptions/" + request.param("sub"), std::move(properties));
}

Reply get_one(Context& context, const Request& request, const char* code, const char* what) {
  const auto found = find_definition(context, request.target.id);
  if (found) return Reply::json(200, *found);
  throw ApiError(404, code, fmt::format("The policy {} '{}' could not be found.", what, request.target.name));
}

// Assignments that hold at the scope, from above, too, and those below it unless `$filter=atScope()`.
Reply list_assignments(Context& context, const Request& request) {
  const std::string scope = lower(request.param("scope")) + "/";
  const bool at_scope = same(request.query_or("$filter", ""), "atScope()") ||
                        same(request.query_or("$filter", ""), "atExactScope()");
  ListFilter filter;
  filter.type = kAssignment;
  Json value = Json::array();
  for (const auto& one : context.state.list(filter)) {
    const std::string own = one.ref + "/";
    if (scope.starts_with(own) || (!at_scope && own.starts_with(scope))) value.push_back(one.body);
  }
  return Reply::json(200, {{"value", value}});
}

Reply list_definitions(Context& context, const char* type, bool custom) {
  Json value = Json::array();
  if (!same(type, kSet))
    for (const auto& one : built_ins()) value.push_back(one);
  ListFilter filter;
  filter.type = type;
  if (custom)
    for (const auto& one : context.state.list(filter)) value.push_back(one.body);
  return Reply::json(200, {{"value", value}});
}

Reply remove(Context& context, const Request& request) {
  const auto found = context.state.find(request.target.id);
  if (!found) return Reply::empty(204);
  context.state.erase(found->id);
  return Reply::json(200, found->body);
}

void register_definitions(Router& router, Context& context, const char* type, const char* code,
                          const char* what) {
  const std::string path = subscription_path(type), one = path + "/{name}",
                    tenant = std::string("/providers/") + type;
  const auto get = [&context, code, what](Request& r) { return get_one(context, r, code, what); };
  router.arm("GET", one, type, get);
  router.arm("GET", tenant + "/{name}", type, get);
  router.arm("PUT", one, type, [&context, type](Request& r) { return put_definition(context, r, type); });
  router.arm("DELETE", one, type, [&context](Request& r) { return remove(context, r); });
  router.arm("GET", path, type, [&context, type](Request&) { return list_definitions(context, type, true); });
  router.arm("GET", tenant, type,
             [&context, type](Request&) { return list_definitions(context, type, false); });
}

}  // namespace

void check_assigned_policies(Context& context, const Request& request) {
  if (request.method != "PUT" || !request.json.is_object() ||
      same(request.target.space, "Microsoft.Authorization"))
    return;
  ListFilter filter;
  filter.type = kAssignment;
  const std::string target = lower(request.target.id) + "/";
  for (const auto& assignment : context.state.list(filter))
    if (target.starts_with(assignment.ref + "/")) check_assignment(context, request, assignment);
}

void register_policies(Router& router, Context& context) {
  register_definitions(router, context, kDefinition, "PolicyDefinitionNotFound", "definition");
  register_definitions(router, context, kSet, "PolicySetDefinitionNotFound", "set definition");
  const std::string path = std::string("/{*scope}/providers/") + kAssignment, one = path + "/{name}";
  router.arm("PUT", one, kAssignment, [&context](Request& r) { return put_assignment(context, r); });
  router.arm("GET", one, kAssignment, [&context](Request& r) {
    return get_one(context, r, "PolicyAssignmentNotFound", "assignment");
  });
  router.arm("PATCH", one, kAssignment, [&context](Request& r) { return patch_assignment(context, r); });
  router.arm("DELETE", one, kAssignment, [&context](Request& r) { return remove(context, r); });
  router.arm("GET", path, kAssignment, [&context](Request& r) { return list_assignments(context, r); });
}

}  // namespace azlin::simulator
