#include "simulator/sim_clock.hpp"

#include <gtest/gtest.h>

namespace azlin::simulator {
namespace {

const core::TimePoint kNoon{std::chrono::seconds(1'764'590'400)};  // 2025-12-01 12:00

TEST(SimClockTest, FrozenTimeStandsStillUntilMoved) {
  SimClock clock;
  clock.set(kNoon);
  clock.freeze();
  clock.set(kNoon);
  EXPECT_EQ(clock.now(), kNoon);
  clock.advance(std::chrono::hours(24));
  EXPECT_EQ(clock.now(), kNoon + std::chrono::hours(24));
}

TEST(SimClockTest, ResumedTimeGoesOnFromThere) {
  SimClock clock;
  clock.freeze();
  clock.set(kNoon);
  clock.resume();
  EXPECT_GE(clock.now(), kNoon);
  EXPECT_LT(clock.now(), kNoon + std::chrono::minutes(5));
  EXPECT_FALSE(clock.frozen());
}

TEST(SimClockTest, IsSavedAndLoaded) {
  SimClock one, two;
  one.freeze();
  one.set(kNoon);
  two.load(one.save());
  EXPECT_EQ(two.now(), kNoon);
  one.resume();
  two.load(one.save());
  EXPECT_FALSE(two.frozen());
  EXPECT_LT(two.now() - one.now(), std::chrono::seconds(60));
}

TEST(SimClockTest, AzureTimesHaveSevenDigits) {
  EXPECT_EQ(to_azure_time(kNoon + core::Millis{45}), "2025-12-01T12:00:00.0450000+00:00");
}

}  // namespace
}  // namespace azlin::simulator
