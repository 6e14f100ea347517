#include "azlin/backup/restore.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "azlin/azure/network.hpp"
#include "azlin/backup/lease.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "backup/disk_at.hpp"
#include "backup/restore_record.hpp"
#include "backup/restore_undo.hpp"

namespace azlin::backup {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr core::Millis kLongestRestore =
    std::chrono::hours{2};                                    // leases and marks end by themselves after that
constexpr core::Millis kGuestPoll = std::chrono::seconds{5};  // Compute allows 12 reads of one VM a minute
constexpr int kParallelDisks = 8;

RestoreRecord record_of(const RestorePlan& plan, const RestoreOptions& options, core::TimePoint now) {
  RestoreRecord record;
  record.in_place = plan.in_place;
  record.vm_id = plan.target.id();
  record.vm_key = plan.target.key();
  record.backup = plan.backup;
  record.power_before = plan.power_before;
  for (const auto& disk : plan.disks) record.disks.push_back({disk.lun, disk.new_id, disk.old_id});
  for (const auto& member : plan.set.members) record.snapshots.push_back(member.snapshot.id);
  record.mark = snapshot::to_tag(
      snapshot::InUseMark{"restore:" + core::new_guid().substr(0, 8), now + kLongestRestore});
  record.nic_id = plan.nic_id;
  record.keep_old = options.keep_old_disks;
  record.keep_until = now + options.keep_for;
  return record;
}

void say(const RestoreOptions& options, const std::string& line) {
  if (options.notify) options.notify(line);
}

azure::NewDisk new_disk(const RestoreDisk& disk, const std::string& region, const azure::Tags& tags) {
  azure::NewDisk result;
  result.id = disk.new_id;
  result.location = region;
  result.sku = disk.sku;
  result.zone = disk.zone;
  result.snapshot_id = disk.snapshot_id;
  result.encryption_set_id = disk.encryption_set_id;
  result.tags = tags;
  return result;
}

void throw_first(const std::vector<std::exception_ptr>& results) {
  for (const auto& result : results) {
    if (result) std::rethrow_exception(result);
  }
}

// Another restore may have come between the plan and the lease: undoing ours would bring back its leavings.
// Nor may a disk be there that the plan leaves out: half of the VM would be of another day.
void require_planned_disks(const azure::Vm& vm, const RestorePlan& plan) {
  for (const auto& member : plan.set.members) {
    const auto planned = std::find_if(plan.disks.begin(), plan.disks.end(),
                                      [&](const RestoreDisk& disk) { return disk.lun == member.lun; });
    const std::string expected = planned == plan.disks.end() ? "" : planned->old_id;
    if (core::equal_ignoring_case(disk_at(vm, member.lun), expected)) continue;
    throw Error(ErrorKind::failed, fmt::format("the disks of {} were changed meanwhile", vm.name),
                "run the command again");
  }
}

// Runs `work` as a step of the operation; a failure is noted with the step.
template <class Work>
void step(store::Operation& operation, const char* name, const json& data, Work&& work) {
  const auto seq = operation.begin(name, data.dump());
  try {
    work();
  } catch (const std::exception& error) {
    operation.failed(seq, error.what());
    throw;
  }
  operation.done(seq);
}

}  // namespace

struct RestoreManager::Run {
  const RestorePlan& plan;
  const RestoreOptions& options;
  const RestoreRecord& record;
  store::Operation& operation;
  RestoreResult result;
  core::TimePoint started, stopped;
};

RestoreManager::RestoreManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                               core::ProcessRunner& processes, const std::string& journal_path)
    : arm_(arm),
      journal_(journal),
      clock_(clock),
      processes_(processes),
      holder_(lease_holder(journal_path)),
      snapshots_(arm, journal, clock) {}

void RestoreManager::make_disks(Run& run, std::stop_token stop) {
  say(run.options,
      fmt::format("Creating {} from the backup...", core::counted(run.plan.disks.size(), "disk")));
  const azure::Tags tags = {{"azlin:restored-from", restored_from(run.plan.backup, run.operation.id())}};
  const auto make = [&](std::size_t i) {
    const RestoreDisk& disk = run.plan.disks[i];
    step(run.operation, "create-disk",
         {{"id", disk.new_id}, {"lun", disk.lun}, {"snapshot", disk.snapshot_id}}, [&] {
           const auto made = azure::create_disk(arm_, new_disk(disk, run.plan.region, tags), stop);
           if (made.size_bytes == disk.size_bytes) return;
           throw Error(ErrorKind::failed, fmt::format("disk {} has {} bytes, its snapshot {}", disk.name,
                                                      made.size_bytes, disk.size_bytes));
         });
  };
  throw_first(core::run_parallel(run.plan.disks.size(), kParallelDisks, stop, make));
  core::throw_if_stopped(stop, "making disks");
}

