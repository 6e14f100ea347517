#pragma once
// VMs and backups as people name them on a command line.
#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "azlin/backup/names.hpp"
#include "cli/runtime.hpp"

namespace azlin::cli {

// "vm" and "-g": the VM that a command works on.
struct VmArgument {
  std::string name;
  std::optional<std::string> resource_group;
};
void bind_vm(CLI::App& command, VmArgument& argument);

// "vm" or "--all", and "-g".
struct VmsArgument {
  std::optional<std::string> name;
  std::optional<std::string> resource_group;
  bool all = false;
};
void bind_vms(CLI::App& command, VmsArgument& argument, const char* all_help);
// Throws core::Error (usage) unless exactly one of the two was given.
void check(const VmsArgument& argument);

// The VM `name`. Without a group it is looked for in the whole subscription; a VM that is gone is found by
// its backups. Throws core::Error: usage for a bad name and for several VMs of that name (listing them),
// not_found with the nearest names.
snapshot::VmRef resolve_vm(Runtime& runtime, const VmArgument& argument);
std::string find_vm_id(Runtime& runtime, const std::string& name,
                       const std::optional<std::string>& resource_group);

// "-g" of a command that takes a backup.
void bind_backup_group(CLI::App& command, std::optional<std::string>& group);

// The backup whose name begins with `name`, with its VM: of any VM, or of those of `group`. Throws
// core::Error as find_by_prefix does, and usage when VMs of several groups have a backup of that name.
struct FoundBackup {
  snapshot::VmRef vm;
  backup::BackupInfo backup;
};
FoundBackup resolve_backup(Runtime& runtime, const std::string& name,
                           const std::optional<std::string>& group);

// Throws core::Error (usage) with the nearest name when the subscription has no such region. Where the list
// of regions cannot be had nothing is refused: what comes next will tell, and a recovery needs no list.
void check_known_region(Runtime& runtime, const std::string& region);

}  // namespace azlin::cli
