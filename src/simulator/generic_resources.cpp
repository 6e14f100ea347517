// GET S/resources and RG/resources: what there is, of all types, without properties.
#include "simulator/providers.hpp"
#include "simulator/resource_filter.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.Resources/resources";
constexpr std::size_t kMaxTop = 1'000;

// With a tag filter Azure leaves the tags out.
Json summary(const Resource& resource, const Request& request, bool with_tags) {
  Json item = {
      {"id", resource.id}, {"name", resource.name}, {"type", resource.type}, {"location", resource.location}};
  for (const char* key : {"sku", "kind", "plan", "identity", "managedBy", "zones"}) {
    if (resource.body.contains(key)) item[key] = resource.body[key];
  }
  if (with_tags && resource.body.contains("tags")) item["tags"] = resource.body["tags"];
  const std::string expand = lower(request.query_or("$expand", ""));
  if (expand.find("createdtime") != std::string::npos) item["createdTime"] = to_azure_time(resource.created);
  if (expand.find("changedtime") != std::string::npos) item["changedTime"] = to_azure_time(resource.changed);
  if (expand.find("provisioningstate") != std::string::npos &&
      resource.body["properties"].contains("provisioningState"))
    item["provisioningState"] = resource.body["properties"]["provisioningState"];
  return item;
}

bool is_match(const Resource& resource, const ResourceFilter& filter) {
  if (filter.tag && !has_tag(resource, *filter.tag)) return false;
  return !filter.matches || filter.matches(resource);
}

Reply list_all(Context& context, const Request& request) {
  const ResourceFilter filter = parse_resource_filter(request.query_or("$filter", ""));
  ListFilter rows;
  rows.subscription = request.target.subscription;
  rows.group = request.target.group;
  rows.type = filter.type;
  rows.tracked = true;
  if (filter.tag && filter.tag->value) rows.tag = {lower(filter.tag->name), *filter.tag->value};
  // The index answers the common questions; the rest is sifted here, some rows at a time.
  const std::size_t wanted = checked_top(request);
  ListPage page;
  std::string after = page_start(request), shown;
  while (true) {
    const auto some = context.state.list(rows, after, kMaxTop);
    for (const auto& resource : some) {
      after = resource.key();
      if (!is_match(resource, filter)) continue;
      if (page.items.size() == wanted) {
        page.next = shown;
        return page_reply(request, page);
      }
      page.items.push_back(summary(resource, request, !filter.tag).dump());
      shown = after;
    }
    if (some.size() < kMaxTop) return page_reply(request, page);
  }
}

}  // namespace

void register_generic_resources(Router& router, Context& context) {
  const auto list = [&context](Request& request) { return list_all(context, request); };
  router.arm("GET", "/subscriptions/{sub}/resources", kVersions, list);
  router.arm("GET", "/subscriptions/{sub}/resourceGroups/{rg}/resources", kVersions, list);
}

}  // namespace azlin::simulator
