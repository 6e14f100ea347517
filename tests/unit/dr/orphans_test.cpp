#include "azlin/dr/orphans.hpp"

#include <gmock/gmock.h>

#include "azlin/core/names.hpp"
#include "azlin/snapshot/tags.hpp"
#include "support/fake_clock.hpp"

namespace azlin::dr {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kGroup = "/subscriptions/s/resourceGroups/g/providers/";

class OrphansTest : public ::testing::Test {
 protected:
  core::TimePoint ago(int days) { return now - hours{24 * days}; }
  azure::Disk disk(const std::string& name, int days) {
    azure::Disk disk;
    disk.id = std::string(kGroup) + "Microsoft.Compute/disks/" + name;
    disk.name = name;
    disk.sku = "Premium_LRS";
    disk.size_gb = 100;
    disk.created_at = ago(days);
    disk.tags = {{"azlin:restored-from", "web-backup-daily-20251101-0800 3"}};
    return disk;
  }
  azure::Snapshot snapshot(const std::string& name, const std::string& vm, const std::string& tier) {
    azure::Snapshot snapshot;
    snapshot.id = std::string(kGroup) + "Microsoft.Compute/snapshots/" + name;
    snapshot.name = name;
    snapshot.location = "eastus";
    snapshot.provisioning_state = "Succeeded";
    snapshot.created_at = ago(30);
    snapshot.tags = {{"azlin:vm", vm}, {"azlin:set", name}, {"azlin:lun", "os"}, {"azlin:disks", "1"}};
    if (!tier.empty()) snapshot.tags["azlin:backup-tier"] = tier;
    return snapshot;
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    report = judge_orphans(inventory, now, kOrphanAge);
    for (const auto& each : report.orphans) out.push_back(each.name);
    return out;
  }

  core::TimePoint now = *core::parse_time("2025-12-01T08:00:00Z");
  Inventory inventory;
  OrphanReport report;
};

TEST_F(OrphansTest, AnUnattachedDiskOfAzlinOlderThanAWeekIsOne) {
  inventory.disks = {disk("old", 8), disk("young", 6), disk("attached", 30), disk("foreign", 30)};
  inventory.disks[2].managed_by = "/vm";
  inventory.disks[3].tags = {{"team", "x"}};
  EXPECT_THAT(names(), ElementsAre("old"));
  EXPECT_EQ(report.young, 1);
  EXPECT_DOUBLE_EQ(report.monthly_cost, 100 * cost::shipped_prices().disk_month("Premium_LRS"));
  EXPECT_EQ(report.orphans[0].resource_group, "g");
}

TEST_F(OrphansTest, KeptOnesAreNot) {
  inventory.disks = {disk("a", 30), disk("b", 30), disk("c", 30), disk("d", 30), disk("e", 30)};
  inventory.disks[0].tags["azlin:keep"] = "";
  inventory.disks[1].tags["Azlin:Kept"] = "2025-12-08T08:00:00Z 12 g/web";
  inventory.disks[2].tags["azlin:drill"] = "d-1a2b3c4d 2025-12-02T08:00:00Z host:1";
  inventory.disks[3].tags["azlin:hold"] = "2025-11-01T08:00:00Z case";
  inventory.disks[4].tags["azlin:drill"] = "d-1a2b3c4d 2025-11-02T08:00:00Z host:1";
  EXPECT_THAT(names(), ElementsAre("e"));
  EXPECT_EQ(report.kept, 4);
}

TEST_F(OrphansTest, TheAgeCountsFromWhenTheVmLetGo) {
  inventory.disks = {disk("old", 300)};
  inventory.let_go[core::to_lower(inventory.disks[0].id)] = ago(2);
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(OrphansTest, NicsAndAddressesOfUnknownAgeAreNone) {
  azure::Nic nic;
  nic.id = std::string(kGroup) + "Microsoft.Network/networkInterfaces/n";
  nic.name = "n";
  nic.tags = {{"azlin:failover", "f-1a2b3c4d eastus/g/web"}};
  azure::PublicIp address{std::string(kGroup) + "Microsoft.Network/publicIPAddresses/p",
                          "p",
                          "eastus",
                          "",
                          {{"azlin:drill", "d-1a2b3c4d 2025-11-02T08:00:00Z host:1"}}};
  inventory.nics = {nic};
  inventory.addresses = {address};
  EXPECT_THAT(names(), IsEmpty());
  inventory.made = {{core::to_lower(nic.id), ago(9)}, {core::to_lower(address.id), ago(10)}};
  EXPECT_THAT(names(), ElementsAre("p", "n"));
  inventory.nics[0].vm_id = "/vm";
  inventory.addresses[0].used_by = "/ipconfig";
  EXPECT_THAT(names(), IsEmpty());
}

// Its retention decides about a backup, also when its VM is gone.
TEST_F(OrphansTest, ABackupIsNeverOneAndIsNamedWhenItsVmIsGone) {
  inventory.vm_keys = {"g/web"};
  inventory.snapshots = {snapshot("web-backup", "g/web", "daily"), snapshot("gone-backup", "g/gone", "daily"),
                         snapshot("web-plain", "g/web", ""), snapshot("gone-plain", "g/gone", "")};
  EXPECT_THAT(names(), ElementsAre("gone-plain"));
  ASSERT_THAT(report.backups, SizeIs(1));
  EXPECT_EQ(report.backups[0].name, "gone-backup");
}

}  // namespace
}  // namespace azlin::dr
