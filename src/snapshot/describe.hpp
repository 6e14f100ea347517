#pragma once
// What a VM and its disks are, for the tags of a set.
#include <stop_token>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/azure/compute.hpp"
#include "azlin/azure/network.hpp"
#include "azlin/snapshot/tags.hpp"

namespace azlin::snapshot {

// `nics`: those of the VM that could be read, in its order. Pure.
VmSpec describe(const azure::Vm& vm, const std::vector<azure::Nic>& nics);
DiskSpec describe(const azure::AttachedDisk& attached, const azure::Disk& disk, const azure::Vm& vm);

// The VM's NICs, read in parallel. One that may not be read is left out with only its name known: a backup
// does not fail for want of a right on the network.
std::vector<azure::Nic> read_nics(arm::ArmClient& arm, const azure::Vm& vm, std::stop_token stop);

}  // namespace azlin::snapshot
