#include <fmt/format.h>

#include <set>

#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::uint32_t kReservedAtStart = 4;  // Azure keeps a subnet's first four addresses, and its last

std::set<std::string> addresses_in(Context& context, const std::string& subnet_id,
                                   const std::string& except) {
  std::set<std::string> taken;
  for (const auto& nic : context.state.list_by_ref(kNicType, lower(subnet_id)))
    if (!same(nic.id, except))
      for (const auto& config : nic.body["properties"]["ipConfigurations"])
        taken.insert(text_at(config, "/properties/privateIPAddress"));
  return taken;
}

std::string free_address(const Prefix& prefix, const std::set<std::string>& taken,
                         const std::string& subnet_id) {
  for (std::uint32_t at = prefix.address + kReservedAtStart; at < prefix.last(); ++at)
    if (taken.count(to_dotted(at)) == 0) return to_dotted(at);
  throw ApiError(
      400, "SubnetIsFull",
      fmt::format("Subnet {} with address prefix {}/{} does not have enough capacity for 1 IP addresses.",
                  subnet_id, to_dotted(prefix.address), prefix.bits));
}

// The private address of an IP configuration: the static one asked for, the one it has, or a free one.
std::string choose_address(Context& context, const Resource& nic, const Json& wanted, const Json& subnet,
                           const std::string& present) {
  const auto id = subnet["id"].get<std::string>();
  const auto text =
      text_at(subnet, "/properties/addressPrefix", text_at(subnet, "/properties/addressPrefixes/0"));
  const auto prefix = parse_prefix(text);
  const auto taken = addresses_in(context, id, nic.id);
  if (!same(text_at(wanted, "/privateIPAllocationMethod"), "Static"))
    return present.empty() ? free_address(prefix, taken, id) : present;
  const auto fixed = text_at(wanted, "/privateIPAddress");
  if (fixed.empty()) refuse_missing("ipConfiguration.privateIPAddress");
  if (!prefix.contains(parse_prefix(fixed + "/32")))
    throw ApiError(
        400, "PrivateIPAddressNotInSubnet",
        fmt::format("Private static IP address {} does not belong to the range of subnet prefix {}.", fixed,
                    text));
  if (taken.count(fixed) != 0)
    throw ApiError(
        400, "PrivateIPAddressIsAllocated",
        fmt::format(
            "IP configuration {}/ipConfigurations is using the private IP address {} which is already "
            "allocated to another resource.",
            nic.id, fixed));
  return fixed;
}

void claim_public_ip(Context& context, const std::string& id, const Resource& nic,
                     const std::string& config_id) {
  auto address = require_reference(context, id, kPublicIpType, nic.location, config_id);
  const auto owner = text_at(address.body, "/properties/ipConfiguration/id");
  if (!owner.empty() && !same(owner, config_id))
    throw ApiError(
        400, "PublicIPAddressInUse",
        fmt::format(
            "Resource {} is referencing public IP address {} that is already allocated to resource {}.",
            config_id, address.id, owner));
  address.body["properties"]["ipConfiguration"] = {{"id", config_id}};
  save_network(context, address);
}

void free_public_ip(Context& context, const std::string& id, const std::string& nic_id) {
  auto address = context.state.find(id);
  if (!address) return;
  const auto owner = lower(text_at(address->body, "/properties/ipConfiguration/id"));
  if (!owner.starts_with(lower(nic_id) + "/")) return;
  address->body["properties"].erase("ipConfiguration");
  save_network(context, *address);
}

