#include "dr/sizes.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"

namespace azlin::dr {
namespace {

azure::VmSize size(const std::string& name, int vcpus, double memory) {
  azure::VmSize result;
  result.name = name;
  result.family = "family" + name;
  result.vcpus = vcpus;
  result.memory_gb = memory;
  result.max_data_disks = 4;
  result.premium = true;
  result.generations = {"V1", "V2"};
  result.architecture = "x64";
  result.zones = {"1", "2"};
  return result;
}

class SizesTest : public ::testing::Test {
 protected:
  SizeChoice choose(const SizeWish& wish) {
    return choose_size(wish, offered, quotas, "westus2", [this] { return original; });
  }
  std::vector<azure::VmSize> offered = {size("Standard_D2s_v5", 2, 8), size("Standard_E2s_v5", 2, 16),
                                        size("Standard_D4s_v5", 4, 16)};
  std::vector<azure::VmSize> original = {size("Standard_X2", 2, 12)};
  std::vector<azure::Quota> quotas = {{"cores", 0, 100}};
};

TEST_F(SizesTest, TheWishedSizeWhenItCanBeHad) {
  const auto choice = choose({.name = "standard_d2s_v5"});
  EXPECT_EQ(choice.name, "Standard_D2s_v5");
  EXPECT_EQ(choice.note, "");
  EXPECT_FALSE(choice.zone);
}

TEST_F(SizesTest, AnEqualOneWhenTheRegionDoesNotKnowIt) {
  const auto choice = choose({.name = "Standard_X2"});
  EXPECT_EQ(choice.name, "Standard_E2s_v5");  // as many vCPUs, and not less memory
  EXPECT_NE(choice.note, "");
}

TEST_F(SizesTest, AnEqualOneWhenAFamilyHasNoQuota) {
  quotas.push_back({"familyStandard_D2s_v5", 1, 2});
  EXPECT_EQ(choose({.name = "Standard_D2s_v5"}).name, "Standard_E2s_v5");
}

TEST_F(SizesTest, AnotherOneIsNotTakenWhenOneWasNamed) {
  EXPECT_THROW(choose({.name = "Standard_X2", .exact = true}), core::Error);
}

TEST_F(SizesTest, DisksThatNeedAZoneGetOneThatIsNotBlocked) {
  offered[0].blocked_zones = {"1"};
  EXPECT_EQ(choose({.name = "Standard_D2s_v5", .zonal = true}).zone, "2");
}

TEST_F(SizesTest, TooManyDataDisksRuleASizeOut) {
  EXPECT_THROW(choose({.name = "Standard_D4s_v5", .data_disks = 5}), core::Error);
}

TEST_F(SizesTest, ZoneRedundantDisksBecomeLocalOnesWhereThereAreNoZones) {
  EXPECT_EQ(offered_sku("Premium_ZRS", {"Premium_LRS"}, "westus"), "Premium_LRS");
  EXPECT_EQ(offered_sku("Premium_ZRS", {"Premium_ZRS"}, "westus2"), "Premium_ZRS");
  EXPECT_EQ(offered_sku("Premium_LRS", {}, "westus2"), "Premium_LRS");
  EXPECT_THROW(offered_sku("UltraSSD_LRS", {"Premium_LRS"}, "westus"), core::Error);
}

}  // namespace
}  // namespace azlin::dr
