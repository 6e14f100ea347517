#pragma once
// Scheduled backups of a VM's disks: configure, run, list, expire. (Restore: restore.hpp.)
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/backup/forecast.hpp"
#include "azlin/backup/retention.hpp"
#include "azlin/backup/schedule.hpp"
#include "azlin/snapshot/manager.hpp"

namespace azlin::backup {

using snapshot::VmRef;

struct ReplicaInfo {
  std::string region, resource_group;
  bool complete = false;
  double percent = 0;
  Verified verified = Verified::unknown;
  snapshot::SnapshotSet set;
  std::optional<std::string> hold;
  std::string in_use;
};

// One backup. `set` is where it is restored from: the primary, or a replica when the primary is gone.
struct BackupInfo {
  std::string name;
  std::string vm_key;  // azlin:vm: "{its resource group}/{VM}", lower case
  std::string vm_name;
  std::string resource_group, subscription, region;  // of the snapshots
  Tier tier = Tier::daily;
  core::TimePoint created;
  bool replica_only = false;  // its primary is gone or not readable: region and set are the replica's
  // Regions that do not answer and hold a copy of it; `primary_unreadable`: its primary is in one of them, so
  // it is not known to be gone.
  std::vector<std::string> unreadable_in;
  bool primary_unreadable = false;
  bool complete = true;
  int disks = 0, expected_disks = 0;
  std::uint64_t size_bytes = 0;  // provisioned, all disks
  int size_gb = 0;
  core::Millis spread{0};
  Verified verified = Verified::unknown;
  std::string verified_level;  // disk, content, full; empty unless passed
  std::optional<core::TimePoint> verified_at;
  std::optional<std::string> hold;
  std::string in_use;
  std::vector<ReplicaInfo> replicas;  // all of them, also the one that `set` is when only replicas are left
  snapshot::SnapshotSet set;
};

// The backups of one VM that have a copy in a region that answers, newest first, and every set that has none
// or one more where none answers. What is decided on it must hold without the unreadable ones; nothing may be
// deleted unless it is whole.
struct BackupListing {
  std::vector<BackupInfo> backups;
  std::vector<snapshot::UnreadableSet> unreadable;  // backups only: primaries and replicas
  bool whole() const { return unreadable.empty(); }
};

// Sets (of one VM or of many) as backups, newest first; plain snapshots are left out. Pure.
std::vector<BackupInfo> to_backups(const std::vector<snapshot::SnapshotSet>& sets, core::TimePoint now);
// What retention looks at: one point for each primary and each replica. Pure.
std::vector<Point> to_points(const std::vector<BackupInfo>& backups, const BackupSchedule& schedule);
// What `after` lets go now and `before` does not: recovery points that the change would lose. Pure.
std::vector<Decision> losses(const std::optional<BackupSchedule>& before, const BackupSchedule& after,
                             const std::vector<BackupInfo>& backups, core::TimePoint now);

struct ConfigurePlan {
  VmRef vm;
  std::optional<BackupSchedule> before;
  bool replaces_unreadable = false;  // the tag that is there cannot be read
  BackupSchedule after;
  std::vector<Decision> would_go;  // backups that the new numbers let go and the old ones did not: ask first
  std::vector<snapshot::UnreadableSet> unreadable;  // they were not looked at
};

struct ScheduleView {
  VmRef vm;
  std::optional<BackupSchedule> schedule;  // nullopt: not configured
  std::map<Tier, int> counts;              // complete primaries
  std::map<Tier, core::TimePoint> last;    // of each tier that has one
  int total = 0;
  std::vector<snapshot::UnreadableSet> unreadable;  // not in the counts
};

struct CleanupResult {
  RetentionPlan plan;
  bool executed = false;               // false: dry run, disabled, or over the limit
  std::vector<Decision> deleted;       // sets that are gone
  std::size_t snapshots_deleted = 0;   // also of sets that are not gone as a whole
  std::map<Tier, int> counts;          // of deleted, replicas left out
  std::vector<std::string> leftovers;  // Failed snapshots of the service that were (or would be) removed
  std::vector<std::string> failures;   // one line each; the others went on
};

struct TriggerOptions {
  std::optional<Tier> tier;  // else the highest that is due
  bool cleanup = true;
  std::function<void(const std::string& line)> notify;  // progress, one line a step; may be empty
};

struct TriggerPlan {
  Tier tier = Tier::daily;
  snapshot::TakePlan take;
  RetentionPlan retention;                  // as it would be after the backup
  std::optional<std::string> replicate_to;  // region
};

struct TriggerResult {
  BackupInfo backup;
  core::Millis duration{0};
  std::int64_t operation = 0;               // in the journal
  std::optional<std::string> replicate_to;  // a replication is to be queued to this region
  std::optional<CleanupResult> cleanup;
  std::vector<std::string> warnings;  // cleanup that failed, disks left out, an unusual spread
};

struct Recovered {
  std::int64_t operation = 0;
  std::string kind, target;
  bool settled = false;  // false: it waits for another try; `notes` say why
  std::vector<std::string> notes;
};

// Throws core::Error (usage) when the subscription may not use one of these regions; the error names the
// nearest.
void check_regions(arm::ArmClient& arm, const std::string& subscription,
                   const std::vector<std::string>& regions, std::stop_token stop);

// Borrows its arguments; thread-safe. All calls throw core::Error or arm::ArmError.
class BackupManager {
 public:
  BackupManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                const std::string& journal_path);

