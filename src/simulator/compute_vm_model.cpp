#include <fmt/format.h>

#include <regex>

#include "simulator/compute_vms.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/network.hpp"
#include "simulator/plain_types.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::size_t kLongestName = 64;  // of a Linux VM

// Members of "properties" that a VM may state. A misspelt one would otherwise be lost without a word.
const std::vector<std::string> kMembers = {"hardwareProfile",
                                           "storageProfile",
                                           "osProfile",
                                           "networkProfile",
                                           "securityProfile",
                                           "diagnosticsProfile",
                                           "licenseType",
                                           "priority",
                                           "evictionPolicy",
                                           "billingProfile",
                                           "additionalCapabilities",
                                           "userData",
                                           "availabilitySet",
                                           "virtualMachineScaleSet",
                                           "proximityPlacementGroup",
                                           "host",
                                           "hostGroup",
                                           "provisioningState",
                                           "instanceView",
                                           "vmId",
                                           "timeCreated",
                                           "extensionsTimeBudget",
                                           "platformFaultDomain",
                                           "scheduledEventsProfile",
                                           "capacityReservation",
                                           "applicationProfile",
                                           "scheduledEventsPolicy"};

// Taken over as they are stated.
const std::vector<std::string> kPlain = {"diagnosticsProfile",
                                         "licenseType",
                                         "additionalCapabilities",
                                         "priority",
                                         "evictionPolicy",
                                         "billingProfile",
                                         "host",
                                         "hostGroup",
                                         "extensionsTimeBudget",
                                         "platformFaultDomain",
                                         "scheduledEventsProfile",
                                         "scheduledEventsPolicy",
                                         "capacityReservation",
                                         "applicationProfile"};

// Set when the VM is made, and never changed while it is allocated.
constexpr const char* kPlacements[] = {"availabilitySet", "proximityPlacementGroup"};

void place(Context& context, const VmFacts& facts, const Json& wanted, Json& properties) {
  for (const char* member : kPlacements) {
    const auto id = text_at(wanted, fmt::format("/properties/{}/id", member));
    if (id.empty()) continue;
    check_id(id, fmt::format("properties.{}.id", member));
    const auto found = require(context, id);
    if (found.location != facts.location)
      throw ApiError(400, "InvalidParameter",
                     fmt::format("The {} '{}' is in location '{}' and the VM in '{}'.", member, found.name,
                                 found.location, facts.location),
                     member);
    properties[member] = {{"id", found.id}};
  }
  if (!facts.zone.empty() && properties.contains("availabilitySet"))
    throw ApiError(
        400, "BadRequest",
        "Availability Zone and Availability Set cannot be specified together for a virtual machine.");
}

void check_placement_unchanged(const Resource& vm, const Json& wanted) {
  const auto id = text_at(wanted, "/properties/availabilitySet/id");
  if (!id.empty() && !same(id, text_at(vm.body, "/properties/availabilitySet/id")))
    refuse_change("availabilitySet.id");
  const auto group = text_at(wanted, "/properties/proximityPlacementGroup/id");
  if (group.empty() || same(group, text_at(vm.body, "/properties/proximityPlacementGroup/id"))) return;
  if (power_of(vm) != "deallocated")
    throw ApiError(
        409, "OperationNotAllowed",
        fmt::format("The proximity placement group of VM '{}' can only be changed while it is deallocated.",
                    vm.name));
}

void check_members(const Json& wanted) {
  const Json properties = subtree_at(wanted, "/properties");
  if (!properties.is_object()) return;
  for (const auto& [name, value] : properties.items())
    if (std::none_of(kMembers.begin(), kMembers.end(),
                     [&name = name](const auto& known) { return same(known, name); }))
      throw ApiError(
          400, "BadRequest",
          fmt::format("Could not find member '{}' on object of type 'VirtualMachineProperties'. Path "
                      "'properties.{}'.",
                      name, name),
          name);
}

void check_vm_name(const std::string& name) {
  static const std::regex valid(R"([^_\W][\w.\-]*)");
  const bool ends_well = !name.empty() && name.back() != '.' && name.back() != '-';
  if (name.size() <= kLongestName && ends_well && std::regex_match(name, valid)) return;
  throw ApiError(400, "InvalidParameter",
                 fmt::format("The entity name 'vmName' is invalid according to its validation rule: "
                             "^[^_\\W][\\w-._]{{0,{}}}(?<![-.])$.",
                             kLongestName - 1),
                 "vmName");
}

