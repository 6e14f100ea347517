#pragma once
// What is known of the protected VMs, in the form in which alerts judge it.
#include <vector>

#include "azlin/alert/evaluate.hpp"
#include "azlin/backup/manager.hpp"

namespace azlin::cli {

// VMs whose schedule is on (or cannot be read: they were meant to be protected), with their complete backups.
// VMs of one name in several groups are told apart as "name (group)". A replica counts where its primary is
// gone. Pure.
std::vector<alert::VmFacts> backup_facts(const std::vector<backup::BackupManager::Scheduled>& scheduled,
                                         const std::vector<backup::BackupInfo>& backups);

}  // namespace azlin::cli
