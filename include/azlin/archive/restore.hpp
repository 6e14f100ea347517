#pragma once
// Brings an archive back by purpose, and proves that it could be.
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/archive/archive_manager.hpp"

namespace azlin::archive {

// full_rebuild: everything. selective: some services. config_only: no data and no dumps.
enum class RestoreMode { full_rebuild, selective, config_only };
std::optional<RestoreMode> parse_restore_mode(const std::string& text);
const char* to_string(RestoreMode mode);

struct ArchiveRestore {
  Archive archive;
  RestoreMode mode = RestoreMode::full_rebuild;
  std::vector<std::string> services;  // selective: at least one
  std::string target;                 // a folder here; the archive's layout is made in it
  bool verify = false;  // what was written is read again and compared with the archive's checksums
};

struct RestorePlan {
  Metadata metadata;
  std::vector<Part> parts;              // what comes back
  std::vector<std::string> left_out;    // "services/nextcloud/data/srv/nextcloud: data"
  std::vector<std::string> overwrites;  // files of the archive that the target has already; relative
  std::uint64_t files = 0, bytes = 0;
};

struct RestoreOutcome {
  RestorePlan plan;
  bool verified = false;                // every checksum was compared and equal
  std::vector<std::string> mismatches;  // files that are not what was archived
  std::vector<std::string> changed;     // that had changed while they were archived: not compared
  std::vector<TreeEntry> compared;      // the others, as the archive has them
  core::Millis took{0};
};

// Reads the archive only. Throws core::Error (usage): no target, services that it does not have.
RestorePlan plan_restore(Engine& engine, const ArchiveRestore& request, std::stop_token stop = {});
// Files of the archive replace those of the same name in the target; others there stay. Throws core::Error.
RestoreOutcome restore_archive(Engine& engine, const ArchiveRestore& request, const RestorePlan& plan,
                               core::Clock& clock, std::stop_token stop = {});

struct VerifyOptions {
  bool deep = false;
  std::string scratch;  // folder for the test restore (deep); its contents are removed again
};
struct VerifyReport {
  bool complete = false, sound = false;  // all parts are there; the repository's structure
  bool data_read = false;                // every byte of the repository was read and is right
  bool restored = false;                 // the archive was restored into a scratch folder
  std::size_t files_compared = 0;        // with their checksums, all equal
  std::vector<std::string> databases;    // "postgresql:app: loaded, 12 tables"
  std::vector<std::string> problems;     // what is wrong
  std::vector<std::string> not_checked;  // and why
  core::Millis took{0};
  bool passed() const { return complete && sound && problems.empty(); }
};

// Without `deep`: parts and structure. With it: reads all data, restores everything into `scratch`, compares
// each checksum, and loads each database dump into a scratch server. Damage is a result; an error means that
// it could not be looked at.
VerifyReport verify_archive(Engine& engine, const Archive& archive, const VerifyOptions& options,
                            core::Clock& clock, const std::function<void(const std::string&)>& progress = {},
                            std::stop_token stop = {});

}  // namespace azlin::archive
