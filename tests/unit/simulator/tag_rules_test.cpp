#include "simulator/tag_rules.hpp"

#include <gtest/gtest.h>

namespace azlin::simulator {
namespace {

// The code of the refusal, or "" when the tags are accepted.
std::string refused(const Json& tags) {
  try {
    check_tags(tags);
    return "";
  } catch (const ApiError& error) {
    return error.code;
  }
}

Json many(int count) {
  Json tags = Json::object();
  for (int i = 0; i < count; ++i) tags["t" + std::to_string(i)] = "v";
  return tags;
}

// 50 tags, name 512, value 256 characters.
TEST(TagRulesTest, LimitsAreAzures) {
  EXPECT_EQ(refused(many(50)), "");
  EXPECT_EQ(refused(many(51)), "InvalidTags");
  EXPECT_EQ(refused({{std::string(512, 'n'), ""}}), "");
  EXPECT_EQ(refused({{std::string(513, 'n'), ""}}), "InvalidTagNameLength");
  EXPECT_EQ(refused({{"n", std::string(256, 'v')}}), "");
  EXPECT_EQ(refused({{"n", std::string(257, 'v')}}), "InvalidTagValueLength");
}

TEST(TagRulesTest, LengthCountsCharactersNotBytes) {
  std::string umlauts;
  for (int i = 0; i < 256; ++i) umlauts += "\xc3\xa4";
  EXPECT_EQ(refused({{"n", umlauts}}), "");
  EXPECT_EQ(utf16_length("\xf0\x9f\x98\x80"), 2U);  // outside the basic plane
}

// Names exclude < > % & \ ? / and control characters; ':' is allowed.
TEST(TagRulesTest, ReservedCharacters) {
  EXPECT_EQ(refused({{"azlin:backup-tier", "daily"}}), "");
  for (const char* name : {"a/b", "a<b", "a>b", "a%b", "a&b", "a\\b", "a?b", "a\nb"})
    EXPECT_EQ(refused({{name, "v"}}), "InvalidTagNameCharacters") << name;
  EXPECT_EQ(refused({{"", "v"}}), "InvalidTagName");
  EXPECT_EQ(refused({{"azure-x", "v"}}), "InvalidTagName");
  EXPECT_EQ(refused({{"A", "1"}, {"a", "2"}}), "DuplicateTagNames");
  EXPECT_EQ(refused({{"a", 1}}), "InvalidRequestContent");
  EXPECT_EQ(refused("text"), "InvalidRequestContent");
}

// "Tag value too large. Following tag value 'v' exceeded the maximum length. Maximum allowed length for tag
// value - '256' characters."
TEST(TagRulesTest, MessageNamesTheValue) {
  const std::string value(257, 'v');
  try {
    check_tags({{"n", value}});
    FAIL();
  } catch (const ApiError& error) {
    EXPECT_EQ(error.message,
              "Tag value too large. Following tag value '" + value +
                  "' exceeded the maximum length. Maximum allowed length for tag value - '256' characters.");
  }
}

TEST(TagRulesTest, MergeAndRemoveIgnoreCaseOfNames) {
  EXPECT_EQ(merge_tags({{"Env", "a"}, {"x", "1"}}, {{"env", "b"}, {"new", "2"}}),
            (Json{{"Env", "b"}, {"x", "1"}, {"new", "2"}}));
  EXPECT_EQ(remove_tags({{"Env", "a"}, {"x", "1"}}, {{"env", "a"}, {"x", "other"}}), (Json{{"x", "1"}}));
  EXPECT_EQ(merge_tags(nullptr, {{"a", "b"}}), (Json{{"a", "b"}}));
}

}  // namespace
}  // namespace azlin::simulator
