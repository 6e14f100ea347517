#pragma once
// replication.db (tables: docs/database.md): the history and the work list of replication. Azure is the
// truth; a lost file is refilled from the replicas' tags.
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "azlin/replication/job.hpp"
#include "azlin/store/database.hpp"

namespace azlin::replication {

// Empty members do not filter.
struct JobFilter {
  std::string subscription, vm_key, set, target_region;
  std::optional<Status> status;
  bool open_only = false;    // pending or in progress
  bool left_behind = false;  // only those that left copies behind
  int limit = 0;             // 0: none
};

// Thread-safe; several processes may have the file open. Throws core::Error as store::Database does.
class JobStore {
 public:
  explicit JobStore(const std::string& path);

  // Inserts the job (its id is ignored), unless one of the same set to the same region is open: then that one
  // is returned. Second: whether it was inserted.
  std::pair<Job, bool> enqueue(const Job& job, core::TimePoint now);
  std::optional<Job> find(std::int64_t id);
  std::vector<Job> list(const JobFilter& filter);  // newest first
  // Writes state and copies. A request to cancel that came meanwhile is kept.
  void save(const Job& job);
  // False: the job has ended.
  bool request_cancel(std::int64_t id);

  void begin_attempt(std::int64_t job, int lun, int number, core::TimePoint at);
  void end_attempt(std::int64_t job, int lun, int number, core::TimePoint at, const std::string& error);
  // It was no attempt: the service asked to wait.
  void drop_attempt(std::int64_t job, int lun, int number);
  std::vector<Attempt> attempts(std::int64_t job);

  // Copies under way into a region, of every process that shares this file.
  int in_flight(const std::string& subscription, const std::string& target_region);
  // Shortest and longest of the VM's completed jobs into the region; nullopt: there was none.
  std::optional<std::pair<core::Millis, core::Millis>> durations(const std::string& subscription,
                                                                 const std::string& vm_key,
                                                                 const std::string& target_region);
  // The last job of the same set to the same region: what lies there is its own. `job` when it is that one.
  Job newest_of_set(const Job& job);
  // VMs (subscription, azlin:vm) with open jobs, or with copies that failed ones left behind.
  std::vector<std::pair<std::string, std::string>> open_vms();

 private:
  void insert_copies(const Job& job);
  std::vector<Copy> read_copies(std::int64_t job);
  std::optional<Job> find_locked(std::int64_t id);
  std::vector<Job> list_locked(const JobFilter& filter);
  std::mutex mutex_;
  store::Database db_;
};

}  // namespace azlin::replication
