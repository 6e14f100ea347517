// Restores of databases: to where they were, elsewhere, or as files.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/recovery_points.hpp"
#include "simulator/recovery_restore.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kRange = "DefaultRangeRecoveryPoint";
constexpr core::Millis kRestoreDemo{2'000}, kRestoreRealistic{900'000};
constexpr int kRestoreError = 310'020;

bool is_sql(const RecoveryObject& item) {
  return item.notes["workload"] == "SQLDataBase";
}

void check_object_type(const RecoveryObject& item, const std::string& type, bool range) {
  const std::string prefix = is_sql(item) ? "AzureWorkloadSQL" : "AzureWorkloadSAPHana";
  if (same(type, prefix + "RestoreWithRehydrateRequest") ||
      same(type, prefix + "PointInTimeRestoreWithRehydrateRequest"))
    throw_invalid_input("The recovery point is not archived; it needs no rehydration.");
  const bool wants_range = same(type, prefix + "PointInTimeRestoreRequest");
  if (!wants_range && !same(type, prefix + "RestoreRequest"))
    throw_invalid_input("objectType does not fit the item.");
  if (wants_range != range)
    throw_invalid_input("A point in time is restored from DefaultRangeRecoveryPoint, and only that.");
}

void check_point(Recovery& recovery, const RecoveryObject& item, const std::string& point,
                 const Json& properties, bool secondary) {
  if (same(point, kRange)) {
    const auto time = core::parse_time(text_at(properties, "/pointInTime"));
    if (!time) throw_invalid_input("pointInTime is missing or is not a date.");
    const auto ranges = log_ranges(recovery, item);
    const bool covered = std::any_of(ranges.begin(), ranges.end(), [&](const TimeRange& range) {
      return *time >= range.start && *time <= range.end;
    });
    if (!covered) throw_invalid_input("pointInTime is in none of the item's time ranges.");
    return;
  }
  const auto points = secondary ? secondary_points(recovery, item) : visible_points(recovery, item);
  const bool known = std::any_of(points.begin(), points.end(),
                                 [&](const RecoveryObject& one) { return same(one.name(), point); });
  if (!known) throw_item_not_found();
}

// The VM that the restore goes to, which must be registered. Fills in what the effect needs.
void check_target(Recovery& recovery, const RecoveryObject& item, const Json& properties, bool secondary,
                  Json& data) {
  const Json target = subtree_at(properties, "/targetInfo");
  if (!target.is_object()) throw_invalid_input("targetInfo is missing.");
  const auto container = find_container(recovery, text_at(target, "/containerId"));
  if (!container || container->properties()["backupManagementType"] != "AzureWorkload")
    throw_invalid_input("The target container is not registered.");
  if (!secondary && container->vault != item.vault)
    throw_invalid_input("The target container is in another vault.");
  if (secondary && container->vault == item.vault)
    throw_invalid_input("A cross region restore needs a container of a vault in the secondary region.");
  const std::string overwrite = text_at(target, "/overwriteOption", "FailOnConflict");
  if (!same(overwrite, "Overwrite") && !same(overwrite, "FailOnConflict"))
    throw_invalid_input("overwriteOption is unknown.");
  data["vm"] = container->properties()["sourceResourceId"];
  data["overwrite"] = same(overwrite, "Overwrite");
  const std::string mode = text_at(properties, "/recoveryMode", "WorkloadRecovery");
  if (same(mode, "FileRecovery")) {
    const std::string directory = text_at(target, "/targetDirectoryForFileRestore");
    const bool windows =
        directory.size() > 2 && directory[1] == ':' && (directory[2] == '\\' || directory[2] == '/');
    if (!windows && !directory.starts_with("/") && !directory.starts_with("\\\\"))
      throw_invalid_input("targetDirectoryForFileRestore must be an absolute path.");
    data["directory"] = directory;
    return;
  }
  if (!same(mode, "WorkloadRecovery")) throw_invalid_input("recoveryMode is not supported for this item.");
  const std::string name = text_at(target, "/databaseName");
  const auto slash = name.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == name.size())
    throw_invalid_input("databaseName must be '<instance>/<database>'.");
  data["instance"] = name.substr(0, slash);
  data["database"] = name.substr(slash + 1);
}

