// backup trigger, list and restore of VMs whose engine is Azure Backup.
#include <fmt/format.h>

#include "azlin/azure/compute.hpp"
#include "azlin/azure/network.hpp"
#include "azlin/azure/tagged.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/vault/restore.hpp"
#include "azlin/vault/vaults.hpp"
#include "cli/vault_engine.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using snapshot::VmRef;
using vault::ProtectedItem;
using vault::VaultId;

namespace {

constexpr const char* kVmType = "Microsoft.Compute/virtualMachines";

ProtectedItem require_item(VaultSession& session, const VmRef& vm) {
  auto found = find_vm_item(session, vm.id());
  if (!found)
    throw Error(ErrorKind::not_found,
                fmt::format("vault {} does not protect {} any more", session.id().name, vm.name),
                fmt::format("azlin backup configure {} --engine azure-backup --vault {}", vm.name,
                            session.id().name));
  return std::move(*found);
}

std::vector<vault::RecoveryPoint> points_of(VaultSession& session, const ProtectedItem& item) {
  return vault::RestoreManager(session.service(), session.id())
      .points(item, false, session.runtime().stop())
      .points;
}

vault::ChosenPoint chosen(const vault::RecoveryPoint& point) {
  return {point.id, std::nullopt, core::to_display(point.time) + " UTC"};
}

vault::ChosenPoint choose(Runtime& runtime, const std::vector<vault::RecoveryPoint>& points, const VmRef& vm,
                          const VaultRestore& options) {
  if (points.empty())
    throw Error(ErrorKind::not_found, vm.name + " has no recovery point yet",
                "azlin backup trigger " + vm.name);
  if (options.backup) {
    vault::RecoveryPoints all;
    all.points = points;
    return vault::choose_point(all, {*options.backup, std::nullopt}, vm.name);
  }
  if (options.interactive) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& point : points)
      rows.push_back({point.name, core::to_display_minutes(point.time), point.type});
    const auto picked = pick(runtime.console(), "Which recovery point?", in_columns(rows));
    if (!picked) throw Error(ErrorKind::failed, "none was chosen: nothing was changed");
    return chosen(points[*picked]);
  }
  const auto at = core::parse_time(*options.at);
  if (!at)
    throw Error(ErrorKind::usage, fmt::format("--at '{}' is no time", *options.at),
                "write it as 2025-12-01T07:00 (UTC)");
  for (const auto& point : points)  // newest first
    if (point.time <= *at) return chosen(point);
  throw Error(ErrorKind::not_found,
              fmt::format("there is no recovery point from {} or before", core::to_display(*at)),
              fmt::format("the oldest is of {} UTC", core::to_display(points.back().time)));
}

// The subnet of the VM's first NIC.
std::string own_subnet(Runtime& runtime, const VmRef& vm) {
  const auto machine = azure::find_vm(runtime.arm(), vm.id(), false, runtime.stop());
  if (machine && !machine->nic_ids.empty())
    if (const auto nic = azure::find_nic(runtime.arm(), machine->nic_ids.front(), runtime.stop()))
      return nic->subnet_id;
  throw Error(ErrorKind::usage, "the new VM's network is not known", "give --subnet ID");
}

vault::VmTarget target_of(Runtime& runtime, const VmRef& vm, const VaultId& vault,
                          const VaultRestore& options) {
  if (!options.staging)
    throw Error(ErrorKind::usage,
                "Azure Backup restores a VM by way of a storage account: --staging-account is missing",
                "the name or id of one in the vault's region");
  vault::VmTarget target;
  target.kind = options.new_vm ? vault::VmTarget::Kind::new_vm : vault::VmTarget::Kind::replace;
  const std::string groups = "/subscriptions/" + vault.subscription + "/resourceGroups/";
  target.staging_account_id = options.staging->starts_with("/")
                                  ? *options.staging
                                  : groups + vault.resource_group +
                                        "/providers/Microsoft.Storage/storageAccounts/" + *options.staging;
  if (!options.new_vm) return target;
  target.group_id = groups + options.target_group.value_or(vm.resource_group);
  target.vm_id = target.group_id + "/providers/" + kVmType + "/" + *options.new_vm;
  target.subnet_id = options.subnet ? *options.subnet : own_subnet(runtime, vm);
  const auto part = core::to_lower(target.subnet_id).find("/subnets/");
  if (part == std::string::npos)
    throw Error(ErrorKind::usage, fmt::format("'{}' is no id of a subnet", target.subnet_id));
  target.network_id = target.subnet_id.substr(0, part);
  return target;
}

}  // namespace

