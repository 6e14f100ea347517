// What a subscription is managed with besides its resources: tag names, policies, roles, the activity log,
// health.
#include <set>

#include "contract/vm_support.hpp"

namespace azlin::test {
namespace {

class ManagementContractTest : public ::testing::Test {
 protected:
  HttpReply call(const std::string& method, const std::string& below, const std::string& version,
                 const json& body = nullptr) {
    const char joint = below.find('?') == std::string::npos ? '?' : '&';
    return sim_.arm(method, fmt::format("{}/{}{}api-version={}", kSubscription, below, joint, version), body);
  }
  static std::string refusal(const HttpReply& reply) {
    return fmt::format("{} {}", reply.status, reply.error_code());
  }
  VmSimulator sim_;
};

// Predefined names and values, with the number of those in use.
TEST_F(ManagementContractTest, TagNamesAreCounted) {
  EXPECT_EQ(call("PUT", "tagNames/cost", "2021-04-01").status, 201);
  EXPECT_EQ(call("PUT", "tagNames/cost", "2021-04-01").status, 200);
  EXPECT_EQ(call("PUT", "tagNames/cost/tagValues/low", "2021-04-01").status, 201);
  EXPECT_EQ(refusal(call("PUT", "tagNames/none/tagValues/x", "2021-04-01")), "404 TagNotFound");
  std::map<std::string, json> names;
  const json all = call("GET", "tagNames", "2021-04-01").json();
  for (const auto& one : all["value"]) names[one["tagName"]] = one;
  EXPECT_EQ(names["cost"]["values"][0]["tagValue"], "low");
  EXPECT_GT(names["env"]["count"]["value"].get<int>(), 0);
  EXPECT_EQ(call("DELETE", "tagNames/env", "2021-04-01").status, 204);
  EXPECT_EQ(call("DELETE", "tagNames/cost/tagValues/low", "2021-04-01").status, 200);
  EXPECT_EQ(call("DELETE", "tagNames/cost", "2021-04-01").status, 200);
  EXPECT_EQ(call("DELETE", "tagNames/cost", "2021-04-01").status, 204);
}

// 403 RequestDisallowedByPolicy, with PolicyViolation; DoNotEnforce and other scopes let it pass.
TEST_F(ManagementContractTest, AssignedPoliciesDeny) {
  const std::string tag =
      "/providers/Microsoft.Authorization/policyDefinitions/871b6d14-10aa-478d-b590-94f262ecfa99";
  const std::string at =
      "resourceGroups/Production/providers/Microsoft.Authorization/policyAssignments/owner";
  json assignment = {{"properties", {{"policyDefinitionId", tag}}}};
  EXPECT_EQ(refusal(call("PUT", at, "2025-03-01", assignment)), "400 MissingPolicyParameter");
  assignment["properties"]["parameters"] = {{"tagName", {{"value", "owner"}}}};
  EXPECT_EQ(call("PUT", at, "2025-03-01", assignment).status, 201);
  json disk = {{"location", "eastus"},
               {"properties", {{"diskSizeGB", 4}, {"creationData", {{"createOption", "Empty"}}}}}};
  const auto denied = sim_.disk("PUT", "untagged", disk);
  EXPECT_EQ(refusal(denied), "403 RequestDisallowedByPolicy");
  EXPECT_EQ(denied.json()["error"]["additionalInfo"][0]["info"]["policyDefinitionId"], tag);
  disk["tags"] = {{"Owner", "me"}};
  EXPECT_EQ(sim_.disk("PUT", "tagged", disk).status, 202);
  assignment["properties"]["enforcementMode"] = "DoNotEnforce";
  call("PUT", at, "2025-03-01", assignment);
  disk.erase("tags");
  EXPECT_EQ(sim_.disk("PUT", "untagged", disk).status, 202);
}

// Mode "Indexed" is about resources: groups and deployments pass.
TEST_F(ManagementContractTest, IndexedPoliciesSpareGroupsAndDeployments) {
  const json assignment = {
      {"properties",
       {{"policyDefinitionId",
         "/providers/Microsoft.Authorization/policyDefinitions/871b6d14-10aa-478d-b590-94f262ecfa99"},
        {"parameters", {{"tagName", {{"value", "owner"}}}}}}}};
  ASSERT_EQ(call("PUT", "providers/Microsoft.Authorization/policyAssignments/owner", "2025-03-01", assignment)
                .status,
            201);
  EXPECT_EQ(call("PUT", "resourceGroups/fresh", "2021-04-01", {{"location", "eastus"}}).status, 201);
  const json deployment = {{"location", "eastus"},
                           {"properties",
                            {{"mode", "Incremental"},
                             {"template", {{"contentVersion", "1.0.0.0"}, {"resources", json::array()}}}}}};
  EXPECT_EQ(call("PUT", "providers/Microsoft.Resources/deployments/d", "2021-04-01", deployment).status, 201);
  const json disk = {{"location", "eastus"},
                     {"properties", {{"diskSizeGB", 4}, {"creationData", {{"createOption", "Empty"}}}}}};
  EXPECT_EQ(refusal(sim_.disk("PUT", "untagged", disk)), "403 RequestDisallowedByPolicy");
}

TEST_F(ManagementContractTest, CustomPoliciesAreEvaluated) {
  const std::string definition = "providers/Microsoft.Authorization/policyDefinitions/small";
  const json rule = {
      {"if",
       {{"allOf",
         {{{"field", "type"}, {"equals", "Microsoft.Compute/disks"}},
          {{"not", {{"field", "Microsoft.Compute/disks/sku.name"}, {"like", "Standard*"}}}}}}}},
      {"then", {{"effect", "deny"}}}};
  EXPECT_EQ(refusal(call("PUT", definition, "2025-03-01", {{"properties", json::object()}})),
            "400 InvalidPolicyRule");
  EXPECT_EQ(call("PUT", definition, "2025-03-01", {{"properties", {{"policyRule", rule}}}}).status, 201);
  const auto id = std::string(kSubscription) + "/" + definition;
  EXPECT_EQ(call("PUT", "providers/Microsoft.Authorization/policyAssignments/a", "2025-03-01",
                 {{"properties", {{"policyDefinitionId", id}}}})
                .status,
            201);
  json disk = {{"location", "eastus"},
               {"sku", {{"name", "Premium_LRS"}}},
               {"properties", {{"diskSizeGB", 4}, {"creationData", {{"createOption", "Empty"}}}}}};
  EXPECT_EQ(refusal(sim_.disk("PUT", "d", disk)), "403 RequestDisallowedByPolicy");
  disk["sku"]["name"] = "Standard_LRS";
  EXPECT_EQ(sim_.disk("PUT", "d", disk).status, 202);
}

// A rule that cannot be evaluated is refused: it would never deny.
TEST_F(ManagementContractTest, RulesThatCannotBeEvaluatedAreRefused) {
  const auto put = [&](const json& condition, const char* effect = "deny") {
    return call("PUT", "providers/Microsoft.Authorization/policyDefinitions/rule", "2025-03-01",
                {{"properties",
                  {{"parameters", {{"effect", {{"type", "String"}, {"defaultValue", "Deny"}}}}},
                   {"policyRule", {{"if", condition}, {"then", {{"effect", effect}}}}}}}});
  };
  const json fine = {{"field", "type"}, {"equals", "Microsoft.Compute/disks"}},
             match = {{"field", "name"}, {"match", "vm-##"}};
  for (const json& bad : {match, json{{"allOf", {fine, {{"not", match}}}}},
                          json{{"count", {{"field", "Microsoft.Compute/x/y[*]"}}}, {"greater", 1}},
                          json{{"field", "Microsoft.Compute/x/y[*].z"}, {"equals", "a"}},
                          json{{"value", "[toLower(field('name'))]"}, {"equals", "a"}},
                          json{{"value", 1}, {"less", 2}}, json{{"field", "tags"}, {"containsKey", "a"}},
                          json{{"field", "name"}}, json{{"anyOf", json::array()}}, json::object(), json()}) {
    EXPECT_EQ(refusal(put(bad)), "400 InvalidPolicyRule") << bad;
    EXPECT_EQ(refusal(put(bad, "[parameters('effect')]")), "400 InvalidPolicyRule") << bad;
  }
  EXPECT_THAT(put(match).json()["error"]["message"].get<std::string>(), ::testing::HasSubstr("'match'"));
  EXPECT_EQ(refusal(put(fine, "")), "400 InvalidPolicyRule");
  // Effects that do nothing here need no evaluation.
  EXPECT_EQ(put(match, "audit").status, 201);
  EXPECT_EQ(put(fine).status, 201);
  EXPECT_EQ(put({{"value", "[concat(field('name'), 'toLower(')]"}, {"in", {"a", "b"}}}).status, 201);
}

// Names of parameters and aliases have any characters.
TEST_F(ManagementContractTest, NamesInPoliciesHaveAnyCharacters) {
  const std::string definition = "providers/Microsoft.Authorization/policyDefinitions/odd";
  const json rule = {{"if",
                      {{"anyOf",
                        {{{"field", "Microsoft.Compute/disks/odd~/name"}, {"equals", "x"}},
                         {{"field", "name"}, {"equals", "[parameters('a~/b')]"}}}}}},
                     {"then", {{"effect", "deny"}}}};
  call("PUT", definition, "2025-03-01",
       {{"properties", {{"parameters", {{"a~/b", {{"type", "String"}}}}}, {"policyRule", rule}}}});
  const std::string at = "providers/Microsoft.Authorization/policyAssignments/a";
  json assignment = {{"properties", {{"policyDefinitionId", std::string(kSubscription) + "/" + definition}}}};
  EXPECT_EQ(refusal(call("PUT", at, "2025-03-01", assignment)), "400 MissingPolicyParameter");
  assignment["properties"]["parameters"] = {{"a~/b", {{"value", "forbidden"}}}};
  EXPECT_EQ(call("PUT", at, "2025-03-01", assignment).status, 201);
  const json disk = {{"location", "eastus"},
                     {"properties", {{"diskSizeGB", 4}, {"creationData", {{"createOption", "Empty"}}}}}};
  EXPECT_EQ(refusal(sim_.disk("PUT", "forbidden", disk)), "403 RequestDisallowedByPolicy");
  EXPECT_EQ(sim_.disk("PUT", "allowed", disk).status, 202);
}

// "The start time is missing"; who did what to which resource, and what was refused.
TEST_F(ManagementContractTest, ActivityIsLogged) {
  const std::string values = "providers/Microsoft.Insights/eventtypes/management/values";
  EXPECT_EQ(refusal(call("GET", values, "2015-04-01")), "400 BadRequest");
  sim_.freeze_at("2030-05-01T10:00:00Z");
  sim_.empty_disk("logged", 4);
  sim_.disk("DELETE", "vm1_OsDisk");
  sim_.disk("GET", "logged");
  const auto log = call("GET",
                        values +
                            "?$filter=eventTimestamp%20ge%20'2030-05-01T09:00:00Z'%20and%20resourceGroupName%"
                            "20eq%20'production'",
                        "2015-04-01")
                       .json()["value"];
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0]["operationName"]["value"], "Microsoft.Compute/disks/delete");
  EXPECT_EQ(log[0]["status"]["value"], "Failed");
  EXPECT_EQ(log[1]["resourceId"], sim_.disk_id("logged"));
  EXPECT_EQ(log[1]["caller"], "22222222-2222-2222-2222-222222222222");
  EXPECT_EQ(log[1]["status"]["value"], "Accepted");
}

