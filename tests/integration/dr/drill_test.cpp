#include <gmock/gmock.h>

#include <cstdlib>

#include "azlin/core/parallel.hpp"
#include "azlin/store/database.hpp"
#include "integration/dr/replicated_fixture.hpp"
#include "support/fake_process_runner.hpp"
#include "support/fault_places.hpp"

namespace azlin::dr {
namespace {

using core::Error;
using core::ErrorKind;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Something in the subscription joins each new network to another one.
class PeeringTransport final : public http::Transport {
 public:
  explicit PeeringTransport(http::Transport& inner) : inner_(inner) {}
  http::Response send(const http::Request& request, std::stop_token stop) override {
    auto response = inner_.send(request, std::move(stop));
    if (request.method != "GET" || request.url.find("virtualNetworks/azlin-drill") == std::string::npos)
      return response;
    auto body = nlohmann::json::parse(response.body, nullptr, false);
    if (!body.is_object() || !body.contains("properties")) return response;
    body["properties"]["virtualNetworkPeerings"] = {
        {{"properties", {{"remoteVirtualNetwork", {{"id", "/production"}}}}}}};
    response.body = body.dump();
    return response;
  }

 private:
  http::Transport& inner_;
};

// From now on no step can be noted in the journal: not begun (INSERT), or not ended (UPDATE).
void fill_the_disk_of(const std::string& path, const std::string& change = "INSERT") {
  for (std::size_t version = 1;; ++version) {
    try {
      store::Database journal(path, store::Migrations(version));
      journal.execute("CREATE TRIGGER full BEFORE " + change +
                      " ON steps BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END");
      return;
    } catch (const Error&) {  // its schema is a later one
      if (version > 100) throw;
    }
  }
}

class DrillTest : public ReplicatedTest {
 protected:
  DRTestConfig config() const {
    DRTestConfig config;
    config.vm = vm();
    config.test_region = kRegion;
    return config;
  }
  DRTestResult run(const DRTestConfig& config) { return drills.run_dr_test(config, {}); }
  Outcome outcome(const DRTestResult& result, Step step) { return result.phase(step)->outcome; }
  std::string db_path = simulator.state_dir() + "/home/dr_tests.db";
  DRTestManager drills{arm, journal, clock, db_path};
};

TEST_F(DrillTest, PassesAndLeavesNothing) {
  const auto result = run(config());
  EXPECT_EQ(result.verdict, Verdict::passed) << result.error;
  for (const auto& phase : result.phases) EXPECT_EQ(phase.outcome, Outcome::passed) << phase.detail;
  EXPECT_EQ(result.rto, result.phase(Step::restore)->took + result.phase(Step::boot)->took);
  EXPECT_EQ(result.phase(Step::cleanup)->detail, "0 left");
  EXPECT_EQ(simulator.state(), before);
  EXPECT_THAT(backups.find(vm(), backup_name, {}).in_use, IsEmpty());
  const auto history = drills.get_test_history({});
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].verdict, Verdict::passed);
  EXPECT_EQ(history[0].backup_name, backup_name);
}

