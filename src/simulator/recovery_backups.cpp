// Backups: asked for, or due by the policy.
#include <fmt/format.h>

#include "simulator/disk_model.hpp"
#include "simulator/json_util.hpp"
#include "simulator/recovery_points.hpp"
#include "simulator/recovery_policy.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kTick = "recovery.tick";
constexpr core::Millis kBackupDemo{2'000}, kBackupRealistic{600'000};
constexpr int kOverlap = 510'008;
constexpr auto kLeastFullExpiry = std::chrono::days{45};
constexpr auto kMostExpiry = std::chrono::days{36'135};  // 99 years
constexpr auto kDefaultExpiry = std::chrono::days{30};

std::int64_t millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}

bool is_hana(const RecoveryObject& item) {
  return item.notes["workload"] != "SQLDataBase";
}

// Another backup of the item is under way.
bool overlaps(Recovery& recovery, const RecoveryObject& item, const std::string& own_job) {
  for (const auto& job : recovery.store.by_ref("job", item.id))
    if (job.name() != own_job && job.properties()["operation"] == "Backup" &&
        job.properties()["status"] == "InProgress")
      return true;
  return false;
}

// Newest full backup that a differential, incremental or log can build on.
std::optional<RecoveryObject> last_full(Recovery& recovery, const RecoveryObject& item) {
  for (const auto& point : visible_points(recovery, item))
    if (point.notes["type"] == "Full") return point;
  return std::nullopt;
}

