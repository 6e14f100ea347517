// azlin_crash_worker URL HOME COMMAND [POINT NUMBER]: runs one command's workflow against a simulated Azure
// and dies where it is told to. Prints {"requests", "changes", "commits"} when it lives to the end. Exit
// codes: the error's own, 4 when recover leaves something open.
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "azlin/backup/manager.hpp"
#include "azlin/backup/restore.hpp"
#include "azlin/core/error.hpp"
#include "azlin/dr/failback.hpp"
#include "azlin/dr/manager.hpp"
#include "azlin/dr/recovery_plan.hpp"
#include "azlin/replication/manager.hpp"
#include "azlin/snapshot/dead_leases.hpp"
#include "azlin/verification/manager.hpp"
#include "killer.hpp"
#include "vault_work.hpp"

namespace azlin::crash {
namespace {

using nlohmann::json;

// The simulator's time, which stands still: to sleep is to move it.
class RemoteClock final : public core::Clock {
 public:
  RemoteClock(http::Transport& transport, std::string url)
      : transport_(transport),
        url_(std::move(url) + "/_simulator/clock"),
        now_(ask({}).value_or(fallback())) {}

  core::TimePoint now() override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  bool sleep_for(core::Millis duration, std::stop_token stop) override {
    const std::lock_guard lock(mutex_);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(duration);
    if (seconds.count() > 0)
      now_ = ask({{"advance", fmt::format("{}s", seconds.count())}}).value_or(now_ + seconds);
    return !stop.stop_requested();
  }

 private:
  static core::TimePoint fallback() {
    return std::chrono::floor<core::Millis>(std::chrono::system_clock::now());
  }
  // nullopt: nobody answers.
  std::optional<core::TimePoint> ask(const json& body) {
    http::Request request;
    request.url = url_;
    if (!body.is_null()) {
      request.method = "POST";
      request.body = body.dump();
    }
    try {
      return core::parse_time(json::parse(transport_.send(request, {}).body).at("now").get<std::string>());
    } catch (const http::NetworkError&) {
      return std::nullopt;
    }
  }
  http::Transport& transport_;
  std::string url_;
  std::mutex mutex_;
  core::TimePoint now_;
};

// No other programs: a scan of the guest's address would wait for an answer that cannot come.
class NoProcesses final : public core::ProcessRunner {
 public:
  core::ProcessResult run(const core::ProcessRequest&, std::stop_token) override { return {.exit_code = 1}; }
};

arm::Cloud cloud_at(const std::string& url) {
  auto cloud = arm::find_cloud("simulator");
  cloud.arm_endpoint = url;
  return cloud;
}

struct Worker {
  Worker(const std::string& url, const std::string& home, const Killer& killer)
      : transport(*network, killer),
        clock(*network, url),
        chain(transport, clock, processes, env, cloud_at(url), home + "/tokens.json"),
        arm(transport, clock, chain, {.endpoint = url}),
        journal_path(home + "/operations.db"),
        journal(journal_path, clock),
        drills_path(home + "/dr_tests.db") {}

  std::unique_ptr<http::Transport> network = http::make_curl_transport({});
  DeadlyTransport transport;
  RemoteClock clock;
  NoProcesses processes;
  core::Env env;
  arm::CredentialChain chain;
  arm::ArmClient arm;
  std::string journal_path;
  store::Journal journal;
  backup::BackupManager backups{arm, journal, clock, journal_path};
  backup::RestoreManager restores{arm, journal, clock, processes, journal_path};
  std::string drills_path;
  snapshot::VmRef vm{"00000000-0000-0000-0000-000000000001", "Production", "web"};
  snapshot::VmRef failed_over{"00000000-0000-0000-0000-000000000001", "Production-westus2", "web"};
  snapshot::VmRef copy{"00000000-0000-0000-0000-000000000001", "Production", "web-copy"};

  dr::DRTestManager drills() { return {arm, journal, clock, drills_path}; }
  dr::FailoverManager failovers() { return {arm, journal, clock, processes}; }

  void drill() {
    dr::DRTestConfig config;
    config.vm = vm;
    config.test_region = "westus2";
    const auto result = drills().run_dr_test(config, {});
    if (result.verdict != dr::Verdict::passed) throw core::Error(core::ErrorKind::failed, result.error);
  }

  void fail_over() {
    dr::FailoverConfig config;
    config.vm = vm;
    config.region = "westus2";
    if (!failovers().run(config, {}).up) throw core::Error(core::ErrorKind::failed, "not up");
  }

