#include "azlin/archive/cron.hpp"

#include <fmt/format.h>

#include <charconv>
#include <ctime>
#include <map>
#include <optional>
#include <vector>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::archive {
namespace {

using core::Error;
using core::ErrorKind;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::minutes;
using std::chrono::seconds;

enum Field { kMinute, kHour, kDay, kMonth, kWeekday };
constexpr int kSearchYears =
    41;  // weekday and leap day together repeat within 40 years (1 March 2100 in between)

struct FieldRule {
  const char* name;
  int low, high;
};
constexpr std::array<FieldRule, 5> kRules = {
    {{"minute", 0, 59}, {"hour", 0, 23}, {"day of month", 1, 31}, {"month", 1, 12}, {"day of week", 0, 7}}};

const std::map<std::string, std::string, std::less<>> kMacros = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}};

constexpr std::array<const char*, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                 "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<const char*, 7> kWeekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at <= text.size()) {
    const auto end = std::min(text.find_first_of(separators, at), text.size());
    out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

class FieldParser {
 public:
  FieldParser(Field field, const std::string& text) : rule_(kRules[field]), field_(field), text_(text) {}

  std::uint64_t parse() const {
    std::uint64_t bits = 0;
    for (const auto& item : split(text_, ",")) bits |= parse_item(item);
    if (field_ == kWeekday && (bits >> 7 & 1) != 0) bits = (bits | 1) & 0x7f;
    return bits;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorKind::usage, fmt::format("cron field '{}' ({}): {}", text_, rule_.name, why),
                "a field is *, a number, a-b, */n, a-b/n, or several of them with commas");
  }

  int number(const std::string& text) const {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
      refuse(fmt::format("'{}' is no number", text));
    return value;
  }

  std::optional<int> named(const std::string& text) const {
    const auto word = core::to_lower(text);
    for (std::size_t i = 0; field_ == kMonth && i < kMonths.size(); ++i) {
      if (word == kMonths[i]) return static_cast<int>(i) + 1;
    }
    for (std::size_t i = 0; field_ == kWeekday && i < kWeekdays.size(); ++i) {
      if (word == kWeekdays[i]) return static_cast<int>(i);
    }
    return std::nullopt;
  }

  int value(const std::string& text) const {
    const int value = named(text).value_or(-1);
    const int result = value >= 0 ? value : number(text);
    if (result < rule_.low || result > rule_.high)
      refuse(fmt::format("{} is not between {} and {}", result, rule_.low, rule_.high));
    return result;
  }

  std::uint64_t parse_item(const std::string& item) const {
    const auto parts = split(item, "/");
    if (parts.size() > 2 || parts[0].empty()) refuse("cannot be read");
    const int step = parts.size() == 2 ? number(parts[1]) : 1;
    if (step < 1 || step > rule_.high) refuse(fmt::format("the step {} makes no sense", step));
    int low = rule_.low, high = field_ == kWeekday ? 6 : rule_.high;
    if (parts[0] != "*") {
      const auto ends = split(parts[0], "-");
      if (ends.size() > 2) refuse("cannot be read");
      low = value(ends[0]);
      high = ends.size() == 2 ? value(ends[1]) : low;
      if (field_ == kWeekday && ends.size() == 2 && high == 0) high = 7;  // fri-sun
      if (low > high) refuse("the range runs backward");
      if (parts.size() == 2 && ends.size() == 1)
        refuse(fmt::format("a step needs a range: write {}-{}/{}", low, rule_.high, step));
    }
    std::uint64_t bits = 0;
    for (int at = low; at <= high; at += step) bits |= std::uint64_t{1} << at;
    return bits;
  }

  const FieldRule& rule_;
  Field field_;
  const std::string& text_;
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  for (auto& word : split(text, " \t")) {
    if (!word.empty()) out.push_back(std::move(word));
  }
  return out;
}

bool bit(std::uint64_t bits, unsigned at) {
  return (bits >> at & 1) != 0;
}

// Some month has such a day. The other fields cannot make an expression impossible.
bool any_date(std::uint64_t day_bits, std::uint64_t month_bits) {
  constexpr std::array<unsigned, 12> kLongest = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (unsigned month = 1; month <= 12; ++month) {
    for (unsigned day = 1; bit(month_bits, month) && day <= kLongest[month - 1]; ++day) {
      if (bit(day_bits, day)) return true;
    }
  }
  return false;
}

local_seconds to_wall(core::TimePoint time, CronZone zone) {
  const auto whole = std::chrono::floor<seconds>(time);
  if (zone == CronZone::utc) return local_seconds(whole.time_since_epoch());
  const std::time_t instant = whole.time_since_epoch().count();
  std::tm parts{};
  localtime_r(&instant, &parts);
  return local_seconds(whole.time_since_epoch() + seconds(parts.tm_gmtoff));
}

