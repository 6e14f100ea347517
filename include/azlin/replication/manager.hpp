#pragma once
// Copies of backups in another region: CopyStart of incremental snapshots, followed until the data is there.
//
// The service runs a copy by itself once it has begun. What is to be done is a row in replication.db; who
// holds the journal's lock "replicate:{vm}" brings the rows of that VM up to date with Azure and begins what
// may begin: of one disk one copy at a time, in order of creation; at most 100 into a region. A process that
// does not get the lock reads the rows that the other one writes. A row left by a dead process is taken up
// by the next command that looks.
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "azlin/replication/job_store.hpp"
#include "azlin/replication/replica.hpp"

namespace azlin::replication {

using snapshot::VmRef;
struct Watch;

struct Settings {
  core::Millis stalled_after{std::chrono::minutes{30}};
  bool look_only = false;  // a dry run: advance() and status() show the rows as they are
};

// A backup that is not copied, and why.
struct Skipped {
  std::string backup, reason;
};

struct FleetPlan {
  std::vector<Plan> plans;       // not in the region yet; oldest first
  std::vector<Skipped> skipped;  // cannot be copied
  std::vector<Job> open;         // into that region, from earlier; also of what is not missing any more
};

// How well one region would stand in for the source.
struct RegionState {
  std::string region;
  std::optional<core::Millis> rpo;  // age of the newest complete replica set; nullopt: there is none
  std::string newest;               // that set
  int complete = 0, missing = 0;    // backups with and without a complete replica there
};

struct VmState {
  std::vector<Job> jobs;  // newest first
  std::vector<RegionState> regions;
  std::vector<Job> ended;                           // of them, those that were found to have ended just now
  std::vector<snapshot::UnreadableSet> unreadable;  // of regions that do not answer: in no count
};

struct Rebuilt {
  std::vector<Job> jobs;  // rows that were added
  int known = 0;          // replica sets that had one
};

// Borrows its arguments; thread-safe. All calls throw core::Error or arm::ArmError.
class ReplicationManager {
 public:
  ReplicationManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                     const std::string& journal_path, const std::string& db_path,
                     const Settings& settings = {});

  // Change nothing. plan() throws as plan_replica does.
  Plan plan(const VmRef& vm, const std::string& backup, const Target& target, std::stop_token stop);
  FleetPlan plan_missing(const VmRef& vm, const Target& target, std::stop_token stop);
  // Of those that are missing, the ones whose last job failed (and was not cancelled).
  std::vector<Plan> plan_missed(const VmRef& vm, const Target& target, std::stop_token stop);
  FleetPlan plan_missing_everywhere(const std::string& subscription, const Target& target,
                                    std::stop_token stop);

  // Makes sure that the target groups are there (one that `target` names is created; the source's is), and
  // adds a pending row for each plan. A plan whose backup has an open job to that region gives that job.
  std::vector<Job> queue(const std::vector<Plan>& plans, const Target& target, std::stop_token stop);

  // VMs of the subscription that have open jobs.
  std::vector<VmRef> open_vms(const std::string& subscription);
  // One look at the open jobs of these VMs, without waiting: rows are brought up to date, what may begin
  // begins. Jobs that ended by it are returned. VMs that another process works on are passed over.
  std::vector<Job> advance(const std::vector<VmRef>& vms, int max_parallel, std::stop_token stop);

  // Looks until these jobs have ended; of their copies at most `max_parallel` run at a time. `changed` gets
  // all of them after each look. Throws core::Error (interrupted) on stop: the copies go on in Azure.
  std::vector<Job> wait(const std::vector<std::int64_t>& ids, int max_parallel,
                        const std::function<void(const std::vector<Job>&)>& changed, std::stop_token stop);

  // Also adds rows for complete replicas that no row tells of.
  VmState status(const VmRef& vm, const std::optional<std::string>& region, std::stop_token stop);
  std::vector<Job> jobs(const JobFilter& filter) { return store_.list(filter); }
  // Throws core::Error (not_found).
  Job job(std::int64_t id);
  std::vector<Attempt> attempts(std::int64_t id) { return store_.attempts(id); }
  Progress progress_of(const Job& job) { return progress(job, clock_.now(), settings_.stalled_after); }
  // From the VM's past jobs into that region; nullopt: there is none to go by.
  std::optional<std::pair<core::Millis, core::Millis>> estimate(const Job& job);

  // Deletes what the job has copied (copies whose error is kDeleted); where another process works on the VM,
  // that one does it. Throws core::Error: not_found; failed when it has ended, or a copy cannot be deleted.
  Job cancel(std::int64_t id, std::stop_token stop);

  static bool recovers(const std::string& kind);
  // Brings the VM's rows up to date. The copies go on in Azure.
  backup::Recovered recover(const store::OperationRecord& record, std::stop_token stop);

  // Adds a row for each complete replica set in the subscription that has none.
  Rebuilt rebuild(const std::string& subscription, std::stop_token stop);

 private:
  struct Held;  // a VM whose jobs this process works on
  using Holdings = std::map<std::string, Held>;
  bool acquire(Holdings& held, const VmRef& vm);
  void release(Holdings& held, const std::vector<Job>& jobs);
  std::vector<Job> look(Holdings& held, int max_parallel, std::stop_token stop, Watch* watch = nullptr);
  void remove_left_behind(Held& held, const std::vector<Job>& ended);
  std::vector<Job> stranded(const VmRef& vm);
  std::vector<Job> import(const std::vector<backup::BackupInfo>& backups, int& known);

  arm::ArmClient& arm_;
  store::Journal& journal_;
  core::Clock& clock_;
  Settings settings_;
  std::string holder_;  // of marks
  backup::BackupManager backups_;
  JobStore store_;
};

}  // namespace azlin::replication
