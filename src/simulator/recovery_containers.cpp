// Which VMs can be registered, and registering them.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/recovery.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kVmType = "Microsoft.Compute/virtualMachines";
constexpr const char* kType = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers";
constexpr core::Millis kRegisterDemo{1'500}, kRegisterRealistic{150'000};

std::string container_name(const Resource& vm) {
  return fmt::format("VMAppContainer;Compute;{};{}", vm.group, lower(vm.name));
}

bool workload(const std::string& management) {
  return same(management, "AzureWorkload");
}

std::string require_management(const Filter& filter) {
  const auto found = filter.find("backupmanagementtype");
  if (found == filter.end()) throw_invalid_input("The filter must name a backupManagementType.");
  if (!workload(found->second) && !same(found->second, "AzureIaasVM"))
    throw_invalid_input("The backupManagementType is not one that this vault serves.");
  return found->second;
}

// Registered with any vault, or about to be.
bool is_registered(Recovery& recovery, const std::string& vm_id) {
  for (const auto& container : recovery.store.by_ref("container", vm_id)) {
    if (container.properties().value("registrationStatus", "") == "Registered" &&
        workload(container.properties().value("backupManagementType", "")))
      return true;
  }
  return false;
}

std::string discovery_id(const Resource& vault) {
  return vault.id + "/discovered";
}

Reply refresh(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const Filter filter = parse_filter(request);
  if (filter.count("backupmanagementtype") != 0) require_management(filter);
  RecoveryOperation operation;
  operation.base = vault.id + "/backupFabrics/Azure";
  operation.status_part = "";
  operation.final_status = 204;
  operation.effect = "discover";
  operation.data = {{"vault", vault.id}, {"id", discovery_id(vault)}};
  return recovery.start(request, operation);
}

Json discover(Recovery& recovery, const Json& data) {
  RecoveryObject discovered;
  discovered.id = data.at("id").get<std::string>();
  discovered.vault = data.at("vault").get<std::string>();
  discovered.kind = "discovered";
  discovered.at = recovery.now();
  recovery.store.save(discovered);
  return nullptr;
}

bool is_discovered(Recovery& recovery, const Resource& vault, const Resource& vm) {
  const auto last = recovery.store.find(discovery_id(vault));
  return last && same(vm.location, vault.location) && vm.created <= last->at;
}

Reply list_protectable(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  require_management(parse_filter(request));
  Json value = Json::array();
  ListFilter filter;
  filter.type = kVmType;
  filter.subscription = vault.subscription;
  for (const auto& vm : recovery.context.state.list(filter)) {
    if (!is_discovered(recovery, vault, vm) || is_registered(recovery, vm.id)) continue;
    const std::string name = container_name(vm);
    value.push_back({{"id", vault.id + "/backupFabrics/Azure/protectableContainers/" + name},
                     {"name", name},
                     {"type", "Microsoft.RecoveryServices/vaults/backupFabrics/protectableContainers"},
                     {"properties",
                      {{"friendlyName", vm.name},
                       {"backupManagementType", "AzureWorkload"},
                       {"protectableContainerType", "VMAppContainer"},
                       {"healthStatus", "Healthy"},
                       {"containerId", vm.id}}}});
  }
  return Reply::json(200, {{"value", value}});
}

// The VM that a registration is about, checked against the container's name.
Resource check_source(Recovery& recovery, const Resource& vault, const Request& request,
                      const Json& properties) {
  const std::string source = text_at(properties, "/sourceResourceId");
  if (source.empty()) throw_invalid_input("sourceResourceId is missing.");
  const auto vm = recovery.context.state.find(source);
  if (!vm || !same(vm->type, kVmType) || !is_discovered(recovery, vault, *vm)) throw_item_not_found();
  if (!same(container_name(*vm), request.param("container")))
    throw_recovery(400, "BMSUserErrorContainerNameIncorrectFormat",
                   "The container's name is not in the format 'VMAppContainer;Compute;<resource "
                   "group>;<virtual machine>' of "
                   "its source.");
  for (const auto& other : recovery.store.by_ref("container", vm->id)) {
    if (other.vault != lower(vault.id) && other.properties()["registrationStatus"] == "Registered" &&
        workload(other.properties()["backupManagementType"]))
      throw_invalid_input("The virtual machine is registered with another vault; unregister it there first.");
  }
  return *vm;
}

