#include "azlin/archive/digest.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;

class Sha256 {
 public:
  Sha256() {
    if (EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
      throw Error(ErrorKind::failed, "OpenSSL has no SHA-256");
  }
  void add(const void* data, std::size_t size) { EVP_DigestUpdate(context_.get(), data, size); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), bytes.data(), &size);
    std::string out;
    for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", bytes[i]);
    return out;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

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
    digest.add(buffer.data(), got);
  if (std::ferror(in.get()) != 0)
    throw Error(ErrorKind::failed, fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
  return digest.hex();
}

std::string sha256_text(const std::string& text) {
  Sha256 digest;
  digest.add(text.data(), text.size());
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
