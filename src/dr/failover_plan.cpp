// What a failover will do, decided without a call to the source region.
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "azlin/azure/network.hpp"
#include "azlin/azure/tagged.hpp"
#include "azlin/backup/names.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/dr/failover.hpp"
#include "dr/checks.hpp"
#include "dr/fit.hpp"
#include "dr/leftovers.hpp"

namespace azlin::dr {

using backup::BackupInfo;
using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kVmType = "Microsoft.Compute/virtualMachines";
constexpr const char* kSnapshotType = "Microsoft.Compute/snapshots";
constexpr int kParallelReads = 16;

void check(const FailoverConfig& config) {
  core::check_vm_name(config.vm.name);
  core::check_region(config.region);
  if (config.backup) core::check_compute_name(*config.backup, "backup");
  if (config.resource_group) core::check_resource_group(*config.resource_group);
}

std::string id_in(const VmRef& target, const char* type, const std::string& name) {
  return fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", target.subscription,
                     target.resource_group, type, name);
}

std::vector<std::string> in_region(const std::vector<azure::TaggedResource>& found,
                                   const std::string& region) {
  std::vector<std::string> ids;
  for (const auto& item : found) {
    if (core::equal_ignoring_case(item.type, kSnapshotType) &&
        core::equal_ignoring_case(item.location, region))
      ids.push_back(item.id);
  }
  return ids;
}

// The index knows where each snapshot is, so that only those of the target region are read.
std::vector<std::string> replica_ids(arm::ArmClient& arm, const VmRef& vm, const std::string& region,
                                     std::stop_token stop) {
  return in_region(azure::list_tagged(arm, vm.subscription, snapshot::kVmTag, vm.key(), stop), region);
}

std::vector<azure::Snapshot> read_all(arm::ArmClient& arm, const std::vector<std::string>& ids,
                                      std::stop_token stop) {
  std::mutex mutex;
  std::vector<azure::Snapshot> found;
  const auto read = [&](std::size_t i) {
    auto snapshot = azure::find_snapshot(arm, ids[i], stop);
    if (!snapshot) return;  // the index lags behind a deletion
    const std::lock_guard lock(mutex);
    found.push_back(std::move(*snapshot));
  };
  for (const auto& end : core::run_parallel(ids.size(), kParallelReads, stop, read)) {
    if (end) std::rethrow_exception(end);
  }
  return found;
}

// azlin:vm of every backup in the region.
std::set<std::string> keys_in(arm::ArmClient& arm, const std::string& subscription, const std::string& region,
                              std::stop_token stop) {
  const auto ids = in_region(azure::list_tagged(arm, subscription, snapshot::kVmTag, stop), region);
  std::set<std::string> keys;
  for (const auto& snapshot : read_all(arm, ids, stop)) {
    const auto tag = snapshot.tags.find(snapshot::kVmTag);
    if (tag != snapshot.tags.end()) keys.insert(tag->second);
  }
  return keys;
}

[[noreturn]] void throw_no_replica(const VmRef& vm, const std::string& region) {
  throw Error(ErrorKind::not_found, fmt::format("{} has no complete copy in {}", vm.name, region),
              "`azlin backup list` shows where its copies are; with none, there is nothing to fail over to");
}

const BackupInfo& choose(const FailoverConfig& config, const std::vector<BackupInfo>& backups) {
  if (!config.backup) {
    const BackupInfo* newest = newest_in(backups, config.region);
    if (newest == nullptr) throw_no_replica(config.vm, config.region);
    return *newest;
  }
  std::vector<std::string> names;
  for (const auto& backup : backups) names.push_back(backup.name);
  const BackupInfo& named = backups[backup::find_by_prefix(names, *config.backup, "backup")];
  if (set_in(named, config.region) == nullptr) throw_no_replica(config.vm, config.region);
  return named;
}

// Its own name where that is free in the target group, else with the failover's id.
std::string free_name(const std::string& wanted, const std::string& id,
                      const std::function<bool(const std::string&)>& taken) {
  return taken(wanted) ? fmt::format("{}-{}", wanted.substr(0, 60), id.substr(2)) : wanted;
}

void warn_about(const std::string& doubt, FailoverPlan& plan) {
  if (!doubt.empty()) plan.warnings.push_back(doubt);
  if (plan.spec.nics.size() > 1)
    plan.warnings.push_back(
        fmt::format("the original has {} network interfaces: this VM gets one", plan.spec.nics.size()));
  if (plan.spec.tags_left > 0)
    plan.warnings.push_back(
        fmt::format("{} tags of the original did not travel with the backup", plan.spec.tags_left));
  if (plan.spec.vtpm)
    plan.warnings.emplace_back(
        "a new virtual TPM is made: keys sealed in the old one need their recovery keys");
}

}  // namespace

