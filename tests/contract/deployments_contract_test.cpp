// Template deployments: preview, outputs, conditions, copies, operations.
#include "contract/vm_support.hpp"

namespace azlin::test {
namespace {

class DeploymentsContractTest : public ::testing::Test {
 protected:
  static std::string path(const std::string& name, const std::string& rest = "") {
    return in_group("Microsoft.Resources/deployments/" + name) + rest + "?api-version=2025-04-01";
  }
  static json disk(const std::string& name, int gb = 4) {
    return {{"type", "Microsoft.Compute/disks"},
            {"apiVersion", "2023-10-02"},
            {"name", name},
            {"location", "[resourceGroup().location]"},
            {"sku", {{"name", "Standard_LRS"}}},
            {"properties", {{"diskSizeGB", gb}, {"creationData", {{"createOption", "Empty"}}}}}};
  }
  static json body(const json& resources, const json& more = json::object()) {
    json form = {
        {"$schema", "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"},
        {"contentVersion", "1.0.0.0"},
        {"resources", resources}};
    form.update(more);
    return {{"properties", {{"mode", "Incremental"}, {"template", form}}}};
  }
  json deploy(const std::string& name, const json& what) {
    sim_.finish(sim_.arm("PUT", path(name), what));
    return sim_.arm("GET", path(name)).json()["properties"];
  }
  static std::string refusal(const HttpReply& reply) {
    return fmt::format("{} {}", reply.status, reply.error_code());
  }
  VmSimulator sim_;
};

// Outputs are read when all is there: reference(), uniqueString(), format().
TEST_F(DeploymentsContractTest, OutputsAreResolved) {
  const json more = {
      {"parameters",
       {{"name", {{"type", "string"}, {"defaultValue", "made"}}},
        {"size", {{"type", "int"}, {"defaultValue", 8}}}}},
      {"variables", {{"full", "[format('{0}-{1}', parameters('name'), 'disk')]"}}},
      {"outputs",
       {{"id", {{"type", "string"}, {"value", "[resourceId('Microsoft.Compute/disks', variables('full'))]"}}},
        {"size", {{"type", "int"}, {"value", "[reference(variables('full')).diskSizeGB]"}}},
        {"skipped", {{"type", "string"}, {"condition", "[equals(1, 2)]"}, {"value", "x"}}}}}};
  json made = disk("[variables('full')]");
  made["properties"]["diskSizeGB"] = "[parameters('size')]";
  const auto done = deploy("d", body(json::array({made}), more));
  EXPECT_EQ(done["provisioningState"], "Succeeded");
  EXPECT_EQ(done["outputs"]["id"]["value"], sim_.disk_id("made-disk"));
  EXPECT_EQ(done["outputs"]["size"]["value"], 8);
  EXPECT_FALSE(done["outputs"].contains("skipped"));
  EXPECT_EQ(done["parameters"]["name"]["value"], "made");
  EXPECT_EQ(done["outputResources"][0]["id"], sim_.disk_id("made-disk"));
  const auto operations = sim_.arm("GET", path("d", "/operations")).json()["value"];
  ASSERT_EQ(operations.size(), 1U);
  EXPECT_EQ(operations[0]["properties"]["targetResource"]["id"], sim_.disk_id("made-disk"));
  EXPECT_EQ(sim_.arm("GET", std::string(kSubscription) +
                                "/resourcegroups/Production/deployments/d/operations?api-version=2021-04-01")
                .json()["value"]
                .size(),
            1U);
  EXPECT_EQ(sim_.arm("POST", path("d", "/exportTemplate")).json()["template"]["contentVersion"], "1.0.0.0");
}

TEST_F(DeploymentsContractTest, ConditionsAndCopies) {
  json never = disk("never"), copies = disk("[concat('copy', copyIndex(1))]");
  never["condition"] = "[equals('a', 'b')]";
  never["copy"] = {{"name", "nevers"}, {"count", 2}};
  copies["copy"] = {{"name", "disks"}, {"count", 2}};
  deploy("d", body(json::array({never, copies})));
  EXPECT_EQ(sim_.disk("GET", "never").status, 404);
  EXPECT_EQ(sim_.disk("GET", "copy1").status, 200);
  EXPECT_EQ(sim_.disk("GET", "copy2").status, 200);
}

// Subnets and rules are kept in their parents; as resources of a template they are waited for all the same.
TEST_F(DeploymentsContractTest, ChildrenOfNetworksAreResources) {
  const json vnet = {{"type", "Microsoft.Network/virtualNetworks"},
                     {"apiVersion", "2023-09-01"},
                     {"name", "own"},
                     {"location", "[resourceGroup().location]"},
                     {"properties", {{"addressSpace", {{"addressPrefixes", {"10.9.0.0/16"}}}}}}};
  const json subnet = {{"type", "Microsoft.Network/virtualNetworks/subnets"},
                       {"apiVersion", "2023-09-01"},
                       {"name", "own/first"},
                       {"dependsOn", {"[resourceId('Microsoft.Network/virtualNetworks', 'own')]"}},
                       {"properties", {{"addressPrefix", "10.9.1.0/24"}}}};
  const auto done = deploy("d", body(json::array({subnet, vnet})));
  EXPECT_EQ(done["provisioningState"], "Succeeded") << done;
  EXPECT_EQ(done["outputResources"].size(), 2u);
}

// Of an "if" only the branch that it takes is evaluated, so the other may name what is not there.
TEST_F(DeploymentsContractTest, OneBranchOfAnIfIsEvaluated) {
  const auto text = [](const char* value) { return json{{"type", "string"}, {"value", value}}; };
  const json outputs = {
      {"first", text("[if(equals(1, 1), 'a', parameters('missing')[0].name)]")},
      {"second", text("[if(not(true()), reference('none').x['it''s, ('], concat('b', 'c'))]")},
      {"nested", text("[if(true(), if(false(), createArray()[7], 'd'), if(true(), variables('no'), 'e'))]")}};
  const auto done = deploy("d", body(json::array(), {{"outputs", outputs}}));
  EXPECT_EQ(done["provisioningState"], "Succeeded") << done;
  EXPECT_EQ(done["outputs"]["first"]["value"], "a");
  EXPECT_EQ(done["outputs"]["second"]["value"], "bc");
  EXPECT_EQ(done["outputs"]["nested"]["value"], "d");
  for (const char* bad : {"[if(true(), 'a', concat('b')]", "[if(true(), 'a', parameters('x')..y)]",
                          "[if('yes', 'a', 'b')]", "[if(true())]", "[createArray('a')[1]]"})
    EXPECT_EQ(refusal(sim_.arm("POST", path("d", "/validate"), body(json::array({disk(bad)})))),
              "400 InvalidTemplate")
        << bad;
}

// what-if: Create, Modify with its delta, NoChange, and Ignore for what the template does not name.
TEST_F(DeploymentsContractTest, WhatIfShowsChangesAndMakesNone) {
  sim_.empty_disk("there", 4);
  json changed = disk("there", 8);
  changed["sku"]["name"] = "Premium_LRS";
  const auto started = sim_.arm("POST", path("d", "/whatIf"), body(json::array({disk("fresh"), changed})));
  EXPECT_EQ(started.status, 202);
  EXPECT_FALSE(started.header("location").empty());
  const auto result = sim_.finish(started).json();
  EXPECT_EQ(result["status"], "Succeeded");
  std::map<std::string, json> by_id;
  for (const auto& change : result["properties"]["changes"]) by_id[change["resourceId"]] = change;
  EXPECT_EQ(by_id[sim_.disk_id("fresh")]["changeType"], "Create");
  EXPECT_EQ(by_id[sim_.disk_id("there")]["changeType"], "Modify");
  EXPECT_EQ(by_id[sim_.disk_id("there")]["delta"][0]["path"], "properties.diskSizeGB");
  EXPECT_EQ(by_id[sim_.vm_id("vm1")]["changeType"], "Ignore");
  EXPECT_EQ(sim_.disk("GET", "fresh").status, 404);
}

// Names of tags are no paths.
TEST_F(DeploymentsContractTest, WhatIfComparesMembersOfAnyName) {
  json there = {{"location", "eastus"},
                {"tags", {{"it~s", "a"}, {"other", "d"}}},
                {"sku", {{"name", "Standard_LRS"}}},
                {"properties", {{"diskSizeGB", 4}, {"creationData", {{"createOption", "Empty"}}}}}};
  sim_.finish(sim_.disk("PUT", "tagged", there));
  json wanted = disk("tagged");
  const auto change = [&](const json& tags) {
    wanted["tags"] = tags;
    const json result =
        sim_.finish(sim_.arm("POST", path("d", "/whatIf"), body(json::array({wanted})))).json();
    for (const auto& one : result["properties"]["changes"])
      if (one["resourceId"] == sim_.disk_id("tagged")) return one;
    return json();
  };
  EXPECT_EQ(change(there["tags"])["changeType"], "NoChange");
  const auto changed = change({{"it~s", "z"}});
  EXPECT_EQ(changed["changeType"], "Modify");
  EXPECT_EQ(changed["delta"][0]["path"], "tags.it~s");
}

TEST_F(DeploymentsContractTest, BadTemplatesAreRefused) {
  const auto validate = [&](const json& what) {
    return refusal(sim_.arm("POST", path("d", "/validate"), what));
  };
  EXPECT_EQ(validate(body(json::array({disk("[parameters('missing')]")}))), "400 InvalidTemplate");
  EXPECT_EQ(validate(body(json::array({disk("[concat('a']")}))), "400 InvalidTemplate");
  EXPECT_EQ(validate(body(json::array({disk("[-(]")}))), "400 InvalidTemplate");
  EXPECT_EQ(
      validate(body(json::array({disk("[variables('a')]")}), {{"variables", {{"a", "[variables('a')]"}}}})),
      "400 InvalidTemplate");
  EXPECT_EQ(validate(body(json::array({disk("[" + std::string(300, '(') + "]")}))), "400 InvalidTemplate");
  EXPECT_EQ(validate({{"properties", {{"mode", "Incremental"}}}}), "400 InvalidRequestContent");
  json unknown = body(json::array());
  unknown["properties"]["parameters"] = {{"x", {{"value", 1}}}};
  EXPECT_EQ(validate(unknown), "400 InvalidTemplate");
  EXPECT_EQ(refusal(sim_.arm("GET", path("none"))), "404 DeploymentNotFound");
  EXPECT_EQ(sim_.arm("HEAD", path("none")).status, 404);
}

// `az deployment` sends its template without quotes around "template", and templates have comments.
TEST_F(DeploymentsContractTest, TemplatesAreWrittenAsPeopleDo) {
  const std::string text =
      R"({"properties": {"mode": "Incremental", template: {/* a */ "contentVersion": '1.0.0.0', "resources": [], // end
      }}})";
  const auto reply =
      http_call("POST", sim_.url() + path("d", "/validate"), text,
                {{"Authorization", "Bearer " + sim_.token()}, {"Content-Type", "application/json"}});
  EXPECT_EQ(reply.status, 200) << reply.body;
}

