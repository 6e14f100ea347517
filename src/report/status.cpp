#include "azlin/report/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "azlin/core/names.hpp"
#include "azlin/dr/readiness.hpp"

namespace azlin::report {

namespace {

constexpr core::Millis kDay = std::chrono::hours{24};

std::string name_of(const std::string& id) {
  return id.substr(id.rfind('/') + 1);
}

// The VM that an operation was about; nullopt: it was about something else.
std::optional<backup::VmRef> vm_of(const store::OperationRecord& operation) {
  try {
    const auto id = core::ResourceId::parse(operation.target);
    return backup::VmRef{id.subscription, id.resource_group, id.name};
  } catch (const core::Error&) {
    return std::nullopt;
  }
}

std::string ago(core::TimePoint then, core::TimePoint now) {
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(now - then).count();
  return hours < 48 ? fmt::format("{} h ago", hours) : fmt::format("{} days ago", hours / 24);
}

class Maker {
 public:
  explicit Maker(const StatusFacts& facts) : facts_(facts), now_(facts.report.now) {
    for (const auto& each : facts.report.scheduled) know(each.vm.name, each.vm.resource_group);
    for (const auto& each : facts.policies) know(each.vm.name, each.vm.resource_group);
    for (const auto& each : facts.report.drills) know(each.vm.name, each.vm.resource_group);
  }

  Status make() {
    add_failures();
    for (const auto& each : facts_.report.scheduled) add_vm(each);
    for (const auto& policy : facts_.policies) add_drill(policy);
    for (const auto& job : facts_.stopped_jobs)
      status_.overdue.push_back(
          {fmt::format("the timer of the job {} does not run", job), "azlin schedule install"});
    status_.alerts = facts_.alerts;
    status_.bad_runs = facts_.bad_runs;
    if (!facts_.interrupted.empty()) to_do("azlin recover");
    for (const auto& failure : status_.failures) {
      if (!failure.mended) to_do(failure.command);
    }
    for (const auto& overdue : status_.overdue) to_do(overdue.command);
    for (const auto& run : facts_.bad_runs) to_do("journalctl -t azlin-" + run.job);
    if (!facts_.alerts.empty()) to_do("azlin alert list");
    if (status_.vms == 0) to_do("azlin backup configure VM");
    if (!facts_.schedule_installed && status_.vms > 0) to_do("azlin schedule install");
    const bool open_failure = std::any_of(status_.failures.begin(), status_.failures.end(),
                                          [](const auto& each) { return !each.mended; });
    status_.attention = open_failure || !status_.overdue.empty() || !facts_.alerts.empty() ||
                        !facts_.interrupted.empty() || !facts_.bad_runs.empty() || status_.vms == 0;
    return std::move(status_);
  }

 private:
  // A drill of the first schema does not say its group: it makes no namesake, and has none.
  void know(const std::string& vm, const std::string& group) {
    if (group.empty()) return;
    groups_[core::to_lower(vm)].insert(core::to_lower(group));
  }
  bool has_namesake(const backup::VmRef& vm) const {
    const auto found = groups_.find(core::to_lower(vm.name));
    return !vm.resource_group.empty() && found != groups_.end() && found->second.size() > 1;
  }
  // How a message names the VM, and how a command does.
  std::string label(const backup::VmRef& vm) const {
    return has_namesake(vm) ? vm.name + " (" + vm.resource_group + ")" : vm.name;
  }
  std::string words(const backup::VmRef& vm) const {
    return has_namesake(vm) ? vm.name + " -g " + vm.resource_group : vm.name;
  }

  // What to type about a failed operation.
  std::string command_for(const store::OperationRecord& operation) const {
    if (operation.state == "interrupted") return "azlin recover";
    const auto vm = vm_of(operation);
    if (operation.kind == "backup.trigger" && vm) return "azlin backup trigger " + words(*vm);
    return fmt::format("azlin operations show {}", operation.id);
  }

