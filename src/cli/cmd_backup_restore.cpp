// azlin backup restore.
#include <fmt/format.h>

#include "azlin/backup/restore.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "cli/backup_view.hpp"
#include "cli/cmd_backup.hpp"
#include "cli/dry_run.hpp"
#include "cli/group_restore.hpp"
#include "cli/vault_engine.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using backup::BackupInfo;
using backup::RestorePlan;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using snapshot::VmRef;

struct RestoreCliOptions {
  VmArgument vm;
  std::optional<std::string> backup, at, new_vm, target_group, size, subnet, staging, group, run;
  bool interactive = false;
  bool keep_old = false, delete_old = false, no_guest_check = false;
};

void bind(CLI::App& command, RestoreCliOptions& options) {
  bind_vm(command, options.vm);
  command.get_option("vm")->required(false);  // or --group
  command
      .add_option("--group", options.group,
                  "All VMs of this group from one run, in place and in boot order (docs/protection.md)")
      ->type_name("NAME");
  command
      .add_option("--run", options.run,
                  "With --group: this run (default: the newest that is complete for all of them)")
      ->type_name("ID");
  command
      .add_option("--backup", options.backup,
                  "The backup: its name, or any beginning of it that fits one only")
      ->type_name("NAME");
  command
      .add_option("--at", options.at, "The newest backup not after this time (UTC), e.g. 2025-12-01T07:00")
      ->type_name("TIME");
  command.add_flag("-i,--interactive", options.interactive, "Choose from a list");
  command
      .add_option("--new-vm", options.new_vm, "Restore as a new VM of this name; the original is not touched")
      ->type_name("NAME");
  command
      .add_option("--target-resource-group", options.target_group,
                  "With --new-vm: where it goes (default: the original's group)")
      ->type_name("GROUP");
  command.add_option("--size", options.size, "With --new-vm: another VM size");
  command.add_option("--subnet", options.subnet, "With --new-vm: resource id of another subnet")
      ->type_name("ID");
  command
      .add_option("--staging-account", options.staging,
                  "Of a VM in a vault: storage account by way of which Azure Backup restores")
      ->type_name("NAME");
  command.add_flag("--keep-old-disks", options.keep_old, "Keep the replaced disks for 7 days (default)");
  command
      .add_flag("--delete-old-disks", options.delete_old, "Delete the replaced disks when the VM is up again")
      ->excludes("--keep-old-disks");
  command.add_flag("--no-guest-check,--no-wait", options.no_guest_check,
                   "Do not wait for the guest agent to report");
  command.footer(
      fmt::format("Without --backup, --at or --interactive the newest backup is NOT assumed: say which.\n"
                  "Example: azlin {} {} prod-db-vm --backup prod-db-vm-backup-daily-20251201 --yes\n"
                  "Exit codes: 0, 1 failed (all is as before), 2, 3, 5, 7 busy, 130",
                  command.get_parent()->get_name(), command.get_name()));
}

void check_group(const RestoreCliOptions& options) {
  if (!options.vm.name.empty() || options.vm.resource_group)
    throw Error(ErrorKind::usage, "give a VM or --group, not both", "nothing was changed");
  if (options.backup || options.interactive || options.new_vm || options.target_group || options.size ||
      options.subnet || options.staging)
    throw Error(ErrorKind::usage, "with --group there are --at and --run alone",
                "its VMs are restored in place from backups of one run");
  if (options.at && options.run)
    throw Error(ErrorKind::usage, "give --at or --run, not both", "nothing was changed");
}

