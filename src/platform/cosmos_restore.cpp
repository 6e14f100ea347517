// Restore of a Cosmos DB account to a point in time, into a new account.
#include <fmt/format.h>

#include <algorithm>

#include "azlin/arm/error.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/platform/cosmos.hpp"
#include "platform/fields.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;

namespace {

core::TimePoint time_at(const json& body, const char* key) {
  return core::parse_time(text(body, key)).value_or(core::TimePoint{});
}

RestorableAccount account_of(const json& body) {
  const auto& properties = props(body);
  RestorableAccount out;
  out.id = text(body, "id");
  out.instance = text(body, "name");
  out.location = text(body, "location");
  out.name = text(properties, "accountName");
  out.api = text(properties, "apiType");
  out.created = time_at(properties, "creationTime");
  out.oldest = time_at(properties, "oldestRestorableTime");
  out.deleted = core::parse_time(text(properties, "deletionTime"));
  for (const auto& region : at(properties, "restorableLocations"))
    out.regions.push_back({text(region, "locationName"), time_at(region, "creationTime"),
                           core::parse_time(text(region, "deletionTime"))});
  return out;
}

bool alive_at(core::TimePoint created, const std::optional<core::TimePoint>& deleted, core::TimePoint at) {
  return created <= at && (!deleted || at <= *deleted);
}

std::string resource_list_of(const std::string& api) {
  if (api == "Sql") return "restorableSqlResources";
  if (api == "MongoDB") return "restorableMongodbResources";
  if (api.starts_with("Gremlin")) return "restorableGremlinResources";
  if (api == "Table") return "restorableTableResources";
  return "";
}

// The time as it is written in the request: whole seconds.
std::string stamp(core::TimePoint at) {
  return core::to_iso8601(std::chrono::floor<std::chrono::seconds>(at));
}

bool is_same_restore(const json& account, const json& body) {
  const auto &have = at(props(account), "restoreParameters"), &want = at(props(body), "restoreParameters");
  return text(props(account), "createMode") == "Restore" &&
         core::equal_ignoring_case(text(have, "restoreSource"), text(want, "restoreSource")) &&
         core::parse_time(text(have, "restoreTimestampInUtc")) ==
             core::parse_time(text(want, "restoreTimestampInUtc"));
}

}  // namespace

std::vector<RestorableAccount> list_restorable(Service& service, const std::string& subscription,
                                               std::stop_token stop) {
  std::vector<RestorableAccount> out;
  for (const auto& body :
       service.list(fmt::format("/subscriptions/{}/providers/Microsoft.DocumentDB/restorableDatabaseAccounts",
                                subscription),
                    kCosmosVersion, std::move(stop)))
    out.push_back(account_of(body));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::pair(a.name, a.created) < std::pair(b.name, b.created);
  });
  return out;
}

std::vector<RestorableResource> restorable_resources(Service& service, const RestorableAccount& account,
                                                     const std::string& region, core::TimePoint at_time,
                                                     std::stop_token stop) {
  std::vector<RestorableResource> out;
  const auto list = resource_list_of(account.api);
  if (list.empty()) return out;
  for (const auto& each :
       service.list(account.id + "/" + list, kCosmosVersion, std::move(stop),
                    {{"restoreLocation", region}, {"restoreTimestampInUtc", stamp(at_time)}})) {
    RestorableResource one;
    one.database = text(each, "databaseName");
    for (const char* key : {"collectionNames", "graphNames"})
      for (const auto& name : at(each, key)) one.collections.push_back(name.get<std::string>());
    if (one.database.empty()) one.database = text(each, "name");  // a table
    out.push_back(std::move(one));
  }
  return out;
}

