#include "azlin/dr/failback.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "azlin/azure/capacity.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/vm_command.hpp"
#include "dr/steps.hpp"

namespace azlin::dr {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

const std::string* find_tag(const azure::Tags& tags, const char* wanted) {
  for (const auto& [name, value] : tags) {
    if (core::equal_ignoring_case(name, wanted)) return &value;
  }
  return nullptr;
}

struct Home {
  std::string region, group, vm;
};

// "{id} {region}/{group}/{VM}"
std::optional<Home> parse_home(const std::string& mark) {
  const auto space = mark.find(' ');
  const auto first = mark.find('/', space + 1), second = mark.find('/', first + 1);
  if (space == std::string::npos || first == std::string::npos || second == std::string::npos)
    return std::nullopt;
  return Home{mark.substr(space + 1, first - space - 1), mark.substr(first + 1, second - first - 1),
              mark.substr(second + 1)};
}

struct Record {
  std::string vm_id, home_id;
  bool was_running = true;
};

std::string to_json(const Record& record) {
  return json{{"vm", record.vm_id}, {"home", record.home_id}, {"wasRunning", record.was_running}}.dump();
}

Record parse_failback(const std::string& text) {
  try {
    const json body = json::parse(text);
    return {body.at("vm"), body.at("home"), body.at("wasRunning")};
  } catch (const json::exception& error) {
    throw Error(ErrorKind::failed,
                fmt::format("the journal's record of a failback cannot be read: {}", error.what()),
                "start the VM that should run, by hand");
  }
}

VmRef ref_of(const std::string& id) {
  const auto parts = core::ResourceId::parse(id);
  return {parts.subscription, parts.resource_group, parts.name};
}

// The backups that it took, in order.
std::vector<std::string> sets_of(const store::OperationRecord& found) {
  std::vector<std::string> sets;
  for (const auto& each : found.steps) {
    const json data = json::parse(each.data, nullptr, false);
    if (each.name == "take" && each.state == "done" && data.is_object())
      sets.push_back(data.value("set", ""));
  }
  return sets;
}

// Whether the VM at home runs on disks of that backup.
bool is_home(arm::ArmClient& arm, const std::string& home_id, const std::string& set) {
  const auto vm = set.empty() ? std::nullopt : azure::find_vm(arm, home_id, false);
  const auto disk = vm ? azure::find_disk(arm, vm->os_disk.disk_id) : std::nullopt;
  const auto* from = disk ? find_tag(disk->tags, "azlin:restored-from") : nullptr;
  return from != nullptr && from->starts_with(set + " ");
}

std::vector<std::string> remaining_of(const FailbackPlan& plan) {
  const std::string group = plan.vm.resource_group;
  return {
      fmt::format("point DNS or the load balancer back to {} in {}", plan.home.name, plan.home_region),
      fmt::format("its backups go on as its schedule says: azlin backup config-show {} -g {}", plan.home.name,
                  plan.home.resource_group),
      fmt::format("the VM in {} is stopped and stays: when all is well, az vm delete -g {} -n {}, and its "
                  "disks and network",
                  plan.region, group, plan.vm.name),
      "the disks that were replaced at home are kept for 7 days: azlin backup cleanup --kept-disks"};
}

}  // namespace

struct FailbackManager::Run {
  const FailbackConfig& config;
  store::Operation operation;
  FailbackResult result;
  void say(const std::string& line) const {
    if (config.notify) config.notify(line);
  }
};

FailbackManager::FailbackManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                                 core::ProcessRunner& processes,
                                 replication::ReplicationManager& replications)
    : arm_(arm),
      journal_(journal),
      clock_(clock),
      replications_(replications),
      backups_(arm, journal, clock, journal.path()),
      restores_(arm, journal, clock, processes, journal.path()) {}

