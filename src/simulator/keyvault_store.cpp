#include "simulator/keyvault_store.hpp"

#include "simulator/context.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS vault_items ("
    "  vault TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, state INTEGER NOT "
    "NULL,"
    "  ready INTEGER NOT NULL, deleted INTEGER NOT NULL, purge_at INTEGER NOT NULL, managed INTEGER NOT NULL,"
    "  notes TEXT NOT NULL, PRIMARY KEY (vault, kind, key)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS vault_items_waiting ON vault_items (state, ready) WHERE state <> 0;"
    "CREATE TABLE IF NOT EXISTS vault_versions ("
    "  vault TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL,"
    "  version TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (vault, kind, key, number)) WITHOUT ROWID;"
    // An item that goes takes its versions along.
    "CREATE TRIGGER IF NOT EXISTS vault_items_gone AFTER DELETE ON vault_items BEGIN"
    "  DELETE FROM vault_versions WHERE vault = old.vault AND kind = old.kind AND key = old.key; END;";

std::int64_t millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}
core::TimePoint time_of(std::int64_t millis) {
  return core::TimePoint{core::Millis{millis}};
}

constexpr const char* kSelect =
    "SELECT vault, kind, name, state, ready, deleted, purge_at, managed, notes FROM vault_items WHERE ";

VaultObject read(const store::Statement& row) {
  return {row.text(0),
          row.text(1),
          row.text(2),
          static_cast<ItemState>(row.integer(3)),
          time_of(row.integer(4)),
          time_of(row.integer(5)),
          time_of(row.integer(6)),
          row.integer(7) != 0,
          Json::parse(row.text(8))};
}

std::int64_t number_of(ItemState state) {
  return static_cast<std::int64_t>(state);
}

}  // namespace

std::string VaultObject::key() const {
  return lower(name);
}

KeyVaultStore::KeyVaultStore(Context& context) : context_(context) {
  context_.state.db().execute(kSchema);
}

void KeyVaultStore::settle() {
  const auto now = millis(context_.now());
  // "state <> 0" stands in each query so that the index serves, which has none of the live items.
  if (!context_.state.db().prepare("SELECT 1 FROM vault_items WHERE state <> 0 LIMIT 1").step()) return;
  const auto run = [&](const char* sql, ItemState from, ItemState to) {
    auto statement = context_.state.db().prepare(sql);
    statement.bind(1, number_of(from)).bind(2, now);
    if (from != to) statement.bind(3, number_of(to));
    statement.run();
  };
  constexpr const char* kBecome =
      "UPDATE vault_items SET state = ?3 WHERE state = ?1 AND state <> 0 AND ready <= ?2";
  run(kBecome, ItemState::deleting, ItemState::deleted);
  run(kBecome, ItemState::recovering, ItemState::live);
  run("DELETE FROM vault_items WHERE state = ?1 AND state <> 0 AND ready <= ?2", ItemState::purging,
      ItemState::purging);
  run("DELETE FROM vault_items WHERE state = ?1 AND state <> 0 AND purge_at <= ?2", ItemState::deleted,
      ItemState::deleted);
}

std::optional<VaultObject> KeyVaultStore::find(const std::string& vault, const std::string& kind,
                                               const std::string& name) {
  settle();
  auto query = context_.state.db().prepare(std::string(kSelect) + "vault = ?1 AND kind = ?2 AND key = ?3");
  query.bind(1, vault).bind(2, kind).bind(3, lower(name));
  if (!query.step()) return std::nullopt;
  return read(query);
}

void KeyVaultStore::save(const VaultObject& item) {
  // Not INSERT OR REPLACE, which would fire the trigger's deletion of the versions.
  context_.state.db()
      .prepare(
          "INSERT INTO vault_items (vault, kind, key, name, state, ready, deleted, purge_at, managed, notes)"
          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (vault, kind, key) DO UPDATE SET"
          " state = ?5, ready = ?6, deleted = ?7, purge_at = ?8, managed = ?9, notes = ?10")
      .bind(1, item.vault)
      .bind(2, item.kind)
      .bind(3, item.key())
      .bind(4, item.name)
      .bind(5, number_of(item.state))
      .bind(6, millis(item.ready))
      .bind(7, millis(item.deleted))
      .bind(8, millis(item.purge_at))
      .bind(9, std::int64_t{item.managed})
      .bind(10, item.notes.dump())
      .run();
}