void RestoreManager::swap(Run& run, std::stop_token stop) {
  const std::string vm_id = run.plan.target.id();
  std::map<int, std::string> wanted;
  for (const auto& disk : run.plan.disks) wanted[disk.lun] = disk.new_id;
  run.stopped = clock_.now();
  say(run.options, "Stopping VM...");
  step(run.operation, "stop", {{"vm", vm_id}}, [&] { azure::deallocate_vm(arm_, vm_id, stop); });
  say(run.options, wanted.size() == 1 ? "Swapping OS disk..." : "Swapping OS and data disks...");
  step(run.operation, "swap", {{"vm", vm_id}}, [&] { azure::replace_disks(arm_, vm_id, wanted, stop); });
  say(run.options, "Starting VM...");
  step(run.operation, "start", {{"vm", vm_id}}, [&] { azure::start_vm(arm_, vm_id, stop); });
}

void RestoreManager::build_vm(Run& run, std::stop_token stop) {
  const RestorePlan& plan = run.plan;
  const azure::Tags tags = {{"azlin:restored-from", restored_from(plan.backup, run.operation.id())}};
  say(run.options, "Creating the network interface...");
  step(run.operation, "create-nic", {{"id", plan.nic_id}}, [&] {
    azure::NewNic nic;
    nic.id = plan.nic_id;
    nic.location = plan.region;
    nic.subnet_id = plan.subnet_id;
    nic.nsg_id = plan.nsg_id;
    nic.tags = tags;
    azure::create_nic(arm_, nic, stop);
  });
  say(run.options, "Creating VM " + plan.target.name + "...");
  step(run.operation, "create-vm", {{"id", plan.target.id()}},
       [&] { azure::create_vm(arm_, plan.target.id(), plan.vm_body, stop); });
}

// A VM whose agent was silent before is not condemned for silence after.
void RestoreManager::await_guest(Run& run, std::stop_token stop) {
  const bool was_silent = run.plan.in_place && run.plan.power_before == "running" && !run.plan.agent_before;
  const bool need_agent = run.options.check_guest && !was_silent;
  if (run.options.check_guest && was_silent) {
    run.result.warnings.emplace_back(
        "the guest agent did not report before the restore either, so it was not waited for");
  }
  say(run.options, need_agent ? "Waiting for the guest..." : "Waiting for the VM...");
  const auto seq = run.operation.begin("booted", "{}");
  const core::TimePoint limit = clock_.now() + run.options.guest_limit;
  while (true) {
    const auto vm = azure::get_vm(arm_, run.plan.target.id(), true, stop);
    run.result.power_state = vm.power_state;
    run.result.agent_ready = run.options.check_guest ? vm.agent_ready : std::nullopt;
    if (vm.power_state == "running" && (!need_agent || vm.agent_ready == true)) break;
    if (clock_.now() >= limit) {
      const std::string text = fmt::format("{} is {} but its guest did not report within {}", vm.name,
                                           vm.power_state, core::to_display(run.options.guest_limit));
      run.operation.failed(seq, text);
      throw Error(ErrorKind::failed, text,
                  "the boot log tells why: az vm boot-diagnostics get-boot-log; try an earlier backup");
    }
    if (!clock_.sleep_for(kGuestPoll, stop)) core::throw_if_stopped(stop, "waiting for the guest");
  }
  run.operation.done(seq);
}

bool RestoreManager::settle_old_disks(Run& run) {
  auto old = backup::settle_old_disks(arm_, run.record, run.operation.id());
  run.result.old_disks = std::move(old.settled);
  std::move(old.warnings.begin(), old.warnings.end(), std::back_inserter(run.result.warnings));
  return old.open.empty();
}

bool RestoreManager::finish(Run& run) {
  const bool settled = settle_old_disks(run);
  try {
    unmark(arm_, run.record, Marked::surely, {});
    return settled;
  } catch (const Error& error) {
    run.result.warnings.push_back(
        fmt::format("the mark {} could not be taken off the backup: {}", snapshot::kInUseTag, error.what()));
    return false;
  }
}

