#include "azlin/backup/vm_body.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace azlin::backup {

using nlohmann::json;

namespace {

json disk_entry(const RestoreDisk& disk, const std::string& os_type) {
  json entry = {{"createOption", "Attach"}, {"name", disk.name}, {"managedDisk", {{"id", disk.new_id}}}};
  entry["deleteOption"] = disk.delete_option.empty() ? "Detach" : disk.delete_option;
  if (!disk.caching.empty()) entry["caching"] = disk.caching;
  if (disk.lun == -1) entry["osType"] = os_type.empty() ? "Linux" : os_type;
  if (disk.lun >= 0) entry["lun"] = disk.lun;
  return entry;
}

json security_profile(const snapshot::VmSpec& spec) {
  return {{"securityType", spec.security_type},
          {"uefiSettings", {{"secureBootEnabled", spec.secure_boot}, {"vTpmEnabled", spec.vtpm}}}};
}

}  // namespace

std::string vm_body(const NewVm& vm) {
  json storage = {{"dataDisks", json::array()}};
  for (const auto& disk : vm.disks) {
    if (disk.lun == -1) storage["osDisk"] = disk_entry(disk, vm.spec.os_type);
    if (disk.lun >= 0) storage["dataDisks"].push_back(disk_entry(disk, {}));
  }
  if (!vm.spec.disk_controller.empty()) storage["diskControllerType"] = vm.spec.disk_controller;
  json properties = {
      {"hardwareProfile", {{"vmSize", vm.size}}},
      {"storageProfile", storage},
      {"networkProfile",
       {{"networkInterfaces",
         {{{"id", vm.nic_id}, {"properties", {{"primary", true}, {"deleteOption", "Delete"}}}}}}}},
      {"diagnosticsProfile", {{"bootDiagnostics", {{"enabled", true}}}}}};
  const bool special = !vm.spec.security_type.empty() && vm.spec.security_type != "Standard";
  if (special) properties["securityProfile"] = security_profile(vm.spec);
  const auto is_ultra = [](const RestoreDisk& disk) { return disk.sku == "UltraSSD_LRS"; };
  if (std::any_of(vm.disks.begin(), vm.disks.end(), is_ultra))  // else Azure refuses to attach them
    properties["additionalCapabilities"] = {{"ultraSSDEnabled", true}};
  if (!vm.spec.license.empty()) properties["licenseType"] = vm.spec.license;
  json body = {{"location", vm.location}, {"tags", vm.tags}, {"properties", properties}};
  if (vm.zone) body["zones"] = {*vm.zone};
  return body.dump();
}

}  // namespace azlin::backup
