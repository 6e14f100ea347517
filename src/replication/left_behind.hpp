#pragma once
// What has become of copies that a failed job could not delete: another machine may have made a whole set of
// them meanwhile, or be about to.
#include <string>

#include "azlin/arm/client.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/replication/job.hpp"

namespace azlin::replication {

struct LeftBehind {
  bool complete = false;  // a good replica of the whole set is there
  std::string why_kept;   // why nothing of it may be deleted now; empty: it may
};
// Reads Azure: the target region and the sources. Throws core::Error.
LeftBehind look_at_left_behind(arm::ArmClient& arm, const Job& job, core::TimePoint now);

}  // namespace azlin::replication
