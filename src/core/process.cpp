#include "azlin/core/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
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
#include "core/spawn.hpp"

namespace azlin::core {
namespace {

using Steady = std::chrono::steady_clock;  // a time limit must not follow a clock that is set
constexpr std::size_t kOutputLimit = 64U << 20;
constexpr Millis kDrainAfter{500};  // for output that a grandchild holds open after the child has ended

std::vector<std::string> environment_with(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!extra.contains(text.substr(0, text.find('=')))) entries.push_back(text);
  }
  for (const auto& [name, value] : extra) entries.push_back(fmt::format("{}={}", name, value));
  return entries;
}

// A running child and this process's ends of its pipes.
struct Child {
  pid_t pid = -1;
  bool own_group = false;
  Fd input, output, errors, exited;
};

Child spawn(const ProcessRequest& request) {
  Child child;
  child.own_group = !request.inherit_stdio;
  ChildSetup setup{.argv = request.argv,
                   .environment = environment_with(request.extra_env),
                   .directory = {},
                   .descriptors = {},
                   .own_group = child.own_group,
                   .signal_at_our_end = SIGTERM};
  Pipe in, out, err;
  if (!request.inherit_stdio) {
    in = make_pipe();
    out = make_pipe();
    err = make_pipe();
    setup.descriptors = {in.read.get(), out.write.get(), err.write.get()};
  }
  child.pid = start_child(setup);
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
    return exited_ && (drained || (looked_since_exit_ && Steady::now() >= drain_until_));
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
    looked_since_exit_ = exited_;
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
    result_.exit_code = exit_code_of(status);
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
  bool looked_since_exit_ = false;  // what it wrote last is read, however late this process gets its turn
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
