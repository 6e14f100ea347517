// What a deployment would change (what-if), what it did (operations), and its template.
#include <fmt/format.h>

#include "simulator/deployment_plan.hpp"
#include "simulator/json_util.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kType = "Microsoft.Resources/deployments";

// Members of `wanted` that differ from `present`, as paths with dots. What a template leaves out stays as it
// is.
void compare(const Json& present, const Json& wanted, const std::string& path, Json& delta) {
  if (wanted.is_object() && present.is_object()) {
    for (const auto& [name, value] : wanted.items())
      compare(present.value(name, Json()), value, path.empty() ? name : path + "." + name, delta);
    return;
  }
  const bool same_text = wanted.is_string() && present.is_string() &&
                         same(wanted.get<std::string>(), present.get<std::string>());
  if (wanted == present || same_text) return;
  Json change = {
      {"path", path}, {"propertyChangeType", present.is_null() ? "Create" : "Modify"}, {"after", wanted}};
  if (!present.is_null()) change["before"] = present;
  delta.push_back(change);
}

Json change_of(Context& context, const Json& step) {
  const auto id = text_at(step, "/id");
  const auto target = parse_target("GET", split_path(id));
  Json after = step["body"];
  after["id"] = id;
  after["name"] = target.name;
  after["type"] = target.type;
  after["apiVersion"] = step["api"];
  Json change = {{"resourceId", id}, {"changeType", "Create"}, {"after", after}};
  const auto existing = context.state.find(id);
  if (!existing) return change;
  change["before"] = existing->body;
  Json delta = Json::array();
  compare(existing->body, step["body"], "", delta);
  change["changeType"] = delta.empty() ? "NoChange" : "Modify";
  if (!delta.empty()) change["delta"] = delta;
  return change;
}

// In Complete mode what the template does not name would go; in Incremental mode it is ignored.
void add_others(Context& context, const Request& request, const Json& steps, bool complete, Json& changes) {
  ListFilter inside;
  inside.subscription = request.target.subscription;
  inside.group = request.target.group;
  inside.tracked = true;
  if (inside.group.empty()) return;
  for (const auto& resource : context.state.list(inside)) {
    const bool named = std::any_of(steps.begin(), steps.end(),
                                   [&](const Json& step) { return same(text_at(step, "/id"), resource.id); });
    if (named) continue;
    changes.push_back({{"resourceId", resource.id},
                       {"changeType", complete ? "Delete" : "Ignore"},
                       {"before", resource.body}});
  }
}

Reply what_if(Context& context, Request& request) {
  drop_nulls(request.json);
  const auto plan = plan_deployment(context, request);
  Json changes = Json::array();
  for (const auto& step : plan.steps) changes.push_back(change_of(context, step));
  add_others(context, request, plan.steps, same(text_at(request.json, "/properties/mode"), "Complete"),
             changes);
  if (same(text_at(request.json, "/properties/whatIfSettings/resultFormat"), "ResourceIdOnly"))
    for (auto& change : changes)
      for (const char* member : {"before", "after", "delta"}) change.erase(member);
  const Work work{
      "deployment.whatif", request.target.id, {{"changes", changes}}, core::Millis{500}, core::Millis{5'000}};
  return context.operations.start(request, LroShape::group, "", work, 202);
}

Json operation_body(Context& context, const Resource& deployment, std::size_t index) {
  const auto& step = deployment.hidden["steps"][index];
  const auto id = text_at(step, "/id");
  const auto target = parse_target("GET", split_path(id));
  const auto at = static_cast<std::size_t>(number_at(deployment.hidden, "/at", 0));
  const auto overall = text_at(deployment.body, "/properties/provisioningState");
  const bool last = index + 1 == at, ended = overall != "Running";
  const bool failed = overall == "Failed" && (last || index == at);
  const auto name = guid_from(deployment.key() + std::to_string(index));
  Json properties = {
      {"provisioningOperation", "Create"},
      {"provisioningState", failed           ? "Failed"
                            : last && !ended ? "Running"
                                             : "Succeeded"},
      {"timestamp", to_azure_time(context.now())},
      {"duration", "PT1S"},
      {"trackingId", name},
      {"statusCode", failed ? "Conflict" : "OK"},
      {"targetResource", {{"id", id}, {"resourceName", target.name}, {"resourceType", target.type}}}};
  if (failed)
    properties["statusMessage"] = {{"error", subtree_at(deployment.body, "/properties/error/details/0")}};
  return {{"id", deployment.id + "/operations/" + name}, {"operationId", name}, {"properties", properties}};
}

// Those that have begun.
Json operations_of(Context& context, const Resource& deployment) {
  const auto total = deployment.hidden["steps"].size();
  auto begun = static_cast<std::size_t>(number_at(deployment.hidden, "/at", 0));
  if (text_at(deployment.body, "/properties/provisioningState") == "Failed") ++begun;
  Json all = Json::array();
  for (std::size_t i = 0; i < std::min(begun, total); ++i)
    all.push_back(operation_body(context, deployment, i));
  return all;
}

Resource require_deployment(Context& context, const std::string& id) {
  auto found = context.state.find(id);
  if (found) return std::move(*found);
  throw ApiError(404, "DeploymentNotFound",
                 fmt::format("Deployment '{}' could not be found.", last_segment(id)));
}

Reply get_operation(Context& context, const Request& request) {
  const auto& id = request.target.id;
  const auto deployment = require_deployment(context, id.substr(0, lower(id).rfind("/operations/")));
  for (const auto& one : operations_of(context, deployment))
    if (same(text_at(one, "/operationId"), request.target.name)) return Reply::json(200, one);
  throw ApiError(404, "DeploymentOperationNotFound",
                 fmt::format("The deployment operation '{}' could not be found.", request.target.name));
}

}  // namespace

void register_deployment_previews(Router& router, Context& context) {
  context.operations.on("deployment.whatif", [](Context&, const Json& data) {
    return Json{{"status", "Succeeded"},
                {"properties", {{"correlationId", new_guid()}, {"changes", data["changes"]}}}};
  });
  for (const std::string& path : {group_path(kType), subscription_path(kType)}) {
    const std::string one = path + "/{name}";
    router.arm("POST", one + "/whatIf", kType, [&context](Request& r) { return what_if(context, r); });
    router.arm("POST", one + "/exportTemplate", kType, [&context](Request& r) {
      return Reply::json(200, {{"template", require_deployment(context, r.target.id).hidden["template"]}});
    });
    router.arm("GET", one + "/operations", kType, [&context](Request& r) {
      return Reply::json(200, {{"value", operations_of(context, require_deployment(context, r.target.id))}});
    });
    // The address that clients use has no provider in it.
    router.arm(
        "GET",
        path == group_path(kType) ? "/subscriptions/{sub}/resourceGroups/{rg}/deployments/{name}/operations"
                                  : "/subscriptions/{sub}/deployments/{name}/operations",
        kType, [&context](Request& r) {
          const auto id = fmt::format("{}/providers/{}/{}", r.target.parent, kType, r.param("name"));
          return Reply::json(200, {{"value", operations_of(context, require_deployment(context, id))}});
        });
    router.arm("GET", one + "/operations/{operation}", kType,
               [&context](Request& r) { return get_operation(context, r); });
  }
}

}  // namespace azlin::simulator
