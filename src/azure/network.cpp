#include "azlin/azure/network.hpp"

#include <nlohmann/json.hpp>

#include "azlin/arm/client.hpp"
#include "azure/json_fields.hpp"

namespace azlin::azure {

using nlohmann::json;

namespace {

constexpr const char* kNetworkVersion = "2023-09-01";

arm::Call network_call(const std::string& method, const std::string& path) {
  arm::Call call;
  call.method = method;
  call.path = path;
  call.api_version = kNetworkVersion;
  return call;
}

std::optional<json> find(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  const auto reply = arm.find(network_call("GET", id), stop);
  if (!reply) return std::nullopt;
  return reply->json();
}

json put(arm::ArmClient& arm, const std::string& id, const json& body, std::stop_token stop) {
  arm::Call call = network_call("PUT", id);
  call.body = body.dump();
  return arm.run(call, stop);
}

Nic parse_nic(const json& body) {
  const json& properties = member(body, "properties");
  Nic nic{text(body, "id"),
          text(body, "name"),
          text(body, "location"),
          text(member(properties, "virtualMachine"), "id"),
          {},
          text(member(properties, "networkSecurityGroup"), "id"),
          {},
          {},
          member(properties, "enableAcceleratedNetworking") == true,
          tags_of(body)};
  const json& configurations = member(properties, "ipConfigurations");
  if (!configurations.is_array() || configurations.empty()) return nic;
  const json& first = member(configurations.front(), "properties");
  nic.subnet_id = text(member(first, "subnet"), "id");
  nic.public_ip_id = text(member(first, "publicIPAddress"), "id");
  nic.private_address = text(first, "privateIPAddress");
  return nic;
}

json rule_body(const SecurityRule& rule) {
  return {{"name", rule.name},
          {"properties",
           {{"priority", rule.priority},
            {"direction", rule.direction},
            {"access", rule.access},
            {"protocol", rule.protocol},
            {"sourceAddressPrefix", rule.source},
            {"sourcePortRange", "*"},
            {"destinationAddressPrefix", rule.destination},
            {"destinationPortRange", rule.ports}}}};
}

}  // namespace

std::optional<Nic> find_nic(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  const auto body = find(arm, id, stop);
  if (!body) return std::nullopt;
  return parse_nic(*body);
}

Nic create_nic(arm::ArmClient& arm, const NewNic& nic, std::stop_token stop) {
  json configuration = {
      {"subnet", {{"id", nic.subnet_id}}}, {"privateIPAllocationMethod", "Dynamic"}, {"primary", true}};
  if (!nic.public_ip_id.empty()) {
    configuration["publicIPAddress"] = {{"id", nic.public_ip_id},
                                        {"properties", {{"deleteOption", "Delete"}}}};
  }
  json properties = {{"ipConfigurations", {{{"name", "ipconfig1"}, {"properties", configuration}}}},
                     {"enableAcceleratedNetworking", nic.accelerated}};
  if (!nic.nsg_id.empty()) properties["networkSecurityGroup"] = {{"id", nic.nsg_id}};
  return parse_nic(
      put(arm, nic.id, {{"location", nic.location}, {"tags", nic.tags}, {"properties", properties}}, stop));
}

std::optional<Network> find_network(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  const auto body = find(arm, id, stop);
  if (!body) return std::nullopt;
  const json& properties = member(*body, "properties");
  Network network{text(*body, "id"), text(*body, "location"), {}, {}, {}, {}};
  network.prefixes = texts(member(properties, "addressSpace"), "addressPrefixes");
  for (const json& subnet : member(properties, "subnets")) {
    network.subnet_ids.push_back(text(subnet, "id"));
    const std::string table = text(member(member(subnet, "properties"), "routeTable"), "id");
    if (!table.empty()) network.route_tables.push_back(table);
  }
  for (const json& peering : member(properties, "virtualNetworkPeerings")) {
    network.peerings.push_back(text(member(member(peering, "properties"), "remoteVirtualNetwork"), "id"));
  }
  return network;
}

std::string create_network(arm::ArmClient& arm, const NewNetwork& network, std::stop_token stop) {
  json subnet = {{"addressPrefix", network.prefix}, {"defaultOutboundAccess", network.outbound}};
  if (!network.nsg_id.empty()) subnet["networkSecurityGroup"] = {{"id", network.nsg_id}};
  put(arm, network.id,
      {{"location", network.location},
       {"tags", network.tags},
       {"properties",
        {{"addressSpace", {{"addressPrefixes", {network.prefix}}}},
         {"subnets", {{{"name", network.subnet}, {"properties", subnet}}}}}}},
      stop);
  return network.id + "/subnets/" + network.subnet;
}

bool subnet_exists(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  return find(arm, id, stop).has_value();
}

void create_security_group(arm::ArmClient& arm, const std::string& id, const std::string& location,
                           const std::vector<SecurityRule>& rules, const Tags& tags, std::stop_token stop) {
  json list = json::array();
  for (const auto& rule : rules) list.push_back(rule_body(rule));
  put(arm, id, {{"location", location}, {"tags", tags}, {"properties", {{"securityRules", list}}}}, stop);
}

std::string create_public_ip(arm::ArmClient& arm, const std::string& id, const std::string& location,
                             const std::optional<std::string>& zone, const Tags& tags, std::stop_token stop) {
  json body = {{"location", location},
               {"tags", tags},
               {"sku", {{"name", "Standard"}}},
               {"properties", {{"publicIPAllocationMethod", "Static"}}}};
  if (zone) body["zones"] = {*zone};
  return text(member(put(arm, id, body, stop), "properties"), "ipAddress");
}

std::optional<std::string> find_public_address(arm::ArmClient& arm, const std::string& public_ip_id,
                                               std::stop_token stop) {
  const auto body = find(arm, public_ip_id, stop);
  if (!body) return std::nullopt;
  const std::string address = text(member(*body, "properties"), "ipAddress");
  if (address.empty()) return std::nullopt;
  return address;
}

void delete_network_resource(arm::ArmClient& arm, const std::string& id, std::stop_token stop) {
  arm.run(network_call("DELETE", id), stop);
}

std::optional<VmAddress> find_vm_address(arm::ArmClient& arm, const std::vector<std::string>& nic_ids,
                                         std::stop_token stop) {
  std::optional<VmAddress> result;
  for (const auto& id : nic_ids) {
    const auto nic = find_nic(arm, id, stop);
    if (!nic) continue;
    if (!nic->public_ip_id.empty()) {
      if (const auto address = find_public_address(arm, nic->public_ip_id, stop))
        return VmAddress{*address, true};
    }
    if (!result && !nic->private_address.empty()) result = VmAddress{nic->private_address, false};
  }
  return result;
}

}  // namespace azlin::azure
