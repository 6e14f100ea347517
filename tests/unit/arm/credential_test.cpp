#include "azlin/arm/credential.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "azlin/core/parallel.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_process_runner.hpp"
#include "support/scripted_transport.hpp"
#include "support/temp_dir.hpp"

namespace azlin::arm {
namespace {

using core::Error;
using core::ErrorKind;
using test::reply;
using namespace std::chrono_literals;

constexpr const char* kImds = "http://169.254.169.254/metadata/identity/oauth2/token";
constexpr const char* kLogin = "https://login.microsoftonline.com/t-1/oauth2/v2.0/token";

std::string token_body(const std::string& value, int lifetime = 3600) {
  return nlohmann::json{{"token_type", "Bearer"}, {"expires_in", lifetime}, {"access_token", value}}.dump();
}

class CredentialTest : public ::testing::Test {
 protected:
  CredentialTest() { env.set("AZURE_CONFIG_DIR", dir.path().string()); }

  CredentialChain& chain() {
    if (!chain_)
      chain_ =
          std::make_unique<CredentialChain>(transport, clock, processes, env, cloud, dir.file("tokens.json"));
    return *chain_;
  }
  // As another azlin process would see it.
  void new_process() { chain_.reset(); }
  std::string value(bool fresh = false) { return chain().arm_token(fresh).value; }
  Error failure() {
    try {
      value();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return {ErrorKind::usage, ""};
  }
  void set_principal() {
    env.set("AZURE_TENANT_ID", "t-1");
    env.set("AZURE_CLIENT_ID", "c-1");
    env.set("AZURE_CLIENT_SECRET", "s&cret");
  }
  void no_imds() { transport.expect_failure("GET", kImds, false); }
  void expect_az(const std::string& token) {
    const auto expires =
        std::chrono::duration_cast<std::chrono::seconds>(clock.now().time_since_epoch()).count() + 3600;
    processes.expect(
        {"az"},
        {.exit_code = 0,
         .out = nlohmann::json{{"accessToken", token}, {"expires_on", expires}, {"tenant", "t-az"}}.dump()});
  }

  test::TempDir dir;
  test::FakeClock clock;
  test::ScriptedTransport transport;
  test::FakeProcessRunner processes;
  core::Env env;
  Cloud cloud = find_cloud("AzureCloud");

 private:
  std::unique_ptr<CredentialChain> chain_;
};

TEST_F(CredentialTest, EnvironmentTokenComesFirst) {
  set_principal();
  env.set("AZLIN_ACCESS_TOKEN", " given\n");
  EXPECT_EQ(value(), "given");
  EXPECT_FALSE(std::filesystem::exists(dir.file("tokens.json"))) << "it is not kept";
}

TEST_F(CredentialTest, EnvironmentTokenThatHasExpiredIsSaidSo) {
  env.set("AZLIN_ACCESS_TOKEN",
          "eyJhbGciOiJub25lIn0.eyJ0aWQiOiJ0LTEiLCJ1cG4iOiJhbm5AZXhhbXBsZS5jb20iLCJleHAiOjE3NjQ1Nzk2MDB9.x");
  EXPECT_EQ(chain().arm_token(false).tenant, "t-1");
  new_process();
  clock.advance(2h);
  const auto error = failure();
  EXPECT_EQ(error.kind(), ErrorKind::unauthorized);
  EXPECT_NE(std::string(error.what()).find("expired at 2025-12-01T09:00:00Z"), std::string::npos)
      << error.what();
}

TEST_F(CredentialTest, ServicePrincipalPostsItsSecretInTheBody) {
  set_principal();
  transport.expect("POST", kLogin, reply(200, token_body("sp")));
  EXPECT_EQ(value(), "sp");
  const auto request = transport.requests()[0];
  EXPECT_EQ(request.body,
            "grant_type=client_credentials&client_id=c-1&client_secret=s%26cret&scope=https%3A%2F%"
            "2Fmanagement.azure.com%2F."
            "default");
  EXPECT_EQ(request.url.find("cret"), std::string::npos);
}

TEST_F(CredentialTest, ServicePrincipalThatIsRefusedIsFinal) {
  set_principal();
  transport.expect(
      "POST", kLogin,
      reply(
          401,
          R"({"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret.\r\nTrace ID: x"})"));
  const auto error = failure();
  EXPECT_EQ(error.kind(), ErrorKind::unauthorized);
  EXPECT_NE(std::string(error.what()).find("AADSTS7000215"), std::string::npos);
  EXPECT_EQ(std::string(error.what()).find("cret&"), std::string::npos);
  EXPECT_NE(error.hint().find("AZURE_CLIENT_SECRET"), std::string::npos);
}

TEST_F(CredentialTest, SecretIsNotSentOverPlainHttp) {
  set_principal();
  env.set("AZURE_AUTHORITY_HOST", "http://login.example");
  EXPECT_EQ(failure().kind(), ErrorKind::usage);
}

TEST_F(CredentialTest, WorkloadIdentitySendsTheTokenOfItsFile) {
  env.set("AZURE_TENANT_ID", "t-1");
  env.set("AZURE_CLIENT_ID", "c-1");
  env.set("AZURE_FEDERATED_TOKEN_FILE", dir.file("federated"));
  EXPECT_NE(std::string(failure().what()).find("AZURE_FEDERATED_TOKEN_FILE"), std::string::npos);
  std::ofstream(dir.file("federated")) << "assert.ion\n";
  transport.expect("POST", kLogin, reply(200, token_body("wi")));
  EXPECT_EQ(value(), "wi");
  EXPECT_NE(transport.requests()[0].body.find("client_assertion=assert.ion&"), std::string::npos);
}

TEST_F(CredentialTest, AppServiceIdentityIsAskedAtItsEndpoint) {
  env.set("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi/token");
  env.set("IDENTITY_HEADER", "h-1");
  transport.expect(
      "GET",
      "http://127.0.0.1:41/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com",
      reply(200, R"({"access_token":"mi","expires_on":"12/01/2025 10:30:00 +00:00"})"));
  EXPECT_EQ(core::to_iso8601(chain().arm_token(false).expires_at), "2025-12-01T10:30:00Z");
  EXPECT_EQ(transport.sent_header(0, "X-IDENTITY-HEADER"), "h-1");
}

TEST_F(CredentialTest, IdentityEndpointThatFailsIsAFaultOfTheService) {
  env.set("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi/token");
  env.set("IDENTITY_HEADER", "h-1");
  for (const int status : {500, 429}) {
    for (int attempt = 0; attempt < 6; ++attempt)
      transport.expect("GET", "http://127.0.0.1:41/msi/token", reply(status, "busy"));
    const auto error = failure();
    EXPECT_EQ(error.kind(), ErrorKind::failed) << status;
    EXPECT_NE(std::string(error.what()).find(std::to_string(status)), std::string::npos) << error.what();
    EXPECT_NE(error.hint().find("run it again"), std::string::npos) << error.hint();
  }
  transport.expect("GET", "http://127.0.0.1:41/msi/token", reply(403, R"({"error":"forbidden"})"));
  EXPECT_EQ(failure().kind(), ErrorKind::unauthorized);
}

TEST_F(CredentialTest, ImdsThatFailsIsAFaultOfTheService) {
  for (int attempt = 0; attempt < 7; ++attempt)
    transport.expect("GET", kImds, reply(500, R"({"error":"server_error","error_description":"x"})"));
  processes.expect_missing({"az"});
  EXPECT_EQ(failure().kind(), ErrorKind::failed);
}

TEST_F(CredentialTest, SignInServiceThatFailsIsAFaultOfTheService) {
  set_principal();
  for (int attempt = 0; attempt < 4; ++attempt) transport.expect("POST", kLogin, reply(503));
  EXPECT_EQ(failure().kind(), ErrorKind::failed);
}

TEST_F(CredentialTest, CloudShellIdentityIsAskedAtItsEndpoint) {
  env.set("MSI_ENDPOINT", "http://localhost:50342/oauth2/token");
  transport.expect("GET", "http://localhost:50342/oauth2/token?api-version=2017-09-01",
                   reply(200, R"({"access_token":"mi","expires_on":"1764583200"})"));
  EXPECT_EQ(core::to_iso8601(chain().arm_token(false).expires_at), "2025-12-01T10:00:00Z");
  EXPECT_EQ(transport.sent_header(0, "Metadata"), "true");
}

TEST_F(CredentialTest, ImdsIsProbedForOneSecond) {
  env.set("AZURE_CLIENT_ID", "c 1");
  transport.expect("GET", kImds,
                   reply(200, R"({"access_token":"vm","expires_in":"86399","expires_on":"1764662400"})"));
  EXPECT_EQ(value(), "vm");
  const auto request = transport.requests()[0];
  EXPECT_EQ(request.connect_timeout, 1s);
  EXPECT_NE(request.url.find("&client_id=c%201&resource="), std::string::npos) << request.url;
  EXPECT_EQ(transport.sent_header(0, "Metadata"), "true");
}

TEST_F(CredentialTest, BusyImdsIsAskedAgain) {
  transport.expect("GET", kImds, reply(410));
  transport.expect("GET", kImds, reply(429));
  transport.expect("GET", kImds, reply(200, token_body("vm")));
  EXPECT_EQ(value(), "vm");
}

TEST_F(CredentialTest, MachineWithoutIdentityGoesOnToTheCli) {
  transport.expect("GET", kImds,
                   reply(400, R"({"error":"invalid_request","error_description":"Identity not found"})"));
  expect_az("cli");
  EXPECT_EQ(value(), "cli");
}

TEST_F(CredentialTest, ProxyThatAnswersInPlaceOfImdsIsPassedOver) {
  transport.expect("GET", kImds, reply(403, "denied destination"));
  processes.expect_missing({"az"});
  const auto error = failure();
  EXPECT_NE(std::string(error.what()).find("there is no Azure credential"), std::string::npos)
      << error.what();
  EXPECT_NE(std::string(error.what()).find("(403) is none"), std::string::npos) << error.what();
  transport.expect("GET", kImds, reply(200, "<html>log in to the network</html>"));
  expect_az("cli");
  EXPECT_EQ(value(), "cli");
}

TEST_F(CredentialTest, MachineOutsideAzureGoesOnToTheCli) {
  no_imds();
  expect_az("cli");
  const auto token = chain().arm_token(false);
  EXPECT_EQ(token.source, "azure cli");
  EXPECT_EQ(token.tenant, "t-az");
}

TEST_F(CredentialTest, NothingAtAllNamesWhatWasTried) {
  no_imds();
  processes.expect_missing({"az"});
  const auto error = failure();
  EXPECT_EQ(error.kind(), ErrorKind::unauthorized);
  EXPECT_NE(std::string(error.what()).find("managed identity"), std::string::npos) << error.what();
  EXPECT_NE(std::string(error.what()).find("not installed"), std::string::npos) << error.what();
  EXPECT_NE(error.hint().find("azlin auth login"), std::string::npos);
}

TEST_F(CredentialTest, StaleCliIsItsOwnError) {
  no_imds();
  processes.expect({"az"}, {.exit_code = 1, .err = "ERROR: AADSTS50173: expired. az login"});
  EXPECT_NE(std::string(failure().what()).find("AADSTS50173"), std::string::npos);
}

TEST_F(CredentialTest, TokenIsFetchedOnceForManyThreads) {
  set_principal();
  transport.expect("POST", kLogin, reply(200, token_body("sp")));
  auto& shared = chain();
  core::run_parallel(20, 8, {}, [&](std::size_t) { EXPECT_EQ(shared.arm_token(false).value, "sp"); });
}

TEST_F(CredentialTest, AnotherProcessUsesTheKeptToken) {
  no_imds();
  expect_az("cli");
  EXPECT_EQ(value(), "cli");
  new_process();
  EXPECT_EQ(value(), "cli");
}

TEST_F(CredentialTest, AnotherSignInOfTheCliDoesNotGetTheKeptToken) {
  no_imds();
  expect_az("ann");
  EXPECT_EQ(value(), "ann");
  new_process();
  std::ofstream(dir.file("azureProfile.json")) << "{}";
  no_imds();
  expect_az("bob");
  EXPECT_EQ(value(), "bob");
}

TEST_F(CredentialTest, ChosenPrincipalDoesNotGetTheClisKeptToken) {
  no_imds();
  expect_az("cli");
  EXPECT_EQ(value(), "cli");
  new_process();
  set_principal();
  transport.expect("POST", kLogin, reply(200, token_body("sp")));
  EXPECT_EQ(value(), "sp");
}

TEST_F(CredentialTest, TokenIsRenewedFiveMinutesEarly) {
  set_principal();
  transport.expect("POST", kLogin, reply(200, token_body("one")));
  EXPECT_EQ(value(), "one");
  clock.advance(54min);
  EXPECT_EQ(value(), "one");
  clock.advance(2min);
  transport.expect("POST", kLogin, reply(200, token_body("two")));
  EXPECT_EQ(value(), "two");
}

TEST_F(CredentialTest, OldTokenServesWhileItCannotBeRenewed) {
  set_principal();
  transport.expect("POST", kLogin, reply(200, token_body("one")));
  value();
  clock.advance(56min);
  transport.expect("POST", kLogin, reply(400, R"({"error":"invalid_client","error_description":"x"})"));
  EXPECT_EQ(value(), "one");
  clock.advance(4min);
  transport.expect("POST", kLogin, reply(400, R"({"error":"invalid_client","error_description":"x"})"));
  EXPECT_EQ(failure().kind(), ErrorKind::unauthorized);
}

TEST_F(CredentialTest, FreshTokenSkipsMemoryAndCache) {
  set_principal();
  transport.expect("POST", kLogin, reply(200, token_body("one")));
  value();
  transport.expect("POST", kLogin, reply(200, token_body("two")));
  EXPECT_EQ(value(true), "two");
  EXPECT_EQ(value(), "two");
}

TEST_F(CredentialTest, RejectedTokenIsRenewedByOneThreadOnly) {
  set_principal();
  transport.expect("POST", kLogin, reply(200, token_body("one")));
  value();
  transport.expect("POST", kLogin, reply(200, token_body("two")));
  core::run_parallel(8, 8, {}, [&](std::size_t) { EXPECT_EQ(chain().arm_token_after("one").value, "two"); });
}

TEST_F(CredentialTest, SimulatorGivesItsOwnTokenAndItIsNotKept) {
  cloud = find_cloud("simulator");
  cloud.arm_endpoint = "http://127.0.0.1:7070";
  set_principal();
  transport.expect("GET",
                   "http://127.0.0.1:7070/metadata/identity/oauth2/token?api-version=2018-02-01&resource=",
                   reply(200, token_body("sim")));
  EXPECT_EQ(value(), "sim");
  EXPECT_EQ(transport.sent_header(0, "Metadata"), "true");
  EXPECT_FALSE(std::filesystem::exists(dir.file("tokens.json")));
}

class DeviceLoginTest : public CredentialTest {
 protected:
  static constexpr const char* kBase = "https://login.microsoftonline.com/organizations/oauth2/v2.0/";
  void expect_code() {
    transport.expect(
        "POST", std::string(kBase) + "devicecode",
        reply(
            200,
            R"({"device_code":"d","user_code":"ABC","expires_in":900,"interval":5,"message":"go to x and enter ABC"})"));
  }
  void expect_answer(int status, const std::string& body) {
    transport.expect("POST", std::string(kBase) + "token", reply(status, body));
  }
  Token login(std::stop_token stop = {}) {
    return chain().login_with_device_code(
        "", [this](const std::string& text) { shown += text; }, stop);
  }
  std::string shown;
};

TEST_F(DeviceLoginTest, WaitsForThePersonAndKeepsTheRefreshToken) {
  expect_code();
  expect_answer(400, R"({"error":"authorization_pending"})");
  expect_answer(400, R"({"error":"slow_down"})");
  expect_answer(200, R"({"access_token":"dev","expires_in":3600,"refresh_token":"r-1"})");
  EXPECT_EQ(login().value, "dev");
  EXPECT_EQ(shown, "go to x and enter ABC");
  EXPECT_EQ(clock.sleeps(), (std::vector<core::Millis>{5s, 5s, 10s}));

  new_process();
  clock.advance(2h);
  no_imds();
  processes.expect_missing({"az"});
  expect_answer(200, R"({"access_token":"dev2","expires_in":3600,"refresh_token":"r-2"})");
  EXPECT_EQ(value(), "dev2");
  EXPECT_NE(transport.requests().back().body.find("refresh_token=r-1"), std::string::npos);
}

TEST_F(DeviceLoginTest, DeclineAndExpiryAreErrors) {
  expect_code();
  expect_answer(400, R"({"error":"authorization_declined"})");
  EXPECT_THROW(login(), Error);
  expect_code();
  expect_answer(400, R"({"error":"expired_token"})");
  EXPECT_THROW(login(), Error);
  expect_code();
  expect_answer(400, R"({"error":"invalid_scope","error_description":"AADSTS70011"})");
  EXPECT_THROW(login(), Error);
}

TEST_F(DeviceLoginTest, SimulatorNeedsNone) {
  cloud = find_cloud("simulator");
  EXPECT_THROW(login(), Error);
}

TEST_F(DeviceLoginTest, ClearForgetsTheSignIn) {
  expect_code();
  expect_answer(200, R"({"access_token":"dev","expires_in":3600,"refresh_token":"r-1"})");
  login();
  chain().clear();
  no_imds();
  processes.expect_missing({"az"});
  EXPECT_EQ(failure().kind(), ErrorKind::unauthorized);
}

TEST_F(CredentialTest, StatusListsEverySourceInOrderWithoutSecrets) {
  set_principal();
  transport.expect("POST", kLogin, reply(200, token_body("secret-value")));
  value();
  processes.expect_missing({"az"});
  std::vector<std::string> names, applying;
  for (const auto& status : chain().status()) {
    names.push_back(status.source);
    if (status.applies) applying.push_back(status.source);
    EXPECT_FALSE(status.detail.empty()) << status.source;
    EXPECT_EQ(status.detail.find("secret-value"), std::string::npos);
    EXPECT_EQ(status.detail.find("s&cret"), std::string::npos);
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"environment", "service principal", "workload identity",
                                      "managed identity", "managed identity", "azure cli", "device code"}));
  EXPECT_EQ(applying, (std::vector<std::string>{"service principal"}));
}

TEST_F(CredentialTest, StatusShowsTheSignedInCli) {
  expect_az("cli");
  const auto all = chain().status();
  EXPECT_TRUE(all[5].applies);
  EXPECT_EQ(all[5].detail, "tenant t-az");
  EXPECT_TRUE(all[5].expires_at);
}

}  // namespace
}  // namespace azlin::arm
