#include "azlin/archive/transfer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "azlin/archive/digest.hpp"
#include "azlin/archive/paths.hpp"
#include "azlin/archive/scratch_folder.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/core/names.hpp"

namespace azlin::archive {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

constexpr std::array<const char*, 4> kLayout = {"config", "services", "infrastructure", "logs"};

void compare_with_manifest(const fs::path& folder, const Manifest& manifest, const std::string& id) {
  std::map<std::string, std::string> there;
  for (const auto& entry : list_tree(folder)) there[entry.path] = entry.sha256;
  std::string bad;
  std::size_t count = 0;
  for (const auto& file : manifest.files) {
    const auto found = there.find(file.path);
    if (found != there.end() && found->second == file.sha256) continue;
    if (++count <= 5) bad += "\n  " + file.path;
  }
  if (count > 0)
    throw Error(ErrorKind::failed,
                fmt::format("{} of {} files of {} are not what was archived:{}", count, manifest.files.size(),
                            id, bad),
                "`azlin archive verify --deep` says what is damaged; an older archive may be whole");
}

std::vector<std::string> common_tags(const Metadata& metadata) {
  std::vector<std::string> tags = {kMark, "name=" + metadata.name, "type=" + metadata.type,
                                   "archive=" + metadata.id, "set=" + metadata.set};
  for (const auto& service : metadata.services) tags.push_back("service=" + service);
  return tags;
}

std::vector<std::string> with(std::vector<std::string> tags, std::initializer_list<std::string> more) {
  tags.insert(tags.end(), more);
  return tags;
}

// What metadata.json of a bundle says, read as that of an archive. Its own list of files stays behind.
Metadata metadata_of(const Bundle& bundle) {
  ordered_json json = bundle.metadata;
  json.erase("bundle");
  Metadata out = parse_metadata(json.dump());
  out.set = core::new_guid();  // a killed attempt must not be taken for a part of this one
  return out;
}

Manifest manifest_of(const Bundle& bundle) {
  Manifest out;
  for (const auto& file : bundle.metadata.at("bundle").at("files")) {
    const std::string path = file.at("path");
    if (path.starts_with("logs/") || path == "checksums.sha256" || path == "runbook.md") continue;
    out.files.push_back({path, file.at("size"), file.at("sha256"), file.value("link", false)});
  }
  return out;
}

// The parts of one bundle, one snapshot each, as a new archive has them.
class Import {
 public:
  Import(Engine& engine, const Bundle& bundle, std::stop_token stop)
      : engine_(engine), bundle_(bundle), metadata_(metadata_of(bundle)), stop_(std::move(stop)) {}

  void run() {
    std::vector<std::string> streams;  // files that are a part of their own
    std::size_t parts = 0;
    for (const auto& part : metadata_.parts) {
      const auto file = bundle_.folder / part.path;
      if (part.id == "data" || part.path.empty() || !fs::is_regular_file(file)) continue;
      store({part.path}, {}, with(common_tags(metadata_), {"part=" + part.id}));
      streams.push_back(file.string());
      ++parts;
    }
    if (const auto folders = data_folders(streams); !folders.empty()) {
      store(folders, streams, with(common_tags(metadata_), {"part=data"}));
      ++parts;
    }
    store_meta(parts);
  }
  const std::string& set() const { return metadata_.set; }

 private:
  void store(const std::vector<std::string>& paths, const std::vector<std::string>& excludes,
             std::vector<std::string> tags) {
    const auto result = engine_.backup({.directory = bundle_.folder.string(),
                                        .paths = paths,
                                        .tags = std::move(tags),
                                        .excludes = excludes,
                                        .time = bundle_.taken_at,
                                        .confirm = false},  // all parts are, at the end
                                       {}, stop_);
    if (!result.problems.empty())
      throw Error(ErrorKind::failed, fmt::format("not all of {} could be read: {}", bundle_.folder.string(),
                                                 result.problems.front()));
  }

