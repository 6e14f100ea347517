#include "contract/vm_support.hpp"

namespace azlin::test {
namespace {

class NetworksContractTest : public ::testing::Test {
 protected:
  static std::string refusal(const HttpReply& reply) {
    return fmt::format("{} {}", reply.status, reply.error_code());
  }
  static json vnet(const std::string& prefix, const json& subnets) {
    return {{"location", "eastus"},
            {"properties", {{"addressSpace", {{"addressPrefixes", {prefix}}}}, {"subnets", subnets}}}};
  }
  static json subnet(const std::string& name, const std::string& prefix) {
    return {{"name", name}, {"properties", {{"addressPrefix", prefix}}}};
  }
  static json rule(const std::string& name, int priority, const std::string& direction = "Inbound",
                   const std::string& access = "Allow", const std::string& to = "*") {
    return {{"name", name},
            {"properties",
             {{"protocol", "Tcp"},
              {"sourcePortRange", "*"},
              {"destinationPortRange", "*"},
              {"sourceAddressPrefix", "*"},
              {"destinationAddressPrefix", to},
              {"access", access},
              {"priority", priority},
              {"direction", direction}}}};
  }
  VmSimulator sim_;
};

// PUT 200/201 as a long-running operation under S/N/locations/{loc}/operations/; weak ETags W/"guid".
TEST_F(NetworksContractTest, PutIsAnOperation) {
  const auto made = sim_.network("PUT", "virtualNetworks/v",
                                 vnet("10.1.0.0/16", json::array({subnet("a", "10.1.0.0/24")})));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.json()["properties"]["provisioningState"], "Updating");
  EXPECT_THAT(made.header("azure-asyncoperation"),
              ::testing::HasSubstr("/providers/Microsoft.Network/locations/eastus/operations/"));
  EXPECT_EQ(sim_.finish(made).json()["status"], "Succeeded");
  const auto read = sim_.network("GET", "virtualNetworks/v").json();
  EXPECT_EQ(read["properties"]["provisioningState"], "Succeeded");
  EXPECT_THAT(read["etag"].get<std::string>(), ::testing::MatchesRegex("W/\"[0-9a-f-]*\""));
  EXPECT_EQ(read["properties"]["subnets"][0]["id"],
            in_group("Microsoft.Network/virtualNetworks/v/subnets/a"));
  EXPECT_EQ(sim_.network("GET", "virtualNetworks/v/subnets/a").json()["name"], "a");
}

// A subnet lies inside its network and overlaps no other.
TEST_F(NetworksContractTest, SubnetRangesAreChecked) {
  EXPECT_EQ(
      sim_.network("PUT", "virtualNetworks/v", vnet("10.1.0.0/16", json::array({subnet("a", "10.2.0.0/24")})))
          .error_code(),
      "NetcfgSubnetRangeOutsideVnet");
  EXPECT_EQ(sim_.network("PUT", "virtualNetworks/v",
                         vnet("10.1.0.0/16",
                              json::array({subnet("a", "10.1.0.0/24"), subnet("b", "10.1.0.128/25")})))
                .error_code(),
            "NetcfgSubnetRangesOverlap");
  EXPECT_EQ(sim_.network("PUT", "virtualNetworks/v", vnet("10.1.0.1/16", json::array())).error_code(),
            "InvalidAddressPrefixFormat");
}

// "In use: … InUseSubnetCannotBeDeleted"; "order VM, NIC, IP, NSG, VNet".
TEST_F(NetworksContractTest, SubnetInUseCannotBeDeleted) {
  const auto name = "virtualNetworks/production-eastus-vnet";
  EXPECT_EQ(refusal(sim_.network("DELETE", name)), "400 InUseSubnetCannotBeDeleted");
  EXPECT_EQ(refusal(sim_.network("DELETE", std::string(name) + "/subnets/default")),
            "400 InUseSubnetCannotBeDeleted");
  EXPECT_EQ(refusal(sim_.network("PUT", name, vnet("10.0.0.0/15", json::array()))),
            "400 InUseSubnetCannotBeDeleted");
  EXPECT_EQ(refusal(sim_.network("DELETE", "networkSecurityGroups/production-eastus-nsg")),
            "400 InUseNetworkSecurityGroupCannotBeDeleted");
}

// "NicInUse, PublicIPAddressCannotBeDeleted"
TEST_F(NetworksContractTest, NicAndAddressInUseCannotBeDeleted) {
  EXPECT_EQ(refusal(sim_.network("DELETE", "networkInterfaces/prod-app-vm-nic")), "400 NicInUse");
  EXPECT_EQ(refusal(sim_.network("DELETE", "publicIPAddresses/prod-app-vm-ip")),
            "400 PublicIPAddressCannotBeDeleted");
}

// The whole set goes in the right order.
TEST_F(NetworksContractTest, EverythingIsDeletedInOrder) {
  sim_.network("PUT", "networkSecurityGroups/g",
               {{"location", "eastus"}, {"properties", {{"securityRules", json::array()}}}});
  auto one = subnet("a", "10.1.0.0/24");
  one["properties"]["networkSecurityGroup"] = {{"id", in_group("Microsoft.Network/networkSecurityGroups/g")}};
  sim_.network("PUT", "virtualNetworks/v", vnet("10.1.0.0/16", json::array({one})));
  sim_.make_nic("n", {{"subnet", {{"id", in_group("Microsoft.Network/virtualNetworks/v/subnets/a")}}}});
  EXPECT_EQ(sim_.network("GET", "networkInterfaces/n")
                .json()["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"],
            "10.1.0.4");
  for (const char* name : {"networkInterfaces/n", "virtualNetworks/v", "networkSecurityGroups/g"}) {
    EXPECT_EQ(sim_.finish(sim_.network("DELETE", name)).json()["status"], "Succeeded") << name;
    EXPECT_EQ(sim_.network("GET", name).status, 404);
    EXPECT_EQ(sim_.network("DELETE", name).status, 204);
  }
}

// A NIC names a subnet of its region that exists: 400 InvalidResourceReference.
TEST_F(NetworksContractTest, NicReferencesMustExist) {
  const auto nic = [&](const std::string& where, const std::string& subnet_id) {
    return sim_.network(
        "PUT", "networkInterfaces/n",
        {{"location", where},
         {"properties",
          {{"ipConfigurations", {{{"name", "i"}, {"properties", {{"subnet", {{"id", subnet_id}}}}}}}}}}});
  };
  const auto real = in_group("Microsoft.Network/virtualNetworks/production-eastus-vnet/subnets/default");
  EXPECT_EQ(refusal(nic("eastus", real + "x")), "400 InvalidResourceReference");
  EXPECT_EQ(refusal(nic("westus2", real)), "400 InvalidResourceReference");
  EXPECT_EQ(nic("eastus", real).status, 201);
}

// An address belongs to one NIC; a Standard one is static.
TEST_F(NetworksContractTest, PublicAddressBelongsToOneNic) {
  const json dynamic = {{"location", "eastus"},
                        {"sku", {{"name", "Standard"}}},
                        {"properties", {{"publicIPAllocationMethod", "Dynamic"}}}};
  EXPECT_EQ(sim_.network("PUT", "publicIPAddresses/p", dynamic).status, 400);
  const json config = {
      {"name", "i"},
      {"properties",
       {{"subnet",
         {{"id", in_group("Microsoft.Network/virtualNetworks/production-eastus-vnet/subnets/default")}}},
        {"publicIPAddress", {{"id", in_group("Microsoft.Network/publicIPAddresses/prod-app-vm-ip")}}}}}};
  const auto reply = sim_.network("PUT", "networkInterfaces/n",
                                  {{"location", "eastus"}, {"properties", {{"ipConfigurations", {config}}}}});
  EXPECT_EQ(refusal(reply), "400 PublicIPAddressInUse");
}

// "(priority 100–4096)"; no two rules of one direction share a priority.
TEST_F(NetworksContractTest, SecurityRulesAreChecked) {
  const auto put = [&](const json& rules) {
    return sim_.network("PUT", "networkSecurityGroups/g",
                        {{"location", "eastus"}, {"properties", {{"securityRules", rules}}}});
  };
  EXPECT_EQ(put(json::array({rule("low", 99)})).error_code(), "SecurityRuleInvalidPriority");
  EXPECT_EQ(put(json::array({rule("high", 4097)})).error_code(), "SecurityRuleInvalidPriority");
  EXPECT_EQ(put(json::array({rule("a", 100), rule("b", 100)})).error_code(), "SecurityRuleConflict");
  EXPECT_EQ(put(json::array({rule("a", 100), rule("b", 100, "Outbound")})).status, 201);
}

// A security rule is a resource of its own, too: PUT, GET, list and DELETE, with the checks of its group.
TEST_F(NetworksContractTest, SecurityRulesAreChildResources) {
  const std::string group = "networkSecurityGroups/g", rules = group + "/securityRules";
  EXPECT_EQ(sim_.network("PUT", rules + "/a", rule("", 100)).status, 404);
  sim_.finish(sim_.network("PUT", group, {{"location", "eastus"}, {"properties", json::object()}}));
  const auto made = sim_.network("PUT", rules + "/a", rule("", 100));
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(sim_.finish(made).json()["status"], "Succeeded");
  EXPECT_EQ(sim_.network("PUT", rules + "/A", rule("", 110)).status, 200);
  const auto read = sim_.network("GET", rules + "/a").json();
  EXPECT_EQ(read["id"], in_group("Microsoft.Network/" + rules + "/a"));
  EXPECT_EQ(read["properties"]["priority"], 110);
  EXPECT_EQ(read["properties"]["provisioningState"], "Succeeded");
  EXPECT_EQ(sim_.network("PUT", rules + "/b", rule("", 110)).error_code(), "SecurityRuleConflict");
  EXPECT_EQ(sim_.network("PUT", rules + "/b", rule("", 99)).error_code(), "SecurityRuleInvalidPriority");
  EXPECT_EQ(sim_.network("GET", rules).json()["value"].size(), 1u);
  EXPECT_EQ(sim_.network("GET", group).json()["properties"]["securityRules"].size(), 1u);
  EXPECT_EQ(sim_.finish(sim_.network("DELETE", rules + "/a")).json()["status"], "Succeeded");
  EXPECT_EQ(sim_.network("GET", rules + "/a").status, 404);
  EXPECT_EQ(sim_.network("DELETE", rules + "/a").status, 204);
}

// "needs agent and outbound 443": Run Command behind a rule that lets nothing out, or in a private subnet,
// fails in the operation; a rule for AzureCloud above it opens the way.
TEST_F(NetworksContractTest, RunCommandNeedsAWayOut) {
  const auto run = [&] {
    const auto started =
        sim_.act("my-vm", "runCommand", {{"commandId", "RunShellScript"}, {"script", {"hostname"}}});
    const auto document = sim_.arm("GET", started.header("azure-asyncoperation")).json();
    return document["status"] == "Failed" ? document["error"]["code"] : document["status"];
  };
  const auto rules = [&](const json& list) {
    sim_.network("PUT", "networkSecurityGroups/production-eastus-nsg",
                 {{"location", "eastus"}, {"properties", {{"securityRules", list}}}});
  };
  EXPECT_EQ(run(), "Succeeded");
  rules(json::array({rule("closed", 200, "Outbound", "Deny", "Internet")}));
  EXPECT_EQ(run(), "VMAgentStatusCommunicationError");
  rules(json::array({rule("closed", 200, "Outbound", "Deny", "Internet"),
                     rule("azure", 100, "Outbound", "Allow", "AzureCloud")}));
  EXPECT_EQ(run(), "Succeeded");
  auto closed = subnet("default", "10.0.0.0/16");
  closed["properties"]["defaultOutboundAccess"] = false;
  sim_.network("PUT", "virtualNetworks/production-eastus-vnet/subnets/default", closed);
  EXPECT_EQ(run(), "VMAgentStatusCommunicationError");
}

// A peering is Initiated until the other side has one, too; networks that overlap are not peered.
TEST_F(NetworksContractTest, PeeringsConnectFromBothSides) {
  for (const auto& [name, prefix] :
       {std::pair{"a", "10.50.0.0/16"}, {"b", "10.51.0.0/16"}, {"c", "10.50.128.0/17"}})
    sim_.network("PUT", std::string("virtualNetworks/") + name, vnet(prefix, json::array()));
  const auto to = [](const char* name) {
    return json{{"properties",
                 {{"remoteVirtualNetwork",
                   {{"id", in_group(std::string("Microsoft.Network/virtualNetworks/") + name)}}}}}};
  };
  const auto made = sim_.network("PUT", "virtualNetworks/a/virtualNetworkPeerings/p", to("b"));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.json()["properties"]["peeringState"], "Initiated");
  EXPECT_EQ(sim_.network("PUT", "virtualNetworks/b/virtualNetworkPeerings/q", to("a"))
                .json()["properties"]["peeringState"],
            "Connected");
  EXPECT_EQ(sim_.network("GET", "virtualNetworks/a/virtualNetworkPeerings")
                .json()["value"][0]["properties"]["peeringState"],
            "Connected");
  EXPECT_EQ(refusal(sim_.network("PUT", "virtualNetworks/a/virtualNetworkPeerings/r", to("c"))),
            "400 VnetAddressSpacesOverlap");
  sim_.network("PUT", "virtualNetworks/a", vnet("10.50.0.0/16", json::array()));
  EXPECT_EQ(sim_.network("GET", "virtualNetworks/a").json()["properties"]["virtualNetworkPeerings"].size(),
            1U);
  EXPECT_EQ(sim_.network("DELETE", "virtualNetworks/b/virtualNetworkPeerings/q").status, 202);
  EXPECT_EQ(
      sim_.network("GET", "virtualNetworks/a/virtualNetworkPeerings/p").json()["properties"]["peeringState"],
      "Disconnected");
  // A Disconnected side says anew that it wants the peering before the other one can.
  const auto again = sim_.network("PUT", "virtualNetworks/b/virtualNetworkPeerings/q", to("a"));
  EXPECT_EQ(refusal(again), "400 RemotePeeringIsDisconnected");
  EXPECT_THAT(
      again.json()["error"]["message"].get<std::string>(),
      ::testing::StartsWith("Cannot create or update peering " +
                            in_group("Microsoft.Network/virtualNetworks/b/virtualNetworkPeerings/q") +
                            " because remote peering " +
                            in_group("Microsoft.Network/virtualNetworks/a/virtualNetworkPeerings/p")));
  EXPECT_EQ(refusal(sim_.network("GET", "virtualNetworks/b/virtualNetworkPeerings/q")), "404 NotFound");
  const auto state = [&](const char* side, const char* other) {
    return sim_.network("PUT", std::string("virtualNetworks/") + side, to(other))
        .json()["properties"]["peeringState"];
  };
  EXPECT_EQ(state("a/virtualNetworkPeerings/p", "b"), "Initiated");
  EXPECT_EQ(state("b/virtualNetworkPeerings/q", "a"), "Connected");
  // So is one whose network goes.
  sim_.finish(sim_.network("DELETE", "virtualNetworks/b"));
  EXPECT_EQ(
      sim_.network("GET", "virtualNetworks/a/virtualNetworkPeerings/p").json()["properties"]["peeringState"],
      "Disconnected");
}

