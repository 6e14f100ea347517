// Stores in ARM: create, change, access keys, soft-delete, recover, purge.
#include <fmt/format.h>

#include "simulator/api_versions.hpp"
#include "simulator/appconfig.hpp"
#include "simulator/crypto.hpp"
#include "simulator/identity.hpp"
#include "simulator/json_util.hpp"
#include "simulator/platform.hpp"
#include "simulator/resources.hpp"
#include "simulator/seed_builder.hpp"
#include "simulator/soft_deletion.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kDeletedType = "Microsoft.AppConfiguration/locations/deletedConfigurationStores";
constexpr const char* kPurgeKind = "appconfig purge";
constexpr SoftDeletion kDeletion = {kConfigType, kDeletedType, kPurgeKind,
                                    "Microsoft.AppConfiguration/locations/{}/deletedConfigurationStores",
                                    "configurationStoreId"};
constexpr const char* kRetentionMember = "defaultKeyValueRevisionRetentionPeriodInSeconds";

[[noreturn]] void refuse(const std::string& message) {
  throw ApiError(400, "BadRequest", message);
}

void check_name(const std::string& name) {
  const bool good =
      name.size() >= 5 && name.size() <= 50 && name.front() != '-' && name.back() != '-' &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '-'; });
  if (!good)
    throw ApiError(400, "InvalidResourceName",
                   fmt::format("The name '{}' is invalid: 5 to 50 letters, digits and hyphens.", name));
}

bool is_free(const Json& body) {
  return same(text_at(body, "/sku/name"), "free");
}

Json new_key(Context& context, const std::string& name, bool read_only) {
  std::string id = base64url_encode(random_bytes(15));
  return {{"id", id.substr(0, 4) + "-l0-s0:" + id.substr(4)},
          {"name", name},
          {"value", base64_encode(random_bytes(32))},
          {"lastModified", core::to_iso8601(context.now())},
          {"readOnly", read_only}};
}

Json new_keys(Context& context) {
  return {new_key(context, "Primary", false), new_key(context, "Secondary", false),
          new_key(context, "Primary Read Only", true), new_key(context, "Secondary Read Only", true)};
}

// What PUT and PATCH have in common.
void apply(Json& body, const Json& wanted, bool is_new) {
  Json& properties = body["properties"];
  if (const std::string sku = text_at(wanted, "/sku/name"); !sku.empty())
    body["sku"] = {{"name", enum_value(sku, {"Free", "Developer", "Standard", "Premium"}, "sku.name")}};
  if (!body.contains("sku")) refuse("The sku of the store is required.");
  body["sku"]["name"] = lower(text_at(body, "/sku/name"));
  const Json given = wanted.value("properties", Json::object());
  const bool free = is_free(body);
  const auto days = number_at(given, "/softDeleteRetentionInDays", 0);
  if (days != 0 && (free || days < 1 || days > 7))
    refuse("softDeleteRetentionInDays is 1 to 7, and not for the free SKU.");
  if (!is_new && days != 0 && days != number_at(properties, "/softDeleteRetentionInDays", 0))
    refuse("softDeleteRetentionInDays cannot be changed after creation.");
  if (is_new) properties["softDeleteRetentionInDays"] = free ? 0 : days == 0 ? 7 : days;
  if (given.contains("enablePurgeProtection")) {
    const bool protect = given["enablePurgeProtection"] == true;
    if (protect && free) refuse("Purge protection is not available for the free SKU.");
    if (!protect && flag_at(properties, "/enablePurgeProtection", false))
      refuse("Purge protection cannot be turned off.");
    properties["enablePurgeProtection"] = protect;
  }
  for (const char* member : {"disableLocalAuth", "publicNetworkAccess", "encryption", kRetentionMember})
    if (given.contains(member)) properties[member] = given[member];
  apply_identity_of(body, wanted);
}

Resource blank(Context& context, const std::string& id, const std::string& location) {
  Resource store;
  store.id = id;
  store.name = last_segment(id);
  store.type = kConfigType;
  store.location = location;
  store.body = {{"id", id}, {"name", store.name}, {"type", kConfigType}, {"location", location}};
  store.ref = lower(store.name);
  store.live = true;
  store.hidden = {{"instance", new_guid()}, {"keys", new_keys(context)}};
  store.body["properties"] = {
      {"provisioningState", "Succeeded"},     {"creationDate", core::to_iso8601(context.now())},
      {"publicNetworkAccess", "Enabled"},     {"disableLocalAuth", false},
      {"enablePurgeProtection", false},       {"encryption", {{"keyVaultProperties", nullptr}}},
      {"privateEndpointConnections", nullptr}};
  return store;
}

