#pragma once
// Failback: a VM that `dr failover` brought up goes home when its region is back.
//
// While it runs, a backup of it is taken and copied home, so that little is left to copy; then it is stopped,
// what changed since is taken and copied, and that is restored at home: into the old VM (its disks are
// swapped and kept for 7 days), or as a new VM where the old one is gone. The failed-over VM stays, stopped.
// Until the home VM is up any failure starts the failed-over VM again.
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/backup/restore.hpp"
#include "azlin/core/process.hpp"
#include "azlin/dr/failover.hpp"
#include "azlin/replication/manager.hpp"

namespace azlin::dr {

// On the failed-over VM when it is done: "{operation} {backup}". docs/tags.md
inline constexpr const char* kFailedBackTag = "azlin:failed-back";
inline constexpr const char* kFailbackKind = "dr.failback";

struct FailbackConfig {
  VmRef vm;                              // the failed-over VM
  bool seed = true;                      // copy once while it runs, so that the stop is short
  std::optional<std::string> subnet_id;  // at home, where the old VM is gone
  std::function<void(const std::string&)> notify;
};

struct FailbackPlan {
  VmRef vm, home;
  std::string region, home_region;
  bool done_before = false;
  bool in_place = true;  // into the old VM; else as a new one
  bool was_running = true;
  std::string home_power;  // of the old VM now
  std::vector<std::string> warnings;
};

struct FailbackResult {
  FailbackPlan plan;
  std::int64_t operation = 0;
  std::string backup;        // what was restored at home
  core::Millis downtime{0};  // from the stop of the failed-over VM until the home VM was up
  backup::RestoreResult restored;
  std::vector<std::string> remaining;
  std::vector<std::string> warnings;  // those of the plan, then those of the restore
};

// Borrows its arguments. All calls throw core::Error or arm::ArmError.
class FailbackManager {
 public:
  FailbackManager(arm::ArmClient& arm, store::Journal& journal, core::Clock& clock,
                  core::ProcessRunner& processes, replication::ReplicationManager& replications);

  // Changes nothing. Throws core::Error: usage when the VM was not brought up by a failover, or the old VM is
  // gone and no subnet was named; what the service said when the home region does not answer.
  FailbackPlan plan(const FailbackConfig& config, std::stop_token stop);
  FailbackResult run(const FailbackConfig& config, std::stop_token stop);

  static bool recovers(const std::string& kind);
  // Home is up: finished. Else the failed-over VM runs again, and copies that were on their way home are
  // removed.
  backup::Recovered recover(const store::OperationRecord& record, std::stop_token stop);

 private:
  struct Run;
  backup::BackupInfo bring_home(Run& run, std::stop_token stop);
  std::string take(Run& run, std::stop_token stop);
  void settle_earlier(const VmRef& vm);
  std::vector<std::string> drop_copies(const store::OperationRecord& found, std::stop_token stop);

  arm::ArmClient& arm_;
  store::Journal& journal_;
  core::Clock& clock_;
  replication::ReplicationManager& replications_;
  backup::BackupManager backups_;
  backup::RestoreManager restores_;
};

}  // namespace azlin::dr
