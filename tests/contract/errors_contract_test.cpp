// Refusals before any handler runs: tokens, api-versions, scopes.
#include "support/simulator_fixture.hpp"

namespace azlin::test {
namespace {

class ErrorsContractTest : public ::testing::Test {
 protected:
  HttpReply get_with(const std::string& target, const std::string& authorization) {
    std::multimap<std::string, std::string> headers;
    if (!authorization.empty()) headers.emplace("Authorization", authorization);
    return http_call("GET", sim_.url() + target, "", headers);
  }
  std::string token_with(const nlohmann::json& claims) {
    return sim_.admin("POST", "token", claims).at("token");
  }

  Simulator sim_;
  const std::string groups_ = std::string(kSubscription) + "/resourcegroups?api-version=2021-04-01";
};

// "Authentication failed. The 'Authorization' header is missing."; 401 carries WWW-Authenticate: Bearer
// authorization_uri=…
TEST_F(ErrorsContractTest, MissingTokenIsRefusedWithAChallenge) {
  const auto reply = get_with(groups_, "");
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.error_code(), "AuthenticationFailed");
  EXPECT_EQ(reply.header("www-authenticate").find("Bearer authorization_uri=\"https://login.windows.net/"),
            0U);
  EXPECT_NE(reply.header("www-authenticate").find("error=\"invalid_token\""), std::string::npos);
}

// InvalidAuthenticationToken: unreadable; InvalidAuthenticationTokenTenant: of another tenant.
TEST_F(ErrorsContractTest, BadTokensAreToldApart) {
  const std::string other = token_with({{"tenant", "99999999-9999-9999-9999-999999999999"}});
  const std::string vault = token_with({{"audience", "https://vault.azure.net"}});
  EXPECT_EQ(get_with(groups_, "Basic abc").error_code(), "AuthenticationFailed");
  EXPECT_EQ(get_with(groups_, "Bearer not-a-token").error_code(), "InvalidAuthenticationToken");
  EXPECT_EQ(get_with(groups_, "Bearer " + other).error_code(), "InvalidAuthenticationTokenTenant");
  EXPECT_EQ(get_with(groups_, "Bearer " + vault).error_code(), "InvalidAuthenticationTokenAudience");
}

// "The access token expiry UTC time '10/23/2019 4:10:06 PM' is earlier than current UTC time '…'."
TEST_F(ErrorsContractTest, ExpiredTokenNamesBothTimes) {
  sim_.freeze_at("2019-10-23T15:10:06Z");
  const std::string token = sim_.token();
  EXPECT_EQ(get_with(groups_, "Bearer " + token).status, 200);
  sim_.advance("1h");
  const auto reply = get_with(groups_, "Bearer " + token);
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.error_code(), "ExpiredAuthenticationToken");
  EXPECT_EQ(reply.json()["error"]["message"],
            "The access token expiry UTC time '10/23/2019 4:10:06 PM' is earlier than current UTC time "
            "'10/23/2019 4:10:06 PM'.");
}

// 400 MissingApiVersionParameter; generic resources: "The api-version 'V' is invalid. The supported versions
// are '…'."
TEST_F(ErrorsContractTest, ApiVersionIsRequiredAndKnown) {
  const std::string path = std::string(kSubscription) + "/resourcegroups";
  EXPECT_EQ(sim_.arm("GET", path).error_code(), "MissingApiVersionParameter");
  const auto reply = sim_.arm("GET", path + "?api-version=1999-01-01");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.error_code(), "InvalidApiVersionParameter");
  EXPECT_EQ(
      reply.json()["error"]["message"].get<std::string>().find("The api-version '1999-01-01' is invalid."),
      0U);
}

// az sends "%24filter" and "+" for a space; names of query parameters and path segments ignore case.
TEST_F(ErrorsContractTest, QueryAndPathAreReadAsAzureDoes) {
  sim_.make_group("One");
  const auto reply =
      sim_.arm("GET", std::string("/SUBSCRIPTIONS") + (kSubscription + 14) +
                          "/ResourceGroups/ONE/Resources?API-Version=2021-04-01&%24FILTER=name+eq+%27x%27");
  EXPECT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json(), nlohmann::json({{"value", nlohmann::json::array()}}));
}

