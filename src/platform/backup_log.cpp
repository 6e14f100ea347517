#include "azlin/platform/backup_log.hpp"

#include "azlin/core/names.hpp"

namespace azlin::platform {

namespace {

const store::Migrations kSchema = {
    "CREATE TABLE saved_copies (id INTEGER PRIMARY KEY, resource_id TEXT NOT NULL, what TEXT NOT NULL,"
    " at TEXT NOT NULL, path TEXT NOT NULL, items INTEGER NOT NULL);"
    "CREATE INDEX saved_copies_resource ON saved_copies (resource_id, what, at);"};

constexpr const char* kColumns = "SELECT resource_id, what, at, path, items FROM saved_copies ";

SavedCopy row(const store::Statement& statement) {
  return {statement.text(0), statement.text(1),
          core::parse_time(statement.text(2)).value_or(core::TimePoint{}), statement.text(3),
          statement.integer(4)};
}

}  // namespace

BackupLog::BackupLog(const std::string& path) : db_(path, kSchema) {}

void BackupLog::record(const SavedCopy& copy) {
  db_.prepare("INSERT INTO saved_copies (resource_id, what, at, path, items) VALUES (?, ?, ?, ?, ?)")
      .bind(1, core::to_lower(copy.resource_id))
      .bind(2, copy.what)
      .bind(3, core::to_iso8601(std::chrono::floor<std::chrono::seconds>(copy.at)))
      .bind(4, copy.path)
      .bind(5, copy.items)
      .run();
}

std::optional<SavedCopy> BackupLog::last(const std::string& resource_id, const std::string& what) {
  auto statement = db_.prepare(std::string(kColumns) +
                               "WHERE resource_id = ? AND what = ? ORDER BY at DESC, id DESC LIMIT 1");
  statement.bind(1, core::to_lower(resource_id)).bind(2, what);
  if (!statement.step()) return std::nullopt;
  return row(statement);
}

std::vector<SavedCopy> BackupLog::all() {
  std::vector<SavedCopy> out;
  auto statement = db_.prepare(std::string(kColumns) + "ORDER BY at DESC, id DESC");
  while (statement.step()) out.push_back(row(statement));
  return out;
}

}  // namespace azlin::platform
