#include "replication/target_lists.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_process_runner.hpp"
#include "support/scripted_transport.hpp"
#include "support/temp_dir.hpp"

namespace azlin::replication {
namespace {

using nlohmann::json;
using test::reply;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kGroup = "/subscriptions/s/resourceGroups/dr";
constexpr const char* kList = "/resourceGroups/dr/providers/Microsoft.Compute/snapshots?";

class TargetListsTest : public ::testing::Test {
 protected:
  static std::string id(const std::string& name) {
    return std::string(kGroup) + "/providers/Microsoft.Compute/snapshots/" + name;
  }
  static json snapshot(const std::string& name, json properties) {
    properties.update(json{{"creationData", {{"createOption", "CopyStart"}, {"sourceResourceId", "x"}}},
                           {"timeCreated", "2025-12-01T08:00:00Z"}});
    return {{"id", id(name)}, {"name", name}, {"location", "westus2"}, {"properties", properties}};
  }
  static json running(const std::string& name, double percent = 40) {
    return snapshot(name, {{"provisioningState", "Succeeded"}, {"completionPercent", percent}});
  }
  void expect_list(const json& items) {
    transport.expect("GET", kList, reply(200, json{{"value", items}}.dump()));
  }
  std::vector<std::string> found(const std::vector<std::string>& names) {
    std::vector<std::string> ids, out;
    for (const auto& name : names) ids.push_back(id(name));
    for (const auto& [lower, copy] : lists.running(client, ids, {})) out.push_back(copy.name);
    return out;
  }

  test::TempDir dir;
  test::FakeClock clock;
  test::ScriptedTransport transport;
  test::FakeProcessRunner processes;
  core::Env env{std::map<std::string, std::string>{{"AZLIN_ACCESS_TOKEN", "secret-token"}}};
  arm::CredentialChain chain{
      transport, clock, processes, env, arm::find_cloud("AzureCloud"), dir.file("tokens.json")};
  arm::ArmClient client{transport, clock, chain, {}};
  TargetLists lists;
  const std::vector<std::string> four{"a", "b", "c", "d"};
};

TEST_F(TargetListsTest, OneListTellsOfAllCopiesOfAGroup) {
  expect_list({running("other"), running("A"), running("b"), running("c"), running("d")});
  EXPECT_THAT(found(four), ElementsAre("A", "b", "c", "d"));
}

TEST_F(TargetListsTest, FewCopiesAreLeftToTheirOwnReads) {
  EXPECT_THAT(found({"a", "b", "c"}), IsEmpty());
  EXPECT_TRUE(transport.requests().empty());
}

TEST_F(TargetListsTest, ListIsBelievedOnlyThatACopyRuns) {
  expect_list({running("a"), running("b", 100),
               snapshot("c", {{"provisioningState", "Succeeded"}}),  // a list that leaves the percentage out
               snapshot("d", {{"provisioningState", "Failed"}, {"completionPercent", 10}}),
               snapshot("e", {{"provisioningState", "Succeeded"},
                              {"completionPercent", 10},
                              {"copyCompletionError", {{"errorCode", "CopySourceNotFound"}}}})});
  EXPECT_THAT(found({"a", "b", "c", "d", "e", "not-listed"}), ElementsAre("a"));
}

TEST_F(TargetListsTest, LargeGroupIsListedOnlyOnce) {
  json many = json::array();
  for (std::size_t i = 0; i <= four.size() * kListedForACopy; ++i)
    many.push_back(running("x" + std::to_string(i)));
  transport.expect("GET", kList, reply(200, json{{"value", many}, {"nextLink", "https://x/next"}}.dump()));
  EXPECT_THAT(found(four), IsEmpty());
  EXPECT_THAT(found(four), IsEmpty());
}

TEST_F(TargetListsTest, ListThatFailsLeavesTheCopiesToTheirOwnReads) {
  transport.expect("GET", kList, reply(403, R"({"error":{"code":"AuthorizationFailed","message":"no"}})"));
  EXPECT_THAT(found(four), IsEmpty());
  transport.expect("GET", kList, reply(200, R"({"value":[{"id":7}]})"));
  EXPECT_THAT(found(four), IsEmpty());
}

TEST_F(TargetListsTest, StopIsNoFailedList) {
  std::stop_source stop;
  stop.request_stop();
  std::vector<std::string> ids;
  for (const auto& name : four) ids.push_back(id(name));
  EXPECT_THROW(lists.running(client, ids, stop.get_token()), core::Error);
}

}  // namespace
}  // namespace azlin::replication
