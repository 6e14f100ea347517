#pragma once
// Hooks: shell commands that the operator gave, run on this machine.
#include <map>
#include <string>

#include "azlin/core/process.hpp"

namespace azlin::dr {

inline constexpr core::Millis kHookLimit = std::chrono::minutes{10};

struct ShellEnd {
  int exit_code = -1;
  std::string last_line;  // of stdout, else of stderr
};
// `sh -c command` with these variables added; ended after kHookLimit.
ShellEnd run_shell(core::ProcessRunner& processes, const std::string& command,
                   const std::map<std::string, std::string>& variables, std::stop_token stop);

// Without its line end; empty: there is none.
std::string last_line(const std::string& text);

}  // namespace azlin::dr
