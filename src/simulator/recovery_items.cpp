// Protected items: protect, change policy, read. How protection ends is in recovery_item_ends.cpp.
#include <fmt/format.h>

#include "simulator/api_versions.hpp"
#include "simulator/json_util.hpp"
#include "simulator/recovery_items.hpp"
#include "simulator/recovery_points.hpp"
#include "simulator/recovery_policy.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kType =
    "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems";
constexpr const char* kSuspendVersion = "2023-06-01";
constexpr std::int64_t kMostDatabases = 2'000, kMostVmsOfPolicy = 1'000;

struct TypeNames {
  std::string item, parent;
};

TypeNames type_names(const std::string& workload) {
  if (workload == "SQLDataBase") return {"AzureVmWorkloadSQLDatabase", "AzureVmWorkloadSQLInstance"};
  if (workload == "SAPHanaDatabase")
    return {"AzureVmWorkloadSAPHanaDatabase", "AzureVmWorkloadSAPHanaSystem"};
  return {"AzureVmWorkloadSAPHanaDBInstance", "AzureVmWorkloadSAPHanaSystem"};
}

std::string policy_workload(const RecoveryObject& policy) {
  return policy.properties()["backupManagementType"] == "AzureIaasVM"
             ? "VM"
             : workload_of(policy.properties().value("workLoadType", ""));
}

RecoveryObject require_policy(Recovery& recovery, const Resource& vault, const std::string& id,
                              const std::string& workload) {
  auto policy = recovery.store.find(id);
  if (!policy || policy->kind != "policy" || policy->vault != lower(vault.id))
    throw_invalid_input("The policy does not exist in this vault.");
  if (policy_workload(*policy) != workload)
    throw_invalid_input("The policy is for another workload type than the item.");
  return std::move(*policy);
}

// The workload that the item's name stands for. Throws for a name of another form.
std::string workload_of_name(const std::string& name) {
  const auto parts = split(name, ';');
  const std::string workload = parts.empty() ? "" : workload_of(parts[0]);
  const bool vm = workload == "VM" && parts.size() == 4;
  const bool database = !workload.empty() && workload != "VM" && parts.size() == 3;
  if (!vm && !database)
    throw_recovery(400, "BMSUserErrorProtectedItemNameIncorrectFormat",
                   "The protected item's name is not in the format '<type>;<instance>;<database>' or "
                   "'VM;iaasvmcontainerv2;<resource group>;<virtual machine>'.");
  return workload;
}

// ---- protect ----

Json database_properties(const Resource& vault, const RecoveryObject& container,
                         const RecoveryObject& database, const std::string& workload) {
  const TypeNames names = type_names(workload);
  return {{"friendlyName", database.notes["friendly"]},
          {"serverName", container.properties()["friendlyName"]},
          {"parentName", database.notes["parent"]},
          {"parentType", names.parent},
          {"protectionStatus", "Healthy"},
          {"lastBackupStatus", "IRPending"},
          {"protectedItemHealthStatus", "IRPending"},
          {"protectedItemDataSourceId", std::to_string(std::hash<std::string>{}(database.key()) >> 8)},
          {"kpisHealths", Json::object()},
          {"protectedItemType", names.item},
          {"backupManagementType", "AzureWorkload"},
          {"workloadType", workload},
          {"containerName", container.name()},
          {"sourceResourceId", container.properties()["sourceResourceId"]},
          {"isArchiveEnabled", false},
          {"vaultId", "https://management.azure.com" + vault.id}};
}

Json vm_properties(const Resource& vault, const Resource& vm, const std::string& container) {
  return {{"friendlyName", vm.name},
          {"virtualMachineId", vm.id},
          {"protectionStatus", "Healthy"},
          {"healthStatus", "Passed"},
          {"healthDetails", Json::array()},
          {"kpisHealths", Json::object()},
          {"lastBackupStatus", ""},
          {"lastBackupTime", "2001-01-01T00:00:00Z"},
          {"protectedItemDataId", std::to_string(std::hash<std::string>{}(vm.key()) >> 8)},
          {"protectedItemType", "Microsoft.Compute/virtualMachines"},
          {"backupManagementType", "AzureIaasVM"},
          {"workloadType", "VM"},
          {"containerName", container},
          {"sourceResourceId", vm.id},
          {"vaultId", "https://management.azure.com" + vault.id}};
}

