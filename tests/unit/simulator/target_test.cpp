#include "simulator/target.hpp"

#include <gtest/gtest.h>

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

struct Row {
  const char* name;
  const char* method;
  const char* path;
  const char* type;
  const char* resource;
  const char* id;
  const char* action;
};

class TargetTest : public ::testing::TestWithParam<Row> {};

TEST_P(TargetTest, PathNamesAScopeAndAnAction) {
  const Row& row = GetParam();
  const Target target = parse_target(row.method, split_path(row.path));
  EXPECT_EQ(target.type, row.type);
  EXPECT_EQ(target.name, row.resource);
  EXPECT_EQ(target.id, row.id);
  EXPECT_EQ(target.action, row.action);
}

INSTANTIATE_TEST_SUITE_P(
    Paths, TargetTest,
    ::testing::Values(
        Row{"write", "PUT", "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/snapshots/x",
            "Microsoft.Compute/snapshots", "x",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/snapshots/x",
            "Microsoft.Compute/snapshots/write"},
        Row{"action", "POST",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d/beginGetAccess",
            "Microsoft.Compute/disks", "d",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d",
            "Microsoft.Compute/disks/beginGetAccess/action"},
        Row{"list", "GET", "/subscriptions/s/providers/Microsoft.Compute/disks", "Microsoft.Compute/disks",
            "", "/subscriptions/s", "Microsoft.Compute/disks/read"},
        Row{"view", "GET",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v/instanceView",
            "Microsoft.Compute/virtualMachines/instanceView", "",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v",
            "Microsoft.Compute/virtualMachines/instanceView/read"},
        Row{"nested", "DELETE",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/restorePointCollections/c/"
            "restorePoints/p",
            "Microsoft.Compute/restorePointCollections/restorePoints", "p",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/restorePointCollections/c/"
            "restorePoints/p",
            "Microsoft.Compute/restorePointCollections/restorePoints/delete"},
        Row{"extension", "PUT",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d/providers/"
            "Microsoft.Authorization/locks/l",
            "Microsoft.Authorization/locks", "l",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d/providers/"
            "Microsoft.Authorization/locks/l",
            "Microsoft.Authorization/locks/write"},
        Row{"group", "DELETE", "/subscriptions/s/resourceGroups/g",
            "Microsoft.Resources/subscriptions/resourceGroups", "g", "/subscriptions/s/resourceGroups/g",
            "Microsoft.Resources/subscriptions/resourceGroups/delete"},
        Row{"generic", "GET", "/subscriptions/s/resources", "Microsoft.Resources/subscriptions/resources",
            "s", "/subscriptions/s", "Microsoft.Resources/subscriptions/resources/read"}),
    [](const auto& tested) { return tested.param.name; });

TEST(TargetTest, ExtensionsKnowWhatTheyExtend) {
  const Target target =
      parse_target("PATCH", split_path("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/"
                                       "d/providers/Microsoft.Resources/tags/default"));
  EXPECT_EQ(target.parent, "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d");
  EXPECT_EQ(target.group, "g");
}

}  // namespace
}  // namespace azlin::simulator
