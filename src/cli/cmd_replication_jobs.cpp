// azlin backup replication-status, replication-jobs, replication-cancel.
#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "cli/backup_view.hpp"
#include "cli/cmd_backup.hpp"
#include "cli/dry_run.hpp"
#include "cli/option_values.hpp"
#include "cli/replication_view.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using ReplicationJob = replication::Job;
using replication::ReplicationManager;
using replication::Status;

struct ReplicationStatusOptions {
  VmArgument vm;
  std::optional<std::string> region, stalled_after;
};
struct ReplicationJobsOptions {
  std::optional<std::string> status, vm, resource_group, stalled_after;
  int limit = 100;
};
struct ReplicationCancelOptions {
  std::int64_t job = 0;
};

// ---- replication-status

void bind(CLI::App& command, ReplicationStatusOptions& options) {
  bind_vm(command, options.vm);
  command.add_option("--target-region", options.region, "Only this region")->type_name("REGION");
  bind_stalled(command, options.stalled_after);
  command.footer(
      "Brings the jobs up to date with Azure, and begins queued copies whose turn it is.\n"
      "Example: azlin backup replication-status prod-db-vm\nExit codes: 0, 1, 2, 3, 5, 6 a job has stalled");
}

std::vector<ReplicationJob> with_status(const std::vector<ReplicationJob>& jobs, Status status) {
  std::vector<ReplicationJob> out;
  std::copy_if(jobs.begin(), jobs.end(), std::back_inserter(out),
               [&](const ReplicationJob& job) { return job.status == status; });
  return out;
}

void print_group(Console& console, ReplicationManager& replications, const std::vector<ReplicationJob>& jobs,
                 const char* title, const char* none) {
  console.line();
  console.line(fmt::format("{} ({}):", title, jobs.size()));
  if (jobs.empty() && *none != '\0') console.line(fmt::format("  ({})", none));
  for (const auto& job : jobs) {
    console.line(fmt::format("  Job {}: {} → {}  {}", job.id, short_name(job), job.target_region,
                             state_text(job, replications.progress_of(job))));
  }
}

ordered_json region_json(const replication::RegionState& state) {
  return {{"region", state.region},
          {"rpoSeconds", state.rpo ? ordered_json(state.rpo->count() / 1000) : ordered_json(nullptr)},
          {"newest", state.newest.empty() ? ordered_json(nullptr) : ordered_json(state.newest)},
          {"complete", state.complete},
          {"missing", state.missing}};
}

void print_regions(Console& console, const std::vector<replication::RegionState>& regions) {
  console.line();
  for (const auto& state : regions) {
    console.line(fmt::format("RPO in {}: {}", state.region,
                             state.rpo ? fmt::format("{} (newest complete replica: {})",
                                                     core::to_display(*state.rpo), state.newest)
                                       : "no complete replica"));
    console.line(fmt::format("  {} there, {} missing",
                             core::counted(static_cast<std::size_t>(state.complete), "backup"),
                             state.missing));
  }
}

int warn_of_stalled(Console& console, ReplicationManager& replications,
                    const std::vector<ReplicationJob>& jobs) {
  int code = 0;
  for (const auto& job : jobs) {
    const auto progress = replications.progress_of(job);
    if (!progress.stalled) continue;
    console.warn(stalled_hint(job, progress));
    code = core::exit_code(ErrorKind::findings);
  }
  return code;
}

int run(Runtime& runtime, const ReplicationStatusOptions& options) {
  std::optional<std::string> region;
  if (options.region) region = core::normalize_region(*options.region);
  if (region) check_known_region(runtime, *region);
  const auto vm = resolve_vm(runtime, options.vm);
  const auto replications = open_replication(runtime, options.stalled_after);
  const auto state = replications->status(vm, region, runtime.stop());
  Console& console = runtime.console();
  console.line(fmt::format("Replication Status for {}:", vm.name));
  print_group(console, *replications, with_status(state.jobs, Status::in_progress), "In Progress", "");
  const auto pending = with_status(state.jobs, Status::pending);
  if (!pending.empty()) print_group(console, *replications, pending, "Queued", "");
  print_group(console, *replications, with_status(state.jobs, Status::completed), "Completed", "");
  print_group(console, *replications, with_status(state.jobs, Status::failed), "Failed",
              "no failed replications");
  print_regions(console, state.regions);
  ordered_json json = {
      {"vm", vm.name}, {"jobs", jobs_json(*replications, state.jobs)}, {"regions", ordered_json::array()}};
  warn_unreadable(console, state.unreadable);
  json["unreadable"] = to_json(state.unreadable);
  for (const auto& each : state.regions) json["regions"].push_back(region_json(each));
  console.result(json, "jobs");
  report_replications(runtime, state.ended);
  return warn_of_stalled(console, *replications, state.jobs);
}

