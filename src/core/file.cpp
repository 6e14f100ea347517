#include "azlin/core/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

#include "azlin/core/error.hpp"
#include "azlin/core/read_stream.hpp"

namespace azlin::core {

namespace {

bool write_all(int file, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const auto wrote = ::write(file, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    done += static_cast<std::size_t>(wrote);
  }
  return true;
}

// A device or a pipe, or what /dev/stdout and /dev/fd/3 stand for: written to as it is, never replaced.
bool is_stream(const std::string& path) {
  struct stat about {};
  const bool of_the_system = path.starts_with("/dev/") || path.starts_with("/proc/");
  if (of_the_system && lstat(path.c_str(), &about) == 0 && S_ISLNK(about.st_mode)) return true;
  return stat(path.c_str(), &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode);
}

[[noreturn]] void throw_cannot(const char* what, const std::string& path, int error) {
  throw Error(ErrorKind::failed, fmt::format("cannot {} {}: {}", what, path, std::strerror(error)));
}

void write_stream(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
  const bool good = file >= 0 && write_all(file, text);
  const int error = errno;
  if (file >= 0) close(file);
  if (!good) throw_cannot("write", path, error);
}

[[noreturn]] void refuse_output(const std::string& path, const std::string& what, const std::string& why) {
  throw Error(ErrorKind::usage, fmt::format("the {} cannot be written to {}: {}", what, path, why),
              "nothing was done; name another file");
}

void check_folder(const std::string& folder, const std::string& path, const std::string& what) {
  struct stat about {};
  if (stat(folder.c_str(), &about) != 0)
    refuse_output(path, what, fmt::format("{}: {}", folder, std::strerror(errno)));
  if (!S_ISDIR(about.st_mode)) refuse_output(path, what, fmt::format("{} is no folder", folder));
  if (path.empty() || path.back() == '/') refuse_output(path, what, "that names no file");
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    refuse_output(path, what, fmt::format("{}: {}", folder, std::strerror(errno)));
}

}  // namespace

void check_output_file(const std::string& path, const std::string& what) {
  struct stat about {};
  if (stat(path.c_str(), &about) == 0) {
    if (S_ISDIR(about.st_mode)) refuse_output(path, what, "it is a folder");
    if (S_ISSOCK(about.st_mode)) refuse_output(path, what, "it is a socket");
    if (access(path.c_str(), W_OK) != 0) refuse_output(path, what, std::strerror(errno));
    if (is_stream(path)) return;
  } else if (errno != ENOENT || is_stream(path)) {
    refuse_output(path, what, std::strerror(errno));
  }
  const auto parent = std::filesystem::path(path).parent_path().string();
  check_folder(parent.empty() ? "." : parent, path, what);
}

void write_file(const std::string& path, const std::string& text, unsigned mode) {
  if (is_stream(path)) return write_stream(path, text);
  std::error_code ignored;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
  std::string temporary = path + ".XXXXXX";
  const int file = mkostemp(temporary.data(), O_CLOEXEC);
  bool good = file >= 0 && fchmod(file, mode) == 0 && write_all(file, text) && fsync(file) == 0;
  int error = errno;
  if (file >= 0) close(file);
  if (good && rename(temporary.c_str(), path.c_str()) != 0) {
    good = false;
    error = errno;
  }
  if (good) return;
  if (file >= 0) unlink(temporary.c_str());
  throw_cannot("write", path, error);
}

std::optional<std::string> read_file(const std::string& path) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0) return std::nullopt;
  // A pipe is opened without waiting for its writer: a signal shall end the wait.
  const int wait = S_ISFIFO(about.st_mode) ? O_NONBLOCK : 0;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | wait);
  if (file < 0) throw_cannot("read", path, errno);
  const std::unique_ptr<const int, void (*)(const int*)> closed(&file, [](const int* each) { close(*each); });
  return read_stream(file, path);
}

}  // namespace azlin::core
