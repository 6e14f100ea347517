#include "simulator/state.hpp"

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

const store::Migrations kMigrations = {
    "CREATE TABLE resources ("
    "  key TEXT PRIMARY KEY, id TEXT NOT NULL, sub TEXT NOT NULL, rg TEXT NOT NULL, type TEXT NOT NULL,"
    "  type_name TEXT NOT NULL, name TEXT NOT NULL, location TEXT NOT NULL, ref TEXT NOT NULL, live INTEGER "
    "NOT NULL,"
    "  body TEXT NOT NULL, hidden TEXT NOT NULL, etag INTEGER NOT NULL, created INTEGER NOT NULL,"
    "  changed INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX resources_by_type ON resources (type, sub, key);"
    "CREATE INDEX resources_by_group ON resources (sub, rg, type, key);"
    "CREATE INDEX resources_by_ref ON resources (ref, type) WHERE ref <> '';"
    "CREATE TABLE tags (key TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key, name))"
    "  WITHOUT ROWID;"
    "CREATE INDEX tags_by_value ON tags (name, value COLLATE NOCASE, key);"
    "CREATE TABLE operations ("
    "  id TEXT PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, data TEXT NOT NULL, started INTEGER "
    "NOT NULL,"
    "  due INTEGER NOT NULL, state TEXT NOT NULL, ended INTEGER NOT NULL DEFAULT 0, output TEXT NOT NULL "
    "DEFAULT 'null',"
    "  error TEXT NOT NULL DEFAULT 'null', error_status INTEGER NOT NULL DEFAULT 0, shape TEXT NOT NULL);"
    "CREATE INDEX operations_by_due ON operations (due) WHERE state = 'InProgress';"
    "CREATE INDEX operations_by_target ON operations (target) WHERE state = 'InProgress';"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"};

constexpr const char* kColumns =
    "r.id, r.sub, r.rg, r.type_name, r.name, r.location, r.ref, r.live, r.body, r.hidden, r.etag, r.created, "
    "r.changed";

std::int64_t to_millis(core::TimePoint time) {
  return time.time_since_epoch().count();
}
core::TimePoint from_millis(std::int64_t millis) {
  return core::TimePoint{core::Millis{millis}};
}

// Where ids begin that the filter can match; lists of all types are ranges of the key, which is their order,
// too.
std::string key_prefix(const ListFilter& filter) {
  if (!filter.id_prefix.empty()) return filter.id_prefix;
  if (!filter.type.empty() || filter.tag || filter.subscription.empty()) return {};
  const std::string prefix = "/subscriptions/" + lower(filter.subscription) + "/";
  return filter.group.empty() ? prefix : prefix + "resourcegroups/" + lower(filter.group) + "/";
}

// The part of a query after SELECT …: which rows, by the index that fits ("+" keeps SQLite from another one).
std::string where(const ListFilter& filter) {
  std::string from = " FROM resources r WHERE r.key > ?1";
  if (filter.tag)
    from =
        " FROM tags t CROSS JOIN resources r ON r.key = t.key WHERE t.name = ?5 AND t.value = ?6 COLLATE "
        "NOCASE"
        " AND t.key > ?1";
  if (filter.tag && !filter.tag_ignores_case) from += " AND t.value = ?6";
  if (!filter.type.empty()) from += " AND r.type = ?2";
  const char* column = filter.type.empty() ? " AND +r." : " AND r.";
  if (!filter.subscription.empty()) from += column + std::string("sub = ?3");
  if (!filter.group.empty()) from += column + std::string("rg = ?4");
  if (filter.tracked) from += " AND r.rg <> '' AND r.location <> ''";
  if (!key_prefix(filter).empty()) from += " AND r.key >= ?7 AND r.key < ?8";
  return from;
}

void bind(store::Statement& statement, const ListFilter& filter, const std::string& after) {
  statement.bind(1, after);
  if (!filter.type.empty()) statement.bind(2, lower(filter.type));
  if (!filter.subscription.empty()) statement.bind(3, lower(filter.subscription));
  if (!filter.group.empty()) statement.bind(4, lower(filter.group));
  if (filter.tag) statement.bind(5, filter.tag->first).bind(6, filter.tag->second);
  std::string end = key_prefix(filter);
  if (end.empty()) return;
  statement.bind(7, end);
  ++end.back();
  statement.bind(8, end);
}

}  // namespace

std::string Resource::key() const {
  return lower(id);
}

State::State(const std::string& path) : db_(path, kMigrations, {.durable = false}) {
  db_.execute("PRAGMA cache_size = -65536");  // 64 MiB: a large fleet is seeded in one transaction
}

store::Statement& State::cached(const std::string& sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) found = statements_.emplace(sql, db_.prepare(sql)).first;
  found->second.reset();
  return found->second;
}

Resource State::read(const store::Statement& row) {
  Resource resource;
  resource.id = row.text(0);
  resource.subscription = row.text(1);
  resource.group = row.text(2);
  resource.type = row.text(3);
  resource.name = row.text(4);
  resource.location = row.text(5);
  resource.ref = row.text(6);
  resource.live = row.integer(7) != 0;
  resource.body = Json::parse(row.text(8));
  resource.hidden = Json::parse(row.text(9));
  resource.etag = row.integer(10);
  resource.created = from_millis(row.integer(11));
  resource.changed = from_millis(row.integer(12));
  return resource;
}

