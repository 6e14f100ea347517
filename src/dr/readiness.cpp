#include "azlin/dr/readiness.hpp"

#include <fmt/format.h>

#include <algorithm>

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

std::optional<RtoForecast> forecast(const std::vector<DRTestResult>& drills) {
  constexpr std::size_t kEnough = 3;
  std::vector<core::Millis> past;
  RtoForecast result;
  for (auto drill = drills.rbegin(); drill != drills.rend(); ++drill) {  // oldest first
    if (drill->verdict != Verdict::passed || !drill->rto) continue;
    if (past.size() >= kEnough) {
      ++result.judged;
      result.inside += *drill->rto <= percentile(past, 90) ? 1 : 0;
    }
    past.push_back(*drill->rto);
  }
  if (past.empty()) return std::nullopt;
  result.drills = static_cast<int>(past.size());
  result.p50 = percentile(past, 50);
  result.p90 = percentile(past, 90);
  return result;
}

class Judge {
 public:
  Judge(const ReadinessFacts& facts, core::TimePoint now) : facts_(facts), now_(now) {}

  Readiness run() {
    out_.vm = facts_.vm;
    if (!facts_.unreadable.empty()) gap(facts_.unreadable, "azlin backup config-show " + name());
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

  void judge_backups() {
    if (facts_.unreadable.empty() && (!facts_.schedule || !facts_.schedule->enabled))
      gap("no backups are scheduled", "azlin backup configure " + name());
    out_.newest = newest_that(facts_.backups, [](const BackupInfo& backup) { return backup.complete; });
    if (out_.newest == nullptr)
      gap("there is no complete backup", "azlin backup trigger " + name());
    else if (now_ - out_.newest->created > kTargetRpo)
      gap(fmt::format("the newest backup is {} old", age(out_.newest->created)),
          "azlin backup trigger " + name());
  }

  void judge_copies() {
    if (!facts_.policy || !facts_.policy->enabled)
      return gap("it has no region to come back in",
                 fmt::format("azlin dr configure {} --test-region REGION", name()));
    const std::string& region = facts_.policy->region;
    out_.copied =
        newest_that(facts_.backups, [&](const BackupInfo& backup) { return has_copy(backup, region); });
    if (out_.copied != nullptr) out_.rpo = now_ - out_.copied->created;
    if (out_.newest == nullptr || (out_.rpo && *out_.rpo <= kTargetRpo)) return;
    gap(out_.rpo ? fmt::format("the newest copy in {} is {} old", region, core::to_display(*out_.rpo))
                 : "there is no complete copy in " + region,
        fmt::format("azlin backup replicate {} --target-region {}", out_.newest->name, region));
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
    out_.rto = forecast(facts_.drills);
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

core::Millis percentile(std::vector<core::Millis> values, int percent) {
  std::sort(values.begin(), values.end());
  const std::size_t rank = (values.size() * static_cast<std::size_t>(percent) + 99) / 100;
  return values[rank == 0 ? 0 : rank - 1];
}

Readiness judge(const ReadinessFacts& facts, core::TimePoint now) {
  return Judge(facts, now).run();
}

}  // namespace azlin::dr
