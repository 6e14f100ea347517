#include "azlin/verification/manager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "azlin/core/cancel.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/snapshot/manager.hpp"
#include "azlin/snapshot/tags.hpp"
#include "verification/contents.hpp"
#include "verification/history.hpp"
#include "verification/plan.hpp"
#include "verification/sas_pool.hpp"
#include "verification/test_disk.hpp"

namespace azlin::verification {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr int kParallelDisks = 8;
constexpr core::Millis kTestDiskLife = std::chrono::hours{1};
constexpr core::Millis kMarkTime = std::chrono::hours{1};
constexpr core::Millis kFullMarkTime = std::chrono::hours{8};

std::string lun_text(int lun) {
  return lun < 0 ? "OS disk" : fmt::format("LUN {}", lun);
}

std::string new_mark_id() {
  return "v-" + core::new_guid().substr(0, 8);
}

// What the set lacks of what a restore needs.
std::vector<std::string> gaps(const snapshot::SnapshotSet& set) {
  std::vector<std::string> found;
  if (set.os_disk() == nullptr) found.emplace_back("the snapshot of the OS disk is missing");
  if (static_cast<int>(set.members.size()) != set.expected)
    found.push_back(fmt::format("snapshots of the set are missing (expected {}, got {})", set.expected,
                                set.members.size()));
  for (const auto& member : set.members) {
    const auto& snapshot = member.snapshot;
    if (!snapshot.copy_error.empty()) {
      found.push_back(fmt::format("{}: its copy failed: {}", snapshot.name, snapshot.copy_error));
    } else if (snapshot.provisioning_state != "Succeeded") {
      found.push_back(
          fmt::format("{} is in state {} (expected Succeeded)", snapshot.name, snapshot.provisioning_state));
    }
  }
  return found;
}

std::string action_for(const Verification& run) {
  if (run.outcome == Outcome::failed) {
    return run.replica ? "Replicate it again: azlin backup replicate " + run.backup
                       : "Recreate backup: azlin backup trigger " + run.vm;
  }
  return "Verify it again once that is mended: azlin backup verify " + run.backup;
}

// The flag of every disk; nullopt when a disk has none and no other says no.
std::optional<bool> all_of(const std::vector<DiskCheck>& disks, std::optional<bool> DiskCheck::*flag) {
  std::optional<bool> result = true;
  for (const auto& disk : disks) {
    if (disk.*flag == false) return false;
    if (!(disk.*flag)) result = std::nullopt;
  }
  return disks.empty() ? std::nullopt : result;
}

// The first thing of each disk that is to be said, with the disk's place where there are several.
std::string first_text(const std::vector<DiskCheck>& disks,
                       const std::function<std::string(const DiskCheck&)>& text_of) {
  std::string all;
  for (const auto& disk : disks) {
    const auto text = text_of(disk);
    if (text.empty()) continue;
    all += (all.empty() ? "" : "; ") + (disks.size() > 1 ? lun_text(disk.lun) + ": " : "") + text;
  }
  return all;
}

void summarise(Verification& run) {
  const auto& disks = run.disks;
  run.readable = all_of(disks, &DiskCheck::readable);
  run.size_matches = all_of(disks, &DiskCheck::size_matches);
  run.test_disk_created = !disks.empty() && std::all_of(disks.begin(), disks.end(), [](const auto& disk) {
    return disk.test_disk_created;
  });
  run.test_disk_deleted =
      run.test_disk_created &&
      std::all_of(disks.begin(), disks.end(), [](const auto& disk) { return disk.test_disk_deleted; });
  run.reached = Level::full;
  for (const auto& disk : disks) {
    run.reached = std::min(run.reached, disk.reached);
    run.size_gb += disk.size_gb;
  }
  const auto failures = first_text(disks, [](const DiskCheck& disk) {
    if (disk.failures.empty()) return std::string();
    const auto more = disk.failures.size() - 1;
    return disk.failures.front() + (more == 0 ? "" : fmt::format(" (and {} more)", more));
  });
  const auto errors = first_text(disks, [](const DiskCheck& disk) { return disk.error; });
  run.cleanup_error = first_text(disks, [](const DiskCheck& disk) { return disk.cleanup_error; });
  if (!failures.empty()) run.error += (run.error.empty() ? "" : "; ") + failures;
  if (!run.error.empty()) {
    run.outcome = Outcome::failed;
  } else if (!errors.empty() || disks.empty()) {
    run.outcome = Outcome::inconclusive;
    run.error = errors;
  } else {
    run.outcome = Outcome::passed;
  }
  if (run.outcome != Outcome::passed) {
    run.reached = Level::none;
    run.action = action_for(run);
  }
}

}  // namespace

