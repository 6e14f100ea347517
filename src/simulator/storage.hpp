#pragma once
// Storage accounts in the simulated cloud: the control plane. The blobs themselves are Azurite's.
// Rules: docs/simulator-platform.md.
#include <optional>
#include <string>

#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

inline constexpr const char* kStorageType = "Microsoft.Storage/storageAccounts";

// "Standard_RAGZRS": what its parts say.
struct StorageSku {
  std::string name;
  bool premium = false, zones = false, geo = false, read_secondary = false;
};
// nullopt: there is no such SKU. The name in any case.
std::optional<StorageSku> find_sku(const std::string& name);

// Whether a PATCH may change one SKU into the other, and whether a migration may (never both).
bool patch_converts(const StorageSku& from, const StorageSku& to);
bool migration_converts(const StorageSku& from, const StorageSku& to);

// 400 InvalidValuesForRequestParameters "Values for request parameters are invalid: X."
[[noreturn]] void throw_storage_value(const std::string& parameters);
// 409 StorageAccountOperationInProgress while a failover or a migration runs.
void check_no_operation(Context& context, const Resource& account);

// The body for a GET: endpoints, locations, and what $expand names.
Json present_account(Context& context, const Resource& account, const std::string& expand = {});

// Sets the protection of blobs as Azure Backup does: nothing is lowered.
void protect_for_backup(Context& context, const std::string& account, int days);

void register_storage_protection(Router& router, Context& context);  // blobServices, restoreBlobRanges
void register_storage_redundancy(Router& router, Context& context);  // migration, failover
void register_storage_lifecycle(Router& router, Context& context);
void register_storage_sas(Router& router, Context& context);  // signatures, SKUs
// The settings of blobs that a new account has, and the checked ones of a PUT.
Json default_blob_settings();
Json checked_blob_settings(const Resource& account, const Json& wanted, core::TimePoint now);

struct SeedStorageAccount {
  std::string name, group = "Production", location = "eastus", sku = "Standard_LRS", kind = "StorageV2";
  bool versioning = false, change_feed = false, hierarchical = false;
  int blob_days = 0, container_days = 0, restore_days = 0;  // 0: off
  std::string key;                                          // base64; "": a random one
  Json tags;
};
void seed_storage_account(Context& context, const SeedStorageAccount& account);

}  // namespace azlin::simulator
