// Storage accounts: create, change, keys, lists.
#include <fmt/format.h>

#include "simulator/crypto.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/platform.hpp"
#include "simulator/resources.hpp"
#include "simulator/seed_builder.hpp"
#include "simulator/soft_deletion.hpp"
#include "simulator/storage.hpp"
#include "simulator/storage_containers.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kCreateKind = "storage create";
// Azurite's own account, whose key everybody knows.
constexpr const char* kWellKnown = "devstoreaccount1";
constexpr const char* kWellKnownKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const std::vector<std::string> kKinds = {"Storage", "StorageV2", "BlobStorage", "FileStorage",
                                         "BlockBlobStorage"};

void check_name(const std::string& name) {
  const bool good = name.size() >= 3 && name.size() <= 24 &&
                    std::all_of(name.begin(), name.end(),
                                [](unsigned char c) { return std::isdigit(c) || (c >= 'a' && c <= 'z'); });
  if (!good)
    throw ApiError(
        400, "AccountNameInvalid",
        fmt::format("{} is not a valid storage account name. Storage account name must be between 3 and 24 "
                    "characters in length and use numbers and lower-case letters only.",
                    name));
}

void check_unique(Context& context, const std::string& name) {
  if (context.state.list_by_ref(kStorageType, name).empty()) return;
  throw ApiError(409, "StorageAccountAlreadyTaken",
                 fmt::format("The storage account named {} is already taken.", name));
}

Json new_key(Context& context, const std::string& name, const std::string& value) {
  return {{"keyName", name},
          {"value", value},
          {"permissions", "FULL"},
          {"creationTime", core::to_iso8601(context.now())}};
}

Json new_keys(Context& context, const std::string& account, const std::string& first) {
  const std::string own = account == kWellKnown ? kWellKnownKey
                          : first.empty()       ? base64_encode(random_bytes(64))
                                                : first;
  return {new_key(context, "key1", own), new_key(context, "key2", base64_encode(random_bytes(64)))};
}

StorageSku wanted_sku(const Json& body) {
  const std::string name = text_at(body, "/sku/name");
  const auto sku = find_sku(name);
  if (!sku) throw_storage_value("sku");
  return *sku;
}

void check_zones(const StorageSku& sku, const std::string& location) {
  if (sku.zones && !find_location(location)->zones) throw_storage_value("sku");
}

void set_sku(Json& body, const StorageSku& sku) {
  body["sku"] = {{"name", sku.name}, {"tier", sku.premium ? "Premium" : "Standard"}};
}

// A PATCH changes the copies in the other region; zones need a migration.
void change_sku(Context& context, Resource& account, const Json& wanted) {
  if (text_at(wanted, "/sku/name").empty()) return;
  const auto to = wanted_sku(wanted), from = *find_sku(text_at(account.body, "/sku/name"));
  if (to.name == from.name) return;
  check_no_operation(context, account);
  if (to.premium != from.premium)
    throw ApiError(400, "StorageAccountTypeConversionNotAllowed",
                   fmt::format("The conversion of the storage account from '{}' to '{}' is not allowed.",
                               from.name, to.name));
  if (!patch_converts(from, to)) throw_storage_value("sku");
  set_sku(account.body, to);
  if (to.geo && !from.geo) account.hidden["geoSince"] = context.now().time_since_epoch().count();
}

void apply_settings(Resource& account, const Json& wanted) {
  const Json given = wanted.value("properties", Json::object());
  for (const char* fixed : {"isHnsEnabled", "isNfsV3Enabled"})
    if (given.contains(fixed) && given[fixed] != account.body["properties"].value(fixed, Json(false)))
      refuse_change(fixed);
  for (const char* member :
       {"accessTier", "minimumTlsVersion", "allowBlobPublicAccess", "allowSharedKeyAccess",
        "publicNetworkAccess", "networkAcls", "supportsHttpsTrafficOnly", "encryption",
        "allowCrossTenantReplication", "defaultToOAuthAuthentication"})
    if (given.contains(member)) account.body["properties"][member] = given[member];
  if (wanted.contains("identity")) account.body["identity"] = wanted["identity"];
  if (wanted.contains("tags")) {
    check_tags(wanted["tags"]);
    account.body["tags"] = wanted["tags"];
  }
}

