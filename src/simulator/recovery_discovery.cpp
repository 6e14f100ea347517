// What can be protected: databases inside registered VMs, and VMs; protection by intent.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/recovery.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kVmType = "Microsoft.Compute/virtualMachines";

std::string shown_type(const std::string& workload_type) {
  return workload_type.starts_with("SQL") ? "SQL" : "SAPHana";
}

// Databases and instances that can be protected themselves; a system or a SQL instance only groups them.
bool is_protectable(const std::string& type) {
  return type == "SAPHanaDatabase" || type == "SQLDataBase" || type == "SAPHanaDBInstance";
}

Json protectable_body(const RecoveryObject& container, const RecoveryObject& database, bool auto_protected) {
  const Json& notes = database.notes;
  const std::string type = notes["type"], name = notes["name"];
  const bool can_auto = type == "SQLInstance" || type == "SQLAvailabilityGroupContainer";
  const auto slash = container.id.rfind('/');
  return {{"id", container.id.substr(0, slash + 1) + lower(container.name()) + "/protectableItems/" + name},
          {"name", name},
          {"type", "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectableItems"},
          {"properties",
           {{"protectableItemType", type},
            {"friendlyName", notes["friendly"]},
            {"parentName", notes["parent"]},
            {"parentUniqueName", lower(notes["parent"].get<std::string>())},
            {"serverName", container.properties()["friendlyName"]},
            {"isAutoProtectable", can_auto},
            {"isAutoProtected", auto_protected},
            {"subinquireditemcount", 0},
            {"subprotectableitemcount", 0},
            {"IsProtectable", is_protectable(type)},
            {"prebackupvalidation", {{"status", "Success"}, {"code", "Success"}, {"message", ""}}},
            {"backupManagementType", "AzureWorkload"},
            {"workloadType", shown_type(type)},
            {"protectionState", "NotProtected"}}}};
}

bool is_protected(Recovery& recovery, const RecoveryObject& container, const RecoveryObject& database) {
  return recovery.store.find(container.id + "/protectedItems/" + database.notes["name"].get<std::string>())
      .has_value();
}

bool has_intent(Recovery& recovery, const RecoveryObject& container, const RecoveryObject& database) {
  const std::string id =
      lower(container.id) + "/protectableitems/" + lower(database.notes["name"].get<std::string>());
  return recovery.store.count_by_ref("intent", id) > 0;
}

bool vm_is_protected(Recovery& recovery, const std::string& vm_id) {
  for (const auto& container : recovery.store.by_ref("container", vm_id))
    if (container.properties()["backupManagementType"] == "AzureIaasVM") return true;
  return false;
}

Json protectable_vms(Recovery& recovery, const Resource& vault, const Filter& filter) {
  Json value = Json::array();
  ListFilter wanted;
  wanted.type = kVmType;
  wanted.subscription = vault.subscription;
  for (const auto& vm : recovery.context.state.list(wanted)) {
    if (!same(vm.location, vault.location) || vm_is_protected(recovery, vm.id)) continue;
    if (!passes(filter, "friendlyname", vm.name)) continue;
    const std::string tail = fmt::format("iaasvmcontainerv2;{};{}", vm.group, lower(vm.name));
    value.push_back(
        {{"id",
          fmt::format("{}/backupFabrics/Azure/protectionContainers/iaasvmcontainer;{}/protectableItems/vm;{}",
                      vault.id, tail, tail)},
         {"name", tail},
         {"type", "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectableItems"},
         {"properties",
          {{"protectableItemType", kVmType},
           {"friendlyName", vm.name},
           {"virtualMachineId", vm.id},
           {"virtualMachineVersion", "Compute"},
           {"resourceGroup", vm.group},
           {"backupManagementType", "AzureIaasVM"},
           {"workloadType", "VM"},
           {"protectionState", "NotProtected"}}}});
  }
  return value;
}