  // Top folders (and loose files) besides those of the part "meta".
  std::vector<std::string> data_folders(const std::vector<std::string>& streams) const {
    std::set<std::string> out;
    for (const auto& file : manifest_of(bundle_).files) {
      const auto full = (bundle_.folder / file.path).string();
      if (std::find(streams.begin(), streams.end(), full) == streams.end())
        out.insert(file.path.substr(0, file.path.find('/')));
    }
    return {out.begin(), out.end()};
  }

  // From a folder of its own: the metadata names this import's set.
  void store_meta(std::size_t parts) {
    const ScratchFolder scratch(scratch_parent());
    const fs::path& staging = scratch.path();
    std::vector<std::string> paths = {"metadata.json", "checksums.sha256"};
    const auto manifest = manifest_of(bundle_);
    core::write_file((staging / "metadata.json").string(), to_json(metadata_).dump(2) + "\n");
    core::write_file((staging / "checksums.sha256").string(), to_text(manifest));
    for (const auto* extra : {"logs", "runbook.md"}) {
      if (!fs::exists(bundle_.folder / extra)) continue;
      fs::copy(bundle_.folder / extra, staging / extra,
               fs::copy_options::recursive | fs::copy_options::copy_symlinks);
      paths.emplace_back(extra);
    }
    std::uint64_t bytes = 0;
    for (const auto& file : manifest.files) bytes += file.size;
    auto tags = with(common_tags(metadata_),
                     {"part=meta", fmt::format("parts={}", parts),
                      fmt::format("files={}", manifest.files.size()), fmt::format("bytes={}", bytes)});
    engine_.backup({.directory = staging.string(),
                    .paths = paths,
                    .tags = std::move(tags),
                    .excludes = {},
                    .time = bundle_.taken_at,
                    .confirm = false},
                   {}, stop_);
  }

  Engine& engine_;
  const Bundle& bundle_;
  Metadata metadata_;
  std::stop_token stop_;
};

std::string first_of(const std::vector<std::string>& paths) {
  return paths.empty()
             ? ""
             : paths.front() + (paths.size() > 1 ? fmt::format(" and {} more", paths.size() - 1) : "");
}

void require_good(const Bundle& bundle, const std::stop_token& stop) {
  const auto check = verify_bundle(bundle, stop);
  if (check.good()) return;
  std::string what;
  if (!check.changed.empty()) what += "; changed: " + first_of(check.changed);
  if (!check.missing.empty()) what += "; missing: " + first_of(check.missing);
  if (!check.extra.empty()) what += "; not of it: " + first_of(check.extra);
  throw Error(ErrorKind::failed, fmt::format("{} is not what was sealed{}", bundle.folder.string(), what));
}

}  // namespace

Bundle export_bundle(Engine& engine, const Archive& archive, const fs::path& where, core::TimePoint now,
                     std::stop_token stop) {
  const fs::path target = where / archive.id;
  if (is_there(target))
    throw Error(ErrorKind::failed, fmt::format("{} is there already", target.string()),
                "remove or rename it first");
  ArchiveManager manager(engine);
  ScratchFolder part(where);
  manager.extract(archive, part.path().string(), stop);
  const auto manifest = read_manifest(part.path());
  for (const auto& file : manifest.files) {
    if (as_utf8(file.path) != file.path)
      throw Error(
          ErrorKind::failed,
          fmt::format("{} holds a file whose name is not UTF-8, which metadata.json of a bundle cannot "
                      "hold: {}",
                      archive.id, as_utf8(file.path)),
          fmt::format("restore it: azlin archive restore {} --target DIR", archive.id));
  }
  compare_with_manifest(part.path(), manifest, archive.id);
  std::ifstream in(part.path() / "metadata.json");
  const auto metadata = ordered_json::parse(in, nullptr, false);
  if (!metadata.is_object())
    throw Error(ErrorKind::failed, fmt::format("metadata.json of {} cannot be read", archive.id));
  for (const auto* folder : kLayout) fs::create_directory(part.path() / folder);
  fs::remove(part.path() / "metadata.json");
  core::throw_if_stopped(stop, "exporting an archive");
  seal_bundle(part.path(), metadata, now);
  part.keep_as(target);
  return open_bundle(target);
}

