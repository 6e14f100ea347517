#pragma once
// The calls that drills and failovers would make, for --dry-run.
#include <vector>

#include "azlin/dr/failover.hpp"
#include "cli/dry_run.hpp"

namespace azlin::cli {

// Of one drill: of one VM, or of those of a plan.
std::vector<PlannedCall> calls_of(const std::vector<dr::DrillPlan>& plans, bool cleanup);
std::vector<PlannedCall> calls_of(const dr::FailoverPlan& plan);

}  // namespace azlin::cli