TEST_F(DrillTest, TheVmIsIsolatedAndIsNotTheOriginal) {
  auto kept = config();
  kept.cleanup_after_test = false;
  const auto result = run(kept);
  ASSERT_EQ(result.verdict, Verdict::passed) << result.error;
  ASSERT_TRUE(result.kept_until);
  const auto machine = get(result.test_vm_id, "2024-07-01");
  EXPECT_EQ(machine.at("location"), kRegion);
  EXPECT_FALSE(machine.at("tags").contains("env"));
  EXPECT_THAT(machine.at("tags").at(kDrillTag).get<std::string>(), HasSubstr(result.drill_id));
  EXPECT_FALSE(machine.contains("identity"));
  const auto nic_id = machine.at("properties").at("networkProfile").at("networkInterfaces")[0].at("id");
  const auto nic = get(nic_id, "2023-09-01").at("properties");
  EXPECT_FALSE(nic.at("ipConfigurations")[0].at("properties").contains("publicIPAddress"));
  const auto rules =
      get(nic.at("networkSecurityGroup").at("id"), "2023-09-01").at("properties").at("securityRules");
  for (const auto& rule : rules) {
    const auto& each = rule.at("properties");
    if (each.at("access") != "Allow") continue;
    EXPECT_EQ(each.at("direction"), "Outbound");
    EXPECT_EQ(each.at("destinationAddressPrefix"), "AzureCloud");
    EXPECT_EQ(each.at("destinationPortRange"), "443");
  }
  // It stays while its time is not over, and goes after that.
  EXPECT_FALSE(drills.cleanup(vm().subscription, {}, {}).at(0).dead);
  clock.advance(std::chrono::hours{25});
  EXPECT_TRUE(drills.cleanup(vm().subscription, {}, {}).at(0).dead);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, ANetworkThatLeadsToProductionKeepsTheVmFromBooting) {
  PeeringTransport joined(*transport);
  arm::ArmClient client{joined, clock, chain, {.endpoint = simulator.url()}};
  DRTestManager there{client, journal, clock, simulator.state_dir() + "/home/there.db"};
  const auto result = there.run_dr_test(config(), {});
  EXPECT_EQ(outcome(result, Step::restore), Outcome::failed);
  EXPECT_THAT(result.error, HasSubstr("not isolated"));
  EXPECT_EQ(count("PUT", "virtualMachines/web-dr-test"), 0U);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, WithAPublicAddressItLogsInFromHereAndLetsNobodyElseIn) {
  test::FakeProcessRunner ssh;
  DRTestManager outside{arm, journal, clock, db_path, &ssh};
  auto open = config();
  open.public_ip = true;
  open.cleanup_after_test = false;
  open.tester_address = "198.51.100.7";
  open.ssh_user = "ops";
  open.ssh_key = "/etc/hostname";  // a file that can be read
  ssh.expect({"ssh"}, {.exit_code = 255, .err = "Connection refused\n"});
  ssh.expect({"ssh"}, {.exit_code = 0});
  const auto result = outside.run_dr_test(open, {});
  EXPECT_EQ(result.verdict, Verdict::passed) << result.error;
  EXPECT_THAT(result.phase(Step::connectivity)->detail, HasSubstr("logged in as ops at "));
  const auto argv = ssh.requests().at(1).argv;
  EXPECT_THAT(argv, Contains("BatchMode=yes"));
  EXPECT_THAT(argv, Contains("/etc/hostname"));
  const auto machine = get(result.test_vm_id, "2024-07-01");
  const auto nic_id = machine.at("properties").at("networkProfile").at("networkInterfaces")[0].at("id");
  const auto nic = get(nic_id, "2023-09-01").at("properties");
  const std::string address_id =
      nic.at("ipConfigurations")[0].at("properties").at("publicIPAddress").at("id");
  const std::string address = get(address_id, "2023-09-01").at("properties").at("ipAddress");
  EXPECT_THAT(argv, Contains(address));
  int allowed_in = 0;
  const auto rules =
      get(nic.at("networkSecurityGroup").at("id"), "2023-09-01").at("properties").at("securityRules");
  for (const auto& rule : rules) {
    const auto& each = rule.at("properties");
    if (each.at("access") != "Allow" || each.at("direction") != "Inbound") continue;
    ++allowed_in;
    EXPECT_EQ(each.at("sourceAddressPrefix"), "198.51.100.7");
    EXPECT_EQ(each.at("destinationPortRange"), "22");
  }
  EXPECT_EQ(allowed_in, 1);
  clock.advance(std::chrono::hours{25});
  EXPECT_TRUE(outside.cleanup(vm().subscription, {}, {}).at(0).dead);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, ALoginThatNeverWorksFailsConnectivity) {
  test::FakeProcessRunner ssh;
  DRTestManager outside{arm, journal, clock, db_path, &ssh};
  auto open = config();
  open.public_ip = true;
  open.tester_address = "198.51.100.7";
  open.ssh_user = "ops";
  open.ssh_key = "/etc/hostname";
  open.ssh_limit = std::chrono::seconds{10};
  for (int i = 0; i < 2; ++i) ssh.expect({"ssh"}, {.exit_code = 255, .err = "Permission denied\n"});
  const auto result = outside.run_dr_test(open, {});
  EXPECT_EQ(outcome(result, Step::connectivity), Outcome::failed);
  EXPECT_THAT(result.error, HasSubstr("Permission denied"));
  EXPECT_TRUE(result.rto);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, APublicAddressNeedsTesterUserAndKey) {
  auto open = config();
  open.public_ip = true;
  open.ssh_user = "ops";
  open.ssh_key = "/etc/hostname";
  for (const char* bad : {"", "everyone", "0.0.0.0/0"}) {
    open.tester_address = bad;
    EXPECT_EQ(error_of([&] { run(open); }).kind(), ErrorKind::usage) << bad;
  }
  open.tester_address = "198.51.100.7";
  open.ssh_key = "/no/such/key";
  EXPECT_EQ(error_of([&] { run(open); }).kind(), ErrorKind::usage);
  open.ssh_key = "/etc/hostname";
  open.ssh_user = "";
  EXPECT_EQ(error_of([&] { run(open); }).kind(), ErrorKind::usage);
  EXPECT_EQ(simulator.state(), before);
}

