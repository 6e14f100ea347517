#include "azlin/platform/storage.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kBlobService = "/blobServices/default";

int days_of(const json& policy) {
  return flag(policy, "enabled") ? static_cast<int>(number(policy, "days", 0)) : 0;
}

void check_days(const char* what, int days) {
  if (days != 0 && (days < 1 || days > 365))
    throw Error(ErrorKind::usage, fmt::format("{}: {} days; the service takes 1 to 365", what, days));
}

void check_not_lower(const char* what, int now, int wanted, bool allowed) {
  if (wanted >= now || allowed) return;
  throw Error(ErrorKind::usage,
              fmt::format("{} is {} now; {} would protect less", what,
                          now == 1 && wanted == 0 ? "on" : fmt::format("{} days", now),
                          wanted == 0 ? "off" : fmt::format("{} days", wanted)),
              "say --allow-lower if that is meant (Azure Backup for blobs sets these values, too)");
}

void set_days(json& properties, const char* name, int days) {
  json& policy = properties[name];
  if (!policy.is_object()) policy = json::object();
  policy["enabled"] = days > 0;
  days > 0 ? static_cast<void>(policy["days"] = days) : static_cast<void>(policy.erase("days"));
}

}  // namespace

BlobProtection read_protection(Service& service, const Resource& account, std::stop_token stop) {
  const auto body = service.get(account.id + kBlobService, kStorageVersion, std::move(stop));
  const auto& properties = props(body);
  BlobProtection out;
  out.versioning = flag(properties, "isVersioningEnabled");
  out.blob_delete_days = days_of(at(properties, "deleteRetentionPolicy"));
  out.container_delete_days = days_of(at(properties, "containerDeleteRetentionPolicy"));
  out.change_feed = flag(at(properties, "changeFeed"), "enabled");
  const auto& restore = at(properties, "restorePolicy");
  out.point_in_time_days = days_of(restore);
  out.earliest_restore = core::parse_time(text(restore, "minRestoreTime"));
  return out;
}

BlobProtection plan_protection(const BlobProtection& now, const ProtectionChange& change,
                               const Resource& account) {
  BlobProtection out = now;
  out.versioning = change.versioning.value_or(now.versioning);
  out.change_feed = change.change_feed.value_or(now.change_feed);
  out.blob_delete_days = change.blob_delete_days.value_or(now.blob_delete_days);
  out.container_delete_days = change.container_delete_days.value_or(now.container_delete_days);
  out.point_in_time_days = change.point_in_time_days.value_or(now.point_in_time_days);
  check_days("soft delete of blobs", out.blob_delete_days);
  check_days("soft delete of containers", out.container_delete_days);
  check_days("point-in-time restore", out.point_in_time_days);
  check_not_lower("versioning", now.versioning ? 1 : 0, out.versioning ? 1 : 0, change.allow_lower);
  check_not_lower("the change feed", now.change_feed ? 1 : 0, out.change_feed ? 1 : 0, change.allow_lower);
  check_not_lower("soft delete of blobs", now.blob_delete_days, out.blob_delete_days, change.allow_lower);
  check_not_lower("soft delete of containers", now.container_delete_days, out.container_delete_days,
                  change.allow_lower);
  check_not_lower("point-in-time restore", now.point_in_time_days, out.point_in_time_days,
                  change.allow_lower);
  const bool hierarchical = flag(props(account.body), "isHnsEnabled");
  if (hierarchical && change.versioning.value_or(false))
    throw Error(ErrorKind::usage,
                fmt::format("{} has a hierarchical namespace: it has no blob versions", account.name));
  if (out.point_in_time_days == 0) return out;
  if (hierarchical || text(account.body, "kind") != "StorageV2")
    throw Error(
        ErrorKind::usage,
        fmt::format("{} cannot have point-in-time restore: it needs a general-purpose v2 account without a "
                    "hierarchical namespace",
                    account.name));
  if (!out.versioning || !out.change_feed || out.blob_delete_days == 0)
    throw Error(ErrorKind::usage,
                "point-in-time restore needs versioning, the change feed and soft delete of blobs",
                "add --versioning on --change-feed on --blob-soft-delete-days N");
  if (out.point_in_time_days >= out.blob_delete_days)
    throw Error(
        ErrorKind::usage,
        fmt::format("point-in-time restore must reach back less far than soft delete keeps blobs: {} is not "
                    "under {} days",
                    out.point_in_time_days, out.blob_delete_days));
  return out;
}