void check_file_moves(const Json& properties) {
  const Json paths = subtree_at(properties, "/alternateDirectoryPaths");
  if (paths.is_null()) return;
  if (!paths.is_array()) throw_invalid_input("alternateDirectoryPaths must be an array.");
  for (const auto& path : paths) {
    const std::string type = text_at(path, "/mappingType");
    if ((!same(type, "Data") && !same(type, "Log")) || text_at(path, "/sourceLogicalName").empty() ||
        text_at(path, "/sourcePath").empty() || text_at(path, "/targetPath").empty())
      throw_invalid_input(
          "Each alternate path names mappingType, sourceLogicalName, sourcePath and targetPath.");
  }
}

Reply post_restore(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const auto item = recovery.store.find(recovery.item_id(request, vault));
  if (!item) throw_item_not_found();
  Json body = request.object();
  drop_nulls(body);
  const Json properties = subtree_at(body, "/properties");
  if (!properties.is_object()) throw_invalid_input("properties are missing.");
  const std::string name = begin_restore(recovery, vault, *item, request.param("point"), properties, false);
  RecoveryOperation operation;
  operation.base = item->id;
  operation.data = {{"objectType", "OperationStatusJobExtendedInfo"}, {"jobId", name}};
  operation.demo = operation.realistic = core::Millis{0};
  return recovery.start(request, operation);
}

// ---- the work ----

void check_hana_name(const std::string& name) {
  const bool good =
      !name.empty() && name.size() <= 127 && std::isalpha(static_cast<unsigned char>(name[0])) &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_'; });
  if (!good)
    throw JobFailure{kRestoreError,
                     "UserErrorDBNameNotInCorrectFormat",
                     "The restored database name is not in the correct format.",
                     {"Begin with a letter; use letters, digits and '_' only, at most 127 characters."}};
}

void check_hana_target(const RecoveryObject& source, const std::string& target) {
  const bool from_system = same(source.properties()["friendlyName"].get<std::string>(), "SYSTEMDB");
  if (from_system != same(target, "SYSTEMDB"))
    throw JobFailure{
        kRestoreError,
        "UserErrorIncompatibleSrcTargetSystemsForRestore",
        "Source and target systems for restore are incompatible.",
        {"SYSTEMDB can be restored only as SYSTEMDB, a tenant database only as a tenant database."}};
  check_hana_name(target);
}

RecoveryObject new_database(const RecoveryObject& item, const std::string& vm, const std::string& instance,
                            const std::string& database) {
  RecoveryObject object;
  const std::string name =
      lower(fmt::format("{};{};{}", item.notes["workload"].get<std::string>(), instance, database));
  object.id = vm + "/databases/" + name;
  object.vault = vm;
  object.parent = vm;
  object.kind = "database";
  object.notes = {{"name", name},
                  {"type", item.notes["workload"]},
                  {"friendly", database},
                  {"parent", instance},
                  {"model", "Full"}};
  return object;
}

void restore_elsewhere(Recovery& recovery, const RecoveryObject& item, const Json& data) {
  const std::string vm = data["vm"], instance = data["instance"], name = data["database"];
  if (!is_sql(item)) check_hana_target(item, name);
  RecoveryObject object = new_database(item, vm, instance, name);
  const auto databases = databases_of(recovery, vm);
  const bool has_instance = std::any_of(databases.begin(), databases.end(), [&](const RecoveryObject& one) {
    const std::string type = one.notes["type"];
    return (type == "SAPHanaSystem" || type == "SQLInstance") &&
           same(one.notes["friendly"].get<std::string>(), instance) &&
           (type == "SQLInstance") == is_sql(item);
  });
  if (!has_instance)
    throw JobFailure{kRestoreError,
                     is_sql(item) ? "UserErrorOpeningSQLConnection" : "UserErrorInOpeningHanaOdbcConnection",
                     "Azure Backup is not able to connect to the target instance '" + instance + "'.",
                     {"Check that the instance exists on the target server and runs."}};
  if (const auto existing = recovery.store.find(object.id)) {
    if (!data.value("overwrite", false))
      throw JobFailure{kRestoreError,
                       is_sql(item) ? "UserErrorCannotRestoreExistingDBWithoutForceOverwrite"
                                    : "UserErrorTargetPOExistsOverwriteNotSpecified",
                       "A database of this name exists on the target already.",
                       {"Restore under another name, or allow overwriting."}};
    object.notes = existing->notes;
  }
  object.notes["online"] = !data.value("noRecovery", false);
  object.notes["restoredFrom"] = data["point"];
  if (data.contains("files")) object.notes["files"] = data["files"];
  recovery.store.save(object);
}

