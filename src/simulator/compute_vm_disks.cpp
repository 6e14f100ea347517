#include <fmt/format.h>

#include <set>

#include "simulator/compute_vms.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr int kHighestLun = 63;
constexpr std::int64_t kImageGb = 30;  // of the platform image that FromImage stands for

ApiError bad_request(const std::string& message) {
  return {400, "BadRequest", message};
}

std::string security_of_disk(const Resource& disk) {
  const auto type = text_at(disk.body, "/properties/securityProfile/securityType");
  return type == "Standard" ? "" : type;
}

std::string generation_of(const Resource& disk) {
  return text_at(disk.body, "/properties/hyperVGeneration", "V1");
}

bool size_takes(const char* list, const std::string& value) {
  for (const auto& one : split(list, ','))
    if (same(trim(one), value)) return true;
  return false;
}

// What the size demands of an OS disk: generation, processor, disk controller.
void check_size_boots(const VmFacts& facts, const Resource& disk) {
  const auto generation = generation_of(disk);
  if (!size_takes(facts.size->generations, generation))
    throw bad_request(
        fmt::format("The selected VM size '{0}' cannot boot Hypervisor Generation '{1}'. If this was a "
                    "Create operation please check "
                    "that the Hypervisor Generation of the Image matches the Hypervisor Generation of the "
                    "selected VM Size. If this "
                    "was an Update operation please select a Hypervisor Generation '{1}' VM Size.",
                    facts.size->name, generation.substr(1)));
  const auto processor = text_at(disk.body, "/properties/supportedCapabilities/architecture", "x64");
  if (!same(processor, facts.size->architecture))
    throw bad_request(
        fmt::format("Cannot create a VM of size '{}' because this VM size only supports a CPU Architecture "
                    "of '{}', but an image or "
                    "disk with CPU Architecture '{}' was given. Please check that the CPU Architecture of "
                    "the image or disk is "
                    "compatible with that of the VM size.",
                    facts.size->name, facts.size->architecture, processor));
  const auto controllers =
      text_at(disk.body, "/properties/supportedCapabilities/diskControllerTypes", "SCSI");
  for (const auto& controller : split(facts.size->disk_controllers, ','))
    if (size_takes(controllers.c_str(), trim(controller))) return;
  throw ApiError(
      400, "InvalidParameter",
      fmt::format(
          "The VM size '{0}' cannot boot with OS image or disk. Please check that disk controller types "
          "supported by the OS image or disk is one of the supported disk controller types for the VM "
          "size '{0}'. Please query sku api at https://aka.ms/azure-compute-skus to determine supported "
          "disk controller types for the VM size.",
          facts.size->name));
}

void check_security(const VmFacts& facts, const Resource& disk) {
  if (security_of_disk(disk) != facts.security)
    throw bad_request("Security type of VM is not compatible with the security type of attached OS Disk.");
}

void check_premium(const VmFacts& facts, const Resource& disk) {
  const auto sku = text_at(disk.body, "/sku/name");
  if (facts.size->premium_io || !(sku.starts_with("Premium") || sku.starts_with("Ultra"))) return;
  throw ApiError(
      400, "InvalidParameter",
      fmt::format(
          "Requested operation cannot be performed because the VM size {} does not support the storage "
          "account type {} of disk '{}'. Consider updating the VM to a size that supports Premium "
          "storage.",
          facts.size->name, sku, disk.name),
      "managedDisk.storageAccountType");
}

// A zonal VM takes disks of its zone and zone-redundant ones; a regional VM takes no zonal disk.
void check_disk_zone(const VmFacts& facts, const Resource& disk) {
  const auto zone = text_at(disk.body, "/zones/0");
  if (text_at(disk.body, "/sku/name").ends_with("_ZRS") || zone == facts.zone) return;
  if (facts.zone.empty())
    throw bad_request(fmt::format(
        "Disk {} cannot be attached to the VM because it is in zone '{}' and the VM is not zonal.", disk.id,
        zone));
  throw bad_request(fmt::format("Disk {} cannot be attached to the VM because it is not in zone '{}'.",
                                disk.id, facts.zone));
}

void check_resize(const Json& entry, const Resource& disk, const VmFacts& facts) {
  const auto wanted = number_at(entry, "/diskSizeGB", 0),
             present = number_at(disk.body, "/properties/diskSizeGB", 0);
  if (wanted == 0 || wanted == present) return;
  if (wanted < present)
    throw ApiError(
        400, "ResizeDiskError",
        fmt::format(
            "Disk {} cannot be resized down. Requested size {} GB is smaller than the current size {} "
            "GB.",
            disk.name, wanted, present),
        "diskSizeGB");
  throw ApiError(
      409, "OperationNotAllowed",
      fmt::format("Cannot resize disk '{}' through VM '{}'. Deallocate the VM and update the disk.",
                  disk.name, facts.name));
}

