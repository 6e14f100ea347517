#pragma once
// VMs as people name them on a command line.
#include <optional>
#include <string>

#include "cli/runtime.hpp"

namespace azlin::cli {

// The ARM id of the VM `name`. Without a resource group it is looked for in the whole subscription. Throws
// core::Error: usage for a bad name and for several VMs of that name (listing them), not_found with the
// nearest names.
std::string find_vm_id(Runtime& runtime, const std::string& name,
                       const std::optional<std::string>& resource_group);

}  // namespace azlin::cli
