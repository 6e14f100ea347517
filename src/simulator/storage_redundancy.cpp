// Migration to and from zones, and failover to the other region.
#include <fmt/format.h>

#include "simulator/dispatch.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/resources.hpp"
#include "simulator/storage.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kMigrateKind = "storage migrate";
constexpr const char* kFailoverKind = "storage failover";

Reply start_migration(Context& context, Request& request) {
  Resource account = require(context, request.target.id);
  const auto to = find_sku(text_at(request.object(), "/properties/targetSkuName"));
  const auto from = find_sku(text_at(account.body, "/sku/name"));
  if (!to || !migration_converts(*from, *to)) throw_storage_value("targetSkuName");
  if (to->zones && !find_location(account.location)->zones) throw_storage_value("targetSkuName");
  check_no_operation(context, account);
  account.hidden["migration"] = {{"target", to->name}, {"status", "SubmittedForConversion"}};
  context.save(account);
  // On Azure it may be three days until it begins.
  Work work{kMigrateKind, account.id, {{"id", account.id}}, core::Millis{2'000}, core::Millis{3'600'000}};
  return context.operations.start(request, LroShape::storage, account.location, work, 202);
}

Reply get_migration(Context& context, Request& request) {
  const std::string id =
      fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                  request.param("rg"), kStorageType, request.param("account"));
  const Resource account = require(context, id);
  if (!account.hidden.contains("migration")) throw_not_found(id + "/accountMigrations/default");
  return Reply::json(200, {{"id", account.id + "/accountMigrations/default"},
                           {"name", "default"},
                           {"type", "Microsoft.Storage/storageAccounts/accountMigrations"},
                           {"properties",
                            {{"targetSkuName", account.hidden["migration"]["target"]},
                             {"migrationStatus", account.hidden["migration"]["status"]}}}});
}

Json migrate(Context& context, const Json& data) {
  auto account = context.state.find(data["id"].get<std::string>());
  if (!account) return nullptr;
  account->body["sku"]["name"] = account->hidden["migration"]["target"];
  account->hidden["migration"]["status"] = "Complete";
  if (find_sku(account->body["sku"]["name"])->geo)
    account->hidden["geoSince"] = context.now().time_since_epoch().count();
  context.save(*account);
  return nullptr;
}

Reply start_failover(Context& context, Request& request) {
  Resource account = require(context, request.target.id);
  const auto sku = *find_sku(text_at(account.body, "/sku/name"));
  const bool planned = same(request.query_or("failovertype", ""), "Planned");
  if (!sku.geo)
    throw ApiError(
        409, "AccountFailoverNotSupported",
        fmt::format("The storage account has no copy in another region (its SKU is {}).", sku.name));
  check_no_operation(context, account);
  const Json shown = present_account(context, account, "geoReplicationStats");
  const bool live = text_at(shown, "/properties/geoReplicationStats/status") == "Live";
  if (!flag_at(shown, "/properties/geoReplicationStats/canFailover", false) || (planned && !live))
    throw ApiError(409, "AccountFailoverNotAllowed",
                   planned
                       ? "A planned failover needs both regions and a live replication."
                       : "The storage account cannot fail over: its copy is not complete or not available.");
  account.body["properties"]["failoverInProgress"] = true;
  context.save(account);
  Work work{kFailoverKind,
            account.id,
            {{"id", account.id}, {"planned", planned}},
            core::Millis{2'000},
            core::Millis{3'600'000}};
  return context.operations.start(request, LroShape::storage, account.location, work, 202);
}

// Unplanned: what is left is one region with one copy. Planned: the regions change places.
Json fail_over(Context& context, const Json& data) {
  auto account = context.state.find(data["id"].get<std::string>());
  if (!account) return nullptr;
  account->body["properties"].erase("failoverInProgress");
  std::swap(account->hidden["primary"], account->hidden["secondary"]);
  if (data["planned"] == false) account->body["sku"]["name"] = "Standard_LRS";
  account->hidden["lastFailover"] = core::to_iso8601(context.now());
  account->hidden.erase("lastSync");
  Json& restore = account->hidden["blobs"]["restorePolicy"];
  if (restore["enabled"] == true) restore["lastEnabledTime"] = core::to_iso8601(context.now());
  context.save(*account);
  return nullptr;
}

void failover_failed(Context& context, const Json& data, const ApiError&) {
  auto account = context.state.find(data["id"].get<std::string>());
  if (!account) return;
  account->body["properties"].erase("failoverInProgress");
  context.save(*account);
}

}  // namespace

void register_storage_redundancy(Router& router, Context& context) {
  const std::string one = group_path(kStorageType) + "/{account}";
  router.arm("POST", one + "/startAccountMigration", kStorageType,
             [&context](Request& request) { return start_migration(context, request); });
  router.arm("GET", one + "/accountMigrations/default", kStorageType,
             [&context](Request& request) { return get_migration(context, request); });
  router.arm("POST", one + "/failover", kStorageType,
             [&context](Request& request) { return start_failover(context, request); });
  context.operations.on(kMigrateKind, migrate, [](Context& cloud, const Json& data, const ApiError&) {
    auto account = cloud.state.find(data["id"].get<std::string>());
    if (!account) return;
    account->hidden["migration"]["status"] = "Failed";
    cloud.save(*account);
  });
  context.operations.on(kFailoverKind, fail_over, failover_failed);
  // The account can be seen and failed over when its region is lost; that is what failover is for.
  answer_during_outage(context, [](const Request& request) {
    const bool account = same(request.target.type, kStorageType),
               operation = lower(request.target.type).starts_with("microsoft.storage/locations/");
    return (request.method == "GET" && (account || operation)) ||
           (request.method == "POST" && account && same(request.target.verb, "failover"));
  });
}

}  // namespace azlin::simulator
