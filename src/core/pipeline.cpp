#include "azlin/core/pipeline.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <sstream>
#include <utility>

#include "azlin/core/error.hpp"
#include "core/spawn.hpp"

namespace azlin::core {
namespace {

using Steady = std::chrono::steady_clock;  // a time limit must not follow a clock that is set
constexpr std::size_t kOutputLimit = 64U << 20;
constexpr std::size_t kErrorLimit = 1U << 20;
constexpr std::size_t kSecretLimit = 32U << 10;  // below what a pipe holds
constexpr std::size_t kPieceSize = 256U << 10;
constexpr Millis kKillAfter{10'000};  // from SIGINT to SIGKILL: time to remove a lock
constexpr Millis kDrainAfter{500};    // for output that a grandchild holds open

[[noreturn]] void fail(const char* what) {
  throw Error(ErrorKind::failed, fmt::format("{}: {}", what, strerror(errno)));
}

Fd secret_pipe(const std::string& secret) {
  if (secret.size() > kSecretLimit)
    throw Error(ErrorKind::usage, "a password of over 32 KiB is not accepted");
  Pipe pipe = make_pipe();
  if (write(pipe.write.get(), secret.data(), secret.size()) != static_cast<ssize_t>(secret.size()))
    fail("cannot hand over a password");
  return std::move(pipe.read);
}

// A child of ours; killed when it is forgotten while it runs.
class Child {
 public:
  Child() = default;
  Child(const Stage& stage, const Fd& in, const Fd& out, const Fd& err) {
    ChildSetup setup{.argv = stage.argv,
                     .environment = {},
                     .directory = stage.directory,
                     .descriptors = {in.get(), out.get(), err.get()},
                     .signal_at_our_end = SIGINT};  // so that it can remove its lock
    for (const auto& [name, value] : stage.env)
      setup.environment.push_back(fmt::format("{}={}", name, value));
    std::vector<Fd> secrets;
    for (const auto& secret : stage.secrets) {
      secrets.push_back(secret_pipe(secret));
      setup.descriptors.push_back(secrets.back().get());
    }
    pid_ = start_child(setup);
  }
  ~Child() {
    if (running()) {
      signal_group(SIGKILL);
      wait(0);
    }
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), code_(other.code_) {}
  Child& operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(code_, other.code_);
    return *this;
  }
  bool running() const { return pid_ > 0 && code_ < 0; }
  bool started() const { return pid_ > 0; }
  int code() const { return code_; }
  void signal_group(int signal) const {
    if (running()) kill(-pid_, signal);
  }
  // True once it has ended.
  bool wait(int flags) {
    int status = 0;
    if (!running()) return true;
    if (waitpid(pid_, &status, flags) != pid_) return false;
    code_ = exit_code_of(status);
    return true;
  }

 private:
  pid_t pid_ = -1;
  int code_ = -1;
};

// Appends, and keeps the newest part.
void keep_tail(std::string& text, std::string_view more) {
  text.append(more);
  if (text.size() > 2 * kErrorLimit) text.erase(0, text.size() - kErrorLimit);
}

class Pipeline {
 public:
  Pipeline(const PipelineRequest& request, std::stop_token stop)
      : request_(request), stop_(std::move(stop)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    Pipe in = make_pipe(), out = make_pipe(), err = make_pipe();
    program_ = Child(request.program, in.read, out.write, err.write);
    to_program_ = std::move(in.write);
    output_ = std::move(out.read);
    errors_ = std::move(err.read);
    if (request.producer) {
      Pipe made = make_pipe(), made_err = make_pipe();
      const Fd nothing = open_nothing();
      producer_ = Child(*request.producer, nothing, made.write, made_err.write);
      from_producer_ = std::move(made.read);
      producer_errors_ = std::move(made_err.read);
    } else {
      pending_ = request.input;
    }
    for (const Fd* fd : {&to_program_, &output_, &errors_, &from_producer_, &producer_errors_}) {
      if (fd->open()) fcntl(fd->get(), F_SETFL, O_NONBLOCK);
    }
    if (request.time_limit > Millis{0}) deadline_ = Steady::now() + request.time_limit;
  }

  PipelineResult run() {
    const auto wake = [this] {
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
    };
    std::stop_callback on_stop(stop_, wake);
    while (!finished()) {
      step();
      enforce_limits();
    }
    if (!line_.empty()) deliver_line(line_);
    if (broken_) std::rethrow_exception(broken_);
    result_.exit_code = program_.code();
    result_.producer_exit = producer_.started() ? producer_.code() : 0;
    return std::move(result_);
  }

 private:
  bool drained() const { return !output_.open() && !errors_.open() && !producer_errors_.open(); }
  bool finished() const {
    if (program_.running() || producer_.running()) return false;
    return drained() || (looked_since_end_ && Steady::now() >= drain_until_);
  }

  void step() {
    const bool ended = !program_.running() && !producer_.running();
    const bool want = from_producer_.open() && pending_.empty();
    std::array<pollfd, 6> fds = {{{output_.get(), POLLIN, 0},
                                  {errors_.get(), POLLIN, 0},
                                  {producer_errors_.get(), POLLIN, 0},
                                  {want ? from_producer_.get() : -1, POLLIN, 0},
                                  {pending_.empty() ? -1 : to_program_.get(), POLLOUT, 0},
                                  {interrupted_ ? -1 : wake_.get(), POLLIN, 0}}};
    if (poll(fds.data(), fds.size(), timeout_ms()) < 0 && errno != EINTR) fail("poll");
    if (fds[0].revents != 0) read_output();
    if (fds[1].revents != 0) drain_errors(errors_, result_.err);
    if (fds[2].revents != 0) drain_errors(producer_errors_, result_.producer_err);
    if (fds[3].revents != 0) take_piece();
    if (fds[4].revents != 0) feed();
    looked_since_end_ = ended;
    settle();
  }