// "Accepted" is the begin of an operation; what is done at once has "Succeeded", also with 201.
TEST_F(ManagementContractTest, ActivityTellsWhatIsUnderWay) {
  sim_.freeze_at("2030-05-01T10:00:00Z");
  const json here = {{"location", "eastus"}, {"properties", json::object()}};
  const auto identity =
      in_group("Microsoft.ManagedIdentity/userAssignedIdentities/me") + "?api-version=2024-11-30";
  EXPECT_EQ(sim_.arm("PUT", identity, here).status, 201);
  const auto table = sim_.network("PUT", "routeTables/t", here);
  EXPECT_EQ(table.status, 201);
  EXPECT_FALSE(table.header("azure-asyncoperation").empty());
  const std::string values =
      "providers/Microsoft.Insights/eventtypes/management/"
      "values?$filter=eventTimestamp%20ge%20'2030-05-01T09:"
      "00:00Z'";
  const auto log = call("GET", values, "2015-04-01").json()["value"];
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0]["status"]["value"], "Accepted");
  EXPECT_EQ(log[1]["status"]["value"], "Succeeded");
  EXPECT_EQ(refusal(call("GET", values + "&$skiptoken=x", "2015-04-01")), "400 InvalidSkipToken");
}

TEST_F(ManagementContractTest, HealthFollowsThePowerState) {
  const std::string vm =
      "resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/vm1/providers/"
      "Microsoft.ResourceHealth/availabilityStatuses/current";
  EXPECT_EQ(call("GET", vm, "2022-10-01").json()["properties"]["availabilityState"], "Available");
  sim_.finish(sim_.act("vm1", "deallocate"));
  EXPECT_EQ(call("GET", vm, "2022-10-01").json()["properties"]["reasonType"], "Customer Initiated");
}