core::TimePoint to_instant(local_seconds wall) {
  const auto day = std::chrono::floor<days>(wall);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(wall - day);
  for (const int summer : {1, 0}) {  // of two instants the first is in summer time
    std::tm parts{};
    parts.tm_year = static_cast<int>(date.year()) - 1900;
    parts.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
    parts.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
    parts.tm_hour = static_cast<int>(time.hours().count());
    parts.tm_min = static_cast<int>(time.minutes().count());
    parts.tm_isdst = summer;
    const core::TimePoint found{seconds(std::mktime(&parts))};
    if (to_wall(found, CronZone::local) == wall) return found;
  }
  // Nowhere: the gap of a change to summer time. The first minute after it, found from before it.
  core::TimePoint after{wall.time_since_epoch() - days(1)};
  while (to_wall(after, CronZone::local) < wall) after += minutes(1);
  return after;
}

}  // namespace

CronExpression CronExpression::parse(std::string_view text) {
  auto fields = words(text);
  CronExpression out;
  for (const auto& field : fields) out.text_ += (out.text_.empty() ? "" : " ") + field;
  if (fields.size() == 1 && fields[0].starts_with('@')) {
    const auto macro = kMacros.find(core::to_lower(fields[0]));
    if (macro == kMacros.end())
      throw Error(ErrorKind::usage, fmt::format("'{}' is no cron expression that azlin runs", fields[0]),
                  "there are @hourly, @daily, @weekly, @monthly and @yearly");
    fields = words(macro->second);
  }
  if (fields.size() != 5)
    throw Error(ErrorKind::usage,
                fmt::format("the cron expression '{}' has {} fields, not 5", out.text_, fields.size()),
                "minute hour day-of-month month day-of-week, e.g. \"0 2 * * *\" for 02:00 every day");
  for (const Field field : {kMinute, kHour, kDay, kMonth, kWeekday}) {
    out.bits_[field] = FieldParser(field, fields[field]).parse();
    out.starred_[field] = fields[field].starts_with('*');
  }
  const bool either_day = !out.starred_[kDay] && !out.starred_[kWeekday];
  if (!either_day && !any_date(out.bits_[kDay], out.bits_[kMonth]))
    throw Error(ErrorKind::usage,
                fmt::format("the cron expression '{}' never comes: no year has that date", out.text_));
  return out;
}

bool CronExpression::day_matches(local_days day) const {
  const std::chrono::year_month_day date(day);
  if (!bit(bits_[kMonth], static_cast<unsigned>(date.month()))) return false;
  const bool by_day = bit(bits_[kDay], static_cast<unsigned>(date.day()));
  const bool by_weekday = bit(bits_[kWeekday], std::chrono::weekday(day).c_encoding());
  return starred_[kDay] || starred_[kWeekday] ? by_day && by_weekday : by_day || by_weekday;
}

bool CronExpression::matches(local_seconds wall) const {
  const auto day = std::chrono::floor<days>(wall);
  const std::chrono::hh_mm_ss time(wall - day);
  return day_matches(day) && bit(bits_[kHour], static_cast<unsigned>(time.hours().count())) &&
         bit(bits_[kMinute], static_cast<unsigned>(time.minutes().count()));
}

local_seconds CronExpression::next_wall(local_seconds wall) const {
  auto at = std::chrono::floor<minutes>(wall) + minutes(1);
  auto day = std::chrono::floor<days>(at);
  const auto last = day + days(366 * kSearchYears);
  for (; day < last; day += days(1), at = day) {
    if (!day_matches(day)) continue;
    for (; at < day + days(1); at += minutes(1)) {
      if (matches(at)) return at;
    }
  }
  throw Error(ErrorKind::usage,
              fmt::format("the cron expression '{}' does not come in {} years", text_, kSearchYears));
}

core::TimePoint CronExpression::next_after(core::TimePoint time, CronZone zone) const {
  if (zone == CronZone::utc) return core::TimePoint{next_wall(to_wall(time, zone)).time_since_epoch()};
  if (starred_[kHour]) {  // by the hours that pass, whatever the clock is set to meanwhile
    auto at = std::chrono::floor<minutes>(time);
    for (int i = 0; i < 180; ++i) {
      at += minutes(1);
      if (matches(to_wall(at, zone))) return at;
    }
  }
  auto wall = to_wall(time, zone);
  auto found = to_instant(next_wall(wall));
  while (found <= time) {  // the hour that comes twice: its second time does not count
    wall = next_wall(wall);
    found = to_instant(wall);
  }
  return found;
}

}  // namespace azlin::archive