struct VerificationManager::Run {
  const VerifyOptions& options;
  Level needed = Level::none;  // to take back that it failed
  snapshot::SnapshotSet set;   // as it is now
  VerifyPlan plan;
  store::Operation& operation;
  Verification result;
  std::optional<Error> interrupted;
};

VerificationManager::VerificationManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                                         const std::string& database_path)
    : arm_(arm),
      journal_(journal),
      clock_(clock),
      history_(std::make_unique<History>(database_path)),
      pool_(std::make_unique<SasPool>(arm, clock)) {}

VerificationManager::~VerificationManager() = default;

void VerificationManager::settle_earlier(const std::string& lock_key, std::stop_token stop) {
  for (const auto& record : journal_.interrupted()) {
    if (!recovers(record.kind) || parse_verify_plan(record.plan).lock_key() != lock_key) continue;
    const auto done = recover(record, stop);
    if (!done.settled) {
      throw Error(ErrorKind::busy,
                  fmt::format("an earlier verification left something behind that cannot be removed: {}",
                              fmt::join(done.notes, "; ")),
                  "try again later with `azlin recover`");
    }
  }
}

namespace {

// The caller's list may be old: states and tags are read again.
snapshot::SnapshotSet fresh(arm::ArmClient& arm, const snapshot::SnapshotSet& set, std::stop_token stop) {
  snapshot::SnapshotSet now = set;
  now.members.clear();
  for (const auto& member : set.members) {
    if (auto found = azure::find_snapshot(arm, member.snapshot.id, stop))
      now.members.push_back({member.lun, std::move(*found)});
  }
  if (now.members.empty())
    throw Error(ErrorKind::not_found,
                fmt::format("backup {} is gone: none of its snapshots is there", set.name));
  return now;
}

// As listed, where the VM's snapshots are listed anew; what it lacks may have been missing in an answer only.
snapshot::SnapshotSet listed_again(snapshot::SnapshotManager snapshots, const VmRef& vm,
                                   const snapshot::SnapshotSet& listed, std::stop_token stop) {
  for (auto& set : snapshots.list(vm, stop)) {
    if (set.name == listed.name && set.location == listed.location && set.replica() == listed.replica())
      return std::move(set);
  }
  return listed;
}

// What differs is asked for again, on both sides, before it is a verdict: an answer may have been damaged.
snapshot::Member look_again(arm::ArmClient& arm, const snapshot::SnapshotSet& set,
                            const snapshot::Member& member, const std::string& disk_id, DiskCheck& out,
                            std::stop_token stop) {
  const auto now = fresh(arm, set, stop);
  const auto found = std::find_if(now.members.begin(), now.members.end(),
                                  [&](const auto& each) { return each.snapshot.id == member.snapshot.id; });
  const auto disk = azure::find_disk(arm, disk_id, stop);
  if (found == now.members.end() || !disk)
    throw Error(ErrorKind::failed, fmt::format("{} cannot be compared with its test disk: {} is not there",
                                               member.snapshot.name, disk ? "the snapshot" : "the disk"));
  check_properties(*disk, *found, now.vm(), out);
  return {member.lun, found->snapshot};
}

// A lesser look takes no failure back: it did not look where the failure was. Where another machine found it,
// its level is not known.
Level level_of_failure(History& history, const VmRef& vm, const snapshot::SnapshotSet& set) {
  const auto mark = set.verified();
  if (!mark || mark->level != "failed") return Level::none;
  return history.failed_at(vm.resource_group, set.name, set.location).value_or(Level::content);
}

void check_free(const snapshot::SnapshotSet& set, core::TimePoint now) {
  if (const auto use = set.in_use(now); !use.empty())
    throw Error(ErrorKind::busy, fmt::format("{} in {} is not free: it is {}", set.name, set.location, use),
                "try again when that has ended");
}

}  // namespace

