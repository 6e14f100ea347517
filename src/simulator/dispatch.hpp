#pragma once
// From a request to its reply: the checks that Azure makes, in its order, then the handler.
#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

// Never throws. Fills request.params, target, principal and request_id.
Reply dispatch(Context& context, const Router& router, Request& request);

}  // namespace azlin::simulator
