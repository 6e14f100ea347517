// What a restore will do, checked against the service, before anything changes.
#include <fmt/format.h>

#include <algorithm>

#include "azlin/arm/error.hpp"
#include "azlin/azure/access.hpp"
#include "azlin/azure/capacity.hpp"
#include "azlin/azure/disk_traits.hpp"
#include "azlin/azure/network.hpp"
#include "azlin/backup/restore.hpp"
#include "azlin/backup/vm_body.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "backup/disk_at.hpp"

namespace azlin::backup {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kRestoreKinds[] = {"backup.restore", "backup.restore-new-vm"};

void require_restorable(const BackupInfo& backup) {
  for (const auto& member : backup.set.members) {
    const auto& snapshot = member.snapshot;
    if (snapshot.complete()) continue;
    const bool under_way = snapshot.provisioning_state == "Succeeded" && snapshot.copy_error.empty();
    throw Error(ErrorKind::failed,
                under_way ? fmt::format("of snapshot {} in {} only {:.0f} % are copied yet", snapshot.name,
                                        snapshot.location, snapshot.completion_percent.value_or(0))
                          : fmt::format("snapshot {} in {} is {} {}", snapshot.name, snapshot.location,
                                        snapshot.provisioning_state, snapshot.copy_error),
                "wait until its copy has ended, or choose another backup");
  }
  if (!backup.complete) {
    throw Error(ErrorKind::failed,
                fmt::format("{} is not complete: {} of {} disks are there and readable", backup.name,
                            backup.disks, backup.expected_disks),
                "choose another backup; `azlin backup list` marks the complete ones");
  }
}

std::string disk_prefix(const std::string& vm, int lun) {
  return fmt::format("{}-{}", vm.substr(0, 50), lun == -1 ? "os" : fmt::format("lun{}", lun));
}

std::string disk_scope(const VmRef& target) {
  return fmt::format("/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/disks/",
                     target.subscription, target.resource_group);
}

// "20261201-081530", so that a second restore of the same VM meets no name of the first.
std::string stamp(core::TimePoint now) {
  std::string text = core::to_iso8601(std::chrono::floor<std::chrono::seconds>(now));
  std::erase(text, '-');
  std::erase(text, ':');
  std::replace(text.begin(), text.end(), 'T', '-');
  return text.substr(0, 15);
}

RestoreDisk plan_disk(const snapshot::Member& member, const VmRef& target, core::TimePoint now) {
  const auto spec = snapshot::disk_spec(member.snapshot.tags).value_or(snapshot::DiskSpec{});
  RestoreDisk disk;
  disk.lun = member.lun;
  disk.snapshot_id = member.snapshot.id;
  disk.name = fmt::format("{}-r{}", disk_prefix(target.name, member.lun), stamp(now));
  disk.new_id = disk_scope(target) + disk.name;
  disk.sku = spec.sku;
  disk.caching = spec.caching;
  disk.delete_option = spec.delete_option;
  disk.zone = spec.zone;
  disk.encryption_set_id = member.snapshot.encryption_set_id;
  disk.size_bytes = member.snapshot.size_bytes;
  disk.size_gb = member.snapshot.size_gb;
  return disk;
}

// A zone-redundant disk has no zone; any other has the VM's.
void settle_zone(RestoreDisk& disk, const std::optional<std::string>& vm_zone) {
  disk.zone = disk.sku.ends_with("_ZRS") ? std::nullopt : vm_zone;
}

void warn_about(const BackupInfo& backup, RestorePlan& plan) {
  if (backup.verified == Verified::failed)
    plan.warnings.emplace_back("the last verification of this backup FAILED");
  if (backup.verified == Verified::unknown) plan.warnings.emplace_back("this backup was never verified");
  if (backup.primary_unreadable)
    plan.warnings.push_back("the region of the primary copy does not answer: this restores the replica in " +
                            backup.region);
  else if (backup.replica_only)
    plan.warnings.push_back("the primary copy is gone: this restores the replica in " + backup.region);
  if (backup.spread > std::chrono::seconds(10)) {
    plan.warnings.push_back(fmt::format("its disks were taken {} apart", core::to_display(backup.spread)));
  }
}

std::optional<std::pair<core::Millis, core::Millis>> past_durations(store::Journal& journal) {
  std::optional<std::pair<core::Millis, core::Millis>> result;
  for (const auto& operation : journal.list(1000, "succeeded")) {
    if (!RestoreManager::recovers(operation.kind) || !operation.ended_at) continue;
    const core::Millis took = *operation.ended_at - operation.started_at;
    if (!result) result = {took, took};
    result->first = std::min(result->first, took);
    result->second = std::max(result->second, took);
  }
  return result;
}

void require_equal(const std::string& what, const std::string& of_vm, const std::string& of_backup) {
  if (of_vm.empty() || of_backup.empty() || core::equal_ignoring_case(of_vm, of_backup)) return;
  throw Error(ErrorKind::failed,
              fmt::format("the VM's {} is {}, the backup's is {}: Azure refuses such a disk swap", what,
                          of_vm, of_backup),
              "restore it as a new VM with --new-vm");
}

// Azure calls "no special security" both nothing and Standard.
std::string security(const std::string& type) {
  return type.empty() ? "Standard" : type;
}

void require_fit(const azure::Vm& vm, const BackupInfo& backup) {
  if (azure::has_ephemeral_os_disk(vm))
    throw Error(ErrorKind::failed,
                fmt::format("VM {} has an ephemeral OS disk now, which Azure does not swap", vm.name),
                "restore as a new VM with --new-vm; nothing was changed");
  require_equal("region", vm.location, backup.region);
  const auto* os = backup.set.os_disk();
  if (os == nullptr) throw Error(ErrorKind::failed, backup.name + " has no OS disk", "choose another backup");
  require_equal("OS type", vm.os_type, os->snapshot.os_type);
  require_equal("generation", vm.generation, os->snapshot.generation);
  require_equal("security type", security(vm.security_type), security(os->snapshot.security_type));
}

// A role that may stop the VM and not start it would leave it down. Where the roles cannot be read the calls
// themselves will tell.
void require_allowed(arm::ArmClient& arm, const VmRef& vm, std::stop_token stop) {
  std::vector<azure::Permission> granted;
  try {
    granted = azure::list_permissions(arm, vm.id(), std::move(stop));
  } catch (const arm::ArmError&) {
    return;
  }
  std::vector<std::string> missing;
  for (const char* verb : {"write", "deallocate/action", "start/action"}) {
    auto action = fmt::format("Microsoft.Compute/virtualMachines/{}", verb);
    if (!azure::is_granted(granted, action)) missing.push_back(std::move(action));
  }
  if (missing.empty()) return;
  throw Error(ErrorKind::unauthorized,
              fmt::format("restoring {} needs what is not granted on it: {}; nothing was changed", vm.name,
                          fmt::join(missing, ", ")),
              "assign Contributor, or the custom role in docs/security.md");
}

std::string place_of(int lun) {
  return lun == -1 ? "the OS disk" : fmt::format("the disk at LUN {}", lun);
}

// Another disk has come into the place of the one that was backed up, and not by a restore.
bool is_another_disk(const snapshot::Member& member, const azure::Disk& now) {
  return member.snapshot.create_option == "Copy" && !member.snapshot.source_unique_id.empty() &&
         !now.unique_id.empty() && member.snapshot.source_unique_id != now.unique_id &&
         !now.tags.contains("azlin:restored-from");
}

// Swapped in one VM alone, the others would go on with the old one; and what Azure does not swap is told
// before the VM is stopped.
void require_swappable(const RestoreDisk& disk, const azure::DiskTraits& now) {
  if (disk.lun != -1 && now.max_shares > 1)
    throw Error(ErrorKind::failed,
                fmt::format("{} ({}) is a shared disk: other VMs would keep the old one", place_of(disk.lun),
                            now.disk.name),
                "detach it first and the restore leaves it out; or restore as a new VM with --new-vm");
  if (disk.lun == -1 && now.guest_encrypted)
    throw Error(ErrorKind::failed,
                fmt::format("{} ({}) is encrypted with Azure Disk Encryption: Azure does not swap it",
                            place_of(disk.lun), now.disk.name),
                "restore as a new VM with --new-vm; nothing was changed");
}

// What is known of the disk that goes.
void add_current(arm::ArmClient& arm, const snapshot::Member& member, RestoreDisk& disk, RestorePlan& plan,
                 std::stop_token stop) {
  const auto traits = azure::find_disk_traits(arm, disk.old_id, stop);
  if (traits) require_swappable(disk, *traits);
  const azure::Disk* now = traits ? &traits->disk : nullptr;
  disk.sku = now != nullptr ? now->sku : std::string();
  if (now == nullptr || !is_another_disk(member, *now)) return;
  plan.warnings.push_back(
      fmt::format("{} is another one now ({}) than when the backup was made: it is "
                  "replaced, too",
                  place_of(member.lun), now->name));
}

// "rg/vnet/subnet" as an id.
std::string subnet_id(const std::string& subscription, const std::string& spec) {
  const auto first = spec.find('/'), second = spec.find('/', first + 1);
  if (first == std::string::npos || second == std::string::npos) return {};
  return fmt::format(
      "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/virtualNetworks/{}/subnets/{}",
      subscription, spec.substr(0, first), spec.substr(first + 1, second - first - 1),
      spec.substr(second + 1));
}

// "rg/name" as an id.
std::string nsg_id(const std::string& subscription, const std::string& spec) {
  const auto slash = spec.find('/');
  if (slash == std::string::npos) return {};
  return fmt::format(
      "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/networkSecurityGroups/{}",
      subscription, spec.substr(0, slash), spec.substr(slash + 1));
}

void check_size(arm::ArmClient& arm, const RestorePlan& plan, std::size_t data_disks, std::stop_token stop) {
  const auto sizes = azure::list_vm_sizes(arm, plan.target.subscription, plan.region, stop);
  const auto found = std::find_if(sizes.begin(), sizes.end(), [&](const auto& size) {
    return core::equal_ignoring_case(size.name, plan.vm_size);
  });
  const std::string hint = "choose another with --size";
  if (found == sizes.end())
    throw Error(ErrorKind::failed, fmt::format("{} does not offer the size {}", plan.region, plan.vm_size),
                hint);
  const auto reason =
      azure::why_not(*found, plan.zone, azure::list_quotas(arm, plan.target.subscription, plan.region, stop));
  if (!reason.empty()) throw Error(ErrorKind::failed, reason, hint + ", or ask for more quota");
  if (found->max_data_disks > 0 && data_disks > static_cast<std::size_t>(found->max_data_disks)) {
    throw Error(ErrorKind::failed,
                fmt::format("{} takes {} data disks, the backup has {}", found->name, found->max_data_disks,
                            data_disks),
                hint);
  }
}

}  // namespace

