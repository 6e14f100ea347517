#pragma once
// What a replica is: its name and tags, which backups can be copied, and whether a copy equals its source.
// Pure.
#include <optional>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "azlin/replication/job.hpp"

namespace azlin::replication {

// Where a replica goes.
struct Target {
  std::string region;                         // normalised: "westus2"
  std::optional<std::string> resource_group;  // unset: the source's
  std::string encryption_set_id;              // of the target region; empty: the platform's key
};
// Checks and normalises before any call. Throws core::Error (usage).
Target make_target(const std::string& region, const std::optional<std::string>& resource_group,
                   const std::string& encryption_set_id);

// The source's own name; in the source's group, where that is taken, "{name}-{region}" (cut and given a hash
// where it would pass Azure's 80 characters).
std::string replica_name(const std::string& source, const std::string& region, bool same_group);

// The value of azlin:replica-of: "{region}/{resource group}/{snapshot}", group in lower case.
std::string replica_of(const azure::Snapshot& source);

// Whether `candidate` is a copy of that very snapshot, not of another that had its name.
bool is_replica_of(const azure::Snapshot& candidate, const std::string& source_id,
                   const std::string& source_unique_id);

// The CopyStart: osType, generation, security profile, capabilities and encryption are stated, since the
// service loses what is not; all tags of the source but its verification and its use.
azure::NewSnapshot replica_request(const azure::Snapshot& source, const std::string& target_id,
                                   const std::string& region, const std::string& encryption_set_id);

Expected expected_of(const azure::Snapshot& source, const std::string& encryption_set_id);
// "generation is V1, its source has V2"; empty: the copy has what its source has.
std::vector<std::string> differences(const Expected& expected, const azure::Snapshot& copy);

// Which chain of incremental snapshots a snapshot belongs to.
std::string family_of(const azure::Snapshot& snapshot);

// What would be done for one backup.
struct Plan {
  backup::BackupInfo backup;
  Job job;                            // not queued yet: copies with their targets, adopted ones marked
  std::vector<std::string> warnings;  // for people
  bool replicated = false;            // a complete replica is there already
};
// `all`: every backup of the VM, for the order that the service wants. Throws core::Error: usage where the
// backup can never be copied there (same region, full snapshots, customer key without a set in the target
// region), failed where it cannot now (incomplete, only a replica is left, a newer snapshot was copied).
Plan plan_replica(const backup::BackupInfo& backup, const std::vector<backup::BackupInfo>& all,
                  const Target& target);

// The replica set that lies in a region; nullptr: there is none.
const backup::ReplicaInfo* replica_in(const backup::BackupInfo& backup, const std::string& region);

}  // namespace azlin::replication
