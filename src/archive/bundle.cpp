#include "azlin/archive/bundle.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

#include "azlin/archive/digest.hpp"
#include "azlin/archive/paths.hpp"
#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr const char* kMetadata = "metadata.json";

// In one step and on disk: a reader sees the old file, the new one, or none.
void write_whole(const fs::path& file, const std::string& text) {
  const std::string part = file.string() + ".part";
  const int fd = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool written =
      fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  if (!written || std::rename(part.c_str(), file.c_str()) != 0)
    throw Error(ErrorKind::failed, fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
}

Bundle describe(const fs::path& folder, ordered_json metadata) {
  Bundle out;
  out.folder = folder;
  out.name = metadata.value("name", "");
  out.type = metadata.value("type", "");
  const auto taken = core::parse_time(metadata.value("createdAt", ""));
  if (out.name.empty() || out.type.empty() || !taken)
    throw Error(ErrorKind::failed,
                fmt::format("{} lacks name, type or createdAt", (folder / kMetadata).string()));
  out.taken_at = *taken;
  out.metadata = std::move(metadata);
  return out;
}

ordered_json files_json(const fs::path& folder) {
  auto files = ordered_json::array();
  for (const auto& entry : list_tree(folder)) {
    if (entry.path == kMetadata) continue;
    ordered_json each = {{"path", entry.path}, {"size", entry.size}, {"sha256", entry.sha256}};
    if (entry.link) each["link"] = true;
    files.push_back(std::move(each));
  }
  return files;
}

// The bundle's own list; absent in the metadata.json of a folder that azlin did not seal.
const ordered_json& sealed_files(const Bundle& bundle) {
  const auto found = bundle.metadata.find("bundle");
  if (found == bundle.metadata.end() || !found->contains("files") || found->value("version", 0) != kVersion)
    throw Error(ErrorKind::failed, fmt::format("{} has no list of files that this azlin can check",
                                               (bundle.folder / kMetadata).string()));
  return found->at("files");
}

}  // namespace

std::string bundle_folder_name(const std::string& name, core::TimePoint taken_at) {
  std::string stamp = core::to_display(taken_at);  // "2025-12-24 14:30:22"
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  std::replace(stamp.begin(), stamp.end(), ' ', '-');
  return name + "-" + stamp;
}

fs::path make_bundle_folder(const fs::path& where, const std::string& name, core::TimePoint taken_at) {
  const fs::path folder = where / bundle_folder_name(name, taken_at);
  std::error_code error;
  fs::create_directories(where, error);
  if (mkdir(folder.c_str(), 0700) != 0)
    throw Error(ErrorKind::failed, fmt::format("cannot make {}: {}", folder.string(), std::strerror(errno)),
                errno == EEXIST ? "remove or rename what is there" : "");
  for (const auto* part : {"config", "services", "infrastructure", "logs"})
    fs::create_directory(folder / part);
  return folder;
}

Bundle seal_bundle(const fs::path& folder, ordered_json metadata, core::TimePoint now) {
  describe(folder, metadata);
  metadata["bundle"] = {
      {"version", kVersion}, {"sealedAt", core::to_iso8601(now)}, {"files", files_json(folder)}};
  try {
    write_whole(folder / kMetadata, metadata.dump(2) + "\n");
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorKind::failed,
                fmt::format("{} holds a file whose name is not UTF-8, which metadata.json cannot hold",
                            folder.string()));
  }
  return describe(folder, std::move(metadata));
}

Bundle open_bundle(const fs::path& folder) {
  if (!is_there(folder))
    throw Error(ErrorKind::not_found, fmt::format("there is no folder {}", folder.string()));
  if (!is_folder(folder)) throw Error(ErrorKind::usage, fmt::format("{} is no folder", folder.string()));
  std::ifstream in(folder / kMetadata);
  if (!in && is_there(folder / kMetadata))
    throw Error(ErrorKind::usage,
                fmt::format("{} cannot be read by this account", (folder / kMetadata).string()));
  if (!in)
    throw Error(ErrorKind::usage, fmt::format("{} is no bundle, or one that was never finished: it has no {}",
                                              folder.string(), kMetadata));
  auto metadata = ordered_json::parse(in, nullptr, false);
  if (!metadata.is_object())
    throw Error(ErrorKind::failed, fmt::format("{} is damaged", (folder / kMetadata).string()));
  try {
    return describe(folder, std::move(metadata));
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorKind::failed, fmt::format("{} is damaged", (folder / kMetadata).string()));
  }
}

std::vector<Bundle> list_bundles(const fs::path& where) {
  std::vector<Bundle> out;
  std::error_code error;
  for (const auto& each : fs::directory_iterator(where, error)) {
    const bool hidden = each.path().filename().string().starts_with(".");  // being written
    if (!hidden && is_folder(each.path()) && is_there(each.path() / kMetadata))
      out.push_back(open_bundle(each.path()));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.taken_at < b.taken_at; });
  return out;
}

BundleCheck verify_bundle(const Bundle& bundle, std::stop_token stop) {
  BundleCheck out;
  std::map<std::string, TreeEntry> there;
  for (auto& entry : list_tree(bundle.folder)) {
    core::throw_if_stopped(stop, "verifying a bundle");
    if (entry.path != kMetadata) there.emplace(entry.path, entry);
  }
  for (const auto& file : sealed_files(bundle)) {
    const auto path = file.value("path", "");
    const auto found = there.extract(path);
    ++out.files;
    if (found.empty()) {
      out.missing.push_back(path);
    } else if (found.mapped().sha256 != file.value("sha256", "") ||
               found.mapped().link != file.value("link", false)) {
      out.changed.push_back(path);
    } else {
      out.bytes += found.mapped().size;
    }
  }
  for (const auto& [path, entry] : there) out.extra.push_back(path);
  return out;
}

}  // namespace azlin::archive
