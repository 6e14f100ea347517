#include "simulator/recovery_vm.hpp"

#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

std::string make_nic(Context& context, const std::string& vm_id, const std::string& location,
                     const std::string& subnet) {
  Request request;
  request.method = "PUT";
  request.path = fmt::format("{}/providers/{}/{}-nic", vm_id.substr(0, lower(vm_id).find("/providers/")),
                             kNicType, last_segment(vm_id));
  request.segments = split_path(request.path);
  request.target = parse_target(request.method, request.segments);
  const Json config = {{"privateIPAllocationMethod", "Dynamic"}, {"subnet", {{"id", subnet}}}};
  request.json = {{"location", location},
                  {"properties", {{"ipConfigurations", {{{"name", "ipconfig1"}, {"properties", config}}}}}}};
  Resource nic = make_resource(context, request, kNicType);
  nic.body["properties"]["resourceGuid"] = new_guid();
  prepare_nic(context, request, nic, std::nullopt);
  nic.body["properties"]["provisioningState"] = "Succeeded";
  save_network(context, nic);
  return nic.id;
}

Json attached(const Resource& disk) {
  return {{"createOption", "Attach"}, {"caching", "ReadWrite"}, {"managedDisk", {{"id", disk.id}}}};
}

}  // namespace

void make_restored_vm(Context& context, const Json& original, const std::string& id,
                      const std::string& location, const std::string& subnet,
                      const std::vector<Resource>& disks) {
  if (disks.empty()) throw ApiError(400, "BadRequest", "The recovery point holds no disks.");
  Json os = attached(disks.front());
  os["osType"] = text_at(disks.front().body, "/properties/osType", "Linux");
  Json data_disks = Json::array();
  for (std::size_t i = 1; i < disks.size(); ++i) {
    data_disks.push_back(attached(disks[i]));
    data_disks.back()["lun"] = disks[i].hidden["lun"];
  }
  Json body = {
      {"location", location},
      {"properties",
       {{"hardwareProfile", {{"vmSize", text_at(original, "/properties/hardwareProfile/vmSize")}}},
        {"storageProfile", {{"osDisk", os}, {"dataDisks", data_disks}}},
        {"networkProfile", {{"networkInterfaces", {{{"id", make_nic(context, id, location, subnet)}}}}}}}}};
  const Json security = subtree_at(original, "/properties/securityProfile");
  if (!security.is_null()) body["properties"]["securityProfile"] = security;
  if (original.contains("zones") && disks.front().body.contains("zones")) body["zones"] = original["zones"];
  add_seed_vm(context, id, body, context.now());
  auto vm = context.state.find(id);
  boot(context, *vm);
  save_model(context, *vm);
}

void replace_vm_disks(Context& context, const std::string& vm_id, const std::vector<Resource>& disks) {
  auto vm = context.state.find(vm_id);
  if (!vm) throw ApiError(404, "ResourceNotFound", "The virtual machine is gone.");
  const bool running = power_of(*vm) == "running";
  auto& storage = vm->body["properties"]["storageProfile"];
  const auto put = [&](Json& entry, const Resource& disk) {
    free_disk(context, text_at(entry, "/managedDisk/id"), vm_id);
    entry["managedDisk"]["id"] = disk.id;
    entry["name"] = disk.name;
    claim_disk(context, disk.id, vm_id, !running);
  };
  for (const auto& disk : disks) {
    const Json lun = disk.hidden["lun"];
    if (lun.is_null()) put(storage["osDisk"], disk);
    for (auto& entry : storage["dataDisks"])
      if (!lun.is_null() && entry["lun"] == lun) put(entry, disk);
  }
  if (running) boot(context, *vm);
  save_model(context, *vm);
}

}  // namespace azlin::simulator
