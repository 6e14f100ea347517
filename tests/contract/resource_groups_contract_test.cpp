#include "support/simulator_fixture.hpp"

namespace azlin::test {
namespace {

class ResourceGroupsContractTest : public ::testing::Test {
 protected:
  static std::string path(const std::string& name) {
    return std::string(kSubscription) + "/resourceGroups/" + name + "?api-version=2021-04-01";
  }
  Simulator sim_;
};

// PUT 201 for a new group, 200 for one that exists.
TEST_F(ResourceGroupsContractTest, PutCreatesThenUpdates) {
  const auto created =
      sim_.arm("PUT", path("Production"), {{"location", "East US"}, {"tags", {{"env", "prod"}}}});
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.json()["location"], "eastus");
  EXPECT_EQ(created.json()["properties"]["provisioningState"], "Succeeded");
  const auto updated = sim_.arm("PUT", path("production"), {{"location", "eastus"}});
  EXPECT_EQ(updated.status, 200);
  EXPECT_EQ(updated.json()["name"], "Production");
  EXPECT_FALSE(updated.json().contains("tags"));  // a PUT replaces all tags
}

// A group keeps its region: 409 InvalidResourceGroupLocation.
TEST_F(ResourceGroupsContractTest, RegionCannotChange) {
  sim_.make_group("rg", "eastus");
  const auto reply = sim_.arm("PUT", path("rg"), {{"location", "westus2"}});
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.error_code(), "InvalidResourceGroupLocation");
}

// HEAD 204/404, without a body.
TEST_F(ResourceGroupsContractTest, HeadTellsWhetherItExists) {
  sim_.make_group("rg");
  EXPECT_EQ(sim_.arm("HEAD", path("RG")).status, 204);
  EXPECT_EQ(sim_.arm("HEAD", path("other")).status, 404);
}

// DELETE 202 with Location {arm}S/operationresults/{opaque}; 202 until an empty 200. While it runs, the group
// is Deleting and takes no new resources: 409 ResourceGroupBeingDeleted.
TEST_F(ResourceGroupsContractTest, DeleteRunsUntilAnEmpty200) {
  sim_.admin("POST", "latency", {{"profile", "demo"}});
  sim_.freeze_at("2025-12-01T08:00:00Z");
  sim_.make_group("rg");
  const auto started = sim_.arm("DELETE", path("rg"));
  EXPECT_EQ(started.status, 202);
  EXPECT_EQ(started.header("azure-asyncoperation"), "");
  EXPECT_EQ(started.header("location").find(sim_.url() + kSubscription + "/operationresults/"), 0U);
  EXPECT_EQ(started.header("retry-after"), "1");
  EXPECT_EQ(sim_.arm("GET", path("rg")).json()["properties"]["provisioningState"], "Deleting");
  EXPECT_EQ(sim_.arm("PUT", path("rg"), {{"location", "eastus"}}).error_code(), "ResourceGroupBeingDeleted");
  EXPECT_EQ(sim_.arm("GET", started.header("location")).status, 202);
  sim_.advance("5s");
  const auto ended = sim_.arm("GET", started.header("location"));
  EXPECT_EQ(ended.status, 200);
  EXPECT_EQ(ended.body, "");
  EXPECT_EQ(sim_.arm("GET", path("rg")).error_code(), "ResourceGroupNotFound");
}

TEST_F(ResourceGroupsContractTest, DeletionGoesOnAfterARestart) {
  sim_.admin("POST", "latency", {{"profile", "demo"}});
  sim_.freeze_at("2025-12-01T08:00:00Z");
  sim_.make_group("rg");
  sim_.arm("DELETE", path("rg"));
  sim_.restart();
  EXPECT_EQ(sim_.arm("GET", path("rg")).status, 200);
  sim_.advance("5s");
  EXPECT_EQ(sim_.arm("GET", path("rg")).status, 404);
}

// Names: at most 90 characters, not ending in a period.
TEST_F(ResourceGroupsContractTest, BadNamesAreRefused) {
  EXPECT_EQ(sim_.arm("PUT", path(std::string(91, 'a')), {{"location", "eastus"}}).status, 400);
  EXPECT_EQ(sim_.arm("PUT", path("ends."), {{"location", "eastus"}}).status, 400);
  EXPECT_EQ(sim_.arm("PUT", path("my_rg-test.group(prod)"), {{"location", "eastus"}}).status, 201);
}

TEST_F(ResourceGroupsContractTest, UnknownRegionIsRefused) {
  EXPECT_EQ(sim_.arm("PUT", path("rg"), {{"location", "atlantis"}}).error_code(),
            "LocationNotAvailableForResourceType");
}

// "$filter: tagName eq 'tag1' [and tagValue eq 'Value1']"; "$top: the number of results to return".
TEST_F(ResourceGroupsContractTest, ListsByTagAndInPages) {
  for (const char* name : {"a", "b", "c"})
    sim_.arm("PUT", path(name), {{"location", "eastus"}, {"tags", {{"Env", name}}}});
  sim_.make_group("plain");
  const std::string list = std::string(kSubscription) + "/resourcegroups?api-version=2021-04-01";
  const auto names = [&](std::string url) {
    std::string found;
    while (!url.empty()) {
      const auto page = sim_.arm("GET", url).json();
      for (const auto& group : page["value"]) found += group["name"].get<std::string>() + " ";
      found += "| ";
      url = page.value("nextLink", "");
    }
    return found;
  };
  EXPECT_EQ(names(list + "&$filter=tagname%20eq%20%27env%27"), "a b c | ");
  EXPECT_EQ(names(list + "&$filter=tagname%20eq%20%27env%27&$top=2"), "a b | c | ");
  EXPECT_EQ(names(list + "&$filter=tagname%20eq%20%27env%27%20and%20tagvalue%20eq%20%27b%27"), "b | ");
  EXPECT_EQ(names(list + "&$filter=tagname%20eq%20%27other%27"), "| ");
  EXPECT_EQ(names(list + "&$top=3"), "a b c | plain | ");
  for (const char* top : {"abc", "0"}) {
    const auto refused = sim_.arm("GET", list + "&$top=" + top);
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.error_code(), "InvalidTopInQueryString");
  }
}

}  // namespace
}  // namespace azlin::test
