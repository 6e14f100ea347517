#pragma once
// Whether a database file is sound.
#include <string>

namespace azlin::store {

// What SQLite finds wrong in the whole file, which is read for that; empty: nothing, or it cannot be told now
// (another process holds it). The next command that opens a damaged file puts it aside. Throws core::Error
// (failed) when the file cannot be opened.
std::string damage_of(const std::string& path, int busy_timeout_ms = 2'000);

}  // namespace azlin::store
