#pragma once
// create_snapshot in two halves, for those who have others to look after while the service begins.
#include "azlin/azure/compute.hpp"

namespace azlin::azure {

// Returns as soon as the service has accepted the request.
arm::Operation begin_snapshot(arm::ArmClient& arm, const NewSnapshot& snapshot, std::stop_token stop = {});
// Waits for it, and throws its error. create_snapshot() is both.
Snapshot end_snapshot(arm::ArmClient& arm, const arm::Operation& operation, std::stop_token stop = {});

}  // namespace azlin::azure
