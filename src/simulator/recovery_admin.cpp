// Databases inside simulated VMs: put there by a seed or by a test, changed and broken by the same.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/recovery.hpp"
#include "simulator/recovery_points.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

RecoveryObject database(const std::string& vm, const std::string& name, Json notes) {
  RecoveryObject object;
  object.id = vm + "/databases/" + name;
  object.vault = vm;
  object.parent = vm;
  object.kind = "database";
  notes["name"] = name;
  object.notes = std::move(notes);
  return object;
}

Json sql_files(const std::string& name) {
  return {{{"type", "Data"}, {"path", "F:\\data\\" + name + ".mdf"}, {"logicalName", name}},
          {{"type", "Log"}, {"path", "F:\\log\\" + name + "_log.ldf"}, {"logicalName", name + "_log"}}};
}

void add_database(Recovery& recovery, const std::string& vm, bool hana, const std::string& instance,
                  const Json& entry) {
  const std::string name = entry.is_string() ? entry.get<std::string>() : text_at(entry, "/name");
  const std::string type = hana ? "SAPHanaDatabase" : "SQLDataBase";
  Json notes = {{"type", type},
                {"friendly", name},
                {"parent", instance},
                {"model", text_at(entry, "/model", name == "master" ? "Simple" : "Full")},
                {"readOnly", flag_at(entry, "/readOnly", false)}};
  if (!hana) notes["files"] = sql_files(name);
  recovery.store.save(database(vm, lower(type + ";" + instance + ";" + name), notes));
}

// {"vm": id, "type": "SAPHana"|"SQL", "instance": "HXE", "databases": ["SYSTEMDB", {"name", "model",
// "readOnly"}]}
Reply put_databases(Recovery& recovery, Request& request) {
  const Json& body = request.object();
  const std::string vm = text_at(body, "/vm"), instance = text_at(body, "/instance");
  if (vm.empty() || instance.empty() || !body.contains("databases"))
    throw ApiError(400, "BadRequest", "vm, type, instance and databases are needed");
  add_workload(recovery, vm, same(text_at(body, "/type", "SAPHana"), "SAPHana"), instance, body["databases"]);
  return Reply::json(200, {{"databases", databases_of(recovery, vm).size()}});
}

// Changes one database: {"vm", "name": "saphanadatabase;hxe;systemdb", "set": {"model", "broken", "fail":
// {...} or null}}, or "remove": true.
Reply change_database(Recovery& recovery, Request& request) {
  const Json& body = request.object();
  auto object = recovery.store.find(text_at(body, "/vm") + "/databases/" + text_at(body, "/name"));
  if (!object) throw ApiError(404, "NotFound", "no such database");
  if (flag_at(body, "/remove", false)) {
    recovery.store.erase(object->id);
    return Reply::json(200, Json::object());
  }
  const Json changes = subtree_at(body, "/set");
  for (const auto& [key, value] : changes.items()) object->notes[key] = value;
  recovery.store.save(*object);
  return Reply::json(200, object->notes);
}

RecoveryObject finished_job(const std::string& vault, core::TimePoint at) {
  RecoveryObject job;
  job.id = vault + "/backupJobs/" + new_guid();
  job.vault = vault;
  job.kind = "job";
  job.at = at;
  job.body = {{"id", job.id},
              {"name", job.name()},
              {"properties",
               {{"jobType", "AzureWorkloadJob"},
                {"workloadType", "SQLDataBase"},
                {"operation", "Backup"},
                {"status", "Completed"},
                {"entityFriendlyName", "db"},
                {"backupManagementType", "AzureWorkload"},
                {"startTime", iso(at)},
                {"endTime", iso(at)},
                {"isUserTriggered", false}}}};
  const auto millis = at.time_since_epoch().count();
  job.notes = {{"due", millis}, {"ended", millis}, {"tasks", Json::array()}, {"bag", Json::object()}};
  return job;
}