RestoreResult RestoreManager::restore(const RestorePlan& plan, const RestoreOptions& options,
                                      std::stop_token stop) {
  const RestoreRecord record = record_of(plan, options, clock_.now());
  auto operation = journal_.start(plan.in_place ? "backup.restore" : "backup.restore-new-vm", record.vm_id,
                                  to_json(record), core::to_lower(record.vm_id));
  Run run{plan, options, record, operation, {}, clock_.now(), clock_.now()};
  run.result.vm_id = record.vm_id;
  run.result.operation = operation.id();
  std::optional<VmLease> lease;
  bool finished = false;
  try {
    if (plan.in_place) {
      lease.emplace(arm_, record.vm_id, "backup.restore", holder_, clock_.now() + kLongestRestore, stop);
      require_planned_disks(azure::get_vm(arm_, record.vm_id, false, stop), plan);
    }
    step(operation, "mark", {{"tag", record.mark}}, [&] {
      snapshots_.tag(plan.set, {{snapshot::kInUseTag, record.mark}}, stop);
    });
    make_disks(run, stop);
    plan.in_place ? swap(run, stop) : build_vm(run, stop);
    await_guest(run, stop);
    run.result.rto = clock_.now() - run.started;
    run.result.downtime = plan.in_place ? clock_.now() - run.stopped : core::Millis{0};
    finished = finish(run);
    lease.reset();  // while the journal still knows of it
  } catch (const Error& error) {
    const std::string outcome =
        undo_restore(arm_, *journal_.find(operation.id()), operation, lease, error.what());
    throw Error(error.kind(),
                fmt::format("restoring {} failed: {}. {}", plan.target.name,
                            core::without_full_stop(error.what()), outcome),
                error.hint());
  }
  if (finished) {
    operation.succeed();
  } else {
    operation.interrupt("the VM came up; " + run.result.warnings.back());
    run.result.warnings.emplace_back("`azlin recover` does what is left");
  }
  const auto [verified, how] = check_ssh(record.vm_id, stop);
  run.result.ssh_verified = verified;
  run.result.ssh = how;
  return run.result;
}

std::vector<std::string> RestoreManager::settle(const VmRef& vm, std::stop_token stop) {
  std::vector<std::string> notes;
  for (const auto& found : journal_.interrupted()) {
    const bool own = recovers(found.kind);
    if (!core::equal_ignoring_case(found.target, vm.id()) || (!own && !BackupManager::recovers(found.kind)))
      continue;
    auto done = own ? recover(found, stop)
                    : BackupManager(arm_, journal_, clock_, journal_.path()).recover(found, stop);
    if (!done.settled) {
      throw Error(ErrorKind::busy,
                  fmt::format("{} of {} was left unfinished and cannot be settled now: {}", found.kind,
                              vm.name, fmt::join(done.notes, "; ")),
                  "see `azlin recover`");
    }
    std::move(done.notes.begin(), done.notes.end(), std::back_inserter(notes));
  }
  return notes;
}

Recovered RestoreManager::recover(const store::OperationRecord& found, std::stop_token) {
  Recovered result{found.id, found.kind, found.target, false, {}};
  auto operation = journal_.resume(found.id);
  try {
    const RestoreRecord record = parse_restore_record(found.plan);
    std::optional<VmLease> lease;
    if (record.in_place && azure::find_vm(arm_, record.vm_id, false))
      lease.emplace(arm_, record.vm_id, found.kind, holder_, clock_.now() + kLongestRestore,
                    std::stop_token{});
    const bool booted = std::any_of(found.steps.begin(), found.steps.end(), [](const auto& step) {
      return step.name == "booted" && step.state == "done";
    });
    if (!booted) {
      result.notes.push_back(undo_restore(arm_, found, operation, lease, "interrupted"));
      result.settled = journal_.find(found.id)->state == "rolled_back";
      return result;
    }
    unmark(arm_, record, Marked::surely, {});
    const auto old = backup::settle_old_disks(arm_, record, found.id);
    result.notes = old.warnings;
    lease.reset();
    if (!old.open.empty()) {
      operation.interrupt(old.open);
      return result;
    }
    operation.recovered("the VM had come up: finished");
    result.notes.push_back("the VM had come up on the restored disks: finished");
    result.settled = true;
  } catch (const Error& error) {
    operation.interrupt(error.what());
    result.notes.emplace_back(error.what());
  }
  return result;
}

std::pair<bool, std::string> RestoreManager::check_ssh(const std::string& vm_id, std::stop_token stop) {
  try {
    const auto vm = azure::get_vm(arm_, vm_id, false, stop);
    if (vm.os_type == "Windows") return {false, "not checked: a Windows VM"};
    const auto address = azure::find_vm_address(arm_, vm.nic_ids, stop);
    if (address) {
      core::ProcessRequest scan;
      scan.argv = {"ssh-keyscan", "-T", "5", address->address};
      scan.time_limit = std::chrono::seconds{15};
      if (!processes_.run(scan, stop).out.empty())
        return {true, "verified (sshd answers at " + address->address + ")"};
    }
    const auto script = azure::run_script(arm_, vm_id, {"ssh-keyscan -T 5 127.0.0.1"}, stop);
    if (script.exit_code == 0 && !script.out.empty())
      return {true, "verified (sshd answers inside the guest; not reachable from here)"};
    return {false, "failed: sshd does not answer inside the guest"};
  } catch (const Error& error) {  // also of an interrupt: the restore is done by now, and is told
    return {false, fmt::format("not checked: {}", error.what())};
  }
}

}  // namespace azlin::backup
