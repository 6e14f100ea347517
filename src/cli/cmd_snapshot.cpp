// azlin snapshot: plain snapshots of a VM, by hand or by interval.
#include <fmt/format.h>

#include <algorithm>

#include "azlin/backup/names.hpp"
#include "azlin/backup/restore.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/snapshot/manager.hpp"
#include "cli/command.hpp"
#include "cli/dry_run.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using snapshot::SnapshotManager;
using snapshot::SnapshotSet;
using snapshot::VmRef;

struct SnapCreateOptions {
  VmArgument vm;
};
struct SnapListOptions {
  VmsArgument vms;
};
struct SnapDeleteOptions {
  VmArgument vm;
  std::string name;
};
struct SnapRestoreOptions {
  VmArgument vm;
  std::string name;
};
struct SnapEnableOptions {
  VmArgument vm;
  int every = 24, keep = 2;
};
struct SnapDisableOptions {
  VmArgument vm;
};
struct SnapSyncOptions {
  VmsArgument vms;
};
struct SnapStatusOptions {
  VmArgument vm;
};

SnapshotManager manager(Runtime& runtime) {
  return {runtime.arm(), runtime.journal(), runtime.clock()};
}

ordered_json to_json(const SnapshotSet& set) {
  return {{"name", set.name},
          {"vm", set.vm_name},
          {"resourceGroup", set.resource_group},
          {"region", set.location},
          {"createdAt", core::to_iso8601(set.created)},
          {"sizeGb", set.size_gb()},
          {"disks", set.members.size()},
          {"complete", set.complete()},
          {"spreadSeconds", static_cast<double>(set.spread().count()) / 1000.0}};
}

std::vector<SnapshotSet> plain(std::vector<SnapshotSet> sets) {
  std::erase_if(sets, [](const auto& set) { return !set.tier.empty(); });
  return sets;
}

void bind(CLI::App& command, SnapCreateOptions& options) {
  bind_vm(command, options.vm);
  command.footer(
      "Example: azlin snapshot create vm1\n"
      "Exit codes: 0, 1, 2, 3, 5, 7");
}

int run(Runtime& runtime, const SnapCreateOptions& options) {
  auto snapshots = manager(runtime);
  const auto vm = resolve_vm(runtime, options.vm);
  if (runtime.dry_run()) {
    std::vector<PlannedCall> calls;
    const auto plan = snapshots.plan_take(
        {azure::get_vm(runtime.arm(), vm.id(), false, runtime.stop()), "snapshot", ""}, runtime.stop());
    for (const auto& snapshot : plan.snapshots) calls.push_back(put_snapshot(snapshot));
    print_dry_run(runtime.console(), calls);
    return 0;
  }
  const auto set = snapshots.create(vm, runtime.stop());
  runtime.console().line(fmt::format("✓ Snapshot {} of {} ({} GB on {})", set.name, vm.name, set.size_gb(),
                                     core::counted(set.members.size(), "disk")));
  runtime.console().result(to_json(set));
  return 0;
}

