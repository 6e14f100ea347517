#pragma once
// Microsoft.Authorization's policies: definitions, sets and assignments, and the "deny" of those that are
// assigned.
#include "simulator/context.hpp"

namespace azlin::simulator {

// Throws ApiError 403 RequestDisallowedByPolicy for a PUT that an assigned policy denies. Other effects do
// nothing.
void check_assigned_policies(Context& context, const Request& request);

}  // namespace azlin::simulator