std::string check_zone(const Json& wanted, const std::string& location, const std::string& name) {
  const Json zones = subtree_at(wanted, "/zones");
  if (!zones.is_array() || zones.empty()) return {};
  const auto zone = zones[0].is_string() ? zones[0].get<std::string>() : "";
  const bool known = find_location(location)->zones && (zone == "1" || zone == "2" || zone == "3");
  if (zones.size() == 1 && known) return zone;
  throw ApiError(
      400, "AvailabilityZoneNotSupported",
      fmt::format(
          "The zone(s) '{}' for resource 'Microsoft.Compute/virtualMachines/{}' is not supported. The "
          "supported zones for location '{}' are '{}'",
          zone, name, location, find_location(location)->zones ? "1,2,3" : ""));
}

Json checked_security(const Json& wanted) {
  Json profile = subtree_at(wanted, "/properties/securityProfile");
  if (!profile.is_object()) return nullptr;
  if (profile.contains("securityType"))
    profile["securityType"] = enum_value(text_at(profile, "/securityType"),
                                         {"Standard", "TrustedLaunch", "ConfidentialVM"}, "securityType");
  return profile;
}

std::string security_of(const Json& profile) {
  const auto type = profile.is_object() ? text_at(profile, "/securityType") : "";
  return type == "Standard" ? "" : type;
}

// osProfile as GET shows it: without secrets.
Json shown_os_profile(const Json& wanted, const std::string& name) {
  const Json profile = subtree_at(wanted, "/properties/osProfile");
  if (!profile.is_object()) refuse_missing("osProfile");
  const auto user = text_at(profile, "/adminUsername");
  if (user.empty()) refuse_missing("osProfile.adminUsername");
  if (same(user, "root") || same(user, "admin"))
    throw ApiError(400, "InvalidParameter", "The Admin Username specified is not allowed.", "adminUsername");
  Json shown = {{"computerName", text_at(profile, "/computerName", name)},
                {"adminUsername", user},
                {"secrets", Json::array()},
                {"allowExtensionOperations", true},
                {"requireGuestProvisionSignal", true}};
  for (const char* part : {"linuxConfiguration", "windowsConfiguration"})
    if (profile.contains(part)) shown[part] = profile[part];
  return shown;
}

void refuse_parameter(const std::string& name) {
  throw ApiError(400, "InvalidParameter", fmt::format("Parameter '{}' is not allowed.", name), name);
}

void check_os_profile_unchanged(const Resource& vm, const Json& wanted) {
  const Json profile = subtree_at(wanted, "/properties/osProfile");
  if (!profile.is_object()) return;
  if (!vm.body["properties"].contains("osProfile")) refuse_parameter("osProfile");
  for (const char* field : {"computerName", "adminUsername"}) {
    const auto value = text_at(profile, std::string("/") + field);
    if (!value.empty() && value != text_at(vm.body, std::string("/properties/osProfile/") + field))
      refuse_change(std::string("osProfile.") + field);
  }
  for (const char* field : {"adminPassword", "customData"})
    if (profile.contains(field)) refuse_change(std::string("osProfile.") + field);
}

// --- NICs ---

Resource check_nic(Context& context, const VmFacts& facts, const std::string& id) {
  check_id(id, "properties.networkProfile.networkInterfaces.id");
  auto nic = context.state.find(id);
  if (!nic) throw ApiError(404, "NotFound", fmt::format("Resource {} not found.", id));
  if (nic->location != facts.location)
    throw ApiError(
        400, "InvalidResourceReference",
        fmt::format(
            "Resource {} referenced by resource {} was not found. Please make sure that the referenced "
            "resource exists, and that both resources are in the same region.",
            id, facts.id));
  const auto owner = text_at(nic->body, "/properties/virtualMachine/id");
  if (!owner.empty() && !same(owner, facts.id))
    throw ApiError(400, "NicInUse",
                   fmt::format("Network Interface {} is used by existing VM {}.", nic->id, owner));
  check_nic_reserved(context, *nic, facts.id);
  return std::move(*nic);
}

