// azlin backup replicate, replicate-all.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "cli/cmd_backup.hpp"
#include "cli/dry_run.hpp"
#include "cli/replication_view.hpp"
#include "cli/vault_engine.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using ReplicationJob = replication::Job;
using replication::Plan;
using replication::ReplicationManager;
using replication::Status;

struct TargetOptions {
  std::string region;
  std::optional<std::string> resource_group, encryption_set;
};
struct ReplicateOptions {
  std::string backup;
  TargetOptions target;
  std::optional<std::string> group, stalled_after;
  bool no_wait = false;
  int max_parallel = 3;
};
struct ReplicateAllOptions {
  VmsArgument vms;
  TargetOptions target;
  std::optional<std::string> stalled_after;
  bool no_wait = false;
  int max_parallel = 3;
};
void bind_target(CLI::App& command, TargetOptions& target) {
  command.add_option("--target-region", target.region, "Region that the copy goes to")
      ->required()
      ->type_name("REGION");
  command
      .add_option("--target-resource-group", target.resource_group,
                  "Its resource group; created when it does not exist (default: the source's)")
      ->type_name("GROUP");
  command
      .add_option("--target-disk-encryption-set", target.encryption_set,
                  "Id of a disk encryption set of that region: the copy is encrypted with its key")
      ->type_name("ID");
}

template <class Options>
void bind_run(CLI::App& command, Options& options) {
  command.add_option("--max-parallel", options.max_parallel, "Snapshots that are copied at a time")
      ->check(CLI::Range(1, kMostParallel))
      ->capture_default_str();
  command.add_flag("--no-wait", options.no_wait,
                   "Begin and return; the next replication command follows the copies up");
}

void bind(CLI::App& command, ReplicateOptions& options) {
  command.add_option("backup", options.backup, "The backup, or any beginning of its name that fits one only")
      ->required()
      ->type_name("BACKUP");
  bind_backup_group(command, options.group);
  bind_target(command, options.target);
  bind_run(command, options);
  bind_stalled(command, options.stalled_after);
  command.footer(
      "Example: azlin backup replicate prod-db-vm-backup-daily-20251201-0800 --target-region westus2\n"
      "Exit codes: 0, 1 the copy failed, 2, 3, 5, 130 (the copy goes on in Azure)");
}

void bind(CLI::App& command, ReplicateAllOptions& options) {
  bind_vms(command, options.vms, "Backups of every VM");
  bind_target(command, options.target);
  bind_run(command, options);
  bind_stalled(command, options.stalled_after);
  command.footer(
      "Copies what is missing in the region, oldest first: of one disk one snapshot at a time, as Azure "
      "wants it.\n"
      "Example: azlin backup replicate-all prod-db-vm --target-region westus2 --max-parallel 3\n"
      "Exit codes: 0, 1, 2, 3, 4 some copies failed, 5, 130 (the copies go on in Azure)");
}

// ---- what both commands that copy have in common

// One row a job while work goes on.
class JobTable {
 public:
  JobTable(Runtime& runtime, ReplicationManager& replications, const std::vector<ReplicationJob>& jobs)
      : console_(runtime.console()), replications_(replications), table_(console_, labels(jobs)) {}

  void show(const std::vector<ReplicationJob>& jobs) {
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      const auto progress = replications_.progress_of(jobs[i]);
      const bool on_terminal = console_.err_is_terminal();
      const bool running = jobs[i].status == Status::in_progress;
      const std::string state = running && !on_terminal ? progress.stalled ? "⚠ stalled" : "⟳ in progress"
                                : running               ? "⟳ " + state_text(jobs[i], progress)
                                                        : state_text(jobs[i], progress);
      table_.update(i, state);
      if (progress.stalled && warned_.insert(jobs[i].id).second)
        console_.warn(stalled_hint(jobs[i], progress));
    }
  }

 private:
  static std::vector<std::string> labels(const std::vector<ReplicationJob>& jobs) {
    std::vector<std::string> out;
    for (const auto& job : jobs) out.push_back(job.set);
    return out;
  }
  Console& console_;
  ReplicationManager& replications_;
  LiveTable table_;
  std::set<std::int64_t> warned_;
};

std::vector<std::int64_t> ids_of(const std::vector<ReplicationJob>& jobs) {
  std::vector<std::int64_t> ids;
  for (const auto& job : jobs) ids.push_back(job.id);
  return ids;
}

std::vector<ReplicationJob> wait_for(Runtime& runtime, ReplicationManager& replications,
                                     const std::vector<ReplicationJob>& jobs, int max_parallel) {
  JobTable table(runtime, replications, jobs);
  table.show(jobs);
  auto ended = replications.wait(
      ids_of(jobs), max_parallel, [&](const std::vector<ReplicationJob>& now) { table.show(now); },
      runtime.stop());
  report_replications(runtime, ended);
  return ended;
}

