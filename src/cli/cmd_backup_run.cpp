// azlin backup trigger.
#include <fmt/format.h>

#include <span>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/replication/replica.hpp"
#include "cli/alerts.hpp"
#include "cli/backup_groups.hpp"
#include "cli/backup_view.hpp"
#include "cli/cmd_backup.hpp"
#include "cli/dry_run.hpp"
#include "cli/replication_view.hpp"
#include "cli/vault_engine.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using backup::BackupManager;
using backup::Tier;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using snapshot::VmRef;

struct TriggerCliOptions {
  VmsArgument vms;
  std::optional<std::string> tier, group;
  bool due = false, no_cleanup = false, no_wait = false;
  int max_parallel = 8;
};

BackupManager manager(Runtime& runtime) {
  return {runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path()};
}

void bind(CLI::App& command, TriggerCliOptions& options) {
  bind_vms(command, options.vms, "Every VM with an enabled schedule");
  command
      .add_option("--group", options.group,
                  "All VMs of this group at once, with one tier (docs/protection.md)")
      ->type_name("NAME");
  command.add_option("--tier", options.tier, "Retention tier, instead of the one that is due")
      ->check(CLI::IsMember({"daily", "weekly", "monthly"}));
  command.add_flag("--due", options.due,
                   "Only VMs whose backup is due now; without a VM: of all that have a schedule");
  command.add_option("--max-parallel", options.max_parallel, "VMs at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command.add_flag("--no-cleanup", options.no_cleanup, "Do not delete expired backups afterwards");
  command.add_flag("--no-wait", options.no_wait)->group("");  // refused with the reason, see run()
  command.footer(
      "Example: azlin backup trigger prod-db-vm\nExit codes: 0, 1, 2, 3, 4 some VMs failed, 5, 7 busy, 130");
}

backup::TriggerOptions trigger_options(const TriggerCliOptions& options) {
  backup::TriggerOptions result;
  if (options.tier) result.tier = backup::parse_tier(*options.tier);
  result.cleanup = !options.no_cleanup;
  return result;
}

ordered_json trigger_json(const backup::TriggerResult& result, const QueuedReplication& queued) {
  ordered_json json = {
      {"backup", to_json(result.backup)},
      {"seconds", static_cast<double>(result.duration.count()) / 1000.0},
      {"operation", result.operation},
      {"replicateTo", result.replicate_to ? ordered_json(*result.replicate_to) : ordered_json(nullptr)},
      {"replication", to_json(queued)},
      {"cleanup", nullptr},
      {"warnings", result.warnings}};
  if (result.cleanup) json["cleanup"] = to_json(*result.cleanup);
  return json;
}

// Of the set, and of its copies where the schedule asks for them.
void add_creates(std::vector<PlannedCall>& calls, const backup::TriggerPlan& plan) {
  for (const auto& snapshot : plan.take.snapshots) calls.push_back(put_snapshot(snapshot));
  if (!plan.replicate_to) return;
  for (const auto& snapshot : plan.take.snapshots) {
    const auto slash = snapshot.id.rfind('/') + 1;
    calls.push_back({"PUT",
                     snapshot.id.substr(0, slash) +
                         replication::replica_name(snapshot.id.substr(slash), *plan.replicate_to, true),
                     fmt::format("CopyStart of {} in {}", snapshot.id.substr(slash), *plan.replicate_to)});
  }
}

int dry_run_one(Runtime& runtime, const VmRef& vm, const backup::TriggerOptions& options) {
  const auto plan = manager(runtime).plan_trigger(vm, options, runtime.stop());
  std::vector<PlannedCall> calls;
  add_creates(calls, plan);
  for (const auto& decision : plan.retention.deletions()) {
    calls.push_back({"DELETE", "snapshots of " + decision.point.name, decision.reason});
  }
  runtime.console().line(
      fmt::format("Would back up {} as {} ({})", vm.name, plan.take.set, backup::to_string(plan.tier)));
  print_dry_run(runtime.console(), calls,
                {{"vm", vm.name}, {"tier", backup::to_string(plan.tier)}, {"backup", plan.take.set}});
  return 0;
}

void print_result(Console& console, const backup::TriggerResult& result, const QueuedReplication& queued) {
  console.line();
  console.line("✓ Backup created successfully");
  console.line(fmt::format("  Size: {} GB{}", result.backup.size_gb,
                           result.backup.disks > 1 ? fmt::format(" on {} disks", result.backup.disks) : ""));
  console.line("  Time: " + core::to_display(result.duration));
  if (queued.job) console.line("  " + queued_text(*queued.job));
  if (result.cleanup && !result.cleanup->deleted.empty()) {
    console.line(
        fmt::format("  Expired: {} deleted", core::counted(result.cleanup->deleted.size(), "backup")));
  }
}

// What the alert rules want to know of one VM's run.
std::vector<alert::AlertEvent> events_of(const VmRef& ref, const std::optional<backup::TriggerResult>& result,
                                         const std::string& error) {
  using alert::Rule;
  const alert::Subject vm(ref.name, ref.resource_group);
  if (!result) return {alert::problem(Rule::backup_failure, vm, "Backup of " + ref.name + " failed", error)};
  std::vector<alert::AlertEvent> events = {alert::all_clear(Rule::backup_failure, vm)};
  if (!result->cleanup) return events;
  std::string failures;
  for (const auto& failure : result->cleanup->failures) failures += failure + "\n";
  events.push_back(failures.empty()
                       ? alert::all_clear(Rule::retention_violation, vm)
                       : alert::problem(Rule::retention_violation, vm,
                                        "Expired backups of " + ref.name + " were not deleted", failures));
  return events;
}

// The failures that nobody needs to be woken for: no schedule, bad input, a VM that is busy, Ctrl-C.
bool is_alarming(const Error& error) {
  return dynamic_cast<const backup::NotScheduled*>(&error) == nullptr && error.kind() != ErrorKind::usage &&
         error.kind() != ErrorKind::busy && error.kind() != ErrorKind::interrupted;
}

int trigger_vaulted(Runtime& runtime, const VmRef& vm, const vault::VaultId& vault,
                    const TriggerCliOptions& options) {
  if (options.tier)
    throw Error(ErrorKind::usage,
                "Azure Backup has no tiers on demand: its policy decides for how long a point is kept",
                "leave out --tier: a backup on demand is kept 30 days; `azlin vault backup --keep-days` says "
                "how long");
  if (options.due) {
    runtime.console().line(
        fmt::format("{}: Azure Backup runs by its policy in vault {}", vm.name, vault.name));
    runtime.console().result({{"vm", vm.name}, {"due", false}});
    return 0;
  }
  try {
    const int code = trigger_in_vault(runtime, vm, vault, options.no_wait);
    if (!runtime.dry_run() && !options.no_wait)
      report_events(runtime, {alert::all_clear(alert::Rule::backup_failure, {vm.name, vm.resource_group})});
    return code;
  } catch (const Error& error) {
    if (is_alarming(error)) report_events(runtime, events_of(vm, {}, error.what()));
    throw;
  }
}

int trigger_one(Runtime& runtime, const VmRef& vm, const TriggerCliOptions& options) {
  auto settings = trigger_options(options);
  if (runtime.dry_run()) return dry_run_one(runtime, vm, settings);
  Console& console = runtime.console();
  auto backups = manager(runtime);
  if (options.due && !backups.is_due(vm, runtime.stop())) {
    console.line(fmt::format("{}: no backup is due", vm.name));
    console.result({{"vm", vm.name}, {"due", false}});
    return 0;
  }
  console.line(fmt::format("Creating backup for {}...", vm.name));
  settings.notify = [&](const std::string& line) { console.line("  " + line); };
  std::optional<backup::TriggerResult> done;
  try {
    done = backups.trigger(vm, settings, runtime.stop());
  } catch (const Error& error) {
    if (is_alarming(error)) report_events(runtime, events_of(vm, {}, error.what()));
    throw;
  }
  auto& result = *done;
  report_events(runtime, events_of(vm, done, {}));
  const auto replications = open_replication(runtime);
  const auto queued = queue_after_backup(runtime, *replications, vm, result);
  print_result(console, result, queued);
  for (const auto& warning : result.warnings) console.warn(warning);
  console.result(trigger_json(result, queued));
  report_replications(runtime, queued.ended);
  return 0;
}

std::vector<BatchItem> scheduled(Runtime& runtime, BackupManager& backups, const TriggerCliOptions& options) {
  std::vector<BatchItem> items;
  for (const auto& found :
       backups.scheduled_vms(runtime.subscription(), options.vms.resource_group, runtime.stop())) {
    if (found.schedule && !found.schedule->enabled) continue;
    items.push_back({found.vm, {}, {}, false, found.error});
  }
  return items;
}

void run_item(Runtime& runtime, BackupManager& backups, replication::ReplicationManager& replications,
              BatchItem& item, const TriggerCliOptions& options,
              const std::function<void(const std::string&)>& show) {
  if (!item.error.empty()) return show("✗ " + item.error);
  const auto stop = runtime.stop();
  try {
    if (options.due && item.group.empty()) item.skipped = !backups.is_due(item.vm, stop);
    if (item.skipped) return show("✓ not due");
    auto settings = trigger_options(options);
    if (!settings.tier) settings.tier = item.tier;
    settings.notify = [&](const std::string& line) { show("⟳ " + line); };
    item.result = backups.trigger(item.vm, settings, stop);
    // Copies take the tags along, and those of a group's run are not there yet.
    if (item.group.empty()) item.queued = queue_after_backup(runtime, replications, item.vm, *item.result);
    show(fmt::format("✓ {}  {}", item.result->backup.name, core::to_display(item.result->duration)));
  } catch (const Error& error) {
    item.error = error.what();
    item.alarming = is_alarming(error);
    show("✗ " + item.error);
  }
}

int report_batch(Console& console, const std::vector<BatchItem>& items, ordered_json json) {
  std::size_t succeeded = 0, skipped = 0, failed = 0;
  json["results"] = ordered_json::array();
  for (const auto& item : items) {
    ordered_json row = {{"vm", item.vm.name}, {"resourceGroup", item.vm.resource_group}};
    row["state"] = !item.error.empty() ? "failed" : item.skipped ? "not due" : "succeeded";
    row["backup"] = item.result ? ordered_json(item.result->backup.name) : ordered_json(nullptr);
    row["error"] = item.error.empty() ? ordered_json(nullptr) : ordered_json(item.error);
    row["warnings"] = item.result ? ordered_json(item.result->warnings) : ordered_json::array();
    row["replication"] = to_json(item.queued);
    if (item.queued.job) console.line(fmt::format("  {}: {}", item.vm.name, queued_text(*item.queued.job)));
    json["results"].push_back(row);
    !item.error.empty() ? ++failed : item.skipped ? ++skipped : ++succeeded;
    if (!item.error.empty()) console.line(fmt::format("✗ {}: {}", item.vm.name, item.error));
    for (const auto& warning : item.result ? item.result->warnings : std::vector<std::string>())
      console.warn(item.vm.name + ": " + warning);
  }
  json["succeeded"] = succeeded;
  json["notDue"] = skipped;
  json["failed"] = failed;
  console.line(fmt::format("{} {}/{} backups succeeded{}{}", failed == 0 ? "✓" : "✗", succeeded,
                           items.size() - skipped, skipped > 0 ? fmt::format(", {} not due", skipped) : "",
                           failed > 0 ? fmt::format(", {} failed", failed) : ""));
  console.result(json, "results");
  if (failed == 0) return 0;
  return core::exit_code(succeeded + skipped > 0 ? ErrorKind::partial : ErrorKind::failed);
}

int dry_run_all(Runtime& runtime, const std::vector<BatchItem>& items, const TriggerCliOptions& options) {
  std::vector<PlannedCall> calls;
  auto backups = manager(runtime);
  for (const auto& item : items) {
    if (!item.error.empty()) throw Error(ErrorKind::failed, item.vm.name + ": " + item.error);
    const bool due =
        item.group.empty() ? !options.due || backups.is_due(item.vm, runtime.stop()) : !item.skipped;
    auto settings = trigger_options(options);
    if (!settings.tier) settings.tier = item.tier;
    if (due) add_creates(calls, backups.plan_trigger(item.vm, settings, runtime.stop()));
  }
  print_dry_run(runtime.console(), calls);
  return 0;
}

// Groups come first, one after the other, each with all of its members at once.
ordered_json run_batch(Runtime& runtime, BackupManager& backups, std::vector<BatchItem>& items,
                       const TriggerCliOptions& options) {
  std::vector<std::string> labels;
  for (const auto& item : items) labels.push_back(item.vm.name);
  LiveTable table(runtime.console(), labels);
  const auto replications = open_replication(runtime);
  const auto run_range = [&](std::size_t from, std::size_t to, int max_parallel) {
    const auto ends = core::run_parallel(to - from, max_parallel, runtime.stop(), [&](std::size_t i) {
      run_item(runtime, backups, *replications, items[from + i], options,
               [&](const std::string& state) { table.update(from + i, state, state.rfind("⟳", 0) != 0); });
    });
    for (std::size_t i = 0; i < ends.size(); ++i) {  // those that were never begun
      if (ends[i] && items[from + i].error.empty()) items[from + i].error = "interrupted before it began";
    }
  };
  ordered_json groups = ordered_json::array();
  std::size_t from = 0;
  while (from < items.size() && !items[from].group.empty()) {
    std::size_t to = from;
    while (to < items.size() && items[to].group == items[from].group) ++to;
    run_range(from, to, std::min<int>(static_cast<int>(to - from), kMostOfAGroup));
    if (!items[from].skipped)
      groups.push_back(
          finish_group(runtime, backups, *replications, std::span(items).subspan(from, to - from)));
    from = to;
  }
  if (from < items.size()) run_range(from, items.size(), options.max_parallel);
  return groups;
}

int back_up(Runtime& runtime, BackupManager& backups, std::vector<BatchItem> items,
            const TriggerCliOptions& options) {
  Console& console = runtime.console();
  if (runtime.dry_run()) return dry_run_all(runtime, items, options);
  console.note(fmt::format("Backing up {} (max {} at a time, but those of a group together):",
                           core::counted(items.size(), "VM"), options.max_parallel));
  ordered_json head = ordered_json::object();
  head["groups"] = run_batch(runtime, backups, items, options);
  if (options.group) {
    const ordered_json only = head["groups"].at(0);  // a copy: update() moves what head holds
    head.update(only);
  }
  std::vector<alert::AlertEvent> events;
  for (const auto& item : items) {
    if (!item.result && !item.alarming) continue;
    for (auto& event : events_of(item.vm, item.result, item.error)) events.push_back(std::move(event));
  }
  report_events(runtime, events);
  const int code = report_batch(console, items, head);
  for (const auto& item : items) report_replications(runtime, item.queued.ended);
  if (runtime.stop().stop_requested())
    throw Error(ErrorKind::interrupted, "interrupted; what had begun was finished or undone");
  return code;
}

int trigger_all(Runtime& runtime, const TriggerCliOptions& options) {
  auto backups = manager(runtime);
  auto items = scheduled(runtime, backups, options);
  Console& console = runtime.console();
  if (!items.empty()) {
    items = joined(runtime, backups, std::move(items), options.due);
    return back_up(runtime, backups, std::move(items), options);
  }
  console.line("No VM has an enabled backup schedule; `azlin backup configure` sets one");
  console.result({{"results", ordered_json::array()}, {"succeeded", 0}, {"notDue", 0}, {"failed", 0}},
                 "results");
  return 0;
}

int trigger_group(Runtime& runtime, const TriggerCliOptions& options) {
  if (options.vms.name || options.vms.all)
    throw Error(ErrorKind::usage, "give a VM, --all or --group, not two of them", "nothing was changed");
  auto backups = manager(runtime);
  const auto members = backup::members_of(
      azure::list_vms(runtime.arm(), runtime.subscription(), {}, runtime.stop()), *options.group);
  for (const auto& member : members)
    refuse_in_vault(runtime, member.vm, "backup trigger --group", "take it out of the group");
  const auto tier = tier_of_group(runtime, backups, members, options.due);
  if (!tier) {
    runtime.console().line(fmt::format("Group {}: no backup is due", *options.group));
    runtime.console().result({{"group", *options.group},
                              {"due", false},
                              {"run", nullptr},
                              {"spreadSeconds", nullptr},
                              {"results", ordered_json::array()},
                              {"succeeded", 0},
                              {"notDue", members.size()},
                              {"failed", 0}},
                             "results");
    return 0;
  }
  return back_up(runtime, backups, items_of(*options.group, members, tier), options);
}

void refuse_no_wait(const TriggerCliOptions& options) {
  if (options.no_wait) {
    throw Error(
        ErrorKind::usage,
        "trigger has no --no-wait: a backup is a set that is complete or undone, so azlin stays until it "
        "knows",
        "a snapshot takes seconds; run it in the background (`azlin backup trigger … &`) if you must go on");
  }
}

int run(Runtime& runtime, const TriggerCliOptions& options) {
  TriggerCliOptions chosen = options;
  if (chosen.group) {
    refuse_no_wait(chosen);
    return trigger_group(runtime, chosen);
  }
  if (chosen.due && !chosen.vms.name) chosen.vms.all = true;
  check(chosen.vms);
  if (chosen.vms.all) refuse_no_wait(chosen);
  if (chosen.vms.all) return trigger_all(runtime, chosen);
  const auto vm = resolve_vm(runtime, {*chosen.vms.name, chosen.vms.resource_group});
  if (const auto vault = engine_of(runtime, vm)) return trigger_vaulted(runtime, vm, *vault, chosen);
  refuse_no_wait(chosen);
  return trigger_one(runtime, vm, chosen);
}

}  // namespace

void add_backup_run_commands(CLI::App& group, Job& chosen) {
  add_command<TriggerCliOptions>(group, "trigger", "Back up a VM now, or all that have a schedule", chosen);
}

}  // namespace azlin::cli