// What a handler cannot read, or an output that is not there, fails the deployment and no request after it.
TEST_F(DeploymentsContractTest, WhatCannotBeReadFailsTheDeployment) {
  const json net = {{"type", "Microsoft.Network/virtualNetworks"},
                    {"apiVersion", "2023-09-01"},
                    {"name", "odd"},
                    {"location", "eastus"},
                    {"properties", {{"addressSpace", {{"addressPrefixes", {5}}}}}}};
  const auto odd = deploy("odd", body(json::array({net})));
  EXPECT_EQ(odd["provisioningState"], "Failed");
  EXPECT_EQ(odd["error"]["details"][0]["code"], "InvalidRequestContent");
  json more = {{"parameters", {{"list", {{"type", "array"}, {"defaultValue", {1, 2}}}}}},
               {"outputs", {{"x", {{"type", "int"}, {"value", "[parameters('list')[9]]"}}}}}};
  const auto outside = deploy("outside", body(json::array(), more));
  EXPECT_EQ(outside["provisioningState"], "Failed");
  EXPECT_EQ(outside["error"]["details"][0]["code"], "InvalidTemplate");
  more["outputs"] = {{"x", 5}};
  EXPECT_EQ(refusal(sim_.arm("PUT", path("refused"), body(json::array(), more))), "400 InvalidTemplate");
}

