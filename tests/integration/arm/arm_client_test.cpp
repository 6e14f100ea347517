// The client against the simulated Azure over real HTTP: operations in Azure's own time, and replies that go
// wrong.
#include "azlin/arm/client.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "azlin/core/parallel.hpp"
#include "azlin/core/process.hpp"
#include "support/fake_clock.hpp"
#include "support/simulator_fixture.hpp"

namespace azlin::arm {
namespace {

using nlohmann::json;
using test::kSubscription;

// Sleeping moves the simulator's time, too: what takes Azure minutes takes the test none.
class SharedClock final : public core::Clock {
 public:
  explicit SharedClock(test::Simulator& simulator) : simulator_(simulator) {}
  core::TimePoint now() override { return clock_.now(); }
  bool sleep_for(core::Millis duration, std::stop_token stop) override {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(duration).count();
    if (seconds > 0) simulator_.advance(std::to_string(seconds) + "s");
    return clock_.sleep_for(duration, std::move(stop));
  }
  std::vector<core::Millis> sleeps() { return clock_.sleeps(); }

 private:
  test::Simulator& simulator_;
  test::FakeClock clock_;
};

class ArmClientSimulatorTest : public ::testing::Test {
 protected:
  explicit ArmClientSimulatorTest(simulator::Options options = {.latency = simulator::Latency::realistic,
                                                                .latency_given = true,
                                                                .seed = "empty"})
      : simulator(std::move(options)) {
    simulator.freeze_at("2025-12-01T08:00:00Z");
    simulator.make_group("rg");
  }

  static std::string id(const std::string& name, const std::string& group = "rg") {
    return std::string(kSubscription) + "/resourceGroups/" + group + "/providers/Microsoft.Compute/disks/" +
           name;
  }
  static Call disk(const std::string& method, const std::string& name, const std::string& group = "rg") {
    Call call{.method = method, .path = id(name, group), .api_version = "2023-10-02"};
    if (method == "PUT")
      call.body = R"({"location":"eastus","sku":{"name":"Standard_LRS"},)"
                  R"("properties":{"creationData":{"createOption":"Empty"},"diskSizeGB":4}})";
    return call;
  }
  static Call grant(const std::string& name) {
    auto call = disk("POST", name);
    call.path += "/beginGetAccess";
    call.body = R"({"access":"Read","durationInSeconds":600})";
    return call;
  }
  Cloud cloud() {
    auto out = find_cloud("simulator");
    out.arm_endpoint = simulator.url();
    return out;
  }
  ClientOptions options() { return {.endpoint = simulator.url()}; }
  std::size_t count(const std::string& method, const std::string& part) {
    std::size_t found = 0;
    for (const auto& path : simulator.requests(method)) found += path.find(part) != std::string::npos ? 1 : 0;
    return found;
  }

