#pragma once
// Marks on the sources of copies that wait, so that no retention deletes them meanwhile. A running copy
// guards its source by itself.
#include <stop_token>
#include <string>

#include "azlin/arm/client.hpp"
#include "azlin/replication/job_store.hpp"

namespace azlin::replication {

// Borrows its arguments; thread-safe for different jobs.
class SourceGuard {
 public:
  // `holder`: in the marks, so that only this machine's are taken off.
  SourceGuard(arm::ArmClient& arm, core::Clock& clock, JobStore& store, const std::string& holder)
      : arm_(arm), clock_(clock), store_(store), mark_("replication:" + holder) {}

  // Writes or renews the marks of a job that has copies waiting. A failure is logged and tried again at the
  // next look; throws core::Error (interrupted).
  void guard(Job& job, std::stop_token stop);
  // Takes them off, unless a job to another region needs them. A failure is logged: a mark ends by itself.
  void unguard(Job& job);

 private:
  arm::ArmClient& arm_;
  core::Clock& clock_;
  JobStore& store_;
  std::string mark_;  // what azlin:in-use says
};

}  // namespace azlin::replication
