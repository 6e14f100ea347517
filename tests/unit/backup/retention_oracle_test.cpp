// Retention against a second implementation that shares nothing with it: it walks the calendar day by day
// with its own arithmetic and asks of each backup, one rule after the other, whether anything speaks for it.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "azlin/backup/retention.hpp"
#include "unit/backup/times.hpp"

namespace azlin::backup {
namespace {

struct Date {
  int year, month, day;
  auto operator<=>(const Date&) const = default;
};

int days_in(int year, int month) {
  static const int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

Date next(Date date) {
  if (++date.day <= days_in(date.year, date.month)) return date;
  date.day = 1;
  if (++date.month <= 12) return date;
  return {date.year + 1, 1, 1};
}

Date date_of(core::TimePoint time) {
  const std::string text = core::to_iso8601(time);
  return {std::stoi(text.substr(0, 4)), std::stoi(text.substr(5, 2)), std::stoi(text.substr(8, 2))};
}

Date expiry(const Point& point, const BackupSchedule& schedule) {
  Date date = date_of(point.created);
  if (point.tier == Tier::monthly) {
    for (int i = 0; i < schedule.monthly; ++i) {
      if (++date.month > 12) date = {date.year + 1, 1, date.day};
    }
    date.day = std::min(date.day, days_in(date.year, date.month));
    return date;
  }
  const int days = point.tier == Tier::daily ? schedule.daily : 7 * schedule.weekly;
  for (int i = 0; i < days; ++i) date = next(date);
  return date;
}

// True when some point of the same region that satisfies `wanted` is newer.
template <class Wanted>
bool a_newer_one(const std::vector<Point>& all, const Point& of, Wanted wanted) {
  for (const auto& other : all) {
    if (other.region != of.region || other.replica != of.replica || !wanted(other)) continue;
    if (other.created > of.created || (other.created == of.created && other.name > of.name)) return true;
  }
  return false;
}

bool stays(const BackupSchedule& schedule, const std::vector<Point>& all, const Point& point,
           core::TimePoint now) {
  if (!schedule.enabled) return true;
  if (date_of(now) < expiry(point, schedule)) return true;
  if (point.on_hold || !point.in_use.empty()) return true;
  const auto complete = [](const Point& p) { return p.complete; };
  const auto not_bad = [](const Point& p) { return p.complete && p.verified != Verified::failed; };
  const auto verified = [](const Point& p) { return p.complete && p.verified == Verified::passed; };
  bool region_has_complete = false;
  for (const auto& other : all) {
    if (other.region == point.region && other.replica == point.replica && other.complete)
      region_has_complete = true;
  }
  if (!region_has_complete && !a_newer_one(all, point, [](const Point&) { return true; })) return true;
  if (complete(point) && !a_newer_one(all, point, complete)) return true;
  if (not_bad(point) && !a_newer_one(all, point, not_bad)) return true;
  if (verified(point) && !a_newer_one(all, point, verified)) return true;
  if (!point.replica && point.complete && schedule.target_region && !point.replicated) return true;
  if (point.replica) {
    for (const auto& other : all) {
      if (!other.replica && other.name == point.name && stays(schedule, all, other, now)) return true;
    }
  }
  return false;
}

class History {
 public:
  explicit History(unsigned seed) : random_(seed) {}

  BackupSchedule schedule() {
    BackupSchedule out;
    out.enabled = pick(20) != 0;
    out.daily = 1 + pick(20);
    out.weekly = 1 + pick(8);
    out.monthly = 1 + pick(26);
    if (pick(2) == 0) out.target_region = "westus2";
    return out;
  }
  std::vector<Point> points(core::TimePoint now) {
    std::vector<Point> out;
    const int count = pick(40);
    for (int i = 0; i < count; ++i) {
      Point made = random_point("set-" + std::to_string(i), now);
      out.push_back(made);
      if (pick(3) != 0) continue;
      made.replica = true;
      made.region = "westus2";
      made.complete = pick(5) != 0;
      made.on_hold = pick(10) == 0;
      out.push_back(made);
      if (pick(3) == 0) out.erase(out.end() - 2);  // a replica whose source is gone
    }
    std::shuffle(out.begin(), out.end(), random_);
    return out;
  }
  int pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }

 private:
  Point random_point(const std::string& name, core::TimePoint now) {
    Point made;
    made.name = name;
    made.region = "eastus";
    made.tier = static_cast<Tier>(pick(3));
    made.created = now - std::chrono::hours{pick(24 * 30 * 28)} - std::chrono::minutes{pick(60)};
    made.complete = pick(8) != 0;
    made.verified = static_cast<Verified>(pick(3));
    made.on_hold = pick(12) == 0;
    if (pick(12) == 0) made.in_use = "in use";
    made.replicated = pick(2) == 0;
    return made;
  }
  std::mt19937 random_;
};

TEST(RetentionOracleTest, ThousandsOfRandomHistoriesAgree) {
  int deleted = 0, kept = 0;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    History history(seed);
    const auto now = at("2023-01-01") + std::chrono::hours{history.pick(24 * 365 * 4)};
    const auto schedule = history.schedule();
    const auto points = history.points(now);
    const auto plan = plan_retention(schedule, points, now);
    ASSERT_EQ(plan.decisions.size(), points.size());
    for (const auto& decision : plan.decisions) {
      ASSERT_EQ(decision.keep, stays(schedule, points, decision.point, now))
          << "seed " << seed << ", " << decision.point.name << (decision.point.replica ? " (replica)" : "")
          << ": " << decision.reason << ", now " << core::to_iso8601(now);
      ++(decision.keep ? kept : deleted);
    }
  }
  EXPECT_GT(deleted, 1000) << "the histories must exercise both answers";
  EXPECT_GT(kept, 1000);
}

// Whatever the history, there is something good left in every region that had something good.
TEST(RetentionOracleTest, NoHistoryLosesItsLastGoodCopy) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    History history(seed);
    const auto now = at("2025-12-01");
    const auto points = history.points(now);
    std::map<std::pair<bool, std::string>, std::set<int>> had, has;
    for (const auto& decision :
         plan_retention(history.schedule(), points, now + std::chrono::days{4000}).decisions) {
      if (!decision.point.complete) continue;
      const auto region = std::pair{decision.point.replica, decision.point.region};
      const int quality = decision.point.verified == Verified::passed   ? 2
                          : decision.point.verified == Verified::failed ? 0
                                                                        : 1;
      had[region].insert(quality);
      if (decision.keep) has[region].insert(quality);
    }
    for (const auto& [region, qualities] : had) {
      ASSERT_FALSE(has[region].empty()) << "seed " << seed;
      ASSERT_EQ(*has[region].rbegin(), *qualities.rbegin())
          << "seed " << seed << ": the best kind must survive";
    }
  }
}

