// Compute's resources around the VM: availability sets, placement groups, images, keys, hosts, reservations,
// disk accesses. Kept as stated, with the defaults and the checks of the service.
#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/json_util.hpp"
#include "simulator/plain_types.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVmVersions = "Microsoft.Compute/virtualMachines";
constexpr const char* kAvailabilitySet = "Microsoft.Compute/availabilitySets";
constexpr const char* kPlacementGroup = "Microsoft.Compute/proximityPlacementGroups";
constexpr const char* kImage = "Microsoft.Compute/images";

// The VMs that name `id` at `pointer`, as a list of ids.
Json users_of(Context& context, const Resource& resource, const std::string& pointer) {
  ListFilter filter;
  filter.subscription = split_path(lower(resource.id))[1];
  filter.type = kVmType;
  Json users = Json::array();
  for (const auto& vm : context.state.list(filter))
    if (same(text_at(vm.body, pointer), resource.id)) users.push_back({{"id", vm.id}});
  return users;
}

void refuse_use(Context& context, const Resource& resource, const std::string& pointer, const char* what) {
  const Json users = users_of(context, resource, pointer);
  if (users.empty()) return;
  throw ApiError(
      409, "OperationNotAllowed",
      fmt::format("{} '{}' cannot be deleted. Before deleting it please ensure that it does not contain any "
                  "VM.",
                  what, resource.name));
}

// At most three fault domains (two where the region has no zones, which is not told apart here) and twenty
// update domains. https://learn.microsoft.com/azure/virtual-machines/availability-set-overview
void complete_availability_set(Context& context, const Request&, Resource& fresh,
                               const std::optional<Resource>&) {
  auto& properties = fresh.body["properties"];
  const auto faults = number_at(properties, "/platformFaultDomainCount", 2),
             updates = number_at(properties, "/platformUpdateDomainCount", 5);
  if (faults < 1 || faults > 3)
    throw ApiError(400, "InvalidParameter", "The specified fault domain count must fall in the range 1 to 3.",
                   "platformFaultDomainCount");
  if (updates < 1 || updates > 20)
    throw ApiError(400, "InvalidParameter",
                   "The specified update domain count must fall in the range 1 to 20.",
                   "platformUpdateDomainCount");
  properties["platformFaultDomainCount"] = faults;
  properties["platformUpdateDomainCount"] = updates;
  properties["virtualMachines"] = users_of(context, fresh, "/properties/availabilitySet/id");
  const auto sku =
      enum_value(text_at(fresh.body, "/sku/name", "Classic"), {"Classic", "Aligned"}, "sku.name");
  fresh.body["sku"] = {{"name", sku}};
}

void complete_placement_group(Context& context, const Request&, Resource& fresh,
                              const std::optional<Resource>&) {
  auto& properties = fresh.body["properties"];
  properties["proximityPlacementGroupType"] =
      enum_value(text_at(properties, "/proximityPlacementGroupType", "Standard"), {"Standard", "Ultra"},
                 "proximityPlacementGroupType");
  properties["virtualMachines"] = users_of(context, fresh, "/properties/proximityPlacementGroup/id");
  properties["availabilitySets"] = Json::array();
  properties["virtualMachineScaleSets"] = Json::array();
}

// Of a VM: its disks, as they were when it was generalized.
Json profile_of_vm(Context& context, const std::string& id) {
  const auto vm = require(context, id);
  if (!flag_at(vm.hidden, "/generalized", false))
    throw ApiError(409, "OperationNotAllowed",
                   "Capturing a VM requires it to be generalized. Please refer to "
                   "https://aka.ms/azurevmcapture for the steps.");
  const auto& storage = vm.body["properties"]["storageProfile"];
  const auto disk = [&](const Json& entry) {
    const auto found = require(context, text_at(entry, "/managedDisk/id"));
    return Json{{"caching", text_at(entry, "/caching", "None")},
                {"diskSizeGB", found.body["properties"]["diskSizeGB"]},
                {"managedDisk", {{"id", found.id}}},
                {"storageAccountType", text_at(found.body, "/sku/name")}};
  };
  Json os = disk(storage["osDisk"]);
  os["osType"] = storage["osDisk"]["osType"];
  os["osState"] = "Generalized";
  Json data = Json::array();
  for (const auto& entry : storage["dataDisks"]) {
    data.push_back(disk(entry));
    data.back()["lun"] = entry["lun"];
  }
  return {{"osDisk", os}, {"dataDisks", data}, {"zoneResilient", false}};
}

void complete_image(Context& context, const Request&, Resource& fresh,
                    const std::optional<Resource>& existing) {
  auto& properties = fresh.body["properties"];
  const auto source = text_at(properties, "/sourceVirtualMachine/id");
  if (!source.empty()) {
    check_id(source, "properties.sourceVirtualMachine.id");
    properties["storageProfile"] =
        existing ? existing->body["properties"]["storageProfile"] : profile_of_vm(context, source);
  } else {
    const Json os = subtree_at(properties, "/storageProfile/osDisk");
    if (!os.is_object()) refuse_missing("image.properties.storageProfile.osDisk");
    for (const char* member : {"osType", "osState"})
      if (text_at(os, std::string("/") + member).empty()) refuse_missing(fmt::format("osDisk.{}", member));
    for (const char* origin : {"snapshot", "managedDisk"}) {
      const auto id = text_at(os, fmt::format("/{}/id", origin));
      if (!id.empty()) require(context, id);
    }
  }
  if (!properties.contains("hyperVGeneration")) properties["hyperVGeneration"] = "V1";
}

