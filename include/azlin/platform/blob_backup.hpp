#pragma once
// Azure Backup for blobs: Backup vaults, policies, instances, restores.
// Source: Microsoft.DataProtection 2024-04-01. (A Backup vault is not a Recovery Services vault.)
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/platform/service.hpp"
#include "azlin/platform/storage.hpp"

namespace azlin::platform {

struct BackupVault {
  std::string id, name, resource_group, location, redundancy, principal;
};
std::vector<BackupVault> list_backup_vaults(Service& service, const std::string& subscription,
                                            const std::optional<std::string>& group,
                                            std::stop_token stop = {});
// By name or id. Throws core::Error: not_found, usage.
BackupVault find_backup_vault(Service& service, const std::string& subscription,
                              const std::optional<std::string>& group, const std::string& name,
                              std::stop_token stop = {});
// With an identity of its own, which needs `Storage Account Backup Contributor` on each account.
void create_backup_vault(Service& service, const std::string& subscription, const std::string& group,
                         const std::string& name, const std::string& location, const std::string& redundancy,
                         std::stop_token stop = {});

struct BlobPolicy {
  int operational_days = 0;        // 1-360, kept in the account itself; 0: none
  int vaulted_days = 0;            // kept in the vault; 0: none
  std::string daily_at = "02:00";  // UTC, of vaulted backups
};
// The body. Pure. Throws core::Error (usage) for numbers out of range, or neither kind.
nlohmann::json policy_body(const BlobPolicy& policy, core::TimePoint now);
// A policy cannot be changed once made: throws core::Error (usage) when the name is taken.
void create_blob_policy(Service& service, const BackupVault& vault, const std::string& name,
                        const BlobPolicy& policy, std::stop_token stop = {});
std::vector<nlohmann::json> list_blob_policies(Service& service, const BackupVault& vault,
                                               std::stop_token stop = {});

struct BlobInstance {
  std::string id, name, account_id, policy, state;  // ProtectionConfigured, ConfiguringProtection, …
  std::string error;
};
std::vector<BlobInstance> list_blob_instances(Service& service, const BackupVault& vault,
                                              std::stop_token stop = {});
// Throws core::Error (not_found) when the vault does not protect the account.
BlobInstance find_blob_instance(Service& service, const BackupVault& vault, const std::string& account_id,
                                std::stop_token stop = {});
// Validates, then protects the account. `containers`: of vaulted backups.
void protect_blobs(Service& service, const BackupVault& vault, const std::string& policy,
                   const Resource& account, const std::vector<std::string>& containers,
                   std::stop_token stop = {}, const arm::Progress& progress = {});

struct BlobRestore {
  core::TimePoint at{};           // operational: into the same account
  std::vector<BlobRange> ranges;  // empty: everything
  std::string recovery_point;     // vaulted: the id of a point
  std::optional<Resource> into;   // vaulted: another account
  std::vector<std::string> containers;
};
struct TimeRange {
  core::TimePoint start, end;
};
// Times to which the account can be taken back (operational).
std::vector<TimeRange> restorable_times(Service& service, const BlobInstance& instance, core::TimePoint from,
                                        core::TimePoint to, std::stop_token stop = {});
struct VaultedPoint {
  std::string id;
  core::TimePoint at;
};
std::vector<VaultedPoint> vaulted_points(Service& service, const BlobInstance& instance,
                                         std::stop_token stop = {});
// The restore request. Pure. Throws core::Error (usage): a vaulted restore into the account itself.
nlohmann::json blob_restore_body(const Resource& account, const BlobRestore& restore);
// Validates, then restores, and waits.
void restore_blobs(Service& service, const BlobInstance& instance, const nlohmann::json& body,
                   std::stop_token stop = {}, const arm::Progress& progress = {});

}  // namespace azlin::platform
