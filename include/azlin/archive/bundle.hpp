#pragma once
// A bundle: an archive as a plain folder, which needs no program to read.
//
//   etc-20251224-143022/
//     metadata.json     what it is, when it was taken, and the SHA-256 of every file
//     config/           services/           infrastructure/           logs/
//
// A folder becomes a bundle when its metadata.json is written, last of all and in one step. One that lacks it
// was not finished.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::archive {

struct Bundle {
  std::filesystem::path folder;
  std::string name;          // "etc"
  std::string type;          // config | full | service | disaster-recovery
  core::TimePoint taken_at;  // when the archive was made, not when it was exported
  nlohmann::ordered_json metadata;
};

// What a check of a bundle's files found; paths are relative to its folder, sorted.
struct BundleCheck {
  std::size_t files = 0;    // that metadata.json names
  std::uint64_t bytes = 0;  // of those that are as they were
  std::vector<std::string> missing, changed, extra;
  bool good() const { return missing.empty() && changed.empty() && extra.empty(); }
};

// "etc-20251224-143022".
std::string bundle_folder_name(const std::string& name, core::TimePoint taken_at);

// Makes the folder `where`/bundle_folder_name() (0700) with its four parts in it. Throws core::Error (failed)
// when it is there already.
std::filesystem::path make_bundle_folder(const std::filesystem::path& where, const std::string& name,
                                         core::TimePoint taken_at);

// Makes the folder a bundle: hashes all files, checks that `metadata` has name, type and createdAt, adds
// "bundle" (version, sealedAt, files) and writes metadata.json. Throws core::Error (failed).
Bundle seal_bundle(const std::filesystem::path& folder, nlohmann::ordered_json metadata, core::TimePoint now);

// Throws core::Error: not_found (no such folder), failed (no metadata.json: it was never finished; or one
// that cannot be read).
Bundle open_bundle(const std::filesystem::path& folder);

// Bundles among the folders of `where`, oldest first. Unfinished ones are left out; none when `where` is
// missing.
std::vector<Bundle> list_bundles(const std::filesystem::path& where);

// Reads every file and compares.
BundleCheck verify_bundle(const Bundle& bundle, std::stop_token stop = {});

}  // namespace azlin::archive
