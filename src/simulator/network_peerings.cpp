// Peerings of virtual networks, and what can be asked of one: whether an address is free, how full its
// subnets are.
#include <fmt/format.h>

#include <set>

#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/network.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kPeerings = "virtualNetworkPeerings";

struct PeeringPlace {
  Resource vnet;
  std::size_t index = 0;  // one past the last when it is not there

  Json& all() { return vnet.body["properties"][kPeerings]; }
  bool found() { return index < all().size(); }
};

PeeringPlace find_peering(Context& context, const Request& request) {
  const auto& id = request.target.id;
  PeeringPlace place{require(context, id.substr(0, lower(id).rfind("/virtualnetworkpeerings/"))), 0};
  while (place.found() && !same(text_at(place.all()[place.index], "/name"), request.target.name))
    ++place.index;
  return place;
}

void check_spaces(const Resource& near, const Resource& far) {
  for (const auto& a : near.body["properties"]["addressSpace"]["addressPrefixes"])
    for (const auto& b : far.body["properties"]["addressSpace"]["addressPrefixes"])
      if (parse_prefix(a).overlaps(parse_prefix(b)))
        throw ApiError(
            400, "VnetAddressSpacesOverlap",
            fmt::format(
                "Cannot create or update peering. Virtual networks {} and {} cannot be peered because their "
                "address spaces overlap. Overlapping address prefixes: {}, {}",
                near.id, far.id, a.get<std::string>(), b.get<std::string>()));
}

[[noreturn]] void refuse_disconnected(const std::string& peering, const Json& remote,
                                      const std::string& near_id) {
  throw ApiError(
      400, "RemotePeeringIsDisconnected",
      fmt::format(
          "Cannot create or update peering {} because remote peering {} referencing parent virtual network "
          "{} is in Disconnected state. Update or re-create the remote peering to get it back to Initiated "
          "state. Peering gets Disconnected when remote vnet or remote peering is deleted and re-created.",
          peering, text_at(remote, "/id"), near_id));
}

// Both sides are Connected once both have said so. One whose other side went away says so anew first.
bool connect_back(Context& context, const std::string& far_id, const std::string& near_id,
                  const std::string& near_peering) {
  auto far = context.state.find(far_id);
  if (!far) return false;
  for (auto& peering : far->body["properties"][kPeerings]) {
    if (!same(text_at(peering, "/properties/remoteVirtualNetwork/id"), near_id)) continue;
    if (text_at(peering, "/properties/peeringState") == "Disconnected")
      refuse_disconnected(near_peering, peering, near_id);
    peering["properties"]["peeringState"] = "Connected";
    peering["properties"]["peeringSyncLevel"] = "FullyInSync";
    save_network(context, *far);
    return true;
  }
  return false;
}

