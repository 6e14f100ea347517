#include "replication/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "azlin/arm/error.hpp"
#include "azlin/azure/snapshot_start.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/replication/replica.hpp"
#include "replication/left_behind.hpp"

namespace azlin::replication {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr int kParallelCalls = 16;
constexpr core::Millis kWaitForOthers = std::chrono::seconds{30};
constexpr int kParallelStarts = 32;

std::string name_of(const std::string& id) {
  return core::ResourceId::parse(id).name;
}

bool ours(const azure::Snapshot& snapshot, const Job& job) {
  const auto set = snapshot.tags.find(snapshot::kSetTag);
  return snapshot.tags.contains(snapshot::kReplicaOfTag) && set != snapshot.tags.end() &&
         set->second == job.set;
}

bool broken(const azure::Snapshot& snapshot) {
  return !snapshot.copy_error.empty() || snapshot.provisioning_state == "Failed";
}

// Whether trying again may help. The client has retried single requests already.
bool is_transient(const Error& error) {
  const auto* refused = dynamic_cast<const arm::ArmError*>(&error);
  if (refused == nullptr) return error.kind() == ErrorKind::failed;
  return refused->status() < 400 || refused->status() >= 500 || refused->status() == 408 ||
         refused->status() == 429;
}

bool is_refusal(const Error& error) {
  const auto* refused = dynamic_cast<const arm::ArmError*>(&error);
  return refused != nullptr && (refused->status() == 409 || refused->code() == "OperationNotAllowed");
}

bool ends_the_command(const Error& error) {
  return error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::unauthorized;
}

// No token, or one that is not taken. (A 403 is about this copy: its role or a policy.)
bool is_signed_out(const Error& error) {
  const auto* refused = dynamic_cast<const arm::ArmError*>(&error);
  return error.kind() == ErrorKind::unauthorized && (refused == nullptr || refused->status() == 401);
}

std::string lun_prefix(const Job& job, const Copy& copy) {
  if (job.copies.size() == 1) return {};
  return copy.lun < 0 ? "OS disk: " : fmt::format("LUN {}: ", copy.lun);
}

std::string with_code(const Error& error) {
  const auto* refused = dynamic_cast<const arm::ArmError*>(&error);
  if (refused == nullptr || refused->code().empty() ||
      std::string(error.what()).find(refused->code()) != std::string::npos)
    return error.what();
  return fmt::format("{} ({})", error.what(), refused->code());
}

}  // namespace

core::Millis retry_delay(int attempts) {
  return attempts <= 1 ? std::chrono::seconds{5} : std::chrono::seconds{30};
}

// What came of asking for a copy.
struct Engine::Outcome {
  std::optional<azure::Snapshot> copy;
  bool adopted = false, created = false;
  std::optional<arm::Operation> accepted;  // it has not answered yet; `copy` is not there then
  std::string error;                       // empty: `copy` is there
  bool transient = false;
  bool wait = false;  // another copy has to end first: no attempt
};

std::vector<Job> Engine::look(std::vector<Job> jobs, int max_parallel, std::stop_token stop) {
  std::sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) {
    return std::tie(a.data_time, a.id) < std::tie(b.data_time, b.id);
  });
  saved_ = jobs;
  for (auto& job : jobs) {
    if (job.cancel_requested) cancel(job);
  }
  observe(jobs, stop);
  save_open(jobs);
  for (auto& job : jobs) settle(job);
  std::exception_ptr stopped;
  try {
    begin(jobs, max_parallel, stop);  // before what can wait: a free place is money
  } catch (const Error&) {
    stopped = std::current_exception();
  }
  for (auto& job : jobs) settle(job);
  try {
    guard_sources(jobs, stop);
  } catch (const Error&) {
    stopped = std::current_exception();
  }
  save_open(jobs);
  std::vector<Job> ended;
  for (auto& job : jobs) {
    if (!job.ended()) continue;
    store_.save(job);  // last: until then the next look does again what a crash left
    ended.push_back(job);
  }
  if (stopped) std::rethrow_exception(stopped);
  return ended;
}

