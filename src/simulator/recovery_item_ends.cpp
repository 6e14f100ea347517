// How protection ends: stop, delete with soft delete, undelete, purge; the jobs that changes of an item are.
#include <fmt/format.h>

#include "simulator/recovery_items.hpp"
#include "simulator/recovery_points.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kPurgeWork = "recovery.purge";
constexpr core::Millis kChangeDemo{1'500}, kChangeRealistic{75'000};

Json do_stop(Recovery& recovery, const Json& data) {
  auto item = recovery.store.find(data.at("id").get<std::string>());
  if (!item) return nullptr;
  cancel_scheduled_backups(recovery, *item);
  close_chain(*item, recovery.now());
  item->properties()["protectionState"] = data.at("state");
  if (data["state"] == "ProtectionStopped") {
    item->ref.clear();
    if (item->notes["workload"] == "VM") {
      item->properties()["policyId"] = "";
    } else {
      item->properties().erase("policyId");
    }
    item->properties().erase("policyName");
  }
  recovery.store.save(*item);
  return nullptr;
}

void purge(Recovery& recovery, const RecoveryObject& item) {
  cancel_scheduled_backups(recovery, item);
  for (const auto& point : recovery.store.children("point", item.id)) erase_point(recovery, point);
  recovery.store.erase(item.id);
  const auto container = recovery.store.find(item.parent);
  if (!container) return;
  const bool of_vm = container->properties()["backupManagementType"] == "AzureIaasVM";
  const bool gone = container->properties()["registrationStatus"] == "SoftDeleted";
  if (recovery.store.children("item", item.parent).empty() && (of_vm || gone))
    recovery.store.erase(item.parent);
}

Json do_delete(Recovery& recovery, const Json& data) {
  auto item = recovery.store.find(data.at("id").get<std::string>());
  const auto vault = recovery.context.state.find(data.at("vault").get<std::string>());
  if (!item || !vault) return nullptr;
  if (vault->hidden["soft"] == "Disabled") {
    purge(recovery, *item);
    return nullptr;
  }
  do_stop(recovery, {{"id", item->id}, {"state", "ProtectionStopped"}});
  item = recovery.store.find(item->id);
  const int days = vault->hidden["softDays"];
  item->properties()["isScheduledForDeferredDelete"] = true;
  item->properties()["deferredDeleteTimeInUTC"] = iso(recovery.now());
  item->properties()["softDeleteRetentionPeriod"] = days;
  item->notes["purgeAt"] = (recovery.now() + std::chrono::days{days}).time_since_epoch().count();
  recovery.store.save(*item);
  recovery.context.operations.schedule({kPurgeWork, item->id, {{"id", item->id}}}, std::chrono::days{days});
  return nullptr;
}

Json do_undelete(Recovery& recovery, const Json& data) {
  auto item = recovery.store.find(data.at("id").get<std::string>());
  if (!item) return nullptr;
  recovery.context.operations.cancel(item->id, kPurgeWork);
  for (const char* key :
       {"isScheduledForDeferredDelete", "deferredDeleteTimeInUTC", "softDeleteRetentionPeriod"})
    item->properties().erase(key);
  item->notes.erase("purgeAt");
  recovery.store.save(*item);
  return nullptr;
}

Reply delete_item(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const auto item = recovery.store.find(recovery.item_id(request, vault));
  if (!item) return Reply::empty(204);
  check_not_busy(recovery, *item);
  if (vault.hidden["immutability"] != "Disabled")
    throw_invalid_input("Backup data cannot be deleted since the vault is immutable.");
  if (is_soft_deleted(*item) && vault.hidden["soft"] != "Disabled")
    throw_invalid_input("The item is soft deleted; it goes by itself when its time has come.");
  return begin_item_change(recovery, request, vault, item->id, item->notes["workload"],
                           item->properties()["friendlyName"], {"DeleteBackupData", "delete", Json::object()},
                           true);
}

Json follow_job(Recovery& recovery, const Json& data) {
  const auto job = recovery.store.find(data.at("vault").get<std::string>() + "/backupJobs/" +
                                       data.at("job").get<std::string>());
  if (job && job->properties()["status"] == "Failed") {
    const Json& error = job->properties()["errorDetails"][0];
    throw_recovery(400, error["errorTitle"], error["errorString"]);
  }
  return {{"objectType", "OperationStatusJobExtendedInfo"}, {"jobId", data.at("job")}};
}

}  // namespace

bool is_soft_deleted(const RecoveryObject& item) {
  return item.properties().value("isScheduledForDeferredDelete", false);
}

void check_not_busy(Recovery& recovery, const RecoveryObject& item) {
  const auto job = recovery.store.find(item.notes.value("job", ""));
  if (job && job->properties()["status"] == "InProgress")
    throw_recovery(
        409, "BMSUserErrorConflictingProtectionOperation",
        "Another operation on the protected item is in progress.\r\nWait for it to end, then retry.");
}

Reply begin_item_change(Recovery& recovery, const Request& request, const Resource& vault,
                        const std::string& item_id, const std::string& workload, const std::string& entity,
                        const ItemChange& change, bool vault_paths) {
  NewJob job;
  job.vault = vault.id;
  job.operation = change.operation;
  job.management = workload == "VM" ? "AzureIaasVM" : "AzureWorkload";
  job.workload = workload == "VM" ? "" : workload;
  job.entity = lower(entity);
  job.item = item_id;
  job.effect = change.effect;
  job.data = change.data;
  job.data["id"] = item_id;
  job.data["vault"] = vault.id;
  job.demo = kChangeDemo;
  job.realistic = kChangeRealistic;
  const std::string name = recovery.start_job(job);
  if (auto item = recovery.store.find(item_id)) {
    item->notes["job"] = vault.id + "/backupJobs/" + name;
    recovery.store.save(*item);
  }
  RecoveryOperation operation;
  operation.base = vault_paths ? vault.id : item_id;
  if (vault_paths) {
    operation.status_part = "backupOperations";
    operation.result_part = "backupOperationResults";
    operation.final_status = 204;
  }
  operation.result_id = item_id;
  operation.effect = "follow-job";
  operation.data = {{"vault", vault.id}, {"job", name}};
  operation.demo = kChangeDemo;
  operation.realistic = kChangeRealistic;
  return recovery.start(request, operation);
}

void add_recovery_item_ends(Router& router, Recovery& recovery) {
  recovery.effects["stop"] = do_stop;
  recovery.effects["delete"] = do_delete;
  recovery.effects["undelete"] = do_undelete;
  recovery.effects["follow-job"] = follow_job;
  recovery.context.operations.on(kPurgeWork, [&recovery](Context&, const Json& data) {
    const auto item = recovery.store.find(data.at("id").get<std::string>());
    if (item && is_soft_deleted(*item)) purge(recovery, *item);
    return Json();
  });
  router.arm("DELETE", kItemPath, kBackupVersions,
             [&recovery](Request& request) { return delete_item(recovery, request); });
}

}  // namespace azlin::simulator
