#pragma once
// Runs one program, or a producer whose output goes through this process into a program.
//
// For engines that must see nothing but what they are given: the child's environment is exactly `env`, a
// secret comes through a pipe, each child has a process group of its own, and it is stopped by SIGINT so that
// it can clean up.
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::core {

struct Stage {
  std::vector<std::string> argv;           // argv[0] is looked up on this process's PATH; never a secret
  std::map<std::string, std::string> env;  // all that the child sees
  std::string directory;                   // where it runs; empty: here
  // Each can be read once: the first at /dev/fd/3, the next at /dev/fd/4, … At most 32 KiB each.
  std::vector<std::string> secrets;
};

struct PipelineRequest {
  std::optional<Stage> producer;  // its stdout is the program's stdin
  Stage program;
  std::string input;                                // the program's stdin when there is no producer
  std::function<void(std::string_view)> on_piped;   // each piece on its way from producer to program
  std::function<void(std::string_view)> on_line;    // each line of the program's stdout, as it comes
  std::function<void(std::string_view)> on_output;  // or each piece of it; else it is collected in `out`
  Millis time_limit{0};                             // then SIGINT to both, SIGKILL 10 s later; 0 = none
};

struct PipelineResult {
  int exit_code = -1;             // of the program; 128 + signal when a signal ended it
  int producer_exit = 0;          // of the producer
  bool timed_out = false;         // time_limit passed
  bool stopped = false;           // the stop token was requested
  bool killed = false;            // SIGKILL was needed: no clean end (a lock may be left)
  std::string out;                // stdout, when neither on_line nor on_output took it; at most 64 MiB
  std::string err, producer_err;  // the last 1 MiB of stderr each
};

// The program reads the end of its input only after the producer has ended with 0. When the producer fails,
// the program is interrupted before it could take a part for the whole. An exception from a callback ends
// both and is thrown on. Throws core::Error (not_found) when a program is not on PATH.
PipelineResult run_pipeline(const PipelineRequest& request, std::stop_token stop = {});

// Whether `program` is an executable file, or one on PATH.
bool is_installed(const std::string& program);

}  // namespace azlin::core
