#pragma once
// What is at a path that a person names.
#include <filesystem>
#include <string>
#include <system_error>

#include "azlin/core/error.hpp"

namespace azlin::archive {

// Whether something is there; whether it is a folder. Links are followed. Both throw core::Error (usage)
// where that cannot be seen: a folder on the way is closed to this account, links go in a circle, no file can
// have such a name.
bool is_there(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);

// Of a path that cannot be made: usage when the path is at fault (closed, read-only, below a file, …), failed
// for a full or broken disk.
core::ErrorKind kind_of(const std::error_code& error);

// Where scratch folders are made: `given`, else TMPDIR, else /tmp.
std::string scratch_parent(const std::string& given = {});

}  // namespace azlin::archive
