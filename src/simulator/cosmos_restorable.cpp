// Restorable accounts, live and deleted; what they held when; the checks of a restore.
#include <fmt/format.h>

#include "simulator/cosmos.hpp"
#include "simulator/json_util.hpp"
#include "simulator/locations.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kVersions = "Microsoft.DocumentDB/restorableDatabaseAccounts";

std::string restorable_id(const Resource& account) {
  return fmt::format(
      "/subscriptions/{}/providers/Microsoft.DocumentDB/locations/{}/restorableDatabaseAccounts/{}",
      account.subscription, account.location, account.hidden["instance"].get<std::string>());
}

core::TimePoint time_at(const Json& value, const std::string& pointer) {
  return core::parse_time(text_at(value, pointer)).value_or(core::TimePoint{});
}

// Not older than the tier's days.
core::TimePoint oldest(Context& context, const Resource& restorable) {
  const auto reach = context.now() - std::chrono::days(restorable.hidden.value("days", 30));
  return std::max(reach, time_at(restorable.body, "/properties/creationTime"));
}

bool expired(Context& context, const Resource& restorable) {
  const auto deleted = core::parse_time(text_at(restorable.body, "/properties/deletionTime"));
  return deleted && *deleted + std::chrono::days(restorable.hidden.value("days", 30)) < context.now();
}

Json shown(Context& context, const Resource& restorable) {
  Json body = restorable.body;
  body["properties"]["oldestRestorableTime"] = core::to_iso8601(oldest(context, restorable));
  return body;
}

Reply list_restorable(Context& context, const Request& request) {
  ListFilter filter;
  filter.subscription = request.target.subscription;
  filter.type = kRestorableType;
  const bool one_region = request.params.count("location") != 0;
  const Location* region = one_region ? find_location(request.param("location")) : nullptr;
  Json value = Json::array();
  for (const auto& restorable : context.state.list(filter)) {
    const bool elsewhere =
        one_region && (region == nullptr || text_at(restorable.body, "/location") != region->display);
    if (!elsewhere && !expired(context, restorable)) value.push_back(shown(context, restorable));
  }
  return Reply::json(200, {{"value", value}});
}

Resource require_restorable(Context& context, const Request& request) {
  const Location* region = find_location(request.param("location"));
  const std::string id = fmt::format(
      "/subscriptions/{}/providers/Microsoft.DocumentDB/locations/{}/restorableDatabaseAccounts/{}",
      request.param("sub"), region == nullptr ? "" : region->name, request.param("instance"));
  Resource restorable = require(context, id);
  if (expired(context, restorable)) throw_not_found(id);
  return restorable;
}

const CosmosApi& require_api(const Resource& restorable, const std::string& api) {
  for (const auto& one : cosmos_apis())
    if (one.name == text_at(restorable.body, "/properties/apiType") && one.name == api) return one;
  throw_cosmos(fmt::format("The restorable account is not one of the API {}.", api));
}

// The creations and deletions, as Azure lists them.
Reply list_events(Context& context, const Request& request, const std::string& api_name, bool containers) {
  const Resource restorable = require_restorable(context, request);
  const CosmosApi& api = require_api(restorable, api_name);
  const std::string kind = containers ? "container" : "database",
                    parent = request.query_or(api.rid_parameter, "");
  if (containers && !api.databases.empty() && parent.empty())
    throw_cosmos(fmt::format("The query parameter '{}' is required.", api.rid_parameter));
  const auto start = core::parse_time(request.query_or("starttime", "")),
             end = core::parse_time(request.query_or("endtime", ""));
  Json value = Json::array();
  for (const auto& event : cosmos_events(context).list(restorable.name, kind)) {
    if ((containers && event.parent != parent) || (start && event.at < *start) || (end && event.at > *end))
      continue;
    const std::string name = guid_from(event.rid + (event.created ? "+" : "-"));
    const std::string type = containers ? api.restorable_containers : api.restorable_databases;
    value.push_back({{"id", restorable.id + "/" + type + "/" + name},
                     {"name", name},
                     {"type", std::string(kRestorableType) + "/" + type},
                     {"properties",
                      {{"resource",
                        {{"_rid", event.rid},
                         {"eventTimestamp", core::to_iso8601(event.at)},
                         {"operationType", event.created ? "Create" : "Delete"},
                         {"ownerId", event.name},
                         {"ownerResourceId", event.rid}}}}}});
  }
  return Reply::json(200, {{"value", value}});
}

