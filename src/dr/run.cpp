// A drill from its first phase to its last.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/azure/boot_log.hpp"
#include "azlin/azure/network.hpp"
#include "azlin/backup/vm_body.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/dr/cost.hpp"
#include "azlin/dr/manager.hpp"
#include "azlin/dr/shell.hpp"
#include "azlin/snapshot/lease.hpp"
#include "dr/guest.hpp"
#include "dr/leftovers.hpp"
#include "dr/steps.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr int kParallelDisks = 8;
constexpr std::size_t kLogLines = 20;
constexpr const char* kKind = "dr.test";

// Nothing comes in but SSH from the tester, where there is one. Out goes HTTPS to Azure when Run Command is
// needed (its results travel so), else nothing; the network's own addresses, peered and on-premises ones are
// all VirtualNetwork.
std::vector<azure::SecurityRule> isolation(bool run_command, const std::string& tester) {
  std::vector<azure::SecurityRule> rules = {
      {"deny-inbound", 200, "Inbound", "Deny", "*", "*", "*", "*"},
      {"deny-networks", 100, "Outbound", "Deny", "*", "*", "VirtualNetwork", "*"}};
  if (!tester.empty()) rules.push_back({"allow-tester", 100, "Inbound", "Allow", "Tcp", tester, "*", "22"});
  if (run_command)
    rules.push_back({"allow-run-command", 200, "Outbound", "Allow", "Tcp", "*", "AzureCloud", "443"});
  rules.push_back({"deny-outbound", 4096, "Outbound", "Deny", "*", "*", "*", "*"});
  return rules;
}

}  // namespace

struct DRTestManager::Run {
  const DRTestConfig& config;
  DrillPlan plan;
  DrillRecord record;
  store::Operation operation;
  DRTestResult result;
  bool interrupted = false;
  std::string address;                          // the public one
  std::optional<core::TimePoint> first_disk{};  // when what costs began to be made

  azure::Tags tags() const { return {{kDrillTag, record.mark}}; }
  Phase& phase(Step step) {
    for (auto& phase : result.phases) {
      if (phase.step == step) return phase;
    }
    throw Error(ErrorKind::failed, "a drill without that phase");
  }
  void skip(Step step, const std::string& why) {
    phase(step).outcome = Outcome::skipped;
    phase(step).detail = why;
    if (config.ended) config.ended(phase(step));
  }
  // Times `work`, which may set outcome and detail. True: it did not fail.
  template <class Work>
  bool go(Step step, core::Clock& clock, Work&& work) {
    Phase& current = phase(step);
    current.started = clock.now();
    if (config.begun) config.begun(current);
    try {
      work(current);
      if (current.outcome == Outcome::not_run) current.outcome = Outcome::passed;
    } catch (const std::exception& error) {
      current.outcome = Outcome::failed;
      current.detail = error.what();
      const auto* known = dynamic_cast<const Error*>(&error);
      interrupted = interrupted || (known != nullptr && known->kind() == ErrorKind::interrupted);
      if (result.error.empty()) {
        result.error = fmt::format("{}: {}", to_string(step), error.what());
        result.hint = known != nullptr ? known->hint() : "";
      }
    }
    current.took = clock.now() - *current.started;
    if (config.ended) config.ended(current);
    return current.outcome != Outcome::failed;
  }
};

DRTestManager::DRTestManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                             const std::string& db_path, core::ProcessRunner* processes)
    : arm_(arm),
      journal_(journal),
      clock_(clock),
      holder_(snapshot::lease_holder(journal.path())),
      processes_(processes),
      backups_(arm, journal, clock, journal.path()),
      store_(db_path) {}

