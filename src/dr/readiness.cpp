#include "azlin/dr/readiness.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "azlin/backup/restore.hpp"
#include "azlin/core/names.hpp"

namespace azlin::dr {

using backup::BackupInfo;

namespace {

bool has_copy(const BackupInfo& backup, const std::string& region) {
  if (backup.complete && core::equal_ignoring_case(backup.region, region)) return true;
  return std::any_of(backup.replicas.begin(), backup.replicas.end(), [&](const auto& replica) {
    return replica.complete && core::equal_ignoring_case(replica.region, region);
  });
}

bool passed(const BackupInfo& backup) {
  return backup.verified == backup::Verified::passed;
}

template <class Test>
const BackupInfo* newest_that(const std::vector<BackupInfo>& backups, Test&& test) {
  const auto found = std::find_if(backups.begin(), backups.end(), test);
  return found == backups.end() ? nullptr : &*found;
}

const DRTestResult* newest_judged(const std::vector<DRTestResult>& drills) {
  const auto found = std::find_if(drills.begin(), drills.end(), [](const DRTestResult& drill) {
    return drill.verdict == Verdict::passed || drill.verdict == Verdict::failed;
  });
  return found == drills.end() ? nullptr : &*found;
}

std::optional<RtoForecast> forecast(const ReadinessFacts& facts) {
  constexpr std::size_t kEnough = 3;
  RtoForecast result;
  std::vector<std::pair<core::TimePoint, core::Millis>> all;
  for (const auto& drill : facts.drills) {
    if (drill.verdict == Verdict::passed && drill.rto) all.emplace_back(drill.started_at, *drill.rto);
  }
  result.drills = static_cast<int>(all.size());
  result.restores = static_cast<int>(facts.restores.size());
  for (const auto& restore : facts.restores) all.emplace_back(restore.at, restore.took);
  std::reverse(all.begin(), all.end());  // those of one time stay in their order
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<core::Millis> past;
  for (const auto& [at, took] : all) {
    if (past.size() >= kEnough) {
      ++result.judged;
      result.inside += took <= percentile(past, 90) ? 1 : 0;
    }
    past.push_back(took);
  }
  if (past.empty()) return std::nullopt;
  result.p50 = percentile(past, 50);
  result.p90 = percentile(past, 90);
  return result;
}

class Judge {
 public:
  Judge(const ReadinessFacts& facts, core::TimePoint now) : facts_(facts), now_(now) {}

  Readiness run() {
    out_.vm = facts_.vm;
    if (!facts_.unreadable.empty())
      gap(facts_.unreadable, facts_.gone ? bring_back() : "azlin backup config-show " + name());
    for (const auto& text : facts_.not_seen) gap(text, "azlin dr readiness " + name());
    judge_backups();
    judge_copies();
    judge_obstacle();
    judge_verification();
    judge_drills();
    return std::move(out_);
  }

 private:
  const std::string& name() const { return facts_.vm.name; }
  void gap(const std::string& text, const std::string& command) { out_.gaps.push_back({text, command}); }
  std::string age(core::TimePoint then) const { return core::to_display(now_ - then); }

  std::string bring_back() const {
    const auto* newest =
        newest_that(facts_.backups, [](const BackupInfo& backup) { return backup.complete; });
    if (newest == nullptr) return "azlin backup list " + name();
    return fmt::format("azlin backup restore {} -g {} --backup {} --new-vm {}", name(),
                       facts_.vm.resource_group, newest->name, name());
  }

  void judge_backups() {
    const std::string command = facts_.gone ? bring_back() : "azlin backup trigger " + name();
    if (facts_.unreadable.empty() && (!facts_.schedule || !facts_.schedule->enabled))
      gap("no backups are scheduled", "azlin backup configure " + name());
    out_.newest = newest_that(facts_.backups, [](const BackupInfo& backup) { return backup.complete; });
    if (out_.newest == nullptr && !facts_.not_seen.empty()) return;  // nobody knows whether there is one
    if (out_.newest == nullptr)
      gap("there is no complete backup", command);
    else if (now_ - out_.newest->created > kTargetRpo)
      gap(fmt::format("the newest backup is {} old", age(out_.newest->created)), command);
  }