Resource blank(Context& context, const std::string& id, const std::string& location, const StorageSku& sku,
               const std::string& kind, const std::string& key) {
  Resource account;
  account.id = id;
  account.name = last_segment(id);
  account.type = kStorageType;
  account.location = location;
  account.ref = account.name;
  account.live = true;
  account.hidden = {{"keys", new_keys(context, account.name, key)},
                    {"blobs", default_blob_settings()},
                    {"primary", location},
                    {"secondary", find_location(location)->paired},
                    {"geoSince", context.now().time_since_epoch().count()}};
  account.body = {
      {"id", id}, {"name", account.name}, {"type", kStorageType}, {"location", location}, {"kind", kind}};
  account.body["properties"] = {{"provisioningState", "Succeeded"},
                                {"creationTime", core::to_iso8601(context.now())},
                                {"accessTier", "Hot"},
                                {"minimumTlsVersion", "TLS1_2"},
                                {"allowBlobPublicAccess", false},
                                {"supportsHttpsTrafficOnly", true},
                                {"isHnsEnabled", false},
                                {"isNfsV3Enabled", false},
                                {"networkAcls",
                                 {{"bypass", "AzureServices"},
                                  {"defaultAction", "Allow"},
                                  {"ipRules", Json::array()},
                                  {"virtualNetworkRules", Json::array()}}}};
  set_sku(account.body, sku);
  return account;
}

Reply put_account(Context& context, Request& request) {
  check_name(request.target.name);
  Json wanted = request.object();
  drop_nulls(wanted);
  auto existing = context.state.find(request.target.id);
  if (!existing) check_unique(context, request.target.name);
  const Resource made = make_resource(context, request, kStorageType);
  const auto sku = wanted_sku(wanted);
  if (existing) {
    change_sku(context, *existing, wanted);
    apply_settings(*existing, wanted);
    context.save(*existing);
    return Reply::json(200, present_account(context, *existing));
  }
  check_zones(sku, made.location);
  if (text_at(wanted, "/kind").empty()) throw_storage_value("kind");
  Resource account =
      blank(context, made.id, made.location, sku, enum_value(text_at(wanted, "/kind"), kKinds, "kind"), "");
  for (const char* fixed : {"isHnsEnabled", "isNfsV3Enabled"})
    account.body["properties"][fixed] = flag_at(wanted, std::string("/properties/") + fixed, false);
  apply_settings(account, wanted);
  context.save(account);
  Work work{kCreateKind, account.id, {{"id", account.id}}, core::Millis{1'000}, core::Millis{20'000}};
  return context.operations.start(request, LroShape::storage, account.location, work, 202);
}

Reply patch_account(Context& context, Request& request) {
  Resource account = require(context, request.target.id);
  Json wanted = request.object();
  drop_nulls(wanted);
  change_sku(context, account, wanted);
  apply_settings(account, wanted);
  context.save(account);
  return Reply::json(200, present_account(context, account));
}

// The last time that both sides were equal is noted while the primary is up.
Reply get_account(Context& context, Request& request) {
  Resource account = require(context, request.target.id);
  if (!context.faults.region_down(account.hidden["primary"])) {
    account.hidden["lastSync"] = core::to_iso8601(context.now() - std::chrono::minutes(3));
    context.save(account);
  }
  return Reply::json(200, present_account(context, account, request.query_or("$expand", "")));
}

Reply regenerate_key(Context& context, Request& request) {
  Resource account = require(context, request.target.id);
  for (auto& key : account.hidden["keys"]) {
    if (!same(text_at(key, "/keyName"), text_at(request.object(), "/keyName"))) continue;
    key = new_key(context, key["keyName"], base64_encode(random_bytes(64)));
    context.save(account);
    return Reply::json(200, {{"keys", account.hidden["keys"]}});
  }
  throw_storage_value("keyName");
}

