#pragma once
// Azure Backup for blobs (Microsoft.DataProtection) in the simulated cloud: backup vaults, policies,
// instances, recovery points and restores. Rules: docs/simulator-platform.md.
#include <string>
#include <vector>

#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

inline constexpr const char* kBackupVaultType = "Microsoft.DataProtection/backupVaults";
inline constexpr const char* kBackupPolicyType = "Microsoft.DataProtection/backupVaults/backupPolicies";
inline constexpr const char* kBackupInstanceType = "Microsoft.DataProtection/backupVaults/backupInstances";
inline constexpr const char* kBlobSource = "Microsoft.Storage/storageAccounts/blobServices";

// ".../backupVaults/{vault}" of the request. Throws ApiError 404.
Resource backup_vault_of(Context& context, const Request& request);
int retention_days_of(const std::string& duration);  // "P30D" -> 30; 0 for another form
// The days of the policy's operational store; 0: it has none. Throws ApiError 400 for what is no sound
// policy.
int operational_days(const Json& policy_properties);
// The days of its vault store; 0: it has none. Throws ApiError 400 for a schedule that is none.
int vaulted_days(const Json& policy_properties);

// A vaulted backup, made by the policy's schedule since the account is protected and not yet expired.
struct VaultedPoint {
  std::string name;
  core::TimePoint at{}, expires{};
};
std::vector<VaultedPoint> vaulted_points(Context& context, const Resource& instance);  // newest first
Json present_point(const Resource& instance, const VaultedPoint& point);

// Answers 202 (or `status`) and ends by itself with `output`; `effect` is a kind registered with Operations.
Reply start_protection(Context& context, const Request& request, const Resource& vault,
                       const std::string& effect, const Json& data, int status, const Json& body = nullptr);

void register_backup_policies(Router& router, Context& context);
void register_backup_instances(Router& router, Context& context);
void register_blob_restores(Router& router, Context& context);

}  // namespace azlin::simulator