void DRTestManager::build_network(Run& run, std::stop_token stop) {
  const DrillPlan& plan = run.plan;
  if (plan.own_group) {
    step(run.operation, "create-group", {{"name", plan.target.resource_group}}, [&] {
      azure::ensure_resource_group(arm_, plan.target.subscription, plan.target.resource_group, plan.region,
                                   run.tags(), stop);
    });
  }
  step(run.operation, "create-nsg", {{"id", plan.nsg_id}}, [&] {
    azure::create_security_group(
        arm_, plan.nsg_id, plan.region,
        isolation(plan.needs_run_command, plan.public_ip_id.empty() ? "" : run.config.tester_address),
        run.tags(), stop);
  });
  azure::NewNetwork network;
  network.id = plan.network_id;
  network.location = plan.region;
  network.nsg_id = plan.nsg_id;
  network.outbound = plan.needs_run_command;
  network.tags = run.tags();
  azure::NewNic nic;
  step(run.operation, "create-network", {{"id", plan.network_id}},
       [&] { nic.subnet_id = azure::create_network(arm_, network, stop); });
  // A policy of the subscription may have joined it to others by now.
  const auto made = azure::find_network(arm_, plan.network_id, stop);
  if (!made || !made->peerings.empty() || !made->route_tables.empty()) {
    throw Error(
        ErrorKind::failed,
        fmt::format("the drill's network {} is not isolated: it has {} peerings and {} route tables",
                    plan.network_id, made ? made->peerings.size() : 0, made ? made->route_tables.size() : 0),
        "something in the subscription (a policy?) adds them; the VM was not started");
  }
  if (!plan.public_ip_id.empty()) {
    nic.public_ip_id = plan.public_ip_id;
    step(run.operation, "create-public-ip", {{"id", plan.public_ip_id}}, [&] {
      run.address =
          azure::create_public_ip(arm_, plan.public_ip_id, plan.region, plan.zone, run.tags(), stop);
    });
  }
  nic.id = plan.nic_id;
  nic.location = plan.region;
  nic.nsg_id = plan.nsg_id;
  nic.tags = run.tags();
  step(run.operation, "create-nic", {{"id", nic.id}}, [&] { azure::create_nic(arm_, nic, stop); });
}

void DRTestManager::restore(Run& run, std::stop_token stop) {
  DrillPlan& plan = run.plan;
  fit(plan, run.config, stop);
  run.result.warnings = plan.warnings;
  step(run.operation, "mark", {{"value", run.record.in_use}}, [&] {
    backups_.snapshots().tag(plan.set, {{snapshot::kInUseTag, run.record.in_use}}, stop);
  });
  build_network(run, stop);
  run.first_disk = clock_.now();
  const auto make = [&](std::size_t i) {
    const auto& disk = plan.disks[i];
    azure::NewDisk wanted;
    wanted.id = disk.new_id;
    wanted.location = plan.region;
    wanted.sku = disk.sku;
    wanted.zone = disk.zone;
    wanted.snapshot_id = disk.snapshot_id;
    wanted.encryption_set_id = disk.encryption_set_id;
    wanted.tags = run.tags();
    step(run.operation, "create-disk", {{"id", disk.new_id}, {"snapshot", disk.snapshot_id}}, [&] {
      const auto made = azure::create_disk(arm_, wanted, stop);
      if (made.size_bytes == disk.size_bytes) return;
      throw Error(ErrorKind::failed, fmt::format("disk {} has {} bytes, its snapshot {}", disk.name,
                                                 made.size_bytes, disk.size_bytes));
    });
  };
  for (const auto& failure : core::run_parallel(plan.disks.size(), kParallelDisks, stop, make)) {
    if (failure) std::rethrow_exception(failure);
  }
  core::throw_if_stopped(stop, "restoring the backup");
  // Neither the VM's tags nor its identity: nothing may take it for the original.
  const std::string body =
      backup::vm_body({plan.spec, plan.region, plan.zone, plan.vm_size, plan.disks, plan.nic_id, run.tags()});
  step(run.operation, "create-vm", {{"id", plan.target.id()}},
       [&] { azure::create_vm(arm_, plan.target.id(), body, stop); });
}

void DRTestManager::await_guest(Run& run, Phase& phase, std::stop_token stop) {
  const std::string vm_id = run.plan.target.id();
  const auto seen = [&](const std::string& what) { phase.detail = what; };
  if (dr::await_guest(arm_, clock_, vm_id, run.config.boot_limit, seen, stop)) return;
  run.result.boot_log = azure::boot_log_tail(arm_, vm_id, kLogLines, stop);
  throw Error(ErrorKind::failed,
              fmt::format("the guest did not come up within {}: {}", core::to_display(run.config.boot_limit),
                          phase.detail),
              "drill an earlier backup with --backup; --no-cleanup keeps the VM for a look at it");
}

void DRTestManager::check_ssh(Run& run, Phase& phase, std::stop_token stop) {
  if (run.plan.spec.os_type == "Windows") {
    phase.outcome = Outcome::skipped;
    phase.detail = "a Windows VM";
    return;
  }
  if (!run.plan.public_ip_id.empty()) return log_in(run, phase, stop);
  const std::string reason = await_sshd(arm_, clock_, run.plan.target.id(), run.config.ssh_limit, stop);
  if (!reason.empty())
    throw Error(ErrorKind::failed, reason,
                "look at the VM with --no-cleanup; --no-verify-ssh leaves this check out");
  phase.detail = "sshd answers inside the guest (Run Command)";
}

