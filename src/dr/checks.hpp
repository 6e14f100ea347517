#pragma once
// What else must be there before a VM is restored: keys and permissions.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/backup/restore.hpp"

namespace azlin::dr {

// The disk encryption sets of the disks: there, provisioned, their vault there and its access policies in
// favour of their identity, their key enabled at `now`. Throws core::Error (failed) when a disk could not be
// decrypted. Returns what could not be looked at, one line each. Source: Disk Encryption Sets - Get
// (2023-10-02), Vaults - Get and Keys - Get (2023-07-01).
std::vector<std::string> check_keys(arm::ArmClient& arm, const std::vector<backup::RestoreDisk>& disks,
                                    core::TimePoint now, std::stop_token stop);

// Whether the credential may make what a restored VM needs in the group. Throws core::Error (unauthorized)
// naming what is missing. nullopt, or where permissions cannot be read: nothing is said; a new group that may
// not be made is refused by the service before anything else is made.
void check_permissions(arm::ArmClient& arm, const std::string& subscription,
                       const std::optional<std::string>& group, std::stop_token stop);

}  // namespace azlin::dr