// A deployment's resources are checked as those of a client: policies and locks hold.
TEST_F(DeploymentsContractTest, PoliciesAndLocksHoldForItsResources) {
  const std::string assignment =
      in_group("Microsoft.Authorization/policyAssignments/owner") + "?api-version=2025-03-01";
  sim_.arm("PUT", assignment,
           {{"properties",
             {{"policyDefinitionId",
               "/providers/Microsoft.Authorization/policyDefinitions/871b6d14-10aa-478d-b590-94f262ecfa99"},
              {"parameters", {{"tagName", {{"value", "owner"}}}}}}}});
  const auto denied = deploy("denied", body(json::array({disk("untagged")})));
  EXPECT_EQ(denied["provisioningState"], "Failed");
  EXPECT_EQ(denied["error"]["details"][0]["code"], "RequestDisallowedByPolicy");
  EXPECT_EQ(sim_.disk("GET", "untagged").status, 404);
  json tagged = disk("tagged");
  tagged["tags"] = {{"owner", "me"}};
  EXPECT_EQ(deploy("tagged", body(json::array({tagged})))["provisioningState"], "Succeeded");
  sim_.arm("PUT",
           sim_.disk_id("tagged") + "/providers/Microsoft.Authorization/locks/keep?api-version=2016-09-01",
           {{"properties", {{"level", "ReadOnly"}}}});
  const auto locked = deploy("locked", body(json::array({tagged})));
  EXPECT_EQ(locked["provisioningState"], "Failed");
  EXPECT_EQ(locked["error"]["details"][0]["code"], "ScopeLocked");
}