  void to_do(const std::string& command) {
    auto& list = status_.to_do;
    if (std::find(list.begin(), list.end(), command) == list.end()) list.push_back(command);
  }

  void add_failures() {
    for (const auto& operation : facts_.report.operations) add_operation(operation);
    for (const auto& job : facts_.report.replications) add_replication(job);
    for (const auto& run : facts_.report.verifications) add_verification(run);
    for (const auto& drill : facts_.report.drills) add_failed_drill(drill);
    std::stable_sort(status_.failures.begin(), status_.failures.end(),
                     [](const auto& a, const auto& b) { return a.at > b.at; });
  }

  // Drills, replications and verifications have their own rows, with more in them; what a tool call of an
  // agent ran is an operation of its own.
  void add_operation(const store::OperationRecord& operation) {
    if (operation.state == "succeeded" || operation.state == "running" || operation.state == "recovered")
      return;
    if (operation.kind.starts_with("mcp.")) return;
    for (const char* own : {"dr.", "replicat", "verif"}) {
      if (operation.kind.find(own) != std::string::npos) return;
    }
    const bool mended =
        std::any_of(facts_.report.operations.begin(), facts_.report.operations.end(), [&](const auto& other) {
          return other.kind == operation.kind && other.target == operation.target &&
                 other.state == "succeeded" && other.started_at > operation.started_at;
        });
    const auto vm = vm_of(operation);
    status_.failures.push_back({operation.started_at,
                                operation.kind + " on " + (vm ? label(*vm) : name_of(operation.target)),
                                operation.error, command_for(operation), mended});
  }

  void add_replication(const replication::Job& job) {
    if (job.status != replication::Status::failed || job.cancelled()) return;
    const bool mended = std::any_of(
        facts_.report.replications.begin(), facts_.report.replications.end(), [&](const auto& other) {
          return other.set == job.set && other.target_region == job.target_region &&
                 other.status == replication::Status::completed && other.queued_at > job.queued_at;
        });
    status_.failures.push_back(
        {job.queued_at, fmt::format("copy of {} to {}", job.source_snapshot, job.target_region), job.error,
         fmt::format("azlin backup replicate {} --target-region {}", job.source_snapshot, job.target_region),
         mended});
  }

  void add_verification(const verification::Verification& run) {
    if (run.outcome == verification::Outcome::passed) return;
    const bool mended = std::any_of(
        facts_.report.verifications.begin(), facts_.report.verifications.end(), [&](const auto& other) {
          return other.backup == run.backup && other.region == run.region &&
                 core::equal_ignoring_case(other.resource_group, run.resource_group) && other.at > run.at &&
                 other.outcome == verification::Outcome::passed;
        });
    status_.failures.push_back(
        {run.at, fmt::format("verification of {}: {}", run.backup, verification::to_string(run.outcome)),
         run.error, "azlin backup verify " + run.backup, mended});
  }

  void add_failed_drill(const dr::DRTestResult& drill) {
    if (drill.verdict != dr::Verdict::failed && drill.verdict != dr::Verdict::interrupted &&
        drill.left.empty())
      return;
    const bool mended =
        drill.left.empty() &&
        std::any_of(facts_.report.drills.begin(), facts_.report.drills.end(), [&](const auto& other) {
          return core::equal_ignoring_case(other.vm.key(), drill.vm.key()) &&
                 other.verdict == dr::Verdict::passed && other.started_at > drill.started_at;
        });
    const auto error = drill.left.empty() ? drill.error : fmt::format("{} left behind", drill.left.size());
    status_.failures.push_back(
        {drill.started_at, fmt::format("drill of {}: {}", label(drill.vm), dr::to_string(drill.verdict)),
         error,
         drill.left.empty()
             ? fmt::format("azlin dr test {} --test-region {}", words(drill.vm), drill.test_region)
             : std::string("azlin dr cleanup"),
         mended});
  }