TEST_F(NetworksContractTest, NamesAreChecked) {
  const std::string longest(64, 'v'), space = "10.60.0.0/16";
  for (const std::string& name : {std::string("-v"), std::string("v-"), std::string("v!"), longest + "v"})
    EXPECT_EQ(refusal(sim_.network("PUT", "virtualNetworks/" + name, vnet(space, json::array()))),
              "400 InvalidResourceName")
        << name;
  EXPECT_EQ(sim_.network("PUT", "virtualNetworks/" + longest, vnet(space, json::array())).status, 201);
  EXPECT_EQ(refusal(sim_.network("PUT", "virtualNetworks/" + longest + "/subnets/s.",
                                 {{"properties", {{"addressPrefix", "10.60.0.0/24"}}}})),
            "400 InvalidResourceName");
  EXPECT_EQ(sim_.network("PUT", "virtualNetworks/" + longest + "/subnets/s_",
                         {{"properties", {{"addressPrefix", "10.60.0.0/24"}}}})
                .status,
            201);
}

// A name for an address is free until an address of the region has it.
TEST_F(NetworksContractTest, DnsNamesAreFreeOnce) {
  const auto free = [&](const std::string& label) {
    return sim_
        .arm("GET", std::string(kSubscription) +
                        "/providers/Microsoft.Network/locations/eastus/CheckDnsNameAvailability"
                        "?api-version=2023-09-01&domainNameLabel=" +
                        label)
        .json()["available"];
  };
  EXPECT_EQ(free("shop"), true);
  sim_.finish(sim_.network(
      "PUT", "publicIPAddresses/named",
      {{"location", "eastus"},
       {"sku", {{"name", "Standard"}}},
       {"properties",
        {{"publicIPAllocationMethod", "Static"}, {"dnsSettings", {{"domainNameLabel", "shop"}}}}}}));
  EXPECT_EQ(free("SHOP"), false);
}

