#include "simulator/seed_builder.hpp"

#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/resources.hpp"
#include "simulator/subscriptions.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

using Prepare = void (*)(Context&, const Request&, Resource&, const std::optional<Resource>&);

// A network resource as a PUT would make it, finished.
std::string put_network(Context& context, const std::string& group, const char* type, Prepare prepare,
                        const std::string& name, const Json& body) {
  Request request;
  request.method = "PUT";
  request.path = fmt::format("{}/providers/{}/{}", seed_group_id(group), type, name);
  request.segments = split_path(request.path);
  request.target = parse_target(request.method, request.segments);
  request.json = body;
  auto resource = make_resource(context, request, type);
  if (body.contains("zones")) resource.body["zones"] = body["zones"];
  resource.body["properties"]["resourceGuid"] = new_guid();
  prepare(context, request, resource, std::nullopt);
  resource.body["properties"]["provisioningState"] = "Succeeded";
  if (resource.body["properties"].contains("subnets"))
    for (auto& subnet : resource.body["properties"]["subnets"])
      subnet["properties"]["provisioningState"] = "Succeeded";
  save_network(context, resource);
  return resource.id;
}

std::string put_nic(Context& context, const SeedVm& vm) {
  Json config = {{"privateIPAllocationMethod", "Dynamic"},
                 {"subnet", {{"id", seed_subnet(context, vm.group, vm.location)}}}};
  if (vm.public_ip) {
    Json body = {{"location", vm.location},
                 {"sku", {{"name", "Standard"}}},
                 {"properties", {{"publicIPAllocationMethod", "Static"}}}};
    if (!vm.zone.empty()) body["zones"] = {vm.zone};
    config["publicIPAddress"] = {
        {"id", put_network(context, vm.group, kPublicIpType, prepare_public_ip, vm.name + "-ip", body)}};
  }
  return put_network(
      context, vm.group, kNicType, prepare_nic, vm.name + "-nic",
      {{"location", vm.location},
       {"properties", {{"ipConfigurations", {{{"name", "ipconfig1"}, {"properties", config}}}}}}});
}

Json data_disk_entries(Context& context, const SeedVm& vm) {
  Json entries = Json::array();
  for (const auto& disk : vm.data_disks) {
    const auto name = disk.name.empty() ? fmt::format("{}_DataDisk_{}", vm.name, disk.lun) : disk.name;
    const auto id = fmt::format("{}/providers/{}/{}", seed_group_id(vm.group), kDiskType, name);
    seed_disk(context, id, vm.location, disk, vm.zone, disk.empty ? "empty" : "data:" + vm.name, nullptr);
    entries.push_back({{"lun", disk.lun},
                       {"createOption", "Attach"},
                       {"caching", disk.caching},
                       {"managedDisk", {{"id", id}}}});
  }
  return entries;
}

Json create_body(const SeedVm& vm, const std::string& nic, const Json& data_disks) {
  const bool gen2 = vm.generation != "V1";
  Json body = {{"location", vm.location}};
  if (vm.tags.is_object()) body["tags"] = vm.tags;
  if (!vm.zone.empty()) body["zones"] = {vm.zone};
  body["properties"] = {
      {"hardwareProfile", {{"vmSize", vm.size}}},
      {"storageProfile",
       {{"imageReference",
         {{"publisher", "Debian"},
          {"offer", "debian-12"},
          {"sku", gen2 ? "12-gen2" : "12-gen1"},
          {"version", "latest"}}},
        {"osDisk",
         {{"createOption", "FromImage"},
          {"name", vm.name + "_OsDisk"},
          {"caching", "ReadWrite"},
          {"diskSizeGB", vm.os_gb},
          {"managedDisk", {{"storageAccountType", vm.os_sku}}}}},
        {"dataDisks", data_disks}}},
      {"osProfile",
       {{"computerName", vm.name},
        {"adminUsername", "azureuser"},
        {"linuxConfiguration", {{"disablePasswordAuthentication", true}, {"provisionVMAgent", true}}}}},
      {"networkProfile", {{"networkInterfaces", {{{"id", nic}, {"properties", {{"primary", true}}}}}}}},
      {"diagnosticsProfile", {{"bootDiagnostics", {{"enabled", true}}}}}};
  if (!vm.security.empty())
    body["properties"]["securityProfile"] = {
        {"securityType", vm.security},
        {"uefiSettings", {{"secureBootEnabled", true}, {"vTpmEnabled", true}}}};
  return body;
}

}  // namespace

