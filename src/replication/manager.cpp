#include "azlin/replication/manager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "azlin/backup/names.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/lease.hpp"
#include "replication/engine.hpp"

namespace azlin::replication {

using backup::BackupInfo;
using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr const char* kKind = "backup.replicate";
constexpr const char* kFound = "found in Azure";
constexpr core::Millis kFollow = std::chrono::seconds{1};  // between looks at another process's rows
constexpr core::Millis kNextCopy = std::chrono::milliseconds{100};
constexpr core::Millis kShortestPoll = std::chrono::milliseconds{100};
constexpr core::Millis kLongestPoll = std::chrono::seconds{10};

std::string holding_key(const VmRef& vm) {
  return vm.subscription + "/" + vm.key();
}

VmRef vm_of(const std::string& subscription, const std::string& vm_key, const std::string& name = {}) {
  const auto slash = vm_key.find('/');
  return {subscription, vm_key.substr(0, slash), name.empty() ? vm_key.substr(slash + 1) : name};
}

VmRef vm_of(const Job& job) {
  return vm_of(job.subscription, job.vm_key, job.vm_name);
}

JobFilter open_jobs_of(const VmRef& vm) {
  JobFilter filter;
  filter.subscription = vm.subscription;
  filter.vm_key = vm.key();
  filter.open_only = true;
  return filter;
}

JobFilter left_behind_of(const VmRef& vm) {
  JobFilter filter = open_jobs_of(vm);
  filter.open_only = false;
  filter.left_behind = true;
  return filter;
}

// A twentieth of the time that a copy has run, or the time that it seems to need still: it is found to be
// done soon after it is, and a long one is not asked about all the time.
core::Millis poll_interval(const Copy& copy, core::TimePoint now) {
  const core::Millis age = now - *copy.started_at;
  const core::Millis wait = std::max(age / 20, kShortestPoll);
  if (copy.percent <= 0) return wait;
  const core::Millis left{
      static_cast<std::int64_t>(static_cast<double>(age.count()) * (100.0 - copy.percent) / copy.percent)};
  return std::min(wait, std::max({left, age / 100, kShortestPoll / 2}));
}

core::Millis poll_interval(const std::vector<Job>& jobs, core::TimePoint now) {
  core::Millis wait = kLongestPoll;
  for (const auto& job : jobs) {
    for (const auto& copy : job.copies) {
      if (copy.status == Status::in_progress && copy.started_at)
        wait = std::min(wait, poll_interval(copy, now));
      if (copy.status == Status::pending && copy.not_before)
        wait = std::min(wait, std::max(*copy.not_before - now, kShortestPoll));
    }
  }
  return wait;
}

// Each one that is done lets another begin.
std::ptrdiff_t copies_done(const std::vector<Job>& jobs) {
  std::ptrdiff_t count = 0;
  for (const auto& job : jobs)
    count += std::count_if(job.copies.begin(), job.copies.end(),
                           [](const Copy& copy) { return copy.status == Status::completed; });
  return count;
}

bool all_ended(const std::vector<Job>& jobs) {
  return std::all_of(jobs.begin(), jobs.end(), [](const Job& job) { return job.ended(); });
}

void plan_each(FleetPlan& out, const std::vector<BackupInfo>& all, const Target& target) {
  for (auto backup = all.rbegin(); backup != all.rend(); ++backup) {  // oldest first
    const auto* replica = replica_in(*backup, target.region);
    if (backup->replica_only || (replica != nullptr && replica->complete)) continue;
    try {
      out.plans.push_back(plan_replica(*backup, all, target));
      out.plans.back().warnings.clear();  // the older ones go, too
    } catch (const Error& error) {
      out.skipped.push_back({backup->name, error.what()});
    }
  }
}

// What is copied and in which order follows from all sources and all copies in the target region; what lies
// in a third region does not matter.
std::vector<BackupInfo> plannable(backup::BackupListing listing, const std::string& region) {
  std::erase_if(listing.unreadable, [&](const auto& set) {
    return set.replica && !set.region.empty() && !core::equal_ignoring_case(set.region, region);
  });
  snapshot::require_readable(listing.unreadable, "nothing is copied to " + region);
  return std::move(listing.backups);
}

// A complete replica that no row tells of, as a job. (One that is not complete is another machine's work, or
// is finished by the next `replicate-all`.)
Job job_of_replica(const backup::ReplicaInfo& replica) {
  const auto& set = replica.set;
  Job job;
  job.subscription = set.subscription;
  job.vm_key = set.vm_key;
  job.vm_name = set.vm_name;
  job.set = set.name;
  job.data_time = set.created;
  job.target_region = set.location;
  job.target_group = set.resource_group;
  job.target_snapshot = set.members.front().snapshot.name;
  job.source_region = set.replica_of.substr(0, set.replica_of.find('/'));
  for (const auto& member : set.members) {
    Copy copy;
    copy.lun = member.lun;
    copy.source_id = member.snapshot.source_id;
    copy.target_id = member.snapshot.id;
    copy.status = Status::completed;
    copy.percent = 100;
    copy.adopted = true;
    copy.expected = expected_of(member.snapshot, member.snapshot.encryption_set_id);
    copy.expected.source_unique_id = member.snapshot.source_unique_id;
    job.copies.push_back(std::move(copy));
  }
  const auto source = core::ResourceId::parse(job.copies.front().source_id);
  job.source_snapshot = source.name;
  job.source_group = source.resource_group;
  job.started_at = set.members.front().snapshot.created_at;
  job.status = Status::completed;
  job.note = kFound;
  return job;
}

RegionState state_of(const std::string& region, const std::vector<BackupInfo>& backups, core::TimePoint now) {
  RegionState state;
  state.region = region;
  for (const auto& backup : backups) {  // newest first
    const auto* replica = replica_in(backup, region);
    if (replica != nullptr && replica->complete) {
      ++state.complete;
      if (state.rpo) continue;
      state.rpo =
          std::max(core::Millis{0}, now - backup.created);  // also where this machine's clock is behind
      state.newest = backup.name;
    } else if (!backup.replica_only && backup.complete && !core::equal_ignoring_case(backup.region, region)) {
      ++state.missing;
    }
  }
  return state;
}

}  // namespace