void bind(CLI::App& command, SnapListOptions& options) {
  bind_vms(command, options.vms, "Snapshots of every VM");
  command.footer(
      "Example: azlin snapshot list vm1\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

std::vector<SnapshotSet> list_of_vm(Runtime& runtime, const VmArgument& argument) {
  const auto vm = resolve_vm(runtime, argument);
  auto sets = manager(runtime).list(vm, runtime.stop());
  if (sets.empty())
    azure::get_vm(runtime.arm(), vm.id(), false, runtime.stop());  // a VM that is not there is an error
  return sets;
}

int run(Runtime& runtime, const SnapListOptions& options) {
  check(options.vms);
  const auto sets =
      plain(options.vms.all ? manager(runtime).list_all(runtime.subscription(), runtime.stop())
                            : list_of_vm(runtime, {*options.vms.name, options.vms.resource_group}));
  Console& console = runtime.console();
  ordered_json json = {{"snapshots", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& set : sets) {
    json["snapshots"].push_back(to_json(set));
    rows.push_back({set.name, core::to_display_minutes(set.created), fmt::format("{} GB", set.size_gb()),
                    set.complete() ? "" : "INCOMPLETE"});
  }
  console.line(
      fmt::format("{} ({}):", options.vms.all ? "Snapshots of all VMs" : "Snapshots of " + *options.vms.name,
                  sets.size()));
  for (const auto& line : in_columns(rows)) console.line("  " + line);
  console.result(json, "snapshots");
  return 0;
}

void bind(CLI::App& command, SnapDeleteOptions& options) {
  bind_vm(command, options.vm);
  command.add_option("name", options.name, "The snapshot: its name or a beginning of it")->required();
  command.footer(
      "Example: azlin snapshot delete vm1 vm1-snapshot-20251201\n"
      "Exit codes: 0, 1, 2, 3, 4, 5, 7");
}

int run(Runtime& runtime, const SnapDeleteOptions& options) {
  auto snapshots = manager(runtime);
  const auto vm = resolve_vm(runtime, options.vm);
  Console& console = runtime.console();
  if (runtime.dry_run()) {
    const auto sets = plain(snapshots.list(vm, runtime.stop()));
    std::vector<std::string> names;
    for (const auto& set : sets) names.push_back(set.name);
    std::vector<PlannedCall> calls;
    for (const auto& member : sets[backup::find_by_prefix(names, options.name, "snapshot")].members)
      calls.push_back({"DELETE", member.snapshot.id, {}});
    print_dry_run(console, calls);
    return 0;
  }
  if (!console.confirm("deleting a snapshot of " + vm.name))
    throw Error(ErrorKind::failed, "not confirmed: nothing was deleted");
  ordered_json json = {{"deleted", ordered_json::array()}};
  std::size_t failed = 0;
  for (const auto& removal : snapshots.remove_plain(vm, options.name, runtime.stop())) {
    failed += removal.error.empty() ? 0 : 1;
    console.line(removal.error.empty() ? "✓ deleted " + removal.name
                                       : fmt::format("✗ {}: {}", removal.name, removal.error));
    json["deleted"].push_back(
        {{"name", removal.name},
         {"error", removal.error.empty() ? ordered_json(nullptr) : ordered_json(removal.error)}});
  }
  console.result(json, "deleted");
  return failed == 0 ? 0 : core::exit_code(ErrorKind::partial);
}

void bind(CLI::App& command, SnapRestoreOptions& options) {
  bind_vm(command, options.vm);
  command.add_option("name", options.name, "The snapshot: its name or a beginning of it")->required();
  command.footer(
      "As `azlin backup restore`: the old disks are kept for 7 days.\n"
      "Example: azlin snapshot restore vm1 vm1-snapshot-20251201\n"
      "Exit codes: 0, 1, 2, 3, 5, 7");
}

// A plain set in the clothes of a backup, so that both are restored by the same steps.
backup::BackupInfo as_backup(SnapshotSet set) {
  backup::BackupInfo info;
  info.name = set.name;
  info.vm_name = set.vm_name;
  info.resource_group = set.resource_group;
  info.subscription = set.subscription;
  info.region = set.location;
  info.created = set.created;
  info.complete = set.complete();
  info.disks = static_cast<int>(set.members.size());
  info.expected_disks = set.expected;
  info.size_bytes = set.size_bytes();
  info.size_gb = set.size_gb();
  info.spread = set.spread();
  info.set = std::move(set);
  return info;
}

int run(Runtime& runtime, const SnapRestoreOptions& options) {
  auto snapshots = manager(runtime);
  const auto vm = resolve_vm(runtime, options.vm);
  auto sets = plain(snapshots.list(vm, runtime.stop()));
  std::vector<std::string> names;
  for (const auto& set : sets) names.push_back(set.name);
  const auto info = as_backup(sets[backup::find_by_prefix(names, options.name, "snapshot")]);
  backup::RestoreManager restores(runtime.arm(), runtime.journal(), runtime.clock(), runtime.processes(),
                                  runtime.journal_path());
  Console& console = runtime.console();
  if (!runtime.dry_run()) {
    for (const auto& note : restores.settle(vm, runtime.stop())) console.line(note);
  }
  const auto plan = restores.plan_in_place(vm, info, runtime.stop());
  if (runtime.dry_run()) {
    std::vector<PlannedCall> calls;
    for (const auto& disk : plan.disks) calls.push_back({"PUT", disk.new_id, "from " + disk.snapshot_id});
    calls.push_back({"PATCH", vm.id(), "storageProfile with the new disks, while it is deallocated"});
    print_dry_run(console, calls);
    return 0;
  }
  console.warn(fmt::format("This will replace {} of {}; the VM is stopped meanwhile",
                           core::counted(plan.disks.size(), "disk"), vm.name));
  if (!console.confirm("replacing the disks of " + vm.name))
    throw Error(ErrorKind::failed, "not confirmed: nothing was changed");
  backup::RestoreOptions settings;
  settings.notify = [&](const std::string& line) { console.line(line); };
  const auto result = restores.restore(plan, settings, runtime.stop());
  console.line(
      fmt::format("✓ {} runs on {} again after {}", vm.name, info.name, core::to_display(result.rto)));
  for (const auto& warning : result.warnings) console.warn(warning);
  console.result({{"vm", vm.name},
                  {"snapshot", info.name},
                  {"rtoSeconds", static_cast<double>(result.rto.count()) / 1000.0},
                  {"powerState", result.power_state}});
  return 0;
}

void bind(CLI::App& command, SnapEnableOptions& options) {
  bind_vm(command, options.vm);
  command.add_option("--every", options.every, "Hours between snapshots, 1 and over")
      ->capture_default_str()
      ->type_name("HOURS");
  command.add_option("--keep", options.keep, "How many stay, 1 and over")
      ->capture_default_str()
      ->type_name("COUNT");
  command.footer(
      "`azlin snapshot sync --all` (from cron) takes those that are due.\n"
      "Example: azlin snapshot enable vm1 --every 6 --keep 8\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const SnapEnableOptions& options) {
  snapshot::SnapshotSchedule schedule{true, options.every, options.keep};
  snapshot::check(schedule);
  const auto vm = resolve_vm(runtime, options.vm);
  if (runtime.dry_run()) {
    print_dry_run(runtime.console(), {tags_patch(vm.id(), fmt::format("{}={}", snapshot::kSnapshotScheduleTag,
                                                                      snapshot::to_tag(schedule)))});
    return 0;
  }
  manager(runtime).enable(vm, options.every, options.keep, runtime.stop());
  runtime.console().line(fmt::format("✓ Snapshots of {} every {}, {} kept", vm.name,
                                     core::counted(static_cast<std::size_t>(options.every), "hour"),
                                     options.keep));
  runtime.console().result(
      {{"vm", vm.name}, {"enabled", true}, {"everyHours", options.every}, {"keep", options.keep}});
  return 0;
}

void bind(CLI::App& command, SnapDisableOptions& options) {
  bind_vm(command, options.vm);
  command.footer(
      "Example: azlin snapshot disable vm1\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const SnapDisableOptions& options) {
  const auto vm = resolve_vm(runtime, options.vm);
  if (runtime.dry_run()) {
    print_dry_run(runtime.console(),
                  {tags_patch(vm.id(), std::string(snapshot::kSnapshotScheduleTag) + ": disabled")});
    return 0;
  }
  manager(runtime).disable(vm, runtime.stop());
  runtime.console().line(fmt::format("✓ Snapshots of {} disabled (existing ones stay)", vm.name));
  runtime.console().result({{"vm", vm.name}, {"enabled", false}});
  return 0;
}

void bind(CLI::App& command, SnapSyncOptions& options) {
  bind_vms(command, options.vms, "Every VM with a snapshot schedule");
  command.footer(
      "Takes the snapshots that are due, then keeps the newest N.\n"
      "Example: azlin snapshot sync --all\n"
      "Exit codes: 0, 1, 2, 3, 4 some VMs failed, 5, 7");
}

std::vector<VmRef> with_schedule(Runtime& runtime, const std::optional<std::string>& group) {
  std::vector<VmRef> result;
  for (const auto& vm : azure::list_vms(runtime.arm(), runtime.subscription(), group, runtime.stop())) {
    if (vm.tags.contains(snapshot::kSnapshotScheduleTag))
      result.push_back({vm.subscription, vm.resource_group, vm.name});
  }
  return result;
}

std::string sync_text(const snapshot::SyncResult& result, bool dry) {
  std::string text = !result.due    ? "not due"
                     : dry          ? "due"
                     : result.taken ? "took " + result.taken->name
                                    : "due";
  if (!result.removed.empty())
    text += fmt::format(", {} {}", dry ? "would remove" : "removed",
                        core::counted(result.removed.size(), "old one"));
  return text;
}

int run(Runtime& runtime, const SnapSyncOptions& options) {
  check(options.vms);
  const auto vms =
      options.vms.all
          ? with_schedule(runtime, options.vms.resource_group)
          : std::vector<VmRef>{resolve_vm(runtime, {*options.vms.name, options.vms.resource_group})};
  auto snapshots = manager(runtime);
  Console& console = runtime.console();
  ordered_json json = {{"dryRun", runtime.dry_run()}, {"results", ordered_json::array()}};
  std::size_t failed = 0;
  for (const auto& vm : vms) {
    try {
      const auto result =
          runtime.dry_run() ? snapshots.plan_sync(vm, runtime.stop()) : snapshots.sync(vm, runtime.stop());
      console.line(fmt::format("✓ {}: {}", vm.name, sync_text(result, runtime.dry_run())));
      for (const auto& warning : result.warnings) console.warn(vm.name + ": " + warning);
      json["results"].push_back(
          {{"vm", vm.name},
           {"due", result.due},
           {"taken", result.taken ? ordered_json(result.taken->name) : ordered_json(nullptr)},
           {"removed", result.removed},
           {"warnings", result.warnings},
           {"error", nullptr}});
    } catch (const Error& error) {
      if (vms.size() == 1 || error.kind() == ErrorKind::interrupted) throw;
      ++failed;
      console.line(fmt::format("✗ {}: {}", vm.name, error.what()));
      json["results"].push_back({{"vm", vm.name}, {"error", error.what()}});
    }
  }
  console.line(fmt::format("{} {} of {} synced", failed == 0 ? "✓" : "✗", vms.size() - failed,
                           core::counted(vms.size(), "VM")));
  console.result(json, "results");
  if (failed == 0) return 0;
  return core::exit_code(failed == vms.size() ? ErrorKind::failed : ErrorKind::partial);
}

void bind(CLI::App& command, SnapStatusOptions& options) {
  bind_vm(command, options.vm);
  command.footer(
      "Example: azlin snapshot status vm1\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const SnapStatusOptions& options) {
  const auto vm = resolve_vm(runtime, options.vm);
  const auto status = manager(runtime).status(vm, runtime.stop());
  Console& console = runtime.console();
  ordered_json json = {
      {"vm", vm.name}, {"configured", status.schedule.has_value()}, {"snapshots", ordered_json::array()}};
  console.line(fmt::format("Snapshots of {}:", vm.name));
  if (status.schedule) {
    console.line(fmt::format("  Schedule: {}, every {}, {} kept",
                             status.schedule->enabled ? "enabled" : "disabled",
                             core::counted(static_cast<std::size_t>(status.schedule->interval_hours), "hour"),
                             status.schedule->keep));
    json["schedule"] = {{"enabled", status.schedule->enabled},
                        {"everyHours", status.schedule->interval_hours},
                        {"keep", status.schedule->keep}};
  } else {
    console.line("  Schedule: none");
  }
  console.line("  Next: " + (status.next ? core::to_display_minutes(*status.next) : std::string("-")));
  json["next"] = status.next ? ordered_json(core::to_iso8601(*status.next)) : ordered_json(nullptr);
  for (const auto& set : status.sets) {
    console.line(
        fmt::format("  {}  {}  {} GB", set.name, core::to_display_minutes(set.created), set.size_gb()));
    json["snapshots"].push_back(to_json(set));
  }
  console.result(json);
  return 0;
}

}  // namespace

void add_snapshot_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "snapshot", "Plain snapshots of a VM's disks, by hand or by interval");
  add_command<SnapCreateOptions>(*group, "create", "Take one now", chosen);
  add_command<SnapListOptions>(*group, "list", "List them", chosen);
  add_command<SnapRestoreOptions>(*group, "restore", "Put a VM back to a snapshot", chosen);
  add_command<SnapDeleteOptions>(*group, "delete", "Delete one", chosen);
  add_command<SnapEnableOptions>(*group, "enable", "Take one every so many hours and keep so many", chosen);
  add_command<SnapDisableOptions>(*group, "disable", "Stop that; existing ones stay", chosen);
  add_command<SnapSyncOptions>(*group, "sync", "Take those that are due, remove those over the count",
                               chosen);
  add_command<SnapStatusOptions>(*group, "status", "Schedule, snapshots, and when the next is due", chosen);
}

}  // namespace azlin::cli
