#pragma once
// The journal steps of sets, and how they are undone.
#include <exception>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/azure/compute.hpp"
#include "azlin/snapshot/snapshot_set.hpp"

namespace azlin::snapshot {

inline constexpr const char* kCreateStep = "create-snapshot";
inline constexpr const char* kDeleteStep = "delete-set";

// Which snapshot a step is about, and how it is known for ours.
struct StepTarget {
  std::string id, vm, set;
  std::string unique_id;  // of one to be deleted
};
std::string create_step(const azure::NewSnapshot& wanted);  // JSON
// JSON; in the order in which they are to go.
std::string delete_step(const std::vector<const azure::Snapshot*>& snapshots);
// Both throw core::Error (failed) when it is not the data of such a step.
StepTarget parse_create_step(const std::string& data);
std::vector<StepTarget> parse_delete_step(const std::string& data);

// Why this snapshot must not be deleted now: on hold or in use. Empty: it may.
std::string why_kept(const azure::Snapshot& snapshot, core::TimePoint now);

// Deletes the snapshot when it has our tags; false: there is none, or it is another's of the same name.
bool delete_if_ours(arm::ArmClient& arm, const std::string& id, const std::string& vm, const std::string& set,
                    std::stop_token stop);

// The first error of a parallel run, if there is one.
void rethrow_first(const std::vector<std::exception_ptr>& errors);

}  // namespace azlin::snapshot