void check(const RestoreCliOptions& options) {
  if (options.vm.name.empty())
    throw Error(ErrorKind::usage, "which VM? give its name, or --group", "nothing was changed");
  if (options.run) throw Error(ErrorKind::usage, "--run goes with --group", "nothing was changed");
  const int given = (options.backup ? 1 : 0) + (options.at ? 1 : 0) + (options.interactive ? 1 : 0);
  if (given != 1) {
    throw Error(ErrorKind::usage,
                given == 0 ? "which backup? give --backup, --at or --interactive"
                           : "give one of --backup, --at and --interactive",
                "`azlin backup list` shows them");
  }
  if (options.size && options.size->empty())
    throw Error(ErrorKind::usage, "--size is empty",
                "`az vm list-sizes --location REGION` shows what there is");
  const auto subnet = core::to_lower(options.subnet.value_or("/subscriptions/-/subnets/"));
  if (!subnet.starts_with("/subscriptions/") || subnet.find("/subnets/") == std::string::npos)
    throw Error(ErrorKind::usage,
                fmt::format("--subnet '{}' is not the resource id of a subnet", *options.subnet),
                "`az network vnet subnet show --query id` prints it");
  if (!options.new_vm && (options.target_group || options.size || options.subnet)) {
    throw Error(ErrorKind::usage, "--target-resource-group, --size and --subnet go with --new-vm",
                "nothing was changed");
  }
  if (options.new_vm && options.delete_old) {
    throw Error(ErrorKind::usage, "--delete-old-disks does not go with --new-vm: no disk is replaced",
                "nothing was changed");
  }
  if (options.new_vm) core::check_vm_name(*options.new_vm);
  if (options.target_group) core::check_resource_group(*options.target_group);
}

BackupInfo newest_not_after(const std::vector<BackupInfo>& backups, const std::string& text) {
  const auto at = core::parse_time(text);
  if (!at)
    throw Error(ErrorKind::usage, fmt::format("--at '{}' is no time", text),
                "write it as 2025-12-01T07:00 (UTC)");
  for (const auto& backup : backups) {  // newest first
    if (backup.complete && backup.created <= *at) return backup;
  }
  throw Error(ErrorKind::not_found,
              fmt::format("there is no complete backup from {} or before", core::to_display(*at)),
              "`azlin backup list` shows those that there are");
}

BackupInfo picked(Console& console, const std::vector<BackupInfo>& backups) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& backup : backups) {
    rows.push_back({backup.name, core::to_display_minutes(backup.created),
                    fmt::format("{} GB", backup.size_gb), verified_text(backup), remarks(backup)});
  }
  const auto chosen = pick(console, "Which backup?", in_columns(rows));
  if (!chosen) throw Error(ErrorKind::failed, "none was chosen: nothing was changed");
  return backups[*chosen];
}

BackupInfo choose_backup(Runtime& runtime, const VmRef& vm, const RestoreCliOptions& options) {
  backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
  if (options.backup) return backups.find(vm, *options.backup, runtime.stop());
  const auto listing = backups.look(vm, runtime.stop());
  const auto& all = listing.backups;
  warn_unreadable(runtime.console(), listing.unreadable);
  if (all.empty()) snapshot::require_readable(listing.unreadable, "no backup of " + vm.name + " can be read");
  if (all.empty())
    throw Error(ErrorKind::not_found, vm.name + " has no backups", "azlin backup trigger " + vm.name);
  return options.at ? newest_not_after(all, *options.at) : picked(runtime.console(), all);
}

std::string estimate(const RestorePlan& plan) {
  if (!plan.history)
    return "not known yet (no restore was made from this machine; snapshots of this size usually take "
           "minutes)";
  const auto least = core::to_display(plan.history->first), most = core::to_display(plan.history->second);
  return (least == most ? least : least + " to " + most) + " (from past restores)";
}