// Rows that changed, of jobs that go on.
void Engine::save_open(const std::vector<Job>& jobs) {
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].ended() || jobs[i] == saved_[i]) continue;
    store_.save(jobs[i]);
    saved_[i] = jobs[i];
  }
}

void Engine::guard_sources(std::vector<Job>& jobs, const std::stop_token& stop) {
  const auto errors = core::run_parallel(jobs.size(), kParallelCalls, {}, [&](std::size_t i) {
    jobs[i].ended() ? guard_.unguard(jobs[i]) : guard_.guard(jobs[i], stop);
  });
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

// ---- reading what runs

void Engine::observe(std::vector<Job>& jobs, std::stop_token stop) {
  std::vector<Place> running;
  for (auto& job : jobs) {
    for (auto& copy : job.copies) {
      if (copy.status == Status::in_progress) running.push_back({&job, &copy});
    }
  }
  std::vector<std::string> ids;
  for (const auto& place : running) ids.push_back(place.copy->target_id);
  const auto listed = watch_.lists.running(arm_, ids, stop);
  std::vector<Outcome> outcomes(running.size());
  const auto errors = core::run_parallel(running.size(), kParallelCalls, stop, [&](std::size_t i) {
    const auto found = listed.find(core::to_lower(ids[i]));
    if (found != listed.end())
      outcomes[i].copy = found->second;
    else
      outcomes[i] = read(*running[i].job, *running[i].copy, stop);
  });
  for (std::size_t i = 0; i < running.size(); ++i) {
    auto& [job, copy] = running[i];
    try {
      if (errors[i]) std::rethrow_exception(errors[i]);
      if (!outcomes[i].error.empty() ||
          (outcomes[i].copy && outcomes[i].copy->provisioning_state != "Updating"))
        watch_.accepted.erase({job->id, copy->lun});
      if (!outcomes[i].error.empty()) {
        note_refused(*job, *copy, outcomes[i]);
      } else {
        note_seen(*job, *copy, outcomes[i].copy, stop);
      }
    } catch (const Error& error) {
      if (ends_the_command(error)) throw;
      core::log_info("cannot read the copy {}: {}", copy->target_id, error.what());
    }
  }
}

// A copy that is not there, or has failed, while the request for it is still open: that one knows why.
Engine::Outcome Engine::read(const Job& job, const Copy& copy, std::stop_token stop) const {
  Outcome outcome;
  outcome.copy = azure::find_snapshot(arm_, copy.target_id, stop);
  const auto accepted = watch_.accepted.find({job.id, copy.lun});
  if (accepted == watch_.accepted.end() || (outcome.copy && !broken(*outcome.copy))) return outcome;
  try {
    outcome.copy = azure::end_snapshot(arm_, accepted->second, stop);
  } catch (const Error& error) {
    if (ends_the_command(error)) throw;
    fill_error(outcome, error, job, copy, stop);
  }
  return outcome;
}

void Engine::fill_error(Outcome& outcome, const Error& error, const Job& job, const Copy& copy,
                        std::stop_token stop) const {
  outcome.error = with_code(error);
  outcome.wait = is_refusal(error) && in_the_way(job, copy, std::move(stop));
  outcome.transient = is_transient(error);
}

void Engine::note_seen(Job& job, Copy& copy, const std::optional<azure::Snapshot>& seen,
                       std::stop_token stop) {
  const auto now = clock_.now();
  if (!seen) return note_failed(job, copy, fmt::format("{} is not there", name_of(copy.target_id)), true);
  if (!is_replica_of(*seen, copy.source_id, copy.expected.source_unique_id)) {
    return note_failed(job, copy, fmt::format("{} is a snapshot of something else", seen->name), false);
  }
  const double percent = seen->complete() ? 100.0 : seen->completion_percent.value_or(0.0);
  if (percent > copy.percent || !copy.last_progress_at) copy.last_progress_at = now;
  copy.percent = percent;
  if (broken(*seen)) {
    const std::string why = seen->copy_error.empty() ? seen->name + " is in state Failed" : seen->copy_error;
    const bool source_left = azure::find_snapshot(arm_, copy.source_id, stop).has_value();
    return note_failed(job, copy, why, source_left);
  }
  if (!seen->complete()) return;
  const auto unlike = differences(copy.expected, *seen);
  if (!unlike.empty()) {
    return note_failed(
        job, copy, fmt::format("{} differs from its source: {}", seen->name, fmt::join(unlike, "; ")), false);
  }
  copy.status = Status::completed;
  copy.completed_at = now;
  copy.error.clear();
  store_.end_attempt(job.id, copy.lun, copy.attempts, now, {});
}

void Engine::note_failed(Job& job, Copy& copy, const std::string& why, bool transient) {
  const auto now = clock_.now();
  store_.end_attempt(job.id, copy.lun, copy.attempts, now, why);
  copy.error = why;
  copy.percent = 0;
  copy.last_progress_at.reset();
  if (transient && copy.attempts < kMostAttempts) {
    copy.status = Status::pending;
    copy.not_before = now + retry_delay(copy.attempts);
    core::log_info("copy of {}: attempt {} failed: {}", copy.source_id, copy.attempts, why);
    return;
  }
  copy.status = Status::failed;
  copy.completed_at = now;
}

// ---- beginning what may begin

// Jobs come oldest data first, so the first pending copy of a family is the one whose turn it is.
std::vector<Engine::Place> Engine::choose(std::vector<Job>& jobs, int max_parallel) {
  const auto now = clock_.now();
  int running = 0;
  std::set<std::string> busy;  // families
  for (const auto& job : jobs) {
    for (const auto& copy : job.copies) {
      if (copy.status != Status::in_progress) continue;
      ++running;
      busy.insert(copy.family);
    }
  }
  std::map<std::pair<std::string, std::string>, int> into;  // subscription and region
  std::vector<Place> chosen;
  for (auto& job : jobs) {
    if (job.ended() || job.cancel_requested) continue;
    auto [count, fresh] = into.try_emplace({job.subscription, job.target_region}, 0);
    if (fresh) count->second = store_.in_flight(job.subscription, job.target_region);
    for (auto& copy : job.copies) {
      if (copy.status != Status::pending || !busy.insert(copy.family).second) continue;
      if (copy.not_before && now < *copy.not_before) continue;
      if (running >= max_parallel || count->second >= kMostIntoARegion) continue;
      ++running;
      ++count->second;
      chosen.push_back({&job, &copy});
    }
  }
  return chosen;
}

void Engine::begin(std::vector<Job>& jobs, int max_parallel, std::stop_token stop) {
  const auto chosen = choose(jobs, max_parallel);
  for (const auto& [job, copy] : chosen) {
    const auto now = clock_.now();
    copy->status = Status::in_progress;
    copy->started_at = now;
    copy->last_progress_at.reset();
    copy->not_before.reset();
    ++copy->attempts;
    if (job->status == Status::pending) job->started_at = now;
    job->status = Status::in_progress;
    job->operation = operation_of(*job).id();
    store_.save(*job);  // before the call: a crash finds the row
    store_.begin_attempt(job->id, copy->lun, copy->attempts, now);
  }
  std::vector<Outcome> outcomes(chosen.size());
  const auto errors = core::run_parallel(chosen.size(), kParallelStarts, stop, [&](std::size_t i) {
    outcomes[i] = start(*chosen[i].job, *chosen[i].copy, stop);
  });
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    auto& [job, copy] = chosen[i];
    const Outcome& outcome = outcomes[i];
    if (errors[i]) continue;  // interrupted: the row says that it began, and the next look finds out
    if (!outcome.error.empty()) {
      note_refused(*job, *copy, outcome);
    } else if (outcome.accepted) {
      watch_.accepted.insert_or_assign({job->id, copy->lun}, *outcome.accepted);
      copy->adopted = false;
    } else {
      copy->adopted = outcome.adopted || (copy->adopted && !outcome.created);
      if (outcome.adopted) copy->started_at = outcome.copy->created_at;
      note_seen(*job, *copy, outcome.copy, stop);
    }
  }
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

void Engine::note_refused(Job& job, Copy& copy, const Outcome& outcome) {
  if (!outcome.wait) return note_failed(job, copy, outcome.error, outcome.transient);
  store_.drop_attempt(job.id, copy.lun, copy.attempts);
  --copy.attempts;
  copy.status = Status::pending;
  copy.started_at.reset();
  copy.not_before = clock_.now() + kWaitForOthers;
  copy.error = outcome.error;
}

Engine::Outcome Engine::start(const Job& job, const Copy& copy, std::stop_token stop) {
  auto& operation = operation_of(job);
  const auto seq = operation.begin(
      kStartStep, json{{"job", job.id}, {"id", copy.target_id}, {"source", copy.source_id}}.dump());
  Outcome outcome;
  try {
    outcome = adopt_or_create(job, copy, stop);
  } catch (const Error& error) {
    operation.failed(seq, error.what());
    if (error.kind() == ErrorKind::interrupted || is_signed_out(error)) throw;
    fill_error(outcome, error, job, copy, stop);
    return outcome;
  }
  outcome.error.empty() ? operation.done(seq) : operation.failed(seq, outcome.error);
  return outcome;
}

Engine::Outcome Engine::adopt_or_create(const Job& job, const Copy& copy, std::stop_token stop) {
  Outcome outcome;
  const auto source = azure::find_snapshot(arm_, copy.source_id, stop);
  auto existing = azure::find_snapshot(arm_, copy.target_id, stop);
  if (existing && !is_replica_of(*existing, copy.source_id, copy.expected.source_unique_id)) {
    outcome.error =
        fmt::format("the name {} is taken in {} by a snapshot of something else", name_of(copy.target_id),
                    core::ResourceId::parse(copy.target_id).resource_group);
    return outcome;
  }
  if (existing && existing->complete() && !source) {  // nothing left to do, and nothing to ask the source
    outcome.copy = std::move(existing);
    outcome.adopted = true;
    return outcome;
  }
  if (!source ||
      (!copy.expected.source_unique_id.empty() && source->unique_id != copy.expected.source_unique_id)) {
    outcome.error = fmt::format("the source {} is gone", name_of(copy.source_id));
    return outcome;
  }
  const auto wanted =
      replica_request(*source, copy.target_id, job.target_region, copy.expected.encryption_set_id);
  if (existing && !broken(*existing)) {
    if (!existing->tags.contains(snapshot::kReplicaOfTag))  // made by another tool
      azure::merge_tags(arm_, existing->id, wanted.tags, stop);
    outcome.copy = std::move(existing);
    outcome.adopted = copy.attempts == 1;  // else it is what an earlier attempt of ours left
    return outcome;
  }
  if (existing) azure::delete_snapshot(arm_, existing->id, stop);
  const auto operation = azure::begin_snapshot(arm_, wanted, stop);
  outcome.created = true;
  if (follows_up_ && !operation.done && operation.next_delay > core::Millis{0}) {
    outcome.accepted = operation;
  } else {
    outcome.copy = azure::end_snapshot(arm_, operation, stop);
  }
  return outcome;
}

// Whether a copy that we do not know of (another machine's, another tool's) is what the service refuses for.
bool Engine::in_the_way(const Job& job, const Copy& copy, std::stop_token stop) const {
  std::set<std::string> family;
  std::vector<std::string> sources;
  int into_region = 0;
  azure::list_snapshots(
      arm_, job.subscription, std::nullopt,
      [&](azure::Snapshot&& each) {
        if (family_of(each) == copy.family) family.insert(core::to_lower(each.id));
        if (each.create_option != "CopyStart" || each.complete() || broken(each)) return true;
        sources.push_back(core::to_lower(each.source_id));
        into_region += core::equal_ignoring_case(each.location, job.target_region) ? 1 : 0;
        return true;
      },
      stop);
  return into_region >= kMostIntoARegion ||
         std::any_of(sources.begin(), sources.end(), [&](const auto& id) { return family.contains(id); });
}

// ---- ending

void Engine::settle(Job& job) {
  if (job.ended()) return;
  const auto failed = std::find_if(job.copies.begin(), job.copies.end(),
                                   [](const Copy& copy) { return copy.status == Status::failed; });
  if (failed != job.copies.end()) {
    job.error = lun_prefix(job, *failed) + failed->error;
    if (failed->attempts > 1) job.error += fmt::format(" (after {} attempts)", failed->attempts);
    const std::string failures = remove_copies(job).failures;
    job.error += failures;
    job.left_behind = !failures.empty();
    job.status = Status::failed;
  } else if (!job.copies.empty() && std::all_of(job.copies.begin(), job.copies.end(), [](const Copy& copy) {
               return copy.status == Status::completed;
             })) {
    job.status = Status::completed;
    job.error.clear();
  } else {
    return;
  }
  job.completed_at = clock_.now();
}

// Also after a stop: half a set is not left behind.
Engine::Removal Engine::remove_copies(Job& job) {
  Removal removal;
  auto& operation = operation_of(job);
  for (auto& copy : job.copies) {
    if (copy.adopted || copy.attempts == 0) continue;
    const auto seq = operation.begin(kDeleteStep, json{{"job", job.id}, {"id", copy.target_id}}.dump());
    try {
      const auto found = azure::find_snapshot(arm_, copy.target_id);
      const bool mine =
          found && ours(*found, job) && is_replica_of(*found, copy.source_id, copy.expected.source_unique_id);
      if (mine) azure::delete_snapshot(arm_, copy.target_id);
      removal.deleted = removal.deleted || mine;
      operation.done(seq);
      if (copy.status == Status::in_progress)
        store_.end_attempt(job.id, copy.lun, copy.attempts, clock_.now(), "its job ended");
      if (mine && copy.status != Status::failed) copy.error = kDeleted;
      copy.status = Status::failed;
    } catch (const Error& error) {
      operation.failed(seq, error.what());
      removal.failures += fmt::format("; {} could not be deleted: {}", name_of(copy.target_id), error.what());
    }
  }
  return removal;
}

void Engine::remove_left_behind(std::vector<Job> jobs) {
  for (auto& job : jobs) {
    const Job before = job;
    try {
      remove_left_behind(job);
    } catch (const Error& error) {
      core::log_info("what job {} left stays for now: {}", job.id, error.what());
    }
    if (!(job == before)) store_.save(job);
  }
}

void Engine::remove_left_behind(Job& job) {
  const Job newest = store_.newest_of_set(job);
  if (!newest.ended()) return;  // it may fail, too
  const bool taken_over = newest.status == Status::completed;
  const auto left = taken_over ? LeftBehind{} : look_at_left_behind(arm_, job, clock_.now());
  job.left_behind = false;
  job.note.clear();
  if (taken_over) return;
  if (left.complete) {
    job.note = fmt::format("what it left stays: the set is complete in {}", job.target_region);
  } else if (!left.why_kept.empty()) {
    job.left_behind = true;
    job.note = "what it left stays for now: " + left.why_kept;
  } else {
    const auto removal = remove_copies(job);
    job.left_behind = !removal.failures.empty();
    if (removal.deleted && !job.left_behind) job.note = "what it left was deleted later";
  }
}

// What cannot be deleted now keeps the job open: the next look tries again.
void Engine::cancel(Job& job) {
  if (job.ended()) return;
  const std::string failures = remove_copies(job).failures;
  job.error = "cancelled" + failures;
  if (failures.empty()) {
    for (auto& copy : job.copies) {
      if (copy.status == Status::pending) copy.status = Status::failed;
    }
    job.status = Status::failed;
    job.completed_at = clock_.now();
  } else {
    store_.save(job);
  }
}

}  // namespace azlin::replication