  // Nothing is written by plan_configure. `replace`: write anew a tag that cannot be read (else
  // InvalidSchedule).
  ConfigurePlan plan_configure(const VmRef& vm, const ScheduleChange& change, bool replace,
                               std::stop_token stop);
  void configure(const ConfigurePlan& plan, std::stop_token stop);
  // Backups stay. Throws core::Error (not_found) when none was configured.
  void disable(const VmRef& vm, std::stop_token stop);
  ScheduleView show(const VmRef& vm, std::stop_token stop);
  // VMs of the subscription (or group) that have the schedule tag; with the reason where it cannot be read.
  struct Scheduled {
    VmRef vm;
    std::optional<BackupSchedule> schedule;
    std::string error;
  };
  std::vector<Scheduled> scheduled_vms(const std::string& subscription,
                                       const std::optional<std::string>& group, std::stop_token stop);

  TriggerPlan plan_trigger(const VmRef& vm, const TriggerOptions& options, std::stop_token stop);
  // First settles what an earlier run of this machine left unfinished on this VM. Throws core::Error: failed
  // when the schedule is disabled or missing; busy when another command works on the VM.
  TriggerResult trigger(const VmRef& vm, const TriggerOptions& options, std::stop_token stop);
  // Whether a backup is due now: none was made today (UTC) that is complete, or a higher tier is missing.
  bool is_due(const VmRef& vm, std::stop_token stop);
  // The tier that trigger() would choose now. Throws as trigger() does for a missing or disabled schedule.
  Tier tier_now(const VmRef& vm, std::stop_token stop);

  // While a region does not answer: the rest, and what is missing (SnapshotManager::look says how long that
  // takes). For showing, restoring, verifying, failing over.
  BackupListing look(const VmRef& vm, std::stop_token stop);
  // All of them, or core::Error (failed) that names the region that does not answer.
  std::vector<BackupInfo> list(const VmRef& vm, std::stop_token stop);
  // Of the whole subscription, for display: `set` (and `set` of replicas) stays empty, so that memory does
  // too.
  std::vector<BackupInfo> list_all(const std::string& subscription, std::stop_token stop);
  // The one backup whose name begins with `prefix`; of one whose primary is not readable, the replica. Throws
  // core::Error (failed) when it has no copy in a region that answers.
  BackupInfo find(const VmRef& vm, const std::string& prefix, std::stop_token stop);

  // What cleanup would do, deleting nothing.
  CleanupResult plan_cleanup(const VmRef& vm, std::stop_token stop);
  // `confirmed`: also when it is more than the limit. Throws InvalidSchedule, or core::Error (failed) without
  // a schedule.
  CleanupResult cleanup(const VmRef& vm, bool confirmed, std::stop_token stop);

  void hold(const VmRef& vm, const std::string& prefix, const std::string& reason, std::stop_token stop);
  void release(const VmRef& vm, const std::string& prefix, std::stop_token stop);
  // cleanup, hold, release and remove refuse (core::Error, failed) while a region with sets of this VM does
  // not answer.
  // Deletes one backup with its replicas (or, with `region`, that replica alone). Refuses (core::Error,
  // failed) one that is on hold or in use always, and without `force` the newest, the newest verified one and
  // one that waits for its replica.
  CleanupResult remove(const VmRef& vm, const std::string& prefix, const std::optional<std::string>& region,
                       bool force, std::stop_token stop);

  Forecast forecast(const VmRef& vm, core::TimePoint on, std::stop_token stop);

  // Whether recover() knows operations of this kind ("backup.trigger", "snapshot.create", …).
  static bool recovers(const std::string& kind);
  // Undoes an interrupted set, finishes interrupted deletions, gives back the lease.
  Recovered recover(const store::OperationRecord& record, std::stop_token stop);

  snapshot::SnapshotManager& snapshots() { return snapshots_; }

 private:
  struct State;  // what is known of one VM: the machine, its schedule, its backups
  State load(const VmRef& vm, std::stop_token stop);
  State load_scheduled(const VmRef& vm, std::stop_token stop);
  State load_whole(const VmRef& vm, std::stop_token stop);
  CleanupResult plan_for(const State& state, core::TimePoint now, const DeleteLimit& limit);
  void execute(CleanupResult& result, const State& state, store::Operation& operation, std::stop_token stop);
  void add_cleanup(TriggerResult& result, State& state, store::Operation& operation, std::stop_token stop);
  arm::ArmClient& arm_;
  store::Journal& journal_;
  core::Clock& clock_;
  std::string holder_;  // of leases
  snapshot::SnapshotManager snapshots_;
};

}  // namespace azlin::backup