std::string caching_of(const Json& entry, const std::string& fallback) {
  return enum_value(text_at(entry, "/caching", fallback), {"None", "ReadOnly", "ReadWrite"}, "caching");
}

std::string delete_option_of(const Json& entry, const std::string& fallback) {
  return enum_value(text_at(entry, "/deleteOption", fallback), {"Delete", "Detach"}, "deleteOption");
}

Json shown_disk(const Json& entry, const Resource& disk, const std::string& option,
                const std::string& caching) {
  return {{"name", disk.name},
          {"createOption", option},
          {"caching", caching_of(entry, caching)},
          {"managedDisk", {{"id", disk.id}}},
          {"deleteOption", delete_option_of(entry, "Detach")}};
}

void check_os_disk(Context&, const VmFacts& facts, const Resource& disk) {
  check_size_boots(facts, disk);
  check_security(facts, disk);
  if (facts.security == "TrustedLaunch" && generation_of(disk) != "V2")
    throw bad_request("The selected VM's security type 'TrustedLaunch' requires Hypervisor Generation '2'.");
}

std::string sibling_id(const std::string& vm_id, const std::string& disk) {
  return vm_id.substr(0, lower(vm_id).rfind("/providers/")) + "/providers/" + kDiskType + "/" + disk;
}

// A disk that the VM's request has made. Refused when the name is taken.
Json plan_own_disk(Context& context, const VmFacts& facts, const Json& entry, DiskWanted disk, VmPlan& plan,
                   const std::string& caching) {
  auto name = text_at(entry, "/name");
  if (name.empty())
    name = fmt::format("{}_{}_{}", facts.name, disk.os ? "OsDisk_1" : "DataDisk", new_guid().substr(0, 8));
  disk.id = sibling_id(facts.id, name);
  if (context.state.exists(disk.id))
    throw ApiError(
        409, "ConflictingUserInput",
        fmt::format("Disk '{}' already exists in resource group. Only CreateOption.Attach is supported.",
                    name),
        "name");
  disk.sku = text_at(entry, "/managedDisk/storageAccountType",
                     facts.size->premium_io ? "Premium_LRS" : "Standard_LRS");
  Json shown = {{"name", name},
                {"createOption", disk.os ? "FromImage" : "Empty"},
                {"caching", caching_of(entry, caching)},
                {"managedDisk", {{"id", disk.id}}},
                {"deleteOption", delete_option_of(entry, "Detach")}};
  if (disk.os) shown["osType"] = disk.os_type;
  plan.make.push_back(std::move(disk));
  return shown;
}

Json plan_image_disk(Context& context, const VmFacts& facts, const Json& storage, const Json& entry,
                     VmPlan& plan) {
  const Json image = subtree_at(storage, "/imageReference");
  if (!image.is_object()) refuse_missing("imageReference");
  DiskWanted disk;
  disk.os = true;
  disk.image = image;
  disk.os_type =
      starts_with_ignoring_case(text_at(image, "/publisher"), "MicrosoftWindows") ? "Windows" : "Linux";
  const auto sku = lower(text_at(image, "/sku"));
  disk.generation = sku.find("gen1") == std::string::npos &&
                            (sku.find("gen2") != std::string::npos || facts.security == "TrustedLaunch")
                        ? "V2"
                        : "V1";
  disk.security_type = facts.security;
  disk.host = text_at(plan.body, "/properties/osProfile/computerName", facts.name);
  disk.gb = std::max(number_at(entry, "/diskSizeGB", kImageGb), kImageGb);
  if (!size_takes(facts.size->generations, disk.generation))
    disk.generation = disk.generation == "V1" ? "V2" : "V1";
  plan.generation = disk.generation;
  return plan_own_disk(context, facts, entry, std::move(disk), plan, "ReadWrite");
}

Json plan_attached_os_disk(Context& context, const VmFacts& facts, const Json& entry, VmPlan& plan) {
  const auto id = text_at(entry, "/managedDisk/id");
  if (id.empty()) refuse_missing("osDisk.managedDisk.id");
  const auto os_type = text_at(entry, "/osType");
  if (os_type.empty()) refuse_missing("osDisk.osType");
  const auto disk = check_attachable(context, facts, id, "osDisk.managedDisk.id");
  check_os_disk(context, facts, disk);
  plan.generation = generation_of(disk);
  plan.attach.push_back(disk.id);
  Json shown = shown_disk(entry, disk, "Attach", "ReadWrite");
  shown["osType"] = enum_value(os_type, {"Linux", "Windows"}, "osDisk.osType");
  return shown;
}

