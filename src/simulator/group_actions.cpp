// POSTs on a resource group: a template of what is in it, and moves (which nothing here supports).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "simulator/api_versions.hpp"
#include "simulator/json_util.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.Resources/resourceGroups";
constexpr const char* kSchema =
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";

// Members that a GET shows and a PUT does not take.
constexpr const char* kReadOnly[] = {"provisioningState", "resourceGuid", "uniqueId", "timeCreated",
                                     "diskState",         "vmId",         "etag",     "diskSizeBytes",
                                     "instanceView",      "macAddress"};

Resource require_group(Context& context, const Request& request) {
  auto group = context.state.find(request.target.id);
  if (group) return std::move(*group);
  throw ApiError(404, "ResourceGroupNotFound",
                 fmt::format("Resource group '{}' could not be found.", request.param("rg")));
}

std::vector<std::string> wanted_resources(const Request& request) {
  const Json list = subtree_at(request.object(), "/resources");
  if (!list.is_array() || list.empty())
    throw ApiError(
        400, "InvalidRequestContent",
        "The request content was invalid and could not be deserialized: 'resources is required.'.");
  std::vector<std::string> ids;
  for (const auto& id : list) ids.push_back(id.get<std::string>());
  return ids;
}

// "disks_web_os_name" for the disk web-os.
std::string parameter_of(const Resource& resource) {
  std::string name = last_segment(resource.type) + "_" + resource.name + "_name";
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

Json template_entry(const Resource& resource, bool parameterized) {
  const auto* versions = find_versions(resource.type);
  Json entry = {
      {"type", resource.type},
      {"apiVersion", versions != nullptr ? versions->versions.back() : ""},
      {"name", parameterized ? fmt::format("[parameters('{}')]", parameter_of(resource)) : resource.name},
      {"location", resource.location}};
  for (const char* member : {"sku", "kind", "zones", "plan", "identity", "tags"})
    if (resource.body.contains(member)) entry[member] = resource.body[member];
  Json properties = resource.body.value("properties", Json::object());
  if (properties.is_object())
    for (const char* member : kReadOnly) properties.erase(member);
  entry["properties"] = properties;
  return entry;
}

Reply export_template(Context& context, const Request& request) {
  const auto group = require_group(context, request);
  const auto ids = wanted_resources(request);
  const std::string options = lower(text_at(request.json, "/options"));
  const bool parameterized = options.find("skipallparameterization") == std::string::npos &&
                             options.find("skipresourcenameparameterization") == std::string::npos;
  ListFilter inside;
  inside.subscription = group.subscription;
  inside.group = lower(group.name);
  inside.tracked = true;
  Json parameters = Json::object(), resources = Json::array();
  for (const auto& resource : context.state.list(inside)) {
    const bool named = std::any_of(ids.begin(), ids.end(),
                                   [&](const auto& id) { return id == "*" || same(id, resource.id); });
    if (!named) continue;
    resources.push_back(template_entry(resource, parameterized));
    if (!parameterized) continue;
    Json& about = parameters[parameter_of(resource)] = {{"type", "String"}};
    if (options.find("includeparameterdefaultvalue") != std::string::npos)
      about["defaultValue"] = resource.name;
  }
  return Reply::json(200, {{"template",
                            {{"$schema", kSchema},
                             {"contentVersion", "1.0.0.0"},
                             {"parameters", parameters},
                             {"variables", Json::object()},
                             {"resources", resources}}}});
}

// Azure's answer for types that do not move; here it is all of them.
[[noreturn]] void refuse_move(Context& context, const Request& request) {
  require_group(context, request);
  const auto target = text_at(request.object(), "/targetResourceGroup");
  if (target.empty())
    throw ApiError(
        400, "InvalidRequestContent",
        "The request content was invalid and could not be deserialized: 'targetResourceGroup is required.'.");
  if (!context.state.exists(target))
    throw ApiError(404, "ResourceGroupNotFound",
                   fmt::format("Resource group '{}' could not be found.", last_segment(target)));
  std::vector<std::string> types;
  for (const auto& id : wanted_resources(request)) types.push_back(require(context, id).type);
  throw ApiError(
      400, "ResourceMoveNotSupported",
      fmt::format("Resource move is not supported for resource types '{}'.", fmt::join(types, ",")));
}

}  // namespace

void register_group_actions(Router& router, Context& context) {
  const std::string group = "/subscriptions/{sub}/resourceGroups/{rg}/";
  router.arm("POST", group + "exportTemplate", kVersions,
             [&context](Request& r) { return export_template(context, r); });
  for (const char* verb : {"moveResources", "validateMoveResources"})
    router.arm("POST", group + verb, kVersions, [&context](Request& r) -> Reply { refuse_move(context, r); });
}

}  // namespace azlin::simulator
