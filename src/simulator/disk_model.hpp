#pragma once
// Disks and snapshots as resources: how their bodies are made, and where their contents are. Used by their
// own providers, by virtual machines and restore points, and by the seeds, so that all of them make the same
// thing. Used under Context::mutex.
#include <string>

#include "simulator/content_store.hpp"
#include "simulator/context.hpp"

namespace azlin::simulator {

inline constexpr const char* kDiskType = "Microsoft.Compute/disks";
inline constexpr const char* kSnapshotType = "Microsoft.Compute/snapshots";

// The contents of all disks; opened on first use.
ContentStore& contents(Context& context);

// In Resource::hidden of disks, snapshots and disk restore points:
//   volume   the contents (VolumeId); missing on a failed leftover
//   family   the incrementalSnapshotFamilyId that incremental snapshots of this disk get (disks only)
//   copy     of a snapshot that CopyStart made: its source's key, when the source was taken, when the copy
//   began and
//            when it ends: {"source","taken","start","end"}, in Unix ms
struct NewDisk {
  std::string id, location;
  std::string sku = "Premium_LRS";
  std::uint64_t bytes = 0;  // a multiple of 512; disks in whole GiB except uploaded ones
  VolumeId volume = 0;
  Json creation_data;         // as GET shows it
  Json zones;                 // null or ["1"]
  Json tags;                  // null or an object
  std::string os_type;        // "Linux", "Windows"; empty for data disks
  std::string generation;     // "V1", "V2"; empty for data disks
  std::string security_type;  // "TrustedLaunch", …; empty for none
  Json capabilities;          // supportedCapabilities; null for none
  core::TimePoint created{};
};
// A whole disk, Unattached and Succeeded; not saved yet.
Resource new_disk(const NewDisk& disk);

struct NewSnapshot {
  std::string id;
  std::string sku = "Standard_ZRS";
  bool incremental = true;
  VolumeId volume = 0;  // contents().clone() of the disk's
  Json tags;
  core::TimePoint taken{};
};
// A whole snapshot of `disk` in its region, Unattached and Succeeded; not saved yet. An incremental one has
// the disk's uniqueId as Resource::ref: list_by_ref(kSnapshotType, uniqueId) finds them.
Resource new_snapshot(const Resource& disk, const NewSnapshot& snapshot);

// Seeds: the finished CopyStart copy of `source` in another region.
Resource new_snapshot_copy(const Resource& source, const std::string& id, const std::string& location,
                           const Json& tags, VolumeId volume, core::TimePoint taken);
// The family that copies of snapshots of `family` share in `location`: theirs, not their source's.
std::string copy_family(const std::string& family, const std::string& location);

// state: "Attached", "Reserved" (the VM is deallocated) or "Unattached" (then `vm` is empty).
void set_attachment(Resource& disk, const std::string& vm, const std::string& state, core::TimePoint now);
std::string disk_state(const Resource& resource);

// The volume of a resource; 0 when it has none.
VolumeId volume_of(const Resource& resource);
// Gives back what the resource holds outside the state: its contents and its SAS.
void release_contents(Context& context, const Resource& resource);

std::uint64_t gib(std::uint64_t count);
// diskSizeGB of so many bytes, rounded up.
std::uint64_t size_gb(std::uint64_t bytes);
// Sets diskSizeGB, diskSizeBytes, tier, diskIOPSReadWrite and diskMBpsReadWrite as the sku and size give
// them.
void set_size(Json& body, std::uint64_t bytes);
// Gives a sized Premium SSD disk the performance tier "P1" to "P80" and what goes with it. False, and nothing
// changed, when it cannot have it: another sku, a tier below that of its size, P60 and above up to 4,096 GiB
// ("Performance tiers for managed disks").
bool set_tier(Json& body, const std::string& tier);
// How many VMs may share a disk ("Share an Azure managed disk").
std::int64_t most_shares(const std::string& sku, std::uint64_t gb);
// {"name","tier"}
Json sku_body(const std::string& name);

}  // namespace azlin::simulator
