#include "cli/replication_view.hpp"

#include <fmt/format.h>

#include <cmath>

#include "azlin/core/error.hpp"
#include "cli/alerts.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using ReplicationJob = replication::Job;
using replication::Progress;
using replication::Status;

namespace {

constexpr int kBeginAtOnce = 16;  // copies that a backup begins without waiting

ordered_json time_or_null(const std::optional<core::TimePoint>& time) {
  return time ? ordered_json(core::to_iso8601(*time)) : ordered_json(nullptr);
}

template <class Number>
ordered_json number_or_null(const std::optional<Number>& number) {
  return number ? ordered_json(*number) : ordered_json(nullptr);
}

std::string bar(double percent) {
  constexpr int kCells = 10;
  const int full = std::clamp(static_cast<int>(percent / 10.0), 0, kCells);
  std::string out = "[";
  for (int i = 0; i < kCells; ++i) out += i < full ? "█" : "░";
  return out + "]";
}

std::string eta_text(core::Millis eta) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(eta).count();
  return seconds < 60 ? fmt::format("{}s", seconds) : fmt::format("{}m", (seconds + 59) / 60);
}

ordered_json copy_json(const replication::Copy& copy) {
  return {{"lun", copy.lun < 0 ? ordered_json("os") : ordered_json(copy.lun)},
          {"source", copy.source_id},
          {"target", copy.target_id},
          {"status", replication::to_string(copy.status)},
          {"percent", copy.percent},
          {"attempts", copy.attempts},
          {"adopted", copy.adopted},
          {"error", copy.error.empty() ? ordered_json(nullptr) : ordered_json(copy.error)}};
}

alert::AlertEvent to_event(const ReplicationJob& job) {
  using alert::Rule;
  const alert::Subject vm(job.vm_name, job.vm_key.substr(0, job.vm_key.find('/')));
  if (job.status == Status::completed) {
    return alert::all_clear(Rule::replication_failure, vm,
                            fmt::format("{} was replicated to {}.", job.set, job.target_region),
                            job.target_region);
  }
  return alert::problem(
      Rule::replication_failure, vm,
      fmt::format("Replication of {} to {} failed", job.vm_name, job.target_region),
      fmt::format("{} was not copied to {}: {}\nTry again: azlin backup replicate {} --target-region {}",
                  job.set, job.target_region, job.error, job.set, job.target_region),
      {{"Backup", job.set}, {"Region", job.target_region}, {"Job", std::to_string(job.id)}},
      job.target_region);
}

}  // namespace

std::unique_ptr<replication::ReplicationManager> open_replication(
    Runtime& runtime, const std::optional<std::string>& stalled_after) {
  replication::Settings settings;
  settings.look_only = runtime.dry_run();
  const auto text = core::setting(stalled_after, runtime.env(), "AZLIN_REPLICATION_STALLED_AFTER",
                                  runtime.config(), "replication.stalled_after");
  if (text) {
    const auto duration = core::parse_duration(*text);
    if (!duration || *duration <= core::Millis{0}) {
      throw Error(ErrorKind::usage,
                  fmt::format("'{}' is no time after which a copy counts as stalled", *text),
                  "write it as 30m or 2h");
    }
    settings.stalled_after = *duration;
  }
  return std::make_unique<replication::ReplicationManager>(runtime.arm(), runtime.journal(), runtime.clock(),
                                                           runtime.journal_path(),
                                                           runtime.home() + "/replication.db", settings);
}

replication::Target replication_target(Runtime& runtime, const std::string& region,
                                       const std::optional<std::string>& resource_group,
                                       const std::optional<std::string>& encryption_set) {
  auto target = replication::make_target(region, resource_group, encryption_set.value_or(""));
  if (!encryption_set) {
    const auto set = runtime.config().get("replication.disk_encryption_set." + target.region);
    if (set) target = replication::make_target(target.region, resource_group, *set);
  }
  return target;
}

ordered_json to_json(const ReplicationJob& job, const Progress& progress) {
  ordered_json json = {
      {"id", job.id},
      {"backup", job.set},
      {"vm", job.vm_name},
      {"status", replication::to_string(job.status)},
      {"stalled", progress.stalled},
      {"sourceSnapshot", job.source_snapshot},
      {"targetSnapshot", job.target_snapshot},
      {"sourceRegion", job.source_region},
      {"targetRegion", job.target_region},
      {"sourceResourceGroup", job.source_group},
      {"targetResourceGroup", job.target_group},
      {"sizeGb", job.size_gb()},
      {"percent", std::round(progress.percent * 10.0) / 10.0},
      {"percentPerMinute", number_or_null(progress.percent_per_minute)},
      {"provisionedBytesPerSecond", number_or_null(progress.bytes_per_second)},
      {"etaSeconds", progress.eta ? ordered_json(progress.eta->count() / 1000) : ordered_json(nullptr)},
      {"attempts", job.attempts()},
      {"queuedAt", core::to_iso8601(job.queued_at)},
      {"startedAt", job.status == Status::pending ? ordered_json(nullptr)
                                                  : ordered_json(core::to_iso8601(job.started_at))},
      {"completedAt", time_or_null(job.completed_at)},
      {"lastProgressAt", time_or_null(job.last_progress_at())},
      {"error", job.error.empty() ? ordered_json(nullptr) : ordered_json(job.error)},
      {"note", job.note.empty() ? ordered_json(nullptr) : ordered_json(job.note)},
      {"operation", job.operation},
      {"copies", ordered_json::array()}};
  for (const auto& copy : job.copies) json["copies"].push_back(copy_json(copy));
  return json;
}

