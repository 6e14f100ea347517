#pragma once
// Can a VM be brought back now? From its schedule, backups, copies, verifications and drills. Pure.
#include <optional>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "azlin/dr/policy.hpp"

namespace azlin::dr {

inline constexpr core::Millis kTargetRpo = std::chrono::hours{24};
inline constexpr core::Millis kVerifyWithin = std::chrono::hours{24 * 7};

// A restore of the VM that succeeded, and how long all of it took.
struct PastRestore {
  core::TimePoint at;
  core::Millis took{0};
};

struct ReadinessFacts {
  VmRef vm;
  std::optional<backup::BackupSchedule> schedule;
  std::optional<DrPolicy> policy;           // what holds, also when it is disabled
  std::string unreadable;                   // why a tag cannot be read; empty: it can
  bool gone = false;                        // there is no such VM any more
  std::string obstacle;                     // why the newest copy cannot be restored there now; empty: it can
  std::vector<backup::BackupInfo> backups;  // newest first
  // What could not be read of them, one line a region: snapshot::unreadable_texts. Empty: all is known.
  std::vector<std::string> not_seen;
  bool copies_unknown = false;        // some of that lies in the policy's region, or may
  std::vector<DRTestResult> drills;   // of this VM, newest first
  std::vector<PastRestore> restores;  // of this VM
};

struct Gap {
  std::string text, command;  // what is missing, and what closes it
};

// From the RTOs of drills that passed, and from restores.
struct RtoForecast {
  core::Millis p50{0}, p90{0};
  int drills = 0, restores = 0;
  // Of those that had three or more before them, how many stayed within the P90 of those.
  int inside = 0, judged = 0;
};

struct Readiness {
  VmRef vm;
  const backup::BackupInfo* newest = nullptr;  // complete; into the facts
  // Newest with a complete copy in the policy's region; without a policy, in any region but its own.
  const backup::BackupInfo* copied = nullptr;
  std::string copy_region;                       // where that copy is
  const backup::BackupInfo* verified = nullptr;  // newest that passed
  const DRTestResult* drill = nullptr;           // newest that passed or failed
  std::optional<core::Millis> rpo;               // age of `copied`
  std::optional<RtoForecast> rto;
  std::vector<Gap> gaps;
  bool ready() const { return gaps.empty(); }
};

// `facts` must outlive the result.
Readiness judge(const ReadinessFacts& facts, core::TimePoint now);

// The VM's restores that succeeded, as the journal has them.
std::vector<PastRestore> past_restores(store::Journal& journal, const VmRef& vm);

// The smallest value that at least `percent` of them do not exceed (nearest rank). `values` must not be
// empty.
core::Millis percentile(std::vector<core::Millis> values, int percent);

}  // namespace azlin::dr