Reply start_write(Context& context, const Request& request, Resource& vnet, int status, const Json& body) {
  save_network(context, vnet);
  const Work work{"network.put", vnet.id, {{"id", vnet.id}}, core::Millis{300}, core::Millis{4'000}};
  return context.operations.start(request, LroShape::network, vnet.location, work, status, body, false);
}

Reply put_peering(Context& context, Request& request) {
  check_network_name(request.target.name);
  drop_nulls(request.json);
  auto place = find_peering(context, request);
  Json properties = subtree_at(request.object(), "/properties");
  const auto remote_id = text_at(properties, "/remoteVirtualNetwork/id");
  if (remote_id.empty()) refuse_missing("virtualNetworkPeering.properties.remoteVirtualNetwork");
  const auto id = fmt::format("{}/{}/{}", place.vnet.id, kPeerings, request.target.name);
  const auto remote = require_reference(context, remote_id, kVnetType, "", id);
  if (same(remote.id, place.vnet.id))
    throw ApiError(400, "VnetCannotBePeeredToItself",
                   fmt::format("Virtual network {} cannot be peered to itself.", remote.id));
  check_spaces(place.vnet, remote);
  const bool connected = connect_back(context, remote.id, place.vnet.id, id);
  properties["remoteVirtualNetwork"] = {{"id", remote.id}};
  properties["remoteAddressSpace"] = remote.body["properties"]["addressSpace"];
  properties["remoteVirtualNetworkAddressSpace"] = remote.body["properties"]["addressSpace"];
  properties["peeringState"] = connected ? "Connected" : "Initiated";
  properties["peeringSyncLevel"] = connected ? "FullyInSync" : "RemoteNotInSync";
  properties["provisioningState"] = "Succeeded";
  for (const auto& [name, value] : {std::pair{"allowVirtualNetworkAccess", true},
                                    {"allowForwardedTraffic", false},
                                    {"allowGatewayTransit", false},
                                    {"useRemoteGateways", false}})
    if (!properties.contains(name)) properties[name] = value;
  const Json peering = {{"id", id},
                        {"name", request.target.name},
                        {"type", std::string(kVnetType) + "/" + kPeerings},
                        {"etag", "W/\"" + new_guid() + "\""},
                        {"properties", properties}};
  const bool existed = place.found();
  place.all()[place.index] = peering;
  return start_write(context, request, place.vnet, existed ? 200 : 201, peering);
}

Reply get_peering(Context& context, const Request& request) {
  auto place = find_peering(context, request);
  if (place.found()) return Reply::json(200, place.all()[place.index]);
  throw ApiError(404, "NotFound", fmt::format("Resource {} not found.", request.target.id));
}

// The other side of a peering that goes away stays, and is Disconnected.
void disconnect(Context& context, const Json& peering, const Resource& vnet) {
  auto far = context.state.find(text_at(peering, "/properties/remoteVirtualNetwork/id"));
  if (!far) return;
  for (auto& other : far->body["properties"][kPeerings])
    if (same(text_at(other, "/properties/remoteVirtualNetwork/id"), vnet.id))
      other["properties"]["peeringState"] = "Disconnected";
  save_network(context, *far);
}

Reply delete_peering(Context& context, const Request& request) {
  auto place = find_peering(context, request);
  if (!place.found()) return Reply::empty(204);
  disconnect(context, place.all()[place.index], place.vnet);
  place.all().erase(place.index);
  return start_write(context, request, place.vnet, 202, nullptr);
}

// --- questions ---

std::set<std::string> taken_addresses(Context& context, const Resource& vnet) {
  std::set<std::string> taken;
  for (const auto& subnet : vnet.body["properties"]["subnets"])
    for (const auto& nic : context.state.list_by_ref(kNicType, lower(text_at(subnet, "/id"))))
      taken.insert(private_address(nic));
  return taken;
}

Reply check_address(Context& context, const Request& request) {
  const auto vnet = require(context, request.target.id);
  const auto text = request.query_or("ipaddress", "");
  const auto wanted = parse_prefix(text + "/32");
  const auto taken = taken_addresses(context, vnet);
  Json free = Json::array();
  bool inside = false;
  for (const auto& subnet : vnet.body["properties"]["subnets"]) {
    const auto prefix = parse_prefix(
        text_at(subnet, "/properties/addressPrefix", text_at(subnet, "/properties/addressPrefixes/0")));
    if (!prefix.contains(wanted)) continue;
    inside = wanted.address >= prefix.address + 4 && wanted.address < prefix.last();
    for (auto at = prefix.address + 4; at < prefix.last() && free.size() < 5; ++at)
      if (taken.count(to_dotted(at)) == 0) free.push_back(to_dotted(at));
  }
  const bool available = inside && taken.count(text) == 0;
  Json body = {{"available", available}, {"isPlatformReserved", false}};
  if (!available) body["availableIPAddresses"] = free;
  return Reply::json(200, body);
}

Reply list_vnet_usage(Context& context, const Request& request) {
  const auto vnet = require(context, request.target.id);
  Json value = Json::array();
  for (const auto& subnet : vnet.body["properties"]["subnets"]) {
    const auto prefix = parse_prefix(
        text_at(subnet, "/properties/addressPrefix", text_at(subnet, "/properties/addressPrefixes/0")));
    value.push_back(
        {{"id", subnet["id"]},
         {"currentValue", context.state.list_by_ref(kNicType, lower(text_at(subnet, "/id"))).size()},
         {"limit", prefix.last() - prefix.address - 4},
         {"unit", "Count"},
         {"name", {{"value", "SubnetSpace"}, {"localizedValue", "Subnet size and usage"}}}});
  }
  return Reply::json(200, {{"value", value}});
}

// https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits#networking-limits
Reply list_usages(Context& context, const Request& request) {
  const auto region = check_location(request.param("location"), "locations");
  const struct {
    const char *name, *display, *type;
    std::int64_t limit;
  } kRows[] = {{"VirtualNetworks", "Virtual Networks", kVnetType, 1'000},
               {"NetworkInterfaces", "Network Interfaces", kNicType, 65'536},
               {"NetworkSecurityGroups", "Network Security Groups", kNsgType, 5'000},
               {"PublicIPAddresses", "Public IP Addresses", kPublicIpType, 1'000},
               {"RouteTables", "Route Tables", kRouteTableType, 200},
               {"LoadBalancers", "Load Balancers", "Microsoft.Network/loadBalancers", 1'000}};
  Json value = Json::array();
  for (const auto& row : kRows) {
    ListFilter filter;
    filter.subscription = request.target.subscription;
    filter.type = row.type;
    const auto all = context.state.list(filter);
    const auto used =
        std::count_if(all.begin(), all.end(), [&](const Resource& one) { return one.location == region; });
    value.push_back({{"id", fmt::format("{}/providers/Microsoft.Network/locations/{}/usages/{}",
                                        "/subscriptions/" + request.target.subscription, region, row.name)},
                     {"currentValue", used},
                     {"limit", row.limit},
                     {"unit", "Count"},
                     {"name", {{"value", row.name}, {"localizedValue", row.display}}}});
  }
  return Reply::json(200, {{"value", value}});
}

// A label is free in its region until a public address has it.
Reply check_dns_name(Context& context, const Request& request) {
  const auto region = check_location(request.param("location"), "locations");
  const auto label = request.query_or("domainnamelabel", "");
  if (label.empty()) refuse_missing("domainNameLabel");
  ListFilter filter;
  filter.type = kPublicIpType;
  bool taken = false;
  for (const auto& address : context.state.list(filter))
    taken = taken || (address.location == region &&
                      same(text_at(address.body, "/properties/dnsSettings/domainNameLabel"), label));
  return Reply::json(200, {{"available", !taken}});
}

}  // namespace

void disconnect_peers(Context& context, const Resource& vnet) {
  for (const auto& peering : vnet.body["properties"].value(kPeerings, Json::array()))
    disconnect(context, peering, vnet);
}

void register_peerings(Router& router, Context& context) {
  const std::string vnet = group_path(kVnetType) + "/{vnet}", list = vnet + "/" + kPeerings,
                    one = list + "/{name}";
  router.arm("PUT", one, kVnetType, [&context](Request& r) { return put_peering(context, r); });
  router.arm("GET", one, kVnetType, [&context](Request& r) { return get_peering(context, r); });
  router.arm("DELETE", one, kVnetType, [&context](Request& r) { return delete_peering(context, r); });
  router.arm("GET", list, kVnetType, [&context](Request& r) {
    return Reply::json(200, {{"value", require(context, r.target.id).body["properties"][kPeerings]}});
  });
  router.arm("GET", vnet + "/CheckIPAddressAvailability", kVnetType,
             [&context](Request& r) { return check_address(context, r); });
  router.arm("GET", vnet + "/usages", kVnetType,
             [&context](Request& r) { return list_vnet_usage(context, r); });
  router.arm("GET", "/subscriptions/{sub}/providers/Microsoft.Network/locations/{location}/usages", kVnetType,
             [&context](Request& r) { return list_usages(context, r); });
  router.arm("GET",
             "/subscriptions/{sub}/providers/Microsoft.Network/locations/{location}/CheckDnsNameAvailability",
             "Microsoft.Network/locations/checkDnsNameAvailability",
             [&context](Request& r) { return check_dns_name(context, r); });
}

}  // namespace azlin::simulator
