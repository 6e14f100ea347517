#pragma once
// Ctrl-C and SIGTERM as a stop token.
#include <stop_token>

namespace azlin::core {

// Installs handlers for SIGINT and SIGTERM on first use. The first signal requests a stop, the second ends
// the process with exit code 130. Also ignores SIGPIPE.
std::stop_token interrupt_token();

// Throws core::Error (interrupted) when a stop was requested. `doing` completes "interrupted while …".
void throw_if_stopped(const std::stop_token& stop, const char* doing);

}  // namespace azlin::core