void KeyVaultStore::erase(const VaultObject& item) {
  context_.state.db()
      .prepare("DELETE FROM vault_items WHERE vault = ?1 AND kind = ?2 AND key = ?3")
      .bind(1, item.vault)
      .bind(2, item.kind)
      .bind(3, item.key())
      .run();
}

std::vector<VaultObject> KeyVaultStore::page(const std::string& vault, const std::string& kind,
                                             ItemState state, const std::string& after, std::size_t limit) {
  settle();
  auto query = context_.state.db().prepare(
      std::string(kSelect) + "vault = ?1 AND kind = ?2 AND key > ?3 AND state = ?4 ORDER BY key LIMIT ?5");
  query.bind(1, vault).bind(2, kind).bind(3, after).bind(4, number_of(state));
  query.bind(5, static_cast<std::int64_t>(limit));
  std::vector<VaultObject> found;
  while (query.step()) found.push_back(read(query));
  return found;
}

void KeyVaultStore::append(const VaultObject& item, const VaultVersion& version) {
  context_.state.db()
      .prepare(
          "INSERT INTO vault_versions (vault, kind, key, number, version, body) VALUES (?1, ?2, ?3, 1 +"
          " (SELECT coalesce(max(number), 0) FROM vault_versions WHERE vault = ?1 AND kind = ?2 AND key = "
          "?3),"
          " ?4, ?5)")
      .bind(1, item.vault)
      .bind(2, item.kind)
      .bind(3, item.key())
      .bind(4, version.version)
      .bind(5, version.body.dump())
      .run();
}

void KeyVaultStore::replace(const VaultObject& item, const VaultVersion& version) {
  context_.state.db()
      .prepare(
          "UPDATE vault_versions SET body = ?5 WHERE vault = ?1 AND kind = ?2 AND key = ?3 AND version = ?4")
      .bind(1, item.vault)
      .bind(2, item.kind)
      .bind(3, item.key())
      .bind(4, version.version)
      .bind(5, version.body.dump())
      .run();
}

std::optional<VaultVersion> KeyVaultStore::version(const VaultObject& item, const std::string& version) {
  auto query = context_.state.db().prepare(
      "SELECT version, body FROM vault_versions WHERE vault = ?1 AND kind = ?2 AND key = ?3"
      " AND (?4 = '' OR version = ?4) ORDER BY number DESC LIMIT 1");
  query.bind(1, item.vault).bind(2, item.kind).bind(3, item.key()).bind(4, lower(version));
  if (!query.step()) return std::nullopt;
  return VaultVersion{query.text(0), Json::parse(query.text(1))};
}

std::vector<std::pair<std::int64_t, VaultVersion>> KeyVaultStore::versions(const VaultObject& item,
                                                                           std::int64_t after,
                                                                           std::size_t limit) {
  auto query = context_.state.db().prepare(
      "SELECT number, version, body FROM vault_versions WHERE vault = ?1 AND kind = ?2 AND key = ?3"
      " AND number > ?4 ORDER BY number LIMIT ?5");
  query.bind(1, item.vault).bind(2, item.kind).bind(3, item.key()).bind(4, after);
  query.bind(5, static_cast<std::int64_t>(limit));
  std::vector<std::pair<std::int64_t, VaultVersion>> found;
  while (query.step())
    found.emplace_back(query.integer(0), VaultVersion{query.text(1), Json::parse(query.text(2))});
  return found;
}

std::int64_t KeyVaultStore::count_versions(const VaultObject& item) {
  auto query = context_.state.db().prepare(
      "SELECT count(*) FROM vault_versions WHERE vault = ?1 AND kind = ?2 AND key = ?3");
  query.bind(1, item.vault).bind(2, item.kind).bind(3, item.key());
  query.step();
  return query.integer(0);
}

void KeyVaultStore::erase_vault(const std::string& vault) {
  context_.state.db().prepare("DELETE FROM vault_items WHERE vault = ?1").bind(1, vault).run();
}

void KeyVaultStore::clear() {
  context_.state.db().execute("DELETE FROM vault_items");
}

}  // namespace azlin::simulator
