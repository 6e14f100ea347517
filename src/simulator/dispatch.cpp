#include "simulator/dispatch.hpp"

#include <fmt/format.h>

#include "simulator/activity_log.hpp"
#include "simulator/api_versions.hpp"
#include "simulator/known_types.hpp"
#include "simulator/locks.hpp"
#include "simulator/page_blob.hpp"
#include "simulator/policies.hpp"
#include "simulator/relaxed_json.hpp"
#include "simulator/subscriptions.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

bool is_write(const std::string& method) {
  return method != "GET" && method != "HEAD";
}

std::string region_of_path(const std::vector<std::string>& segments) {
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    if (same(segments[i], "locations")) return lower(segments[i + 1]);
  }
  return {};
}

// The region that a request is about: that of the resource, of its parent, of the body, or of the path.
std::string region_of(Context& context, const Request& request) {
  for (auto segments = split_path(request.target.id); segments.size() >= 6;
       segments.resize(segments.size() - 2)) {
    std::string id;
    for (const auto& segment : segments) id += "/" + segment;
    const auto resource = context.state.find(id);
    if (resource && !resource->location.empty()) return resource->location;
  }
  if (request.json.is_object() && request.json.value("location", Json()).is_string()) {
    std::string region = lower(request.json["location"].get<std::string>());
    std::erase(region, ' ');
    return region;
  }
  return region_of_path(request.segments);
}

[[noreturn]] void throw_region_down(const std::string& region) {
  throw ApiError(503, "ServiceUnavailable",
                 fmt::format("The service in region '{}' is unavailable. Please retry.", region));
}

// Ids in the body count, too: a disk made from a snapshot in a lost region cannot be read from there.
void check_body_regions(Context& context, const Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (!starts_with_ignoring_case(text, "/subscriptions/")) return;
    const auto resource = context.state.find(text);
    if (resource && context.faults.region_down(resource->location)) throw_region_down(resource->location);
  } else if (value.is_structured()) {
    for (const auto& child : value) check_body_regions(context, child);
  }
}

using Exceptions = std::vector<std::function<bool(const Request&)>>;
constexpr const char* kExceptions = "answers during an outage";  // among Context::helpers

bool survives_outage(const Context& context, const Request& request) {
  const auto found = context.helpers.find(kExceptions);
  if (found == context.helpers.end()) return false;
  const auto& exceptions = std::any_cast<const Exceptions&>(found->second);
  return std::any_of(exceptions.begin(), exceptions.end(),
                     [&](const auto& answers) { return answers(request); });
}

void check_region(Context& context, const Request& request) {
  if (context.faults.regions_down().empty()) return;
  const std::string region = region_of(context, request);
  if (survives_outage(context, request)) return;
  if (context.faults.region_down(region)) throw_region_down(region);
  check_body_regions(context, request.json);
}

[[noreturn]] void throw_no_method(const Request& request) {
  throw ApiError(405, "MethodNotAllowed",
                 fmt::format("The requested resource does not support http method '{}'.", request.method));
}

[[noreturn]] void throw_no_route(const Router& router, const Request& request, const Match& match) {
  if (match.path_known) throw_no_method(request);
  const auto& target = request.target;
  if (!target.space.empty() && target.type != "Microsoft.Resources" &&
      !target.type.starts_with("Microsoft.Resources/")) {
    if (!router.has_space(target.space))
      throw ApiError(404, "InvalidResourceNamespace",
                     fmt::format("The resource namespace '{}' is invalid.", target.space));
    const std::string type = request.method == "POST" ? target.type + "/" + target.verb : target.type;
    const auto slash = type.find('/');
    throw ApiError(
        404, "InvalidResourceType",
        fmt::format("The resource type '{}' could not be found in the namespace '{}' for api version '{}'.",
                    slash == std::string::npos ? "" : type.substr(slash + 1), target.space,
                    request.api_version));
  }
  throw ApiError(404, "MissingSubscription",
                 "The request did not have a subscription or a valid tenant level resource provider.");
}

void check_subscription(Context& context, const Request& request) {
  const auto& id = request.target.subscription;
  if (id.empty() || subscription_exists(context.state, id)) return;
  if (!is_guid(id))
    throw ApiError(400, "InvalidSubscriptionId",
                   fmt::format("The provided subscription identifier '{}' is malformed or invalid.", id));
  ApiError error(404, "SubscriptionNotFound", fmt::format("The subscription '{}' could not be found.", id));
  error.headers.emplace_back("x-ms-failure-cause", "gateway");
  throw error;
}