std::string seed_group_id(const std::string& group) {
  return fmt::format("/subscriptions/{}/resourceGroups/{}", kSampleSubscription, group);
}

void seed_group(Context& context, const std::string& name, const std::string& location, const Json& tags) {
  const auto id = seed_group_id(name);
  if (context.state.exists(id)) return;
  constexpr const char* kType = "Microsoft.Resources/resourceGroups";
  Resource group;
  group.id = id;
  group.name = name;
  group.type = kType;
  group.body = {{"id", id},
                {"name", name},
                {"type", kType},
                {"location", location},
                {"properties", {{"provisioningState", "Succeeded"}}}};
  if (tags.is_object()) group.body["tags"] = tags;
  context.save(group);
}

std::string seed_subnet(Context& context, const std::string& group, const std::string& location) {
  const auto vnet = fmt::format("{}-{}-vnet", lower(group), location),
             nsg = fmt::format("{}-{}-nsg", lower(group), location);
  const auto id = fmt::format("{}/providers/{}/{}", seed_group_id(group), kVnetType, vnet);
  if (context.state.exists(id)) return id + "/subnets/default";
  const Json ssh = {{"protocol", "Tcp"},
                    {"sourcePortRange", "*"},
                    {"destinationPortRange", "22"},
                    {"sourceAddressPrefix", "10.0.0.0/8"},
                    {"destinationAddressPrefix", "*"},
                    {"access", "Allow"},
                    {"priority", 1000},
                    {"direction", "Inbound"}};
  const auto nsg_id =
      put_network(context, group, kNsgType, prepare_nsg, nsg,
                  {{"location", location},
                   {"properties", {{"securityRules", {{{"name", "ssh"}, {"properties", ssh}}}}}}});
  const Json subnet = {
      {"name", "default"},
      {"properties", {{"addressPrefix", "10.0.0.0/16"}, {"networkSecurityGroup", {{"id", nsg_id}}}}}};
  put_network(
      context, group, kVnetType, prepare_vnet, vnet,
      {{"location", location},
       {"properties", {{"addressSpace", {{"addressPrefixes", {"10.0.0.0/15"}}}}, {"subnets", {subnet}}}}});
  return id + "/subnets/default";
}

Resource seed_disk(Context& context, const std::string& id, const std::string& location, const SeedDisk& disk,
                   const std::string& zone, const std::string& image, const Json& tags) {
  NewDisk made;
  made.id = id;
  made.location = location;
  made.sku = disk.sku;
  made.bytes = gib(static_cast<std::uint64_t>(disk.gb));
  const auto kind = image.substr(0, image.find(':'));
  const auto host = image.find(':') == std::string::npos ? "" : image.substr(image.find(':') + 1);
  made.volume = kind == "empty" ? contents(context).create(made.bytes)
                                : contents(context).create_from_template(
                                      fmt::format("{}:{}:{}", kind, disk.gb, host), made.bytes);
  made.creation_data = {{"createOption", "Empty"}};
  if (!zone.empty() && !disk.sku.ends_with("_ZRS")) made.zones = {zone};
  made.tags = tags;
  if (kind == "os") {
    made.os_type = "Linux";
    made.generation = "V2";
  }
  made.created = context.now();
  auto resource = new_disk(made);
  context.save(resource);
  return resource;
}

void seed_vm(Context& context, const SeedVm& vm, core::Millis age) {
  seed_group(context, vm.group, vm.location);
  const auto nic = put_nic(context, vm);
  const auto id = fmt::format("{}/providers/{}/{}", seed_group_id(vm.group), kVmType, vm.name);
  add_seed_vm(context, id, create_body(vm, nic, data_disk_entries(context, vm)), context.now() - age);
  if (vm.running) return;
  auto stopped = require(context, id);
  stopped.hidden["power"] = "deallocated";
  set_disk_states(context, stopped);
  describe_disks(context, stopped);
  context.save(stopped);
}

void seed_snapshot(Context& context, const Resource& disk, const std::string& name, const Json& tags,
                   core::TimePoint taken) {
  NewSnapshot snapshot;
  snapshot.id = disk.id.substr(0, lower(disk.id).rfind("/disks/")) + "/snapshots/" + name;
  snapshot.tags = tags;
  snapshot.taken = taken;
  snapshot.volume = contents(context).clone(volume_of(disk));
  auto resource = new_snapshot(disk, snapshot);
  context.save(resource);
}

}  // namespace azlin::simulator