void restore_files(Recovery& recovery, const Json& data) {
  RecoveryObject files;
  const std::string vm = data["vm"];
  files.id = vm + "/restoredFiles/" + new_guid();
  files.vault = vm;
  files.parent = vm;
  files.kind = "files";
  files.at = recovery.now();
  files.notes = {{"directory", data["directory"]}, {"item", data["item"]}, {"point", data["point"]}};
  recovery.store.save(files);
}

// In place: what was there is gone, and the logs that follow do not join those from before.
void restore_in_place(Recovery& recovery, RecoveryObject& item, const Json& data) {
  auto database = database_of(recovery, item);
  if (!database) {
    const auto parts = split(item.name(), ';');
    database = new_database(item, item.properties()["sourceResourceId"], item.properties()["parentName"],
                            item.properties()["friendlyName"]);
  }
  database->notes["online"] = !data.value("noRecovery", false);
  database->notes["restoredFrom"] = data["point"];
  recovery.store.save(*database);
  close_chain(item, recovery.now());
  recovery.store.save(item);
}

Json do_restore(Recovery& recovery, const Json& data) {
  auto item = recovery.store.find(data.at("item").get<std::string>());
  if (!item) throw JobFailure{kRestoreError, "UserErrorItemNotFound", "The protected item is gone.", {}};
  if (!vm_running(recovery, data.at("vm")))
    throw JobFailure{
        400'000,
        "WorkloadExtensionNotReachable",
        "The Azure Backup workload extension operation failed: the virtual machine could not be reached.",
        {"Ensure the virtual machine is running, then re-register it with the vault."}};
  if (data.contains("directory")) {
    restore_files(recovery, data);
  } else if (data.contains("instance")) {
    restore_elsewhere(recovery, *item, data);
  } else {
    restore_in_place(recovery, *item, data);
  }
  return nullptr;
}

}  // namespace

std::string begin_restore(Recovery& recovery, const Resource& vault, const RecoveryObject& item,
                          const std::string& point, const Json& properties, bool secondary) {
  if (is_soft_deleted(item))
    throw_invalid_input("The item is soft deleted. Undelete it first, then restore.");
  if (item.notes["workload"] == "VM")
    return begin_vm_restore(recovery, vault, item, point, properties, secondary);
  check_object_type(item, text_at(properties, "/objectType"), same(point, kRange));
  check_point(recovery, item, point, properties, secondary);
  const std::string type = text_at(properties, "/recoveryType");
  Json data = {
      {"item", item.id}, {"point", point}, {"noRecovery", flag_at(properties, "/isNonRecoverable", false)}};
  if (same(type, "OriginalLocation")) {
    if (secondary) throw_invalid_input("A cross region restore goes to another location.");
    const auto container = find_container(recovery, item.parent);
    if (!container) throw_invalid_input("The container of the item is not registered any more.");
    data["vm"] = item.properties()["sourceResourceId"];
  } else if (same(type, "AlternateLocation")) {
    check_target(recovery, item, properties, secondary, data);
  } else {
    throw_invalid_input("recoveryType must be OriginalLocation or AlternateLocation.");
  }
  check_file_moves(properties);
  if (const Json paths = subtree_at(properties, "/alternateDirectoryPaths"); paths.is_array()) {
    data["files"] = Json::array();
    for (const auto& path : paths)
      data["files"].push_back({{"type", path["mappingType"]},
                               {"path", path["targetPath"]},
                               {"logicalName", path["sourceLogicalName"]}});
  }
  NewJob job;
  job.vault = vault.id;
  job.operation = secondary ? "CrossRegionRestore" : "Restore";
  job.secondary = secondary;
  job.workload = item.notes["workload"];
  job.entity = lower(item.properties()["friendlyName"].get<std::string>());
  job.item = item.id;
  job.tasks = {"Transfer data from vault"};
  job.bag = {{"Job Type", data.contains("directory")       ? "Restore as files"
                          : same(type, "OriginalLocation") ? "Original location"
                                                           : "Alternate location"}};
  job.cancellable = true;
  job.effect = "restore";
  job.data = data;
  job.demo = kRestoreDemo;
  job.realistic = kRestoreRealistic;
  return recovery.start_job(job);
}

void add_recovery_restores(Router& router, Recovery& recovery) {
  recovery.effects["restore"] = do_restore;
  router.arm("POST", kPointPath + "/restore", kBackupVersions,
             [&recovery](Request& request) { return post_restore(recovery, request); });
}

}  // namespace azlin::simulator