Json make_config(Context& context, Resource& nic, const Json& wanted, const std::optional<Resource>& existing,
                 bool first) {
  const auto name = text_at(wanted, "/name");
  if (name.empty()) refuse_missing("ipConfiguration.name");
  Json properties = subtree_at(wanted, "/properties");
  const auto subnet_id = text_at(properties, "/subnet/id");
  const auto id = nic.id + "/ipConfigurations/" + name;
  if (subnet_id.empty())
    throw ApiError(400, "SubnetNotSpecified",
                   fmt::format("Subnet is not specified for IP configuration {}.", id));
  const auto subnet = require_subnet(context, subnet_id, id);
  require_reference(context, subnet_id.substr(0, lower(subnet_id).rfind("/subnets/")), kVnetType,
                    nic.location, id);
  std::string present;
  if (existing)
    for (const auto& old : existing->body["properties"]["ipConfigurations"])
      if (old["name"] == name && same(text_at(old, "/properties/subnet/id"), subnet_id))
        present = text_at(old, "/properties/privateIPAddress");
  if (first) nic.ref = lower(subnet_id);
  properties["privateIPAddress"] = choose_address(context, nic, properties, subnet, present);
  properties["privateIPAllocationMethod"] =
      enum_value(text_at(properties, "/privateIPAllocationMethod", "Dynamic"), {"Dynamic", "Static"},
                 "privateIPAllocationMethod");
  properties["privateIPAddressVersion"] = "IPv4";
  properties["primary"] = flag_at(properties, "/primary", first);
  properties["provisioningState"] = "Succeeded";
  properties["subnet"] = {{"id", subnet["id"]}};
  const auto public_ip = text_at(properties, "/publicIPAddress/id");
  if (!public_ip.empty()) claim_public_ip(context, public_ip, nic, id);
  return {{"id", id},
          {"name", name},
          {"type", std::string(kNicType) + "/ipConfigurations"},
          {"etag", "W/\"" + new_guid() + "\""},
          {"properties", properties}};
}

std::string made_up_address(const std::string& id) {
  const auto hash = static_cast<std::uint32_t>(std::hash<std::string>{}(lower(id)));
  return fmt::format("20.{}.{}.{}", 40 + hash % 160, hash >> 8 & 255, 1 + (hash >> 16) % 254);
}

}  // namespace

void prepare_nic(Context& context, const Request& request, Resource& fresh,
                 const std::optional<Resource>& existing) {
  const Json wanted = subtree_at(request.json, "/properties");
  const Json configs = subtree_at(wanted, "/ipConfigurations");
  if (!configs.is_array() || configs.empty())
    throw ApiError(400, "NetworkInterfaceMustHaveAtLeastOneIpConfiguration",
                   fmt::format("Network interface {} must have at least one IP configuration.", fresh.id));
  const auto nsg = text_at(wanted, "/networkSecurityGroup/id");
  if (!nsg.empty()) require_reference(context, nsg, kNsgType, fresh.location, fresh.id);
  std::set<std::string> kept;
  auto& properties = fresh.body["properties"];
  properties["ipConfigurations"] = Json::array();
  for (const auto& config : configs) {
    properties["ipConfigurations"].push_back(
        make_config(context, fresh, config, existing, properties["ipConfigurations"].empty()));
    kept.insert(lower(text_at(config, "/properties/publicIPAddress/id")));
  }
  if (!nsg.empty()) properties["networkSecurityGroup"] = {{"id", nsg}};
  properties["dnsSettings"] = {{"dnsServers", Json::array()}, {"appliedDnsServers", Json::array()}};
  properties["enableAcceleratedNetworking"] = flag_at(wanted, "/enableAcceleratedNetworking", false);
  properties["enableIPForwarding"] = flag_at(wanted, "/enableIPForwarding", false);
  properties["nicType"] = "Standard";
  if (!existing) return;
  fresh.hidden = existing->hidden;
  for (const char* field : {"virtualMachine", "macAddress", "primary"})
    if (existing->body["properties"].contains(field)) properties[field] = existing->body["properties"][field];
  for (const auto& old : existing->body["properties"]["ipConfigurations"]) {
    const auto address = text_at(old, "/properties/publicIPAddress/id");
    if (!address.empty() && kept.count(lower(address)) == 0) free_public_ip(context, address, fresh.id);
  }
}

void check_nic_reserved(Context& context, const Resource& nic, const std::string& vm_id) {
  const auto holder = text_at(nic.hidden, "/reserved/vm");
  const auto until = core::TimePoint{core::Millis{number_at(nic.hidden, "/reserved/until", 0)}};
  if (holder.empty() || context.now() >= until || same(holder, vm_id)) return;
  throw ApiError(
      400, "NicReservedForAnotherVm",
      fmt::format("Nic(s) in request is reserved for another Virtual Machine for 180 seconds. Please provide "
                  "another nic(s) or retry after 180 seconds. Reserved VM: {}",
                  holder));
}

