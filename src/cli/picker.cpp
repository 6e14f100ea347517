// The arrow-key picker of --interactive.
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <ostream>

#include "azlin/core/error.hpp"
#include "cli/console.hpp"

namespace azlin::cli {

namespace {

// Single keys without echo, for as long as it lives.
class RawTerminal {
 public:
  RawTerminal() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0)
      throw core::Error(core::ErrorKind::usage, "stdin is no terminal");
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  ~RawTerminal() { tcsetattr(STDIN_FILENO, TCSANOW, &before_); }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_{};
};

enum class Key { up, down, first, last, choose, leave, other };

Key read_key() {
  char c = 0;
  if (read(STDIN_FILENO, &c, 1) != 1) return Key::leave;
  if (c == '\r' || c == '\n') return Key::choose;
  if (c == 'q' || c == 3 || c == 4) return Key::leave;
  if (c == 'k') return Key::up;
  if (c == 'j') return Key::down;
  if (c == 'g') return Key::first;
  if (c == 'G') return Key::last;
  if (c != '\x1b') return Key::other;
  char sequence[2] = {0, 0};
  if (read(STDIN_FILENO, sequence, 2) != 2 || (sequence[0] != '[' && sequence[0] != 'O')) return Key::leave;
  switch (sequence[1]) {
    case 'A':
      return Key::up;
    case 'B':
      return Key::down;
    case 'H':
      return Key::first;
    case 'F':
      return Key::last;
    default:
      return Key::other;
  }
}

}  // namespace

std::optional<std::size_t> pick(Console& console, const std::string& title,
                                const std::vector<std::string>& items) {
  if (!console.interactive()) {
    throw core::Error(core::ErrorKind::usage, "--interactive needs a terminal",
                      "name the backup with --backup instead");
  }
  constexpr std::size_t kWindow = 15;
  std::size_t chosen = 0, top = 0, drawn = 0;
  const RawTerminal raw;
  std::ostream& err = console.err();
  err << title << "  (↑/↓ to move, Enter to choose, q to leave)\n";
  while (true) {
    if (chosen < top) top = chosen;
    if (chosen >= top + kWindow) top = chosen - kWindow + 1;
    std::string text = drawn > 0 ? fmt::format("\x1b[{}A", drawn) : "";
    drawn = 0;
    for (std::size_t i = top; i < items.size() && i < top + kWindow; ++i, ++drawn) {
      text += fmt::format("\x1b[2K{} {}\n", i == chosen ? "❯" : " ", items[i]);
    }
    err << text << std::flush;
    switch (read_key()) {
      case Key::up:
        chosen = chosen == 0 ? 0 : chosen - 1;
        break;
      case Key::down:
        chosen = std::min(chosen + 1, items.size() - 1);
        break;
      case Key::first:
        chosen = 0;
        break;
      case Key::last:
        chosen = items.size() - 1;
        break;
      case Key::choose:
        return chosen;
      case Key::leave:
        return std::nullopt;
      case Key::other:
        break;
    }
  }
}

}  // namespace azlin::cli
