// Template deployments of groups and subscriptions: resources in the order of dependsOn, with conditions,
// copies and outputs; a nested deployment is a resource like any other.
#include <algorithm>

#include <fmt/format.h>

#include "simulator/api_versions.hpp"
#include "simulator/deployment_plan.hpp"
#include "simulator/dispatch.hpp"
#include "simulator/json_util.hpp"
#include "simulator/known_types.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kType = "Microsoft.Resources/deployments";
constexpr core::Millis kStepDemo{200}, kStepRealistic{2'000};
// Where nothing takes time, a resource is looked at as often as the longest nested template has steps, and
// then at these intervals: one that never ends holds up no request.
constexpr int kQuickLooks = 1'000;
constexpr core::Millis kLook{50};

// `looks`: how often the resource under way was looked at.
void schedule_step(Context& context, const std::string& id, std::int64_t looks = 0) {
  const core::Millis least = looks > kQuickLooks ? kLook : core::Millis{0};
  context.operations.schedule({"deployment.step", id, {{"id", id}, {"looks", looks}}},
                              std::max(least, context.delay(kStepDemo, kStepRealistic)));
}

Reply put_deployment(Context& context, Request& request) {
  drop_nulls(request.json);
  const auto plan = plan_deployment(context, request);
  const auto& steps = plan.steps;
  Resource deployment;
  deployment.id = request.target.id;
  deployment.type = kType;
  deployment.name = request.target.name;
  const Json stamp = to_azure_time(context.now());
  deployment.body = {
      {"id", deployment.id},
      {"name", deployment.name},
      {"type", kType},
      {"properties",
       {{"provisioningState", "Running"},
        {"mode", plan.mode},
        {"parameters", plan.parameters},
        {"timestamp", stamp},
        {"correlationId", request.request_id},
        {"templateHash",
         std::to_string(std::hash<std::string>{}(request.json["properties"]["template"].dump()))},
        {"providers", Json::array()},
        {"dependencies", Json::array()}}}};
  if (request.json.contains("location")) deployment.body["location"] = request.json["location"];
  if (request.json.contains("tags")) {
    check_tags(request.json["tags"]);
    deployment.body["tags"] = request.json["tags"];
  }
  deployment.hidden = {{"steps", steps},
                       {"template", request.json["properties"]["template"]},
                       {"outputs", plan.outputs},
                       {"values", plan.values},
                       {"variables", plan.variables},
                       {"scope", request.target.parent},
                       {"started", context.now().time_since_epoch().count()},
                       {"at", 0},
                       {"base", request.base_url},
                       {"principal", request.principal},
                       {"operation", request.request_id}};
  const bool existed = context.state.exists(deployment.id);
  context.save(deployment);
  schedule_step(context, deployment.id);
  const auto url = fmt::format("{}{}/operationStatuses/{}?api-version={}", request.base_url, deployment.id,
                               request.request_id, request.api_version);
  return std::move(Reply::json(existed ? 200 : 201, deployment.body)
                       .with("Azure-AsyncOperation", url)
                       .with("Retry-After", context.retry_after()));
}

// The PUT of one resource, by the handler that a client would reach.
void put_resource(Context& context, const Router& router, const Resource& deployment, const Json& step) {
  Request request;
  request.method = "PUT";
  request.path = step["id"];
  request.segments = split_path(request.path);
  request.target = parse_target(request.method, request.segments);
  request.base_url = text_at(deployment.hidden, "/base");
  request.principal = text_at(deployment.hidden, "/principal");
  request.api_version = step["api"];
  request.request_id = new_guid();
  request.json = step["body"];
  const auto match = router.find(request.method, request.segments);
  const auto known = match.route == nullptr ? known_route(context, request) : std::nullopt;
  const Route* route = known ? &*known : match.route;
  if (route == nullptr)
    throw ApiError(400, "InvalidResourceType",
                   fmt::format("The resource type '{}' is not simulated.", request.target.type));
  check_api_version(request.api_version, route->versions, "");
  check_write(context, request);
  request.params = match.params;
  route->handler(request);
}

// Those whose condition holds, with the values of now.
Json outputs_of(Context& context, const Resource& deployment) {
  const auto scope =
      deployment_scope(context, text_at(deployment.hidden, "/scope"), deployment.name,
                       subtree_at(deployment.hidden, "/values"), subtree_at(deployment.hidden, "/variables"));
  Json shown = Json::object();
  for (const auto& [name, about] : deployment.hidden["outputs"].items()) {
    const Json condition =
        about.contains("condition") ? resolve_template(about["condition"], scope) : Json(true);
    if (condition.is_boolean() && !condition.get<bool>()) continue;
    shown[name] = {{"type", text_at(about, "/type", "String")},
                   {"value", resolve_template(about.value("value", Json()), scope)}};
  }
  return shown;
}

void end(Context& context, Resource& deployment, const std::string& state, const Json& error = nullptr) {
  const auto took = context.now().time_since_epoch().count() - number_at(deployment.hidden, "/started", 0);
  deployment.body["properties"]["duration"] = fmt::format("PT{}.{:03d}S", took / 1000, took % 1000);
  deployment.body["properties"]["provisioningState"] = state;
  if (!error.is_null())
    deployment.body["properties"]["error"] = {{"code", "DeploymentFailed"},
                                              {"message",
                                               "At least one resource deployment operation failed. Please "
                                               "list deployment operations for details. Please see "
                                               "https://aka.ms/arm-deployment-operations for usage details."},
                                              {"details", {error}}};
  context.save(deployment);
}

Json unreadable(const Json::exception& error) {
  return {{"code", "InvalidRequestContent"}, {"message", error.what()}};
}

// Some children, subnets and security rules among them, are kept in their parents, whose state is theirs.
std::string state_of(Context& context, const std::string& id) {
  auto resource = context.state.find(id);
  if (!resource) resource = context.state.find(id.substr(0, id.rfind('/', id.rfind('/') - 1)));
  return resource ? text_at(resource->body, "/properties/provisioningState", "Succeeded") : "Failed";
}

// Waits for the resource under way, then begins the next one.
Json step_effect(Context& context, const Router& router, const Json& data) {
  auto deployment = context.state.find(text_at(data, "/id"));
  if (!deployment) return nullptr;
  const auto& steps = deployment->hidden["steps"];
  const auto at = static_cast<std::size_t>(number_at(deployment->hidden, "/at", 0));
  if (at > 0) {
    const auto before = state_of(context, steps[at - 1]["id"]);
    if (before == "Failed" || before == "Canceled") {
      end(context, *deployment, "Failed",
          {{"code", "ResourceDeploymentFailure"},
           {"message",
            fmt::format("The resource operation completed with terminal provisioning state '{}'.", before)},
           {"target", steps[at - 1]["id"]}});
      return nullptr;
    }
    if (before != "Succeeded") {
      schedule_step(context, deployment->id, number_at(data, "/looks", 0) + 1);
      return nullptr;
    }
  }
  if (at == steps.size()) {
    try {
      deployment->body["properties"]["outputs"] = outputs_of(context, *deployment);
      auto& made = deployment->body["properties"]["outputResources"] = Json::array();
      for (const auto& step : steps) made.push_back({{"id", step["id"]}});
    } catch (const ApiError& error) {
      end(context, *deployment, "Failed", error.inner());
      return nullptr;
    } catch (const Json::exception& error) {
      end(context, *deployment, "Failed", unreadable(error));
      return nullptr;
    }
    end(context, *deployment, "Succeeded");
    return nullptr;
  }
  try {
    put_resource(context, router, *deployment, steps[at]);
  } catch (const ApiError& error) {
    end(context, *deployment, "Failed", error.inner());
    return nullptr;
  } catch (const Json::exception& error) {
    end(context, *deployment, "Failed", unreadable(error));
    return nullptr;
  }
  deployment->hidden["at"] = at + 1;
  context.save(*deployment);
  schedule_step(context, deployment->id);
  return nullptr;
}

Reply operation_status(Context& context, const Request& request) {
  const auto id = request.target.id.substr(0, lower(request.target.id).rfind("/operationstatuses/"));
  const auto deployment = require(context, id);
  if (text_at(deployment.hidden, "/operation") != request.param("operation"))
    throw ApiError(404, "NotFound", "The operation does not exist.");
  const auto state = text_at(deployment.body, "/properties/provisioningState");
  Json body = {{"status", state}};
  if (deployment.body["properties"].contains("error")) body["error"] = deployment.body["properties"]["error"];
  return std::move(Reply::json(200, body).with("Retry-After", context.retry_after()));
}

Reply validate(Context& context, Request& request) {
  drop_nulls(request.json);
  const auto plan = plan_deployment(context, request);
  Json validated = Json::array();
  for (const auto& step : plan.steps) validated.push_back({{"id", step["id"]}});
  return Reply::json(200, {{"id", request.target.id},
                           {"name", request.target.name},
                           {"type", kType},
                           {"properties",
                            {{"provisioningState", "Succeeded"},
                             {"mode", plan.mode},
                             {"parameters", plan.parameters},
                             {"timestamp", to_azure_time(context.now())},
                             {"correlationId", request.request_id},
                             {"validatedResources", validated}}}});
}

// Under way, it stops after the resource in hand.
Reply cancel(Context& context, const Request& request) {
  auto deployment = require(context, request.target.id);
  const auto state = text_at(deployment.body, "/properties/provisioningState");
  if (state != "Running" && state != "Accepted")
    throw ApiError(409, "DeploymentCannotBeCancelled",
                   fmt::format("The deployment '{}' cannot be cancelled because it is in the state '{}'.",
                               deployment.name, state));
  context.operations.cancel(deployment.id, "deployment.step");
  end(context, deployment, "Canceled");
  return Reply::empty(204);
}

// `$filter=provisioningState eq 'Succeeded'`
Reply list(Context& context, const Request& request) {
  ListFilter filter;
  filter.type = kType;
  filter.id_prefix = lower(request.target.parent) + "/providers/microsoft.resources/deployments/";
  const auto parts = split(request.query_or("$filter", ""), '\'');
  Json value = Json::array();
  for (const auto& one : context.state.list(filter))
    if (parts.size() < 2 || same(text_at(one.body, "/properties/provisioningState"), parts[1]))
      value.push_back(one.body);
  return Reply::json(200, {{"value", value}});
}

Reply get(Context& context, const Request& request) {
  const auto found = context.state.find(request.target.id);
  if (found) return Reply::json(200, found->body);
  throw ApiError(404, "DeploymentNotFound",
                 fmt::format("Deployment '{}' could not be found.", request.target.name));
}

Reply remove(Context& context, const Request& request) {
  return Reply::empty(context.state.erase(request.target.id) ? 202 : 204);
}

}  // namespace

void register_deployments(Router& router, Context& context) {
  context.operations.on("deployment.step",
                        [&router](Context& ctx, const Json& data) { return step_effect(ctx, router, data); });
  for (const std::string& path : {group_path(kType), subscription_path(kType)}) {
    const std::string one = path + "/{name}";
    router.arm("PUT", one, kType, [&context](Request& r) { return put_deployment(context, r); });
    router.arm("GET", one, kType, [&context](Request& r) { return get(context, r); });
    router.arm("HEAD", one, kType, [&context](Request& r) {
      return Reply::empty(context.state.exists(r.target.id) ? 204 : 404);
    });
    router.arm("DELETE", one, kType, [&context](Request& r) { return remove(context, r); });
    router.arm("POST", one + "/validate", kType, [&context](Request& r) { return validate(context, r); });
    router.arm("POST", one + "/cancel", kType, [&context](Request& r) { return cancel(context, r); });
    router.arm("GET", path, kType, [&context](Request& r) { return list(context, r); });
    router.arm("GET", one + "/operationStatuses/{operation}", kType,
               [&context](Request& r) { return operation_status(context, r); });
  }
  register_deployment_previews(router, context);
}

}  // namespace azlin::simulator
