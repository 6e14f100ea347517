#include "platform/properties_file.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "azlin/core/error.hpp"

namespace azlin::platform {

namespace {

constexpr std::string_view kBlank = " \t\f";

// The code point that begins at `i`, which moves behind it. The text is valid UTF-8: it comes out of JSON.
std::uint32_t next_code_point(const std::string& text, std::size_t& i) {
  const auto first = static_cast<unsigned char>(text[i++]);
  const int more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  std::uint32_t point = more == 0 ? first : first & (0x3FU >> more);
  for (int k = 0; k < more && i < text.size(); ++k)
    point = point << 6 | (static_cast<unsigned char>(text[i++]) & 0x3FU);
  return point;
}

void add_utf8(std::string& out, std::uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
    return;
  }
  const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  out += static_cast<char>((more == 1 ? 0xC0U : more == 2 ? 0xE0U : 0xF0U) | point >> (6 * more));
  for (int k = more - 1; k >= 0; --k) out += static_cast<char>(0x80U | (point >> (6 * k) & 0x3FU));
}

// Spaces of a key are all escaped; of a value, those at its beginning.
std::string escaped(const std::string& text, bool key) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const bool leading = out.find_first_not_of("\\ ") == std::string::npos;
    const auto point = next_code_point(text, i);
    if (point == ' ') {
      out += key || leading ? "\\ " : " ";
    } else if (point == '\t') {
      out += "\\t";
    } else if (point == '\n') {
      out += "\\n";
    } else if (point == '\r') {
      out += "\\r";
    } else if (point == '\f') {
      out += "\\f";
    } else if (point < 0x80 &&
               std::string_view("\\:=#!").find(static_cast<char>(point)) != std::string_view::npos) {
      out += '\\';
      out += static_cast<char>(point);
    } else if (point >= 0x10000) {
      const auto rest = point - 0x10000;
      out += fmt::format("\\u{:04X}\\u{:04X}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    } else if (point < 0x20 || point >= 0x7F) {
      out += fmt::format("\\u{:04X}", point);
    } else {
      out += static_cast<char>(point);
    }
  }
  return out;
}

struct LogicalLine {
  std::size_t number;  // of its first natural line, from 1
  std::string text;
};

// Without blank lines and comments; an odd number of backslashes at the end joins the next line.
std::vector<LogicalLine> logical_lines(const std::string& text) {
  std::vector<LogicalLine> out;
  bool goes_on = false;
  std::size_t number = 0;
  for (std::size_t from = 0; from < text.size();) {
    const auto end = std::min(text.find_first_of("\r\n", from), text.size());
    auto line = text.substr(from, end - from);
    from = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
    ++number;
    line.erase(0, std::min(line.find_first_not_of(kBlank), line.size()));
    if (!goes_on && (line.empty() || line[0] == '#' || line[0] == '!')) continue;
    const auto last = line.find_last_not_of('\\');
    const auto slashes = line.size() - (last == std::string::npos ? 0 : last + 1);
    if (goes_on)
      out.back().text += line;
    else
      out.push_back({number, line});
    goes_on = slashes % 2 == 1;
    if (goes_on) out.back().text.pop_back();
  }
  return out;
}

class Unescape {
 public:
  Unescape(const LogicalLine& line, const std::string& name) : line_(line), name_(name) {}

  std::string operator()(std::size_t from, std::size_t to) const {
    std::string out;
    for (std::size_t i = from; i < to; ++i) {
      if (line_.text[i] != '\\') {
        out += line_.text[i];
        continue;
      }
      if (++i >= to) break;
      const char c = line_.text[i];
      if (c == 'u') {
        auto point = unit(i + 1);
        i += 4;
        const bool pair = point >= 0xD800 && point < 0xDC00 && line_.text.compare(i + 1, 2, "\\u") == 0;
        const auto low = pair ? unit(i + 3) : 0;
        if (low >= 0xDC00 && low < 0xE000) {
          point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
          i += 6;
        }
        add_utf8(out, point >= 0xD800 && point < 0xE000 ? 0xFFFD : point);  // half of a pair says nothing
      } else {
        out += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'f' ? '\f' : c;
      }
    }
    return out;
  }

 private:
  std::uint32_t unit(std::size_t at) const {
    const auto digits = at < line_.text.size() ? line_.text.substr(at, 4) : "";
    if (digits.size() != 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
      throw core::Error(core::ErrorKind::usage,
                        fmt::format("{}, line {}: four hexadecimal digits follow \\u", name_, line_.number));
    return static_cast<std::uint32_t>(std::stoul(digits, nullptr, 16));
  }
  const LogicalLine& line_;
  const std::string& name_;
};

}  // namespace

std::string to_properties(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string out;
  for (const auto& [key, value] : pairs) out += escaped(key, true) + "=" + escaped(value, false) + "\n";
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_properties(const std::string& text,
                                                                  const std::string& name) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& line : logical_lines(text)) {
    const auto& all = line.text;
    std::size_t end = 0;
    while (end < all.size() && std::string_view("=: \t\f").find(all[end]) == std::string_view::npos)
      end += all[end] == '\\' ? 2 : 1;
    end = std::min(end, all.size());
    auto value = std::min(all.find_first_not_of(kBlank, end), all.size());
    if (value < all.size() && (all[value] == '=' || all[value] == ':'))
      value = std::min(all.find_first_not_of(kBlank, value + 1), all.size());
    const Unescape unescape(line, name);
    out.emplace_back(unescape(0, end), unescape(value, all.size()));
  }
  return out;
}

}  // namespace azlin::platform
