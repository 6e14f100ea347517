#include "azlin/core/input_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"

namespace azlin::core {

void check_input_file(const std::string& path, const std::string& what, const std::string& hint) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0) {
    const bool absent = errno == ENOENT || errno == ENOTDIR;
    throw Error(absent ? ErrorKind::not_found : ErrorKind::usage,
                absent ? fmt::format("there is no {} {}", what, path)
                       : fmt::format("cannot read the {} {}: {}", what, path, std::strerror(errno)),
                hint);
  }
  // A pipe is good: `-f <(command)`.
  if (!S_ISREG(about.st_mode) && !S_ISFIFO(about.st_mode))
    throw Error(
        ErrorKind::usage,
        fmt::format("{} is {}, not a {}", path, S_ISDIR(about.st_mode) ? "a folder" : "no file", what), hint);
  if (access(path.c_str(), R_OK) != 0)
    throw Error(ErrorKind::usage, fmt::format("cannot read the {} {}: {}", what, path, std::strerror(errno)));
  if (S_ISREG(about.st_mode) && about.st_size == 0)
    throw Error(ErrorKind::usage, fmt::format("the {} {} is empty", what, path), hint);
}

std::string read_input_file(const std::string& path, const std::string& what, const std::string& hint) {
  check_input_file(path, what, hint);
  auto text = read_file(path);
  if (!text) throw Error(ErrorKind::not_found, fmt::format("there is no {} {}", what, path), hint);
  if (text->empty()) throw Error(ErrorKind::usage, fmt::format("the {} {} is empty", what, path), hint);
  return *std::move(text);
}

}  // namespace azlin::core