struct ReplicationManager::Held {
  VmRef vm;
  store::Operation operation;
  bool looked = false;  // for what failed jobs left behind
};

ReplicationManager::ReplicationManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                                       const std::string& journal_path, const std::string& db_path,
                                       const Settings& settings)
    : arm_(arm),
      journal_(journal),
      clock_(clock),
      settings_(settings),
      holder_(snapshot::lease_holder(journal_path)),
      backups_(arm, journal, clock, journal_path),
      store_(db_path) {}

// ---- planning and queueing

Plan ReplicationManager::plan(const VmRef& vm, const std::string& backup, const Target& target,
                              std::stop_token stop) {
  const auto all = plannable(backups_.look(vm, stop), target.region);
  std::vector<std::string> names;
  for (const auto& each : all) names.push_back(each.name);
  return plan_replica(all[backup::find_by_prefix(names, backup, "backup")], all, target);
}

FleetPlan ReplicationManager::plan_missing(const VmRef& vm, const Target& target, std::stop_token stop) {
  FleetPlan out;
  plan_each(out, plannable(backups_.look(vm, stop), target.region), target);
  JobFilter open = open_jobs_of(vm);
  open.target_region = target.region;
  out.open = store_.list(open);
  return out;
}

std::vector<Plan> ReplicationManager::plan_missed(const VmRef& vm, const Target& target,
                                                  std::stop_token stop) {
  JobFilter filter;
  filter.subscription = vm.subscription;
  filter.vm_key = vm.key();
  filter.target_region = target.region;
  std::set<std::string> seen, missed;
  for (const auto& last : store_.list(filter)) {  // newest first
    if (!seen.insert(last.set).second || last.status != Status::failed || last.cancelled()) continue;
    missed.insert(last.set);
  }
  if (missed.empty()) return {};
  auto plans = plan_missing(vm, target, stop).plans;
  std::erase_if(plans, [&](const Plan& plan) { return !missed.contains(plan.job.set); });
  return plans;
}

