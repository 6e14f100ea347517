// Token endpoints and what clients read about the cloud before they begin.
#include "support/simulator_fixture.hpp"

namespace azlin::test {
namespace {

const std::string kLogin = "/11111111-1111-1111-1111-111111111111/oauth2/v2.0/";

class TokensContractTest : public ::testing::Test {
 protected:
  HttpReply post_form(const std::string& path, const std::string& form) {
    return http_call("POST", sim_.url() + path, form,
                     {{"Content-Type", "application/x-www-form-urlencoded"}});
  }
  int use(const std::string& token) {
    return http_call("GET", sim_.url() + "/subscriptions?api-version=2019-11-01", "",
                     {{"Authorization", "Bearer " + token}})
        .status;
  }
  Simulator sim_;
};

// IMDS: GET with header Metadata: true; all values are texts; expires_on is an epoch.
TEST_F(TokensContractTest, ManagedIdentity) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  const std::string path =
      "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/";
  const auto reply = http_call("GET", sim_.url() + path, "", {{"Metadata", "true"}});
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.json()["expires_on"], "1764579600");
  EXPECT_EQ(reply.json()["expires_in"], "3600");
  EXPECT_EQ(reply.json()["token_type"], "Bearer");
  EXPECT_EQ(use(reply.json()["access_token"]), 200);
  EXPECT_EQ(http_call("GET", sim_.url() + path, "", {}).status, 400);
  EXPECT_EQ(http_call("GET", sim_.url() + "/metadata/identity/oauth2/token?api-version=2018-02-01", "",
                      {{"Metadata", "true"}})
                .status,
            400);
  const auto posted =
      http_call("POST", sim_.url() + "/metadata/identity/oauth2/token",
                "resource=https%3A%2F%2Fmanagement.core.windows.net%2F",
                {{"Metadata", "true"}, {"Content-Type", "application/x-www-form-urlencoded"}});
  EXPECT_EQ(use(posted.json()["access_token"]), 200);
}

// {"token_type":"Bearer","expires_in":3599,"access_token"} (a number here); 401 {"error":"invalid_client",
// "error_description":"AADSTS7000215: …","error_codes":[7000215]}.
TEST_F(TokensContractTest, ClientCredentials) {
  const std::string form =
      "grant_type=client_credentials&client_id=app&scope=https%3A%2F%2Fmanagement.azure.com%2F.default";
  const auto good = post_form(kLogin + "token", form + "&client_secret=s3cret");
  ASSERT_EQ(good.status, 200) << good.body;
  EXPECT_EQ(good.json()["expires_in"], 3599);
  EXPECT_EQ(use(good.json()["access_token"]), 200);
  const auto bad = post_form(kLogin + "token", form + "&client_secret=wrong");
  EXPECT_EQ(bad.status, 401);
  EXPECT_EQ(bad.json()["error"], "invalid_client");
  EXPECT_EQ(bad.json()["error_codes"][0], 7000215);
  EXPECT_EQ(post_form(kLogin + "token", form).status, 401);
  EXPECT_EQ(post_form("/other-tenant/oauth2/v2.0/token", form + "&client_secret=x").status, 400);
}

// Device code: 400 authorization_pending until the person has signed in, then a token and a refresh token.
TEST_F(TokensContractTest, DeviceCode) {
  const auto asked =
      post_form(kLogin + "devicecode", "client_id=app&scope=https%3A%2F%2Fmanagement.azure.com%2F.default");
  ASSERT_EQ(asked.status, 200) << asked.body;
  for (const char* key :
       {"device_code", "user_code", "verification_uri", "expires_in", "interval", "message"})
    EXPECT_TRUE(asked.json().contains(key)) << key;
  const std::string form =
      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=app&device_code=" +
      asked.json()["device_code"].get<std::string>();
  EXPECT_EQ(post_form(kLogin + "token", form).json()["error"], "authorization_pending");
  sim_.admin("POST", "devicelogin", {{"userCode", asked.json()["user_code"]}});
  const auto token = post_form(kLogin + "token", form);
  ASSERT_EQ(token.status, 200) << token.body;
  EXPECT_EQ(use(token.json()["access_token"]), 200);
  const auto refreshed = post_form(kLogin + "token", "grant_type=refresh_token&client_id=app&refresh_token=" +
                                                         token.json()["refresh_token"].get<std::string>());
  EXPECT_EQ(use(refreshed.json()["access_token"]), 200);
}

TEST_F(TokensContractTest, DeviceCodeExpiresAndCanBeDeclined) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  const auto ask = [&] { return post_form(kLogin + "devicecode", "client_id=app").json(); };
  const auto poll = [&](const nlohmann::json& asked) {
    return post_form(kLogin + "token",
                     "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=app&device_code=" +
                         asked["device_code"].get<std::string>())
        .json()["error"];
  };
  const auto declined = ask(), expired = ask();
  sim_.admin("POST", "devicelogin", {{"userCode", declined["user_code"]}, {"answer", "declined"}});
  EXPECT_EQ(poll(declined), "authorization_declined");
  sim_.advance("15m");
  EXPECT_EQ(poll(expired), "expired_token");
}

// /metadata/endpoints: 2015-01-01 gives one object with authentication{loginEndpoint,audiences};
// ARM_CLOUD_METADATA_URL wants an array of clouds.
TEST_F(TokensContractTest, CloudMetadataInItsShapes) {
  const auto classic =
      http_call("GET", sim_.url() + "/metadata/endpoints?api-version=2015-01-01", "", {}).json();
  EXPECT_EQ(classic["authentication"]["loginEndpoint"], sim_.url() + "/");
  EXPECT_TRUE(classic.contains("galleryEndpoint"));
  const auto clouds =
      http_call("GET", sim_.url() + "/metadata/endpoints?api-version=2019-05-01", "", {}).json();
  ASSERT_TRUE(clouds.is_array());
  EXPECT_EQ(clouds[0]["resourceManager"], sim_.url() + "/");
  EXPECT_TRUE(clouds[0]["suffixes"].contains("storage"));
  const auto one = http_call("GET", sim_.url() + "/metadata/endpoints?api-version=2022-09-01", "", {}).json();
  EXPECT_TRUE(one.is_object());
  EXPECT_EQ(http_call("GET", sim_.url() + "/metadata/endpoints", "", {}).status, 400);
}

// Login lists /tenants and /subscriptions.
TEST_F(TokensContractTest, TenantsSubscriptionsLocations) {
  EXPECT_EQ(sim_.arm("GET", "/tenants?api-version=2019-11-01").json()["value"][0]["tenantId"],
            "11111111-1111-1111-1111-111111111111");
  const auto subscriptions = sim_.arm("GET", "/subscriptions?api-version=2019-11-01").json()["value"];
  ASSERT_EQ(subscriptions.size(), 1U);
  EXPECT_EQ(subscriptions[0]["subscriptionId"], "00000000-0000-0000-0000-000000000001");
  EXPECT_EQ(subscriptions[0]["state"], "Enabled");
  const auto locations =
      sim_.arm("GET", std::string(kSubscription) + "/locations?api-version=2019-11-01").json()["value"];
  EXPECT_GT(locations.size(), 20U);
  EXPECT_EQ(locations[0]["name"], "eastus");
  EXPECT_EQ(locations[0]["displayName"], "East US");
}

}  // namespace
}  // namespace azlin::test