// The outage that it rehearses may have come.
TEST_F(DrillTest, WorksWhileTheSourceRegionIsDown) {
  simulator.admin("POST", "faults", {{"region", "eastus"}});
  const auto result = run(config());
  EXPECT_EQ(result.verdict, Verdict::passed) << result.error;
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, ANamedBackupThatLiesOnlyInALostRegionIsNotSaidToBeMissing) {
  clock.advance(std::chrono::hours{1});
  const auto second = backups.trigger(vm(), {}, {}).backup.name;
  simulator.admin("POST", "faults", {{"region", "eastus"}});
  auto named = config();
  named.backup = second;
  const auto error = error_of([&] { drills.plan(named, {}); });
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), HasSubstr(second + " has no copy that can be read"));
  EXPECT_THAT(error.what(), HasSubstr("region eastus does not answer"));
  named.backup = "nope";
  EXPECT_EQ(error_of([&] { drills.plan(named, {}); }).kind(), ErrorKind::not_found);
  named.backup = backup_name;
  EXPECT_EQ(drills.plan(named, {}).backup, backup_name);
}

TEST_F(DrillTest, TellsWhatItCostAsAnEstimate) {
  const auto result = run(config());
  ASSERT_TRUE(result.cost);
  EXPECT_GT(*result.cost, 0);
  EXPECT_EQ(drills.get_test_history({}).at(0).cost, result.cost);
}

TEST_F(DrillTest, WhatIsNotGrantedIsSaidBeforeAnythingIsMade) {
  simulator.make_group("DR-Testing", kRegion);
  const auto with_group = simulator.state();
  const nlohmann::json grant = {
      {"principal", "*"}, {"scope", "/"}, {"actions", {"*/read", "Microsoft.Resources/tags/write"}}};
  simulator.admin("PUT", "grants", {{"grants", nlohmann::json::array({grant})}});
  auto grouped = config();
  grouped.test_resource_group = "DR-Testing";
  const auto result = run(grouped);
  EXPECT_EQ(outcome(result, Step::restore), Outcome::failed);
  EXPECT_THAT(result.error, HasSubstr("not granted in DR-Testing: Microsoft.Compute/disks/write"));
  EXPECT_EQ(count("PUT", "/DR-Testing/"), 0U);
  EXPECT_EQ(simulator.state(), with_group);
}

