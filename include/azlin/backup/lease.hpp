#pragma once
// The lease on a VM, under the name that this part uses.
#include "azlin/snapshot/lease.hpp"

namespace azlin::backup {

using snapshot::kLeaseTag;
using snapshot::kLeaseTime;
using snapshot::lease_holder;
using snapshot::LeaseInfo;
using snapshot::VmLease;

}  // namespace azlin::backup
