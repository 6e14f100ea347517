#include <fmt/format.h>

#include <charconv>

#include "simulator/json_util.hpp"
#include "simulator/network.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr int kLowest = 100, kHighest = 4096;

Json default_rule(const Resource& nsg, const char* name, const char* from, const char* to, const char* access,
                  int priority, const char* direction) {
  return {{"id", nsg.id + "/defaultSecurityRules/" + name},
          {"name", name},
          {"type", std::string(kNsgType) + "/defaultSecurityRules"},
          {"properties",
           {{"provisioningState", "Succeeded"},
            {"protocol", "*"},
            {"sourcePortRange", "*"},
            {"destinationPortRange", "*"},
            {"sourceAddressPrefix", from},
            {"destinationAddressPrefix", to},
            {"access", access},
            {"priority", priority},
            {"direction", direction}}}};
}

Json default_rules(const Resource& nsg) {
  return {
      default_rule(nsg, "AllowVnetInBound", "VirtualNetwork", "VirtualNetwork", "Allow", 65000, "Inbound"),
      default_rule(nsg, "AllowAzureLoadBalancerInBound", "AzureLoadBalancer", "*", "Allow", 65001, "Inbound"),
      default_rule(nsg, "DenyAllInBound", "*", "*", "Deny", 65500, "Inbound"),
      default_rule(nsg, "AllowVnetOutBound", "VirtualNetwork", "VirtualNetwork", "Allow", 65000, "Outbound"),
      default_rule(nsg, "AllowInternetOutBound", "*", "Internet", "Allow", 65001, "Outbound"),
      default_rule(nsg, "DenyAllOutBound", "*", "*", "Deny", 65500, "Outbound")};
}

Json make_rule(const Resource& nsg, const Json& wanted) {
  const auto name = text_at(wanted, "/name");
  if (name.empty()) refuse_missing("securityRule.name");
  Json properties = subtree_at(wanted, "/properties");
  if (!properties.is_object()) refuse_missing("securityRule.properties");
  for (const char* field : {"protocol", "access", "direction"})
    if (text_at(properties, std::string("/") + field).empty())
      refuse_missing(std::string("securityRule.") + field);
  properties["protocol"] =
      enum_value(properties["protocol"], {"Tcp", "Udp", "Icmp", "Esp", "Ah", "*"}, "protocol");
  properties["access"] = enum_value(properties["access"], {"Allow", "Deny"}, "access");
  properties["direction"] = enum_value(properties["direction"], {"Inbound", "Outbound"}, "direction");
  const auto priority = number_at(properties, "/priority", 0);
  if (priority < kLowest || priority > kHighest)
    throw ApiError(400, "SecurityRuleInvalidPriority",
                   fmt::format("Security rule has invalid Priority. Value provided: {} Allowed range {}-{}.",
                               priority, kLowest, kHighest));
  properties["provisioningState"] = "Succeeded";
  return {{"id", nsg.id + "/securityRules/" + name},
          {"name", name},
          {"type", std::string(kNsgType) + "/securityRules"},
          {"etag", "W/\"" + new_guid() + "\""},
          {"properties", properties}};
}

