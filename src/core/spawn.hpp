#pragma once
// Starts a child and holds pipes: what process.cpp and pipeline.cpp have in common.
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace azlin::core {

// Owns one descriptor.
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
  void reset();
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read, write;
};

// Both ends are closed on exec and lie above the numbers that a child is given. Throws core::Error (failed).
Pipe make_pipe();
// /dev/null for reading, above those numbers, too.
Fd open_nothing();

struct ChildSetup {
  std::vector<std::string> argv;         // argv[0] is looked up on this process's PATH
  std::vector<std::string> environment;  // "NAME=value": all that the child sees
  std::string directory;                 // where it runs; empty: here
  std::vector<int> descriptors;  // its 0, 1, 2, …, from make_pipe(); empty: this process's 0, 1 and 2
  bool own_group = true;         // a process group of its own
  // The kernel sends it when the calling thread ends, so that a killed azlin leaves no program at work. The
  // thread must therefore wait for the child. A child that changes its user loses it.
  int signal_at_our_end;
};

// The child has default signals and no other descriptors. Throws core::Error: not_found (no program of that
// name, or it cannot be run), failed.
pid_t start_child(const ChildSetup& setup);

// 128 + signal when a signal ended it.
int exit_code_of(int wait_status);

}  // namespace azlin::core
