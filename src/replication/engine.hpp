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

namespace azlin::replication {

inline constexpr int kMostAttempts = 3;
inline constexpr int kMostIntoARegion = 100;  // copies at a time, a subscription; source: Azure's limits
inline constexpr const char* kStartStep = "start-copy";
inline constexpr const char* kDeleteStep = "delete-copy";

// How long to wait before the attempt after `attempts` of them.
core::Millis retry_delay(int attempts);

// Borrows its arguments. One thread.
class Engine {
 public:
  // `operations`: by azlin:vm, where the steps are written. `holder`: in the marks on sources, so that only
  // this machine's are taken off.
  Engine(arm::ArmClient& arm, core::Clock& clock, JobStore& store,
         std::map<std::string, store::Operation*> operations, const std::string& holder)
      : arm_(arm),
        clock_(clock),
        store_(store),
        operations_(std::move(operations)),
        mark_("replication:" + holder) {}

  // Writes every change to the store; returns the jobs that ended. Throws core::Error (unauthorized,
  // interrupted) with the rows as they were; other failures are the copies' own.
  std::vector<Job> look(std::vector<Job> jobs, int max_parallel, std::stop_token stop);

 private:
  struct Place {
    Job* job;
    Copy* copy;
  };
  struct Outcome;
  void observe(std::vector<Job>& jobs, std::stop_token stop);
  void begin(std::vector<Job>& jobs, int max_parallel, std::stop_token stop);
  std::vector<Place> choose(std::vector<Job>& jobs, int max_parallel);
  Outcome start(const Job& job, const Copy& copy, std::stop_token stop);
  Outcome adopt_or_create(const Job& job, const Copy& copy, std::stop_token stop);
  bool in_the_way(const Job& job, const Copy& copy, std::stop_token stop);
  void note_seen(Job& job, Copy& copy, const std::optional<azure::Snapshot>& seen, std::stop_token stop);
  void note_failed(Job& job, Copy& copy, const std::string& why, bool transient);
  void settle(Job& job);
  void cancel(Job& job);
  // Deletes what the job copied itself. Returns what could not be deleted, and why; empty: all is gone.
  std::string remove_copies(Job& job);
  void guard_sources(Job& job, std::stop_token stop);
  void unguard_sources(Job& job);
  store::Operation& operation_of(const Job& job) { return *operations_.at(job.vm_key); }

  arm::ArmClient& arm_;
  core::Clock& clock_;
  JobStore& store_;
  std::map<std::string, store::Operation*> operations_;
  std::string mark_;  // what azlin:in-use says
};

}  // namespace azlin::replication
