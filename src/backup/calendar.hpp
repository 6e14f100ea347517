#pragma once
// Days, weeks from Sunday, and calendar months, in UTC.
#include <chrono>

#include "azlin/backup/tier.hpp"
#include "azlin/core/clock.hpp"

namespace azlin::backup {

using Day = std::chrono::sys_days;

inline Day day_of(core::TimePoint time) {
  return std::chrono::floor<std::chrono::days>(time);
}

inline Day sunday_of(core::TimePoint time) {
  const Day day = day_of(time);
  return day - (std::chrono::weekday{day} - std::chrono::Sunday);
}

inline std::chrono::year_month month_of(core::TimePoint time) {
  const std::chrono::year_month_day date{day_of(time)};
  return date.year() / date.month();
}

// The day on which a backup of that tier has served its time: 31 January and one month is the last of
// February.
inline Day expiry_day(Tier tier, core::TimePoint created, int retention) {
  const Day day = day_of(created);
  if (tier == Tier::daily) return day + std::chrono::days{retention};
  if (tier == Tier::weekly) return day + std::chrono::weeks{retention};
  const std::chrono::year_month_day date = std::chrono::year_month_day{day} + std::chrono::months{retention};
  return date.ok() ? Day{date} : Day{date.year() / date.month() / std::chrono::last};
}

}  // namespace azlin::backup
