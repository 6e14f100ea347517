#pragma once
// Backups of several VMs in one go: what becomes of each, and groups (tag azlin:group), whose VMs are backed
// up together.
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "azlin/backup/group.hpp"
#include "cli/replication_view.hpp"
#include "cli/runtime.hpp"

namespace azlin::cli {

inline constexpr int kMostOfAGroup = 64;  // VMs at a time

// What became of one VM of many.
struct BatchItem {
  snapshot::VmRef vm;
  std::optional<backup::TriggerResult> result;
  QueuedReplication queued;
  bool skipped = false;  // not due
  std::string error;
  bool alarming = false;
  std::string group;                 // backed up together with the others of it; empty: alone
  std::optional<backup::Tier> tier;  // of the whole group
};

// The highest tier that is due for a member; nullopt: `only_due`, and none is due. Throws as
// BackupManager::trigger does for a member without an enabled schedule.
std::optional<backup::Tier> tier_of_group(Runtime& runtime, backup::BackupManager& backups,
                                          const std::vector<backup::GroupMember>& members, bool only_due);
// Skipped without a tier.
std::vector<BatchItem> items_of(const std::string& group, const std::vector<backup::GroupMember>& members,
                                std::optional<backup::Tier> tier);
// `items` with the VMs that are in groups put together, and first. A group that cannot be backed up as one (a
// member has no schedule, say) is a warning: its VMs are backed up one by one.
std::vector<BatchItem> joined(Runtime& runtime, backup::BackupManager& backups, std::vector<BatchItem> items,
                              bool only_due);
// Marks the backups of a group's members as of one run if all were made, and then has them copied. What could
// not be marked is a warning of the item. For JSON: `group`, `run`, `spreadSeconds`.
nlohmann::ordered_json finish_group(Runtime& runtime, backup::BackupManager& backups,
                                    replication::ReplicationManager& replications,
                                    std::span<BatchItem> items);

}  // namespace azlin::cli