FleetPlan ReplicationManager::plan_missing_everywhere(const std::string& subscription, const Target& target,
                                                      std::stop_token stop) {
  std::map<std::string, std::vector<BackupInfo>> by_vm;
  for (auto& each : backup::to_backups(backups_.snapshots().list_all(subscription, stop), clock_.now())) {
    const std::string key = each.set.vm_key;
    by_vm[key].push_back(std::move(each));
  }
  FleetPlan out;
  for (const auto& [vm, backups] : by_vm) plan_each(out, backups, target);
  JobFilter open;
  open.subscription = subscription;
  open.target_region = target.region;
  open.open_only = true;
  out.open = store_.list(open);
  std::stable_sort(out.plans.begin(), out.plans.end(),
                   [](const Plan& a, const Plan& b) { return a.job.data_time < b.job.data_time; });
  return out;
}

std::vector<Job> ReplicationManager::queue(const std::vector<Plan>& plans, const Target& target,
                                           std::stop_token stop) {
  std::set<std::string> ready;
  for (const auto& plan : plans) {
    const std::string& group = plan.job.target_group;
    if (!ready.insert(core::to_lower(group)).second ||
        core::equal_ignoring_case(group, plan.job.source_group) ||
        azure::find_resource_group(arm_, plan.job.subscription, group, stop))
      continue;
    if (!target.resource_group) {
      throw Error(ErrorKind::failed, fmt::format("the resource group {} does not exist", group),
                  "name another with --target-resource-group: it is created when it does not exist");
    }
    azure::ensure_resource_group(arm_, plan.job.subscription, group, target.region, {}, stop);
  }
  std::vector<Job> jobs;
  const auto now = clock_.now();
  for (const auto& plan : plans) jobs.push_back(store_.enqueue(plan.job, now).first);
  return jobs;
}

// ---- holding VMs

bool ReplicationManager::acquire(Holdings& held, const VmRef& vm) {
  const std::string key = holding_key(vm);
  if (held.contains(key)) return true;
  const std::string target = vm.id();
  try {
    for (const auto& left : journal_.interrupted()) {
      if (left.kind != kKind || !core::equal_ignoring_case(left.target, target)) continue;
      journal_.resume(left.id).recovered("taken up by the next replication");
    }
    json ids = json::array();
    for (const auto& job : store_.list(open_jobs_of(vm))) ids.push_back(job.id);
    held.emplace(key, Held{vm, journal_.start(kKind, target, json{{"jobs", ids}}.dump(),
                                              "replicate:" + core::to_lower(target))});
    return true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::busy) return false;
    throw;
  }
}

// Ends the operations of VMs none of whose `jobs` is open any more.
void ReplicationManager::release(Holdings& held, const std::vector<Job>& jobs) {
  for (auto each = held.begin(); each != held.end();) {
    bool open = false;
    std::string errors;
    for (const auto& job : jobs) {
      if (holding_key(vm_of(job)) != each->first) continue;
      open = open || !job.ended();
      if (job.status == Status::failed)
        errors += fmt::format("{}job {}: {}", errors.empty() ? "" : "; ", job.id, job.error);
    }
    if (open) {
      ++each;
      continue;
    }
    const auto left = stranded(each->second.vm);
    if (!left.empty()) {
      each->second.operation.interrupt(left.front().error);  // `azlin recover` has something to do
    } else {
      errors.empty() ? each->second.operation.succeed() : each->second.operation.fail(errors);
    }
    each = held.erase(each);
  }
}

std::vector<Job> ReplicationManager::look(Holdings& held, int max_parallel, std::stop_token stop,
                                          Watch* watch) {
  std::map<std::string, std::map<std::string, store::Operation*>> operations;  // subscription -> azlin:vm
  std::map<std::string, std::vector<Job>> jobs;
  for (auto& [key, each] : held) {
    auto& of = each.vm.subscription;
    operations[of][each.vm.key()] = &each.operation;
    for (auto& job : store_.list(open_jobs_of(each.vm))) jobs[of].push_back(std::move(job));
    if (!each.looked) remove_left_behind(each, {});  // once is enough
    each.looked = true;
  }
  std::vector<Job> ended;
  for (auto& [subscription, open] : jobs) {
    Engine engine(arm_, clock_, store_, operations[subscription], holder_, watch);
    for (auto& job : engine.look(std::move(open), max_parallel, stop)) ended.push_back(std::move(job));
  }
  for (auto& [key, each] : held) {
    const bool news = std::any_of(ended.begin(), ended.end(),
                                  [&, &of = key](const Job& job) { return holding_key(vm_of(job)) == of; });
    if (news) remove_left_behind(each, ended);
  }
  return ended;
}

