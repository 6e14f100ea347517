#pragma once
// How well archives are doing, from what was observed. Pure.
#include <optional>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::archive {

// One archive operation that has ended, or whose process died.
struct Observed {
  std::string kind;  // create | restore | verify
  bool ok = false;
  core::TimePoint started_at;
  std::optional<core::Millis> took;  // nullopt: it has no end
};

struct Rate {
  std::size_t good = 0, all = 0;
  std::optional<double> percent() const;  // nullopt: nothing was observed
};

struct Metrics {
  Rate completion, restores, verifications;
  std::optional<core::Millis> mean_time_to_backup, mean_time_to_restore;  // of those that succeeded
  std::optional<core::Millis> longest_restore;                            // the RTO that was seen
};
Metrics measure(const std::vector<Observed>& observed);

// One line of the report.
struct Measure {
  std::string name, target, value;  // value "no data" where nothing was observed
  std::optional<bool> met;          // nullopt: no target, or no data
};
// Against the targets: 99.9 % of archives complete, 99 % of restores and 100 % of verifications succeed,
// restores take under 4 hours, and no newest archive is older than 24 hours (`oldest_newest`: the age of the
// oldest of them).
std::vector<Measure> against_targets(const Metrics& metrics,
                                     const std::optional<core::Millis>& oldest_newest);

}  // namespace azlin::archive
