#include <fmt/format.h>

#include <algorithm>

#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr core::Millis kDemo{300}, kRealistic{5'000};

// What the network's registered types do when one of their resources goes away.
using Releases = std::map<std::string, std::function<void(Context&, const Resource&)>>;
Releases& releases(Context& context) {
  auto& slot = context.helpers["network.releases"];
  if (!slot.has_value()) slot = Releases{};
  return std::any_cast<Releases&>(slot);
}

void check_etag(const Request& request, const std::optional<Resource>& existing) {
  const auto wanted = request.header("if-match");
  const auto none = request.header("if-none-match");
  const bool missed =
      wanted && (!existing || (*wanted != "*" && *wanted != text_at(existing->body, "/etag")));
  if (missed || (none && *none == "*" && existing))
    throw ApiError(412, "PreconditionFailed",
                   "Precondition failed. The resource's etag is not the expected one.");
}

void check_not_busy(Context& context, const std::string& id) {
  if (!context.operations.running_on(id)) return;
  throw ApiError(429, "RetryableError",
                 "A retryable error occurred. Another operation on the resource is in progress.");
}

Reply put(Context& context, Request& request, const NetworkType& type) {
  check_network_name(request.target.name, same(type.type, kVnetType) ? 64 : 80);
  const auto existing = context.state.find(request.target.id);
  check_etag(request, existing);
  check_not_busy(context, request.target.id);
  drop_nulls(request.json);
  Resource fresh = make_resource(context, request, type.type);
  const Json zones = subtree_at(request.json, "/zones");
  if (zones.is_array() && !zones.empty()) fresh.body["zones"] = zones;
  auto& properties = fresh.body["properties"];
  properties["provisioningState"] = "Updating";
  properties["resourceGuid"] =
      existing ? existing->body["properties"].value("resourceGuid", new_guid()) : new_guid();
  type.prepare(context, request, fresh, existing);
  save_network(context, fresh);
  const Work work{"network.put", fresh.id, {{"id", fresh.id}}, kDemo, kRealistic};
  return context.operations.start(request, LroShape::network, fresh.location, work, existing ? 200 : 201,
                                  fresh.body, false);
}

Reply patch_tags(Context& context, Request& request) {
  auto resource = require(context, request.target.id);
  const Json& body = request.object();
  if (body.contains("tags") && !body["tags"].is_null()) {
    check_tags(body["tags"]);
    resource.body["tags"] = body["tags"];
    save_network(context, resource);
  }
  return Reply::json(200, resource.body);
}

Reply remove(Context& context, Request& request, const NetworkType& type) {
  auto resource = context.state.find(request.target.id);
  if (!resource) return Reply::empty(204);
  check_not_busy(context, resource->id);
  type.check_delete(context, *resource);
  resource->body["properties"]["provisioningState"] = "Deleting";
  save_network(context, *resource);
  const Work work{"network.delete", resource->id, {{"id", resource->id}}, kDemo, kRealistic};
  return context.operations.start(request, LroShape::network, resource->location, work, 202);
}

Json finish_put(Context& context, const Json& data) {
  auto resource = context.state.find(text_at(data, "/id"));
  if (!resource) return nullptr;
  auto& properties = resource->body["properties"];
  properties["provisioningState"] = "Succeeded";
  if (properties.contains("subnets"))
    for (auto& subnet : properties["subnets"]) subnet["properties"]["provisioningState"] = "Succeeded";
  save_network(context, *resource);
  return nullptr;
}

Json finish_delete(Context& context, const Json& data) {
  const auto resource = context.state.find(text_at(data, "/id"));
  if (!resource) return nullptr;
  const auto& release = releases(context)[lower(resource->type)];
  if (release) release(context, *resource);
  erase_with_children(context, resource->id);
  return nullptr;
}

}  // namespace

void check_network_name(const std::string& name, std::size_t longest) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const bool ends_meet =
      !name.empty() && is_word(name.front()) && (is_word(name.back()) || name.back() == '_');
  const bool all_known = std::all_of(name.begin(), name.end(),
                                     [&](char c) { return is_word(c) || c == '.' || c == '-' || c == '_'; });
  if (ends_meet && all_known && name.size() <= longest) return;
  throw ApiError(400, "InvalidResourceName",
                 fmt::format("Resource name {} is invalid. The name can be up to {} characters long. It must "
                             "begin with a word character, and it must end with a word character or with "
                             "'_'. The name may contain word characters or '.', '-', '_'.",
                             name, longest));
}

void save_network(Context& context, Resource& resource) {
  resource.body["etag"] = "W/\"" + new_guid() + "\"";
  context.save(resource);
}

Resource require_reference(Context& context, const std::string& id, const std::string& type,
                           const std::string& location, const std::string& referrer) {
  auto found = context.state.find(id);
  if (!found || !same(found->type, type) || (!location.empty() && found->location != location))
    throw ApiError(
        400, "InvalidResourceReference",
        fmt::format("Resource {} referenced by resource {} was not found. Please make sure that the "
                    "referenced resource exists, and that both resources are in the same region.",
                    id, referrer));
  return std::move(*found);
}

void register_network_type(Router& router, Context& context, const NetworkType& type) {
  if (releases(context).empty()) {
    context.operations.on("network.put", finish_put);
    context.operations.on("network.delete", finish_delete);
  }
  releases(context)[lower(type.type)] = type.release;
  context.on_tags[lower(type.type)] = save_network;
  if (type.release) context.on_erase[lower(type.type)] = type.release;
  const std::string path = group_path(type.type);
  const auto get = [&context](Request& request) {
    auto reply = get_resource(context, request);
    return reply;
  };
  const auto list = [&context, name = type.type](Request& request) {
    return list_resources(context, request, name);
  };
  router.arm("PUT", path + "/{name}", type.type,
             [&context, type](Request& r) { return put(context, r, type); });
  router.arm("PATCH", path + "/{name}", type.type, [&context](Request& r) { return patch_tags(context, r); });
  router.arm("GET", path + "/{name}", type.type, get);
  router.arm("DELETE", path + "/{name}", type.type,
             [&context, type](Request& r) { return remove(context, r, type); });
  router.arm("GET", path, type.type, list);
  router.arm("GET", subscription_path(type.type), type.type, list);
}

}  // namespace azlin::simulator
