#include "cli/simulator_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "azlin/core/error.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
namespace fs = std::filesystem;

namespace {

constexpr auto kStartLimit = std::chrono::seconds(20);
constexpr auto kStopLimit = std::chrono::seconds(10);

// An exclusive lock on a file, for as long as it lives.
class FileLock {
 public:
  explicit FileLock(const std::string& path) : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ < 0 || flock(fd_, LOCK_EX) != 0) {
      throw Error(ErrorKind::failed, fmt::format("cannot lock {}: {}", path, strerror(errno)));
    }
  }
  ~FileLock() { close(fd_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

// Why the simulator that wrote this log ended: the error that it ended with, as `-o json` prints it, or else
// the last lines.
Error end_of(const std::string& log) {
  std::ifstream file(log);
  std::string line, text;
  while (std::getline(file, line)) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object() && json.contains("error")) {
      const auto& error = json["error"];
      const auto kind = error.value("exitCode", 1);
      return Error(kind == 2   ? ErrorKind::usage
                   : kind == 3 ? ErrorKind::not_found
                               : ErrorKind::failed,
                   "the simulator did not start: " + error.value("message", ""), error.value("hint", ""));
    }
    text += "\n  " + line;
    if (text.size() > 2000) text.erase(0, text.find('\n', 1));
  }
  return Error(ErrorKind::failed, fmt::format("the simulator did not start; its log ({}) ends:{}", log, text),
               "run `azlin simulator serve` in a terminal to see what it says");
}

// A process that has ended but was not collected yet (an init that does not do so) counts as ended.
bool is_running(int pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string line;
  if (!std::getline(file, line)) return false;
  const auto name_end = line.rfind(')');
  return name_end != std::string::npos && name_end + 2 < line.size() && line[name_end + 2] != 'Z';
}

// The parent's descriptors are not wanted in a process that outlives it.
[[noreturn]] void become_simulator(const std::vector<std::string>& arguments, const std::string& out,
                                   const std::string& log) {
  setsid();
  const int null = open("/dev/null", O_RDONLY);
  const int out_fd = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int log_fd = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (null < 0 || out_fd < 0 || log_fd < 0) _exit(127);
  dup2(null, STDIN_FILENO);
  dup2(out_fd, STDOUT_FILENO);
  dup2(log_fd, STDERR_FILENO);
  closefrom(3);
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv("/proc/self/exe", argv.data());
  _exit(127);
}

// Starts it as a child of init and returns its id.
pid_t start_process(const std::vector<std::string>& arguments, const std::string& out,
                    const std::string& log) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw Error(ErrorKind::failed, fmt::format("cannot start the simulator: {}", strerror(errno)));
  const pid_t child = fork();
  if (child == 0) {
    const pid_t grandchild = fork();
    if (grandchild == 0) become_simulator(arguments, out, log);
    _exit(write(ends[1], &grandchild, sizeof grandchild) == sizeof grandchild ? 0 : 127);
  }
  close(ends[1]);
  pid_t started = -1;
  const bool told = child > 0 && read(ends[0], &started, sizeof started) == sizeof started;
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  if (!told || started < 0)
    throw Error(ErrorKind::failed, "cannot start the simulator: no room for a process");
  return started;
}

// Throws when nothing answers there, or something that is no simulator.
nlohmann::json health_of(http::Transport& transport, const std::string& url) {
  http::Request request;
  request.url = url + "/_simulator/health";
  request.connect_timeout = core::Millis(1000);
  request.total_timeout = core::Millis(5000);
  return nlohmann::json::parse(transport.send(request, {}).body);
}

}  // namespace

std::optional<core::TimePoint> simulated_time(http::Transport& transport, const std::string& url) {
  try {
    return core::parse_time(health_of(transport, url).at("clock").at("now").get<std::string>());
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

SimulatorProcess::SimulatorProcess(const std::string& home, const core::Env& env, http::Transport& transport)
    : state_dir_(env.get_or("AZLIN_SIMULATOR_STATE", home + "/simulator")), transport_(transport) {}

std::optional<RunningSimulator> SimulatorProcess::find() {
  std::ifstream file(state_dir_ + "/serve.out");
  std::string line;
  const std::string expected = "listening on ";
  if (!std::getline(file, line) || line.rfind(expected, 0) != 0) return std::nullopt;
  const std::string url = line.substr(expected.size());
  try {
    const auto health = health_of(transport_, url);
    if (health.at("stateDir").get<std::string>() != fs::canonical(state_dir_).string()) return std::nullopt;
    return RunningSimulator{url, health.at("pid").get<int>()};
  } catch (const std::exception&) {  // nothing listens on that port now, or another program
    return std::nullopt;
  }
}

RunningSimulator SimulatorProcess::ensure(const SimulatorStart& start) {
  fs::create_directories(state_dir_);
  chmod(state_dir_.c_str(), 0700);
  const FileLock lock(state_dir_ + "/start.lock");
  if (auto running = find()) return *running;
  return launch(start);
}

RunningSimulator SimulatorProcess::launch(const SimulatorStart& start) {
  const std::string out = state_dir_ + "/serve.out", log = state_dir_ + "/serve.log";
  fs::remove(out);
  std::vector<std::string> arguments = {
      "azlin",       "simulator", "serve",  "--port",   std::to_string(start.port),
      "--state",     state_dir_,  "--seed", start.seed, "--latency",
      start.latency, "-o",        "json"};
  if (start.throttle) arguments.emplace_back("--throttle");
  const pid_t simulator = start_process(arguments, out, log);
  const auto give_up = std::chrono::steady_clock::now() + kStartLimit;
  while (std::chrono::steady_clock::now() < give_up) {
    const bool ended = !is_running(simulator);
    if (auto running = find()) return *running;
    if (ended) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw end_of(log);
}

bool SimulatorProcess::stop() {
  const auto running = find();
  if (!running) return false;
  kill(running->pid, SIGTERM);
  const auto give_up = std::chrono::steady_clock::now() + kStopLimit;
  while (std::chrono::steady_clock::now() < give_up) {
    if (!is_running(running->pid)) {
      fs::remove(state_dir_ + "/serve.out");
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw Error(ErrorKind::failed, fmt::format("the simulator (process {}) did not end", running->pid));
}

}  // namespace azlin::cli
