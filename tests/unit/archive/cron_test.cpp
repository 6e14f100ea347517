#include "azlin/archive/cron.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

core::TimePoint at(const std::string& text) {
  return core::parse_time(text).value();
}

std::string next(const std::string& expression, const std::string& after, CronZone zone = CronZone::utc) {
  return core::to_display_minutes(CronExpression::parse(expression).next_after(at(after), zone));
}

std::string refusal(const std::string& expression) {
  try {
    CronExpression::parse(expression);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::usage);
    return error.what();
  }
  return "accepted";
}

struct NextRow {
  const char* name;
  const char* expression;
  const char* after;
  const char* expected;
};

class CronNextTest : public ::testing::TestWithParam<NextRow> {};

TEST_P(CronNextTest, IsTheFirstMatchingMinute) {
  EXPECT_EQ(next(GetParam().expression, GetParam().after), GetParam().expected);
}

// 2025-12-01 is a Monday.
INSTANTIATE_TEST_SUITE_P(
    Rows, CronNextTest,
    ::testing::Values(
        NextRow{"daily", "0 2 * * *", "2025-12-01 01:59", "2025-12-01 02:00"},
        NextRow{"never_the_time_itself", "0 2 * * *", "2025-12-01 02:00", "2025-12-02 02:00"},
        NextRow{"seconds_do_not_matter", "0 2 * * *", "2025-12-01T01:59:59.999Z", "2025-12-01 02:00"},
        NextRow{"weekly_on_sunday", "0 1 * * 0", "2025-12-01 00:00", "2025-12-07 01:00"},
        NextRow{"sunday_is_also_seven", "0 1 * * 7", "2025-12-01 00:00", "2025-12-07 01:00"},
        NextRow{"monthly", "0 0 1 * *", "2025-12-01 00:00", "2026-01-01 00:00"},
        NextRow{"steps", "*/15 * * * *", "2025-12-01 08:46", "2025-12-01 09:00"},
        NextRow{"steps_in_a_range", "10-40/15 8 * * *", "2025-12-01 08:11", "2025-12-01 08:25"},
        NextRow{"lists", "5,35 8,20 * * *", "2025-12-01 08:35", "2025-12-01 20:05"},
        NextRow{"weekday_names", "0 6 * * MON-FRI", "2025-12-05 06:00", "2025-12-08 06:00"},
        NextRow{"a_range_to_sunday", "0 6 * * fri-sun", "2025-12-06 06:00", "2025-12-07 06:00"},
        NextRow{"month_names", "0 0 1 jan,JUL *", "2025-12-01 00:00", "2026-01-01 00:00"},
        NextRow{"either_day_field", "0 0 13 * 5", "2025-12-01 00:00", "2025-12-05 00:00"},
        NextRow{"either_day_field_by_date", "0 0 13 * 5", "2025-12-12 00:00", "2025-12-13 00:00"},
        NextRow{"a_starred_day_field_means_both", "0 0 */2 * 5", "2025-12-01 00:00", "2025-12-05 00:00"},
        NextRow{"a_starred_day_field_means_both_again", "0 0 */2 * 5", "2025-12-05 00:00",
                "2025-12-19 00:00"},
        NextRow{"leap_day", "0 0 29 2 *", "2025-12-01 00:00", "2028-02-29 00:00"},
        NextRow{"leap_day_over_2100", "0 0 29 2 *", "2096-02-29 00:00", "2104-02-29 00:00"},
        NextRow{"the_31st_skips_short_months", "0 0 31 * *", "2026-01-31 00:00", "2026-03-31 00:00"},
        NextRow{"over_the_year", "59 23 31 12 *", "2025-12-31 23:59", "2026-12-31 23:59"},
        NextRow{"hourly", "@hourly", "2025-12-01 08:00", "2025-12-01 09:00"},
        NextRow{"at_daily", "@daily", "2025-12-01 08:00", "2025-12-02 00:00"},
        NextRow{"at_weekly", "@weekly", "2025-12-01 08:00", "2025-12-07 00:00"},
        NextRow{"at_yearly", "@YEARLY", "2025-12-01 08:00", "2026-01-01 00:00"},
        NextRow{"wide_spaces", "  0   2 * *\t* ", "2025-12-01 01:00", "2025-12-01 02:00"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(CronExpressionTest, RefusalsNameTheFieldAndTheReason) {
  EXPECT_EQ(refusal("0 2 * *"), "the cron expression '0 2 * *' has 4 fields, not 5");
  EXPECT_EQ(refusal("60 * * * *"), "cron field '60' (minute): 60 is not between 0 and 59");
  EXPECT_EQ(refusal("0 24 * * *"), "cron field '24' (hour): 24 is not between 0 and 23");
  EXPECT_EQ(refusal("0 0 0 * *"), "cron field '0' (day of month): 0 is not between 1 and 31");
  EXPECT_EQ(refusal("0 0 * 13 *"), "cron field '13' (month): 13 is not between 1 and 12");
  EXPECT_EQ(refusal("0 0 * * 8"), "cron field '8' (day of week): 8 is not between 0 and 7");
  EXPECT_EQ(refusal("0 0 * * noday"), "cron field 'noday' (day of week): 'noday' is no number");
  EXPECT_EQ(refusal("30-10 * * * *"), "cron field '30-10' (minute): the range runs backward");
  EXPECT_EQ(refusal("*/0 * * * *"), "cron field '*/0' (minute): the step 0 makes no sense");
  EXPECT_EQ(refusal("5/10 * * * *"), "cron field '5/10' (minute): a step needs a range: write 5-59/10");
  EXPECT_EQ(refusal("1,,2 * * * *"), "cron field '1,,2' (minute): cannot be read");
  EXPECT_EQ(refusal("-5 * * * *"), "cron field '-5' (minute): '' is no number");
  EXPECT_EQ(refusal("@reboot"), "'@reboot' is no cron expression that azlin runs");
  EXPECT_EQ(refusal(""), "the cron expression '' has 0 fields, not 5");
}

TEST(CronExpressionTest, DatesThatNoYearHasAreRefused) {
  EXPECT_EQ(refusal("0 0 30 2 *"), "the cron expression '0 0 30 2 *' never comes: no year has that date");
  EXPECT_NE(refusal("0 0 31 4,6,9,11 *"), "accepted");
  EXPECT_EQ(refusal("0 0 29 2 *"), "accepted");
  EXPECT_EQ(refusal("0 0 31 2 1"), "accepted");  // or any Monday
}

TEST(CronExpressionTest, TextIsWhatWasWritten) {
  EXPECT_EQ(CronExpression::parse("  @daily ").text(), "@daily");
  EXPECT_EQ(CronExpression::parse("0  2 * * *").text(), "0 2 * * *");
}

// Central Europe: summer time began on 2025-03-30 at 02:00 (01:00 UTC) and ended on 2025-10-26 at 03:00
// (01:00 UTC).
class CronLocalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* zone = std::getenv("TZ")) before_ = zone;
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
  }
  void TearDown() override {
    before_.empty() ? unsetenv("TZ") : setenv("TZ", before_.c_str(), 1);
    tzset();
  }
  std::string before_;
};