// An id of another type is not found where a network, a security group, a route table or an address belongs.
TEST_F(NetworksContractTest, ReferencesAreOfTheirType) {
  sim_.network("PUT", "networkSecurityGroups/n", {{"location", "eastus"}, {"properties", json::object()}});
  sim_.network("PUT", "virtualNetworks/v", vnet("10.1.0.0/16", json::array({subnet("a", "10.1.0.0/24")})));
  const json group = {{"id", in_group("Microsoft.Network/networkSecurityGroups/n")}},
             net = {{"id", in_group("Microsoft.Network/virtualNetworks/v")}},
             inside = {{"id", net["id"].get<std::string>() + "/subnets/a"}},
             strange = {{"id", group["id"].get<std::string>() + "/subnets/a"}};
  const auto put = [&](const std::string& what, const json& properties) {
    return refusal(sim_.network("PUT", what, {{"location", "eastus"}, {"properties", properties}}));
  };
  const auto nic = [&](const json& config, const json& security) {
    json properties = {{"ipConfigurations", {{{"name", "c"}, {"properties", config}}}}};
    if (!security.is_null()) properties["networkSecurityGroup"] = security;
    return put("networkInterfaces/odd", properties);
  };
  const std::string refused = "400 InvalidResourceReference";
  EXPECT_EQ(put("virtualNetworks/v/virtualNetworkPeerings/p", {{"remoteVirtualNetwork", group}}), refused);
  EXPECT_EQ(
      put("virtualNetworks/v/subnets/b", {{"addressPrefix", "10.1.1.0/24"}, {"networkSecurityGroup", net}}),
      refused);
  EXPECT_EQ(put("virtualNetworks/v/subnets/b", {{"addressPrefix", "10.1.1.0/24"}, {"routeTable", group}}),
            refused);
  EXPECT_EQ(nic({{"subnet", inside}}, net), refused);
  EXPECT_EQ(nic({{"subnet", inside}, {"publicIPAddress", group}}, nullptr), refused);
  EXPECT_EQ(nic({{"subnet", strange}}, nullptr), refused);
  EXPECT_EQ(nic({{"subnet", inside}}, group), "201 ");
}

