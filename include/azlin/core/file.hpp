#pragma once
// Small files, whole.
#include <optional>
#include <string>

namespace azlin::core {

// Writes `text` beside `path`, syncs it and renames it into place: a reader sees the old file or the new one,
// never a half. Folders on the way are made. Throws core::Error (failed) naming the path.
void write_file(const std::string& path, const std::string& text, unsigned mode = 0600);

// For a file that a command is told to write at its end: looked at before it begins. Throws core::Error
// (usage) where `path` cannot be written: its folder is not there or closed to this user, it is a folder
// itself, or a file that this user may not write. Writes nothing. `what` is said of it: "report".
void check_output_file(const std::string& path, const std::string& what);

// nullopt: there is no such file. Throws core::Error (failed) when it cannot be read.
std::optional<std::string> read_file(const std::string& path);

}  // namespace azlin::core
