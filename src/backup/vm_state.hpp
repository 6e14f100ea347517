#pragma once
// What a command of BackupManager knows of one VM.
#include <optional>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"

namespace azlin::backup {

struct BackupManager::State {
  VmRef vm;
  azure::Vm machine;
  std::optional<BackupSchedule> schedule;
  std::vector<snapshot::SnapshotSet> sets;  // plain ones and replicas, too
  std::vector<BackupInfo> backups;
  std::vector<snapshot::UnreadableSet> unreadable;  // of any kind
};

// Those that are no replicas.
std::vector<snapshot::UnreadableSet> primaries(std::vector<snapshot::UnreadableSet> unreadable);

// The schedule in the VM's tags; nullopt: there is none. Throws InvalidSchedule.
std::optional<BackupSchedule> schedule_of(const azure::Vm& vm);

// Complete backups, for the choice of the tier.
std::vector<TierMark> tier_marks(const std::vector<BackupInfo>& backups);

}  // namespace azlin::backup
