#include "snapshot/describe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "azlin/core/fields.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"

namespace azlin::snapshot {

using nlohmann::json;

namespace {

constexpr int kParallelReads = 8;

const json& at(const json& body, const char* pointer) {
  return core::fields::member_at(body, pointer);
}

std::string text(const json& body, const char* pointer) {
  const json& value = at(body, pointer);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// "…/resourceGroups/{rg}/…/virtualNetworks/{vnet}/subnets/{subnet}" as "{rg}/{vnet}/{subnet}".
std::string short_subnet(const std::string& id) {
  if (id.empty()) return {};
  const auto marker = id.rfind("/subnets/");
  if (marker == std::string::npos) return {};
  const auto network = core::ResourceId::parse(id.substr(0, marker));
  return fmt::format("{}/{}/{}", network.resource_group, network.name, core::ResourceId::parse(id).name);
}

std::string short_id(const std::string& id) {
  if (id.empty()) return {};
  const auto parsed = core::ResourceId::parse(id);
  return parsed.resource_group + "/" + parsed.name;
}

std::string primary_nic(const json& raw) {
  for (const auto& nic : at(raw, "/properties/networkProfile/networkInterfaces")) {
    if (at(nic, "/properties/primary") == true) return text(nic, "/id");
  }
  return {};
}

const json* find_disk_entry(const json& storage, int lun) {
  if (lun < 0) return storage.contains("osDisk") ? &storage["osDisk"] : nullptr;
  if (!storage.contains("dataDisks")) return nullptr;
  for (const auto& entry : storage["dataDisks"]) {
    if (core::fields::number(entry, "lun", -1) == lun) return &entry;
  }
  return nullptr;
}

}  // namespace

VmSpec describe(const azure::Vm& vm, const std::vector<azure::Nic>& nics) {
  const json raw = json::parse(vm.raw, nullptr, false);
  VmSpec spec;
  spec.name = vm.name;
  spec.resource_group = vm.resource_group;
  spec.location = vm.location;
  spec.vm_id = vm.vm_id;
  spec.size = vm.size;
  spec.zone = vm.zone;
  spec.os_type = vm.os_type;
  spec.generation = vm.generation;
  spec.security_type = vm.security_type == "Standard" ? "" : vm.security_type;
  spec.secure_boot = at(raw, "/properties/securityProfile/uefiSettings/secureBootEnabled") == true;
  spec.vtpm = at(raw, "/properties/securityProfile/uefiSettings/vTpmEnabled") == true;
  spec.disk_controller = text(raw, "/properties/storageProfile/diskControllerType");
  spec.license = text(raw, "/properties/licenseType");
  for (const auto& nic : nics) {
    spec.nics.push_back({nic.name, core::ResourceId::parse(nic.id).resource_group,
                         short_subnet(nic.subnet_id), short_id(nic.nsg_id), nic.accelerated});
  }
  const std::string primary = primary_nic(raw);
  std::stable_partition(spec.nics.begin(), spec.nics.end(), [&](const NicSpec& nic) {
    return !primary.empty() && core::equal_ignoring_case(nic.name, core::ResourceId::parse(primary).name);
  });
  spec.tags = vm.tags;
  return spec;
}

DiskSpec describe(const azure::AttachedDisk& attached, const azure::Disk& disk, const azure::Vm& vm) {
  const json raw = json::parse(vm.raw, nullptr, false);
  const json storage = at(raw, "/properties/storageProfile");
  const json* entry = storage.is_object() ? find_disk_entry(storage, attached.lun) : nullptr;
  DiskSpec spec;
  spec.name = disk.name;
  spec.sku = disk.sku;
  spec.caching = attached.caching;
  spec.size_gb = disk.size_gb;
  spec.zone = disk.zone;
  spec.write_accelerator = entry != nullptr && entry->value("writeAcceleratorEnabled", json()) == true;
  spec.delete_option = attached.delete_option == "Delete" ? "Delete" : "";
  return spec;
}

std::vector<azure::Nic> read_nics(arm::ArmClient& arm, const azure::Vm& vm, std::stop_token stop) {
  std::vector<azure::Nic> nics(vm.nic_ids.size());
  const auto errors = core::run_parallel(nics.size(), kParallelReads, stop, [&](std::size_t i) {
    if (auto found = azure::find_nic(arm, vm.nic_ids[i], stop)) nics[i] = std::move(*found);
  });
  for (std::size_t i = 0; i < nics.size(); ++i) {
    if (!nics[i].id.empty()) continue;
    core::log_warn("{}: network interface {} could not be read; its subnet is not kept with the backup",
                   vm.name, vm.nic_ids[i]);
    nics[i].id = vm.nic_ids[i];
    nics[i].name = core::ResourceId::parse(vm.nic_ids[i]).name;
  }
  return nics;
}

}  // namespace azlin::snapshot