// If-Match of a security rule is its own ETag.
TEST_F(NetworksContractTest, RulesHaveEtags) {
  sim_.network("PUT", "networkSecurityGroups/n", {{"location", "eastus"}, {"properties", json::object()}});
  sim_.network("PUT", "networkSecurityGroups/n/securityRules/r", rule("r", 200));
  const auto put = [&](const std::string& etag) {
    return http_call("PUT",
                     sim_.url() + in_group("Microsoft.Network/networkSecurityGroups/n/securityRules/r") +
                         "?api-version=2023-09-01",
                     rule("r", 201).dump(),
                     {{"Authorization", "Bearer " + sim_.token()},
                      {"Content-Type", "application/json"},
                      {"If-Match", etag}});
  };
  EXPECT_EQ(refusal(put("W/\"other\"")), "412 PreconditionFailed");
  EXPECT_EQ(put(sim_.network("GET", "networkSecurityGroups/n/securityRules/r").json()["etag"]).status, 200);
}

// A subnet's first four addresses and its last are Azure's.
TEST_F(NetworksContractTest, AddressesAreAskedFor) {
  sim_.network("PUT", "virtualNetworks/v", vnet("10.1.0.0/16", json::array({subnet("a", "10.1.0.0/24")})));
  const auto ask = [&](const std::string& address) {
    return sim_
        .arm("GET", in_group("Microsoft.Network/virtualNetworks/v/CheckIPAddressAvailability") +
                        "?api-version=2023-09-01&ipAddress=" + address)
        .json();
  };
  EXPECT_EQ(ask("10.1.0.9")["available"], true);
  EXPECT_EQ(ask("10.1.0.1")["available"], false);
  EXPECT_EQ(ask("10.1.0.1")["availableIPAddresses"][0], "10.1.0.4");
}

// Effective rules and routes need a running VM behind the NIC.
TEST_F(NetworksContractTest, EffectiveRulesAndRoutes) {
  const std::string nic = "networkInterfaces/vm1-nic/";
  const auto rules = sim_.finish(sim_.network("POST", nic + "effectiveNetworkSecurityGroups")).json();
  EXPECT_EQ(rules["status"], "Succeeded");
  ASSERT_FALSE(rules["properties"]["output"]["value"].empty());
  EXPECT_FALSE(rules["properties"]["output"]["value"][0]["effectiveSecurityRules"].empty());
  const auto routes = sim_.finish(sim_.network("POST", nic + "effectiveRouteTable")).json();
  EXPECT_EQ(routes["properties"]["output"]["value"][0]["nextHopType"], "VnetLocal");
  EXPECT_EQ(sim_.network("GET", nic + "ipConfigurations").json()["value"].size(), 1U);
  sim_.finish(sim_.act("vm1", "deallocate"));
  EXPECT_EQ(refusal(sim_.network("POST", nic + "effectiveRouteTable")), "400 NicMustBeAttachedToRunningVm");
}

}  // namespace
}  // namespace azlin::test
