// Restores of VMs: disks, a new VM, the VM's own disks replaced; single files by a mounted recovery point.
#include <fmt/format.h>

#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/recovery_points.hpp"
#include "simulator/recovery_restore.hpp"
#include "simulator/recovery_vm.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr core::Millis kRestoreDemo{2'500}, kRestoreRealistic{1'200'000};
constexpr const char* kGroupType = "Microsoft.Resources/resourceGroups";

std::optional<RecoveryObject> find_point(Recovery& recovery, const RecoveryObject& item,
                                         const std::string& name, bool secondary) {
  for (const auto& point : secondary ? secondary_points(recovery, item) : visible_points(recovery, item))
    if (same(point.name(), name)) return point;
  return std::nullopt;
}

// The group that a property names: it must be there.
Resource require_group(Recovery& recovery, const std::string& id, const char* property) {
  auto group = recovery.context.state.find(id);
  if (id.empty() || !group || !same(group->type, kGroupType))
    throw_invalid_input(std::string(property) + " is not an existing resource group.");
  return std::move(*group);
}

void check_common(const RecoveryObject& item, const std::string& point, const Json& properties,
                  const std::string& region) {
  const std::string type = text_at(properties, "/objectType");
  if (same(type, "IaasVMRestoreWithRehydrationRequest"))
    throw_invalid_input("The recovery point is not archived; it needs no rehydration.");
  if (!same(type, "IaasVMRestoreRequest")) throw_invalid_input("objectType does not fit the item.");
  if (!same(text_at(properties, "/recoveryPointId"), point))
    throw_invalid_input("recoveryPointId is not that of the path.");
  if (!same(text_at(properties, "/sourceResourceId"),
            item.properties()["sourceResourceId"].get<std::string>()))
    throw_invalid_input("sourceResourceId is not that of the item.");
  if (!same(text_at(properties, "/region"), region))
    throw_invalid_input("region is not that of the restore.");
  if (text_at(properties, "/storageAccountId").empty() &&
      text_at(properties, "/identityBasedRestoreDetails/targetStorageAccountId").empty())
    throw_invalid_input("storageAccountId, the staging storage account, is missing.");
}

void check_new_vm(Recovery& recovery, const Json& properties, Json& data) {
  const std::string vm = text_at(properties, "/targetVirtualMachineId");
  if (vm.empty()) throw_invalid_input("targetVirtualMachineId is missing.");
  if (recovery.context.state.exists(vm)) throw_invalid_input("The target virtual machine exists already.");
  const std::string network = text_at(properties, "/virtualNetworkId"),
                    subnet = text_at(properties, "/subnetId");
  if (!recovery.context.state.exists(network) || !starts_with_ignoring_case(subnet, network + "/subnets/"))
    throw_invalid_input("virtualNetworkId and subnetId must name an existing network and a subnet of it.");
  data["vm"] = vm;
  data["subnet"] = subnet;
}

void check_replace(Recovery& recovery, const RecoveryObject& item) {
  const auto vm = recovery.context.state.find(item.properties()["virtualMachineId"].get<std::string>());
  if (!vm)
    throw_invalid_input(
        "The original virtual machine does not exist any more; restore its disks or a new one.");
}