bool RestoreManager::recovers(const std::string& kind) {
  return std::find(std::begin(kRestoreKinds), std::end(kRestoreKinds), kind) != std::end(kRestoreKinds);
}

RestorePlan RestoreManager::plan_in_place(const VmRef& ref, const BackupInfo& backup, std::stop_token stop) {
  require_restorable(backup);
  const auto vm = azure::get_vm(arm_, ref.id(), true, stop);
  require_fit(vm, backup);
  require_allowed(arm_, ref, stop);
  RestorePlan plan;
  plan.source = plan.target = ref;
  plan.backup = backup.name;
  plan.created = backup.created;
  plan.region = vm.location;
  plan.zone = vm.zone;
  plan.size_gb = backup.size_gb;
  plan.power_before = vm.power_state;
  plan.agent_before = vm.agent_ready.value_or(false);
  plan.vm_size = vm.size;
  plan.os_type = vm.os_type;
  plan.set = backup.set;
  for (const auto& member : backup.set.members) {
    RestoreDisk disk = plan_disk(member, ref, clock_.now());
    disk.old_id = disk_at(vm, member.lun);
    if (disk.old_id.empty()) {
      plan.warnings.push_back(
          fmt::format("the VM has no disk at LUN {} now: that disk of the backup is left out", member.lun));
      continue;
    }
    add_current(arm_, member, disk, plan, stop);
    settle_zone(disk, vm.zone);
    plan.disks.push_back(std::move(disk));
  }
  for (const auto& disk : vm.data_disks) {
    const auto same = [&](const RestoreDisk& planned) { return planned.lun == disk.lun; };
    if (std::any_of(plan.disks.begin(), plan.disks.end(), same)) continue;
    plan.warnings.push_back(
        fmt::format("the disk {} at LUN {} is not in the backup: it stays as it is", disk.name, disk.lun));
  }
  warn_about(backup, plan);
  plan.history = past_durations(journal_);
  return plan;
}

