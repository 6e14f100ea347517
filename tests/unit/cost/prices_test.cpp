#include "azlin/cost/prices.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "support/scripted_transport.hpp"

namespace azlin::cost {
namespace {

using core::Error;
using core::ErrorKind;

TEST(PricesTest, AKeyThatIsMissingTakesTheDefault) {
  const auto prices = parse_prices("[snapshot]\nwesteurope = 0.06\n[vm]\nStandard_E4s_v5 = 0.3\n", "p.toml");
  EXPECT_DOUBLE_EQ(prices.snapshot_month("westeurope"), 0.06);
  EXPECT_DOUBLE_EQ(prices.snapshot_month("atlantis"), 0.05);
  EXPECT_TRUE(prices.knows_region("westeurope"));
  EXPECT_FALSE(prices.knows_region("atlantis"));
  EXPECT_DOUBLE_EQ(prices.vm_hour("Standard_E4s_v5"), 0.3);
  EXPECT_DOUBLE_EQ(prices.vm_hour("Standard_D16s_v5"), 16 * 0.048);
  EXPECT_DOUBLE_EQ(prices.vm_hour(""), 2 * 0.048);
}

TEST(PricesTest, TheTableCanBeWrittenAndReadAgain) {
  auto prices = shipped_prices();
  prices.snapshot["westus2"] = 0.055;
  const auto again = parse_prices(to_toml(prices), "t");
  EXPECT_EQ(again.snapshot, prices.snapshot);
  EXPECT_EQ(again.disk, prices.disk);
  EXPECT_EQ(again.vm, prices.vm);
  EXPECT_EQ(again.transfer, prices.transfer);
  EXPECT_EQ(again.address, prices.address);
  EXPECT_EQ(again.currency, "USD");
}

TEST(PricesTest, MistakesNameTheKey) {
  const struct {
    const char *toml, *says;
  } rows[] = {{"[snapshots]\nx = 1", "unknown key snapshots.x"},
              {"snapshot = 1", "unknown key snapshot"},
              {"[disk]\nx = \"cheap\"", "disk.x = cheap is not a price"},
              {"[disk]\nx = -1", "disk.x = -1 is not a price"}};
  for (const auto& row : rows) {
    try {
      parse_prices(row.toml, "t");
      ADD_FAILURE() << row.toml;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_NE(std::string(error.what()).find(row.says), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(load_prices("/no/such/table"), Error);
}

TEST(PricesTest, DisksAreBilledByTheHourBegunAndVmsByTime) {
  const auto prices = parse_prices("[disk]\ndefault = 0.73\n[vm]\nvcpu = 1\n", "t");
  EXPECT_NEAR(disk_cost(prices, "", 100, std::chrono::minutes(5)), 0.1, 1e-9);
  EXPECT_NEAR(disk_cost(prices, "", 100, std::chrono::minutes(61)), 0.2, 1e-9);
  DrillUse use{"westus2", "Standard_D4s_v5", {{"", 60}, {"", 40}}, false, std::chrono::minutes(30)};
  EXPECT_NEAR(drill_cost(prices, use), 2.0 + 0.1, 1e-9);
  use.public_address = true;
  use.duration = std::chrono::minutes{90};
  EXPECT_NEAR(drill_cost(prices, use), 6.0 + 0.2 + 2 * 3.65 / 730, 1e-9);
  const auto dearer = parse_prices("[address]\nwestus2 = 7.3\n", "t");
  EXPECT_NEAR(drill_cost(dearer, use) - drill_cost(shipped_prices(), use), 2 * 3.65 / 730, 1e-9);
}

TEST(PricesTest, UnknownDisksCountAsPremiumAndZoneRedundantOnesMore) {
  const auto prices = shipped_prices();
  EXPECT_DOUBLE_EQ(prices.disk_month(""), prices.disk_month("Premium_LRS"));
  EXPECT_GT(prices.disk_month("StandardSSD_ZRS"), prices.disk_month("StandardSSD_LRS"));
  EXPECT_GT(prices.disk_month("Premium_ZRS"), prices.disk_month("Premium_LRS"));
  EXPECT_LT(prices.disk_month("PremiumV2_LRS"), prices.disk_month("Premium_LRS"));
}

const char* const kListed = R"({"Items": [
 {"meterName": "LRS Snapshots", "productName": "Premium SSD Managed Disks", "type": "Consumption", "retailPrice": 0.132},
 {"meterName": "LRS Snapshots", "productName": "Standard HDD Managed Disks", "type": "Consumption", "retailPrice": 0.0625}
]})";

TEST(PricesTest, TheListReplacesThePriceOfEachRegionThatItHas) {
  test::ScriptedTransport transport;
  transport.expect("GET", "armRegionName%20eq%20%27westus2%27", test::reply(200, kListed));
  transport.expect("GET", "%27atlantis%27", test::reply(200, R"({"Items": []})"));
  const auto now = core::parse_time("2026-11-21").value();
  const auto prices =
      refresh(transport, "http://127.0.0.1/prices", shipped_prices(), {"westus2", "atlantis"}, now, {});
  EXPECT_DOUBLE_EQ(prices.snapshot_month("westus2"), 0.0625);
  EXPECT_FALSE(prices.knows_region("atlantis"));
  EXPECT_EQ(prices.source.rfind("Azure Retail Prices, 2026-11-21", 0), 0U);
}

TEST(PricesTest, AListThatFailsOrKnowsNothingChangesNothing) {
  const auto now = core::parse_time("2026-11-21").value();
  for (const auto& reply : {test::reply(503, "busy"), test::reply(200, "<html>"), test::reply(200, "{}")}) {
    test::ScriptedTransport transport;
    transport.expect("GET", "prices", reply);
    EXPECT_THROW(refresh(transport, "http://127.0.0.1/prices", shipped_prices(), {"westus2"}, now, {}),
                 Error);
  }
}

}  // namespace
}  // namespace azlin::cost
