#include "azlin/vault/service.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "support/fake_clock.hpp"
#include "support/fake_process_runner.hpp"
#include "support/scripted_transport.hpp"
#include "support/temp_dir.hpp"

namespace azlin::vault {
namespace {

using test::reply;
using namespace std::chrono_literals;

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() {
    env.set("AZLIN_ACCESS_TOKEN", "given");
    transport.expect("POST", "/backup",
                     reply(202, "", {{"Azure-AsyncOperation", vault.id() + "/backupOperations/op-1"}}));
  }
  void expect_poll(const std::string& body, const http::Headers& headers = {}) {
    transport.expect("GET", "/backupOperations/op-1", reply(200, body, headers));
  }
  nlohmann::json run() { return service.run(vault, "POST", vault.id() + "/backup", nullptr, "back it up"); }
  core::Error failure() {
    try {
      run();
    } catch (const core::Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return {core::ErrorKind::usage, ""};
  }

  const VaultId vault{"s", "g", "my-vault"};
  test::TempDir dir;
  test::FakeClock clock;
  test::ScriptedTransport transport;
  test::FakeProcessRunner processes;
  core::Env env;
  arm::CredentialChain credential{
      transport, clock, processes, env, arm::find_cloud("AzureCloud"), dir.file("tokens.json")};
  arm::ArmClient arm{transport, clock, credential, {}};
  Service service{arm};
};

TEST_F(ServiceTest, WaitsUntilTheOperationHasEnded) {
  expect_poll(R"({"status":"InProgress"})");
  for (int i = 0; i < 5; ++i) expect_poll("{}");
  expect_poll(R"({"status":"InProgress"})");
  for (int i = 0; i < 5; ++i) expect_poll("{}");
  expect_poll(R"({"status":"Succeeded","properties":{"jobId":"j"}})");
  EXPECT_EQ(run()["properties"]["jobId"], "j");
}

TEST_F(ServiceTest, StatusThatStaysUnreadableEndsTheWait) {
  for (int i = 0; i < 6; ++i) expect_poll(R"({"state":7})");
  const auto error = failure();
  EXPECT_EQ(error.kind(), core::ErrorKind::failed);
  EXPECT_NE(std::string(error.what()).find("cannot back it up: the service's status replies cannot be read"),
            std::string::npos)
      << error.what();
  EXPECT_NE(error.hint().find("azlin vault jobs"), std::string::npos);
}

TEST_F(ServiceTest, OperationThatNeverEndsEndsTheWait) {
  const auto began = clock.now();
  for (int i = 0; i < 24; ++i) expect_poll(R"({"status":"InProgress"})", {{"Retry-After", "600"}});
  const auto error = failure();
  EXPECT_EQ(error.kind(), core::ErrorKind::failed);
  EXPECT_NE(std::string(error.what()).find("InProgress"), std::string::npos) << error.what();
  EXPECT_EQ(clock.now() - began, 4h);
}

}  // namespace
}  // namespace azlin::vault