// Without a group the index names the VM's; where it does not know the VM any more, the copies' tags do.
VmRef FailoverManager::find_source(const std::string& subscription, const std::string& name,
                                   const std::optional<std::string>& group, const std::string& region,
                                   std::stop_token stop) {
  core::check_vm_name(name);
  if (group) core::check_resource_group(*group);
  std::set<std::string> groups;
  if (group) groups.insert(core::to_lower(*group));
  if (!group) {
    for (const auto& id : azure::find_by_name(arm_, subscription, kVmType, name, stop))
      groups.insert(core::to_lower(core::ResourceId::parse(id).resource_group));
  }
  std::erase_if(groups, [&](const std::string& each) {
    return replica_ids(arm_, {subscription, each, name}, region, stop).empty();
  });
  if (groups.empty() && !group) {
    for (const auto& key : keys_in(arm_, subscription, region, stop)) {
      const auto slash = key.find('/');
      if (slash != std::string::npos && key.substr(slash + 1) == core::to_lower(name))
        groups.insert(key.substr(0, slash));
    }
  }
  if (groups.empty()) throw_no_replica({subscription, group.value_or(""), name}, region);
  if (groups.size() > 1)
    throw Error(ErrorKind::usage,
                fmt::format("VMs named {} of several groups have copies in {}: {}", name, region,
                            fmt::join(groups, ", ")),
                "say which with -g/--resource-group");
  return {subscription, *groups.begin(), name};
}

std::vector<BackupInfo> FailoverManager::replicas(const VmRef& vm, const std::string& region,
                                                  std::stop_token stop) {
  auto sets = snapshot::group_sets(read_all(arm_, replica_ids(arm_, vm, region, stop), stop));
  std::erase_if(sets, [&](const auto& set) { return set.vm_key != vm.key(); });
  return backup::to_backups(sets, clock_.now());
}

std::string FailoverManager::source_region(const VmRef& vm, const std::string& region, std::stop_token stop) {
  const auto backups = replicas(vm, region, stop);
  const BackupInfo* newest = newest_in(backups, region);
  if (newest == nullptr) throw_no_replica(vm, region);
  const auto spec = set_in(*newest, region)->vm();
  if (spec) return spec->location;
  const std::string& source = set_in(*newest, region)->replica_of;
  return source.substr(0, source.find('/'));
}

RegionProbe FailoverManager::probe(const std::string& subscription, const std::string& region,
                                   const std::string& witness, int times, core::Millis pause,
                                   std::stop_token stop) {
  RegionProbe result;
  while (result.asked < times) {
    if (result.asked > 0 && !clock_.sleep_for(pause, stop))
      throw Error(ErrorKind::interrupted, "interrupted while asking whether " + region + " answers");
    ++result.asked;
    try {
      azure::list_quotas(arm_, subscription, region, stop);
      return result;
    } catch (const arm::ArmError& error) {
      if (error.status() < 500) throw;  // it answers, and refuses
      result.error = error.what();
    } catch (const http::NetworkError& error) {
      result.error = error.what();
    }
    ++result.failed;
  }
  try {
    azure::list_quotas(arm_, subscription, witness, stop);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    throw Error(ErrorKind::failed,
                fmt::format("{} does not answer, but neither does {}: {}", region, witness, error.what()),
                "look at this machine's network; nothing was changed");
  }
  return result;
}

