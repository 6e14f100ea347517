#pragma once
// A folder as one file (zip, tar.gz, tar.xz, zip with AES-256) and back.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace azlin::archive {

enum class PackageFormat { zip, tar_gz, tar_xz, encrypted_zip, tar };

// "zip", "tar.gz", "tar.xz", "encrypted-zip", "tar". nullopt: none of them.
std::optional<PackageFormat> parse_package_format(std::string_view text);
const char* to_string(PackageFormat format);
// What the file's name ends with: ".zip", ".tar.gz", …
const char* suffix(PackageFormat format);

struct PackageOptions {
  PackageFormat format = PackageFormat::zip;
  std::string passphrase;  // encrypted_zip only, and needed there; UTF-8
  // encrypted_zip: the folder goes in as one tar. Without it file names, sizes and dates of an encrypted zip
  // can be read by anyone; only contents are secret.
  bool hide_names = false;
};

struct PackageResult {
  std::uint64_t entries = 0;  // files, folders and links
  std::uint64_t bytes = 0;    // of the finished file
};

// Packs the contents of `folder` below the name `top` into `file`, mode 0600. It is written as
// "<file>.part-<pid>", flushed to disk and renamed at the end: `file` is whole or not there; an existing one
// is replaced only then. Sockets and devices are left out. Throws core::Error: usage (no passphrase for
// encrypted_zip, or one for another format), failed (a file cannot be read, changed its size meanwhile, disk
// full), interrupted.
PackageResult write_package(const std::filesystem::path& folder, const std::string& top,
                            const std::filesystem::path& file, const PackageOptions& options,
                            std::stop_token stop = {});

// Unpacks `file`, of any format above, into the folder `into`, which must be empty or missing. Throws
// core::Error: usage (it is encrypted and there is no passphrase), unauthorized (a wrong one), failed
// (damage, or an entry that would leave `into`: an absolute path, `..`, a path through a link, a hard link to
// outside); what had been unpacked by then is removed again.
std::uint64_t read_package(const std::filesystem::path& file, const std::filesystem::path& into,
                           const std::string& passphrase = {}, std::stop_token stop = {});

}  // namespace azlin::archive
