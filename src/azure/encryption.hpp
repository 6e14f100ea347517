#pragma once
// Encryption of disks and snapshots with a customer's key.
#include <nlohmann/json.hpp>

#include "azlin/arm/client.hpp"

namespace azlin::azure {

// The `encryption` of a disk or snapshot that a disk encryption set keys: its type must be that of the set,
// which is read for it (a set that may not be read is taken for one of the usual type).
nlohmann::json encryption_by(arm::ArmClient& arm, const std::string& set_id, std::stop_token stop);

}  // namespace azlin::azure
