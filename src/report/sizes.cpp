#include "report/sizes.hpp"

#include <algorithm>

#include "azlin/core/names.hpp"

namespace azlin::report {

namespace {

// The chain of one region: what is counted of the next set depends on the one before it.
class Chain {
 public:
  SizedSet add(const backup::BackupInfo& backup, const std::string& region, bool replica,
               const CostFacts& facts) {
    SizedSet set{region, replica, backup.tier, backup.created, 0, Basis::bound};
    const auto measured = facts.measured.find(
        measured_key(backup.vm_key.substr(0, backup.vm_key.find('/')), backup.name, region));
    if (measured != facts.measured.end()) {
      set.gib = measured->second;
      set.basis = Basis::measured;
    } else {
      set.gib = backup.size_gb;
      if (facts.daily_change && last_) {
        const double days = static_cast<double>((backup.created - *last_).count()) / (24.0 * 3'600'000.0);
        set.gib = std::min(set.gib, set.gib * *facts.daily_change / 100.0 * std::max(0.0, days));
        set.basis = Basis::assumed;
      }
    }
    last_ = backup.created;
    return set;
  }

 private:
  std::optional<core::TimePoint> last_;
};

}  // namespace

std::map<std::string, std::vector<const backup::BackupInfo*>> by_vm(
    const std::vector<backup::BackupInfo>& backups) {
  std::map<std::string, std::vector<const backup::BackupInfo*>> vms;
  for (const auto& backup : backups) vms[backup.vm_key].push_back(&backup);
  for (auto& [key, list] : vms)
    std::sort(list.begin(), list.end(), [](const auto* a, const auto* b) { return a->created < b->created; });
  return vms;
}

std::string group_of(const backup::BackupInfo& backup) {
  const auto group = backup.vm_key.substr(0, backup.vm_key.find('/'));
  return core::equal_ignoring_case(group, backup.resource_group) ? backup.resource_group : group;
}

std::string label_of(const std::vector<backup::BackupInfo>& all, const std::string& vm,
                     const std::string& group) {
  if (group.empty()) return vm;  // a row of the first schema does not say
  const auto key = core::to_lower(group + "/" + vm);
  const bool shared = std::any_of(all.begin(), all.end(), [&](const auto& other) {
    return core::equal_ignoring_case(other.vm_name, vm) && !core::equal_ignoring_case(other.vm_key, key);
  });
  return shared ? vm + " (" + group + ")" : vm;
}

std::vector<SizedSet> size_backups(const std::vector<const backup::BackupInfo*>& backups,
                                   const CostFacts& facts) {
  std::map<std::string, Chain> chains;
  std::vector<SizedSet> sets;
  for (const auto* backup : backups) {
    if (!backup->replica_only)
      sets.push_back(chains[backup->region].add(*backup, backup->region, false, facts));
    for (const auto& replica : backup->replicas)
      sets.push_back(chains[replica.region].add(*backup, replica.region, true, facts));
  }
  return sets;
}

double cost_of(const dr::DRTestResult& drill, const std::vector<backup::BackupInfo>& backups,
               const cost::Prices& prices) {
  if (drill.use) return cost::drill_cost(prices, *drill.use);
  cost::DrillUse use;
  if (!drill.completed_at) return 0;
  use.duration = *drill.completed_at - drill.started_at;
  for (const auto& backup : backups) {
    const bool same_vm = drill.vm.resource_group.empty()
                             ? core::equal_ignoring_case(backup.vm_name, drill.vm.name)
                             : core::equal_ignoring_case(backup.vm_key, drill.vm.key());
    if (backup.name == drill.backup_name && same_vm) use.disks = {{"", backup.size_gb}};
  }
  return cost::drill_cost(prices, use);
}

}  // namespace azlin::report
