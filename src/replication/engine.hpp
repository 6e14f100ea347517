#pragma once
// One look at the open jobs of VMs that this process holds: what runs is read from Azure, what ended is
// settled, what may begin begins.
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/azure/compute.hpp"
#include "azlin/replication/job_store.hpp"
#include "azlin/store/journal.hpp"
#include "replication/source_guard.hpp"
#include "replication/target_lists.hpp"

namespace azlin::replication {

inline constexpr int kMostAttempts = 3;
inline constexpr int kMostIntoARegion = 100;  // copies at a time, a subscription; source: Azure's limits
inline constexpr const char* kStartStep = "start-copy";
inline constexpr const char* kDeleteStep = "delete-copy";

// How long to wait before the attempt after `attempts` of them.
core::Millis retry_delay(int attempts);

// What is kept from look to look by who looks again soon.
struct Watch {
  // Requests that the service has accepted and not answered yet, by job and lun.
  std::map<std::pair<std::int64_t, int>, arm::Operation> accepted;
  TargetLists lists;
};

// Borrows its arguments. One thread.
class Engine {
 public:
  // `operations`: by azlin:vm, where the steps are written. `holder`: in the marks on sources. `watch`: of
  // who looks again soon, so that no look waits until a copy has begun; null: each look waits.
  Engine(arm::ArmClient& arm, core::Clock& clock, JobStore& store,
         std::map<std::string, store::Operation*> operations, const std::string& holder, Watch* watch)
      : arm_(arm),
        clock_(clock),
        store_(store),
        operations_(std::move(operations)),
        guard_(arm, clock, store, holder),
        follows_up_(watch != nullptr),
        watch_(watch != nullptr ? *watch : own_watch_) {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Writes every change to the store; returns the jobs that ended. Throws core::Error (unauthorized,
  // interrupted) with the rows as they were; other failures are the copies' own.
  std::vector<Job> look(std::vector<Job> jobs, int max_parallel, std::stop_token stop);
  // Deletes what failed jobs could not delete when they ended, unless a later job or another machine has made
  // a whole set of it. While somebody may need it, it stays for the next look; the job's note says why.
  void remove_left_behind(std::vector<Job> jobs);

 private:
  struct Place {
    Job* job;
    Copy* copy;
  };
  struct Outcome;
  void observe(std::vector<Job>& jobs, std::stop_token stop);
  Outcome read(const Job& job, const Copy& copy, std::stop_token stop) const;
  void begin(std::vector<Job>& jobs, int max_parallel, std::stop_token stop);
  std::vector<Place> choose(std::vector<Job>& jobs, int max_parallel);
  Outcome start(const Job& job, const Copy& copy, std::stop_token stop);
  Outcome adopt_or_create(const Job& job, const Copy& copy, std::stop_token stop);
  bool in_the_way(const Job& job, const Copy& copy, std::stop_token stop) const;
  void fill_error(Outcome& outcome, const core::Error& error, const Job& job, const Copy& copy,
                  std::stop_token stop) const;
  void note_seen(Job& job, Copy& copy, const std::optional<azure::Snapshot>& seen, std::stop_token stop);
  void note_refused(Job& job, Copy& copy, const Outcome& outcome);
  void note_failed(Job& job, Copy& copy, const std::string& why, bool transient);
  void settle(Job& job);
  void cancel(Job& job);
  struct Removal {
    std::string failures;  // what could not be deleted, and why; empty: all is gone
    bool deleted = false;
  };
  // Deletes what the job copied itself.
  Removal remove_copies(Job& job);
  void remove_left_behind(Job& job);
  void guard_sources(std::vector<Job>& jobs, const std::stop_token& stop);
  void save_open(const std::vector<Job>& jobs);
  store::Operation& operation_of(const Job& job) { return *operations_.at(job.vm_key); }

  arm::ArmClient& arm_;
  core::Clock& clock_;
  JobStore& store_;
  std::map<std::string, store::Operation*> operations_;
  SourceGuard guard_;
  bool follows_up_;
  Watch own_watch_;
  Watch& watch_;
  std::vector<Job> saved_;  // as the rows are
};

}  // namespace azlin::replication
