#pragma once
// What drills and failovers make in the same way. Each call is a step of the operation.
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/azure/network.hpp"
#include "azlin/backup/restore.hpp"
#include "azlin/backup/vm_body.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::dr {

// Borrows client and operation; thread-safe as they are.
struct Maker {
  arm::ArmClient& arm;
  store::Operation& operation;
  std::string region;
  azure::Tags tags;  // of all that it makes but the VM, which says its own
  std::stop_token stop;
};

void make_group(const Maker& maker, const snapshot::VmRef& target);
void make_security_group(const Maker& maker, const std::string& id,
                         const std::vector<azure::SecurityRule>& rules);
// All at once, each from its snapshot. Throws core::Error (failed) for one whose size is not its snapshot's;
// the first failure otherwise.
void make_disks(const Maker& maker, const std::vector<backup::RestoreDisk>& disks);
void make_vm(const Maker& maker, const std::string& id, const backup::NewVm& vm);

}  // namespace azlin::dr