  // Ends of children come without a descriptor to poll, so it looks now and then once pipes have closed.
  int timeout_ms() const {
    const bool waiting =
        !output_.open() || (producer_.started() && !from_producer_.open() && producer_.running());
    return waiting || interrupted_ ? 10 : 100;
  }

  void read_output() {
    std::array<char, 65536> buffer;
    const auto got = read(output_.get(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) return output_.reset();
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(got));
    guarded([&] {
      if (request_.on_output)
        request_.on_output(piece);
      else if (request_.on_line)
        split_lines(piece);
      else
        result_.out.append(piece.substr(0, kOutputLimit - result_.out.size()));
    });
  }

  void split_lines(std::string_view piece) {
    for (;;) {
      const auto end = piece.find('\n');
      line_.append(piece.substr(0, end));
      if (end == std::string_view::npos) return;
      deliver_line(std::exchange(line_, {}));
      piece.remove_prefix(end + 1);
    }
  }
  void deliver_line(const std::string& line) {
    if (request_.on_line && !broken_) request_.on_line(line);
  }

  static void drain_errors(Fd& fd, std::string& into) {
    std::array<char, 65536> buffer;
    const auto got = read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) return fd.reset();
    keep_tail(into, {buffer.data(), static_cast<std::size_t>(got)});
  }

  void take_piece() {
    pending_.resize(kPieceSize);
    const auto got = read(from_producer_.get(), pending_.data(), pending_.size());
    pending_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) return from_producer_.reset();
    fed_ = 0;
    guarded([&] {
      if (request_.on_piped) request_.on_piped(pending_);
    });
  }

  void feed() {
    const auto put = write(to_program_.get(), pending_.data() + fed_, pending_.size() - fed_);
    if (put < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (put < 0) {  // the program does not want the rest
      to_program_.reset();
      from_producer_.reset();  // the producer sees a broken pipe
      pending_.clear();
      return;
    }
    fed_ += static_cast<std::size_t>(put);
    if (fed_ == pending_.size()) {
      pending_.clear();
      fed_ = 0;
    }
  }

  // Looks who has ended, and closes the program's input when all of it is there.
  void settle() {
    if (producer_.running() && producer_.wait(WNOHANG)) drain_until_ = Steady::now() + kDrainAfter;
    if (program_.running() && program_.wait(WNOHANG)) {
      drain_until_ = Steady::now() + kDrainAfter;
      to_program_.reset();
      from_producer_.reset();
      producer_.signal_group(SIGINT);
    }
    if (!to_program_.open() || !pending_.empty() || from_producer_.open() || producer_.running()) return;
    if (producer_.started() && producer_.code() != 0 && !interrupted_) return interrupt();
    if (!interrupted_ || !producer_.started()) to_program_.reset();
  }

  void interrupt() {
    if (interrupted_) return;
    interrupted_ = true;
    program_.signal_group(SIGINT);
    producer_.signal_group(SIGINT);
    kill_at_ = Steady::now() + kKillAfter;
  }

  void enforce_limits() {
    if (!interrupted_ && stop_.stop_requested()) {
      result_.stopped = true;
      interrupt();
    }
    if (!interrupted_ && deadline_ && Steady::now() >= *deadline_) {
      result_.timed_out = true;
      interrupt();
    }
    if (interrupted_ && Steady::now() >= kill_at_ && (program_.running() || producer_.running())) {
      result_.killed = result_.killed || program_.running();
      program_.signal_group(SIGKILL);
      producer_.signal_group(SIGKILL);
      kill_at_ = Steady::now() + kKillAfter;
    }
  }

  template <class Action>
  void guarded(Action&& action) {
    if (broken_) return;
    try {
      action();
    } catch (...) {
      broken_ = std::current_exception();
      interrupt();
    }
  }

  const PipelineRequest& request_;
  std::stop_token stop_;
  Fd wake_;
  Child program_, producer_;
  Fd to_program_, output_, errors_, from_producer_, producer_errors_;
  std::string pending_;  // bytes on their way to the program
  std::size_t fed_ = 0;  // how many of them it has
  std::string line_;     // the line so far
  std::optional<Steady::time_point> deadline_;
  Steady::time_point drain_until_, kill_at_;
  bool looked_since_end_ = false;  // what they wrote last is read, however late this process gets its turn
  bool interrupted_ = false;
  std::exception_ptr broken_;  // what a callback threw
  PipelineResult result_;
};

}  // namespace

PipelineResult run_pipeline(const PipelineRequest& request, std::stop_token stop) {
  if (stop.stop_requested())
    throw Error(ErrorKind::interrupted,
                fmt::format("interrupted before '{}' was run", request.program.argv.at(0)));
  [[maybe_unused]] static const auto previous = signal(SIGPIPE, SIG_IGN);
  return Pipeline(request, std::move(stop)).run();
}

bool is_installed(const std::string& program) {
  if (program.find('/') != std::string::npos) return access(program.c_str(), X_OK) == 0;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace azlin::core