void VerificationManager::check_members(Run& run, std::stop_token stop) {
  const auto vm = run.set.vm();
  const auto say = [&](const std::string& line) {
    if (run.options.notify) run.options.notify(line);
  };
  std::vector<std::optional<ErrorKind>> kinds(run.set.members.size());  // each disk writes its own
  const auto check = [&](std::size_t i) {
    snapshot::Member member = run.set.members[i];
    const auto& planned = run.plan.disks[i];
    DiskCheck& out = run.result.disks[i];
    try {
      say(fmt::format("{}: creating a test disk", member.snapshot.name));
      const auto seq = run.operation.begin(
          "create-disk", json{{"id", planned.disk_id}, {"snapshot", planned.snapshot_id}}.dump());
      const auto disk = azure::create_disk(arm_, test_disk(member, {run.plan.mark_id, run.plan.until}), stop);
      run.operation.done(seq);
      out.test_disk_created = true;
      const DiskCheck before = out;
      check_properties(disk, member, vm, out);
      if (!out.failures.empty()) {
        const auto first = std::exchange(out, before).failures.front();
        try {
          member = look_again(arm_, run.set, member, planned.disk_id, out, stop);
        } catch (const Error& error) {
          if (error.kind() == ErrorKind::interrupted) throw;
          kinds[i] = error.kind();
          out.error = fmt::format("{}, but it could not be looked at again: {}", first, error.what());
        }
      }
      say(fmt::format("{}: deleting the test disk", member.snapshot.name));
      remove_test_disk(arm_, planned.disk_id, run.plan.mark_id);
      run.operation.undone(seq);
      out.test_disk_deleted = true;
    } catch (const Error& error) {
      // Its cleanup is tried once more at the end; until then it is what stands here.
      (out.test_disk_created ? out.cleanup_error : out.error) = error.what();
      if (!out.test_disk_created) kinds[i] = error.kind();
      if (error.kind() == ErrorKind::interrupted) throw;
    }
    if (!out.error.empty()) return;
    if (out.failures.empty()) out.reached = Level::disk;
    if (run.options.level == Level::disk) return;
    try {
      say(fmt::format("{}: reading its contents", member.snapshot.name));
      ContentsCheck contents(arm_, clock_, *pool_, *history_, run.operation);
      contents.run({member.snapshot, fmt::format("{}#{}", run.set.vm_key, member.lun),
                    run.options.level == Level::full, run.options.readers, run.options.notify},
                   out, stop);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      kinds[i] = error.kind();
      out.error = error.what();
    }
    if (!out.failures.empty()) out.reached = Level::none;
  };
  const auto results = core::run_parallel(run.set.members.size(), kParallelDisks, stop, check);
  for (const auto& kind : kinds) {
    if (kind) run.result.error_kind = *kind;
  }
  for (const auto& result : results) {
    if (result) std::rethrow_exception(result);
  }
}

