#pragma once
// The client's ground over a simulated Azure, with one time for both: what takes Azure minutes or a test
// years takes neither.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "azlin/arm/client.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/process.hpp"
#include "azlin/snapshot/manager.hpp"
#include "azlin/store/journal.hpp"
#include "support/fake_clock.hpp"
#include "support/simulator_fixture.hpp"

namespace azlin::test {

// Sleeping moves the simulator's time, too.
class SharedClock final : public core::Clock {
 public:
  SharedClock(Simulator& simulator, core::TimePoint start) : simulator_(simulator), clock_(start) {
    simulator_.freeze_at(core::to_iso8601(start));
  }
  core::TimePoint now() override { return clock_.now(); }
  bool sleep_for(core::Millis duration, std::stop_token stop) override {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(duration).count();
    if (seconds > 0) simulator_.advance(std::to_string(seconds) + "s");
    return clock_.sleep_for(duration, std::move(stop));
  }
  void set(const std::string& iso_time) {
    clock_.set(core::parse_time(iso_time).value());
    simulator_.freeze_at(core::to_iso8601(clock_.now()));
  }
  void advance(core::Millis by) { set(core::to_iso8601(clock_.now() + by)); }
  // This machine's clock alone: it is wrong then.
  void set_local(const std::string& iso_time) { clock_.set(core::parse_time(iso_time).value()); }

 private:
  Simulator& simulator_;
  FakeClock clock_;
};

// VMs in the group Production, eastus: `web` (an OS disk and data disks at LUN 0 and 2, TrustedLaunch, zone
// 1), and `web2` and `my-web` (an OS disk each), whose names contain its own.
class CloudTest : public ::testing::Test {
 protected:
  CloudTest() : simulator(options(seed_dir_)) {}

  snapshot::VmRef vm(const std::string& name = "web") const {
    return {"00000000-0000-0000-0000-000000000001", "Production", name};
  }
  std::string snapshot_path(const std::string& name) const {
    return std::string(kSubscription) + "/resourceGroups/Production/providers/Microsoft.Compute/snapshots/" +
           name;
  }
  // Names of every snapshot in the cloud, sorted.
  std::vector<std::string> snapshot_names() {
    std::vector<std::string> names;
    const auto listed = simulator.arm(
        "GET", std::string(kSubscription) + "/providers/Microsoft.Compute/snapshots?api-version=2023-10-02");
    const auto body = listed.json();
    for (const auto& item : body.at("value")) names.push_back(item.at("name"));
    std::sort(names.begin(), names.end());
    return names;
  }
  nlohmann::json vm_tags(const std::string& name = "web") {
    const auto body = simulator.arm("GET", vm(name).id() + "?api-version=2024-07-01").json();
    return body.value("tags", nlohmann::json::object());
  }
  void set_vm_tag(const std::string& tag, const std::string& value, const std::string& name = "web") {
    const auto reply = simulator.arm(
        "PATCH", vm(name).id() + "/providers/Microsoft.Resources/tags/default?api-version=2021-04-01",
        {{"operation", "Merge"}, {"properties", {{"tags", {{tag, value}}}}}});
    ASSERT_LT(reply.status, 300) << reply.body;
  }
  std::size_t count(const std::string& method, const std::string& part) {
    std::size_t found = 0;
    for (const auto& path : simulator.requests(method)) found += path.find(part) != std::string::npos ? 1 : 0;
    return found;
  }
  template <class Action>
  static core::Error error_of(Action action) {
    try {
      action();
    } catch (const core::Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error was thrown";
    return core::Error(core::ErrorKind::failed, "none");
  }

  TempDir seed_dir_;
  Simulator simulator;
  SharedClock clock{simulator, core::parse_time("2025-12-01 08:00").value()};
  std::unique_ptr<http::Transport> transport = http::make_curl_transport({});
  core::SystemProcessRunner processes;
  core::Env env;
  arm::CredentialChain chain{*transport, clock,   processes,
                             env,        cloud(), simulator.state_dir() + "/tokens.json"};
  arm::ArmClient arm{*transport, clock, chain, {.endpoint = simulator.url()}};
  std::string journal_path = simulator.state_dir() + "/home/operations.db";
  store::Journal journal{journal_path, clock};

 private:
  static simulator::Options options(const TempDir& dir) {
    const std::string path = dir.file("seed.json");
    std::ofstream(path) << R"({"vms": [
      {"name": "web", "osDiskGb": 32, "zone": "1", "security": "TrustedLaunch", "tags": {"env": "prod"},
       "dataDisks": [{"gb": 8, "lun": 0, "caching": "ReadOnly", "empty": true}, {"gb": 16, "lun": 2, "empty": true}]},
      {"name": "web2", "osDiskGb": 32}, {"name": "my-web", "osDiskGb": 32}]})";
    return {.seed = path};
  }
  arm::Cloud cloud() {
    auto out = arm::find_cloud("simulator");
    out.arm_endpoint = simulator.url();
    return out;
  }
};

}  // namespace azlin::test
