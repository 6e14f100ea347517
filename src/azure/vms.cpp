#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "azlin/azure/compute.hpp"
#include "azlin/core/json_text.hpp"
#include "azlin/core/names.hpp"
#include "azure/json_fields.hpp"
#include "azure/versions.hpp"

namespace azlin::azure {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr const char* kExitMarker = "azlin-exit:";

arm::Call vm_call(const std::string& method, const std::string& path) {
  arm::Call call;
  call.method = method;
  call.path = path;
  call.api_version = kVmVersion;
  return call;
}

// start and deallocate end in the same state however often they are asked for.
arm::Call action_call(const std::string& id, const char* action) {
  arm::Call call = vm_call("POST", id + "/" + action);
  call.repeatable = http::Repeatable::yes;
  return call;
}

// A disk whose entry cannot be read must not pass for an unmanaged one, or for none: its backup would lack
// it.
void check_data_disk(const json& vm, const json& disk) {
  const bool known = !text(member(disk, "managedDisk"), "id").empty() || member(disk, "vhd").is_object();
  if (!known || !member(disk, "lun").is_number_integer())
    throw_unreadable(vm, "an entry of its data disks has no disk or no LUN");
}

AttachedDisk parse_attached(const json& body, int lun) {
  const json& managed = member(body, "managedDisk");
  return {lun,
          text(body, "name"),
          text(managed, "id"),
          text(body, "caching"),
          text(body, "createOption"),
          text(body, "deleteOption"),
          text(managed, "storageAccountType")};
}

void parse_instance_view(const json& view, Vm& vm) {
  if (!view.is_object()) return;
  vm.generation = text(view, "hyperVGeneration");
  for (const json& status : member(view, "statuses")) {
    const std::string code = text(status, "code");
    if (code.rfind("PowerState/", 0) == 0) vm.power_state = code.substr(11);
  }
  const json& agent = member(view, "vmAgent");
  if (!agent.is_object()) return;
  vm.agent_ready = false;
  for (const json& status : member(agent, "statuses")) {
    if (core::equal_ignoring_case(text(status, "code"), "ProvisioningState/succeeded")) vm.agent_ready = true;
  }
}

// What is listed is asked for names, tags and times: a VM that is being created, whose disks have no id yet,
// must not hide the others. Of a VM that is read by its id every disk counts.
enum class Source { list, id };

Vm vm_from(const json& body, Source source = Source::id) {
  check_resource(body);
  const json& properties = member(body, "properties");
  const json& storage = member(properties, "storageProfile");
  Vm vm;
  vm.id = text(body, "id");
  const auto id = core::ResourceId::parse(vm.id);
  vm.name = text(body, "name");
  vm.resource_group = id.resource_group;
  vm.subscription = id.subscription;
  vm.location = text(body, "location");
  vm.etag = text(body, "etag");
  vm.vm_id = text(properties, "vmId");
  vm.size = text(member(properties, "hardwareProfile"), "vmSize");
  vm.zone = first_zone(body);
  vm.security_type = text(member(properties, "securityProfile"), "securityType");
  vm.os_disk = parse_attached(member(storage, "osDisk"), -1);
  vm.os_type = text(member(storage, "osDisk"), "osType");
  const json& data_disks = member(storage, "dataDisks");
  const bool strict = source == Source::id;
  if (strict && !data_disks.is_array() && !data_disks.is_null())
    throw_unreadable(body, "its data disks are no list");
  for (const json& disk : data_disks) {
    if (strict) check_data_disk(body, disk);
    vm.data_disks.push_back(parse_attached(disk, static_cast<int>(number(disk, "lun"))));
  }
  std::sort(vm.data_disks.begin(), vm.data_disks.end(),
            [](const auto& a, const auto& b) { return a.lun < b.lun; });
  for (const json& nic : member(member(properties, "networkProfile"), "networkInterfaces"))
    vm.nic_ids.push_back(text(nic, "id"));
  vm.tags = tags_of(body);
  vm.provisioning_state = text(properties, "provisioningState");
  parse_instance_view(member(properties, "instanceView"), vm);
  vm.raw = body.dump();
  return vm;
}

// The entry as it was read, with another disk. A stale size would be refused as a shrink.
void put_disk(json& entry, const std::string& disk_id) {
  entry["name"] = core::ResourceId::parse(disk_id).name;
  entry["managedDisk"] = {{"id", disk_id}};
  entry.erase("diskSizeGB");
}

// The list of data disks is the whole wanted one: an entry that is left out is detached. So none is sent that
// was not read, or that lacks a disk that has to be there.
json swapped_storage(const Vm& vm, std::map<int, std::string> new_disks) {
  const json before = json::parse(vm.raw);
  const json& storage = member(member(before, "properties"), "storageProfile");
  json os_disk = member(storage, "osDisk"), data_disks = member(storage, "dataDisks");
  const auto put = [&](json& entry, int lun) {
    if (const auto disk = new_disks.extract(lun)) put_disk(entry, disk.mapped());
  };
  if (os_disk.is_object()) put(os_disk, -1);
  for (json& entry : data_disks) put(entry, static_cast<int>(number(entry, "lun")));
  if (!os_disk.is_object() || !new_disks.empty())
    throw Error(ErrorKind::failed,
                fmt::format("the service's description of {} lacks a disk that is to be swapped", vm.name),
                "run it again; its disks were not changed");
  json swapped = {{"osDisk", os_disk}};
  if (data_disks.is_array()) swapped["dataDisks"] = data_disks;
  return swapped;
}

void check_swapped(const Vm& vm, const std::map<int, std::string>& new_disks) {
  for (const auto& [lun, wanted] : new_disks) {
    std::string found = lun == -1 ? vm.os_disk.disk_id : std::string();
    for (const auto& disk : vm.data_disks) {
      if (disk.lun == lun) found = disk.disk_id;
    }
    if (core::equal_ignoring_case(found, wanted)) continue;
    throw Error(
        ErrorKind::failed,
        fmt::format("the service accepted the disk swap of {} but {} still has {} where {} was asked for",
                    vm.name, lun == -1 ? "the OS disk" : fmt::format("LUN {}", lun),
                    found.empty() ? "no disk" : found, wanted));
  }
}

std::string section(const std::string& message, const std::string& name, const std::string& next) {
  const auto from = message.find("[" + name + "]\n");
  if (from == std::string::npos) return {};
  const auto begin = from + name.size() + 3;
  const auto end = next.empty() ? std::string::npos : message.find("\n[" + next + "]", begin - 1);
  if (end != std::string::npos && end < begin) return {};
  return message.substr(begin, end == std::string::npos ? end : end - begin);
}

ScriptResult parse_script_result(const std::string& message) {
  ScriptResult result{{}, section(message, "stdout", "stderr"), section(message, "stderr", "")};
  const auto marker = result.out.rfind(kExitMarker);
  if (marker == std::string::npos) return result;
  result.exit_code = std::atoi(result.out.c_str() + marker + std::strlen(kExitMarker));
  result.out.resize(marker);
  return result;
}

}  // namespace

