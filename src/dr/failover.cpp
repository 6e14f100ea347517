// A failover from its first step to what remains to be done.
#include "azlin/dr/failover.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "azlin/azure/network.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/dr/shell.hpp"
#include "dr/bring_up.hpp"
#include "dr/guest.hpp"
#include "dr/leftovers.hpp"
#include "dr/steps.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr core::Millis kLongestFailover = std::chrono::hours{4};

DrillRecord record_of(const FailoverPlan& plan, const std::string& mark, const std::string& in_use) {
  DrillRecord record{plan.id, plan.target.subscription, mark, {}, {}, {}, in_use};
  record.ids = {plan.target.id(), plan.nic_id};
  if (plan.new_network) record.ids.insert(record.ids.end(), {plan.network_id, plan.nsg_id});
  for (const auto& disk : plan.disks) record.ids.push_back(disk.new_id);
  if (plan.new_group) record.group = plan.target.resource_group;
  for (const auto& member : plan.set.members) record.snapshots.push_back(member.snapshot.id);
  return record;
}

std::string source_key(const FailoverPlan& plan) {
  return core::to_lower(plan.source_region) + "/" + plan.source.key();
}

// What a person has still to do. What azlin does not know is not claimed.
std::vector<std::string> remaining_of(const FailoverPlan& plan, const std::string& address) {
  std::vector<std::string> out;
  const std::string where = address.empty() ? plan.target.name : address;
  out.push_back(
      fmt::format("point DNS or the load balancer of {} to {} (its private address; no public one was made)",
                  plan.source.name, where));
  if (!plan.network_id.empty())
    out.push_back(fmt::format(
        "the VM is in a network of its own, {}: peer or connect it as the service needs", plan.network_id));
  out.push_back(
      fmt::format("keep the old VM from coming back beside it: when {} answers again, "
                  "az vm deallocate -g {} -n {}",
                  plan.source_region, plan.source.resource_group, plan.source.name));
  out.push_back(
      "it has neither the managed identity nor the extensions of the original: assign what it needs");
  out.push_back(fmt::format("back it up: azlin backup configure {} -g {}", plan.target.name,
                            plan.target.resource_group));
  out.push_back(fmt::format("the way home, later: azlin dr failback {} -g {}", plan.target.name,
                            plan.target.resource_group));
  return out;
}

}  // namespace

struct FailoverManager::Run {
  const FailoverConfig& config;
  DrillRecord record;
  store::Operation operation;
  FailoverResult result;

  const FailoverPlan& plan() const { return result.plan; }
  azure::Tags tags() const { return {{kFailoverTag, record.mark}}; }
  Maker maker(arm::ArmClient& arm, std::stop_token stop) {
    return {arm, operation, plan().region, tags(), std::move(stop)};
  }
  void say(const std::string& line) const {
    if (config.notify) config.notify(line);
  }
};

FailoverManager::FailoverManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                                 core::ProcessRunner& processes)
    : arm_(arm), journal_(journal), clock_(clock), processes_(processes) {}

void FailoverManager::build_network(Run& run, std::stop_token stop) {
  const FailoverPlan& plan = run.plan();
  const Maker maker = run.maker(arm_, stop);
  if (plan.new_group) make_group(maker, plan.target);
  if (plan.new_network) {
    // No rules: Azure's own let nothing in from outside, and all of the network.
    make_security_group(maker, plan.nsg_id, {});
    azure::NewNetwork network;
    network.id = plan.network_id;
    network.location = plan.region;
    network.nsg_id = plan.nsg_id;
    network.prefix = "10.251.0.0/24";
    network.tags = run.tags();
    step(run.operation, "create-network", {{"id", plan.network_id}},
         [&] { azure::create_network(arm_, network, stop); });
  }
  azure::NewNic nic;
  nic.id = plan.nic_id;
  nic.location = plan.region;
  nic.subnet_id = plan.subnet_id;
  nic.tags = run.tags();
  step(run.operation, "create-nic", {{"id", nic.id}},
       [&] { run.result.private_address = azure::create_nic(arm_, nic, stop).private_address; });
}

void FailoverManager::restore(Run& run, std::stop_token stop) {
  const FailoverPlan& plan = run.plan();
  run.say(fmt::format("Restoring {} in {}...", plan.backup, plan.region));
  // The group that the copies are in may be of the lost region and refuse to be written.
  try {
    for (const auto& id : run.record.snapshots)
      azure::merge_tags(arm_, id, {{snapshot::kInUseTag, run.record.in_use}}, stop);
  } catch (const arm::ArmError& error) {
    run.result.warnings.push_back(
        fmt::format("the copies could not be marked as in use, go on without: {}", error.what()));
  }
  build_network(run, stop);
  const Maker maker = run.maker(arm_, stop);
  make_disks(maker, plan.disks);
  azure::Tags tags = plan.spec.tags;
  tags[kFailoverTag] = run.record.mark;
  run.say(fmt::format("Creating VM {} ({})...", plan.target.name, plan.vm_size));
  make_vm(maker, plan.target.id(),
          {plan.spec, plan.region, plan.zone, plan.vm_size, plan.disks, plan.nic_id, std::move(tags)});
}

void FailoverManager::unmark_copies(Run& run) {
  try {
    unmark(arm_, run.record);
  } catch (const Error& error) {
    run.result.warnings.push_back(
        fmt::format("the marks azlin:in-use of the copies stay until their time is over: {}", error.what()));
  }
}