void set_policy(RecoveryObject& item, const RecoveryObject& policy) {
  item.ref = policy.id;
  item.properties()["policyId"] = policy.id;
  item.properties()["policyName"] = policy.name();
  if (policy.properties()["backupManagementType"] == "AzureIaasVM")
    item.properties()["policyType"] = policy.properties().value("policyType", "V1");
  item.notes["logMinutes"] = log_minutes(policy.properties());
  item.notes["logDays"] = log_days(policy.properties());
}

// The VM's own container, which comes and goes with its item.
void make_vm_container(Recovery& recovery, const Resource& vault, const Resource& vm, const std::string& id) {
  RecoveryObject container;
  container.id = id;
  container.vault = vault.id;
  container.parent = vault.id;
  container.kind = "container";
  container.ref = vm.id;
  container.at = recovery.now();
  container.notes = {{"known", Json::array()}};
  container.body = {{"id", id},
                    {"name", container.name()},
                    {"properties",
                     {{"containerType", "Microsoft.Compute/virtualMachines"},
                      {"friendlyName", vm.name},
                      {"backupManagementType", "AzureIaasVM"},
                      {"registrationStatus", "Registered"},
                      {"healthStatus", "Healthy"},
                      {"virtualMachineId", vm.id},
                      {"virtualMachineVersion", "Compute"},
                      {"resourceGroup", vm.group}}}};
  recovery.store.save(container);
}

// Effect of ConfigureBackup: a new item, another policy, or protection resumed.
Json do_configure(Recovery& recovery, const Json& data) {
  const std::string id = data.at("id"), workload = data.at("workload");
  const auto policy = recovery.store.find(data.at("policy").get<std::string>());
  const auto vault = recovery.context.state.find(data.at("vault").get<std::string>());
  if (!policy || !vault) throw_invalid_input("The policy is gone.");
  RecoveryObject item = recovery.store.find(id).value_or(RecoveryObject{});
  if (item.id.empty()) {
    item.id = id;
    item.vault = vault->id;
    item.parent = id.substr(0, id.rfind("/protectedItems/"));
    item.kind = "item";
    item.at = recovery.now();
    item.notes = {{"workload", workload}, {"chains", Json::array()}};
    item.body = {{"id", id}, {"name", item.name()}, {"type", kType}, {"properties", data.at("properties")}};
    item.properties()["protectionState"] = "IRPending";
    if (workload == "VM") {
      const auto vm = recovery.context.state.find(data.at("source").get<std::string>());
      if (!vm) throw_item_not_found();
      make_vm_container(recovery, *vault, *vm, item.parent);
    }
  } else if (item.properties()["protectionState"] != "IRPending") {
    item.properties()["protectionState"] =
        recovery.store.children("point", id).empty() ? "IRPending" : "Protected";
  }
  if (data.contains("extended")) item.properties()["extendedProperties"] = data["extended"];
  set_policy(item, *policy);
  item.notes.erase("planned");  // what was due while protection was stopped is not made up for
  recovery.store.save(item);
  schedule_next_backup(recovery, item);
  return nullptr;
}

ItemChange configure(const std::string& workload, const std::string& policy_id, Json properties) {
  return {"ConfigureBackup",
          "configure",
          {{"workload", workload}, {"policy", policy_id}, {"properties", std::move(properties)}}};
}

Reply protect_new_database(Recovery& recovery, Request& request, const Resource& vault,
                           const std::string& workload, const std::string& policy_id) {
  const auto container = find_container(recovery, recovery.container_id(request, vault));
  if (!container) throw_item_not_found();
  const auto database = find_database(recovery, *container, request.param("item"));
  if (!database) throw_item_not_found();
  require_policy(recovery, vault, policy_id, workload);
  const std::string id = item_id_of(*container, *database);
  if (workload == "SQLDataBase" && recovery.store.count("item", vault.id) >= kMostDatabases)
    throw_invalid_input("A vault protects at most 2000 SQL databases.");
  return begin_item_change(
      recovery, request, vault, id, workload, database->notes["friendly"],
      configure(workload, policy_id, database_properties(vault, *container, *database, workload)));
}

