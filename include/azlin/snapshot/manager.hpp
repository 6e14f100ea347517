#pragma once
// Point-in-time copies of all disks of a VM: take, find, remove; and the plain snapshots of `azlin snapshot`.
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/snapshot/schedule.hpp"
#include "azlin/snapshot/snapshot_set.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::snapshot {

class RegionOutages;

struct VmRef {
  std::string subscription, resource_group, name;
  std::string id() const;  // ARM id
  std::string key() const { return vm_key(resource_group, name); }
};

struct TakeRequest {
  azure::Vm vm;
  std::string kind;                   // in the name: "backup-daily", "snapshot"
  std::string tier;                   // azlin:backup-tier; empty: plain
  std::vector<SnapshotSet> existing;  // of this VM: Azure's limits for a disk are checked on them
};

// What would be asked for: --dry-run.
struct TakePlan {
  std::string set;
  std::vector<azure::NewSnapshot> snapshots;  // OS disk first; all tags included
  std::vector<std::string> skipped;  // disks that are not managed or cannot be part of it, with the reason
};

// A set of which nothing can be read because its region does not answer; what is told of it is the index's.
struct UnreadableSet {
  std::string name;    // azlin:set
  std::string region;  // "westus2"; empty: the index does not say
  std::string tier;    // azlin:backup-tier; empty: plain
  bool replica = false;
  std::string error;  // what came instead of an answer, the same for all of a region
};

// The sets of a VM in the regions that answer. A region answers or it does not: what was read of it before it
// failed is left out. Nothing may be deleted on the word of a listing that is not whole.
struct Listing {
  std::vector<SnapshotSet> sets;  // newest first
  std::vector<UnreadableSet> unreadable;
  bool whole() const { return unreadable.empty(); }
};

// One line a region: "3 sets are not readable: region eastus does not answer (web-backup-daily-…, …)".
std::vector<std::string> unreadable_texts(const std::vector<UnreadableSet>& unreadable);
// Throws core::Error (failed) naming the regions unless it is empty: "{refused}: {text}".
void require_readable(const std::vector<UnreadableSet>& unreadable, const std::string& refused);

struct Removal {
  std::string name;   // of a snapshot
  std::string error;  // empty: it is gone
};

struct SnapshotStatus {
  std::optional<SnapshotSchedule> schedule;
  std::vector<SnapshotSet> sets;        // plain ones, newest first
  std::optional<core::TimePoint> next;  // when the next is due; nullopt: no enabled schedule
};

struct SyncResult {
  bool due = false;
  std::optional<SnapshotSet> taken;
  std::vector<std::string> removed;   // sets pruned to keep the newest N
  std::vector<std::string> warnings;  // what went wrong after the snapshot was taken
};

// Borrows its arguments; thread-safe. All calls throw core::Error or arm::ArmError.
class SnapshotManager {
 public:
  SnapshotManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock);

  // Names that are free, with every tag. Throws core::Error (failed) when the VM has no managed OS disk, or a
  // disk has 500 incremental snapshots, or 7 of the last five minutes.
  TakePlan plan_take(const TakeRequest& request, std::stop_token stop);

  // Takes the set: all snapshots are asked for together. When one fails, what was made is deleted again (also
  // the Failed leftovers of the service), its steps are noted as undone, and the first error is thrown; what
  // could not be deleted is left to recovery. The replies of the creates are trusted, not a later list.
  SnapshotSet take(const TakeRequest& request, store::Operation& operation, std::stop_token stop);

  // Sets of one VM, replicas in all regions included: found by the tag index, then each read itself. `also`:
  // ids that the index may not know yet. A region whose snapshots get no answer, or 500, 502, 503 or 504,
  // after four attempts is left out and named; for a minute this manager does not ask it again. Throws when
  // the index itself cannot be read, and for any other error.
  Listing look(const VmRef& vm, std::stop_token stop, const std::vector<std::string>& also = {});
  // look(), for those who delete or must know all: throws core::Error (failed) when a region does not answer.
  std::vector<SnapshotSet> list(const VmRef& vm, std::stop_token stop,
                                const std::vector<std::string>& also = {});
  // Ids of snapshots that commands on this machine made of the VM in the last quarter of an hour: the tag
  // index may not know them yet.
  std::vector<std::string> made_lately(const VmRef& vm);
  // The azlin:vm of a set; nullopt: the index knows none. Throws core::Error: failed when it knows some and no
  // region of them answers; usage when sets of several VMs (of one name, in several groups) bear that name.
  std::optional<std::string> vm_of_set(const std::string& subscription, const std::string& set,
                                       std::stop_token stop);
  // Every set of the subscription.
  std::vector<SnapshotSet> list_all(const std::string& subscription, std::stop_token stop);

  // Deletes the set's snapshots, data disks first, so that what is left over is never taken for a whole set;
  // goes on after a failure, but keeps the OS disk's then. It is one step of `operation`, so that recovery
  // finishes the whole set or finds it untouched; `stop` is not heard in the middle of it.
  std::vector<Removal> remove(const SnapshotSet& set, store::Operation& operation, std::stop_token stop);

  // Puts tags on, or takes them off, every snapshot of a set.
  void tag(const SnapshotSet& set, const azure::Tags& tags, std::stop_token stop);
  void untag(const SnapshotSet& set, const std::vector<std::string>& names, std::stop_token stop);

  // After a crash: a set that turns out whole stays, else what was made of it is deleted; removals that were
  // begun are finished; the lease on the VM is taken meanwhile and given back. Returns one line a thing done.
  // Does not end the operation. Throws when it cannot: try again later.
  std::vector<std::string> recover(const store::OperationRecord& record, store::Operation& operation,
                                   std::stop_token stop);

  // ---- azlin snapshot …
  SnapshotSet create(const VmRef& vm, std::stop_token stop);
  // Refuses (core::Error, usage) a set on hold or in use, and a backup: that is `backup delete`.
  std::vector<Removal> remove_plain(const VmRef& vm, const std::string& name_prefix, std::stop_token stop);
  void enable(const VmRef& vm, int interval_hours, int keep, std::stop_token stop);
  void disable(const VmRef& vm, std::stop_token stop);
  SnapshotStatus status(const VmRef& vm, std::stop_token stop);
  // Takes one when it is due, then keeps the newest N plain sets; sets on hold or in use are passed over.
  SyncResult sync(const VmRef& vm, std::stop_token stop);
  SyncResult plan_sync(const VmRef& vm, std::stop_token stop);  // --dry-run: `due` and what would be removed

 private:
  void finish_removals(const store::OperationRecord& record, store::Operation& operation,
                       std::vector<std::string>& notes, std::stop_token stop);
  void settle_creates(const store::OperationRecord& record, store::Operation& operation,
                      std::vector<std::string>& notes, std::stop_token stop);
  arm::ArmClient& arm_;
  store::Journal& journal_;
  core::Clock& clock_;
  std::shared_ptr<RegionOutages> outages_;
};

// Throws core::Error (usage) when `vms` (values of azlin:vm) are several.
void require_one_vm(const std::string& set, const std::set<std::string>& vms);

}  // namespace azlin::snapshot
