#include <fstream>

#include "contract/vm_support.hpp"

namespace azlin::test {
namespace {

class VmGuestContractTest : public ::testing::Test {
 protected:
  HttpReply start(const json& script, const std::string& vm = "my-vm") {
    return sim_.act(vm, "runCommand", {{"commandId", "RunShellScript"}, {"script", script}});
  }
  std::string run(const json& script) {
    const auto result = sim_.arm("GET", start(script).header("location"));
    EXPECT_EQ(result.status, 200) << result.body;
    return result.json()["value"][0]["message"];
  }
  VmSimulator sim_;
};

// 202; {"value":[{"code":"ProvisioningState/succeeded",…,"message":"Enable succeeded:
// \n[stdout]\n…\n[stderr]\n…"}]}
TEST_F(VmGuestContractTest, RunCommandGivesTheMessage) {
  const auto started = start({"hostname", "systemctl is-active ssh"});
  EXPECT_EQ(started.status, 202);
  const auto document = sim_.arm("GET", started.header("azure-asyncoperation")).json();
  const auto& item = document["properties"]["output"]["value"][0];
  EXPECT_EQ(item["code"], "ProvisioningState/succeeded");
  EXPECT_EQ(item["message"], "Enable succeeded: \n[stdout]\nmy-vm\nactive\n\n[stderr]\n");
}

// "Success is not the script's exit code: print a marker."
TEST_F(VmGuestContractTest, FailingScriptSucceedsAndTheMarkerTells) {
  EXPECT_THAT(
      run({"nosuchtool; echo rc=$?"}),
      ::testing::AllOf(::testing::HasSubstr("rc=127"), ::testing::HasSubstr("nosuchtool: not found")));
}

// "Last 4,096 bytes only"
TEST_F(VmGuestContractTest, OutputIsCutToItsEnd) {
  json lines = json::array();
  for (int i = 0; i < 500; ++i) lines.push_back(fmt::format("echo line-{:04}", i));
  const auto text = run(lines);
  EXPECT_EQ(text.find("line-0000"), std::string::npos);
  EXPECT_NE(text.find("line-0499"), std::string::npos);
  EXPECT_LT(text.size(), 4200U);
}

// "one at a time", and only in a VM that runs.
TEST_F(VmGuestContractTest, OneAtATimeAndOnlyWhileRunning) {
  sim_.admin("POST", "latency", {{"profile", "realistic"}});
  sim_.freeze_at("2025-12-01T08:00:00Z");
  EXPECT_EQ(start({"uptime"}).status, 202);
  EXPECT_EQ(start({"uptime"}).error_code(), "Conflict");
  sim_.advance("30s");
  EXPECT_EQ(start({"uptime"}).status, 202);
  sim_.admin("POST", "latency", {{"profile", "none"}});
  sim_.advance("30s");
  sim_.act("my-vm", "deallocate");
  const auto refused = start({"uptime"});
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.error_code(), "OperationNotAllowed");
  EXPECT_EQ(refused.json()["error"]["message"],
            "The operation requires the VM to be running (or set to run).");
}

TEST_F(VmGuestContractTest, CommandMustBeKnown) {
  EXPECT_EQ(sim_.act("my-vm", "runCommand", {{"commandId", "Nonsense"}, {"script", {"x"}}}).status, 400);
  EXPECT_EQ(sim_.act("my-vm", "runCommand", {{"commandId", "RunPowerShellScript"}, {"script", {"x"}}}).status,
            400);
  EXPECT_EQ(sim_.act("my-vm", "runCommand", {{"commandId", "RunShellScript"}}).status, 400);
}

// "(1–1440, default 120): 200 {consoleScreenshotBlobUri,serialConsoleLogBlobUri}; plain GET of the URI, no
// token."
TEST_F(VmGuestContractTest, BootDiagnosticsAreReadByUrl) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  sim_.act("my-vm", "restart");
  const auto reply = sim_.act("my-vm", "retrieveBootDiagnosticsData");
  ASSERT_EQ(reply.status, 200);
  const std::string log = reply.json()["serialConsoleLogBlobUri"],
                    shot = reply.json()["consoleScreenshotBlobUri"];
  EXPECT_THAT(http_call("GET", log, "", {}).body, ::testing::HasSubstr("my-vm login:"));
  EXPECT_EQ(http_call("GET", shot, "", {}).body.substr(1, 3), "PNG");
  EXPECT_EQ(http_call("GET", log + "x", "", {}).status, 403);
  sim_.advance("121m");
  EXPECT_EQ(http_call("GET", log, "", {}).status, 403);
  EXPECT_EQ(
      sim_.arm("POST",
               sim_.vm_id("my-vm") +
                   "/retrieveBootDiagnosticsData?api-version=2024-07-01&sasUriExpirationTimeInMinutes=1441")
          .status,
      400);
}

