#pragma once
// Storage accounts: protection of blobs, replication, failover, point-in-time restore.
// Source: Microsoft.Storage 2023-05-01.
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/platform/service.hpp"

namespace azlin::platform {

// What the blob service keeps. Days 0: off.
struct BlobProtection {
  bool versioning = false;
  int blob_delete_days = 0, container_delete_days = 0;
  bool change_feed = false;
  int point_in_time_days = 0;
  std::optional<core::TimePoint> earliest_restore;  // of point-in-time restore; the service's word
};

// What is to change; unset stays as it is.
struct ProtectionChange {
  std::optional<bool> versioning, change_feed;
  std::optional<int> blob_delete_days, container_delete_days, point_in_time_days;
  bool allow_lower = false;  // also turn off, or keep for fewer days
};

BlobProtection read_protection(Service& service, const Resource& account, std::stop_token stop = {});

// What would be there after the change. Pure. Throws core::Error (usage) for what the service refuses (days
// out of 1-365; point-in-time restore without versioning, soft delete and change feed, or not shorter than
// soft delete; no GPv2 account; hierarchical namespace) and for a lower value without allow_lower.
BlobProtection plan_protection(const BlobProtection& now, const ProtectionChange& change,
                               const Resource& account);

// Reads, changes, writes: members that azlin does not know stay.
BlobProtection set_protection(Service& service, const Resource& account, const BlobProtection& wanted,
                              std::stop_token stop = {});

// ---- replication ----
struct SkuStep {
  enum class How { patch, migrate } how = How::patch;
  std::string sku;
};
struct SkuPlan {
  std::vector<SkuStep> steps;  // empty: nothing to do, or refused
  std::string refusal;         // why not; "" when it can be done
};
// How to get from one SKU to another: a PATCH changes the copy in the paired region and read access, zones
// need a migration. Pure. Throws core::Error (usage) for a name that is no SKU.
SkuPlan plan_sku(const std::string& from, const std::string& to, const std::string& account_kind,
                 bool hierarchical_nfs = false);

struct Replication {
  std::string sku, primary, secondary;  // regions
  std::string status;                   // of the copy: Live, Bootstrap, Unavailable; "" without one
  std::optional<core::TimePoint> last_sync;
  bool can_failover = false;
};
// Also answered while the account's region is down.
Replication read_replication(Service& service, const Resource& account, std::stop_token stop = {});
// Of a migration under way or done; "" without one. Not answered while the account's region is down.
std::string migration_status(Service& service, const Resource& account, std::stop_token stop = {});

// Makes one step. Of a migration it returns when the service has taken the order (it may begin within 72 h).
void make_sku_step(Service& service, const Resource& account, const SkuStep& step, std::stop_token stop = {});

// The account becomes locally redundant in the other region and loses what was not copied; with `planned`,
// both regions swap and it stays geo-redundant.
void fail_over(Service& service, const Resource& account, bool planned, std::stop_token stop = {},
               const arm::Progress& progress = {});

// ---- point-in-time restore ----
struct BlobRange {
  std::string start, end;  // "container/blob"; end exclusive; both "" is everything
};
// Throws core::Error (usage): over 10 ranges, a time out of reach. Waits for the end; throws arm::ArmError or
// core::Error (failed) with the service's reason.
void check_point_in_time(const BlobProtection& protection, core::TimePoint at, core::TimePoint now,
                         const std::vector<BlobRange>& ranges);
void restore_point_in_time(Service& service, const Resource& account, core::TimePoint at,
                           const std::vector<BlobRange>& ranges, std::stop_token stop = {},
                           const arm::Progress& progress = {});

}  // namespace azlin::platform
