#pragma once
// From a request to its reply: the checks that Azure makes, in its order, then the handler.
#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

// Never throws. Fills request.params, target, principal and request_id.
Reply dispatch(Context& context, const Router& router, Request& request);

// What Azure asks of a write before its handler sees it: the subscription and group are there, the principal
// may, no lock, policy or outage stands against it. Throws ApiError for what does.
void check_write(Context& context, const Request& request);

// Requests for which `answers` is true are answered although the resource's region is down.
void answer_during_outage(Context& context, const std::function<bool(const Request&)>& answers);

}  // namespace azlin::simulator
