#pragma once
// Opening a database file, and putting a corrupt one out of the way.
#include <string>

#include "azlin/store/damage.hpp"

struct sqlite3;

namespace azlin::store {

// A connection with extended result codes. Throws core::Error (failed), also for an absent file unless
// `create`.
sqlite3* open_handle(const std::string& path, int busy_timeout_ms, bool create = true);

// Notes that a statement found the file corrupt: the next open looks at all of it. (Renaming it at once would
// pull it from under the connections that are open.)
void note_damage(const std::string& path) noexcept;

// True once after note_damage().
bool take_damage_note(const std::string& path);

// Renames a corrupt file and says so: throws core::Error (failed), or (busy) when another process has done so
// meanwhile, or when the file is still open elsewhere after busy_timeout_ms. The caller has closed its own
// connection.
[[noreturn]] void set_aside(const std::string& path, int busy_timeout_ms);

}  // namespace azlin::store
