#pragma once
// SHA-256 of files.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace azlin::archive {

// One file or link of a folder tree.
struct TreeEntry {
  std::string path;        // relative to the top, with '/'
  std::uint64_t size = 0;  // bytes; of a link: of its target's text
  std::string sha256;      // lower-case hex; of a link: of its target's text
  bool link = false;
};

// Lower-case hex. Throws core::Error (failed) when the file cannot be read to its end.
std::string sha256_file(const std::filesystem::path& file);
std::string sha256_text(const std::string& text);

// Every regular file and symbolic link under `top`, by path; links are not followed, other kinds (sockets,
// devices) are left out. Throws core::Error (failed) naming what cannot be read.
std::vector<TreeEntry> list_tree(const std::filesystem::path& top);

}  // namespace azlin::archive
