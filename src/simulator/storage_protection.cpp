// What protects blobs: versioning, soft delete, change feed, restore to a point in time.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/storage.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kRestoreKind = "storage restore";
constexpr std::int64_t kMostDays = 365, kMostFeedDays = 146'000;
constexpr std::size_t kMostRanges = 10;

Json checked_policy(const Json& wanted, const std::string& name) {
  const Json policy = wanted.value(name, Json::object());
  if (!flag_at(policy, "/enabled", false)) return {{"enabled", false}};
  const auto days = number_at(policy, "/days", 0);
  if (days < 1 || days > kMostDays) throw_storage_value(name + ".days");
  Json kept = {{"enabled", true}, {"days", days}};
  if (flag_at(policy, "/allowPermanentDelete", false)) kept["allowPermanentDelete"] = true;
  return kept;
}

Json checked_feed(const Json& wanted) {
  const Json feed = wanted.value("changeFeed", Json::object());
  Json kept = {{"enabled", flag_at(feed, "/enabled", false)}};
  if (!feed.contains("retentionInDays")) return kept;
  const auto days = number_at(feed, "/retentionInDays", 0);
  if (days < 1 || days > kMostFeedDays) throw_storage_value("changeFeed.retentionInDays");
  kept["retentionInDays"] = days;
  return kept;
}

// Needs versioning, soft delete for longer and the change feed, on a general-purpose v2 account without a
// hierarchical namespace.
Json checked_restore(const Resource& account, const Json& kept, const Json& wanted, core::TimePoint now) {
  Json policy = checked_policy(wanted, "restorePolicy");
  if (policy["enabled"] == false) return policy;
  const Json& soft = kept["deleteRetentionPolicy"];
  const bool able = kept["isVersioningEnabled"] == true && kept["changeFeed"]["enabled"] == true &&
                    soft["enabled"] == true && policy["days"] < soft["days"] &&
                    text_at(account.body, "/kind") == "StorageV2" &&
                    !flag_at(account.body, "/properties/isHnsEnabled", false);
  if (!able) throw_storage_value("restorePolicy");
  const std::string before = text_at(account.hidden, "/blobs/restorePolicy/lastEnabledTime");
  policy["lastEnabledTime"] = before.empty() ? core::to_iso8601(now) : before;
  return policy;
}

Json shown_settings(Context& context, const Resource& account) {
  Json settings = account.hidden["blobs"];
  Json& restore = settings["restorePolicy"];
  if (restore["enabled"] == true) {
    const auto enabled = *core::parse_time(restore["lastEnabledTime"].get<std::string>());
    const auto reach = context.now() - std::chrono::days(restore["days"].get<int>());
    restore["minRestoreTime"] = core::to_iso8601(std::max(enabled, reach));
  }
  return {{"id", account.id + "/blobServices/default"},
          {"name", "default"},
          {"type", "Microsoft.Storage/storageAccounts/blobServices"},
          {"sku", account.body["sku"]},
          {"properties", settings}};
}

Resource account_of(Context& context, const Request& request) {
  return require(context,
                 fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                             request.param("rg"), kStorageType, request.param("account")));
}

// A PUT replaces: what it leaves out is off.
Reply put_settings(Context& context, Request& request) {
  Resource account = account_of(context, request);
  Json wanted = request.object().value("properties", Json::object());
  drop_nulls(wanted);
  account.hidden["blobs"] = checked_blob_settings(account, wanted, context.now());
  context.save(account);
  return Reply::json(200, shown_settings(context, account));
}

void check_ranges(const Json& body) {
  const Json ranges = body.value("blobRanges", Json());
  if (!ranges.is_array() || ranges.empty() || ranges.size() > kMostRanges) throw_storage_value("blobRanges");
  for (const auto& range : ranges) {
    const std::string start = text_at(range, "/startRange"), end = text_at(range, "/endRange");
    if (!end.empty() && start >= end) throw_storage_value("blobRanges");
  }
}

