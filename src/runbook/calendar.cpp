// OnCalendar as a line of a crontab. systemd.time(7), crontab(5).
#include <fmt/format.h>

#include <array>
#include <sstream>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/runbook/schedule.hpp"

namespace azlin::runbook {

namespace {

struct Wrong {};  // some part is of a form that cron has no word for

constexpr std::array<const char*, 7> kDays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

int number(const std::string& text, int low, int high) {
  if (text.empty() || text.size() > 2 || text.find_first_not_of("0123456789") != std::string::npos)
    throw Wrong();
  const int value = std::stoi(text);
  if (value < low || value > high) throw Wrong();
  return value;
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, by);) parts.push_back(part);
  if (parts.empty() || text.back() == by) throw Wrong();
  return parts;
}

// One of a list: "5", "1..5", "0/15".
std::string element(const std::string& text, int low, int high) {
  if (const auto dots = text.find(".."); dots != std::string::npos) {
    const int from = number(text.substr(0, dots), low, high), to = number(text.substr(dots + 2), low, high);
    if (to < from) throw Wrong();
    return fmt::format("{}-{}", from, to);
  }
  if (const auto slash = text.find('/'); slash != std::string::npos) {
    const auto start = text.substr(0, slash);
    const int from = start == "*" ? low : number(start, low, high);
    const int step = number(text.substr(slash + 1), 1, high);
    return from == low ? fmt::format("*/{}", step) : fmt::format("{}-{}/{}", from, high, step);
  }
  return std::to_string(number(text, low, high));
}

std::string field(const std::string& text, int low, int high) {
  if (text == "*") return text;
  std::string result;
  for (const auto& part : split(text, ',')) result += (result.empty() ? "" : ",") + element(part, low, high);
  return result;
}

std::string day_number(const std::string& name) {
  for (std::size_t i = 0; i < kDays.size(); ++i) {
    if (core::to_lower(name) == kDays.at(i)) return std::to_string(i);
  }
  throw Wrong();
}

std::string week_days(const std::string& text) {
  std::string result;
  for (const auto& part : split(text, ',')) {
    const auto dots = part.find("..");
    std::string days = day_number(part.substr(0, dots));
    if (dots != std::string::npos) {
      std::string last = day_number(part.substr(dots + 2));
      if (last == "0") last = "7";
      if (last < days) throw Wrong();
      days += "-" + last;
    }
    result += (result.empty() ? "" : ",") + days;
  }
  return result;
}

std::string convert(const std::string& calendar) {
  if (calendar == "hourly") return "0 * * * *";
  if (calendar == "daily") return "0 0 * * *";
  if (calendar == "weekly") return "0 0 * * 1";
  if (calendar == "monthly") return "0 0 1 * *";
  std::istringstream stream(calendar);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  if (words.empty() || words.size() > 3) throw Wrong();
  const auto time = split(words.back(), ':');
  if (time.size() < 2 || time.size() > 3 || (time.size() == 3 && number(time[2], 0, 59) != 0)) throw Wrong();
  words.pop_back();
  std::string day = "*", week = "*";
  if (!words.empty() && words.back().rfind("*-*-", 0) == 0) {
    day = field(words.back().substr(4), 1, 31);
    words.pop_back();
  }
  if (!words.empty()) {
    week = week_days(words.back());
    words.pop_back();
  }
  // cron takes either of the two where both are named, systemd wants both.
  if (!words.empty() || (day != "*" && week != "*")) throw Wrong();
  return fmt::format("{} {} {} * {}", field(time[1], 0, 59), field(time[0], 0, 23), day, week);
}

}  // namespace

std::string to_cron(const std::string& calendar) {
  try {
    return convert(calendar);
  } catch (const Wrong&) {
    throw core::Error(core::ErrorKind::usage, fmt::format("'{}' is not a calendar azlin takes", calendar),
                      "like *-*-* 01/4:05:00, Mon..Fri *-*-* 06:00:00 or *-*-01 04:00:00 (docs/schedule.md)");
  }
}

}  // namespace azlin::runbook
