#pragma once
// Time: always UTC, to the millisecond. Only Clock asks for it or sleeps, so that a test can stand in.
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace azlin::core {

using Millis = std::chrono::milliseconds;
using TimePoint = std::chrono::sys_time<Millis>;

// One of the program's three interfaces. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() = 0;
  // Waits; returns false at once when `stop` is requested.
  virtual bool sleep_for(Millis duration, std::stop_token stop) = 0;
};

// The machine's clock, moved by a constant offset (0 unless a rehearsal asks for another date).
class SystemClock final : public Clock {
 public:
  explicit SystemClock(Millis offset = Millis{0}) : offset_(offset) {}
  TimePoint now() override;
  bool sleep_for(Millis duration, std::stop_token stop) override;

 private:
  Millis offset_;
};

// "2025-12-01T08:00:00Z", with ".123" only when there are milliseconds.
std::string to_iso8601(TimePoint time);
// "2025-12-01 08:00:00"
std::string to_display(TimePoint time);
// "2025-12-01 08:00"
std::string to_display_minutes(TimePoint time);
// "20251201-0800": the time part of a backup's name.
std::string to_name_stamp(TimePoint time);

// Takes "2025-12-01T08:00:00[.fraction][Z|±hh:mm]", the same with a space, "2025-12-01 08:00" and
// "2025-12-01". Without a zone it is UTC. nullopt: not a valid date and time.
std::optional<TimePoint> parse_time(std::string_view text);

// "90s", "30m", "24h", "7d", "2w": nullopt when it is none of these, negative, or over 100 years.
std::optional<Millis> parse_duration(std::string_view text);

// "3m 42s", "1h 04m 10s", "0m 08s" as people read it.
std::string to_display(Millis duration);

}  // namespace azlin::core
