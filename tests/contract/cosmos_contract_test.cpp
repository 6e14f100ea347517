// Cosmos DB: backup policy, regions, restore. docs/simulator-platform.md has the rules.
#include "contract/platform_support.hpp"

namespace azlin::test {
namespace {

using nlohmann::json;

class CosmosContractTest : public PlatformTest {
 protected:
  void SetUp() override {
    sim_.freeze_at("2026-01-01T00:00:00Z");
    sim_.make_group("rg");
  }

  std::string at(const std::string& account, const std::string& rest = "") {
    return path("Microsoft.DocumentDB/databaseAccounts/" + account + rest, "2023-11-15");
  }
  static json body(const json& more = json::object()) {
    json properties = {{"databaseAccountOfferType", "Standard"},
                       {"locations", {{{"locationName", "East US"}, {"failoverPriority", 0}}}}};
    properties.update(more);
    return {{"location", "eastus"}, {"kind", "GlobalDocumentDB"}, {"properties", properties}};
  }
  void make(const std::string& account, const std::string& backup) {
    const auto reply = sim_.arm("PUT", at(account), body({{"backupPolicy", {{"type", backup}}}}));
    ASSERT_EQ(reply.status, 200) << reply.body;
    ASSERT_EQ(get(at(account))["properties"]["provisioningState"], "Succeeded");
  }
  HttpReply patch(const std::string& account, const json& properties) {
    return sim_.arm("PATCH", at(account), {{"properties", properties}});
  }
  void put(const std::string& rest) {
    const std::string name = rest.substr(rest.rfind('/') + 1);
    const auto reply =
        sim_.arm("PUT", at("source", rest),
                 {{"properties", {{"resource", {{"id", name}}}, {"options", json::object()}}}});
    ASSERT_EQ(sim_.finish(reply).status, 200) << reply.body;
  }
  json restorable() {
    return get(std::string(kSubscription) +
               "/providers/Microsoft.DocumentDB/restorableDatabaseAccounts?api-version=2023-11-15")["value"];
  }
  HttpReply restore(const std::string& source, const std::string& time, const json& parts = nullptr) {
    json parameters = {
        {"restoreMode", "PointInTime"}, {"restoreSource", source}, {"restoreTimestampInUtc", time}};
    if (!parts.is_null()) parameters["databasesToRestore"] = parts;
    return sim_.arm("PUT", at("target"),
                    body({{"createMode", "Restore"},
                          {"restoreParameters", parameters},
                          {"backupPolicy", {{"type", "Continuous"}}}}));
  }
};

TEST_F(CosmosContractTest, PeriodicBackupHasLimits) {
  make("one", "Periodic");
  EXPECT_EQ(get(at("one"))["properties"]["backupPolicy"]["periodicModeProperties"]["backupIntervalInMinutes"],
            240);
  const auto set = [&](int interval, int hours) {
    return patch("one",
                 {{"backupPolicy",
                   {{"type", "Periodic"},
                    {"periodicModeProperties",
                     {{"backupIntervalInMinutes", interval}, {"backupRetentionIntervalInHours", hours}}}}}})
        .status;
  };
  EXPECT_EQ(set(59, 8), 400);
  EXPECT_EQ(set(600, 8), 400);
  EXPECT_EQ(set(60, 721), 400);
  EXPECT_EQ(set(60, 48), 200);
}

// One way, no cancel; meanwhile nothing else; restorable from its end.
TEST_F(CosmosContractTest, MigrationToContinuousIsOneWay) {
  make("one", "Periodic");
  EXPECT_EQ(restorable().size(), 0U);
  sim_.admin("POST", "latency", {{"profile", "realistic"}});
  EXPECT_EQ(patch("one", {{"backupPolicy", {{"type", "Continuous"}}}}).status, 200);
  sim_.advance("10m");
  EXPECT_EQ(get(at("one"))["properties"]["backupPolicy"]["migrationState"]["status"], "InProgress");
  EXPECT_EQ(patch("one", {{"enableAutomaticFailover", true}}).status, 412);
  sim_.advance("2h");
  EXPECT_EQ(get(at("one"))["properties"]["backupPolicy"]["type"], "Continuous");
  EXPECT_EQ(get(at("one"))["properties"]["backupPolicy"]["migrationState"]["status"], "Completed");
  EXPECT_EQ(restorable()[0]["properties"]["creationTime"], "2026-01-01T01:30:00Z");
  EXPECT_EQ(patch("one", {{"backupPolicy", {{"type", "Periodic"}}}}).status, 400);
}

// Regions alone, without reordering; a new priority 0 is a failover.
TEST_F(CosmosContractTest, RegionsChangeAlone) {
  make("one", "Continuous");
  const json two = {{{"locationName", "East US"}, {"failoverPriority", 0}},
                    {{"locationName", "westus2"}, {"failoverPriority", 1}}};
  EXPECT_EQ(patch("one", {{"locations", two}, {"enableAutomaticFailover", true}}).status, 400);
  EXPECT_EQ(patch("one", {{"locations", two}}).status, 200);
  EXPECT_EQ(patch("one", {{"enableAutomaticFailover", true}}).status, 200);
  json turned = two;
  turned[0]["failoverPriority"] = 1;
  turned[1]["failoverPriority"] = 0;
  EXPECT_EQ(patch("one", {{"locations", turned}}).status, 400);
  EXPECT_EQ(
      sim_.arm("POST", at("one", "/failoverPriorityChange"), {{"failoverPolicies", {turned[0]}}}).status,
      400);
  const auto started = sim_.arm("POST", at("one", "/failoverPriorityChange"), {{"failoverPolicies", turned}});
  EXPECT_EQ(started.status, 202);
  sim_.finish(started);
  EXPECT_EQ(get(at("one"))["properties"]["writeLocations"][0]["locationName"], "West US 2");
}

// `az cosmosdb update` sends an empty apiProperties with everything, and a PUT repeats what there is.
TEST_F(CosmosContractTest, WhatIsRepeatedIsNoChange) {
  make("one", "Continuous");
  const json two = {{{"locationName", "East US"}, {"failoverPriority", 0}},
                    {{"locationName", "westus2"}, {"failoverPriority", 1}}};
  EXPECT_EQ(patch("one",
                  {{"locations", two}, {"apiProperties", json::object()}, {"enableAutomaticFailover", false}})
                .status,
            200);
  EXPECT_EQ(patch("one", {{"locations", two}, {"enableAutomaticFailover", true}}).status, 200);
  EXPECT_EQ(get(at("one"))["properties"]["enableAutomaticFailover"], true);
}

TEST_F(CosmosContractTest, KeysAreToldAndMadeAnew) {
  make("one", "Continuous");
  const auto post = [&](const std::string& verb, const json& with = json::object()) {
    return sim_.arm("POST", at("one", verb), with);
  };
  const auto before = post("/listKeys").json();
  EXPECT_EQ(post("/readonlykeys").json().size(), 2U);
  EXPECT_EQ(get(at("one", "/readonlykeys")), post("/readonlykeys").json());
  EXPECT_EQ(post("/regenerateKey", {{"keyKind", "other"}}).status, 400);
  const auto started = post("/regenerateKey", {{"keyKind", "primaryReadonly"}});
  EXPECT_EQ(started.status, 202);
  sim_.finish(started);
  const auto after = post("/listKeys").json();
  EXPECT_NE(after["primaryReadonlyMasterKey"], before["primaryReadonlyMasterKey"]);
  EXPECT_EQ(after["primaryMasterKey"], before["primaryMasterKey"]);
  const auto strings = post("/listConnectionStrings").json()["connectionStrings"];
  EXPECT_EQ(strings[0]["connectionString"],
            "AccountEndpoint=https://one.documents.azure.com:443/;AccountKey=" +
                after["primaryMasterKey"].get<std::string>() + ";");
  const auto taken = [&](const std::string& name) {
    return sim_
        .arm("HEAD",
             "/providers/Microsoft.DocumentDB/databaseAccountNames/" + name + "?api-version=2023-11-15")
        .status;
  };
  EXPECT_EQ(taken("one"), 200);
  EXPECT_EQ(taken("two"), 404);
}

// The definition of a container comes back; throughput is 400 or more in steps of 100.
TEST_F(CosmosContractTest, DefinitionsAndThroughputAreKept) {
  make("source", "Continuous");
  const auto database = [&](const json& options) {
    return sim_.arm("PUT", at("source", "/sqlDatabases/d"),
                    {{"properties", {{"resource", {{"id", "d"}}}, {"options", options}}}});
  };
  EXPECT_EQ(database({{"throughput", 300}}).status, 400);
  EXPECT_EQ(database({{"throughput", 450}}).status, 400);
  EXPECT_EQ(database({{"autoscaleSettings", {{"maxThroughput", 1500}}}}).status, 400);
  EXPECT_EQ(sim_.finish(database({{"throughput", 400}})).status, 200);
  const std::string setting = "/sqlDatabases/d/throughputSettings/default";
  EXPECT_EQ(get(at("source", setting))["properties"]["resource"]["throughput"], 400);
  const auto set = [&](const json& resource) {
    return sim_.arm("PUT", at("source", setting), {{"properties", {{"resource", resource}}}});
  };
  EXPECT_EQ(sim_.finish(set({{"throughput", 800}})).status, 200);
  EXPECT_EQ(get(at("source", setting))["properties"]["resource"]["throughput"], 800);
  EXPECT_EQ(set({{"autoscaleSettings", {{"maxThroughput", 4000}}}}).status, 400);
  const json definition = {
      {"id", "c"}, {"partitionKey", {{"paths", {"/id"}}, {"kind", "Hash"}}}, {"defaultTtl", 60}};
  sim_.finish(sim_.arm("PUT", at("source", "/sqlDatabases/d/containers/c"),
                       {{"properties", {{"resource", definition}}}}));
  const auto shown = get(at("source", "/sqlDatabases/d/containers/c"))["properties"]["resource"];
  EXPECT_EQ(shown["partitionKey"], definition["partitionKey"]);
  EXPECT_EQ(shown["defaultTtl"], 60);
  EXPECT_EQ(sim_.arm("GET", at("source", "/sqlDatabases/d/containers/c/throughputSettings/default")).status,
            404);
  EXPECT_EQ(sim_.arm("GET", at("source", "/mongodbDatabases")).status, 400);
}

TEST_F(CosmosContractTest, AnAccountIsRestoredToAPointInTime) {
  make("source", "Continuous");
  sim_.advance("1h");
  put("/sqlDatabases/chat");
  put("/sqlDatabases/chat/containers/talks");
  sim_.advance("1h");
  sim_.finish(sim_.arm("DELETE", at("source", "/sqlDatabases/chat/containers/talks")));
  put("/sqlDatabases/other");
  sim_.advance("1h");
  ASSERT_EQ(sim_.arm("DELETE", at("source")).status, 202);
  sim_.advance("1h");
  const auto source = restorable()[0];
  EXPECT_EQ(source["properties"]["deletionTime"], "2026-01-01T03:00:00Z");
  const std::string id = source["id"];
  const auto then = get(id +
                        "/restorableSqlResources?api-version=2023-11-15&restoreLocation=eastus&"
                        "restoreTimestampInUtc=2026-01-01T01:30:00Z")["value"];
  ASSERT_EQ(then.size(), 1U);
  EXPECT_EQ(then[0]["databaseName"], "chat");
  EXPECT_EQ(then[0]["collectionNames"], json::array({"talks"}));
  EXPECT_EQ(get(id + "/restorableSqlDatabases?api-version=2023-11-15")["value"].size(), 4U);
  EXPECT_EQ(restore(id, "2026-01-01T03:30:00Z").status, 400);
  EXPECT_EQ(restore(id, "2026-01-01T00:30:00Z").status, 400);
  EXPECT_EQ(restore(id, "2026-01-01T01:30:00Z", {{{"databaseName", "none"}}}).status, 400);
  const auto made = restore(id, "2026-01-01T01:30:00Z");
  EXPECT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(get(at("target"))["properties"]["createMode"], "Restore");
  EXPECT_EQ(get(at("target", "/sqlDatabases/chat/containers"))["value"].size(), 1U);
  EXPECT_EQ(get(at("target", "/sqlDatabases"))["value"].size(), 1U);
}

TEST_F(CosmosContractTest, TheLatestRestorableTimeIsTold) {
  make("source", "Continuous");
  put("/sqlDatabases/chat");
  put("/sqlDatabases/chat/containers/talks");
  const std::string rest = "/sqlDatabases/chat/containers/talks/retrieveContinuousBackupInformation";
  EXPECT_EQ(sim_.arm("POST", at("source", rest), {{"location", "West US"}}).status, 400);
  const auto done = sim_.finish(sim_.arm("POST", at("source", rest), {{"location", "East US"}}));
  EXPECT_NE(done.body.find("latestRestorableTimestamp"), std::string::npos) << done.body;
}

}  // namespace
}  // namespace azlin::test
