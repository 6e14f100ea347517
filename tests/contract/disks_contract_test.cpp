#include "contract/disk_support.hpp"

namespace azlin::test {
namespace {

class DisksContractTest : public DiskFixture {};

// "DiskRP PUT: 202, body = resource with provisioningState Updating, both headers …/DiskOperations/{guid};
// the final document holds the resource in properties.output."
TEST_F(DisksContractTest, PutIsAnOperationThatEndsWithTheResource) {
  const auto started = put(disk_id("d"), empty_disk());
  EXPECT_EQ(started.status, 202);
  EXPECT_EQ(started.json()["properties"]["provisioningState"], "Updating");
  EXPECT_NE(started.header("azure-asyncoperation").find("/locations/eastus/DiskOperations/"),
            std::string::npos);
  EXPECT_NE(started.header("location").find("monitor=true"), std::string::npos);
  const auto ended = sim_.finish(started).json();
  EXPECT_EQ(ended["properties"]["output"]["id"], disk_id("d"));
  EXPECT_EQ(ended["properties"]["output"]["properties"]["provisioningState"], "Succeeded");
}

// "Answer: diskState Unattached, diskSizeBytes, uniqueId, tier, diskIOPSReadWrite, diskMBpsReadWrite."
TEST_F(DisksContractTest, GetShowsWhatTheServiceFillsIn) {
  const auto disk = make(disk_id("d"), empty_disk(128));
  const auto& properties = disk["properties"];
  EXPECT_EQ(disk["sku"], (json{{"name", "Premium_LRS"}, {"tier", "Premium"}}));
  EXPECT_EQ(properties["diskState"], "Unattached");
  EXPECT_EQ(properties["diskSizeBytes"], 128ull << 30);
  EXPECT_EQ(properties["tier"], "P10");
  EXPECT_EQ(properties["diskIOPSReadWrite"], 500);
  EXPECT_EQ(properties["diskMBpsReadWrite"], 100);
  EXPECT_EQ(properties["encryption"]["type"], "EncryptionAtRestWithPlatformKey");
  EXPECT_EQ(properties["networkAccessPolicy"], "AllowAll");
  EXPECT_EQ(properties["uniqueId"].get<std::string>().size(), 36u);
}

// "Compare IDs and names case-insensitively."
TEST_F(DisksContractTest, NamesAreFoundInAnyCase) {
  make(disk_id("Data-1"), empty_disk());
  EXPECT_EQ(get(disk_id("DATA-1"))["name"], "Data-1");
  EXPECT_EQ(sim_.arm("GET", url(std::string(kSubscription) +
                                "/RESOURCEGROUPS/RG/providers/microsoft.compute/DISKS/data-1"))
                .status,
            200);
}

// "Name 1–80 of A-Za-z0-9_-. ; start alphanumeric, end alphanumeric or _": 400 InvalidParameter.
TEST_F(DisksContractTest, BadNamesAreRefused) {
  for (const auto& name : {std::string("-a"), std::string("a-"), std::string("a."), std::string("a%20b"),
                           std::string(81, 'a')}) {
    const auto reply = put(disk_id(name), empty_disk());
    EXPECT_EQ(reply.status, 400) << name;
    EXPECT_EQ(reply.error_code(), "InvalidParameter") << name;
  }
  EXPECT_EQ(put(disk_id(std::string(80, 'a')), empty_disk()).status, 202);
}

// Missing, unknown and out-of-range input: 400, named in target.
TEST_F(DisksContractTest, BadBodiesAreRefused) {
  const auto with = [](auto change) {
    auto body = empty_disk();
    change(body);
    return body;
  };
  const std::pair<std::string, json> rows[] = {
      {"InvalidParameter", with([](json& b) { b["properties"].erase("creationData"); })},
      {"InvalidParameter", with([](json& b) { b["properties"].erase("diskSizeGB"); })},
      {"InvalidParameter", with([](json& b) { b["properties"]["diskSizeGB"] = 0; })},
      {"InvalidParameter", with([](json& b) { b["properties"]["diskSizeGB"] = 40'000; })},
      {"InvalidParameter", with([](json& b) { b["properties"]["creationData"]["createOption"] = "Clone"; })},
      {"InvalidParameter", with([](json& b) { b["sku"]["name"] = "Gold_LRS"; })},
      {"BadRequest", with([](json& b) { b["properties"]["diskSizeGb"] = 4; })},
      {"BadRequest", with([](json& b) { b["properties"]["creationData"]["sourceResourceID"] = "x"; })},
      {"InvalidAvailabilityZone", with([](json& b) { b["zones"] = {"4"}; })},
      {"InvalidParameter", with([](json& b) {
         b["zones"] = {"1", "2"};
       })},
      {"InvalidParameter", with([](json& b) { b["zones"] = {"1"}, b["sku"]["name"] = "Premium_ZRS"; })},
      {"InvalidParameter", with([](json& b) { b["sku"]["name"] = "UltraSSD_LRS"; })},
      {"InvalidParameter", with([](json& b) { b["properties"]["networkAccessPolicy"] = "AllowPrivate"; })},
  };
  for (const auto& [code, body] : rows) {
    const auto reply = put(disk_id("d"), body);
    EXPECT_EQ(reply.status, 400) << body.dump();
    EXPECT_EQ(reply.error_code(), code) << body.dump() << reply.body;
  }
  EXPECT_EQ(sim_.arm("GET", url(disk_id("d"))).status, 404);
}

// "A JSON value of the wrong type: 400 InvalidRequestContent", of disks and snapshots, new and existing.
TEST_F(DisksContractTest, WrongTypesAreRefused) {
  make(disk_id("old"), empty_disk());
  const char* const rows[] = {
      R"({"sku": "Premium_LRS"})",
      R"({"sku": []})",
      R"({"sku": {"name": 5}})",
      R"({"location": 5})",
      R"({"extendedLocation": 5})",
      R"({"properties": []})",
      R"({"properties": {"encryption": "x"}})",
      R"({"properties": {"securityProfile": []}})",
      R"({"properties": {"supportedCapabilities": 5}})",
      R"({"properties": {"purchasePlan": 5}})",
      R"({"properties": {"burstingEnabled": "yes"}})",
      R"({"properties": {"maxShares": "2"}})",
      R"({"properties": {"tier": 5}})",
      R"({"properties": {"diskSizeGB": "x"}})",
      R"({"properties": {"creationData": "Empty"}})",
      R"({"properties": {"creationData": {"createOption": 5}}})",
  };
  for (const char* row : rows) {
    auto body = empty_disk();
    body.merge_patch(json::parse(row));
    EXPECT_EQ(put(disk_id("d"), body).error_code(), "InvalidRequestContent") << row;
    EXPECT_EQ(put(disk_id("old"), body).error_code(), "InvalidRequestContent") << row;
  }
  auto snapshot = incremental_of(disk_id("old"));
  snapshot["sku"] = "Standard_LRS";
  EXPECT_EQ(put(snapshot_id("s"), snapshot).error_code(), "InvalidRequestContent");
  EXPECT_EQ(sim_.arm("PATCH", url(disk_id("old")), {{"sku", "Standard_LRS"}}).error_code(),
            "InvalidRequestContent");
  EXPECT_EQ(sim_.arm("GET", url(disk_id("d"))).status, 404);
  EXPECT_EQ(sim_.arm("GET", url(snapshot_id("s"))).status, 404);
  EXPECT_EQ(get(disk_id("old"))["sku"]["name"], "Premium_LRS");
  auto nulls = empty_disk();
  nulls["properties"]["maxShares"] = nulls["properties"]["encryption"] = nullptr;
  EXPECT_EQ(put(disk_id("d"), nulls).status, 202);
}

// "Performance tiers for managed disks": a Premium SSD may have a higher tier than its size gives.
TEST_F(DisksContractTest, PerformanceTierIsKept) {
  auto body = empty_disk(128);
  body["properties"]["tier"] = "P30";
  const auto made = make(disk_id("d"), body);
  EXPECT_EQ(made["properties"]["tier"], "P30");
  EXPECT_EQ(made["properties"]["diskIOPSReadWrite"], 5000);
  EXPECT_EQ(make(disk_id("d"), made)["properties"]["tier"], "P30");  // a whole GET put back
  const auto patch = [&](const json& properties) {
    return sim_.finish(sim_.arm("PATCH", url(disk_id("d")), {{"properties", properties}}));
  };
  patch({{"diskSizeGB", 256}});
  EXPECT_EQ(get(disk_id("d"))["properties"]["tier"], "P30");
  patch({{"tier", "P15"}});
  EXPECT_EQ(get(disk_id("d"))["properties"]["tier"], "P15");
  patch({{"diskSizeGB", 512}});
  EXPECT_EQ(get(disk_id("d"))["properties"]["tier"], "P20");
  for (const char* tier : {"P10", "P60", "P25", "E30", "x"}) {
    const auto reply = sim_.arm("PATCH", url(disk_id("d")), {{"properties", {{"tier", tier}}}});
    EXPECT_EQ(reply.status, 400) << tier;
    EXPECT_EQ(reply.error_code(), "InvalidParameter") << tier;
  }
  body["sku"]["name"] = "Standard_LRS";
  EXPECT_EQ(put(disk_id("hdd"), body).error_code(), "InvalidParameter");
}

// "Share an Azure managed disk": maxShares by sku and size.
TEST_F(DisksContractTest, SharesAreLimited) {
  const auto reply_of = [&](const std::string& sku, int gb, const json& shares) {
    auto body = empty_disk(gb);
    body["sku"]["name"] = sku;
    body["properties"]["maxShares"] = shares;
    return put(disk_id(sku + std::to_string(gb)), body);
  };
  EXPECT_EQ(reply_of("Premium_LRS", 128, 4).error_code(), "InvalidParameter");
  EXPECT_EQ(reply_of("Premium_LRS", 128, 0).error_code(), "InvalidParameter");
  EXPECT_EQ(reply_of("Standard_LRS", 128, 2).error_code(), "InvalidParameter");
  EXPECT_EQ(reply_of("StandardSSD_LRS", 1024, 6).error_code(), "InvalidParameter");
  EXPECT_EQ(reply_of("Premium_LRS", 128, 3).status, 202);
  EXPECT_EQ(reply_of("StandardSSD_LRS", 1024, 5).status, 202);
  EXPECT_EQ(reply_of("Premium_LRS", 8192, 10).status, 202);
}

// "There is an active shared access signature outstanding": a reader or an upload counts on the size.
TEST_F(DisksContractTest, ResizeNeedsTheAccessToEnd) {
  const json grow = {{"properties", {{"diskSizeGB", 8}}}};
  make(disk_id("read"), empty_disk());
  grant(disk_id("read"));
  make(disk_id("upload"),
       {{"location", "eastus"},
        {"properties", {{"creationData", {{"createOption", "Upload"}, {"uploadSizeBytes", 67109376}}}}}});
  grant(disk_id("upload"), "Write");
  for (const char* name : {"read", "upload"}) {
    const auto reply = sim_.arm("PATCH", url(disk_id(name)), grow);
    EXPECT_EQ(reply.status, 409) << name;
    EXPECT_EQ(reply.error_code(), "OperationNotAllowed") << name;
    revoke(disk_id(name));
    EXPECT_EQ(sim_.arm("PATCH", url(disk_id(name)), grow).status, 202) << name;
  }
}

// "GET … 404 ResourceNotFound"; "DELETE 204 = absent".
TEST_F(DisksContractTest, AbsentDisks) {
  EXPECT_EQ(sim_.arm("GET", url(disk_id("x"))).error_code(), "ResourceNotFound");
  EXPECT_EQ(sim_.arm("PATCH", url(disk_id("x")), {{"tags", json::object()}}).error_code(),
            "ResourceNotFound");
  EXPECT_EQ(sim_.arm("DELETE", url(disk_id("x"))).status, 204);
}

TEST_F(DisksContractTest, DeleteEndsAndTheDiskIsGone) {
  make(disk_id("d"), empty_disk());
  const auto started = sim_.arm("DELETE", url(disk_id("d")));
  EXPECT_EQ(started.status, 202);
  EXPECT_EQ(sim_.finish(started).json()["status"], "Succeeded");
  EXPECT_EQ(sim_.arm("GET", url(disk_id("d"))).status, 404);
}

// "Disks and snapshots have no ETag: PUT on an existing name is an update." PUT replaces all tags; PATCH of
// tags only.
TEST_F(DisksContractTest, PutAndPatchUpdate) {
  auto body = empty_disk();
  body["tags"] = {{"a", "1"}};
  const auto before = make(disk_id("d"), body);
  sim_.finish(sim_.arm("PATCH", url(disk_id("d")),
                       {{"tags", {{"b", "2"}}}, {"properties", {{"networkAccessPolicy", "DenyAll"}}}}));
  auto now = get(disk_id("d"));
  EXPECT_EQ(now["tags"], (json{{"b", "2"}}));
  EXPECT_EQ(now["properties"]["networkAccessPolicy"], "DenyAll");
  EXPECT_EQ(now["properties"]["uniqueId"], before["properties"]["uniqueId"]);
  now.erase("tags");
  now["properties"]["diskSizeGB"] = 8;
  now["sku"] = {{"name", "StandardSSD_LRS"}};
  const auto after = make(disk_id("d"), now);  // a whole GET put back
  EXPECT_FALSE(after.contains("tags") && !after["tags"].empty());
  EXPECT_EQ(after["properties"]["diskSizeBytes"], 8ull << 30);
  EXPECT_EQ(after["properties"]["tier"], "E2");
  EXPECT_EQ(after["sku"]["name"], "StandardSSD_LRS");
}

// "diskSizeGB may grow, never shrink: 400 … cannot be resized down."
TEST_F(DisksContractTest, ShrinkingIsRefused) {
  make(disk_id("d"), empty_disk(8));
  const auto reply = sim_.arm("PATCH", url(disk_id("d")), {{"properties", {{"diskSizeGB", 4}}}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("cannot be resized down"), std::string::npos);
  make(snapshot_id("s"), incremental_of(disk_id("d")));
  auto body = copy_of(snapshot_id("s"));
  body["properties"]["diskSizeGB"] = 7;
  EXPECT_NE(put(disk_id("small"), body).body.find("cannot be resized down"), std::string::npos);
  body["properties"]["diskSizeGB"] = 16;
  EXPECT_EQ(make(disk_id("large"), body)["properties"]["diskSizeGB"], 16);
}

// "Name taken, other source: 409 PropertyChangeNotAllowed 'Changing property … is not allowed for existing
// disk …'."
TEST_F(DisksContractTest, SourceGenerationAndSecurityCannotChange) {
  make(disk_id("a"), empty_disk());
  make(disk_id("d"), copy_of(disk_id("a")));
  make(disk_id("b"), empty_disk());
  const auto reply = put(disk_id("d"), copy_of(disk_id("b")));
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.error_code(), "PropertyChangeNotAllowed");
  EXPECT_EQ(reply.json()["error"]["message"],
            "Changing property 'creationData.sourceResourceId' is not allowed for existing disk 'd'.");
  EXPECT_EQ(put(disk_id("d"), empty_disk()).error_code(), "PropertyChangeNotAllowed");
  for (const json& change :
       {json{{"hyperVGeneration", "V2"}}, json{{"securityProfile", {{"securityType", "TrustedLaunch"}}}}}) {
    EXPECT_EQ(sim_.arm("PATCH", url(disk_id("d")), {{"properties", change}}).error_code(),
              "PropertyChangeNotAllowed");
  }
}

// "Snapshot in the same region; Copy from another region: 404 '… is not found', though it exists."
TEST_F(DisksContractTest, CopyIsSameRegionOnly) {
  make(disk_id("a"), empty_disk());
  const auto reply = put(disk_id("d"), copy_of(disk_id("a"), "westus2"));
  EXPECT_EQ(reply.status, 404);
  EXPECT_NE(reply.body.find("is not found"), std::string::npos);
  EXPECT_EQ(put(disk_id("d"), copy_of(disk_id("nowhere"))).status, 404);
  EXPECT_EQ(put(disk_id("d"), copy_of("not an id")).error_code(), "LinkedInvalidPropertyId");
}

// "hyperVGeneration, osType, securityProfile inherited. A securityProfile in the body with Copy: 400
// BadRequest."
TEST_F(DisksContractTest, CopyInheritsGenerationOsAndSecurity) {
  auto body = empty_disk();
  body["properties"].update({{"osType", "Linux"},
                             {"hyperVGeneration", "V2"},
                             {"securityProfile", {{"securityType", "TrustedLaunch"}}}});
  make(disk_id("os"), body);
  make(snapshot_id("s"), incremental_of(disk_id("os")));
  auto copy = copy_of(snapshot_id("s"));
  copy["zones"] = {"2"};
  const auto restored = make(disk_id("restored"), copy);
  EXPECT_EQ(restored["properties"]["osType"], "Linux");
  EXPECT_EQ(restored["properties"]["hyperVGeneration"], "V2");
  EXPECT_EQ(restored["properties"]["securityProfile"]["securityType"], "TrustedLaunch");
  EXPECT_EQ(restored["zones"], (json{"2"}));
  EXPECT_EQ(restored["properties"]["creationData"]["sourceUniqueId"],
            get(snapshot_id("s"))["properties"]["uniqueId"]);
  copy["properties"]["securityProfile"] = {{"securityType", "TrustedLaunch"}};
  const auto reply = put(disk_id("other"), copy);
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.error_code(), "BadRequest");
  EXPECT_NE(reply.body.find("is not supported for CreateOption 'Copy'"), std::string::npos);
}

// Two writes to one disk: 409 Conflict "The request failed due to conflict with a concurrent request."
TEST_F(DisksContractTest, OneOperationAtATime) {
  sim_.admin("POST", "latency", {{"profile", "demo"}});
  sim_.freeze_at("2025-12-01T08:00:00Z");
  EXPECT_EQ(put(disk_id("d"), empty_disk()).status, 202);
  EXPECT_EQ(get(disk_id("d"))["properties"]["provisioningState"], "Updating");
  const auto second = sim_.arm("PATCH", url(disk_id("d")), {{"tags", json::object()}});
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(second.error_code(), "Conflict");
  sim_.advance("5s");
  EXPECT_EQ(get(disk_id("d"))["properties"]["provisioningState"], "Succeeded");
}

// A creation that fails leaves a disk in state Failed, which can be deleted or put again.
TEST_F(DisksContractTest, FailedCreationLeavesAFailedDisk) {
  sim_.add_fault({{"method", "PUT"},
                  {"path", "*/disks/*"},
                  {"count", 1},
                  {"operationCode", "InternalError"},
                  {"operationMessage", "x"}});
  const auto ended = sim_.finish(put(disk_id("d"), empty_disk())).json();
  EXPECT_EQ(ended["status"], "Failed");
  EXPECT_EQ(ended["error"]["code"], "InternalError");
  EXPECT_EQ(get(disk_id("d"))["properties"]["provisioningState"], "Failed");
  EXPECT_EQ(make(disk_id("d"), empty_disk())["properties"]["provisioningState"], "Succeeded");
}

// "May do snapshots/write but not Microsoft.Compute/disks/beginGetAccess/action on the linked source disk":
// 403 LinkedAuthorizationFailed.
TEST_F(DisksContractTest, CopyNeedsAccessToTheSourcesData) {
  make(disk_id("d"), empty_disk());
  const json grant = {{"principal", "*"},
                      {"scope", "/"},
                      {"actions", {"*"}},
                      {"notActions", {"Microsoft.Compute/disks/beginGetAccess/action"}}};
  sim_.admin("PUT", "grants", {{"grants", json::array({grant})}});
  const auto reply = put(snapshot_id("s"), incremental_of(disk_id("d")));
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(reply.error_code(), "LinkedAuthorizationFailed");
}

TEST_F(DisksContractTest, ListsByGroupAndSubscription) {
  make(disk_id("a"), empty_disk());
  make(disk_id("b"), empty_disk());
  const auto group = std::string(kSubscription) + "/resourceGroups/rg/providers/Microsoft.Compute/disks";
  EXPECT_EQ(sim_.arm("GET", url(group)).json()["value"].size(), 2u);
  EXPECT_EQ(sim_.arm("GET", url(std::string(kSubscription) + "/providers/Microsoft.Compute/disks"))
                .json()["value"]
                .size(),
            2u);
}

// "Limits: 50 tags, value 256": checked on PATCH, too.
TEST_F(DisksContractTest, TagLimitsHoldForPatch) {
  make(disk_id("d"), empty_disk());
  const auto reply = sim_.arm("PATCH", url(disk_id("d")), {{"tags", {{"a", std::string(257, 'x')}}}});
  EXPECT_EQ(reply.error_code(), "InvalidTagValueLength");
}

}  // namespace
}  // namespace azlin::test