// A disk with the contents that the point kept.
Resource restored_disk(Recovery& recovery, const Json& kept, const std::string& group_id,
                       const std::string& location, const std::string& source, const Json& zones) {
  const std::string stamp = fmt::format("{}", recovery.now().time_since_epoch().count() / 1'000);
  const bool os = kept["lun"].is_null();
  NewDisk disk;
  disk.id = fmt::format("{}/providers/Microsoft.Compute/disks/{}-{}-{}", group_id,
                        source.substr(source.rfind('/') + 1),
                        os ? "osdisk" : fmt::format("datadisk-{:03}", kept["lun"].get<int>()), stamp);
  for (int copy = 2; recovery.context.state.exists(disk.id); ++copy)  // two restores in one second
    disk.id = fmt::format("{}-{}", disk.id.substr(0, disk.id.rfind(stamp) + stamp.size()), copy);
  disk.location = location;
  disk.sku = kept["sku"];
  disk.volume = contents(recovery.context).clone(kept["volume"].get<VolumeId>());
  disk.bytes = gib(kept["gb"].get<std::uint64_t>());
  disk.creation_data = {{"createOption", "Restore"}, {"sourceResourceId", kept["id"]}};
  disk.zones = zones;
  disk.os_type = kept.value("osType", "");
  disk.generation = kept.value("generation", "");
  disk.security_type = kept.value("security", "");
  disk.created = recovery.now();
  return new_disk(disk);
}

Json do_restore(Recovery& recovery, const Json& data) {
  const auto point = recovery.store.find(data.at("point").get<std::string>());
  if (!point) throw JobFailure{400'010, "UserErrorRecoveryPointNotFound", "The recovery point is gone.", {}};
  std::vector<Resource> disks;
  const Json wanted = data.value("luns", Json());
  for (const auto& kept : point->notes["disks"]) {
    const bool chosen = wanted.is_null() || kept["lun"].is_null() ||
                        std::find(wanted.begin(), wanted.end(), kept["lun"]) != wanted.end();
    if (!chosen) continue;
    Resource disk = restored_disk(recovery, kept, data["group"], data["location"], data["source"],
                                  data.value("zones", Json()));
    disk.hidden["lun"] = kept["lun"];
    recovery.context.save(disk);
    disks.push_back(disk);
  }
  const std::string kind = data["kind"];
  if (kind == "vm")
    make_restored_vm(recovery.context, point->notes["vm"], data["vm"], data["location"], data["subnet"],
                     disks);
  if (kind == "replace") replace_vm_disks(recovery.context, data["source"], disks);
  Json names = Json::array();
  for (const auto& disk : disks) names.push_back(disk.name);
  return {{"Target disks", names.dump()}};
}

// ---- files out of a mounted point ----

// The plain alphabet, padded: clients decode it strictly.
std::string base64(const std::string& bytes) {
  std::string text = base64url_encode(bytes);
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

Json client_script(const std::string& os, const std::string& extension, const std::string& suffix) {
  const std::string body = "# Connects the disks of the recovery point (simulated: connects nothing).\n";
  return {{"osType", os},
          {"scriptContent", base64(body)},
          {"scriptExtension", extension},
          {"scriptNameSuffix", suffix},
          {"url", ""}};
}

Reply provision(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const auto item = recovery.store.find(recovery.item_id(request, vault));
  if (!item || item->notes["workload"] != "VM" || is_soft_deleted(*item)) throw_item_not_found();
  auto point = find_point(recovery, *item, request.param("point"), false);
  if (!point) throw_item_not_found();
  const Json& body = request.object();
  if (!same(text_at(body, "/properties/objectType"), "IaasVMILRRegistrationRequest") ||
      text_at(body, "/properties/virtualMachineId").empty())  // az sends no initiatorName
    throw_invalid_input("An IaasVMILRRegistrationRequest with virtualMachineId is expected.");
  point->notes["mounted"] = true;
  recovery.store.save(*point);
  // The password is the 15 characters that begin 33 after the last '_'.
  std::string tail = new_guid() + new_guid();
  std::erase(tail, '-');
  const std::string suffix =
      fmt::format("{}_{}_{}", lower(item->properties()["friendlyName"].get<std::string>()), vault.location,
                  tail.substr(0, 48));
  RecoveryOperation operation;
  operation.base = item->id;
  operation.data = {{"objectType", "OperationStatusProvisionILRExtendedInfo"},
                    {"recoveryTarget",
                     {{"clientScripts",
                       {client_script("Linux", ".py", suffix), client_script("Windows", ".exe", suffix)}}}}};
  return recovery.start(request, operation);
}

Reply revoke(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const auto item = recovery.store.find(recovery.item_id(request, vault));
  if (!item) throw_item_not_found();
  auto point = find_point(recovery, *item, request.param("point"), false);
  if (!point) throw_item_not_found();
  if (!point->notes.value("mounted", false)) throw_invalid_input("The recovery point is not mounted.");
  point->notes["mounted"] = false;
  recovery.store.save(*point);
  RecoveryOperation operation;
  operation.base = item->id;
  return recovery.start(request, operation);
}

// Older clients send the inner object alone.
Reply validate(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const Json& body = request.object();
  const Json wrapped = subtree_at(body, "/properties");
  const Json wanted = wrapped.is_object() ? wrapped : body;
  if (!same(text_at(wanted, "/objectType"), "ValidateIaasVMRestoreOperationRequest"))
    throw_invalid_input("A ValidateIaasVMRestoreOperationRequest is expected.");
  const Json restore = subtree_at(wanted, "/restoreRequest");
  if (!restore.is_object()) throw_invalid_input("restoreRequest is missing.");
  RecoveryOperation operation;
  operation.base = vault.id;
  operation.status_part = "backupValidateOperationsStatuses";
  operation.result_part = "backupValidateOperationResults";
  operation.data = {{"objectType", "OperationStatusValidateOperationExtendedInfo"},
                    {"validateOperationResponse", {{"validationResults", Json::array()}}}};
  return recovery.start(request, operation);
}

}  // namespace

std::string begin_vm_restore(Recovery& recovery, const Resource& vault, const RecoveryObject& item,
                             const std::string& name, const Json& properties, bool secondary) {
  const auto point = find_point(recovery, item, name, secondary);
  if (!point) throw_item_not_found();
  const std::string location = secondary ? text_at(properties, "/region") : vault.location;
  check_common(item, name, properties, location);
  const std::string type = text_at(properties, "/recoveryType");
  const std::string source = item.properties()["sourceResourceId"];
  Json data = {{"point", point->id}, {"source", source}, {"location", location}};
  if (properties.contains("zones")) data["zones"] = properties["zones"];
  if (properties.contains("restoreDiskLunList")) data["luns"] = properties["restoreDiskLunList"];
  if (same(type, "RestoreDisks")) {
    data["kind"] = "disks";
    data["group"] =
        require_group(recovery, text_at(properties, "/targetResourceGroupId"), "targetResourceGroupId").id;
  } else if (same(type, "AlternateLocation")) {
    data["kind"] = "vm";
    data["group"] =
        require_group(recovery, text_at(properties, "/targetResourceGroupId"), "targetResourceGroupId").id;
    check_new_vm(recovery, properties, data);
  } else if (same(type, "OriginalLocation")) {
    if (secondary) throw_invalid_input("A cross region restore goes to another location.");
    check_replace(recovery, item);
    data["kind"] = "replace";
    data["group"] = source.substr(0, lower(source).find("/providers/"));
  } else {
    throw_invalid_input("recoveryType must be RestoreDisks, AlternateLocation or OriginalLocation.");
  }
  NewJob job;
  job.vault = vault.id;
  job.operation = secondary ? "CrossRegionRestore" : "Restore";
  job.secondary = secondary;
  job.management = "AzureIaasVM";
  job.entity = lower(item.properties()["friendlyName"].get<std::string>());
  job.item = item.id;
  job.tasks = {"Transfer data from vault"};
  if (data["kind"] != "disks")
    job.tasks.push_back(data["kind"] == "vm" ? "Create the restored virtual machine" : "Replace the disks");
  job.bag = {{"Job Type", data["kind"] == "disks" ? "Recover disks"
                          : data["kind"] == "vm"  ? "Recover virtual machine"
                                                  : "Replace disks"},
             {"Recovery point time", iso(point->at)},
             {"Target resource group", text_at(properties, "/targetResourceGroupId")}};
  job.cancellable = true;
  job.effect = "restore-vm";
  job.data = data;
  job.demo = kRestoreDemo;
  job.realistic = kRestoreRealistic;
  return recovery.start_job(job);
}

void add_recovery_vm_restores(Router& router, Recovery& recovery) {
  recovery.effects["restore-vm"] = do_restore;
  router.arm("POST", kPointPath + "/provisionInstantItemRecovery", kBackupVersions,
             [&recovery](Request& request) { return provision(recovery, request); });
  router.arm("POST", kPointPath + "/revokeInstantItemRecovery", kBackupVersions,
             [&recovery](Request& request) { return revoke(recovery, request); });
  router.arm("POST", kVaultPath + "/backupTriggerValidateOperation", kBackupVersions,
             [&recovery](Request& request) { return validate(recovery, request); });
}

}  // namespace azlin::simulator
