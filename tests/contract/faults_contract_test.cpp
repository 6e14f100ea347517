// How the simulated Azure misbehaves when it is told to.
#include <httplib.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "support/simulator_fixture.hpp"

namespace azlin::test {
namespace {

class FaultsContractTest : public ::testing::Test {
 protected:
  HttpReply get_group() { return sim_.arm("GET", group_ + "?api-version=2021-04-01"); }
  HttpReply tag(const std::string& value) {
    return sim_.arm("PATCH", group_ + "/providers/Microsoft.Resources/tags/default?api-version=2021-04-01",
                    {{"operation", "Merge"}, {"properties", {{"tags", {{"a", value}}}}}});
  }
  nlohmann::json tags() { return get_group().json().value("tags", nlohmann::json::object()); }

  Simulator sim_;
  const std::string group_ = sim_.make_group("rg");
};

TEST_F(FaultsContractTest, StatusAndRetryAfter) {
  const auto id = sim_.add_fault({{"method", "GET"},
                                  {"path", "*/resourceGroups/rg*"},
                                  {"status", 429},
                                  {"code", "TooMany"},
                                  {"retryAfter", 7},
                                  {"skip", 1},
                                  {"count", 1}});
  EXPECT_EQ(get_group().status, 200);
  const auto struck = get_group();
  EXPECT_EQ(struck.status, 429);
  EXPECT_EQ(struck.error_code(), "TooMany");
  EXPECT_EQ(struck.header("retry-after"), "7");
  EXPECT_EQ(get_group().status, 200);
  EXPECT_EQ(sim_.fault_hits(id), 1);
}

// A connection that is cut before the work leaves it undone; after it, the reply is lost but the work is
// done.
TEST_F(FaultsContractTest, CutConnections) {
  sim_.add_fault({{"method", "PATCH"}, {"drop", "before"}, {"count", 1}});
  EXPECT_EQ(tag("1").status, 0);
  EXPECT_EQ(tags(), nlohmann::json::object());
  sim_.add_fault({{"method", "PATCH"}, {"drop", "after"}, {"count", 1}});
  EXPECT_EQ(tag("2").status, 0);
  EXPECT_EQ(tags(), (nlohmann::json{{"a", "2"}}));
}

// With no byte of a reply.
TEST_F(FaultsContractTest, CutConnectionSendsNothing) {
  sim_.add_fault({{"drop", "after"}, {"count", 1}});
  const std::string address = sim_.url().substr(sim_.url().rfind(':') + 1);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address)));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  const std::string request = "GET /subscriptions?api-version=2019-11-01 HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(::send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  char byte = 0;
  EXPECT_LE(::recv(fd, &byte, 1, 0), 0);
  ::close(fd);
}

TEST_F(FaultsContractTest, TruncatedReply) {
  sim_.add_fault({{"method", "GET"}, {"drop", "truncate"}, {"count", 1}});
  EXPECT_EQ(get_group().status, 0);
  EXPECT_EQ(get_group().status, 200);
}

TEST_F(FaultsContractTest, ExpiredToken) {
  sim_.add_fault({{"method", "GET"}, {"expireToken", true}, {"count", 1}});
  const auto reply = get_group();
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.error_code(), "ExpiredAuthenticationToken");
}

// The start is accepted; the operation ends as Failed, and the work is not done.
TEST_F(FaultsContractTest, FailedOperation) {
  sim_.add_fault(
      {{"method", "DELETE"}, {"operationCode", "InternalExecutionError"}, {"operationMessage", "It broke."}});
  const auto started = sim_.arm("DELETE", group_ + "?api-version=2021-04-01");
  EXPECT_EQ(started.status, 202);
  const auto ended = sim_.finish(started);
  EXPECT_EQ(ended.error_code(), "InternalExecutionError");
  EXPECT_EQ(get_group().status, 200);
}

TEST_F(FaultsContractTest, DelayHoldsTheReply) {
  sim_.add_fault({{"delayMs", 120}, {"count", 1}});
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(http_call("GET", sim_.url() + "/metadata/endpoints?api-version=2015-01-01", "", {}).status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(120));
}

