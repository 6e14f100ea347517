// Backup vaults and their policies.
#include <fmt/format.h>

#include "simulator/data_protection.hpp"
#include "simulator/json_util.hpp"
#include "simulator/platform.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr int kMostOperational = 360;

void check_name(const std::string& name) {
  const bool good =
      name.size() >= 2 && name.size() <= 50 && std::isalpha(static_cast<unsigned char>(name[0])) &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '-'; });
  if (!good)
    throw ApiError(
        400, "InvalidVaultName",
        fmt::format("The vault name '{}' is invalid: 2 to 50 letters, digits and hyphens, from a letter on.",
                    name));
}

Json checked_storage(const Json& properties) {
  const Json settings = properties.value("storageSettings", Json());
  if (!settings.is_array() || settings.empty()) refuse_missing("properties.storageSettings");
  Json kept = Json::array();
  for (const auto& setting : settings)
    kept.push_back(
        {{"datastoreType", enum_value(text_at(setting, "/datastoreType"),
                                      {"VaultStore", "OperationalStore", "ArchiveStore"}, "datastoreType")},
         {"type", enum_value(text_at(setting, "/type"), {"GeoRedundant", "LocallyRedundant", "ZoneRedundant"},
                             "type")}});
  return kept;
}

void set_identity(Resource& vault, const Json& body) {
  if (!body.contains("identity")) return;
  const std::string type =
      enum_value(text_at(body, "/identity/type"), {"SystemAssigned", "None"}, "identity.type");
  vault.body["identity"] = {{"type", type}};
  if (type == "None") return;
  vault.body["identity"]["principalId"] = guid_from(lower(vault.id));
  vault.body["identity"]["tenantId"] = kTenant;
}

Reply put_vault(Context& context, Request& request) {
  check_name(request.target.name);
  Json body = request.object();
  drop_nulls(body);
  const Json properties = body.value("properties", Json::object());
  const auto existing = context.state.find(request.target.id);
  Resource vault = make_resource(context, request, kBackupVaultType);
  vault.body["properties"] = {
      {"provisioningState", "Succeeded"},
      {"storageSettings", checked_storage(properties)},
      {"isVaultProtectedByResourceGuard", false},
      {"securitySettings",
       properties.value("securitySettings",
                        Json{{"softDeleteSettings", {{"state", "On"}, {"retentionDurationInDays", 14}}}})}};
  if (existing) {
    vault.created = existing->created;
    vault.etag = existing->etag;
    if (existing->body["properties"]["storageSettings"] != vault.body["properties"]["storageSettings"])
      refuse_change("storageSettings");
    if (existing->body.contains("identity")) vault.body["identity"] = existing->body["identity"];
  }
  set_identity(vault, body);
  context.save(vault);
  return Reply::json(existing ? 200 : 201, vault.body);
}

Reply patch_vault(Context& context, Request& request) {
  Resource vault = require(context, request.target.id);
  Json body = request.object();
  drop_nulls(body);
  if (body.contains("tags")) {
    check_tags(body["tags"]);
    vault.body["tags"] = body["tags"];
  }
  set_identity(vault, body);
  context.save(vault);
  return Reply::json(200, vault.body);
}

bool has_children(Context& context, const std::string& id, const char* type) {
  ListFilter below;
  below.type = type;
  below.id_prefix = lower(id) + "/";
  return context.state.count(below) > 0;
}

Reply delete_vault(Context& context, Request& request) {
  if (!context.state.exists(request.target.id)) return Reply::empty(204);
  if (has_children(context, request.target.id, kBackupInstanceType))
    throw ApiError(400, "BMSUserErrorContainerObjectExists",
                   "The backup vault has backup instances; delete them before the vault.");
  erase_with_children(context, request.target.id);
  return Reply::empty(200);
}

[[noreturn]] void refuse_policy(const std::string& why) {
  throw ApiError(400, "BMSUserErrorInvalidPolicy", "The backup policy is invalid: " + why);
}

