#pragma once
// The activity log: what was written through ARM, by whom, and how it ended. Azure keeps 90 days; here it is
// the last kKeptEvents writes. Used under Context::mutex.
#include "simulator/context.hpp"

namespace azlin::simulator {

inline constexpr int kKeptEvents = 20'000;

// Makes the table. Before the first note_activity.
void open_activity_log(Context& context);
// Notes a write that was answered with `reply`; reads and what has no resource are left out.
void note_activity(Context& context, const Request& request, const Reply& reply);

}  // namespace azlin::simulator
