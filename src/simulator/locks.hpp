#pragma once
// Management locks: what they stop.
#include "simulator/message.hpp"

namespace azlin::simulator {

class State;

// Throws ApiError 409 ScopeLocked. A lock holds for its scope and all below it. CanNotDelete stops DELETE;
// ReadOnly also stops PUT, PATCH and POST. Deleting a group is stopped by locks inside it, too. Requests on
// locks themselves pass.
void check_locks(State& state, const Request& request);

}  // namespace azlin::simulator
