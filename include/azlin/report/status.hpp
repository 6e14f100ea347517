#pragma once
// The screen of the morning: is the fleet protected, what failed since yesterday, what is overdue, what to
// do. Pure.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "azlin/dr/policy.hpp"
#include "azlin/report/report.hpp"

namespace azlin::report {

struct StatusFacts {
  ReportFacts report;                    // of the last day, but for backups and schedules: those that are
  std::vector<dr::PolicyView> policies;  // who is drilled how often, and when next
  std::vector<store::OperationRecord> interrupted;
  struct Alert {
    std::string title, severity;
    core::TimePoint since;
  };
  std::vector<Alert> alerts;  // open ones
  struct Run {
    std::string job;
    core::TimePoint ended;
    int exit_code = 0;
  };
  std::vector<Run> bad_runs;  // scheduled jobs whose last run failed
  bool schedule_installed = false;
  std::vector<std::string> stopped_jobs;  // installed, and their timers do not run
};

struct Failure {
  core::TimePoint at;
  std::string what, error, command;  // command: what to type about it
  bool mended = false;               // the same thing has worked since
};
struct Overdue {
  std::string what, command;
};

struct Status {
  int vms = 0;                    // with a schedule that is on, or cannot be read
  int backed_up = 0;              // of these: a complete backup within 24 hours
  int copied = 0, to_copy = 0;    // with a copy in its region not older than 24 hours; that should have one
  int verified = 0;               // the newest backup, or one of the last 7 days, passed a verification
  int drilled = 0, to_drill = 0;  // not due; all with a drill policy
  std::optional<core::TimePoint> newest, oldest;  // of the newest backups of each VM
  std::vector<Failure> failures;                  // since yesterday, newest first
  std::vector<Overdue> overdue;
  std::vector<StatusFacts::Alert> alerts;
  std::vector<StatusFacts::Run> bad_runs;
  std::vector<std::string> to_do;  // commands, each once, the most urgent first
  bool attention = false;          // something failed and is not mended, is overdue, open or interrupted
};
Status make_status(const StatusFacts& facts);

}  // namespace azlin::report