// `ended`: just now; what these left could not be deleted a moment ago.
void ReplicationManager::remove_left_behind(Held& held, const std::vector<Job>& ended) {
  auto left = store_.list(left_behind_of(held.vm));
  std::erase_if(left, [&](const Job& job) {
    return std::any_of(ended.begin(), ended.end(), [&](const Job& other) { return other.id == job.id; });
  });
  if (left.empty()) return;
  Engine(arm_, clock_, store_, {{held.vm.key(), &held.operation}}, holder_, nullptr)
      .remove_left_behind(std::move(left));
}

// Jobs whose copies nobody sees to: while a later job of the set is open its end decides.
std::vector<Job> ReplicationManager::stranded(const VmRef& vm) {
  auto left = store_.list(left_behind_of(vm));
  std::erase_if(left, [&](const Job& job) { return !store_.newest_of_set(job).ended(); });
  return left;
}

std::vector<VmRef> ReplicationManager::open_vms(const std::string& subscription) {
  std::vector<VmRef> vms;
  for (const auto& [of, key] : store_.open_vms()) {
    if (core::equal_ignoring_case(of, subscription)) vms.push_back(vm_of(of, key));
  }
  return vms;
}

std::vector<Job> ReplicationManager::advance(const std::vector<VmRef>& vms, int max_parallel,
                                             std::stop_token stop) {
  if (settings_.look_only) return {};
  Holdings held;
  for (const auto& vm : vms) {
    if (!store_.list(open_jobs_of(vm)).empty() || !store_.list(left_behind_of(vm)).empty()) acquire(held, vm);
  }
  auto ended = look(held, max_parallel, stop);
  release(held, ended);
  return ended;
}

std::vector<Job> ReplicationManager::wait(const std::vector<std::int64_t>& ids, int max_parallel,
                                          const std::function<void(const std::vector<Job>&)>& changed,
                                          std::stop_token stop) {
  Holdings held;
  Watch watch;
  std::vector<Job> jobs;
  const auto read = [&] {
    jobs.clear();
    for (const auto id : ids) jobs.push_back(job(id));
  };
  read();
  auto done = copies_done(jobs);
  while (true) {
    bool all_ours = true;
    for (const auto& each : jobs) all_ours = (each.ended() || acquire(held, vm_of(each))) && all_ours;
    look(held, max_parallel, stop, &watch);
    read();
    if (changed) changed(jobs);
    release(held, jobs);
    if (all_ended(jobs)) return jobs;
    auto pause = poll_interval(jobs, clock_.now());
    if (const auto before = std::exchange(done, copies_done(jobs)); done > before)
      pause = std::min(pause, kNextCopy);
    if (!clock_.sleep_for(all_ours ? pause : std::min(pause, kFollow), stop)) break;
  }
  for (auto& [key, each] : held) each.operation.fail("interrupted; the copies go on in Azure");
  throw Error(ErrorKind::interrupted, "interrupted; the copies that have begun go on in Azure",
              "follow them with `azlin backup replication-jobs`, or end one with `replication-cancel`");
}

// ---- looking

Job ReplicationManager::job(std::int64_t id) {
  auto found = store_.find(id);
  if (found) return *std::move(found);
  throw Error(ErrorKind::not_found, fmt::format("replication job {} not found", id),
              "`azlin backup replication-jobs` lists them");
}

std::optional<std::pair<core::Millis, core::Millis>> ReplicationManager::estimate(const Job& job) {
  return store_.durations(job.subscription, job.vm_key, job.target_region);
}

