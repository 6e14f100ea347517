// Restores: operational backups in the same account to a point in time, vaulted ones into another account.
#include <fmt/format.h>

#include "simulator/data_protection.hpp"
#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/storage.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kRestoreKind = "protection restore";
constexpr const char* kCheckKind = "protection check restore";
constexpr const char* kJobType = "Microsoft.DataProtection/backupVaults/backupJobs";

[[noreturn]] void refuse(const std::string& message) {
  throw ApiError(400, "BMSUserErrorInvalidInput", message);
}

Resource instance_of(Context& context, const Request& request) {
  return require(context,
                 backup_vault_of(context, request).id + "/backupInstances/" + request.param("instance"));
}

// From when protection began, and no longer back than the policy keeps.
core::TimePoint oldest(Context& context, const Resource& instance) {
  const auto since = core::parse_time(text_at(instance.hidden, "/since")).value_or(context.now());
  const auto policy = require(context, text_at(instance.body, "/properties/policyInfo/policyId"));
  return std::max(since, context.now() - std::chrono::days(operational_days(policy.body["properties"])));
}

Reply find_ranges(Context& context, Request& request) {
  const Resource instance = instance_of(context, request);
  const Json& body = request.object();
  if (text_at(body, "/sourceDataStoreType") != "OperationalStore")
    refuse("Restorable time ranges are those of the OperationalStore.");
  const auto start = core::parse_time(text_at(body, "/startTime")),
             end = core::parse_time(text_at(body, "/endTime"));
  const auto from = std::max(oldest(context, instance), start.value_or(core::TimePoint{}));
  const auto to = std::min(context.now(), end.value_or(context.now()));
  Json ranges = Json::array();
  if (from < to)
    ranges.push_back({{"startTime", core::to_iso8601(from)},
                      {"endTime", core::to_iso8601(to)},
                      {"objectType", "RestorableTimeRange"}});
  return Reply::json(
      200,
      {{"id", instance.id + "/findRestorableTimeRanges"},
       {"type", std::string(kBackupInstanceType) + "/findRestorableTimeRanges"},
       {"properties",
        {{"objectType", "AzureBackupFindRestorableTimeRangesResponse"}, {"restorableTimeRanges", ranges}}}});
}

bool is_vaulted(const Json& wanted) {
  return text_at(wanted, "/objectType") == "AzureBackupRecoveryPointBasedRestoreRequest";
}

void check_criteria(const Json& target, const char* kind) {
  const Json criteria = target.value("restoreCriteria", Json::array());
  if (criteria.size() > 100) refuse("At most 100 items can be restored at once.");
  for (const auto& each : criteria)
    if (text_at(each, "/objectType") != kind) refuse(fmt::format("The restore criteria must be {}.", kind));
}

void check_vaulted(Context& context, const Resource& instance, const Json& wanted) {
  if (text_at(wanted, "/sourceDataStoreType") != "VaultStore") refuse("The source must be the VaultStore.");
  const std::string point = text_at(wanted, "/recoveryPointId");
  const auto points = vaulted_points(context, instance);
  if (std::none_of(points.begin(), points.end(), [&](const auto& each) { return each.name == point; }))
    throw ApiError(400, "UserErrorRecoveryPointNotFound",
                   fmt::format("The recovery point '{}' was not found.", point));
  const Json target = wanted.value("restoreTargetInfo", Json::object());
  const std::string account = text_at(target, "/datasourceInfo/resourceID");
  if (same(account, text_at(instance.body, "/properties/dataSourceInfo/resourceID")))
    refuse("Vaulted backups are restored into another account than the one that they are of.");
  require(context, account);
  check_criteria(target, "ItemPathBasedRestoreCriteria");
}

void check_request(Context& context, const Resource& instance, const Json& wanted) {
  if (text_at(wanted, "/restoreTargetInfo/recoveryOption") != "FailIfExists")
    refuse("The recoveryOption must be FailIfExists.");
  if (is_vaulted(wanted)) return check_vaulted(context, instance, wanted);
  if (text_at(wanted, "/objectType") != "AzureBackupRecoveryTimeBasedRestoreRequest")
    refuse("The objectType must be that of a restore to a time or to a recovery point.");
  if (text_at(wanted, "/sourceDataStoreType") != "OperationalStore")
    refuse("The source must be the OperationalStore.");
  const auto time = core::parse_time(text_at(wanted, "/recoveryPointTime"));
  if (!time || *time >= context.now() || *time < oldest(context, instance))
    throw ApiError(400, "UserErrorInvalidRecoveryPointTime",
                   "The time is not within a restorable time range.");
  const Json target = wanted.value("restoreTargetInfo", Json::object());
  if (!same(text_at(target, "/datasourceInfo/resourceID"),
            text_at(instance.body, "/properties/dataSourceInfo/resourceID")))
    refuse("Operational backups are restored into the account that they are of.");
  check_criteria(target, "RangeBasedItemLevelRestoreCriteria");
}

