#pragma once
// Beginning restores, for the primary and the secondary region alike.
#include <string>

#include "simulator/recovery.hpp"

namespace azlin::simulator {

// Checks a restore request's properties against the item and point, begins the job and returns its name.
// Throws ApiError for what the service refuses at once; the rest ends the job as Failed.
std::string begin_restore(Recovery& recovery, const Resource& vault, const RecoveryObject& item,
                          const std::string& point, const Json& properties, bool secondary);
// The same for a VM: its disks, a new VM, or its disks replaced.
std::string begin_vm_restore(Recovery& recovery, const Resource& vault, const RecoveryObject& item,
                             const std::string& point, const Json& properties, bool secondary);

}  // namespace azlin::simulator