Reply restore_ranges(Context& context, Request& request) {
  Resource account = require(context, request.target.id);
  const Json& body = request.object();
  const Json settings = shown_settings(context, account)["properties"];
  if (settings["restorePolicy"]["enabled"] != true)
    throw ApiError(409, "RestorePolicyNotEnabled",
                   "Point-in-time restore is not enabled for the storage account.");
  const auto time = core::parse_time(text_at(body, "/timeToRestore"));
  if (!time || *time >= context.now() ||
      *time < *core::parse_time(settings["restorePolicy"]["minRestoreTime"].get<std::string>()))
    throw_storage_value("timeToRestore");
  check_ranges(body);
  if (text_at(account.hidden, "/restore/status") == "InProgress")
    throw ApiError(409, "RestoreAlreadyInProgress",
                   "A restore of the storage account is in progress; it ends first.");
  check_no_operation(context, account);
  const Json status = {{"status", "InProgress"}, {"restoreId", request.request_id}, {"parameters", body}};
  account.hidden["restore"] = status;
  context.save(account);
  Work work{kRestoreKind, account.id, {{"id", account.id}}, core::Millis{2'000}, core::Millis{600'000}};
  return context.operations.start(request, LroShape::storage, account.location, work, 202, status);
}

Json end_restore(Context& context, const std::string& id, const std::string& status,
                 const std::string& reason) {
  auto account = context.state.find(id);
  if (!account) return nullptr;
  account->hidden["restore"]["status"] = status;
  if (!reason.empty()) account->hidden["restore"]["failureReason"] = reason;
  context.save(*account);
  return account->hidden["restore"];
}

}  // namespace

Json default_blob_settings() {
  return {{"isVersioningEnabled", false},
          {"changeFeed", {{"enabled", false}}},
          {"deleteRetentionPolicy", {{"enabled", false}}},
          {"containerDeleteRetentionPolicy", {{"enabled", false}}},
          {"restorePolicy", {{"enabled", false}}},
          {"cors", {{"corsRules", Json::array()}}}};
}

Json checked_blob_settings(const Resource& account, const Json& wanted, core::TimePoint now) {
  Json kept = default_blob_settings();
  kept["isVersioningEnabled"] = flag_at(wanted, "/isVersioningEnabled", false);
  kept["changeFeed"] = checked_feed(wanted);
  for (const char* name : {"deleteRetentionPolicy", "containerDeleteRetentionPolicy"})
    kept[name] = checked_policy(wanted, name);
  for (const char* member :
       {"cors", "lastAccessTimeTrackingPolicy", "automaticSnapshotPolicyEnabled", "defaultServiceVersion"})
    if (wanted.contains(member)) kept[member] = wanted[member];
  if (kept["isVersioningEnabled"] == true && flag_at(account.body, "/properties/isHnsEnabled", false))
    throw_storage_value("isVersioningEnabled");
  kept["restorePolicy"] = checked_restore(account, kept, wanted, now);
  return kept;
}

void protect_for_backup(Context& context, const std::string& id, int days) {
  Resource account = require(context, id);
  Json wanted = account.hidden["blobs"];
  const auto raise = [&](const char* policy, std::int64_t least) {
    wanted[policy] = {{"enabled", true}, {"days", std::max(least, number_at(wanted[policy], "/days", 0))}};
  };
  raise("deleteRetentionPolicy", days + 5);
  raise("restorePolicy", days);
  wanted["isVersioningEnabled"] = true;
  wanted["changeFeed"]["enabled"] = true;
  account.hidden["blobs"] = checked_blob_settings(account, wanted, context.now());
  context.save(account);
}

void register_storage_protection(Router& router, Context& context) {
  const std::string one = group_path(kStorageType) + "/{account}";
  router.arm("GET", one + "/blobServices/default", kStorageType, [&context](Request& request) {
    return Reply::json(200, shown_settings(context, account_of(context, request)));
  });
  router.arm("GET", one + "/blobServices", kStorageType, [&context](Request& request) {
    return Reply::json(200, {{"value", {shown_settings(context, account_of(context, request))}}});
  });
  router.arm("PUT", one + "/blobServices/default", kStorageType,
             [&context](Request& request) { return put_settings(context, request); });
  router.arm("POST", one + "/restoreBlobRanges", kStorageType,
             [&context](Request& request) { return restore_ranges(context, request); });
  context.operations.on(
      kRestoreKind,
      [](Context& cloud, const Json& data) { return end_restore(cloud, data["id"], "Complete", ""); },
      [](Context& cloud, const Json& data, const ApiError& error) {
        end_restore(cloud, data["id"], "Failed", error.message);
      });
}

}  // namespace azlin::simulator
