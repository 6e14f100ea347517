#include "contract/disk_support.hpp"

namespace azlin::test {
namespace {

class SnapshotsContractTest : public DiskFixture {
 protected:
  SnapshotsContractTest() { make(disk_id("d"), empty_disk()); }
};

// "Properties: incrementalSnapshotFamilyId, uniqueId, timeCreated, diskSizeBytes, diskState,
// provisioningState; creationData.sourceUniqueId. An ordinary snapshot has no completionPercent."
TEST_F(SnapshotsContractTest, IncrementalSnapshotShowsWhatTheServiceFillsIn) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  const auto snapshot = make(snapshot_id("s"), incremental_of(disk_id("d")));
  const auto disk = get(disk_id("d"));
  const auto& properties = snapshot["properties"];
  EXPECT_EQ(properties["incremental"], true);
  EXPECT_EQ(properties["diskState"], "Unattached");
  EXPECT_EQ(properties["diskSizeGB"], 4);
  EXPECT_EQ(properties["timeCreated"], "2025-12-01T08:00:00.0000000+00:00");
  EXPECT_EQ(properties["creationData"]["sourceUniqueId"], disk["properties"]["uniqueId"]);
  EXPECT_NE(properties["uniqueId"], disk["properties"]["uniqueId"]);
  EXPECT_TRUE(properties.contains("incrementalSnapshotFamilyId"));
  EXPECT_FALSE(properties.contains("completionPercent"));
  const auto second = make(snapshot_id("s2"), incremental_of(disk_id("d")));
  EXPECT_EQ(second["properties"]["incrementalSnapshotFamilyId"], properties["incrementalSnapshotFamilyId"]);
}

// "incremental:false (or absent) = full copy"; it belongs to no family.
TEST_F(SnapshotsContractTest, WithoutIncrementalItIsAFullCopy) {
  const auto snapshot = make(snapshot_id("s"), copy_of(disk_id("d")));
  EXPECT_EQ(snapshot["properties"]["incremental"], false);
  EXPECT_FALSE(snapshot["properties"].contains("incrementalSnapshotFamilyId"));
}

// "Default ZRS where available else LRS, later the previous one's sku"; "incremental lives on Standard HDD".
TEST_F(SnapshotsContractTest, DefaultSkuIsZoneRedundantThenThatOfThePrevious) {
  EXPECT_EQ(make(snapshot_id("a"), incremental_of(disk_id("d")))["sku"]["name"], "Standard_ZRS");
  auto local = incremental_of(disk_id("d"));
  local["sku"] = {{"name", "Standard_LRS"}};
  EXPECT_EQ(make(snapshot_id("b"), local)["sku"]["name"], "Standard_LRS");
  EXPECT_EQ(make(snapshot_id("c"), incremental_of(disk_id("d")))["sku"]["name"], "Standard_LRS");
  local["sku"] = {{"name", "Premium_LRS"}};
  EXPECT_EQ(put(snapshot_id("e"), local).error_code(), "InvalidParameter");
}

// "A re-created disk of the same name has a new uniqueId": its snapshots are another family.
TEST_F(SnapshotsContractTest, RecreatedDiskIsAnotherFamily) {
  const auto old = make(snapshot_id("old"), incremental_of(disk_id("d")));
  sim_.finish(sim_.arm("DELETE", url(disk_id("d"))));
  make(disk_id("d"), empty_disk());
  const auto fresh = make(snapshot_id("new"), incremental_of(disk_id("d")));
  EXPECT_NE(fresh["properties"]["creationData"]["sourceUniqueId"],
            old["properties"]["creationData"]["sourceUniqueId"]);
  EXPECT_NE(fresh["properties"]["incrementalSnapshotFamilyId"],
            old["properties"]["incrementalSnapshotFamilyId"]);
}

// "Copy is same-region: from another region 404 '… is not found', though the disk exists."
TEST_F(SnapshotsContractTest, CopyIsSameRegionOnly) {
  auto body = incremental_of(disk_id("d"));
  body["location"] = "westus2";
  const auto reply = put(snapshot_id("s"), body);
  EXPECT_EQ(reply.status, 404);
  EXPECT_NE(reply.body.find("is not found"), std::string::npos);
}

// "Name taken, other source: 409 PropertyChangeNotAllowed … for existing disk 'x' (disk, even for a
// snapshot)."
TEST_F(SnapshotsContractTest, SourceAndKindCannotChange) {
  make(disk_id("other"), empty_disk());
  make(snapshot_id("s"), incremental_of(disk_id("d")));
  const auto reply = put(snapshot_id("s"), incremental_of(disk_id("other")));
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.error_code(), "PropertyChangeNotAllowed");
  EXPECT_NE(reply.body.find("existing disk 's'"), std::string::npos);
  auto full = copy_of(disk_id("d"));
  full["properties"]["incremental"] = false;
  EXPECT_EQ(put(snapshot_id("s"), full).error_code(), "PropertyChangeNotAllowed");
  EXPECT_EQ(put(snapshot_id("s"), incremental_of(disk_id("d"))).status, 202);  // the same again is an update
}

