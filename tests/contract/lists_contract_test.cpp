// Generic lists, filters, paging and Resource Graph.
#include "support/simulator_fixture.hpp"

#include <set>

namespace azlin::test {
namespace {

class ListsContractTest : public ::testing::Test {
 protected:
  ListsContractTest() {
    for (int i = 0; i < 5; ++i) put_disk("disk-" + std::to_string(i), {{"azlin:vm", i < 3 ? "web" : "db"}});
  }
  void put_disk(const std::string& name, const nlohmann::json& tags) {
    const auto reply =
        sim_.arm("PUT", group_ + "/providers/Microsoft.Compute/disks/" + name + "?api-version=2023-10-02",
                 {{"location", "eastus"},
                  {"tags", tags},
                  {"properties", {{"diskSizeGB", 4}, {"creationData", {{"createOption", "Empty"}}}}}});
    if (reply.status != 202) throw std::runtime_error(reply.body);
  }
  HttpReply list(const std::string& query) {
    return sim_.arm("GET", std::string(kSubscription) + "/resources?api-version=2021-04-01" + query);
  }
  HttpReply graph(const std::string& query, nlohmann::json options = nlohmann::json::object()) {
    return sim_.arm("POST", "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01",
                    {{"subscriptions", {"00000000-0000-0000-0000-000000000001"}},
                     {"query", query},
                     {"options", options}});
  }

