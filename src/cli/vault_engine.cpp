// Which engine backs a VM up, and moving it from one to the other.
#include "cli/vault_engine.hpp"

#include <fmt/format.h>

#include "azlin/azure/compute.hpp"
#include "azlin/azure/tagged.hpp"
#include "azlin/backup/manager.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/vault/policies.hpp"
#include "azlin/vault/restore.hpp"
#include "cli/dry_run.hpp"

namespace azlin::cli {

using backup::BackupSchedule;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using snapshot::VmRef;
using vault::ProtectedItem;
using vault::VaultId;

namespace {

constexpr const char* kVmType = "Microsoft.Compute/virtualMachines";
constexpr const char* kEnginePrefix = "azure-backup:";
constexpr int kLeastDays = 7;    // of daily points, but for exactly 1 (the service's rule)
constexpr int kInstantDays = 2;  // the service's default for daily backups

BackupSchedule schedule_of(const vault::VmRetention& kept) {
  BackupSchedule schedule;
  schedule.daily = std::max(1, kept.days);
  schedule.weekly_on = kept.weeks > 0;
  schedule.monthly_on = kept.months > 0;
  if (schedule.weekly_on) schedule.weekly = kept.weeks;
  if (schedule.monthly_on) schedule.monthly = kept.months;
  return schedule;
}

vault::VmRetention retention_of(const BackupSchedule& schedule) {
  return {schedule.daily, schedule.weekly_on ? schedule.weekly : 0,
          schedule.monthly_on ? schedule.monthly : 0};
}

std::string text_of(const vault::VmRetention& kept) {
  return fmt::format("{} days, {} weeks, {} months", kept.days, kept.weeks, kept.months);
}

vault::PolicySpec spec_of(const BackupSchedule& schedule) {
  if (schedule.daily != 1 && schedule.daily < kLeastDays)
    throw Error(
        ErrorKind::usage,
        fmt::format("Azure Backup keeps daily backups 1 day, or at least 7, and not {}", schedule.daily),
        "give --daily-retention 7, or stay with --engine snapshot, which keeps any number of days");
  const auto kept = retention_of(schedule);
  auto spec = vault::template_policy(vault::Workload::vm);
  spec.full = {kept.days, kept.weeks, kept.months, 0};
  spec.instant_days = std::min(kInstantDays, kept.days);
  vault::check_policy(spec);
  return spec;
}

void refuse_soft_deleted(const VaultId& vault, const ProtectedItem& item) {
  if (item.soft_deleted)
    throw Error(ErrorKind::usage,
                fmt::format("the backups of {} in vault {} are soft deleted", item.friendly_name, vault.name),
                fmt::format("run `azlin vault undelete {} --workload AzureVM --vault {}` first",
                            item.friendly_name, vault.name));
}

// The policy of these numbers; made when it is not there. Its id.
std::string ensure_policy(VaultSession& session, const BackupSchedule& schedule) {
  const std::string name = engine_policy_name(schedule);
  vault::PolicyManager policies(session.service(), session.id());
  if (const auto known = policies.find(name, session.runtime().stop())) {
    if (vault::vm_retention(*known) == retention_of(schedule)) return known->id;
    throw Error(
        ErrorKind::failed,
        fmt::format("policy {} of vault {} keeps {}, which is not what its name says", name,
                    session.id().name, text_of(vault::vm_retention(*known))),
        fmt::format("somebody changed it: `azlin policy show {} --vault {}`", name, session.id().name));
  }
  const std::string id = session.id().id() + "/backupPolicies/" + name;
  session.change(
      {"policy-create", id, name, ""},
      [&] {
        policies.put(name, vault::policy_body(spec_of(schedule)), session.runtime().stop());
        return std::string();
      },
      false);
  return id;
}

void protect(VaultSession& session, const VmRef& vm, const std::optional<ProtectedItem>& item,
             const std::string& policy_id) {
  auto protection = session.protection();
  const auto stop = session.runtime().stop();
  if (item && core::equal_ignoring_case(item->policy_id, policy_id)) return;
  session.change(
      {item ? "policy" : "protect", item ? item->id : vm.id(), vm.name, ""},
      [&] {
        return item ? protection.set_policy(*item, policy_id, stop)
                    : protection.protect_vm(vm.id(), policy_id, stop);
      },
      true);
}

// What is there of a schedule: the policy's numbers, else those of the snapshots.
std::optional<BackupSchedule> present_schedule(VaultSession& session, const azure::Vm& machine,
                                               const std::optional<ProtectedItem>& item) {
  if (item && !item->policy_name.empty()) {
    vault::PolicyManager policies(session.service(), session.id());
    if (const auto policy = policies.find(item->policy_name, session.runtime().stop()))
      return schedule_of(vault::vm_retention(*policy));
  }
  const auto tag = machine.tags.find(backup::kScheduleTag);
  if (tag == machine.tags.end()) return std::nullopt;
  auto schedule = backup::parse_schedule(tag->second, machine.name);
  schedule.target_region.reset();
  return schedule;
}

bool confirm_shorter(VaultSession& session, const std::optional<ProtectedItem>& item,
                     const std::optional<BackupSchedule>& before, const BackupSchedule& after) {
  if (!item || !before || session.dry_run()) return true;
  const auto old = retention_of(*before), now = retention_of(after);
  if (now.days >= old.days && now.weeks >= old.weeks && now.months >= old.months) return true;
  session.console().warn(fmt::format("the new numbers ({}) let points go that the old ones ({}) keep",
                                     text_of(now), text_of(old)));
  return session.console().confirm("lowering the retention");
}

void set_tag(Runtime& runtime, const VmRef& vm, const std::string& value) {
  try {
    azure::merge_tags(runtime.arm(), vm.id(), {{kEngineTag, value}}, runtime.stop());
  } catch (const Error& error) {
    runtime.journal().record("backup.configure", vm.id(), value, error.what());
    throw;
  }
  runtime.journal().record("backup.configure", vm.id(), value, {});
}

void end_snapshots(Runtime& runtime, const VmRef& vm, const azure::Vm& machine) {
  const auto tag = machine.tags.find(backup::kScheduleTag);
  if (tag == machine.tags.end() || !backup::parse_schedule(tag->second, vm.name).enabled) return;
  backup::BackupManager(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path())
      .disable(vm, runtime.stop());
  runtime.console().note("Snapshot backups of " + vm.name + " are switched off; those that exist stay");
}

ordered_json describe(const VmRef& vm, const VaultId& vault) {
  return {{"vm", vm.name},
          {"resourceGroup", vm.resource_group},
          {"engine", "azure-backup"},
          {"vault", vault.name}};
}

int print_planned(VaultSession& session, const VmRef& vm) {
  std::vector<PlannedCall> calls;
  for (const auto& call : session.planned())
    calls.push_back({call.method, call.path, call.body.is_null() ? "" : call.body.dump()});
  calls.push_back(tags_patch(vm.id(), fmt::format("{}={}", kEngineTag, engine_tag(session.id()))));
  print_dry_run(session.console(), calls, describe(vm, session.id()));
  return 0;
}

// Why Azure Backup cannot do it with one point, and the nearest thing that it can.
std::pair<std::string, std::string> refusal(const VaultedBackup& backup, PointVerb verb) {
  const std::string &vm = backup.vm.name, &vault = backup.vault.name;
  switch (verb) {
    case PointVerb::verify:
      return {
          "Azure Backup lets nobody read it without a restore, so it cannot be verified",
          fmt::format("restore it as disks beside the VM and look at them: `azlin restore vm {} --to disks "
                      "--point {} --vault {} --target-group GROUP --staging-account ACCOUNT`",
                      vm, backup.point.name, vault)};
    case PointVerb::hold:
      return {
          "Azure Backup keeps a point as long as its policy says, and can hold none",
          fmt::format("keep all of them longer: `azlin backup configure {} --daily-retention DAYS`, or stop "
                      "the protection, which keeps them all: `azlin backup disable {}`",
                      vm, vm)};
    case PointVerb::remove:
      return {
          "Azure Backup deletes no single point",
          fmt::format("a lower `azlin backup configure {} --daily-retention DAYS` lets old ones go; `azlin "
                      "vault unprotect {} --workload AzureVM --delete-backup-data --vault {}` deletes all",
                      vm, vm, vault)};
    case PointVerb::replicate:
      break;
  }
  return {"Azure Backup copies whole vaults to the paired region, and no single point",
          fmt::format("`azlin vault update --vault {} --redundancy GeoRedundant --cross-region-restore on`",
                      vault)};
}

}  // namespace

std::optional<ProtectedItem> find_vm_item(VaultSession& session, const std::string& vm_id) {
  vault::ItemQuery query;
  query.workload = vault::Workload::vm;
  std::optional<ProtectedItem> found;
  session.protection().each_item(
      query,
      [&](ProtectedItem&& item) {
        if (core::equal_ignoring_case(item.source_id, vm_id)) found = std::move(item);
        return !found;
      },
      false, session.runtime().stop());
  return found;
}

std::string engine_tag(const VaultId& vault) {
  return kEnginePrefix + vault.id();
}

std::optional<VaultId> engine_in(const azure::Tags& tags, const std::string& vm_name) {
  for (const auto& [name, value] : tags) {
    if (!core::equal_ignoring_case(name, kEngineTag)) continue;
    try {
      if (value.starts_with(kEnginePrefix))
        return VaultId::parse(value.substr(std::string(kEnginePrefix).size()));
    } catch (const Error&) {  // said below
    }
    throw Error(ErrorKind::failed,
                fmt::format("the tag {} of VM {} cannot be read: '{}'", kEngineTag, vm_name, value),
                "nothing was done; `azlin backup configure` writes it anew once the tag is removed");
  }
  return std::nullopt;
}

std::optional<VaultId> engine_of(Runtime& runtime, const VmRef& vm) {
  try {
    const auto machine = azure::find_vm(runtime.arm(), vm.id(), false, runtime.stop());
    return machine ? engine_in(machine->tags, vm.name) : std::nullopt;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return std::nullopt;  // its group is gone, too
    throw;
  }
}

std::optional<VaultId> indexed_engine(Runtime& runtime, const VmRef& vm) {
  // Not by a tag filter: Azure leaves the tags out of what that finds.
  for (const auto& resource : azure::list_of_type(runtime.arm(), vm.subscription, kVmType, runtime.stop()))
    if (core::equal_ignoring_case(resource.id, vm.id())) return engine_in(resource.tags, vm.name);
  return std::nullopt;
}

void refuse_in_vault(Runtime& runtime, const VmRef& vm, const std::string& verb, const std::string& instead) {
  if (const auto vault = engine_of(runtime, vm))
    throw Error(ErrorKind::usage,
                fmt::format("{} is backed up by Azure Backup in vault {}: {} is for snapshots", vm.name,
                            vault->name, verb),
                instead);
}

void refuse_vaulted_point(Runtime& runtime, const std::string& name, PointVerb verb) {
  if (name.empty() || name.find_first_not_of("0123456789") != std::string::npos)
    return;  // points are numbers
  for (const auto& backup : list_in_vaults(runtime, std::nullopt)) {
    if (!backup.point.name.starts_with(name)) continue;
    const auto [reason, hint] = refusal(backup, verb);
    throw Error(ErrorKind::usage,
                fmt::format("recovery point {} of {} is in vault {}: {}", backup.point.name, backup.vm.name,
                            backup.vault.name, reason),
                hint);
  }
}

std::string engine_policy_name(const BackupSchedule& schedule) {
  const auto kept = retention_of(schedule);
  return fmt::format("azlin-d{}-w{}-m{}", kept.days, kept.weeks, kept.months);
}

int configure_in_vault(Runtime& runtime, const VmRef& vm, const std::optional<VaultId>& present,
                       const VaultArgument& argument, const backup::ScheduleChange& change) {
  if (change.cross_region.value_or(false) || change.target_region)
    throw Error(ErrorKind::usage,
                "Azure Backup copies to the paired region alone, and all of a vault or nothing",
                "`azlin vault update --redundancy GeoRedundant --cross-region-restore on` switches that on");
  const auto machine = azure::get_vm(runtime.arm(), vm.id(), false, runtime.stop());
  VaultSession session(runtime, argument.vault || !present ? choose_vault(runtime, argument) : *present);
  const auto item = find_vm_item(session, vm.id());
  if (item) refuse_soft_deleted(session.id(), *item);
  const auto before = present_schedule(session, machine, item);
  const auto after = backup::apply(before, change, machine.location);
  spec_of(after);  // refuses what the service would, before any call that changes something
  if (!confirm_shorter(session, item, before, after))
    throw Error(ErrorKind::failed, "not confirmed: nothing was changed");
  const std::string policy_id = ensure_policy(session, after);
  protect(session, vm, item, policy_id);
  if (session.dry_run()) return print_planned(session, vm);
  set_tag(runtime, vm, engine_tag(session.id()));
  end_snapshots(runtime, vm, machine);
  Console& console = runtime.console();
  console.line(fmt::format("✓ {} is backed up by Azure Backup in vault {}", vm.name, session.id().name));
  console.line(fmt::format("  Policy: {} (daily at 02:00 UTC, kept {})", engine_policy_name(after),
                           text_of(retention_of(after))));
  console.line(fmt::format("Configuration saved to VM tags ({})", kEngineTag));
  if (!item || item->state == "IRPending")
    console.note(fmt::format(
        "The first backup is the policy's next run; `azlin backup trigger {}` makes one now", vm.name));
  auto json = describe(vm, session.id());
  json["policy"] = engine_policy_name(after);
  json["daily"] = after.daily;
  json["weekly"] = retention_of(after).weeks;
  json["monthly"] = retention_of(after).months;
  console.result(json);
  return 0;
}

void leave_vault(Runtime& runtime, const VmRef& vm, const VaultId& vault) {
  VaultSession session(runtime, vault);
  const auto item = find_vm_item(session, vm.id());
  if (item && !item->soft_deleted && item->state != "ProtectionStopped")
    session.change(
        {"unprotect", item->id, vm.name, ""},
        [&] { return session.protection().stop_protection(*item, runtime.stop()); }, true);
  azure::remove_tags(runtime.arm(), vm.id(), {{kEngineTag, engine_tag(vault)}}, runtime.stop());
  runtime.console().note(fmt::format("Protection in vault {} is stopped; the points there stay", vault.name));
}

int disable_in_vault(Runtime& runtime, const VmRef& vm, const VaultId& vault) {
  VaultSession session(runtime, vault);
  const auto item = find_vm_item(session, vm.id());
  if (!item)
    throw Error(
        ErrorKind::not_found,
        fmt::format("vault {} does not protect {}, so there is nothing to disable", vault.name, vm.name));
  if (item->state != "ProtectionStopped")
    session.change(
        {"unprotect", item->id, vm.name, ""},
        [&] { return session.protection().stop_protection(*item, runtime.stop()); }, true);
  if (session.dry_run()) return session.print_planned();
  runtime.console().line(
      fmt::format("✓ Backups disabled for {} (the points in vault {} are preserved)", vm.name, vault.name));
  auto json = describe(vm, vault);
  json["enabled"] = false;
  runtime.console().result(json);
  return 0;
}

int show_in_vault(Runtime& runtime, const VmRef& vm, const VaultId& vault) {
  VaultSession session(runtime, vault);
  const auto item = find_vm_item(session, vm.id());
  if (!item)
    throw Error(ErrorKind::not_found,
                fmt::format("vault {} does not protect {} any more", vault.name, vm.name),
                fmt::format("azlin backup configure {}", vm.name));
  Console& console = runtime.console();
  auto json = describe(vm, vault);
  json["configured"] = true;
  json["state"] = item->soft_deleted ? "SoftDeleted" : item->state;
  json["policy"] = item->policy_name;
  console.line(fmt::format("Backup Configuration for {}:", vm.name));
  console.line(fmt::format("  Engine: Azure Backup, vault {} in {}", vault.name, vault.resource_group));
  console.line("  Status: " + std::string(json["state"]));
  if (!item->policy_name.empty()) {
    const auto policy =
        vault::PolicyManager(session.service(), vault).require(item->policy_name, runtime.stop());
    const auto kept = vault::vm_retention(policy);
    json["daily"] = kept.days;
    json["weekly"] = kept.weeks;
    json["monthly"] = kept.months;
    console.line("  Policy: " + policy.name);
    for (const auto& line : policy.schedules) console.line("    " + line);
    for (const auto& line : policy.retentions) console.line("    kept: " + line);
  }
  json["lastBackupAt"] =
      item->last_backup ? ordered_json(core::to_iso8601(*item->last_backup)) : ordered_json();
  console.line("  Last backup: " +
               (item->last_backup ? core::to_display_minutes(*item->last_backup) : "never"));
  console.result(json);
  return 0;
}

}  // namespace azlin::cli
