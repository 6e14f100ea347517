// Vaults in ARM: create, change, soft-delete, recover, purge.
#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/keyvault.hpp"
#include "simulator/locations.hpp"
#include "simulator/providers.hpp"
#include "simulator/resources.hpp"
#include "simulator/soft_deletion.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kDeletedType = "Microsoft.KeyVault/locations/deletedVaults";
constexpr const char* kPurgeKind = "keyvault purge";
constexpr SoftDeletion kDeletion = {kVaultType, kDeletedType, kPurgeKind,
                                    "Microsoft.KeyVault/locations/{}/deletedVaults", "vaultId"};
constexpr int kLeastDays = 7, kMostDays = 90;

[[noreturn]] void refuse(const std::string& message) {
  throw ApiError(400, "BadRequest", message);
}

bool good_name(const std::string& name) {
  const auto alnum = [](unsigned char c) { return std::isalnum(c) != 0; };
  return name.size() >= 3 && name.size() <= 24 && std::isalpha(static_cast<unsigned char>(name.front())) &&
         alnum(static_cast<unsigned char>(name.back())) && name.find("--") == std::string::npos &&
         std::all_of(name.begin(), name.end(), [&](unsigned char c) { return alnum(c) || c == '-'; });
}

void check_name(const std::string& name) {
  if (!good_name(name))
    throw ApiError(
        400, "VaultNameNotValid",
        fmt::format("The vault name '{}' is invalid. A vault's name must be between 3-24 alphanumeric "
                    "characters. The name must begin with a letter, end with a letter or digit, and not "
                    "contain consecutive hyphens.",
                    name));
}

// Names are unique in the whole cloud, also those of deleted vaults.
void check_unique(Context& context, const std::string& name) {
  if (!name_is_taken(context, kDeletion, name)) return;
  throw ApiError(
      409, "VaultAlreadyExists",
      fmt::format("The vault name '{}' is already in use. Vault names are globally unique so it is possible "
                  "that the name is already taken, or that a vault with the same name was recently deleted "
                  "but not purged; it must be recovered or purged before the name can be used again.",
                  name));
}

// What PUT and PATCH have in common; `properties` are the vault's and change.
void apply(Json& properties, const Json& wanted, bool is_new) {
  if (wanted.contains("enableSoftDelete") && !flag_at(wanted, "/enableSoftDelete", true))
    refuse("The property \"enableSoftDelete\" cannot be set to false. Soft delete is enabled for good.");
  if (wanted.contains("enablePurgeProtection") && !flag_at(wanted, "/enablePurgeProtection", true))
    refuse(
        "The property \"enablePurgeProtection\" cannot be set to false. Enabling the purge protection for a "
        "vault is an irreversible action.");
  const auto days = number_at(wanted, "/softDeleteRetentionInDays", is_new ? kMostDays : 0);
  if (days != 0 && (days < kLeastDays || days > kMostDays))
    refuse("The property \"softDeleteRetentionInDays\" must be between 7 and 90.");
  if (!is_new && days != 0 && days != properties["softDeleteRetentionInDays"])
    refuse("The property \"softDeleteRetentionInDays\" has been set already and it can't be modified.");
  if (is_new) properties["softDeleteRetentionInDays"] = days;
  properties["enableSoftDelete"] = true;
  for (const char* member :
       {"tenantId", "sku", "accessPolicies", "networkAcls", "enabledForDeployment", "publicNetworkAccess",
        "enabledForDiskEncryption", "enabledForTemplateDeployment", "enableRbacAuthorization",
        "enablePurgeProtection"}) {
    if (wanted.contains(member)) properties[member] = wanted[member];
  }
}

void check_new(const Json& properties) {
  if (text_at(properties, "/tenantId").empty()) refuse("The parameter tenantId is not specified.");
  const std::string sku = text_at(properties, "/sku/name");
  if (!same(sku, "standard") && !same(sku, "premium")) refuse("The parameter sku.name is not specified.");
  if (!same(text_at(properties, "/sku/family"), "A")) refuse("The parameter sku.family is not valid.");
  if (!properties.contains("accessPolicies") && !flag_at(properties, "/enableRbacAuthorization", false))
    refuse("The parameter accessPolicies is not specified.");
}

