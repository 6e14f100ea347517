#pragma once
// Tags of a VM: looked up, and written only if nobody changed the VM since it was read.
#include <stop_token>
#include <string>
#include <string_view>

#include "azlin/azure/compute.hpp"

namespace azlin::snapshot {

// "azure-backup:{id of a vault}": the VM's backups are in that vault. Without it the engine is snapshots.
inline constexpr const char* kEngineTag = "azlin:backup-engine";

// Names are compared ignoring case, as Azure does. nullptr: it has none of that name.
const std::string* find_tag(const azure::Tags& tags, std::string_view name);

// PATCH of the VM under the etag of `as_read`; `tags` are all that it has afterwards. False: the VM is no
// longer as it was read. Throws arm::ArmError; for a VM with a read-only lock it names the lock.
bool write_tags_if_unchanged(arm::ArmClient& arm, const azure::Vm& as_read, const azure::Tags& tags,
                             std::stop_token stop);

}  // namespace azlin::snapshot
