#pragma once
// Which backups will exist on a date, and why.
#include <string>
#include <vector>

#include "azlin/backup/retention.hpp"

namespace azlin::backup {

struct ForecastPoint {
  std::string name;
  Tier tier = Tier::daily;
  core::TimePoint created;
  bool exists_now = false;
  std::string reason;  // why it will still be there
};

struct Forecast {
  std::vector<ForecastPoint> points;  // oldest first
  std::string assumption;             // for people: what the runs were taken to be
};

// Runs the schedule once a day, at the time of day of the newest backup (08:00 when there is none), up to the
// end of the day `on`. Each run is taken to succeed and to be replicated. `points`: the VM's backups,
// replicas left out. Throws core::Error (usage) when `on` is before today or more than ten years away.
Forecast forecast(const std::string& vm_name, const BackupSchedule& schedule,
                  const std::vector<Point>& points, core::TimePoint now, core::TimePoint on);

}  // namespace azlin::backup
