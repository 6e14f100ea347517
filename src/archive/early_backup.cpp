#include "archive/early_backup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

constexpr std::chrono::milliseconds kLook{5};
constexpr const char* kGate = "gate-";         // the names of the pipes begin so
constexpr std::string_view kTakeAll = "!*\n";  // an exclude pattern that takes the one for everything back

}  // namespace

EarlyBackup::EarlyBackup(const Engine& engine, BackupRequest request, const std::string& name)
    : request_(std::move(request)) {
  std::string gate = request_.directory + "/" + kGate + name;
  if (mkfifo(gate.c_str(), 0600) == 0) gate_ = open(gate.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (gate_ < 0)
    throw core::Error(core::ErrorKind::failed, fmt::format("cannot make {}: {}", gate, std::strerror(errno)));
  request_.gate = std::move(gate);
  result_ =
      std::async(std::launch::async, [own = engine, request = request_, stop = stop_.get_token()]() mutable {
        return own.backup(request, {}, stop);
      });
}

EarlyBackup::~EarlyBackup() {
  stop_.request_stop();
  if (result_.valid()) result_.wait();
  if (gate_ >= 0) close(gate_);
}

bool EarlyBackup::waits() const {
  return result_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

bool EarlyBackup::is_for(const BackupRequest& request) const {
  return request.directory == request_.directory && request.paths == request_.paths &&
         request.tags == request_.tags && request.excludes == request_.excludes;
}

// What is written to a pipe that nobody else has open is lost with our end, so that is closed when it was
// read.
void EarlyBackup::open_gate() {
  if (write(gate_, kTakeAll.data(), kTakeAll.size()) != static_cast<ssize_t>(kTakeAll.size()))
    throw core::Error(core::ErrorKind::failed,
                      fmt::format("cannot write {}: {}", request_.gate, std::strerror(errno)));
  for (int unread = 1; unread > 0 && waits();) {
    if (ioctl(gate_, FIONREAD, &unread) != 0) break;
    if (unread > 0) result_.wait_for(kLook);
  }
  close(std::exchange(gate_, -1));
}

BackupResult EarlyBackup::begin(std::stop_token stop) {
  const std::stop_callback interrupted(stop, [this] { stop_.request_stop(); });
  open_gate();
  return result_.get();
}

void end_early_backups(const std::string& directory) {
  std::error_code error;
  for (std::filesystem::directory_iterator each(directory, error), end; !error && each != end;
       each.increment(error)) {
    if (!each->path().filename().string().starts_with(kGate)) continue;
    const int writer = open(each->path().c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (writer >= 0) close(writer);
  }
}

}  // namespace azlin::archive