// Begins what may begin; the jobs as they are then.
std::vector<ReplicationJob> begin_only(Runtime& runtime, ReplicationManager& replications,
                                       const std::vector<ReplicationJob>& jobs, int max_parallel) {
  std::vector<snapshot::VmRef> vms;
  for (const auto& vm : replications.open_vms(runtime.subscription())) {
    if (std::any_of(jobs.begin(), jobs.end(),
                    [&](const ReplicationJob& job) { return job.vm_key == vm.key(); }))
      vms.push_back(vm);
  }
  report_replications(runtime, replications.advance(vms, max_parallel, runtime.stop()));
  std::vector<ReplicationJob> now;
  for (const auto& job : jobs) now.push_back(replications.job(job.id));
  return now;
}

void print_plans(Runtime& runtime, const std::vector<Plan>& plans, const ordered_json& more) {
  std::vector<PlannedCall> calls;
  for (const auto& plan : plans) {
    for (const auto& copy : plan.job.copies) {
      if (copy.adopted) continue;
      calls.push_back({"PUT", copy.target_id,
                       fmt::format("CopyStart of {} to {}", copy.source_id, plan.job.target_region)});
    }
  }
  print_dry_run(runtime.console(), calls, more);
}

// ---- replicate

void print_start(Console& console, ReplicationManager& replications, const Plan& plan,
                 const ReplicationJob& job) {
  console.line(fmt::format("Replicating backup to {}...", job.target_region));
  console.line(fmt::format("  Source: {} ({})", job.source_snapshot, job.source_region));
  console.line(fmt::format("  Target: {} ({})", job.target_snapshot, job.target_region));
  console.line(fmt::format("  Size: {} GB{}", plan.backup.size_gb,
                           plan.backup.disks > 1 ? fmt::format(" on {} disks", plan.backup.disks) : ""));
  console.line();
  console.line(fmt::format("Replication {} (job ID: {})", plan.replicated ? "adopted" : "started", job.id));
  const auto estimate = replications.estimate(job);
  if (!estimate || plan.replicated) return;
  const auto minutes = [](core::Millis time) {
    return std::max<std::int64_t>(1, std::chrono::round<std::chrono::minutes>(time).count());
  };
  const auto low = minutes(estimate->first), high = minutes(estimate->second);
  console.line(low == high ? fmt::format("Estimated time: {} minutes", low)
                           : fmt::format("Estimated time: {}-{} minutes", low, high));
}

int finish_one(Runtime& runtime, ReplicationManager& replications, const ReplicationJob& job) {
  Console& console = runtime.console();
  console.line();
  if (job.status == Status::completed) {
    console.line("✓ Replication complete");
    if (job.completed_at) console.line("  Time: " + core::to_display(*job.completed_at - job.started_at));
  } else if (job.status == Status::failed) {
    console.line(fmt::format("✗ Replication failed: {}", job.error));
    console.line(fmt::format("  → try again: azlin backup replicate {} --target-region {}", job.set,
                             job.target_region));
  } else {
    console.line("Track progress: azlin backup replication-status " + job.vm_name);
  }
  console.result(to_json(job, replications.progress_of(job)));
  return job.status == Status::failed ? core::exit_code(ErrorKind::failed) : 0;
}

int run(Runtime& runtime, const ReplicateOptions& options) {
  core::check_compute_name(options.backup, "backup");
  const auto target = replication_target(runtime, options.target.region, options.target.resource_group,
                                         options.target.encryption_set);
  backup::check_regions(runtime.arm(), runtime.subscription(), {target.region}, runtime.stop());
  refuse_vaulted_point(runtime, options.backup, PointVerb::replicate);
  const auto found = resolve_backup(runtime, options.backup, options.group);
  const auto replications = open_replication(runtime, options.stalled_after);
  const auto plan = replications->plan(found.vm, found.backup.name, target, runtime.stop());
  Console& console = runtime.console();
  for (const auto& warning : plan.warnings) console.warn(warning);
  if (runtime.dry_run()) {
    print_plans(runtime, {plan}, {{"backup", plan.backup.name}, {"targetRegion", target.region}});
    return 0;
  }
  const auto jobs = replications->queue({plan}, target, runtime.stop());
  print_start(console, *replications, plan, jobs.front());
  const auto now = options.no_wait ? begin_only(runtime, *replications, jobs, options.max_parallel)
                                   : wait_for(runtime, *replications, jobs, options.max_parallel);
  return finish_one(runtime, *replications, now.front());
}

// ---- replicate-all

void note_skipped(Console& console, const replication::FleetPlan& plan) {
  for (const auto& [backup, reason] : plan.skipped)
    console.warn(fmt::format("{} is left out: {}", backup, reason));
}

