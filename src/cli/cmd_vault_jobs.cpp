// azlin vault backup, jobs, job, summary.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "cli/cmd_vault.hpp"
#include "cli/list_stream.hpp"
#include "cli/vault_session.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using vault::ProtectedItem;

namespace {

struct VaultBackupOptions {
  VaultArgument vault;
  std::optional<std::string> item, server, workload;
  std::string type = "full";
  int keep_days = 0;
  bool all = false, compression = false, no_wait = false;
};
struct JobsOptions {
  VaultArgument vault;
  std::optional<std::string> status, operation, since, workload;
  std::size_t limit = 0;
};
struct JobOptions {
  VaultArgument vault;
  std::string job;
};
struct JobShowOptions : JobOptions {};
struct JobWaitOptions : JobOptions {};
struct JobCancelOptions : JobOptions {};
struct SummaryOptions {
  VaultArgument vault;
};

void bind(CLI::App& command, VaultBackupOptions& options) {
  command.add_option("item", options.item, "Name, or INSTANCE/DATABASE");
  command.add_option("--type", options.type, "full, differential, incremental, log or copy-only-full")
      ->capture_default_str();
  command.add_option("--server", options.server, "Name of the VM that holds it");
  command.add_option("--workload", options.workload, "SAPHana, MSSQL or AzureVM");
  command
      .add_option("--keep-days", options.keep_days, "How long the backup is kept (full: at least 45 days)")
      ->check(CLI::Range(1, 36135));
  command.add_flag("--all", options.all, "Every protected item of --server");
  command.add_flag("--compression", options.compression, "Compress (SQL Server)");
  command.add_flag("--no-wait", options.no_wait, "Print the job's id and return");
  bind_vault(command, options.vault);
  command.footer(
      "Example: azlin vault backup HXE/HXE --type full\n"
      "Exit codes: 0, 1, 2, 3, 4 some failed, 5");
}

int run(Runtime& runtime, const VaultBackupOptions& options) {
  const auto type = vault::parse_backup_type(options.type);
  if (options.all == options.item.has_value())
    throw Error(ErrorKind::usage, "name one item, or say --all with --server");
  if (options.all && !options.server) throw Error(ErrorKind::usage, "--all needs --server");
  VaultSession session(runtime, options.vault);
  auto protection = session.protection();
  vault::ItemQuery query{options.item.value_or(""), options.server.value_or(""), std::nullopt};
  if (options.workload) query.workload = vault::parse_workload(*options.workload);
  std::string name;
  const auto one = [&](const ProtectedItem& listed) {
    // The list does not count points; the item itself does.
    const auto item = protection.find(listed.id, runtime.stop()).value_or(listed);
    return session.change(
        {"backup", item.id, item_label(item), ""},
        [&] {
          return name =
                     protection.back_up(item, type, options.keep_days, options.compression, runtime.stop());
        },
        !options.no_wait);
  };
  if (!options.all) {
    const auto item = protection.require_item(query, false, runtime.stop());
    const auto job = one(item);
    return report_job(session, fmt::format("{} backup of {}", options.type, item_label(item)), name, job);
  }
  std::vector<ProtectedItem> items;
  protection.each_item(
      query,
      [&](ProtectedItem&& item) {
        if (!item.soft_deleted && item.state != "ProtectionStopped") items.push_back(std::move(item));
        return true;
      },
      false, runtime.stop());
  if (items.empty()) throw Error(ErrorKind::not_found, "nothing on " + *options.server + " is protected");
  if (!session.dry_run()) {
    for (const auto& item : items) runtime.console().note("  " + item_label(item));
    if (!runtime.console().confirm(fmt::format("backing up {} items", items.size())))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  return run_bulk(session, options.no_wait ? "backup begun" : "backed up", items, one);
}

void bind(CLI::App& command, JobsOptions& options) {
  command
      .add_option("--status", options.status,
                  "InProgress, Completed, CompletedWithWarnings, Failed, Cancelling or Cancelled")
      ->check(CLI::IsMember(
          {"InProgress", "Completed", "CompletedWithWarnings", "Failed", "Cancelling", "Cancelled"},
          CLI::ignore_case));
  command.add_option("--operation", options.operation,
                     "Backup, Restore, ConfigureBackup, DisableBackup, Register, …");
  command.add_option("--since", options.since, "A duration such as 24h or 7d");
  command.add_option("--workload", options.workload, "SAPHana, MSSQL or AzureVM");
  command.add_option("--limit", options.limit, "At most so many (0: all)")->check(CLI::Range(0, 100'000));
  bind_vault(command, options.vault);
  command.footer(
      "Newest first. Scheduled log backups (of SAP HANA: all scheduled ones) are no jobs.\n"
      "Example: azlin vault jobs --status Failed --since 24h\n"
      "Exit codes: 0, 1, 2, 5");
}

int run(Runtime& runtime, const JobsOptions& options) {
  VaultSession session(runtime, options.vault);
  vault::JobQuery query;
  query.status = options.status.value_or("");
  query.operation = options.operation.value_or("");
  if (options.workload) query.workload = vault::parse_workload(*options.workload);
  if (options.since) {
    const auto back = core::parse_duration(*options.since);
    if (!back) throw Error(ErrorKind::usage, "'" + *options.since + "' is no duration", "use 90m, 24h, 7d");
    query.since = runtime.clock().now() - *back;
  }
  ListStream rows(runtime.console(), "jobs", {"JOB", "OPERATION", "STATUS", "ITEM", "WORKLOAD", "STARTED"});
  session.jobs().each(
      query,
      [&](vault::Job&& job) {
        rows.add(
            {job.name, job.operation, job.status, job.entity, job.workload, core::to_display(job.started)},
            [&] { return job_json(job); });
        return options.limit == 0 || rows.count() < options.limit;
      },
      runtime.stop());
  rows.end("No such jobs");
  return 0;
}

void bind_job(CLI::App& command, JobOptions& options) {
  command.add_option("job", options.job, "Id of the job")->required();
  bind_vault(command, options.vault);
}

void print_job(Console& console, const vault::Job& job) {
  console.line(fmt::format("Job {}: {} of {}", job.name, job.operation, job.entity));
  const auto percent = job.progress();
  console.line(fmt::format("  Status:   {}{}", job.status,
                           percent && job.running() ? fmt::format(" ({} %)", *percent) : ""));
  console.line(fmt::format("  Started:  {} UTC", core::to_display(job.started)));
  if (job.ended) console.line(fmt::format("  Ended:    {} UTC", core::to_display(*job.ended)));
  console.line("  Duration: " + job.duration);
  for (const auto& task : job.tasks) console.line(fmt::format("  Task:     {}: {}", task.name, task.status));
  for (const auto& [key, value] : job.properties) console.line(fmt::format("  {}: {}", key, value));
  for (const auto& error : job.errors) {
    console.line(fmt::format("  Error:    {} ({}): {}", error.title, error.code, error.text));
    for (const auto& recommendation : error.recommendations) console.line("    → " + recommendation);
    if (const std::string help = vault::help_for(error.title, 0); !help.empty())
      console.line("    → " + help);
  }
  console.result(job_json(job));
}

void bind(CLI::App& command, JobShowOptions& options) {
  bind_job(command, options);
  command.footer(
      "Example: azlin vault job show 4ed0ff9c-1df4-4a53-8f1c-6f8a2d3c9b10\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const JobShowOptions& options) {
  VaultSession session(runtime, options.vault);
  print_job(runtime.console(), session.jobs().require(options.job, runtime.stop()));
  return 0;
}

void bind(CLI::App& command, JobWaitOptions& options) {
  bind_job(command, options);
  command.footer(
      "Example: azlin vault job wait 4ed0ff9c-1df4-4a53-8f1c-6f8a2d3c9b10\n"
      "Exit codes: 0 the job completed, 1 it failed, 2, 3, 5");
}

int run(Runtime& runtime, const JobWaitOptions& options) {
  VaultSession session(runtime, options.vault);
  session.jobs().require(options.job, runtime.stop());
  const auto job = session.follow(options.job, options.job);
  vault::check_completed(job);
  print_job(runtime.console(), job);
  return 0;
}

void bind(CLI::App& command, JobCancelOptions& options) {
  bind_job(command, options);
  command.footer(
      "Only backups and restores in progress can be canceled.\n"
      "Example: azlin vault job cancel 4ed0ff9c-1df4-4a53-8f1c-6f8a2d3c9b10\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const JobCancelOptions& options) {
  VaultSession session(runtime, options.vault);
  const auto job = session.jobs().require(options.job, runtime.stop());
  if (!session.dry_run() &&
      !runtime.console().confirm(fmt::format("canceling the {} of {}", job.operation, job.entity)))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  session.change(
      {"cancel", session.id().id() + "/backupJobs/" + options.job, options.job, ""},
      [&] {
        session.jobs().cancel(options.job, runtime.stop());
        return std::string();
      },
      false);
  if (session.dry_run()) return session.print_planned();
  runtime.console().line("✓ Job " + options.job + " is canceled");
  runtime.console().result({{"job", options.job}, {"canceled", true}});
  return 0;
}

void bind(CLI::App& command, SummaryOptions& options) {
  bind_vault(command, options.vault);
  command.footer(
      "Example: azlin vault summary\n"
      "Exit codes: 0, 1, 2, 5, 6 something failed or was never backed up");
}

int run(Runtime& runtime, const SummaryOptions& options) {
  VaultSession session(runtime, options.vault);
  const auto summary = session.jobs().summary(runtime.stop());
  Console& console = runtime.console();
  console.line(console.bold("Vault " + session.id().name));
  for (const auto& [type, count] : summary.items)
    console.line(fmt::format("  Protected items ({}): {}", type, count));
  for (const auto& [type, count] : summary.containers)
    console.line(fmt::format("  Containers ({}): {}", type, count));
  console.line(fmt::format("  Never backed up: {}, last backup failed: {}, soft deleted: {}",
                           summary.never_backed_up, summary.unhealthy, summary.soft_deleted));
  std::string jobs;
  for (const auto& [status, count] : summary.jobs)
    jobs += fmt::format("{}{} {}", jobs.empty() ? "" : ", ", count, status);
  console.line("  Jobs of the last 24 hours: " + (jobs.empty() ? "none" : jobs));
  ordered_json json = {{"vault", session.id().name},
                       {"items", summary.items},
                       {"containers", summary.containers},
                       {"jobs24h", summary.jobs},
                       {"neverBackedUp", summary.never_backed_up},
                       {"unhealthy", summary.unhealthy},
                       {"softDeleted", summary.soft_deleted},
                       {"failedJobs", ordered_json::array()}};
  for (const auto& job : summary.failed) {
    json["failedJobs"].push_back(job_json(job));
    console.line(fmt::format("  ✗ {} of {} at {} UTC ({})", job.operation, job.entity,
                             core::to_display(job.started), job.name));
  }
  console.result(json, "failedJobs");
  const bool findings = summary.unhealthy > 0 || summary.never_backed_up > 0 || !summary.failed.empty();
  return findings ? core::exit_code(ErrorKind::findings) : 0;
}

}  // namespace

void add_vault_job_commands(CLI::App& group, Job& chosen) {
  add_command<VaultBackupOptions>(group, "backup", "Back up on demand", chosen);
  add_command<JobsOptions>(group, "jobs", "Jobs, newest first", chosen);
  CLI::App* job = add_group(group, "job", "One job: show, wait, cancel");
  add_command<JobShowOptions>(*job, "show", "Tasks, percentage, errors and what to do", chosen);
  add_command<JobWaitOptions>(*job, "wait", "Follow it to its end", chosen);
  add_command<JobCancelOptions>(*job, "cancel", "Cancel it", chosen);
  add_command<SummaryOptions>(group, "summary", "What is protected and how the last day went", chosen);
}

}  // namespace azlin::cli