// ---- replication-jobs

void bind(CLI::App& command, ReplicationJobsOptions& options) {
  command.add_option("--status", options.status, "Only these")
      ->check(CLI::IsMember({"pending", "in_progress", "completed", "failed"}));
  command.add_option("--vm", options.vm, "Only of this VM")->type_name("VM");
  command.add_option("-g,--resource-group", options.resource_group, "The VM's resource group")
      ->type_name("GROUP")
      ->needs(command.get_option("--vm"));
  command.add_option("--limit", options.limit, "How many, newest first")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  bind_stalled(command, options.stalled_after);
  command.footer(
      "Brings open jobs up to date with Azure first, and begins queued copies whose turn it is.\n"
      "Example: azlin backup replication-jobs --status in_progress\nExit codes: 0, 1, 2, 3, 5, 6 a job has "
      "stalled");
}

int run(Runtime& runtime, const ReplicationJobsOptions& options) {
  const auto replications = open_replication(runtime, options.stalled_after);
  replication::JobFilter filter;
  filter.subscription = runtime.subscription();
  filter.limit = options.limit;
  if (options.status) filter.status = replication::parse_status(*options.status);
  if (options.vm) filter.vm_key = resolve_vm(runtime, {*options.vm, options.resource_group}).key();
  const auto ended =
      replications->advance(replications->open_vms(filter.subscription), kMostParallel, runtime.stop());
  const auto jobs = replications->jobs(filter);
  std::vector<std::vector<std::string>> rows;
  for (const auto& job : jobs) {
    rows.push_back({fmt::format("Job {}", job.id), replication::to_string(job.status), job.set,
                    "→ " + job.target_region, core::to_display_minutes(job.queued_at),
                    state_text(job, replications->progress_of(job))});
  }
  Console& console = runtime.console();
  if (jobs.empty()) console.line("No replication jobs");
  for (const auto& line : in_columns(rows)) console.line(line);
  console.result({{"jobs", jobs_json(*replications, jobs)}}, "jobs");
  report_replications(runtime, ended);
  return warn_of_stalled(console, *replications, jobs);
}

// ---- replication-cancel

void bind(CLI::App& command, ReplicationCancelOptions& options) {
  command.add_option("job", options.job, "Id of the job")
      ->required()
      ->type_name("JOB")
      ->check(an_id("azlin backup replication-jobs"));
  command.footer(
      "Deletes what has been copied of the backup.\n"
      "Example: azlin backup replication-cancel 1\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const ReplicationCancelOptions& options) {
  const auto replications = open_replication(runtime);
  Console& console = runtime.console();
  if (runtime.dry_run()) {
    const auto job = replications->job(options.job);
    std::vector<PlannedCall> calls;
    for (const auto& copy : job.copies) {
      if (!job.ended() && !copy.adopted && copy.attempts > 0) calls.push_back({"DELETE", copy.target_id, ""});
    }
    print_dry_run(console, calls, {{"job", job.id}});
    return 0;
  }
  const auto job = replications->cancel(options.job, runtime.stop());
  ordered_json deleted = ordered_json::array();
  for (const auto& copy : job.copies) {
    if (copy.error == replication::kDeleted) deleted.push_back(core::ResourceId::parse(copy.target_id).name);
  }
  if (job.status == Status::completed) {
    console.line(fmt::format("Job {} had completed before it could be cancelled", job.id));
  } else {
    console.line(fmt::format("✓ Job {} cancelled: {} → {}", job.id, job.set, job.target_region));
  }
  for (const auto& name : deleted)
    console.line(fmt::format("  Deleted the unfinished copy {}", name.get<std::string>()));
  if (deleted.empty()) console.line("  Nothing had been copied");
  console.line(
      fmt::format("  Start anew: azlin backup replicate {} --target-region {}", job.set, job.target_region));
  console.result({{"job", to_json(job, replications->progress_of(job))}, {"deleted", deleted}});
  return 0;
}

}  // namespace

void add_backup_replication_jobs_commands(CLI::App& group, Job& chosen) {
  add_command<ReplicationStatusOptions>(group, "replication-status", "Replication of a VM's backups", chosen);
  add_command<ReplicationJobsOptions>(group, "replication-jobs", "List replication jobs", chosen);
  add_command<ReplicationCancelOptions>(group, "replication-cancel", "End a job and delete its copies",
                                        chosen);
}

}  // namespace azlin::cli