  // The group: db, then web, each VM a stage of its own.
  std::vector<snapshot::VmRef> group() const { return {{vm.subscription, "Production", "db"}, vm}; }
  dr::RecoveryPlan plan_of_group() const {
    dr::RecoveryPlan plan;
    plan.name = "shop";
    plan.region = "westus2";
    for (const auto& member : group()) {
      dr::PlanVm in_plan;
      in_plan.name = member.name;
      plan.groups.push_back({"stage of " + member.name, {in_plan}, {}, {}});
    }
    return plan;
  }
  // As the commands with --group do it; `bring_up` throws for a VM that does not come up.
  void run_group(const std::function<void(std::size_t)>& bring_up) {
    dr::PlanActions actions;
    actions.hook = [](const dr::PlanGroup&) { return std::nullopt; };
    actions.begun = [](const dr::PlanGroup&) {};
    actions.vm_ended = [](const dr::VmOutcome&) {};
    actions.bring_up = [&](const dr::PlanVm& member) {
      dr::VmOutcome outcome;
      outcome.vm = member.name;
      try {
        bring_up(member.name == "db" ? 0 : 1);
        outcome.passed = true;
      } catch (const core::Error& error) {
        outcome.error = error.what();
      }
      return outcome;
    };
    const auto outcome = dr::run_plan(plan_of_group(), clock, actions, {});
    for (const auto& stage : outcome.groups) {
      for (const auto& member : stage.vms) {
        if (!member.passed) throw core::Error(core::ErrorKind::failed, member.vm + ": " + member.error);
      }
    }
  }

  void drill_group() {
    std::vector<dr::DRTestConfig> configs(2);
    for (std::size_t i = 0; i < 2; ++i) {
      configs[i].vm = group()[i];
      configs[i].test_region = "westus2";
    }
    const auto drive = [&](const dr::DRTestManager::BringUp& bring_up) {
      run_group([&](std::size_t i) { bring_up(i); });
    };
    for (const auto& result : drills().run_together("shop", configs, drive, {})) {
      if (!result || result->verdict != dr::Verdict::passed)
        throw core::Error(core::ErrorKind::failed, result ? result->error : "not run");
    }
  }

  void fail_over_group() {
    auto manager = failovers();
    run_group([&](std::size_t i) {
      dr::FailoverConfig config;
      config.vm = group()[i];
      config.region = "westus2";
      if (!manager.run(config, {}).up) throw core::Error(core::ErrorKind::failed, "not up");
    });
  }

  void restore_group() {
    std::vector<backup::RestorePlan> plans;
    for (const auto& member : group()) {
      restores.settle(member, {});
      const auto listing = backups.look(member, {});
      plans.push_back(restores.plan_in_place(member, listing.backups.front(), {}));
    }
    run_group([&](std::size_t i) { restores.restore(plans[i], {}, {}); });
  }

  void fail_back() {
    auto replicating = replications();
    dr::FailbackConfig config;
    config.vm = failed_over;
    dr::FailbackManager(arm, journal, clock, processes, replicating).run(config, {});
  }

  replication::ReplicationManager replications() {
    const std::string home = journal_path.substr(0, journal_path.rfind('/'));
    return {arm, journal, clock, journal_path, home + "/replication.db"};
  }

  verification::VerificationManager verifications() {
    const std::string home = journal_path.substr(0, journal_path.rfind('/'));
    return {arm, journal, clock, home + "/verification.db"};
  }

  void verify() {
    const auto set = backups.find(vm, "web-backup-daily-20251204", {}).set;
    const auto result = verifications().verify(vm, set, {.level = verification::Level::content}, {});
    if (result.outcome != verification::Outcome::passed)
      throw core::Error(core::ErrorKind::findings, result.error);
  }

  // One backup alone, as `backup replicate`; begun and then cancelled with `cancel_it`.
  void replicate_one(bool cancel_it) {
    auto manager = replications();
    manager.advance({vm}, 3, {});
    const auto target = replication::make_target("westus2", "Dr", {});
    const auto plan = manager.plan(vm, "web-backup-daily-20251204", target, {});
    const auto job = manager.queue({plan}, target, {}).front();
    if (cancel_it) {
      manager.advance({vm}, 3, {});
      const auto now = manager.job(job.id);
      if (!now.ended()) manager.cancel(job.id, {});
      return;
    }
    for (const auto& done : manager.wait({job.id}, 3, {}, {})) {
      if (done.status == replication::Status::failed) throw core::Error(core::ErrorKind::failed, done.error);
    }
  }

