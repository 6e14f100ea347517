#include "cli/vm_argument.hpp"

#include <fmt/format.h>

#include <set>

#include "azlin/azure/resources.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"
#include "cli/nearest.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using snapshot::VmRef;

namespace {

constexpr const char* kVmType = "Microsoft.Compute/virtualMachines";
constexpr const char* kVmHint = "`az vm list -o table` shows those that this credential sees";

// Groups of VMs of that name that are gone but have backups.
std::set<std::string> groups_by_backups(Runtime& runtime, const std::string& name) {
  std::set<std::string> groups;
  snapshot::SnapshotManager snapshots(runtime.arm(), runtime.journal(), runtime.clock());
  for (const auto& set : snapshots.list_all(runtime.subscription(), runtime.stop())) {
    const auto slash = set.vm_key.find('/');
    if (slash != std::string::npos && set.vm_key.substr(slash + 1) == core::to_lower(name))
      groups.insert(set.vm_key.substr(0, slash));
  }
  return groups;
}

[[noreturn]] void throw_not_found(Runtime& runtime, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& vm : azure::list_vms(runtime.arm(), runtime.subscription(), {}, runtime.stop()))
    names.push_back(vm.name);
  std::string guess;
  for (const auto& near : nearest(name, names)) guess += (guess.empty() ? "did you mean " : " or ") + near;
  throw Error(
      ErrorKind::not_found,
      fmt::format("there is no VM {} in subscription {}, and no backup of one", name, runtime.subscription()),
      guess.empty() ? kVmHint : guess + "?");
}

[[noreturn]] void throw_ambiguous(const std::string& name, const std::vector<std::string>& groups) {
  std::string list;
  for (const auto& group : groups) list += fmt::format("\n  {} in {}", name, group);
  throw Error(ErrorKind::usage, "there are several VMs of that name:" + list,
              "say which with -g/--resource-group");
}

}  // namespace

void bind_vm(CLI::App& command, VmArgument& argument) {
  command.add_option("vm", argument.name, "Name of the VM")->required()->type_name("VM");
  command
      .add_option("-g,--resource-group", argument.resource_group,
                  "Its resource group; found by itself when the name is unique")
      ->type_name("GROUP");
}

void bind_vms(CLI::App& command, VmsArgument& argument, const char* all_help) {
  command.add_option("vm", argument.name, "Name of the VM")->type_name("VM");
  command.add_flag("--all", argument.all, all_help);
  command
      .add_option("-g,--resource-group", argument.resource_group,
                  "Resource group; found by itself when the name is unique")
      ->type_name("GROUP");
}

void check(const VmsArgument& argument) {
  if (argument.all != argument.name.has_value()) return;
  throw Error(ErrorKind::usage, argument.all ? "give a VM or --all, not both" : "give a VM, or --all",
              "nothing was changed");
}

snapshot::VmRef resolve_vm(Runtime& runtime, const VmArgument& argument) {
  core::check_vm_name(argument.name);
  if (argument.resource_group) {
    core::check_resource_group(*argument.resource_group);
    return {runtime.subscription(), *argument.resource_group, argument.name};
  }
  std::vector<std::string> groups;
  std::string name = argument.name;
  for (const auto& id :
       azure::find_by_name(runtime.arm(), runtime.subscription(), kVmType, argument.name, runtime.stop())) {
    const auto parts = core::ResourceId::parse(id);
    groups.push_back(parts.resource_group);
    name = parts.name;
  }
  if (groups.empty()) {
    const auto gone = groups_by_backups(runtime, argument.name);
    groups.assign(gone.begin(), gone.end());
  }
  if (groups.empty()) throw_not_found(runtime, argument.name);
  if (groups.size() > 1) throw_ambiguous(argument.name, groups);
  return {runtime.subscription(), groups.front(), name};
}

std::string find_vm_id(Runtime& runtime, const std::string& name,
                       const std::optional<std::string>& resource_group) {
  return resolve_vm(runtime, {name, resource_group}).id();
}

void bind_backup_group(CLI::App& command, std::optional<std::string>& group) {
  command
      .add_option("-g,--resource-group", group,
                  "Resource group of its VM, when VMs of one name have backups of one name")
      ->type_name("GROUP");
}

// A whole name costs one look at the tag index; a beginning, or a group, the list of all snapshots.
FoundBackup resolve_backup(Runtime& runtime, const std::string& name,
                           const std::optional<std::string>& group) {
  core::check_compute_name(name, "backup");
  if (group) core::check_resource_group(*group);
  backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
  std::vector<backup::BackupInfo> candidates;
  const auto key =
      group ? std::nullopt : backups.snapshots().vm_of_set(runtime.subscription(), name, runtime.stop());
  const auto slash = key.value_or("").find('/');
  if (!key) {
    candidates = backups.list_all(runtime.subscription(), runtime.stop());
  } else if (slash != std::string::npos) {
    candidates =
        backups.look({runtime.subscription(), key->substr(0, slash), key->substr(slash + 1)}, runtime.stop())
            .backups;
  }
  if (group) {
    std::erase_if(candidates, [&](const auto& each) {
      return !core::equal_ignoring_case(each.vm_key.substr(0, each.vm_key.find('/')), *group);
    });
  }
  std::set<std::string> different;
  for (const auto& candidate : candidates) different.insert(candidate.name);
  const std::vector<std::string> names(different.begin(), different.end());
  const std::string& chosen = names[backup::find_by_prefix(names, name, "backup")];
  std::erase_if(candidates, [&](const auto& each) { return each.name != chosen; });
  std::set<std::string> vms;
  for (const auto& candidate : candidates) vms.insert(candidate.vm_key);
  snapshot::require_one_vm(chosen, vms);
  const auto& found = candidates.front();
  const VmRef vm = {found.subscription, found.vm_key.substr(0, found.vm_key.find('/')), found.vm_name};
  // The list of a whole subscription is for display: what is in the set is read now.
  return {vm, !key ? backups.find(vm, found.name, runtime.stop()) : found};
}

void check_known_region(Runtime& runtime, const std::string& region) {
  try {
    backup::check_regions(runtime.arm(), runtime.subscription(), {region}, runtime.stop());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::usage || error.kind() == ErrorKind::interrupted) throw;
    core::log_info("the regions cannot be listed: {}", error.what());
  }
}

}  // namespace azlin::cli