void check_unique(Context& context, const std::string& name) {
  if (!name_is_taken(context, kDeletion, name)) return;
  throw ApiError(
      409, "NameUnavailable",
      fmt::format("The specified name '{}' is already in use, perhaps by a soft-deleted store.", name));
}

Reply recover(Context& context, const Request& request) {
  if (const auto store = bring_back(context, kDeletion, request.target.id))
    return Reply::json(200, context.present(*store));
  throw ApiError(404, "ConfigurationStoreNotFound",
                 fmt::format("The soft-deleted store '{}' was not found.", request.target.name));
}

Reply put_store(Context& context, Request& request) {
  check_name(request.target.name);
  Json wanted = request.object();
  drop_nulls(wanted);
  auto existing = context.state.find(request.target.id);
  if (!existing && same(text_at(wanted, "/properties/createMode"), "Recover"))
    return recover(context, request);
  if (!existing) check_unique(context, request.target.name);
  const Resource made = make_resource(context, request, kConfigType);
  Resource store = existing ? *existing : blank(context, made.id, made.location);
  if (made.body.contains("tags")) store.body["tags"] = made.body["tags"];
  apply(store.body, wanted, !existing);
  context.save(store);
  return Reply::json(existing ? 200 : 201, context.present(store));
}

Reply patch_store(Context& context, Request& request) {
  Resource store = require(context, request.target.id);
  Json wanted = request.object();
  drop_nulls(wanted);
  if (wanted.contains("tags")) {
    check_tags(wanted["tags"]);
    store.body["tags"] = wanted["tags"];
  }
  apply(store.body, wanted, false);
  context.save(store);
  return Reply::json(200, context.present(store));
}

void delete_softly(Context& context, ConfigStore& data, const Resource& store) {
  if (is_free(store.body)) return data.erase_store(store.hidden["instance"]);
  soft_delete(context, kDeletion, store,
              std::chrono::days{number_at(store.body, "/properties/softDeleteRetentionInDays", 7)},
              kDeletedType,
              {{"purgeProtectionEnabled", flag_at(store.body, "/properties/enablePurgeProtection", false)}});
}

Reply list_keys(Context& context, const Request& request) {
  const Resource store = require(context, request.target.id);
  if (flag_at(store.body, "/properties/disableLocalAuth", false))
    throw ApiError(409, "Conflict", "Local authentication is disabled for the store; it has no access keys.");
  Json keys = store.hidden["keys"];
  for (auto& key : keys)
    key["connectionString"] = fmt::format("Endpoint={};Id={};Secret={}", context.store_url(store.id),
                                          key["id"].get<std::string>(), key["value"].get<std::string>());
  return Reply::json(200, {{"value", keys}});
}

Reply regenerate_key(Context& context, const Request& request) {
  Resource store = require(context, request.target.id);
  for (auto& key : store.hidden["keys"]) {
    if (key["id"] != text_at(request.object(), "/id")) continue;
    key = new_key(context, key["name"], key["readOnly"]);
    context.save(store);
    return Reply::json(200, key);
  }
  throw ApiError(404, "KeyNotFound", "The store has no access key of this id.");
}

Resource require_deleted(Context& context, const Request& request) {
  return require(
      context, deleted_id(kDeletion, request.param("sub"), request.param("location"), request.param("name")));
}

Reply purge_store(Context& context, ConfigStore& data, Request& request) {
  const Resource deleted = require_deleted(context, request);
  if (flag_at(deleted.body, "/properties/purgeProtectionEnabled", false))
    throw ApiError(409, "Conflict", "The store is protected from being purged.");
  context.operations.cancel(deleted.id, kPurgeKind);
  data.erase_store(deleted.hidden["hidden"]["instance"]);
  context.state.erase(deleted.id);
  return Reply::empty(200);
}

Reply check_availability(Context& context, Request& request) {
  return name_availability(request, "Invalid", [&](const std::string& name) {
    check_name(name);
    check_unique(context, name);
  });
}