// A VM of that name that this very source was failed over to is taken as it is; any other is in the way.
void FailoverManager::choose_names(FailoverPlan& plan, const FailoverConfig& config, std::stop_token stop) {
  const std::string group = config.resource_group.value_or(
      fmt::format("{}-{}", plan.spec.resource_group.substr(0, 90 - config.region.size() - 1), config.region));
  plan.target = {plan.source.subscription, group, plan.spec.name};
  plan.new_group = !azure::find_resource_group(arm_, plan.target.subscription, group, stop).has_value();
  if (!plan.new_group) {
    const auto vm = azure::find_vm(arm_, plan.target.id(), false, stop);
    const auto tag = vm ? vm->tags.find(kFailoverTag) : azure::Tags::const_iterator{};
    const std::string source = fmt::format(" {}/{}", core::to_lower(plan.source_region), plan.source.key());
    plan.done_before = vm && tag != vm->tags.end() && tag->second.ends_with(source);
    if (vm && !plan.done_before)
      throw Error(ErrorKind::usage, fmt::format("there is a VM {} in {} already", plan.target.name, group),
                  "name another group with --target-resource-group; nothing was changed");
    if (plan.done_before) plan.nic_id = vm->nic_ids.empty() ? "" : vm->nic_ids.front();
  }
  if (plan.done_before) return;
  const auto disk_taken = [&](const std::string& name) {
    return !plan.new_group &&
           azure::find_disk(arm_, id_in(plan.target, "Microsoft.Compute/disks", name), stop).has_value();
  };
  for (auto& disk : plan.disks) {
    disk.name = free_name(disk.name, plan.id, disk_taken);
    disk.new_id = id_in(plan.target, "Microsoft.Compute/disks", disk.name);
  }
  const auto nic_id = [&](const std::string& name) {
    return id_in(plan.target, "Microsoft.Network/networkInterfaces", name);
  };
  const bool nic_known = !plan.spec.nics.empty() && !plan.spec.nics.front().name.empty();
  plan.nic_id =
      nic_id(free_name(nic_known ? plan.spec.nics.front().name : plan.target.name.substr(0, 60) + "-nic",
                       plan.id, [&](const std::string& name) {
                         return !plan.new_group && azure::find_nic(arm_, nic_id(name), stop).has_value();
                       }));
  if (config.subnet_id) {
    if (!azure::subnet_exists(arm_, *config.subnet_id, stop))
      throw Error(ErrorKind::not_found, "there is no subnet " + *config.subnet_id, "nothing was changed");
    plan.subnet_id = *config.subnet_id;
    return;
  }
  plan.nsg_id = id_in(plan.target, "Microsoft.Network/networkSecurityGroups", "azlin-failover-nsg");
  plan.network_id = id_in(plan.target, "Microsoft.Network/virtualNetworks", "azlin-failover-net");
  plan.subnet_id = plan.network_id + "/subnets/default";
  plan.new_network = plan.new_group || !azure::find_network(arm_, plan.network_id, stop).has_value();
}

FailoverPlan FailoverManager::plan(const FailoverConfig& config, std::stop_token stop) {
  check(config);
  const auto backups = replicas(config.vm, config.region, stop);
  const BackupInfo& chosen = choose(config, backups);
  FailoverPlan plan;
  plan.set = *set_in(chosen, config.region);
  const auto spec = plan.set.vm();
  if (!spec)
    throw Error(ErrorKind::failed,
                fmt::format("{} does not say what its VM was (the azlin:vm-spec tags are gone)", chosen.name),
                "choose another backup with --backup");
  if (core::equal_ignoring_case(spec->location, config.region))
    throw Error(ErrorKind::usage, fmt::format("{} was in {} itself", config.vm.name, config.region),
                "a failover goes to another region; in place it is `azlin backup restore`");
  plan.id = "f-" + core::new_guid().substr(0, 8);
  plan.spec = *spec;
  plan.source = {config.vm.subscription, spec->resource_group, spec->name};
  plan.source_region = spec->location;
  plan.region = plan.set.location;
  plan.backup = chosen.name;
  plan.backup_created = chosen.created;
  for (const auto& member : plan.set.members) {
    const auto disk_spec = snapshot::disk_spec(member.snapshot.tags).value_or(snapshot::DiskSpec{});
    backup::RestoreDisk disk;
    disk.lun = member.lun;
    disk.snapshot_id = member.snapshot.id;
    disk.name = !disk_spec.name.empty() ? disk_spec.name
                                        : fmt::format("{}-{}", spec->name.substr(0, 60),
                                                      member.lun == -1 ? "os" : std::to_string(member.lun));
    disk.sku = disk_spec.sku;
    disk.caching = disk_spec.caching;
    disk.delete_option = disk_spec.delete_option;
    disk.encryption_set_id = member.snapshot.encryption_set_id;
    disk.size_bytes = member.snapshot.size_bytes;
    disk.size_gb = member.snapshot.size_gb;
    plan.disks.push_back(std::move(disk));
  }
  warn_about(doubts(backups, chosen, config.region, config.backup.has_value()), plan);
  choose_names(plan, config, stop);
  if (plan.done_before) return plan;
  // The source region is not asked what its sizes were.
  const Fit fit =
      fit_region(arm_, {plan.target.subscription, plan.region, config.size, plan.spec, {}}, plan.disks, stop);
  plan.vm_size = fit.size;
  plan.zone = fit.zone;
  plan.warnings.insert(plan.warnings.end(), fit.warnings.begin(), fit.warnings.end());
  for (auto& unseen : check_keys(arm_, plan.disks, clock_.now(), stop))
    plan.warnings.push_back(std::move(unseen));
  check_permissions(arm_, plan.target.subscription,
                    plan.new_group ? std::optional<std::string>() : plan.target.resource_group, stop);
  return plan;
}

}  // namespace azlin::dr
