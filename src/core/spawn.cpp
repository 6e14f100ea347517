#include "core/spawn.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "azlin/core/error.hpp"

namespace azlin::core {
namespace {

constexpr int kLowestOwnFd = 32;  // above every descriptor that a child is given
constexpr int kMostFds = 65'536;  // where the kernel has no close_range

// What went wrong between fork and exec.
struct Failure {
  int error = 0;
  bool in_folder = false;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// ---- In the child, where only async-signal-safe calls are allowed.

void close_on_exec_from(int lowest) {
  if (close_range(static_cast<unsigned>(lowest), ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  for (int fd = lowest; fd < kMostFds; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void use_default_signals() {
  struct sigaction normal = {};
  normal.sa_handler = SIG_DFL;
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM}) sigaction(signal, &normal, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(const ChildSetup& setup, char* const* argv, char* const* environment, pid_t parent,
                         int report) {
  Failure failure;
  prctl(PR_SET_PDEATHSIG, setup.signal_at_our_end);
  if (getppid() != parent) _exit(127);  // it ended before the line above
  if (setup.own_group) setpgid(0, 0);
  for (std::size_t i = 0; i < setup.descriptors.size(); ++i) dup2(setup.descriptors[i], static_cast<int>(i));
  close_on_exec_from(setup.descriptors.empty() ? 3 : static_cast<int>(setup.descriptors.size()));
  if (!setup.directory.empty() && chdir(setup.directory.c_str()) != 0) {
    failure = {errno, true};
  } else {
    use_default_signals();
    execvpe(argv[0], argv, environment);
    failure.error = errno;
  }
  [[maybe_unused]] const auto told = write(report, &failure, sizeof failure);
  _exit(127);
}

// ---- In this process.

// No handler of this process may run in the child.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

[[noreturn]] void fail(const ChildSetup& setup, const Failure& failure) {
  const char* reason = strerror(failure.error);
  if (failure.in_folder)
    throw Error(ErrorKind::failed, fmt::format("cannot enter the folder {}: {}", setup.directory, reason));
  const auto text = fmt::format("cannot run '{}': {}", setup.argv[0], reason);
  if (failure.error == ENOENT || failure.error == ENOTDIR || failure.error == EACCES)
    throw Error(ErrorKind::not_found, text, fmt::format("install {} or put it on PATH", setup.argv[0]));
  throw Error(ErrorKind::failed, text);
}

}  // namespace

void Fd::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Pipe make_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0)
    throw Error(ErrorKind::failed, fmt::format("cannot make a pipe: {}", strerror(errno)));
  const Fd low_read(fds[0]), low_write(fds[1]);
  Pipe pipe{Fd(fcntl(fds[0], F_DUPFD_CLOEXEC, kLowestOwnFd)),
            Fd(fcntl(fds[1], F_DUPFD_CLOEXEC, kLowestOwnFd))};
  if (!pipe.read.open() || !pipe.write.open())
    throw Error(ErrorKind::failed, fmt::format("cannot make a pipe: {}", strerror(errno)));
  return pipe;
}

Fd open_nothing() {
  const Fd low(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return Fd(fcntl(low.get(), F_DUPFD_CLOEXEC, kLowestOwnFd));
}

pid_t start_child(const ChildSetup& setup) {
  if (setup.argv.empty()) throw Error(ErrorKind::failed, "no program to run");
  const auto argv = pointers(setup.argv), environment = pointers(setup.environment);
  Pipe report = make_pipe();
  const pid_t parent = getpid();
  pid_t child = -1;
  {
    const BlockedSignals blocked;
    child = fork();
    if (child == 0) become(setup, argv.data(), environment.data(), parent, report.write.get());
  }
  if (child < 0) fail(setup, {.error = errno});
  report.write.reset();
  Failure failure;
  ssize_t got = 0;
  do got = read(report.read.get(), &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof failure)) return child;  // closed by exec: it runs
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  fail(setup, failure);
}

int exit_code_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace azlin::core