// A request on the group itself is the handler's affair.
void check_group(Context& context, const Request& request) {
  const auto& target = request.target;
  if (target.group.empty() || request.segments.size() <= 4) return;
  const auto group =
      context.state.find("/subscriptions/" + target.subscription + "/resourceGroups/" + target.group);
  if (!group) {
    ApiError error(404, "ResourceGroupNotFound",
                   fmt::format("Resource group '{}' could not be found.", target.group));
    error.headers.emplace_back("x-ms-failure-cause", "gateway");
    throw error;
  }
  const bool deleting = group->body["properties"].value("provisioningState", "") == "Deleting";
  if (deleting && (request.method == "PUT" || request.method == "PATCH" || request.method == "POST"))
    throw ApiError(
        409, "ResourceGroupBeingDeleted",
        fmt::format("The resource group '{}' is in deprovisioning state and cannot perform this operation.",
                    target.group));
}

// A body of another type is refused unread.
void check_media_type(const Request& request) {
  if (request.body.empty()) return;
  const std::string header = request.header("content-type").value_or("<null>");
  const std::string type = trim(header.substr(0, header.find(';')));
  if (same(type, "application/json")) return;
  throw ApiError(
      415, "UnsupportedMediaType",
      fmt::format("The content media type '{}' is not supported. Only 'application/json' is supported.",
                  type));
}

Json parse_body(const Request& request) {
  if (request.body.empty()) return nullptr;
  Json body = Json::parse(request.body, nullptr, false);
  // Templates may be written as people write JSON; `az deployment` itself leaves quotes out.
  if (body.is_discarded() && same(request.target.type, "Microsoft.Resources/deployments"))
    body = Json::parse(strict_json(request.body), nullptr, false);
  if (body.is_discarded())
    throw ApiError(400, "InvalidRequestContent",
                   "The request content was invalid and could not be deserialized: 'it is not valid JSON.'.");
  return body;
}

// The tenant has no management groups that anybody may see.
void check_management_group(const Request& request) {
  const auto& segments = request.segments;
  if (segments.size() < 3 || !same(segments[0], "providers") || !same(segments[1], "Microsoft.Management") ||
      !same(segments[2], "managementGroups"))
    return;
  std::string scope = "/providers/Microsoft.Management";
  if (segments.size() > 3) scope += "/managementGroups/" + segments[3];
  throw ApiError(
      403, "AuthorizationFailed",
      fmt::format("The client '{0}' with object id '{0}' does not have authorization to perform action "
                  "'{1}' over scope '{2}' or the scope is invalid. If access was recently granted, please "
                  "refresh your credentials.",
                  request.principal, request.target.action, scope));
}

// Is the place there, may you, is it locked, is it allowed?
void check_allowed(Context& context, const Request& request) {
  check_management_group(request);
  check_subscription(context, request);
  check_group(context, request);
  context.access.check(request.principal, request.target.action, request.target.id);
  check_locks(context.state, request);
  context.access.check_policies(request);
  check_assigned_policies(context, request);
}

// Azure's order: who are you, which api, which subscription and group, may you, is it locked, is it allowed,
// too often?
void check_arm(Context& context, const Route& route, Request& request, Headers& headers) {
  const auto claims = check_token(request, context.now());
  request.principal = claims.principal;
  check_api_version(request.api_version, route.versions, region_of_path(request.segments));
  check_media_type(request);
  request.json = parse_body(request);
  check_allowed(context, request);
  context.throttle.charge(request, context.now(), headers);
  check_region(context, request);
}

// A client that sends a number where a text belongs, or leaves out what is needed, finds out as on Azure.
ApiError bad_content(const Json::exception& error) {
  return {400, "InvalidRequestContent",
          fmt::format("The request content was invalid and could not be deserialized: '{}'.", error.what())};
}