Resource new_vault(Context& context, const Request& request) {
  Resource vault = make_resource(context, request, kVaultType);
  vault.ref = lower(vault.name);
  vault.live = true;
  vault.hidden = {{"instance", new_guid()}};
  vault.body["properties"] = {{"accessPolicies", Json::array()},
                              {"enabledForDeployment", false},
                              {"publicNetworkAccess", "Enabled"},
                              {"provisioningState", "Succeeded"}};
  return vault;
}

// createMode recover: all but the vault itself is as it was.
Reply recover(Context& context, const Request& request) {
  if (const auto vault = bring_back(context, kDeletion, request.target.id))
    return Reply::json(200, context.present(*vault));
  throw ApiError(404, "VaultNotFound",
                 fmt::format("The deleted vault '{}' could not be found.", request.target.name));
}

Reply put_vault(Context& context, Request& request) {
  check_name(request.target.name);
  Json body = request.object();
  drop_nulls(body);
  const Json wanted = body.value("properties", Json::object());
  const auto existing = context.state.find(request.target.id);
  if (!existing && same(text_at(wanted, "/createMode"), "recover")) return recover(context, request);
  if (!existing) check_unique(context, request.target.name);
  check_new(wanted);
  Resource vault = new_vault(context, request);
  if (existing) {
    vault.hidden = existing->hidden;
    vault.created = existing->created;
    vault.etag = existing->etag;
    vault.body["properties"] = existing->body["properties"];
  }
  apply(vault.body["properties"], wanted, !existing);
  context.save(vault);
  return Reply::json(existing ? 200 : 201, context.present(vault));
}

Reply patch_vault(Context& context, Request& request) {
  Resource vault = require(context, request.target.id);
  Json body = request.object();
  drop_nulls(body);
  if (body.contains("tags")) {
    check_tags(body["tags"]);
    vault.body["tags"] = body["tags"];
  }
  apply(vault.body["properties"], body.value("properties", Json::object()), false);
  context.save(vault);
  return Reply::json(200, context.present(vault));
}

// The vault becomes an entry among the deleted ones, which goes by itself when its days are over.
void delete_softly(Context& context, const Resource& vault) {
  Json properties = Json::object();
  if (flag_at(vault.body, "/properties/enablePurgeProtection", false))
    properties["purgeProtectionEnabled"] = true;
  soft_delete(context, kDeletion, vault,
              std::chrono::days{number_at(vault.body, "/properties/softDeleteRetentionInDays", kMostDays)},
              "Microsoft.KeyVault/deletedVaults", properties);
}

Reply delete_vault(Context& context, Request& request) {
  const auto vault = context.state.find(request.target.id);
  if (!vault) return Reply::empty(204);
  erase_with_children(context, vault->id);  // its hook soft-deletes
  return Reply::empty(200);
}

Json purge(Context& context, KeyVaultStore& store, const Json& data) {
  const auto deleted = context.state.find(data["id"].get<std::string>());
  if (!deleted) return nullptr;
  store.erase_vault(deleted->hidden["hidden"]["instance"]);
  context.state.erase(deleted->id);
  return nullptr;
}

Resource require_deleted(Context& context, const Request& request) {
  auto deleted = context.state.find(
      deleted_id(kDeletion, request.param("sub"), request.param("location"), request.param("name")));
  if (!deleted)
    throw ApiError(
        404, "VaultNotFound",
        fmt::format("The specified deleted vault '{}' could not be found.", request.param("name")));
  return std::move(*deleted);
}

Reply purge_vault(Context& context, Request& request) {
  const Resource deleted = require_deleted(context, request);
  if (flag_at(deleted.body, "/properties/purgeProtectionEnabled", false))
    throw ApiError(405, "MethodNotAllowed", "Operation 'DeletedVaultPurge' is not allowed.");
  context.operations.cancel(deleted.id, kPurgeKind);
  Work work{kPurgeKind, deleted.id, {{"id", deleted.id}}, core::Millis{1'000}, core::Millis{10'000}};
  return context.operations.start(request, LroShape::keyvault, request.param("location"), work, 202);
}

Reply check_availability(Context& context, Request& request) {
  return name_availability(request, "AccountNameInvalid", [&](const std::string& name) {
    check_name(name);
    check_unique(context, name);
  });
}

