#include "azlin/core/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "azlin/core/error.hpp"

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

[[noreturn]] void refuse_output(const std::string& path, const std::string& what, const std::string& why) {
  throw Error(ErrorKind::usage, fmt::format("the {} cannot be written to {}: {}", what, path, why),
              "nothing was done; name another file");
}

}  // namespace

void check_output_file(const std::string& path, const std::string& what) {
  struct stat about {};
  if (stat(path.c_str(), &about) == 0) {
    if (S_ISDIR(about.st_mode)) refuse_output(path, what, "it is a folder");
    if (access(path.c_str(), W_OK) != 0) refuse_output(path, what, std::strerror(errno));
    return;
  }
  if (errno != ENOENT) refuse_output(path, what, std::strerror(errno));
  const auto parent = std::filesystem::path(path).parent_path().string();
  const std::string folder = parent.empty() ? "." : parent;
  if (stat(folder.c_str(), &about) != 0)
    refuse_output(path, what, fmt::format("{}: {}", folder, std::strerror(errno)));
  if (!S_ISDIR(about.st_mode)) refuse_output(path, what, fmt::format("{} is no folder", folder));
  if (path.empty() || path.back() == '/') refuse_output(path, what, "that names no file");
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    refuse_output(path, what, fmt::format("{}: {}", folder, std::strerror(errno)));
}

void write_file(const std::string& path, const std::string& text, unsigned mode) {
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
  throw Error(ErrorKind::failed, fmt::format("cannot write {}: {}", path, std::strerror(error)));
}

std::optional<std::string> read_file(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file || std::filesystem::is_directory(path, error))
    throw Error(ErrorKind::failed, fmt::format("cannot read {}", path));
  return std::move(text).str();
}

}  // namespace azlin::core
