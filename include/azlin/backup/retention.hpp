#pragma once
// Which backups stay and which go: a pure function of (schedule, backups, now), with a reason for each.
#include <string>
#include <vector>

#include "azlin/backup/schedule.hpp"
#include "azlin/backup/tier.hpp"
#include "azlin/core/clock.hpp"

namespace azlin::backup {

enum class Verified { unknown, passed, failed };

// What retention needs to know of a backup set, or of its replica in another region.
struct Point {
  std::string name;    // the set's; a replica has its source's
  std::string region;  // where it is
  bool replica = false;
  Tier tier = Tier::daily;
  core::TimePoint created;  // of the data: a replica has its source's time
  bool complete = true;     // every snapshot is there and usable
  Verified verified = Verified::unknown;
  bool on_hold = false;
  std::string in_use;       // "being restored"; empty: it is not
  bool replicated = false;  // a complete replica is in the target region
};

enum class Rule {
  within_policy,        // its tier still wants it
  schedule_off,         // backups are disabled: nothing is deleted
  on_hold,              // `backup hold`
  in_use,               // a copy, verification, drill or restore works on it
  newest,               // the newest one, whatever its age
  last_good,            // the newest whose verification did not fail
  newest_verified,      // the newest whose verification passed
  waiting_for_replica,  // cross-region is on and the copy is not there yet
  source_kept,          // a replica goes only together with its source, or after it
  expired,              // goes
};

struct Decision {
  Point point;
  bool keep = true;
  Rule rule = Rule::within_policy;
  std::string reason;  // for people: "daily, kept until 2025-12-08"
};

// How many sets of one region may go in one run: a wrong clock would want more.
struct DeleteLimit {
  int at_least = 3;
  int percent = 34;  // of the sets there
};

struct RetentionPlan {
  std::vector<Decision> decisions;  // oldest first
  bool over_limit = false;          // then nothing may be deleted without being asked for
  std::string limit_reason;         // for people; empty when within the limit
  std::vector<Decision> deletions() const;
};

// Tiers are judged each by its own number; a backup expires on the calendar day that lies N days, weeks or
// months after the day it was made (the last day of a shorter month). Regions are judged each for itself: in
// each of them the newest, the newest not failed and the newest verified complete backup stay.
RetentionPlan plan_retention(const BackupSchedule& schedule, const std::vector<Point>& points,
                             core::TimePoint now, const DeleteLimit& limit = {});

}  // namespace azlin::backup
