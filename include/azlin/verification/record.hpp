#pragma once
// What one verification found out.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/core/error.hpp"
#include "azlin/verification/level.hpp"

namespace azlin::verification {

// One disk of the set.
struct DiskCheck {
  int lun = -1;  // -1: the OS disk
  std::string snapshot, snapshot_id;
  int size_gb = 0;
  Level reached = Level::none;
  bool test_disk_created = false;
  bool test_disk_deleted = false;    // and seen to be gone
  std::optional<bool> size_matches;  // nullopt: it did not come to that
  std::optional<bool> readable;      // its bytes were read; nullopt: not tried
  std::string contents;              // one line: "gpt: fat32 sound, ext4 sound"
  std::vector<std::string> checked, not_checked, notes;
  std::vector<std::string> failures;  // what was expected and what was found
  std::string error;                  // why it could not be checked
  std::string cleanup_error;          // what may be left behind, and why
  std::uint64_t bytes_read = 0;
  std::string root;  // hex Merkle root; empty below level full
};

struct Verification {
  std::int64_t id = 0, operation = 0;  // in verification.db; in the journal
  std::string backup, vm, resource_group, region;
  bool replica = false;
  core::TimePoint at;  // when it ended
  core::Millis duration{0};
  Level asked = Level::content, reached = Level::none;
  Outcome outcome = Outcome::inconclusive;
  bool test_disk_created = false;  // of every disk
  bool test_disk_deleted = false;  // nothing is left behind
  std::optional<bool> size_matches, readable;
  int size_gb = 0;                                       // all disks
  std::string error;                                     // of a failure, or why it could not be checked
  std::string action;                                    // what to do then
  core::ErrorKind error_kind = core::ErrorKind::failed;  // of an inconclusive one
  std::string cleanup_error;     // empty: nothing was left behind. Says nothing about the backup
  std::vector<DiskCheck> disks;  // OS disk first; empty in what a report reads back
  std::string evidence;          // evidence_json, in what a report reads back
};

// How the note of a disk begins of which only the changes since an earlier snapshot were read.
inline constexpr const char* kOnlyChangesRead = "the rest is unchanged since ";

std::string evidence_json(const Verification& verification);

}  // namespace azlin::verification
