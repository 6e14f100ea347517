// Custom roles.
#include <fmt/format.h>

#include "support/simulator_fixture.hpp"

namespace azlin::test {
namespace {

using nlohmann::json;

class RolesContractTest : public ::testing::Test {
 protected:
  static constexpr const char* kGuid = "77777777-7777-7777-7777-777777777777";
  static constexpr const char* kSomeone = "44444444-4444-4444-4444-444444444444";

  HttpReply role(const std::string& method, const std::string& name, const json& body = nullptr) {
    return sim_.arm(
        method,
        fmt::format("{}/providers/Microsoft.Authorization/roleDefinitions/{}?api-version=2022-04-01",
                    kSubscription, name),
        body);
  }
  HttpReply assignment(const std::string& method, const json& body = nullptr) {
    return sim_.arm(method,
                    group_ +
                        "/providers/Microsoft.Authorization/roleAssignments/"
                        "55555555-5555-5555-5555-555555555555?api-version=2022-04-01",
                    body);
  }
  static json body(const std::vector<std::string>& actions, const std::string& name = "Watcher") {
    return {{"properties",
             {{"roleName", name},
              {"type", "CustomRole"},
              {"permissions", {{{"actions", actions}, {"notActions", json::array()}}}},
              {"assignableScopes", {kSubscription}}}}};
  }
  static std::string refusal(const HttpReply& reply) {
    return fmt::format("{} {}", reply.status, reply.error_code());
  }
  Simulator sim_;
  const std::string group_ = sim_.make_group("rg");
};

// PUT answers 201 also for a change; what the role allows changes for those who have it; a role in use stays.
TEST_F(RolesContractTest, IsDefinedAssignedChangedAndDeleted) {
  const auto made = role("PUT", kGuid, body({"Microsoft.Compute/disks/read"}));
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["properties"]["type"], "CustomRole");
  EXPECT_EQ(role("GET", kGuid).json()["properties"]["roleName"], "Watcher");
  const auto custom = sim_.arm(
      "GET", group_ + "/providers/Microsoft.Authorization/roleDefinitions?api-version=2022-04-01&$filter=" +
                 "type%20eq%20'CustomRole'");
  EXPECT_EQ(custom.json()["value"].size(), 1U);
  EXPECT_EQ(assignment("PUT",
                       {{"properties", {{"principalId", kSomeone}, {"roleDefinitionId", made.json()["id"]}}}})
                .status,
            201);
  EXPECT_EQ(refusal(role("DELETE", kGuid)), "400 RoleDefinitionHasAssignments");
  const auto may = [&](const std::string& action) {
    const json grants = sim_.admin("GET", "grants").at("grants");
    for (const auto& grant : grants)
      if (grant["principal"] == kSomeone) return grant["actions"] == json{action};
    return false;
  };
  EXPECT_TRUE(may("Microsoft.Compute/disks/read"));
  EXPECT_EQ(role("PUT", kGuid, body({"Microsoft.Compute/snapshots/*"})).status, 201);
  EXPECT_TRUE(may("Microsoft.Compute/snapshots/*"));
  EXPECT_EQ(assignment("DELETE").status, 200);
  EXPECT_EQ(role("DELETE", kGuid).status, 200);
  EXPECT_EQ(role("DELETE", kGuid).status, 204);
  EXPECT_EQ(refusal(role("GET", kGuid)), "404 RoleDefinitionDoesNotExist");
}

TEST_F(RolesContractTest, IsChecked) {
  EXPECT_EQ(refusal(role("PUT", "mine", body({"*"}))), "400 InvalidRoleDefinitionId");
  EXPECT_EQ(refusal(role("PUT", kGuid, body({"*"}, "reader"))), "409 RoleDefinitionWithSameNameExists");
  EXPECT_EQ(refusal(role("PUT", kGuid, body({"read"}))), "400 InvalidActionOrNotAction");
  auto elsewhere = body({"*"});
  elsewhere["properties"]["assignableScopes"] = {group_ + "x"};
  EXPECT_EQ(refusal(role("PUT", kGuid, elsewhere)), "400 InvalidAssignableScope");
  elsewhere["properties"].erase("assignableScopes");
  EXPECT_EQ(refusal(role("PUT", kGuid, elsewhere)), "400 BadRequestFormat");
  EXPECT_EQ(role("PUT", "acdd72a7-3385-48ef-bd42-f606fba81ae7", body({"*"})).status, 403);
}

}  // namespace
}  // namespace azlin::test
