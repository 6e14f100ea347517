// App Configuration: stores in ARM and the data plane. docs/simulator-platform.md has the rules and their
// sources.
#include "contract/platform_support.hpp"
#include "simulator/appconfig.hpp"
#include "simulator/crypto.hpp"
#include "simulator/text.hpp"

namespace azlin::test {
namespace {

using nlohmann::json;

constexpr const char* kKv = "application/vnd.microsoft.appconfig.kv+json";

class AppConfigurationContractTest : public PlatformTest {
 protected:
  void SetUp() override {
    sim_.make_group("rg");
    endpoint_ = make("store-one", {{"name", "standard"}}).json()["properties"]["endpoint"];
  }

  std::string store_path(const std::string& name, const std::string& verb = "") {
    return path("Microsoft.AppConfiguration/configurationStores/" + name + verb, "2022-05-01");
  }
  HttpReply make(const std::string& name, const json& sku, const json& properties = json::object()) {
    return sim_.arm("PUT", store_path(name),
                    {{"location", "eastus"}, {"sku", sku}, {"properties", properties}});
  }
  HttpReply call(const std::string& method, const std::string& target, const json& body = nullptr,
                 std::multimap<std::string, std::string> headers = {}) {
    headers.emplace("Authorization", "Bearer " + token_for("https://store-one.azconfig.io"));
    if (!body.is_null()) headers.emplace("Content-Type", kKv);
    const std::string version = target.find("snapshot") == std::string::npos ? "1.0" : "2023-10-01";
    return http_call(
        method,
        endpoint_ + target + (target.find('?') == std::string::npos ? "?" : "&") + "api-version=" + version,
        body.is_null() ? "" : body.dump(), headers);
  }
  HttpReply put(const std::string& target, const std::string& value) {
    return call("PUT", "/kv/" + target, {{"value", value}});
  }
  std::vector<std::string> keys(const std::string& query) {
    std::vector<std::string> found;
    const json body = call("GET", "/kv" + query).json();
    for (const auto& item : body["items"])
      found.push_back(item["key"].get<std::string>() +
                      (item["label"].is_string() ? "@" + item["label"].get<std::string>() : ""));
    return found;
  }
  // A request signed with the store's first access key.
  HttpReply signed_call(const std::string& date, const std::string& secret_tail = "",
                        const std::string& body = "") {
    const auto key = sim_.arm("POST", store_path("store-one", "/listKeys")).json()["value"][0];
    const std::string host = endpoint_.substr(endpoint_.find("//") + 2), target = "/kv?api-version=1.0";
    const std::string hash = simulator::base64_encode(simulator::sha256(body));
    const std::string signature =
        simulator::config_signature("GET", target, date, host, hash,
                                    simulator::base64_decode(key["value"].get<std::string>()) + secret_tail);
    return http_call(
        "GET", endpoint_ + target, "",
        {{"x-ms-date", date},
         {"x-ms-content-sha256", hash},
         {"Authorization", "HMAC-SHA256 Credential=" + key["id"].get<std::string>() +
                               "&SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + signature}});
  }

  std::string endpoint_;
};

// The vectors of Microsoft's SDK.
TEST_F(AppConfigurationContractTest, SignsAsTheSdkDoes) {
  const std::string secret = "0123456789abcdef0123456789abcdef", date = "Fri, 11 May 2018 18:48:36 GMT";
  const auto sign = [&](const std::string& method, const std::string& target, const std::string& body) {
    return simulator::config_signature(method, target, date, "mystore.azconfig.io",
                                       simulator::base64_encode(simulator::sha256(body)), secret);
  };
  EXPECT_EQ(sign("GET", "/kv?api-version=1.0", ""), "ZqP79te3+1ppN0pIKarB3PvY5/yZ97xXDngur0GA0dw=");
  EXPECT_EQ(sign("PUT", "/kv/app%2Fcolor?label=prod&api-version=1.0", R"({"value":"red"})"),
            "7pwAD1Oih6B/GWydvejR9NfVV81ZruFOak05vb7Duik=");
}

TEST_F(AppConfigurationContractTest, HmacIsCheckedToTheQuarterHour) {
  sim_.freeze_at("2026-01-01T12:00:00Z");
  EXPECT_EQ(signed_call("Thu, 01 Jan 2026 12:15:00 GMT").status, 200);
  const auto late = signed_call("Thu, 01 Jan 2026 11:44:59 GMT");
  EXPECT_EQ(late.status, 401);
  EXPECT_EQ(late.header("www-authenticate"),
            "HMAC-SHA256 error=\"invalid_token\" error_description=\"The access token has expired\"");
  EXPECT_NE(
      signed_call("Thu, 01 Jan 2026 12:00:00 GMT", "x").header("www-authenticate").find("Invalid Signature"),
      std::string::npos);
  EXPECT_EQ(signed_call("Thu, 01 Jan 2026 12:00:00 GMT", "", "other body").status, 401);
  sim_.arm("PATCH", store_path("store-one"), {{"properties", {{"disableLocalAuth", true}}}});
  EXPECT_EQ(sim_.arm("POST", store_path("store-one", "/listKeys")).status, 409);
}

// Microsoft's Python SDK 1.4 writes the date so.
TEST_F(AppConfigurationContractTest, HmacTakesTheDatesOfTheSdks) {
  sim_.freeze_at("2026-01-01T12:00:00Z");
  EXPECT_EQ(signed_call("Jan, 01 2026 12:00:00.123456 GMT").status, 200);
  EXPECT_EQ(signed_call("2026-01-01T12:00:00Z").status, 200);
  EXPECT_EQ(signed_call("Jan, 01 2026 11:00:00 GMT").status, 401);
  EXPECT_EQ(signed_call("yesterday").header("www-authenticate"),
            "HMAC-SHA256 error=\"invalid_token\" error_description=\"Invalid access token date\"");
}

TEST_F(AppConfigurationContractTest, ABearerTokenIsForThisHost) {
  EXPECT_EQ(http_call("GET", endpoint_ + "/kv?api-version=1.0", "", {}).header("www-authenticate"),
            "HMAC-SHA256, Bearer");
  const auto with = [&](const std::string& audience) {
    return http_call("GET", endpoint_ + "/kv?api-version=1.0", "",
                     {{"Authorization", "Bearer " + token_for(audience)}})
        .status;
  };
  EXPECT_EQ(with("https://store-one.azconfig.io"), 200);
  EXPECT_EQ(with(endpoint_), 200);
  EXPECT_EQ(with("https://Store-One.azconfig.io"), 401);
  EXPECT_EQ(with("https://vault.azure.net"), 401);
}

TEST_F(AppConfigurationContractTest, KeyValuesHaveLabelsAndEtags) {
  EXPECT_EQ(call("PUT", "/kv/a%2Fb", {{"value", "1"}, {"tags", {{"n", 1}}}}).status, 400);
  EXPECT_EQ(put("a%2Fb", "1").status, 200);
  EXPECT_EQ(put("a%2Fb?label=prod", "2").status, 200);
  const auto plain = call("GET", "/kv/a%2Fb");
  EXPECT_EQ(plain.json()["value"], "1");
  EXPECT_TRUE(plain.json()["label"].is_null());
  EXPECT_FALSE(plain.header("sync-token").empty());
  EXPECT_EQ(call("GET", "/kv/a%2Fb?label=prod").json()["value"], "2");
  EXPECT_EQ(call("GET", "/kv/a%2Fb?label=none").status, 404);
  const std::string etag = plain.header("etag");
  EXPECT_EQ(call("GET", "/kv/a%2Fb", nullptr, {{"If-None-Match", etag}}).status, 304);
  EXPECT_EQ(call("PUT", "/kv/a%2Fb", {{"value", "3"}}, {{"If-Match", etag}}).status, 200);
  EXPECT_EQ(call("PUT", "/kv/a%2Fb", {{"value", "4"}}, {{"If-Match", etag}}).status, 412);
  EXPECT_EQ(call("PUT", "/kv/a%2Fb", {{"value", "4"}}, {{"If-None-Match", "*"}}).status, 412);
  EXPECT_EQ(call("DELETE", "/kv/nothing").status, 204);
  EXPECT_EQ(call("DELETE", "/kv/a%2Fb").json()["value"], "3");
  EXPECT_EQ(call("GET", "/kv/a%2Fb").status, 404);
}

TEST_F(AppConfigurationContractTest, FiltersChooseByKeyAndLabel) {
  for (const char* target : {"app%2Fa", "app%2Fb?label=prod", "app%2Fb?label=test", "star%2A"})
    put(target, "x");
  EXPECT_EQ(keys("").size(), 4U);
  EXPECT_EQ(keys("?label=%00"), (std::vector<std::string>{"app/a", "star*"}));
  EXPECT_EQ(keys("?key=app%2F*&label=prod%2C%00"), (std::vector<std::string>{"app/a", "app/b@prod"}));
  EXPECT_EQ(keys("?key=star%5C%2A"), (std::vector<std::string>{"star*"}));
  const auto refused = call("GET", "/kv?key=*a");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.json()["type"], "https://azconfig.io/errors/invalid-argument");
  EXPECT_EQ(refused.header("content-type"), "application/problem+json; charset=utf-8");
  EXPECT_EQ(call("GET", "/labels").json()["items"].size(), 3U);
  EXPECT_EQ(call("GET", "/kv?$select=key,value&key=star%5C%2A").json()["items"][0].size(), 2U);
}

// A page has 100; @nextLink and Link are relative.
TEST_F(AppConfigurationContractTest, ListsComeInPages) {
  for (int number = 0; number < 205; ++number) put("k" + std::to_string(number), "x");
  std::set<std::string> seen;
  std::string target = "/kv?key=k*&api-version=1.0";
  int pages = 0;
  while (!target.empty()) {
    const auto reply =
        http_call("GET", endpoint_ + target, "", {{"Authorization", "Bearer " + token_for(endpoint_)}});
    const json body = reply.json();
    for (const auto& item : body["items"]) EXPECT_TRUE(seen.insert(item["key"]).second);
    target = body.value("@nextLink", "");
    // The HTTP client of the tests hands out headers percent-decoded.
    EXPECT_EQ(reply.header("link"),
              target.empty() ? "" : "<" + simulator::percent_decode(target) + ">; rel=\"next\"");
    ++pages;
  }
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(seen.size(), 205U);
}

// A page that a client has already is not sent again, but where the next one is.
TEST_F(AppConfigurationContractTest, AnUnchangedPageStillLeadsOn) {
  for (int number = 0; number < 101; ++number) put("k" + std::to_string(number), "x");
  const auto first = call("GET", "/kv?key=k*");
  const auto again = call("GET", "/kv?key=k*", nullptr, {{"If-None-Match", first.header("etag")}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.header("link"), first.header("link"));
  EXPECT_EQ(again.header("etag"), first.header("etag"));
}

// The slashes of a key are written as they are (JavaScript SDK) or as %2F.
TEST_F(AppConfigurationContractTest, SlashesOfAKeyAreItsOwn) {
  put("app/web//color", "red");
  EXPECT_EQ(call("GET", "/kv/app%2Fweb%2F%2Fcolor").json()["value"], "red");
  EXPECT_EQ(call("PUT", "/locks/app/web//color").json()["locked"], true);
  EXPECT_EQ(keys(""), std::vector<std::string>{"app/web//color"});
}

TEST_F(AppConfigurationContractTest, ALockedKeyDoesNotChange) {
  put("a", "1");
  EXPECT_EQ(call("PUT", "/locks/a").json()["locked"], true);
  const auto refused = put("a", "2");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.json()["type"], "https://azconfig.io/errors/key-locked");
  EXPECT_EQ(call("DELETE", "/kv/a").status, 409);
  EXPECT_EQ(call("DELETE", "/locks/a").json()["locked"], false);
  EXPECT_EQ(put("a", "2").status, 200);
  EXPECT_EQ(call("PUT", "/locks/nothing").status, 404);
}

// History: 30 days in a standard store; Accept-Datetime gives the store as it was.
TEST_F(AppConfigurationContractTest, HistoryIsKeptForItsRetention) {
  sim_.freeze_at("2026-01-01T12:00:00Z");
  put("a", "1");
  sim_.advance("1d");
  put("a", "2");
  put("b", "x");
  sim_.advance("1d");
  call("DELETE", "/kv/b");
  EXPECT_EQ(call("GET", "/revisions?key=a").json()["items"].size(), 2U);
  const std::multimap<std::string, std::string> then = {{"Accept-Datetime", "Fri, 02 Jan 2026 12:00:00 GMT"}};
  EXPECT_EQ(call("GET", "/kv", nullptr, then).json()["items"].size(), 2U);
  EXPECT_EQ(
      call("GET", "/kv/a", nullptr, {{"Accept-Datetime", "Thu, 01 Jan 2026 12:00:00 GMT"}}).json()["value"],
      "1");
  sim_.advance("31d");
  EXPECT_EQ(call("GET", "/revisions?key=a").json()["items"].size(), 1U);
}

TEST_F(AppConfigurationContractTest, SnapshotsAreFilledInTheBackground) {
  sim_.freeze_at("2026-01-01T12:00:00Z");
  sim_.admin("POST", "latency", {{"profile", "demo"}});
  put("app%2Fa", "1");
  put("app%2Fa?label=prod", "2");
  const json body = {{"filters", {{{"key", "app/*"}}, {{"key", "app/*"}, {"label", "prod"}}}},
                     {"composition_type", "key"}};
  const auto made = call("PUT", "/snapshots/one", body);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.json()["status"], "provisioning");
  EXPECT_EQ(call("GET", "/kv?snapshot=one").json()["items"].size(), 0U);
  EXPECT_EQ(call("PUT", "/snapshots/one", body).status, 409);
  sim_.advance("2s");
  put("app%2Fa?label=prod", "3");
  const auto items = call("GET", "/kv?snapshot=one").json()["items"];
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0]["value"], "2");
  EXPECT_EQ(call("PATCH", "/snapshots/one", {{"status", "archived"}}).json()["status"], "archived");
  sim_.advance("30d");
  EXPECT_EQ(call("GET", "/snapshots/one").status, 404);
  EXPECT_EQ(call("PUT", "/snapshots/two", {{"filters", json::array()}}).status, 400);
}

TEST_F(AppConfigurationContractTest, AStoreIsSoftDeletedAndRecovered) {
  put("a", "1");
  EXPECT_EQ(sim_.arm("DELETE", store_path("store-one")).status, 200);
  EXPECT_EQ(call("GET", "/kv").status, 0);
  EXPECT_EQ(make("store-one", {{"name", "standard"}}).error_code(), "NameUnavailable");
  EXPECT_EQ(make("store-one", {{"name", "standard"}}, {{"createMode", "Recover"}}).status, 200);
  EXPECT_EQ(call("GET", "/kv/a").json()["value"], "1");
  EXPECT_EQ(
      sim_.arm("PATCH", store_path("store-one"), {{"properties", {{"softDeleteRetentionInDays", 3}}}}).status,
      400);
  EXPECT_EQ(make("store-free", {{"name", "free"}}, {{"enablePurgeProtection", true}}).status, 400);
}

TEST_F(AppConfigurationContractTest, TemplatesSetKeyValues) {
  const std::string one = store_path("store-one", "/keyValues/app~3Acolor$prod");
  const auto made = sim_.arm("PUT", one, {{"properties", {{"value", "red"}, {"tags", {{"a", "b"}}}}}});
  EXPECT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(made.json()["properties"]["key"], "app:color");
  EXPECT_EQ(call("GET", "/kv/app%3Acolor?label=prod").json()["value"], "red");
  EXPECT_EQ(call("PUT", "/locks/app%3Acolor?label=prod").status, 200);
  EXPECT_EQ(sim_.arm("PUT", one, {{"properties", {{"value", "blue"}}}}).status, 409);
  EXPECT_EQ(sim_.arm("DELETE", one).status, 409);
  EXPECT_EQ(call("DELETE", "/locks/app%3Acolor?label=prod").status, 200);
  EXPECT_EQ(sim_.arm("DELETE", one).status, 200);
  EXPECT_EQ(sim_.arm("DELETE", one).status, 204);
  EXPECT_EQ(sim_.arm("GET", one).status, 404);
  EXPECT_EQ(sim_.arm("GET", store_path("store-one", "/replicas")).json()["value"], json::array());
}

TEST_F(AppConfigurationContractTest, TheQuotaIsKept) {
  sim_.freeze_at("2026-01-01T12:00:00Z");
  sim_.admin("POST", "throttle", {{"enabled", true}, {"appConfiguration", 1}});
  EXPECT_EQ(put("a", "1").status, 200);
  const auto refused = put("a", "2");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.json()["type"], "https://azconfig.io/errors/too-many-requests");
  EXPECT_EQ(refused.json()["title"], "Resource utilization has surpassed the assigned quota");
  EXPECT_EQ(refused.json()["policy"], "Total Requests");
  EXPECT_FALSE(refused.header("retry-after-ms").empty());
  EXPECT_TRUE(refused.header("retry-after").empty());
}

}  // namespace
}  // namespace azlin::test
