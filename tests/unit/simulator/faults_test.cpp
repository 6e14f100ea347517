#include "simulator/faults.hpp"

#include <gtest/gtest.h>

#include <set>

#include "simulator/corrupt.hpp"

namespace azlin::simulator {
namespace {

TEST(FaultsTest, StrikesByMethodAndPath) {
  Faults faults;
  faults.add(fault_from_json({{"method", "put"}, {"path", "*/snapshots/*"}, {"status", 503}}));
  EXPECT_TRUE(faults.strike("PUT", "/subscriptions/s/providers/c/SNAPSHOTS/x?api-version=1"));
  EXPECT_FALSE(faults.strike("GET", "/subscriptions/s/providers/c/snapshots/x"));
  EXPECT_FALSE(faults.strike("PUT", "/subscriptions/s/providers/c/disks/x"));
  EXPECT_EQ(faults.list()[0].hits, 1);
}

TEST(FaultsTest, SkipsAndCounts) {
  Faults faults;
  faults.add(fault_from_json({{"status", 500}, {"skip", 1}, {"count", 2}}));
  std::string struck;
  for (int i = 0; i < 5; ++i) struck += faults.strike("GET", "/") ? 'x' : '-';
  EXPECT_EQ(struck, "-xx--");
  EXPECT_EQ(faults.list()[0].hits, 2);
}

TEST(FaultsTest, RegularExpressionsAndOrder) {
  Faults faults;
  faults.add(fault_from_json({{"path", "regex:/disks/[a-c]$"}, {"status", 429}, {"retryAfter", 3}}));
  faults.add(fault_from_json({{"status", 500}}));
  EXPECT_EQ(faults.strike("GET", "/x/disks/b")->status, 429);
  EXPECT_EQ(faults.strike("GET", "/x/disks/d")->status, 500);
  EXPECT_EQ(faults.list()[0].retry_after, "3");
}

TEST(FaultsTest, ProbabilityIsBetweenNeverAndAlways) {
  Faults faults;
  faults.add(fault_from_json({{"status", 500}, {"probability", 0.25}}));
  int hits = 0;
  for (int i = 0; i < 1'000; ++i) hits += faults.strike("GET", "/") ? 1 : 0;
  EXPECT_GT(hits, 150);
  EXPECT_LT(hits, 350);
}

TEST(FaultsTest, BadRulesAreRefused) {
  for (const char* text :
       {"[]", "{}", R"({"status":200})", R"({"drop":"sometimes"})", R"({"status":500,"color":"red"})",
        R"({"status":"x"})", R"({"status":500,"probability":2})", R"({"status":500,"path":"regex:("})",
        R"({"delayMs":-1})"})
    EXPECT_THROW(fault_from_json(Json::parse(text)), ApiError) << text;
}

TEST(FaultsTest, CorruptionFollowsFromItsSeed) {
  EXPECT_EQ(fault_from_json({{"corrupt", 7}}).corrupt, 7U);
  EXPECT_THROW(fault_from_json({{"corrupt", "x"}}), ApiError);
  const std::string whole = R"({"id":"/x","properties":{"size":4,"tags":["a","b"]}})";
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::string body = whole, again = whole;
    const auto what = corrupt(body, seed);
    EXPECT_EQ(what, corrupt(again, seed));
    EXPECT_EQ(body, again);
    EXPECT_NE(body, whole) << what;
    seen.insert(what);
  }
  EXPECT_GT(seen.size(), 60U);
  EXPECT_TRUE(seen.contains("/properties/tags/1: deleted"));
  for (std::string body : {"", "no JSON", "[]", "4"}) EXPECT_EQ(corrupt(body, 1), "");
}

TEST(FaultsTest, RegionsGoDownAndComeBack) {
  Faults faults;
  faults.set_region_down("EastUS", true);
  EXPECT_TRUE(faults.region_down("eastus"));
  EXPECT_FALSE(faults.region_down("westus"));
  faults.set_region_down("eastus", false);
  EXPECT_TRUE(faults.regions_down().empty());
}

}  // namespace
}  // namespace azlin::simulator
