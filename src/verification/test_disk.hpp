#pragma once
// A disk made from a snapshot to see that it can be made, and what it is.
#include <optional>
#include <stop_token>
#include <string>

#include "azlin/azure/compute.hpp"
#include "azlin/snapshot/snapshot_set.hpp"
#include "azlin/store/journal.hpp"
#include "azlin/verification/record.hpp"

namespace azlin::verification {

inline constexpr const char* kDrillTag = "azlin:drill";

// "v-1a2b3c4d 2025-12-02T10:30:00Z": who made it, and until when it may live. Only ids that begin with "v-"
// are a verification's.
struct DrillMark {
  std::string id;
  core::TimePoint until;
};
std::string to_tag(const DrillMark& mark);
std::optional<DrillMark> parse_drill(const std::string& value);
std::optional<DrillMark> drill_mark(const azure::Tags& tags);

// What is asked for. `id` is the mark's.
azure::NewDisk test_disk(const snapshot::Member& member, const DrillMark& mark);

// Compares the disk with what was recorded at backup time (azlin:disk-spec, azlin:vm-spec) and with its
// snapshot. Writes checked, not_checked, failures and size_matches. Pure.
void check_properties(const azure::Disk& disk, const snapshot::Member& member,
                      const std::optional<snapshot::VmSpec>& vm, DiskCheck& out);

// Deletes the disk if it is there and bears `mark_id`, and sees that it is gone. Throws core::Error when it
// is not.
void remove_test_disk(arm::ArmClient& arm, const std::string& disk_id, const std::string& mark_id);

}  // namespace azlin::verification
