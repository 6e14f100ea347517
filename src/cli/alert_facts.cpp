#include "cli/alert_facts.hpp"

#include <algorithm>

#include "azlin/core/names.hpp"

namespace azlin::cli {

namespace {

bool is_protected(const backup::BackupManager::Scheduled& vm) {
  return !vm.schedule || vm.schedule->enabled;
}

bool is_same(const backup::VmRef& a, const backup::VmRef& b) {
  return core::equal_ignoring_case(a.name, b.name) &&
         core::equal_ignoring_case(a.resource_group, b.resource_group);
}

// VMs of one name are told apart in messages and commands.
alert::VmFacts facts_of(const backup::VmRef& vm, bool has_namesake) {
  alert::VmFacts facts;
  facts.vm = vm.name;
  facts.group = vm.resource_group;
  if (!has_namesake) return facts;
  facts.label = vm.name + " (" + vm.resource_group + ")";
  facts.words = vm.name + " -g " + vm.resource_group;
  return facts;
}

void add_rto(alert::VmFacts& facts, const backup::VmRef& vm, const std::vector<dr::PolicyView>& policies,
             const std::vector<dr::DRTestResult>& tests) {
  for (const auto& view : policies) {
    if (is_same(view.vm, vm) && view.stated && view.policy) facts.rto_target = view.policy->target_rto;
  }
  const auto newest = std::find_if(tests.begin(), tests.end(), [&](const dr::DRTestResult& test) {
    return is_same(test.vm, vm) && test.verdict == dr::Verdict::passed && test.rto;
  });
  if (newest != tests.end()) facts.last_rto = newest->rto;
}

}  // namespace

void add_drill_facts(alert::OverdueFacts& facts,
                     const std::vector<backup::BackupManager::Scheduled>& scheduled,
                     const std::vector<dr::PolicyView>& policies, const std::vector<dr::DRTestResult>& tests,
                     int window_days) {
  std::vector<backup::VmRef> known;  // in the order of facts.vms
  for (const auto& each : scheduled) {
    if (is_protected(each)) known.push_back(each.vm);
  }
  for (const auto& view : policies) {
    const bool enabled = !view.policy || view.policy->enabled;
    const auto same = [&](const backup::VmRef& vm) { return is_same(vm, view.vm); };
    if (!enabled || std::any_of(known.begin(), known.end(), same)) continue;
    const bool namesake = std::any_of(known.begin(), known.end(), [&](const backup::VmRef& vm) {
      return core::equal_ignoring_case(vm.name, view.vm.name);
    });
    known.push_back(view.vm);
    facts.vms.push_back(facts_of(view.vm, namesake));
  }
  for (std::size_t i = 0; i < facts.vms.size(); ++i) add_rto(facts.vms[i], known[i], policies, tests);
  const auto stats = dr::statistics(tests);
  facts.rates.push_back({"", window_days, stats.total(), stats.passed});
}

std::vector<alert::VmFacts> backup_facts(const std::vector<backup::BackupManager::Scheduled>& scheduled,
                                         const std::vector<backup::BackupInfo>& backups) {
  std::vector<alert::VmFacts> all;
  for (const auto& [vm, schedule, error] : scheduled) {
    if (!is_protected({vm, schedule, error})) continue;
    const auto namesakes =
        std::count_if(scheduled.begin(), scheduled.end(), [name = vm.name](const auto& other) {
          return is_protected(other) && core::equal_ignoring_case(other.vm.name, name);
        });
    auto facts = facts_of(vm, namesakes > 1);
    facts.backups_known = true;
    for (const auto& backup : backups) {
      if (!backup.complete || !core::equal_ignoring_case(backup.vm_key, vm.key())) continue;
      const bool passed = backup.verified == backup::Verified::passed;
      facts.backups.push_back({backup.name, backup.created, passed ? backup.verified_at : std::nullopt});
    }
    all.push_back(std::move(facts));
  }
  return all;
}

}  // namespace azlin::cli
