#include <fmt/format.h>

#include <charconv>

#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

std::vector<std::string> prefixes_of(const Json& properties) {
  std::vector<std::string> all;
  if (properties.contains("addressPrefix")) all.push_back(properties["addressPrefix"].get<std::string>());
  for (const auto& prefix : properties.value("addressPrefixes", Json::array())) all.push_back(prefix);
  return all;
}

void check_inside(const Json& vnet_properties, const std::string& vnet, const std::string& subnet,
                  const Prefix& wanted) {
  for (const auto& text : subtree_at(vnet_properties, "/addressSpace/addressPrefixes"))
    if (parse_prefix(text.get<std::string>()).contains(wanted)) return;
  throw ApiError(
      400, "NetcfgSubnetRangeOutsideVnet",
      fmt::format("Subnet '{}' is not valid because its IP address range is outside the IP address range of "
                  "virtual network '{}'.",
                  subnet, vnet));
}

void check_ranges(const Resource& vnet) {
  const auto& properties = vnet.body["properties"];
  std::vector<std::pair<std::string, Prefix>> seen;
  for (const auto& subnet : properties["subnets"]) {
    const auto name = subnet["name"].get<std::string>();
    for (const auto& text : prefixes_of(subnet["properties"])) {
      const auto prefix = parse_prefix(text);
      check_inside(properties, vnet.name, name, prefix);
      for (const auto& [other, range] : seen)
        if (range.overlaps(prefix))
          throw ApiError(
              400, "NetcfgSubnetRangesOverlap",
              fmt::format("Subnet '{}' is not valid because its IP address range overlaps with that of an "
                          "existing subnet in virtual network '{}'.",
                          name, vnet.name));
      seen.emplace_back(name, prefix);
    }
  }
}

// A subnet as a GET gives it, from what a body says.
Json make_subnet(Context& context, const Resource& vnet, const Json& wanted) {
  const auto name = text_at(wanted, "/name");
  if (name.empty()) refuse_missing("subnet.name");
  Json properties = subtree_at(wanted, "/properties");
  if (!properties.is_object() || prefixes_of(properties).empty())
    refuse_missing("subnet.properties.addressPrefix");
  const auto nsg = text_at(properties, "/networkSecurityGroup/id");
  const auto id = vnet.id + "/subnets/" + name;
  if (!nsg.empty()) require_reference(context, nsg, kNsgType, vnet.location, id);
  const auto table = text_at(properties, "/routeTable/id");
  if (!table.empty()) require_reference(context, table, kRouteTableType, vnet.location, id);
  properties["provisioningState"] = "Updating";
  properties.erase("ipConfigurations");
  if (!properties.contains("delegations")) properties["delegations"] = Json::array();
  if (!properties.contains("privateEndpointNetworkPolicies"))
    properties["privateEndpointNetworkPolicies"] = "Disabled";
  return {{"id", id},
          {"name", name},
          {"type", std::string(kVnetType) + "/subnets"},
          {"etag", "W/\"" + new_guid() + "\""},
          {"properties", properties}};
}

void check_subnet_unused(Context& context, const std::string& subnet_id) {
  const auto users = context.state.list_by_ref(kNicType, lower(subnet_id));
  if (users.empty()) return;
  throw ApiError(
      400, "InUseSubnetCannotBeDeleted",
      fmt::format(
          "Subnet {} is in use by {} and cannot be deleted. In order to delete the subnet, delete all "
          "the resources within the subnet. See aka.ms/deletesubnet.",
          last_segment(subnet_id),
          text_at(users.front().body, "/properties/ipConfigurations/0/id", users.front().id)));
}

struct Place {
  Resource vnet;
  std::size_t index = 0;
  bool found = false;
};

Place find_subnet(Context& context, const Request& request) {
  const auto id = request.target.id.substr(0, request.target.id.rfind("/subnets/"));
  Place place{require(context, id), 0, false};
  const auto& subnets = place.vnet.body["properties"]["subnets"];
  for (std::size_t i = 0; i < subnets.size() && !place.found; ++i)
    if (same(subnets[i]["name"].get<std::string>(), request.target.name)) {
      place.index = i;
      place.found = true;
    }
  return place;
}

[[noreturn]] void throw_no_subnet(const Request& request) {
  throw ApiError(404, "NotFound", fmt::format("Resource {} not found.", request.target.id));
}

Reply get_subnet(Context& context, const Request& request) {
  const auto place = find_subnet(context, request);
  if (!place.found) throw_no_subnet(request);
  return Reply::json(200, place.vnet.body["properties"]["subnets"][place.index]);
}