// A region that is down: what is in it, and what names something in it, fails with 503; the group (ARM's own)
// can be read.
TEST_F(FaultsContractTest, RegionDown) {
  const auto put = [&](const std::string& name, const std::string& region) {
    return sim_.arm("PUT", group_ + "/providers/Microsoft.Compute/disks/" + name + "?api-version=2023-10-02",
                    {{"location", region},
                     {"properties", {{"diskSizeGB", 4}, {"creationData", {{"createOption", "Empty"}}}}}});
  };
  ASSERT_EQ(put("east", "eastus").status, 202);
  sim_.admin("POST", "faults", {{"region", "eastus"}});
  EXPECT_EQ(sim_.arm("GET", group_ + "/providers/Microsoft.Compute/disks/east?api-version=2023-10-02").status,
            503);
  EXPECT_EQ(put("east2", "East US").status, 503);
  EXPECT_EQ(sim_.arm("PUT", group_ + "/providers/Microsoft.Compute/snapshots/s?api-version=2023-10-02",
                     {{"location", "westus2"},
                      {"properties",
                       {{"creationData",
                         {{"createOption", "Copy"},
                          {"sourceResourceId", group_ + "/providers/Microsoft.Compute/disks/east"}}}}}})
                .status,
            503);
  EXPECT_EQ(put("west", "westus2").status, 202);
  EXPECT_EQ(get_group().status, 200);
  sim_.admin("POST", "faults", {{"region", "eastus"}, {"down", false}});
  EXPECT_EQ(sim_.arm("GET", group_ + "/providers/Microsoft.Compute/disks/east?api-version=2023-10-02").status,
            200);
}

// --throttle: 429 SubscriptionRequestsThrottled with Retry-After once the 250 reads are used.
TEST_F(FaultsContractTest, ThrottleRefusesWhenTheBucketIsEmpty) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  sim_.admin("POST", "throttle", {{"enabled", true}});
  int allowed = 0;
  while (get_group().status == 200 && allowed <= 300) ++allowed;
  EXPECT_EQ(allowed, 250);
  const auto refused = get_group();
  EXPECT_EQ(refused.error_code(), "SubscriptionRequestsThrottled");
  EXPECT_EQ(refused.header("retry-after"), "1");
  sim_.advance("1s");
  EXPECT_EQ(get_group().status, 200);
}

TEST_F(FaultsContractTest, RequestsAreLogged) {
  sim_.admin("DELETE", "requests");
  get_group();
  tag("x");
  EXPECT_EQ(sim_.requests("PATCH"),
            (std::vector<std::string>{group_ + "/providers/Microsoft.Resources/tags/default"}));
  const auto entries = sim_.admin("GET", "requests").at("requests");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0]["status"], 200);
  EXPECT_EQ(entries[0]["method"], "GET");
}

TEST_F(FaultsContractTest, ResetMakesAllNew) {
  sim_.add_fault({{"status", 500}});
  sim_.admin("POST", "reset", {{"seed", "empty"}});
  EXPECT_EQ(sim_.state(), nlohmann::json::object());
  EXPECT_EQ(get_group().error_code(), "ResourceGroupNotFound");
}

TEST_F(FaultsContractTest, ABadSeedChangesNothing) {
  const auto before = sim_.state();
  sim_.add_fault({{"path", "*/nothing"}, {"status", 500}});
  const auto file = sim_.state_dir() + "/bad.json";
  std::ofstream(file) << R"({"keyVaults": [{"name": "good-kv"}], "vms": [{"name": "x", "sise": 1}]})";
  for (const std::string& seed : {std::string("fleet:axb"), std::string("/no/such/file"), file}) {
    const auto reply =
        http_call("POST", sim_.url() + "/_simulator/reset", nlohmann::json{{"seed", seed}}.dump(), {});
    EXPECT_GE(reply.status, 400) << seed;
    EXPECT_LT(reply.status, 500) << seed << reply.body;
    EXPECT_EQ(sim_.state(), before) << seed;
  }
  EXPECT_EQ(sim_.admin("GET", "faults")["faults"].size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(sim_.state_dir() + "/seed-check"));
}

// Idle connections hold no thread that another one needs: 60 clients, each with its connection kept open.
TEST_F(FaultsContractTest, ManyClientsAtOnce) {
  const std::string token = sim_.token();
  std::vector<std::unique_ptr<httplib::Client>> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<httplib::Client>(sim_.url()));
    clients.back()->set_keep_alive(true);
    clients.back()->set_bearer_token_auth(token);
    const auto reply = clients.back()->Get(group_ + "?api-version=2021-04-01");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 200);
  }
}

TEST_F(FaultsContractTest, HealthNamesTheProcess) {
  const auto health = sim_.admin("GET", "health");
  EXPECT_EQ(health["pid"], ::getpid());
  EXPECT_EQ(health["seed"], "empty");
  EXPECT_EQ(health["latency"], "none");
}

}  // namespace
}  // namespace azlin::test
