#pragma once
// Cron expressions: "minute hour day-of-month month day-of-week", as crontab(5) writes them.
//
// Each field is `*`, a number, a range `a-b`, either with a step (`*/n`, `a-b/n`), or a list of those with
// commas. Months and weekdays may be three-letter names; Sunday is 0 or 7. A day matches when both day fields
// match, except that with neither of them beginning with `*` one match is enough. `@hourly`, `@daily`
// (`@midnight`), `@weekly`,
// `@monthly` and `@yearly` (`@annually`) stand for the usual expressions.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "azlin/core/clock.hpp"

namespace azlin::archive {

// Whose wall clock an expression means. `local` is the zone of this process (TZ, /etc/localtime).
enum class CronZone { utc, local };

class CronExpression {
 public:
  // Throws core::Error (usage), naming the field and what is wrong with it: not five fields, an unknown word,
  // a value out of its range, a backward range, a step without a range (`5/10`), or a date that no year has
  // ("0 0 30 2 *").
  static CronExpression parse(std::string_view text);

  // The first run after `time`, never `time` itself; to the minute. A wall-clock time that summer time skips
  // runs when the gap ends; one that comes twice runs the first time only, unless the hour field begins with
  // `*`.
  core::TimePoint next_after(core::TimePoint time, CronZone zone = CronZone::utc) const;

  // As it was written, without spaces at the ends.
  const std::string& text() const { return text_; }

 private:
  bool day_matches(std::chrono::local_days day) const;
  bool matches(std::chrono::local_seconds wall) const;
  // The first matching minute that is later than `wall`.
  std::chrono::local_seconds next_wall(std::chrono::local_seconds wall) const;

  std::string text_;
  std::array<std::uint64_t, 5> bits_{};  // values that match: minute, hour, day, month, weekday (0 = Sunday)
  std::array<bool, 5> starred_{};        // the field begins with `*`
};

}  // namespace azlin::archive