FailbackPlan FailbackManager::plan(const FailbackConfig& config, std::stop_token stop) {
  const auto vm = azure::get_vm(arm_, config.vm.id(), true, stop);
  const auto* mark = find_tag(vm.tags, kFailoverTag);
  const auto home = mark == nullptr ? std::nullopt : parse_home(*mark);
  if (!home)
    throw Error(ErrorKind::usage,
                fmt::format("{} in {} was not brought up by a failover", vm.name, vm.resource_group),
                "say which VM with -g: `azlin dr failover` printed its group");
  FailbackPlan plan;
  plan.vm = {vm.subscription, vm.resource_group, vm.name};
  plan.home = {vm.subscription, home->group, home->vm};
  plan.region = vm.location;
  plan.home_region = home->region;
  plan.was_running = vm.power_state == "running";
  plan.done_before = find_tag(vm.tags, kFailedBackTag) != nullptr;
  if (plan.done_before) return plan;
  azure::list_quotas(arm_, vm.subscription, plan.home_region, stop);  // does the region answer?
  const auto old = azure::find_vm(arm_, plan.home.id(), true, stop);
  plan.in_place = old.has_value();
  if (old) {
    plan.home = {vm.subscription, old->resource_group, old->name};
    plan.home_power = old->power_state;
    if (plan.home_power == "running" && plan.was_running)
      plan.warnings.push_back(fmt::format(
          "the old VM in {} runs beside this one: what was written to it since the outage is replaced (its "
          "disks are kept for 7 days)",
          plan.home_region));
  } else if (!config.subnet_id) {
    throw Error(ErrorKind::usage,
                fmt::format("the old VM {} in {} is gone", plan.home.name, plan.home.resource_group),
                "it comes back as a new VM: name its subnet with --subnet; nothing was changed");
  }
  return plan;
}

// A backup of the failed-over VM as it is now; an operation of its own, so that its leavings are known.
std::string FailbackManager::take(Run& run, std::stop_token stop) {
  const VmRef& vm = run.result.plan.vm;
  const auto seq = run.operation.begin("take", "{}");
  try {
    snapshot::VmCommand command(arm_, journal_, clock_, "backup.trigger", vm, "{}", stop);
    const auto set = snapshot::run_command(command, [&](snapshot::VmCommand& running) {
      const auto machine = azure::get_vm(arm_, vm.id(), false, stop);
      return backups_.snapshots().take(
          {machine, "backup-daily", "daily", backups_.snapshots().list(vm, stop)}, running.operation(), stop);
    });
    run.operation.done(seq, json{{"set", set.name}}.dump());
    return set.name;
  } catch (const std::exception& error) {
    run.operation.failed(seq, error.what());
    throw;
  }
}

// Takes a backup and waits until its copy is at home.
backup::BackupInfo FailbackManager::bring_home(Run& run, std::stop_token stop) {
  const FailbackPlan& plan = run.result.plan;
  const std::string name = take(run, stop);
  run.say(fmt::format("Copying {} to {}...", name, plan.home_region));
  step(run.operation, "replicate", {{"set", name}}, [&] {
    const auto target = replication::make_target(plan.home_region, plan.home.resource_group, "");
    const auto jobs = replications_.queue({replications_.plan(plan.vm, name, target, stop)}, target, stop);
    const auto ended = replications_.wait({jobs.front().id}, 1, {}, stop).front();
    if (ended.status != replication::Status::completed)
      throw Error(ErrorKind::failed,
                  fmt::format("the copy of {} to {} failed: {}", name, plan.home_region, ended.error),
                  "look at it: azlin backup replication-jobs");
  });
  for (const auto& each : backups_.list(plan.vm, stop)) {
    const auto* replica = each.name == name ? replication::replica_in(each, plan.home_region) : nullptr;
    if (replica == nullptr || !replica->complete) continue;
    backup::BackupInfo at_home = each;  // as if its primary were gone
    at_home.set = replica->set;
    at_home.region = replica->region;
    at_home.resource_group = replica->resource_group;
    at_home.verified = replica->verified;
    return at_home;
  }
  throw Error(ErrorKind::failed, fmt::format("the copy of {} in {} is not complete", name, plan.home_region),
              "run the command again");
}

void FailbackManager::settle_earlier(const VmRef& vm) {
  for (const auto& found : journal_.interrupted()) {
    if (found.kind != kFailbackKind || !core::equal_ignoring_case(found.target, vm.id())) continue;
    const auto done = recover(found, {});
    if (!done.settled)
      throw Error(ErrorKind::busy,
                  fmt::format("an earlier failback of {} cannot be settled now: {}", vm.name,
                              fmt::join(done.notes, "; ")),
                  "run `azlin recover`, then this again");
  }
}