// skus: "$filter=location eq 'westus2'": capabilities, locationInfo with zones, restrictions.
TEST_F(VmGuestContractTest, SkusTellWhatASizeCan) {
  const auto list =
      sim_.arm(
              "GET",
              std::string(kSubscription) +
                  "/providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter=location%20eq%20'westus'")
          .json();
  json size, restricted;
  for (const auto& sku : list["value"]) {
    EXPECT_EQ(sku["locations"], json({"westus"}));
    if (sku["name"] == "Standard_D2s_v5") size = sku;
    if (sku["name"] == "Standard_D4s_v6") restricted = sku;
  }
  EXPECT_THAT(size["capabilities"],
              ::testing::Contains(json({{"name", "HyperVGenerations"}, {"value", "V1,V2"}})));
  EXPECT_THAT(size["capabilities"],
              ::testing::Contains(json({{"name", "MaxDataDiskCount"}, {"value", "4"}})));
  EXPECT_EQ(size["locationInfo"][0]["zones"], json::array());
  EXPECT_EQ(size["restrictions"], json::array());
  EXPECT_EQ(restricted["restrictions"][0]["reasonCode"], "NotAvailableForSubscription");
}

// usages: value[{unit:"Count",currentValue,limit,name{value,localizedValue}}]
TEST_F(VmGuestContractTest, UsagesCountCores) {
  const auto list =
      sim_.arm("GET", std::string(kSubscription) +
                          "/providers/Microsoft.Compute/locations/eastus/usages?api-version=2024-07-01")
          .json();
  std::map<std::string, json> usages;
  for (const auto& usage : list["value"]) usages[usage["name"]["value"]] = usage;
  EXPECT_EQ(usages["cores"]["currentValue"], 18);
  EXPECT_EQ(usages["standardDSv5Family"]["currentValue"], 10);
  EXPECT_EQ(usages["virtualMachines"]["currentValue"], 6);
  EXPECT_EQ(usages["PremiumDiskCount"]["currentValue"], 7);
  EXPECT_EQ(usages["cores"]["unit"], "Count");
}

// A restore point: 201 + azure-asyncoperation, no Location; one hour between crash consistent ones; a disk
// from it.
TEST_F(VmGuestContractTest, RestorePointHoldsAllDisks) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  const auto collection = in_group("Microsoft.Compute/restorePointCollections/c"),
             version = std::string("?api-version=2024-07-01");
  EXPECT_EQ(
      sim_.arm("PUT", collection + version,
               {{"location", "eastus"}, {"properties", {{"source", {{"id", sim_.vm_id("prod-db-vm")}}}}}})
          .status,
      201);
  const json crash = {{"properties", {{"consistencyMode", "CrashConsistent"}}}};
  const auto made = sim_.arm("PUT", collection + "/restorePoints/p1" + version, crash);
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.header("location"), "");
  EXPECT_EQ(sim_.finish(made).json()["status"], "Succeeded");
  const auto point = sim_.arm("GET", collection + "/restorePoints/p1" + version).json();
  const auto& storage = point["properties"]["sourceMetadata"]["storageProfile"];
  EXPECT_EQ(storage["dataDisks"].size(), 2U);
  EXPECT_EQ(sim_.arm("PUT", collection + "/restorePoints/p2" + version, crash).error_code(),
            "OperationNotAllowed");
  sim_.advance("61m");
  EXPECT_EQ(sim_.arm("PUT", collection + "/restorePoints/p2" + version, crash).status, 201);
  sim_.disk("PUT", "from-point",
            {{"location", "eastus"},
             {"sku", {{"name", "Premium_LRS"}}},
             {"properties",
              {{"creationData",
                {{"createOption", "Restore"},
                 {"sourceResourceId", storage["osDisk"]["diskRestorePoint"]["id"]}}}}}});
  EXPECT_EQ(sim_.disk_properties("from-point")["osType"], "Linux");
  EXPECT_EQ(sim_.finish(sim_.arm("DELETE", collection + version)).json()["status"], "Succeeded");
  EXPECT_EQ(sim_.arm("GET", collection + "/restorePoints/p1" + version).status, 404);
}