Reply register_container(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  Json body = request.object();
  drop_nulls(body);
  const Json properties = subtree_at(body, "/properties");
  if (!properties.is_object() || !workload(text_at(properties, "/backupManagementType")) ||
      !same(text_at(properties, "/containerType", "VMAppContainer"), "VMAppContainer"))
    throw_invalid_input(
        "A container of type VMAppContainer and management type AzureWorkload is registered here.");
  const std::string type = workload_of(text_at(properties, "/workloadType"));
  if (type != "SQLDataBase" && type != "SAPHanaDatabase" && type != "SAPHanaDBInstance")
    throw_invalid_input("workloadType must be SAPHanaDatabase or SQLDataBase.");
  const std::string verb = text_at(properties, "/operationType", "Register");
  if (!same(verb, "Register") && !same(verb, "Reregister")) throw_invalid_input("operationType is unknown.");
  const Resource vm = check_source(recovery, vault, request, properties);
  const std::string id = vault.id + "/backupFabrics/Azure/protectionContainers/" + container_name(vm);
  const auto pending = recovery.store.find(id + "/registering");
  if (pending) throw_recovery(400, "BadRequest", "Registration is already in progress.");
  if (same(verb, "Reregister") && !find_container(recovery, id)) throw_item_not_found();
  RecoveryObject mark;
  mark.id = id + "/registering";
  mark.vault = vault.id;
  mark.kind = "registering";
  if (!request.fail_operation) recovery.store.save(mark);  // one that fails does not stay under way
  NewJob job;
  job.vault = vault.id;
  job.operation = "Register";
  job.workload = type;
  job.entity = lower(vm.name);
  job.item = id;
  job.demo = kRegisterDemo;
  job.realistic = kRegisterRealistic;
  recovery.start_job(job);
  RecoveryOperation operation;
  operation.base = id;
  operation.result_id = id;
  operation.effect = "register";
  operation.data = {{"id", id}, {"vault", vault.id}, {"vm", vm.id}, {"name", vm.name}, {"workload", type}};
  operation.demo = kRegisterDemo;
  operation.realistic = kRegisterRealistic;
  operation.body = Json::object();
  return recovery.start(request, operation);
}

Json finish_register(Recovery& recovery, const Json& data) {
  const std::string id = data.at("id"), vm = data.at("vm");
  recovery.store.erase(id + "/registering");
  if (!vm_running(recovery, vm))
    throw_recovery(
        400, "VMNotInRunningStateUserError",
        "The virtual machine is not in running state.\r\nStart the virtual machine and retry the operation.");
  auto existing = recovery.store.find(id);
  RecoveryObject container = existing.value_or(RecoveryObject{});
  container.id = id;
  container.vault = data.at("vault").get<std::string>();
  container.parent = container.vault;
  container.kind = "container";
  container.ref = vm;
  container.at = recovery.now();
  container.body = {{"id", id},
                    {"name", container.name()},
                    {"properties",
                     {{"containerType", "VMAppContainer"},
                      {"friendlyName", lower(data.at("name").get<std::string>())},
                      {"backupManagementType", "AzureWorkload"},
                      {"registrationStatus", "Registered"},
                      {"healthStatus", "Healthy"},
                      {"protectableObjectType", "VMAppContainer"},
                      {"sourceResourceId", vm},
                      {"workloadType", data.at("workload")},
                      {"lastUpdatedTime", iso(recovery.now())}}}};
  inquire(recovery, container);
  return nullptr;
}

Json with_type(const RecoveryObject& container) {
  Json body = container.body;
  body["type"] = kType;
  return body;
}

Reply list_containers(Recovery& recovery, Request& request, bool deleted) {
  const Resource vault = recovery.vault(request);
  const Filter filter = parse_filter(request);
  const std::string management = require_management(filter);
  return recovery_page(
      recovery, request, "container", vault.id, false,
      [&](const RecoveryObject& container) {
        const Json& properties = container.properties();
        const bool gone = properties["registrationStatus"] == "SoftDeleted";
        return gone == deleted && same(properties["backupManagementType"].get<std::string>(), management) &&
               passes(filter, "status", properties["registrationStatus"]) &&
               passes(filter, "friendlyname", properties["friendlyName"]) &&
               passes(filter, "containertype", properties["containerType"]);
      },
      with_type);
}

Reply delete_container(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const std::string id = recovery.container_id(request, vault);
  const auto container = find_container(recovery, id);
  if (!container) return Reply::empty(204);
  if (!workload(container->properties()["backupManagementType"])) return Reply::empty(204);
  for (const auto& item : recovery.store.children("item", id)) {
    const std::string state = item.properties()["protectionState"];
    if (state == "Protected" || state == "IRPending" || state == "ProtectionError" ||
        state == "ProtectionPaused")
      throw_recovery(
          400, "BMSUserErrorContainerHasDatasources",
          "This container has items that are protected; it cannot be unregistered.\r\nStop protection of "
          "all of its items, then retry.");
  }
  NewJob job;
  job.vault = vault.id;
  job.operation = "UnRegister";
  job.workload = container->properties().value("workloadType", "");
  job.entity = container->properties()["friendlyName"];
  job.item = id;
  recovery.start_job(job);
  RecoveryOperation operation;
  operation.base = id;
  operation.final_status = 204;
  operation.effect = "unregister";
  operation.data = {{"id", id}};
  return recovery.start(request, operation);
}

// A container whose items keep their backups stays, as soft deleted.
Json finish_unregister(Recovery& recovery, const Json& data) {
  auto container = recovery.store.find(data.at("id").get<std::string>());
  if (!container) return nullptr;
  if (recovery.store.children("item", container->id).empty()) {
    recovery.store.erase(container->id);
  } else {
    container->properties()["registrationStatus"] = "SoftDeleted";
    recovery.store.save(*container);
  }
  return nullptr;
}

