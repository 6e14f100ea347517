// azlin is killed while it protects, unprotects, backs up or restores in a vault: before a request, after
// one, or after a commit of its journal. `recover` follows what Azure goes on with, begins nothing twice, and
// leaves nothing open.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <numeric>

#include "azlin/core/names.hpp"
#include "inspect.hpp"

namespace azlin::crash {
namespace {

using nlohmann::json;

constexpr const char* kNow = "2036-12-01T10:00:00Z";  // later than any machine's clock made the seed's VM
const std::string kVaultPath =
    std::string(test::kSubscription) +
    "/resourceGroups/Production/providers/Microsoft.RecoveryServices/vaults/my-vault";

struct Work {
  const char* command;
  const char* operation;  // of its jobs
  const char* item;       // friendly name
  // States of the item that are good: as it was, and as the command leaves it; "" for no item.
  const char* before;
  const char* after;
};

const Work kWorks[] = {{"vault-protect", "ConfigureBackup", "HXE", "", "IRPending"},
                       {"vault-unprotect", "DisableBackup", "SYSTEMDB", "Protected", "ProtectionStopped"},
                       {"vault-delete-data", "DeleteBackupData", "SYSTEMDB", "Protected", "deleted"},
                       {"vault-backup", "Backup", "SYSTEMDB", "Protected", "Protected"},
                       {"vault-restore", "Restore", "SYSTEMDB", "Protected", "Protected"}};

void PrintTo(const Work& work, std::ostream* out) {
  *out << work.command;
}

const std::string& vault_state() {
  static const test::TempDir folder;
  static const std::string path = [] {
    const std::string seed = folder.file("seed.json");
    std::ofstream(seed) << R"({"vms": [{"name": "hana", "databases": [
      {"type": "SAPHana", "instance": "HXE", "names": ["SYSTEMDB", "HXE"]}]}], "vaults": [{"name": "my-vault"}]})";
    Scene scene(seed, kNow);
    const auto prepared = scene.run("vault-prepare");
    EXPECT_EQ(prepared.code, 0) << prepared.err;
    scene.simulator().save(folder.file("state"));
    return folder.file("state");
  }();
  return path;
}

// The jobs of the work, newest first; by the service's own words.
std::vector<std::string> jobs_of(Scene& scene, const Work& work) {
  const json jobs = scene.simulator().arm("GET", kVaultPath + "/backupJobs?api-version=2025-02-01").json();
  std::vector<std::string> states;
  for (const auto& job : jobs.at("value")) {
    const json& properties = job.at("properties");
    if (properties.at("operation") == work.operation &&
        properties.at("entityFriendlyName") == core::to_lower(work.item))
      states.push_back(properties.at("status"));
  }
  return states;
}

std::string item_state(Scene& scene, const Work& work) {
  const json items =
      scene.simulator().arm("GET", kVaultPath + "/backupProtectedItems?api-version=2025-02-01").json();
  for (const auto& item : items.at("value")) {
    const json& properties = item.at("properties");
    if (properties.at("friendlyName") != work.item) continue;
    return properties.value("isScheduledForDeferredDelete", false)
               ? "deleted"
               : std::string(properties.at("protectionState"));
  }
  return "";
}

bool full() {
  return std::getenv("AZLIN_TEST_FULL") != nullptr;
}

std::vector<Death> all_deaths(const Outcome& whole) {
  std::vector<Death> deaths;
  const int requests = whole.report.at("requests"), commits = whole.report.at("commits");
  // Without AZLIN_TEST_FULL: after each change and each commit, and before every third request.
  for (int n = 1; n <= requests; ++n)
    if (full() || n % 3 == 1) deaths.push_back({"before", n});
  for (const int n : whole.report.at("changes").get<std::vector<int>>()) deaths.push_back({"after", n});
  for (int n = 1; n <= commits; ++n)
    if (full() || n % 2 == 0) deaths.push_back({"commit", n});
  return deaths;
}

class VaultCrashTest : public testing::TestWithParam<Work> {
 protected:
  static void expect_well(Scene& scene, const Work& work, std::size_t jobs_before, const std::string& when) {
    EXPECT_THAT(unsettled(scene.journal_path()), testing::IsEmpty()) << when;
    const auto jobs = jobs_of(scene, work);
    EXPECT_THAT(jobs, testing::Each("Completed")) << when << ": recover did not wait for them";
    EXPECT_LE(jobs.size(), jobs_before + 1) << when << ": it was begun twice";
    const bool done = jobs.size() == jobs_before + 1;
    EXPECT_EQ(item_state(scene, work), done ? work.after : work.before) << when;
  }
};

TEST_P(VaultCrashTest, RecoverFollowsWhatWasBegunAndBeginsNothingTwice) {
  const Work& work = GetParam();
  Scene whole(vault_state(), kNow);
  const std::size_t jobs_before = jobs_of(whole, work).size();
  const auto outcome = whole.run(work.command);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  ASSERT_EQ(jobs_of(whole, work).size(), jobs_before + 1);
  for (const auto& death : all_deaths(outcome)) {
    const std::string when = fmt::format("{} killed at {} {}", work.command, death.point, death.number);
    Scene scene(vault_state(), kNow);
    EXPECT_TRUE(scene.run(work.command, death).killed) << when;
    const auto recovered = scene.run("recover");
    EXPECT_EQ(recovered.code, 0) << when << ": " << recovered.err;
    expect_well(scene, work, jobs_before, when + ", recovered: " + recovered.err);
    const auto again = scene.run(work.command);
    EXPECT_EQ(again.code, 0) << when << ", run again: " << again.err;
    EXPECT_EQ(item_state(scene, work), work.after) << when << ", run again";
    EXPECT_THAT(jobs_of(scene, work), testing::Each("Completed")) << when << ", run again";
    if (HasFailure()) return;
  }
}

// Where nobody answers, recover leaves it for later and says so.
TEST_P(VaultCrashTest, RecoverWithoutTheServiceLeavesItForLater) {
  const Work& work = GetParam();
  Scene counted(vault_state(), kNow);
  const auto changes = counted.run(work.command).report.at("changes").get<std::vector<int>>();
  Scene scene(vault_state(), kNow);
  const std::size_t jobs_before = jobs_of(scene, work).size();
  ASSERT_TRUE(scene.run(work.command, {"after", changes.back()}).killed);
  EXPECT_EQ(scene.run_cut_off("recover").code, 4);
  EXPECT_THAT(unsettled(scene.journal_path()), testing::SizeIs(1));
  EXPECT_EQ(scene.run("recover").code, 0);
  expect_well(scene, work, jobs_before, "recovered later");
}

INSTANTIATE_TEST_SUITE_P(Commands, VaultCrashTest, testing::ValuesIn(kWorks), [](const auto& tested) {
  std::string name = tested.param.command;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace azlin::crash
