#pragma once
// The one family of errors. A kind decides the exit code; main() is the only place that maps it.
#include <stdexcept>
#include <string>

namespace azlin::core {

enum class ErrorKind {
  failed,        // exit 1: it was tried and did not work
  usage,         // exit 2: bad input; nothing was changed
  not_found,     // exit 3
  partial,       // exit 4: some items of a batch failed
  unauthorized,  // exit 5: no credential, or not permitted
  findings,      // exit 6: done, and something needs attention (not ready, verification failed, drift)
  busy,          // exit 7: another command works on the same thing
  interrupted,   // exit 130: Ctrl-C or SIGTERM
};

// The process exit code of a kind.
int exit_code(ErrorKind kind);

// The name used for `kind` in JSON output, e.g. "not_found".
const char* to_string(ErrorKind kind);

// `what()` says what was tried, on what, and what came back; hint() says what to do next (may be empty).
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string hint = {})
      : std::runtime_error(message), kind_(kind), hint_(std::move(hint)) {}
  ErrorKind kind() const { return kind_; }
  const std::string& hint() const { return hint_; }

 private:
  ErrorKind kind_;
  std::string hint_;
};

}  // namespace azlin::core