  void add_vm(const backup::BackupManager::Scheduled& each) {
    if (each.schedule && !each.schedule->enabled) return;
    ++status_.vms;
    if (!each.schedule)
      status_.overdue.push_back({fmt::format("{}: its schedule cannot be read", label(each.vm)),
                                 "azlin backup configure " + words(each.vm) + " --replace"});
    std::optional<core::TimePoint> newest, copied, verified;
    for (const auto& backup : facts_.report.backups) {
      if (!backup.complete || !core::equal_ignoring_case(backup.vm_key, each.vm.key())) continue;
      newest = std::max(newest.value_or(backup.created), backup.created);
      if (backup.verified == backup::Verified::passed && backup.verified_at)
        verified = std::max(verified.value_or(*backup.verified_at), *backup.verified_at);
      for (const auto& replica : backup.replicas) {
        if (replica.complete && each.schedule && replica.region == each.schedule->target_region.value_or(""))
          copied = std::max(copied.value_or(backup.created), backup.created);
      }
    }
    judge_backup(each.vm, newest);
    if (newest) {
      judge_verified(each.vm, verified);
      if (each.schedule && each.schedule->target_region)
        judge_copy(each.vm, *each.schedule->target_region, copied);
    }
  }

  void judge_backup(const backup::VmRef& vm, const std::optional<core::TimePoint>& newest) {
    if (newest) {
      status_.newest = std::max(status_.newest.value_or(*newest), *newest);
      status_.oldest = std::min(status_.oldest.value_or(*newest), *newest);
    }
    if (newest && now_ - *newest <= kDay) {
      ++status_.backed_up;
      return;
    }
    status_.overdue.push_back(
        {newest ? fmt::format("{}: the newest backup was made {}", label(vm), ago(*newest, now_))
                : fmt::format("{}: no backup yet", label(vm)),
         "azlin backup trigger " + words(vm)});
  }

  void judge_verified(const backup::VmRef& vm, const std::optional<core::TimePoint>& verified) {
    if (verified && now_ - *verified <= dr::kVerifyWithin) {
      ++status_.verified;
      return;
    }
    status_.overdue.push_back({verified ? fmt::format("{}: last verified {}", label(vm), ago(*verified, now_))
                                        : fmt::format("{}: no backup was ever verified", label(vm)),
                               "azlin backup verify-all " + words(vm)});
  }

  void judge_copy(const backup::VmRef& vm, const std::string& region,
                  const std::optional<core::TimePoint>& copied) {
    ++status_.to_copy;
    if (copied && now_ - *copied <= kDay) {
      ++status_.copied;
      return;
    }
    status_.overdue.push_back(
        {copied ? fmt::format("{}: the newest copy in {} is of a backup made {}", label(vm), region,
                              ago(*copied, now_))
                : fmt::format("{}: no copy in {} yet", label(vm), region),
         fmt::format("azlin backup replicate-all {} --target-region {}", words(vm), region)});
  }

  void add_drill(const dr::PolicyView& view) {
    if (!view.error.empty()) {
      status_.overdue.push_back(
          {fmt::format("{}: {}", label(view.vm), view.error), "azlin dr show " + words(view.vm)});
      return;
    }
    if (!view.policy || !view.policy->enabled) return;
    ++status_.to_drill;
    if (view.due > now_) {
      ++status_.drilled;
      return;
    }
    const bool never = view.due == core::TimePoint{};
    status_.overdue.push_back(
        {never ? fmt::format("{}: never drilled in {}", label(view.vm), view.policy->region)
               : fmt::format("{}: a drill has been due since {}", label(view.vm),
                             core::to_display_minutes(view.due)),
         fmt::format("azlin dr test {} --test-region {}", words(view.vm), view.policy->region)});
  }

  const StatusFacts& facts_;
  core::TimePoint now_;
  std::map<std::string, std::set<std::string>> groups_;  // of VMs by name; in lower case
  Status status_;
};

}  // namespace

Status make_status(const StatusFacts& facts) {
  return Maker(facts).make();
}

}  // namespace azlin::report
