#pragma once
// Copies of incremental snapshots into another region (createOption CopyStart). The operation ends when the
// copy has begun; the snapshot's completionPercent then moves with the simulated clock until it is 100. Used
// under Context::mutex.
#include "simulator/context.hpp"

namespace azlin::simulator {

// What may be copied; throws ApiError. `request.target` is the new snapshot, in `location`. Rules, from "Copy
// an incremental snapshot to a new region":
//   api-version 2020-12-01 or later; both incremental; the source is a snapshot of another region;
//   one copy at a time for a disk, in the order in which its snapshots were taken; 100 at a time in a region.
// Returns the source.
Resource checked_copy_source(Context& context, const Request& request, const Json& properties,
                             const std::string& location);

// Makes `snapshot` (its body complete but for the copy's own properties) a copy of `source` that begins now.
void begin_copy(Context& context, Resource& snapshot, const Resource& source, bool enhanced);

// The name of a copy that reads from `snapshot` now; empty: none.
std::string running_copy_of(Context& context, const Resource& snapshot);

// The creation of `snapshot` failed: its copy does not go on. The caller saves it.
void abandon_copy(Context& context, Resource& snapshot);

// `snapshot` goes away: its own copy ends, and copies that read from it fail with CopySourceNotFound.
void drop_copies(Context& context, const Resource& snapshot);

void register_snapshot_copies(Context& context);

}  // namespace azlin::simulator
