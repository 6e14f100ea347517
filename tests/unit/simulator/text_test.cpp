#include "simulator/text.hpp"

#include <gtest/gtest.h>

namespace azlin::simulator {
namespace {

TEST(SimulatorTextTest, PercentDecodingKeepsBadEscapes) {
  EXPECT_EQ(percent_decode("a%2Fb%20c"), "a/b c");
  EXPECT_EQ(percent_decode("100%"), "100%");
  EXPECT_EQ(percent_decode("%zz%4"), "%zz%4");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
}

TEST(SimulatorTextTest, QueryNamesAreDecoded) {
  const auto pairs = parse_query("%24filter=name+eq+%27x%3D1%27&empty&a=b=c");
  ASSERT_EQ(pairs.size(), 3U);
  EXPECT_EQ(pairs[0].first, "$filter");
  EXPECT_EQ(pairs[0].second, "name eq 'x=1'");
  EXPECT_EQ(pairs[1].first, "empty");
  EXPECT_EQ(pairs[2].second, "b=c");
}

TEST(SimulatorTextTest, EncodingAndDecodingAreInverse) {
  const std::string all = "/subscriptions/x y?&=%\n\xc3\xa4";
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  for (const std::string text : {"", "a", "ab", "abc", "/subscriptions/0/\xff\x01"})
    EXPECT_EQ(base64url_decode(base64url_encode(text)), text);
  EXPECT_EQ(base64url_decode("a!b"), "");
}

TEST(SimulatorTextTest, GlobStarCrossesSlashes) {
  EXPECT_TRUE(glob_match("*/snapshots/*", "/subscriptions/1/SNAPSHOTS/x?api-version=1"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("a?c", "abc"));
  EXPECT_FALSE(glob_match("a?c", "ac"));
  EXPECT_FALSE(glob_match("*/disks/*", "/snapshots/x"));
  EXPECT_TRUE(glob_match("*aab", "aaaab"));
}

TEST(SimulatorTextTest, GuidsHaveTheirForm) {
  const std::string guid = new_guid();
  EXPECT_EQ(guid.size(), 36U);
  EXPECT_EQ(guid[14], '4');
  EXPECT_NE(guid, new_guid());
  EXPECT_EQ(guid_from("x"), guid_from("x"));
  EXPECT_NE(guid_from("x"), guid_from("y"));
}

}  // namespace
}  // namespace azlin::simulator