VmState ReplicationManager::status(const VmRef& vm, const std::optional<std::string>& region,
                                   std::stop_token stop) {
  VmState state;
  auto listing = backups_.look(vm, stop);
  const auto& backups = listing.backups;
  int known = 0;
  if (!settings_.look_only) import(backups, known);
  state.ended = advance({vm}, kMostIntoARegion, stop);
  JobFilter filter;
  filter.subscription = vm.subscription;
  filter.vm_key = vm.key();
  if (region) filter.target_region = *region;
  state.jobs = store_.list(filter);
  std::set<std::string> regions;
  if (region) regions.insert(*region);
  for (const auto& job : state.jobs) regions.insert(job.target_region);
  const auto now_there = state.ended.empty() ? backups : backups_.look(vm, stop).backups;
  for (const auto& each : regions) state.regions.push_back(state_of(each, now_there, clock_.now()));
  state.unreadable = std::move(listing.unreadable);
  return state;
}

Job ReplicationManager::cancel(std::int64_t id, std::stop_token stop) {
  const Job wanted = job(id);
  if (!store_.request_cancel(id)) {
    const Job now = job(id);
    throw Error(
        ErrorKind::failed,
        fmt::format("job {} has ended ({}), so there is nothing to cancel", id, to_string(now.status)),
        now.status == Status::completed ? "`azlin backup delete … --region` deletes a replica" : "");
  }
  Holdings held;
  while (true) {
    const bool ours = acquire(held, vm_of(wanted));
    if (ours) look(held, kMostIntoARegion, stop);
    const Job now = job(id);
    if (now.ended()) {
      release(held, {});
      return now;
    }
    if (ours) {
      held.begin()->second.operation.fail(now.error);
      throw Error(ErrorKind::failed, fmt::format("job {} could not be cancelled yet: {}", id, now.error),
                  "the next look at it tries again: `azlin backup replication-jobs`");
    }
    if (!clock_.sleep_for(kFollow, stop)) core::throw_if_stopped(stop, "cancelling a replication");
  }
}

// ---- after a crash, or without the database

bool ReplicationManager::recovers(const std::string& kind) {
  return kind == kKind;
}

backup::Recovered ReplicationManager::recover(const store::OperationRecord& record, std::stop_token stop) {
  backup::Recovered out{record.id, record.kind, record.target, false, {}};
  const auto id = core::ResourceId::parse(record.target);
  const VmRef vm{id.subscription, id.resource_group, id.name};
  Holdings held;
  if (!acquire(held, vm)) {
    out.notes.emplace_back("another azlin works on it");
    return out;
  }
  look(held, kMostIntoARegion, stop);
  const auto open = store_.list(open_jobs_of(vm));
  for (const auto& job : open) {
    out.notes.push_back(fmt::format("job {}: {} → {} is {} ({:.0f} %)", job.id, job.set, job.target_region,
                                    to_string(job.status), job.percent()));
  }
  const auto left = stranded(vm);
  for (const auto& job : left)
    out.notes.push_back(fmt::format("job {} left copies in {} that cannot be deleted now{}{}", job.id,
                                    job.target_region, job.note.empty() ? "" : ": ", job.note));
  if (open.empty() && left.empty()) out.notes.emplace_back("its jobs have ended");
  release(held, {});
  out.settled = left.empty();
  return out;
}

std::vector<Job> ReplicationManager::import(const std::vector<BackupInfo>& backups, int& known) {
  std::vector<Job> added;
  const auto now = clock_.now();
  for (const auto& backup : backups) {
    for (const auto& replica : backup.replicas) {
      if (!replica.complete) continue;
      JobFilter filter;
      filter.subscription = backup.subscription;
      filter.vm_key = backup.set.vm_key;
      filter.set = backup.name;
      filter.target_region = replica.region;
      const auto rows = store_.list(filter);
      if (std::any_of(rows.begin(), rows.end(),
                      [](const Job& job) { return job.status != Status::failed; })) {
        ++known;
        continue;
      }
      added.push_back(store_.enqueue(job_of_replica(replica), now).first);
    }
  }
  return added;
}

Rebuilt ReplicationManager::rebuild(const std::string& subscription, std::stop_token stop) {
  Rebuilt out;
  auto backups = backup::to_backups(backups_.snapshots().list_all(subscription, stop), clock_.now());
  std::reverse(backups.begin(), backups.end());  // ids in the order of the data
  out.jobs = import(backups, out.known);
  return out;
}

}  // namespace azlin::replication
