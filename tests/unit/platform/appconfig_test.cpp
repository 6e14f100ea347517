#include "azlin/platform/appconfig.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"
#include "support/fake_clock.hpp"
#include "support/scripted_transport.hpp"

namespace azlin::platform {
namespace {

using test::reply;
using What = KeyChange::What;

KeyValue item(std::string key, std::string label, std::string value, bool locked = false) {
  KeyValue out;
  out.key = std::move(key);
  out.label = std::move(label);
  out.value = std::move(value);
  out.locked = locked;
  out.etag = "e-" + out.key;
  return out;
}

TEST(KvsetTest, KeepsLabelsTypesTagsAndLocks) {
  auto one = item("a", "prod", "1", true);
  one.content_type = "application/json";
  one.tags = {{"team", "web"}};
  const auto text = to_kvset({item("b", "", "2"), one});
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["items"][0]["label"], "prod");
  EXPECT_TRUE(json["items"][1]["label"].is_null());
  const auto back = parse_kvset(text);
  ASSERT_EQ(back.size(), 2U);
  EXPECT_EQ(back[0].tags, one.tags);
  EXPECT_EQ(back[0].content_type, "application/json");
  EXPECT_TRUE(back[0].locked);
  EXPECT_FALSE(back[1].locked);
}

TEST(KvsetTest, RefusesWhatAzWouldSkipSilently) {
  EXPECT_THROW(parse_kvset("{}"), core::Error);
  EXPECT_THROW(parse_kvset("nothing"), core::Error);
  EXPECT_THROW(parse_kvset(R"({"items":[{"key":"..","value":"x"}]})"), core::Error);
  EXPECT_THROW(parse_kvset(R"({"items":[{"key":"a","value":5}]})"), core::Error);
  EXPECT_THROW(parse_kvset(R"({"items":[{"key":"a","value":"1"},{"key":"a","value":"2","label":null}]})"),
               core::Error);
}

TEST(CompareTest, FindsEachKindOfChange) {
  const std::vector<KeyValue> current = {item("same", "", "1"), item("other", "", "1"), item("gone", "", "1"),
                                         item("locked", "", "1")};
  const std::vector<KeyValue> wanted = {item("same", "", "1"), item("other", "", "2"), item("new", "x", "1"),
                                        item("locked", "", "1", true)};
  const auto changes = compare(current, wanted, true, true);
  ASSERT_EQ(changes.size(), 4U);
  EXPECT_EQ(changes[0].what, What::lock);
  EXPECT_EQ(changes[1].what, What::add);
  EXPECT_EQ(changes[2].what, What::change);
  EXPECT_EQ(changes[2].fields, std::vector<std::string>{"value"});
  EXPECT_EQ(changes[3].what, What::remove);
  EXPECT_EQ(compare(current, wanted, false, false).size(), 2U);
}

TEST(ReferencesTest, PointAtTheOtherVault) {
  auto reference = item("db", "", R"({"uri":"https://prod-kv.vault.azure.net/secrets/db/1"})");
  reference.content_type = "application/vnd.microsoft.appconfig.keyvaultref+json;charset=utf-8";
  std::vector<KeyValue> items = {reference, item("plain", "", "https://prod-kv.vault.azure.net")};
  EXPECT_EQ(rewrite_references(items, "prod-kv", "dr-kv"), 1U);
  EXPECT_EQ(items[0].value, R"({"uri":"https://dr-kv.vault.azure.net/secrets/db/1"})");
  EXPECT_EQ(items[1].value, "https://prod-kv.vault.azure.net");
  EXPECT_EQ(rewrite_references(items, "prod-kv", "dr-kv"), 0U);
}

class AppConfigClientTest : public ::testing::Test {
 protected:
  test::ScriptedTransport transport;
  test::FakeClock clock;
  DataPlane data{transport, clock, "https://s.azconfig.io",
                 [](http::Request& request, bool, std::stop_token) {
                   set_header(request.headers, "Authorization", "x");
                 },
                 "store s"};
  AppConfigClient client{data};
};

TEST_F(AppConfigClientTest, FollowsRelativeLinksAndReturnsTheSyncToken) {
  transport.expect("GET", "/kv?key=%2A&label=%2A",
                   reply(200, R"({"items":[{"key":"b","value":"1"}],"@nextLink":"/kv?after=b"})",
                         {{"Sync-Token", "id=abc;sn=5"}}));
  transport.expect("GET", "/kv?after=b",
                   reply(200, R"({"items":[{"key":"a","value":"2"}]})", {{"Sync-Token", "id=old;sn=4"}}));
  const auto items = client.list({});
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].key, "a");
  EXPECT_EQ(transport.sent_header(1, "Sync-Token"), "id=abc");
  transport.expect("GET", "label=%00", reply(200, R"({"items":[]})"));
  client.list({.key = "app/*", .label = ""});
  EXPECT_EQ(transport.sent_header(2, "Sync-Token"), "id=abc") << "the higher number stays";
}

TEST_F(AppConfigClientTest, AsksForThePast) {
  transport.expect("GET", "/kv", reply(200, R"({"items":[]})"));
  client.list({.at = core::parse_time("2025-12-01T08:00:00Z")});
  EXPECT_EQ(transport.sent_header(0, "Accept-Datetime"), "Mon, 01 Dec 2025 08:00:00 GMT");
}

TEST_F(AppConfigClientTest, WritesOnlyWhatItHasRead) {
  transport.expect("PUT", "/kv/app%2Fa?api-version=1.0&label=prod", reply(200));
  client.put(item("app/a", "prod", "1"));
  EXPECT_EQ(transport.sent_header(0, "If-Match"), "\"e-app/a\"");
  transport.expect("PUT", "/kv/b", reply(412));
  transport.expect("GET", "/kv/b", reply(200, R"({"key":"b","value":"another's","etag":"x"})"));
  auto fresh = item("b", "", "1");
  fresh.etag.clear();
  const auto failures = apply_changes(client, {{What::add, fresh, fresh, {}}}, false, 1);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(transport.sent_header(1, "If-None-Match"), "*");
  EXPECT_NE(failures[0].error.find("meanwhile"), std::string::npos);
}

// The first reply was lost: sent again, the request meets its own work.
TEST_F(AppConfigClientTest, WhatIsThereAsItShouldBeIsNoFailure) {
  auto fresh = item("b", "", "1"), gone = item("c", "", "1");
  fresh.etag.clear();
  transport.expect("PUT", "/kv/b", reply(412));
  transport.expect("GET", "/kv/b", reply(200, R"({"key":"b","value":"1","etag":"x"})"));
  transport.expect("DELETE", "/kv/c", reply(412));
  transport.expect("GET", "/kv/c", reply(404));
  EXPECT_TRUE(apply_changes(client, {{What::add, fresh, fresh, {}}, {What::remove, gone, gone, {}}}, false, 1)
                  .empty());
}

TEST_F(AppConfigClientTest, ALockedItemThatCannotBeWrittenIsLockedAgain) {
  const auto before = item("a", "", "1", true), after = item("a", "", "2", true);
  transport.expect("DELETE", "/locks/a", reply(200));
  transport.expect("GET", "/kv/a", reply(200, R"({"key":"a","value":"1","etag":"new"})"));
  transport.expect("PUT", "/kv/a", reply(400));
  transport.expect("GET", "/kv/a", reply(200, R"({"key":"a","value":"1","etag":"new"})"));
  transport.expect("PUT", "/locks/a", reply(200));
  EXPECT_EQ(apply_changes(client, {{What::change, before, after, {"value"}}}, true, 1).size(), 1U);
}

TEST_F(AppConfigClientTest, ALockedItemIsUnlockedWrittenAndLockedAgain) {
  auto before = item("a", "", "1", true), after = item("a", "", "2", true);
  const KeyChange change{What::change, before, after, {"value"}};
  EXPECT_EQ(apply_changes(client, {change}, false, 1).size(), 1U) << "nothing is sent without --unlock";
  transport.expect("DELETE", "/locks/a", reply(200));
  transport.expect("GET", "/kv/a", reply(200, R"({"key":"a","value":"1","etag":"new"})"));
  transport.expect("PUT", "/kv/a", reply(200));
  transport.expect("PUT", "/locks/a", reply(200));
  EXPECT_TRUE(apply_changes(client, {change}, true, 1).empty());
  EXPECT_EQ(transport.sent_header(2, "If-Match"), "\"new\"");
}

}  // namespace
}  // namespace azlin::platform
