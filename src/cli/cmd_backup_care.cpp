// azlin backup cleanup, hold, delete.
#include <fmt/format.h>

#include "azlin/backup/names.hpp"
#include "azlin/backup/restore.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "cli/backup_view.hpp"
#include "cli/cmd_backup.hpp"
#include "cli/dry_run.hpp"
#include "cli/vault_engine.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using snapshot::VmRef;

struct CleanupOptions {
  VmsArgument vms;
  bool kept_disks = false;
};
struct HoldOptions {
  std::string backup;
  std::optional<std::string> group;
  std::string reason = "no reason given";
  bool release = false;
};
struct DeleteOptions {
  std::string backup;
  std::optional<std::string> group, region;
  bool force = false;
};

backup::BackupManager manager(Runtime& runtime) {
  return {runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path()};
}

void bind(CLI::App& command, CleanupOptions& options) {
  bind_vms(command, options.vms, "Every VM with a schedule");
  command.add_flag("--kept-disks", options.kept_disks,
                   "Remove disks that restores replaced and whose time is over (all VMs)");
  command.footer(
      "--dry-run prints each backup with the reason why it stays or goes.\n"
      "Example: azlin backup cleanup prod-db-vm --dry-run\nExit codes: 0, 1, 2, 3, 4 some deletions failed, "
      "5, 7");
}

void print_dry(Runtime& runtime, const VmRef& vm, const backup::CleanupResult& result, ordered_json& json) {
  Console& console = runtime.console();
  console.line(fmt::format("Cleanup of {} (dry run, nothing is deleted):", vm.name));
  print_cleanup(console, result, true);
  if (result.plan.over_limit) console.warn(result.plan.limit_reason);
  ordered_json row = to_json(result);
  row["vm"] = vm.name;
  json["results"].push_back(row);
}

// Deletes what expired; asks first where it is more than one run's limit.
backup::CleanupResult cleanup_one(Runtime& runtime, backup::BackupManager& backups, const VmRef& vm) {
  const auto plan = backups.plan_cleanup(vm, runtime.stop());
  bool confirmed = false;
  if (plan.plan.over_limit) {
    Console& console = runtime.console();
    console.warn(fmt::format("{}: {}", vm.name, plan.plan.limit_reason));
    print_cleanup(console, plan, false);
    confirmed = console.confirm("deleting that many backups");
    if (!confirmed) throw Error(ErrorKind::failed, "not confirmed: nothing was deleted");
  }
  return backups.cleanup(vm, confirmed, runtime.stop());
}

void print_done(Console& console, const VmRef& vm, const backup::CleanupResult& result) {
  const auto count = [&](backup::Tier tier) {
    return result.counts.contains(tier) ? result.counts.at(tier) : 0;
  };
  console.line(fmt::format("{} {}: deleted {} (daily: {}, weekly: {}, monthly: {})",
                           result.failures.empty() ? "✓" : "✗", vm.name,
                           core::counted(result.deleted.size(), "backup"), count(backup::Tier::daily),
                           count(backup::Tier::weekly), count(backup::Tier::monthly)));
  for (const auto& decision : result.deleted)
    console.line(fmt::format("  {}  {}", decision.point.name, decision.reason));
  for (const auto& leftover : result.leftovers)
    console.line("  " + leftover + "  a Failed leftover of the service");
  for (const auto& failure : result.failures) console.warn(failure);
}