Reply check_availability(Context& context, Request& request) {
  return name_availability(request, "AccountNameInvalid", [&](const std::string& name) {
    check_name(name);
    check_unique(context, name);
  });
}

// Azure allows 250 accounts in a region of a subscription.
Reply usages(Context& context, Request& request) {
  ListFilter filter;
  filter.subscription = request.target.subscription;
  filter.type = kStorageType;
  int count = 0;
  for (const auto& account : context.state.list(filter))
    count += same(account.location, request.param("location"));
  return Reply::json(
      200, {{"value",
             {{{"unit", "Count"},
               {"currentValue", count},
               {"limit", 250},
               {"name", {{"value", "StorageAccounts"}, {"localizedValue", "Storage Accounts"}}}}}}});
}

Json endpoints(Context& context, const std::string& account, bool blob_only) {
  Json found;
  for (const char* service : {"blob", "dfs", "file", "queue", "table"})
    found[service] = fmt::format("https://{}.{}.core.windows.net/", account, service);
  if (blob_only) found.erase("file");
  if (!context.blob_endpoint.empty()) found["blob"] = context.blob_endpoint + "/" + account + "/";
  return found;
}

// Live once the first copy is over; Unavailable when one of the two regions is down.
Json replication_stats(Context& context, const Resource& account) {
  const auto since = core::TimePoint{core::Millis{account.hidden["geoSince"].get<std::int64_t>()}};
  const auto first_copy = context.delay(core::Millis{1'000}, core::Millis{15 * 60'000});
  const bool primary_down = context.faults.region_down(account.hidden["primary"]);
  const bool secondary_down = context.faults.region_down(account.hidden["secondary"]);
  const bool copying = context.now() < since + first_copy;
  Json stats = {{"status", copying                          ? "Bootstrap"
                           : primary_down || secondary_down ? "Unavailable"
                                                            : "Live"},
                {"canFailover", !copying && !secondary_down}};
  if (!copying)
    stats["lastSyncTime"] = account.hidden.value(
        "lastSync", core::to_iso8601(std::max(since, context.now() - std::chrono::minutes(3))));
  return stats;
}

}  // namespace

std::optional<StorageSku> find_sku(const std::string& name) {
  for (const char* known : {"Standard_LRS", "Standard_ZRS", "Standard_GRS", "Standard_RAGRS", "Standard_GZRS",
                            "Standard_RAGZRS", "Premium_LRS", "Premium_ZRS"}) {
    if (!same(name, known)) continue;
    const std::string text = known, kind = text.substr(text.find('_') + 1);
    return StorageSku{text, text.starts_with("Premium"), kind.find('Z') != std::string::npos,
                      kind.find('G') != std::string::npos, kind.starts_with("RA")};
  }
  return std::nullopt;
}

bool patch_converts(const StorageSku& from, const StorageSku& to) {
  if (from.premium || to.premium || from.zones != to.zones) return false;
  return !from.zones || from.geo;  // ZRS gets its copy in the other region by migration
}

bool migration_converts(const StorageSku& from, const StorageSku& to) {
  if (from.premium != to.premium) return false;
  if (from.zones && to.zones) return !from.geo && to.geo;  // ZRS to (RA)GZRS
  if (from.zones == to.zones) return false;
  return from.geo == to.geo && from.read_secondary == to.read_secondary;
}

void throw_storage_value(const std::string& parameters) {
  throw ApiError(400, "InvalidValuesForRequestParameters",
                 fmt::format("Values for request parameters are invalid: {}.", parameters));
}

void check_no_operation(Context& context, const Resource& account) {
  if (context.operations.running_on(account.id))
    throw ApiError(
        409, "StorageAccountOperationInProgress",
        "An operation is currently performing on this storage account that requires exclusive access.");
}

