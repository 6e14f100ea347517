#include "snapshot/region_reads.hpp"

#include <optional>

#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/parallel.hpp"
#include "snapshot/undo.hpp"

namespace azlin::snapshot {

namespace {

constexpr core::Millis kBelieved = std::chrono::minutes{1};
constexpr int kParallelReads = 16;
constexpr int kAttempts = 4;  // some seconds, where a region is down

bool is_outage(int status) {
  return status == 500 || (status >= 502 && status <= 504);
}

// One region while its snapshots are read; the first that gets no answer stops the others.
class Region {
 public:
  // Empty until the region is given up.
  std::string error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }
  void give_up(const std::string& error) {
    {
      const std::lock_guard lock(mutex_);
      if (error_.empty()) error_ = error;
    }
    stop();
  }
  void stop() { stop_.request_stop(); }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  mutable std::mutex mutex_;
  std::string error_;
  std::stop_source stop_;
};

// nullopt: it is gone, or its region is given up.
std::optional<azure::Snapshot> read(arm::ArmClient& arm, const std::string& id, Region& region) {
  if (!region.error().empty()) return std::nullopt;
  try {
    return azure::find_snapshot(arm, id, region.token(), kAttempts);
  } catch (const arm::ArmError& error) {
    if (!is_outage(error.status())) throw;
    region.give_up(error.what());
  } catch (const http::NetworkError& error) {
    if (!error.retryable()) throw;
    region.give_up(error.what());
  } catch (const core::Error& error) {
    if (error.kind() != core::ErrorKind::interrupted || region.error().empty()) throw;
  }
  return std::nullopt;
}

}  // namespace

std::string RegionOutages::error_of(const std::string& region, core::TimePoint now) const {
  const std::lock_guard lock(mutex_);
  const auto known = outages_.find(region);
  return known == outages_.end() || now - known->second.seen > kBelieved ? "" : known->second.error;
}

void RegionOutages::note(const std::string& region, const std::string& error, core::TimePoint now) {
  const std::lock_guard lock(mutex_);
  outages_[region] = {error, now};
}

RegionReads read_by_region(arm::ArmClient& arm, core::Clock& clock, RegionOutages& outages,
                           const std::vector<Located>& snapshots, std::stop_token stop) {
  std::map<std::string, Region> regions;
  for (const auto& each : snapshots) {
    Region& region = regions[each.region];
    const auto error = outages.error_of(each.region, clock.now());
    if (!error.empty()) region.give_up(error);
  }
  const std::stop_callback forward(stop, [&] {
    for (auto& [name, region] : regions) region.stop();
  });
  std::vector<std::optional<azure::Snapshot>> read_ones(snapshots.size());
  rethrow_first(core::run_parallel(snapshots.size(), kParallelReads, stop, [&](std::size_t i) {
    read_ones[i] = read(arm, snapshots[i].id, regions.at(snapshots[i].region));
  }));

  RegionReads out;
  for (const auto& [name, region] : regions) {
    if (region.error().empty()) continue;
    out.errors[name] = region.error();
    if (outages.error_of(name, clock.now()).empty()) outages.note(name, region.error(), clock.now());
    core::log_debug("region {} does not answer: {}", name, region.error());
  }
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    if (read_ones[i] && !out.errors.contains(snapshots[i].region))
      out.found.push_back(std::move(*read_ones[i]));
  }
  return out;
}

}  // namespace azlin::snapshot
