#pragma once
// The tags of a snapshot, and what of the VM and its disks travels in them. The table is docs/tags.md.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/azure/compute.hpp"
#include "azlin/azure/resources.hpp"
#include "azlin/core/clock.hpp"

namespace azlin::snapshot {

inline constexpr const char* kVmTag = "azlin:vm";
inline constexpr const char* kSetTag = "azlin:set";
inline constexpr const char* kLunTag = "azlin:lun";
inline constexpr const char* kDisksTag = "azlin:disks";
inline constexpr const char* kTimeTag = "azlin:time";
inline constexpr const char* kTierTag = "azlin:backup-tier";
inline constexpr const char* kDiskSpecTag = "azlin:disk-spec";
inline constexpr const char* kVmSpecTag = "azlin:vm-spec-";  // followed by 1, 2, …
inline constexpr const char* kReplicaOfTag = "azlin:replica-of";
inline constexpr const char* kVerifiedTag = "azlin:verified";
inline constexpr const char* kHoldTag = "azlin:hold";
inline constexpr const char* kInUseTag = "azlin:in-use";
inline constexpr const char* kKeptTag = "azlin:kept";

inline constexpr std::size_t kLongestTagValue = 256;
inline constexpr int kMostSpecTags = 24;

// The value of azlin:vm: "{resource group}/{VM}" in lower case.
std::string vm_key(std::string_view resource_group, std::string_view vm);

struct DiskSpec {
  std::string name, sku, caching;
  int size_gb = 0;
  std::optional<std::string> zone;
  bool write_accelerator = false;
  std::string delete_option;  // "Delete" or empty
  bool operator==(const DiskSpec&) const = default;
};

struct NicSpec {
  std::string name, resource_group;
  std::string subnet;  // "{rg}/{vnet}/{subnet}"; empty: not known
  std::string nsg;     // "{rg}/{name}"; empty: none
  bool accelerated = false;
  bool operator==(const NicSpec&) const = default;
};

struct VmSpec {
  std::string name, resource_group, location;
  std::string vm_id;  // properties.vmId
  std::string size;
  std::optional<std::string> zone;
  std::string os_type, generation;
  std::string security_type;  // empty: Standard
  bool secure_boot = false, vtpm = false;
  std::string disk_controller, license;
  std::vector<NicSpec> nics;  // the primary one first
  azure::Tags tags;           // without azlin's own
  int tags_left = 0;          // tags of the VM that did not fit
  bool operator==(const VmSpec&) const = default;
};

std::string to_tag(const DiskSpec& spec);
// nullopt: not there or not readable (a set can be listed without it).
std::optional<DiskSpec> disk_spec(const azure::Tags& tags);

// azlin:vm-spec-1, …: at most kMostSpecTags of kLongestTagValue characters; drops tags of the VM that do not
// fit.
azure::Tags to_tags(const VmSpec& spec);
std::optional<VmSpec> vm_spec(const azure::Tags& tags);

// "content 2025-12-02T10:30:00Z"
struct VerifiedMark {
  std::string level;  // disk, content, full; or failed
  core::TimePoint at;
};
std::string to_tag(const VerifiedMark& mark);
std::optional<VerifiedMark> parse_verified(std::string_view value);

// "restore:17 2025-12-02T14:00:00Z"
struct InUseMark {
  std::string what;  // what works on it, ':', and which one, so that it takes off no other's mark; no blanks
  core::TimePoint until;
};
std::string to_tag(const InUseMark& mark);
std::optional<InUseMark> parse_in_use(std::string_view value);

}  // namespace azlin::snapshot