Reply put_subnet(Context& context, Request& request) {
  check_network_name(request.target.name);
  drop_nulls(request.json);
  auto place = find_subnet(context, request);
  Json wanted = request.object();
  wanted["name"] = request.target.name;
  const Json subnet = make_subnet(context, place.vnet, wanted);
  auto& subnets = place.vnet.body["properties"]["subnets"];
  if (place.found)
    subnets[place.index] = subnet;
  else
    subnets.push_back(subnet);
  check_ranges(place.vnet);
  save_network(context, place.vnet);
  const Work work{
      "network.put", place.vnet.id, {{"id", place.vnet.id}}, core::Millis{300}, core::Millis{4'000}};
  return context.operations.start(request, LroShape::network, place.vnet.location, work,
                                  place.found ? 200 : 201, subnet, false);
}

Reply delete_subnet(Context& context, const Request& request) {
  auto place = find_subnet(context, request);
  if (!place.found) return Reply::empty(204);
  auto& subnets = place.vnet.body["properties"]["subnets"];
  check_subnet_unused(context, subnets[place.index]["id"].get<std::string>());
  subnets.erase(place.index);
  save_network(context, place.vnet);
  const Work work{
      "network.put", place.vnet.id, {{"id", place.vnet.id}}, core::Millis{300}, core::Millis{4'000}};
  return context.operations.start(request, LroShape::network, place.vnet.location, work, 202);
}

}  // namespace

std::uint32_t Prefix::last() const {
  return bits == 32 ? address : address | (~0u >> bits);
}
bool Prefix::contains(const Prefix& other) const {
  return address <= other.address && other.last() <= last();
}
bool Prefix::overlaps(const Prefix& other) const {
  return address <= other.last() && other.address <= last();
}

Prefix parse_prefix(const std::string& text) {
  const auto refuse = [&]() -> ApiError {
    return {400, "InvalidAddressPrefixFormat", fmt::format("Address prefix {} has an invalid format.", text)};
  };
  unsigned parts[5] = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int i = 0; i < 5; ++i) {
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    const char separator = i < 3 ? '.' : '/';
    if (error != std::errc() || parts[i] > (i < 4 ? 255u : 32u)) throw refuse();
    if (i < 4 ? (next == end || *next != separator) : next != end) throw refuse();
    at = next + (i < 4 ? 1 : 0);
  }
  Prefix prefix{parts[0] << 24 | parts[1] << 16 | parts[2] << 8 | parts[3], static_cast<int>(parts[4])};
  if (prefix.bits < 32 && (prefix.address & (~0u >> prefix.bits)) != 0) throw refuse();
  return prefix;
}

std::string to_dotted(std::uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

Json require_subnet(Context& context, const std::string& subnet_id, const std::string& referrer) {
  const auto slash = lower(subnet_id).rfind("/subnets/");
  if (slash != std::string::npos) {
    const auto vnet = context.state.find(subnet_id.substr(0, slash));
    if (vnet && same(vnet->type, kVnetType))
      for (const auto& subnet : vnet->body["properties"]["subnets"])
        if (same(subnet["id"].get<std::string>(), subnet_id)) return subnet;
  }
  throw ApiError(
      400, "InvalidResourceReference",
      fmt::format("Resource {} referenced by resource {} was not found. Please make sure that the referenced "
                  "resource exists, and that both resources are in the same region.",
                  subnet_id, referrer));
}

void prepare_vnet(Context& context, const Request& request, Resource& fresh,
                  const std::optional<Resource>& existing) {
  auto& properties = fresh.body["properties"];
  const Json wanted = subtree_at(request.json, "/properties");
  const Json space = subtree_at(wanted, "/addressSpace/addressPrefixes");
  if (!space.is_array() || space.empty()) refuse_missing("addressSpace.addressPrefixes");
  for (const auto& prefix : space) parse_prefix(prefix.get<std::string>());
  properties["addressSpace"] = {{"addressPrefixes", space}};
  properties["enableDdosProtection"] = false;
  // Made by PUTs of their own.
  properties["virtualNetworkPeerings"] =
      existing ? existing->body["properties"].value("virtualNetworkPeerings", Json::array()) : Json::array();
  if (wanted.contains("dhcpOptions")) properties["dhcpOptions"] = wanted["dhcpOptions"];
  properties["subnets"] = Json::array();
  for (const auto& subnet : wanted.value("subnets", Json::array()))
    properties["subnets"].push_back(make_subnet(context, fresh, subnet));
  check_ranges(fresh);
  if (!existing) return;
  for (const auto& old : existing->body["properties"]["subnets"]) {
    const auto kept = [&](const Json& subnet) {
      return same(subnet["id"].get<std::string>(), old["id"].get<std::string>());
    };
    if (std::none_of(properties["subnets"].begin(), properties["subnets"].end(), kept))
      check_subnet_unused(context, old["id"].get<std::string>());
  }
}

void check_vnet_delete(Context& context, const Resource& vnet) {
  for (const auto& subnet : vnet.body["properties"]["subnets"])
    check_subnet_unused(context, subnet["id"].get<std::string>());
}

void register_subnets(Router& router, Context& context) {
  const std::string path = group_path(kVnetType) + "/{vnet}/subnets";
  router.arm("GET", path + "/{name}", kVnetType, [&context](Request& r) { return get_subnet(context, r); });
  router.arm("PUT", path + "/{name}", kVnetType, [&context](Request& r) { return put_subnet(context, r); });
  router.arm("DELETE", path + "/{name}", kVnetType,
             [&context](Request& r) { return delete_subnet(context, r); });
  router.arm("GET", path, kVnetType, [&context](Request& r) {
    return Reply::json(200, {{"value", require(context, r.target.id).body["properties"]["subnets"]}});
  });
}

}  // namespace azlin::simulator