  void judge_copies() {
    if (!facts_.policy || !facts_.policy->enabled) {
      find_copy_anywhere();
      if (facts_.gone) return;  // it takes no configuration
      return gap(facts_.policy ? "its DR tests are disabled, so no region is set for it to come back in"
                               : "no region is set for it to come back in",
                 fmt::format("azlin dr configure {} --test-region {}", name(),
                             out_.copied == nullptr ? "REGION" : out_.copy_region));
    }
    const std::string& region = facts_.policy->region;
    out_.copied =
        newest_that(facts_.backups, [&](const BackupInfo& backup) { return has_copy(backup, region); });
    out_.copy_region = out_.copied == nullptr ? "" : region;
    if (out_.copied != nullptr) out_.rpo = now_ - out_.copied->created;
    if (out_.newest == nullptr || (out_.rpo && *out_.rpo <= kTargetRpo)) return;
    if (!out_.rpo && facts_.copies_unknown) return;
    gap(out_.rpo ? fmt::format("the newest copy in {} is {} old", region, core::to_display(*out_.rpo))
                 : "there is no complete copy in " + region,
        fmt::format("azlin backup replicate {} --target-region {}", out_.newest->name, region));
  }

  void find_copy_anywhere() {
    for (const auto& backup : facts_.backups) {
      for (const auto& replica : backup.replicas) {
        if (!replica.complete) continue;
        out_.copied = &backup;
        out_.copy_region = replica.region;
        out_.rpo = now_ - backup.created;
        return;
      }
    }
  }

  void judge_obstacle() {
    if (!facts_.obstacle.empty() && facts_.policy)
      gap("it could not be restored now: " + facts_.obstacle,
          fmt::format("azlin dr test {} --test-region {} --dry-run", name(), facts_.policy->region));
  }

  void judge_verification() {
    out_.verified = newest_that(facts_.backups, passed);
    if (out_.newest == nullptr) return;
    const std::string command = "azlin backup verify " + out_.newest->name;
    if (out_.newest->verified == backup::Verified::failed)
      gap("the verification of the newest backup failed", command);
    else if (out_.verified == nullptr)
      gap("no backup was ever verified", command);
    else if (now_ - out_.verified->verified_at.value_or(core::TimePoint{}) > kVerifyWithin)
      gap("no backup was verified in the last 7 days", command);
  }

  void judge_drills() {
    out_.drill = newest_judged(facts_.drills);
    out_.rto = forecast(facts_);
    if (!facts_.policy || !facts_.policy->enabled) return;
    const DrPolicy& policy = *facts_.policy;
    const std::string command = fmt::format("azlin dr test {} --test-region {}", name(), policy.region);
    if (out_.drill == nullptr)
      gap("it was never drilled from this machine", command);
    else if (out_.drill->verdict == Verdict::failed)
      gap("its newest drill failed", command);
    else if (now_ > next_due(policy, facts_.vm, facts_.drills))
      gap(fmt::format("no drill in {} for {}", policy.region, core::to_display(policy.every)), command);
    if (out_.rto && out_.rto->p90 >= policy.target_rto)
      gap(fmt::format("it comes back in {} (P90), the target is {}", core::to_display(out_.rto->p90),
                      core::to_display(policy.target_rto)),
          command + " --size SIZE");
  }

  const ReadinessFacts& facts_;
  core::TimePoint now_;
  Readiness out_;
};

}  // namespace

std::vector<PastRestore> past_restores(store::Journal& journal, const VmRef& vm) {
  constexpr int kMost = 1000;
  std::vector<PastRestore> restores;
  for (const auto& operation : journal.list(kMost, "succeeded")) {
    if (!backup::RestoreManager::recovers(operation.kind) || !operation.ended_at) continue;
    if (core::equal_ignoring_case(operation.target, vm.id()))
      restores.push_back({operation.started_at, *operation.ended_at - operation.started_at});
  }
  return restores;
}

core::Millis percentile(std::vector<core::Millis> values, int percent) {
  std::sort(values.begin(), values.end());
  const std::size_t rank = (values.size() * static_cast<std::size_t>(percent) + 99) / 100;
  return values[rank == 0 ? 0 : rank - 1];
}

Readiness judge(const ReadinessFacts& facts, core::TimePoint now) {
  return Judge(facts, now).run();
}

}  // namespace azlin::dr