// By the system's ssh, with the key and no password; what it learns of host keys is forgotten again: the
// address is the drill's alone.
void DRTestManager::log_in(Run& run, Phase& phase, std::stop_token stop) {
  if (processes_ == nullptr) throw Error(ErrorKind::failed, "there is no ssh to log in with");
  const DRTestConfig& config = run.config;
  core::ProcessRequest request;
  request.argv = {"ssh",
                  "-o",
                  "BatchMode=yes",
                  "-o",
                  "IdentitiesOnly=yes",
                  "-o",
                  "ConnectTimeout=10",
                  "-o",
                  "StrictHostKeyChecking=no",
                  "-o",
                  "UserKnownHostsFile=/dev/null",
                  "-o",
                  "LogLevel=ERROR",
                  "-i",
                  config.ssh_key,
                  "-l",
                  config.ssh_user,
                  "--",
                  run.address,
                  "true"};
  request.time_limit = std::chrono::seconds{30};
  const core::TimePoint end = clock_.now() + config.ssh_limit;
  while (true) {
    const auto result = processes_->run(request, stop);
    if (result.exit_code == 0) {
      phase.detail = fmt::format("logged in as {} at {} by key", config.ssh_user, run.address);
      return;
    }
    core::throw_if_stopped(stop, "logging in by SSH");
    if (clock_.now() >= end)
      throw Error(ErrorKind::failed,
                  fmt::format("no login as {} at {} (tried for {}): {}", config.ssh_user, run.address,
                              core::to_display(config.ssh_limit), last_line(result.err)),
                  "is the key in that user's authorized_keys in the backup? look with --no-cleanup");
    if (!clock_.sleep_for(std::chrono::seconds{10}, stop)) core::throw_if_stopped(stop, "logging in by SSH");
  }
}

void DRTestManager::check_command(Run& run, Phase& phase, std::stop_token stop) {
  const auto script = azure::run_script(arm_, run.plan.target.id(), {run.config.verify_command}, stop);
  if (script.exit_code == 0) {
    phase.detail = last_line(script.out);
    return;
  }
  const std::string said = last_line(script.err.empty() ? script.out : script.err);
  const std::string code =
      script.exit_code ? fmt::format("exit code {}", *script.exit_code) : "no exit code (does it call exit?)";
  throw Error(ErrorKind::failed,
              fmt::format("the check command ended with {}{}", code, said.empty() ? "" : ": " + said),
              "the command runs as root in the guest of the drill");
}

void DRTestManager::clean_up(Run& run) {
  try {
    unmark(arm_, run.record);
  } catch (const Error& error) {
    run.result.warnings.push_back(
        fmt::format("the mark azlin:in-use of the snapshots could not be taken off: {}", error.what()));
  }
  if (!run.config.cleanup_after_test) {
    run.result.kept_until = run.plan.until;
    run.skip(Step::cleanup, "kept until " + core::to_display(run.plan.until));
    return;
  }
  const std::string first_error = run.result.error, hint = run.result.hint;
  run.go(Step::cleanup, clock_, [&](Phase& phase) {
    step(run.operation, "cleanup", {{"drill", run.plan.drill_id}}, [&] {
      run.result.left = remove_owned(arm_, clock_, drill_owner(run.plan.drill_id), run.record.subscription,
                                     run.record.ids, run.record.group, {});
      if (run.result.left.empty()) return;
      throw Error(ErrorKind::failed,
                  fmt::format("{} left, the first: {}: {}", run.result.left.size(),
                              run.result.left.front().id, run.result.left.front().error),
                  "azlin dr cleanup tries again");
    });
    phase.detail = "0 left";
  });
  // That it could not be removed is a fact of its own, not the drill's failure.
  run.result.error = first_error;
  run.result.hint = hint;
}

void DRTestManager::run_phases(Run& run, std::stop_token stop) {
  const DRTestConfig& config = run.config;
  bool well = run.go(Step::restore, clock_, [&](Phase&) { restore(run, stop); });
  if (!config.verify_boot) run.skip(Step::boot, "switched off");
  if (well && config.verify_boot)
    well = run.go(Step::boot, clock_, [&](Phase& phase) { await_guest(run, phase, stop); });
  if (run.result.phase_passed(Step::boot))
    run.result.rto = run.phase(Step::restore).took + run.phase(Step::boot).took;
  if (!config.verify_connectivity) run.skip(Step::connectivity, "switched off");
  if (well && config.verify_connectivity)
    well = run.go(Step::connectivity, clock_, [&](Phase& phase) { check_ssh(run, phase, stop); });
  if (well && !config.verify_command.empty())
    well = run.go(Step::command, clock_, [&](Phase& phase) { check_command(run, phase, stop); });
  clean_up(run);
  const bool seen = run.result.phase_passed(Step::boot) || run.result.phase_passed(Step::connectivity) ||
                    run.result.phase_passed(Step::command);
  run.result.verdict = run.interrupted ? Verdict::interrupted
                       : !well         ? Verdict::failed
                       : seen          ? Verdict::passed
                                       : Verdict::restore_only;
}