// 404 SubscriptionNotFound "The subscription '…' could not be found." / ResourceGroupNotFound; ARM's own 404
// has x-ms-failure-cause: gateway.
TEST_F(ErrorsContractTest, UnknownScopesAreNamed) {
  const auto no_sub =
      sim_.arm("GET", "/subscriptions/00000000-0000-0000-0000-00000000dead/resources?api-version=2021-04-01");
  EXPECT_EQ(no_sub.status, 404);
  EXPECT_EQ(no_sub.error_code(), "SubscriptionNotFound");
  const auto no_group =
      sim_.arm("GET", std::string(kSubscription) + "/resourceGroups/none/resources?api-version=2021-04-01");
  EXPECT_EQ(no_group.status, 404);
  EXPECT_EQ(no_group.json()["error"]["message"], "Resource group 'none' could not be found.");
  EXPECT_EQ(no_group.header("x-ms-failure-cause"), "gateway");
}

// Answers carry x-ms-request-id, x-ms-correlation-request-id, x-ms-routing-request-id and what is left of the
// limits: reads 250, writes 200 (the reply shows what is left after this call).
TEST_F(ErrorsContractTest, RepliesCarryIdsAndLimits) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  const auto reply = sim_.arm("GET", groups_);
  EXPECT_EQ(reply.header("x-ms-request-id").size(), 36U);
  EXPECT_EQ(reply.header("x-ms-correlation-request-id").size(), 36U);
  EXPECT_NE(reply.header("x-ms-routing-request-id").find(":20251201T080000Z:"), std::string::npos);
  EXPECT_EQ(reply.header("x-ms-ratelimit-remaining-subscription-reads"), "249");
  EXPECT_EQ(reply.header("x-ms-ratelimit-remaining-subscription-global-reads"), "3749");
  EXPECT_EQ(reply.header("date"), "Mon, 01 Dec 2025 08:00:00 GMT");
}

// Clients choose their api-version by the provider's list.
TEST_F(ErrorsContractTest, ProvidersListTheirVersions) {
  const auto provider =
      sim_.arm("GET", std::string(kSubscription) + "/providers/microsoft.compute?api-version=2021-04-01")
          .json();
  EXPECT_EQ(provider["registrationState"], "Registered");
  EXPECT_EQ(provider["resourceTypes"][0]["resourceType"], "disks");
  EXPECT_EQ(provider["resourceTypes"][0]["apiVersions"][0], "2026-03-02");
  EXPECT_EQ(
      sim_.arm("GET", std::string(kSubscription) + "/providers/Microsoft.Nothing?api-version=2021-04-01")
          .status,
      404);
}

// What no route answers: an unknown type, namespace, path or method.
TEST_F(ErrorsContractTest, UnknownPathsAreToldApart) {
  const std::string group = sim_.make_group("rg");
  const auto code = [&](const char* method, const std::string& path) {
    return sim_.arm(method, path + "?api-version=2021-04-01", nlohmann::json::object()).error_code();
  };
  EXPECT_EQ(code("GET", group + "/providers/Microsoft.Compute/teapots/x"), "InvalidResourceType");
  EXPECT_EQ(code("GET", group + "/providers/Contoso.Pots/teapots/x"), "InvalidResourceNamespace");
  EXPECT_EQ(code("GET", "/nothing/here"), "MissingSubscription");
  EXPECT_EQ(code("POST", group), "MethodNotAllowed");
}

