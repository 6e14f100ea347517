#include "azlin/archive/digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "archive/sha256.hpp"
#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;

TreeEntry describe(const fs::path& top, const fs::directory_entry& found) {
  TreeEntry entry;
  entry.path = found.path().lexically_relative(top).generic_string();
  entry.link = found.is_symlink();
  if (entry.link) {
    const std::string target = fs::read_symlink(found.path()).string();
    entry.size = target.size();
    entry.sha256 = sha256_text(target);
  } else {
    entry.size = found.file_size();
    entry.sha256 = sha256_file(found.path());
  }
  return entry;
}

}  // namespace

std::string sha256_file(const fs::path& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(file.c_str(), "rbe"), std::fclose);
  if (!in)
    throw Error(ErrorKind::failed, fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
  Sha256 digest;
  std::vector<char> buffer(1 << 16);
  while (const auto got = std::fread(buffer.data(), 1, buffer.size(), in.get()))
    digest.add({buffer.data(), got});
  if (std::ferror(in.get()) != 0)
    throw Error(ErrorKind::failed, fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
  return digest.hex();
}

std::string sha256_text(const std::string& text) {
  Sha256 digest;
  digest.add(text);
  return digest.hex();
}

std::vector<TreeEntry> list_tree(const fs::path& top) {
  std::vector<TreeEntry> out;
  try {
    for (const auto& found : fs::recursive_directory_iterator(top)) {
      if (found.is_symlink() || found.is_regular_file()) out.push_back(describe(top, found));
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorKind::failed,
                fmt::format("cannot read {}: {}", error.path1().string(), error.code().message()));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return out;
}

}  // namespace azlin::archive
