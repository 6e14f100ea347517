#pragma once
// Runs other programs without a shell.
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::core {

struct ProcessRequest {
  std::vector<std::string> argv;  // argv[0] is looked up on PATH; never a shell line, never a secret
  std::map<std::string, std::string> extra_env;  // added to this process's environment: the place for secrets
  std::string input;                             // fed to stdin, then closed
  Millis time_limit{60'000};                     // then SIGTERM, and SIGKILL after `kill_after`; 0 = none
  Millis kill_after{2'000};                      // what the child may take to end in order
  std::function<void(std::string_view)> on_err_line;  // each line of stderr as it comes, beside `err`
  bool inherit_stdio = false;  // the child owns the terminal (ssh); out and err stay empty
};

struct ProcessResult {
  int exit_code = -1;      // 128 + signal when a signal ended it
  bool timed_out = false;  // ended by time_limit or the stop token
  std::string out, err;    // at most 64 MiB each; more is dropped
};

// One of the program's three interfaces. Thread-safe.
class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;
  // Throws core::Error (not_found) when argv[0] is no program on PATH.
  virtual ProcessResult run(const ProcessRequest& request, std::stop_token stop = {}) = 0;
};

class SystemProcessRunner final : public ProcessRunner {
 public:
  ProcessResult run(const ProcessRequest& request, std::stop_token stop = {}) override;
};

}  // namespace azlin::core