int cleanup_vms(Runtime& runtime, const std::vector<VmRef>& vms) {
  auto backups = manager(runtime);
  ordered_json json = {{"dryRun", runtime.dry_run()}, {"results", ordered_json::array()}};
  std::size_t failed = 0;
  for (const auto& vm : vms) {
    try {
      if (runtime.dry_run()) {
        print_dry(runtime, vm, backups.plan_cleanup(vm, runtime.stop()), json);
        continue;
      }
      const auto result = cleanup_one(runtime, backups, vm);
      print_done(runtime.console(), vm, result);
      failed += result.failures.empty() ? 0 : 1;
      ordered_json row = to_json(result);
      row["vm"] = vm.name;
      json["results"].push_back(row);
    } catch (const Error& error) {
      if (vms.size() == 1 || error.kind() == ErrorKind::interrupted) throw;
      ++failed;
      runtime.console().warn(fmt::format("{}: {}", vm.name, error.what()));
      json["results"].push_back({{"vm", vm.name}, {"error", error.what()}});
    }
  }
  runtime.console().result(json, "results");
  return failed == 0 ? 0 : core::exit_code(ErrorKind::partial);
}

int cleanup_kept(Runtime& runtime) {
  backup::RestoreManager restores(runtime.arm(), runtime.journal(), runtime.clock(), runtime.processes(),
                                  runtime.journal_path());
  Console& console = runtime.console();
  const auto kept = restores.kept_disks(runtime.subscription(), runtime.stop());
  ordered_json json = {{"keptDisks", ordered_json::array()}};
  std::size_t over = 0;
  for (const auto& disk : kept) {
    console.line(fmt::format("  {}  {} GB  kept until {}{}", core::ResourceId::parse(disk.id).name,
                             disk.size_gb, core::to_display_minutes(disk.until),
                             disk.expired ? "  (over)" : ""));
    over += disk.expired ? 1 : 0;
    json["keptDisks"].push_back({{"id", disk.id},
                                 {"sizeGb", disk.size_gb},
                                 {"until", core::to_iso8601(disk.until)},
                                 {"expired", disk.expired}});
  }
  if (over == 0 || runtime.dry_run()) {
    console.line(fmt::format("{} kept, {} whose time is over{}", core::counted(kept.size(), "disk"), over,
                             runtime.dry_run() ? " (dry run)" : ""));
    console.result(json, "keptDisks");
    return 0;
  }
  if (!console.confirm(fmt::format("deleting {}", core::counted(over, "kept disk"))))
    throw Error(ErrorKind::failed, "not confirmed: nothing was deleted");
  std::size_t failed = 0;
  json["removed"] = ordered_json::array();
  for (const auto& removal : restores.remove_kept_disks(runtime.subscription(), false, runtime.stop())) {
    failed += removal.error.empty() ? 0 : 1;
    console.line(removal.error.empty() ? "✓ deleted " + removal.name
                                       : fmt::format("✗ {}: {}", removal.name, removal.error));
    json["removed"].push_back({{"name", removal.name}, {"error", removal.error}});
  }
  console.result(json, "removed");
  return failed == 0 ? 0 : core::exit_code(ErrorKind::partial);
}

int run(Runtime& runtime, const CleanupOptions& options) {
  if (options.kept_disks) {
    if (options.vms.name)
      throw Error(ErrorKind::usage, "--kept-disks looks at all VMs: give no VM", "nothing was changed");
    return cleanup_kept(runtime);
  }
  check(options.vms);
  if (!options.vms.all)
    return cleanup_vms(runtime, {resolve_vm(runtime, {*options.vms.name, options.vms.resource_group})});
  std::vector<VmRef> vms;
  for (const auto& found :
       manager(runtime).scheduled_vms(runtime.subscription(), options.vms.resource_group, runtime.stop()))
    vms.push_back(found.vm);
  return cleanup_vms(runtime, vms);
}

