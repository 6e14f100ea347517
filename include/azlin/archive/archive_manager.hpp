#pragma once
// Archives in one repository: several snapshots of the engine tied together by the tag set=<uuid>.
//
// Tags of each snapshot: azlin, name=, type=, archive=<name-yyyymmdd-hhmmss>, set=, part=, and one service=
// for each service. Files are the part "data"; each dump is a part of its own ("dump-1"); the part "meta"
// holds metadata.json, checksums.sha256 and the logs, and says by parts=N how many others there are. It is
// written last: a set without it, or with fewer others than it says, is incomplete and no archive.
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/archive/engine.hpp"
#include "azlin/archive/metadata.hpp"
#include "azlin/core/clock.hpp"

namespace azlin::archive {

inline constexpr const char* kMark = "azlin";  // the tag on everything of ours

struct Archive {
  std::string id, name, type, set, host;
  core::TimePoint taken_at;  // when its last part was read
  std::vector<std::string> services;
  std::uint64_t files = 0, bytes = 0;
  bool complete = false;
  std::vector<EngineSnapshot> snapshots;  // part "meta" last

  const EngineSnapshot* part(const std::string& part_id) const;  // null: it has none
  std::vector<std::string> ids() const;                          // of all its snapshots, meta last
};

struct ListFilter {
  std::string name;         // empty: all
  bool incomplete = false;  // only those that are not complete
};

// Groups snapshots into archives, newest first. Pure.
std::vector<Archive> group_archives(const std::vector<EngineSnapshot>& snapshots);

// 1-64 of letters, digits, '-', '_', '.', beginning with a letter or digit. Throws core::Error (usage).
void check_archive_name(const std::string& name);
// "etc-20241224-143022". Two machines may make the same; one does not (see Creator::create).
std::string archive_id(const std::string& name, core::TimePoint time);

// Reads and removes archives. Borrows the engine. Throws core::Error.
class ArchiveManager {
 public:
  explicit ArchiveManager(Engine& engine) : engine_(engine) {}

  // Complete ones (or only the others), newest first.
  std::vector<Archive> list(const ListFilter& filter = {}, std::stop_token stop = {});
  // By id, an unambiguous beginning of it, the UUID of its set, or a name: then the newest, with `at` the
  // newest that is not later. Throws core::Error (not_found) naming what is near, (usage) when several begin
  // so, or when two machines made archives of one id: then only the set tells them apart.
  Archive find(const std::string& name_or_id, const std::optional<core::TimePoint>& at = {},
               std::stop_token stop = {});

  Metadata metadata(const Archive& archive, std::stop_token stop = {});
  Manifest manifest(const Archive& archive, std::stop_token stop = {});
  // A text of the part "meta": "logs/backup.log", "runbook.md"; nullopt: it has none.
  std::optional<std::string> text(const Archive& archive, const std::string& path, std::stop_token stop = {});

  // Restores the whole layout into the empty or missing folder `target`: config/, services/, …,
  // metadata.json.
  void extract(const Archive& archive, const std::string& target, std::stop_token stop = {});
  // The data stays until `prune`.
  void remove(const std::vector<Archive>& archives, std::stop_token stop = {});

 private:
  Engine& engine_;
};

}  // namespace azlin::archive
