#include "azlin/backup/forecast.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "unit/backup/times.hpp"

namespace azlin::backup {
namespace {

using testing::HasSubstr;

std::map<Tier, int> counts(const Forecast& forecast) {
  std::map<Tier, int> out;
  for (const auto& made : forecast.points) ++out[made.tier];
  return out;
}

TEST(ForecastTest, AYearAheadHoldsWhatTheNumbersSay) {
  const auto made = forecast("vm", {}, {}, at("2025-01-01 07:00"), at("2026-06-14"));
  EXPECT_EQ(counts(made)[Tier::monthly], 12);
  EXPECT_EQ(counts(made)[Tier::weekly], 4);
  EXPECT_EQ(made.points.back().name, "vm-backup-weekly-20260614-0800");
  EXPECT_EQ(made.points.back().reason, "weekly, kept until 2026-07-12");
  EXPECT_THAT(made.assumption, HasSubstr("08:00"));
}

TEST(ForecastTest, TodayIsWhatExistsPlusTodaysRun) {
  const std::vector<Point> points = {point(Tier::monthly, "2025-12-01 06:30", "first")};
  const auto same_day = forecast("vm", {}, points, at("2025-12-01 12:00"), at("2025-12-01"));
  ASSERT_EQ(same_day.points.size(), 1u);
  EXPECT_TRUE(same_day.points[0].exists_now);
  const auto next_day = forecast("vm", {}, points, at("2025-12-01 12:00"), at("2025-12-02"));
  ASSERT_EQ(next_day.points.size(), 2u);
  EXPECT_FALSE(next_day.points[1].exists_now);
  EXPECT_EQ(next_day.points[1].created, at("2025-12-02 06:30")) << "at the time of day of the newest backup";
}

TEST(ForecastTest, WhatExistsNowGoesWhenNewerOnesCame) {
  const auto made = forecast("vm", {}, {point(Tier::daily, "2025-12-01 08:00", "now")},
                             at("2025-12-01 12:00"), at("2025-12-20"));
  for (const auto& left : made.points) EXPECT_NE(left.name, "now") << left.reason;
}

TEST(ForecastTest, HeldOneIsThereForItsReason) {
  std::vector<Point> points = {point(Tier::daily, "2025-11-01 08:00", "held"),
                               point(Tier::daily, "2025-12-01 08:00")};
  points[0].on_hold = true;
  const auto made = forecast("vm", {}, points, at("2025-12-01 12:00"), at("2026-03-01"));
  EXPECT_EQ(made.points.front().name, "held");
  EXPECT_EQ(made.points.front().reason, "on hold");
}

TEST(ForecastTest, DisabledScheduleStandsStill) {
  BackupSchedule off;
  off.enabled = false;
  const auto made =
      forecast("vm", off, {point(Tier::daily, "2020-01-01")}, at("2025-12-01"), at("2026-12-01"));
  EXPECT_EQ(made.points.size(), 1u);
  EXPECT_THAT(made.assumption, HasSubstr("disabled"));
}

TEST(ForecastTest, PastAndFarDatesAreRefused) {
  EXPECT_THROW(forecast("vm", {}, {}, at("2025-12-01"), at("2025-11-30")), core::Error);
  EXPECT_THROW(forecast("vm", {}, {}, at("2025-12-01"), at("2036-01-01")), core::Error);
}

}  // namespace
}  // namespace azlin::backup