// One entry of dataDisks that the VM does not have yet.
Json plan_new_data_disk(Context& context, const VmFacts& facts, const Json& entry, VmPlan& plan) {
  const auto option =
      enum_value(text_at(entry, "/createOption"), {"Attach", "Empty", "FromImage"}, "dataDisk.createOption");
  Json shown;
  if (option == "Attach") {
    const auto id = text_at(entry, "/managedDisk/id");
    if (id.empty()) refuse_missing("dataDisk.managedDisk.id");
    const auto disk = check_attachable(context, facts, id, "dataDisk.managedDisk.id");
    check_resize(entry, disk, facts);
    plan.attach.push_back(disk.id);
    shown = shown_disk(entry, disk, "Attach", "None");
  } else {
    DiskWanted disk;
    disk.gb = number_at(entry, "/diskSizeGB", 0);
    if (disk.gb <= 0) refuse_missing("dataDisk.diskSizeGB");
    shown = plan_own_disk(context, facts, entry, disk, plan, "None");
  }
  shown["lun"] = entry["lun"];
  shown["toBeDetached"] = false;
  return shown;
}

// Every entry has a LUN of its own.
void check_luns(const Json& disks) {
  std::set<std::int64_t> seen;
  for (const auto& disk : disks) {
    const auto lun = number_at(disk, "/lun", -1);
    if (!disk.contains("lun")) refuse_missing("dataDisk.lun");
    if (lun < 0 || lun > kHighestLun)
      throw ApiError(400, "InvalidParameter",
                     fmt::format("The value '{}' of parameter 'dataDisk.lun' is invalid.", lun),
                     "dataDisk.lun");
    if (!seen.insert(lun).second)
      throw ApiError(400, "InvalidParameter", fmt::format("A disk already uses the same LUN: {}.", lun),
                     "dataDisk.lun");
  }
}

const Json* find_by(const Json& disks, const std::function<bool(const Json&)>& wanted) {
  for (const auto& disk : disks)
    if (wanted(disk)) return &disk;
  return nullptr;
}

bool same_disk(const Json& a, const std::string& id, const std::string& name) {
  return id.empty() ? same(text_at(a, "/name"), name) : same(text_at(a, "/managedDisk/id"), id);
}

// An entry that the VM has already: what may and what may not change.
Json plan_kept_data_disk(Context& context, const VmFacts& facts, const Json& entry, const Json& present) {
  if (number_at(entry, "/lun", -1) != number_at(present, "/lun", -1)) refuse_change("dataDisk.lun");
  const auto option = text_at(entry, "/createOption");
  if (!option.empty() && !same(option, text_at(present, "/createOption")))
    refuse_change("dataDisk.createOption");
  const auto name = text_at(entry, "/name");
  if (!name.empty() && !same(name, text_at(present, "/name"))) refuse_change("dataDisk.name");
  Json shown = present;
  shown["caching"] = caching_of(entry, text_at(present, "/caching", "None"));
  shown["deleteOption"] = delete_option_of(entry, text_at(present, "/deleteOption", "Detach"));
  if (const auto disk = context.state.find(text_at(present, "/managedDisk/id")))
    check_resize(entry, *disk, facts);
  return shown;
}

// dataDisks is the whole wanted list: an entry left out is detached.
Json plan_data_disks(Context& context, const VmFacts& facts, const Json& present, const Json& wanted,
                     VmPlan& plan) {
  check_luns(wanted);
  Json shown = Json::array();
  std::set<std::string> kept;
  for (const auto& entry : wanted) {
    const auto id = text_at(entry, "/managedDisk/id"), name = text_at(entry, "/name");
    const Json* old = find_by(present, [&](const Json& disk) { return same_disk(disk, id, name); });
    if (old == nullptr && !name.empty()) {
      const Json* named =
          find_by(present, [&](const Json& disk) { return same(text_at(disk, "/name"), name); });
      if (named != nullptr) refuse_change("dataDisk.managedDisk.id");
    }
    if (old == nullptr) {
      shown.push_back(plan_new_data_disk(context, facts, entry, plan));
      continue;
    }
    if (flag_at(entry, "/toBeDetached", false)) continue;
    kept.insert(lower(text_at(*old, "/managedDisk/id")));
    shown.push_back(plan_kept_data_disk(context, facts, entry, *old));
  }
  for (const auto& old : present)
    if (kept.count(lower(text_at(old, "/managedDisk/id"))) == 0)
      plan.detach.push_back(text_at(old, "/managedDisk/id"));
  check_disk_count(*facts.size, shown.size());
  return shown;
}