std::string state_text(const ReplicationJob& job, const Progress& progress) {
  switch (job.status) {
    case Status::pending:
      return "⏸ queued";
    case Status::failed:
      return "✗ " + job.error;
    case Status::completed:
      return job.completed_at ? "✓  " + core::to_display(*job.completed_at - job.started_at)
                              : "✓  " + (job.note.empty() ? std::string("done") : job.note);
    case Status::in_progress:
      break;
  }
  std::string text = fmt::format("{} {:.0f}%", bar(progress.percent), std::floor(progress.percent));
  if (progress.stalled) return text + "  stalled";
  if (progress.eta) text += "  ETA: " + eta_text(*progress.eta);
  if (progress.bytes_per_second)
    text += fmt::format("  ({:.0f} MB/s of the provisioned size)", *progress.bytes_per_second / 1e6);
  return text;
}

std::string stalled_hint(const ReplicationJob& job, const Progress& progress) {
  return fmt::format(
      "job {} ({} → {}) has made no progress for {}: look whether both regions are healthy and the source is "
      "still there; end it with `azlin backup replication-cancel {}` and start anew with `azlin backup "
      "replicate "
      "{} --target-region {}`",
      job.id, job.set, job.target_region, core::to_display(progress.quiet), job.id, job.set,
      job.target_region);
}

std::string short_name(const ReplicationJob& job) {
  const std::string head = job.vm_name + "-backup-";
  return job.set.rfind(head, 0) == 0 ? job.set.substr(head.size()) : job.set;
}

void report_replications(Runtime& runtime, const std::vector<ReplicationJob>& ended) {
  std::vector<alert::AlertEvent> events;
  for (const auto& job : ended) {
    if (job.ended() && !job.cancelled()) events.push_back(to_event(job));
  }
  report_events(runtime, events);
}

QueuedReplication queue_after_backup(Runtime& runtime, replication::ReplicationManager& replications,
                                     const snapshot::VmRef& vm, backup::TriggerResult& result) {
  QueuedReplication queued;
  if (!result.replicate_to) return queued;
  try {
    const auto target = replication_target(runtime, *result.replicate_to, {}, {});
    auto plans = replications.plan_missed(vm, target, runtime.stop());  // first: Azure wants them in order
    plans.push_back(replication::plan_replica(result.backup, {result.backup}, target));
    queued.job = replications.queue(plans, target, runtime.stop()).back();
    queued.ended = replications.advance({vm}, kBeginAtOnce, runtime.stop());
    return queued;
  } catch (const Error& error) {
    result.warnings.push_back(fmt::format(
        "the backup is made, but {}: {}",
        queued.job ? "its replication could not begin yet" : "its replication was not queued", error.what()));
  }
  if (queued.job) return queued;
  ReplicationJob failed;  // never a row: for the alert alone
  failed.vm_name = vm.name;
  failed.vm_key = vm.key();
  failed.set = result.backup.name;
  failed.target_region = *result.replicate_to;
  failed.status = Status::failed;
  failed.error = result.warnings.back();
  queued.ended.push_back(failed);
  return queued;
}

std::string queued_text(const ReplicationJob& job) {
  return fmt::format("Cross-region replication: queued → {} (job {})", job.target_region, job.id);
}

ordered_json to_json(const QueuedReplication& queued) {
  if (!queued.job) return nullptr;
  return {{"job", queued.job->id},
          {"targetRegion", queued.job->target_region},
          {"targetSnapshot", queued.job->target_snapshot}};
}

void bind_stalled(CLI::App& command, std::optional<std::string>& stalled_after) {
  command
      .add_option("--stalled-after", stalled_after,
                  "A copy without progress for so long counts as stalled (default 30m)")
      ->type_name("TIME");
}

ordered_json jobs_json(replication::ReplicationManager& replications,
                       const std::vector<ReplicationJob>& jobs) {
  ordered_json rows = ordered_json::array();
  for (const auto& job : jobs) rows.push_back(to_json(job, replications.progress_of(job)));
  return rows;
}

}  // namespace azlin::cli
