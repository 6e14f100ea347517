#include "support/simulator_fixture.hpp"

namespace azlin::test {
namespace {

class TagsContractTest : public ::testing::Test {
 protected:
  HttpReply patch(const std::string& operation, const nlohmann::json& tags) {
    return sim_.arm("PATCH", path_, {{"operation", operation}, {"properties", {{"tags", tags}}}});
  }
  Simulator sim_;
  const std::string group_ = sim_.make_group("rg");
  const std::string path_ = group_ + "/providers/Microsoft.Resources/tags/default?api-version=2021-04-01";
};

// PATCH {"operation":"Merge"|"Replace"|"Delete","properties":{"tags":{…}}} gives 200
// {id,name:"default",type,properties:{tags}}.
TEST_F(TagsContractTest, PatchMergesReplacesAndDeletes) {
  const auto merged = patch("Merge", {{"azlin:verified", "x"}, {"Env", "prod"}});
  EXPECT_EQ(merged.status, 200);
  EXPECT_EQ(merged.json(),
            (nlohmann::json{{"id", group_ + "/providers/Microsoft.Resources/tags/default"},
                            {"name", "default"},
                            {"type", "Microsoft.Resources/tags"},
                            {"properties", {{"tags", {{"azlin:verified", "x"}, {"Env", "prod"}}}}}}));
  // Names are case-insensitive, values are not.
  EXPECT_EQ(patch("Merge", {{"ENV", "Test"}}).json()["properties"]["tags"]["Env"], "Test");
  EXPECT_EQ(patch("Delete", {{"env", "test"}}).json()["properties"]["tags"].size(), 2U);
  EXPECT_EQ(patch("Delete", {{"env", "Test"}}).json()["properties"]["tags"].size(), 1U);
  EXPECT_EQ(patch("Replace", {{"a", "b"}}).json()["properties"]["tags"], (nlohmann::json{{"a", "b"}}));
  EXPECT_EQ(sim_.arm("GET", group_ + "?api-version=2021-04-01").json()["tags"], (nlohmann::json{{"a", "b"}}));
}

TEST_F(TagsContractTest, PutReplacesAndDeleteClears) {
  patch("Merge", {{"old", "1"}});
  EXPECT_EQ(sim_.arm("PUT", path_, {{"properties", {{"tags", {{"new", "2"}}}}}}).status, 200);
  EXPECT_EQ(sim_.arm("GET", path_).json()["properties"]["tags"], (nlohmann::json{{"new", "2"}}));
  EXPECT_EQ(sim_.arm("DELETE", path_).status, 200);
  EXPECT_EQ(sim_.arm("GET", path_).json()["properties"]["tags"], nlohmann::json::object());
}

// "Limits: 50 tags, name 512, value 256": a merge counts what is there already.
TEST_F(TagsContractTest, MergePastFiftyIsRefusedAndChangesNothing) {
  nlohmann::json forty = nlohmann::json::object(), twenty = nlohmann::json::object();
  for (int i = 0; i < 40; ++i) forty["a" + std::to_string(i)] = "v";
  for (int i = 0; i < 20; ++i) twenty["b" + std::to_string(i)] = "v";
  EXPECT_EQ(patch("Merge", forty).status, 200);
  EXPECT_EQ(patch("Merge", twenty).status, 400);
  EXPECT_EQ(sim_.arm("GET", path_).json()["properties"]["tags"].size(), 40U);
}

// A change of tags is a change of the resource: whoever holds the old ETag must not overwrite it.
TEST_F(TagsContractTest, EtagChangesWithTheTags) {
  const std::string vnet = group_ + "/providers/Microsoft.Network/virtualNetworks/net";
  const std::string version = "?api-version=2023-09-01";
  sim_.finish(sim_.arm(
      "PUT", vnet + version,
      {{"location", "eastus"}, {"properties", {{"addressSpace", {{"addressPrefixes", {"10.0.0.0/16"}}}}}}}));
  const auto before = sim_.arm("GET", vnet + version).json();
  ASSERT_TRUE(before.contains("etag")) << before;
  EXPECT_EQ(sim_.arm("PATCH", vnet + "/providers/Microsoft.Resources/tags/default?api-version=2021-04-01",
                     {{"operation", "Merge"}, {"properties", {{"tags", {{"a", "b"}}}}}})
                .status,
            200);
  const auto after = sim_.arm("GET", vnet + version).json();
  EXPECT_EQ(after["tags"]["a"], "b");
  EXPECT_NE(after["etag"], before["etag"]);
}

TEST_F(TagsContractTest, BadTagsAreRefusedByTheirCodes) {
  EXPECT_EQ(patch("Merge", {{"a/b", "v"}}).error_code(), "InvalidTagNameCharacters");
  EXPECT_EQ(patch("Merge", {{"a", std::string(257, 'v')}}).error_code(), "InvalidTagValueLength");
  EXPECT_EQ(patch("Append", {{"a", "v"}}).status, 400);
  EXPECT_EQ(
      sim_.arm("PATCH",
               std::string(kSubscription) +
                   "/resourceGroups/rg/providers/Microsoft.Compute/disks/none/providers/Microsoft.Resources/"
                   "tags/default?api-version=2021-04-01",
               {{"operation", "Merge"}, {"properties", {{"tags", {{"a", "b"}}}}}})
          .error_code(),
      "ResourceNotFound");
}

}  // namespace
}  // namespace azlin::test
