#pragma once
// What the journal keeps of a verification: enough to remove everything that it may have made.
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::verification {

struct VerifyPlan {
  struct Disk {
    std::string snapshot_id, disk_id;
  };
  std::string backup, region;
  std::string anchor;   // id of the set's first snapshot: one verification of a set at a time
  std::string mark_id;  // of azlin:drill
  core::TimePoint until;
  std::string in_use;  // the value of azlin:in-use
  std::vector<Disk> disks;
  std::string lock_key() const;
};

std::string to_json(const VerifyPlan& plan);
// Throws core::Error (failed) when it cannot be read.
VerifyPlan parse_verify_plan(const std::string& text);

}  // namespace azlin::verification
