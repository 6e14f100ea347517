// Resources around VMs and networks that are kept as stated; lists and refusals of what the cloud does not
// offer.
#include "contract/vm_support.hpp"

namespace azlin::test {
namespace {

class PlainResourcesContractTest : public ::testing::Test {
 protected:
  HttpReply compute(const std::string& method, const std::string& path, const json& body = nullptr,
                    const std::string& version = "2026-04-01") {
    return sim_.arm(method, in_group("Microsoft.Compute/" + path) + "?api-version=" + version, body);
  }
  HttpReply gallery(const std::string& method, const std::string& path, const json& body = nullptr) {
    return compute(method, "galleries/" + path, body, "2025-12-03");
  }
  static std::string refusal(const HttpReply& reply) {
    return fmt::format("{} {}", reply.status, reply.error_code());
  }
  static json here(const json& properties = json::object()) {
    return {{"location", "eastus"}, {"properties", properties}};
  }
  // A VM of a copy of vm1's OS disk, made of `more`.
  void make_vm(const std::string& name, const json& more) {
    sim_.copy_os_disk("vm1", name);
    sim_.make_nic(name + "-nic");
    auto body = sim_.attach_body(name, name + "-nic");
    body.merge_patch(more);
    sim_.finish(sim_.vm("PUT", name, body));
  }
  VmSimulator sim_;
};

// PUT 200; GET; PATCH replaces tags; DELETE 200, then 204; the set lists its VMs and cannot go before them.
TEST_F(PlainResourcesContractTest, AvailabilitySetHoldsVms) {
  const auto made = compute("PUT", "availabilitySets/set", here({{"platformFaultDomainCount", 2}}));
  EXPECT_EQ(made.status, 200);
  EXPECT_EQ(made.json()["properties"]["platformUpdateDomainCount"], 5);
  EXPECT_EQ(made.json()["sku"]["name"], "Classic");
  EXPECT_EQ(compute("PATCH", "availabilitySets/set", {{"tags", {{"a", "b"}}}}).json()["tags"]["a"], "b");
  make_vm("in-set", {{"properties",
                      {{"availabilitySet", {{"id", in_group("Microsoft.Compute/availabilitySets/SET")}}}}}});
  EXPECT_EQ(sim_.vm_body("in-set")["properties"]["availabilitySet"]["id"],
            in_group("Microsoft.Compute/availabilitySets/set"));
  EXPECT_EQ(compute("GET", "availabilitySets/set").json()["properties"]["virtualMachines"][0]["id"],
            sim_.vm_id("in-set"));
  EXPECT_EQ(compute("GET", "availabilitySets").json()["value"][0]["properties"]["virtualMachines"].size(),
            1U);
  EXPECT_EQ(refusal(compute("DELETE", "availabilitySets/set")), "409 OperationNotAllowed");
  sim_.finish(sim_.vm("DELETE", "in-set"));
  EXPECT_EQ(compute("DELETE", "availabilitySets/set").status, 200);
  EXPECT_EQ(compute("DELETE", "availabilitySets/set").status, 204);
}

TEST_F(PlainResourcesContractTest, DomainCountsAreChecked) {
  EXPECT_EQ(refusal(compute("PUT", "availabilitySets/set", here({{"platformFaultDomainCount", 4}}))),
            "400 InvalidParameter");
  EXPECT_EQ(refusal(compute("PUT", "availabilitySets/set", here({{"platformUpdateDomainCount", 21}}))),
            "400 InvalidParameter");
  EXPECT_EQ(refusal(compute("PUT", "availabilitySets/set", {{"properties", json::object()}})),
            "400 LocationRequired");
}

// principalId and tenantId are Azure's to give; an identity of a user must exist; a PATCH to None takes it
// away.
TEST_F(PlainResourcesContractTest, VmsHaveIdentities) {
  make_vm("with-identity", {{"identity", {{"type", "SystemAssigned"}}}});
  const auto identity = sim_.vm_body("with-identity")["identity"];
  EXPECT_EQ(identity["tenantId"], "11111111-1111-1111-1111-111111111111");
  EXPECT_EQ(identity["principalId"].get<std::string>().size(), 36U);
  const auto user = in_group("Microsoft.ManagedIdentity/userAssignedIdentities/me");
  const json both = {
      {"identity",
       {{"type", "SystemAssigned, UserAssigned"}, {"userAssignedIdentities", {{user, json::object()}}}}}};
  EXPECT_EQ(refusal(sim_.vm("PATCH", "with-identity", both)), "400 FailedIdentityOperation");
  EXPECT_EQ(sim_.arm("PUT", user + "?api-version=2024-11-30", {{"location", "eastus"}}).status, 201);
  sim_.finish(sim_.vm("PATCH", "with-identity", both));
  const auto assigned = sim_.vm_body("with-identity")["identity"];
  EXPECT_EQ(assigned["type"], "SystemAssigned, UserAssigned");
  EXPECT_EQ(assigned["userAssignedIdentities"].begin().value()["clientId"],
            sim_.arm("GET", user + "?api-version=2024-11-30").json()["properties"]["clientId"]);
  const auto other = in_group("Microsoft.ManagedIdentity/userAssignedIdentities/other");
  EXPECT_EQ(sim_.arm("PUT", other + "?api-version=2024-11-30", {{"location", "eastus"}}).status, 201);
  const auto change = [&](const std::string& id, const json& value) {
    sim_.finish(
        sim_.vm("PATCH", "with-identity",
                {{"identity",
                  {{"type", "SystemAssigned, UserAssigned"}, {"userAssignedIdentities", {{id, value}}}}}}));
    return sim_.vm_body("with-identity")["identity"]["userAssignedIdentities"];
  };
  EXPECT_EQ(change(other, json::object()).size(), 2U);
  // null takes one away; the case of its id does not matter
  const auto left = change(in_group("microsoft.managedidentity/USERASSIGNEDIDENTITIES/Me"), nullptr);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left.begin().key(), other);
  sim_.finish(sim_.vm("PATCH", "with-identity", {{"identity", {{"type", "None"}}}}));
  EXPECT_FALSE(sim_.vm_body("with-identity").contains("identity"));
  EXPECT_EQ(sim_.arm("DELETE", user + "?api-version=2024-11-30").status, 200);
}

// "Capturing a VM requires it to be generalized"; a generalized VM does not start again.
TEST_F(PlainResourcesContractTest, ImagesAreOfGeneralizedVms) {
  const auto image = here({{"sourceVirtualMachine", {{"id", sim_.vm_id("vm1")}}}});
  EXPECT_EQ(refusal(compute("PUT", "images/i", image)), "409 OperationNotAllowed");
  EXPECT_EQ(refusal(sim_.act("vm1", "generalize")), "409 OperationNotAllowed");
  sim_.finish(sim_.act("vm1", "deallocate"));
  EXPECT_EQ(sim_.act("vm1", "generalize").status, 200);
  EXPECT_EQ(refusal(sim_.act("vm1", "start")), "409 OperationNotAllowed");
  const auto made = compute("PUT", "images/i", image);
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.json()["properties"]["storageProfile"]["osDisk"]["osState"], "Generalized");
  EXPECT_EQ(sim_.finish(compute("DELETE", "images/i")).json()["status"], "Succeeded");
  EXPECT_EQ(compute("GET", "images/i").error_code(), "ResourceNotFound");
}

