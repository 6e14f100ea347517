#include "azlin/archive/metrics.hpp"

#include <gtest/gtest.h>

namespace azlin::archive {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

std::string value_of(const std::vector<Measure>& lines, const std::string& name) {
  for (const auto& line : lines) {
    if (line.name == name) return line.value + (!line.met ? "" : *line.met ? " met" : " missed");
  }
  return "no such line";
}

TEST(MetricsTest, NothingObservedIsNoDataAndNoVerdict) {
  for (const auto& line : against_targets(measure({}), std::nullopt)) {
    EXPECT_EQ(line.value, "no data") << line.name;
    EXPECT_FALSE(line.met) << line.name;
  }
}

TEST(MetricsTest, RatesAndTimesAreOfWhatWasSeen) {
  const auto lines = against_targets(measure({{"create", true, {}, minutes(2)},
                                              {"create", true, {}, minutes(4)},
                                              {"create", false, {}, minutes(60)},
                                              {"create", false, {}, std::nullopt},
                                              {"restore", true, {}, minutes(30)},
                                              {"restore", true, {}, minutes(50)},
                                              {"verify", true, {}, minutes(1)}}),
                                     core::Millis(hours(25)));
  EXPECT_EQ(value_of(lines, "Archives completed"), "50.0 % (2 of 4) missed");
  EXPECT_EQ(value_of(lines, "Restores succeeded"), "100.0 % (2 of 2) met");
  EXPECT_EQ(value_of(lines, "Verifications passed"), "100.0 % (1 of 1) met");
  EXPECT_EQ(value_of(lines, "Mean time to backup"), "3m 00s");
  EXPECT_EQ(value_of(lines, "Mean time to restore"), "40m 00s");
  EXPECT_EQ(value_of(lines, "Longest restore (RTO)"), "50m 00s met");
  EXPECT_EQ(value_of(lines, "Age of the newest (RPO)"), "25h 00m 00s missed");
}

TEST(MetricsTest, AFailedRestoreTakesNoPartInTheTimes) {
  const auto metrics = measure({{"restore", false, {}, hours(9)}});
  EXPECT_FALSE(metrics.mean_time_to_restore);
  EXPECT_FALSE(metrics.longest_restore);
  EXPECT_EQ(metrics.restores.percent(), 0.0);
}

}  // namespace
}  // namespace azlin::archive
