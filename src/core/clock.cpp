#include "azlin/core/clock.hpp"

#include <fmt/format.h>

#include <array>
#include <condition_variable>
#include <mutex>

namespace azlin::core {
namespace {

using std::chrono::days;

struct Fields {
  int year, month, day, hour, minute, second, millis;
};

Fields split(TimePoint time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          static_cast<int>(clock.hours().count()),
          static_cast<int>(clock.minutes().count()),
          static_cast<int>(clock.seconds().count()),
          static_cast<int>(clock.subseconds().count())};
}

// Reads digits and separators from the front of a text; any mismatch leaves `ok` false.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool ok = true;

  bool at_end() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool take(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok = take(c) && ok; }

  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const char c = peek();
      if (c < '0' || c > '9') {
        ok = false;
        return 0;
      }
      value = value * 10 + (c - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }

  // The digits after a decimal point as milliseconds; further digits are cut off.
  int fraction() {
    int value = 0, scale = 100;
    bool any = false;
    for (char c = peek(); c >= '0' && c <= '9'; c = peek()) {
      value += (c - '0') * scale;
      scale /= 10;
      any = true;
      rest_.remove_prefix(1);
    }
    ok = ok && any;
    return value;
  }

 private:
  std::string_view rest_;
};

// "Z", "+hh:mm", "+hhmm" or nothing, as what has to be taken off to get UTC.
Millis read_zone(Reader& reader) {
  if (reader.at_end() || reader.take('Z') || reader.take('z')) return Millis{0};
  const bool east = reader.take('+');
  if (!east) reader.expect('-');
  const int hours = reader.digits(2);
  reader.take(':');
  const int minutes = reader.digits(2);
  reader.ok = reader.ok && hours <= 14 && minutes < 60;
  const Millis offset = std::chrono::hours{hours} + std::chrono::minutes{minutes};
  return east ? offset : -offset;
}

}  // namespace

TimePoint SystemClock::now() {
  return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()) + offset_;
}

bool SystemClock::sleep_for(Millis duration, std::stop_token stop) {
  if (duration > Millis{0} && !stop.stop_requested()) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, duration, [] { return false; });
  }
  return !stop.stop_requested();
}

std::string to_iso8601(TimePoint time) {
  const Fields f = split(time);
  auto text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", f.year, f.month, f.day, f.hour, f.minute, f.second);
  if (f.millis != 0) text += fmt::format(".{:03}", f.millis);
  return text + "Z";
}

std::string to_display(TimePoint time) {
  const Fields f = split(time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", f.year, f.month, f.day, f.hour, f.minute,
                     f.second);
}

std::string to_display_minutes(TimePoint time) {
  const Fields f = split(time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", f.year, f.month, f.day, f.hour, f.minute);
}

std::string to_name_stamp(TimePoint time) {
  const Fields f = split(time);
  return fmt::format("{:04}{:02}{:02}-{:02}{:02}", f.year, f.month, f.day, f.hour, f.minute);
}

std::optional<TimePoint> parse_time(std::string_view text) {
  Reader reader(text);
  const int year = reader.digits(4);
  reader.expect('-');
  const int month = reader.digits(2);
  reader.expect('-');
  const int day = reader.digits(2);
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!reader.ok || !date.ok()) return std::nullopt;
  TimePoint time = std::chrono::sys_days{date};
  if (reader.at_end()) return time;

  if (!reader.take('T') && !reader.take('t')) reader.expect(' ');
  const int hour = reader.digits(2);
  reader.expect(':');
  const int minute = reader.digits(2);
  const int second = reader.take(':') ? reader.digits(2) : 0;
  const int millis = reader.take('.') ? reader.fraction() : 0;
  const Millis zone = read_zone(reader);
  if (!reader.ok || !reader.at_end() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return time + std::chrono::hours{hour} + std::chrono::minutes{minute} + std::chrono::seconds{second} +
         Millis{millis} - zone;
}

std::optional<Millis> parse_duration(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  Millis unit;
  switch (text.back()) {
    case 's':
      unit = std::chrono::seconds{1};
      break;
    case 'm':
      unit = std::chrono::minutes{1};
      break;
    case 'h':
      unit = std::chrono::hours{1};
      break;
    case 'd':
      unit = days{1};
      break;
    case 'w':
      unit = std::chrono::weeks{1};
      break;
    default:
      return std::nullopt;
  }
  constexpr Millis kLongest = days{36'525};
  std::int64_t count = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    count = count * 10 + (c - '0');
    if (count > kLongest / unit) return std::nullopt;
  }
  return count * unit;
}

std::string to_display(Millis duration) {
  const auto total = std::chrono::round<std::chrono::seconds>(std::max(duration, Millis{0})).count();
  const auto hours = total / 3600, minutes = total / 60 % 60, seconds = total % 60;
  if (hours > 0) return fmt::format("{}h {:02}m {:02}s", hours, minutes, seconds);
  return fmt::format("{}m {:02}s", minutes, seconds);
}

}  // namespace azlin::core
