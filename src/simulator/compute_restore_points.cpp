// Restore point collections: all disks of a VM at one moment.
#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/sas.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kCollection = "Microsoft.Compute/restorePointCollections";
constexpr const char* kPoint = "Microsoft.Compute/restorePointCollections/restorePoints";
constexpr const char* kDiskPoint =
    "Microsoft.Compute/restorePointCollections/restorePoints/diskRestorePoints";
constexpr const char* kDiskPointVersions = "Microsoft.Compute/diskRestorePoints";
constexpr std::size_t kMostPoints = 500;
constexpr core::Millis kBetweenCrash{3'600'000}, kBetweenApplication{3 * 3'600'000};

Json value_list(const std::vector<Resource>& resources) {
  Json value = Json::array();
  for (const auto& resource : resources) value.push_back(resource.body);
  return {{"value", value}};
}

std::vector<Resource> below(Context& context, const std::string& id, const char* type) {
  ListFilter filter;
  filter.type = type;
  filter.id_prefix = lower(id) + "/";
  return context.state.list(filter);
}

// --- collections ---

Reply put_collection(Context& context, Request& request) {
  drop_nulls(request.json);
  const auto existing = context.state.find(request.target.id);
  auto collection = make_resource(context, request, kCollection);
  const auto source = text_at(request.json, "/properties/source/id");
  if (source.empty()) refuse_missing("restorePointCollection.properties.source.id");
  if (same(check_id(source, "properties.source.id").type, kCollection))  // preview on Azure
    throw ApiError(400, "BadRequest",
                   "Copies of restore point collections to other regions are not simulated.", "source");
  const auto vm = require(context, source);
  if (vm.location != collection.location)
    throw ApiError(400, "InvalidParameter",
                   fmt::format("The source VM {} is not in region '{}'.", vm.id, collection.location),
                   "source");
  if (existing && !same(text_at(existing->body, "/properties/source/id"), vm.id)) refuse_change("source");
  auto& properties = collection.body["properties"];
  properties["source"] = {{"id", vm.id}, {"location", vm.location}};
  properties["provisioningState"] = "Succeeded";
  properties["restorePointCollectionId"] =
      existing ? existing->body["properties"]["restorePointCollectionId"] : Json(new_guid());
  collection.ref = vm.key();
  context.save(collection);
  return Reply::json(existing ? 200 : 201, collection.body);
}

// Tags only: the source stays what it is.
Reply patch_collection(Context& context, Request& request) {
  drop_nulls(request.json);
  auto collection = require(context, request.target.id);
  const auto source = text_at(request.object(), "/properties/source/id");
  if (!source.empty() && !same(source, text_at(collection.body, "/properties/source/id")))
    refuse_change("source");
  if (request.json.contains("tags")) {
    check_tags(request.json["tags"]);
    collection.body["tags"] = request.json["tags"];
    context.save(collection);
  }
  return Reply::json(200, collection.body);
}

Reply get_collection(Context& context, const Request& request) {
  auto collection = require(context, request.target.id);
  if (same(request.query_or("$expand", ""), "restorePoints"))
    collection.body["properties"]["restorePoints"] =
        value_list(below(context, collection.id, kPoint))["value"];
  return Reply::json(200, collection.body);
}

