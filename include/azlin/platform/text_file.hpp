#pragma once
// Files that a person names: configuration out.
#include <string>
#include <string_view>

namespace azlin::platform {

// With its parents, mode 0700; one that is there stays.
void make_private_folder(const std::string& path);
// Mode 0600; there is the old content or the new, never a half. A pipe or a device is written to.
void write_text_file(const std::string& path, std::string_view content);

}  // namespace azlin::platform