TEST_F(DrillTest, WithoutACopyInTheRegionItSaysReplicateFirst) {
  auto elsewhere = config();
  elsewhere.test_region = "northeurope";
  const auto error = error_of([&] { run(elsewhere); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.hint(), HasSubstr("replicate first"));
  elsewhere.backup = backup_name;
  EXPECT_THAT(error_of([&] { run(elsewhere); }).hint(), HasSubstr("replicate first"));
  EXPECT_THAT(drills.get_test_history({}), IsEmpty());
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, BadNamesAreRefusedBeforeAnyCall) {
  const auto calls = simulator.requests("").size();
  auto bad = config();
  bad.vm.name = "";
  EXPECT_EQ(error_of([&] { run(bad); }).kind(), ErrorKind::usage);
  bad = config();
  bad.backup = "";
  EXPECT_EQ(error_of([&] { run(bad); }).kind(), ErrorKind::usage);
  EXPECT_EQ(simulator.requests("").size(), calls);
}

TEST_F(DrillTest, NoQuotaFailsTheRestoreBeforeAnythingIsMade) {
  simulator.admin("PUT", "quota", {{"location", kRegion}, {"name", "cores"}, {"limit", 0}});
  const auto result = run(config());
  EXPECT_EQ(result.verdict, Verdict::failed);
  EXPECT_EQ(outcome(result, Step::restore), Outcome::failed);
  EXPECT_EQ(outcome(result, Step::boot), Outcome::not_run);
  EXPECT_EQ(outcome(result, Step::connectivity), Outcome::not_run);
  EXPECT_EQ(outcome(result, Step::cleanup), Outcome::passed);
  EXPECT_FALSE(result.rto);
  EXPECT_THAT(result.error, HasSubstr("quota"));
  EXPECT_EQ(count("PUT", "azlin-drill"), 0U);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, AFailureAtEachStepLeavesNothing) {
  for (const std::string path :
       {"*/networkSecurityGroups/azlin-drill*", "*/virtualNetworks/azlin-drill*",
        "*/networkInterfaces/azlin-drill*", "*/disks/web-dr-test*lun2*", "*/virtualMachines/web-dr-test*"}) {
    fail_calls("PUT", path, 1);
    const auto result = run(config());
    EXPECT_EQ(result.verdict, Verdict::failed) << path;
    EXPECT_EQ(outcome(result, Step::cleanup), Outcome::passed) << path;
    EXPECT_EQ(simulator.state(), before) << path;
  }
}

TEST_F(DrillTest, AGuestThatDoesNotReportFailsAtBoot) {
  fail_calls("GET", "*/virtualMachines/web-dr-test*expand*", -1, "InternalOperationError");
  auto quick = config();
  quick.boot_limit = std::chrono::minutes{1};
  const auto result = run(quick);
  EXPECT_EQ(outcome(result, Step::restore), Outcome::passed);
  EXPECT_EQ(outcome(result, Step::boot), Outcome::failed);
  EXPECT_EQ(outcome(result, Step::connectivity), Outcome::not_run);
  EXPECT_EQ(outcome(result, Step::cleanup), Outcome::passed);
  EXPECT_FALSE(result.rto);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, WithoutALookAtTheGuestItIsNoPassAndHasNoRto) {
  auto blind = config();
  blind.verify_boot = blind.verify_connectivity = false;
  const auto result = run(blind);
  EXPECT_EQ(result.verdict, Verdict::restore_only);
  EXPECT_EQ(outcome(result, Step::boot), Outcome::skipped);
  EXPECT_FALSE(result.rto);
  const auto stats = statistics(drills.get_test_history({}));
  EXPECT_EQ(stats.total(), 0);
  EXPECT_FALSE(stats.rate());
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, TheCheckCommandDecides) {
  auto checked = config();
  checked.verify_command = "true";
  EXPECT_EQ(run(checked).verdict, Verdict::passed);
  checked.verify_command = "false";
  const auto result = run(checked);
  EXPECT_EQ(result.verdict, Verdict::failed);
  EXPECT_EQ(outcome(result, Step::command), Outcome::failed);
  EXPECT_THAT(result.error, HasSubstr("exit code 1"));
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, WhatCouldNotBeRemovedIsItsOwnFactAndIsRemovedLater) {
  fail_calls("DELETE", "*/virtualNetworks/azlin-drill*", 100, "ScopeLocked");
  const auto result = run(config());
  EXPECT_EQ(result.verdict, Verdict::passed) << result.error;
  EXPECT_EQ(outcome(result, Step::cleanup), Outcome::failed);
  ASSERT_THAT(result.left, Not(IsEmpty()));
  EXPECT_THAT(result.left[0].id, HasSubstr("virtualNetworks/azlin-drill"));
  simulator.admin("DELETE", "faults");
  const auto swept = drills.cleanup(vm().subscription, {}, {});
  ASSERT_EQ(swept.size(), 1U);
  EXPECT_TRUE(swept[0].dead);
  EXPECT_THAT(swept[0].left, IsEmpty());
  EXPECT_EQ(simulator.state(), before);
  EXPECT_THAT(drills.get_test_history({}).at(0).left, IsEmpty());
}

TEST_F(DrillTest, WithoutRoomForTheJournalAllIsRemovedAllTheSame) {
  auto wanted = config();
  const auto fill = [&](const Phase& phase) {
    if (phase.step == Step::boot) fill_the_disk_of(journal_path);
  };
  wanted.begun = fill;
  const auto result = run(wanted);
  EXPECT_EQ(result.verdict, Verdict::passed) << result.error;
  EXPECT_EQ(outcome(result, Step::cleanup), Outcome::passed) << result.phase(Step::cleanup)->detail;
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, AJournalThatCannotNoteTheEndOfTheCleanupIsNoLeftover) {
  auto wanted = config();
  const auto fill = [&](const Phase& phase) {
    if (phase.step == Step::cleanup) fill_the_disk_of(journal_path, "UPDATE");
  };
  wanted.begun = fill;
  const auto result = run(wanted);
  EXPECT_EQ(result.verdict, Verdict::passed) << result.error;
  EXPECT_EQ(outcome(result, Step::cleanup), Outcome::passed) << result.phase(Step::cleanup)->detail;
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, AnInterruptCleansUp) {
  std::stop_source stop;
  auto config = this->config();
  config.begun = [&](const Phase& phase) {
    if (phase.step == Step::boot) stop.request_stop();
  };
  const auto result = drills.run_dr_test(config, stop.get_token());
  EXPECT_EQ(result.verdict, Verdict::interrupted);
  EXPECT_EQ(outcome(result, Step::cleanup), Outcome::passed);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, AnotherMachinesDrillStaysUntilItsTimeIsOver) {
  auto kept = config();
  kept.cleanup_after_test = false;
  run(kept);
  DRTestManager other{arm, journal, clock, simulator.state_dir() + "/other/dr_tests.db"};
  EXPECT_FALSE(other.cleanup(vm().subscription, {}, {}).at(0).dead);
  EXPECT_NE(simulator.state(), before);
  clock.advance(std::chrono::hours{25});
  EXPECT_TRUE(other.cleanup(vm().subscription, {}, {}).at(0).dead);
  EXPECT_EQ(simulator.state(), before);
}

TEST_F(DrillTest, WhatIsLeftInAGroupOfOthersIsFoundByItsTag) {
  simulator.make_group("DR-Testing", kRegion);
  const auto with_group = simulator.state();
  auto kept = config();
  kept.test_resource_group = "DR-Testing";
  kept.cleanup_after_test = false;
  ASSERT_EQ(run(kept).verdict, Verdict::passed);
  clock.advance(std::chrono::hours{25});
  const auto swept = drills.cleanup(vm().subscription, {}, {});
  ASSERT_EQ(swept.size(), 1U);
  EXPECT_THAT(swept[0].left, IsEmpty());
  EXPECT_EQ(simulator.state(), with_group);
}

bool full() {
  return std::getenv("AZLIN_TEST_FULL") != nullptr;
}

// Whatever one request is answered, the drill ends with a reason and nothing is left, at the latest after a
// cleanup. A choice of requests, the same in each run; each of them with each fault when AZLIN_TEST_FULL is
// set.
TEST_F(DrillTest, AFaultAtAnyRequestLeavesNothing) {
  const std::vector<nlohmann::json> faults = {{{"status", 403}, {"code", "AuthorizationFailed"}},
                                              {{"status", 404}, {"code", "ResourceNotFound"}},
                                              {{"status", 409}, {"code", "Conflict"}},
                                              {{"status", 400}, {"code", "BadRequest"}},
                                              {{"status", 429}, {"count", 3}},
                                              {{"status", 500}, {"count", 20}},
                                              {{"drop", "after"}},
                                              {{"drop", "truncate"}}};
  const auto start = simulator.admin("GET", "requests").at("last").get<std::int64_t>();
  ASSERT_EQ(run(config()).verdict, Verdict::passed);
  const auto asked = simulator.admin("GET", "requests?since=" + std::to_string(start)).at("requests");
  auto places = test::fault_places(asked);
  if (full()) {  // in whatever order they come
    places.clear();
    for (std::size_t n = 0; n < asked.size(); ++n)
      places.push_back({{"path", "/subscriptions/*"}, {"skip", n}});
  }
  ASSERT_GT(places.size(), 20U);
  int struck = 0, runs = 0;
  for (std::size_t n = 0; n < places.size() * faults.size(); n += full() ? 1 : 29) {
    auto rule = faults[n % faults.size()];
    rule.update(places[n / faults.size()]);
    rule["count"] = rule.value("count", 1);
    const auto fault = simulator.add_fault(rule);
    std::string end;
    try {
      const auto result = run(config());
      end = result.verdict == Verdict::passed ? "passed" : "failed: " + result.error;
      EXPECT_TRUE(result.verdict == Verdict::passed || !result.error.empty()) << rule;
    } catch (const Error& error) {
      end = std::string("thrown: ") + error.what();
    }
    struck += simulator.fault_hits(fault) > 0 ? 1 : 0;
    ++runs;
    simulator.admin("DELETE", "faults");
    clock.advance(std::chrono::minutes{10});  // a region that did not answer is asked again
    drills.cleanup(vm().subscription, {}, {});
    EXPECT_THAT(end, Not(HasSubstr("no backups"))) << rule;
    EXPECT_EQ(simulator.state(), before) << rule << " " << end;
    if (HasFailure()) return;
  }
  EXPECT_GE(struck, runs * 3 / 4) << "the requests are other ones";
}

// Every 20th request is answered with an error, unanswered, or answered after the work with nothing.
void make_unreliable(test::Simulator& simulator) {
  for (const nlohmann::json& fault : {nlohmann::json{{"status", 503}, {"code", "ServiceUnavailable"}},
                                      {{"status", 500}},
                                      {{"status", 429}},
                                      {{"status", 409}, {"code", "Conflict"}},
                                      {{"drop", "before"}},
                                      {{"drop", "after"}},
                                      {{"drop", "truncate"}}}) {
    auto rule = fault;
    rule["path"] = "/subscriptions/*";
    rule["probability"] = 0.05 / 7;
    simulator.add_fault(rule);
  }
}

// Which requests go wrong is another matter in each run, so without AZLIN_TEST_FULL none does.
TEST_F(DrillTest, FiftyDrillsAtOnceWithFaultsEndWithAReasonAndLeaveNothing) {
  for (const char* quota : {"cores", "standardDSv5Family", "standardDSv3Family"})
    simulator.admin("PUT", "quota", {{"location", kRegion}, {"name", quota}, {"limit", 10'000}});
  const auto tags = [&] { return backups.find(vm(), backup_name, {}).in_use; };
  if (full()) make_unreliable(simulator);
  std::vector<DRTestResult> results(50);
  std::vector<std::string> never(50);
  core::run_parallel(50, 50, {}, [&](std::size_t i) {
    try {
      results[i] = run(config());
    } catch (const Error& error) {
      never[i] = error.what();
    }
  });
  simulator.admin("DELETE", "faults");
  int passed = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!never[i].empty()) continue;  // it was not begun, and says why
    const auto& result = results[i];
    passed += result.verdict == Verdict::passed ? 1 : 0;
    EXPECT_TRUE(result.verdict == Verdict::passed || result.verdict == Verdict::failed)
        << i << ": " << to_string(result.verdict) << " " << result.error;
    EXPECT_EQ(result.verdict == Verdict::failed, !result.error.empty()) << result.error;
  }
  EXPECT_GT(passed, 10);
  drills.cleanup(vm().subscription, {}, {});  // what could not be removed while the faults lasted
  EXPECT_EQ(simulator.state(), before);
  clock.advance(std::chrono::hours{5});
  EXPECT_THAT(tags(), IsEmpty());
  EXPECT_THAT(journal.interrupted(), IsEmpty());
}

TEST_F(DrillTest, AGroupThatIsThereIsUsedAndStays) {
  simulator.make_group("DR-Testing", kRegion);
  const auto with_group = simulator.state();
  auto grouped = config();
  grouped.test_resource_group = "DR-Testing";
  const auto result = run(grouped);
  EXPECT_EQ(result.verdict, Verdict::passed) << result.error;
  EXPECT_THAT(result.test_vm_id, HasSubstr("/DR-Testing/"));
  EXPECT_EQ(simulator.state(), with_group);
}

}  // namespace
}  // namespace azlin::dr
