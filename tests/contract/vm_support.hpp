#pragma once
// What the tests on VMs and networks share.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/simulator_fixture.hpp"

namespace azlin::test {

using nlohmann::json;

inline std::string in_group(const std::string& type_and_name, const std::string& group = "Production") {
  return fmt::format("{}/resourceGroups/{}/providers/{}", kSubscription, group, type_and_name);
}

// A simulator with the sample subscription, and short ways to what the tests ask.
class VmSimulator : public Simulator {
 public:
  explicit VmSimulator(const std::string& seed = "sample") : Simulator(options(seed)) {}

  static std::string vm_id(const std::string& name) {
    return in_group("Microsoft.Compute/virtualMachines/" + name);
  }
  static std::string disk_id(const std::string& name) { return in_group("Microsoft.Compute/disks/" + name); }
  static std::string nic_id(const std::string& name) {
    return in_group("Microsoft.Network/networkInterfaces/" + name);
  }

  HttpReply vm(const std::string& method, const std::string& name, const json& body = nullptr,
               const std::string& query = "") {
    return arm(method, vm_id(name) + "?api-version=2024-07-01" + query, body);
  }
  HttpReply disk(const std::string& method, const std::string& name, const json& body = nullptr) {
    return arm(method, disk_id(name) + "?api-version=2023-10-02", body);
  }
  HttpReply network(const std::string& method, const std::string& type_and_name, const json& body = nullptr) {
    return arm(method, in_group("Microsoft.Network/" + type_and_name) + "?api-version=2023-09-01", body);
  }
  HttpReply act(const std::string& name, const std::string& verb, const json& body = nullptr) {
    return arm("POST", vm_id(name) + "/" + verb + "?api-version=2024-07-01", body);
  }

  json vm_body(const std::string& name) { return vm("GET", name).json(); }
  json view(const std::string& name) {
    return arm("GET", vm_id(name) + "/instanceView?api-version=2024-07-01").json();
  }
  std::string power(const std::string& name) {
    const json all = view(name);
    for (const auto& status : all["statuses"])
      if (status["code"].get<std::string>().rfind("PowerState/", 0) == 0)
        return status["code"].get<std::string>().substr(11);
    return "";
  }
  std::string agent(const std::string& name) {
    const json all = view(name);
    return all.contains("vmAgent") ? all["vmAgent"]["statuses"][0]["displayStatus"].get<std::string>() : "";
  }
  json disk_properties(const std::string& name) { return disk("GET", name).json()["properties"]; }

  // A copy of a VM's OS disk: snapshot and disk, both named `name`.
  void copy_os_disk(const std::string& vm_name, const std::string& name, const json& extra = json::object()) {
    const json snapshot = {
        {"location", "eastus"},
        {"properties",
         {{"incremental", true},
          {"creationData", {{"createOption", "Copy"}, {"sourceResourceId", disk_id(vm_name + "_OsDisk")}}}}}};
    const auto snapshot_id = in_group("Microsoft.Compute/snapshots/" + name);
    arm("PUT", snapshot_id + "?api-version=2023-10-02", snapshot);
    json copy = {
        {"location", "eastus"},
        {"sku", {{"name", "Premium_LRS"}}},
        {"properties", {{"creationData", {{"createOption", "Copy"}, {"sourceResourceId", snapshot_id}}}}}};
    copy.update(extra);
    disk("PUT", name, copy);
  }
  void empty_disk(const std::string& name, int gb = 32, const json& extra = json::object()) {
    json body = {{"location", "eastus"},
                 {"sku", {{"name", "Premium_LRS"}}},
                 {"properties", {{"diskSizeGB", gb}, {"creationData", {{"createOption", "Empty"}}}}}};
    body.update(extra);
    disk("PUT", name, body);
  }
  void make_nic(const std::string& name, const json& more = json::object()) {
    json config = {
        {"subnet",
         {{"id", in_group("Microsoft.Network/virtualNetworks/production-eastus-vnet/subnets/default")}}}};
    config.update(more);
    network("PUT", "networkInterfaces/" + name,
            {{"location", "eastus"},
             {"properties", {{"ipConfigurations", {{{"name", "ipconfig1"}, {"properties", config}}}}}}});
  }

  // The body that makes a VM of an existing disk and NIC.
  static json attach_body(const std::string& disk, const std::string& nic,
                          const std::string& size = "Standard_D2s_v5") {
    return {{"location", "eastus"},
            {"properties",
             {{"hardwareProfile", {{"vmSize", size}}},
              {"storageProfile",
               {{"osDisk",
                 {{"createOption", "Attach"}, {"osType", "Linux"}, {"managedDisk", {{"id", disk_id(disk)}}}}},
                {"dataDisks", json::array()}}},
              {"networkProfile",
               {{"networkInterfaces", {{{"id", nic_id(nic)}, {"properties", {{"primary", true}}}}}}}},
              {"diagnosticsProfile", {{"bootDiagnostics", {{"enabled", true}}}}}}}};
  }

 private:
  static simulator::Options options(const std::string& seed) {
    simulator::Options chosen;
    chosen.seed = seed;
    return chosen;
  }
};

}  // namespace azlin::test