// Gallery, definition, version: each needs the one above it, and goes only when nothing is below it.
TEST_F(PlainResourcesContractTest, GalleriesNest) {
  const auto definition = here({{"osType", "linux"},
                                {"osState", "Generalized"},
                                {"identifier", {{"publisher", "p"}, {"offer", "o"}, {"sku", "s"}}}});
  EXPECT_EQ(refusal(gallery("PUT", "g/images/i", definition)), "404 ParentResourceNotFound");
  EXPECT_EQ(gallery("PUT", "g", here()).status, 201);
  EXPECT_EQ(refusal(gallery("PUT", "g/images/i", here())), "400 InvalidParameter");
  EXPECT_EQ(gallery("PUT", "g/images/i", definition).json()["properties"]["osType"], "Linux");
  sim_.copy_os_disk("vm1", "source");
  const auto version =
      here({{"storageProfile",
             {{"osDiskImage", {{"source", {{"id", in_group("Microsoft.Compute/snapshots/source")}}}}}}}});
  EXPECT_EQ(refusal(gallery("PUT", "g/images/i/versions/one", version)), "400 InvalidParameter");
  EXPECT_EQ(gallery("PUT", "g/images/i/versions/1.0.0", version).status, 201);
  EXPECT_EQ(gallery("GET", "g/images/i/versions").json()["value"][0]["name"], "1.0.0");
  EXPECT_EQ(refusal(gallery("DELETE", "g")), "409 CannotDeleteResource");
  sim_.finish(gallery("DELETE", "g/images/i/versions/1.0.0"));
  sim_.finish(gallery("DELETE", "g/images/i"));
  EXPECT_EQ(sim_.finish(gallery("DELETE", "g")).json()["status"], "Succeeded");
}