Reply render(const ApiError& error) {
  if (error.status == 401) {
    Reply reply = Reply::empty(401);
    reply.headers = error.headers;
    return reply;
  }
  Json body = {{"type", "https://azconfig.io/errors/" + error.code},
               {"title", error.message},
               {"status", error.status}};
  if (!error.target.empty()) body["name"] = error.target;
  if (error.details.is_string()) body["detail"] = error.details;
  if (error.status == 429) body["policy"] = "Total Requests";
  Reply reply = Reply::json(error.status, body);
  reply.content_type = "application/problem+json; charset=utf-8";
  reply.headers = error.headers;
  return reply;
}

void register_stores(Router& router, Context& context, const std::shared_ptr<ConfigStore>& data) {
  const std::string path = group_path(kConfigType), one = path + "/{store}";
  const std::string of_sub = "/subscriptions/{sub}/providers/Microsoft.AppConfiguration";
  const auto list = [&context](Request& request) { return list_resources(context, request, kConfigType); };
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kConfigType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  router.arm("GET", path, kConfigType, list);
  router.arm("GET", subscription_path(kConfigType), kConfigType, list);
  on("GET", one, get_resource);
  on("PUT", one, put_store);
  on("PATCH", one, patch_store);
  on("POST", one + "/listKeys", list_keys);
  on("POST", one + "/regenerateKey", regenerate_key);
  on("POST", of_sub + "/checkNameAvailability", check_availability);
  on("POST", of_sub + "/locations/{location}/checkNameAvailability", check_availability);
  on("DELETE", one, [](Context& cloud, Request& request) {
    if (!cloud.state.exists(request.target.id)) return Reply::empty(204);
    erase_with_children(cloud, request.target.id);  // its hook soft-deletes
    return Reply::empty(200);
  });
  on("GET", of_sub + "/deletedConfigurationStores",
     [](Context& cloud, Request& request) { return list_resources(cloud, request, kDeletedType); });
  const std::string deleted = of_sub + "/locations/{location}/deletedConfigurationStores/{name}";
  on("GET", deleted,
     [](Context& cloud, Request& request) { return Reply::json(200, require_deleted(cloud, request).body); });
  on("POST", deleted + "/purge",
     [data](Context& cloud, Request& request) { return purge_store(cloud, *data, request); });
}

}  // namespace

void register_app_configuration(Router& router, Context& context) {
  auto data = std::make_shared<ConfigStore>(context);
  context.helpers["app configuration"] = data;
  context.on_reset.push_back([data] { data->clear(); });
  context.operations.on(kPurgeKind, [data](Context& cloud, const Json& work) -> Json {
    const auto deleted = cloud.state.find(work["id"].get<std::string>());
    if (!deleted) return nullptr;
    data->erase_store(deleted->hidden["hidden"]["instance"]);
    cloud.state.erase(deleted->id);
    return nullptr;
  });
  context.on_erase[lower(kConfigType)] = [data](Context& cloud, const Resource& store) {
    delete_softly(cloud, *data, store);
  };
  context.presenters[lower(kConfigType)] = [&context](const Resource& store) {
    Json body = store.body;
    body["properties"]["endpoint"] = context.store_url(store.id);
    return body;
  };
  context.store_planes.push_back({kConfigType,
                                  {"azconfig.io", "azconfig.localhost"},
                                  [&context, data](Resource& store, Request& request) {
                                    return serve_config(context, *data, store, request);
                                  },
                                  render});
  register_stores(router, context, data);
  register_config_key_values(router, context);
}

void seed_config_store(Context& context, const SeedConfigStore& seed) {
  seed_group(context, seed.group, seed.location);
  Resource store =
      blank(context, fmt::format("{}/providers/{}/{}", seed_group_id(seed.group), kConfigType, seed.name),
            seed.location);
  Json wanted = {{"sku", {{"name", seed.sku}}}, {"properties", Json::object()}};
  if (seed.sku != "free") wanted["properties"]["softDeleteRetentionInDays"] = seed.retention_days;
  if (seed.purge_protection) wanted["properties"]["enablePurgeProtection"] = true;
  apply(store.body, wanted, true);
  if (seed.tags.is_object()) store.body["tags"] = seed.tags;
  context.save(store);
  auto& data = *std::any_cast<std::shared_ptr<ConfigStore>&>(context.helpers.at("app configuration"));
  for (const auto& item : seed.items) {
    const std::string key = text_at(item, "/key"), label = text_at(item, "/label");
    data.append(store.hidden["instance"], key, label, make_key_value(key, label, item, context.now()));
  }
}

}  // namespace azlin::simulator
