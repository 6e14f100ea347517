// Compute galleries: image definitions, applications and their versions. Images are described, not copied: a
// VM that is made from one gets the same Linux disk as from any other image.
#include <fmt/format.h>

#include <regex>

#include "simulator/json_util.hpp"
#include "simulator/plain_types.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kGallery = "Microsoft.Compute/galleries";
constexpr const char* kVersions = "Microsoft.Compute/galleries";

// "Can not delete resource before nested resources are deleted."
void refuse_children(Context& context, const Resource& resource) {
  ListFilter below;
  below.id_prefix = lower(resource.id) + "/";
  for (const auto& child : context.state.list(below)) {
    if (!child.type.starts_with(kGallery)) continue;
    throw ApiError(
        409, "CannotDeleteResource",
        "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '" +
            child.id + "'. Please delete all nested resources before deleting this resource.");
  }
}

// Letters, digits, '_' and '.'; at most 80.
// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
void complete_gallery(Context&, const Request& request, Resource& fresh, const std::optional<Resource>&) {
  static const std::regex kName("[A-Za-z0-9]([A-Za-z0-9_.]{0,78}[A-Za-z0-9])?");
  if (!std::regex_match(fresh.name, kName))
    throw ApiError(400, "InvalidParameter",
                   fmt::format("The entity name 'galleryName' is invalid according to its validation rule: "
                               "^[^_\\W][\\w-._]{{0,79}}(?<![-.])$. Gallery '{}'.",
                               fresh.name),
                   "galleryName");
  fresh.body["properties"]["identifier"] = {
      {"uniqueName", fmt::format("{}-{}", lower(request.target.subscription), fresh.name)}};
}

void complete_definition(Context&, const Request&, Resource& fresh, const std::optional<Resource>& existing) {
  auto& properties = fresh.body["properties"];
  for (const char* member : {"osType", "osState", "identifier"})
    if (!properties.contains(member)) refuse_missing(fmt::format("galleryImage.properties.{}", member));
  properties["osType"] = enum_value(text_at(properties, "/osType"), {"Linux", "Windows"}, "osType");
  properties["osState"] =
      enum_value(text_at(properties, "/osState"), {"Generalized", "Specialized"}, "osState");
  for (const char* member : {"publisher", "offer", "sku"})
    if (text_at(properties, fmt::format("/identifier/{}", member)).empty())
      refuse_missing(fmt::format("galleryImage.properties.identifier.{}", member));
  for (const char* member : {"osType", "osState", "identifier"})
    if (existing && existing->body["properties"][member] != properties[member])
      refuse_change(fmt::format("galleryImage.properties.{}", member));
  if (!properties.contains("hyperVGeneration")) properties["hyperVGeneration"] = "V1";
  if (!properties.contains("architecture")) properties["architecture"] = "x64";
}

// "The format of a version is Major.Minor.Patch", each a 32-bit number.
void check_version_name(const std::string& name) {
  static const std::regex kName(R"(\d{1,10}\.\d{1,10}\.\d{1,10})");
  if (std::regex_match(name, kName)) return;
  throw ApiError(400, "InvalidParameter",
                 fmt::format("The gallery image version name '{}' is invalid. Use Major.Minor.Patch.", name),
                 "galleryImageVersionName");
}

void complete_version(Context& context, const Request&, Resource& fresh,
                      const std::optional<Resource>& existing) {
  check_version_name(fresh.name);
  auto& properties = fresh.body["properties"];
  bool sourced = existing.has_value();
  for (const char* pointer : {"/storageProfile/source/id", "/storageProfile/source/virtualMachineId",
                              "/storageProfile/osDiskImage/source/id"}) {
    const auto id = text_at(properties, pointer);
    if (id.empty()) continue;
    require(context, id);
    sourced = true;
  }
  if (!sourced) refuse_missing("galleryImageVersion.properties.storageProfile");
  auto& publishing = properties["publishingProfile"];
  if (!publishing.is_object()) publishing = Json::object();
  if (!publishing.contains("targetRegions"))
    publishing["targetRegions"] = {
        {{"name", fresh.location}, {"regionalReplicaCount", 1}, {"storageAccountType", "Standard_LRS"}}};
  publishing["publishedDate"] = existing ? existing->body["properties"]["publishingProfile"]["publishedDate"]
                                         : Json(to_azure_time(context.now()));
  if (!publishing.contains("excludeFromLatest")) publishing["excludeFromLatest"] = false;
}

}  // namespace

void register_galleries(Router& router, Context& context) {
  register_plain_type(router, context,
                      {.type = kGallery,
                       .versions = kVersions,
                       .complete = complete_gallery,
                       .check_delete = refuse_children});
  const std::string images = std::string(kGallery) + "/images",
                    applications = std::string(kGallery) + "/applications";
  register_plain_type(router, context,
                      {.type = images,
                       .versions = kVersions,
                       .complete = complete_definition,
                       .check_delete = refuse_children});
  register_plain_type(router, context,
                      {.type = images + "/versions", .versions = kVersions, .complete = complete_version});
  register_plain_type(router, context,
                      {.type = applications, .versions = kVersions, .check_delete = refuse_children});
  register_plain_type(router, context, {.type = applications + "/versions", .versions = kVersions});
}

}  // namespace azlin::simulator