Reply list_resources_then(Context& context, const Request& request, const std::string& api_name) {
  const Resource restorable = require_restorable(context, request);
  const CosmosApi& api = require_api(restorable, api_name);
  const auto time = core::parse_time(request.query_or("restoretimestampinutc", ""));
  if (!time) throw_cosmos("The query parameter 'restoreTimestampInUtc' is required.");
  Json value = Json::array();
  for (const auto& database : cosmos_events(context).at(restorable.name, *time)) {
    if (api.databases.empty()) {
      for (const auto& table : database.containers) value.push_back({{"name", table}});
      continue;
    }
    Json entry = {{"id", restorable.id + "/" + api.restorable_resources + "/" + database.name},
                  {"name", database.name},
                  {"type", std::string(kRestorableType) + "/" + api.restorable_resources},
                  {"databaseName", database.name}};
    entry[api.name == "Gremlin" ? "graphNames" : "collectionNames"] = database.containers;
    value.push_back(entry);
  }
  return Reply::json(200, {{"value", value}});
}

// Of what there was, what the parameters ask for.
std::vector<CosmosEvents::Database> choose(const std::vector<CosmosEvents::Database>& all,
                                           const Json& parameters) {
  for (const char* other : {"gremlinDatabasesToRestore", "tablesToRestore"})
    if (parameters.contains(other) && !parameters[other].empty())
      throw_cosmos(fmt::format(
          "The simulated Cosmos DB restores parts by databasesToRestore only, not by {}.", other));
  const Json wanted = parameters.value("databasesToRestore", Json::array());
  if (wanted.empty()) return all;
  std::vector<CosmosEvents::Database> chosen;
  for (const auto& entry : wanted) {
    const std::string name = text_at(entry, "/databaseName");
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    if (found == all.end())
      throw_cosmos(fmt::format("The database '{}' did not exist at the restore time.", name));
    CosmosEvents::Database part{name, entry.value("collectionNames", std::vector<std::string>())};
    if (part.containers.empty()) part.containers = found->containers;
    for (const auto& container : part.containers)
      if (std::find(found->containers.begin(), found->containers.end(), container) == found->containers.end())
        throw_cosmos(fmt::format("The container '{}' did not exist at the restore time.", container));
    chosen.push_back(part);
  }
  return chosen;
}

}  // namespace

void note_restorable(Context& context, const Resource& account, bool deleted) {
  const std::string id = restorable_id(account);
  auto entry = context.state.find(id).value_or(Resource());
  entry.id = id;
  entry.name = account.hidden["instance"];
  entry.type = kRestorableType;
  entry.hidden = {{"days", text_at(account.body, "/properties/backupPolicy/continuousModeProperties/tier") ==
                                   "Continuous7Days"
                               ? 7
                               : 30}};
  const std::string now = core::to_iso8601(context.now());
  // A region that was taken away stays restorable for the time that it was there.
  Json regions = entry.body.is_object() ? entry.body["properties"]["restorableLocations"] : Json::array();
  for (auto& region : regions) {
    const auto& present = account.hidden["regions"];
    const bool there = !deleted && std::any_of(present.begin(), present.end(), [&](const Json& one) {
      return find_location(one["name"].get<std::string>())->display == region["locationName"];
    });
    if (!there && !region.contains("deletionTime")) region["deletionTime"] = now;
  }
  for (const auto& region : account.hidden["regions"]) {
    const std::string display = find_location(region["name"].get<std::string>())->display;
    const bool known = std::any_of(regions.begin(), regions.end(), [&](const Json& one) {
      return one["locationName"] == display && (deleted || !one.contains("deletionTime"));
    });
    if (!known)
      regions.push_back({{"locationName", display},
                         {"regionalDatabaseAccountInstanceId", new_guid()},
                         {"creationTime", entry.body.is_object() ? Json(now) : account.hidden["since"]}});
  }
  entry.body = {{"id", id},
                {"name", entry.name},
                {"location", find_location(account.location)->display},
                {"type", kRestorableType},
                {"properties",
                 {{"accountName", account.name},
                  {"creationTime", account.hidden["since"]},
                  {"apiType", api_of(account).name},
                  {"restorableLocations", regions}}}};
  if (deleted) entry.body["properties"]["deletionTime"] = now;
  context.save(entry);
}