void FailoverManager::look_at_guest(Run& run, std::stop_token stop) {
  FailoverResult& result = run.result;
  if (run.plan().done_before) {
    if (const auto nic = azure::find_nic(arm_, run.plan().nic_id, stop))
      result.private_address = nic->private_address;
  }
  const std::string vm_id = run.plan().target.id();
  run.say("Waiting for the guest...");
  result.up = await_guest(
      arm_, clock_, vm_id, run.config.boot_limit, [&](const std::string& seen) { result.guest = seen; },
      stop);
  if (!result.up) return;
  if (!run.plan().done_before) result.rto = clock_.now() - result.started_at;
  if (run.plan().spec.os_type == "Windows") {
    result.ssh = "not checked: a Windows VM";
    return;
  }
  result.ssh = await_sshd(arm_, clock_, vm_id, run.config.ssh_limit, stop);
  if (run.config.check.empty()) return;
  run.say("Running the check command...");
  const auto script = azure::run_script(arm_, vm_id, {run.config.check}, stop);
  result.check_passed = script.exit_code == 0;
  result.check_output = last_line(script.out.empty() ? script.err : script.out);
}

void FailoverManager::run_hook(Run& run, std::stop_token stop) {
  FailoverResult& result = run.result;
  if (run.config.hook.empty() || !result.up || result.check_passed == false) return;
  run.say("Running the hook...");
  const FailoverPlan& plan = run.plan();
  step(run.operation, "hook", {{"command", run.config.hook}}, [&] {
    const auto ended = run_shell(processes_, run.config.hook,
                                 {{"AZLIN_VM", plan.target.name},
                                  {"AZLIN_VM_ID", plan.target.id()},
                                  {"AZLIN_RESOURCE_GROUP", plan.target.resource_group},
                                  {"AZLIN_REGION", plan.region},
                                  {"AZLIN_ADDRESS", result.private_address},
                                  {"AZLIN_SOURCE_VM", plan.source.name},
                                  {"AZLIN_SOURCE_RESOURCE_GROUP", plan.source.resource_group},
                                  {"AZLIN_SOURCE_REGION", plan.source_region},
                                  {"AZLIN_BACKUP", plan.backup}},
                                 stop);
    result.hook_passed = ended.exit_code == 0;
    result.hook_output = ended.last_line;
  });
}

bool FailoverManager::settle_earlier(const VmRef& target) {
  bool any = false;
  for (const auto& found : journal_.interrupted()) {
    if (found.kind != kFailoverKind || !core::equal_ignoring_case(found.target, target.id())) continue;
    any = true;
    const auto done = recover(found, {});
    if (!done.settled)
      throw Error(ErrorKind::busy,
                  fmt::format("an earlier failover of {} cannot be settled now: {}", target.name,
                              fmt::join(done.notes, "; ")),
                  "run `azlin recover`, then this again");
  }
  return any;
}

void FailoverManager::give_up(Run& run, const Error& error) {
  const std::string& vm = run.plan().source.name;
  const std::string why = core::without_full_stop(error.what());
  try {
    const Settled settled = settle(run.record);
    if (settled.left.empty() && !settled.kept) {
      run.operation.rolled_back(error.what());
      throw Error(error.kind(),
                  fmt::format("the failover of {} failed: {}. Nothing was left behind.", vm, why),
                  error.hint());
    }
    if (settled.kept) {
      run.operation.fail(error.what());
      throw Error(error.kind(),
                  fmt::format("the failover of {} failed: {}. But its VM was made, and stays.", vm, why),
                  "run the same command again: it goes on with this VM");
    }
    run.operation.interrupt(error.what());
    throw Error(error.kind(),
                fmt::format("the failover of {} failed: {}. {} is left: {}", vm, why, settled.left.front().id,
                            settled.left.front().error),
                "azlin recover removes it");
  } catch (const arm::ArmError& again) {
    run.operation.interrupt(error.what());
    throw Error(error.kind(),
                fmt::format("the failover of {} failed: {}. It could not be undone just now: {}", vm, why,
                            again.what()),
                "run `azlin recover`");
  } catch (const http::NetworkError& again) {
    run.operation.interrupt(error.what());
    throw Error(error.kind(),
                fmt::format("the failover of {} failed: {}. It could not be undone just now: {}", vm, why,
                            again.what()),
                "run `azlin recover`");
  }
}

FailoverResult FailoverManager::run(const FailoverConfig& config, std::stop_token stop) {
  const core::TimePoint started = clock_.now();
  FailoverPlan plan = this->plan(config, stop);
  if (settle_earlier(plan.target)) plan = this->plan(config, stop);
  const std::string mark = plan.id + " " + source_key(plan);
  const std::string in_use =
      snapshot::to_tag(snapshot::InUseMark{"failover", clock_.now() + kLongestFailover});
  const DrillRecord record = plan.done_before
                                 ? DrillRecord{plan.id, plan.target.subscription, mark, {}, {}, {}, {}}
                                 : record_of(plan, mark, in_use);
  Run run{config,
          record,
          journal_.start(kFailoverKind, plan.target.id(), to_json(record), core::to_lower(plan.target.id())),
          {}};
  FailoverResult& result = run.result;
  result.plan = std::move(plan);
  result.started_at = started;
  result.operation = run.operation.id();
  result.rpo = started - result.plan.backup_created;
  result.warnings = result.plan.warnings;
  try {
    if (!result.plan.done_before) restore(run, stop);
  } catch (const Error& error) {
    give_up(run, error);
  }
  try {
    look_at_guest(run, stop);
    unmark_copies(run);
    run_hook(run, stop);
  } catch (const Error& error) {
    run.operation.fail(error.what());
    throw Error(error.kind(),
                fmt::format("{} was made and stays, but: {}", result.plan.target.id(), error.what()),
                "run the same command again: it goes on with this VM");
  }
  result.remaining = remaining_of(result.plan, result.private_address);
  result.up ? run.operation.succeed() : run.operation.fail("the guest did not report: " + result.guest);
  return result;
}

}  // namespace azlin::dr
