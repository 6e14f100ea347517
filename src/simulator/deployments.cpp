// Template deployments, as far as `az vm create` uses them: resources in the order of dependsOn, the
// functions parameters, variables, concat, resourceId and resourceGroup().location; no copies, conditions or
// nested templates.
#include <fmt/format.h>

#include "simulator/api_versions.hpp"
#include "simulator/json_util.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kType = "Microsoft.Resources/deployments";
constexpr core::Millis kStepDemo{200}, kStepRealistic{2'000};

ApiError invalid_template(const std::string& message) {
  return {400, "InvalidTemplate", "Deployment template validation failed: '" + message + "'."};
}

// Evaluates "[…]" in the texts of a template.
class Expressions {
 public:
  Expressions(const Json& parameters, const Json& variables, std::string group_id, std::string location)
      : parameters_(parameters),
        variables_(variables),
        group_id_(std::move(group_id)),
        location_(std::move(location)) {}

  Json resolve(const Json& value) {
    if (value.is_string()) return resolve_text(value.get<std::string>());
    if (!value.is_structured()) return value;
    Json copy = value;
    for (auto& child : copy) child = resolve(child);
    return copy;
  }

 private:
  Json resolve_text(const std::string& text) {
    if (text.size() < 2 || text.front() != '[' || text.back() != ']') return text;
    if (text.starts_with("[[")) return text.substr(1);
    at_ = 1;
    text_ = text;
    return expression();
  }

  std::string identifier() {
    const auto begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_'))
      ++at_;
    return text_.substr(begin, at_ - begin);
  }

  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  std::string literal() {
    const auto end = text_.find('\'', ++at_);
    if (end == std::string::npos) throw invalid_template("unterminated string in " + text_);
    auto value = text_.substr(at_, end - at_);
    at_ = end + 1;
    return value;
  }

  Json expression() {
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == '\'') return literal();
    const auto name = identifier();
    if (name.empty() || at_ >= text_.size() || text_[at_] != '(')
      throw invalid_template("cannot read " + text_);
    ++at_;
    std::vector<std::string> arguments;
    for (skip_spaces(); at_ < text_.size() && text_[at_] != ')'; skip_spaces()) {
      const Json argument = expression();
      if (!argument.is_string()) throw invalid_template("an argument is no string in " + text_);
      arguments.push_back(argument.get<std::string>());
      skip_spaces();
      if (at_ < text_.size() && text_[at_] == ',') ++at_;
    }
    ++at_;
    std::string member;
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      member = identifier();
    }
    return call(lower(name), arguments, member);
  }

  Json call(const std::string& name, const std::vector<std::string>& arguments, const std::string& member) {
    if (name == "parameters" && arguments.size() == 1) return look_up(parameters_, arguments[0]);
    if (name == "variables" && arguments.size() == 1) return look_up(variables_, arguments[0]);
    if (name == "resourcegroup" && member == "location") return location_;
    if (name == "resourcegroup" && member == "id") return group_id_;
    if (name == "concat") {
      std::string all;
      for (const auto& argument : arguments) all += argument;
      return all;
    }
    if (name == "resourceid" && arguments.size() >= 2) return resource_id(arguments);
    throw invalid_template(fmt::format("the template function '{}' is not simulated", name));
  }

  static Json look_up(const Json& values, const std::string& name) {
    for (const auto& [key, value] : values.items())
      if (same(key, name)) return value;
    throw invalid_template(fmt::format("the parameter or variable '{}' is not found", name));
  }

  std::string resource_id(const std::vector<std::string>& arguments) const {
    const auto types = split(arguments[0], '/');
    auto id = group_id_ + "/providers/" + types[0];
    for (std::size_t i = 1; i < types.size() && i < arguments.size(); ++i)
      id += "/" + types[i] + "/" + arguments[i];
    return id;
  }

  Json parameters_, variables_;
  std::string group_id_, location_, text_;
  std::size_t at_ = 0;
};

// What a resource of a template says, resolved, with its id.
Json make_step(const Json& resource, const std::string& group_id) {
  const auto types = split(text_at(resource, "/type"), '/'), names = split(text_at(resource, "/name"), '/');
  if (types.size() != names.size() + 1) throw invalid_template("type and name of a resource do not match");
  auto id = group_id + "/providers/" + types[0];
  for (std::size_t i = 0; i < names.size(); ++i) id += "/" + types[i + 1] + "/" + names[i];
  Json body = resource;
  for (const char* field : {"type", "name", "apiVersion", "dependsOn"}) body.erase(field);
  return {{"id", id},
          {"api", text_at(resource, "/apiVersion")},
          {"after", resource.value("dependsOn", Json::array())},
          {"body", body}};
}

// "Microsoft.Network/virtualNetworks/x", a whole id, or a name.
bool names(const std::string& dependency, const std::string& id) {
  const auto wanted = lower(dependency), whole = lower(id);
  return whole == wanted || whole.ends_with("/" + wanted) || whole.ends_with("/providers/" + wanted);
}

