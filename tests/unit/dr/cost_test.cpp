#include "azlin/dr/cost.hpp"

#include <gtest/gtest.h>

namespace azlin::dr {
namespace {

TEST(DrillCostTest, ComputeIsBilledByTheSecondDisksByTheHourBegun) {
  const core::Millis minutes = std::chrono::minutes{30};
  EXPECT_NEAR(estimate({4, 0, false, minutes}), 4 * kVcpuHourly / 2, 1e-9);
  EXPECT_NEAR(estimate({0, 73, false, minutes}), 0.1, 1e-9);
  EXPECT_NEAR(estimate({0, 73, false, core::Millis{0}}), 0.1, 1e-9);
  EXPECT_NEAR(estimate({0, 0, true, std::chrono::minutes{90}}), 2 * kPublicIpMonthly / 730, 1e-9);
}

TEST(DrillCostTest, UnknownDisksCountAsPremiumAndZoneRedundantOnesMore) {
  EXPECT_DOUBLE_EQ(disk_price(""), disk_price("Premium_LRS"));
  EXPECT_GT(disk_price("StandardSSD_ZRS"), disk_price("StandardSSD_LRS"));
  EXPECT_LT(disk_price("PremiumV2_LRS"), disk_price("Premium_LRS"));
}

}  // namespace
}  // namespace azlin::dr
