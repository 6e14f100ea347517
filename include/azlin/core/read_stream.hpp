#pragma once
// Reading from what may keep its reader waiting: a pipe, a terminal.
#include <string>

namespace azlin::core {

// Returns when `fd` can be read without waiting, or has come to its end. Throws core::Error (interrupted)
// when Ctrl-C or SIGTERM comes first.
void wait_readable(int fd);

// All that `fd` still holds. Throws core::Error: interrupted as above, failed when reading breaks off. `what`
// is said of it: "standard input".
std::string read_stream(int fd, const std::string& what);

}  // namespace azlin::core