// exportTemplate of a group; moves are refused as Azure refuses types that do not move.
TEST_F(ManagementContractTest, GroupsAreExported) {
  const auto form = call("POST", "resourceGroups/Production/exportTemplate", "2025-04-01",
                         {{"resources", {"*"}}, {"options", "SkipAllParameterization"}});
  EXPECT_EQ(form.status, 200);
  EXPECT_GT(form.json()["template"]["resources"].size(), 10U);
  EXPECT_EQ(refusal(call("POST", "resourceGroups/Production/exportTemplate", "2025-04-01", json::object())),
            "400 InvalidRequestContent");
  EXPECT_EQ(refusal(call("POST", "resourceGroups/Production/validateMoveResources", "2025-04-01",
                         {{"resources", {sim_.vm_id("vm1")}},
                          {"targetResourceGroup", std::string(kSubscription) + "/resourceGroups/none"}})),
            "404 ResourceGroupNotFound");
  sim_.make_group("other");
  EXPECT_EQ(refusal(call("POST", "resourceGroups/Production/validateMoveResources", "2025-04-01",
                         {{"resources", {sim_.vm_id("vm1")}},
                          {"targetResourceGroup", std::string(kSubscription) + "/resourceGroups/other"}})),
            "400 ResourceMoveNotSupported");
}

