#include "azlin/archive/scratch_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "azlin/archive/paths.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::archive {
namespace {

namespace fs = std::filesystem;
using core::Error;
using core::ErrorKind;

constexpr const char* kMark = ".azlin-scratch-";  // hidden: no list of bundles shows it
constexpr int kTries = 5;                         // someone may take it for a left one before it is locked

// -1: it cannot be opened.
int open_lock(const fs::path& top) {
  return open((top / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

}  // namespace

ScratchFolder::ScratchFolder(const fs::path& parent) {
  std::error_code error;
  fs::create_directories(parent, error);
  if (error)
    throw Error(kind_of(error),
                fmt::format("cannot make the folder {}: {}", parent.string(), error.message()));
  remove_left_ones(parent);
  for (int i = 0; i < kTries; ++i) {
    top_ = parent / (kMark + core::new_guid().substr(0, 8));
    files_ = top_ / "files";
    if (mkdir(top_.c_str(), 0711) != 0) break;
    lock_ = open_lock(top_);
    const bool taken = lock_ < 0 || (flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK);
    if (!taken && mkdir(files_.c_str(), 0700) == 0) return;
    if (lock_ >= 0) close(lock_);
    lock_ = -1;
  }
  error = std::error_code(errno, std::generic_category());
  throw Error(kind_of(error), fmt::format("cannot make {}: {}", top_.string(), error.message()));
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(top_, ignored);
  if (lock_ >= 0) close(lock_);
}

void ScratchFolder::keep_as(const fs::path& target) {
  std::error_code error;
  fs::rename(files_, target, error);
  if (error)
    throw Error(ErrorKind::failed, fmt::format("cannot make {}: {}", target.string(), error.message()));
}

std::size_t ScratchFolder::remove_left_ones(const fs::path& parent) {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& each : fs::directory_iterator(parent, error)) {
    if (!each.path().filename().string().starts_with(kMark) || each.is_symlink()) continue;
    const int lock = open_lock(each.path());
    if (lock < 0) continue;
    if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
      std::error_code ignored;
      fs::remove_all(each.path(), ignored);
      ++count;
    }
    close(lock);
  }
  return count;
}

}  // namespace azlin::archive