void register_vaults(Router& router, Context& context) {
  const std::string path = group_path(kVaultType), one = path + "/{vault}";
  const auto list = [&context](Request& request) { return list_resources(context, request, kVaultType); };
  router.arm("GET", path, kVaultType, list);
  router.arm("GET", subscription_path(kVaultType), kVaultType, list);
  router.arm("GET", one, kVaultType, [&context](Request& request) { return get_resource(context, request); });
  router.arm("PUT", one, kVaultType, [&context](Request& request) { return put_vault(context, request); });
  router.arm("PATCH", one, kVaultType,
             [&context](Request& request) { return patch_vault(context, request); });
  router.arm("DELETE", one, kVaultType,
             [&context](Request& request) { return delete_vault(context, request); });
  router.arm("POST", subscription_path("Microsoft.KeyVault/checkNameAvailability"), kVaultType,
             [&context](Request& request) { return check_availability(context, request); });
}

void register_deleted(Router& router, Context& context) {
  const char* versions = "Microsoft.KeyVault/deletedVaults";
  router.arm("GET", subscription_path("Microsoft.KeyVault/deletedVaults"), versions,
             [&context](Request& request) {
               ListFilter filter;
               filter.subscription = request.target.subscription;
               filter.type = kDeletedType;
               return page_reply(request, context.state.page(filter, page_start(request), 1'000, {}));
             });
  const std::string one =
      "/subscriptions/{sub}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{name}";
  router.arm("GET", one, versions, [&context](Request& request) {
    return Reply::json(200, require_deleted(context, request).body);
  });
  router.arm("POST", one + "/purge", versions,
             [&context](Request& request) { return purge_vault(context, request); });
}

// There are no managed HSMs; the az command asks for them along with the vaults.
void register_managed_hsms(Router& router, Context& context) {
  const char* type = "Microsoft.KeyVault/managedHSMs";
  const auto none = [](Request&) { return Reply::json(200, {{"value", Json::array()}}); };
  router.arm("GET", subscription_path(type), type, none);
  router.arm("GET", group_path(type), type, none);
  router.arm("GET", group_path(type) + "/{hsm}", type,
             [](Request& request) -> Reply { throw_not_found(request.target.id); });
  router.arm("GET", subscription_path("Microsoft.KeyVault/deletedManagedHSMs"),
             "Microsoft.KeyVault/deletedManagedHSMs", none);
  router.arm("POST", subscription_path("Microsoft.KeyVault/checkMhsmNameAvailability"), type,
             [&context](Request& request) { return check_availability(context, request); });
}

}  // namespace

KeyVaultStore& key_vault_store(Context& context) {
  return *std::any_cast<std::shared_ptr<KeyVaultStore>&>(context.helpers.at("key vault"));
}

void register_key_vault(Router& router, Context& context) {
  auto store = std::make_shared<KeyVaultStore>(context);
  context.helpers["key vault"] = store;
  context.on_reset.push_back([store] { store->clear(); });
  context.operations.on(kPurgeKind,
                        [store](Context& cloud, const Json& data) { return purge(cloud, *store, data); });
  context.on_erase[lower(kVaultType)] = [](Context& cloud, const Resource& vault) {
    delete_softly(cloud, vault);
  };
  context.presenters[lower(kVaultType)] = [&context](const Resource& vault) {
    Json body = vault.body;
    body["properties"]["vaultUri"] = context.store_url(vault.id) + "/";
    return body;
  };
  context.store_planes.push_back({kVaultType,
                                  {"vault.azure.net", "vault.localhost"},
                                  [&context, store](Resource& vault, Request& request) {
                                    return serve_vault(context, *store, vault, request);
                                  },
                                  [](const ApiError& error) {
                                    Json body = {{"code", error.code}, {"message", error.message}};
                                    if (!error.target.empty()) body["innererror"] = {{"code", error.target}};
                                    Reply reply = Reply::json(error.status, {{"error", body}});
                                    reply.headers = error.headers;
                                    return reply;
                                  }});
  register_vaults(router, context);
  register_deleted(router, context);
  register_managed_hsms(router, context);
  register_access_policies(router, context);
}

}  // namespace azlin::simulator
