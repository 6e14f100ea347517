#pragma once
// Azure Backup as the engine of a VM's backups: the VM's tag that says so (docs/tags.md), and what the backup
// commands do with the points in its vault.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "azlin/azure/resources.hpp"
#include "azlin/backup/schedule.hpp"
#include "azlin/snapshot/manager.hpp"
#include "azlin/snapshot/vm_tags.hpp"
#include "cli/vault_session.hpp"

namespace azlin::cli {

using snapshot::kEngineTag;

// The tag's value for this vault, and back. Throws core::Error (failed) naming the VM and the tag when it is
// none that azlin writes; nullopt: there is no such tag, so the engine is snapshots.
std::string engine_tag(const vault::VaultId& vault);
std::optional<vault::VaultId> engine_in(const azure::Tags& tags, const std::string& vm_name);
// Of the VM as it is now; of one that is gone: nullopt.
std::optional<vault::VaultId> engine_of(Runtime& runtime, const snapshot::VmRef& vm);
// The same by the index of tags, which needs no answer of the VM's region and may lag: for reading alone.
std::optional<vault::VaultId> indexed_engine(Runtime& runtime, const snapshot::VmRef& vm);
// The VM's item in the vault, also a stopped or soft deleted one.
std::optional<vault::ProtectedItem> find_vm_item(VaultSession& session, const std::string& vm_id);
// Throws core::Error (usage) with `instead` when the VM's backups are in a vault.
void refuse_in_vault(Runtime& runtime, const snapshot::VmRef& vm, const std::string& verb,
                     const std::string& instead);
// What the snapshot engine does with one backup and Azure Backup with no point.
enum class PointVerb { verify, hold, remove, replicate };
// The same when `name` begins the name of a recovery point in a vault of any VM of the subscription.
void refuse_vaulted_point(Runtime& runtime, const std::string& name, PointVerb verb);

// ---- configure ----
// "azlin-d7-w4-m12": VMs with the same numbers share a policy, since a vault takes only 200.
std::string engine_policy_name(const backup::BackupSchedule& schedule);
// `present`: where the VM's backups are now. What `change` does not state stays as it is. Protects the VM
// first and switches the snapshots off last.
int configure_in_vault(Runtime& runtime, const snapshot::VmRef& vm,
                       const std::optional<vault::VaultId>& present, const VaultArgument& argument,
                       const backup::ScheduleChange& change);
// Back to snapshots, whose schedule is set already: stops the protection and keeps its points.
void leave_vault(Runtime& runtime, const snapshot::VmRef& vm, const vault::VaultId& vault);
int disable_in_vault(Runtime& runtime, const snapshot::VmRef& vm, const vault::VaultId& vault);
int show_in_vault(Runtime& runtime, const snapshot::VmRef& vm, const vault::VaultId& vault);

// ---- trigger, list, restore ----
int trigger_in_vault(Runtime& runtime, const snapshot::VmRef& vm, const vault::VaultId& vault, bool no_wait);

struct VaultedBackup {
  snapshot::VmRef vm;
  vault::VaultId vault;
  vault::RecoveryPoint point;
};
// Newest first.
std::vector<VaultedBackup> list_in_vault(Runtime& runtime, const snapshot::VmRef& vm,
                                         const vault::VaultId& vault);
// Of every VM of the subscription (or group) whose engine is a vault. One that cannot be read is a warning.
std::vector<VaultedBackup> list_in_vaults(Runtime& runtime, const std::optional<std::string>& group);
nlohmann::ordered_json to_json(const VaultedBackup& backup);
void print_vaulted(Console& console, const std::vector<VaultedBackup>& backups);

struct VaultRestore {
  std::optional<std::string> backup, at, new_vm, target_group, subnet, staging;
  bool interactive = false, no_wait = false;
};
int restore_in_vault(Runtime& runtime, const snapshot::VmRef& vm, const vault::VaultId& vault,
                     const VaultRestore& options);

}  // namespace azlin::cli
