#pragma once
// Microsoft.Compute/diskEncryptionSets: whose key a disk or snapshot is encrypted with.
#include <string>

#include "simulator/context.hpp"

namespace azlin::simulator {

inline constexpr const char* kEncryptionSetType = "Microsoft.Compute/diskEncryptionSets";

// The encryptionType of the set that a disk or snapshot in `location` names. Throws ApiError: 404 ResourceNotFound; 400
// InvalidParameter for a set in another region (our choice); 400 KeyVaultAccessForbidden when the set's
// identity has not get, wrapKey and unwrapKey in the vault, or the key is disabled, expired or gone.
std::string check_encryption_set(Context& context, const std::string& id, const std::string& location);

// A key of a vault that is there for use at this time. `url`: {vault}/keys/{name}[/{version}]. False: vault
// or key is gone, disabled, not valid yet or no longer.
bool key_is_usable(Context& context, const Resource& vault, const std::string& url);

}  // namespace azlin::simulator
