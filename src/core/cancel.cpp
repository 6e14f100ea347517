#include "azlin/core/cancel.hpp"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string>
#include <thread>

#include "azlin/core/error.hpp"

namespace azlin::core {
namespace {

std::atomic<int> wake_fd{-1};
// Milliseconds of the monotonic clock at the first signal; 0: there was none.
std::atomic<std::int64_t> first_signal{0};
constexpr std::int64_t kSameSignal = 1000;

// Stop callbacks may lock and allocate, which a signal handler must not: so it only wakes the watcher. The
// second signal ends the process, but not at once after the first: timeout(1) and others signal the process
// and then its group, which is one wish to end in order.
extern "C" void on_signal(int) {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  const std::int64_t now = std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000 + 1;
  std::int64_t first = 0;
  if (!first_signal.compare_exchange_strong(first, now)) {
    if (now - first >= kSameSignal) _exit(130);
    return;
  }
  const int saved = errno;
  const char byte = 0;
  [[maybe_unused]] const auto written = write(wake_fd, &byte, 1);
  errno = saved;
}

// A signal that was ignored when the program started (nohup, a shell's background job) stays ignored.
void install(int signal) {
  struct sigaction current {};
  sigaction(signal, nullptr, &current);
  if (current.sa_handler == SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

// Never destroyed: the watcher may outlive static objects.
std::stop_source& start_watching() {
  auto* source = new std::stop_source;
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) throw Error(ErrorKind::failed, "cannot make a pipe for signals");
  wake_fd = fds[1];
  std::thread([source, fd = fds[0]] {
    char byte;
    while (read(fd, &byte, 1) < 0 && errno == EINTR) {
    }
    source->request_stop();
  }).detach();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) install(signal);
  ::signal(SIGPIPE, SIG_IGN);
  return *source;
}

}  // namespace

std::stop_token interrupt_token() {
  static std::stop_source& source = start_watching();
  return source.get_token();
}

void throw_if_stopped(const std::stop_token& stop, const char* doing) {
  if (stop.stop_requested()) throw Error(ErrorKind::interrupted, std::string("interrupted while ") + doing);
}

}  // namespace azlin::core