void check_conflicts(const Json& rules) {
  for (std::size_t i = 0; i < rules.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (rules[i]["properties"]["priority"] == rules[j]["properties"]["priority"] &&
          rules[i]["properties"]["direction"] == rules[j]["properties"]["direction"])
        throw ApiError(
            400, "SecurityRuleConflict",
            fmt::format("Security rule {} conflicts with rule {}. Rules cannot have the same Priority and "
                        "Direction.",
                        rules[i]["name"].get<std::string>(), rules[j]["name"].get<std::string>()));
}

std::vector<std::string> values_of(const Json& rule, const std::string& one, const std::string& many) {
  std::vector<std::string> all;
  if (!text_at(rule, "/" + one).empty()) all.push_back(rule[one]);
  const Json list = subtree_at(rule, "/" + many);
  if (list.is_array())
    for (const auto& value : list) all.push_back(value.get<std::string>());
  return all;
}

bool covers_port(const std::string& range, int port) {
  if (range == "*") return true;
  int low = 0, high = 0;
  const auto dash = range.find('-');
  std::from_chars(range.data(), range.data() + std::min(dash, range.size()), low);
  high = low;
  if (dash != std::string::npos) std::from_chars(range.data() + dash + 1, range.data() + range.size(), high);
  return low <= port && port <= high;
}

// Whether a rule speaks of TCP 443 to Azure's public end points.
bool concerns_azure_https(const Json& rule) {
  if (rule["direction"] != "Outbound" || (rule["protocol"] != "*" && rule["protocol"] != "Tcp")) return false;
  const auto ports = values_of(rule, "destinationPortRange", "destinationPortRanges");
  if (std::none_of(ports.begin(), ports.end(), [](const auto& range) { return covers_port(range, 443); }))
    return false;
  for (const auto& to : values_of(rule, "destinationAddressPrefix", "destinationAddressPrefixes")) {
    if (to == "*" || same(to, "Internet") || to == "0.0.0.0/0") return true;
    if (starts_with_ignoring_case(to, "AzureCloud") || starts_with_ignoring_case(to, "Storage")) return true;
  }
  return false;
}

bool rules_allow(Context& context, const std::string& nsg_id) {
  const auto nsg = context.state.find(nsg_id);
  if (!nsg) return true;
  std::vector<Json> rules;
  for (const char* list : {"securityRules", "defaultSecurityRules"})
    for (const auto& rule : nsg->body["properties"][list]) rules.push_back(rule["properties"]);
  std::sort(rules.begin(), rules.end(),
            [](const Json& a, const Json& b) { return a["priority"] < b["priority"]; });
  for (const auto& rule : rules)
    if (concerns_azure_https(rule)) return rule["access"] == "Allow";
  return true;
}

// A rule inside its group's body; `index` is one past the last when it is not there.
struct RulePlace {
  Resource nsg;
  std::size_t index = 0;

  Json& rules() { return nsg.body["properties"]["securityRules"]; }
  bool found() { return index < rules().size(); }
};

RulePlace find_rule(Context& context, const Request& request) {
  const auto& id = request.target.id;
  RulePlace place{require(context, id.substr(0, lower(id).rfind("/securityrules/"))), 0};
  while (place.found() && !same(text_at(place.rules()[place.index], "/name"), request.target.name))
    ++place.index;
  return place;
}

Reply start_rule_write(Context& context, const Request& request, RulePlace& place, int status,
                       const Json& body) {
  save_network(context, place.nsg);
  const auto& id = place.nsg.id;
  const Work work{"network.put", id, {{"id", id}}, core::Millis{300}, core::Millis{4'000}};
  return context.operations.start(request, LroShape::network, place.nsg.location, work, status, body, false);
}

Reply get_rule(Context& context, const Request& request) {
  auto place = find_rule(context, request);
  if (place.found()) return Reply::json(200, place.rules()[place.index]);
  throw ApiError(404, "NotFound", fmt::format("Resource {} not found.", request.target.id));
}

// A rule has an ETag of its own.
void check_rule_etag(const Request& request, RulePlace& place) {
  const auto wanted = request.header("if-match"), none = request.header("if-none-match");
  const bool missed = wanted && (!place.found() ||
                                 (*wanted != "*" && *wanted != text_at(place.rules()[place.index], "/etag")));
  if (missed || (none && *none == "*" && place.found()))
    throw ApiError(412, "PreconditionFailed",
                   "Precondition failed. The resource's etag is not the expected one.");
}

Reply put_rule(Context& context, Request& request) {
  check_network_name(request.target.name);
  drop_nulls(request.json);
  auto place = find_rule(context, request);
  check_rule_etag(request, place);
  const bool existed = place.found();
  Json wanted = request.object();
  wanted["name"] = existed ? place.rules()[place.index]["name"] : Json(request.target.name);
  Json rule = make_rule(place.nsg, wanted);
  place.rules()[place.index] = rule;
  check_conflicts(place.rules());
  rule["properties"]["provisioningState"] = "Updating";
  return start_rule_write(context, request, place, existed ? 200 : 201, rule);
}

Reply delete_rule(Context& context, const Request& request) {
  auto place = find_rule(context, request);
  if (!place.found()) return Reply::empty(204);
  check_rule_etag(request, place);
  place.rules().erase(place.index);
  return start_rule_write(context, request, place, 202, nullptr);
}

}  // namespace

void register_rules(Router& router, Context& context) {
  const std::string nsg = group_path(kNsgType) + "/{nsg}/", path = nsg + "securityRules";
  router.arm("GET", path + "/{name}", kNsgType, [&context](Request& r) { return get_rule(context, r); });
  router.arm("PUT", path + "/{name}", kNsgType, [&context](Request& r) { return put_rule(context, r); });
  router.arm("DELETE", path + "/{name}", kNsgType,
             [&context](Request& r) { return delete_rule(context, r); });
  router.arm("GET", nsg + "defaultSecurityRules/{name}", kNsgType, [&context](Request& r) {
    const auto& id = r.target.id;
    const auto found = require(context, id.substr(0, lower(id).rfind("/defaultsecurityrules/")));
    for (const auto& rule : found.body["properties"]["defaultSecurityRules"])
      if (same(text_at(rule, "/name"), r.target.name)) return Reply::json(200, rule);
    throw ApiError(404, "NotFound", fmt::format("Resource {} not found.", id));
  });
  for (const char* list : {"securityRules", "defaultSecurityRules"})
    router.arm("GET", nsg + list, kNsgType, [&context, list](Request& r) {
      return Reply::json(200, {{"value", require(context, r.target.id).body["properties"][list]}});
    });
}

void prepare_nsg(Context&, const Request& request, Resource& fresh, const std::optional<Resource>&) {
  auto& properties = fresh.body["properties"];
  properties["securityRules"] = Json::array();
  const Json rules = subtree_at(request.json, "/properties/securityRules");
  if (rules.is_array())
    for (const auto& rule : rules) properties["securityRules"].push_back(make_rule(fresh, rule));
  check_conflicts(properties["securityRules"]);
  properties["defaultSecurityRules"] = default_rules(fresh);
}

void check_nsg_delete(Context& context, const Resource& nsg) {
  std::string users;
  const auto note = [&](const std::string& id) { users += (users.empty() ? "" : ", ") + id; };
  ListFilter filter;
  filter.subscription = nsg.subscription;
  filter.type = kNicType;
  for (const auto& nic : context.state.list(filter))
    if (same(text_at(nic.body, "/properties/networkSecurityGroup/id"), nsg.id)) note(nic.id);
  filter.type = kVnetType;
  for (const auto& vnet : context.state.list(filter))
    for (const auto& subnet : vnet.body["properties"]["subnets"])
      if (same(text_at(subnet, "/properties/networkSecurityGroup/id"), nsg.id)) note(subnet["id"]);
  if (users.empty()) return;
  throw ApiError(
      400, "InUseNetworkSecurityGroupCannotBeDeleted",
      fmt::format("Network security group {} cannot be deleted because it is in use by the following "
                  "resources: {}. In order to delete the Network security group, remove the association with "
                  "the resource(s). To learn how to do this, see aka.ms/deletensg.",
                  nsg.id, users));
}

bool outbound_open(Context& context, const Resource& nic) {
  const auto& properties = nic.body["properties"];
  const auto own = text_at(properties, "/networkSecurityGroup/id");
  if (!own.empty() && !rules_allow(context, own)) return false;
  const Json& first = properties["ipConfigurations"][0]["properties"];
  const auto subnet = require_subnet(context, text_at(first, "/subnet/id"), nic.id)["properties"];
  const auto of_subnet = text_at(subnet, "/networkSecurityGroup/id");
  if (!of_subnet.empty() && !rules_allow(context, of_subnet)) return false;
  return first.contains("publicIPAddress") || subnet.contains("natGateway") ||
         flag_at(subnet, "/defaultOutboundAccess", true);
}

}  // namespace azlin::simulator