// What an earlier drill of this VM left when its process died.
void DRTestManager::settle_earlier(Run& run) {
  for (const auto& record : journal_.interrupted()) {
    if (!recovers(record.kind) || record.target != run.config.vm.id()) continue;
    try {
      for (const auto& note : recover(record, {}).notes)
        run.plan.warnings.push_back("an earlier drill: " + note);
    } catch (const Error& error) {
      run.plan.warnings.push_back(fmt::format("an earlier drill was not settled: {}", error.what()));
    }
  }
}

DRTestResult DRTestManager::run_dr_test(const DRTestConfig& config, std::stop_token stop) {
  DrillPlan plan = prepare(config, stop);
  const std::string mark = to_tag(DrillMark{plan.drill_id, plan.until, holder_});
  const std::string in_use = snapshot::to_tag(snapshot::InUseMark{"drill", plan.until});
  DrillRecord record = record_of(plan, mark, in_use);
  Run run{config, std::move(plan), record, journal_.start(kKind, config.vm.id(), to_json(record), {}), {}};
  DRTestResult& result = run.result;
  result.vm = config.vm;
  result.backup_name = run.plan.backup;
  result.test_region = run.plan.region;
  result.started_at = clock_.now();
  result.target_rto = config.target_rto;
  result.drill_id = run.plan.drill_id;
  result.test_vm_id = run.plan.target.id();
  result.operation = run.operation.id();
  for (const Step each : {Step::restore, Step::boot, Step::connectivity, Step::command, Step::cleanup}) {
    if (each != Step::command || !config.verify_command.empty())
      result.phases.push_back({each, {}, {}, {}, {}});
  }
  store_.insert(result);
  if (config.planned) config.planned(run.plan);
  settle_earlier(run);
  run_phases(run, stop);
  result.completed_at = clock_.now();
  if (run.first_disk) {
    DrillCost cost{run.plan.vcpus, 0, !run.plan.public_ip_id.empty(), {}};
    for (const auto& disk : run.plan.disks) cost.disk_monthly += disk_price(disk.sku) * disk.size_gb;
    cost.lasted = result.kept_until.value_or(*result.completed_at) - *run.first_disk;
    result.cost = estimate(cost);
  }
  store_.update(result);
  const std::string outcome = result.left.empty() ? result.error : "cleanup: " + result.left.front().error;
  result.verdict == Verdict::passed&& result.left.empty()         ? run.operation.succeed()
  : result.verdict == Verdict::restore_only&& result.left.empty() ? run.operation.succeed()
                                                                  : run.operation.fail(outcome);
  return result;
}

bool DRTestManager::recovers(const std::string& kind) {
  return kind == kKind;
}

backup::Recovered DRTestManager::recover(const store::OperationRecord& found, std::stop_token) {
  backup::Recovered out{found.id, found.kind, found.target, false, {}};
  auto operation = journal_.resume(found.id);
  try {
    const DrillRecord record = parse_record(found.plan);
    unmark(arm_, record);
    const auto left = remove_owned(arm_, clock_, drill_owner(record.drill_id), record.subscription,
                                   record.ids, record.group, {});
    for (const auto& item : left)
      out.notes.push_back(fmt::format("{} could not be removed: {}", item.id, item.error));
    if (auto row = store_.find_drill(record.drill_id); row && row->verdict == Verdict::running) {
      row->verdict = Verdict::interrupted;
      row->completed_at = clock_.now();
      row->error = "the process ended in the middle of the drill";
      row->left = left;
      store_.update(*row);
    }
    if (!left.empty()) throw Error(ErrorKind::failed, "something of the drill is left");
    operation.recovered("the drill's leftovers were removed");
    out.notes.push_back(fmt::format("drill {}: 0 left", record.drill_id));
    out.settled = true;
  } catch (const Error& error) {
    operation.interrupt(error.what());
    out.notes.emplace_back(error.what());
  }
  return out;
}

}  // namespace azlin::dr
