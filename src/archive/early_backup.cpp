#include "archive/early_backup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

constexpr std::chrono::milliseconds kLook{20};

}  // namespace

EarlyBackup::EarlyBackup(const Engine& engine, BackupRequest request, std::string gate)
    : request_(std::move(request)) {
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

// Closed by us, the pipe ends for a restic that reads it. One that has not come to it yet would wait for a
// writer, so there is one for a moment again and again.
void EarlyBackup::open_gate() {
  if (gate_ >= 0) close(std::exchange(gate_, -1));
  const int writer = open(request_.gate.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (writer >= 0) close(writer);
}

BackupResult EarlyBackup::begin(std::stop_token stop) {
  const std::stop_callback interrupted(stop, [this] { stop_.request_stop(); });
  do open_gate();
  while (result_.wait_for(kLook) != std::future_status::ready);
  return result_.get();
}

}  // namespace azlin::archive
