#include "azlin/archive/paths.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace azlin::archive {
namespace {

namespace fs = std::filesystem;

fs::file_status look(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (error && status.type() != fs::file_type::not_found)
    throw core::Error(core::ErrorKind::usage,
                      fmt::format("cannot look at {}: {}", path.string(), error.message()));
  return status;
}

}  // namespace

bool is_there(const fs::path& path) {
  return fs::exists(look(path));
}

bool is_folder(const fs::path& path) {
  return fs::is_directory(look(path));
}

core::ErrorKind kind_of(const std::error_code& error) {
  for (const auto each :
       {std::errc::permission_denied, std::errc::operation_not_permitted, std::errc::read_only_file_system,
        std::errc::not_a_directory, std::errc::file_exists, std::errc::no_such_file_or_directory,
        std::errc::filename_too_long, std::errc::too_many_symbolic_link_levels}) {
    if (error == each) return core::ErrorKind::usage;
  }
  return core::ErrorKind::failed;
}

std::string scratch_parent(const std::string& given) {
  if (!given.empty()) return given;
  const char* set = std::getenv("TMPDIR");
  return set != nullptr && *set != '\0' ? set : "/tmp";
}

}  // namespace azlin::archive
