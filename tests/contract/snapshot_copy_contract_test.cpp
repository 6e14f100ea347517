#include "contract/disk_support.hpp"

namespace azlin::test {
namespace {

// The disk d in eastus with the snapshots s1 and s2 of it; the clock stands still and operations take their
// time.
class SnapshotCopyContractTest : public DiskFixture {
 protected:
  SnapshotCopyContractTest() {
    sim_.freeze_at("2025-12-01T08:00:00Z");
    auto body = empty_disk();
    body["properties"].update({{"osType", "Linux"},
                               {"hyperVGeneration", "V2"},
                               {"securityProfile", {{"securityType", "TrustedLaunch"}}}});
    make(disk_id("d"), body);
    make(snapshot_id("s1"), incremental_of(disk_id("d")));
    sim_.advance("1h");
    make(snapshot_id("s2"), incremental_of(disk_id("d")));
    sim_.advance("1h");
  }
  void latency(const std::string& profile) { sim_.admin("POST", "latency", {{"profile", profile}}); }
  HttpReply begin_copy(const std::string& name, const std::string& source,
                       const std::string& location = "westus2") {
    return put(snapshot_id(name), remote_copy_of(snapshot_id(source), location));
  }
  double percent(const std::string& name) {
    return get(snapshot_id(name))["properties"].value("completionPercent", -1.0);
  }
  void expect_refused(const HttpReply& reply, int status, const std::string& code,
                      const std::string& text = "") {
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.error_code(), code) << reply.body;
    EXPECT_NE(reply.body.find(text), std::string::npos) << reply.body;
  }
};

// "The operation Succeeded after 1.2 s and provisioningState was Succeeded while completionPercent was 0.0;
// poll the snapshot: done = completionPercent ≥ 100."
TEST_F(SnapshotCopyContractTest, OperationEndsLongBeforeTheCopy) {
  latency("realistic");
  const auto started = begin_copy("c1", "s1");
  EXPECT_EQ(started.status, 202);
  sim_.advance("2s");
  EXPECT_EQ(sim_.finish(started).json()["status"], "Succeeded");
  const auto copy = get(snapshot_id("c1"));
  EXPECT_EQ(copy["properties"]["provisioningState"], "Succeeded");
  EXPECT_LT(percent("c1"), 10.0);
  sim_.advance("30s");
  const auto half = percent("c1");
  EXPECT_GT(half, 10.0);
  EXPECT_LT(half, 100.0);
  EXPECT_EQ(sim_.arm("GET", url(std::string(kSubscription) + "/providers/Microsoft.Compute/snapshots"))
                .json()["value"][0]["properties"]["completionPercent"],
            half);
  sim_.advance("10m");
  EXPECT_EQ(percent("c1"), 100.0);
}

// "The target gets its own family id and uniqueId; creationData.sourceUniqueId = uniqueId of the source
// snapshot."
TEST_F(SnapshotCopyContractTest, CopyHasItsOwnIdentity) {
  sim_.finish(begin_copy("c1", "s1"));
  const auto source = get(snapshot_id("s1"))["properties"], copy = get(snapshot_id("c1"))["properties"];
  EXPECT_NE(copy["uniqueId"], source["uniqueId"]);
  EXPECT_NE(copy["incrementalSnapshotFamilyId"], source["incrementalSnapshotFamilyId"]);
  EXPECT_EQ(copy["creationData"]["sourceUniqueId"], source["uniqueId"]);
  EXPECT_EQ(copy["creationData"]["createOption"], "CopyStart");
  EXPECT_EQ(copy["incremental"], true);
  EXPECT_EQ(get(snapshot_id("c1"))["location"], "westus2");
}

// "A copy loses securityProfile unless the PUT states it."
TEST_F(SnapshotCopyContractTest, TrustedLaunchIsLostUnlessStated) {
  sim_.finish(begin_copy("c1", "s1"));
  EXPECT_FALSE(get(snapshot_id("c1"))["properties"].contains("securityProfile"));
  EXPECT_EQ(get(snapshot_id("c1"))["properties"]["hyperVGeneration"], "V2");
  auto body = remote_copy_of(snapshot_id("s2"));
  body["properties"]["securityProfile"] = {{"securityType", "TrustedLaunch"}};
  EXPECT_EQ(make(snapshot_id("c2"), body)["properties"]["securityProfile"]["securityType"], "TrustedLaunch");
}

// "api ≥ 2020-12-01; incremental only; source is a disk: 400 InvalidParameter."
TEST_F(SnapshotCopyContractTest, SourceAndVersionAreChecked) {
  make(snapshot_id("full"), copy_of(disk_id("d")));
  expect_refused(sim_.arm("PUT", url(snapshot_id("c"), "", "2020-09-30"), remote_copy_of(snapshot_id("s1"))),
                 400, "InvalidParameter");
  expect_refused(put(snapshot_id("c"), remote_copy_of(disk_id("d"))), 400, "InvalidParameter");
  expect_refused(put(snapshot_id("c"), remote_copy_of(snapshot_id("full"))), 400, "InvalidParameter",
                 "incremental");
  expect_refused(put(snapshot_id("c"), remote_copy_of(snapshot_id("none"))), 404, "ResourceNotFound");
  expect_refused(put(snapshot_id("c"), remote_copy_of(snapshot_id("s1"), "eastus")), 400, "InvalidParameter",
                 "another region");
  auto full = remote_copy_of(snapshot_id("s1"));
  full["properties"]["incremental"] = false;
  expect_refused(put(snapshot_id("c"), full), 400, "InvalidParameter", "incremental");
}

// "One at a time per disk." (the code is the simulator's choice)
TEST_F(SnapshotCopyContractTest, OneAtATimePerDisk) {
  latency("realistic");
  EXPECT_EQ(begin_copy("c1", "s1").status, 202);
  expect_refused(begin_copy("c2", "s2"), 409, "OperationNotAllowed", "in progress");
  expect_refused(begin_copy("c2", "s2", "westus3"), 409, "OperationNotAllowed", "in progress");
  sim_.advance("1h");
  EXPECT_EQ(begin_copy("c2", "s2").status, 202);
}

// "In creation order": an older one cannot follow a newer one into the same region. (the code is our choice)
TEST_F(SnapshotCopyContractTest, InCreationOrder) {
  sim_.finish(begin_copy("c2", "s2"));
  expect_refused(begin_copy("c1", "s1"), 409, "OperationNotAllowed", "order");
  EXPECT_EQ(begin_copy("c1", "s1", "westus3").status, 202);  // the order holds for each region
}

// "Unusable before 100": no disk, no SAS, no further copy.
TEST_F(SnapshotCopyContractTest, UnusableBefore100) {
  latency("realistic");
  begin_copy("c1", "s1");
  sim_.advance("5s");
  expect_refused(put(disk_id("r"), copy_of(snapshot_id("c1"), "westus2")), 409, "OperationNotAllowed",
                 "complete");
  expect_refused(sim_.arm("POST", url(snapshot_id("c1"), "beginGetAccess"),
                          {{"access", "Read"}, {"durationInSeconds", 60}}),
                 409, "OperationNotAllowed", "complete");
  expect_refused(put(snapshot_id("c3"), remote_copy_of(snapshot_id("c1"), "westus3")), 409,
                 "OperationNotAllowed");
  sim_.advance("1h");
  EXPECT_EQ(put(disk_id("r"), copy_of(snapshot_id("c1"), "westus2")).status, 202);
}

// Azure: the copy fails when its source goes; the simulator refuses to delete the source (our choice).
TEST_F(SnapshotCopyContractTest, SourceCannotBeDeletedWhileItIsCopied) {
  latency("realistic");
  begin_copy("c1", "s1");
  expect_refused(sim_.arm("DELETE", url(snapshot_id("s1"))), 409, "OperationNotAllowed", "c1");
  sim_.advance("1h");
  EXPECT_EQ(sim_.arm("DELETE", url(snapshot_id("s1"))).status, 202);
}

// "copyCompletionError{errorCode: CopySourceNotFound}": the source goes away with its group.
TEST_F(SnapshotCopyContractTest, CopyFailsWhenItsSourceDisappears) {
  sim_.make_group("dr", "westus2");
  latency("realistic");
  const auto target =
      std::string(kSubscription) + "/resourceGroups/dr/providers/Microsoft.Compute/snapshots/c1";
  EXPECT_EQ(put(target, remote_copy_of(snapshot_id("s1"))).status, 202);
  sim_.advance("5s");
  latency("none");
  sim_.finish(sim_.arm("DELETE", std::string(kSubscription) + "/resourceGroups/rg?api-version=2021-04-01"));
  sim_.advance("1h");
  const auto copy = get(target)["properties"];
  EXPECT_EQ(copy["copyCompletionError"]["errorCode"], "CopySourceNotFound");
  EXPECT_LT(copy["completionPercent"].get<double>(), 100.0);
  EXPECT_EQ(sim_.arm("DELETE", url(target)).status, 202);
}

// A copy that is deleted ends; its place is free.
TEST_F(SnapshotCopyContractTest, DeletingTheCopyEndsIt) {
  latency("realistic");
  begin_copy("c1", "s1");
  sim_.advance("5s");
  EXPECT_EQ(sim_.arm("DELETE", url(snapshot_id("c1"))).status, 202);
  sim_.advance("5s");
  EXPECT_EQ(sim_.arm("GET", url(snapshot_id("c1"))).status, 404);
  EXPECT_EQ(begin_copy("c2", "s2").status, 202);
  EXPECT_EQ(sim_.arm("DELETE", url(snapshot_id("s1"))).status, 202);
}

// A copy whose operation fails is a Failed leftover, and blocks nothing.
TEST_F(SnapshotCopyContractTest, FailedOperationLeavesNoRunningCopy) {
  latency("realistic");
  sim_.add_fault(
      {{"method", "PUT"}, {"path", "*/snapshots/c1*"}, {"count", 1}, {"operationCode", "InternalError"}});
  const auto started = begin_copy("c1", "s1");
  sim_.advance("5s");
  EXPECT_EQ(sim_.finish(started).json()["status"], "Failed");
  EXPECT_EQ(get(snapshot_id("c1"))["properties"]["provisioningState"], "Failed");
  EXPECT_EQ(begin_copy("c2", "s2").status, 202);
}

// "100 parallel per subscription and region."
TEST_F(SnapshotCopyContractTest, HundredInParallel) {
  for (int i = 0; i <= 100; ++i) {
    const auto name = "p" + std::to_string(i);
    make(disk_id(name), empty_disk(1));
    make(snapshot_id(name), incremental_of(disk_id(name)));
  }
  latency("realistic");
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(begin_copy("c" + std::to_string(i), "p" + std::to_string(i)).status, 202);
  expect_refused(begin_copy("c100", "p100"), 409, "OperationNotAllowed", "100");
  EXPECT_EQ(begin_copy("c100", "p100", "westus3").status, 202);
}

// The copy survives a restart of the service.
TEST_F(SnapshotCopyContractTest, GoesOnAfterARestart) {
  latency("realistic");
  begin_copy("c1", "s1");
  sim_.advance("20s");
  const auto before = percent("c1");
  sim_.restart();
  EXPECT_EQ(percent("c1"), before);
  sim_.advance("1h");
  EXPECT_EQ(percent("c1"), 100.0);
}

}  // namespace
}  // namespace azlin::test
