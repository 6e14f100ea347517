#include "azlin/archive/retention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

using std::chrono::days;

constexpr int kMaxYears = 100;

[[noreturn]] void refuse(std::string_view text) {
  throw core::Error(
      core::ErrorKind::usage, fmt::format("'{}' is no retention", text),
      "write a number with d (days), w (weeks), m (months) or y (years), such as 30d, 12w, 12m");
}

// "d", " days" -> 'd'.
char unit_of(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  for (const std::string_view word : {"days", "weeks", "months", "years"}) {
    const bool whole = text == word || text == word.substr(0, word.size() - 1);
    if (whole || text == word.substr(0, 1)) return word[0];
  }
  return '\0';
}

}  // namespace

Retention Retention::parse(std::string_view text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const auto digits = static_cast<std::size_t>(end - text.data());
  const char unit = error == std::errc() ? unit_of(text.substr(digits)) : '\0';
  const int most = unit == 'd'   ? kMaxYears * 365
                   : unit == 'w' ? kMaxYears * 52
                   : unit == 'm' ? kMaxYears * 12
                                 : kMaxYears;
  if (unit == '\0' || count < 1 || count > most) refuse(text);
  Retention out;
  out.text_ = fmt::format("{}{}", count, unit);
  if (unit == 'd') out.days_ = count;
  if (unit == 'w') out.days_ = count * 7;
  if (unit == 'm') out.months_ = count;
  if (unit == 'y') out.years_ = count;
  return out;
}

std::string Retention::keep_within() const {
  if (days_ > 0) return fmt::format("{}d", days_);
  return months_ > 0 ? fmt::format("{}m", months_) : fmt::format("{}y", years_);
}

core::TimePoint Retention::before(core::TimePoint time) const {
  const auto day = std::chrono::floor<days>(time);
  std::chrono::year_month_day date(day - days(days_));
  date -= std::chrono::months(months_);
  date -= std::chrono::years(years_);
  if (!date.ok()) date = date.year() / date.month() / std::chrono::last;
  return std::chrono::sys_days(date) + (time - day);
}

std::vector<Judged> judge(std::vector<Kept> archives, const Retention& retention, core::TimePoint now) {
  std::stable_sort(archives.begin(), archives.end(),
                   [](const Kept& a, const Kept& b) { return a.taken_at > b.taken_at; });
  std::map<std::string, core::TimePoint> newest;
  for (const auto& archive : archives) {
    if (archive.complete) newest.try_emplace(archive.name, archive.taken_at);
  }
  std::vector<Judged> out;
  std::map<std::string, bool> seen;
  for (auto& archive : archives) {
    const auto found = newest.find(archive.name);
    Judged verdict{std::move(archive), true, {}};
    const Kept& it = verdict.archive;
    if (!it.complete) {
      verdict.keep = found == newest.end() || found->second < it.taken_at || now - it.taken_at < days(1);
      verdict.reason = verdict.keep ? "not complete: its run may still go on" : "never became complete";
    } else if (!std::exchange(seen[it.name], true)) {
      verdict.reason = "newest of " + it.name;
    } else {
      verdict.keep = it.taken_at >= retention.before(found->second);
      verdict.reason = fmt::format(fmt::runtime(verdict.keep ? "within {} of the newest" : "older than {}"),
                                   retention.text());
    }
    out.push_back(std::move(verdict));
  }
  return out;
}

}  // namespace azlin::archive
