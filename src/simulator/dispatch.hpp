#pragma once
// From a request to its reply: the checks that Azure makes, in its order, then the handler.
#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

// Never throws. Fills request.params, target, principal and request_id.
Reply dispatch(Context& context, const Router& router, Request& request);

// Requests for which `answers` is true are answered although the resource's region is down.
void answer_during_outage(Context& context, const std::function<bool(const Request&)>& answers);

}  // namespace azlin::simulator
