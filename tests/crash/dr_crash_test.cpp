// Drills, failovers, failbacks and restores, of one VM and of a group, are killed (SIGKILL) before a request,
// after a request, or after a commit of their journal; `recover` runs, then the same command again. Nothing
// is orphaned, nothing is lost.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "azlin/core/names.hpp"
#include "inspect.hpp"

namespace azlin::crash {
namespace {

using nlohmann::json;
using testing::IsEmpty;

constexpr const char* kHome =
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production/providers/"
    "Microsoft.Compute/virtualMachines/web";
constexpr const char* kAway =
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/Production-westus2/providers/"
    "Microsoft.Compute/virtualMachines/web";

std::vector<int> choose(const std::vector<int>& all, std::size_t most) {
  if (std::getenv("AZLIN_TEST_FULL") != nullptr || all.size() <= most) return all;
  std::vector<int> chosen;
  for (std::size_t i = 0; i < most; ++i) chosen.push_back(all[i * (all.size() - 1) / (most - 1)]);
  return chosen;
}

std::vector<int> up_to(int count) {
  std::vector<int> all;
  for (int i = 1; i <= count; ++i) all.push_back(i);
  return all;
}

class DrCrashTest : public ::testing::Test {
 protected:
  // How many points of each kind, unless all are asked for.
  struct Points {
    std::size_t before = 3, after = 8, commit = 5;
  };
  static std::vector<Death> deaths(const Outcome& whole) { return deaths(whole, Points()); }
  static std::vector<Death> deaths(const Outcome& whole, const Points& points) {
    EXPECT_EQ(whole.code, 0) << whole.err;
    std::vector<Death> out;
    if (whole.code != 0) return out;
    for (const int n : choose(up_to(whole.report.at("requests")), points.before))
      out.push_back({"before", n});
    for (const int n : choose(whole.report.at("changes").get<std::vector<int>>(), points.after))
      out.push_back({"after", n});
    for (const int n : choose(up_to(whole.report.at("commits")), points.commit)) out.push_back({"commit", n});
    return out;
  }
  // Power state; "" where there is no such VM.
  static std::string power(Scene& scene, const std::string& id) {
    const auto reply = scene.simulator().arm("GET", id + "?api-version=2024-07-01&$expand=instanceView");
    if (reply.status == 404) return {};
    const json body = reply.json();
    for (const auto& status : body.at("properties").at("instanceView").at("statuses")) {
      const std::string code = status.at("code");
      if (code.starts_with("PowerState/")) return code.substr(11);
    }
    return "unknown";
  }
  // Resources that belong to nobody, and marks that were left.
  static std::vector<std::string> left(Scene& scene) {
    std::vector<std::string> lines;
    const auto list = [&](const char* type, const char* version) {
      return scene.simulator()
          .arm("GET", fmt::format("{}/providers/{}?api-version={}", test::kSubscription, type, version))
          .json()
          .at("value");
    };
    for (const auto& disk : list("Microsoft.Compute/disks", "2023-10-02")) {
      const bool kept = disk.value("tags", json::object()).contains("azlin:kept");
      if (disk.value("managedBy", "").empty() && !kept)
        lines.push_back("disk " + disk.at("id").get<std::string>());
    }
    for (const auto& nic : list("Microsoft.Network/networkInterfaces", "2023-09-01")) {
      if (!nic.at("properties").contains("virtualMachine"))
        lines.push_back("NIC " + nic.at("id").get<std::string>());
    }
    for (const auto& snapshot : list("Microsoft.Compute/snapshots", "2023-10-02")) {
      const auto tags = snapshot.value("tags", json::object());
      if (tags.contains("azlin:in-use")) lines.push_back("mark on " + snapshot.at("id").get<std::string>());
    }
    for (auto& line : unsettled(scene.journal_path())) lines.push_back(std::move(line));
    return lines;
  }
  static void kill_and_recover(Scene& scene, const std::string& command, const Death& death, int index,
                               const std::string& when) {
    const auto outcome = scene.run(command, death);
    EXPECT_TRUE(outcome.killed || outcome.code == 0) << when << ": " << outcome.code << " " << outcome.err;
    if (index % 2 == 0) scene.simulator().advance("10m");  // else Azure may still be at work
    const auto recovered = scene.run("recover");
    EXPECT_EQ(recovered.code, 0) << when << ", recover: " << recovered.err;
    EXPECT_THAT(left(scene), IsEmpty()) << when << ", recovered: " << recovered.err << "\n"
                                        << scene.last_requests(60);
  }
  static void expect_works_again(Scene& scene, const std::string& command, const std::string& when) {
    scene.simulator().advance("10m");
    const auto again = scene.run(command);
    EXPECT_EQ(again.code, 0) << when << ", again: " << again.err;
    EXPECT_THAT(left(scene), IsEmpty()) << when << ", again";
  }
};

TEST_F(DrCrashTest, ADrillLeavesNothing) {
  int index = 0;
  for (const auto& death : deaths(Scene(replicated_state()).run("drill"))) {
    const std::string when = fmt::format("drill killed at {} {}", death.point, death.number);
    Scene scene(replicated_state());
    const auto before = scene.simulator().state();
    kill_and_recover(scene, "drill", death, ++index, when);
    EXPECT_EQ(scene.simulator().state(), before) << when;
    expect_works_again(scene, "drill", when);
    EXPECT_EQ(scene.simulator().state(), before) << when << ", again";
    if (HasFailure()) return;
  }
}

TEST_F(DrCrashTest, AFailoverIsFinishedOrUndone) {
  int index = 0;
  for (const auto& death : deaths(Scene(replicated_state()).run("failover"))) {
    const std::string when = fmt::format("failover killed at {} {}", death.point, death.number);
    Scene scene(replicated_state());
    const auto before = scene.simulator().state();
    kill_and_recover(scene, "failover", death, ++index, when);
    if (power(scene, kAway).empty()) {
      EXPECT_EQ(scene.simulator().state(), before) << when;
    }
    EXPECT_EQ(power(scene, kHome), "running") << when;
    expect_works_again(scene, "failover", when);
    EXPECT_EQ(power(scene, kAway), "running") << when;
    if (HasFailure()) return;
  }
}

TEST_F(DrCrashTest, TheSameFailoverSettlesTheOneBefore) {
  const auto changes = Scene(replicated_state()).run("failover").report.at("changes").get<std::vector<int>>();
  for (const int number : choose(changes, 4)) {
    Scene scene(replicated_state());
    EXPECT_TRUE(scene.run("failover", {"after", number}).killed);
    expect_works_again(scene, "failover", fmt::format("failover killed after {}", number));
    EXPECT_EQ(power(scene, kAway), "running");
    if (HasFailure()) return;
  }
}

// Two VMs that belong together, db before web.
class GroupCrashTest : public DrCrashTest {
 protected:
  static std::vector<Death> deaths_of(const char* command) {
    return deaths(Scene(group_state()).run(command), {.before = 2, .after = 6, .commit = 3});
  }
  static std::string id_of(const std::string& group, const std::string& vm) {
    return fmt::format("{}/resourceGroups/{}/providers/Microsoft.Compute/virtualMachines/{}",
                       test::kSubscription, group, vm);
  }
  // Both run at home, each on its old disks or on new ones as a whole, and no backup is lost.
  static void expect_home_is_well(Scene& scene, const Inventory& before, const std::string& when) {
    const auto now = look(scene.simulator());
    for (const char* vm : {"db", "web"}) {
      EXPECT_EQ(power(scene, id_of("Production", vm)), "running") << when;
      const auto old = before.disks_of(vm), disks = now.disks_of(vm);
      EXPECT_EQ(disks.size(), old.size()) << when << ": " << vm;
      const auto stayed =
          std::count_if(disks.begin(), disks.end(), [&](const auto& id) { return old.contains(id); });
      EXPECT_TRUE(stayed == 0 || static_cast<std::size_t>(stayed) == old.size())
          << when << ": " << vm << " has a mix of old and new disks";
    }
    EXPECT_EQ(now.sets(), before.sets()) << when;
  }
};

TEST_F(GroupCrashTest, ADrillLeavesNothing) {
  int index = 0;
  for (const auto& death : deaths_of("drill-group")) {
    const std::string when = fmt::format("drill of a group killed at {} {}", death.point, death.number);
    Scene scene(group_state());
    const auto before = scene.simulator().state();
    kill_and_recover(scene, "drill-group", death, ++index, when);
    EXPECT_EQ(scene.simulator().state(), before) << when;
    expect_works_again(scene, "drill-group", when);
    EXPECT_EQ(scene.simulator().state(), before) << when << ", again";
    if (HasFailure()) return;
  }
}

TEST_F(GroupCrashTest, AFailoverIsFinishedOrUndoneForEachVm) {
  int index = 0;
  for (const auto& death : deaths_of("failover-group")) {
    const std::string when = fmt::format("failover of a group killed at {} {}", death.point, death.number);
    Scene scene(group_state());
    const auto before = look(scene.simulator());
    kill_and_recover(scene, "failover-group", death, ++index, when);
    expect_home_is_well(scene, before, when);
    expect_works_again(scene, "failover-group", when);
    for (const char* vm : {"db", "web"})
      EXPECT_EQ(power(scene, id_of("Production-westus2", vm)), "running") << when << ", again";
    if (HasFailure()) return;
  }
}

TEST_F(GroupCrashTest, ARestoreLeavesEachVmOnWholeDisks) {
  int index = 0;
  for (const auto& death : deaths_of("restore-group")) {
    const std::string when = fmt::format("restore of a group killed at {} {}", death.point, death.number);
    Scene scene(group_state());
    const auto before = look(scene.simulator());
    kill_and_recover(scene, "restore-group", death, ++index, when);
    expect_home_is_well(scene, before, when);
    expect_works_again(scene, "restore-group", when);
    expect_home_is_well(scene, before, when + ", again");
    if (HasFailure()) return;
  }
}

TEST_F(DrCrashTest, AFailbackIsFinishedOrTheFailedOverVmRuns) {
  int index = 0;
  for (const auto& death : deaths(Scene(failed_over_state()).run("failback"))) {
    const std::string when = fmt::format("failback killed at {} {}", death.point, death.number);
    Scene scene(failed_over_state());
    kill_and_recover(scene, "failback", death, ++index, when);
    EXPECT_TRUE(power(scene, kHome) == "running" || power(scene, kAway) == "running") << when;
    expect_works_again(scene, "failback", when);
    EXPECT_EQ(power(scene, kHome), "running") << when;
    EXPECT_EQ(power(scene, kAway), "deallocated") << when;
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace azlin::crash
