#include "simulator/kql.hpp"

#include <gtest/gtest.h>

namespace azlin::simulator {
namespace {

Row row(const char* name, const char* type, int size, nlohmann::json tags = nullptr) {
  return {{"id", std::string("/") + name},
          {"name", name},
          {"type", type},
          {"tags", std::move(tags)},
          {"zones", {"2"}},
          {"properties", {{"diskSizeGB", size}, {"timeCreated", "2025-12-01"}}}};
}

class KqlTest : public ::testing::Test {
 protected:
  // Names of the records that the query gives, joined.
  std::string names(const std::string& query) {
    std::string joined;
    for (const auto& found : run(query)) joined += found.value("name", "?") + " ";
    return joined;
  }
  Rows run(const std::string& query) { return run_kql(parse_kql(query), rows_); }

  const Rows rows_ = {row("a", "microsoft.compute/snapshots", 30, {{"azlin:vm", "web"}}),
                      row("b", "microsoft.compute/snapshots", 128, {{"azlin:vm", "Web"}, {"tier", "daily"}}),
                      row("c", "microsoft.compute/disks", 64), row("Data-9", "microsoft.compute/disks", 512)};
};

TEST_F(KqlTest, ComparesTextWithAndWithoutCase) {
  EXPECT_EQ(names("resources | where tags['azlin:vm'] == 'web'"), "a ");
  EXPECT_EQ(names("Resources | where tags['azlin:vm'] =~ 'WEB'"), "a b ");
  EXPECT_EQ(names("resources | where tags['azlin:vm'] !~ 'web'"), "c Data-9 ");
  EXPECT_EQ(names("resources | where type != 'microsoft.compute/disks'"), "a b ");
}

TEST_F(KqlTest, MissingValuesEqualNothing) {
  EXPECT_EQ(names("resources | where tags.tier == ''"), "");
  EXPECT_EQ(names("resources | where isempty(tags['tier'])"), "a c Data-9 ");
  EXPECT_EQ(names("resources | where isnotnull(tags.tier)"), "b ");
  EXPECT_EQ(names("resources | where not(isnull(tags))"), "a b ");
}

TEST_F(KqlTest, NumbersOrderAsNumbers) {
  EXPECT_EQ(names("resources | where properties.diskSizeGB >= 64 | order by properties.diskSizeGB asc"),
            "c b Data-9 ");
  EXPECT_EQ(names("resources | sort by toint(properties.diskSizeGB) | take 2"), "Data-9 b ");
  EXPECT_EQ(names("resources | top 1 by properties.diskSizeGB asc"), "a ");
}

TEST_F(KqlTest, ListsAndParts) {
  EXPECT_EQ(names("resources | where name in ('a', 'DATA-9')"), "a ");
  EXPECT_EQ(names("resources | where name in~ ('a', 'DATA-9')"), "a Data-9 ");
  EXPECT_EQ(names("resources | where name !in~ ('a', 'DATA-9')"), "b c ");
  EXPECT_EQ(names("resources | where name startswith 'data' or name contains 'B'"), "b Data-9 ");
  EXPECT_EQ(names("resources | where type has 'disks' and name !endswith '9'"), "c ");
  EXPECT_EQ(names("resources | where zones[0] == '2' and name == 'a'"), "a ");
}

TEST_F(KqlTest, AndBindsTighterThanOr) {
  EXPECT_EQ(names("resources | where name == 'a' or name == 'c' and type contains 'snap'"), "a ");
  EXPECT_EQ(names("resources | where (name == 'a' or name == 'c') and type contains 'disk'"), "c ");
}

TEST_F(KqlTest, ProjectNamesColumnsAsKustoDoes) {
  const auto rows =
      run("resources | where name == 'a' | project id, vm = tags['azlin:vm'], properties.diskSizeGB");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0], (nlohmann::json{{"id", "/a"}, {"vm", "web"}, {"properties_diskSizeGB", 30}}));
}

TEST_F(KqlTest, ExtendCountSummarizeDistinct) {
  EXPECT_EQ(names("resources | extend size = properties.diskSizeGB | where size == 64 | project-away size"),
            "c ");
  EXPECT_EQ(run("resources | where type contains 'disks' | count")[0]["Count"], 2);
  const auto groups = run("resources | summarize n = count() by type");
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[1], (nlohmann::json{{"type", "microsoft.compute/snapshots"}, {"n", 2}}));
  EXPECT_EQ(run("resources | where false | count")[0]["Count"], 0);
  EXPECT_EQ(run("resources | distinct type").size(), 2U);
}

TEST_F(KqlTest, SaysWhetherIdIsAmongTheColumns) {
  EXPECT_TRUE(parse_kql("resources").projects_id);
  EXPECT_TRUE(parse_kql("resources | project name, id").projects_id);
  EXPECT_FALSE(parse_kql("resources | project name").projects_id);
  EXPECT_FALSE(parse_kql("resources | count").projects_id);
}

// Only what every result meets may be looked up in an index.
TEST_F(KqlTest, IndexHintsComeFromConditionsThatAlwaysHold) {
  const auto query =
      parse_kql("resources | where type =~ 'Microsoft.Compute/snapshots' and tags['Azlin:vm'] =~ 'web'");
  EXPECT_EQ(query.type, "microsoft.compute/snapshots");
  ASSERT_TRUE(query.tag);
  EXPECT_EQ(*query.tag, (std::pair<std::string, std::string>{"azlin:vm", "web"}));
  EXPECT_EQ(parse_kql("resources | where type == 'x' or name == 'y'").type, "");
  EXPECT_EQ(parse_kql("resources | where not(type == 'x')").type, "");
  EXPECT_EQ(parse_kql("resources | where (type == 'x') or name == 'y'").type, "");
  EXPECT_EQ(parse_kql("resources | where type != 'x'").type, "");
  EXPECT_EQ(parse_kql("resources | project type = name | where type == 'x'").type, "");
  EXPECT_EQ(parse_kql("resources | take 5 | where type == 'x'").type, "");
}

TEST_F(KqlTest, WhatItDoesNotKnowIsRefused) {
  for (const char* text :
       {"", "virtualMachines", "resources | mv-expand x", "resources | where name ==", "resources where",
        "resources | where name =~ 'x", "resources | order name", "resources | project tostring(id)",
        "resources | where f(x)", "resources | summarize sum(x)", "resources | where name like 'x'",
        "resources | take x", "resources; resources"}) {
    EXPECT_THROW(parse_kql(text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace azlin::simulator