TEST_F(ManagementContractTest, RolesAreFilteredAndAssignedOnce) {
  const auto count = [&](const std::string& filter) {
    return call("GET", "providers/Microsoft.Authorization/roleDefinitions?$filter=" + filter, "2022-04-01")
        .json()["value"]
        .size();
  };
  EXPECT_EQ(count("roleName%20eq%20'Reader'"), 1U);
  EXPECT_GT(count("type%20eq%20'BuiltInRole'"), 5U);
  EXPECT_EQ(count("type%20eq%20'CustomRole'"), 0U);
  const std::string assignments = "providers/Microsoft.Authorization/roleAssignments";
  const json reader = {
      {"properties",
       {{"principalId", "33333333-3333-3333-3333-333333333333"},
        {"roleDefinitionId",
         "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"}}}};
  EXPECT_EQ(call("PUT", assignments + "/44444444-4444-4444-4444-444444444444", "2022-04-01", reader).status,
            201);
  EXPECT_EQ(refusal(call("PUT", assignments + "/55555555-5555-5555-5555-555555555555", "2022-04-01", reader)),
            "409 RoleAssignmentExists");
  EXPECT_EQ(call("GET", assignments + "?$filter=principalId%20eq%20'33333333-3333-3333-3333-333333333333'",
                 "2022-04-01")
                .json()["value"]
                .size(),
            1U);
  EXPECT_EQ(call("GET", assignments + "?$filter=assignedTo('other')", "2022-04-01").json()["value"].size(),
            0U);
  EXPECT_EQ(refusal(call("GET", assignments + "/66666666-6666-6666-6666-666666666666", "2022-04-01")),
            "404 RoleAssignmentNotFound");
}

TEST_F(ManagementContractTest, ZonesAndNamesAreChecked) {
  const auto zones = call("POST", "providers/Microsoft.Resources/checkZonePeers", "2022-12-01",
                          {{"location", "eastus"}, {"subscriptionIds", {kSubscription}}});
  EXPECT_EQ(zones.json()["availabilityZonePeers"].size(), 3U);
  const auto name = [&](const char* text) {
    return sim_.arm("POST", "/providers/Microsoft.Resources/checkResourceName?api-version=2021-01-01",
                    {{"name", text}, {"type", "t"}});
  };
  EXPECT_EQ(name("ours").json()["status"], "Allowed");
  EXPECT_EQ(refusal(name("Microsoft")), "400 ReservedResourceName");
}

// Before a path is found unknown: who asks, the version, the subscription, the group.
TEST_F(ManagementContractTest, UnknownPathsAreCheckedInOrder) {
  const std::string unknown =
      std::string(kSubscription) + "/resourceGroups/none/providers/Microsoft.Sql/servers";
  EXPECT_EQ(http_call("GET", sim_.url() + unknown + "?api-version=2021-11-01", "", {}).status, 401);
  EXPECT_EQ(refusal(sim_.arm("GET", unknown)), "400 MissingApiVersionParameter");
  EXPECT_EQ(refusal(sim_.arm("GET", unknown + "?api-version=2021-11-01")), "404 ResourceGroupNotFound");
  EXPECT_EQ(refusal(sim_.arm("GET", "/subscriptions/xyz?api-version=2021-04-01")),
            "400 InvalidSubscriptionId");
  const auto cut = http_call("GET", sim_.url() + "/_sas/short", "", {});
  EXPECT_EQ(cut.status, 400);
  EXPECT_EQ(cut.header("x-ms-error-code"), "InvalidUri");
  EXPECT_THAT(cut.body, ::testing::HasSubstr("<Code>InvalidUri</Code>"));
}

