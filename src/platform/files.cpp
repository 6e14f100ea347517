#include "platform/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/platform/text_file.hpp"

namespace azlin::platform {

namespace {

[[noreturn]] void throw_for(const char* doing, const std::string& path) {
  throw core::Error(core::ErrorKind::failed,
                    fmt::format("cannot {} {}: {}", doing, path, std::strerror(errno)),
                    errno == ENOSPC ? "the disk is full; make room and run it again: it goes on" : "");
}

// Another path would do.
bool is_of_the_path(int error) {
  switch (error) {
    case EACCES:
    case ELOOP:
    case ENAMETOOLONG:
    case ENOENT:
    case ENOTDIR:
    case EPERM:
    case EROFS:
      return true;
    default:
      return false;
  }
}

// Closes when it goes.
struct File {
  int fd;
  ~File() {
    if (fd >= 0) close(fd);
  }
};

void write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const auto written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_for("write", path);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw_for("read", path);
  std::stringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

bool file_exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

void check_new_folder(const std::string& path, const std::set<std::string>& own, const char* what) {
  std::error_code error;
  const auto there = std::filesystem::symlink_status(path, error);
  if (!std::filesystem::exists(there)) return;
  for (const auto& entry : std::filesystem::directory_iterator(path, error))
    if (!own.contains(entry.path().filename().string()))
      throw core::Error(core::ErrorKind::usage, fmt::format("{} is not empty and holds no {}", path, what),
                        "name a new folder, or an empty one: what is there could be overwritten");
  if (error) throw core::Error(core::ErrorKind::usage, fmt::format("{}: {}", path, error.message()));
}

void make_folder(const std::string& path) {
  const std::filesystem::path whole(path);
  std::filesystem::path so_far;
  for (const auto& part : whole) {
    so_far /= part;
    std::error_code error;
    if (part.empty() || std::filesystem::is_directory(so_far, error)) continue;
    if (mkdir(so_far.c_str(), 0700) == 0 || errno == EEXIST) continue;
    if (!is_of_the_path(errno)) throw_for("make the folder", so_far.string());
    throw core::Error(core::ErrorKind::usage,
                      fmt::format("cannot make the folder {}: {}", so_far.string(), std::strerror(errno)),
                      "name another folder");
  }
}

void write_file_whole(const std::string& path, std::string_view content) {
  const std::string part = path + ".part";
  {
    const File file{open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (file.fd < 0) throw_for("write", path);
    try {
      write_all(file.fd, content, path);
      if (fsync(file.fd) != 0) throw_for("write", path);
    } catch (const core::Error&) {
      unlink(part.c_str());
      throw;
    }
  }
  if (rename(part.c_str(), path.c_str()) != 0) throw_for("write", path);
}

void append_line(const std::string& path, std::string_view line) {
  const File file{open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  if (file.fd < 0) throw_for("write", path);
  std::string whole(line);
  whole += '\n';
  write_all(file.fd, whole, path);
}

void make_private_folder(const std::string& path) {
  make_folder(path);
}

void write_text_file(const std::string& path, std::string_view content) {
  core::write_file(path, std::string(content), 0600);
}

}  // namespace azlin::platform
