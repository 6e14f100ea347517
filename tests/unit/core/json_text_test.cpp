#include "azlin/core/json_text.hpp"

#include <gtest/gtest.h>

#include "azlin/core/fields.hpp"

namespace azlin::core {
namespace {

using nlohmann::json;

std::string lists(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

TEST(JsonTextTest, WhatIsNestedTooDeeplyIsDiscarded) {
  EXPECT_FALSE(parse_json(lists(kDeepestJson)).is_discarded());
  EXPECT_TRUE(parse_json(lists(kDeepestJson + 1)).is_discarded());
  EXPECT_TRUE(parse_json(lists(1'000'000)).is_discarded());
  EXPECT_TRUE(parse_json(std::string(1'000'000, '[')).is_discarded());
  EXPECT_TRUE(parse_json(R"({"a":{"b":{}}})", 2).is_discarded());
}

TEST(JsonTextTest, BracketsInStringsAreText) {
  const auto parsed = parse_json(R"({"a":"[[[[{{{{","b\"[":["\\","["]})", 2);
  ASSERT_FALSE(parsed.is_discarded());
  EXPECT_EQ(parsed["a"], "[[[[{{{{");
}

TEST(JsonTextTest, WhatIsNoJsonIsDiscarded) {
  for (const char* text : {"", "{", "nul", "{\"a\":}", "\"\xff\"", "[1,]", "]"})
    EXPECT_TRUE(parse_json(text).is_discarded()) << text;
}

const json kOdd[] = {nullptr,
                     true,
                     -1,
                     1e300,
                     18446744073709551615ULL,
                     "",
                     "x",
                     json::array({1, nullptr, "x"}),
                     json::object({{"k", nullptr}})};

TEST(FieldsTest, AMemberOfAnotherTypeIsTheFallback) {
  for (const auto& odd : kOdd) {
    EXPECT_TRUE(fields::member(odd, "none").is_null()) << odd;
    EXPECT_TRUE(fields::member_at(odd, "/k/none/x").is_null()) << odd;
    const json body = {{"k", odd}};
    EXPECT_EQ(fields::text(body, "k", "fallback"), odd.is_string() ? odd.get<std::string>() : "fallback");
    EXPECT_EQ(fields::number(body, "k", 7), odd.dump() == "-1" ? -1 : 7) << odd;
    EXPECT_EQ(fields::flag(body, "k"), odd == json(true));
    EXPECT_EQ(fields::list(body, "k").size(), odd.is_array() ? 3U : 0U);
    EXPECT_EQ(fields::texts(body, "k"),
              odd.is_array() ? std::vector<std::string>{"x"} : std::vector<std::string>());
  }
}

TEST(FieldsTest, APathLeadsThroughObjects) {
  const json body = {{"a", {{"b", {{"c", 4}}}}}};
  EXPECT_EQ(fields::member_at(body, "/a/b/c"), 4);
  EXPECT_TRUE(fields::member_at(body, "/a/b/c/d").is_null());
  EXPECT_EQ(fields::member_at(body, ""), body);
  EXPECT_EQ(fields::number({{"n", 2.9}}, "n"), 2);
}

}  // namespace
}  // namespace azlin::core
