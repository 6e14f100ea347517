#include "archive/stamp.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

using core::TimePoint;
using std::chrono::seconds;

constexpr seconds kLongestWait{60};

// A small file that one process at a time reads and writes.
class LastStamp {
 public:
  LastStamp(const std::string& folder, const std::string& name) : path_(folder + "/" + name) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (fd_ >= 0 && flock(fd_, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      close(std::exchange(fd_, -1));
    }
    if (fd_ < 0) fail();
  }
  ~LastStamp() { close(fd_); }
  LastStamp(const LastStamp&) = delete;
  LastStamp& operator=(const LastStamp&) = delete;

  std::optional<TimePoint> read() const {
    std::array<char, 64> text = {};
    const auto size = pread(fd_, text.data(), text.size(), 0);
    return size > 0 ? core::parse_time({text.data(), static_cast<std::size_t>(size)}) : std::nullopt;
  }
  void write(TimePoint time) const {
    const std::string text = core::to_iso8601(time);  // of whole seconds: always as long
    if (pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw core::Error(core::ErrorKind::failed,
                      fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
  }
  std::string path_;
  int fd_ = -1;
};

}  // namespace

core::TimePoint stamp_archive(const std::string& home, const std::string& name, core::Clock& clock,
                              std::stop_token stop) {
  const LastStamp last(home + "/archive-ids", name);
  if (const auto before = last.read()) {
    const TimePoint free = *before + seconds(1);
    for (auto now = clock.now(); now < free && free - now <= kLongestWait; now = clock.now()) {
      clock.sleep_for(free - now, stop);
      core::throw_if_stopped(stop, "naming the archive");
    }
  }
  const auto now = clock.now();
  last.write(std::chrono::floor<seconds>(now));
  return now;
}

}  // namespace azlin::archive
