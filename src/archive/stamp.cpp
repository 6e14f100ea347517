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
constexpr std::chrono::milliseconds kLook{50};

// False: it failed, see errno. Throws core::Error (interrupted).
bool lock(int fd, core::Clock& clock, const std::stop_token& stop) {
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return false;
    core::throw_if_stopped(stop, "naming the archive");
    clock.sleep_for(kLook, stop);
  }
  return true;
}

// A small file that one process at a time reads and writes.
class LastStamp {
 public:
  LastStamp(const std::string& folder, const std::string& name) : path_(folder + "/" + name) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd_ < 0) fail();
  }
  ~LastStamp() { close(fd_); }
  LastStamp(const LastStamp&) = delete;
  LastStamp& operator=(const LastStamp&) = delete;

  // Waits for the process that has it. The lock ends with this object.
  void hold(core::Clock& clock, const std::stop_token& stop) const {
    if (!lock(fd_, clock, stop)) fail();
  }
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
  last.hold(clock, stop);
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
