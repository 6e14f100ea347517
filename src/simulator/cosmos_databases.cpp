// Databases and containers by name, and the record of when they came and went.
#include <fmt/format.h>

#include "simulator/cosmos.hpp"
#include "simulator/crypto.hpp"
#include "simulator/json_util.hpp"
#include "simulator/resources.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS cosmos_events (number INTEGER PRIMARY KEY AUTOINCREMENT, instance TEXT NOT "
    "NULL,"
    "  kind TEXT NOT NULL, name TEXT NOT NULL, rid TEXT NOT NULL, parent TEXT NOT NULL, at INTEGER NOT NULL,"
    "  created INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS cosmos_events_by_instance ON cosmos_events (instance, kind, number);";

Resource require_account(Context& context, const Request& request, const std::string& type) {
  Resource account = account_above(context, request);
  const CosmosApi& api = api_of(account);
  if (api.databases != type && api.containers != type)
    throw_cosmos(
        fmt::format("The account '{}' is one of the API {}, which has no {}.", account.name, api.name, type));
  return account;
}

// Saves the item and notes its creation. `parent` is the database's rid, "" for a database or a table.
Resource make_item(Context& context, const Resource& account, const std::string& id, const std::string& type,
                   const std::string& parent, bool container, core::TimePoint at) {
  Resource item;
  item.id = id;
  item.name = last_segment(id);
  item.type = type;
  item.hidden = {{"rid", base64_encode(random_bytes(container ? 9 : 4))},
                 {"parent", parent},
                 {"container", container},
                 {"instance", account.hidden["instance"]}};
  item.body = {{"id", id},
               {"name", item.name},
               {"type", type},
               {"properties",
                {{"resource",
                  {{"id", item.name},
                   {"_rid", item.hidden["rid"]},
                   {"_ts", at.time_since_epoch().count() / 1'000}}}}}};
  context.save(item);
  cosmos_events(context).add({account.hidden["instance"], container ? "container" : "database", item.name,
                              item.hidden["rid"], parent, at, true});
  return item;
}

Reply put_item(Context& context, Request& request, const std::string& type) {
  const std::string own = last_segment(type);
  const Resource account = require_account(context, request, own);
  if (text_at(request.object(), "/properties/resource/id") != request.target.name)
    throw_cosmos("The id of the resource must be the name in the path.");
  const bool container = api_of(account).containers == own;
  std::string parent;
  if (request.params.count("database") != 0)
    parent = require(context, account.id + "/" + api_of(account).databases + "/" + request.param("database"))
                 .hidden["rid"];
  auto item = context.state.find(request.target.id);
  const Json throughput =
      checked_throughput(request.object().value("/properties/options"_json_pointer, Json::object()));
  if (!item) {
    item = make_item(context, account, request.target.id, type, parent, container, context.now());
    item->hidden["throughput"] = throughput;
  }
  // The definition (partition key, indexes, time to live) comes back as it was given.
  Json resource = request.object()["properties"]["resource"];
  drop_nulls(resource);
  for (const char* kept : {"_rid", "_ts"}) resource[kept] = item->body["properties"]["resource"][kept];
  resource["_etag"] = fmt::format("\"{}\"", new_guid());
  item->body["properties"]["resource"] = resource;
  context.save(*item);
  Work work{kCosmosItem, item->id, {{"body", item->body}}, core::Millis{500}, core::Millis{10'000}};
  return context.operations.start(request, LroShape::cosmos, account.location, work, 202);
}

Reply delete_item(Context& context, Request& request) {
  const auto item = context.state.find(request.target.id);
  if (!item) return Reply::empty(204);
  const Resource account = account_above(context, request);
  erase_with_children(context, item->id);  // the hook notes the deletion of each
  Work work{kCosmosItem, item->id, {{"body", nullptr}}, core::Millis{500}, core::Millis{10'000}};
  return context.operations.start(request, LroShape::cosmos, account.location, work, 202);
}

Reply list_items(Context& context, const Request& request, const std::string& type) {
  require_account(context, request, last_segment(type));
  ListFilter filter;
  filter.type = type;
  filter.id_prefix = lower("/" + fmt::format("{}", fmt::join(request.segments, "/"))) + "/";
  Json value = Json::array();
  for (const auto& item : context.state.list(filter)) value.push_back(item.body);
  return Reply::json(200, {{"value", value}});
}

// The last restorable moment is a little behind now.
Reply backup_information(Context& context, Request& request) {
  const Resource account = account_above(context, request);
  require(context, request.target.id);
  if (!is_continuous(account)) throw_cosmos("The account has no continuous backup.");
  std::string region = lower(text_at(request.object(), "/location"));
  std::erase(region, ' ');
  const Json& regions = account.hidden["regions"];
  if (std::none_of(regions.begin(), regions.end(), [&](const Json& one) { return one["name"] == region; }))
    throw_cosmos("The account has no such region.");
  const auto latest = std::chrono::floor<std::chrono::seconds>(context.now() - std::chrono::seconds(100));
  const Json body = {
      {"continuousBackupInformation", {{"latestRestorableTimestamp", core::to_iso8601(latest)}}}};
  Work work{kCosmosItem,
            account.id + "/backupInformation",
            {{"body", body}},
            core::Millis{500},
            core::Millis{5'000}};
  return context.operations.start(request, LroShape::cosmos, account.location, work, 202);
}

void add_routes(Router& router, Context& context, const std::string& path, const std::string& type,
                bool container) {
  const auto arm = [&](const char* method, const std::string& where, auto handler) {
    router.arm(method, where, kCosmosType,
               [&context, handler, type](Request& request) { return handler(context, request, type); });
  };
  arm("GET", path, list_items);
  arm("GET", path + "/{item}",
      [](Context& cloud, Request& request, const std::string&) { return get_resource(cloud, request); });
  arm("PUT", path + "/{item}", put_item);
  add_throughput_routes(router, context, path + "/{item}");
  arm("DELETE", path + "/{item}",
      [](Context& cloud, Request& request, const std::string&) { return delete_item(cloud, request); });
  if (container)
    arm("POST", path + "/{item}/retrieveContinuousBackupInformation",
        [](Context& cloud, Request& request, const std::string&) {
          return backup_information(cloud, request);
        });
  context.on_erase[lower(type)] = [](Context& cloud, const Resource& item) {
    cosmos_events(cloud).add({item.hidden["instance"],
                              item.hidden["container"] == true ? "container" : "database", item.name,
                              item.hidden["rid"], item.hidden["parent"], cloud.now(), false});
  };
}

}  // namespace

Resource account_above(Context& context, const Request& request) {
  return require(context,
                 fmt::format("/subscriptions/{}/resourceGroups/{}/providers/{}/{}", request.param("sub"),
                             request.param("rg"), kCosmosType, request.param("account")));
}

const std::vector<CosmosApi>& cosmos_apis() {
  static const std::vector<CosmosApi> apis = {
      {"Sql", "sqlDatabases", "containers", "restorableSqlDatabases", "restorableSqlContainers",
       "restorableSqlResources", "restorablesqldatabaserid"},
      {"MongoDB", "mongodbDatabases", "collections", "restorableMongodbDatabases",
       "restorableMongodbCollections", "restorableMongodbResources", "restorablemongodbdatabaserid"},
      {"Gremlin", "gremlinDatabases", "graphs", "restorableGremlinDatabases", "restorableGraphs",
       "restorableGremlinResources", "restorablegremlindatabaserid"},
      {"Table", "", "tables", "", "restorableTables", "restorableTableResources", ""}};
  return apis;
}

const CosmosApi& api_of(const Resource& account) {
  const auto& apis = cosmos_apis();
  if (text_at(account.body, "/kind") == "MongoDB") return apis[1];
  for (const auto& capability : account.body["properties"].value("capabilities", Json::array())) {
    if (text_at(capability, "/name") == "EnableGremlin") return apis[2];
    if (text_at(capability, "/name") == "EnableTable") return apis[3];
  }
  return apis[0];
}

CosmosEvents::CosmosEvents(Context& context) : context_(context) {
  context_.state.db().execute(kSchema);
}

void CosmosEvents::add(const CosmosEvent& event) {
  context_.state.db()
      .prepare(
          "INSERT INTO cosmos_events (instance, kind, name, rid, parent, at, created) VALUES (?1, ?2, ?3, "
          "?4, ?5, ?6, ?7)")
      .bind(1, event.instance)
      .bind(2, event.kind)
      .bind(3, event.name)
      .bind(4, event.rid)
      .bind(5, event.parent)
      .bind(6, std::int64_t{event.at.time_since_epoch().count()})
      .bind(7, std::int64_t{event.created})
      .run();
}

std::vector<CosmosEvent> CosmosEvents::list(const std::string& instance, const std::string& kind) {
  auto query = context_.state.db().prepare(
      "SELECT name, rid, parent, at, created FROM cosmos_events WHERE instance = ?1 AND kind = ?2 ORDER BY "
      "number");
  query.bind(1, instance).bind(2, kind);
  std::vector<CosmosEvent> found;
  while (query.step())
    found.push_back({instance, kind, query.text(0), query.text(1), query.text(2),
                     core::TimePoint{core::Millis{query.integer(3)}}, query.integer(4) != 0});
  return found;
}

std::vector<CosmosEvents::Database> CosmosEvents::at(const std::string& instance, core::TimePoint time) {
  std::map<std::string, Database> databases;  // by rid
  for (const auto& event : list(instance, "database")) {
    if (event.at > time) continue;
    if (event.created)
      databases[event.rid].name = event.name;
    else
      databases.erase(event.rid);
  }
  std::map<std::string, CosmosEvent> containers;
  for (auto& event : list(instance, "container")) {
    if (event.at > time) continue;
    if (event.created)
      containers[event.rid] = event;
    else
      containers.erase(event.rid);
  }
  for (const auto& [rid, container] : containers)
    if (container.parent.empty() || databases.count(container.parent) != 0)
      databases[container.parent].containers.push_back(container.name);
  std::vector<Database> found;
  for (auto& [rid, database] : databases) found.push_back(std::move(database));
  std::sort(found.begin(), found.end(), [](const Database& a, const Database& b) { return a.name < b.name; });
  for (auto& database : found) std::sort(database.containers.begin(), database.containers.end());
  return found;
}

void CosmosEvents::clear() {
  context_.state.db().execute("DELETE FROM cosmos_events");
}

CosmosEvents& cosmos_events(Context& context) {
  return *std::any_cast<std::shared_ptr<CosmosEvents>&>(context.helpers.at("cosmos events"));
}

void make_databases(Context& context, const Resource& account,
                    const std::vector<CosmosEvents::Database>& databases, core::TimePoint at) {
  const CosmosApi& api = api_of(account);
  const std::string type = kCosmosType;
  for (const auto& database : databases) {
    std::string parent, above = account.id, above_type = type;
    if (!api.databases.empty()) {
      above += "/" + api.databases + "/" + database.name;
      above_type += "/" + api.databases;
      parent = make_item(context, account, above, above_type, "", false, at).hidden["rid"];
    }
    for (const auto& container : database.containers)
      make_item(context, account, above + "/" + api.containers + "/" + container,
                above_type + "/" + api.containers, parent, true, at);
  }
}

void register_cosmos_databases(Router& router, Context& context) {
  auto events = std::make_shared<CosmosEvents>(context);
  context.helpers["cosmos events"] = events;
  context.on_reset.push_back([events] { events->clear(); });
  context.operations.on(kCosmosItem, [](Context&, const Json& data) { return data["body"]; });
  const std::string account = group_path(kCosmosType) + "/{account}", type = kCosmosType;
  for (const auto& api : cosmos_apis()) {
    if (api.databases.empty()) {
      add_routes(router, context, account + "/" + api.containers, type + "/" + api.containers, true);
      continue;
    }
    add_routes(router, context, account + "/" + api.databases, type + "/" + api.databases, false);
    add_routes(router, context, account + "/" + api.databases + "/{database}/" + api.containers,
               type + "/" + api.databases + "/" + api.containers, true);
  }
}

}  // namespace azlin::simulator
