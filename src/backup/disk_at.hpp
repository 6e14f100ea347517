#pragma once
#include <string>

#include "azlin/azure/compute.hpp"

namespace azlin::backup {

// The id of the disk at this LUN, -1 the OS disk; "": there is none.
inline std::string disk_at(const azure::Vm& vm, int lun) {
  if (lun == -1) return vm.os_disk.disk_id;
  for (const auto& disk : vm.data_disks) {
    if (disk.lun == lun) return disk.disk_id;
  }
  return {};
}

}  // namespace azlin::backup
