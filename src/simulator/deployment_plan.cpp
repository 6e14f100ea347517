#include "simulator/deployment_plan.hpp"

#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::int64_t kMostCopies =
    800;  // https://learn.microsoft.com/azure/azure-resource-manager/templates/best-practices#template-limits

// What a resource of a template says, resolved, with its id.
Json make_step(const Json& resource, const std::string& base) {
  const auto types = split(text_at(resource, "/type"), '/'), names = split(text_at(resource, "/name"), '/');
  if (types.size() != names.size() + 1) throw invalid_template("type and name of a resource do not match");
  std::string above = base;
  const auto group = text_at(resource, "/resourceGroup");
  if (!group.empty()) {
    const auto segments = split_path(base);
    above = fmt::format("/subscriptions/{}/resourceGroups/{}", segments.at(1), group);
  }
  auto id = above + "/providers/" + types[0];
  for (std::size_t i = 0; i < names.size(); ++i) id += "/" + types[i + 1] + "/" + names[i];
  const bool is_group = same(text_at(resource, "/type"), "Microsoft.Resources/resourceGroups");
  if (is_group) id = above + "/resourceGroups/" + names[0];
  Json body = resource;
  for (const char* field :
       {"type", "name", "apiVersion", "dependsOn", "condition", "copy", "resourceGroup", "comments"})
    body.erase(field);
  return {{"id", id},
          {"api", text_at(resource, "/apiVersion")},
          {"after", resource.value("dependsOn", Json::array())},
          {"body", body}};
}

// A nested template is read in its own scope when it says so, and else in this one.
Json resolve_resource(const Json& resource, const TemplateScope& scope) {
  const bool inner = same(text_at(resource, "/properties/expressionEvaluationOptions/scope"), "inner");
  if (!inner) return resolve_template(resource, scope);
  Json outside = resource;
  outside["properties"].erase("template");
  outside = resolve_template(outside, scope);
  outside["properties"]["template"] = resource["properties"]["template"];
  return outside;
}

void add_steps(Json& steps, const Json& resource, const TemplateScope& scope, const std::string& base) {
  const Json condition =
      resource.contains("condition") ? resolve_template(resource["condition"], scope) : Json(true);
  if (condition.is_boolean() && !condition.get<bool>()) return;
  Json stated = resource;
  for (const char* field : {"condition", "copy"}) stated.erase(field);
  steps.push_back(make_step(resolve_resource(stated, scope), base));
}

void add_copies(Json& steps, const Json& resource, const TemplateScope& scope, const std::string& base) {
  const Json copy = resolve_template(resource["copy"], scope);
  const auto count = number_at(copy, "/count", -1);
  if (count < 0 || count > kMostCopies)
    throw invalid_template(fmt::format("the count of a copy is not from 0 to {}", kMostCopies));
  for (std::int64_t i = 0; i < count; ++i) {
    TemplateScope one = scope;
    one.copies[""] = one.copies[lower(text_at(copy, "/name"))] = i;
    const auto before = steps.size();
    add_steps(steps, resource, one, base);
    if (steps.size() > before) steps.back()["copy"] = text_at(copy, "/name");
  }
}

// "Microsoft.Network/virtualNetworks/x", a whole id, a name, or the name of a copy.
bool names(const std::string& dependency, const Json& step) {
  const auto wanted = lower(dependency), whole = lower(text_at(step, "/id"));
  return whole == wanted || whole.ends_with("/" + wanted) || whole.ends_with("/providers/" + wanted) ||
         same(text_at(step, "/copy"), dependency);
}

Json in_order(Json steps) {
  Json ordered = Json::array();
  while (!steps.empty()) {
    const auto ready = [&](const Json& step) {
      for (const auto& dependency : step["after"])
        for (const auto& other : steps)
          if (other["id"] != step["id"] && names(dependency.get<std::string>(), other)) return false;
      return true;
    };
    const auto next = std::find_if(steps.begin(), steps.end(), ready);
    if (next == steps.end()) throw invalid_template("the resources depend on each other in a circle");
    ordered.push_back(*next);
    steps.erase(next);
  }
  return ordered;
}