// "7 incremental per disk per 5 min; beyond: SnapshotsLimitReached, and a snapshot with provisioningState
// Failed stays behind, to be deleted."
TEST_F(SnapshotsContractTest, EighthSnapshotInFiveMinutesFailsAndStaysBehind) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  for (int i = 0; i < 7; ++i) make(snapshot_id("s" + std::to_string(i)), incremental_of(disk_id("d")));
  // Deleting one makes no room.
  sim_.finish(sim_.arm("DELETE", url(snapshot_id("s0"))));
  const auto ended = sim_.finish(put(snapshot_id("s7"), incremental_of(disk_id("d")))).json();
  EXPECT_EQ(ended["status"], "Failed");
  EXPECT_EQ(ended["error"]["code"], "SnapshotsLimitReached");
  EXPECT_EQ(ended["error"]["message"],
            "The snapshot count was exceeded for a disk. Please retry the request after sometime");
  EXPECT_EQ(get(snapshot_id("s7"))["properties"]["provisioningState"], "Failed");
  EXPECT_EQ(put(disk_id("r"), copy_of(snapshot_id("s7"))).error_code(), "OperationNotAllowed");
  make(disk_id("e"), empty_disk());
  make(snapshot_id("other-disk"), incremental_of(disk_id("e")));  // the limit is per disk
  make(snapshot_id("full"), copy_of(disk_id("d")));               // and for incremental ones
  sim_.advance("301s");
  EXPECT_EQ(make(snapshot_id("s7"), incremental_of(disk_id("d")))["properties"]["provisioningState"],
            "Succeeded");
}

// "500 incremental per disk."
TEST_F(SnapshotsContractTest, FiveHundredPerDisk) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(put(snapshot_id("s" + std::to_string(i)), incremental_of(disk_id("d"))).status, 202);
    if (i % 7 == 6) sim_.advance("301s");
  }
  sim_.advance("301s");
  EXPECT_EQ(sim_.finish(put(snapshot_id("more"), incremental_of(disk_id("d")))).json()["error"]["code"],
            "SnapshotsLimitReached");
  sim_.finish(sim_.arm("DELETE", url(snapshot_id("s3"))));
  EXPECT_EQ(sim_.finish(put(snapshot_id("more"), incremental_of(disk_id("d")))).json()["status"],
            "Succeeded");
}

// "PUT/PATCH of the resource itself replaces all tags."
TEST_F(SnapshotsContractTest, PatchChangesTagsAlone) {
  auto body = incremental_of(disk_id("d"));
  body["tags"] = {{"azlin:vm", "web"}};
  const auto before = make(snapshot_id("s"), body);
  EXPECT_EQ(before["tags"], (json{{"azlin:vm", "web"}}));
  const auto reply = sim_.arm("PATCH", url(snapshot_id("s")), {{"tags", {{"x", "y"}}}});
  EXPECT_EQ(reply.status, 202);
  sim_.finish(reply);
  const auto after = get(snapshot_id("s"));
  EXPECT_EQ(after["tags"], (json{{"x", "y"}}));
  EXPECT_EQ(after["properties"], before["properties"]);
}

