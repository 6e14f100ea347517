// Network's resources around the NIC: kept as stated, with ids, ETags and states on the parts inside them.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/plain_types.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

// What the refusal of a DELETE says while subnets or NICs refer to the resource; {name}, {id}, {uses}.
struct InUse {
  const char* code;
  const char* message;
};

// A type, and the arrays inside its properties whose members have names and ids of their own.
struct Kind {
  const char* type;
  std::vector<const char*> parts;
  InUse in_use;
};

constexpr InUse kInUse = {"InUseResourceCannotBeDeleted", "Resource {id} is in use and cannot be deleted."};
constexpr InUse kRouteTableInUse = {"InUseRouteTableCannotBeDeleted",
                                    "Route table {name} is in use and cannot be deleted."};
constexpr InUse kNatGatewayInUse = {
    "CannotDeleteNatGatewayAssociatedToSubnet",
    "NAT Gateway {id} is still configured on {uses} subnets. Remove NAT Gateway from all referenced subnets "
    "and then delete NAT Gateway."};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds = {
      {"Microsoft.Network/applicationSecurityGroups", {}, kInUse},
      {"Microsoft.Network/routeTables", {"routes"}, kRouteTableInUse},
      {"Microsoft.Network/natGateways", {}, kNatGatewayInUse},
      {"Microsoft.Network/publicIPPrefixes", {}, kInUse},
      {"Microsoft.Network/loadBalancers",
       {"frontendIPConfigurations", "backendAddressPools", "loadBalancingRules", "probes", "inboundNatRules",
        "outboundRules"},
       kInUse},
      {"Microsoft.Network/networkWatchers", {}, kInUse},
      {"Microsoft.Network/localNetworkGateways", {}, kInUse},
      {"Microsoft.Network/serviceEndpointPolicies", {}, kInUse},
      {"Microsoft.Network/ipGroups", {}, kInUse},
      {"Microsoft.Network/ddosProtectionPlans", {}, kInUse}};
  return kKinds;
}

void complete_part(const Resource& owner, const std::string& array, Json& part) {
  const auto name = text_at(part, "/name");
  if (name.empty()) refuse_missing(array + ".name");
  if (!part.contains("properties") || !part["properties"].is_object()) part["properties"] = Json::object();
  part["id"] = fmt::format("{}/{}/{}", owner.id, array, name);
  part["type"] = fmt::format("{}/{}", owner.type, array);
  part["etag"] = "W/\"" + new_guid() + "\"";
  part["properties"]["provisioningState"] = "Succeeded";
}

void prepare(const Kind& kind, const Request& request, Resource& fresh) {
  const Json stated = subtree_at(request.json, "/properties");
  auto& properties = fresh.body["properties"];
  if (stated.is_object())
    for (const auto& [name, value] : stated.items())
      if (name != "provisioningState" && name != "resourceGuid") properties[name] = value;
  if (request.json.contains("sku")) fresh.body["sku"] = request.json["sku"];
  for (const char* array : kind.parts) {
    auto& parts = properties[array];
    if (!parts.is_array()) parts = Json::array();
    for (auto& part : parts) complete_part(fresh, array, part);
  }
}

// What subnets or NICs refer to cannot go.
void refuse_use(Context& context, const Resource& resource, const InUse& in_use) {
  const std::string wanted = "\"" + resource.key() + "\"";
  ListFilter filter;
  filter.subscription = resource.subscription;
  int uses = 0;
  for (const char* type : {kVnetType, kNicType}) {
    filter.type = type;
    for (const auto& user : context.state.list(filter)) {
      const std::string text = lower(user.body["properties"].dump());
      for (auto at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) ++uses;
    }
  }
  if (uses == 0) return;
  throw ApiError(400, in_use.code,
                 fmt::format(fmt::runtime(in_use.message), fmt::arg("name", resource.name),
                             fmt::arg("id", resource.id), fmt::arg("uses", uses)));
}

struct PartPlace {
  Resource owner;
  std::size_t index = 0;
};

PartPlace find_part(Context& context, const std::string& id, const std::string& array) {
  PartPlace place{require(context, id.substr(0, lower(id).rfind("/" + lower(array) + "/"))), 0};
  const auto& parts = place.owner.body["properties"][array];
  while (place.index < parts.size() && !same(text_at(parts[place.index], "/name"), last_segment(id)))
    ++place.index;
  return place;
}

Reply start_write(Context& context, const Request& request, Resource& owner, int status, const Json& body) {
  save_network(context, owner);
  const Work work{"network.put", owner.id, {{"id", owner.id}}, core::Millis{300}, core::Millis{4'000}};
  return context.operations.start(request, LroShape::network, owner.location, work, status, body, false);
}

// One member of an array as a resource of its own: "routeTables/t/routes/r".
void register_part(Router& router, Context& context, const std::string& type, const std::string& array) {
  const std::string list = group_path(type) + "/{owner}/" + array, one = list + "/{name}";
  router.arm("GET", list, type, [&context, array](Request& r) {
    return Reply::json(
        200, {{"value", require(context, r.target.id).body["properties"].value(array, Json::array())}});
  });
  router.arm("GET", one, type, [&context, array](Request& r) {
    const auto place = find_part(context, r.target.id, array);
    const auto& parts = place.owner.body["properties"][array];
    if (place.index < parts.size()) return Reply::json(200, parts[place.index]);
    throw ApiError(404, "NotFound", fmt::format("Resource {} not found.", r.target.id));
  });
  router.arm("PUT", one, type, [&context, array](Request& r) {
    check_network_name(r.target.name);
    drop_nulls(r.json);
    auto place = find_part(context, r.target.id, array);
    auto& parts = place.owner.body["properties"][array];
    if (!parts.is_array()) parts = Json::array();
    Json part = r.object();
    part["name"] = r.target.name;
    complete_part(place.owner, array, part);
    const bool existed = place.index < parts.size();
    parts[place.index] = part;
    return start_write(context, r, place.owner, existed ? 200 : 201, part);
  });
  router.arm("DELETE", one, type, [&context, array](Request& r) {
    auto place = find_part(context, r.target.id, array);
    auto& parts = place.owner.body["properties"][array];
    if (place.index >= parts.size()) return Reply::empty(204);
    parts.erase(place.index);
    return start_write(context, r, place.owner, 202, nullptr);
  });
}

void register_kind(Router& router, Context& context, const Kind& kind) {
  register_network_type(
      router, context,
      {.type = kind.type,
       .prepare = [kind](Context&, const Request& request, Resource& fresh,
                         const std::optional<Resource>&) { prepare(kind, request, fresh); },
       .check_delete = [in_use = kind.in_use](
                           Context& ctx, const Resource& resource) { refuse_use(ctx, resource, in_use); },
       .release = {}});
  for (const char* part : kind.parts) register_part(router, context, kind.type, part);
}

}  // namespace

void register_plain_network(Router& router, Context& context) {
  for (const auto& kind : kinds()) register_kind(router, context, kind);
}

}  // namespace azlin::simulator
