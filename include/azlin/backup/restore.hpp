#pragma once
// Brings a backup back: into its VM (disks swapped, the old ones kept) or as a new VM.
//
// In place: everything that can be checked is checked and every new disk is made before the VM is stopped;
// then it is deallocated, its OS and data disks are swapped at their LUNs, it is started, and the guest must
// report. On any failure the old disks go back and the VM runs again. Old disks stay, tagged azlin:kept,
// until they are asked to go.
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "azlin/core/process.hpp"

namespace azlin::backup {

// One disk to be made from a snapshot of the set.
struct RestoreDisk {
  int lun = -1;  // -1: the OS disk
  std::string snapshot_id;
  std::string new_id;  // of the disk to be made
  std::string old_id;  // in place: the disk that it replaces
  std::string name;    // last segment of new_id
  std::string sku, caching, delete_option, encryption_set_id;
  std::optional<std::string> zone;
  std::uint64_t size_bytes = 0;
  int size_gb = 0;
};

struct RestoreOptions {
  bool keep_old_disks = true;                         // in place; false: deleted after success
  core::Millis keep_for{std::chrono::hours{24 * 7}};  // how long kept disks are not offered for removal
  bool check_guest = true;  // wait for the guest agent; else for the power state only
  core::Millis guest_limit{std::chrono::minutes{15}};
  std::optional<std::string> size;                 // new VM: another size than the original's
  std::optional<std::string> subnet_id;            // new VM: another subnet than the original's
  std::function<void(const std::string&)> notify;  // progress, one line a phase; may be empty
};

// All that is checked and decided before anything changes.
struct RestorePlan {
  VmRef source;  // the VM that was backed up
  VmRef target;  // the VM that will run; equal to source in place
  bool in_place = true;
  std::string backup;  // the set's name
  core::TimePoint created;
  std::string region;
  std::optional<std::string> zone;
  int size_gb = 0;
  std::vector<RestoreDisk> disks;  // OS disk first
  std::string power_before;        // in place: power state now
  bool agent_before = false;       // in place: the guest agent reports now
  std::string vm_size, os_type;
  std::string nic_id, subnet_id, nsg_id;  // new VM
  std::string vm_body;                    // new VM: what is PUT
  std::vector<std::string> warnings;      // for people, before they confirm
  // From restores of the past on this machine, shortest and longest; nullopt: there was none.
  std::optional<std::pair<core::Millis, core::Millis>> history;
  snapshot::SnapshotSet set;
};

struct RestoreResult {
  std::string vm_id;
  std::int64_t operation = 0;
  core::Millis rto{0};  // from the start of the restore until the guest (or the VM, see agent_ready) was up
  core::Millis downtime{0};  // in place: from the stop until then
  std::string power_state;
  std::optional<bool> agent_ready;  // nullopt: not checked
  std::string ssh;                  // "verified (…)", "not checked: …", "failed: …"
  bool ssh_verified = false;
  std::vector<std::string> old_disks;  // in place: ids of the disks kept or deleted
  std::vector<std::string> warnings;
};

// A disk that a restore replaced.
struct KeptDisk {
  std::string id, vm_key;
  core::TimePoint until;
  std::int64_t operation = 0;
  int size_gb = 0;
  bool expired = false;
};

// Borrows its arguments; thread-safe. All calls throw core::Error or arm::ArmError.
class RestoreManager {
 public:
  RestoreManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                 core::ProcessRunner& processes, const std::string& journal_path);

  // Finishes or undoes what an earlier command of this machine left unfinished on the VM; one line a thing
  // done. To be called before a plan is made. Throws core::Error (busy) when it cannot be settled now.
  std::vector<std::string> settle(const VmRef& vm, std::stop_token stop);

  // Checks that the backup is complete and its snapshots are readable, that VM and backup fit (region,
  // generation, security type, OS type, zone), and which LUNs are touched. Changes nothing.
  RestorePlan plan_in_place(const VmRef& vm, const BackupInfo& backup, std::stop_token stop);
  // Needs neither the source VM nor its network when options name others; checks size, zone and quota.
  // Refuses (core::Error, usage) a name that is taken.
  RestorePlan plan_new_vm(const BackupInfo& backup, const VmRef& target, const RestoreOptions& options,
                          std::stop_token stop);

  // Carries a plan out; refuses one whose VM has other disks by now. When it fails, all is as before (or,
  // where even that fails, the operation is left for `azlin recover`, and the error says so).
  RestoreResult restore(const RestorePlan& plan, const RestoreOptions& options, std::stop_token stop);

  static bool recovers(const std::string& kind);
  // Finishes a restore whose VM had come up; undoes any other.
  Recovered recover(const store::OperationRecord& record, std::stop_token stop);

  std::vector<KeptDisk> kept_disks(const std::string& subscription, std::stop_token stop);
  // Deletes those whose time is over (with `all`, every unattached one). Journalled.
  std::vector<snapshot::Removal> remove_kept_disks(const std::string& subscription, bool all,
                                                   std::stop_token stop);

  // Whether sshd answers: from here where the VM has a reachable address, else inside the guest by Run
  // Command. First: verified; second: how, or why not.
  std::pair<bool, std::string> check_ssh(const std::string& vm_id, std::stop_token stop);

 private:
  struct Run;
  void make_disks(Run& run, std::stop_token stop);
  void swap(Run& run, std::stop_token stop);
  void build_vm(Run& run, std::stop_token stop);
  void await_guest(Run& run, std::stop_token stop);
  bool settle_old_disks(Run& run);
  // What is left to do when the VM is up: false when some of it failed, which is told as warnings. Never undoes.
  bool finish(Run& run);

  arm::ArmClient& arm_;
  store::Journal& journal_;
  core::Clock& clock_;
  core::ProcessRunner& processes_;
  std::string holder_;  // of leases
  snapshot::SnapshotManager snapshots_;
};

}  // namespace azlin::backup
