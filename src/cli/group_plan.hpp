#pragma once
// A group of VMs (tag azlin:group) as a plan of a drill or a failover: a stage is a group of the plan.
#include "azlin/dr/recovery_plan.hpp"
#include "cli/runtime.hpp"

namespace azlin::cli {

// Of the newest run of which every member has a complete copy in the region; where there is none, a warning,
// and each VM comes from its newest copy. Without `region` the one in which all members are drilled. Members
// are found by the index, so that their own region need not answer. Throws core::Error: not_found, usage
// (which region?).
dr::RecoveryPlan plan_of_group(Runtime& runtime, const std::string& group,
                               const std::optional<std::string>& region);

}  // namespace azlin::cli
