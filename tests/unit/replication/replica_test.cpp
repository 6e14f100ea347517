#include "azlin/replication/replica.hpp"

#include <gmock/gmock.h>

#include "azlin/core/error.hpp"

namespace azlin::replication {
namespace {

using core::Error;
using core::ErrorKind;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

const std::string kIds = "/subscriptions/s/resourceGroups/Production/providers/Microsoft.Compute/snapshots/";

class ReplicaTest : public testing::Test {
 protected:
  azure::Snapshot source(const std::string& name, core::TimePoint at) const {
    azure::Snapshot made;
    made.id = kIds + name;
    made.name = name;
    made.resource_group = "Production";
    made.location = "eastus";
    made.unique_id = "uid-" + name;
    made.incremental = true;
    made.family_id = "family";
    made.size_bytes = 1000;
    made.size_gb = 1;
    made.os_type = "Linux";
    made.generation = "V2";
    made.security_type = "TrustedLaunch";
    made.capabilities = R"({"architecture":"x64"})";
    made.provisioning_state = "Succeeded";
    made.created_at = at;
    made.tags = {{"azlin:vm", "production/web"},
                 {"azlin:set", name},
                 {"azlin:lun", "os"},
                 {"azlin:disks", "1"},
                 {"azlin:time", "2025-12-01T07:59:00Z"},
                 {"azlin:backup-tier", "daily"},
                 {"azlin:verified", "full 2025-12-01T09:00:00Z"},
                 {"azlin:in-use", "restore 2025-12-01T09:00:00Z"},
                 {"team", "storage"}};
    return made;
  }
  azure::Snapshot copy_of(const azure::Snapshot& from, const std::string& region, double percent) const {
    azure::Snapshot made = from;
    const auto wanted = replica_request(from, from.id + "-" + region, region, {});
    made.id = wanted.id;
    made.name += "-" + region;
    made.location = region;
    made.source_id = from.id;
    made.source_unique_id = from.unique_id;
    made.family_id = "another family";
    made.create_option = "CopyStart";
    made.completion_percent = percent;
    made.tags = wanted.tags;
    return made;
  }
  std::vector<backup::BackupInfo> backups(std::vector<azure::Snapshot> snapshots) const {
    return backup::to_backups(snapshot::group_sets(std::move(snapshots)), start + 24h);
  }
  template <class Action>
  static Error error_of(Action action) {
    try {
      action();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error was thrown";
    return Error(ErrorKind::failed, "none");
  }
  core::TimePoint start = core::parse_time("2025-12-01 08:00").value();
  Target westus2 = make_target("westus2", {}, {});
};

TEST_F(ReplicaTest, NameIsTheSourcesUnlessItIsTakenInItsGroup) {
  EXPECT_EQ(replica_name("web-1", "westus2", false), "web-1");
  EXPECT_EQ(replica_name("web-1", "westus2", true), "web-1-westus2");
  const std::string longest(80, 'a');
  const auto cut = replica_name(longest, "westus2", true);
  EXPECT_EQ(cut.size(), 80u);
  EXPECT_THAT(cut, testing::EndsWith("-westus2"));
  EXPECT_NE(cut, replica_name(longest.substr(1) + "b", "westus2", true));
}

TEST_F(ReplicaTest, RequestStatesWhatTheServiceWouldLose) {
  const auto wanted = replica_request(source("web-1", start + 250ms), kIds + "x", "westus2", "/des");
  EXPECT_TRUE(wanted.copy_start);
  EXPECT_EQ(wanted.os_type, "Linux");
  EXPECT_EQ(wanted.generation, "V2");
  EXPECT_EQ(wanted.security_type, "TrustedLaunch");
  EXPECT_EQ(wanted.capabilities, R"({"architecture":"x64"})");
  EXPECT_EQ(wanted.encryption_set_id, "/des");
  EXPECT_EQ(wanted.tags.at("azlin:replica-of"), "eastus/production/web-1");
  EXPECT_EQ(wanted.tags.at("azlin:time"), "2025-12-01T08:00:00Z");
  EXPECT_EQ(wanted.tags.at("team"), "storage");
  EXPECT_FALSE(wanted.tags.contains("azlin:verified")) << "nobody has read the copy";
  EXPECT_FALSE(wanted.tags.contains("azlin:in-use"));
}

TEST_F(ReplicaTest, DifferencesNameWhatIsExpectedAndFound) {
  const auto from = source("web-1", start);
  auto copy = copy_of(from, "westus2", 100);
  EXPECT_THAT(differences(expected_of(from, {}), copy), IsEmpty());
  copy.generation = "V1";
  copy.security_type.clear();
  copy.size_bytes = 999;
  copy.capabilities = "{}";
  EXPECT_THAT(differences(expected_of(from, {}), copy), SizeIs(4));
  EXPECT_THAT(differences(expected_of(from, {}), copy), testing::Contains("generation is V1, expected V2"));
  EXPECT_THAT(differences(expected_of(from, "/des"), copy_of(from, "westus2", 100)),
              testing::Contains(HasSubstr("disk encryption set is not set, expected /des")));
}

TEST_F(ReplicaTest, SnapshotOfAnotherUniqueIdIsNoReplica) {
  const auto from = source("web-1", start);
  auto copy = copy_of(from, "westus2", 100);
  EXPECT_TRUE(is_replica_of(copy, from.id, from.unique_id));
  EXPECT_FALSE(is_replica_of(copy, from.id, "made anew under that name"));
  EXPECT_FALSE(is_replica_of(copy, kIds + "web-2", from.unique_id));
}

TEST_F(ReplicaTest, BadTargetsAreRefused) {
  EXPECT_EQ(error_of([] { make_target("", {}, {}); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([] { make_target("no-where!", {}, {}); }).kind(), ErrorKind::usage);
  EXPECT_EQ(error_of([] { make_target("westus2", {}, "des-1"); }).kind(), ErrorKind::usage);
  EXPECT_EQ(make_target("West US 2", {}, {}).region, "westus2");
}

TEST_F(ReplicaTest, SameRegionAndFullSnapshotsAreRefused) {
  const auto all = backups({source("web-1", start)});
  EXPECT_EQ(error_of([&] { plan_replica(all[0], all, make_target("eastus", {}, {})); }).kind(),
            ErrorKind::usage);
  auto full = source("web-1", start);
  full.incremental = false;
  const auto fulls = backups({full});
  EXPECT_THAT(error_of([&] { plan_replica(fulls[0], fulls, westus2); }).what(),
              HasSubstr("is a full snapshot"));
}

TEST_F(ReplicaTest, CustomerKeyNeedsASetInTheTargetRegion) {
  auto encrypted = source("web-1", start);
  encrypted.encryption_set_id = "/eastus/des";
  const auto all = backups({encrypted});
  EXPECT_EQ(error_of([&] { plan_replica(all[0], all, westus2); }).kind(), ErrorKind::usage);
  const std::string set =
      "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/diskEncryptionSets/west";
  EXPECT_EQ(
      plan_replica(all[0], all, make_target("westus2", {}, set)).job.copies[0].expected.encryption_set_id,
      set);
}

TEST_F(ReplicaTest, OlderThanWhatIsThereComesTooLate) {
  const auto older = source("web-1", start), newer = source("web-2", start + 24h);
  const auto all = backups({older, newer, copy_of(newer, "westus2", 100)});
  ASSERT_EQ(all[1].name, "web-1");
  EXPECT_THAT(error_of([&] { plan_replica(all[1], all, westus2); }).what(),
              HasSubstr("can no longer be copied"));
  EXPECT_NO_THROW(plan_replica(all[1], all, make_target("northeurope", {}, {})));
}

TEST_F(ReplicaTest, NewerOneSaysWhatItShutsOut) {
  const auto all = backups({source("web-1", start), source("web-2", start + 24h)});
  EXPECT_THAT(plan_replica(all[0], all, westus2).warnings, SizeIs(1));
  EXPECT_THAT(plan_replica(all[1], all, westus2).warnings, IsEmpty());
}

TEST_F(ReplicaTest, CopyThatIsThereIsAdopted) {
  const auto from = source("web-1", start);
  auto copy = copy_of(from, "westus2", 40);
  copy.id = kIds + "made-by-hand";
  const auto all = backups({from, copy});
  const auto plan = plan_replica(all[0], all, westus2);
  EXPECT_TRUE(plan.job.copies[0].adopted);
  EXPECT_EQ(plan.job.copies[0].target_id, copy.id);
  EXPECT_FALSE(plan.replicated);
}

}  // namespace
}  // namespace azlin::replication
