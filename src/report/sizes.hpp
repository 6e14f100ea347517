#pragma once
// How large each backup is taken to be, and how VMs are told apart. Shared by estimate and comparison.
#include <map>
#include <string>
#include <vector>

#include "azlin/report/estimate.hpp"

namespace azlin::report {

// One set of a VM: a primary, or a replica with its source's tier and time.
struct SizedSet {
  std::string region;
  bool replica = false;
  backup::Tier tier = backup::Tier::daily;
  core::TimePoint created;
  double gib = 0;
  Basis basis = Basis::bound;
};

// Backups of each VM (by group and name, lower case), oldest first.
std::map<std::string, std::vector<const backup::BackupInfo*>> by_vm(
    const std::vector<backup::BackupInfo>& backups);
// The VM's resource group, as it is written where the backup's own is the same.
std::string group_of(const backup::BackupInfo& backup);
// The VM's name, with its group behind it where another VM has that name.
std::string label_of(const std::vector<backup::BackupInfo>& all, const std::string& vm,
                     const std::string& group);
// `backups` of one VM, oldest first. The oldest in each region is taken to be whole.
std::vector<SizedSet> size_backups(const std::vector<const backup::BackupInfo*>& backups,
                                   const CostFacts& facts);
// By what the drill used; of one that did not note it: two vCPUs and the disks of its backup, while it ran.
double cost_of(const dr::DRTestResult& drill, const std::vector<backup::BackupInfo>& backups,
               const cost::Prices& prices);

}  // namespace azlin::report
