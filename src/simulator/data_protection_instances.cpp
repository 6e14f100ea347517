// Backup instances: a storage account under a policy.
#include <fmt/format.h>

#include "simulator/data_protection.hpp"
#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/storage.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kProtectKind = "protection configure";
constexpr const char* kRemoveKind = "protection remove";
constexpr const char* kValidateKind = "protection validate";
constexpr std::size_t kMostContainers = 100;
constexpr const char* kLock = "AzureBackupProtectionLock";
constexpr const char* kLockType = "Microsoft.Authorization/locks";

[[noreturn]] void refuse(const std::string& code, const std::string& message) {
  throw ApiError(400, code, message);
}

// The account that the instance's body names, after its checks.
Resource checked_account(Context& context, const Json& properties) {
  if (text_at(properties, "/objectType") != "BackupInstance")
    refuse("BMSUserErrorInvalidInput", "The objectType must be BackupInstance.");
  if (text_at(properties, "/dataSourceInfo/datasourceType") != kBlobSource)
    refuse("BMSUserErrorInvalidInput",
           fmt::format("The simulated Azure Backup protects {} only.", kBlobSource));
  const std::string id = text_at(properties, "/dataSourceInfo/resourceID");
  if (!same(check_id(id, "dataSourceInfo.resourceID").type, kStorageType))
    refuse("BMSUserErrorInvalidInput", "The resourceID must be that of a storage account.");
  return require(context, id);
}

// Vaulted backups are of containers that are named.
void check_containers(const Json& properties) {
  const Json parameters =
      properties.value("/policyInfo/policyParameters/backupDatasourceParametersList"_json_pointer, Json());
  const Json first = parameters.is_array() && !parameters.empty() ? parameters[0] : Json::object();
  const Json containers = first.value("containersList", Json());
  if (text_at(first, "/objectType") != "BlobBackupDatasourceParameters" || !containers.is_array() ||
      containers.empty() || containers.size() > kMostContainers)
    refuse("BMSUserErrorInvalidInput", "Vaulted backups need a containersList of 1 to 100 containers.");
}

Resource checked_policy(Context& context, const Json& properties, const Resource& vault) {
  const std::string id = text_at(properties, "/policyInfo/policyId");
  const auto policy = context.state.find(id);
  if (!policy || !lower(id).starts_with(lower(vault.id) + "/"))
    refuse("BMSUserErrorPolicyNotFound", fmt::format("The backup policy '{}' is not in the vault.", id));
  if (vaulted_days(policy->body["properties"]) > 0) check_containers(properties);
  return *policy;
}

void check_unprotected(Context& context, const Resource& account, const std::string& own) {
  ListFilter filter;
  filter.type = kBackupInstanceType;
  for (const auto& instance : context.state.list(filter))
    if (!same(instance.id, own) &&
        same(text_at(instance.body, "/properties/dataSourceInfo/resourceID"), account.id))
      refuse("UserErrorDppDatasourceAlreadyProtected",
             fmt::format("The storage account '{}' is protected by another backup instance already.",
                         account.name));
}

// What the vault's identity must be allowed: "Storage Account Backup Contributor".
void check_permission(Context& context, const Json& data) {
  const std::string principal = data["principal"], account = data["account"];
  if (!principal.empty() &&
      context.access.allows(principal, "Microsoft.Storage/storageAccounts/blobServices/write", account))
    return;
  refuse("UserErrorMissingRequiredPermissions",
         "Appropriate permissions to perform the operation is missing: the vault's identity needs the role "
         "Storage "
         "Account Backup Contributor on the storage account.");
}

void set_lock(Context& context, const std::string& account) {
  Resource lock;
  lock.id = account + "/providers/" + kLockType + "/" + kLock;
  lock.type = kLockType;
  lock.name = kLock;
  lock.ref = lower(account);
  lock.body = {{"id", lock.id},
               {"name", kLock},
               {"type", kLockType},
               {"properties", {{"level", "CanNotDelete"}, {"notes", "Set by Azure Backup for blobs"}}}};
  context.save(lock);
}

void set_state(Resource& instance, const std::string& provisioning, const std::string& protection) {
  Json& properties = instance.body["properties"];
  properties["provisioningState"] = provisioning;
  properties["currentProtectionState"] = protection;
  properties["protectionStatus"] = {{"status", protection}};
}

