#pragma once
// Azure Backup for blobs (Microsoft.DataProtection) in the simulated cloud: backup vaults, policies,
// instances and the restore of operational backups. Rules: docs/simulator-platform.md.
#include <string>

#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

inline constexpr const char* kBackupVaultType = "Microsoft.DataProtection/backupVaults";
inline constexpr const char* kBackupPolicyType = "Microsoft.DataProtection/backupVaults/backupPolicies";
inline constexpr const char* kBackupInstanceType = "Microsoft.DataProtection/backupVaults/backupInstances";
inline constexpr const char* kBlobSource = "Microsoft.Storage/storageAccounts/blobServices";

// ".../backupVaults/{vault}" of the request. Throws ApiError 404.
Resource backup_vault_of(Context& context, const Request& request);
// The days of the policy's operational store; 0: it has none. Throws ApiError 400 for what is no sound
// policy.
int operational_days(const Json& policy_properties);
// Answers 202 (or `status`) and ends by itself with `output`; `effect` is a kind registered with Operations.
Reply start_protection(Context& context, const Request& request, const Resource& vault,
                       const std::string& effect, const Json& data, int status, const Json& body = nullptr);

void register_backup_policies(Router& router, Context& context);
void register_backup_instances(Router& router, Context& context);
void register_blob_restores(Router& router, Context& context);

}  // namespace azlin::simulator
