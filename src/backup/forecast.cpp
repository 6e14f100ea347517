#include "azlin/backup/forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "azlin/backup/names.hpp"
#include "azlin/core/error.hpp"
#include "backup/calendar.hpp"

namespace azlin::backup {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::chrono::days kHorizon{3653};  // ten years
constexpr core::Millis kUsualTime = std::chrono::hours{8};
constexpr DeleteLimit kNoLimit = {.at_least = 100'000, .percent = 100};

const Point* newest_of(const std::vector<Point>& points) {
  const auto newest = std::max_element(points.begin(), points.end(),
                                       [](const Point& a, const Point& b) { return a.created < b.created; });
  return newest == points.end() ? nullptr : &*newest;
}

Point future_backup(const std::string& vm, const BackupSchedule& schedule, const std::vector<Point>& points,
                    core::TimePoint at) {
  std::vector<TierMark> marks;
  for (const auto& point : points) {
    if (point.complete) marks.push_back({point.tier, point.created});
  }
  Point made;
  made.tier = due_tier(schedule.weekly_on, schedule.monthly_on, marks, at);
  made.name = set_name(vm, made.tier, at);
  made.created = at;
  if (const Point* newest = newest_of(points)) made.region = newest->region;
  made.replicated = true;
  return made;
}

std::vector<Point> survivors(const BackupSchedule& schedule, const std::vector<Point>& points,
                             core::TimePoint at) {
  std::vector<Point> kept;
  for (auto& decision : plan_retention(schedule, points, at, kNoLimit).decisions) {
    if (decision.keep) kept.push_back(std::move(decision.point));
  }
  return kept;
}

void check_range(core::TimePoint now, core::TimePoint on) {
  if (day_of(on) < day_of(now)) {
    throw Error(ErrorKind::usage, "a forecast looks ahead: that date has passed",
                "`azlin backup list` shows what exists now");
  }
  if (day_of(on) > day_of(now) + kHorizon) {
    throw Error(ErrorKind::usage, "a forecast reaches ten years ahead at most", "choose an earlier date");
  }
}

}  // namespace

Forecast forecast(const std::string& vm_name, const BackupSchedule& schedule,
                  const std::vector<Point>& points, core::TimePoint now, core::TimePoint on) {
  check_range(now, on);
  std::set<std::string> existing;
  for (const auto& point : points) existing.insert(point.name);
  const Point* newest = newest_of(points);
  const core::Millis time_of_day = newest == nullptr ? kUsualTime : newest->created - day_of(newest->created);
  Day first = day_of(now);
  if (newest != nullptr && day_of(newest->created) >= first)
    first = day_of(newest->created) + std::chrono::days{1};

  std::vector<Point> state = points;
  for (Day day = first; schedule.enabled && day <= day_of(on); day += std::chrono::days{1}) {
    const core::TimePoint at = day + time_of_day;
    state.push_back(future_backup(vm_name, schedule, state, at));
    state = survivors(schedule, state, at);
  }

  Forecast out;
  const core::TimePoint end_of_day = core::TimePoint{day_of(on) + std::chrono::days{1}} - core::Millis{1};
  for (const auto& decision :
       plan_retention(schedule, state, std::max(now, end_of_day), kNoLimit).decisions) {
    const Point& point = decision.point;
    if (!decision.keep) continue;
    out.points.push_back(
        {point.name, point.tier, point.created, existing.contains(point.name), decision.reason});
  }
  out.assumption = schedule.enabled
                       ? fmt::format("one backup a day at {} UTC, each of them successful",
                                     core::to_display_minutes(core::TimePoint{time_of_day}).substr(11))
                       : "backups are disabled: none is made and none is deleted";
  return out;
}

}  // namespace azlin::backup
