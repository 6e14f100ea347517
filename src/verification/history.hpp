#pragma once
// verification.db: the rows of `verifications` (docs/database.md) and the kept manifests.
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "azlin/store/database.hpp"
#include "azlin/verification/manifest.hpp"
#include "azlin/verification/record.hpp"

namespace azlin::verification {

// A manifest and the snapshot that it is of.
struct KeptManifest {
  std::string snapshot_id, unique_id;  // unique_id tells a re-created snapshot of the same name apart
  std::string family_id;
  std::string disk_spec;      // "{vm key}#{lun}": whose disk it is
  core::TimePoint taken_at;   // the snapshot's timeCreated
  core::TimePoint hashed_at;  // when it was read
  std::string root;           // hex
};

// Thread-safe.
class History {
 public:
  explicit History(const std::string& path);

  std::int64_t add(const Verification& run);
  std::vector<Verification> since(core::TimePoint from, const std::optional<std::string>& vm);
  // The test disks of that operation are gone after all.
  void mark_cleaned(std::int64_t operation);
  bool knows(const std::string& group, const std::string& backup, const std::string& region,
             core::TimePoint at);

  // The level of the newest verification here that found a failure; nullopt: none did.
  std::optional<Level> failed_at(const std::string& group, const std::string& backup,
                                 const std::string& region);

  // Of a family the newest 64 stay.
  void keep(const KeptManifest& about, const Manifest& manifest);
  std::optional<KeptManifest> find_manifest(const std::string& unique_id);
  // Of the family's snapshots taken before `taken_at`, the newest first.
  std::vector<KeptManifest> earlier(const std::string& family_id, core::TimePoint taken_at);
  // Throws core::Error (failed) when what is kept is damaged.
  Manifest load(const std::string& unique_id);

 private:
  std::mutex mutex_;
  store::Database db_;
};

}  // namespace azlin::verification