Reply list_protectable_items(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const Filter filter = parse_filter(request);
  const auto management = filter.find("backupmanagementtype");
  if (management == filter.end() || same(management->second, "AzureIaasVM"))
    return Reply::json(200, {{"value", protectable_vms(recovery, vault, filter)}});
  if (!same(management->second, "AzureWorkload")) throw_invalid_input("The backupManagementType is unknown.");
  const auto type = filter.find("workloadtype");
  const std::string wanted = type == filter.end() ? "" : workload_of(type->second);
  Json value = Json::array();
  for (const auto& container : recovery.store.list("container", vault.id)) {
    const Json& properties = container.properties();
    if (properties["registrationStatus"] != "Registered" ||
        properties["backupManagementType"] != "AzureWorkload")
      continue;
    if (!passes(filter, "containername", container.name())) continue;
    for (const auto& database : databases_of(recovery, properties["sourceResourceId"])) {
      const std::string name = database.notes["name"];
      if (!find_database(recovery, container, name)) continue;
      if (!wanted.empty() && shown_type(wanted) != shown_type(database.notes["type"])) continue;
      if (!passes(filter, "friendlyname", database.notes["friendly"])) continue;
      if (is_protected(recovery, container, database)) continue;
      value.push_back(protectable_body(container, database, has_intent(recovery, container, database)));
    }
  }
  return Reply::json(200, {{"value", value}});
}

// The instances and databases of one container with where their files are.
Reply list_workload_items(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const auto container = find_container(recovery, recovery.container_id(request, vault));
  if (!container) throw_item_not_found();
  const Filter filter = parse_filter(request);
  Json value = Json::array();
  for (const auto& database : databases_of(recovery, container->properties()["sourceResourceId"])) {
    const std::string name = database.notes["name"], type = database.notes["type"];
    if (!passes(filter, "workloaditemtype", type)) continue;
    if (const auto word = filter.find("workloadtype");
        word != filter.end() && shown_type(workload_of(word->second)) != shown_type(type))
      continue;
    Json properties = {
        {"workloadItemType", type},
        {"friendlyName", database.notes["friendly"]},
        {"parentName", database.notes["parent"]},
        {"serverName", container->properties()["friendlyName"]},
        {"backupManagementType", "AzureWorkload"},
        {"workloadType", shown_type(type)},
        {"protectionState", is_protected(recovery, *container, database) ? "Protected" : "NotProtected"}};
    if (type == "SQLInstance")
      properties["dataDirectoryPaths"] = database.notes.value("files", Json::array());
    value.push_back({{"id", container->id + "/items/" + name},
                     {"name", name},
                     {"type", "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/items"},
                     {"properties", properties}});
  }
  return Reply::json(200, {{"value", value}});
}

// ---- automatic protection ----

Reply put_intent(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const Json& body = request.object();
  const std::string item = text_at(body, "/properties/itemId"),
                    policy_id = text_at(body, "/properties/policyId");
  const auto at = lower(item).find("/protectableitems/");
  if (at == std::string::npos) throw_invalid_input("itemId must be the id of a protectable item.");
  const auto container = find_container(recovery, item.substr(0, at));
  const std::string name = item.substr(at + std::string("/protectableitems/").size());
  const auto database = container ? find_database(recovery, *container, name) : std::nullopt;
  if (!database) throw_item_not_found();
  const std::string type = database->notes["type"];
  if (type != "SQLInstance" && type != "SQLAvailabilityGroupContainer")
    throw_invalid_input("Only SQL instances and availability groups can be protected automatically.");
  const auto policy = recovery.store.find(policy_id);
  if (!policy || policy->vault != lower(vault.id) ||
      workload_of(policy->properties().value("workLoadType", "")) != "SQLDataBase")
    throw_invalid_input("The policy is not one for SQL databases in this vault.");
  if (recovery.store.count_by_ref("intent", item) > 0)
    throw_recovery(409, "BMSUserErrorConflictingProtectionOperation",
                   "The item is protected automatically already.");
  RecoveryObject intent;
  intent.id = vault.id + "/backupFabrics/Azure/backupProtectionIntent/" + request.param("intent");
  intent.vault = vault.id;
  intent.kind = "intent";
  intent.ref = item;
  intent.at = recovery.now();
  intent.body = {{"id", intent.id},
                 {"name", request.param("intent")},
                 {"type", "Microsoft.RecoveryServices/vaults/backupFabrics/backupProtectionIntent"},
                 {"properties",
                  {{"protectionIntentItemType", "RecoveryServiceVaultItem"},
                   {"backupManagementType", "AzureWorkload"},
                   {"itemId", item},
                   {"policyId", policy_id},
                   {"protectionState", "NotProtected"}}}};
  recovery.store.save(intent);
  protect_by_intents(recovery, *container);
  return Reply::json(200, intent.body);
}