  Simulator sim_;
  const std::string group_ = sim_.make_group("Rg");
};

// "a tag filter cannot be combined with others and the answer then has no `tags`".
TEST_F(ListsContractTest, TagFilterLeavesTagsOut) {
  const auto reply = list("&$filter=tagName%20eq%20'azlin:vm'%20and%20tagValue%20eq%20'web'");
  ASSERT_EQ(reply.status, 200);
  ASSERT_EQ(reply.json()["value"].size(), 3U);
  EXPECT_FALSE(reply.json()["value"][0].contains("tags"));
  EXPECT_FALSE(reply.json()["value"][0].contains("properties"));
  EXPECT_EQ(list("&$filter=tagName%20eq%20'azlin:vm'%20and%20location%20eq%20'eastus'").status, 400);
  EXPECT_EQ(list("&$filter=tagName%20eq%20'AZLIN:VM'").json()["value"].size(), 5U);
}

TEST_F(ListsContractTest, OtherFiltersAndExpand) {
  const auto reply = list(
      "&$filter=resourceType%20eq%20'Microsoft.Compute/"
      "disks'%20and%20substringof('-4',name)&$expand=createdTime");
  ASSERT_EQ(reply.json()["value"].size(), 1U);
  EXPECT_EQ(reply.json()["value"][0]["tags"]["azlin:vm"], "db");
  EXPECT_TRUE(reply.json()["value"][0].contains("createdTime"));
  EXPECT_EQ(list("&$filter=resourceType%20eq%20'Microsoft.Compute/snapshots'").json()["value"].size(), 0U);
}

// {"value":[…],"nextLink":"<absolute URL>"}: followed as given until it is absent.
TEST_F(ListsContractTest, PagesFollowAbsoluteLinksToTheEnd) {
  std::set<std::string> names;
  int pages = 0;
  auto reply = list("&$top=2&$filter=tagName%20eq%20'azlin:vm'");
  while (true) {
    ++pages;
    const auto value = reply.json()["value"];
    for (const auto& item : value) EXPECT_TRUE(names.insert(item["name"].get<std::string>()).second);
    if (!reply.json().contains("nextLink")) break;
    const std::string next = reply.json()["nextLink"];
    EXPECT_EQ(next.find(sim_.url()), 0U) << next;
    reply = sim_.arm("GET", next);
    ASSERT_EQ(reply.status, 200) << reply.body;
  }
  EXPECT_EQ(names.size(), 5U);
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(list("&$skiptoken=nonsense").status, 400);
}

TEST_F(ListsContractTest, NextLinkIsOnTheAddressThatTheClientUsed) {
  const auto reply = http_call("GET", sim_.url() + kSubscription + "/resources?api-version=2021-04-01&$top=2",
                               "", {{"Authorization", "Bearer " + sim_.token()}, {"Host", "localhost:9999"}});
  EXPECT_EQ(reply.json()["nextLink"].get<std::string>().find("http://localhost:9999/subscriptions/"), 0U);
}

// {"totalRecords","count","resultTruncated":"true" (a text),"$skipToken","data"}.
TEST_F(ListsContractTest, GraphAnswersInPages) {
  const std::string query =
      "resources | where type =~ 'microsoft.compute/disks' | project id, name | order by name asc";
  const auto first = graph(query, {{"$top", 2}});
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.json()["totalRecords"], 5);
  EXPECT_EQ(first.json()["count"], 2);
  EXPECT_EQ(first.json()["resultTruncated"], "true");
  EXPECT_EQ(first.json()["data"][0]["name"], "disk-0");
  const auto second = graph(query, {{"$top", 2}, {"$skipToken", first.json()["$skipToken"]}});
  EXPECT_EQ(second.json()["data"][0]["name"], "disk-2");
  const auto last = graph(query, {{"$top", 2}, {"$skipToken", second.json()["$skipToken"]}});
  EXPECT_EQ(last.json()["count"], 1);
  EXPECT_EQ(last.json()["resultTruncated"], "false");
  EXPECT_FALSE(last.json().contains("$skipToken"));
}

// "no $skipToken unless id is projected"; "1,000 at most".
TEST_F(ListsContractTest, GraphGivesNoTokenWithoutId) {
  EXPECT_FALSE(graph("resources | project name", {{"$top", 2}}).json().contains("$skipToken"));
  EXPECT_EQ(graph("resources", {{"$top", 1'001}}).status, 400);
  EXPECT_EQ(graph("resources | frobnicate").error_code(), "BadRequest");
  EXPECT_EQ(graph("resources | frobnicate").json()["error"]["details"][0]["code"], "InvalidQuery");
}

TEST_F(ListsContractTest, GraphFindsByTagAndKnowsItsColumns) {
  const auto reply = graph(
      "Resources | where type == 'microsoft.compute/disks' and tags['azlin:vm'] =~ 'WEB' | project id, "
      "resourceGroup, subscriptionId, size = properties.diskSizeGB");
  ASSERT_EQ(reply.json()["count"], 3) << reply.body;
  EXPECT_EQ(reply.json()["data"][0]["resourceGroup"], "rg");
  EXPECT_EQ(reply.json()["data"][0]["size"], 4);
  EXPECT_EQ(graph("resourcecontainers | where name =~ 'RG'").json()["count"], 1);
}

// 15 queries per 5 s: x-ms-user-quota-remaining, x-ms-user-quota-resets-after.
TEST_F(ListsContractTest, GraphHasAQuota) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  sim_.admin("POST", "throttle", {{"enabled", true}});
  const auto first = graph("resources | count");
  EXPECT_EQ(first.header("x-ms-user-quota-remaining"), "14");
  EXPECT_EQ(first.header("x-ms-user-quota-resets-after"), "00:00:05");
  for (int i = 0; i < 14; ++i) graph("resources | count");
  EXPECT_EQ(graph("resources | count").status, 429);
  sim_.advance("5s");
  EXPECT_EQ(graph("resources | count").status, 200);
}

// Resource Graph lags; ARM does not.
TEST_F(ListsContractTest, GraphCanLag) {
  sim_.freeze_at("2030-01-01T00:00:00Z");
  sim_.admin("POST", "graph", {{"lagSeconds", 30}});
  put_disk("late", {});
  EXPECT_EQ(graph("resources | where name == 'late'").json()["count"], 0);
  sim_.advance("30s");
  EXPECT_EQ(graph("resources | where name == 'late'").json()["count"], 1);
}

}  // namespace
}  // namespace azlin::test
