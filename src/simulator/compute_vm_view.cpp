#include <fmt/format.h>

#include "simulator/compute_vms.hpp"
#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kAgentVersion = "2.9.1.1";

core::TimePoint time_of(const Resource& vm, const char* field) {
  return core::TimePoint{core::Millis{number_at(vm.hidden, std::string("/") + field, 0)}};
}

Json status(const std::string& code, const std::string& display, const std::string& time = {},
            const std::string& level = "Info") {
  Json one = {{"code", code}, {"level", level}, {"displayStatus", display}};
  if (!time.empty()) one["time"] = time;
  return one;
}

Json provisioning_status(const Resource& vm) {
  const auto state = text_at(vm.body, "/properties/provisioningState");
  const auto time = to_azure_time(vm.changed);
  if (state == "Failed") return status("ProvisioningState/failed", "Provisioning failed", time, "Error");
  if (state == "Succeeded") return status("ProvisioningState/succeeded", "Provisioning succeeded", time);
  return status("ProvisioningState/" + lower(state), state, time);
}

Json agent_view(Context& context, const Resource& vm) {
  const auto now = to_azure_time(context.now());
  if (agent_ready(context, vm)) {
    auto ready = status("ProvisioningState/succeeded", "Ready", now);
    ready["message"] = "Guest Agent is running";
    return {{"vmAgentVersion", kAgentVersion}, {"extensionHandlers", Json::array()}, {"statuses", {ready}}};
  }
  auto missing = status("ProvisioningState/Unavailable", "Not Ready", now, "Warning");
  missing["message"] = "VM status blob is found but not yet populated.";
  return {{"vmAgentVersion", "Unknown"}, {"statuses", {missing}}};
}

}  // namespace

bool agent_ready(Context& context, const Resource& vm) {
  return power_of(vm) == "running" && text_at(vm.hidden, "/fault").empty() &&
         context.now() >= time_of(vm, "agent_at");
}

Json instance_view(Context& context, const Resource& vm) {
  const auto power = power_of(vm);
  Json view = Json::object();
  if (power == "running") {
    if (agent_ready(context, vm)) {
      const auto os_type = text_at(vm.body, "/properties/storageProfile/osDisk/osType");
      view["computerName"] = text_at(vm.hidden, "/host", vm.name);
      view["osName"] = os_type == "Windows" ? "Windows Server" : "debian";
      view["osVersion"] = os_type == "Windows" ? "10.0.20348" : "12.5";
    }
    view["vmAgent"] = agent_view(context, vm);
    if (flag_at(vm.body, "/properties/diagnosticsProfile/bootDiagnostics/enabled", false))
      view["bootDiagnostics"] = Json::object();  // with managed storage there are no URIs in it
  }
  view["hyperVGeneration"] = text_at(vm.hidden, "/generation", "V1");
  view["disks"] = Json::array();
  for (const auto& id : disk_ids(vm.body))
    view["disks"].push_back(
        {{"name", last_segment(id)},
         {"statuses",
          {status("ProvisioningState/succeeded", "Provisioning succeeded", to_azure_time(vm.changed))}}});
  view["statuses"] = {provisioning_status(vm)};
  if (flag_at(vm.hidden, "/generalized", false))
    view["statuses"].push_back(status("OSState/generalized", "VM generalized"));
  if (!power.empty()) view["statuses"].push_back(status("PowerState/" + power, "VM " + power));
  return view;
}

Guest guest_of(Context& context, const Resource& vm) {
  Guest guest;
  guest.hostname = text_at(vm.hidden, "/host", vm.name);
  guest.size = text_at(vm.body, "/properties/hardwareProfile/vmSize");
  if (const auto* size = find_vm_size(guest.size)) {
    guest.cores = size->cores;
    guest.memory_gb = size->memory_gb;
  }
  const auto ids = disk_ids(vm.body);
  guest.os_disk = last_segment(ids.front());
  for (std::size_t i = 1; i < ids.size(); ++i) guest.data_disks.push_back(last_segment(ids[i]));
  const auto nic = context.state.find(text_at(vm.body, "/properties/networkProfile/networkInterfaces/0/id"));
  if (nic) guest.private_ip = private_address(*nic);
  const auto seconds = [](core::TimePoint time) { return time.time_since_epoch().count() / 1000; };
  guest.booted_at = seconds(time_of(vm, "booted_at"));
  guest.now = seconds(context.now());
  return guest;
}

}  // namespace azlin::simulator