BlobProtection set_protection(Service& service, const Resource& account, const BlobProtection& wanted,
                              std::stop_token stop) {
  const auto path = account.id + kBlobService;
  json properties = props(service.get(path, kStorageVersion, stop));
  if (!properties.is_object()) properties = json::object();
  properties["isVersioningEnabled"] = wanted.versioning;
  properties["changeFeed"]["enabled"] = wanted.change_feed;
  set_days(properties, "deleteRetentionPolicy", wanted.blob_delete_days);
  set_days(properties, "containerDeleteRetentionPolicy", wanted.container_delete_days);
  set_days(properties, "restorePolicy", wanted.point_in_time_days);
  for (const char* read_only : {"minRestoreTime", "lastEnabledTime"})
    properties["restorePolicy"].erase(read_only);
  service.change("PUT", path, kStorageVersion, {{"properties", properties}}, stop);
  return service.dry_run() ? wanted : read_protection(service, account, stop);
}

namespace {

// The reply to the order is lost: the account says whether it fails over, and has.
bool has_failed_over(Service& service, const Resource& before, std::stop_token stop,
                     const arm::Progress& progress) {
  while (true) {
    const json now = service.get(before.id, kStorageVersion, stop);
    if (!flag(props(now), "failoverInProgress"))
      return text(props(now), "primaryLocation") != text(props(before.body), "primaryLocation");
    if (progress) progress("InProgress", std::nullopt);
    if (!service.clock().sleep_for(core::Millis{10'000}, stop))
      throw Error(ErrorKind::interrupted, "interrupted while the failover goes on in Azure");
  }
}

}  // namespace

// Not sent a second time: a second failover would go back.
void fail_over(Service& service, const Resource& account, bool planned, std::stop_token stop,
               const arm::Progress& progress) {
  std::vector<std::pair<std::string, std::string>> query;
  if (planned) query.emplace_back("failoverType", "Planned");
  try {
    service.change("POST", account.id + "/failover", kStorageVersion, nullptr, stop, progress, query);
  } catch (const http::NetworkError&) {
    if (!has_failed_over(service, account, stop, progress)) throw;
  }
}

void check_point_in_time(const BlobProtection& protection, core::TimePoint at, core::TimePoint now,
                         const std::vector<BlobRange>& ranges) {
  if (protection.point_in_time_days == 0)
    throw Error(ErrorKind::usage, "point-in-time restore is off",
                "`azlin platform storage protection set --point-in-time-days N` turns it on for the future");
  if (at >= now) throw Error(ErrorKind::usage, core::to_iso8601(at) + " has not come yet");
  const auto earliest =
      protection.earliest_restore.value_or(now - std::chrono::days{protection.point_in_time_days});
  if (at < earliest)
    throw Error(ErrorKind::usage, fmt::format("{} is before the earliest time that can be restored, {}",
                                              core::to_iso8601(at), core::to_iso8601(earliest)));
  if (ranges.size() > 10) throw Error(ErrorKind::usage, "at most 10 ranges can be restored at once");
}

void restore_point_in_time(Service& service, const Resource& account, core::TimePoint at,
                           const std::vector<BlobRange>& ranges, std::stop_token stop,
                           const arm::Progress& progress) {
  json body = {{"timeToRestore", core::to_iso8601(at)}, {"blobRanges", json::array()}};
  for (const auto& range : ranges)
    body["blobRanges"].push_back({{"startRange", range.start}, {"endRange", range.end}});
  if (ranges.empty()) body["blobRanges"].push_back({{"startRange", ""}, {"endRange", ""}});
  service.change("POST", account.id + "/restoreBlobRanges", kStorageVersion, body, stop, progress);
  if (service.dry_run()) return;
  // The account has the last word, whatever the operation said.
  while (true) {
    const auto now = service.get(account.id, kStorageVersion, stop, {{"$expand", "blobRestoreStatus"}});
    const json status = platform::at(props(now), "blobRestoreStatus");
    if (text(status, "status") == "Failed")
      throw Error(ErrorKind::failed,
                  fmt::format("the restore of {} failed: {}", account.name, text(status, "failureReason")));
    if (text(status, "status") != "InProgress") return;
    if (progress) progress("InProgress", std::nullopt);
    if (!service.clock().sleep_for(core::Millis{10'000}, stop))
      throw Error(ErrorKind::interrupted, "interrupted while the restore goes on in Azure");
  }
}

}  // namespace azlin::platform