TEST_F(CronLocalTest, WinterAndSummerHaveTheirOffsets) {
  EXPECT_EQ(next("0 2 * * *", "2025-12-01 00:00", CronZone::local), "2025-12-01 01:00");
  EXPECT_EQ(next("0 2 * * *", "2025-07-01 00:30", CronZone::local), "2025-07-02 00:00");
}

TEST_F(CronLocalTest, ATimeThatIsSkippedRunsWhenTheGapEnds) {
  EXPECT_EQ(next("30 2 * * *", "2025-03-29 12:00", CronZone::local), "2025-03-30 01:00");
  EXPECT_EQ(next("30 2 * * *", "2025-03-30 01:00", CronZone::local), "2025-03-31 00:30");
}

TEST_F(CronLocalTest, ATimeThatComesTwiceRunsOnce) {
  EXPECT_EQ(next("30 2 * * *", "2025-10-25 12:00", CronZone::local), "2025-10-26 00:30");
  EXPECT_EQ(next("30 2 * * *", "2025-10-26 00:30", CronZone::local), "2025-10-27 01:30");
}

TEST_F(CronLocalTest, HourlyRunsGoOnThroughTheHourThatComesTwice) {
  EXPECT_EQ(next("30 * * * *", "2025-10-26 00:30", CronZone::local), "2025-10-26 01:30");
  EXPECT_EQ(next("30 * * * *", "2025-10-26 01:30", CronZone::local), "2025-10-26 02:30");
}

}  // namespace
}  // namespace azlin::archive