Reply start_inquiry(Recovery& recovery, Request& request) {
  const Resource vault = recovery.vault(request);
  const Filter filter = parse_filter(request);
  require_management(filter);
  const std::string id = recovery.container_id(request, vault);
  if (!find_container(recovery, id)) throw_item_not_found();
  RecoveryOperation operation;
  operation.base = id;
  operation.status_part = "";
  operation.final_status = 204;
  operation.effect = "inquire";
  operation.data = {{"id", id}};
  return recovery.start(request, operation);
}

// Where a VM or one of its databases is protected, when the vault is not known.
Reply backup_status(Recovery& recovery, Request& request) {
  const Json& body = request.object();
  const std::string id = text_at(body, "/resourceId"), type = workload_of(text_at(body, "/resourceType"));
  if (id.empty()) throw_invalid_input("resourceId is missing.");
  const std::string object = text_at(body, "/poLogicalName");
  Json answer = {{"protectionStatus", "NotProtected"},
                 {"vaultId", ""},
                 {"fabricName", "Invalid"},
                 {"containerName", ""},
                 {"protectedItemName", ""},
                 {"errorCode", "Success"},
                 {"errorMessage", ""},
                 {"policyName", ""},
                 {"registrationStatus", "NotRegistered"}};
  for (const auto& container : recovery.store.by_ref("container", id)) {
    const Json& properties = container.properties();
    const bool of_vm = !workload(properties["backupManagementType"]);
    if (of_vm != (type == "VM")) continue;
    const auto vault = recovery.context.state.find(container.vault);
    answer["registrationStatus"] = properties["registrationStatus"];
    answer["containerName"] = container.name();
    answer["fabricName"] = "Azure";
    answer["vaultId"] = vault ? vault->id : container.vault;
    for (const auto& item : recovery.store.children("item", container.id)) {
      const Json& state = item.properties();
      if (!of_vm && !object.empty() && !same(state.value("friendlyName", ""), object)) continue;
      if (is_soft_deleted(item)) continue;
      answer["protectionStatus"] = "Protected";
      answer["protectedItemName"] = item.name();
      answer["policyName"] = state.value("policyName", "");
      break;
    }
  }
  return Reply::json(200, answer);
}

}  // namespace

std::string Recovery::container_id(const Request& request, const Resource& vault) const {
  return vault.id + "/backupFabrics/Azure/protectionContainers/" + request.param("container");
}

std::string Recovery::item_id(const Request& request, const Resource& vault) const {
  return container_id(request, vault) + "/protectedItems/" + request.param("item");
}

std::optional<RecoveryObject> find_container(Recovery& recovery, const std::string& id) {
  auto container = recovery.store.find(id);
  if (!container || container->properties()["registrationStatus"] != "Registered") return std::nullopt;
  return container;
}

bool vm_running(Recovery& recovery, const std::string& vm_id) {
  const auto vm = recovery.context.state.find(vm_id);
  if (!vm) return false;
  const std::string power =
      lower(text_at(vm->hidden, "/power", text_at(vm->hidden, "/powerState", "running")));
  return power.find("running") != std::string::npos;
}

void add_recovery_containers(Router& router, Recovery& recovery) {
  recovery.effects["discover"] = discover;
  recovery.effects["register"] = finish_register;
  recovery.effects["unregister"] = finish_unregister;
  recovery.effects["inquire"] = [](Recovery& all, const Json& data) -> Json {
    if (auto container = find_container(all, data.at("id"))) inquire(all, *container);
    return nullptr;
  };
  router.arm("POST", kFabricPath + "/refreshContainers", kBackupVersions,
             [&recovery](Request& request) { return refresh(recovery, request); });
  router.arm("GET", kFabricPath + "/protectableContainers", kBackupVersions,
             [&recovery](Request& request) { return list_protectable(recovery, request); });
  router.arm("GET", kVaultPath + "/backupProtectionContainers", kBackupVersions,
             [&recovery](Request& request) { return list_containers(recovery, request, false); });
  router.arm("GET", kVaultPath + "/backupDeletedProtectionContainers", kBackupVersions,
             [&recovery](Request& request) { return list_containers(recovery, request, true); });
  router.arm("PUT", kContainerPath, kBackupVersions,
             [&recovery](Request& request) { return register_container(recovery, request); });
  router.arm("GET", kContainerPath, kBackupVersions, [&recovery](Request& request) {
    const auto container = find_container(recovery, recovery.container_id(request, recovery.vault(request)));
    if (!container) throw_item_not_found();
    return Reply::json(200, with_type(*container));
  });
  router.arm("DELETE", kContainerPath, kBackupVersions,
             [&recovery](Request& request) { return delete_container(recovery, request); });
  router.arm("POST", kContainerPath + "/inquire", kBackupVersions,
             [&recovery](Request& request) { return start_inquiry(recovery, request); });
  router.arm("POST", kRegionPath + "/backupStatus", kBackupVersions,
             [&recovery](Request& request) { return backup_status(recovery, request); });
}

}  // namespace azlin::simulator
