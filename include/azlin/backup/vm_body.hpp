#pragma once
// The PUT body of a VM that is made from restored disks.
#include <string>
#include <vector>

#include "azlin/backup/restore.hpp"

namespace azlin::backup {

struct NewVm {
  snapshot::VmSpec spec;  // what the VM was
  std::string location;
  std::optional<std::string> zone;
  std::string size;
  std::vector<RestoreDisk> disks;  // OS disk first; new_id set
  std::string nic_id;
  azure::Tags tags;
};

// Source: reference of VM PUT with attached disks: no osProfile, no imageReference; the security profile
// states what the disk has.
std::string vm_body(const NewVm& vm);

}  // namespace azlin::backup
