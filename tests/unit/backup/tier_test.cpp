#include "azlin/backup/tier.hpp"

#include <gtest/gtest.h>

#include "unit/backup/times.hpp"

namespace azlin::backup {
namespace {

struct Row {
  const char* name;
  std::vector<TierMark> existing;
  const char* now;
  Tier due;
};

class DueTierTest : public testing::TestWithParam<Row> {};

TEST_P(DueTierTest, IsTheHighestDue) {
  EXPECT_EQ(due_tier(true, true, GetParam().existing, at(GetParam().now)), GetParam().due);
}

const TierMark kMonthly1Dec = {Tier::monthly, at("2025-12-01 08:00")};

INSTANTIATE_TEST_SUITE_P(
    Calendar, DueTierTest,
    testing::Values(
        Row{"FirstEverFillsEveryTier", {}, "2025-12-10", Tier::monthly},
        Row{"FridayWithBothPresentIsDaily", {kMonthly1Dec}, "2025-12-05 08:00", Tier::daily},
        Row{"SundayWithoutWeeklyIsWeekly", {kMonthly1Dec}, "2025-12-07 08:00", Tier::weekly},
        Row{"MissedSundayIsCaughtUpOnTuesday", {kMonthly1Dec}, "2025-12-09 08:00", Tier::weekly},
        Row{"WeeklyOfThisWeekIsEnough",
            {kMonthly1Dec, {Tier::weekly, at("2025-12-07")}},
            "2025-12-13 23:59",
            Tier::daily},
        Row{"SaturdayEndsTheWeek",
            {kMonthly1Dec, {Tier::weekly, at("2025-12-07")}},
            "2025-12-14 00:00",
            Tier::weekly},
        Row{"MonthlyCountsAsWeekly", {kMonthly1Dec}, "2025-12-02 08:00", Tier::daily},
        Row{"DailyOnSundayIsNoWeekly",
            {kMonthly1Dec, {Tier::daily, at("2025-12-07 07:00")}},
            "2025-12-07 08:00",
            Tier::weekly},
        Row{"MonthlyOfLastYearDoesNotCount",
            {{Tier::monthly, at("2024-12-01")}},
            "2025-12-01 08:00",
            Tier::monthly},
        Row{"MissedFirstIsCaughtUp", {{Tier::monthly, at("2025-11-01")}}, "2025-12-03 08:00", Tier::monthly},
        Row{"FirstAndSundayGiveOneMonthly",
            {{Tier::monthly, at("2025-05-01")}},
            "2025-06-01 08:00",
            Tier::monthly},
        Row{"AfterFirstOnSundayNoWeeklyIsDue",
            {{Tier::monthly, at("2025-06-01 08:00")}},
            "2025-06-02 08:00",
            Tier::daily},
        Row{"SecondRunOfTheFirstIsDaily", {kMonthly1Dec}, "2025-12-01 08:00", Tier::daily},
        Row{"WeekAcrossTheYearsEnd",
            {{Tier::monthly, at("2026-01-01 08:00")}, {Tier::weekly, at("2025-12-28")}},
            "2026-01-03 08:00",
            Tier::daily},
        Row{"LeapDayIsInFebruary",
            {{Tier::monthly, at("2024-02-01")}, {Tier::weekly, at("2024-02-25")}},
            "2024-02-29 08:00",
            Tier::daily},
        Row{"ClockSetBackCountsFromTheNewestBackup", {kMonthly1Dec}, "2025-11-20 08:00", Tier::daily}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(TierTest, TierThatIsOffIsNeverDue) {
  const auto now = at("2025-12-07 08:00");
  EXPECT_EQ(due_tier(true, false, {}, now), Tier::weekly);
  EXPECT_EQ(due_tier(false, true, {kMonthly1Dec}, now), Tier::daily);
  EXPECT_EQ(due_tier(false, false, {}, now), Tier::daily);
}

// A machine that runs every day must get one weekly for each week and one monthly for each month.
TEST(TierTest, FourHundredDaysHaveEveryWeekAndMonth) {
  std::vector<TierMark> made;
  int weeklies = 0, monthlies = 0;
  for (int day = 0; day < 400; ++day) {
    const auto now = at("2025-01-01 08:00") + std::chrono::days{day};
    const Tier tier = due_tier(true, true, made, now);
    made.push_back({tier, now});
    if (tier == Tier::weekly) ++weeklies;
    if (tier == Tier::monthly) ++monthlies;
  }
  EXPECT_EQ(monthlies, 14);
  // 58 weeks are touched; a monthly stands in for the weekly only when it is the first backup of its week.
  EXPECT_GE(weeklies, 58 - 14);
  EXPECT_LE(weeklies, 58);
}

TEST(TierTest, NamesComeBack) {
  for (const Tier tier : {Tier::daily, Tier::weekly, Tier::monthly})
    EXPECT_EQ(parse_tier(to_string(tier)), tier);
  EXPECT_EQ(parse_tier("hourly"), std::nullopt);
  EXPECT_EQ(parse_tier(""), std::nullopt);
}

}  // namespace
}  // namespace azlin::backup
