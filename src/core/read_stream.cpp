#include "azlin/core/read_stream.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"

namespace azlin::core {

void wait_readable(int fd) {
  constexpr int kLookMillis = 100;  // how soon a signal is noticed
  pollfd ready = {fd, POLLIN, 0};
  while (poll(&ready, 1, kLookMillis) <= 0) throw_if_stopped(interrupt_token(), "waiting for input");
}

std::string read_stream(int fd, const std::string& what) {
  std::string text;
  char part[65536];
  while (true) {
    wait_readable(fd);
    const auto got = ::read(fd, part, sizeof part);
    if (got == 0) return text;
    if (got > 0) text.append(part, static_cast<std::size_t>(got));
    if (got < 0 && errno != EINTR && errno != EAGAIN)
      throw Error(ErrorKind::failed, fmt::format("cannot read {}: {}", what, std::strerror(errno)));
  }
}

}  // namespace azlin::core