Reply list_intents(Recovery& recovery, Request& request) {
  return recovery_page(
      recovery, request, "intent", recovery.vault(request).id, false,
      [](const RecoveryObject&) { return true; }, [](const RecoveryObject& intent) { return intent.body; });
}

std::string intent_id(Recovery& recovery, const Request& request) {
  return recovery.vault(request).id + "/backupFabrics/Azure/backupProtectionIntent/" +
         request.param("intent");
}

}  // namespace

std::vector<RecoveryObject> databases_of(Recovery& recovery, const std::string& vm_id) {
  return recovery.store.children("database", vm_id);
}

std::optional<RecoveryObject> find_database(Recovery& recovery, const RecoveryObject& container,
                                            const std::string& name) {
  const Json& known = container.notes.at("known");
  const bool seen = std::any_of(known.begin(), known.end(),
                                [&](const Json& entry) { return same(entry.get<std::string>(), name); });
  if (!seen) return std::nullopt;
  return recovery.store.find(container.properties()["sourceResourceId"].get<std::string>() + "/databases/" +
                             name);
}

void inquire(Recovery& recovery, RecoveryObject& container) {
  Json known = Json::array();
  std::map<std::string, int> counts = {{"SAPHana", 0}, {"SQL", 0}};
  for (const auto& database : databases_of(recovery, container.properties()["sourceResourceId"])) {
    known.push_back(database.notes["name"]);
    ++counts[shown_type(database.notes["type"])];
  }
  container.notes["known"] = known;
  Json details = Json::array();
  for (const auto& [type, count] : counts)
    details.push_back({{"type", type},
                       {"itemCount", count},
                       {"inquiryValidation", {{"status", "Success"}, {"protectableItemCount", count}}}});
  container.properties()["extendedInfo"] = {
      {"hostServerName", container.properties()["friendlyName"]},
      {"inquiryInfo",
       {{"status", "Success"},
        {"errorDetail",
         {{"code", "Success"}, {"message", "Not Available"}, {"recommendations", Json::array()}}},
        {"inquiryDetails", details}}}};
  container.properties()["lastUpdatedTime"] = iso(recovery.now());
  recovery.store.save(container);
  protect_by_intents(recovery, container);
}

// Databases of an instance under automatic protection that are not protected yet.
void protect_by_intents(Recovery& recovery, const RecoveryObject& container) {
  const auto databases = databases_of(recovery, container.properties()["sourceResourceId"]);
  for (const auto& instance : databases) {
    if (!find_database(recovery, container, instance.notes["name"])) continue;
    const auto intents =
        recovery.store.by_ref("intent", lower(container.id) + "/protectableitems/" +
                                            lower(instance.notes["name"].get<std::string>()));
    if (intents.empty()) continue;
    for (const auto& database : databases) {
      if (database.notes["type"] != "SQLDataBase" || database.notes["parent"] != instance.notes["friendly"])
        continue;
      if (!find_database(recovery, container, database.notes["name"]) ||
          is_protected(recovery, container, database))
        continue;
      protect_database(recovery, container, database, intents.front().properties()["policyId"]);
    }
  }
}

void add_recovery_discovery(Router& router, Recovery& recovery) {
  router.arm("GET", kVaultPath + "/backupProtectableItems", kBackupVersions,
             [&recovery](Request& request) { return list_protectable_items(recovery, request); });
  router.arm("GET", kContainerPath + "/items", kBackupVersions,
             [&recovery](Request& request) { return list_workload_items(recovery, request); });
  const std::string intent = kFabricPath + "/backupProtectionIntent/{intent}";
  router.arm("PUT", intent, kBackupVersions,
             [&recovery](Request& request) { return put_intent(recovery, request); });
  router.arm("GET", intent, kBackupVersions, [&recovery](Request& request) {
    const auto found = recovery.store.find(intent_id(recovery, request));
    if (!found) throw_item_not_found();
    return Reply::json(200, found->body);
  });
  router.arm("DELETE", intent, kBackupVersions, [&recovery](Request& request) {
    const std::string id = intent_id(recovery, request);
    if (!recovery.store.find(id)) throw_item_not_found();
    recovery.store.erase(id);
    return Reply::empty(204);
  });
  router.arm("GET", kVaultPath + "/backupProtectionIntents", kBackupVersions,
             [&recovery](Request& request) { return list_intents(recovery, request); });
}

}  // namespace azlin::simulator
