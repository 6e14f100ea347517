// The Tags API: …/{scope}/providers/Microsoft.Resources/tags/default.
#include <fmt/format.h>

#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/tag_rules.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kType = "Microsoft.Resources/tags";

Reply answer(const Resource& resource) {
  return Reply::json(200, {{"id", resource.id + "/providers/Microsoft.Resources/tags/default"},
                           {"name", "default"},
                           {"type", kType},
                           {"properties", {{"tags", resource.body.value("tags", Json::object())}}}});
}

Resource require_scope(Context& context, const Request& request) {
  const std::string& scope = request.param("scope");
  const auto segments = split_path(scope);
  auto found = context.state.find(scope);
  if (found) return std::move(*found);
  if (segments.size() == 4)
    throw ApiError(404, "ResourceGroupNotFound",
                   fmt::format("Resource group '{}' could not be found.", segments[3]));
  throw_not_found(scope);
}

const Json& given_tags(const Request& request) {
  const Json& body = request.object();
  if (!body.contains("properties") || !body["properties"].is_object() || !body["properties"].contains("tags"))
    throw ApiError(
        400, "InvalidRequestContent",
        "The request content was invalid and could not be deserialized: 'properties.tags is required.'.");
  return body["properties"]["tags"];
}

void save_tags(Context& context, Resource& resource, const Json& tags) {
  resource.body["tags"] = tags;
  const auto own = context.on_tags.find(lower(resource.type));
  if (own == context.on_tags.end()) return context.save(resource);
  own->second(context, resource);
}

Reply store_tags(Context& context, Resource& resource, const Json& tags) {
  check_tags(tags);
  save_tags(context, resource, tags);
  return answer(resource);
}

Reply patch_tags(Context& context, const Request& request) {
  Resource resource = require_scope(context, request);
  const Json& changes = given_tags(request);
  check_tags(changes);
  const Json present = resource.body.value("tags", Json::object());
  const std::string operation = request.object().value("operation", "");
  if (same(operation, "Merge")) return store_tags(context, resource, merge_tags(present, changes));
  if (same(operation, "Replace")) return store_tags(context, resource, changes);
  if (same(operation, "Delete")) return store_tags(context, resource, remove_tags(present, changes));
  throw ApiError(400, "InvalidTagsOperation",
                 fmt::format("The tags operation '{}' is invalid. Use Merge, Replace or Delete.", operation));
}

}  // namespace

void register_tags(Router& router, Context& context) {
  const std::string path = "/{*scope}/providers/Microsoft.Resources/tags/default";
  router.arm("GET", path, kType,
             [&context](Request& request) { return answer(require_scope(context, request)); });
  router.arm("PATCH", path, kType, [&context](Request& request) { return patch_tags(context, request); });
  router.arm("PUT", path, kType, [&context](Request& request) {
    Resource resource = require_scope(context, request);
    return store_tags(context, resource, given_tags(request));
  });
  router.arm("DELETE", path, kType, [&context](Request& request) {
    Resource resource = require_scope(context, request);
    save_tags(context, resource, Json::object());
    return Reply::empty(200);
  });
}

}  // namespace azlin::simulator
