#include "azlin/vault/jobs.hpp"

#include <fmt/format.h>

#include "azlin/arm/error.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "vault/parse.hpp"

namespace azlin::vault {

using core::Error;
using core::ErrorKind;

namespace {

constexpr core::Millis kShortestPoll{200}, kLongestPoll{15'000};
constexpr std::size_t kShownFailures = 10;

bool fits(const Job& job, const JobQuery& query) {
  if (!query.workload) return true;
  return workload_of(job.workload) == query.workload;
}

}  // namespace

void JobManager::each(const JobQuery& query, const std::function<bool(Job&&)>& each, std::stop_token stop) {
  std::vector<std::pair<std::string, std::string>> conditions = {{"status", query.status},
                                                                 {"operation", query.operation}};
  if (query.workload)
    conditions.emplace_back("backupManagementType",
                            query.workload == Workload::vm ? "AzureIaasVM" : "AzureWorkload");
  if (query.since) {
    conditions.emplace_back("startTime", filter_time(*query.since));
    // A range needs both ends; a minute more, since the service's clock is not ours.
    conditions.emplace_back(
        "endTime", filter_time(query.until.value_or(service_.clock().now() + std::chrono::minutes{1})));
  }
  service_.list(
      vault_.id() + "/backupJobs", filter_of(conditions), "list jobs of vault " + vault_.name,
      [&](json&& body) {
        Job job = parse_job(body);
        return fits(job, query) ? each(std::move(job)) : true;
      },
      kBackupVersion, stop);
}

std::optional<Job> JobManager::find(const std::string& name, std::stop_token stop) {
  const auto body =
      service_.find(vault_.id() + "/backupJobs/" + name, "read job " + name, kBackupVersion, stop);
  return body ? std::optional(parse_job(*body)) : std::nullopt;
}

Job JobManager::require(const std::string& name, std::stop_token stop) {
  auto job = find(name, stop);
  if (!job)
    throw Error(ErrorKind::not_found, fmt::format("vault {} has no job {}", vault_.name, name),
                "`azlin vault jobs` lists them");
  return std::move(*job);
}

Job JobManager::wait_for(const std::function<Job()>& look, const std::function<void(const Job&)>& progress,
                         std::stop_token stop) {
  core::Millis delay = kShortestPoll;
  while (true) {
    Job job = look();
    if (progress) progress(job);
    if (!job.running()) return job;
    if (!service_.clock().sleep_for(delay, stop))
      throw Error(ErrorKind::interrupted, "interrupted while waiting for job " + job.name,
                  "it goes on in Azure: `azlin vault job wait " + job.name + "` follows it again");
    delay = std::min(delay * 2, kLongestPoll);
  }
}

Job JobManager::wait(const std::string& name, const std::function<void(const Job&)>& progress,
                     std::stop_token stop) {
  return wait_for([&] { return require(name, stop); }, progress, stop);
}

Job JobManager::wait_secondary(const std::string& region, const std::string& name,
                               const std::function<void(const Job&)>& progress, std::stop_token stop) {
  const json body = {{"resourceId", vault_.id()}, {"jobName", name}};
  return wait_for(
      [&] {
        return parse_job(service_.send("POST", region + "/backupCrrJob", body, "read job " + name,
                                       kSecondaryVersion, stop));
      },
      progress, stop);
}

void JobManager::cancel(const std::string& name, std::stop_token stop) {
  const Job job = require(name, stop);
  if (!job.cancellable)
    throw Error(ErrorKind::usage,
                fmt::format("job {} ({}, {}) cannot be canceled", name, job.operation, job.status),
                "only backups and restores that are in progress can");
  service_.run(vault_, "POST", job.id + "/cancel", nullptr, "cancel job " + name, stop);
}

Summary JobManager::summary(std::stop_token stop) {
  Summary summary;
  for (const auto& [type, into] : {std::pair{"BackupProtectedItemCountSummary", &summary.items},
                                   std::pair{"BackupProtectionContainerCountSummary", &summary.containers}}) {
    service_.list(
        vault_.id() + "/backupUsageSummaries", filter_of({{"type", type}}),
        "count what vault " + vault_.name + " holds",
        [&, target = into](json&& body) {
          (*target)[text(at(body, "name"), "value")] = number(body, "currentValue");
          return true;
        },
        kBackupVersion, stop);
  }
  service_.list(
      vault_.id() + "/backupProtectedItems", "", "list protected items",
      [&](json&& body) {
        const ProtectedItem item = parse_item(body);
        summary.soft_deleted += item.soft_deleted ? 1 : 0;
        summary.never_backed_up += !item.soft_deleted && item.state == "IRPending" ? 1 : 0;
        const bool failed = item.last_backup_status == "Unhealthy" || item.last_backup_status == "Failed";
        summary.unhealthy += failed ? 1 : 0;
        return true;
      },
      kBackupVersion, stop);
  JobQuery day;
  day.since = service_.clock().now() - std::chrono::hours{24};
  each(
      day,
      [&](Job&& job) {
        ++summary.jobs[job.status];
        if (job.status == "Failed" && summary.failed.size() < kShownFailures)
          summary.failed.push_back(std::move(job));
        return true;
      },
      stop);
  return summary;
}

void check_completed(const Job& job) {
  if (job.status == "Completed" || job.status == "CompletedWithWarnings") return;
  if (job.errors.empty())
    throw Error(ErrorKind::failed, fmt::format("job {} ({} of {}) ended as {}", job.name, job.operation,
                                               job.entity, job.status));
  const JobError& error = job.errors.front();
  std::string hint;
  for (const auto& recommendation : error.recommendations) hint += (hint.empty() ? "" : " ") + recommendation;
  if (const std::string help = help_for(error.title, 0); !help.empty())
    hint += (hint.empty() ? "" : " ") + help;
  const std::string code =
      error.title.empty() ? std::to_string(error.code) : fmt::format("{}, {}", error.title, error.code);
  throw arm::ArmError(
      ErrorKind::failed,
      fmt::format("job {} ({} of {}) failed: {} ({})", job.name, job.operation, job.entity, error.text, code),
      hint, 200, error.title, "", error.text);
}

}  // namespace azlin::vault
