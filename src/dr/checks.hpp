#pragma once
// What else must be there before a VM is restored: keys and permissions.
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/arm/client.hpp"
#include "azlin/backup/restore.hpp"

namespace azlin::dr {

// The disk encryption sets of the disks: there, provisioned, their key not in error, and the key's vault not
// deleted. Throws core::Error (failed) when a disk could not be decrypted. (Whether the key itself is enabled
// is known to the vault's data plane only, and is not read.) Source: Disk Encryption Sets - Get (2023-10-02),
// Vaults - Get (2023-07-01).
void check_keys(arm::ArmClient& arm, const std::vector<backup::RestoreDisk>& disks, std::stop_token stop);

// Whether the credential may make what a restored VM needs in the group. Throws core::Error (unauthorized)
// naming what is missing. nullopt, or where permissions cannot be read: nothing is said; a new group that may
// not be made is refused by the service before anything else is made.
void check_permissions(arm::ArmClient& arm, const std::string& subscription,
                       const std::optional<std::string>& group, std::stop_token stop);

}  // namespace azlin::dr
