// azlin restore: recovery points of a vault, and restores from them.
#include "cli/cmd_restore.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/vault/registration.hpp"
#include "azlin/vault/restore.hpp"
#include "azlin/vault/vaults.hpp"
#include "cli/vault_session.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using vault::ProtectedItem;

namespace {

struct RestoreItem {
  VaultArgument vault;
  std::string item;
  std::optional<std::string> server, workload, point, at;
  bool secondary = false, no_wait = false;
};
struct PointsOptions : RestoreItem {};
struct OriginalOptions : RestoreItem {
  bool no_recovery = false;
};
struct AlternateOptions : RestoreItem {
  std::string target_server;
  std::optional<std::string> target_instance, target_database, target_vault;
  std::vector<std::string> moves;
  bool overwrite = false, no_recovery = false;
};
struct FilesOptions : RestoreItem {
  std::string directory;
  std::optional<std::string> target_server, target_vault;
  bool overwrite = false;
};
struct VmRestoreOptions : RestoreItem {
  std::string to = "disks";
  std::optional<std::string> target_group, staging, target_vm, network, subnet;
  bool os_disk_only = false;
};

void bind_item(CLI::App& command, RestoreItem& options, bool with_point) {
  command.add_option("item", options.item, "Name, or INSTANCE/DATABASE")->required();
  command.add_option("--server", options.server, "Name of the VM that holds it");
  command.add_option("--workload", options.workload, "SAPHana, MSSQL or AzureVM");
  command.add_flag("--cross-region", options.secondary, "From the paired region");
  bind_vault(command, options.vault);
  if (!with_point) return;
  command.add_option("--point", options.point, "Recovery point (or the beginning of its name), or latest");
  command.add_option("--at", options.at, "A moment that the logs cover, such as 2025-12-01T08:15:00Z");
  command.add_flag("--no-wait", options.no_wait, "Print the job's id and return");
}

ProtectedItem find_item(VaultSession& session, const RestoreItem& options) {
  vault::ItemQuery query{options.item, options.server.value_or(""), std::nullopt};
  if (options.workload) query.workload = vault::parse_workload(*options.workload);
  auto item = session.protection().require_item(query, options.secondary, session.runtime().stop());
  return item;
}

void refuse_soft_deleted(const ProtectedItem& item) {
  if (item.soft_deleted)
    throw Error(ErrorKind::usage, item_label(item) + " is soft deleted; nothing can be restored from it",
                fmt::format("run `azlin vault undelete {}` first", item.friendly_name));
}

vault::ChosenPoint find_point(VaultSession& session, const RestoreItem& options, const ProtectedItem& item) {
  vault::PointChoice choice;
  choice.point = options.point.value_or("");
  if (options.at) {
    if (options.point) throw Error(ErrorKind::usage, "--point and --at exclude each other");
    choice.at = core::parse_time(*options.at);
    if (!choice.at && *options.at != "latest")
      throw Error(ErrorKind::usage, "'" + *options.at + "' is no time",
                  "such as 2025-12-01T08:15:00Z or \"2025-12-01 08:15\" (UTC)");
  }
  vault::RestoreManager restores(session.service(), session.id());
  return choose_point(restores.points(item, options.secondary, session.runtime().stop()), choice,
                      item_label(item));
}

// The region whose jobs a cross-region restore belongs to: the one paired with the vault's, as the target
// says.
std::string secondary_path(VaultSession& session, const std::string& region) {
  return vault::region_path(session.id().subscription, region);
}

bool confirmed(VaultSession& session, const std::string& what, const std::string& warning) {
  if (session.dry_run()) return true;
  session.console().warn(warning);
  return session.console().confirm(what);
}

int begin(VaultSession& session, const RestoreItem& options, const ProtectedItem& item,
          const vault::ChosenPoint& point, const nlohmann::json& body, const std::string& region,
          const std::string& done) {
  vault::RestoreManager restores(session.service(), session.id());
  std::string name;
  const auto job = session.change(
      {"restore", item.id, item_label(item), region},
      [&] {
        return name = region.empty()
                          ? restores.restore(point, body, session.runtime().stop())
                          : restores.restore_secondary(point, body, region, session.runtime().stop());
      },
      !options.no_wait);
  return report_job(session, done, name, job);
}

// ---- points ----

void bind(CLI::App& command, PointsOptions& options) {
  bind_item(command, options, false);
  command.footer(
      "Example: azlin restore points HXE/HXE\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const PointsOptions& options) {
  VaultSession session(runtime, options.vault);
  const auto item = find_item(session, options);
  const auto points =
      vault::RestoreManager(session.service(), session.id()).points(item, options.secondary, runtime.stop());
  Console& console = runtime.console();
  ordered_json json = {
      {"item", item_label(item)}, {"points", ordered_json::array()}, {"logRanges", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {{"POINT", "TIME (UTC)", "TYPE", "TIER", "EXPIRES"}};
  for (const auto& point : points.points) {
    ordered_json entry = {{"name", point.name},
                          {"time", core::to_iso8601(point.time)},
                          {"type", point.type},
                          {"tiers", point.tiers},
                          {"expiresAt", nullptr}};
    if (point.expires) entry["expiresAt"] = core::to_iso8601(*point.expires);
    json["points"].push_back(entry);
    rows.push_back({point.name, core::to_display(point.time), point.type,
                    fmt::format("{}", fmt::join(point.tiers, ", ")),
                    point.expires ? core::to_display_minutes(*point.expires) : ""});
  }
  for (const auto& range : points.logs) {
    json["logRanges"].push_back(
        {{"start", core::to_iso8601(range.start)}, {"end", core::to_iso8601(range.end)}});
    console.line(fmt::format("Any moment from {} to {} UTC", core::to_display(range.start),
                             core::to_display(range.end)));
  }
  if (rows.size() > 1)
    for (const auto& line : in_columns(rows)) console.line(line);
  if (points.points.empty() && points.logs.empty())
    console.line("No recovery points yet: `azlin vault backup` makes one");
  console.result(json, "points");
  return 0;
}

// ---- databases ----

void bind(CLI::App& command, OriginalOptions& options) {
  bind_item(command, options, true);
  command.add_flag("--no-recovery", options.no_recovery,
                   "Leave the database restoring, for more logs (SQL Server)");
  command.footer(
      "The database is replaced by its earlier state.\n"
      "Example: azlin restore original HXE/HXE --at \"2025-12-01 08:15\"\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const OriginalOptions& options) {
  VaultSession session(runtime, options.vault);
  if (options.secondary)
    throw Error(ErrorKind::usage, "a restore from the paired region goes to another location",
                "use `azlin restore alternate --cross-region`");
  const auto item = find_item(session, options);
  refuse_soft_deleted(item);
  if (item.workload == vault::Workload::vm)
    throw Error(ErrorKind::usage, item.friendly_name + " is a VM", "use `azlin restore vm --to replace`");
  if (options.no_recovery && item.workload != vault::Workload::sql)
    throw Error(ErrorKind::usage, "--no-recovery is for SQL Server");
  const auto point = find_point(session, options, item);
  if (!confirmed(session, "restoring over " + item_label(item),
                 fmt::format("{} will be replaced by its state of {}. What came after is lost.",
                             item_label(item), point.text)))
    return 0;
  vault::RestoreManager restores(session.service(), session.id());
  return begin(session, options, item, point, restores.original_body(item, point, options.no_recovery), "",
               fmt::format("{} restored to {}", item_label(item), point.text));
}

// The registered VM that a restore goes to, and the region when that is another one.
struct Destination {
  vault::Container container;
  std::string region;  // path; empty in the primary region
};

Destination find_destination(VaultSession& session, const RestoreItem& options, const std::string& server,
                             const std::optional<std::string>& target_vault) {
  const std::string vm_id = find_vm_id(session.runtime(), server, std::nullopt);
  if (options.secondary && !target_vault)
    throw Error(ErrorKind::usage, "a restore from the paired region needs --target-vault",
                "the vault of that region with which the target server is registered");
  Destination destination;
  const auto id =
      target_vault ? choose_vault(session.runtime(), {*target_vault, std::nullopt}) : session.id();
  destination.container =
      vault::RegistrationManager(session.service(), id).require(vm_id, session.runtime().stop());
  if (options.secondary) {
    const auto other = vault::VaultManager(session.service()).find(id, session.runtime().stop());
    if (!other) throw Error(ErrorKind::not_found, "there is no vault " + id.name);
    destination.region = secondary_path(session, other->location);
  }
  return destination;
}

// "LOGICAL=TARGET" for each file; the source's path comes from the backup.
std::vector<vault::FileMove> find_moves(VaultSession& session, const ProtectedItem& item,
                                        const vault::ChosenPoint& point,
                                        const std::vector<std::string>& moves) {
  if (item.workload != vault::Workload::sql) {
    if (!moves.empty()) throw Error(ErrorKind::usage, "--move is for SQL Server");
    return {};
  }
  auto files = vault::RestoreManager(session.service(), session.id())
                   .files_of(item, point.id, session.runtime().stop());
  for (const auto& move : moves) {
    const auto equals = move.find('=');
    if (equals == std::string::npos) throw Error(ErrorKind::usage, "'" + move + "' is not LOGICAL=PATH");
    const auto file = std::find_if(files.begin(), files.end(), [&](const vault::FileMove& each) {
      return core::equal_ignoring_case(each.logical_name, move.substr(0, equals));
    });
    if (file == files.end()) {
      std::string names;
      for (const auto& each : files) names += (names.empty() ? "" : ", ") + each.logical_name;
      throw Error(ErrorKind::usage, "the backup has no file '" + move.substr(0, equals) + "'",
                  "it has: " + names);
    }
    file->target = move.substr(equals + 1);
  }
  return files;
}

void bind(CLI::App& command, AlternateOptions& options) {
  bind_item(command, options, true);
  command.add_option("--target-server", options.target_server, "VM to restore to; it must be registered")
      ->required();
  command.add_option("--target-instance", options.target_instance,
                     "Instance or system there (default: as it was)");
  command.add_option("--target-database", options.target_database,
                     "Name of the restored database (default: as it was)");
  command.add_option("--target-vault", options.target_vault,
                     "Vault of the paired region that has the target (--cross-region)");
  command.add_option("--move", options.moves,
                     "LOGICAL=PATH: where a data or log file goes (SQL Server); may be repeated");
  command.add_flag("--overwrite", options.overwrite, "Replace a database of that name");
  command.add_flag("--no-recovery", options.no_recovery,
                   "Leave the database restoring, for more logs (SQL Server)");
  command.footer(
      "Example: azlin restore alternate sales --server prod-app-vm --target-server staging-vm "
      "--target-database sales-old\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const AlternateOptions& options) {
  VaultSession session(runtime, options.vault);
  const auto item = find_item(session, options);
  refuse_soft_deleted(item);
  if (item.workload == vault::Workload::vm)
    throw Error(ErrorKind::usage, item.friendly_name + " is a VM", "use `azlin restore vm --to vm`");
  const auto point = find_point(session, options, item);
  const auto destination = find_destination(session, options, options.target_server, options.target_vault);
  vault::DatabaseTarget target;
  target.container_id = destination.container.id;
  target.vm_id = destination.container.vm_id;
  target.instance = options.target_instance.value_or(item.parent);
  target.database = options.target_database.value_or(item.friendly_name);
  target.overwrite = options.overwrite;
  if (!options.secondary) target.moves = find_moves(session, item, point, options.moves);
  const std::string goal =
      fmt::format("{}/{} on {}", target.instance, target.database, options.target_server);
  if (options.overwrite &&
      !confirmed(session, "restoring over " + goal, fmt::format("{} will be replaced if it exists.", goal)))
    return 0;
  vault::RestoreManager restores(session.service(), session.id());
  return begin(session, options, item, point,
               restores.alternate_body(item, point, target, options.no_recovery), destination.region,
               fmt::format("{} ({}) restored as {}", item_label(item), point.text, goal));
}

void bind(CLI::App& command, FilesOptions& options) {
  bind_item(command, options, true);
  command.add_option("--path", options.directory, "Folder on the target, such as /hana/restore")->required();
  command.add_option("--target-server", options.target_server, "Registered VM (default: where it was)");
  command.add_option("--target-vault", options.target_vault,
                     "Vault of the paired region that has the target (--cross-region)");
  command.add_flag("--overwrite", options.overwrite, "Replace files of the same name");
  command.footer(
      "Writes the backup's files, for a restore by hand.\n"
      "Example: azlin restore files HXE/HXE --path /hana/restore\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const FilesOptions& options) {
  VaultSession session(runtime, options.vault);
  const auto item = find_item(session, options);
  refuse_soft_deleted(item);
  if (item.workload == vault::Workload::vm)
    throw Error(ErrorKind::usage, item.friendly_name + " is a VM", "use `azlin restore vm`");
  const auto point = find_point(session, options, item);
  const auto destination =
      find_destination(session, options, options.target_server.value_or(item.server), options.target_vault);
  vault::DatabaseTarget target;
  target.container_id = destination.container.id;
  target.vm_id = destination.container.vm_id;
  target.directory = options.directory;
  target.overwrite = options.overwrite;
  if (options.overwrite && !confirmed(session, "overwriting files in " + options.directory,
                                      "Files of the same name will be replaced."))
    return 0;
  vault::RestoreManager restores(session.service(), session.id());
  return begin(session, options, item, point, restores.alternate_body(item, point, target, false),
               destination.region,
               fmt::format("{} ({}) restored as files to {} on {}", item_label(item), point.text,
                           options.directory, destination.container.friendly_name));
}

// ---- VMs ----

void bind(CLI::App& command, VmRestoreOptions& options) {
  bind_item(command, options, true);
  command.add_option("--to", options.to, "disks: new disks; vm: a new VM; replace: the VM's own disks")
      ->check(CLI::IsMember({"disks", "vm", "replace"}))
      ->capture_default_str();
  command.add_option("--target-group", options.target_group, "Resource group of the new disks or VM");
  command
      .add_option("--staging-account", options.staging,
                  "Id or name of a storage account in the vault's region")
      ->required();
  command.add_option("--target-vm", options.target_vm, "Name of the new VM");
  command.add_option("--network", options.network, "Id of the virtual network of the new VM");
  command.add_option("--subnet", options.subnet, "Name of its subnet");
  command.add_flag("--os-disk-only", options.os_disk_only, "Leave the data disks out");
  command.footer(
      "Example: azlin restore vm critical-vm --target-group Production --staging-account prodstorage01\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

std::string group_id(VaultSession& session, const std::string& group) {
  return "/subscriptions/" + session.id().subscription + "/resourceGroups/" + group;
}

vault::VmTarget vm_target(VaultSession& session, const VmRestoreOptions& options) {
  vault::VmTarget target;
  target.kind = options.to == "vm"        ? vault::VmTarget::Kind::new_vm
                : options.to == "replace" ? vault::VmTarget::Kind::replace
                                          : vault::VmTarget::Kind::disks;
  target.os_disk_only = options.os_disk_only;
  if (target.kind != vault::VmTarget::Kind::replace && !options.target_group)
    throw Error(ErrorKind::usage, "--target-group is missing", "the resource group for what is restored");
  if (options.target_group) {
    core::check_resource_group(*options.target_group);
    target.group_id = group_id(session, *options.target_group);
  }
  target.staging_account_id = *options.staging;
  if (!options.staging->starts_with("/"))
    target.staging_account_id =
        group_id(session, options.target_group.value_or(session.id().resource_group)) +
        "/providers/Microsoft.Storage/storageAccounts/" + *options.staging;
  if (target.kind != vault::VmTarget::Kind::new_vm) return target;
  if (!options.target_vm || !options.network || !options.subnet)
    throw Error(ErrorKind::usage, "a new VM needs --target-vm, --network and --subnet");
  core::check_vm_name(*options.target_vm);
  target.vm_id = target.group_id + "/providers/Microsoft.Compute/virtualMachines/" + *options.target_vm;
  target.network_id = *options.network;
  target.subnet_id = *options.network + "/subnets/" + *options.subnet;
  return target;
}

int run(Runtime& runtime, const VmRestoreOptions& options) {
  VaultSession session(runtime, options.vault);
  RestoreItem wanted = options;
  wanted.workload = "AzureVM";
  const auto target = vm_target(session, options);
  const auto item = find_item(session, wanted);
  refuse_soft_deleted(item);
  if (options.at)
    throw Error(ErrorKind::usage, "a VM has no logs: name a --point", "`azlin restore points` lists them");
  const auto point = find_point(session, options, item);
  const auto home = vault::VaultManager(session.service()).find(session.id(), runtime.stop());
  if (!home) throw Error(ErrorKind::not_found, "there is no vault " + session.id().name);
  std::string region = home->location, path;
  if (options.secondary) {
    const auto group =
        session.service().get(target.group_id, "read resource group", "2021-04-01", runtime.stop());
    region = group.value("location", "");
    path = secondary_path(session, region);
  }
  if (target.kind == vault::VmTarget::Kind::replace &&
      !confirmed(session, "replacing the disks of " + item.friendly_name,
                 fmt::format("{} will run on its disks of {}. The present disks stay, unattached.",
                             item.friendly_name, point.text)))
    return 0;
  vault::RestoreManager restores(session.service(), session.id());
  return begin(session, wanted, item, point, restores.vm_body(item, point, target, region), path,
               fmt::format("{} ({}) restored: {}", item.friendly_name, point.text, options.to));
}

}  // namespace

CLI::App* add_restore_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "restore", "Recovery points of a vault, and restores from them");
  add_command<PointsOptions>(*group, "points", "What can be gone back to", chosen);
  add_command<OriginalOptions>(*group, "original", "Restore a database to where it was", chosen);
  add_command<AlternateOptions>(*group, "alternate", "Restore a database elsewhere", chosen);
  add_command<FilesOptions>(*group, "files", "Restore a backup as files", chosen);
  add_command<VmRestoreOptions>(*group, "vm", "Restore a VM: disks, a new VM, or its own disks", chosen);
  return group;
}

}  // namespace azlin::cli
