#pragma once
// How often a VM's disks are backed up and for how long backups stay: the VM tag `azlin:backup-schedule`
// (format: docs/tags.md).
#include <optional>
#include <string>
#include <string_view>

#include "azlin/backup/tier.hpp"
#include "azlin/core/error.hpp"

namespace azlin::backup {

inline constexpr const char* kScheduleTag = "azlin:backup-schedule";

struct BackupSchedule {
  bool enabled = true;
  int daily = 7;     // days to keep, 1 and over
  int weekly = 4;    // weeks to keep; also rules what exists when the tier is off
  int monthly = 12;  // calendar months to keep; as weekly
  bool weekly_on = true;
  bool monthly_on = true;
  std::optional<std::string> target_region;  // set: replicate to it

  bool operator==(const BackupSchedule&) const = default;
  int retention(Tier tier) const;
  std::string retention_text(Tier tier) const;  // "7 days", "4 weeks", "12 months"
};

// The tag is there and cannot be understood, so nothing may be deleted on its word. Kind: failed.
class InvalidSchedule : public core::Error {
 public:
  InvalidSchedule(std::string_view vm, std::string_view why);
};

// There is no schedule, or it is disabled: the operator's own choice, and no failure of a backup. Kind:
// failed.
class NotScheduled : public core::Error {
 public:
  NotScheduled(const std::string& message, const std::string& hint)
      : core::Error(core::ErrorKind::failed, message, hint) {}
};

// The tag's value, at most 256 characters.
std::string to_tag(const BackupSchedule& schedule);

// Reads the compact form and the seeds' long form. Only the long form may leave fields out (they get
// defaults). Throws InvalidSchedule naming `vm` and the tag: not JSON, cut off, another version, an unknown
// key, a wrong type, a number below 1.
BackupSchedule parse_schedule(std::string_view tag_value, std::string_view vm);

// What the operator stated; unset leaves the value as it is.
struct ScheduleChange {
  std::optional<int> daily, weekly, monthly;
  bool no_weekly = false;
  bool no_monthly = false;
  std::optional<bool> cross_region;
  std::optional<std::string> target_region;
};

// `existing` (or the defaults) with the change made, and enabled. Throws core::Error (usage): a number below
// 1, flags that contradict each other, cross-region without a target, a target equal to `vm_region`, more
// than 500 incremental snapshots of a disk (Azure's limit).
BackupSchedule apply(const std::optional<BackupSchedule>& existing, const ScheduleChange& change,
                     std::string_view vm_region);

}  // namespace azlin::backup