RestorePlan RestoreManager::plan_new_vm(const BackupInfo& backup, const VmRef& target,
                                        const RestoreOptions& options, std::stop_token stop) {
  require_restorable(backup);
  if (azure::find_vm(arm_, target.id(), false, stop)) {
    throw Error(ErrorKind::usage,
                fmt::format("there is a VM {} in {} already", target.name, target.resource_group),
                "choose another name; nothing was changed");
  }
  const auto spec = backup.set.vm();
  if (!spec) {
    throw Error(ErrorKind::failed,
                fmt::format("{} does not say what its VM was (the azlin:vm-spec tags are gone)", backup.name),
                "make disks from its snapshots by hand, or restore into the VM while it exists");
  }
  RestorePlan plan;
  plan.in_place = false;
  plan.source = {backup.subscription, spec->resource_group, spec->name};
  plan.target = target;
  plan.backup = backup.name;
  plan.created = backup.created;
  plan.region = backup.region;
  plan.size_gb = backup.size_gb;
  plan.zone = core::equal_ignoring_case(spec->location, backup.region) ? spec->zone : std::nullopt;
  plan.vm_size = options.size.value_or(spec->size);
  plan.os_type = spec->os_type;
  plan.set = backup.set;
  if (!azure::find_resource_group(arm_, target.subscription, target.resource_group, stop)) {
    throw Error(ErrorKind::not_found, "there is no resource group " + target.resource_group,
                fmt::format("make it: az group create -n {} -l {}", target.resource_group, plan.region));
  }
  for (const auto& member : backup.set.members) {
    plan.disks.push_back(plan_disk(member, target, clock_.now()));
    settle_zone(plan.disks.back(), plan.zone);
  }
  check_size(arm_, plan, plan.disks.size() - 1, stop);
  const auto nic = spec->nics.empty() ? snapshot::NicSpec{} : spec->nics.front();
  plan.subnet_id = options.subnet_id.value_or(subnet_id(target.subscription, nic.subnet));
  const bool elsewhere = !options.subnet_id && !core::equal_ignoring_case(spec->location, plan.region);
  if (plan.subnet_id.empty() || elsewhere || !azure::subnet_exists(arm_, plan.subnet_id, stop)) {
    throw Error(
        ErrorKind::failed,
        fmt::format("there is no subnet for the VM in {} (the original's was {})", plan.region, nic.subnet),
        "name one with --subnet RESOURCE-ID");
  }
  if (!options.subnet_id && !nic.nsg.empty()) plan.nsg_id = nsg_id(target.subscription, nic.nsg);
  plan.nic_id = fmt::format(
      "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/networkInterfaces/{}-nic-{}",
      target.subscription, target.resource_group, target.name.substr(0, 50), stamp(clock_.now()));
  azure::Tags tags = spec->tags;
  plan.vm_body = vm_body({*spec, plan.region, plan.zone, plan.vm_size, plan.disks, plan.nic_id, tags});
  if (spec->nics.size() > 1)
    plan.warnings.push_back(
        fmt::format("the original had {} network interfaces: the new VM gets one", spec->nics.size()));
  if (spec->tags_left > 0)
    plan.warnings.push_back(
        fmt::format("{} tags of the original did not travel with the backup", spec->tags_left));
  if (spec->vtpm)
    plan.warnings.emplace_back(
        "a new virtual TPM is made: keys sealed in the old one need their recovery keys");
  warn_about(backup, plan);
  plan.history = past_durations(journal_);
  return plan;
}

}  // namespace azlin::backup