Json job_body(Context& context, const std::string& id, const Resource& instance, const std::string& status) {
  return {{"id", id},
          {"name", last_segment(id)},
          {"type", kJobType},
          {"properties",
           {{"operation", "Restore"},
            {"operationCategory", "Restore"},
            {"status", status},
            {"startTime", core::to_iso8601(context.now())},
            {"backupInstanceId", instance.id},
            {"dataSourceId", instance.body["properties"]["dataSourceInfo"]["resourceID"]}}}};
}

// `account`: whose status of restores it sets, if any.
Reply start_restore(Context& context, const Request& request, const Resource& vault, const Resource& instance,
                    const std::string& account) {
  Resource job;
  job.id = vault.id + "/backupJobs/" + request.request_id;
  job.type = kJobType;
  job.name = request.request_id;
  job.body = job_body(context, job.id, instance, "InProgress");
  context.save(job);
  return start_protection(context, request, vault, kRestoreKind, {{"job", job.id}, {"account", account}},
                          202);
}

Reply restore(Context& context, Request& request) {
  const Resource vault = backup_vault_of(context, request), instance = instance_of(context, request);
  const Json& wanted = request.object();
  check_request(context, instance, wanted);
  if (is_vaulted(wanted)) return start_restore(context, request, vault, instance, "");
  Resource account = require(context, text_at(instance.body, "/properties/dataSourceInfo/resourceID"));
  if (text_at(account.hidden, "/restore/status") == "InProgress")
    throw ApiError(409, "RestoreAlreadyInProgress",
                   "A restore of the storage account is in progress; it ends first.");
  account.hidden["restore"] = {{"status", "InProgress"},
                               {"restoreId", request.request_id},
                               {"parameters", {{"timeToRestore", wanted["recoveryPointTime"]}}}};
  context.save(account);
  return start_restore(context, request, vault, instance, account.id);
}
Json end(Context& context, const Json& data, const std::string& job_status,
         const std::string& restore_status) {
  auto job = context.state.find(data["job"].get<std::string>());
  auto account = context.state.find(data["account"].get<std::string>());
  if (account) {
    account->hidden["restore"]["status"] = restore_status;
    context.save(*account);
  }
  if (!job) return nullptr;
  job->body["properties"]["status"] = job_status;
  job->body["properties"]["endTime"] = core::to_iso8601(context.now());
  context.save(*job);
  return {{"objectType", "OperationJobExtendedInfo"}, {"jobId", job->id}};
}

}  // namespace

void register_blob_restores(Router& router, Context& context) {
  const std::string vault = group_path(kBackupVaultType) + "/{vault}",
                    one = vault + "/backupInstances/{instance}";
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kBackupVaultType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  on("POST", one + "/findRestorableTimeRanges", find_ranges);
  on("POST", one + "/restore", restore);
  on("POST", one + "/validateRestore", [](Context& cloud, Request& request) {
    const Resource of_request = backup_vault_of(cloud, request);
    check_request(cloud, instance_of(cloud, request),
                  request.object().value("restoreRequestObject", Json::object()));
    return start_protection(cloud, request, of_request, kCheckKind, Json::object(), 202);
  });
  on("GET", one + "/recoveryPoints", [](Context& cloud, Request& request) {
    const Resource instance = instance_of(cloud, request);  // operational backups have ranges instead
    Json all = Json::array();
    for (const auto& point : vaulted_points(cloud, instance)) all.push_back(present_point(instance, point));
    return Reply::json(200, {{"value", all}});
  });
  on("GET", vault + "/backupJobs", [](Context& cloud, Request& request) {
    ListFilter filter;
    filter.type = kJobType;
    filter.id_prefix = lower(backup_vault_of(cloud, request).id) + "/";
    return page_reply(request, cloud.state.page(filter, page_start(request), 1'000, {}));
  });
  on("GET", vault + "/backupJobs/{job}", get_resource);
  context.operations.on(
      kRestoreKind,
      [](Context& cloud, const Json& data) { return end(cloud, data, "Completed", "Complete"); },
      [](Context& cloud, const Json& data, const ApiError&) { end(cloud, data, "Failed", "Failed"); });
  context.operations.on(kCheckKind, [](Context&, const Json&) -> Json {
    return {{"objectType", "OperationJobExtendedInfo"}};
  });
}

}  // namespace azlin::simulator
