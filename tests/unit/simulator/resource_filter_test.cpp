#include "simulator/resource_filter.hpp"

#include <gtest/gtest.h>

namespace azlin::simulator {
namespace {

Resource snapshot() {
  Resource resource;
  resource.type = "Microsoft.Compute/snapshots";
  resource.name = "web-backup-daily";
  resource.group = "production";
  resource.location = "eastus";
  return resource;
}

struct Row {
  const char* name;
  const char* filter;
  bool matches;
};

class ResourceFilterTest : public ::testing::TestWithParam<Row> {};

TEST_P(ResourceFilterTest, SelectsByProperties) {
  const auto filter = parse_resource_filter(GetParam().filter);
  ASSERT_FALSE(filter.tag);
  EXPECT_EQ(!filter.matches || filter.matches(snapshot()), GetParam().matches) << GetParam().filter;
}

INSTANTIATE_TEST_SUITE_P(
    Filters, ResourceFilterTest,
    ::testing::Values(
        Row{"empty", "", true}, Row{"type", "resourceType eq 'microsoft.compute/SNAPSHOTS'", true},
        Row{"type_ne", "resourceType ne 'Microsoft.Compute/snapshots'", false},
        Row{"both", "resourceType eq 'Microsoft.Compute/snapshots' and location eq 'eastus'", true},
        Row{"either", "location eq 'westus' or name eq 'WEB-backup-daily'", true},
        Row{"precedence", "location eq 'eastus' or location eq 'x' and name eq 'y'", true},
        Row{"parentheses", "(location eq 'eastus' or location eq 'x') and name eq 'y'", false},
        Row{"substring", "substringof('BACKUP',name)", true},
        Row{"no_substring", "substringof('weekly', name)", false},
        Row{"group", "resourceGroup eq 'Production'", true}, Row{"quote", "name eq 'it''s'", false}),
    [](const auto& tested) { return tested.param.name; });

TEST(ResourceFilterTest, OneTypeIsLeftToTheIndex) {
  EXPECT_EQ(parse_resource_filter("resourceType eq 'Microsoft.Compute/disks'").type,
            "microsoft.compute/disks");
  EXPECT_EQ(parse_resource_filter("resourceType eq 'a/b' or location eq 'x'").type, "");
  EXPECT_EQ(parse_resource_filter("resourceType ne 'a/b'").type, "");
}

TEST(ResourceFilterTest, TagsStandAlone) {
  const auto both = parse_resource_filter("tagName eq 'azlin:vm' and tagValue eq 'web'");
  ASSERT_TRUE(both.tag);
  EXPECT_EQ(both.tag->name, "azlin:vm");
  EXPECT_EQ(both.tag->value, "web");
  EXPECT_FALSE(parse_resource_filter("tagName eq 'a'").tag->value);
  EXPECT_TRUE(parse_resource_filter("startswith(tagName,'azlin:')").tag->prefix);
}

TEST(ResourceFilterTest, WhatAzureRefusesIsRefused) {
  for (const char* text :
       {"tagName eq 'a' and location eq 'eastus'", "tagValue eq 'x'", "tagName eq 'a' or tagName eq 'b'",
        "tagName ne 'a'", "colour eq 'red'", "name eq", "name eq 'x", "name eq 'x' and", "(name eq 'x'",
        "substringof('x',location)", "startswith(name,'x')", "name eq 'x' name eq 'y'", "name gt 'x'",
        "tagName eq 'a' and tagName eq 'b'"}) {
    try {
      parse_resource_filter(text);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const ApiError& error) {
      EXPECT_EQ(error.code, "InvalidFilterInQueryString") << text;
    }
  }
}

}  // namespace
}  // namespace azlin::simulator