// "PUT/PATCH with the osDisk as read, changing managedDisk.id and name."
void plan_swap(Context& context, const VmFacts& facts, const Json& entry, const std::string& generation,
               Json& os_disk, VmPlan& plan) {
  const auto id = text_at(entry, "/managedDisk/id"), name = text_at(entry, "/name");
  const auto old_id = text_at(os_disk, "/managedDisk/id"), old_name = text_at(os_disk, "/name");
  const bool swap = !id.empty() && !same(id, old_id);
  if (!swap) {
    if (!name.empty() && !same(name, old_name)) refuse_change("osDisk.name");
    return;
  }
  if (name.empty() || same(name, old_name) || !same(name, last_segment(id))) refuse_change("osDisk.name");
  // Our choice: no source shows Azure refusing it, but a running VM loses what it has not written.
  if (facts.power != "deallocated")
    throw ApiError(
        409, "OperationNotAllowed",
        fmt::format("The OS disk of VM '{}' can only be swapped while the VM is deallocated.", facts.name));
  const auto disk = check_attachable(context, facts, id, "osDisk.managedDisk.id");
  if (flag_at(disk.body, "/properties/encryptionSettingsCollection/enabled", false))
    throw ApiError(409, "OSDiskSwapNotSupportedForVMsUsingDiskEncryption",
                   "OS disk swap is not supported for VMs that use disk encryption.");
  if (generation_of(disk) != generation)
    throw bad_request(
        "Swapping OS Disk is not supported since HyperVisor property on the OSDisk and VM do not match");
  const auto os_type = text_at(disk.body, "/properties/osType");
  if (!os_type.empty() && !same(os_type, text_at(os_disk, "/osType"))) refuse_change("osDisk.osType");
  check_security(facts, disk);
  plan.attach.push_back(disk.id);
  plan.detach.push_back(old_id);
  os_disk["name"] = disk.name;
  os_disk["managedDisk"] = {{"id", disk.id}};
}

void check_os_entry(const Json& entry, const Json& os_disk) {
  const auto option = text_at(entry, "/createOption");
  if (!option.empty() && !same(option, text_at(os_disk, "/createOption")))
    refuse_change("osDisk.createOption");
  const auto os_type = text_at(entry, "/osType");
  if (!os_type.empty() && !same(os_type, text_at(os_disk, "/osType"))) refuse_change("osDisk.osType");
}

void change_os_disk(Context& context, const VmFacts& facts, const Json& entry, const std::string& generation,
                    Json& os_disk, VmPlan& plan) {
  check_os_entry(entry, os_disk);
  plan_swap(context, facts, entry, generation, os_disk, plan);
  os_disk["caching"] = caching_of(entry, text_at(os_disk, "/caching", "ReadWrite"));
  os_disk["deleteOption"] = delete_option_of(entry, text_at(os_disk, "/deleteOption", "Detach"));
  if (const auto disk = context.state.find(text_at(os_disk, "/managedDisk/id")))
    check_resize(entry, *disk, facts);
}

}  // namespace

void check_disk_count(const VmSize& size, std::size_t count) {
  if (count <= static_cast<std::size_t>(size.max_data_disks)) return;
  throw ApiError(
      409, "OperationNotAllowed",
      fmt::format("The maximum number of data disks allowed to be attached to a VM of this size is {}.",
                  size.max_data_disks),
      "dataDisks");
}

Resource check_attachable(Context& context, const VmFacts& facts, const std::string& id,
                          const std::string& property) {
  check_id(id, "properties.storageProfile." + property);
  auto disk = context.state.find(id);
  if (!disk || disk->type != kDiskType) throw_not_found(id);
  const auto owner = text_at(disk->body, "/managedBy");
  if (!owner.empty())
    throw ApiError(
        409, "ConflictingUserInput",
        fmt::format(
            "Cannot attach the disk {} to VM {} because it is already attached to VM {}. A disk can be "
            "attached to only one VM at a time.",
            disk->name, facts.name, last_segment(owner)),
        property);
  if (disk->location != facts.location)
    throw bad_request(fmt::format("Disk {} is in region '{}' and cannot be attached to VM {} in region '{}'.",
                                  disk->name, disk->location, facts.name, facts.location));
  const auto state = disk_state(*disk);
  if (state != "Unattached" || text_at(disk->body, "/properties/provisioningState") != "Succeeded")
    throw ApiError(409, "OperationNotAllowed",
                   fmt::format("Cannot attach the disk {} to VM {}: its state is {} ({}).", disk->name,
                               facts.name, state, text_at(disk->body, "/properties/provisioningState")));
  check_disk_zone(facts, *disk);
  check_premium(facts, *disk);
  return std::move(*disk);
}

