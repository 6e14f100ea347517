#pragma once
// Managed identities of platform resources, as far as their replies show them.
#include "simulator/message.hpp"

namespace azlin::simulator {

// What `wanted["identity"]` makes of the resource's: a system-assigned one gets its ids once and keeps them,
// "None" takes it away. Throws ApiError 400 for an unknown type.
void apply_identity_of(Json& body, const Json& wanted);

}  // namespace azlin::simulator
