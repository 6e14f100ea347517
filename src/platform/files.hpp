#pragma once
// Files of a backup: private to the user, and never half written.
#include <set>
#include <string>
#include <string_view>

namespace azlin::platform {

// Throws core::Error (failed) naming the path.
std::string read_file(const std::string& path);
bool file_exists(const std::string& path);
// Throws core::Error (usage) when the folder is there and has something besides `own` in it; `what` is said
// to be missing.
void check_new_folder(const std::string& path, const std::set<std::string>& own, const char* what);
// Mode 0700, with its parents. Throws core::Error: usage where this user cannot have a folder of that path,
// else failed.
void make_folder(const std::string& path);
// Mode 0600. The content is on disk before the name is: after a crash there is the old file or the new one.
void write_file_whole(const std::string& path, std::string_view content);
// Adds a line. A crash of the machine may lose it, never half of an older one.
void append_line(const std::string& path, std::string_view line);

}  // namespace azlin::platform
