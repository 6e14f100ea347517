#pragma once
// Files that a person names on the command line: one rule for all commands (docs/exit-codes.md).
#include <string>

namespace azlin::core {

// Throws core::Error: not_found (there is none), usage (a folder, a device, one that this user may not read,
// an empty one). `what` is said of it: "protection file".
void check_input_file(const std::string& path, const std::string& what, const std::string& hint = {});

// The content, whole. Throws as check_input_file does; failed when reading breaks off.
std::string read_input_file(const std::string& path, const std::string& what, const std::string& hint = {});

}  // namespace azlin::core
