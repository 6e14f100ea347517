#include "alert/mime.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace azlin::alert {

namespace {

constexpr std::size_t kLine = 76;

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

std::string escaped(char c) {
  return fmt::format("={:02X}", static_cast<unsigned char>(c));
}

// Encoded words of at most 75 characters, cut between UTF-8 characters, on folded lines.
std::string encoded_words(std::string_view text, std::size_t used) {
  constexpr std::string_view kOpen = "=?UTF-8?Q?", kClose = "?=";
  std::string out, word;
  std::size_t room = kLine - std::min(used, kLine - 30) - kOpen.size() - kClose.size();
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    while (end < text.size() && is_continuation(text[end])) ++end;
    std::string piece;
    for (; i < end; ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      const bool plain = c < 0x80 && std::isalnum(c) != 0;
      piece += plain ? std::string(1, text[i]) : c == ' ' ? "_" : escaped(text[i]);
    }
    if (word.size() + piece.size() > room) {
      out += std::string(kOpen) + word + std::string(kClose) + "\r\n ";
      word.clear();
      room = kLine - 1 - kOpen.size() - kClose.size();
    }
    word += piece;
  }
  return out + std::string(kOpen) + word + std::string(kClose);
}

// ASCII words on lines of at most 76 characters. A longer word stays whole: the caller has shortened the
// text.
std::string folded(std::string_view text, std::size_t used) {
  std::string out;
  std::size_t column = used;
  while (!text.empty()) {
    const auto space = std::min(text.find(' ', 1), text.size());
    const auto word = text.substr(0, space);
    if (column + word.size() > kLine && word[0] == ' ' && word.size() > 1) {
      out += "\r\n";
      column = 0;
    }
    out += word;
    column += word.size();
    text.remove_prefix(space);
  }
  return out;
}

}  // namespace

std::string quoted_printable(std::string_view text) {
  std::string out, line;
  const auto put = [&](const std::string& piece) {
    if (line.size() + piece.size() > kLine - 1) {
      out += line + "=\r\n";
      line.clear();
    }
    line += piece;
  };
  const auto is_end = [&](std::size_t i) {
    return i == text.size() || text[i] == '\n' ||
           (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (is_end(i)) {
      out += line + "\r\n";
      line.clear();
      if (c == '\r') ++i;
      continue;
    }
    const bool blank = c == ' ' || c == '\t';
    const bool plain = (c > 0x20 && c < 0x7f && c != '=') || (blank && !is_end(i + 1));
    put(plain ? std::string(1, text[i]) : escaped(text[i]));
  }
  return line.empty() ? out : out + line + "\r\n";
}

std::string header_text(std::string_view text, std::size_t used) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  const bool ascii = std::all_of(clean.begin(), clean.end(), [](unsigned char c) { return c < 0x80; });
  return ascii && clean.find("=?") == std::string::npos ? folded(clean, used) : encoded_words(clean, used);
}

std::string mailbox(const std::string& name, const std::string& address) {
  if (name.empty()) return address;
  const bool ascii =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
  if (!ascii) return header_text(name, 6) + "\r\n <" + address + ">";
  std::string quoted;
  for (const char c : name) quoted += (c == '"' || c == '\\') ? std::string{'\\', c} : std::string(1, c);
  return "\"" + quoted + "\" <" + address + ">";
}

std::string mail_date(core::TimePoint time) {
  static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000", kDays[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

}  // namespace azlin::alert
