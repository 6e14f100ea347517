#pragma once
// What a restore of a VM does to Compute's and Network's resources.
#include <string>
#include <vector>

#include "simulator/context.hpp"

namespace azlin::simulator {

// A VM like `original` (a VM's body) with these disks, the OS disk first; hidden["lun"] of the others is
// their LUN. Makes its network interface in the subnet. Throws ApiError for what Compute refuses.
void make_restored_vm(Context& context, const Json& original, const std::string& id,
                      const std::string& location, const std::string& subnet,
                      const std::vector<Resource>& disks);
// Puts the disks in the place of those of the same LUN. The old ones stay, unattached.
void replace_vm_disks(Context& context, const std::string& vm_id, const std::vector<Resource>& disks);

}  // namespace azlin::simulator