void plan_new_storage(Context& context, const VmFacts& facts, const Json& wanted, VmPlan& plan) {
  const Json entry = subtree_at(wanted, "/osDisk");
  if (!entry.is_object()) refuse_missing("osDisk");
  const auto option = text_at(entry, "/createOption");
  if (option.empty()) refuse_missing("osDisk.createOption");
  auto& storage = plan.body["properties"]["storageProfile"];
  if (enum_value(option, {"Attach", "FromImage"}, "osDisk.createOption") == "Attach") {
    storage["osDisk"] = plan_attached_os_disk(context, facts, entry, plan);
  } else {
    storage["osDisk"] = plan_image_disk(context, facts, wanted, entry, plan);
    storage["imageReference"] = wanted["imageReference"];
    storage["imageReference"]["exactVersion"] = text_at(wanted, "/imageReference/version", "latest");
  }
  const Json disks = subtree_at(wanted, "/dataDisks");
  storage["dataDisks"] =
      plan_data_disks(context, facts, Json::array(), disks.is_array() ? disks : Json::array(), plan);
}

void plan_storage_change(Context& context, const VmFacts& facts, const Json& present, const Json& wanted,
                         const std::string& generation, VmPlan& plan) {
  auto& storage = plan.body["properties"]["storageProfile"];
  const Json image = subtree_at(wanted, "/imageReference");
  for (const char* field : {"publisher", "offer", "sku", "version"}) {
    const auto path = std::string("/") + field;
    if (image.is_object() && text_at(image, path) != text_at(present, "/imageReference" + path))
      refuse_change("imageReference");
  }
  const Json entry = subtree_at(wanted, "/osDisk");
  if (entry.is_object()) change_os_disk(context, facts, entry, generation, storage["osDisk"], plan);
  const Json disks = subtree_at(wanted, "/dataDisks");
  if (disks.is_array())
    storage["dataDisks"] = plan_data_disks(context, facts, present["dataDisks"], disks, plan);
  // The size, too, may have changed: everything that stays or comes must suit it.
  for (const auto& id : disk_ids(plan.body)) {
    const auto disk = context.state.find(id);
    if (!disk) continue;
    check_premium(facts, *disk);
    if (same(id, text_at(storage, "/osDisk/managedDisk/id"))) check_size_boots(facts, *disk);
  }
}

std::vector<std::string> disk_ids(const Json& vm_body) {
  std::vector<std::string> ids{text_at(vm_body, "/properties/storageProfile/osDisk/managedDisk/id")};
  for (const auto& disk : vm_body["properties"]["storageProfile"]["dataDisks"])
    ids.push_back(text_at(disk, "/managedDisk/id"));
  return ids;
}

void describe_disks(Context& context, Resource& vm) {
  const bool shown = power_of(vm) != "deallocated";
  const auto describe = [&](Json& entry) {
    const auto disk = context.state.find(text_at(entry, "/managedDisk/id"));
    if (disk && shown) {
      entry["managedDisk"]["storageAccountType"] = disk->body["sku"]["name"];
      entry["diskSizeGB"] = disk->body["properties"]["diskSizeGB"];
    } else {
      entry["managedDisk"].erase("storageAccountType");
      entry.erase("diskSizeGB");
    }
  };
  auto& storage = vm.body["properties"]["storageProfile"];
  describe(storage["osDisk"]);
  for (auto& disk : storage["dataDisks"]) describe(disk);
}

void claim_disk(Context& context, const std::string& id, const std::string& vm_id, bool deallocated) {
  auto disk = context.state.find(id);
  if (!disk) return;
  set_attachment(*disk, vm_id, deallocated ? "Reserved" : "Attached", context.now());
  context.save(*disk);
}

void free_disk(Context& context, const std::string& id, const std::string& vm_id) {
  auto disk = context.state.find(id);
  if (!disk || !same(text_at(disk->body, "/managedBy"), vm_id)) return;
  set_attachment(*disk, "", "Unattached", context.now());
  context.save(*disk);
}

void set_disk_states(Context& context, const Resource& vm) {
  for (const auto& id : disk_ids(vm.body)) claim_disk(context, id, vm.id, power_of(vm) == "deallocated");
}

}  // namespace azlin::simulator
