#include "cli/alert_facts.hpp"

#include <algorithm>

#include "azlin/core/names.hpp"

namespace azlin::cli {

namespace {

bool is_protected(const backup::BackupManager::Scheduled& vm) {
  return !vm.schedule || vm.schedule->enabled;
}

bool belongs_to(const backup::BackupInfo& backup, const backup::VmRef& vm) {
  return core::equal_ignoring_case(backup.vm_name, vm.name) &&
         core::equal_ignoring_case(backup.resource_group, vm.resource_group);
}

}  // namespace

std::vector<alert::VmFacts> backup_facts(const std::vector<backup::BackupManager::Scheduled>& scheduled,
                                         const std::vector<backup::BackupInfo>& backups) {
  std::vector<alert::VmFacts> all;
  for (const auto& [vm, schedule, error] : scheduled) {
    if (!is_protected({vm, schedule, error})) continue;
    const auto namesakes =
        std::count_if(scheduled.begin(), scheduled.end(), [name = vm.name](const auto& other) {
          return is_protected(other) && core::equal_ignoring_case(other.vm.name, name);
        });
    alert::VmFacts facts;
    facts.vm = namesakes > 1 ? vm.name + " (" + vm.resource_group + ")" : vm.name;
    facts.backups_known = true;
    for (const auto& backup : backups) {
      if (!backup.complete || !belongs_to(backup, vm)) continue;
      const bool passed = backup.verified == backup::Verified::passed;
      facts.backups.push_back({backup.name, backup.created, passed ? backup.verified_at : std::nullopt});
    }
    all.push_back(std::move(facts));
  }
  return all;
}

}  // namespace azlin::cli