// A vault's name is free until a vault of the group has it; extended information is there once it was put.
TEST_F(ManagementContractTest, VaultsAnswerQuestions) {
  const std::string group = "resourceGroups/Production/providers/Microsoft.RecoveryServices/";
  const auto free = [&](const char* name) {
    return call("POST", group + "locations/eastus/checkNameAvailability", "2026-07-01",
                {{"name", name}, {"type", "Microsoft.RecoveryServices/vaults"}})
        .json()["nameAvailable"];
  };
  EXPECT_EQ(free("my-vault"), false);
  EXPECT_EQ(free("other"), true);
  const std::string info = group + "vaults/my-vault/extendedInformation/vaultExtendedInfo";
  EXPECT_EQ(refusal(call("GET", info, "2026-07-01")), "404 ResourceExtendedInfoNotFound");
  EXPECT_EQ(call("PUT", info, "2026-07-01", {{"properties", {{"integrityKey", "k"}}}}).status, 200);
  EXPECT_EQ(call("GET", info, "2026-07-01").json()["properties"]["integrityKey"], "k");
}

// The Location of a VM's change gives the VM, as clients that end there expect.
TEST_F(ManagementContractTest, ChangesOfVmsEndWithTheVm) {
  const auto started = sim_.vm("PATCH", "vm1", {{"tags", {{"x", "y"}}}});
  sim_.finish(started);
  EXPECT_EQ(sim_.arm("GET", started.header("location")).json()["tags"]["x"], "y");
}

// Every provider lists what may be done with its types.
TEST_F(ManagementContractTest, ProvidersListTheirOperations) {
  for (const auto& [space, action] :
       {std::pair{"Microsoft.Compute", "Microsoft.Compute/snapshots/beginGetAccess/action"},
        {"Microsoft.RecoveryServices", "Microsoft.RecoveryServices/vaults/write"}}) {
    const json all =
        sim_.arm("GET", fmt::format("/providers/{}/operations?api-version=2024-07-01", space)).json();
    std::set<std::string> names;
    for (const auto& one : all["value"]) names.insert(one["name"]);
    EXPECT_TRUE(names.count(action) == 1) << action;
  }
  EXPECT_EQ(refusal(sim_.arm("GET", "/providers/Microsoft.Nope/operations?api-version=2024-07-01")),
            "404 InvalidResourceNamespace");
}

// Of an assignment only the identity and its location can be patched.
TEST_F(ManagementContractTest, PolicyAssignmentsGetIdentities) {
  const std::string at = "providers/Microsoft.Authorization/policyAssignments/tagged";
  call("PUT", at, "2025-03-01",
       {{"properties",
         {{"policyDefinitionId",
           "/providers/Microsoft.Authorization/policyDefinitions/871b6d14-10aa-478d-b590-94f262ecfa99"},
          {"enforcementMode", "DoNotEnforce"},
          {"parameters", {{"tagName", {{"value", "owner"}}}}}}}});
  const auto patched =
      call("PATCH", at, "2025-03-01", {{"identity", {{"type", "SystemAssigned"}}}, {"location", "eastus"}});
  EXPECT_EQ(patched.status, 200) << patched.body;
  EXPECT_EQ(patched.json()["identity"]["type"], "SystemAssigned");
  EXPECT_EQ(patched.json()["properties"]["enforcementMode"], "DoNotEnforce");
  EXPECT_EQ(refusal(call("PATCH", at + "x", "2025-03-01", json::object())), "404 PolicyAssignmentNotFound");
}

// "201 Created" for a definition that was there, too; a set tells the two apart.
TEST_F(ManagementContractTest, PolicyDefinitionsAreCreatedEachTime) {
  const json rule = {
      {"properties",
       {{"policyRule",
         {{"if", {{"field", "location"}, {"equals", "nowhere"}}}, {"then", {{"effect", "deny"}}}}}}}};
  const std::string space = "providers/Microsoft.Authorization/";
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(call("PUT", space + "policyDefinitions/p", "2025-03-01", rule).status, 201);
  const json set = {
      {"properties",
       {{"policyDefinitions",
         {{{"policyDefinitionId", fmt::format("{}/{}policyDefinitions/p", kSubscription, space)}}}}}}};
  EXPECT_EQ(call("PUT", space + "policySetDefinitions/s", "2025-03-01", set).status, 201);
  EXPECT_EQ(call("PUT", space + "policySetDefinitions/s", "2025-03-01", set).status, 200);
}

}  // namespace
}  // namespace azlin::test