  // To a group of its own: what is there was copied.
  void replicate_all() {
    auto manager = replications();
    manager.advance({vm}, 3, {});  // as the command does: what an earlier one left
    const auto target = replication::make_target("westus2", "Dr", {});
    const auto plan = manager.plan_missing(vm, target, {});
    std::vector<std::int64_t> ids;
    for (const auto& job : manager.queue(plan.plans, target, {})) ids.push_back(job.id);
    for (const auto& job : plan.open) ids.push_back(job.id);
    for (const auto& job : manager.wait(ids, 3, {}, {})) {
      if (job.status == replication::Status::failed) throw core::Error(core::ErrorKind::failed, job.error);
    }
  }

  backup::Recovered recover_one(const store::OperationRecord& operation) {
    if (backup::RestoreManager::recovers(operation.kind)) return restores.recover(operation, {});
    if (dr::DRTestManager::recovers(operation.kind)) return drills().recover(operation, {});
    if (dr::FailoverManager::recovers(operation.kind)) return failovers().recover(operation, {});
    if (replication::ReplicationManager::recovers(operation.kind))
      return replications().recover(operation, {});
    if (verification::VerificationManager::recovers(operation.kind))
      return verifications().recover(operation, {});
    if (backup::BackupManager::recovers(operation.kind)) return backups.recover(operation, {});
    auto replicating = replications();
    return dr::FailbackManager(arm, journal, clock, processes, replicating).recover(operation, {});
  }

  // What `azlin recover` does.
  int recover() {
    bool open = false;
    for (const auto& operation : journal.interrupted()) {
      const std::string state = journal.find(operation.id)->state;
      if (state != "running" && state != "interrupted") continue;  // settled with another
      if (operation.kind.starts_with("vault.")) {
        open = !recover_vault_work(arm, journal, operation) || open;
        continue;
      }
      const auto done = recover_one(operation);
      for (const auto& note : done.notes) std::cerr << operation.kind << ": " << note << "\n";
      open = open || !done.settled;
    }
    return open ? core::exit_code(core::ErrorKind::partial) : 0;
  }

  void restore(bool in_place, bool keep_old_disks) {
    backup::RestoreOptions options;
    options.keep_old_disks = keep_old_disks;
    restores.settle(in_place ? vm : copy, {});
    const auto chosen = backups.find(vm, "web-backup-daily-20251204", {});
    restores.restore(
        in_place ? restores.plan_in_place(vm, chosen, {}) : restores.plan_new_vm(chosen, copy, options, {}),
        options, {});
  }

  int run(const std::string& command) {
    if (command == "recover") return recover();
    if (vault_work(arm, journal, command)) return 0;
    if (command == "recover-leases") snapshot::remove_dead_leases(arm, journal, vm.subscription, {});
    if (command == "drill") drill();
    if (command == "failover") fail_over();
    if (command == "failback") fail_back();
    if (command == "drill-group") drill_group();
    if (command == "failover-group") fail_over_group();
    if (command == "restore-group") restore_group();
    if (command == "trigger") backups.trigger(vm, {}, {});
    if (command == "cleanup") backups.cleanup(vm, true, {});
    if (command == "delete-backup") backups.remove(vm, "web-backup-daily-20251203", {}, true, {});
    if (command == "restore") restore(true, true);
    if (command == "restore-delete-old") restore(true, false);
    if (command == "restore-new-vm") restore(false, true);
    if (command == "replicate") replicate_one(false);
    if (command == "replicate-cancel") replicate_one(true);
    if (command == "replicate-all") replicate_all();
    if (command == "verify") verify();
    if (command == "list") backups.list({vm}, {});
    if (command == "create") backups.snapshots().create(vm, {});
    if (command == "delete") backups.snapshots().remove_plain(vm, "web-snapshot-20251203", {});
    if (command == "sync") backups.snapshots().sync(vm, {});
    return 0;
  }
};

int main_of(const std::vector<std::string>& arguments) {
  const Killer killer(arguments.size() > 3 ? parse_point(arguments[3]) : Point::none,
                      arguments.size() > 4 ? std::stoi(arguments[4]) : 0);
  watch_commits(killer);
  Worker worker(arguments.at(0), arguments.at(1), killer);
  const int code = worker.run(arguments.at(2));
  std::cout << json{{"requests", worker.transport.requests()},
                    {"changes", worker.transport.changes()},
                    {"commits", commits()}}
            << "\n";
  return code;
}

}  // namespace
}  // namespace azlin::crash

int main(int argc, char** argv) {
  try {
    return azlin::crash::main_of({argv + 1, argv + argc});
  } catch (const azlin::core::Error& error) {
    std::cerr << error.what() << "\n";
    return azlin::core::exit_code(error.kind());
  }
}
