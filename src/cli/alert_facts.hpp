#pragma once
// What is known of the protected VMs, in the form in which alerts judge it.
#include <vector>

#include "azlin/alert/evaluate.hpp"
#include "azlin/backup/manager.hpp"
#include "azlin/dr/policy.hpp"

namespace azlin::cli {

// VMs whose schedule is on (or cannot be read: they were meant to be protected), with their complete backups.
// VMs of one name in several groups are told apart as "name (group)". A replica counts where its primary is
// gone. Pure.
std::vector<alert::VmFacts> backup_facts(const std::vector<backup::BackupManager::Scheduled>& scheduled,
                                         const std::vector<backup::BackupInfo>& backups);

// Adds what drills tell, to facts that backup_facts(scheduled, …) made: of each VM the RTO of its newest
// drill that passed (since `since`) and the target that its tag azlin:dr states, and the rate of all drills
// of the window. VMs that only have DR tests enabled get an entry of their own. `tests`: newest first. Pure.
void add_drill_facts(alert::OverdueFacts& facts,
                     const std::vector<backup::BackupManager::Scheduled>& scheduled,
                     const std::vector<dr::PolicyView>& policies, const std::vector<dr::DRTestResult>& tests,
                     int window_days);

}  // namespace azlin::cli
