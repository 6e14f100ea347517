// Disk encryption sets. Source: REST reference, Disk Encryption Sets (2023-10-02).
#include <fmt/format.h>

#include <algorithm>

#include "simulator/disk_rules.hpp"
#include "simulator/encryption_sets.hpp"
#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kDiskType = "Microsoft.Compute/disks";
constexpr const char* kSnapshotType = "Microsoft.Compute/snapshots";
constexpr const char* kAssignmentType = "Microsoft.Authorization/roleAssignments";
constexpr const char* kTenant = "11111111-1111-1111-1111-111111111111";
// Key Vault Crypto Service Encryption User, Crypto Officer, Administrator: built-in roles.
constexpr const char* kCryptoRoles[] = {"e147488a-f6f5-4113-8e2d-b22465e65bf6",
                                        "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
                                        "00482a5a-887f-4fb3-b363-3b7fe8e74483"};

std::string key_url(const Json& properties) {
  return text_at(properties, "/activeKey/keyUrl");
}

// What follows "/keys/": name, and version where one is stated.
std::string key_path(const std::string& url) {
  const auto at = url.find("/keys/");
  return at == std::string::npos ? "" : url.substr(at + 6);
}

bool has_version(const std::string& url) {
  const std::string path = key_path(url);
  const auto slash = path.find('/');
  return slash != std::string::npos && slash + 1 < path.size();
}

void check_active_key(Context& context, const Resource& set) {
  const Json& properties = set.body["properties"];
  const std::string url = key_url(properties), vault_id = text_at(properties, "/activeKey/sourceVault/id");
  if (url.empty()) throw_missing("encryptionSet.activeKey.keyUrl");
  if (vault_id.empty()) throw_missing("encryptionSet.activeKey.sourceVault.id");
  if (key_path(url).empty()) throw_invalid("activeKey.keyUrl", "The key URL '" + url + "' is not valid.");
  if (!has_version(url) && !flag_at(properties, "/rotationToLatestKeyVersionEnabled", false))
    throw_invalid("activeKey.keyUrl", "The key URL '" + url + "' must contain the version of the key.");
  const Resource vault = require(context, vault_id);
  if (vault.location != set.location)
    throw_invalid("activeKey.sourceVault.id",
                  "The key vault must be in the same region as the disk encryption set.");
  if (!flag_at(vault.body, "/properties/enablePurgeProtection", false))
    throw_invalid("activeKey.sourceVault.id",
                  "The key vault must have soft delete and purge protection enabled.");
}

// System-assigned: an identity of the set's own. User-assigned ones are not simulated.
void apply_identity(Resource& set, const Json& body) {
  const std::string type = text_at(body, "/identity/type");
  if (!type.empty() && !same(type, "SystemAssigned") && !same(type, "None"))
    throw_invalid("identity.type", "The identity type '" + type + "' is not simulated.");
  if (same(type, "SystemAssigned") && !set.body.contains("identity"))
    set.body["identity"] = {{"type", "SystemAssigned"}, {"principalId", new_guid()}, {"tenantId", kTenant}};
  if (same(type, "None")) set.body.erase("identity");
}

void apply_properties(Context& context, Resource& set, const Json& wanted) {
  Json& properties = set.body["properties"];
  const std::string type =
      choice(wanted, "encryptionType", "encryptionType",
             {"EncryptionAtRestWithCustomerKey", "EncryptionAtRestWithPlatformAndCustomerKeys",
              "ConfidentialVmEncryptedWithCustomerKey"});
  if (!type.empty() && properties.contains("encryptionType") && properties["encryptionType"] != type)
    throw_change_not_allowed("encryptionType", set.name);
  if (!properties.contains("encryptionType"))
    properties["encryptionType"] = type.empty() ? "EncryptionAtRestWithCustomerKey" : type;
  for (const char* member : {"activeKey", "rotationToLatestKeyVersionEnabled"}) {
    if (wanted.contains(member)) properties[member] = wanted[member];
  }
  check_active_key(context, set);
  properties["provisioningState"] = "Succeeded";
  properties["lastKeyRotationTimestamp"] = core::to_iso8601(context.now());
}

Reply put_set(Context& context, Request& request) {
  check_disk_name(request.target.name, "diskEncryptionSet");
  Json body = request.object();
  drop_nulls(body);
  const auto existing = context.state.find(request.target.id);
  Resource set = make_resource(context, request, kEncryptionSetType);
  if (existing) {
    set.created = existing->created;
    set.etag = existing->etag;
    set.body["properties"] = existing->body["properties"];
    if (existing->body.contains("identity")) set.body["identity"] = existing->body["identity"];
  }
  apply_identity(set, body);
  apply_properties(context, set, body.value("properties", Json::object()));
  context.save(set);
  return Reply::json(200, context.present(set));
}

Reply patch_set(Context& context, Request& request) {
  Resource set = require(context, request.target.id);
  Json body = request.object();
  drop_nulls(body);
  if (body.contains("tags")) {
    check_tags(body["tags"]);
    set.body["tags"] = body["tags"];
  }
  apply_identity(set, body);
  apply_properties(context, set, body.value("properties", Json::object()));
  context.save(set);
  return Reply::json(200, context.present(set));
}