// "Deleting one harms no other."
TEST_F(SnapshotsContractTest, DeletingOneHarmsNoOther) {
  make_uploaded("u", std::string(512, 'a'));
  make(snapshot_id("one"), incremental_of(disk_id("u")));
  make(snapshot_id("two"), incremental_of(disk_id("u")));
  sim_.finish(sim_.arm("DELETE", url(snapshot_id("one"))));
  sim_.finish(sim_.arm("DELETE", url(disk_id("u"))));
  EXPECT_EQ(read_range(grant(snapshot_id("two")), 0, 511).body, std::string(512, 'a'));
  EXPECT_EQ(sim_.arm("DELETE", url(snapshot_id("one"))).status, 204);
}

// "diskSizeGB may grow, never shrink"; here a snapshot does not grow either.
TEST_F(SnapshotsContractTest, ASnapshotHasTheSizeOfItsSource) {
  make(disk_id("eight"), empty_disk(8));
  auto body = incremental_of(disk_id("eight"));
  body["properties"]["diskSizeGB"] = 4;
  const auto smaller = put(snapshot_id("s"), body);
  EXPECT_EQ(smaller.status, 400);
  EXPECT_NE(smaller.body.find("cannot be resized down"), std::string::npos);
  body["properties"]["diskSizeGB"] = 9;
  EXPECT_EQ(put(snapshot_id("s"), body).error_code(), "InvalidParameter");
  EXPECT_EQ(sim_.arm("GET", url(snapshot_id("s"))).status, 404);
  body["properties"]["diskSizeGB"] = 8;
  EXPECT_EQ(make(snapshot_id("s"), body)["properties"]["diskSizeGB"], 8);
  auto remote = remote_copy_of(snapshot_id("s"));
  remote["properties"]["diskSizeGB"] = 4;
  EXPECT_EQ(put(snapshot_id("far"), remote).error_code(), "OperationNotAllowed");
}

TEST_F(SnapshotsContractTest, BadInputIsRefused) {
  auto unknown = incremental_of(disk_id("d"));
  unknown["properties"]["increment"] = true;
  EXPECT_EQ(put(snapshot_id("s"), unknown).error_code(), "BadRequest");
  auto secure = incremental_of(disk_id("d"));
  secure["properties"]["securityProfile"] = {{"securityType", "TrustedLaunch"}};
  EXPECT_EQ(put(snapshot_id("s"), secure).error_code(), "BadRequest");
  EXPECT_EQ(put(snapshot_id("s."), incremental_of(disk_id("d"))).error_code(), "InvalidParameter");
  EXPECT_EQ(put(snapshot_id("s"), incremental_of(disk_id("none"))).status, 404);
  EXPECT_EQ(sim_.arm("GET", url(snapshot_id("s"))).status, 404);
}

// Our choice: a snapshot whose creation has not ended cannot be copied yet.
TEST_F(SnapshotsContractTest, NotUsableWhileItIsCreated) {
  sim_.admin("POST", "latency", {{"profile", "demo"}});
  sim_.freeze_at("2025-12-01T08:00:00Z");
  put(snapshot_id("s"), incremental_of(disk_id("d")));
  EXPECT_EQ(put(disk_id("r"), copy_of(snapshot_id("s"))).error_code(), "Conflict");
  sim_.advance("2s");
  EXPECT_EQ(put(disk_id("r"), copy_of(snapshot_id("s"))).status, 202);
}

// State survives restarts: an operation under way goes on.
TEST_F(SnapshotsContractTest, SurvivesARestart) {
  make_uploaded("u", std::string(1024, 'k'));
  make(snapshot_id("s"), incremental_of(disk_id("u")));
  sim_.restart();
  EXPECT_EQ(read_range(grant(snapshot_id("s")), 512, 1023).body, std::string(512, 'k'));
}

}  // namespace
}  // namespace azlin::test
