#pragma once
// Access to the contents of disks by URL: beginGetAccess and endGetAccess of disks, snapshots and disk
// restore points, and the grants that the data plane looks up. Used under Context::mutex.
#include <optional>
#include <string>

#include "simulator/content_store.hpp"
#include "simulator/context.hpp"

namespace azlin::simulator {

// One grant. The URL of a resource stays the same while it is granted: granting again only extends it.
struct SasGrant {
  std::string resource;            // key of the resource
  std::string account, container;  // of the URL
  std::string policy, signature;   // its `si` and `sig`
  bool write = false;              // for a disk that is being uploaded
  bool needs_token = false;        // dataAccessAuthMode AzureActiveDirectory
  core::TimePoint expires{};
  VolumeId volume = 0;
  std::uint64_t bytes = 0;     // of the disk, without the footer
  std::string family;          // incrementalSnapshotFamilyId; empty for what is no incremental snapshot
  std::string unique_id;       // goes into the footer
  core::TimePoint created{};   // timeCreated of the resource
  std::int64_t version = 0;    // counts the writes; part of the ETag
  core::TimePoint modified{};  // the last write, or the creation
};

// The grant that a URL's container names; nullopt: none, revoked.
std::optional<SasGrant> find_grant(Context& context, const std::string& account,
                                   const std::string& container);
// After a write through the grant: its new version.
std::int64_t count_write(Context& context, const SasGrant& grant);
bool has_active_sas(Context& context, const Resource& resource);
// Forgets the grant without touching the resource: it goes away.
void revoke_sas(Context& context, const Resource& resource);

// POST beginGetAccess {"access":"Read"|"Write","durationInSeconds":n}. 202; the operation's output is
// {"accessSAS"}. The resource needs hidden.volume, and diskSizeBytes among its properties (or in hidden).
// Refused, each with ApiError: attached to a running VM, DenyAll, not fully copied, Write on what is not an
// upload, more than 5 of a snapshot family, a duration outside 1 to 5,184,000 s.
Reply begin_get_access(Context& context, const Request& request, Resource resource);
// POST endGetAccess. 202; ends in 200 with no body.
Reply end_get_access(Context& context, const Request& request, const Resource& resource);

void register_sas(Context& context);

}  // namespace azlin::simulator