// A text where an object belongs: 400 InvalidRequestContent, not a failure of the service.
TEST_F(ErrorsContractTest, WrongTypesInTheBodyAreRefused) {
  const auto reply = sim_.arm("PUT", std::string(kSubscription) + "/resourceGroups/x?api-version=2021-04-01",
                              {{"location", 7}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.error_code(), "InvalidRequestContent");
}

// Only programs on this machine may drive the simulator, not a web page that is open on it.
TEST_F(ErrorsContractTest, AdminTakesNothingFromWebPages) {
  EXPECT_EQ(
      http_call("POST", sim_.url() + "/_simulator/reset", "{}", {{"Origin", "https://example.com"}}).status,
      403);
}

TEST_F(ErrorsContractTest, BrokenJsonIsRefused) {
  const auto reply = http_call(
      "PUT", sim_.url() + kSubscription + "/resourceGroups/x?api-version=2021-04-01",
      "{\"a\":", {{"Authorization", "Bearer " + sim_.token()}, {"Content-Type", "application/json"}});
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.error_code(), "InvalidRequestContent");
}

// HEAD is no GET without a body: 404 for what is missing, 405 for a resource that is there.
TEST_F(ErrorsContractTest, HeadIsNotGet) {
  const std::string disk = sim_.make_group("rg") + "/providers/Microsoft.Compute/disks/d";
  const std::string url = disk + "?api-version=2023-10-02";
  EXPECT_EQ(sim_.arm("HEAD", url).status, 404);
  const auto started =
      sim_.arm("PUT", url,
               {{"location", "eastus"},
                {"properties", {{"creationData", {{"createOption", "Empty"}}}, {"diskSizeGB", 4}}}});
  ASSERT_EQ(started.status, 202) << started.body;
  sim_.finish(started);
  EXPECT_EQ(sim_.arm("HEAD", url).status, 405);
  EXPECT_EQ(sim_.arm("GET", url).status, 200);
}

// "The content media type '<null>' is not supported. Only 'application/json' is supported."
TEST_F(ErrorsContractTest, OnlyJsonIsTaken) {
  const auto put = [&](const std::string& type, const std::string& body) {
    std::multimap<std::string, std::string> headers{{"Authorization", "Bearer " + sim_.token()}};
    if (!type.empty()) headers.emplace("Content-Type", type);
    return http_call("PUT", sim_.url() + kSubscription + "/resourceGroups/x?api-version=2021-04-01", body,
                     headers);
  };
  const std::string form = "application/x-www-form-urlencoded";
  for (const std::size_t size : {std::size_t{0}, std::size_t{9'000}}) {  // httplib's own limit lies between
    const auto refused = put(form, R"({"location":"eastus"})" + std::string(size, ' '));
    EXPECT_EQ(refused.status, 415);
    EXPECT_EQ(refused.error_code(), "UnsupportedMediaType");
    EXPECT_EQ(
        refused.json()["error"]["message"],
        "The content media type '" + form + "' is not supported. Only 'application/json' is supported.");
  }
  EXPECT_EQ(put("application/json; charset=utf-8", R"({"location":"eastus"})").status, 201);
}

// An unknown action is named, not its resource's type; registering a provider shows it.
TEST_F(ErrorsContractTest, ActionsAreNamed) {
  const std::string disk = sim_.make_group("rg") + "/providers/Microsoft.Compute/disks/d";
  const auto unknown = sim_.arm("POST", disk + "/brew?api-version=2023-10-02");
  EXPECT_EQ(unknown.error_code(), "InvalidResourceType");
  EXPECT_EQ(unknown.json()["error"]["message"].get<std::string>().find("The resource type 'disks/brew'"), 0U);
  const std::string providers = std::string(kSubscription) + "/providers/";
  const auto registered = sim_.arm("POST", providers + "Microsoft.Compute/register?api-version=2021-04-01");
  EXPECT_EQ(registered.status, 200);
  EXPECT_EQ(registered.json()["registrationState"], "Registered");
  EXPECT_EQ(sim_.arm("POST", providers + "Contoso.Pots/register?api-version=2021-04-01").error_code(),
            "InvalidResourceNamespace");
}

}  // namespace
}  // namespace azlin::test
