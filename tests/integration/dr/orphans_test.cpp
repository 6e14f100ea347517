#include "azlin/dr/orphans.hpp"

#include <gmock/gmock.h>

#include "azlin/snapshot/manager.hpp"
#include "support/cloud_fixture.hpp"

namespace azlin::dr {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class OrphanRemovalTest : public test::CloudTest {
 protected:
  // A disk, a NIC and an address that bear azlin's mark.
  void SetUp() override {
    const std::string group = std::string(test::kSubscription) + "/resourceGroups/Production/providers/";
    const nlohmann::json tags = {{"azlin:failover", "f-1a2b3c4d eastus/production/gone"}};
    disk = group + "Microsoft.Compute/disks/left-disk";
    simulator.arm("PUT", disk + "?api-version=2023-10-02",
                  {{"location", "eastus"},
                   {"tags", tags},
                   {"properties", {{"diskSizeGB", 32}, {"creationData", {{"createOption", "Empty"}}}}}});
    address = group + "Microsoft.Network/publicIPAddresses/left-ip";
    simulator.arm("PUT", address + "?api-version=2023-09-01",
                  {{"location", "eastus"},
                   {"tags", tags},
                   {"sku", {{"name", "Standard"}}},
                   {"properties", {{"publicIPAllocationMethod", "Static"}}}});
  }
  OrphanReport judge() {
    return judge_orphans(take_inventory(arm, vm().subscription, {}), clock.now(), kOrphanAge);
  }
  std::string disk, address;
};

TEST_F(OrphanRemovalTest, TheyAreFoundAndRemovedAndNothingElse) {
  EXPECT_THAT(judge().orphans, IsEmpty());  // too young
  clock.advance(std::chrono::hours{24 * 8});
  const auto report = judge();
  EXPECT_THAT(report.orphans, SizeIs(2));
  const auto before = simulator.state();
  for (const auto& removal : remove_orphans(arm, journal, clock.now(), report.orphans, {}))
    EXPECT_THAT(removal.error, IsEmpty()) << removal.id;
  EXPECT_THAT(judge().orphans, IsEmpty());
  EXPECT_EQ(simulator.arm("GET", disk + "?api-version=2023-10-02").status, 404);
  EXPECT_EQ(simulator.arm("GET", vm().id() + "?api-version=2024-07-01").status, 200);
  EXPECT_EQ(journal.list(1).at(0).kind, "orphans.remove");
}

TEST_F(OrphanRemovalTest, OneThatIsKeptMeanwhileStays) {
  clock.advance(std::chrono::hours{24 * 8});
  const auto report = judge();
  azure::merge_tags(arm, disk, {{kKeepTag, "yes"}});
  int stayed = 0;
  for (const auto& removal : remove_orphans(arm, journal, clock.now(), report.orphans, {}))
    stayed += removal.error.empty() ? 0 : 1;
  EXPECT_EQ(stayed, 1);
  EXPECT_EQ(simulator.arm("GET", disk + "?api-version=2023-10-02").status, 200);
}

TEST_F(OrphanRemovalTest, AListThatFailsGivesNoVerdict) {
  clock.advance(std::chrono::hours{24 * 8});
  for (const std::string path : {"*/virtualMachines*", "*/disks*", "*/snapshots*", "*/networkInterfaces*",
                                 "*/publicIPAddresses*", "*/resources*"}) {
    simulator.add_fault({{"method", "GET"}, {"path", path}, {"status", 409}, {"message", "no list"}});
    EXPECT_THAT(error_of([&] { judge(); }).what(), HasSubstr("no list")) << path;
    simulator.admin("DELETE", "faults");
  }
}

// As Azure writes resources that never had tags.
TEST_F(OrphanRemovalTest, NullTagsAreNone) {
  clock.advance(std::chrono::hours{24 * 8});
  const std::string bare =
      std::string(test::kSubscription) + "/resourceGroups/Production/providers/Microsoft.Compute/disks/bare";
  const auto made =
      simulator.arm("PUT", bare + "?api-version=2023-10-02",
                    {{"location", "eastus"},
                     {"tags", nullptr},
                     {"properties", {{"diskSizeGB", 32}, {"creationData", {{"createOption", "Empty"}}}}}});
  ASSERT_LT(made.status, 300) << made.body;
  EXPECT_THAT(judge().orphans, SizeIs(2));
}

}  // namespace
}  // namespace azlin::dr
