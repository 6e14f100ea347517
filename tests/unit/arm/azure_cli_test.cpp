#include "arm/azure_cli.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>

#include "arm/jwt.hpp"
#include "azlin/core/error.hpp"
#include "support/fake_process_runner.hpp"
#include "support/temp_dir.hpp"

namespace azlin::arm {
namespace {

using core::Error;
using core::ErrorKind;

// {"alg":"none"}.{"tid":"t-1","upn":"ann@example.com","exp":1764579600}.
constexpr const char* kJwt =
    "eyJhbGciOiJub25lIn0.eyJ0aWQiOiJ0LTEiLCJ1cG4iOiJhbm5AZXhhbXBsZS5jb20iLCJleHAiOjE3NjQ1Nzk2MDB9.x";

class AzTokenTest : public ::testing::Test {
 protected:
  AzTokenTest() {
    setenv("TZ", "America/New_York", 1);
    tzset();
  }
  ~AzTokenTest() override {
    unsetenv("TZ");
    tzset();
  }
  static std::string expiry(const std::string& output) {
    return core::to_iso8601(parse_az_token(output).expires_at);
  }
};

TEST_F(AzTokenTest, OldVersionsGiveLocalTime) {
  EXPECT_EQ(
      expiry(
          R"({"accessToken":"t","expiresOn":"2025-12-01 14:03:22.123456","tenant":"x","tokenType":"Bearer"})"),
      "2025-12-01T19:03:22Z");
  EXPECT_EQ(expiry(R"({"accessToken":"t","expiresOn":"2025-07-01 14:03:22.123456"})"), "2025-07-01T18:03:22Z")
      << "summer time";
}

TEST_F(AzTokenTest, NewVersionsGiveTheEpochToo) {
  EXPECT_EQ(expiry(R"({"accessToken":"t","expiresOn":"2025-12-01 14:03:22.0","expires_on":1764579600})"),
            "2025-12-01T09:00:00Z");
}

TEST_F(AzTokenTest, TheTokensOwnExpiryComesBeforeLocalTime) {
  EXPECT_EQ(expiry(R"({"accessToken":")" + std::string(kJwt) + R"(","expiresOn":"2025-12-31 14:03:22.0"})"),
            "2025-12-01T09:00:00Z");
}

TEST_F(AzTokenTest, KeepsTenantAndSource) {
  const auto token = parse_az_token(R"({"accessToken":"t","expires_on":1,"tenant":"x"})");
  EXPECT_EQ(token.tenant, "x");
  EXPECT_EQ(token.source, "azure cli");
  EXPECT_EQ(token.value, "t");
}

TEST_F(AzTokenTest, OtherOutputIsRefusedAndNotQuoted) {
  for (const char* output : {"", "[]", "{}", R"({"accessToken":""})", R"({"accessToken":"secret"})",
                             R"({"accessToken":"secret","expiresOn":"soon"})", "secret text"}) {
    try {
      parse_az_token(output);
      FAIL() << output;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unauthorized);
      EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos);
    }
  }
}

class FetchAzTokenTest : public ::testing::Test {
 protected:
  std::optional<Token> fetch() {
    return fetch_az_token(processes, env, "https://management.azure.com", why, {});
  }
  Error failure() {
    try {
      fetch();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return {ErrorKind::usage, ""};
  }
  void fails(int code, const std::string& err) { processes.expect({"az"}, {.exit_code = code, .err = err}); }

  test::FakeProcessRunner processes;
  core::Env env;
  std::string why;
};

TEST_F(FetchAzTokenTest, RunsAzWithoutAShell) {
  processes.expect(
      {"az", "account", "get-access-token", "--output", "json", "--resource", "https://management.azure.com"},
      {.exit_code = 0, .out = R"({"accessToken":"t","expires_on":1764579600})"});
  EXPECT_EQ(fetch()->value, "t");
  EXPECT_GT(processes.requests()[0].time_limit, core::Millis{0});
}

TEST_F(FetchAzTokenTest, ProgramAndTenantComeFromVariables) {
  env.set("AZLIN_AZ", "/opt/az");
  env.set("AZURE_TENANT_ID", "t-2");
  processes.expect({"/opt/az"}, {.exit_code = 0, .out = R"({"accessToken":"t","expires_on":1764579600})"});
  fetch();
  const auto argv = processes.requests()[0].argv;
  EXPECT_EQ(argv[argv.size() - 2], "--tenant");
  EXPECT_EQ(argv.back(), "t-2");
}

TEST_F(FetchAzTokenTest, MissingProgramDoesNotApply) {
  processes.expect_missing({"az"});
  EXPECT_FALSE(fetch());
  EXPECT_NE(why.find("not installed"), std::string::npos);
}

TEST_F(FetchAzTokenTest, SignedOutDoesNotApply) {
  fails(1, "ERROR: Please run 'az login' to setup account.\n");
  EXPECT_FALSE(fetch());
  EXPECT_NE(why.find("az login"), std::string::npos);
}

TEST_F(FetchAzTokenTest, StaleSignInAsksForALogin) {
  fails(1,
        "WARNING: x\nERROR: AADSTS70043: The refresh token has expired.\nTo re-authenticate, please run:\naz "
        "login --scope x\n");
  const auto error = failure();
  EXPECT_EQ(error.kind(), ErrorKind::unauthorized);
  EXPECT_NE(std::string(error.what()).find("AADSTS70043"), std::string::npos);
  EXPECT_NE(error.hint().find("az login"), std::string::npos);
}

TEST_F(FetchAzTokenTest, OtherFailureIsShown) {
  fails(2, "az: 'account' is misspelled\n");
  EXPECT_NE(std::string(failure().what()).find("misspelled"), std::string::npos);
}

TEST_F(FetchAzTokenTest, TimeLimitIsExplained) {
  processes.expect({"az"}, {.exit_code = 143, .timed_out = true});
  EXPECT_NE(std::string(failure().what()).find("no token within"), std::string::npos);
}

TEST(AzProfileTest, DefaultSubscriptionIsRead) {
  test::TempDir dir;
  const core::Env env(std::map<std::string, std::string>{{"AZURE_CONFIG_DIR", dir.path().string()}});
  EXPECT_FALSE(azure_cli_default_subscription(env));
  std::ofstream(dir.file("azureProfile.json"))
      << "\xef\xbb\xbf"
      << R"({"subscriptions":[{"id":"a","isDefault":false},{"id":"b","isDefault":true}]})";
  EXPECT_EQ(azure_cli_default_subscription(env), "b");
  std::ofstream(dir.file("azureProfile.json")) << "{broken";
  EXPECT_FALSE(azure_cli_default_subscription(env));
}

TEST(JwtTest, ClaimsAreRead) {
  const auto claims = read_jwt(kJwt);
  EXPECT_EQ(claims.tenant, "t-1");
  EXPECT_EQ(claims.who, "ann@example.com");
  EXPECT_EQ(core::to_iso8601(*claims.expires_at), "2025-12-01T09:00:00Z");
}

TEST(JwtTest, OpaqueTokensHaveNone) {
  for (const char* text : {"", "abc", "a.b", "a.b.c", "..", "a.!!.c"})
    EXPECT_FALSE(read_jwt(text).expires_at) << text;
}

}  // namespace
}  // namespace azlin::arm