void complete_host_group(Context&, const Request&, Resource& fresh, const std::optional<Resource>&) {
  auto& properties = fresh.body["properties"];
  if (!properties.contains("platformFaultDomainCount")) refuse_missing("platformFaultDomainCount");
  if (!properties.contains("hosts")) properties["hosts"] = Json::array();
}

void complete_disk_access(Context& context, const Request&, Resource& fresh,
                          const std::optional<Resource>& existing) {
  auto& properties = fresh.body["properties"];
  properties["privateEndpointConnections"] = Json::array();
  properties["timeCreated"] =
      existing ? existing->body["properties"]["timeCreated"] : Json(to_azure_time(context.now()));
}

// What lists of users say is as of now, not as of the PUT.
void present_users(Context& context, const char* type, const std::string& pointer) {
  context.presenters[lower(type)] = [&context, pointer](const Resource& resource) {
    Json body = resource.body;
    body["properties"]["virtualMachines"] = users_of(context, resource, pointer);
    return body;
  };
}

PlainType live(PlainType type) {
  const auto inner = type.complete;
  type.complete = [inner](Context& context, const Request& request, Resource& fresh,
                          const std::optional<Resource>& existing) {
    inner(context, request, fresh, existing);
    fresh.live = true;
  };
  return type;
}

void register_groups_of_vms(Router& router, Context& context) {
  present_users(context, kAvailabilitySet, "/properties/availabilitySet/id");
  present_users(context, kPlacementGroup, "/properties/proximityPlacementGroup/id");
  register_plain_type(router, context,
                      live({.type = kAvailabilitySet,
                            .versions = kVmVersions,
                            .complete = complete_availability_set,
                            .check_delete =
                                [](Context& ctx, const Resource& set) {
                                  refuse_use(ctx, set, "/properties/availabilitySet/id", "Availability Set");
                                },
                            .has_state = false,
                            .created = 200,
                            .deleted_at_once = true}));
  register_plain_type(router, context,
                      live({.type = kPlacementGroup,
                            .versions = kVmVersions,
                            .complete = complete_placement_group,
                            .check_delete =
                                [](Context& ctx, const Resource& group) {
                                  refuse_use(ctx, group, "/properties/proximityPlacementGroup/id",
                                             "Proximity Placement Group");
                                },
                            .has_state = false,
                            .deleted_at_once = true}));
}

// The sizes that a set takes, and what may be reached privately through a disk access.
void register_questions(Router& router, Context& context) {
  router.arm("GET", group_path(kAvailabilitySet) + "/{name}/vmSizes", kVmVersions,
             [&context](Request& request) {
               require(context, request.target.id);
               Json value = Json::array();
               for (const auto& size : vm_sizes()) value.push_back(size_body(size));
               return Reply::json(200, {{"value", value}});
             });
  const std::string type = "Microsoft.Compute/diskAccesses", access = group_path(type) + "/{name}/";
  router.arm("GET", access + "privateEndpointConnections", type, [&context](Request& request) {
    require(context, request.target.id);
    return Reply::json(200, {{"value", Json::array()}});
  });
  router.arm("GET", access + "privateLinkResources", type, [&context](Request& request) {
    const auto found = require(context, request.target.id);
    return Reply::json(200, {{"value",
                              {{{"id", found.id + "/privateLinkResources/disks"},
                                {"name", "disks"},
                                {"type", "Microsoft.Compute/diskAccesses/privateLinkResources"},
                                {"properties",
                                 {{"groupId", "disks"},
                                  {"requiredMembers", {"diskAccess_1"}},
                                  {"requiredZoneNames", {"privatelink.blob.core.windows.net"}}}}}}}});
  });
}

}  // namespace

void register_plain_compute(Router& router, Context& context) {
  register_groups_of_vms(router, context);
  register_plain_type(router, context, {.type = kImage, .versions = kVmVersions, .complete = complete_image});
  register_ssh_keys(router, context);
  register_plain_type(router, context,
                      {.type = "Microsoft.Compute/hostGroups",
                       .versions = kVmVersions,
                       .complete = complete_host_group,
                       .has_state = false,
                       .deleted_at_once = true});
  register_plain_type(router, context,
                      {.type = "Microsoft.Compute/hostGroups/hosts", .versions = kVmVersions});
  register_plain_type(router, context,
                      {.type = "Microsoft.Compute/capacityReservationGroups",
                       .versions = kVmVersions,
                       .has_state = false,
                       .deleted_at_once = true});
  register_plain_type(
      router, context,
      {.type = "Microsoft.Compute/capacityReservationGroups/capacityReservations", .versions = kVmVersions});
  register_plain_type(router, context,
                      {.type = "Microsoft.Compute/diskAccesses",
                       .versions = "Microsoft.Compute/diskAccesses",
                       .complete = complete_disk_access,
                       .created = 200,
                       .shape = LroShape::disk});
  register_questions(router, context);
}

}  // namespace azlin::simulator