std::vector<CosmosEvents::Database> checked_restore(Context& context, const Json& properties,
                                                    const std::string& kind, const std::string& location) {
  const Json parameters = properties.value("restoreParameters", Json::object());
  if (!same(text_at(parameters, "/restoreMode"), "PointInTime"))
    throw_cosmos("The restore mode must be PointInTime.");
  const auto source = context.state.find(text_at(parameters, "/restoreSource"));
  if (!source || source->type != kRestorableType || expired(context, *source))
    throw_cosmos("The restore source is no restorable database account.");
  if ((text_at(source->body, "/properties/apiType") == "MongoDB") != (kind == "MongoDB"))
    throw_cosmos("The kind of the account must be that of the restore source.");
  const auto time = core::parse_time(text_at(parameters, "/restoreTimestampInUtc"));
  const auto deleted = core::parse_time(text_at(source->body, "/properties/deletionTime"));
  if (!time || *time > context.now() || *time < oldest(context, *source) || (deleted && *time > *deleted))
    throw_cosmos("The restore timestamp is not within the time in which the account can be restored.");
  const Json regions = checked_locations(properties.value("locations", Json::array()), location);
  if (regions.size() != 1) throw_cosmos("An account is restored into one region; add others later.");
  const std::string wanted = find_location(regions[0]["name"].get<std::string>())->display;
  const Json& known = source->body["properties"]["restorableLocations"];
  const bool was_there = std::any_of(known.begin(), known.end(), [&](const Json& region) {
    const auto end = core::parse_time(text_at(region, "/deletionTime"));
    return region["locationName"] == wanted && time_at(region, "/creationTime") <= *time &&
           (!end || *time <= *end);
  });
  if (!was_there)
    throw_cosmos(
        fmt::format("The source account did not exist in the region '{}' at the restore time.", wanted));
  auto databases = choose(cosmos_events(context).at(source->name, *time), parameters);
  if (databases.empty()) throw_cosmos("No databases or collections existed at the restore time.");
  return databases;
}

void register_cosmos_restorable(Router& router, Context& context) {
  const std::string sub = "/subscriptions/{sub}/providers/Microsoft.DocumentDB/";
  const auto list = [&context](Request& request) { return list_restorable(context, request); };
  router.arm("GET", sub + "restorableDatabaseAccounts", kVersions, list);
  router.arm("GET", sub + "locations/{location}/restorableDatabaseAccounts", kVersions, list);
  const std::string one = sub + "locations/{location}/restorableDatabaseAccounts/{instance}";
  router.arm("GET", one, kVersions, [&context](Request& request) {
    return Reply::json(200, shown(context, require_restorable(context, request)));
  });
  for (const auto& api : cosmos_apis()) {
    const auto events = [&context, name = api.name](bool containers) {
      return [&context, name, containers](Request& request) {
        return list_events(context, request, name, containers);
      };
    };
    if (!api.databases.empty())
      router.arm("GET", one + "/" + api.restorable_databases, kVersions, events(false));
    router.arm("GET", one + "/" + api.restorable_containers, kVersions, events(true));
    router.arm("GET", one + "/" + api.restorable_resources, kVersions,
               [&context, name = api.name](Request& request) {
                 return list_resources_then(context, request, name);
               });
  }
}

}  // namespace azlin::simulator
