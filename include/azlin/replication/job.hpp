#pragma once
// A replication job: one backup (a set of snapshots) on its way to another region.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::replication {

// Of a job and of each of its copies. A cancelled job is `failed` and says so in its error.
enum class Status { pending, in_progress, completed, failed };
const char* to_string(Status status);
std::optional<Status> parse_status(std::string_view text);

// What the replica must be like: facts of its source, taken when the job was queued.
struct Expected {
  std::string source_unique_id;
  std::uint64_t size_bytes = 0;
  int size_gb = 0;
  std::string os_type, generation, security_type;
  std::string capabilities;       // JSON text; empty when the source has none
  std::string encryption_set_id;  // in the target region; empty: the platform's key
  bool operator==(const Expected&) const = default;
};
std::string to_json(const Expected& expected);
Expected parse_expected(const std::string& json);

// The copy of one snapshot of the set.
struct Copy {
  int lun = -1;                      // -1: the OS disk
  std::string source_id, target_id;  // ARM ids
  std::string family;                // of the source: Azure copies one of a family at a time
  Status status = Status::pending;
  double percent = 0;    // completionPercent as last seen
  int attempts = 0;      // begun so far
  bool adopted = false;  // it was there already: never deleted by this job
  std::optional<core::TimePoint> started_at, completed_at;
  std::optional<core::TimePoint> last_progress_at;  // when percent last rose
  std::optional<core::TimePoint> not_before;        // of the next attempt
  std::string error;                                // why it failed, or why the last attempt did
  Expected expected;
  bool operator==(const Copy&) const = default;
};

struct Job {
  std::int64_t id = 0;
  std::string subscription;
  std::string vm_key, vm_name;                   // azlin:vm, and the name as people write it
  std::string set;                               // azlin:set
  std::string source_snapshot, target_snapshot;  // names, of the OS disk
  std::string source_region, target_region;
  std::string source_group, target_group;
  Status status = Status::pending;
  core::TimePoint queued_at;
  core::TimePoint started_at;  // of the first copy; while pending: queued_at
  std::optional<core::TimePoint> completed_at;
  core::TimePoint data_time;   // of the backup: what the RPO is counted from
  std::string error;           // why it failed
  std::string note;            // "found in Azure", …
  std::int64_t operation = 0;  // in the journal, of the last command that began a copy; 0: none yet
  bool cancel_requested = false;
  bool left_behind = false;  // it failed, and what it had copied could not be deleted: the next look does
  std::optional<core::TimePoint> marked_until;  // sources bear azlin:in-use until then
  std::vector<Copy> copies;                     // OS disk first

  bool ended() const { return status == Status::completed || status == Status::failed; }
  bool cancelled() const { return status == Status::failed && error.rfind("cancelled", 0) == 0; }
  std::uint64_t size_bytes() const;  // provisioned
  int size_gb() const;
  double percent() const;  // of its copies, weighed by size
  int attempts() const;    // the most that one of its copies took
  std::optional<core::TimePoint> last_progress_at() const;
  bool operator==(const Job&) const = default;
};

// The error of a copy that was deleted again because its job failed or was cancelled.
inline constexpr const char* kDeleted = "deleted again: its set was not completed";

// One try of one copy.
struct Attempt {
  int lun = -1;
  int number = 0;  // from 1
  core::TimePoint started_at;
  std::optional<core::TimePoint> ended_at;
  std::string error;  // empty: it did not fail
};

// What can be said of a running job. Rates come from the percentages that the service named; they stay unset
// while it has named none over zero.
struct Progress {
  double percent = 0;
  std::optional<double> percent_per_minute;
  // Of the provisioned sizes: the service tells no count of bytes, and later copies carry only what changed.
  std::optional<double> bytes_per_second;
  std::optional<core::Millis> eta;  // of the slowest copy
  core::Millis quiet{0};            // since the last progress
  bool stalled = false;             // quiet for `stalled_after` and over
};
// Pure.
Progress progress(const Job& job, core::TimePoint now, core::Millis stalled_after);

}  // namespace azlin::replication