ordered_json all_json(ReplicationManager& replications, const replication::FleetPlan& plan,
                      const std::vector<ReplicationJob>& jobs) {
  const auto count = [&](Status status) {
    return std::count_if(jobs.begin(), jobs.end(),
                         [&](const ReplicationJob& job) { return job.status == status; });
  };
  ordered_json json = {{"found", plan.plans.size()},
                       {"succeeded", count(Status::completed)},
                       {"failed", count(Status::failed)},
                       {"jobs", jobs_json(replications, jobs)},
                       {"skipped", ordered_json::array()}};
  for (const auto& [backup, reason] : plan.skipped)
    json["skipped"].push_back({{"backup", backup}, {"reason", reason}});
  return json;
}

int finish_all(Console& console, const std::vector<ReplicationJob>& jobs, core::Millis took) {
  std::size_t done = 0, failed = 0;
  for (const auto& job : jobs) {
    done += job.status == Status::completed ? 1 : 0;
    if (job.status != Status::failed) continue;
    ++failed;
    console.line(fmt::format("✗ {}: {}", job.set, job.error));
  }
  if (done + failed < jobs.size()) {
    console.line(fmt::format("{} begun or queued; follow them with `azlin backup replication-jobs`",
                             core::counted(jobs.size() - done - failed, "replication")));
  } else if (failed == 0) {
    console.line(fmt::format("✓ All replications complete ({}/{} succeeded)", done, jobs.size()));
    console.line("  Total time: " + core::to_display(took));
  } else {
    console.line(fmt::format("✗ {}/{} replications succeeded, {} failed", done, jobs.size(), failed));
    console.line("  Total time: " + core::to_display(took));
  }
  if (failed == 0) return 0;
  return core::exit_code(failed < jobs.size() ? ErrorKind::partial : ErrorKind::failed);
}

replication::FleetPlan plan_all(Runtime& runtime, ReplicationManager& replications,
                                const ReplicateAllOptions& options, const replication::Target& target,
                                std::string& title) {
  if (!options.vms.all) {
    const auto vm = resolve_vm(runtime, {*options.vms.name, options.vms.resource_group});
    title = vm.name;
    return replications.plan_missing(vm, target, runtime.stop());
  }
  auto plan = replications.plan_missing_everywhere(runtime.subscription(), target, runtime.stop());
  if (options.vms.resource_group) {
    std::erase_if(plan.plans, [&](const Plan& each) {
      return !core::equal_ignoring_case(each.job.source_group, *options.vms.resource_group);
    });
    std::erase_if(plan.open, [&](const ReplicationJob& job) {
      return !core::equal_ignoring_case(job.source_group, *options.vms.resource_group);
    });
  }
  title = "all VMs";
  return plan;
}

int run(Runtime& runtime, const ReplicateAllOptions& options) {
  check(options.vms);
  const auto target = replication_target(runtime, options.target.region, options.target.resource_group,
                                         options.target.encryption_set);
  backup::check_regions(runtime.arm(), runtime.subscription(), {target.region}, runtime.stop());
  const auto replications = open_replication(runtime, options.stalled_after);
  // Jobs of earlier commands, also of copies that have ended meanwhile and are missing no more.
  report_replications(runtime, replications->advance(replications->open_vms(runtime.subscription()),
                                                     options.max_parallel, runtime.stop()));
  Console& console = runtime.console();
  std::string title;
  const auto plan = plan_all(runtime, *replications, options, target, title);
  note_skipped(console, plan);
  if (runtime.dry_run()) {
    print_plans(runtime, plan.plans, {{"found", plan.plans.size()}, {"targetRegion", target.region}});
    return 0;
  }
  if (plan.plans.empty() && plan.open.empty()) {
    console.line(fmt::format("No unreplicated backups for {}", title));
    console.result(all_json(*replications, plan, {}), "jobs");
    return 0;
  }
  console.line(
      fmt::format("Found {} for {}", core::counted(plan.plans.size(), "unreplicated backup"), title));
  console.line();
  const auto started = runtime.clock().now();
  auto jobs = replications->queue(plan.plans, target, runtime.stop());
  for (const auto& open : plan.open) {
    const auto same = [&](const ReplicationJob& job) { return job.id == open.id; };
    if (std::none_of(jobs.begin(), jobs.end(), same)) jobs.push_back(open);
  }
  if (options.no_wait) {
    jobs = begin_only(runtime, *replications, jobs, options.max_parallel);
  } else {
    console.note(fmt::format("Replicating in parallel (max {}):", options.max_parallel));
    jobs = wait_for(runtime, *replications, jobs, options.max_parallel);
  }
  const int code = finish_all(console, jobs, runtime.clock().now() - started);
  console.result(all_json(*replications, plan, jobs), "jobs");
  return code;
}

}  // namespace

void add_backup_replication_commands(CLI::App& group, Job& chosen) {
  add_command<ReplicateOptions>(group, "replicate", "Copy a backup to another region", chosen);
  add_command<ReplicateAllOptions>(group, "replicate-all", "Copy all backups that a region lacks", chosen);
}

}  // namespace azlin::cli
