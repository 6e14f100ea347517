#pragma once
// Which backup of a VM lies in a region, and what VM it can become there.
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/azure/capacity.hpp"
#include "azlin/backup/restore.hpp"

namespace azlin::dr {

// The set that is complete in the region; null: there is none.
const snapshot::SnapshotSet* set_in(const backup::BackupInfo& backup, const std::string& region);
// What is known of its copy in the region: the copy's own mark, else what its source was found to be.
backup::Verified verified_in(const backup::BackupInfo& backup, const std::string& region);
// "", or that the last verification of `chosen` failed, or, unless the user named it, that the newest copy of
// the region was passed over.
std::string doubts(const std::vector<backup::BackupInfo>& backups, const backup::BackupInfo& chosen,
                   const std::string& region, bool named = false);
// The newest of the region; one whose verification failed only where there is no other. `backups`: newest
// first. Null: there is none.
const backup::BackupInfo* newest_in(const std::vector<backup::BackupInfo>& backups,
                                    const std::string& region);

struct FitRequest {
  std::string subscription, region;
  std::optional<std::string> size;  // no other one will do; else the VM's own, or an equal one
  snapshot::VmSpec spec;            // what the VM was
  // The sizes of the VM's own region, asked only when `region` does not know its size. Empty: that region
  // may not be asked.
  std::function<std::vector<azure::VmSize>()> original;
  // vCPUs by family that others of the same drill will take of the quotas.
  std::map<std::string, int> taken{};
};
struct Fit {
  std::string size, family;
  int vcpus = 0;
  std::optional<std::string> zone;
  std::vector<std::string> warnings;
};
// Size, zone, quota and disk SKUs, before anything is made; puts SKU and zone into `disks`. Throws
// core::Error (failed) with the reason when it cannot be there.
Fit fit_region(arm::ArmClient& arm, const FitRequest& request, std::vector<backup::RestoreDisk>& disks,
               std::stop_token stop);

}  // namespace azlin::dr
