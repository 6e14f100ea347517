#include "store/sqlite_error.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>

#include "azlin/core/error.hpp"
#include "store/damage.hpp"

namespace azlin::store {

namespace {

std::string hint_for(int primary) {
  switch (primary) {
    case SQLITE_ERROR:  // no such table or column
      return "the file is not as azlin made it: move it away, then `azlin state rebuild` refills what Azure "
             "still "
             "knows";
    case SQLITE_FULL:
      return "free some space on that disk, then run the command again";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "make the folder writable, or set AZLIN_HOME to one that you can write";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "run any azlin command to set the file aside, then `azlin state rebuild`";
    default:
      return {};
  }
}

// Empty: it is in memory.
std::string file_of(sqlite3* db) {
  const char* file = db == nullptr ? nullptr : sqlite3_db_filename(db, "main");
  return file == nullptr ? "" : file;
}

}  // namespace

bool is_corruption(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

void throw_sqlite(sqlite3* db, int code, const std::string& doing, const std::string& path) {
  const int primary = code & 0xff;
  const std::string file = path.empty() ? file_of(db) : path;
  if (is_corruption(code) && !file.empty()) note_damage(file);
  std::string message = "cannot " + doing + " in " + (file.empty() ? "the database in memory" : file) + ": ";
  message += db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
  // With other codes SQLite leaves there what an earlier error was.
  const bool names_cause = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  const int system = db != nullptr && names_cause ? sqlite3_system_errno(db) : 0;
  if (system != 0) message += std::string(" (") + std::strerror(system) + ")";
  if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) {
    throw core::Error(core::ErrorKind::busy, message, "another azlin holds it; try again in a moment");
  }
  throw core::Error(core::ErrorKind::failed, message, hint_for(system == ENOSPC ? SQLITE_FULL : primary));
}

}  // namespace azlin::store