// "The Resource 'Microsoft.Compute/galleries/g/images/i' under resource group 'rg' was not found."
TEST_F(PlainResourcesContractTest, MissingChildrenAreNamedWithTheirParents) {
  EXPECT_THAT(
      gallery("GET", "g/images/i").json()["error"]["message"].get<std::string>(),
      ::testing::HasSubstr("'Microsoft.Compute/galleries/g/images/i' under resource group 'Production'"));
}

// What Azure has and this cloud does not: nothing is there, and nothing can be made.
TEST_F(PlainResourcesContractTest, ScaleSetsAreNotOffered) {
  EXPECT_EQ(compute("GET", "virtualMachineScaleSets").json()["value"], json::array());
  EXPECT_EQ(refusal(compute("GET", "virtualMachineScaleSets/s")), "404 ResourceNotFound");
  EXPECT_EQ(compute("DELETE", "virtualMachineScaleSets/s").status, 204);
  EXPECT_EQ(refusal(compute("PUT", "virtualMachineScaleSets/s", here())), "409 OperationNotAllowed");
}

// A route is a resource of its own and a part of its table; the table cannot go while a subnet uses it.
TEST_F(PlainResourcesContractTest, RoutesArePartsOfTheirTable) {
  const json route = {{"properties", {{"addressPrefix", "0.0.0.0/0"}, {"nextHopType", "Internet"}}}};
  sim_.network("PUT", "routeTables/t", here());
  EXPECT_EQ(sim_.network("PUT", "routeTables/t/routes/r", route).status, 201);
  EXPECT_EQ(sim_.network("GET", "routeTables/t").json()["properties"]["routes"][0]["name"], "r");
  EXPECT_EQ(sim_.network("GET", "routeTables/t/routes").json()["value"].size(), 1U);
  EXPECT_EQ(sim_.network("DELETE", "routeTables/t/routes/r").status, 202);
  EXPECT_EQ(refusal(sim_.network("GET", "routeTables/t/routes/r")), "404 NotFound");
  const auto table = in_group("Microsoft.Network/routeTables/t");
  sim_.network(
      "PUT", "virtualNetworks/v",
      here({{"addressSpace", {{"addressPrefixes", {"10.9.0.0/16"}}}},
            {"subnets",
             {{{"name", "a"},
               {"properties", {{"addressPrefix", "10.9.0.0/24"}, {"routeTable", {{"id", table}}}}}}}}}));
  const auto refused = sim_.network("DELETE", "routeTables/t");
  EXPECT_EQ(refusal(refused), "400 InUseRouteTableCannotBeDeleted");
  EXPECT_EQ(refused.json()["error"]["message"], "Route table t is in use and cannot be deleted.");
}

