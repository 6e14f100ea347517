#pragma once
// A drill while it runs.
#include <fmt/format.h>

#include <mutex>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/dr/manager.hpp"
#include "dr/bring_up.hpp"
#include "dr/leftovers.hpp"

namespace azlin::dr {

// Where the VMs of a drill come up.
struct DRTestManager::Place {
  std::string drill_id;
  std::string group;  // its name
  bool own_group = false;
  std::set<std::string> names;  // of its VMs, in lower case
};

// One VM, or several in one network.
struct DRTestManager::Drill {
  DrillRecord record;
  store::Operation operation;
  bool together = false;
  bool run_command = false;  // some VM needs it
  std::mutex building;       // of the network
  std::string subnet_id;     // empty until it is there

  azure::Tags tags() const { return {{kDrillTag, record.mark}}; }
};

struct DRTestManager::Run {
  const DRTestConfig& config;
  DrillPlan plan;
  Drill& drill;
  bool fitted = false;  // fit() came before
  DRTestResult result{};
  bool interrupted = false;
  std::string address{};                        // the public one
  std::optional<core::TimePoint> first_disk{};  // when what costs began to be made

  Maker maker(arm::ArmClient& arm, std::stop_token stop) const {
    return {arm, drill.operation, plan.region, drill.tags(), std::move(stop)};
  }
  Phase& phase(Step step) {
    for (auto& phase : result.phases) {
      if (phase.step == step) return phase;
    }
    throw core::Error(core::ErrorKind::failed, "a drill without that phase");
  }
  void skip(Step step, const std::string& why) {
    phase(step).outcome = Outcome::skipped;
    phase(step).detail = why;
    if (config.ended) config.ended(phase(step));
  }
  // Times `work`, which may set outcome and detail. True: it did not fail.
  template <class Work>
  bool go(Step step, core::Clock& clock, Work&& work) {
    Phase& current = phase(step);
    current.started = clock.now();
    if (config.begun) config.begun(current);
    try {
      work(current);
      if (current.outcome == Outcome::not_run) current.outcome = Outcome::passed;
    } catch (const std::exception& error) {
      current.outcome = Outcome::failed;
      current.detail = error.what();
      const auto* known = dynamic_cast<const core::Error*>(&error);
      interrupted = interrupted || (known != nullptr && known->kind() == core::ErrorKind::interrupted);
      if (result.error.empty()) {
        result.error = fmt::format("{}: {}", to_string(step), error.what());
        result.hint = known != nullptr ? known->hint() : "";
      }
    }
    current.took = clock.now() - *current.started;
    if (config.ended) config.ended(current);
    return current.outcome != Outcome::failed;
  }
};

}  // namespace azlin::dr
