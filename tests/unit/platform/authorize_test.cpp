#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "azlin/platform/data_plane.hpp"
#include "azlin/platform/seal.hpp"
#include "platform/encoding.hpp"
#include "support/fake_clock.hpp"
#include "support/scripted_transport.hpp"

namespace azlin::platform {
namespace {

using test::reply;

// The vectors of the service's own documentation and SDK.
TEST(AuthorizeTest, AppConfigurationSignaturesAreThoseOfTheSdk) {
  const auto secret = base64_encode("0123456789abcdef0123456789abcdef");
  http::Request get;
  get.url = "https://mystore.azconfig.io/kv?api-version=1.0";
  EXPECT_EQ(sign_app_config(get, "abcd-l0-s0:0123456789", secret, "Fri, 11 May 2018 18:48:36 GMT"),
            "HMAC-SHA256 Credential=abcd-l0-s0:0123456789&SignedHeaders=x-ms-date;host;x-ms-content-sha256&"
            "Signature=ZqP79te3+1ppN0pIKarB3PvY5/yZ97xXDngur0GA0dw=");
  http::Request put;
  put.method = "PUT";
  put.url = "https://mystore.azconfig.io/kv/app%2Fcolor?label=prod&api-version=1.0";
  put.body = R"({"value":"red"})";
  EXPECT_TRUE(sign_app_config(put, "x", secret, "Fri, 11 May 2018 18:48:36 GMT")
                  .ends_with("Signature=7pwAD1Oih6B/GWydvejR9NfVV81ZruFOak05vb7Duik="));
}

TEST(AuthorizeTest, AKeyThatIsNotBase64IsRefused) {
  test::FakeClock clock;
  EXPECT_THROW(app_config_key(clock, "id", "not base64!"), core::Error);
  EXPECT_THROW(storage_key(clock, "account", "%%%"), core::Error);
}

TEST(AuthorizeTest, TheSasIsAddedToEachRequest) {
  http::Request request;
  request.url = "https://a.blob.core.windows.net/c?comp=list";
  storage_sas("?sv=1&sig=x")(request, false, {});
  EXPECT_EQ(request.url, "https://a.blob.core.windows.net/c?comp=list&sv=1&sig=x");
}

TEST(EncodingTest, Base64GoesBothWays) {
  for (const std::string text : {"", "a", "ab", "abc", "abcd"}) {
    EXPECT_EQ(base64_decode(base64_encode(text)), text);
    EXPECT_EQ(base64url_decode(base64url_encode(text)), text);
  }
  EXPECT_EQ(base64_encode("ab"), "YWI=");
  EXPECT_EQ(base64url_encode("\xfb\xff"), "-_8");
  EXPECT_FALSE(base64_decode("a"));
  EXPECT_FALSE(base64_decode("a?=="));
  EXPECT_EQ(hex(md5("")), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(percent_decode("a%2Fb%zz"), "a/b%zz");
}

TEST(SealTest, OpensOnlyWhatItSealedUnderItsName) {
  const auto sealer = Sealer::create("correct horse battery");
  const auto sealed = sealer.seal("the value", "secret db");
  EXPECT_EQ(sealed.find("the value"), std::string::npos);
  EXPECT_EQ(sealer.open(sealed, "secret db"), "the value");
  EXPECT_THROW(sealer.open(sealed, "secret other"), core::Error);
  auto changed = sealed;
  changed.back() = static_cast<char>(changed.back() ^ 1);
  EXPECT_THROW(sealer.open(changed, "secret db"), core::Error);
  EXPECT_THROW(sealer.open(sealed.substr(0, 20), "secret db"), core::Error);
  const auto again = Sealer::open_with(sealer.recipe(), "correct horse battery");
  EXPECT_EQ(again.open(sealed, "secret db"), "the value");
  EXPECT_THROW(Sealer::open_with(sealer.recipe(), "correct horse batterz"), core::Error);
  EXPECT_THROW(Sealer::create("short"), core::Error);
}

class DataPlaneTest : public ::testing::Test {
 protected:
  test::ScriptedTransport transport;
  test::FakeClock clock;
  int tokens = 0;
  DataPlane data{transport, clock, "https://x.vault.azure.net/",
                 [this](http::Request& request, bool fresh, std::stop_token) {
                   if (fresh) ++tokens;
                   set_header(request.headers, "Authorization", "Bearer " + std::to_string(tokens));
                 },
                 "vault x"};
};

TEST_F(DataPlaneTest, AsksForAFreshTokenOnce) {
  transport.expect("GET", "/secrets", reply(401));
  transport.expect("GET", "/secrets", reply(200, "{}"));
  data.send({.path = "/secrets"});
  EXPECT_EQ(transport.sent_header(1, "Authorization"), "Bearer 1");
  transport.expect("GET", "/secrets", reply(401));
  transport.expect("GET", "/secrets", reply(401));
  EXPECT_THROW(data.send({.path = "/secrets"}), arm::ArmError);
}

TEST_F(DataPlaneTest, WaitsAsLongAsTheServiceSays) {
  transport.expect("GET", "/a", reply(429, "", {{"Retry-After", "7"}}));
  transport.expect("GET", "/a", reply(200));
  const auto before = clock.now();
  data.send({.path = "/a"});
  EXPECT_GE(clock.now() - before, core::Millis{7'000});
  EXPECT_EQ(data.throttled(), 1U);
}

TEST_F(DataPlaneTest, NeverSendsTheTokenElsewhere) {
  EXPECT_THROW(data.send({.path = "https://evil.example/secrets"}), core::Error);
  EXPECT_THROW(DataPlane(transport, clock, "http://x.vault.azure.net", nullptr, "x"), core::Error);
}

TEST_F(DataPlaneTest, NamesTheInnerCode) {
  transport.expect("POST", "/r", reply(409, R"({"error":{"code":"Conflict","message":"m","innererror":
                                              {"code":"ObjectIsDeletedButRecoverable"}}})"));
  try {
    data.send({.method = "POST", .path = "/r"});
    FAIL();
  } catch (const arm::ArmError& error) {
    EXPECT_EQ(error.code(), "ObjectIsDeletedButRecoverable");
    EXPECT_EQ(error.status(), 409);
  }
  transport.expect("GET", "/r",
                   reply(404, "<Error><Code>BlobNotFound</Code><Message>no\nId</Message></Error>"));
  EXPECT_FALSE(data.find({.path = "/r"}));
}

}  // namespace
}  // namespace azlin::platform
