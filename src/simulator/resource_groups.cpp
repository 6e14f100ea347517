// Resource groups: create, read, list, delete with everything inside.
#include <fmt/format.h>

#include "simulator/locations.hpp"
#include "simulator/providers.hpp"
#include "simulator/resource_filter.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.Resources/resourceGroups";
constexpr const char* kType = "Microsoft.Resources/resourceGroups";  // as the body names it
constexpr const char* kPath = "/subscriptions/{sub}/resourceGroups/{rg}";

void check_name(const std::string& name) {
  const auto allowed = [](unsigned char c) {
    return c >= 0x80 || std::isalnum(c) ||
           std::string_view("-_.()").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (name.size() <= 90 && std::all_of(name.begin(), name.end(), allowed) && name.back() != '.') return;
  throw ApiError(
      400, "InvalidResourceGroupName" /* ARM names the rule in the text */,
      fmt::format("Resource group name '{}' is invalid. It must be at most 90 characters of letters, digits, "
                  "'-', '_', '.', '(' and ')' and must not end in a period.",
                  name));
}

[[noreturn]] void throw_no_group(const std::string& name) {
  throw ApiError(404, "ResourceGroupNotFound", fmt::format("Resource group '{}' could not be found.", name));
}

Resource require_group(Context& context, const Request& request) {
  auto group = context.state.find(request.target.id);
  if (!group) throw_no_group(request.param("rg"));
  return std::move(*group);
}

Reply put_group(Context& context, Request& request) {
  check_name(request.param("rg"));
  const Json& body = request.object();
  const std::string location = check_location(body.value("location", ""), kType);
  Resource group;
  const auto existing = context.state.find(request.target.id);
  if (existing) {
    group = *existing;
    if (group.body["location"] != location)
      throw ApiError(
          409, "InvalidResourceGroupLocation",
          fmt::format(
              "Invalid resource group location '{}'. The Resource group already exists in location '{}'.",
              location, group.body["location"].get<std::string>()));
    if (group.body["properties"]["provisioningState"] == "Deleting")
      throw ApiError(
          409, "ResourceGroupBeingDeleted",
          fmt::format("The resource group '{}' is in deprovisioning state and cannot perform this operation.",
                      group.name));
  } else {
    group.id = fmt::format("/subscriptions/{}/resourceGroups/{}", request.param("sub"), request.param("rg"));
    group.name = request.param("rg");
    group.type = kType;
  }
  group.body = {{"id", group.id},
                {"name", group.name},
                {"type", kType},
                {"location", location},
                {"properties", {{"provisioningState", "Succeeded"}}}};
  if (body.contains("tags") && !body["tags"].is_null()) {
    check_tags(body["tags"]);
    group.body["tags"] = body["tags"];
  }
  if (body.contains("managedBy")) group.body["managedBy"] = body["managedBy"];
  context.save(group);
  return Reply::json(existing ? 200 : 201, group.body);
}

// Only tags can be changed.
Reply patch_group(Context& context, Request& request) {
  Resource group = require_group(context, request);
  const Json& body = request.object();
  if (body.contains("tags")) {
    check_tags(body["tags"]);
    group.body["tags"] = body["tags"];
    context.save(group);
  }
  return Reply::json(200, group.body);
}

Reply delete_group(Context& context, Request& request) {
  Resource group = require_group(context, request);
  group.body["properties"]["provisioningState"] = "Deleting";
  context.save(group);
  const Work work{"group.delete", group.id, {{"id", group.id}}, core::Millis{1'500}, core::Millis{180'000}};
  return context.operations.start(request, LroShape::group, "", work, 202);
}

// Those with the tag, whatever its value.
ListPage page_with_tag(Context& context, const Request& request, const ListFilter& filter,
                       const ResourceFilter::Tag& tag, std::size_t top) {
  ListPage page;
  std::string shown;
  for (const auto& group : context.state.list(filter, page_start(request))) {
    if (!has_tag(group, tag)) continue;
    if (page.items.size() == top) {
      page.next = shown;
      break;
    }
    page.items.push_back(group.body.dump());
    shown = group.key();
  }
  return page;
}

Reply list_groups(Context& context, Request& request) {
  ListFilter filter;
  filter.type = kType;
  filter.subscription = request.param("sub");
  const std::string text = request.query_or("$filter", "");
  const std::size_t top = checked_top(request);
  if (!text.empty()) {
    const auto parsed = parse_resource_filter(text);
    if (!parsed.tag || parsed.tag->prefix)
      throw ApiError(400, "InvalidFilterInQueryString",
                     fmt::format("Invalid $filter '{}' specified in the query string.", text));
    if (!parsed.tag->value)
      return page_reply(request, page_with_tag(context, request, filter, *parsed.tag, top));
    filter.tag = {lower(parsed.tag->name), *parsed.tag->value};
  }
  return page_reply(request, context.state.page(filter, page_start(request), top, {}));
}

}  // namespace

void register_resource_groups(Router& router, Context& context) {
  context.operations.on("group.delete", [](Context& ctx, const Json& data) {
    erase_with_children(ctx, data.at("id").get<std::string>());
    return Json();
  });
  router.arm("PUT", kPath, kVersions, [&context](Request& request) { return put_group(context, request); });
  router.arm("PATCH", kPath, kVersions,
             [&context](Request& request) { return patch_group(context, request); });
  router.arm("GET", kPath, kVersions,
             [&context](Request& request) { return Reply::json(200, require_group(context, request).body); });
  router.arm("HEAD", kPath, kVersions, [&context](Request& request) {
    return Reply::empty(context.state.exists(request.target.id) ? 204 : 404);
  });
  router.arm("DELETE", kPath, kVersions,
             [&context](Request& request) { return delete_group(context, request); });
  router.arm("GET", "/subscriptions/{sub}/resourceGroups", kVersions,
             [&context](Request& request) { return list_groups(context, request); });
}

}  // namespace azlin::simulator
