#pragma once
// Replication as text, JSON and alerts, in one place for every command that shows it.
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "azlin/replication/manager.hpp"
#include "cli/command.hpp"
#include "cli/runtime.hpp"

namespace azlin::cli {

inline constexpr int kMostParallel = 100;  // copies into a region at a time: Azure's limit

// replication.db of the state folder. `stalled_after`: of a flag; else AZLIN_REPLICATION_STALLED_AFTER,
// replication.stalled_after, 30 minutes. Throws core::Error (usage) when it is no duration.
std::unique_ptr<replication::ReplicationManager> open_replication(
    Runtime& runtime, const std::optional<std::string>& stalled_after = {});

// Where replicas go: flags over settings (replication.disk_encryption_set.{region}). Makes no call.
replication::Target replication_target(Runtime& runtime, const std::string& region,
                                       const std::optional<std::string>& resource_group,
                                       const std::optional<std::string>& encryption_set);

void bind_stalled(CLI::App& command, std::optional<std::string>& stalled_after);

nlohmann::ordered_json to_json(const replication::Job& job, const replication::Progress& progress);
nlohmann::ordered_json jobs_json(replication::ReplicationManager& replications,
                                 const std::vector<replication::Job>& jobs);
// "[███████░░░] 70%  ETA: 3m", "✓  12m 34s", "⏸ queued", "✗ …".
std::string state_text(const replication::Job& job, const replication::Progress& progress);
// What to do about a stalled job.
std::string stalled_hint(const replication::Job& job, const replication::Progress& progress);
// The backup's name without its VM: "daily-20251201-0800".
std::string short_name(const replication::Job& job);

// Raises the alert for jobs that failed (cancelled ones did not), and clears it for those that succeeded.
void report_replications(Runtime& runtime, const std::vector<replication::Job>& ended);

// What became of the replication that a backup's schedule asks for.
struct QueuedReplication {
  std::optional<replication::Job> job;  // nullopt: none was asked for, or it failed (a warning of the result)
  std::vector<replication::Job> ended;  // for report_replications
};
// Queues it and begins its copies, without waiting. A failure becomes a warning of `result`: the backup is
// good. Thread-safe.
QueuedReplication queue_after_backup(Runtime& runtime, replication::ReplicationManager& replications,
                                     const snapshot::VmRef& vm, backup::TriggerResult& result);
// "Cross-region replication: queued → westus2 (job 7)"
std::string queued_text(const replication::Job& job);
nlohmann::ordered_json to_json(const QueuedReplication& queued);

}  // namespace azlin::cli
