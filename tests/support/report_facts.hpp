#pragma once
// A fleet of one VM, as the managers would tell it.
#include "azlin/report/report.hpp"

namespace azlin::report::test {

inline const core::TimePoint kNow = core::parse_time("2025-12-10 12:00").value();
inline const std::string kVmId =
    "/subscriptions/sub/resourceGroups/Production/providers/Microsoft.Compute/virtualMachines/web";

inline core::TimePoint hours_ago(int hours) {
  return kNow - std::chrono::hours{hours};
}

inline backup::BackupInfo backup_at(int hours, backup::Tier tier = backup::Tier::daily, int gib = 100) {
  backup::BackupInfo backup;
  backup.created = hours_ago(hours);
  backup.name = "web-backup-" + core::to_name_stamp(backup.created);
  backup.vm_key = "production/web";
  backup.vm_name = "web";
  backup.resource_group = "Production";
  backup.region = "eastus";
  backup.tier = tier;
  backup.size_gb = gib;
  return backup;
}

inline backup::BackupInfo with_replica(backup::BackupInfo backup, const std::string& region = "westus2") {
  backup::ReplicaInfo replica;
  replica.region = region;
  replica.complete = true;
  backup.replicas.push_back(replica);
  return backup;
}

inline backup::BackupInfo verified(backup::BackupInfo backup, int hours) {
  backup.verified = backup::Verified::passed;
  backup.verified_at = hours_ago(hours);
  return backup;
}

inline store::OperationRecord trigger_at(int hours, const std::string& state) {
  store::OperationRecord operation;
  operation.kind = "backup.trigger";
  operation.target = kVmId;
  operation.state = state;
  operation.started_at = hours_ago(hours);
  return operation;
}

inline replication::Job job_at(int hours, replication::Status status, const std::string& error = {}) {
  replication::Job job;
  job.vm_key = "production/web";
  job.vm_name = "web";
  job.set = job.source_snapshot = "web-backup";
  job.source_region = "eastus";
  job.target_region = "westus2";
  job.status = status;
  job.error = error;
  job.queued_at = hours_ago(hours);
  return job;
}

inline dr::DRTestResult drill_at(int hours, dr::Verdict verdict, std::optional<int> rto_minutes = {}) {
  dr::DRTestResult drill;
  drill.vm = {"sub", "Production", "web"};
  drill.test_region = "westus2";
  drill.backup_name = "web-backup";
  drill.started_at = hours_ago(hours);
  drill.completed_at = drill.started_at + std::chrono::minutes{30};
  drill.verdict = verdict;
  if (rto_minutes) drill.rto = std::chrono::minutes{*rto_minutes};
  if (verdict == dr::Verdict::failed) drill.error = "the guest <did> not come up";
  return drill;
}

inline verification::Verification run_at(int hours, const std::string& backup,
                                         verification::Outcome outcome) {
  verification::Verification run;
  run.backup = backup;
  run.vm = "web";
  run.resource_group = "Production";
  run.region = "eastus";
  run.at = hours_ago(hours);
  run.outcome = outcome;
  return run;
}

inline ReportFacts empty_facts() {
  ReportFacts facts;
  facts.now = kNow;
  facts.days = 30;
  facts.subscription = "sub";
  facts.version = "1.2.3";
  return facts;
}

inline backup::BackupManager::Scheduled scheduled(const std::string& name = "web") {
  return {{"sub", "Production", name}, backup::BackupSchedule{}, ""};
}

}  // namespace azlin::report::test
