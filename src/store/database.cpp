#include "azlin/store/database.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "azlin/core/error.hpp"
#include "store/damage.hpp"
#include "store/sqlite_error.hpp"

namespace azlin::store {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;

namespace {

constexpr const char* kMemory = ":memory:";
constexpr const char* kWritableHint = "make the folder writable, or set AZLIN_HOME to one that you can write";

[[noreturn]] void throw_errno(const std::string& doing, int error) {
  throw Error(ErrorKind::failed, fmt::format("cannot {}: {}", doing, std::strerror(error)), kWritableHint);
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  if (folder.empty() || fs::is_directory(folder, error)) return;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw_errno("create the folder " + folder.string(), errno);
  }
  if (!fs::is_directory(folder, error)) throw_errno("use " + folder.string() + " as a folder", ENOTDIR);
}

// Makes an empty file with mode 0600. It is created under another name and linked: closing a descriptor of
// the database itself would drop the locks that another connection of this process holds on it.
void make_private_file(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (info.st_uid == ::geteuid() && (info.st_mode & 077) != 0) ::chmod(path.c_str(), 0600);
    return;
  }
  std::string temporary = path + ".new-XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);  // mode 0600
  if (fd < 0) throw_errno("create " + path, errno);
  ::close(fd);
  const int linked = ::link(temporary.c_str(), path.c_str());
  const int error = errno;
  ::unlink(temporary.c_str());
  if (linked != 0 && error != EEXIST) throw_errno("create " + path, error);
}

// The result code of touching every part that opening needs: header, schema and page count.
int probe(sqlite3* db) {
  return sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr);
}

// Two processes that create the file at once may both be told "locked" without the busy handler being asked.
void enable_wal(sqlite3* db, int busy_timeout_ms) {
  constexpr int kPauseMs = 10;
  for (int waited = 0;; waited += kPauseMs) {
    const int code = sqlite3_exec(db, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return;
    if ((code & 0xff) != SQLITE_BUSY || waited >= busy_timeout_ms)
      throw_sqlite(db, code, "set the journal mode");
    sqlite3_sleep(kPauseMs);
  }
}

std::int64_t user_version(Database& db) {
  auto query = db.prepare("PRAGMA user_version");
  query.step();
  return query.integer(0);
}

void migrate(Database& db, const Migrations& migrations) {
  const auto newest = static_cast<std::int64_t>(migrations.size());
  if (user_version(db) == newest) return;
  Transaction transaction(db);
  const auto found = user_version(db);  // another process may have migrated it meanwhile
  if (found > newest) {
    throw Error(ErrorKind::failed,
                fmt::format("{} was written by a newer azlin (schema {}, this one knows {})", db.path(),
                            found, newest),
                "use that newer azlin, or point AZLIN_HOME at another folder; nothing was changed");
  }
  for (auto version = found; version < newest; ++version)
    db.execute(migrations[static_cast<std::size_t>(version)]);
  db.execute(fmt::format("PRAGMA user_version = {}", newest));
  transaction.commit();
}

}  // namespace

Database::Database(const std::string& path, const Migrations& migrations, const OpenOptions& options)
    : path_(path) {
  const bool in_memory = path == kMemory;
  if (!in_memory) {
    make_folder(fs::path(path).parent_path());
    make_private_file(path);
    if (take_damage_note(path) && !damage_of(path, options.busy_timeout_ms).empty())
      set_aside(path, options.busy_timeout_ms);
  }
  db_ = open_handle(path, options.busy_timeout_ms);
  try {
    if (const int code = probe(db_); is_corruption(code)) {
      sqlite3_close(std::exchange(db_, nullptr));
      set_aside(path, options.busy_timeout_ms);
    } else if (code != SQLITE_OK) {
      throw_sqlite(db_, code, "read the database");
    }
    if (!in_memory) enable_wal(db_, options.busy_timeout_ms);
    execute(options.durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    execute("PRAGMA foreign_keys = ON");
    migrate(*this, migrations);
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
}

Database::~Database() {
  sqlite3_close_v2(db_);
}  // v2: a Statement may outlive it

void Database::execute(std::string_view sql) {
  const int code = sqlite3_exec(db_, std::string(sql).c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw_sqlite(db_, code, "run '" + std::string(sql.substr(0, 80)) + "'");
}

std::int64_t Database::last_insert_id() const {
  return sqlite3_last_insert_rowid(db_);
}

int Database::changes() const {
  return sqlite3_changes(db_);
}

Transaction::Transaction(Database& db) : db_(db) {
  db_.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    db_.execute("ROLLBACK");
  } catch (const Error&) {
    // A full disk makes SQLite roll back by itself; there is then nothing left to undo.
  }
}

void Transaction::commit() {
  db_.execute("COMMIT");
  open_ = false;
}

}  // namespace azlin::store
