#pragma once
// Archives on the move: from a repository to a bundle and back, and between repositories.
//
// Whatever is killed on the way leaves no half archive: a bundle gets its name last, and of an archive the
// part "meta", without which it is none, is written last. The same call run again goes on or starts over.
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/archive/archive_manager.hpp"
#include "azlin/archive/bundle.hpp"

namespace azlin::archive {

// Writes the archive as a bundle below `where`. Every file is compared with the checksum that the archive
// keeps of it. Throws core::Error: failed (a bundle of that name is there; a file is not what was archived).
Bundle export_bundle(Engine& engine, const Archive& archive, const std::filesystem::path& where,
                     core::TimePoint now, std::stop_token stop = {});

// Whether the archive and the bundle hold the same files; ids may agree where they do not.
bool same_files(Engine& engine, const Archive& archive, const Bundle& bundle, std::stop_token stop = {});

struct ImportResult {
  Archive archive;
  bool was_there = false;  // the repository has this archive already: nothing was written
};
// Takes a bundle into a repository, with its date. The bundle is verified first and must be good (core::Error
// failed naming what is not, or when there is an archive of its id with other files); an archive that is
// there is not taken twice.
ImportResult import_bundle(Engine& engine, const Bundle& bundle, std::stop_token stop = {});

struct SyncResult {
  std::vector<Archive> copied;  // complete in `to` now, and were not before
  std::size_t were_there = 0;
  bool made_repository = false;  // there was none in `to`
};
// Copies all complete archives (with `wanted`: those alone, by set) that `to` lacks. A missing repository is
// made with the chunking of `from`, so that nothing is stored twice. `progress` is told what goes on.
SyncResult sync_archives(Engine& from, Engine& to, const std::vector<std::string>& wanted,
                         const std::function<void(const std::string&)>& progress = {},
                         std::stop_token stop = {});

struct FileChange {
  std::string path;
  char change = '~';  // + only in the second, - only in the first, ~ in both with other contents
};
// By path.
std::vector<FileChange> compare_manifests(const Manifest& a, const Manifest& b);

}  // namespace azlin::archive
