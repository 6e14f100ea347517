#include "simulator/recovery_store.hpp"

#include <fmt/format.h>

#include "simulator/context.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {

namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS recovery ("
    "  key TEXT PRIMARY KEY, id TEXT NOT NULL, vault TEXT NOT NULL, kind TEXT NOT NULL, parent TEXT NOT NULL,"
    "  ref TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL, notes TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS recovery_by_vault ON recovery (kind, vault, key);"
    "CREATE INDEX IF NOT EXISTS recovery_by_time ON recovery (kind, vault, at, key);"
    "CREATE INDEX IF NOT EXISTS recovery_by_parent ON recovery (parent, kind, key);"
    "CREATE INDEX IF NOT EXISTS recovery_by_ref ON recovery (ref, kind, key) WHERE ref <> '';";

constexpr const char* kSelect = "SELECT id, vault, kind, parent, ref, at, body, notes FROM recovery WHERE ";

RecoveryObject read(const store::Statement& row) {
  return {row.text(0),
          row.text(1),
          row.text(2),
          row.text(3),
          row.text(4),
          core::TimePoint{core::Millis{row.integer(5)}},
          Json::parse(row.text(6)),
          Json::parse(row.text(7))};
}

std::vector<RecoveryObject> read_all(store::Statement& query) {
  std::vector<RecoveryObject> found;
  while (query.step()) found.push_back(read(query));
  return found;
}

}  // namespace

std::string RecoveryObject::key() const {
  return lower(id);
}
std::string RecoveryObject::name() const {
  return id.substr(id.rfind('/') + 1);
}

RecoveryStore::RecoveryStore(Context& context) : context_(context) {
  context_.state.db().execute(kSchema);
}

std::optional<RecoveryObject> RecoveryStore::find(std::string_view id) {
  auto query = context_.state.db().prepare(std::string(kSelect) + "key = ?1");
  query.bind(1, lower(id));
  if (!query.step()) return std::nullopt;
  return read(query);
}

void RecoveryStore::save(const RecoveryObject& object) {
  context_.state.db()
      .prepare(
          "INSERT OR REPLACE INTO recovery (key, id, vault, kind, parent, ref, at, body, notes)"
          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
      .bind(1, object.key())
      .bind(2, object.id)
      .bind(3, lower(object.vault))
      .bind(4, object.kind)
      .bind(5, lower(object.parent))
      .bind(6, lower(object.ref))
      .bind(7, std::int64_t{object.at.time_since_epoch().count()})
      .bind(8, object.body.dump())
      .bind(9, object.notes.dump())
      .run();
}

void RecoveryStore::erase(std::string_view id) {
  context_.state.db().prepare("DELETE FROM recovery WHERE key = ?1").bind(1, lower(id)).run();
}

void RecoveryStore::erase_vault(std::string_view vault) {
  context_.state.db()
      .prepare("DELETE FROM recovery WHERE vault = ?1 AND kind <> 'database'")
      .bind(1, lower(vault))
      .run();
}

std::vector<RecoveryObject> RecoveryStore::list(std::string_view kind, std::string_view vault) {
  auto query = context_.state.db().prepare(std::string(kSelect) + "kind = ?1 AND vault = ?2 ORDER BY key");
  query.bind(1, kind).bind(2, lower(vault));
  return read_all(query);
}

std::vector<RecoveryObject> RecoveryStore::children(std::string_view kind, std::string_view parent) {
  auto query = context_.state.db().prepare(std::string(kSelect) + "parent = ?1 AND kind = ?2 ORDER BY key");
  query.bind(1, lower(parent)).bind(2, kind);
  return read_all(query);
}

std::vector<RecoveryObject> RecoveryStore::by_ref(std::string_view kind, std::string_view ref) {
  auto query =
      context_.state.db().prepare(std::string(kSelect) + "ref = ?1 AND ref <> '' AND kind = ?2 ORDER BY key");
  query.bind(1, lower(ref)).bind(2, kind);
  return read_all(query);
}

std::int64_t RecoveryStore::count(std::string_view kind, std::string_view vault) {
  auto query = context_.state.db().prepare("SELECT count(*) FROM recovery WHERE kind = ?1 AND vault = ?2");
  query.bind(1, kind).bind(2, lower(vault));
  query.step();
  return query.integer(0);
}

std::int64_t RecoveryStore::count_by_ref(std::string_view kind, std::string_view ref) {
  auto query =
      context_.state.db().prepare("SELECT count(*) FROM recovery WHERE ref = ?1 AND ref <> '' AND kind = ?2");
  query.bind(1, lower(ref)).bind(2, kind);
  query.step();
  return query.integer(0);
}

void RecoveryStore::clear() {
  context_.state.db().execute("DELETE FROM recovery");
}

std::string RecoveryStore::cursor(const RecoveryObject& object, bool newest_first) {
  if (!newest_first) return object.key();
  return fmt::format("{}|{}", object.at.time_since_epoch().count(), object.key());
}

void RecoveryStore::scan(std::string_view kind, std::string_view vault, bool newest_first,
                         const std::string& after, const std::function<bool(RecoveryObject&&)>& visit) {
  const std::string order =
      newest_first ? " AND (at, key) < (?3, ?4) ORDER BY at DESC, key DESC" : " AND key > ?4 ORDER BY key";
  auto query = context_.state.db().prepare(std::string(kSelect) + "kind = ?1 AND vault = ?2" + order);
  std::int64_t time = std::numeric_limits<std::int64_t>::max();
  std::string key = newest_first ? "" : after;
  if (newest_first && !after.empty()) {
    const auto bar = after.find('|');
    time = std::strtoll(after.c_str(), nullptr, 10);
    key = bar == std::string::npos ? "" : after.substr(bar + 1);
  }
  query.bind(1, kind).bind(2, lower(vault)).bind(4, key);
  if (newest_first) query.bind(3, time);
  while (query.step()) {
    if (!visit(read(query))) return;
  }
}

}  // namespace azlin::simulator