Reply run_arm(Context& context, const Route& route, Request& request) {
  Headers headers;
  Reply reply;
  try {
    check_arm(context, route, request, headers);
    if (is_write(request.method)) {
      store::Transaction transaction(context.state.db());
      reply = route.handler(request);
      note_activity(context, request, reply);
      transaction.commit();
    } else {
      reply = route.handler(request);
      // What is missing is missing under HEAD, too; what is there has no HEAD unless a route says so.
      if (request.method == "HEAD" && route.method == "GET") throw_no_method(request);
    }
  } catch (const ApiError& error) {
    reply = Reply::error(error);
  } catch (const Json::exception& error) {
    reply = Reply::error(bad_content(error));
  }
  // A refused write was rolled back; that it was tried is noted where the caller is known.
  if (is_write(request.method) && reply.status >= 400 && !request.principal.empty())
    note_activity(context, request, reply);
  reply.headers.insert(reply.headers.end(), headers.begin(), headers.end());
  return reply;
}

// No route: who asks, the version and the scope come first all the same.
Reply refuse_unrouted(Context& context, const Router& router, Request& request, const Match& match) {
  const std::string first = request.segments.empty() ? "" : lower(request.segments[0]);
  // The address of a disk's contents, cut short or longer than one.
  if (first == "_sas")
    return Reply::text(400,
                       storage_error_xml("InvalidUri",
                                         "The requested URI does not represent any resource on the server."),
                       "application/xml")
        .with("x-ms-error-code", "InvalidUri");
  if (first == "subscriptions" || first == "providers") {
    const std::lock_guard lock(context.mutex);
    check_token(request, context.now());
    if (request.api_version.empty()) check_api_version("", "Microsoft.Resources/resources", "");
    check_subscription(context, request);
    check_group(context, request);
  }
  throw_no_route(router, request, match);
}

Reply run_route(Context& context, const Router& router, Request& request) {
  const Match match = router.find(request.method, request.segments);
  if (match.route == nullptr && !match.path_known) {
    const std::lock_guard lock(context.mutex);
    if (const auto known = known_route(context, request)) {
      context.operations.settle();
      return run_arm(context, *known, request);
    }
  }
  if (match.route == nullptr) return refuse_unrouted(context, router, request, match);
  request.params = match.params;
  // A page in a browser has no business here.
  if (request.path.starts_with("/_simulator/") && request.header("origin"))
    throw ApiError(403, "Forbidden", "The admin endpoint takes no requests from web pages.");
  if (match.route->plane == Plane::data) return match.route->handler(request);
  const std::lock_guard lock(context.mutex);
  context.operations.settle();
  if (match.route->plane == Plane::arm) return run_arm(context, *match.route, request);
  request.json = Json::parse(request.body.empty() ? "null" : request.body, nullptr, false);
  store::Transaction transaction(context.state.db());
  Reply reply = match.route->handler(request);
  transaction.commit();
  return reply;
}

void add_ids(Context& context, const Request& request, Reply& reply) {
  reply.with("x-ms-request-id", request.request_id);
  reply.with("x-ms-correlation-request-id",
             request.header("x-ms-correlation-request-id").value_or(request.request_id));
  std::string stamp = core::to_iso8601(std::chrono::floor<std::chrono::seconds>(context.now()));
  std::erase(stamp, '-');
  std::erase(stamp, ':');
  reply.with("x-ms-routing-request-id", "SIMULATOR:" + stamp + ":" + new_guid());
  const auto client_id = request.header("x-ms-client-request-id");
  if (client_id && request.header("x-ms-return-client-request-id").value_or("") == "true")
    reply.with("x-ms-client-request-id", *client_id);
  reply.with("Cache-Control", "no-cache").with("Pragma", "no-cache").with("Expires", "-1");
}

}  // namespace

void check_write(Context& context, const Request& request) {
  check_allowed(context, request);
  check_region(context, request);
}

void answer_during_outage(Context& context, const std::function<bool(const Request&)>& answers) {
  std::any& found = context.helpers[kExceptions];
  if (!found.has_value()) found = Exceptions();
  std::any_cast<Exceptions&>(found).push_back(answers);
}

Reply dispatch(Context& context, const Router& router, Request& request) {
  request.request_id = new_guid();
  request.target = parse_target(request.method, request.segments);
  request.api_version = request.query_or("api-version", "");
  Reply reply;
  try {
    reply = run_route(context, router, request);
  } catch (const ApiError& error) {
    reply = Reply::error(error);
  } catch (const Json::exception& error) {
    reply = Reply::error(bad_content(error));
  } catch (const std::exception& error) {
    reply = Reply::error(
        ApiError(500, "InternalServerError", fmt::format("The simulator failed: {}", error.what())));
  }
  add_ids(context, request, reply);
  return reply;
}

}  // namespace azlin::simulator