// The list as GET shows it. Notes which NICs come and go.
Json plan_nics(Context& context, const VmFacts& facts, const Json& wanted, const Json& present,
               VmPlan& plan) {
  if (!wanted.is_array() || wanted.empty()) refuse_missing("networkProfile.networkInterfaces");
  if (static_cast<int>(wanted.size()) > facts.size->max_nics)
    throw ApiError(
        400, "NetworkInterfaceCountExceeded",
        fmt::format(
            "The number of network interfaces for virtual machine {} exceeds the maximum allowed for the "
            "virtual machine size {}. The number of network interfaces is {} and the maximum allowed is "
            "{}.",
            facts.name, facts.size->name, wanted.size(), facts.size->max_nics));
  Json shown = Json::array();
  int primaries = 0;
  const auto holds = [](const Json& list, const std::string& id) {
    return list.is_array() && std::any_of(list.begin(), list.end(),
                                          [&](const Json& nic) { return same(text_at(nic, "/id"), id); });
  };
  for (const auto& entry : wanted) {
    const auto nic = check_nic(context, facts, text_at(entry, "/id"));
    if (holds(shown, nic.id))
      throw ApiError(400, "InvalidParameter", "A NIC is named twice.", "networkInterfaces");
    if (!holds(present, nic.id)) plan.nics_added.push_back(nic.id);
    const bool primary = flag_at(entry, "/properties/primary", wanted.size() == 1);
    primaries += primary ? 1 : 0;
    const auto option = enum_value(text_at(entry, "/properties/deleteOption", "Detach"), {"Delete", "Detach"},
                                   "deleteOption");
    shown.push_back({{"id", nic.id}, {"properties", {{"primary", primary}, {"deleteOption", option}}}});
  }
  if (primaries != 1)
    throw ApiError(
        400, "VirtualMachineMustHaveOneNetworkInterfaceAsPrimary",
        fmt::format("Virtual machine {} must have one network interface set as the primary.", facts.name));
  if (present.is_array())
    for (const auto& nic : present)
      if (!holds(wanted, text_at(nic, "/id"))) plan.nics_removed.push_back(text_at(nic, "/id"));
  return shown;
}

void claim_nic(Context& context, const std::string& id, const Resource& vm, bool primary) {
  auto nic = context.state.find(id);
  if (!nic) return;
  auto& properties = nic->body["properties"];
  properties["virtualMachine"] = {{"id", vm.id}};
  properties["primary"] = primary;
  if (!properties.contains("macAddress")) {
    const auto digits = guid_from(nic->key());
    properties["macAddress"] =
        "00-0D-3A-" + digits.substr(0, 2) + "-" + digits.substr(2, 2) + "-" + digits.substr(4, 2);
  }
  if (nic->hidden.is_object()) nic->hidden.erase("reserved");
  save_network(context, *nic);
}

void free_nic(Context& context, const std::string& id) {
  auto nic = context.state.find(id);
  if (!nic) return;
  nic->body["properties"].erase("virtualMachine");
  save_network(context, *nic);
}

// --- disks of the VM's own making ---

void make_disk(Context& context, const DiskWanted& wanted, const Resource& vm) {
  NewDisk disk;
  disk.id = wanted.id;
  disk.location = vm.location;
  disk.sku = wanted.sku;
  disk.bytes = gib(static_cast<std::uint64_t>(wanted.gb));
  disk.volume = wanted.os ? contents(context).create_from_template(
                                fmt::format("os:{}:{}", wanted.gb, wanted.host), disk.bytes)
                          : contents(context).create(disk.bytes);
  disk.creation_data = {{"createOption", wanted.os ? "FromImage" : "Empty"}};
  if (wanted.os) disk.creation_data["imageReference"] = {{"id", text_at(wanted.image, "/id")}};
  const bool zonal = vm.body.contains("zones") && !wanted.sku.ends_with("_ZRS");
  if (zonal) disk.zones = vm.body["zones"];
  disk.os_type = wanted.os_type;
  disk.generation = wanted.generation;
  disk.security_type = wanted.security_type;
  if (wanted.os) disk.capabilities = {{"architecture", "x64"}, {"acceleratedNetwork", true}};
  disk.created = context.now();
  auto resource = new_disk(disk);
  context.save(resource);
}