// "NAT Gateway … is still configured on 2 subnets."
TEST_F(PlainResourcesContractTest, NatGatewaysOfSubnetsStay) {
  sim_.network("PUT", "natGateways/n", here());
  const auto id = in_group("Microsoft.Network/natGateways/n");
  const auto subnet = [&](const char* name, const char* prefix) {
    return json{{"name", name}, {"properties", {{"addressPrefix", prefix}, {"natGateway", {{"id", id}}}}}};
  };
  json vnet = here({{"addressSpace", {{"addressPrefixes", {"10.9.0.0/16"}}}},
                    {"subnets", {subnet("a", "10.9.0.0/24"), subnet("b", "10.9.1.0/24")}}});
  sim_.finish(sim_.network("PUT", "virtualNetworks/v", vnet));
  const auto refused = sim_.network("DELETE", "natGateways/n");
  EXPECT_EQ(refusal(refused), "400 CannotDeleteNatGatewayAssociatedToSubnet");
  EXPECT_EQ(refused.json()["error"]["message"],
            "NAT Gateway " + id +
                " is still configured on 2 subnets. Remove NAT Gateway from all referenced subnets and then "
                "delete NAT Gateway.");
  sim_.finish(sim_.network("DELETE", "virtualNetworks/v"));
  EXPECT_EQ(sim_.network("DELETE", "natGateways/n").status, 202);
}

// What is assigned as an identity is one; Azure gives the states of resources, not their bodies.
TEST_F(PlainResourcesContractTest, OnlyIdentitiesAreAssigned) {
  const json body = {{"identity",
                      {{"type", "UserAssigned"},
                       {"userAssignedIdentities", {{sim_.disk_id("vm1_OsDisk"), json::object()}}}}}};
  EXPECT_EQ(refusal(sim_.vm("PATCH", "vm1", body)), "400 FailedIdentityOperation");
  const auto set = compute("PUT", "availabilitySets/set", here({{"provisioningState", "Updating"}}));
  EXPECT_EQ(set.status, 200);
  EXPECT_FALSE(set.json()["properties"].contains("provisioningState"));
}

// az vm list-vm-resize-options; sizes with too few disks for the VM are left out.
TEST_F(PlainResourcesContractTest, SizesToResizeTo) {
  const auto sizes = sim_.arm("GET", sim_.vm_id("vm1") + "/vmSizes?api-version=2024-07-01").json()["value"];
  ASSERT_FALSE(sizes.empty());
  const auto least = [](const json& all) {
    int disks = 1'000;
    for (const auto& size : all) disks = std::min(disks, size["maxDataDiskCount"].get<int>());
    return disks;
  };
  EXPECT_EQ(least(sizes), 2);
  json disks = json::array();
  for (int lun = 0; lun < 3; ++lun) {
    const auto name = fmt::format("data{}", lun);
    sim_.empty_disk(name, 4);
    disks.push_back(
        {{"lun", lun}, {"createOption", "Attach"}, {"managedDisk", {{"id", sim_.disk_id(name)}}}});
  }
  make_vm("wide", {{"properties", {{"storageProfile", {{"dataDisks", disks}}}}}});
  const auto wider = sim_.arm("GET", sim_.vm_id("wide") + "/vmSizes?api-version=2024-07-01").json()["value"];
  ASSERT_FALSE(wider.empty());
  EXPECT_EQ(least(wider), 4);
  EXPECT_EQ(refusal(sim_.arm("GET", sim_.vm_id("none") + "/vmSizes?api-version=2024-07-01")),
            "404 ResourceNotFound");
}