// What stays today has not been missed tomorrow: running every day keeps what the numbers promise.
TEST(RetentionOracleTest, DailyRunsOverThreeYearsKeepWhatTheNumbersSay) {
  const BackupSchedule schedule;
  std::vector<Point> points;
  for (int day = 0; day < 3 * 365; ++day) {
    const auto now = at("2023-01-01 08:00") + std::chrono::days{day};
    std::vector<TierMark> marks;
    for (const auto& existing : points) marks.push_back({existing.tier, existing.created});
    points.push_back(point(due_tier(true, true, marks, now), core::to_iso8601(now)));
    const auto plan = plan_retention(schedule, points, now);
    ASSERT_FALSE(plan.over_limit) << core::to_iso8601(now);
    points.clear();
    for (const auto& decision : plan.decisions) {
      if (decision.keep) points.push_back(decision.point);
    }
  }
  std::map<Tier, int> counts;
  for (const auto& existing : points) ++counts[existing.tier];
  EXPECT_EQ(counts[Tier::monthly], 12);
  EXPECT_GE(counts[Tier::weekly], 3);
  EXPECT_LE(counts[Tier::weekly], 4);
  EXPECT_GE(counts[Tier::daily], 5);
  EXPECT_LE(counts[Tier::daily], 7);
}

}  // namespace
}  // namespace azlin::backup