// What az vm create sends: resources in the order of dependsOn, one PUT each; a refusal fails the deployment.
TEST_F(VmGuestContractTest, TemplatesAreDeployed) {
  const auto path = in_group("Microsoft.Resources/deployments/d") + "?api-version=2021-04-01";
  const json nic = {
      {"type", "Microsoft.Network/networkInterfaces"},
      {"apiVersion", "2018-11-01"},
      {"name", "[concat('t', '-nic')]"},
      {"location", "[resourceGroup().location]"},
      {"dependsOn", {"Microsoft.Network/virtualNetworks/t-vnet"}},
      {"properties",
       {{"ipConfigurations",
         {{{"name", "i"},
           {"properties",
            {{"subnet",
              {{"id", "[resourceId('Microsoft.Network/virtualNetworks/subnets', 't-vnet', 's')]"}}}}}}}}}}};
  const json vnet = {{"type", "Microsoft.Network/virtualNetworks"},
                     {"apiVersion", "2015-06-15"},
                     {"name", "t-vnet"},
                     {"location", "eastus"},
                     {"properties",
                      {{"addressSpace", {{"addressPrefixes", {"10.9.0.0/16"}}}},
                       {"subnets", {{{"name", "s"}, {"properties", {{"addressPrefix", "10.9.0.0/24"}}}}}}}}};
  const json body = {{"properties", {{"mode", "incremental"}, {"template", {{"resources", {nic, vnet}}}}}}};
  const auto started = sim_.arm("PUT", path, body);
  EXPECT_EQ(started.status, 201);
  EXPECT_EQ(sim_.arm("GET", started.header("azure-asyncoperation")).json()["status"], "Succeeded");
  EXPECT_EQ(sim_.network("GET", "networkInterfaces/t-nic").status, 200);
  json bad = body;
  bad["properties"]["template"]["resources"] = {nic};
  bad["properties"]["template"]["resources"][0]["location"] = "westus2";
  const auto failed = sim_.arm("GET", sim_.arm("PUT", path, bad).header("azure-asyncoperation")).json();
  EXPECT_EQ(failed["status"], "Failed");
  EXPECT_EQ(failed["error"]["code"], "DeploymentFailed");
}

// fleet:VMSxSETS: VMs vm-0001…, each with so many daily sets behind it, found by their tag.
TEST(SeedContractTest, FleetHasItsSets) {
  VmSimulator sim("fleet:3x4");
  const auto vms =
      sim.arm("GET", in_group("Microsoft.Compute/virtualMachines", "Fleet") + "?api-version=2024-07-01")
          .json();
  ASSERT_EQ(vms["value"].size(), 3U);
  EXPECT_EQ(vms["value"][2]["name"], "vm-0003");
  EXPECT_NE(vms["value"][0]["properties"]["vmId"], vms["value"][1]["properties"]["vmId"]);
  const auto snapshots = sim.arm("GET", std::string(kSubscription) +
                                            "/providers/Microsoft.Compute/snapshots?api-version=2023-10-02")
                             .json();
  EXPECT_EQ(snapshots["value"].size(), 12U);
  const auto found = sim.arm("GET", std::string(kSubscription) +
                                        "/resources?api-version=2021-04-01&$filter=tagName%20eq%20'azlin:vm'%"
                                        "20and%20tagValue%20eq%20'fleet/vm-0002'")
                         .json();
  ASSERT_EQ(found["value"].size(), 4U);
  const auto one =
      sim.arm("GET", found["value"][0]["id"].get<std::string>() + "?api-version=2023-10-02").json();
  EXPECT_THAT(one["name"].get<std::string>(), ::testing::StartsWith("vm-0002-backup-daily-"));
  EXPECT_EQ(one["tags"]["azlin:set"], one["name"]);
  EXPECT_EQ(one["properties"]["provisioningState"], "Succeeded");
  EXPECT_THROW(VmSimulator("fleet:0x4"), std::exception);
  EXPECT_THROW(VmSimulator("fleet:3"), std::exception);
}

// A seed that a user writes (docs/simulator-seeds.md); what it does not understand is refused.
TEST(SeedContractTest, FileDescribesASubscription) {
  TempDir dir;
  const auto path = (dir.path() / "seed.json").string();
  const auto write = [&](const json& seed) { std::ofstream(path) << seed.dump(); };
  write(
      {{"groups", {{{"name", "Lab"}, {"location", "westus2"}}}},
       {"vms",
        {{{"name", "web"},
          {"group", "Lab"},
          {"location", "westus2"},
          {"count", 2},
          {"running", false},
          {"dataDisks", {{{"gb", 16}}}}}}},
       {"disks", {{{"name", "loose"}, {"group", "Lab"}, {"location", "westus2"}, {"gb", 8}}}},
       {"snapshots", {{{"name", "old"}, {"group", "Lab"}, {"disk", "web-0001_OsDisk"}, {"ageHours", 48}}}}});
  VmSimulator sim(path);
  const auto vm = sim.arm("GET", in_group("Microsoft.Compute/virtualMachines/web-0002", "Lab") +
                                     "?api-version=2024-07-01&$expand=instanceView")
                      .json();
  EXPECT_EQ(vm["properties"]["instanceView"]["statuses"][1]["code"], "PowerState/deallocated");
  EXPECT_EQ(vm["properties"]["storageProfile"]["dataDisks"].size(), 1U);
  EXPECT_EQ(
      sim.arm("GET", in_group("Microsoft.Compute/snapshots/old", "Lab") + "?api-version=2023-10-02").status,
      200);
  write({{"vms", {{{"name", "x"}, {"sice", "Standard_B1s"}}}}});
  EXPECT_THROW(VmSimulator{path}, std::exception);
}

}  // namespace
}  // namespace azlin::test
