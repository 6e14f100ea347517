// The tables of key-values and snapshots.
#include "simulator/appconfig.hpp"
#include "simulator/json_util.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS config_revisions ("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, store TEXT NOT NULL, key TEXT NOT NULL, label TEXT NOT NULL,"
    "  at INTEGER NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS config_by_key ON config_revisions (store, key, label, number);"
    "CREATE TABLE IF NOT EXISTS config_snapshots (store TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT "
    "NULL,"
    "  PRIMARY KEY (store, name)) WITHOUT ROWID;";

constexpr const char* kSelect = "SELECT number, key, label, at, body FROM config_revisions r WHERE ";

std::int64_t millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}

ConfigRevision read(const store::Statement& row) {
  return {row.integer(0), row.text(1), row.text(2), core::TimePoint{core::Millis{row.integer(3)}},
          Json::parse(row.text(4))};
}

std::vector<ConfigRevision> read_all(store::Statement& query) {
  std::vector<ConfigRevision> found;
  while (query.step()) found.push_back(read(query));
  return found;
}

}  // namespace

ConfigStore::ConfigStore(Context& context) : context_(context) {
  context_.state.db().execute(kSchema);
}

std::optional<ConfigRevision> ConfigStore::find(const std::string& store, const std::string& key,
                                                const std::string& label) {
  auto query = context_.state.db().prepare(
      std::string(kSelect) + "store = ?1 AND key = ?2 AND label = ?3 ORDER BY number DESC LIMIT 1");
  query.bind(1, store).bind(2, key).bind(3, label);
  if (!query.step()) return std::nullopt;
  auto found = read(query);
  if (found.body.is_null()) return std::nullopt;
  return found;
}

std::int64_t ConfigStore::append(const std::string& store, const std::string& key, const std::string& label,
                                 const Json& body) {
  context_.state.db()
      .prepare("INSERT INTO config_revisions (store, key, label, at, body) VALUES (?1, ?2, ?3, ?4, ?5)")
      .bind(1, store)
      .bind(2, key)
      .bind(3, label)
      .bind(4, millis(context_.now()))
      .bind(5, body.dump())
      .run();
  return context_.state.db().last_insert_id();
}

std::vector<ConfigRevision> ConfigStore::at(const std::string& store, core::TimePoint time) {
  auto query = context_.state.db().prepare(
      std::string(kSelect) +
      "number IN (SELECT max(number) FROM config_revisions WHERE store = ?1 AND at <= ?2 GROUP BY key, label)"
      " AND body <> 'null' ORDER BY key, label");
  query.bind(1, store).bind(2, millis(time));
  return read_all(query);
}

std::vector<ConfigRevision> ConfigStore::revisions(const std::string& store, core::TimePoint time) {
  auto query = context_.state.db().prepare(std::string(kSelect) +
                                           "store = ?1 AND at <= ?2 AND body <> 'null' ORDER BY number DESC");
  query.bind(1, store).bind(2, millis(time));
  return read_all(query);
}

void ConfigStore::prune(const std::string& store, core::TimePoint limit) {
  context_.state.db()
      .prepare(
          "DELETE FROM config_revisions WHERE store = ?1 AND EXISTS (SELECT 1 FROM config_revisions n WHERE"
          " n.store = ?1 AND n.key = config_revisions.key AND n.label = config_revisions.label"
          " AND n.number > config_revisions.number AND n.at < ?2)")
      .bind(1, store)
      .bind(2, millis(limit))
      .run();
}

std::int64_t ConfigStore::last_number(const std::string& store) {
  auto query =
      context_.state.db().prepare("SELECT coalesce(max(number), 0) FROM config_revisions WHERE store = ?1");
  query.bind(1, store);
  query.step();
  return query.integer(0);
}

std::optional<Json> ConfigStore::snapshot(const std::string& store, const std::string& name) {
  auto query =
      context_.state.db().prepare("SELECT body FROM config_snapshots WHERE store = ?1 AND name = ?2");
  query.bind(1, store).bind(2, name);
  if (!query.step()) return std::nullopt;
  return Json::parse(query.text(0));
}

void ConfigStore::save_snapshot(const std::string& store, const std::string& name, const Json& snapshot) {
  context_.state.db()
      .prepare("INSERT OR REPLACE INTO config_snapshots (store, name, body) VALUES (?1, ?2, ?3)")
      .bind(1, store)
      .bind(2, name)
      .bind(3, snapshot.dump())
      .run();
}

void ConfigStore::erase_snapshot(const std::string& store, const std::string& name) {
  context_.state.db()
      .prepare("DELETE FROM config_snapshots WHERE store = ?1 AND name = ?2")
      .bind(1, store)
      .bind(2, name)
      .run();
}

std::vector<Json> ConfigStore::snapshots(const std::string& store) {
  auto query =
      context_.state.db().prepare("SELECT body FROM config_snapshots WHERE store = ?1 ORDER BY name");
  query.bind(1, store);
  std::vector<Json> found;
  while (query.step()) found.push_back(Json::parse(query.text(0)));
  return found;
}

void ConfigStore::erase_store(const std::string& store) {
  context_.state.db().prepare("DELETE FROM config_revisions WHERE store = ?1").bind(1, store).run();
  context_.state.db().prepare("DELETE FROM config_snapshots WHERE store = ?1").bind(1, store).run();
}

void ConfigStore::clear() {
  context_.state.db().execute("DELETE FROM config_revisions; DELETE FROM config_snapshots;");
}

}  // namespace azlin::simulator