void bind(CLI::App& command, HoldOptions& options) {
  command.add_option("backup", options.backup, "Name of the backup, or a beginning of it")->required();
  bind_backup_group(command, options.group);
  command.add_option("--reason", options.reason,
                     "Why, for those who come after you (at most 200 characters)");
  command.add_flag("--release", options.release, "Take the hold off again");
  command.footer(
      "A backup on hold is never deleted by any cleanup.\n"
      "Example: azlin backup hold prod-db-vm-backup-daily-20251201-0800 --reason \"case 4711\"\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const HoldOptions& options) {
  backup::check_hold_reason(options.reason);
  refuse_vaulted_point(runtime, options.backup, PointVerb::hold);
  const auto found = resolve_backup(runtime, options.backup, options.group);
  Console& console = runtime.console();
  if (runtime.dry_run()) {
    std::vector<PlannedCall> calls;
    for (const auto& member : found.backup.set.members)
      calls.push_back(tags_patch(member.snapshot.id, options.release ? "remove azlin:hold" : "azlin:hold"));
    print_dry_run(console, calls);
    return 0;
  }
  auto backups = manager(runtime);
  options.release ? backups.release(found.vm, found.backup.name, runtime.stop())
                  : backups.hold(found.vm, found.backup.name, options.reason, runtime.stop());
  console.line(
      fmt::format("✓ {} is {}", found.backup.name, options.release ? "no longer on hold" : "on hold"));
  console.result({{"backup", found.backup.name}, {"hold", !options.release}});
  return 0;
}

void bind(CLI::App& command, DeleteOptions& options) {
  command.add_option("backup", options.backup, "Name of the backup, or a beginning of it")->required();
  bind_backup_group(command, options.group);
  command.add_option("--region", options.region, "Only its replica in this region")->type_name("REGION");
  command.add_flag("--force", options.force,
                   "Also the newest, the newest verified one, and one that waits for its replica");
  command.footer(
      "Example: azlin backup delete prod-db-vm-backup-weekly-20251124-0800\n"
      "Exit codes: 0, 1 nothing was deleted, 2, 3, 4 not all of it, 5, 7");
}

int run(Runtime& runtime, const DeleteOptions& options) {
  refuse_vaulted_point(runtime, options.backup, PointVerb::remove);
  std::optional<std::string> region;
  if (options.region) {
    region = core::normalize_region(*options.region);
    check_known_region(runtime, *region);
  }
  const auto found = resolve_backup(runtime, options.backup, options.group);
  Console& console = runtime.console();
  std::vector<PlannedCall> calls;
  if (!region) {
    for (const auto& member : found.backup.set.members) calls.push_back({"DELETE", member.snapshot.id, {}});
  }
  for (const auto& replica : found.backup.replicas) {
    if (region && !core::equal_ignoring_case(replica.region, *region)) continue;
    for (const auto& member : replica.set.members)
      calls.push_back({"DELETE", member.snapshot.id, "replica in " + replica.region});
  }
  if (runtime.dry_run()) {
    print_dry_run(console, calls);
    return 0;
  }
  console.note(fmt::format("This deletes {} of {} for good ({}).", found.backup.name, found.vm.name,
                           core::counted(calls.size(), "snapshot")));
  if (!console.confirm("deleting a backup"))
    throw Error(ErrorKind::failed, "not confirmed: nothing was deleted");
  const auto result =
      manager(runtime).remove(found.vm, found.backup.name, region, options.force, runtime.stop());
  const bool nothing = result.snapshots_deleted == 0;
  console.line((result.failures.empty() ? "✓ Deleted "
                : nothing               ? "✗ Nothing was deleted of "
                                        : "✗ Not all of it was deleted: ") +
               found.backup.name);
  for (const auto& failure : result.failures) console.warn(failure);
  console.result(to_json(result), "deleted");
  if (result.failures.empty()) return 0;
  return core::exit_code(nothing ? ErrorKind::failed : ErrorKind::partial);
}

}  // namespace

void add_backup_care_commands(CLI::App& group, Job& chosen) {
  add_command<CleanupOptions>(group, "cleanup", "Delete backups that the retention lets go", chosen);
  add_command<HoldOptions>(group, "hold", "Keep a backup from every cleanup, or release it", chosen);
  add_command<DeleteOptions>(group, "delete", "Delete one backup with its replicas", chosen);
}

}  // namespace azlin::cli