Reply protect_new_vm(Recovery& recovery, Request& request, const Resource& vault, const Json& properties,
                     const std::string& policy_id) {
  const std::string source = text_at(properties, "/sourceResourceId");
  const auto vm = recovery.context.state.find(source);
  if (source.empty() || !vm) throw_item_not_found();
  const std::string tail = fmt::format("iaasvmcontainerv2;{};{}", vm->group, lower(vm->name));
  if (!same(request.param("container"), "IaasVMContainer;" + tail))
    throw_recovery(400, "BMSUserErrorContainerNameIncorrectFormat",
                   "The container's name is not in the format 'IaasVMContainer;iaasvmcontainerv2;<resource "
                   "group>;<vm>'.");
  if (!same(request.param("item"), "VM;" + tail)) throw_item_not_found();
  if (!same(vm->location, vault.location))
    throw_invalid_input("The virtual machine is in another region than the vault.");
  for (const auto& other : recovery.store.by_ref("container", vm->id))
    if (other.properties()["backupManagementType"] == "AzureIaasVM")
      throw_invalid_input("The virtual machine is protected in another vault.");
  require_policy(recovery, vault, policy_id, "VM");
  if (recovery.store.count_by_ref("item", policy_id) >= kMostVmsOfPolicy)
    throw_invalid_input("A policy protects at most 1000 virtual machines.");
  const std::string container = "IaasVMContainer;" + tail;
  const std::string id =
      vault.id + "/backupFabrics/Azure/protectionContainers/" + container + "/protectedItems/VM;" + tail;
  ItemChange change = configure("VM", policy_id, vm_properties(vault, *vm, tail));
  change.data["source"] = vm->id;
  if (properties.contains("extendedProperties")) change.data["extended"] = properties["extendedProperties"];
  return begin_item_change(recovery, request, vault, id, "VM", vm->name, change);
}

// ---- changes of an item ----

Reply change_item(Recovery& recovery, Request& request, const Resource& vault, const RecoveryObject& item,
                  const Json& properties) {
  check_not_busy(recovery, item);
  const std::string workload = item.notes["workload"], entity = item.properties()["friendlyName"];
  const std::string state = text_at(properties, "/protectionState"),
                    policy_id = text_at(properties, "/policyId");
  const auto begin = [&](const ItemChange& change) {
    return begin_item_change(recovery, request, vault, item.id, workload, entity, change);
  };
  if (flag_at(properties, "/isRehydrate", false)) {
    if (!is_soft_deleted(item))
      throw_invalid_input("The item is not soft deleted; there is nothing to undelete.");
    return begin({"Undelete", "undelete", Json::object()});
  }
  if (is_soft_deleted(item))
    throw_invalid_input("The item is soft deleted. Undelete it first, then change its protection.");
  if (same(state, "ProtectionStopped"))
    return begin({"DisableBackup", "stop", {{"state", "ProtectionStopped"}}});
  if (same(state, "BackupsSuspended")) {
    if (!version_at_least(request.api_version, kSuspendVersion) || vault.hidden["immutability"] == "Disabled")
      throw_invalid_input("Backups can be suspended with retention by policy only in an immutable vault.");
    return begin({"DisableBackup", "stop", {{"state", "BackupsSuspended"}}});
  }
  if (policy_id.empty()) throw_invalid_input("policyId is missing.");
  const RecoveryObject policy = require_policy(recovery, vault, policy_id, workload);
  if (const auto present = recovery.store.find(item.ref);
      present && vault.hidden["immutability"] != "Disabled" && present->key() != policy.key())
    check_no_shorter(present->properties(), policy.properties());
  return begin(configure(workload, policy.id, Json::object()));
}

Reply put_item(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  Json body = request.object();
  drop_nulls(body);
  const Json properties = subtree_at(body, "/properties");
  if (!properties.is_object()) throw_invalid_input("properties are missing.");
  const std::string workload = workload_of_name(request.param("item"));
  const std::string type = text_at(properties, "/protectedItemType");
  if (workload_of(type) != workload) throw_invalid_input("protectedItemType does not fit the item's name.");
  if (const auto item = recovery.store.find(recovery.item_id(request, vault)))
    return change_item(recovery, request, vault, *item, properties);
  const std::string policy_id = text_at(properties, "/policyId");
  if (policy_id.empty()) throw_item_not_found();
  if (workload == "VM") return protect_new_vm(recovery, request, vault, properties, policy_id);
  return protect_new_database(recovery, request, vault, workload, policy_id);
}

// ---- read ----