// A managed run command keeps what its script printed; `$expand=instanceView` shows it.
TEST_F(PlainResourcesContractTest, ManagedRunCommandsKeepTheirOutput) {
  const std::string path = "virtualMachines/vm1/runCommands/hello";
  const auto made = compute("PUT", path, here({{"source", {{"script", "echo hello"}}}}));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(sim_.finish(made).json()["status"], "Succeeded");
  const auto shown =
      sim_.arm("GET", in_group("Microsoft.Compute/" + path) + "?api-version=2026-04-01&$expand=instanceView");
  EXPECT_EQ(shown.json()["properties"]["instanceView"]["output"], "hello\n");
  EXPECT_EQ(shown.json()["properties"]["instanceView"]["executionState"], "Succeeded");
  EXPECT_EQ(compute("GET", "virtualMachines/vm1/runCommands").json()["value"].size(), 1U);
  EXPECT_EQ(refusal(compute("PUT", path, here())), "400 InvalidParameter");
}

// PATCH of a restore point collection takes tags; its source stays.
TEST_F(PlainResourcesContractTest, RestorePointCollectionsTakeTags) {
  compute("PUT", "restorePointCollections/c", here({{"source", {{"id", sim_.vm_id("vm1")}}}}));
  EXPECT_EQ(compute("PATCH", "restorePointCollections/c", {{"tags", {{"a", "b"}}}}).json()["tags"]["a"], "b");
  EXPECT_EQ(refusal(compute("PATCH", "restorePointCollections/c",
                            {{"properties", {{"source", {{"id", sim_.vm_id("my-vm")}}}}}})),
            "409 PropertyChangeNotAllowed");
  EXPECT_EQ(refusal(compute("PATCH", "restorePointCollections/none", {{"tags", json::object()}})),
            "404 ResourceNotFound");
}

// The pair is made once; the private half is never given out again.
TEST_F(PlainResourcesContractTest, SshKeysAreMadeOnce) {
  compute("PUT", "sshPublicKeys/k", here());
  const auto made = compute("POST", "sshPublicKeys/k/generateKeyPair").json();
  EXPECT_THAT(made["publicKey"].get<std::string>(),
              ::testing::StartsWith("ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB"));
  EXPECT_THAT(made["privateKey"].get<std::string>(), ::testing::StartsWith("-----BEGIN PRIVATE KEY-----\n"));
  const auto kept = compute("GET", "sshPublicKeys/k").json()["properties"];
  EXPECT_EQ(kept, (json{{"publicKey", made["publicKey"]}}));
  EXPECT_EQ(refusal(compute("POST", "sshPublicKeys/k/generateKeyPair")), "409 OperationNotAllowed");
}

// A VM of a specialized image has the users of the image, none of its own.
TEST_F(PlainResourcesContractTest, SpecializedImagesBringTheirUsers) {
  sim_.copy_os_disk("vm1", "golden");
  gallery("PUT", "gal", here());
  gallery("PUT", "gal/images/def",
          here({{"osType", "Linux"},
                {"osState", "Specialized"},
                {"hyperVGeneration", "V2"},
                {"identifier", {{"publisher", "p"}, {"offer", "o"}, {"sku", "s"}}}}));
  gallery("PUT", "gal/images/def/versions/1.0.0",
          here({{"storageProfile",
                 {{"osDiskImage", {{"source", {{"id", in_group("Microsoft.Compute/snapshots/golden")}}}}}}},
                {"publishingProfile", {{"targetRegions", {{{"name", "eastus"}}}}}}}));
  sim_.make_nic("made-nic");
  auto body = sim_.attach_body("golden", "made-nic");
  body["properties"]["storageProfile"] = {
      {"imageReference", {{"id", in_group("Microsoft.Compute/galleries/gal/images/def/versions/1.0.0")}}},
      {"osDisk", {{"createOption", "FromImage"}}}};
  body["properties"]["osProfile"] = {{"computerName", "made"}, {"adminUsername", "user"}};
  EXPECT_EQ(refusal(sim_.vm("PUT", "made", body)), "400 InvalidParameter");
  body["properties"].erase("osProfile");
  EXPECT_EQ(sim_.vm("PUT", "made", body).status, 201);
}

}  // namespace
}  // namespace azlin::test
