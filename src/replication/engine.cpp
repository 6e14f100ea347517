#include "replication/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "azlin/arm/error.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/replication/replica.hpp"

namespace azlin::replication {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr int kParallelCalls = 16;
constexpr core::Millis kWaitForOthers = std::chrono::seconds{30};
constexpr core::Millis kMarkTime = std::chrono::hours{48};
constexpr core::Millis kMarkRenewal = std::chrono::hours{12};
constexpr core::Millis kLookAgain = std::chrono::minutes{5};  // at a mark of somebody else

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
  std::string error;  // empty: `copy` is there
  bool transient = false;
  bool wait = false;  // another copy has to end first: no attempt
};

std::vector<Job> Engine::look(std::vector<Job> jobs, int max_parallel, std::stop_token stop) {
  std::sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) {
    return std::tie(a.data_time, a.id) < std::tie(b.data_time, b.id);
  });
  for (auto& job : jobs) {
    if (job.cancel_requested) cancel(job);
  }
  observe(jobs, stop);
  for (auto& job : jobs) settle(job);
  begin(jobs, max_parallel, stop);
  std::vector<Job> ended;
  for (auto& job : jobs) {
    settle(job);
    if (!job.ended()) guard_sources(job, stop);
    store_.save(job);
    if (job.ended()) ended.push_back(job);
  }
  return ended;
}

// ---- reading what runs

void Engine::observe(std::vector<Job>& jobs, std::stop_token stop) {
  std::vector<Place> running;
  for (auto& job : jobs) {
    for (auto& copy : job.copies) {
      if (copy.status == Status::in_progress) running.push_back({&job, &copy});
    }
  }
  std::vector<std::optional<azure::Snapshot>> seen(running.size());
  const auto errors = core::run_parallel(running.size(), kParallelCalls, stop, [&](std::size_t i) {
    seen[i] = azure::find_snapshot(arm_, running[i].copy->target_id, stop);
  });
  for (std::size_t i = 0; i < running.size(); ++i) {
    try {
      if (errors[i]) std::rethrow_exception(errors[i]);
      note_seen(*running[i].job, *running[i].copy, seen[i], stop);
    } catch (const Error& error) {
      if (ends_the_command(error)) throw;
      core::log_info("cannot read the copy {}: {}", running[i].copy->target_id, error.what());
    }
  }
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
  const auto errors = core::run_parallel(chosen.size(), kParallelCalls, stop, [&](std::size_t i) {
    outcomes[i] = start(*chosen[i].job, *chosen[i].copy, stop);
  });
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    auto& [job, copy] = chosen[i];
    if (errors[i]) continue;  // interrupted: the row says that it began, and the next look finds out
    if (outcomes[i].wait) {
      store_.drop_attempt(job->id, copy->lun, copy->attempts);
      --copy->attempts;
      copy->status = Status::pending;
      copy->started_at.reset();
      copy->not_before = clock_.now() + kWaitForOthers;
      copy->error = outcomes[i].error;
    } else if (!outcomes[i].error.empty()) {
      note_failed(*job, *copy, outcomes[i].error, outcomes[i].transient);
    } else {
      copy->adopted = outcomes[i].adopted || (copy->adopted && !outcomes[i].created);
      if (outcomes[i].adopted) copy->started_at = outcomes[i].copy->created_at;
      note_seen(*job, *copy, outcomes[i].copy, stop);
    }
  }
  for (const auto& error : errors) {
    if (!error) continue;
    for (auto& job : jobs) store_.save(job);
    std::rethrow_exception(error);
  }
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
    if (error.kind() == ErrorKind::interrupted) throw;
    outcome.error = with_code(error);
    outcome.wait = is_refusal(error) && in_the_way(job, copy, stop);
    outcome.transient = is_transient(error);
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
  outcome.copy = azure::create_snapshot(arm_, wanted, stop);
  outcome.created = true;
  return outcome;
}

// Whether a copy that we do not know of (another machine's, another tool's) is what the service refuses for.
bool Engine::in_the_way(const Job& job, const Copy& copy, std::stop_token stop) {
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
    job.error += remove_copies(job);
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
  unguard_sources(job);
  store_.save(job);
}

