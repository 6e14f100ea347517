#include "verification/lvm_text.hpp"

#include <gtest/gtest.h>

#include <random>

namespace azlin::verification {

class LvmTextTest : public testing::Test {};

TEST_F(LvmTextTest, ValuesListsSectionsAndComments) {
  const auto root = parse_lvm_text(
      "vg { # a group\nseqno = 3\nname = \"a \\\"b\\\"\"\nflags = []\nstatus = [\"READ\", \"WRITE\"]\n"
      "inner {\nx = -1\n}\n}\nversion = 1\n");
  ASSERT_TRUE(root);
  const LvmSection* group = root->section("vg");
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(group->number("seqno"), 3u);
  EXPECT_EQ(group->text("name"), "a \"b\"");
  EXPECT_TRUE(group->values.at("flags").empty());
  EXPECT_EQ(group->values.at("status"), (std::vector<std::string>{"READ", "WRITE"}));
  EXPECT_EQ(group->section("inner")->number("x"), std::nullopt);
  EXPECT_EQ(group->section("none"), nullptr);
  EXPECT_EQ(root->number("version"), 1u);
}

TEST_F(LvmTextTest, WhatIsNoLvmTextIsRefused) {
  for (const char* text : {"vg {", "vg }", "}", "a = [", "a =", "a b", "a { b = { } }", "= 1", "%"}) {
    EXPECT_FALSE(parse_lvm_text(text)) << text;
  }
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "a {";
  EXPECT_FALSE(parse_lvm_text(deep));
  EXPECT_TRUE(parse_lvm_text(""));
}

TEST_F(LvmTextTest, AnyTextDoesNoHarm) {
  constexpr std::string_view kSigns = "{}[]=,\"#\\\n ab1";
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 60; ++i) text += kSigns[random() % kSigns.size()];
    EXPECT_TRUE(logical_volumes(parse_lvm_text(text).value_or(LvmSection{}), "x").empty());
  }
}

}  // namespace azlin::verification
