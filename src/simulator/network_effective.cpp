// What holds for a NIC of a running VM: its effective security rules and routes. And its IP configurations.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

// Needs a running VM behind the NIC; the code is Azure's, the text ours.
Resource require_running(Context& context, const Request& request) {
  auto nic = require(context, request.target.id);
  const auto vm = context.state.find(text_at(nic.body, "/properties/virtualMachine/id"));
  if (vm && text_at(vm->hidden, "/power") == "running") return nic;
  throw ApiError(400, "NicMustBeAttachedToRunningVm",
                 fmt::format("Network interface {} must be attached to a running virtual machine.", nic.id));
}

Json subnet_of(Context& context, const Resource& nic) {
  return require_subnet(context, text_at(nic.body, "/properties/ipConfigurations/0/properties/subnet/id"),
                        nic.id);
}

Json effective_rule(const Json& rule, bool is_default) {
  Json shown = rule["properties"];
  shown.erase("provisioningState");
  shown["name"] =
      fmt::format("{}/{}", is_default ? "defaultSecurityRules" : "securityRules", text_at(rule, "/name"));
  return shown;
}

Json effective_group(Context& context, const std::string& id, const Json& association) {
  const auto nsg = require(context, id);
  Json rules = Json::array();
  for (const auto& rule : nsg.body["properties"].value("securityRules", Json::array()))
    rules.push_back(effective_rule(rule, false));
  for (const auto& rule : nsg.body["properties"].value("defaultSecurityRules", Json::array()))
    rules.push_back(effective_rule(rule, true));
  return {{"networkSecurityGroup", {{"id", nsg.id}}},
          {"association", association},
          {"effectiveSecurityRules", rules}};
}

Json security_groups(Context& context, const Resource& nic) {
  Json value = Json::array();
  const auto own = text_at(nic.body, "/properties/networkSecurityGroup/id");
  if (!own.empty()) value.push_back(effective_group(context, own, {{"networkInterface", {{"id", nic.id}}}}));
  const Json subnet = subnet_of(context, nic);
  const auto of_subnet = text_at(subnet, "/properties/networkSecurityGroup/id");
  if (!of_subnet.empty())
    value.push_back(effective_group(context, of_subnet, {{"subnet", {{"id", subnet["id"]}}}}));
  return value;
}

Json route(const char* source, const Json& prefixes, const std::string& hop,
           const std::string& address = "") {
  Json hops = Json::array();
  if (!address.empty()) hops.push_back(address);
  return {{"source", source},
          {"state", "Active"},
          {"addressPrefix", prefixes},
          {"nextHopType", hop},
          {"nextHopIpAddress", hops}};
}

Json routes(Context& context, const Resource& nic) {
  const Json subnet = subnet_of(context, nic);
  const auto id = text_at(subnet, "/id");
  const auto vnet = require(context, id.substr(0, lower(id).rfind("/subnets/")));
  Json value = {route("Default", vnet.body["properties"]["addressSpace"]["addressPrefixes"], "VnetLocal")};
  for (const auto& peering : vnet.body["properties"].value("virtualNetworkPeerings", Json::array()))
    if (text_at(peering, "/properties/peeringState") == "Connected")
      value.push_back(route("Default", subtree_at(peering, "/properties/remoteAddressSpace/addressPrefixes"),
                            "VNetPeering"));
  value.push_back(route("Default", {"0.0.0.0/0"}, "Internet"));
  const auto table = context.state.find(text_at(subnet, "/properties/routeTable/id"));
  if (!table) return value;
  for (const auto& own : table->body["properties"].value("routes", Json::array())) {
    const auto prefix = text_at(own, "/properties/addressPrefix");
    for (auto& other : value)
      if (other["source"] == "Default" && other["addressPrefix"] == Json({prefix}))
        other["state"] = "Invalid";
    value.push_back(route("User", {prefix}, text_at(own, "/properties/nextHopType"),
                          text_at(own, "/properties/nextHopIpAddress")));
  }
  return value;
}

Reply start(Context& context, const Request& request, const Resource& nic, const Json& value) {
  const Work work{
      "network.effective", nic.id + "/effective", {{"value", value}}, core::Millis{300}, core::Millis{3'000}};
  return context.operations.start(request, LroShape::network, nic.location, work, 202);
}

Json configs_of(Context& context, const Request& request) {
  const auto& id = request.target.id;
  const auto at = lower(id).rfind("/ipconfigurations/");
  return require(context, id.substr(0, at)).body["properties"]["ipConfigurations"];
}

}  // namespace

void register_effective(Router& router, Context& context) {
  context.operations.on("network.effective", [](Context&, const Json& data) {
    return Json{{"value", data["value"]}};
  });
  const std::string nic = group_path(kNicType) + "/{nic}/";
  router.arm("POST", nic + "effectiveNetworkSecurityGroups", kNicType, [&context](Request& r) {
    const auto resource = require_running(context, r);
    return start(context, r, resource, security_groups(context, resource));
  });
  router.arm("POST", nic + "effectiveRouteTable", kNicType, [&context](Request& r) {
    const auto resource = require_running(context, r);
    return start(context, r, resource, routes(context, resource));
  });
  router.arm("GET", nic + "ipConfigurations", kNicType, [&context](Request& r) {
    return Reply::json(200, {{"value", configs_of(context, r)}});
  });
  router.arm("GET", nic + "ipConfigurations/{name}", kNicType, [&context](Request& r) {
    for (const auto& config : configs_of(context, r))
      if (same(text_at(config, "/name"), r.target.name)) return Reply::json(200, config);
    throw ApiError(404, "NotFound", fmt::format("Resource {} not found.", r.target.id));
  });
}

}  // namespace azlin::simulator
