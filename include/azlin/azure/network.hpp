#pragma once
// Microsoft.Network (2023-09-01) as plain structs: what a restored or drilled VM needs around it.
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/azure/resources.hpp"

namespace azlin::arm {
class ArmClient;
}

namespace azlin::azure {

struct Nic {
  std::string id, name, location;
  std::string vm_id;  // empty: no VM has it
  std::string subnet_id, nsg_id, public_ip_id;
  std::string private_address;
  bool accelerated = false;
  Tags tags;
};

struct NewNic {
  std::string id, location;
  std::string subnet_id;     // required
  std::string nsg_id;        // empty: none
  std::string public_ip_id;  // empty: none
  bool accelerated = false;
  Tags tags;
};

std::optional<Nic> find_nic(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {});
Nic create_nic(arm::ArmClient& arm, const NewNic& nic, std::stop_token stop = {});

// A virtual network with one subnet. `outbound`: the subnet keeps the default way out, which Run Command
// needs.
struct NewNetwork {
  std::string id, location;
  std::string prefix = "10.250.0.0/24";
  std::string subnet = "default";
  std::string nsg_id;
  bool outbound = true;
  Tags tags;
};

struct Network {
  std::string id, location;
  std::vector<std::string> prefixes;
  std::vector<std::string> subnet_ids;
  std::vector<std::string> peerings;      // ids of remote networks
  std::vector<std::string> route_tables;  // ids on any of its subnets
};

std::optional<Network> find_network(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {});
// Returns the subnet's id.
std::string create_network(arm::ArmClient& arm, const NewNetwork& network, std::stop_token stop = {});
bool subnet_exists(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {});

struct SecurityRule {
  std::string name;
  int priority = 100;  // 100-4096
  std::string direction = "Inbound";
  std::string access = "Deny";  // Allow, Deny
  std::string protocol = "*";   // Tcp, Udp, *
  std::string source = "*";     // an address, a prefix or a service tag
  std::string destination = "*";
  std::string ports = "*";
};
void create_security_group(arm::ArmClient& arm, const std::string& id, const std::string& location,
                           const std::vector<SecurityRule>& rules, const Tags& tags,
                           std::stop_token stop = {});

// A static Standard address; returns it.
std::string create_public_ip(arm::ArmClient& arm, const std::string& id, const std::string& location,
                             const std::optional<std::string>& zone, const Tags& tags,
                             std::stop_token stop = {});
// nullopt: there is none, or it has no address yet.
std::optional<std::string> find_public_address(arm::ArmClient& arm, const std::string& public_ip_id,
                                               std::stop_token stop = {});

// DELETE of any Microsoft.Network resource. One that is not there is no error.
void delete_network_resource(arm::ArmClient& arm, const std::string& id, std::stop_token stop = {});

// Where a VM can be reached from here: its public address, else the private one; nullopt: neither is known.
struct VmAddress {
  std::string address;
  bool is_public = false;
};
std::optional<VmAddress> find_vm_address(arm::ArmClient& arm, const std::vector<std::string>& nic_ids,
                                         std::stop_token stop = {});

}  // namespace azlin::azure