void change_size(Context& context, const Resource& vm, const std::string& name, const VmFacts& old,
                 VmFacts& facts, VmPlan& plan) {
  facts.size = &check_size(name, facts.location, facts.zone);
  if (facts.size == old.size) return;
  const bool same_family = std::string_view(facts.size->family) == old.size->family;
  check_quota(context, vm.subscription, vm.location, *facts.size,
              facts.size->cores - (same_family ? old.size->cores : 0));
  const auto ids = disk_ids(vm.body);
  check_disk_count(*facts.size, ids.size() - 1);
  plan.body["properties"]["hardwareProfile"]["vmSize"] = facts.size->name;
  plan.restart = facts.power == "running";
}

// A specialized image is a disk with its host name and users, as an attached one.
bool made_of_specialized_image(Context& context, const Json& wanted) {
  const auto image = context.state.find(text_at(wanted, "/properties/storageProfile/imageReference/id"));
  if (!image) return false;
  const auto versions = lower(image->id).rfind("/versions/");
  const auto definition =
      versions == std::string::npos ? image : context.state.find(image->id.substr(0, versions));
  return definition &&
         (text_at(definition->body, "/properties/osState") == "Specialized" ||
          text_at(definition->body, "/properties/storageProfile/osDisk/osState") == "Specialized");
}

}  // namespace

VmFacts facts_of(const Resource& vm) {
  VmFacts facts{vm.id, vm.name, vm.location, text_at(vm.body, "/zones/0"), nullptr, "", power_of(vm)};
  facts.size = find_vm_size(text_at(vm.body, "/properties/hardwareProfile/vmSize"));
  facts.security = security_of(subtree_at(vm.body, "/properties/securityProfile"));
  return facts;
}

VmPlan plan_create(Context& context, const Json& wanted, const Resource& fresh) {
  check_vm_name(fresh.name);
  check_members(wanted);
  VmPlan plan;
  plan.body = fresh.body;
  VmFacts facts{fresh.id, fresh.name, fresh.location, check_zone(wanted, fresh.location, fresh.name)};
  if (!facts.zone.empty()) plan.body["zones"] = {facts.zone};
  const auto size = text_at(wanted, "/properties/hardwareProfile/vmSize");
  if (size.empty()) refuse_missing("hardwareProfile.vmSize");
  facts.size = &check_size(size, facts.location, facts.zone);
  auto& properties = plan.body["properties"];
  properties["vmId"] = new_guid();
  properties["hardwareProfile"] = {{"vmSize", facts.size->name}};
  const Json security = checked_security(wanted);
  if (!security.is_null()) properties["securityProfile"] = security;
  facts.security = security_of(security);
  for (const auto& name : kPlain)
    if (wanted.contains("properties") && wanted["properties"].contains(name))
      properties[name] = wanted["properties"][name];

  place(context, facts, wanted, properties);
  complete_identity(context, fresh.id, wanted, nullptr, plan.body);
  if (wanted.contains("plan")) plan.body["plan"] = wanted["plan"];

  const bool attach = same(text_at(wanted, "/properties/storageProfile/osDisk/createOption"), "Attach");
  // "Parameter 'osProfile' is not allowed.": host name and users are the disk's.
  const bool brings_users = attach || made_of_specialized_image(context, wanted);
  if (brings_users && subtree_at(wanted, "/properties/osProfile").is_object()) refuse_parameter("osProfile");
  if (attach && subtree_at(wanted, "/properties/storageProfile/imageReference").is_object())
    refuse_parameter("imageReference");
  if (!brings_users) properties["osProfile"] = shown_os_profile(wanted, fresh.name);
  plan_new_storage(context, facts, subtree_at(wanted, "/properties/storageProfile"), plan);
  properties["networkProfile"]["networkInterfaces"] = plan_nics(
      context, facts, subtree_at(wanted, "/properties/networkProfile/networkInterfaces"), nullptr, plan);
  check_quota(context, parse_target("GET", split_path(fresh.id)).subscription, facts.location, *facts.size,
              facts.size->cores);
  properties["provisioningState"] = "Creating";
  properties["timeCreated"] = to_azure_time(context.now());
  return plan;
}