// Also after a stop: half a set is not left behind.
std::string Engine::remove_copies(Job& job) {
  std::string failures;
  auto& operation = operation_of(job);
  for (auto& copy : job.copies) {
    if (copy.adopted || copy.attempts == 0) continue;
    const auto seq = operation.begin(kDeleteStep, json{{"job", job.id}, {"id", copy.target_id}}.dump());
    try {
      const auto found = azure::find_snapshot(arm_, copy.target_id);
      const bool mine =
          found && ours(*found, job) && is_replica_of(*found, copy.source_id, copy.expected.source_unique_id);
      if (mine) azure::delete_snapshot(arm_, copy.target_id);
      operation.done(seq);
      if (copy.status == Status::in_progress)
        store_.end_attempt(job.id, copy.lun, copy.attempts, clock_.now(), "its job ended");
      if (mine && copy.status != Status::failed) copy.error = kDeleted;
      copy.status = Status::failed;
    } catch (const Error& error) {
      operation.failed(seq, error.what());
      failures += fmt::format("; {} could not be deleted: {}", name_of(copy.target_id), error.what());
    }
  }
  return failures;
}

// What cannot be deleted now keeps the job open: the next look tries again.
void Engine::cancel(Job& job) {
  if (job.ended()) return;
  const std::string failures = remove_copies(job);
  job.error = "cancelled" + failures;
  if (failures.empty()) {
    for (auto& copy : job.copies) {
      if (copy.status == Status::pending) copy.status = Status::failed;
    }
    job.status = Status::failed;
    job.completed_at = clock_.now();
    unguard_sources(job);
  }
  store_.save(job);
}

// ---- the sources of what waits: a running copy guards its source by itself

void Engine::guard_sources(Job& job, std::stop_token stop) {
  const auto now = clock_.now();
  const bool waits = std::any_of(job.copies.begin(), job.copies.end(),
                                 [](const Copy& copy) { return copy.status == Status::pending; });
  if (!waits || (job.marked_until && *job.marked_until > now + kMarkRenewal)) return;
  const auto until = now + kMarkTime;
  const std::string value =
      snapshot::to_tag(snapshot::InUseMark{mark_, std::chrono::floor<std::chrono::seconds>(until)});
  job.marked_until = until;
  store_.save(job);  // before the tags: a crash finds out that there are some to take off
  for (const auto& copy : job.copies) {
    try {
      const auto source = azure::find_snapshot(arm_, copy.source_id, stop);
      if (!source) continue;
      const auto tag = source->tags.find(snapshot::kInUseTag);
      const auto mark = tag == source->tags.end() ? std::nullopt : snapshot::parse_in_use(tag->second);
      if (mark && mark->what != mark_ && mark->until > now) {  // it guards as well, while it is there
        job.marked_until = now + kMarkRenewal + kLookAgain;
        continue;
      }
      azure::merge_tags(arm_, copy.source_id, {{snapshot::kInUseTag, value}}, stop);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      core::log_warn("cannot mark {} as in use: {}", copy.source_id, error.what());
      job.marked_until = now;  // the next look tries again
      return;
    }
  }
}

void Engine::unguard_sources(Job& job) {
  if (!job.marked_until) return;
  job.marked_until.reset();
  JobFilter others;  // to another region
  others.subscription = job.subscription;
  others.vm_key = job.vm_key;
  others.set = job.set;
  others.open_only = true;
  for (const auto& other : store_.list(others)) {
    if (other.id != job.id && other.marked_until) return;
  }
  for (const auto& copy : job.copies) {
    try {
      const auto source = azure::find_snapshot(arm_, copy.source_id);
      const auto tag = source ? source->tags.find(snapshot::kInUseTag) : azure::Tags::const_iterator{};
      if (!source || tag == source->tags.end()) continue;
      const auto mark = snapshot::parse_in_use(tag->second);
      if (mark && mark->what == mark_) azure::remove_tags(arm_, copy.source_id, {*tag});
    } catch (const Error& error) {
      core::log_warn("cannot take the mark off {} (it ends by itself): {}", copy.source_id, error.what());
    }
  }
}

}  // namespace azlin::replication
