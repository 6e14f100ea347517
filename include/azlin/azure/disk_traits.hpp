#pragma once
// What a disk or VM is that keeps it from being snapshotted or swapped.
#include <optional>
#include <stop_token>
#include <string>

#include "azlin/azure/compute.hpp"

namespace azlin::azure {

struct DiskTraits {
  Disk disk;
  int max_shares = 1;            // how many VMs may attach it at once; 1: an ordinary disk
  bool guest_encrypted = false;  // Azure Disk Encryption: Azure swaps no such OS disk
};
// One read. nullopt: the disk is gone.
std::optional<DiskTraits> find_disk_traits(arm::ArmClient& arm, const std::string& disk_id,
                                           std::stop_token stop = {});

// Whether the VM's OS disk is on its host only (diffDiskSettings): Azure neither snapshots nor swaps it.
// Source: "Ephemeral OS disks for Azure VMs", unsupported features.
bool has_ephemeral_os_disk(const Vm& vm);

}  // namespace azlin::azure
