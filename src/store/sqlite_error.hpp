#pragma once
// From SQLite's result codes to core::Error.
#include <string>

struct sqlite3;

namespace azlin::store {

// True for "database disk image is malformed" and "file is not a database".
bool is_corruption(int code);

// Throws core::Error for the connection's last error: busy when another process holds the lock for too long,
// else failed, with a hint for a full disk, a read-only place and a corrupt file. `doing` completes "cannot
// …"; `path` names the file of a connection that could not be opened.
[[noreturn]] void throw_sqlite(sqlite3* db, int code, const std::string& doing, const std::string& path = {});

}  // namespace azlin::store