Reply put_policy(Context& context, Request& request) {
  const Resource vault = backup_vault_of(context, request);
  Json properties = request.object().value("properties", Json::object());
  drop_nulls(properties);
  if (operational_days(properties) + vaulted_days(properties) == 0)
    refuse_policy("it keeps neither operational nor vaulted backups.");
  if (const auto existing = context.state.find(request.target.id)) {
    if (existing->body["properties"] == properties) return Reply::json(200, existing->body);
    throw ApiError(400, "UserErrorPolicyUpdateNotSupported",
                   "A backup policy cannot be changed; make a new one.");
  }
  Resource policy;
  policy.id = vault.id + "/backupPolicies/" + request.param("policy");
  policy.type = kBackupPolicyType;
  policy.name = request.param("policy");
  policy.body = {
      {"id", policy.id}, {"name", policy.name}, {"type", kBackupPolicyType}, {"properties", properties}};
  context.save(policy);
  return Reply::json(200, policy.body);
}

Reply delete_policy(Context& context, Request& request) {
  const auto policy = context.state.find(request.target.id);
  if (!policy) return Reply::empty(204);
  if (!context.state.list_by_ref(kBackupInstanceType, lower(policy->id)).empty())
    throw ApiError(400, "UserErrorPolicyInUse", "Backup instances use the policy.");
  context.state.erase(policy->id);
  return Reply::empty(200);
}

}  // namespace

int retention_days_of(const std::string& duration) {
  const bool sound = duration.size() >= 3 && duration.size() <= 6 && duration[0] == 'P' &&
                     duration.back() == 'D' &&
                     duration.find_first_not_of("0123456789", 1) == duration.size() - 1;
  return sound ? std::stoi(duration.substr(1)) : 0;
}

int operational_days(const Json& properties) {
  if (text_at(properties, "/objectType") != "BackupPolicy")
    refuse_policy("its objectType must be BackupPolicy.");
  if (properties.value("datasourceTypes", Json()) != Json::array({kBlobSource}))
    refuse_policy(fmt::format("its datasourceTypes must be [{}].", kBlobSource));
  int days = 0;
  bool retention = false;
  for (const auto& rule : properties.value("policyRules", Json::array())) {
    if (text_at(rule, "/objectType") != "AzureRetentionRule") continue;
    for (const auto& cycle : rule.value("lifecycles", Json::array())) {
      const int found = retention_days_of(text_at(cycle, "/deleteAfter/duration"));
      if (found == 0) refuse_policy("a lifecycle needs a deleteAfter with a duration in days.");
      retention = retention || flag_at(rule, "/isDefault", false);
      if (text_at(cycle, "/sourceDataStore/dataStoreType") == "OperationalStore")
        days = std::max(days, found);
    }
  }
  if (!retention) refuse_policy("it needs a default AzureRetentionRule.");
  if (days > kMostOperational) refuse_policy("operational backups are kept for 360 days at most.");
  return days;
}

Resource backup_vault_of(Context& context, const Request& request) {
  return require(context,
                 fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                             request.param("rg"), kBackupVaultType, request.param("vault")));
}

Reply start_protection(Context& context, const Request& request, const Resource& vault,
                       const std::string& effect, const Json& data, int status, const Json& body) {
  Work work{effect, vault.id + "/work/" + request.request_id, data, core::Millis{1'000},
            core::Millis{30'000}};
  Reply reply = context.operations.start(request, LroShape::protection, vault.location, work, status, body);
  return reply;
}

void register_backup_policies(Router& router, Context& context) {
  const std::string path = group_path(kBackupVaultType) + "/{vault}/backupPolicies", one = path + "/{policy}";
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kBackupVaultType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  on("GET", path, [](Context& cloud, Request& request) {
    ListFilter filter;
    filter.type = kBackupPolicyType;
    filter.id_prefix = lower(backup_vault_of(cloud, request).id) + "/";
    return page_reply(request, cloud.state.page(filter, page_start(request), 1'000, {}));
  });
  on("GET", one, get_resource);
  on("PUT", one, put_policy);
  on("DELETE", one, delete_policy);
}

void register_data_protection(Router& router, Context& context) {
  const std::string path = group_path(kBackupVaultType), one = path + "/{vault}";
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kBackupVaultType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  const auto list = [](Context& cloud, Request& request) {
    return list_resources(cloud, request, kBackupVaultType);
  };
  on("GET", path, list);
  on("GET", subscription_path(kBackupVaultType), list);
  on("GET", one, get_resource);
  on("PUT", one, put_vault);
  on("PATCH", one, patch_vault);
  on("DELETE", one, delete_vault);
  register_backup_policies(router, context);
  register_backup_instances(router, context);
  register_blob_restores(router, context);
}

}  // namespace azlin::simulator