// In every case, and not to be interrupted.
void VerificationManager::clean_up(Run& run) {
  for (std::size_t i = 0; i < run.set.members.size(); ++i) {
    DiskCheck& out = run.result.disks[i];
    if (out.test_disk_deleted) continue;
    try {
      remove_test_disk(arm_, run.plan.disks[i].disk_id, run.plan.mark_id);
      out.test_disk_deleted = out.test_disk_created;
      if (out.test_disk_created) out.cleanup_error.clear();
    } catch (const Error& error) {
      const auto& id = run.plan.disks[i].disk_id;
      out.cleanup_error =
          fmt::format("test disk {} is not deleted: {}", id.substr(id.rfind('/') + 1), error.what());
    }
  }
}

// Says on the snapshots what was found, and takes the mark off.
void VerificationManager::finish(Run& run, core::TimePoint started) {
  summarise(run.result);
  if (run.interrupted) run.result.outcome = Outcome::inconclusive;  // half a look proves nothing
  if (run.result.outcome == Outcome::passed && run.needed > Level::disk && run.result.readable != true) {
    run.result.outcome = Outcome::inconclusive;
    run.result.error = fmt::format("it failed at level {} before, and its contents could not be read now",
                                   to_string(run.needed));
    run.result.action = action_for(run.result);
  }
  run.result.at = clock_.now();
  run.result.duration = run.result.at - started;
  const auto at = std::chrono::floor<std::chrono::seconds>(run.result.at);
  for (std::size_t i = 0; i < run.set.members.size(); ++i) {
    const auto& disk = run.result.disks[i];
    const auto& id = run.set.members[i].snapshot.id;
    const bool bad = !disk.failures.empty() || (run.result.outcome == Outcome::failed && i == 0);
    const std::string level = bad ? "failed" : to_string(disk.reached);
    try {
      if (run.result.outcome != Outcome::inconclusive && (bad || disk.reached != Level::none))
        azure::merge_tags(arm_, id,
                          {{snapshot::kVerifiedTag, snapshot::to_tag(snapshot::VerifiedMark{level, at})}});
      azure::remove_tags(arm_, id, {{snapshot::kInUseTag, run.plan.in_use}});
    } catch (const Error& error) {
      run.result.cleanup_error +=
          fmt::format("{}the tags of {} cannot be written: {}", run.result.cleanup_error.empty() ? "" : "; ",
                      run.set.members[i].snapshot.name, error.what());
    }
  }
}

Verification VerificationManager::verify(const VmRef& vm, const snapshot::SnapshotSet& listed,
                                         const VerifyOptions& asked, std::stop_token stop) {
  const auto started = clock_.now();
  VerifyPlan plan;
  plan.backup = listed.name;
  plan.region = listed.location;
  plan.anchor = listed.members.empty() ? listed.name : listed.members.front().snapshot.id;
  settle_earlier(plan.lock_key(), stop);
  auto set = fresh(arm_, listed, stop);
  if (!gaps(set).empty()) set = fresh(arm_, listed_again({arm_, journal_, clock_}, vm, listed, stop), stop);
  check_free(set, clock_.now());
  VerifyOptions options = asked;
  const Level needed = level_of_failure(*history_, vm, set);
  options.level = std::max(asked.level, needed);
  if (options.level != asked.level && options.notify)
    options.notify(fmt::format("{}: it failed at level {} before, so it is verified at that level", set.name,
                               to_string(needed)));
  plan.mark_id = new_mark_id();
  plan.until = clock_.now() + kTestDiskLife;
  const auto mark_time = options.level == Level::full ? kFullMarkTime : kMarkTime;
  plan.in_use = snapshot::to_tag(
      snapshot::InUseMark{"verify:" + plan.mark_id.substr(2),
                          std::chrono::floor<std::chrono::seconds>(clock_.now() + mark_time)});
  for (const auto& member : set.members)
    plan.disks.push_back({member.snapshot.id, test_disk(member, {plan.mark_id, plan.until}).id});

  auto operation = journal_.start("backup.verify", vm.id(), to_json(plan), plan.lock_key());
  Run run{options, needed, set, plan, operation, {}, {}};
  auto& result = run.result;
  result.operation = operation.id();
  result.backup = set.name;
  result.vm = vm.name;
  result.resource_group = vm.resource_group;
  result.region = set.location;
  result.replica = set.replica();
  result.asked = options.level;
  for (const auto& member : set.members) {
    DiskCheck disk;
    disk.lun = member.lun;
    disk.snapshot = member.snapshot.name;
    disk.snapshot_id = member.snapshot.id;
    disk.size_gb = member.snapshot.size_gb;
    result.disks.push_back(std::move(disk));
  }
  try {
    for (const auto& member : set.members)
      azure::merge_tags(arm_, member.snapshot.id, {{snapshot::kInUseTag, plan.in_use}}, stop);
    result.error = fmt::format("{}", fmt::join(gaps(set), "; "));
    if (result.error.empty()) check_members(run, stop);
  } catch (const Error& error) {
    run.interrupted = error;
  } catch (const std::exception& error) {
    run.interrupted = Error(ErrorKind::failed, error.what());
  }
  clean_up(run);
  finish(run, started);
  if (run.interrupted) {
    result.cleanup_error.empty() ? operation.rolled_back(run.interrupted->what())
                                 : operation.interrupt(result.cleanup_error);
    throw Error(*run.interrupted);
  }
  result.id = history_->add(result);
  if (!result.cleanup_error.empty()) {
    operation.interrupt(result.cleanup_error);
  } else if (result.outcome == Outcome::inconclusive) {
    operation.fail(result.error);
  } else {
    operation.succeed();
  }
  return result;
}