// {"vault": id, "items", "jobs"}: for measuring lists. The items are databases of a VM that does not exist.
Reply fill(Recovery& recovery, Request& request) {
  const Json& body = request.object();
  const std::string vault = text_at(body, "/vault");
  const std::string container =
      vault + "/backupFabrics/Azure/protectionContainers/vmappcontainer;compute;fleet;vm";
  for (std::int64_t i = 1; i <= number_at(body, "/items", 0); ++i) {
    RecoveryObject item;
    const std::string name = fmt::format("db{:05}", i);
    item.id = container + "/protectedItems/SQLDataBase;mssqlserver;" + name;
    item.vault = vault;
    item.parent = container;
    item.kind = "item";
    item.at = recovery.now();
    item.notes = {{"workload", "SQLDataBase"}, {"chains", Json::array()}};
    item.body = {{"id", item.id},
                 {"name", item.name()},
                 {"properties",
                  {{"friendlyName", name},
                   {"parentName", "MSSQLSERVER"},
                   {"serverName", "vm"},
                   {"protectionStatus", "Healthy"},
                   {"protectionState", "Protected"},
                   {"protectedItemType", "AzureVmWorkloadSQLDatabase"},
                   {"backupManagementType", "AzureWorkload"},
                   {"workloadType", "SQLDataBase"},
                   {"containerName", "vmappcontainer;compute;fleet;vm"},
                   {"sourceResourceId", vault + "/none"}}}};
    recovery.store.save(item);
  }
  for (std::int64_t i = 0; i < number_at(body, "/jobs", 0); ++i)
    recovery.store.save(finished_job(vault, recovery.now() - std::chrono::minutes{i}));
  return Reply::json(200, Json::object());
}

Reply list_databases(Recovery& recovery, Request& request) {
  const std::string vm = request.query_or("vm", "");
  Json databases = Json::array(), files = Json::array();
  for (const auto& object : databases_of(recovery, vm)) databases.push_back(object.notes);
  for (const auto& object : recovery.store.children("files", vm)) files.push_back(object.notes);
  return Reply::json(200, {{"databases", databases}, {"files", files}});
}

}  // namespace

void add_workload(Recovery& recovery, const std::string& vm, bool hana, const std::string& instance,
                  const Json& databases) {
  const std::string parent = hana ? "SAPHanaSystem" : "SQLInstance";
  Json notes = {{"type", parent}, {"friendly", instance}, {"parent", instance}};
  if (!hana) notes["files"] = sql_files("new");
  const std::string name = lower(parent + ";" + instance);
  recovery.store.save(database(vm, name, notes));
  if (hana)
    recovery.store.save(
        database(vm, lower("saphanadbinstance;" + instance + ";" + instance + "(dbinstance)"),
                 {{"type", "SAPHanaDBInstance"}, {"friendly", instance}, {"parent", instance}}));
  for (const auto& entry : databases) add_database(recovery, vm, hana, instance, entry);
}

void add_recovery_admin(Router& router, Recovery& recovery) {
  router.open("PUT", "/_simulator/recovery/databases",
              [&recovery](Request& request) { return put_databases(recovery, request); });
  router.open("POST", "/_simulator/recovery/databases",
              [&recovery](Request& request) { return change_database(recovery, request); });
  router.open("GET", "/_simulator/recovery/databases",
              [&recovery](Request& request) { return list_databases(recovery, request); });
  router.open("POST", "/_simulator/recovery/fill",
              [&recovery](Request& request) { return fill(recovery, request); });
  // New vaults are secure by default, whatever api-version makes them.
  router.open("POST", "/_simulator/recovery/mode", [&recovery](Request& request) {
    const bool secure = flag_at(request.object(), "/secureByDefault", false);
    recovery.context.state.set_meta("recovery.secure", secure ? "1" : "0");
    return Reply::json(200, {{"secureByDefault", secure}});
  });
}

void register_recovery_services(Router& router, Context& context) {
  auto recovery = std::make_shared<Recovery>(context);
  context.helpers["recovery services"] = recovery;
  context.on_reset.push_back([recovery] { recovery->store.clear(); });
  add_recovery_vaults(router, *recovery);
  add_recovery_vault_questions(router, *recovery);
  add_recovery_vault_actions(router, *recovery);
  add_recovery_vault_settings(router, *recovery);
  add_recovery_operations(router, *recovery);
  add_recovery_containers(router, *recovery);
  add_recovery_discovery(router, *recovery);
  add_recovery_policies(router, *recovery);
  add_recovery_items(router, *recovery);
  add_recovery_backups(router, *recovery);
  add_recovery_jobs(router, *recovery);
  add_recovery_points(router, *recovery);
  add_recovery_restores(router, *recovery);
  add_recovery_vm_restores(router, *recovery);
  add_recovery_secondary(router, *recovery);
  add_recovery_admin(router, *recovery);
}

Recovery& recovery_of(Context& context) {
  return *std::any_cast<std::shared_ptr<Recovery>&>(context.helpers.at("recovery services"));
}

}  // namespace azlin::simulator
