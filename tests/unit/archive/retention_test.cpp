#include "azlin/archive/retention.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

core::TimePoint at(const std::string& text) {
  return core::parse_time(text).value();
}

TEST(RetentionTest, IsGivenToResticInUnitsThatItKnows) {
  EXPECT_EQ(Retention::parse("30d").keep_within(), "30d");
  EXPECT_EQ(Retention::parse("12w").keep_within(), "84d");
  EXPECT_EQ(Retention::parse("12m").keep_within(), "12m");
  EXPECT_EQ(Retention::parse("2y").keep_within(), "2y");
  EXPECT_EQ(Retention::parse("30 days").keep_within(), "30d");
  EXPECT_EQ(Retention::parse("1 week").text(), "1w");
}

TEST(RetentionTest, RefusesWhatIsNoPeriod) {
  for (const auto* text :
       {"", "30", "d", "0d", "-1d", "30h", "30dd", "1.5m", "99999999999d", "101y", "12 fortnights"})
    EXPECT_THROW(Retention::parse(text), core::Error) << text;
}

TEST(RetentionTest, MonthsAreThoseOfTheCalendar) {
  EXPECT_EQ(Retention::parse("1m").before(at("2025-03-31 10:20")), at("2025-02-28 10:20"));
  EXPECT_EQ(Retention::parse("12m").before(at("2024-02-29 00:00")), at("2023-02-28 00:00"));
  EXPECT_EQ(Retention::parse("1y").before(at("2024-02-29 00:00")), at("2023-02-28 00:00"));
  EXPECT_EQ(Retention::parse("12w").before(at("2025-03-31 10:20")), at("2025-01-06 10:20"));
}

class JudgeTest : public ::testing::Test {
 protected:
  // "id+ id-": what stays and what goes, newest first.
  std::string verdicts(const std::string& retention = "30d") {
    std::string out;
    for (const auto& each : judge(archives, Retention::parse(retention), now))
      out += (out.empty() ? "" : " ") + each.archive.id + (each.keep ? "+" : "-");
    return out;
  }
  core::TimePoint now = at("2025-12-01 08:00");
  std::vector<Kept> archives;
};

TEST_F(JudgeTest, DropsWhatIsOlderThanThePeriod) {
  archives = {
      {"old", "etc", at("2025-10-01")}, {"new", "etc", at("2025-12-01")}, {"mid", "etc", at("2025-11-01")}};
  EXPECT_EQ(verdicts(), "new+ mid+ old-");
}

TEST_F(JudgeTest, CountsFromTheNewestSoThatArchivesThatStoppedDoNotVanish) {
  archives = {{"a", "etc", at("2020-01-01")}, {"b", "etc", at("2020-01-20")}, {"c", "etc", at("2019-01-01")}};
  EXPECT_EQ(verdicts(), "b+ a+ c-");
}

TEST_F(JudgeTest, AlwaysKeepsTheNewestOfEachName) {
  archives = {{"a", "etc", at("2025-12-01")}, {"b", "www", at("2019-01-01")}, {"c", "www", at("2018-01-01")}};
  EXPECT_EQ(verdicts("1d"), "a+ b+ c-");
}

TEST_F(JudgeTest, AnIncompleteOneNeverCountsAsTheNewest) {
  archives = {{"half", "etc", at("2025-11-20"), false}, {"whole", "etc", at("2019-01-01")}};
  EXPECT_EQ(verdicts("1d"), "half+ whole+");
}

TEST_F(JudgeTest, AnIncompleteOneGoesOnceItIsOldAndSurpassed) {
  archives = {{"new", "etc", at("2025-12-01 07:00")},
              {"running", "etc", at("2025-12-01 06:00"), false},
              {"dead", "etc", at("2025-11-29 06:00"), false},
              {"alone", "www", at("2025-11-01"), false}};
  EXPECT_EQ(verdicts(), "new+ running+ dead- alone+");
}

TEST_F(JudgeTest, SaysWhy) {
  archives = {
      {"old", "etc", at("2025-10-01")}, {"new", "etc", at("2025-12-01")}, {"mid", "etc", at("2025-11-20")}};
  const auto judged = judge(archives, Retention::parse("12d"), now);
  EXPECT_EQ(judged[0].reason, "newest of etc");
  EXPECT_EQ(judged[1].reason, "within 12d of the newest");
  EXPECT_EQ(judged[2].reason, "older than 12d");
}

}  // namespace
}  // namespace azlin::archive
