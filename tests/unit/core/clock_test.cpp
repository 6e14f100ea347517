#include "azlin/core/clock.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace azlin::core {
namespace {

TimePoint at(const std::string& text) {
  return parse_time(text).value();
}

struct TimeRow {
  const char* name;
  const char* text;
  const char* iso;  // nullptr: refused
};

class ParseTimeTest : public ::testing::TestWithParam<TimeRow> {};

TEST_P(ParseTimeTest, ReadsOrRefuses) {
  const auto parsed = parse_time(GetParam().text);
  if (GetParam().iso == nullptr) {
    EXPECT_FALSE(parsed) << to_iso8601(*parsed);
  } else {
    ASSERT_TRUE(parsed);
    EXPECT_EQ(to_iso8601(*parsed), GetParam().iso);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ParseTimeTest,
    ::testing::Values(TimeRow{"Utc", "2025-12-01T08:00:00Z", "2025-12-01T08:00:00Z"},
                      TimeRow{"NoZoneIsUtc", "2025-12-01T08:00:00", "2025-12-01T08:00:00Z"},
                      TimeRow{"Space", "2025-12-01 08:00:00", "2025-12-01T08:00:00Z"},
                      TimeRow{"MinutesOnly", "2025-12-01 08:00", "2025-12-01T08:00:00Z"},
                      TimeRow{"DateOnly", "2025-12-01", "2025-12-01T00:00:00Z"},
                      TimeRow{"Millis", "2025-12-01T08:00:00.123Z", "2025-12-01T08:00:00.123Z"},
                      TimeRow{"SevenDigits", "2025-12-01T08:00:00.1239999+00:00", "2025-12-01T08:00:00.123Z"},
                      TimeRow{"OneDigit", "2025-12-01T08:00:00.5Z", "2025-12-01T08:00:00.500Z"},
                      TimeRow{"EastOfUtc", "2025-12-01T08:00:00+05:30", "2025-12-01T02:30:00Z"},
                      TimeRow{"WestOfUtcOverYearEnd", "2025-12-31T23:00:00-08:00", "2026-01-01T07:00:00Z"},
                      TimeRow{"ZoneWithoutColon", "2025-12-01T08:00:00+0100", "2025-12-01T07:00:00Z"},
                      TimeRow{"LeapDay", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
                      TimeRow{"LeapCentury", "2000-02-29", "2000-02-29T00:00:00Z"},
                      TimeRow{"LeapDayOverZone", "2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00Z"},
                      TimeRow{"LowerCase", "2025-12-01t08:00:00z", "2025-12-01T08:00:00Z"},
                      TimeRow{"NoLeapDayIn2025", "2025-02-29", nullptr},
                      TimeRow{"NoLeapDayIn1900", "1900-02-29", nullptr},
                      TimeRow{"MonthZero", "2025-00-10", nullptr},
                      TimeRow{"MonthThirteen", "2025-13-10", nullptr},
                      TimeRow{"DayZero", "2025-10-00", nullptr}, TimeRow{"April31", "2025-04-31", nullptr},
                      TimeRow{"Hour24", "2025-04-30T24:00:00Z", nullptr},
                      TimeRow{"Minute60", "2025-04-30T10:60:00Z", nullptr},
                      TimeRow{"Second60", "2025-04-30T10:59:60Z", nullptr}, TimeRow{"Empty", "", nullptr},
                      TimeRow{"HourOnly", "2025-04-30T10", nullptr},
                      TimeRow{"TrailingText", "2025-04-30T10:00:00Zx", nullptr},
                      TimeRow{"EmptyFraction", "2025-04-30T10:00:00.Z", nullptr},
                      TimeRow{"ZoneTooFar", "2025-04-30T10:00:00+15:00", nullptr},
                      TimeRow{"ShortYear", "25-04-30", nullptr}, TimeRow{"Sign", "-025-04-30", nullptr},
                      TimeRow{"Words", "yesterday", nullptr}),
    [](const auto& row) { return row.param.name; });

struct DurationRow {
  const char* name;
  const char* text;
  std::int64_t millis;  // -1: refused
};

class ParseDurationTest : public ::testing::TestWithParam<DurationRow> {};

TEST_P(ParseDurationTest, ReadsOrRefuses) {
  const auto parsed = parse_duration(GetParam().text);
  EXPECT_EQ(parsed ? parsed->count() : -1, GetParam().millis);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ParseDurationTest,
    ::testing::Values(DurationRow{"Seconds", "90s", 90'000}, DurationRow{"Minutes", "30m", 1'800'000},
                      DurationRow{"Hours", "24h", 86'400'000}, DurationRow{"Days", "7d", 604'800'000},
                      DurationRow{"Weeks", "2w", 1'209'600'000}, DurationRow{"Zero", "0s", 0},
                      DurationRow{"HundredYears", "36525d", 3'155'760'000'000},
                      DurationRow{"OverHundredYears", "36526d", -1},
                      DurationRow{"Overflow", "99999999999999999999999d", -1},
                      DurationRow{"Negative", "-1d", -1}, DurationRow{"NoUnit", "7", -1},
                      DurationRow{"NoNumber", "d", -1}, DurationRow{"Empty", "", -1},
                      DurationRow{"Months", "1M", -1}, DurationRow{"Fraction", "1.5h", -1},
                      DurationRow{"Space", "7 d", -1}),
    [](const auto& row) { return row.param.name; });

TEST(ClockTextTest, TimesAreShownInUtc) {
  const auto time = at("2025-12-01T08:05:09.007Z");
  EXPECT_EQ(to_iso8601(time), "2025-12-01T08:05:09.007Z");
  EXPECT_EQ(to_display(time), "2025-12-01 08:05:09");
  EXPECT_EQ(to_display_minutes(time), "2025-12-01 08:05");
  EXPECT_EQ(to_name_stamp(time), "20251201-0805");
}

TEST(ClockTextTest, TimesBefore1970AreRight) {
  EXPECT_EQ(to_iso8601(at("1969-12-31T23:59:59.999Z")), "1969-12-31T23:59:59.999Z");
}

TEST(ClockTextTest, DurationsReadAsPeopleSayThem) {
  using namespace std::chrono_literals;
  EXPECT_EQ(to_display(Millis{8s}), "0m 08s");
  EXPECT_EQ(to_display(Millis{3min + 42s}), "3m 42s");
  EXPECT_EQ(to_display(Millis{1h + 4min + 10s}), "1h 04m 10s");
  EXPECT_EQ(to_display(Millis{59'700}), "1m 00s");
  EXPECT_EQ(to_display(Millis{-5}), "0m 00s");
}

TEST(SystemClockTest, OffsetMovesTheTime) {
  SystemClock now, later(std::chrono::hours{24});
  const auto apart = later.now() - now.now();
  EXPECT_GE(apart, std::chrono::hours{24});
  EXPECT_LT(apart, std::chrono::hours{25});
}

TEST(SystemClockTest, SleepEndsWhenStopIsRequested) {
  SystemClock clock;
  std::stop_source stop;
  bool result = true;
  {
    std::jthread sleeper([&] { result = clock.sleep_for(std::chrono::hours{1}, stop.get_token()); });
    stop.request_stop();
  }
  EXPECT_FALSE(result);
}

TEST(SystemClockTest, SleepOfNothingReturnsAtOnce) {
  SystemClock clock;
  EXPECT_TRUE(clock.sleep_for(Millis{0}, {}));
  EXPECT_TRUE(clock.sleep_for(Millis{1}, {}));
}

}  // namespace
}  // namespace azlin::core
