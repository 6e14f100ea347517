#include "azlin/core/format.hpp"

#include <fmt/format.h>

namespace azlin::core {

std::string to_size(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
  std::size_t unit = 0;
  double value = static_cast<double>(bytes);
  while (value >= 1024 && unit < 6) {
    value /= 1024;
    ++unit;
  }
  auto text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  if (text == "1024" && unit < 6) return fmt::format("1 {}", kUnits[unit + 1]);
  return fmt::format("{} {}", text, kUnits[unit]);
}

std::string without_full_stop(std::string text) {
  text.erase(text.find_last_not_of(". \r\n\t") + 1);
  return text;
}

std::string counted(std::size_t count, const std::string& noun) {
  if (count == 1) return "1 " + noun;
  const bool ends_in_y = noun.size() > 1 && noun.back() == 'y' &&
                         std::string_view("aeiou").find(noun[noun.size() - 2]) == std::string_view::npos;
  if (ends_in_y) return fmt::format("{} {}ies", count, noun.substr(0, noun.size() - 1));
  return fmt::format("{} {}s", count, noun);
}

}  // namespace azlin::core