int trigger_in_vault(Runtime& runtime, const VmRef& vm, const VaultId& vault, bool no_wait) {
  VaultSession session(runtime, vault);
  const auto item = require_item(session, vm);
  if (!session.dry_run())
    runtime.console().note(fmt::format("Backing up {} with Azure Backup, vault {}...", vm.name, vault.name));
  std::string name;
  const auto job = session.change(
      {"backup", item.id, vm.name, ""},
      [&] {
        return name = session.protection().back_up(item, vault::BackupType::full, 0, false, runtime.stop());
      },
      !no_wait);
  return report_job(session, fmt::format("Backup of {} is in vault {}", vm.name, vault.name), name, job);
}

std::vector<VaultedBackup> list_in_vault(Runtime& runtime, const VmRef& vm, const VaultId& vault) {
  VaultSession session(runtime, vault);
  std::vector<VaultedBackup> backups;
  for (auto& point : points_of(session, require_item(session, vm)))
    backups.push_back({vm, vault, std::move(point)});
  return backups;
}

std::vector<VaultedBackup> list_in_vaults(Runtime& runtime, const std::optional<std::string>& group) {
  std::vector<VaultedBackup> backups;
  for (const auto& resource :
       azure::list_of_type(runtime.arm(), runtime.subscription(), kVmType, runtime.stop())) {
    const auto id = core::ResourceId::parse(resource.id);
    if (group && !core::equal_ignoring_case(*group, id.resource_group)) continue;
    const VmRef vm{id.subscription, id.resource_group, id.name};
    try {
      if (const auto vault = engine_in(resource.tags, vm.name))
        for (auto& backup : list_in_vault(runtime, vm, *vault)) backups.push_back(std::move(backup));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      runtime.console().warn(fmt::format("the backups of {} cannot be listed: {}", vm.name, error.what()));
    }
  }
  return backups;
}

ordered_json to_json(const VaultedBackup& backup) {
  ordered_json json = {{"name", backup.point.name},
                       {"vm", backup.vm.name},
                       {"engine", "azure-backup"},
                       {"vault", backup.vault.name},
                       {"createdAt", core::to_iso8601(backup.point.time)},
                       {"tier", core::to_lower(backup.point.rule)},
                       {"type", backup.point.type},
                       {"storage", backup.point.tiers},
                       {"expiresAt", nullptr}};
  if (backup.point.expires) json["expiresAt"] = core::to_iso8601(*backup.point.expires);
  return json;
}

void print_vaulted(Console& console, const std::vector<VaultedBackup>& backups) {
  std::vector<std::vector<std::string>> rows = {
      {"POINT", "VM", "VAULT", "CREATED (UTC)", "KEPT AS", "TYPE", "EXPIRES"}};
  for (const auto& backup : backups)
    rows.push_back({backup.point.name, backup.vm.name, backup.vault.name, core::to_display(backup.point.time),
                    core::to_lower(backup.point.rule), backup.point.type,
                    backup.point.expires ? core::to_display_minutes(*backup.point.expires) : ""});
  if (backups.empty()) return;
  console.line(fmt::format("In vaults ({}):", backups.size()));
  for (const auto& line : in_columns(rows)) console.line("  " + line);
}

int restore_in_vault(Runtime& runtime, const VmRef& vm, const VaultId& vault, const VaultRestore& options) {
  VaultSession session(runtime, vault);
  const auto item = require_item(session, vm);
  if (item.soft_deleted)
    throw Error(ErrorKind::usage, fmt::format("the backups of {} are soft deleted", vm.name),
                fmt::format("run `azlin vault undelete {} --workload AzureVM --vault {}` first", vm.name,
                            vault.name));
  const auto target = target_of(runtime, vm, vault, options);
  const auto point = choose(runtime, points_of(session, item), vm, options);
  const auto home = vault::VaultManager(session.service()).find(vault, runtime.stop());
  if (!home) throw Error(ErrorKind::not_found, "there is no vault " + vault.name);
  Console& console = runtime.console();
  if (!options.new_vm && !session.dry_run()) {
    console.warn(fmt::format("{} will run on its disks of {}. The present disks stay, unattached.", vm.name,
                             point.text));
    if (!console.confirm("replacing the disks of " + vm.name))
      throw Error(ErrorKind::failed, "not confirmed: nothing was changed");
  }
  vault::RestoreManager restores(session.service(), vault);
  const auto body = restores.vm_body(item, point, target, home->location);
  std::string name;
  const auto job = session.change(
      {"restore", item.id, vm.name, ""}, [&] { return name = restores.restore(point, body, runtime.stop()); },
      !options.no_wait);
  return report_job(session,
                    fmt::format("{} ({}) restored{}", vm.name, point.text,
                                options.new_vm ? " as " + *options.new_vm : std::string(" in place")),
                    name, job);
}

}  // namespace azlin::cli