// Values that are given, over default values; every parameter needs one, and none may be unknown.
void read_parameters(const Json& form, const Json& given, TemplateScope& scope, Json& shown) {
  const Json declared = subtree_at(form, "/parameters");
  shown = Json::object();
  if (given.is_object())
    for (const auto& [name, about] : given.items()) {
      const auto known = [&name = name](const auto& item) { return same(item.key(), name); };
      bool found = false;
      if (declared.is_object())
        for (const auto& item : declared.items()) found = found || known(item);
      if (!found)
        throw invalid_template(
            fmt::format("The following parameters were supplied, but do not correspond to any parameters "
                        "defined in the template: '{}'",
                        name));
    }
  if (!declared.is_object()) return;
  for (const auto& [name, about] : declared.items()) {
    Json value;
    if (about.contains("defaultValue")) value = resolve_template(about["defaultValue"], scope);
    if (given.is_object())
      for (const auto& [other, stated] : given.items())
        if (same(other, name) && stated.is_object() && stated.contains("value")) value = stated["value"];
    if (value.is_null() && !about.contains("defaultValue") && !about.value("nullable", false))
      throw invalid_template(fmt::format("The value for the template parameter '{}' is not provided.", name));
    scope.parameters[name] = value;
    const auto type = text_at(about, "/type", "string");
    shown[name] = {{"type", type}};
    if (!starts_with_ignoring_case(type, "secure")) shown[name]["value"] = value;
  }
}

}  // namespace

TemplateScope deployment_scope(Context& context, const std::string& base, const std::string& name,
                               const Json& parameters, const Json& variables) {
  const auto segments = split_path(base);
  TemplateScope scope;
  scope.parameters = parameters.is_object() ? parameters : Json::object();
  scope.variables = variables.is_object() ? variables : Json::object();
  scope.subscription = {
      {"id", "/subscriptions/" + segments.at(1)}, {"subscriptionId", segments.at(1)}, {"tenantId", kTenant}};
  scope.deployment = {{"name", name}, {"properties", Json::object()}};
  if (segments.size() >= 4) scope.group = require(context, base).body;
  scope.reference = [&context, base](const std::string& named, bool full) {
    auto id = named;
    if (!id.starts_with('/')) {
      const auto found = [&] {
        ListFilter inside;
        inside.id_prefix = lower(base) + "/";
        for (const auto& one : context.state.list(inside))
          if (same(one.name, named) || lower(one.id).ends_with("/" + lower(named))) return one.id;
        return named;
      };
      id = found();
    }
    const auto resource = context.state.find(id);
    if (!resource)
      throw invalid_template(fmt::format("the resource '{}' that is referenced is not defined", named));
    const Json body = context.present(*resource);
    return full ? body : body.value("properties", Json::object());
  };
  return scope;
}

namespace {

void check_outputs(const Json& outputs) {
  if (!outputs.is_object()) throw invalid_template("the outputs are no object");
  for (const auto& [name, about] : outputs.items())
    if (!about.is_object()) throw invalid_template(fmt::format("the output '{}' is no object", name));
}

}  // namespace

DeploymentPlan plan_deployment(Context& context, const Request& request) {
  const Json properties = subtree_at(request.json, "/properties"), form = subtree_at(properties, "/template");
  if (!form.is_object() && subtree_at(properties, "/templateLink").is_object())
    throw ApiError(400, "InvalidTemplate",
                   "Templates behind links are not fetched: state properties.template.");
  if (!form.is_object())
    throw ApiError(400, "InvalidRequestContent",
                   "The request content was invalid: properties.template is missing.");
  const auto mode = text_at(properties, "/mode", "Incremental");
  const std::string& base = request.target.parent;
  DeploymentPlan plan;
  plan.mode = enum_value(mode, {"Incremental", "Complete"}, "mode");
  plan.variables = subtree_at(form, "/variables");
  auto scope = deployment_scope(context, base, request.target.name, Json::object(), plan.variables);
  read_parameters(form, subtree_at(properties, "/parameters"), scope, plan.parameters);
  plan.values = scope.parameters;
  Json resources = form.value("resources", Json::array()), steps = Json::array();
  // Templates of languageVersion 2.0 name their resources.
  if (resources.is_object()) {
    Json list = Json::array();
    for (const auto& one : resources) list.push_back(one);
    resources = list;
  }
  for (const auto& resource : resources) {
    if (resource.contains("copy") && resource["copy"].is_object())
      add_copies(steps, resource, scope, base);
    else
      add_steps(steps, resource, scope, base);
  }
  plan.steps = in_order(std::move(steps));
  plan.outputs = form.value("outputs", Json::object());
  check_outputs(plan.outputs);
  return plan;
}

}  // namespace azlin::simulator