Json protect(Context& context, const Json& data) {
  auto instance = context.state.find(data["id"].get<std::string>());
  if (!instance) return nullptr;
  check_permission(context, data);
  if (data["days"] != 0) {  // vaulted backups change nothing on the account
    protect_for_backup(context, data["account"], data["days"]);
    set_lock(context, data["account"]);
  }
  set_state(*instance, "Succeeded", "ProtectionConfigured");
  context.save(*instance);
  return instance->body;
}

void not_protected(Context& context, const Json& data, const ApiError& error) {
  auto instance = context.state.find(data["id"].get<std::string>());
  if (!instance) return;
  set_state(*instance, "Failed", "ProtectionError");
  instance->body["properties"]["protectionErrorDetails"] = {{"code", error.code}, {"message", error.message}};
  context.save(*instance);
}

Json work_data(const Resource& vault, const Resource& account, const Resource& policy,
               const std::string& id) {
  return {{"id", id},
          {"account", account.id},
          {"days", operational_days(policy.body["properties"])},
          {"principal", text_at(vault.body, "/identity/principalId")}};
}

Reply put_instance(Context& context, Request& request) {
  const Resource vault = backup_vault_of(context, request);
  Json properties = request.object().value("properties", Json::object());
  drop_nulls(properties);
  const Resource account = checked_account(context, properties),
                 policy = checked_policy(context, properties, vault);
  if (account.location != vault.location)
    refuse("BMSUserErrorInvalidInput", "The storage account must be in the region of the vault.");
  const auto existing = context.state.find(request.target.id);
  check_unprotected(context, account, request.target.id);
  Resource instance = existing.value_or(Resource());
  instance.id = vault.id + "/backupInstances/" + request.param("instance");
  instance.type = kBackupInstanceType;
  instance.name = request.param("instance");
  instance.ref = lower(policy.id);
  instance.hidden = {{"since", core::to_iso8601(context.now())}};
  instance.body = {{"id", instance.id},
                   {"name", instance.name},
                   {"type", kBackupInstanceType},
                   {"properties", properties}};
  set_state(instance, "Provisioning", "ConfiguringProtection");
  context.save(instance);
  return start_protection(context, request, vault, kProtectKind,
                          work_data(vault, account, policy, instance.id), existing ? 200 : 201,
                          instance.body);
}

Reply validate(Context& context, Request& request) {
  const Resource vault = backup_vault_of(context, request);
  const Json properties = request.object().value("backupInstance", Json::object());
  const Resource account = checked_account(context, properties),
                 policy = checked_policy(context, properties, vault);
  check_unprotected(context, account, "");
  return start_protection(context, request, vault, kValidateKind, work_data(vault, account, policy, ""), 202);
}

Reply delete_instance(Context& context, Request& request) {
  const auto instance = context.state.find(request.target.id);
  if (!instance) return Reply::empty(204);
  const Resource vault = backup_vault_of(context, request);
  return start_protection(
      context, request, vault, kRemoveKind,
      {{"id", instance->id}, {"account", text_at(instance->body, "/properties/dataSourceInfo/resourceID")}},
      202);
}

// The settings of the account stay; only the lock goes.
Json remove(Context& context, const Json& data) {
  context.state.erase(data["account"].get<std::string>() + "/providers/" + kLockType + "/" + kLock);
  erase_with_children(context, data["id"]);
  return nullptr;
}

}  // namespace

void register_backup_instances(Router& router, Context& context) {
  const std::string vault = group_path(kBackupVaultType) + "/{vault}", path = vault + "/backupInstances",
                    one = path + "/{instance}";
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kBackupVaultType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  on("GET", path, [](Context& cloud, Request& request) {
    ListFilter filter;
    filter.type = kBackupInstanceType;
    filter.id_prefix = lower(backup_vault_of(cloud, request).id) + "/";
    return page_reply(request, cloud.state.page(filter, page_start(request), 1'000, {}));
  });
  on("GET", one, get_resource);
  on("PUT", one, put_instance);
  on("DELETE", one, delete_instance);
  on("POST", vault + "/validateForBackup", validate);
  context.operations.on(kProtectKind, protect, not_protected);
  context.operations.on(kRemoveKind, remove);
  context.operations.on(kValidateKind, [](Context& cloud, const Json& data) -> Json {
    check_permission(cloud, data);
    return {{"objectType", "OperationJobExtendedInfo"}};
  });
}

}  // namespace azlin::simulator