bool same_files(Engine& engine, const Archive& archive, const Bundle& bundle, std::stop_token stop) {
  return compare_manifests(ArchiveManager(engine).manifest(archive, stop), manifest_of(bundle)).empty();
}

ImportResult import_bundle(Engine& engine, const Bundle& bundle, std::stop_token stop) {
  require_good(bundle, stop);
  ArchiveManager manager(engine);
  const auto id = bundle.metadata.value("id", "");
  std::optional<Archive> other;  // two machines may have given one id
  for (auto& each : group_archives(engine.snapshots({kMark, "archive=" + id}, stop))) {
    if (!each.complete) {
      manager.remove({each}, stop);  // a killed attempt left it
    } else if (same_files(engine, each, bundle, stop)) {
      return {std::move(each), true};
    } else {
      other = std::move(each);
    }
  }
  if (other)
    throw Error(ErrorKind::failed,
                fmt::format("{} holds another archive {}: its set is {}, it is from {}, and its files differ "
                            "from those of {}",
                            engine.destination().text, id, other->set, other->host, bundle.folder.string()),
                "take the bundle into another repository");
  Import import(engine, bundle, stop);
  import.run();
  for (auto& each : group_archives(engine.snapshots({kMark, "set=" + import.set()}, stop))) {
    if (each.complete) return {std::move(each), false};
  }
  throw Error(ErrorKind::failed,
              fmt::format("{} was written to {} but is not listed there", id, engine.destination().text));
}

SyncResult sync_archives(Engine& from, Engine& to, const std::vector<std::string>& wanted,
                         const std::function<void(const std::string&)>& progress, std::stop_token stop) {
  const auto say = [&](const std::string& text) {
    if (progress) progress(text);
  };
  SyncResult out;
  auto archives = ArchiveManager(from).list({}, stop);
  std::set<std::string> there;
  if (const auto id = to.find_repository(stop)) {
    if (id == from.repository_id(stop))
      throw Error(ErrorKind::usage, fmt::format("{} and {} are the same repository", from.destination().text,
                                                to.destination().text));
    for (const auto& each : ArchiveManager(to).list({}, stop)) there.insert(each.set);
  } else {
    say("making a repository in " + to.destination().text);
    to.init_like(from, stop);
    out.made_repository = true;
  }
  std::vector<EngineSnapshot> parts, metas;
  for (auto& archive : archives) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), archive.set) == wanted.end()) continue;
    if (there.contains(archive.set)) {
      ++out.were_there;
      continue;
    }
    for (const auto& each : archive.snapshots) (each.tag("part") == "meta" ? metas : parts).push_back(each);
    out.copied.push_back(std::move(archive));
  }
  if (out.copied.empty()) return out;
  say(fmt::format("copying {} archive{} ({} parts)", out.copied.size(), out.copied.size() == 1 ? "" : "s",
                  parts.size() + metas.size()));
  // Metadata last: only with it they are archives. A set with fewer parts than it says is none, so a restic
  // that went in another order would do no harm.
  parts.insert(parts.end(), metas.begin(), metas.end());
  to.copy_from(from, parts, stop);
  return out;
}

std::vector<FileChange> compare_manifests(const Manifest& a, const Manifest& b) {
  std::map<std::string, std::string> before;
  for (const auto& file : a.files) before[file.path] = file.sha256;
  std::vector<FileChange> out;
  for (const auto& file : b.files) {
    const auto found = before.find(file.path);
    if (found == before.end()) out.push_back({file.path, '+'});
    if (found != before.end() && found->second != file.sha256) out.push_back({file.path, '~'});
    if (found != before.end()) before.erase(found);
  }
  for (const auto& [path, sum] : before) out.push_back({path, '-'});
  std::sort(out.begin(), out.end(), [](const auto& x, const auto& y) { return x.path < y.path; });
  return out;
}

}  // namespace azlin::archive