void explain(Console& console, const RestorePlan& plan, const backup::RestoreOptions& options) {
  console.line(fmt::format("Restoring {} from backup...",
                           plan.in_place ? plan.target.name : plan.source.name + " as " + plan.target.name));
  console.line("  Backup: " + plan.backup);
  console.line(fmt::format("  Size: {} GB{}", plan.size_gb,
                           plan.disks.size() > 1 ? fmt::format(" on {} disks", plan.disks.size()) : ""));
  console.line(fmt::format("  Created: {} UTC", core::to_display(plan.created)));
  console.line();
  for (const auto& warning : plan.warnings) console.warn(warning);
  if (!plan.in_place) {
    console.note(fmt::format("This creates the VM {} ({}) in {}, {}. The original is not touched.",
                             plan.target.name, plan.vm_size, plan.target.resource_group, plan.region));
    return;
  }
  console.warn(fmt::format(
      "This will replace the VM's {}",
      plan.disks.size() > 1 ? fmt::format("OS disk and {}", core::counted(plan.disks.size() - 1, "data disk"))
                            : std::string("OS disk")));
  console.note(fmt::format("  The VM is {} and will be {} during the restore", plan.power_before,
                           plan.power_before == "running" ? "stopped" : "started"));
  console.note("  Estimated downtime: " + estimate(plan));
  console.note(options.keep_old_disks ? "  The old disks are kept for 7 days"
                                      : "  The old disks are DELETED when the VM is up again");
  console.note("");
}

std::vector<PlannedCall> calls_of(const RestorePlan& plan, const backup::RestoreOptions& options) {
  std::vector<PlannedCall> calls;
  for (const auto& disk : plan.disks) calls.push_back({"PUT", disk.new_id, "from " + disk.snapshot_id});
  const std::string vm = plan.target.id();
  if (!plan.in_place) {
    calls.push_back({"PUT", plan.nic_id, "in " + plan.subnet_id});
    calls.push_back({"PUT", vm, plan.vm_size});
    return calls;
  }
  calls.push_back({"POST", vm + "/deallocate", {}});
  calls.push_back({"PATCH", vm, "storageProfile with the new disks"});
  calls.push_back({"POST", vm + "/start", {}});
  for (const auto& disk : plan.disks) {
    calls.push_back(options.keep_old_disks ? tags_patch(disk.old_id, snapshot::kKeptTag)
                                           : PlannedCall{"DELETE", disk.old_id, {}});
  }
  return calls;
}

ordered_json to_json(const RestorePlan& plan, const backup::RestoreResult& result) {
  return {{"vm", plan.target.name},
          {"resourceGroup", plan.target.resource_group},
          {"vmId", result.vm_id},
          {"backup", plan.backup},
          {"inPlace", plan.in_place},
          {"rtoSeconds", static_cast<double>(result.rto.count()) / 1000.0},
          {"downtimeSeconds", static_cast<double>(result.downtime.count()) / 1000.0},
          {"powerState", result.power_state},
          {"guestAgentReady", result.agent_ready ? ordered_json(*result.agent_ready) : ordered_json(nullptr)},
          {"sshVerified", result.ssh_verified},
          {"ssh", result.ssh},
          {"oldDisks", result.old_disks},
          {"operation", result.operation},
          {"warnings", result.warnings}};
}

void print_done(Console& console, const RestorePlan& plan, const backup::RestoreResult& result, bool kept) {
  console.line();
  console.line("✓ Restore complete");
  console.line("  RTO (Recovery Time): " + core::to_display(result.rto));
  if (plan.in_place) console.line("  Downtime: " + core::to_display(result.downtime));
  std::string state = result.power_state;
  if (!state.empty()) state[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(state[0])));
  console.line("  VM status: " + state);
  console.line("  Guest agent: " + std::string(!result.agent_ready   ? "not checked"
                                               : *result.agent_ready ? "ready"
                                                                     : "not reporting"));
  console.line("  SSH connectivity: " + result.ssh);
  for (const auto& id : result.old_disks) {
    console.line(
        fmt::format("  Old disk {}: {}", kept ? "kept" : "deleted", core::ResourceId::parse(id).name));
  }
  for (const auto& warning : result.warnings) console.warn(warning);
}

// A VM that moved to a vault keeps its snapshots, and they are still restored from: their names begin with
// the VM's, while points are numbers.
std::optional<vault::VaultId> engine_for(Runtime& runtime, const VmRef& vm,
                                         const RestoreCliOptions& options) {
  const bool snapshot =
      options.backup && options.backup->find_first_not_of("0123456789") != std::string::npos;
  const auto vault = snapshot ? std::nullopt : indexed_engine(runtime, vm);
  if (!vault && options.staging)
    throw Error(ErrorKind::usage, "--staging-account is for VMs that Azure Backup backs up",
                "snapshots are restored without one");
  return vault;
}

