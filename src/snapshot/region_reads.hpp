#pragma once
// Reads snapshots where they are, and gives a region up as soon as one of them gets no answer.
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/azure/compute.hpp"
#include "azlin/core/clock.hpp"

namespace azlin::snapshot {

// Regions that did not answer lately. Thread-safe.
class RegionOutages {
 public:
  // What the region answered last, when that is less than a minute ago; empty: nothing is known against it.
  std::string error_of(const std::string& region, core::TimePoint now) const;
  void note(const std::string& region, const std::string& error, core::TimePoint now);

 private:
  struct Outage {
    std::string error;
    core::TimePoint seen;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Outage> outages_;
};

struct Located {
  std::string id;
  std::string region;  // empty: not known
};

struct RegionReads {
  std::vector<azure::Snapshot> found;         // of the regions that answer, in no order
  std::map<std::string, std::string> errors;  // of the regions that do not
};

// Reads all, several at a time. Those that are gone are left out. Throws what is no outage, and core::Error
// (interrupted) on stop.
RegionReads read_by_region(arm::ArmClient& arm, core::Clock& clock, RegionOutages& outages,
                           const std::vector<Located>& snapshots, std::stop_token stop);

}  // namespace azlin::snapshot