FailbackResult FailbackManager::run(const FailbackConfig& config, std::stop_token stop) {
  settle_earlier(config.vm);
  FailbackPlan plan = this->plan(config, stop);
  if (plan.done_before) return {std::move(plan), 0, {}, {}, {}, {}, {}};
  const Record record{plan.vm.id(), plan.home.id(), plan.was_running};
  Run run{config,
          journal_.start(kFailbackKind, record.vm_id, to_json(record),
                         "failback:" + core::to_lower(record.vm_id)),
          {}};
  FailbackResult& result = run.result;
  result.plan = std::move(plan);
  result.operation = run.operation.id();
  result.warnings = result.plan.warnings;
  bool stopped = false;
  try {
    if (result.plan.in_place) restores_.settle(result.plan.home, stop);
    if (config.seed && result.plan.was_running) {
      run.say("Taking and copying a first backup while the VM runs...");
      bring_home(run, stop);
    }
    run.say("Stopping " + result.plan.vm.name + "...");
    const core::TimePoint stop_began = clock_.now();
    stopped = true;
    step(run.operation, "stop", {{"vm", record.vm_id}},
         [&] { azure::deallocate_vm(arm_, record.vm_id, stop); });
    const auto backup = bring_home(run, stop);
    result.backup = backup.name;
    backup::RestoreOptions options;
    options.subnet_id = config.subnet_id;
    options.notify = config.notify;
    step(run.operation, "restore", {{"vm", record.home_id}}, [&] {
      const auto restore = result.plan.in_place
                               ? restores_.plan_in_place(result.plan.home, backup, stop)
                               : restores_.plan_new_vm(backup, result.plan.home, options, stop);
      result.restored = restores_.restore(restore, options, stop);
      const auto& told = result.restored.warnings;
      result.warnings.insert(result.warnings.end(), told.begin(), told.end());
    });
    result.downtime = clock_.now() - stop_began;
  } catch (const Error& error) {
    std::string outcome = "The failed-over VM was not touched.";
    try {
      if (stopped && result.plan.was_running) {
        azure::start_vm(arm_, record.vm_id);
        outcome = "The failed-over VM was started again.";
      }
      drop_copies(*journal_.find(result.operation), {});
      run.operation.rolled_back(error.what());
    } catch (const Error& again) {
      run.operation.interrupt(error.what());
      outcome = fmt::format("The failed-over VM could NOT be started again: {}", again.what());
    }
    throw Error(error.kind(),
                fmt::format("the failback failed: {}. {}", core::without_full_stop(error.what()), outcome),
                error.hint());
  }
  azure::merge_tags(arm_, record.vm_id,
                    {{kFailedBackTag, fmt::format("{} {}", result.operation, result.backup)}});
  run.operation.succeed();
  result.remaining = remaining_of(result.plan);
  return result;
}

// Those on their way home: run again, it takes a new backup. What is complete stays a copy like any other.
std::vector<std::string> FailbackManager::drop_copies(const store::OperationRecord& found,
                                                      std::stop_token stop) {
  const auto sets = sets_of(found);
  const VmRef vm = ref_of(found.target);
  replication::JobFilter filter;
  filter.subscription = vm.subscription;
  filter.vm_key = vm.key();
  filter.open_only = true;
  std::vector<std::string> notes;
  for (const auto& job : replications_.jobs(filter)) {
    if (std::find(sets.begin(), sets.end(), job.set) == sets.end()) continue;
    try {
      replications_.cancel(job.id, stop);
      notes.push_back(fmt::format("the copy of {} to {} was taken back", job.set, job.target_region));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      notes.push_back(
          fmt::format("the copy of {} to {} goes on: {}", job.set, job.target_region, error.what()));
    }
  }
  return notes;
}

bool FailbackManager::recovers(const std::string& kind) {
  return kind == kFailbackKind;
}

backup::Recovered FailbackManager::recover(const store::OperationRecord& listed, std::stop_token stop) {
  return settle_operation(journal_, listed, [&](std::vector<std::string>& notes) -> std::string {
    const auto found = *journal_.find(listed.id);
    const Record record = parse_failback(found.plan);
    notes = restores_.settle(ref_of(record.home_id), stop);  // its restore decides where the VM lives
    const auto sets = sets_of(found);
    const std::string set = sets.empty() ? "" : sets.back();
    const bool home = is_home(arm_, record.home_id, set);
    const auto vm = azure::find_vm(arm_, record.vm_id, true, stop);
    if (home) {
      if (vm && vm->power_state != "deallocated") azure::deallocate_vm(arm_, record.vm_id, stop);
      if (vm) azure::merge_tags(arm_, record.vm_id, {{kFailedBackTag, fmt::format("{} {}", found.id, set)}});
      notes.emplace_back("the VM was up at home: finished");
      return "home was up: finished";
    }
    const bool start = vm && record.was_running && vm->power_state != "running";
    if (start) azure::start_vm(arm_, record.vm_id, stop);
    notes.emplace_back(start ? "the failed-over VM was started again" : "the failed-over VM was not touched");
    for (auto& note : drop_copies(found, stop)) notes.push_back(std::move(note));
    return "the failed-over VM runs; run `azlin dr failback` again";
  });
}

}  // namespace azlin::dr