RestorableAccount choose_restorable(const std::vector<RestorableAccount>& all, const CosmosRestore& restore,
                                    core::TimePoint now) {
  if (restore.at > now) throw Error(ErrorKind::usage, core::to_iso8601(restore.at) + " has not come yet");
  const RestorableAccount* of_name = nullptr;
  for (const auto& account : all) {
    if (!core::equal_ignoring_case(account.name, restore.source)) continue;
    of_name = &account;
    if (!alive_at(account.created, account.deleted, restore.at)) continue;
    const auto region = restore.region.empty() ? account.location : restore.region;
    const bool there = std::any_of(account.regions.begin(), account.regions.end(), [&](const auto& each) {
      return same_region(each.name, region) && alive_at(each.created, each.deleted, restore.at);
    });
    if (!there)
      throw Error(
          ErrorKind::usage,
          fmt::format("{} had no data in {} at {}", account.name, region, core::to_iso8601(restore.at)),
          "`azlin platform cosmos restorable list` shows its regions");
    return account;
  }
  if (of_name == nullptr)
    throw Error(ErrorKind::not_found,
                fmt::format("there is nothing to restore of an account '{}'", restore.source),
                "only accounts with continuous backup are restored so; with the periodic policy, Microsoft's "
                "support does it");
  throw Error(ErrorKind::usage,
              fmt::format("{} did not exist at {}: it was made at {}{}", of_name->name,
                          core::to_iso8601(restore.at), core::to_iso8601(of_name->created),
                          of_name->deleted ? " and deleted at " + core::to_iso8601(*of_name->deleted) : ""));
}

json restore_body(const RestorableAccount& source, const CosmosRestore& restore) {
  const auto region = restore.region.empty() ? source.location : restore.region;
  json parameters = {{"restoreMode", "PointInTime"},
                     {"restoreSource", source.id},
                     {"restoreTimestampInUtc", stamp(restore.at)}};
  const bool gremlin = source.api.starts_with("Gremlin"), table = source.api == "Table";
  for (const auto& only : restore.only) {
    if (table) {
      parameters["tablesToRestore"].push_back(only.database);
    } else {
      parameters[gremlin ? "gremlinDatabasesToRestore" : "databasesToRestore"].push_back(
          {{"databaseName", only.database}, {gremlin ? "graphNames" : "collectionNames", only.collections}});
    }
  }
  return {{"location", region},
          {"kind", source.api == "MongoDB" ? "MongoDB" : "GlobalDocumentDB"},
          {"properties",
           {{"databaseAccountOfferType", "Standard"},
            {"locations", json::array({{{"locationName", region}, {"failoverPriority", 0}}})},
            {"createMode", "Restore"},
            {"restoreParameters", parameters},
            {"backupPolicy", {{"type", "Continuous"}}}}}};
}

json restore_cosmos(Service& service, const std::string& subscription, const RestorableAccount& source,
                    const CosmosRestore& restore, std::stop_token stop, const arm::Progress& progress) {
  const auto path = fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", subscription,
                                restore.group, info(Kind::cosmos).type, restore.target);
  const auto body = restore_body(source, restore);
  if (const auto there = service.find(path, kCosmosVersion, stop)) {
    if (!is_same_restore(*there, body))
      throw Error(ErrorKind::usage,
                  fmt::format("there is an account {} already, and it is not this restore", restore.target),
                  "a restore makes a new account: choose a name that is free");
    if (text(props(*there), "provisioningState") == "Succeeded") return *there;
    if (progress) progress("followed: it was begun before", std::nullopt);
    json now = *there;
    while (text(props(now), "provisioningState") != "Succeeded") {
      const auto state = text(props(now), "provisioningState");
      if (state == "Failed" || state == "Canceled")
        throw Error(ErrorKind::failed, fmt::format("the restore into {} ended as {}", restore.target, state));
      if (progress) progress(state, std::nullopt);
      if (!service.clock().sleep_for(core::Millis{10'000}, stop))
        throw Error(ErrorKind::interrupted, "interrupted while the restore goes on in Azure");
      now = service.get(path, kCosmosVersion, stop);
    }
    return now;
  }
  try {
    return service.change("PUT", path, kCosmosVersion, body, stop, progress);
  } catch (const arm::ArmError& error) {
    // A reply was lost: the request that was sent again found what the first one had begun.
    const auto begun = error.status() == 412 ? service.find(path, kCosmosVersion, stop) : std::nullopt;
    if (!begun || !is_same_restore(*begun, body)) throw;
  }
  return restore_cosmos(service, subscription, source, restore, std::move(stop), progress);
}

}  // namespace azlin::platform