// Ids of the disks and snapshots that name the set.
std::vector<std::string> users_of(Context& context, const std::string& id) {
  std::vector<std::string> ids;
  for (const char* type : {kDiskType, kSnapshotType}) {
    ListFilter filter;
    filter.type = type;
    for (const auto& each : context.state.list(filter)) {
      if (same(text_at(each.body, "/properties/encryption/diskEncryptionSetId"), id)) ids.push_back(each.id);
    }
  }
  return ids;
}

Reply delete_set(Context& context, Request& request) {
  const auto set = context.state.find(request.target.id);
  if (!set) return Reply::empty(204);
  const auto users = users_of(context, set->id);
  if (!users.empty())
    throw_not_allowed(fmt::format("Disk encryption set '{}' cannot be deleted while it is in use by '{}'.",
                                  set->name, users.front()));
  erase_with_children(context, set->id);
  return Reply::empty(200);
}

bool may_by_policy(const Resource& vault, const std::string& principal) {
  for (const auto& policy : vault.body["properties"].value("accessPolicies", Json::array())) {
    if (!same(text_at(policy, "/objectId"), principal)) continue;
    std::vector<std::string> granted;
    for (const auto& each : policy.value("permissions", Json::object()).value("keys", Json::array()))
      granted.push_back(lower(each.get<std::string>()));
    const auto has = [&](const char* word) {
      return std::find(granted.begin(), granted.end(), word) != granted.end();
    };
    if (has("all") || (has("get") && has("wrapkey") && has("unwrapkey"))) return true;
  }
  return false;
}

bool may_by_role(Context& context, const Resource& vault, const std::string& principal) {
  ListFilter filter;
  filter.type = kAssignmentType;
  for (const auto& each : context.state.list(filter)) {
    const std::string scope = lower(text_at(each.body, "/properties/scope"));
    const std::string role = lower(text_at(each.body, "/properties/roleDefinitionId"));
    const bool covers = scope == "/" || (lower(vault.id) + "/").starts_with(scope + "/");
    const bool fits = std::any_of(std::begin(kCryptoRoles), std::end(kCryptoRoles),
                                  [&](const char* id) { return role.ends_with(id); });
    if (covers && fits && same(text_at(each.body, "/properties/principalId"), principal)) return true;
  }
  return false;
}

bool may_use_key(Context& context, const Resource& set, const Resource& vault) {
  const std::string principal = text_at(set.body, "/identity/principalId");
  if (principal.empty()) return false;
  return flag_at(vault.body, "/properties/enableRbacAuthorization", false)
             ? may_by_role(context, vault, principal)
             : may_by_policy(vault, principal);
}

}  // namespace

std::string check_encryption_set(Context& context, const std::string& id, const std::string& location) {
  const Resource set = require(context, id);
  if (set.location != location)
    throw_invalid("encryption.diskEncryptionSetId",
                  fmt::format("The disk encryption set '{}' is in region '{}', the resource in '{}'.",
                              set.name, set.location, location));
  const std::string url = key_url(set.body["properties"]);
  const auto vault = context.state.find(text_at(set.body, "/properties/activeKey/sourceVault/id"));
  if (vault && may_use_key(context, set, *vault) && key_is_usable(context, *vault, url))
    return text_at(set.body, "/properties/encryptionType");
  throw ApiError(400, "KeyVaultAccessForbidden",
                 fmt::format("Unable to access key vault resource '{}' to enable encryption at rest. Please "
                             "grant get, wrap and unwrap key permissions to disk encryption set '{}'. Please "
                             "visit https://aka.ms/keyvaultaccessssecmk for more information.",
                             url, set.name));
}

void register_encryption_sets(Router& router, Context& context) {
  const std::string path = group_path(kEncryptionSetType), one = path + "/{set}";
  const auto list = [&context](Request& request) {
    return list_resources(context, request, kEncryptionSetType);
  };
  router.arm("GET", path, kEncryptionSetType, list);
  router.arm("GET", subscription_path(kEncryptionSetType), kEncryptionSetType, list);
  router.arm("GET", one, kEncryptionSetType,
             [&context](Request& request) { return get_resource(context, request); });
  router.arm("PUT", one, kEncryptionSetType,
             [&context](Request& request) { return put_set(context, request); });
  router.arm("PATCH", one, kEncryptionSetType,
             [&context](Request& request) { return patch_set(context, request); });
  router.arm("DELETE", one, kEncryptionSetType,
             [&context](Request& request) { return delete_set(context, request); });
  router.arm("GET", one + "/associatedResources", kEncryptionSetType, [&context](Request& request) {
    std::string id = request.target.id;
    id.resize(std::min(id.size(), lower(id).find("/associatedresources")));
    require(context, id);
    return Reply::json(200, {{"value", users_of(context, id)}});
  });
}

}  // namespace azlin::simulator
