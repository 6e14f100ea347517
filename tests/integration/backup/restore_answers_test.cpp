// Answers of the service that lack what a restore relies on: nothing is detached, left out or left marked.
#include <gmock/gmock.h>

#include "azlin/backup/manager.hpp"
#include "azlin/backup/restore.hpp"
#include "support/cloud_fixture.hpp"

namespace azlin::backup {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Changes replies with status 200 on their way.
class Altered final : public http::Transport {
 public:
  using Change = std::function<void(const http::Request&, json& body)>;

  explicit Altered(http::Transport& transport) : transport_(transport) {}
  Change change = [](const http::Request&, json&) {};

  http::Response send(const http::Request& request, std::stop_token stop) override {
    auto response = transport_.send(request, std::move(stop));
    auto body = json::parse(response.body, nullptr, false);
    if (response.status != 200 || body.is_discarded()) return response;
    change(request, body);
    response.body = body.dump();
    return response;
  }

 private:
  http::Transport& transport_;
};

// No other programs: a scan of the guest's address would wait for an answer that cannot come.
class NoProcesses final : public core::ProcessRunner {
 public:
  core::ProcessResult run(const core::ProcessRequest&, std::stop_token) override { return {.exit_code = 1}; }
};

class RestoreAnswersTest : public test::CloudTest {
 protected:
  RestoreAnswersTest() {
    backups.configure(backups.plan_configure(vm(), {}, false, {}), {});
    backups.trigger(vm(), {}, {});
    before = disks();
  }
  RestorePlan plan() { return restores.plan_in_place(vm(), backups.list(vm(), {}).front(), {}); }
  // Ids by LUN, as the service has them.
  std::map<int, std::string> disks() {
    const auto body = simulator.arm("GET", vm().id() + "?api-version=2024-07-01").json();
    const json& storage = body.at("properties").at("storageProfile");
    std::map<int, std::string> out{{-1, storage.at("osDisk").at("managedDisk").at("id")}};
    for (const auto& disk : storage.at("dataDisks")) out[disk.at("lun")] = disk.at("managedDisk").at("id");
    return out;
  }
  bool reads_vm(const http::Request& request) {
    return request.method == "GET" && request.url.find("/virtualMachines/web?") != std::string::npos;
  }
  static json& data_disks(json& vm) { return vm["properties"]["storageProfile"]["dataDisks"]; }
  void expect_untouched() {
    EXPECT_EQ(disks(), before);
    EXPECT_EQ(azure::get_vm(arm, vm().id(), true).power_state, "running");
    EXPECT_THAT(journal.interrupted(), IsEmpty());
  }

  Altered altered{*transport};
  arm::ArmClient client{altered, clock, chain, {.endpoint = simulator.url()}};
  BackupManager backups{arm, journal, clock, journal_path};
  NoProcesses programs;
  RestoreManager restores{client, journal, clock, programs, journal_path};
  std::map<int, std::string> before;
};

// The list of data disks that is sent is the whole wanted one: what it lacks would be detached.
TEST_F(RestoreAnswersTest, DiskThatIsNotToldIsNotDetached) {
  const std::vector<std::function<void(json&)>> lies = {[](json& disks) { disks.erase(0); },
                                                        [](json& disks) { disks = json::array(); },
                                                        [](json& disks) { disks = nullptr; }};
  for (const auto& lie : lies) {
    clock.advance(std::chrono::minutes{5});
    const auto stops = count("POST", "/deallocate");
    bool lied = false;
    altered.change = [&](const http::Request& request, json& body) {
      if (lied || !reads_vm(request) || count("POST", "/deallocate") == stops) return;
      lie(data_disks(body));
      lied = true;
    };
    const auto ready = plan();
    const auto error = error_of([&] { restores.restore(ready, {}, {}); });
    EXPECT_TRUE(lied);
    EXPECT_THAT(error.what(), HasSubstr("lacks a disk that is to be swapped"));
    expect_untouched();
  }
}

// Half of the VM would be of another day.
TEST_F(RestoreAnswersTest, PlanThatLacksADiskOfTheVmIsRefused) {
  bool lied = false;
  altered.change = [&](const http::Request& request, json& body) {
    if (lied || !reads_vm(request)) return;
    data_disks(body).erase(0);
    lied = true;
  };
  const auto ready = plan();
  EXPECT_THAT(ready.warnings, Contains(HasSubstr("no disk at LUN 0")));
  const auto error = error_of([&] { restores.restore(ready, {}, {}); });
  EXPECT_THAT(error.what(), HasSubstr("were changed meanwhile"));
  expect_untouched();
}

TEST_F(RestoreAnswersTest, MarkIsTakenOffWhateverTheTagsAreSaidToBe) {
  altered.change = [](const http::Request& request, json& body) {
    if (request.method == "GET" && request.url.find("/tags/default?") != std::string::npos)
      body["properties"]["tags"] = json::object();
  };
  const auto ready = plan();
  EXPECT_THAT(restores.restore(ready, {}, {}).warnings, Each(Not(HasSubstr(snapshot::kInUseTag))));
  for (const auto& member : ready.set.members) {
    const auto tags =
        simulator.arm("GET", member.snapshot.id + "?api-version=2023-10-02").json().at("tags").dump();
    EXPECT_THAT(tags, Not(HasSubstr("azlin:in-use"))) << member.snapshot.id;
  }
}

}  // namespace
}  // namespace azlin::backup