Vm parse_vm(const std::string& body) {
  auto parsed = core::parse_json(body);
  return vm_from(parsed.is_discarded() ? json() : std::move(parsed));
}

std::vector<Vm> list_vms(arm::ArmClient& arm, const std::string& subscription,
                         const std::optional<std::string>& resource_group, std::stop_token stop) {
  std::vector<Vm> vms;
  const std::string scope =
      "/subscriptions/" + subscription + (resource_group ? "/resourceGroups/" + *resource_group : "");
  arm.list(
      vm_call("GET", scope + "/providers/Microsoft.Compute/virtualMachines"),
      [&](json&& item) {
        vms.push_back(vm_from(item, Source::list));
        return true;
      },
      stop);
  return vms;
}

std::optional<Vm> find_vm(arm::ArmClient& arm, const std::string& id, bool instance_view,
                          std::stop_token stop) {
  arm::Call call = vm_call("GET", id);
  if (instance_view) call.query = {{"$expand", "instanceView"}};
  const auto reply = arm.find(call, stop);
  if (!reply) return std::nullopt;
  return vm_from(reply->json());
}

Vm get_vm(arm::ArmClient& arm, const std::string& id, bool instance_view, std::stop_token stop) {
  if (auto vm = find_vm(arm, id, instance_view, stop)) return *vm;
  const auto parts = core::ResourceId::parse(id);
  throw Error(
      ErrorKind::not_found,
      fmt::format("there is no VM {} in resource group {}", parts.name, parts.resource_group),
      "it may have been deleted or have another name; `az vm list -o table` shows those that are there");
}

void start_vm(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  arm.run(action_call(id, "start"), stop);
}

void deallocate_vm(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  arm.run(action_call(id, "deallocate"), stop);
}

void delete_vm(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  arm.run(vm_call("DELETE", id), stop);
}

Vm create_vm(arm::ArmClient& arm, const std::string& id, const std::string& body, std::stop_token stop) {
  arm::Call call = vm_call("PUT", id);
  call.body = body;
  return vm_from(arm.run(call, stop));
}

void replace_disks(arm::ArmClient& arm, const std::string& vm_id, const std::map<int, std::string>& new_disks,
                   std::stop_token stop) {
  const Vm before = get_vm(arm, vm_id, false, stop);
  arm::Call call = vm_call("PATCH", vm_id);
  call.body = json{{"properties", {{"storageProfile", swapped_storage(before, new_disks)}}}}.dump();
  call.repeatable = http::Repeatable::yes;  // it names the wanted end state
  arm.run(call, stop);
  check_swapped(get_vm(arm, vm_id, false, stop), new_disks);
}

ScriptResult run_script(arm::ArmClient& arm, const std::string& vm_id, const std::vector<std::string>& lines,
                        std::stop_token stop) {
  std::vector<std::string> script = lines;
  script.push_back(fmt::format("echo \"{}$?\"", kExitMarker));
  arm::Call call = vm_call("POST", vm_id + "/runCommand");
  call.body = json{{"commandId", "RunShellScript"}, {"script", script}}.dump();
  const json result = arm.run(call, stop);
  const json& values = member(result, "value");
  if (!values.is_array() || values.empty()) {
    throw Error(ErrorKind::failed, "Run Command ended without a result on " + vm_id,
                "look at the VM's boot log and its agent");
  }
  return parse_script_result(text(values.front(), "message"));
}

}  // namespace azlin::azure
