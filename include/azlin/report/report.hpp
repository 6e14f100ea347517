#pragma once
// What was protected, copied, verified and drilled in a span of time, and how it compares with its targets.
// Pure: commands gather the facts, renderers (render.hpp) print the report. Where there is nothing to divide
// there is no data, never 0 % or 100 %.
#include <optional>
#include <string>
#include <vector>

#include "azlin/backup/manager.hpp"
#include "azlin/dr/drill.hpp"
#include "azlin/replication/job.hpp"
#include "azlin/report/estimate.hpp"
#include "azlin/store/journal.hpp"
#include "azlin/verification/record.hpp"

namespace azlin::report {

struct ReportFacts {
  core::TimePoint now;
  int days = 90;
  std::string subscription, version;
  std::string vm;          // empty: all
  bool simulated = false;  // not Azure
  std::vector<backup::BackupManager::Scheduled> scheduled;
  std::vector<backup::BackupInfo> backups;                // that exist
  std::vector<store::OperationRecord> operations;         // that began in the window, with any outcome
  std::vector<replication::Job> replications;             // queued in the window
  std::vector<verification::Verification> verifications;  // ended in the window
  std::vector<dr::DRTestResult> drills;                   // begun in the window
  std::optional<CostEstimate> cost;
};

enum class Met { no_data, met, missed };
const char* to_string(Met met);  // "no data", "met", "missed"

// One row of the success table.
struct Metric {
  std::string key;              // "backup_success"
  std::string name;             // "Backup success rate"
  std::string target;           // "> 99 %"
  std::optional<double> value;  // percent, or seconds
  std::string unit;             // "%", "s"
  std::string text;             // "98.5 %", "10m 47s", "no data"
  int good = 0, total = 0;      // what a rate was made of
  Met met = Met::no_data;
  std::string measured;  // what was counted
  std::string note;      // what is missing from it; may be empty
};

// One VM of the report. Unset: there is none, or none is known.
struct VmRow {
  std::string vm, group;
  bool scheduled = false;
  int backups = 0, verified = 0, replicas = 0;  // that exist; verified: passed within the window
  std::optional<core::TimePoint> newest, newest_replica, last_verified, last_drill;
  std::optional<core::Millis> longest_gap;  // between backups, up to now
  std::optional<core::Millis> last_rto, target_rto;
  int drills = 0, drills_passed = 0;
  int attempts = 0, succeeded = 0;  // of backups
};

// A day of a VM, for the calendar.
enum class Day { none, daily, weekly, monthly, failed };
struct CalendarRow {
  std::string vm;
  std::vector<Day> days;  // the oldest first; the last is today (UTC)
};

struct Report {
  ReportFacts facts;
  core::TimePoint from;
  std::vector<Metric> metrics;  // in the order of the success table
  std::vector<VmRow> vms;       // by name
  std::vector<CalendarRow> calendar;
  std::vector<std::string> findings;  // what does not meet its target, or failed; one line each
  bool met() const;                   // no metric is missed
  // The VM's name, with its group behind it where another VM of the report has that name.
  std::string label(const std::string& vm, const std::string& group) const;
};
Report make_report(ReportFacts facts);

// What part of a report serves which control. Sources: SOC 2 (TSP 100, A1.3), ISO/IEC 27001:2022 Annex
// A 8.13, Regulation (EU) 2022/2554 (DORA) article 12.
struct Control {
  std::string part, controls, why;
};
const std::vector<Control>& controls();

}  // namespace azlin::report
