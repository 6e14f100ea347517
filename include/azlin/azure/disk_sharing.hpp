#pragma once
// Managed disks that several VMs attach at once.
#include <stop_token>
#include <string>

namespace azlin::arm {
class ArmClient;
}

namespace azlin::azure {

// How many VMs may attach the disk at once (its maxShares): 1 for an ordinary disk, and for one that is gone.
int max_shares(arm::ArmClient& arm, const std::string& disk_id, std::stop_token stop = {});

}  // namespace azlin::azure