// A stated provisioningState is Azure's to give: nothing waits for it.
TEST_F(DeploymentsContractTest, StatedStatesAreNotWaitedFor) {
  const json set = {{"type", "Microsoft.Compute/availabilitySets"},
                    {"apiVersion", "2024-07-01"},
                    {"name", "set"},
                    {"location", "eastus"},
                    {"properties", {{"provisioningState", "Updating"}}}};
  EXPECT_EQ(deploy("d", body(json::array({set})))["provisioningState"], "Succeeded");
}

// A nested deployment that is cancelled fails the outer one.
TEST_F(DeploymentsContractTest, ACancelledDeploymentFailsTheOuterOne) {
  sim_.admin("POST", "latency", {{"profile", "realistic"}});
  sim_.freeze_at("2030-05-01T10:00:00Z");
  json nested = {
      {"type", "Microsoft.Resources/deployments"}, {"apiVersion", "2021-04-01"}, {"name", "inner"}};
  nested["properties"] = body(json::array({disk("inside")}))["properties"];
  sim_.arm("PUT", path("outer"), body(json::array({nested})));
  sim_.advance("2s");
  EXPECT_EQ(sim_.arm("POST", path("inner", "/cancel")).status, 204);
  sim_.advance("10s");
  const auto outer = sim_.arm("GET", path("outer")).json()["properties"];
  EXPECT_EQ(outer["provisioningState"], "Failed");
  EXPECT_EQ(outer["error"]["details"][0]["code"], "ResourceDeploymentFailure");
  EXPECT_EQ(sim_.disk("GET", "inside").status, 404);
}

TEST_F(DeploymentsContractTest, TheModeIsShown) {
  auto whole = body(json::array());
  whole["properties"]["mode"] = "complete";
  EXPECT_EQ(sim_.arm("POST", path("d", "/validate"), whole).json()["properties"]["mode"], "Complete");
  EXPECT_EQ(deploy("d", whole)["mode"], "Complete");
}

// In a subscription: a group, and a nested deployment into it.
TEST_F(DeploymentsContractTest, SubscriptionsTakeDeployments) {
  const json group = {{"type", "Microsoft.Resources/resourceGroups"},
                      {"apiVersion", "2021-04-01"},
                      {"name", "deployed"},
                      {"location", "eastus"}};
  json nested = {{"type", "Microsoft.Resources/deployments"},
                 {"apiVersion", "2021-04-01"},
                 {"name", "inner"},
                 {"resourceGroup", "deployed"},
                 {"dependsOn", {"deployed"}}};
  json inside = disk("inside");
  inside["location"] = "eastus";
  nested["properties"] = body(json::array({inside}))["properties"];
  auto whole = body(json::array({nested, group}));
  whole["location"] = "eastus";
  const std::string url =
      std::string(kSubscription) + "/providers/Microsoft.Resources/deployments/outer?api-version=2021-04-01";
  sim_.finish(sim_.arm("PUT", url, whole));
  EXPECT_EQ(sim_.arm("GET", url).json()["properties"]["provisioningState"], "Succeeded")
      << sim_.arm("GET", url).body;
  EXPECT_EQ(
      sim_.arm("GET", in_group("Microsoft.Compute/disks/inside", "deployed") + "?api-version=2023-10-02")
          .status,
      200);
}

}  // namespace
}  // namespace azlin::test
