#pragma once
// When a backup is to be verified, and what became of it. Pure.
#include <optional>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "azlin/verification/record.hpp"

namespace azlin::verification {

enum class Due {
  no,
  never,    // it was never verified
  overdue,  // backups of the last week are due daily, older ones weekly
};
Due due(core::TimePoint created, const std::optional<core::TimePoint>& verified_at, core::TimePoint now);

struct Unverified {
  std::string backup;
  std::optional<core::TimePoint> last;  // the last verification, before the window; nullopt: never
};

// Of one VM, or of all. Counts backups, not runs: of several runs in the window the last that said something
// counts, for each region. Percentages are nullopt where there is nothing to divide: "no data", not 0 %.
struct ReportPart {
  std::string vm, group;  // empty: all; the group also where rows of an earlier version do not say
  int total = 0;          // backups that exist
  int verified = 0;       // of these, passed within the window
  int checked = 0, passed = 0;
  int inconclusive = 0;  // could not be checked, and not checked since
  std::optional<core::TimePoint> last;
  std::vector<Unverified> unverified;  // of these, not passed within the window
  std::optional<double> verified_percent() const;
  std::optional<double> success_rate() const;
};

struct VerificationReport {
  int days = 7;
  std::vector<ReportPart> vms;         // by name, then by group
  ReportPart overall;                  // without its `unverified`
  std::vector<Verification> failures;  // last verdicts that are not a pass, oldest first
  std::vector<Verification> leaks;     // test disks that could not be deleted
};

// `runs` of the window, in any order.
VerificationReport make_report(const std::vector<Verification>& runs,
                               const std::vector<backup::BackupInfo>& backups, int days, core::TimePoint now);

}  // namespace azlin::verification
