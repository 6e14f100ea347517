#include "archive/staging.hpp"

#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "azlin/archive/digest.hpp"
#include "azlin/core/error.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;
namespace fs = std::filesystem;

namespace {

std::int64_t mtime_of(const struct stat& info) {
  return static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
}

class Walker {
 public:
  Walker(const CreatePlan& plan, Walk& out) : plan_(plan), out_(out) {}

  void take(std::size_t owner, const std::string& path) {
    struct stat info = {};
    if (left_out(path)) {
      out_.excluded.push_back(plan_.files[owner].place + path);
      return;
    }
    if (lstat(path.c_str(), &info) != 0) return;  // gone since its folder was read
    if (S_ISDIR(info.st_mode)) return take_folder(owner, path);
    if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode)) return;
    out_.sources.push_back({path,
                            plan_.files[owner].place + path,
                            static_cast<std::uint64_t>(info.st_size),
                            mtime_of(info),
                            S_ISLNK(info.st_mode),
                            owner,
                            {},
                            false});
  }

 private:
  void take_folder(std::size_t owner, const std::string& path) {
    std::error_code error;
    std::vector<std::string> names;
    for (fs::directory_iterator each(path, error), end; !error && each != end; each.increment(error))
      names.push_back(each->path().string());
    if (error) out_.unreadable.push_back(fmt::format("{}: {}", path, error.message()));
    for (const auto& name : names) take(owner, name);
  }

  bool left_out(const std::string& path) const {
    for (const auto& never : plan_.never) {
      if (path == never) return true;
    }
    const std::string name = path.substr(path.rfind('/') + 1);
    return std::any_of(plan_.excludes.begin(), plan_.excludes.end(), [&](const std::string& pattern) {
      if (pattern.starts_with("/")) return fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
      if (pattern.find('/') != std::string::npos)
        return fnmatch(("*/" + pattern).c_str(), path.c_str(), 0) == 0;
      return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
    });
  }
  const CreatePlan& plan_;
  Walk& out_;
};

void take_checksum(Source& source) {
  try {
    source.sha256 =
        source.link ? sha256_text(fs::read_symlink(source.path).string()) : sha256_file(source.path);
  } catch (const std::exception&) {
    source.sha256.clear();  // the engine says whether it could read it
  }
}

}  // namespace

Staging::Staging(std::string folder) : folder_(std::move(folder)) {
  remove_staging(folder_);
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw Error(ErrorKind::failed, fmt::format("cannot make {}: {}", folder_, error.message()));
  fs::permissions(folder_, fs::perms::owner_all);
}

Staging::~Staging() {
  remove_staging(folder_);
}

void Staging::link(const std::string& place) {
  const fs::path at = fs::path(folder_) / place;
  if (fs::is_symlink(at)) return;
  fs::create_directories(at.parent_path());
  fs::create_directory_symlink("/", at);
}

void Staging::write(const std::string& name, const std::string& text) const {
  const fs::path at = fs::path(folder_) / name;
  fs::create_directories(at.parent_path());
  std::ofstream file(at, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error(ErrorKind::failed, fmt::format("cannot write {}", at.string()));
}

// remove_all unlinks symbolic links and does not follow them.
void remove_staging(const std::string& folder) {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

Walk walk(const CreatePlan& plan) {
  Walk out;
  Walker walker(plan, out);
  for (std::size_t i = 0; i < plan.files.size(); ++i) walker.take(i, plan.files[i].source);
  std::sort(out.sources.begin(), out.sources.end(),
            [](const auto& a, const auto& b) { return a.archived < b.archived; });
  // One source below another of the same place is the same file in the archive.
  const auto twice = std::unique(out.sources.begin(), out.sources.end(),
                                 [](const auto& a, const auto& b) { return a.archived == b.archived; });
  out.sources.erase(twice, out.sources.end());
  return out;
}

PlanSize measure(const CreatePlan& plan) {
  const Walk found = walk(plan);
  PlanSize out;
  out.files = found.sources.size();
  for (const auto& source : found.sources) out.bytes += source.size;
  out.unreadable = found.unreadable;
  return out;
}

Hasher::Hasher(std::vector<Source>& sources)
    : sources_(sources), thread_([&sources](std::stop_token stop) {
        for (auto& source : sources) {
          if (stop.stop_requested()) return;
          take_checksum(source);
        }
      }) {}

void Hasher::finish() {
  if (thread_.joinable()) thread_.join();
  for (auto& source : sources_) {
    struct stat info = {};
    const bool same = lstat(source.path.c_str(), &info) == 0 && mtime_of(info) == source.mtime_ns &&
                      static_cast<std::uint64_t>(info.st_size) == source.size;
    source.changed = !same;
  }
}

std::string literal_pattern(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace azlin::archive