// What only the snapshot engine can do is refused before any call.
int restore_vaulted(Runtime& runtime, const VmRef& vm, const vault::VaultId& vault,
                    const RestoreCliOptions& options) {
  if (options.size)
    throw Error(ErrorKind::usage, "Azure Backup restores a VM in the size that it had",
                "leave out --size, and resize the new VM");
  if (options.delete_old)
    throw Error(ErrorKind::usage, "Azure Backup keeps the disks that it replaces",
                "leave out --delete-old-disks");
  return restore_in_vault(runtime, vm, vault,
                          {options.backup, options.at, options.new_vm, options.target_group, options.subnet,
                           options.staging, options.interactive, options.no_guest_check});
}

// A VM that is gone has no disks to swap, but it may come back.
backup::RestorePlan plan_in_place(Runtime& runtime, backup::RestoreManager& restores,
                                  const snapshot::VmRef& vm, const backup::BackupInfo& backup) {
  try {
    return restores.plan_in_place(vm, backup, runtime.stop());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    throw Error(error.kind(), error.what(),
                fmt::format("make it anew: azlin backup restore {} -g {} --backup {} --new-vm {}", vm.name,
                            vm.resource_group, backup.name, vm.name));
  }
}

int run(Runtime& runtime, const RestoreCliOptions& options) {
  if (options.group) {
    check_group(options);
    GroupRestore request{*options.group, options.run, options.at, {}};
    request.settings.keep_old_disks = !options.delete_old;
    request.settings.check_guest = !options.no_guest_check;
    return restore_group(runtime, request);
  }
  check(options);
  Console& console = runtime.console();
  backup::RestoreManager restores(runtime.arm(), runtime.journal(), runtime.clock(), runtime.processes(),
                                  runtime.journal_path());
  backup::RestoreOptions settings;
  settings.keep_old_disks = !options.delete_old;
  settings.check_guest = !options.no_guest_check;
  settings.size = options.size;
  settings.subnet_id = options.subnet;
  settings.notify = [&](const std::string& line) { console.line(line); };
  const auto vm = resolve_vm(runtime, options.vm);
  if (const auto vault = engine_for(runtime, vm, options))
    return restore_vaulted(runtime, vm, *vault, options);
  const VmRef target = {vm.subscription, options.target_group.value_or(vm.resource_group),
                        options.new_vm.value_or(vm.name)};
  if (!runtime.dry_run()) {
    for (const auto& note : restores.settle(target, runtime.stop())) console.line(note);
  }
  const auto backup = choose_backup(runtime, vm, options);
  const auto plan = options.new_vm ? restores.plan_new_vm(backup, target, settings, runtime.stop())
                                   : plan_in_place(runtime, restores, vm, backup);
  explain(console, plan, settings);
  if (runtime.dry_run()) {
    print_dry_run(console, calls_of(plan, settings), {{"vm", plan.target.name}, {"backup", plan.backup}});
    return 0;
  }
  const bool ask = plan.in_place || backup.verified == backup::Verified::failed;
  if (ask && !console.confirm("replacing the disks of " + vm.name))
    throw Error(ErrorKind::failed, "not confirmed: nothing was changed");
  const auto result = restores.restore(plan, settings, runtime.stop());
  print_done(console, plan, result, settings.keep_old_disks);
  console.result(to_json(plan, result));
  return 0;
}

}  // namespace

void add_restore_snapshot_command(CLI::App& group, Job& chosen) {
  add_command<RestoreCliOptions>(group, "snapshot", "The same as `azlin backup restore`", chosen);
}

void add_backup_restore_command(CLI::App& group, Job& chosen) {
  add_command<RestoreCliOptions>(group, "restore", "Bring a backup back, into its VM or as a new one",
                                 chosen);
}

}  // namespace azlin::cli