Json in_order(Json steps) {
  Json ordered = Json::array();
  while (!steps.empty()) {
    const auto ready = [&](const Json& step) {
      for (const auto& dependency : step["after"])
        for (const auto& other : steps)
          if (other["id"] != step["id"] &&
              names(dependency.get<std::string>(), other["id"].get<std::string>()))
            return false;
      return true;
    };
    const auto next = std::find_if(steps.begin(), steps.end(), ready);
    if (next == steps.end()) throw invalid_template("the resources depend on each other in a circle");
    ordered.push_back(*next);
    steps.erase(next);
  }
  return ordered;
}

Json plan_steps(Context& context, const Request& request) {
  const Json properties = subtree_at(request.json, "/properties"), form = subtree_at(properties, "/template");
  if (!form.is_object())
    throw ApiError(400, "InvalidRequestContent",
                   "The request content was invalid: properties.template is missing.");
  Json parameters = Json::object();
  const Json declared = subtree_at(form, "/parameters"), given = subtree_at(properties, "/parameters");
  if (declared.is_object())
    for (const auto& [name, about] : declared.items())
      if (about.contains("defaultValue")) parameters[name] = about["defaultValue"];
  if (given.is_object())
    for (const auto& [name, about] : given.items()) parameters[name] = about.value("value", Json());
  const auto group = require(context, request.target.parent);
  Json variables = subtree_at(form, "/variables");
  if (!variables.is_object()) variables = Json::object();
  Expressions expressions(parameters, variables, group.id, text_at(group.body, "/location"));
  Json steps = Json::array();
  for (const auto& resource : form.value("resources", Json::array()))
    steps.push_back(make_step(expressions.resolve(resource), group.id));
  return in_order(std::move(steps));
}

void schedule_step(Context& context, const std::string& id) {
  context.operations.schedule({"deployment.step", id, {{"id", id}}},
                              context.delay(kStepDemo, kStepRealistic));
}

Reply put_deployment(Context& context, Request& request) {
  drop_nulls(request.json);
  const Json steps = plan_steps(context, request);
  Resource deployment;
  deployment.id = request.target.id;
  deployment.type = kType;
  deployment.name = request.target.name;
  const Json stamp = to_azure_time(context.now());
  deployment.body = {{"id", deployment.id},
                     {"name", deployment.name},
                     {"type", kType},
                     {"properties",
                      {{"provisioningState", "Running"},
                       {"mode", "Incremental"},
                       {"timestamp", stamp},
                       {"correlationId", request.request_id},
                       {"outputs", Json::object()}}}};
  deployment.hidden = {{"steps", steps},
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
  if (match.route == nullptr)
    throw ApiError(400, "InvalidResourceType",
                   fmt::format("The resource type '{}' is not simulated.", request.target.type));
  check_api_version(request.api_version, match.route->versions, "");
  context.access.check(request.principal, request.target.action, request.target.id);
  request.params = match.params;
  match.route->handler(request);
}

void end(Context& context, Resource& deployment, const std::string& state, const Json& error = nullptr) {
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

std::string state_of(Context& context, const std::string& id) {
  const auto resource = context.state.find(id);
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
    if (before == "Failed") {
      end(context, *deployment, "Failed",
          {{"code", "ResourceDeploymentFailure"},
           {"message", "The resource operation completed with terminal provisioning state 'Failed'."},
           {"target", steps[at - 1]["id"]}});
      return nullptr;
    }
    if (before != "Succeeded") {
      schedule_step(context, deployment->id);
      return nullptr;
    }
  }
  if (at == steps.size()) {
    end(context, *deployment, "Succeeded");
    return nullptr;
  }
  try {
    put_resource(context, router, *deployment, steps[at]);
  } catch (const ApiError& error) {
    end(context, *deployment, "Failed", error.inner());
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
  plan_steps(context, request);
  return Reply::json(200, {{"properties", {{"provisioningState", "Succeeded"}, {"mode", "Incremental"}}}});
}

Reply remove(Context& context, const Request& request) {
  return Reply::empty(context.state.erase(request.target.id) ? 202 : 204);
}

}  // namespace

void register_deployments(Router& router, Context& context) {
  context.operations.on("deployment.step",
                        [&router](Context& ctx, const Json& data) { return step_effect(ctx, router, data); });
  const std::string one = group_path(kType) + "/{name}";
  router.arm("PUT", one, kType, [&context](Request& r) { return put_deployment(context, r); });
  router.arm("GET", one, kType, [&context](Request& r) { return get_resource(context, r); });
  router.arm("DELETE", one, kType, [&context](Request& r) { return remove(context, r); });
  router.arm("POST", one + "/validate", kType, [&context](Request& r) { return validate(context, r); });
  router.arm("GET", group_path(kType), kType,
             [&context](Request& r) { return list_resources(context, r, kType); });
  router.arm("GET", one + "/operationStatuses/{operation}", kType,
             [&context](Request& r) { return operation_status(context, r); });
}

}  // namespace azlin::simulator
