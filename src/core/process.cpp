#include "azlin/core/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "azlin/core/env.hpp"
#include "azlin/core/error.hpp"

namespace azlin::core {
namespace {

using Steady = std::chrono::steady_clock;  // a time limit must not follow a clock that is set
constexpr std::size_t kOutputLimit = 64U << 20;
constexpr Millis kDrainAfter{500};  // for output that a grandchild holds open after the child has ended

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Fd() { reset(); }
  void reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read, write;
};

Pipe make_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0)
    throw Error(ErrorKind::failed, fmt::format("cannot make a pipe: {}", strerror(errno)));
  return {Fd(fds[0]), Fd(fds[1])};
}

// How the child differs from this process: its pipes, its own process group, default signals.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  void use_default_signals(bool own_group) {
    sigset_t set;
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes, &set);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&set, signal);
    posix_spawnattr_setsigdefault(&attributes, &set);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (own_group) flags |= POSIX_SPAWN_SETPGROUP;  // group 0: the child's own
    posix_spawnattr_setflags(&attributes, flags);
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

std::vector<std::string> environment_with(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!extra.contains(text.substr(0, text.find('=')))) entries.push_back(text);
  }
  for (const auto& [name, value] : extra) entries.push_back(fmt::format("{}={}", name, value));
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// A running child and this process's ends of its pipes.
struct Child {
  pid_t pid = -1;
  bool own_group = false;
  Fd input, output, errors, exited;
};

Child spawn(const ProcessRequest& request) {
  if (request.argv.empty()) throw Error(ErrorKind::failed, "no program to run");
  Child child;
  child.own_group = !request.inherit_stdio;
  SpawnSettings settings;
  settings.use_default_signals(child.own_group);
  Pipe in, out, err;
  if (!request.inherit_stdio) {
    in = make_pipe();
    out = make_pipe();
    err = make_pipe();
    posix_spawn_file_actions_adddup2(&settings.actions, in.read.get(), 0);
    posix_spawn_file_actions_adddup2(&settings.actions, out.write.get(), 1);
    posix_spawn_file_actions_adddup2(&settings.actions, err.write.get(), 2);
  }
  posix_spawn_file_actions_addclosefrom_np(&settings.actions, 3);

  auto argv_texts = request.argv;
  auto env_texts = environment_with(request.extra_env);
  const auto argv = pointers(argv_texts);
  const auto env = pointers(env_texts);
  const int error =
      posix_spawnp(&child.pid, argv[0], &settings.actions, &settings.attributes, argv.data(), env.data());
  if (error == ENOENT || error == ENOTDIR || error == EACCES)
    throw Error(ErrorKind::not_found, fmt::format("cannot run '{}': {}", request.argv[0], strerror(error)),
                fmt::format("install {} or put it on PATH", request.argv[0]));
  if (error != 0)
    throw Error(ErrorKind::failed, fmt::format("cannot run '{}': {}", request.argv[0], strerror(error)));

  child.exited = Fd(static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0)));
  if (!request.inherit_stdio) {
    for (const int fd : {in.write.get(), out.read.get(), err.read.get()}) fcntl(fd, F_SETFL, O_NONBLOCK);
    child.input = std::move(in.write);
    child.output = std::move(out.read);
    child.errors = std::move(err.read);
  }
  return child;
}

// Feeds, drains and, when its time is over, ends one child.
class Session {
 public:
  Session(Child child, const ProcessRequest& request, std::stop_token stop)
      : child_(std::move(child)), request_(request), stop_(std::move(stop)), wake_(eventfd(0, EFD_CLOEXEC)) {
    if (request.time_limit > Millis{0}) deadline_ = Steady::now() + request.time_limit;
  }

  ProcessResult run() {
    const auto wake = [this] {
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
    };
    std::stop_callback on_stop(stop_, wake);
    while (!finished()) {
      poll_once();
      enforce_limits();
    }
    return std::move(result_);
  }

 private:
  bool finished() const {
    const bool drained = !child_.output.open() && !child_.errors.open();
    return exited_ && (drained || Steady::now() >= drain_until_);
  }