Level VerificationManager::level_to_take(const VmRef& vm, const snapshot::SnapshotSet& set, Level asked) {
  return std::max(asked, level_of_failure(*history_, vm, set));
}

std::vector<PlannedStep> VerificationManager::plan(const snapshot::SnapshotSet& set, Level level) {
  std::vector<PlannedStep> steps;
  for (const auto& member : set.members) {
    const auto& snapshot = member.snapshot.id;
    const auto disk = test_disk(member, {"v-ID", {}}).id;
    steps.push_back({"PUT", disk});
    steps.push_back({"DELETE", disk});
    if (level != Level::disk) {
      steps.push_back({"POST", snapshot + "/beginGetAccess"});
      steps.push_back({"POST", snapshot + "/endGetAccess"});
    }
    steps.push_back({"PATCH", snapshot + "/providers/Microsoft.Resources/tags/default"});
  }
  return steps;
}

std::vector<Verification> VerificationManager::history(int days, const std::optional<std::string>& vm) {
  if (days < 1) throw Error(ErrorKind::usage, fmt::format("days is {}: it must be 1 or more", days));
  return history_->since(clock_.now() - std::chrono::hours{24} * days, vm);
}

std::size_t VerificationManager::rebuild(const std::vector<snapshot::SnapshotSet>& sets) {
  std::size_t added = 0;
  for (const auto& set : sets) {
    const auto mark = set.verified();
    const auto group = set.vm_key.substr(0, set.vm_key.find('/'));
    if (!mark || set.tier.empty() || history_->knows(group, set.name, set.location, mark->at)) continue;
    Verification run;
    run.backup = set.name;
    run.vm = set.vm_name;
    run.resource_group = group;
    run.region = set.location;
    run.replica = set.replica();
    run.at = mark->at;
    run.outcome = mark->level == "failed" ? Outcome::failed : Outcome::passed;
    run.reached = parse_level(mark->level).value_or(Level::none);
    run.asked = run.reached == Level::none ? Level::disk : run.reached;
    run.test_disk_created = run.test_disk_deleted = true;
    if (run.outcome == Outcome::failed) {
      run.error = "marked as failed on the snapshot; the reason is not known here";
      run.action = action_for(run);
    }
    history_->add(run);
    ++added;
  }
  return added;
}

}  // namespace azlin::verification