// Refusals that the service reports in the job, not in the reply.
void check_database(Recovery& recovery, const RecoveryObject& item, const RecoveryObject& database,
                    const std::string& type) {
  const Json& notes = database.notes;
  if (!vm_running(recovery, item.properties()["sourceResourceId"]))
    throw JobFailure{
        400'000,
        "WorkloadExtensionNotReachable",
        "The Azure Backup workload extension operation failed: the virtual machine could not be reached.",
        {"Ensure the virtual machine is running, then re-register it with the vault."}};
  if (notes.contains("fail") && notes["fail"].is_object())
    throw JobFailure{notes["fail"].value("code", 400'000), notes["fail"].value("title", ""),
                     notes["fail"].value("text", ""),
                     notes["fail"].value("recommendations", std::vector<std::string>{})};
  const bool full = type == "Full" || type == "CopyOnlyFull";
  const bool master = same(notes["friendly"].get<std::string>(), "master");
  const bool simple = same(notes.value("model", "Full"), "Simple");
  if (!is_hana(item) &&
      ((master && type != "Full") || (simple && type == "Log") || (notes.value("readOnly", false) && !full)))
    throw JobFailure{
        310'005,
        "UserErrorSQLPODoesNotSupportBackupType",
        "This SQL database does not support the requested backup type.",
        {"Master takes only full backups; a database in the simple recovery model takes no log backups; a "
         "read-only database takes only full backups."}};
  if (!full && !last_full(recovery, item))
    throw JobFailure{310'006,
                     "UserErrorParentFullBackupMissing",
                     "First full backup is missing for this data source.",
                     {"Trigger a full backup, then retry."}};
}

// A full backup begins a chain of logs, or goes on with the open one; another recovery model ends it.
void advance_chain(RecoveryObject& item, const RecoveryObject& database, const std::string& type,
                   core::TimePoint at) {
  const bool logged =
      item.notes.value("logMinutes", 0) > 0 && !same(database.notes.value("model", "Full"), "Simple");
  const bool broken = database.notes.value("broken", false);
  if (!logged || (broken && type == "Full")) close_chain(item, at);
  if (!logged) return;
  auto& chains = item.notes["chains"];
  const bool open = !chains.empty() && chains.back()["end"].is_null();
  if (type == "Full" && !open)
    chains.push_back({{"start", millis(at)}, {"end", nullptr}, {"last", millis(at)}});
  if (type == "Log" && open) chains.back()["last"] = millis(at);
}

RecoveryObject new_point(const RecoveryObject& item, core::TimePoint at) {
  RecoveryObject point;
  point.id = fmt::format("{}/recoveryPoints/{}{:03}", item.id, millis(at),
                         std::hash<std::string>{}(new_guid()) % 1000);
  point.vault = item.vault;
  point.kind = "point";
  point.parent = item.id;
  point.at = at;
  return point;
}

Expiry expiry_for(Recovery& recovery, const RecoveryObject& item, const std::string& type, core::TimePoint at,
                  const Json& data) {
  if (data.contains("expiry"))
    return {core::TimePoint{core::Millis{data["expiry"].get<std::int64_t>()}}, "AdHoc"};
  const auto policy = recovery.store.find(item.ref);
  if (!policy) return {at + kDefaultExpiry, "Daily"};
  return expiry_of(policy->properties(), type, at);
}

void back_up_database(Recovery& recovery, RecoveryObject& item, const std::string& type, core::TimePoint at,
                      const Json& data) {
  const auto database = database_of(recovery, item);
  if (!database)
    throw JobFailure{310'001,
                     is_hana(item) ? "UserErrorHANAPODoesNotExist" : "UserErrorSQLPODoesNotExist",
                     "The database selected for backup does not exist.",
                     {"Check that the database exists, or stop its protection."}};
  check_database(recovery, item, *database, type);
  if (type != "Log") {
    RecoveryObject point = new_point(item, at);
    const Expiry expiry = expiry_for(recovery, item, type, at, data);
    point.notes = {{"type", type},
                   {"expiry", millis(expiry.at)},
                   {"rule", expiry.rule},
                   {"files", database->notes.value("files", Json::array())}};
    if (type == "Differential" || type == "Incremental")
      point.notes["parent"] = last_full(recovery, item)->key();
    recovery.store.save(point);
  }
  advance_chain(item, *database, type, at);
}

// A copy of every disk as it is now, with what the VM was.
void back_up_vm(Recovery& recovery, const RecoveryObject& item, core::TimePoint at, const Json& data) {
  const auto vm = recovery.context.state.find(item.properties()["virtualMachineId"].get<std::string>());
  if (!vm)
    throw JobFailure{400'001,
                     "UserErrorVmNotFound",
                     "The virtual machine does not exist.",
                     {"Stop protection of the virtual machine, with or without deleting its backup data."}};
  RecoveryObject point = new_point(item, at);
  const Json storage = subtree_at(vm->body, "/properties/storageProfile");
  const bool os_only =
      flag_at(item.properties(), "/extendedProperties/diskExclusionProperties/isInclusionList", false) &&
      subtree_at(item.properties(), "/extendedProperties/diskExclusionProperties/diskLunList").empty();
  Json disks = Json::array();
  const auto take = [&](const Json& entry, const Json& lun) {
    const auto disk = recovery.context.state.find(text_at(entry, "/managedDisk/id"));
    if (!disk || volume_of(*disk) == 0) return;
    disks.push_back({{"lun", lun},
                     {"name", disk->name},
                     {"id", disk->id},
                     {"sku", text_at(disk->body, "/sku/name", "Premium_LRS")},
                     {"gb", number_at(disk->body, "/properties/diskSizeGB", 0)},
                     {"osType", text_at(disk->body, "/properties/osType")},
                     {"generation", text_at(disk->body, "/properties/hyperVGeneration")},
                     {"security", text_at(disk->body, "/properties/securityProfile/securityType")},
                     {"volume", contents(recovery.context).clone(volume_of(*disk))}});
  };
  take(subtree_at(storage, "/osDisk"), nullptr);
  const Json data_disks = subtree_at(storage, "/dataDisks");
  if (data_disks.is_array() && !os_only)
    for (const auto& entry : data_disks) take(entry, entry.value("lun", 0));
  const auto policy = recovery.store.find(item.ref);
  const auto instant = policy ? number_at(policy->properties(), "/instantRpRetentionRangeInDays", 2) : 2;
  const Expiry expiry = expiry_for(recovery, item, "Full", at, data);
  point.notes = {{"type", "Full"},
                 {"expiry", millis(expiry.at)},
                 {"rule", expiry.rule},
                 {"consistency", vm_running(recovery, vm->id) ? "AppConsistent" : "CrashConsistent"},
                 {"instantUntil", millis(at + std::chrono::days{instant})},
                 {"vm", vm->body},
                 {"disks", disks}};
  recovery.store.save(point);
}

Json do_backup(Recovery& recovery, const Json& data) {
  auto item = recovery.store.find(data.at("item").get<std::string>());
  if (!item) throw JobFailure{400'002, "UserErrorItemNotFound", "The protected item is gone.", {}};
  const std::string type = data.value("type", "Full");
  const auto at =
      data.contains("at") ? core::TimePoint{core::Millis{data["at"].get<std::int64_t>()}} : recovery.now();
  try {
    if (data.value("overlap", false))
      throw JobFailure{
          kOverlap,
          "OperationCancelledBecauseConflictingOperationRunningUserError",
          "Operation cancelled as a conflicting operation was already running on the same database.",
          {"Retry when the running operation has ended."}};
    if (item->notes["workload"] == "VM") {
      back_up_vm(recovery, *item, at, data);
    } else {
      back_up_database(recovery, *item, type, at, data);
    }
  } catch (const JobFailure&) {
    if (!data.value("overlap", false)) {
      item->properties()["lastBackupStatus"] = "Unhealthy";
      recovery.store.save(*item);
    }
    throw;
  }
  if (item->properties()["protectionState"] == "IRPending")
    item->properties()["protectionState"] = "Protected";
  item->properties()["protectedItemHealthStatus"] = "Healthy";
  item->properties()["lastBackupStatus"] = item->notes["workload"] == "VM" ? "Completed" : "Healthy";
  item->properties()["lastBackupTime"] = iso(at);
  item->properties()["lastRecoveryPoint"] = iso(at);
  recovery.store.save(*item);
  return {{"Backup Type", type}};
}

// ---- on demand ----

struct Wanted {
  std::string type = "Full";
  std::optional<core::TimePoint> expiry;
};

Wanted check_request(Recovery& recovery, const RecoveryObject& item, const Json& properties) {
  Wanted wanted;
  const bool vm = item.notes["workload"] == "VM";
  const std::string object = text_at(properties, "/objectType");
  if (!same(object, vm ? "IaasVMBackupRequest" : "AzureWorkloadBackupRequest"))
    throw_invalid_input("objectType does not fit the item.");
  const std::string expiry = text_at(properties, "/recoveryPointExpiryTimeInUTC");
  if (!expiry.empty()) {
    wanted.expiry = core::parse_time(expiry);
    if (!wanted.expiry || *wanted.expiry <= recovery.now())
      throw_invalid_input("recoveryPointExpiryTimeInUTC is not ahead.");
    if (*wanted.expiry > recovery.now() + kMostExpiry)
      throw_invalid_input("A point is kept at most 99 years.");
  }
  if (vm) {
    if (!wanted.expiry) wanted.expiry = recovery.now() + kDefaultExpiry;
    return wanted;
  }
  wanted.type = enum_value(text_at(properties, "/backupType"),
                           {"Full", "Differential", "Log", "CopyOnlyFull", "Incremental"}, "backupType");
  const bool hana = is_hana(item);
  if (wanted.type == "Incremental" || (hana && wanted.type != "Full" && wanted.type != "Differential"))
    throw_invalid_input("A backup of type " + wanted.type +
                        " cannot be asked for; it runs by the policy only.");
  if (hana && flag_at(properties, "/enableCompression", false))
    throw_invalid_input("Compression is for SQL only.");
  // A little slack: clients count the days from their own clock.
  if (wanted.type == "Full" && wanted.expiry &&
      *wanted.expiry + std::chrono::hours{1} < recovery.now() + kLeastFullExpiry)
    throw_invalid_input("A full backup is kept 45 days to 99 years.");
  if (wanted.type == "Full" && !wanted.expiry) wanted.expiry = recovery.now() + kLeastFullExpiry;
  if (wanted.type == "CopyOnlyFull" && !wanted.expiry) wanted.expiry = recovery.now() + kDefaultExpiry;
  if (wanted.type == "Differential" || wanted.type == "Log") wanted.expiry.reset();  // by the policy
  return wanted;
}

NewJob backup_job(Recovery& recovery, const RecoveryObject& item, const std::string& type, bool user) {
  NewJob job;
  const auto vault = recovery.context.state.find(item.vault);
  job.vault = vault ? vault->id : item.vault;
  job.operation = "Backup";
  const bool vm = item.notes["workload"] == "VM";
  job.management = vm ? "AzureIaasVM" : "AzureWorkload";
  job.workload = vm ? "" : item.notes["workload"].get<std::string>();
  job.entity = lower(item.properties()["friendlyName"].get<std::string>());
  job.item = item.id;
  job.tasks = vm ? std::vector<std::string>{"Take Snapshot", "Transfer data to vault"}
                 : std::vector<std::string>{"Transfer data to vault"};
  job.user = user;
  job.cancellable = true;
  job.effect = "backup";
  job.data = {{"item", item.id}, {"type", type}};
  job.demo = kBackupDemo;
  job.realistic = kBackupRealistic;
  if (overlaps(recovery, item, "")) {
    job.data["overlap"] = true;
    job.demo = job.realistic = core::Millis{0};
  }
  return job;
}

Reply post_backup(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  auto item = recovery.store.find(recovery.item_id(request, vault));
  if (!item) throw_item_not_found();
  const std::string state = item->properties()["protectionState"];
  if (is_soft_deleted(*item) || state == "ProtectionStopped" || state == "BackupsSuspended")
    throw_invalid_input("Protection of the item is stopped; resume it with a policy first.");
  Json body = request.object();
  drop_nulls(body);
  const Wanted wanted = check_request(recovery, *item, subtree_at(body, "/properties"));
  NewJob job = backup_job(recovery, *item, wanted.type, true);
  if (wanted.expiry) job.data["expiry"] = millis(*wanted.expiry);
  const std::string name = recovery.start_job(job);
  RecoveryOperation operation;
  operation.base = item->id;
  operation.data = {{"objectType", "OperationStatusJobExtendedInfo"}, {"jobId", name}};
  operation.demo = operation.realistic = core::Millis{0};
  return recovery.start(request, operation);
}

// ---- by the policy ----

void run_scheduled(Recovery& recovery, const Json& data) {
  const auto item = recovery.store.find(data.at("item").get<std::string>());
  if (!item || item->ref.empty()) return;
  const std::string type = data.at("type");
  // Scheduled HANA backups are no jobs.
  if (item->notes["workload"] == "SQLDataBase" || item->notes["workload"] == "VM") {
    NewJob job = backup_job(recovery, *item, type, false);
    job.data["at"] = data.at("at");
    job.began = core::TimePoint{core::Millis{data.at("at").get<std::int64_t>()}};
    recovery.start_job(job);
  } else {
    try {
      do_backup(recovery, data);
    } catch (const JobFailure&) {  // kept in the item's last status
    }
  }
  if (const auto fresh = recovery.store.find(item->id)) schedule_next_backup(recovery, *fresh);
}

}  // namespace

void schedule_next_backup(Recovery& recovery, const RecoveryObject& item) {
  // The next run follows the last one that was planned, so that a clock moved by days skips none.
  cancel_scheduled_backups(recovery, item);
  const auto policy = recovery.store.find(item.ref);
  if (!policy) return;
  auto after = recovery.now();
  if (item.notes.contains("planned"))
    after = core::TimePoint{core::Millis{item.notes["planned"].get<std::int64_t>()}};
  const auto run = next_run(policy->properties(), after);
  if (!run) return;
  recovery.context.operations.schedule(
      {kTick, item.id, {{"item", item.id}, {"type", run->type}, {"at", millis(run->at)}}},
      run->at - recovery.now());
}

void cancel_scheduled_backups(Recovery& recovery, const RecoveryObject& item) {
  recovery.context.operations.cancel(item.id, kTick);
}

void add_recovery_backups(Router& router, Recovery& recovery) {
  recovery.effects["backup"] = do_backup;
  recovery.context.operations.on(kTick, [&recovery](Context&, const Json& data) {
    if (auto item = recovery.store.find(data.at("item").get<std::string>())) {
      item->notes["planned"] = data.at("at");
      recovery.store.save(*item);
      run_scheduled(recovery, data);
    }
    return Json();
  });
  router.arm("POST", kItemPath + "/backup", kBackupVersions,
             [&recovery](Request& request) { return post_backup(recovery, request); });
}

}  // namespace azlin::simulator