  test::Simulator simulator;
  SharedClock clock{simulator};
  std::unique_ptr<http::Transport> transport = http::make_curl_transport({});
  core::SystemProcessRunner processes;
  core::Env env;
  CredentialChain chain{*transport, clock, processes, env, cloud(), simulator.state_dir() + "/tokens.json"};
  ArmClient client{*transport, clock, chain, options()};
};

TEST_F(ArmClientSimulatorTest, ResourceLivesFromPutToDelete) {
  EXPECT_FALSE(client.find(disk("GET", "d")));
  const auto made = client.run(disk("PUT", "d"));
  EXPECT_EQ(made["properties"]["provisioningState"], "Succeeded");
  EXPECT_EQ(made["name"], "d");
  EXPECT_EQ(client.find(disk("GET", "d"))->json()["properties"]["diskSizeGB"], 4);
  EXPECT_TRUE(client.run(disk("DELETE", "d")).is_null());
  EXPECT_FALSE(client.find(disk("GET", "d")));
}

TEST_F(ArmClientSimulatorTest, PostGivesItsOutput) {
  client.run(disk("PUT", "d"));
  EXPECT_TRUE(client.run(grant("d"))["accessSAS"].is_string());
}

TEST_F(ArmClientSimulatorTest, MissingGroupIsNoAbsence) {
  try {
    client.find(disk("GET", "d", "nowhere"));
    FAIL();
  } catch (const ArmError& error) {
    EXPECT_EQ(error.code(), "ResourceGroupNotFound");
    EXPECT_EQ(error.kind(), core::ErrorKind::not_found);
    EXPECT_FALSE(error.request_id().empty());
  }
}

TEST_F(ArmClientSimulatorTest, PutWhoseReplyWasLostIsSentAgain) {
  const auto fault =
      simulator.add_fault({{"method", "PUT"}, {"path", "*/disks/*"}, {"count", 1}, {"drop", "after"}});
  EXPECT_EQ(client.run(disk("PUT", "d"))["name"], "d");
  EXPECT_EQ(simulator.fault_hits(fault), 1);
}

TEST_F(ArmClientSimulatorTest, PostWhoseReplyWasLostIsNot) {
  client.run(disk("PUT", "d"));
  client.find(disk("GET", "d"));  // leaves a connection open that the POST must not ride on
  simulator.add_fault({{"method", "POST"}, {"path", "*/beginGetAccess*"}, {"count", 1}, {"drop", "after"}});
  EXPECT_THROW(client.run(grant("d")), http::NetworkError);
  EXPECT_EQ(count("POST", "/beginGetAccess"), 1U) << ::testing::PrintToString(simulator.requests(""));
}

TEST_F(ArmClientSimulatorTest, TruncatedReplyIsReadAgain) {
  client.run(disk("PUT", "d"));
  const auto fault =
      simulator.add_fault({{"method", "GET"}, {"path", "*/disks/d*"}, {"count", 1}, {"drop", "truncate"}});
  EXPECT_EQ(client.send(disk("GET", "d")).json()["name"], "d");
  EXPECT_EQ(simulator.fault_hits(fault), 1);
}

TEST_F(ArmClientSimulatorTest, RetryAfterOfTheServiceIsWaitedFor) {
  client.run(disk("PUT", "d"));
  simulator.add_fault(
      {{"method", "GET"}, {"path", "*/disks/d*"}, {"count", 1}, {"status", 503}, {"retryAfter", 25}});
  const auto begun = clock.now();
  client.send(disk("GET", "d"));
  EXPECT_GE(clock.now() - begun, std::chrono::seconds{25});
}

TEST_F(ArmClientSimulatorTest, ExpiredTokenIsRenewedAlsoBetweenPolls) {
  simulator.add_fault({{"path", "*/DiskOperations/*"}, {"count", 1}, {"expireToken", true}});
  EXPECT_EQ(client.run(disk("PUT", "d"))["name"], "d");
}

TEST_F(ArmClientSimulatorTest, OperationThatFailsGivesItsOwnCode) {
  simulator.add_fault({{"method", "PUT"},
                       {"path", "*/disks/d*"},
                       {"count", 1},
                       {"operationCode", "QuotaExceeded"},
                       {"operationMessage", "no room"}});
  try {
    client.run(disk("PUT", "d"));
    FAIL();
  } catch (const ArmError& error) {
    EXPECT_EQ(error.code(), "QuotaExceeded");
    EXPECT_EQ(error.service_message(), "no room");
  }
}

TEST_F(ArmClientSimulatorTest, FaultyPollsAreOutlived) {
  simulator.add_fault({{"path", "*/DiskOperations/*"}, {"count", 8}, {"status", 502}});
  EXPECT_EQ(client.run(disk("PUT", "d"))["name"], "d");
}

TEST_F(ArmClientSimulatorTest, ThreadsWorkSideBySide) {
  const auto results =
      core::run_parallel(12, 6, {}, [&](std::size_t i) { client.run(disk("PUT", "d" + std::to_string(i))); });
  for (const auto& error : results) EXPECT_FALSE(error);
  EXPECT_EQ(simulator.state()["Microsoft.Compute/disks"].size(), 12U) << simulator.state().dump();
}

TEST_F(ArmClientSimulatorTest, ListGivesEachItemOnceOverAllPages) {
  for (const char* name : {"a", "b", "c", "d", "e"}) client.run(disk("PUT", name));
  std::vector<std::string> seen;
  client.list({.path = std::string(kSubscription) + "/resources",
               .api_version = "2021-04-01",
               .query = {{"$top", "2"}}},
              [&](json&& item) {
                seen.push_back(item["name"]);
                return true;
              });
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(count("GET", "/resources"), 3U);
}

}  // namespace
}  // namespace azlin::arm
