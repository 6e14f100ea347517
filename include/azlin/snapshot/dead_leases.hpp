#pragma once
// Leases on VMs that could not be given back.
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::snapshot {

// The kind of an operation that takes one off. Where it died SnapshotManager::recover takes the lease over
// and gives it back.
inline constexpr const char* kDeadLeaseKind = "recover.lease";

struct DeadLease {
  std::string vm_id;
  std::string error;  // empty: it was taken off
};

// Takes off the leases in the subscription that are this machine's (and home's) own while none of its
// commands, and nothing that waits for `azlin recover`, has the VM: Azure refused to take them back then.
// Another machine's are left alone, it may be at work. Throws core::Error when the VMs cannot be looked for.
std::vector<DeadLease> remove_dead_leases(arm::ArmClient& arm, store::Journal& journal,
                                          const std::string& subscription, std::stop_token stop);

}  // namespace azlin::snapshot