Reply delete_whole(Context& context, const Request& request) {
  const auto found = context.state.find(request.target.id);
  if (!found) return Reply::empty(204);
  for (const auto& disk : below(context, found->id, kDiskPoint))
    if (has_active_sas(context, disk))
      throw ApiError(409, "OperationNotAllowed",
                     fmt::format("Disk restore point {} has an active SAS.", disk.name));
  const Work work{
      "restorepoint.delete", found->id, {{"id", found->id}}, core::Millis{500}, core::Millis{10'000}};
  return context.operations.start(request, LroShape::vm, found->location, work, 202);
}

// --- points ---

// "≥1 h between crash, ≥3 h between application points", 500 for a VM, one at a time.
void check_pace(Context& context, const Resource& collection, bool crash) {
  std::size_t count = 0;
  const auto now = context.now();
  for (const auto& other : context.state.list_by_ref(kCollection, collection.ref))
    for (const auto& point : below(context, other.id, kPoint)) {
      ++count;
      const bool same_kind =
          (text_at(point.body, "/properties/consistencyMode") == "CrashConsistent") == crash;
      if (context.operations.running_on(point.id))
        throw ApiError(409, "Conflict", "Another restore point of this VM is being created.");
      if (same_kind && now - point.created < (crash ? kBetweenCrash : kBetweenApplication))
        throw ApiError(409, "OperationNotAllowed",
                       fmt::format("Restore points of this kind can be created every {} hours for a VM.",
                                   crash ? 1 : 3));
    }
  if (count >= kMostPoints)
    throw ApiError(409, "OperationNotAllowed",
                   fmt::format("A VM can have at most {} restore points.", kMostPoints));
}

void check_vm_suits(Context& context, const Resource& vm, const std::vector<std::string>& disks, bool crash) {
  if (text_at(vm.body, "/properties/securityProfile/securityType") == "ConfidentialVM")
    throw ApiError(409, "OperationNotAllowed", "Restore points are not supported for confidential VMs.");
  for (const auto& id : disks) {
    const auto sku = text_at(require(context, id).body, "/sku/name");
    if (crash && (sku == "UltraSSD_LRS" || sku == "PremiumV2_LRS"))
      throw ApiError(
          409, "OperationNotAllowed",
          fmt::format("Crash consistent restore points are not supported for disks of sku {}.", sku));
  }
}

// A child that holds the disk's contents of this moment.
std::string add_disk_point(Context& context, const Resource& point, const std::string& disk_id) {
  const auto disk = require(context, disk_id);
  const auto& source = disk.body["properties"];
  Resource made;
  made.name = fmt::format("{}_{}", disk.name, new_guid());
  made.id = point.id + "/diskRestorePoints/" + made.name;
  made.type = kDiskPoint;
  made.location = point.location;
  made.body = {{"id", made.id}, {"name", made.name}, {"type", kDiskPoint}};
  made.body["properties"] = {{"timeCreated", to_azure_time(context.now())},
                             {"sourceResourceId", disk.id},
                             {"sourceUniqueId", source["uniqueId"]},
                             {"sourceResourceLocation", disk.location},
                             {"familyId", disk.hidden.value("family", disk.key())},
                             {"networkAccessPolicy", "AllowAll"},
                             {"publicNetworkAccess", "Enabled"},
                             {"replicationState", "Succeeded"}};
  for (const char* field :
       {"osType", "hyperVGeneration", "supportedCapabilities", "securityProfile", "encryption"})
    if (source.contains(field)) made.body["properties"][field] = source[field];
  made.hidden = {{"volume", contents(context).clone(volume_of(disk))},
                 {"diskSizeBytes", source["diskSizeBytes"]}};
  context.save(made);
  return made.id;
}

Json source_metadata(const Resource& vm) {
  const auto& properties = vm.body["properties"];
  Json metadata = {{"vmId", properties["vmId"]},
                   {"location", vm.location},
                   {"hyperVGeneration", text_at(vm.hidden, "/generation", "V1")}};
  for (const char* part :
       {"hardwareProfile", "osProfile", "securityProfile", "diagnosticsProfile", "licenseType"})
    if (properties.contains(part)) metadata[part] = properties[part];
  return metadata;
}

bool excluded(const Json& body, const std::string& id) {
  for (const auto& disk : body.value("excludeDisks", Json::array()))
    if (same(text_at(disk, "/id"), id)) return true;
  return false;
}

Reply put_point(Context& context, Request& request) {
  drop_nulls(request.json);
  const auto collection =
      require(context, request.target.id.substr(0, lower(request.target.id).rfind("/restorepoints/")));
  if (context.state.exists(request.target.id))
    throw ApiError(409, "Conflict", "A restore point cannot be changed once it is created.");
  Json wanted = subtree_at(request.json, "/properties");
  if (!wanted.is_object()) wanted = Json::object();
  const auto mode = text_at(wanted, "/consistencyMode");
  // "Input takes only CrashConsistent; without it ApplicationConsistent is tried and Linux may yield
  // FileSystemConsistent."
  if (!mode.empty()) enum_value(mode, {"CrashConsistent"}, "consistencyMode");
  const bool crash = !mode.empty();
  check_pace(context, collection, crash);
  const auto vm = require(context, text_at(collection.body, "/properties/source/id"));
  check_vm_suits(context, vm, disk_ids(vm.body), crash);

  Resource point;
  point.id = request.target.id;
  point.name = request.target.name;
  point.type = kPoint;
  point.location = collection.location;
  Json metadata = source_metadata(vm);
  for (const auto& entry : vm.body["properties"]["storageProfile"]["dataDisks"]) {
    const auto id = text_at(entry, "/managedDisk/id");
    if (excluded(wanted, id)) continue;
    metadata["storageProfile"]["dataDisks"].push_back(
        {{"lun", entry["lun"]},
         {"name", entry["name"]},
         {"caching", entry["caching"]},
         {"managedDisk", {{"id", id}}},
         {"diskRestorePoint", {{"id", add_disk_point(context, point, id)}}}});
  }
  const auto& os_disk = vm.body["properties"]["storageProfile"]["osDisk"];
  const auto os_id = text_at(os_disk, "/managedDisk/id");
  metadata["storageProfile"]["osDisk"] = {
      {"osType", os_disk["osType"]},
      {"name", os_disk["name"]},
      {"caching", os_disk["caching"]},
      {"managedDisk", {{"id", os_id}}},
      {"diskRestorePoint", {{"id", add_disk_point(context, point, os_id)}}}};
  point.body = {{"id", point.id}, {"name", point.name}, {"type", kPoint}};
  point.body["properties"] = {{"provisioningState", "Creating"},
                              {"consistencyMode", crash ? "CrashConsistent" : "FileSystemConsistent"},
                              {"timeCreated", to_azure_time(context.now())},
                              {"sourceMetadata", metadata}};
  if (wanted.contains("excludeDisks")) point.body["properties"]["excludeDisks"] = wanted["excludeDisks"];
  context.save(point);
  const Work work{
      "restorepoint.create", point.id, {{"id", point.id}}, core::Millis{800}, core::Millis{15'000}};
  auto reply = context.operations.start(request, LroShape::vm, point.location, work, 201, point.body, false);
  std::erase_if(reply.headers, [](const auto& header) { return header.first == "Location"; });
  return reply;
}

Reply get_point(Context& context, const Request& request) {
  auto point = require(context, request.target.id);
  if (same(request.query_or("$expand", ""), "instanceView")) {
    auto& disks = point.body["properties"]["instanceView"]["diskRestorePoints"] = Json::array();
    for (const auto& disk : below(context, point.id, kDiskPoint))
      disks.push_back({{"id", disk.id}, {"replicationStatus", {{"completionPercent", 100}}}});
  }
  return Reply::json(200, point.body);
}

Json created(Context& context, const Json& data) {
  auto point = context.state.find(text_at(data, "/id"));
  if (!point) return nullptr;
  point->body["properties"]["provisioningState"] = "Succeeded";
  context.save(*point);
  return nullptr;
}

Json deleted(Context& context, const Json& data) {
  erase_with_children(context, text_at(data, "/id"));
  return nullptr;
}

void register_collections(Router& router, Context& context) {
  const std::string path = group_path(kCollection), one = path + "/{name}";
  router.arm("PUT", one, kCollection, [&context](Request& r) { return put_collection(context, r); });
  router.arm("PATCH", one, kCollection, [&context](Request& r) { return patch_collection(context, r); });
  router.arm("GET", one, kCollection, [&context](Request& r) { return get_collection(context, r); });
  router.arm("DELETE", one, kCollection, [&context](Request& r) { return delete_whole(context, r); });
  const auto list = [&context](Request& r) { return list_resources(context, r, kCollection); };
  router.arm("GET", path, kCollection, list);
  router.arm("GET", subscription_path(kCollection), kCollection, list);
}

}  // namespace

void register_restore_points(Router& router, Context& context) {
  context.operations.on("restorepoint.create", created);
  context.operations.on("restorepoint.delete", deleted);
  context.on_erase[lower(kDiskPoint)] = [](Context& ctx, const Resource& disk) {
    release_contents(ctx, disk);
  };
  register_collections(router, context);
  const std::string point = group_path(kCollection) + "/{collection}/restorePoints/{name}";
  router.arm("PUT", point, kCollection, [&context](Request& r) { return put_point(context, r); });
  router.arm("GET", point, kCollection, [&context](Request& r) { return get_point(context, r); });
  router.arm("DELETE", point, kCollection, [&context](Request& r) { return delete_whole(context, r); });
  const std::string disks = group_path(kCollection) + "/{collection}/restorePoints/{point}/diskRestorePoints";
  router.arm("GET", disks, kDiskPointVersions, [&context](Request& r) {
    return Reply::json(200, value_list(below(context, r.target.id, kDiskPoint)));
  });
  router.arm("GET", disks + "/{name}", kDiskPointVersions,
             [&context](Request& r) { return get_resource(context, r); });
  router.arm("POST", disks + "/{name}/beginGetAccess", kDiskPointVersions,
             [&context](Request& r) { return begin_get_access(context, r, require(context, r.target.id)); });
  router.arm("POST", disks + "/{name}/endGetAccess", kDiskPointVersions,
             [&context](Request& r) { return end_get_access(context, r, require(context, r.target.id)); });
}

}  // namespace azlin::simulator
