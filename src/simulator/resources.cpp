#include "simulator/resources.hpp"

#include <fmt/format.h>

#include "simulator/locations.hpp"
#include "simulator/tag_rules.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::size_t kPageSize = 1'000;
constexpr std::string_view kProviders = "/providers/";

// The path of the target with the group and the type spelt as they are known.
std::string canonical_id(Context& context, const Request& request, std::string_view type) {
  const Target& target = request.target;
  std::string id = "/subscriptions/" + target.subscription;
  if (!target.group.empty()) {
    const auto group = context.state.find(id + "/resourceGroups/" + target.group);
    id = group ? group->id : id + "/resourceGroups/" + target.group;
  }
  // Of "Microsoft.Compute/a/b" and names x, y: /providers/Microsoft.Compute/a/x/b/y.
  const auto types = split(type, '/');
  id += "/providers/" + types[0];
  const std::size_t first = request.segments.size() - 2 * (types.size() - 1);
  for (std::size_t i = 1; i < types.size(); ++i)
    id += "/" + types[i] + "/" + request.segments[first + 2 * i - 1];
  return id;
}

}  // namespace

std::string group_path(std::string_view type) {
  return fmt::format("/subscriptions/{{sub}}/resourceGroups/{{rg}}/providers/{}", type);
}

std::string subscription_path(std::string_view type) {
  return fmt::format("/subscriptions/{{sub}}/providers/{}", type);
}

void throw_not_found(const std::string& id) {
  // "The Resource 'Microsoft.Network/virtualNetworks/v/subnets/s'": types and names take turns.
  const Target target = parse_target("GET", split_path(id));
  ApiError error(
      404, "ResourceNotFound",
      fmt::format("The Resource '{}' under resource group '{}' was not found. For more details please go "
                  "to https://aka.ms/ARMResourceNotFoundFix",
                  target.id.substr(std::min(target.id.size(), target.parent.size() + kProviders.size())),
                  target.group));
  error.headers.emplace_back("x-ms-failure-cause", "gateway");
  throw error;
}

Resource require(Context& context, const std::string& id) {
  auto found = context.state.find(id);
  if (!found) throw_not_found(id);
  return std::move(*found);
}

Resource make_resource(Context& context, const Request& request, std::string_view type) {
  const Json& body = request.object();
  Resource resource;
  resource.id = canonical_id(context, request, type);
  resource.type = type;
  resource.name = request.target.name;
  const Json location = body.value("location", Json(""));
  resource.location = check_location(location.is_string() ? location.get<std::string>() : "", type);
  const auto existing = context.state.find(resource.id);
  if (existing && existing->location != resource.location)
    throw ApiError(
        409, "InvalidResourceLocation",
        fmt::format(
            "The resource '{}' already exists in location '{}' in resource group '{}'. A resource "
            "with the same name cannot be created in location '{}'. Please select a new resource name.",
            resource.name, existing->location, request.target.group, resource.location));
  resource.body = {
      {"id", resource.id}, {"name", resource.name}, {"type", type}, {"location", resource.location}};
  const auto tags = body.find("tags");
  if (tags != body.end() && !tags->is_null()) {
    check_tags(*tags);
    resource.body["tags"] = *tags;
  }
  resource.body["properties"] = Json::object();
  return resource;
}

Reply get_resource(Context& context, const Request& request) {
  return Reply::json(200, context.present(require(context, request.target.id)));
}

std::string page_start(const Request& request) {
  const std::string token = request.query_or("$skiptoken", "");
  if (token.empty()) return {};
  std::string key = base64url_decode(token);
  if (key.empty() || key.front() != '/')
    throw ApiError(400, "InvalidSkipToken", "The skip token '" + token + "' is invalid.");
  return key;
}

Reply page_reply(const Request& request, const ListPage& page) {
  std::size_t size = 64;
  for (const auto& item : page.items) size += item.size() + 1;
  std::string text;
  text.reserve(size);
  text += R"({"value":[)";
  for (std::size_t i = 0; i < page.items.size(); ++i) {
    if (i != 0) text += ',';
    text += page.items[i];
  }
  text += ']';
  if (!page.next.empty()) {
    std::string url = request.base_url + request.path;
    char separator = '?';
    for (const auto& [name, value] : parse_query(request.raw_query)) {
      if (same(name, "$skiptoken")) continue;
      url += separator + percent_encode(name) + "=" + percent_encode(value);
      separator = '&';
    }
    text += R"(,"nextLink":)" + Json(url + separator + "%24skiptoken=" + base64url_encode(page.next)).dump();
  }
  text += '}';
  return Reply::text(200, std::move(text), "application/json; charset=utf-8");
}

Reply list_resources(Context& context, const Request& request, std::string_view type) {
  ListFilter filter;
  filter.subscription = request.target.subscription;
  filter.group = request.target.group;
  filter.type = type;
  const auto present = [&context](const Resource& resource) { return context.present(resource); };
  return page_reply(request, context.state.page(filter, page_start(request), kPageSize, present));
}

void erase_with_children(Context& context, const std::string& id) {
  ListFilter below;
  below.id_prefix = lower(id) + "/";
  auto gone = context.state.list(below);
  if (auto self = context.state.find(id)) gone.push_back(std::move(*self));
  for (const auto& resource : gone) {
    const auto hook = context.on_erase.find(lower(resource.type));
    if (hook != context.on_erase.end()) hook->second(context, resource);
    context.state.erase(resource.id);
  }
}

Target check_id(const std::string& id, const std::string& property) {
  const Target target = parse_target("GET", split_path(id));
  if (!id.starts_with('/') || target.subscription.empty() || target.name.empty())
    throw ApiError(
        400, "LinkedInvalidPropertyId",
        fmt::format(
            "Property id '{}' at path '{}' is invalid. Expect fully qualified resource Id that start "
            "with '/subscriptions/{{subscriptionId}}' or '/providers/{{resourceProviderNamespace}}/'.",
            id, property),
        property);
  return target;
}

}  // namespace azlin::simulator
