#include "azlin/backup/retention.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "unit/backup/times.hpp"

namespace azlin::backup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RetentionTest : public testing::Test {
 protected:
  static constexpr DeleteLimit kNoLimit = {.at_least = 100'000, .percent = 100};

  std::vector<std::string> gone(core::TimePoint now) const {
    std::vector<std::string> names;
    for (const auto& decision : plan_retention(schedule_, points_, now, kNoLimit).deletions()) {
      names.push_back(decision.point.name);
    }
    return names;
  }
  Decision decision(const std::string& name, core::TimePoint now, bool replica = false) const {
    for (const auto& decision : plan_retention(schedule_, points_, now, kNoLimit).decisions) {
      if (decision.point.name == name && decision.point.replica == replica) return decision;
    }
    ADD_FAILURE() << "no decision about " << name;
    return {};
  }
  Point& add(Tier tier, const std::string& time, const std::string& name = {}) {
    points_.push_back(point(tier, time, name));
    return points_.back();
  }
  Point& add_replica(Tier tier, const std::string& time, const std::string& name) {
    Point& made = add(tier, time, name);
    made.replica = true;
    made.region = "westus2";
    return made;
  }

  BackupSchedule schedule_;
  std::vector<Point> points_;
};

TEST_F(RetentionTest, DailiesOfSevenDaysOrOlderGo) {
  const auto now = at("2025-12-10 08:00");
  for (int age = 0; age < 10; ++age) {
    add(Tier::daily, core::to_iso8601(now - std::chrono::days{age}), "aged-" + std::to_string(age));
  }
  EXPECT_THAT(gone(now), ElementsAre("aged-9", "aged-8", "aged-7"));
}

TEST_F(RetentionTest, SecondsOfARunDoNotMoveTheDayOfExpiry) {
  add(Tier::daily, "2025-12-03 08:00:30", "slow");
  add(Tier::daily, "2025-12-10 08:00:00");
  EXPECT_THAT(gone(at("2025-12-10 08:00:05")), ElementsAre("slow"));
  EXPECT_THAT(gone(at("2025-12-09 23:59:59")), IsEmpty());
}

TEST_F(RetentionTest, MonthsAreCalendarMonths) {
  add(Tier::monthly, "2024-12-19 08:00", "aged-361-days");
  add(Tier::monthly, "2025-12-01 08:00");
  EXPECT_THAT(gone(at("2025-12-15 08:00")), IsEmpty());
  EXPECT_THAT(gone(at("2025-12-18 23:59")), IsEmpty());
  EXPECT_THAT(gone(at("2025-12-19 00:00")), ElementsAre("aged-361-days"));
}

TEST_F(RetentionTest, ShortMonthsEndOnTheirLastDay) {
  schedule_.monthly = 1;
  add(Tier::monthly, "2025-01-31 08:00", "january");
  add(Tier::daily, "2025-02-20 08:00");
  EXPECT_THAT(gone(at("2025-02-27 08:00")), IsEmpty());
  EXPECT_THAT(gone(at("2025-02-28 00:00")), ElementsAre("january"));
}

TEST_F(RetentionTest, LeapDayOfTwelveMonthsEndsOnTheLastOfFebruary) {
  add(Tier::monthly, "2024-02-29 08:00", "leap");
  add(Tier::daily, "2025-02-25 08:00");
  EXPECT_THAT(gone(at("2025-02-27 23:00")), IsEmpty());
  EXPECT_THAT(gone(at("2025-02-28 08:00")), ElementsAre("leap"));
}

TEST_F(RetentionTest, TiersAreJudgedEachForItself) {
  for (const Tier tier : {Tier::daily, Tier::weekly, Tier::monthly}) add(tier, "2025-11-02 08:00");
  add(Tier::daily, "2025-12-01 08:00");
  EXPECT_THAT(gone(at("2025-12-01 09:00")), ElementsAre("daily-2025-11-02 08:00", "weekly-2025-11-02 08:00"));
}

TEST_F(RetentionTest, TierThatIsOffStillRulesItsBackups) {
  schedule_.weekly_on = false;
  add(Tier::weekly, "2025-11-30 08:00", "recent");
  add(Tier::weekly, "2025-10-26 08:00", "old");
  add(Tier::daily, "2025-12-01 08:00");
  EXPECT_THAT(gone(at("2025-12-01 09:00")), ElementsAre("old"));
}

TEST_F(RetentionTest, DisabledScheduleDeletesNothing) {
  schedule_.enabled = false;
  add(Tier::daily, "2020-01-01", "ancient");
  add(Tier::daily, "2025-12-01");
  EXPECT_THAT(gone(at("2025-12-01 09:00")), IsEmpty());
  EXPECT_EQ(decision("ancient", at("2025-12-01")).rule, Rule::schedule_off);
}

TEST_F(RetentionTest, NewestStaysWhateverItsAge) {
  add(Tier::daily, "2025-01-01", "older");
  add(Tier::daily, "2025-01-02", "newest");
  EXPECT_THAT(gone(at("2030-01-01")), ElementsAre("older"));
  EXPECT_EQ(decision("newest", at("2030-01-01")).rule, Rule::newest);
}

TEST_F(RetentionTest, LastVerifiedStaysBehindANewerUnverifiedOne) {
  add(Tier::daily, "2025-01-01", "older").verified = Verified::passed;
  add(Tier::daily, "2025-01-02", "verified").verified = Verified::passed;
  add(Tier::daily, "2025-01-03", "newest");
  EXPECT_THAT(gone(at("2025-12-01")), ElementsAre("older"));
  EXPECT_EQ(decision("verified", at("2025-12-01")).rule, Rule::newest_verified);
}

TEST_F(RetentionTest, FailedVerificationIsNeverTheLastGoodOne) {
  add(Tier::daily, "2025-01-01", "older");
  add(Tier::daily, "2025-01-02", "good");
  add(Tier::daily, "2025-01-03", "bad").verified = Verified::failed;
  add(Tier::daily, "2025-01-04", "worse").verified = Verified::failed;
  EXPECT_THAT(gone(at("2025-12-01")), ElementsAre("older", "bad"));
  EXPECT_EQ(decision("good", at("2025-12-01")).rule, Rule::last_good);
  EXPECT_EQ(decision("worse", at("2025-12-01")).rule, Rule::newest);
}

TEST_F(RetentionTest, IncompleteSetIsNeitherNewestNorVerified) {
  add(Tier::daily, "2025-01-02", "whole");
  auto& part = add(Tier::daily, "2025-01-03", "part");
  part.complete = false;
  part.verified = Verified::passed;
  EXPECT_THAT(gone(at("2025-12-01")), ElementsAre("part"));
}

TEST_F(RetentionTest, OnlyIncompleteSetsKeepTheirNewest) {
  add(Tier::daily, "2025-01-02", "one").complete = false;
  add(Tier::daily, "2025-01-03", "two").complete = false;
  EXPECT_THAT(gone(at("2025-12-01")), ElementsAre("one"));
}

TEST_F(RetentionTest, HeldAndUsedOnesStay) {
  add(Tier::daily, "2025-01-01", "held").on_hold = true;
  add(Tier::daily, "2025-01-02", "used").in_use = "a restore reads it";
  add(Tier::daily, "2025-12-01", "newest");
  EXPECT_THAT(gone(at("2025-12-01")), IsEmpty());
  EXPECT_EQ(decision("held", at("2025-12-01")).rule, Rule::on_hold);
  EXPECT_EQ(decision("used", at("2025-12-01")).reason, "a restore reads it");
}

TEST_F(RetentionTest, ExpiredOneWaitsForItsReplica) {
  schedule_.target_region = "westus2";
  add(Tier::daily, "2025-11-01", "waiting");
  add(Tier::daily, "2025-11-02", "copied").replicated = true;
  add(Tier::daily, "2025-11-03", "broken").complete = false;  // can never be copied
  add(Tier::daily, "2025-12-01", "newest");
  EXPECT_THAT(gone(at("2025-12-01")), ElementsAre("copied", "broken"));
  EXPECT_THAT(decision("waiting", at("2025-12-01")).reason, HasSubstr("westus2"));
  schedule_.target_region.reset();
  EXPECT_THAT(gone(at("2025-12-01")), ElementsAre("waiting", "copied", "broken"));
}

TEST_F(RetentionTest, ReplicasFollowTheSameRulesInTheirRegion) {
  add_replica(Tier::daily, "2025-11-01", "a");
  add_replica(Tier::daily, "2025-11-02", "b");
  add(Tier::daily, "2025-12-01", "newest");
  EXPECT_THAT(gone(at("2025-12-01")), ElementsAre("a"));
  EXPECT_EQ(decision("b", at("2025-12-01"), true).rule, Rule::newest) << "the last replica stays";
}

TEST_F(RetentionTest, ReplicaStaysWithItsSource) {
  add(Tier::daily, "2025-11-01", "held").on_hold = true;
  add_replica(Tier::daily, "2025-11-01", "held");
  add_replica(Tier::daily, "2025-12-01", "newest");
  add(Tier::daily, "2025-12-01", "newest");
  EXPECT_THAT(gone(at("2025-12-01")), IsEmpty());
  EXPECT_EQ(decision("held", at("2025-12-01"), true).rule, Rule::source_kept);
}

TEST_F(RetentionTest, ClockAheadByAYearIsOverTheLimit) {
  for (int age = 0; age < 7; ++age)
    add(Tier::daily, core::to_iso8601(at("2025-12-01") - std::chrono::days{age}));
  const auto usual = plan_retention(schedule_, points_, at("2025-12-03"));
  EXPECT_FALSE(usual.over_limit);
  EXPECT_EQ(usual.deletions().size(), 2u);
  const auto plan = plan_retention(schedule_, points_, at("2026-12-01"));
  EXPECT_TRUE(plan.over_limit);
  EXPECT_THAT(plan.limit_reason, HasSubstr("6 of 7 backups in eastus"));
}

TEST_F(RetentionTest, ClockSetBackDeletesNothing) {
  for (int age = 0; age < 7; ++age)
    add(Tier::daily, core::to_iso8601(at("2025-12-01") - std::chrono::days{age}));
  EXPECT_THAT(gone(at("2020-01-01")), IsEmpty());
}

TEST_F(RetentionTest, NothingInGivesNothingOut) {
  EXPECT_THAT(gone(at("2025-12-01")), IsEmpty());
}

TEST_F(RetentionTest, EachDecisionHasAReason) {
  add(Tier::daily, "2025-11-01", "old");
  add(Tier::daily, "2025-12-01", "new");
  EXPECT_EQ(decision("old", at("2025-12-01")).reason, "daily, expired on 2025-11-08");
  EXPECT_EQ(decision("new", at("2025-12-01")).reason, "daily, kept until 2025-12-08");
}

}  // namespace
}  // namespace azlin::backup