void check_nic_delete(Context& context, const Resource& nic) {
  const auto vm = text_at(nic.body, "/properties/virtualMachine/id");
  if (!vm.empty())
    throw ApiError(
        400, "NicInUse",
        fmt::format("Network Interface {} is used by existing resource {}. In order to delete the network "
                    "interface, it must be dissociated from the resource. To learn more, see "
                    "aka.ms/deletenic.",
                    nic.id, vm));
  // A VM that failed to be made keeps its NIC from everybody; one that was deleted, from other VMs only.
  if (flag_at(nic.hidden, "/reserved/failed", false)) check_nic_reserved(context, nic, "");
}

void release_nic(Context& context, const Resource& nic) {
  for (const auto& config : nic.body["properties"]["ipConfigurations"]) {
    const auto address = text_at(config, "/properties/publicIPAddress/id");
    if (!address.empty()) free_public_ip(context, address, nic.id);
  }
}

void remove_nic(Context& context, const std::string& id) {
  const auto nic = context.state.find(id);
  if (!nic) return;
  release_nic(context, *nic);
  for (const auto& config : nic->body["properties"]["ipConfigurations"])
    if (same(text_at(config, "/properties/publicIPAddress/properties/deleteOption"), "Delete"))
      erase_with_children(context, text_at(config, "/properties/publicIPAddress/id"));
  erase_with_children(context, nic->id);
}

std::string private_address(const Resource& nic) {
  return text_at(nic.body, "/properties/ipConfigurations/0/properties/privateIPAddress");
}

void prepare_public_ip(Context&, const Request& request, Resource& fresh,
                       const std::optional<Resource>& existing) {
  const Json wanted = subtree_at(request.json, "/properties");
  const auto sku = enum_value(text_at(request.json, "/sku/name", "Basic"), {"Basic", "Standard"}, "sku.name");
  const auto method = enum_value(text_at(wanted, "/publicIPAllocationMethod", "Dynamic"),
                                 {"Dynamic", "Static"}, "publicIPAllocationMethod");
  if (sku == "Standard" && method == "Dynamic")
    throw ApiError(
        400, "StandardSkuPublicIPAddressMustBeStatic",  // our wording; the rule is Azure's
        fmt::format("Standard SKU public IP address {} must use the static allocation method.", fresh.id));
  fresh.body["sku"] = {{"name", sku}, {"tier", "Regional"}};
  auto& properties = fresh.body["properties"];
  properties["publicIPAllocationMethod"] = method;
  properties["publicIPAddressVersion"] = "IPv4";
  properties["idleTimeoutInMinutes"] = number_at(wanted, "/idleTimeoutInMinutes", 4);
  properties["ipTags"] = Json::array();
  properties["ipAddress"] = made_up_address(fresh.id);
  if (wanted.contains("dnsSettings")) {
    properties["dnsSettings"] = wanted["dnsSettings"];
    properties["dnsSettings"]["fqdn"] = fmt::format(
        "{}.{}.cloudapp.azure.com", text_at(wanted, "/dnsSettings/domainNameLabel"), fresh.location);
  }
  if (existing && existing->body["properties"].contains("ipConfiguration"))
    properties["ipConfiguration"] = existing->body["properties"]["ipConfiguration"];
}

void check_public_ip_delete(Context&, const Resource& address) {
  const auto owner = text_at(address.body, "/properties/ipConfiguration/id");
  if (owner.empty()) return;
  throw ApiError(
      400, "PublicIPAddressCannotBeDeleted",
      fmt::format("Public IP address {} can not be deleted since it is still allocated to resource {}. In "
                  "order to delete the public IP, disassociate/detach the Public IP address from the "
                  "resource. To learn how to do this, see aka.ms/deletepublicip.",
                  address.id, owner));
}

}  // namespace azlin::simulator