  void poll_once() {
    pollfd fds[] = {{child_.output.get(), POLLIN, 0},
                    {child_.errors.get(), POLLIN, 0},
                    {child_.input.get(), POLLOUT, 0},
                    {exited_ ? -1 : child_.exited.get(), POLLIN, 0},
                    {signalled_ ? -1 : wake_.get(), POLLIN, 0}};
    if (poll(fds, std::size(fds), timeout_ms()) < 0 && errno != EINTR)
      throw Error(ErrorKind::failed, fmt::format("poll: {}", strerror(errno)));
    if (fds[0].revents != 0) drain(child_.output, result_.out);
    if (fds[1].revents != 0) {
      drain(child_.errors, result_.err);
      announce_lines();
    }
    if (fds[2].revents != 0) feed();
    if (!exited_) reap(WNOHANG);
  }

  int timeout_ms() const {
    std::optional<Steady::time_point> until = deadline_;
    if (exited_) until = drain_until_;
    if (!child_.exited.open() && !exited_) return 20;  // a kernel without pidfd: look now and then
    if (!until) return -1;
    const auto left = std::chrono::ceil<Millis>(*until - Steady::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
  }

  static void drain(Fd& fd, std::string& into) {
    char buffer[65536];
    for (;;) {
      const auto got = read(fd.get(), buffer, sizeof buffer);
      if (got > 0) {
        into.append(buffer, std::min<std::size_t>(static_cast<std::size_t>(got), kOutputLimit - into.size()));
        continue;
      }
      if (got < 0 && errno == EINTR) continue;
      if (got == 0 || errno != EAGAIN) fd.reset();
      return;
    }
  }

  void announce_lines() {
    if (!request_.on_err_line) return;
    for (auto end = result_.err.find('\n', announced_); end != std::string::npos;
         end = result_.err.find('\n', announced_)) {
      request_.on_err_line(std::string_view(result_.err).substr(announced_, end - announced_));
      announced_ = end + 1;
    }
  }

  void feed() {
    while (fed_ < request_.input.size()) {
      const auto put = write(child_.input.get(), request_.input.data() + fed_, request_.input.size() - fed_);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno == EAGAIN) return;
      if (put < 0) break;  // the child does not want the rest
      fed_ += static_cast<std::size_t>(put);
    }
    child_.input.reset();
  }

  void reap(int flags) {
    int status = 0;
    if (waitpid(child_.pid, &status, flags) != child_.pid) return;
    exited_ = true;
    drain_until_ = Steady::now() + kDrainAfter;
    result_.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  void enforce_limits() {
    const bool over = stop_.stop_requested() || (deadline_ && Steady::now() >= *deadline_);
    if (exited_ || !over) return;
    if (!signalled_) {
      signal_child(SIGTERM);
      signalled_ = result_.timed_out = true;
      deadline_ = Steady::now() + request_.kill_after;
    } else if (Steady::now() >= *deadline_) {
      signal_child(SIGKILL);
      deadline_ = Steady::now() + request_.kill_after;
    }
  }

  void signal_child(int signal) const { kill(child_.own_group ? -child_.pid : child_.pid, signal); }

  Child child_;
  const ProcessRequest& request_;
  std::stop_token stop_;
  Fd wake_;
  std::optional<Steady::time_point> deadline_;
  Steady::time_point drain_until_;
  std::size_t fed_ = 0, announced_ = 0;
  bool exited_ = false, signalled_ = false;
  ProcessResult result_;
};

// A child that stops reading must not end this process; SIGPIPE is ignored for it, as interrupt_token() does
// too.
void ignore_broken_pipes() {
  [[maybe_unused]] static const auto previous = signal(SIGPIPE, SIG_IGN);
}

}  // namespace

ProcessResult SystemProcessRunner::run(const ProcessRequest& request, std::stop_token stop) {
  if (stop.stop_requested())
    throw Error(ErrorKind::interrupted, fmt::format("interrupted before '{}' was run", request.argv.at(0)));
  ignore_broken_pipes();
  return Session(spawn(request), request, std::move(stop)).run();
}

}  // namespace azlin::core
