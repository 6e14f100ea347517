#include "azlin/core/names.hpp"

#include <gtest/gtest.h>

#include <set>

#include "azlin/core/error.hpp"

namespace azlin::core {
namespace {

struct NameRow {
  const char* name;
  void (*check)(std::string_view);
  std::string value;
  bool good;
};

void check_snapshot(std::string_view name) {
  check_compute_name(name, "snapshot");
}

class NamesTest : public ::testing::TestWithParam<NameRow> {};

TEST_P(NamesTest, AcceptsOrRefuses) {
  const auto& row = GetParam();
  if (row.good) {
    EXPECT_NO_THROW(row.check(row.value));
    return;
  }
  try {
    row.check(row.value);
    FAIL() << "accepted '" << row.value << "'";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_FALSE(error.hint().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, NamesTest,
    ::testing::Values(
        NameRow{"VmShort", check_vm_name, "a", true},
        NameRow{"Vm64", check_vm_name, std::string(64, 'v'), true},
        NameRow{"Vm65", check_vm_name, std::string(65, 'v'), false},
        NameRow{"VmEmpty", check_vm_name, "", false}, NameRow{"VmDots", check_vm_name, "prod.db-vm_1", true},
        NameRow{"VmUnderscoreEnd", check_vm_name, "vm_", true},
        NameRow{"VmHyphenEnd", check_vm_name, "vm-", false}, NameRow{"VmDotEnd", check_vm_name, "vm.", false},
        NameRow{"VmHyphenStart", check_vm_name, "-vm", false},
        NameRow{"VmUnderscoreStart", check_vm_name, "_vm", false},
        NameRow{"VmSpace", check_vm_name, "my vm", false}, NameRow{"VmSlash", check_vm_name, "a/b", false},
        NameRow{"VmQuote", check_vm_name, "a'b", false},
        NameRow{"VmUmlaut", check_vm_name, "v\xc3\xa4m", false},
        NameRow{"VmNul", check_vm_name, std::string("a\0b", 3), false},
        NameRow{"Group90", check_resource_group, std::string(90, 'g'), true},
        NameRow{"Group91", check_resource_group, std::string(91, 'g'), false},
        NameRow{"GroupParens", check_resource_group, "_a(b)-c.d", true},
        NameRow{"GroupDotEnd", check_resource_group, "rg.", false},
        NameRow{"GroupEmpty", check_resource_group, "", false},
        NameRow{"GroupStar", check_resource_group, "rg*", false},
        NameRow{"Snapshot80", check_snapshot, std::string(80, 's'), true},
        NameRow{"Snapshot81", check_snapshot, std::string(81, 's'), false},
        NameRow{"SnapshotEmpty", check_snapshot, "", false},
        NameRow{"SnapshotDotEnd", check_snapshot, "snap.", false},
        NameRow{"Region", check_region, "westus2", true},
        NameRow{"RegionUpper", check_region, "WestUS2", false},
        NameRow{"RegionSpace", check_region, "west us", false},
        NameRow{"RegionShort", check_region, "we", false},
        NameRow{"Region33", check_region, std::string(33, 'r'), false},
        NameRow{"Guid", check_subscription, "00000000-0000-0000-0000-000000000001", true},
        NameRow{"GuidUpper", check_subscription, "ABCDEF00-0000-0000-0000-000000000001", true},
        NameRow{"GuidShort", check_subscription, "00000000-0000-0000-0000-00000000000", false},
        NameRow{"GuidBraces", check_subscription, "{0000000-0000-0000-0000-00000000001}", false},
        NameRow{"GuidName", check_subscription, "Pay-As-You-Go", false}),
    [](const auto& row) { return row.param.name; });

TEST(RegionTest, DisplayNamesAreNormalized) {
  EXPECT_EQ(normalize_region("West US 2"), "westus2");
  EXPECT_EQ(normalize_region("eastus"), "eastus");
  EXPECT_THROW(normalize_region("moon!"), Error);
}

TEST(GuidTest, IsAValidVersion4AndNew) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const auto guid = new_guid();
    EXPECT_NO_THROW(check_subscription(guid));
    EXPECT_EQ(guid[14], '4');
    EXPECT_NE(std::string("89ab").find(guid[19]), std::string::npos);
    seen.insert(guid);
  }
  EXPECT_EQ(seen.size(), 100U);
}

TEST(TextTest, CaseIsIgnoredForLettersOnly) {
  EXPECT_TRUE(equal_ignoring_case("Microsoft.Compute", "microsoft.COMPUTE"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
}

TEST(ResourceIdTest, TakesAnIdApart) {
  const auto id = ResourceId::parse(
      "/subscriptions/s-1/resourceGroups/Production/providers/Microsoft.Compute/snapshots/snap");
  EXPECT_EQ(id.subscription, "s-1");
  EXPECT_EQ(id.resource_group, "Production");
  EXPECT_EQ(id.type, "Microsoft.Compute/snapshots");
  EXPECT_EQ(id.name, "snap");
}

TEST(ResourceIdTest, KnowsNestedAndExtensionResources) {
  const auto nested = ResourceId::parse(
      "/subscriptions/s/resourcegroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n");
  EXPECT_EQ(nested.type, "Microsoft.Network/virtualNetworks/subnets");
  EXPECT_EQ(nested.resource_group, "g");
  EXPECT_EQ(nested.name, "n");
  const auto lock = ResourceId::parse(
      "/SUBSCRIPTIONS/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v/providers/"
      "Microsoft.Authorization/locks/l");
  EXPECT_EQ(lock.type, "Microsoft.Authorization/locks");
  EXPECT_EQ(lock.name, "l");
  const auto global = ResourceId::parse("/subscriptions/s/providers/Microsoft.Compute/locations/eastus");
  EXPECT_EQ(global.resource_group, "");
  EXPECT_EQ(global.type, "Microsoft.Compute/locations");
}

TEST(ResourceIdTest, RefusesWhatIsNoResource) {
  for (const char* text : {"", "/", "snap", "/subscriptions/s", "/subscriptions/s/resourceGroups/g",
                           "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute",
                           "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/snapshots",
                           "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/snapshots/",
                           "/subscriptions//resourceGroups/g/providers/Microsoft.Compute/snapshots/x",
                           "/tenants/s/resourceGroups/g/providers/Microsoft.Compute/snapshots/x"}) {
    EXPECT_THROW(ResourceId::parse(text), Error) << text;
  }
}

}  // namespace
}  // namespace azlin::core