VmPlan plan_update(Context& context, const Resource& vm, const Json& wanted, bool put) {
  check_members(wanted);
  VmPlan plan;
  plan.body = vm.body;
  plan.generation = text_at(vm.hidden, "/generation");
  const auto old = facts_of(vm);
  auto facts = old;
  if (wanted.contains("tags")) {
    check_tags(wanted["tags"]);
    plan.body["tags"] = wanted["tags"];
  } else if (put) {
    plan.body.erase("tags");
  }
  const Json zones = subtree_at(wanted, "/zones");
  if (zones.is_array() && zones != subtree_at(vm.body, "/zones") && !(zones.empty() && facts.zone.empty()))
    refuse_change("zones");
  check_os_profile_unchanged(vm, wanted);
  check_placement_unchanged(vm, wanted);
  place(context, facts, wanted, plan.body["properties"]);
  complete_identity(context, vm.id, wanted, vm.body, plan.body);
  const Json security = checked_security(wanted);
  if (security.is_object()) {
    if (security.contains("securityType") && security_of(security) != facts.security)
      refuse_change("securityProfile.securityType");
    plan.body["properties"]["securityProfile"] = security;
  }
  const auto size = text_at(wanted, "/properties/hardwareProfile/vmSize");
  if (!size.empty()) change_size(context, vm, size, old, facts, plan);
  const Json storage = subtree_at(wanted, "/properties/storageProfile");
  if (storage.is_object() || facts.size != old.size)
    plan_storage_change(context, facts, vm.body["properties"]["storageProfile"],
                        storage.is_object() ? storage : Json::object(), plan.generation, plan);
  const Json nics = subtree_at(wanted, "/properties/networkProfile/networkInterfaces");
  if (nics.is_array()) {
    auto& shown = plan.body["properties"]["networkProfile"]["networkInterfaces"];
    shown = plan_nics(context, facts, nics, Json(shown), plan);
    if ((!plan.nics_added.empty() || !plan.nics_removed.empty()) && facts.power != "deallocated")
      throw ApiError(
          409, "OperationNotAllowed",  // our wording; the rule is Azure's
          fmt::format("Network interfaces of VM '{}' can only be changed while it is deallocated.", vm.name));
  }
  for (const auto& name : kPlain)
    if (wanted.contains("properties") && wanted["properties"].contains(name))
      plan.body["properties"][name] = wanted["properties"][name];
  return plan;
}

void apply_plan(Context& context, Resource& vm, const VmPlan& plan) {
  for (const auto& id : plan.detach) free_disk(context, id, vm.id);
  vm.body = plan.body;
  for (const auto& disk : plan.make) make_disk(context, disk, vm);
  const bool deallocated = power_of(vm) == "deallocated";
  for (const auto& id : plan.attach) claim_disk(context, id, vm.id, deallocated);
  for (const auto& disk : plan.make) claim_disk(context, disk.id, vm.id, deallocated);
  for (const auto& id : plan.nics_removed) free_nic(context, id);
  for (const auto& nic : plan.body["properties"]["networkProfile"]["networkInterfaces"]) {
    const auto id = text_at(nic, "/id");
    if (std::find(plan.nics_added.begin(), plan.nics_added.end(), id) != plan.nics_added.end())
      claim_nic(context, id, vm, flag_at(nic, "/properties/primary", false));
  }
  vm.hidden["generation"] = plan.generation;
  describe_disks(context, vm);
  save_model(context, vm);
}

void save_model(Context& context, Resource& vm) {
  const auto model = number_at(vm.hidden, "/model", 0) + 1;
  vm.hidden["model"] = model;
  vm.body["etag"] = fmt::format("\"{}\"", model);
  context.save(vm);
}

void check_vm_idle(Context& context, const Resource& vm) {
  if (!context.operations.running_on(vm.id)) return;
  throw ApiError(
      409, "Conflict",
      "The request failed due to conflict with a concurrent request. To resolve it, please refer to "
      "https://aka.ms/activitylog to get more details on the conflicting requests.");
}

}  // namespace azlin::simulator