Json present_account(Context& context, const Resource& account, const std::string& expand) {
  Json body = account.body;
  Json& properties = body["properties"];
  const auto sku = *find_sku(text_at(body, "/sku/name"));
  const bool blob_only = text_at(body, "/kind") == "BlobStorage";
  properties["primaryEndpoints"] = endpoints(context, account.name, blob_only);
  properties["primaryLocation"] = account.hidden["primary"];
  properties["statusOfPrimary"] =
      context.faults.region_down(account.hidden["primary"]) ? "unavailable" : "available";
  if (sku.geo) {
    properties["secondaryLocation"] = account.hidden["secondary"];
    properties["statusOfSecondary"] =
        context.faults.region_down(account.hidden["secondary"]) ? "unavailable" : "available";
  }
  if (sku.read_secondary)
    properties["secondaryEndpoints"] = endpoints(context, account.name + "-secondary", blob_only);
  if (account.hidden.contains("lastFailover"))
    properties["lastGeoFailoverTime"] = account.hidden["lastFailover"];
  if (sku.geo && lower(expand).find("georeplicationstats") != std::string::npos)
    properties["geoReplicationStats"] = replication_stats(context, account);
  if (lower(expand).find("blobrestorestatus") != std::string::npos && account.hidden.contains("restore"))
    properties["blobRestoreStatus"] = account.hidden["restore"];
  return body;
}

void register_storage(Router& router, Context& context) {
  const std::string path = group_path(kStorageType), one = path + "/{account}";
  const auto on = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kStorageType,
               [&context, handler](Request& request) { return handler(context, request); });
  };
  const auto list = [](Context& cloud, Request& request) {
    return list_resources(cloud, request, kStorageType);
  };
  on("GET", path, list);
  on("GET", subscription_path(kStorageType), list);
  on("GET", one, get_account);
  on("PUT", one, put_account);
  on("PATCH", one, patch_account);
  on("DELETE", one, [](Context& cloud, Request& request) {
    const auto account = cloud.state.find(request.target.id);
    if (!account) return Reply::empty(204);
    check_containers_let_go(cloud, *account);
    erase_with_children(cloud, request.target.id);
    return Reply::empty(200);
  });
  on("POST", one + "/listKeys", [](Context& cloud, Request& request) {
    return Reply::json(200, {{"keys", require(cloud, request.target.id).hidden["keys"]}});
  });
  on("POST", one + "/regenerateKey", regenerate_key);
  on("POST", subscription_path("Microsoft.Storage/checkNameAvailability"), check_availability);
  on("GET", "/subscriptions/{sub}/providers/Microsoft.Storage/locations/{location}/usages", usages);
  context.presenters[lower(kStorageType)] = [&context](const Resource& account) {
    return present_account(context, account);
  };
  context.operations.on(kCreateKind, [](Context& cloud, const Json& data) -> Json {
    const auto account = cloud.state.find(data["id"].get<std::string>());
    return account ? present_account(cloud, *account) : Json();
  });
  register_storage_protection(router, context);
  register_storage_redundancy(router, context);
  register_storage_containers(router, context);
  register_storage_lifecycle(router, context);
  register_storage_sas(router, context);
}

void seed_storage_account(Context& context, const SeedStorageAccount& seed) {
  check_name(seed.name);
  const auto sku = find_sku(seed.sku);
  if (!sku) throw_storage_value("sku");
  seed_group(context, seed.group, seed.location);
  Resource account = blank(
      context, fmt::format("{}/providers/{}/{}", seed_group_id(seed.group), kStorageType, seed.name),
      check_location(seed.location, kStorageType), *sku, enum_value(seed.kind, kKinds, "kind"), seed.key);
  account.body["properties"]["isHnsEnabled"] = seed.hierarchical;
  if (seed.tags.is_object()) account.body["tags"] = seed.tags;
  const auto policy = [](int days) {
    return days == 0 ? Json{{"enabled", false}} : Json{{"enabled", true}, {"days", days}};
  };
  account.hidden["blobs"] =
      checked_blob_settings(account,
                            {{"isVersioningEnabled", seed.versioning},
                             {"changeFeed", {{"enabled", seed.change_feed}}},
                             {"deleteRetentionPolicy", policy(seed.blob_days)},
                             {"containerDeleteRetentionPolicy", policy(seed.container_days)},
                             {"restorePolicy", policy(seed.restore_days)}},
                            context.now());
  context.save(account);
}

}  // namespace azlin::simulator