std::optional<Resource> State::find(std::string_view id) {
  auto& query = cached(std::string("SELECT ") + kColumns + " FROM resources r WHERE r.key = ?1");
  query.bind(1, lower(id));
  std::optional<Resource> found;
  if (query.step()) found = read(query);
  query.reset();
  return found;
}

bool State::exists(std::string_view id) {
  auto& query = cached("SELECT 1 FROM resources WHERE key = ?1");
  query.bind(1, lower(id));
  const bool found = query.step();
  query.reset();
  return found;
}

void State::save(Resource& resource, core::TimePoint now) {
  const auto segments = split_path(resource.id);
  if (segments.size() >= 2 && same(segments[0], "subscriptions")) resource.subscription = lower(segments[1]);
  if (segments.size() >= 4 && same(segments[2], "resourceGroups")) resource.group = lower(segments[3]);
  if (resource.created == core::TimePoint{}) resource.created = now;
  resource.changed = now;
  ++resource.etag;
  const std::string key = resource.key();
  cached(
      "INSERT OR REPLACE INTO resources (key, id, sub, rg, type, type_name, name, location, ref, live, body, "
      "hidden,"
      " etag, created, changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)")
      .bind(1, key)
      .bind(2, resource.id)
      .bind(3, resource.subscription)
      .bind(4, resource.group)
      .bind(5, lower(resource.type))
      .bind(6, resource.type)
      .bind(7, resource.name)
      .bind(8, resource.location)
      .bind(9, resource.ref)
      .bind(10, std::int64_t{resource.live})
      .bind(11, resource.body.dump(-1, ' ', false, Json::error_handler_t::replace))
      .bind(12, resource.hidden.dump(-1, ' ', false, Json::error_handler_t::replace))
      .bind(13, resource.etag)
      .bind(14, to_millis(resource.created))
      .bind(15, to_millis(resource.changed))
      .run();
  cached("DELETE FROM tags WHERE key = ?1").bind(1, key).run();
  const auto tags = resource.body.find("tags");
  if (tags == resource.body.end() || !tags->is_object()) return;
  for (const auto& [name, value] : tags->items()) {
    if (!value.is_string()) continue;
    cached("INSERT OR REPLACE INTO tags (key, name, value) VALUES (?1, ?2, ?3)")
        .bind(1, key)
        .bind(2, lower(name))
        .bind(3, value.get<std::string>())
        .run();
  }
}

bool State::erase(std::string_view id) {
  const std::string key = lower(id);
  cached("DELETE FROM tags WHERE key = ?1").bind(1, key).run();
  cached("DELETE FROM resources WHERE key = ?1").bind(1, key).run();
  return db_.changes() > 0;
}

ListPage State::page(const ListFilter& filter, const std::string& after, std::size_t limit,
                     const Presenter& present) {
  auto& query = cached("SELECT r.key, r.live, r.body" + where(filter) + " ORDER BY r.key LIMIT ?9");
  bind(query, filter, after);
  query.bind(9, static_cast<std::int64_t>(limit + 1));
  ListPage result;
  std::string last;
  std::vector<std::pair<std::size_t, std::string>> live;
  while (query.step()) {
    if (result.items.size() == limit) {
      result.next = last;
      break;
    }
    last = query.text(0);
    if (query.integer(1) != 0) live.emplace_back(result.items.size(), last);
    result.items.push_back(query.text(2));
  }
  query.reset();
  if (!present) return result;
  for (const auto& [index, key] : live) {
    const auto resource = find(key);
    if (resource) result.items[index] = present(*resource).dump();
  }
  return result;
}

std::vector<Resource> State::list(const ListFilter& filter, const std::string& after, std::size_t limit) {
  auto& query = cached(std::string("SELECT ") + kColumns + where(filter) + " ORDER BY r.key LIMIT ?9");
  bind(query, filter, after);
  query.bind(9, limit == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(limit));
  std::vector<Resource> found;
  while (query.step()) found.push_back(read(query));
  query.reset();
  return found;
}

std::vector<Resource> State::list_by_ref(std::string_view type, std::string_view ref) {
  auto& query =
      cached(std::string("SELECT ") + kColumns +
             " FROM resources r WHERE r.ref = ?1 AND r.ref <> '' AND r.type = ?2 ORDER BY r.created, r.key");
  query.bind(1, ref).bind(2, lower(type));
  std::vector<Resource> found;
  while (query.step()) found.push_back(read(query));
  query.reset();
  return found;
}

std::int64_t State::count(const ListFilter& filter) {
  auto& query = cached("SELECT count(*)" + where(filter));
  bind(query, filter, "");
  query.step();
  const auto total = query.integer(0);
  query.reset();
  return total;
}

std::map<std::string, std::vector<std::string>> State::ids_by_type() {
  auto& query = cached("SELECT type_name, id FROM resources ORDER BY key");
  std::map<std::string, std::vector<std::string>> ids;
  while (query.step()) ids[query.text(0)].push_back(query.text(1));
  query.reset();
  return ids;
}

std::optional<std::string> State::meta(const std::string& name) {
  auto& query = cached("SELECT value FROM meta WHERE name = ?1");
  query.bind(1, name);
  std::optional<std::string> value;
  if (query.step()) value = query.text(0);
  query.reset();
  return value;
}

void State::set_meta(const std::string& name, const std::string& value) {
  cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)").bind(1, name).bind(2, value).run();
}

void State::clear() {
  db_.execute("DELETE FROM resources; DELETE FROM tags; DELETE FROM operations; DELETE FROM meta;");
}

}  // namespace azlin::simulator