Json present(Recovery& recovery, const RecoveryObject& item, bool detailed) {
  Json body = item.body;
  Json& properties = body["properties"];
  if (is_soft_deleted(item)) {
    const auto purge_at = core::TimePoint{core::Millis{item.notes["purgeAt"].get<std::int64_t>()}};
    properties["deferredDeleteTimeRemaining"] = dotnet_duration(purge_at - recovery.now());
  }
  if (!detailed) return body;
  Json info = {{"recoveryPointCount", 0}, {"policyState", "Consistent"}};
  const auto points = visible_points(recovery, item);
  if (!points.empty()) info["oldestRecoveryPoint"] = iso(points.back().at);
  info["recoveryPointCount"] = points.size();
  if (const auto database = database_of(recovery, item))
    info["recoveryModel"] = database->notes.value("model", "");
  if (item.notes["workload"] == "VM") info["policyInconsistent"] = false;
  properties["extendedInfo"] = info;
  return body;
}

// The list of the secondary region shows what has been copied there.
Reply list_items(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const Filter filter = parse_filter(request);
  const bool secondary = is_secondary(request.api_version);
  if (secondary && vault.hidden["crr"] != true)
    throw_invalid_input("Cross region restore is not enabled for the vault.");
  const auto type = filter.find("itemtype");
  const std::string wanted = type == filter.end() ? "" : workload_of(type->second);
  return recovery_page(
      recovery, request, "item", vault.id, false,
      [&](const RecoveryObject& item) {
        const Json& properties = item.properties();
        return passes(filter, "backupmanagementtype", properties["backupManagementType"]) &&
               (type == filter.end() || item.notes["workload"] == wanted) &&
               passes(filter, "policyname", properties.value("policyName", "")) &&
               passes(filter, "containername", properties["containerName"]) &&
               passes(filter, "friendlyname", properties["friendlyName"]) &&
               passes(filter, "healthstate", properties["protectionStatus"]) &&
               (!secondary || !secondary_points(recovery, item).empty());
      },
      [&](const RecoveryObject& item) { return present(recovery, item, false); });
}

}  // namespace

std::string item_id_of(const RecoveryObject& container, const RecoveryObject& database) {
  const auto slash = container.id.rfind('/');
  auto parts = split(database.notes["name"].get<std::string>(), ';');
  parts[0] = workload_of(parts[0]);  // only the type keeps its case
  return fmt::format("{}/{}/protectedItems/{};{};{}", container.id.substr(0, slash), lower(container.name()),
                     parts[0], lower(parts.at(1)), lower(parts.at(2)));
}

std::optional<RecoveryObject> database_of(Recovery& recovery, const RecoveryObject& item) {
  if (item.notes["workload"] == "VM") return std::nullopt;
  return recovery.store.find(item.properties()["sourceResourceId"].get<std::string>() + "/databases/" +
                             item.name());
}

std::string protect_database(Recovery& recovery, const RecoveryObject& container,
                             const RecoveryObject& database, const std::string& policy_id) {
  const auto vault = recovery.context.state.find(container.vault);
  if (!vault) return "";
  NewJob job;
  job.vault = vault->id;
  job.operation = "ConfigureBackup";
  job.workload = "SQLDataBase";
  job.entity = lower(database.notes["friendly"].get<std::string>());
  job.item = item_id_of(container, database);
  job.user = false;
  job.effect = "configure";
  job.data =
      configure("SQLDataBase", policy_id, database_properties(*vault, container, database, "SQLDataBase"))
          .data;
  job.data["id"] = job.item;
  job.data["vault"] = vault->id;
  return recovery.start_job(job);
}

void add_recovery_items(Router& router, Recovery& recovery) {
  recovery.effects["configure"] = do_configure;
  add_recovery_item_ends(router, recovery);
  router.arm("PUT", kItemPath, kBackupVersions,
             [&recovery](Request& request) { return put_item(recovery, request); });
  router.arm("GET", kItemPath, kBothRegions, [&recovery](Request& request) {
    const auto item = recovery.store.find(recovery.item_id(request, recovery.vault(request)));
    if (!item) throw_item_not_found();
    return Reply::json(200, present(recovery, *item, true));
  });
  router.arm("GET", kVaultPath + "/backupProtectedItems", kBothRegions,
             [&recovery](Request& request) { return list_items(recovery, request); });
}

}  // namespace azlin::simulator
