#pragma once
// The VM tag `azlin:snapshot-schedule` (format: docs/tags.md).
#include <string>
#include <string_view>

namespace azlin::snapshot {

inline constexpr const char* kSnapshotScheduleTag = "azlin:snapshot-schedule";

struct SnapshotSchedule {
  bool enabled = true;
  int interval_hours = 24;  // 1 and over
  int keep = 2;             // 1 to 499
  bool operator==(const SnapshotSchedule&) const = default;
};

// Throws core::Error (usage) when a number is out of range.
void check(const SnapshotSchedule& schedule);
std::string to_tag(const SnapshotSchedule& schedule);
// Throws core::Error (failed) naming `vm` and the tag when it cannot be understood.
SnapshotSchedule parse_snapshot_schedule(std::string_view tag_value, std::string_view vm);

}  // namespace azlin::snapshot
