#pragma once
// A set: one snapshot of the OS disk and one of each managed data disk, taken together.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "azlin/azure/compute.hpp"
#include "azlin/snapshot/tags.hpp"

namespace azlin::snapshot {

struct Member {
  int lun = -1;  // -1: the OS disk
  azure::Snapshot snapshot;
};

struct SnapshotSet {
  std::string name;     // azlin:set; a replica has its source's
  std::string vm_key;   // azlin:vm
  std::string vm_name;  // as the VM was written; from vm_key when the set has no description
  std::string subscription;
  std::string resource_group;  // of the snapshots
  std::string location;
  std::string tier;        // azlin:backup-tier; empty: a plain snapshot
  std::string replica_of;  // of the OS disk's snapshot; empty: not a replica
  core::TimePoint
      created;       // of the data: Azure's timeCreated of the OS disk's snapshot; on a replica azlin:time
  int expected = 0;  // azlin:disks
  std::vector<Member> members;  // OS disk first, then by LUN

  bool replica() const { return !replica_of.empty(); }
  // Every snapshot is there, provisioned, and copied to the end.
  bool complete() const;
  // Mean copy progress of its snapshots; 100 where the service names none.
  double percent() const;
  // The service's error for the first member that failed; empty: none did.
  std::string failure() const;
  std::uint64_t size_bytes() const;  // provisioned, all disks
  int size_gb() const;
  // Between the first and the last timeCreated. Not meaningful on a replica.
  core::Millis spread() const;
  const Member* os_disk() const;
  std::optional<VmSpec> vm() const;
  // Verified when each snapshot is: the lowest level and the oldest time; "failed" when any failed.
  std::optional<VerifiedMark> verified() const;
  std::optional<std::string> hold() const;  // its text
  // What works on it now: a mark that has not run out, an open SAS, or a copy that is on its way. Empty:
  // nothing.
  std::string in_use(core::TimePoint now) const;
};

// Puts snapshots together by (VM, set, region). Snapshots without azlin's tags are left out. Newest set
// first.
std::vector<SnapshotSet> group_sets(std::vector<azure::Snapshot> snapshots);

}  // namespace azlin::snapshot
