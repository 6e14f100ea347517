#include "azlin/backup/retention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "backup/calendar.hpp"

namespace azlin::backup {

namespace {

bool older(const Point& a, const Point& b) {
  return std::tie(a.created, a.name) < std::tie(b.created, b.name);
}

// The points that stay in one region whatever their age.
struct Guarded {
  const Point* newest = nullptr;
  const Point* last_good = nullptr;
  const Point* newest_verified = nullptr;
};

void take_newer(const Point*& slot, const Point& point) {
  if (slot == nullptr || older(*slot, point)) slot = &point;
}

Guarded find_guarded(const std::vector<const Point*>& region) {
  Guarded guarded;
  const Point* newest_of_all = nullptr;
  for (const Point* point : region) {
    take_newer(newest_of_all, *point);
    if (!point->complete) continue;
    take_newer(guarded.newest, *point);
    if (point->verified != Verified::failed) take_newer(guarded.last_good, *point);
    if (point->verified == Verified::passed) take_newer(guarded.newest_verified, *point);
  }
  if (guarded.newest == nullptr)
    guarded.newest = newest_of_all;  // nothing complete: better than nothing at all
  return guarded;
}

std::string date(Day day) {
  return core::to_display(core::TimePoint{day}).substr(0, 10);
}

Decision keep(const Point& point, Rule rule, std::string reason) {
  return {point, true, rule, std::move(reason)};
}

Decision decide(const BackupSchedule& schedule, const Point& point, const Guarded& guarded,
                core::TimePoint now) {
  if (!schedule.enabled)
    return keep(point, Rule::schedule_off, "backups are disabled, so nothing is deleted");
  const Day expiry = expiry_day(point.tier, point.created, schedule.retention(point.tier));
  if (day_of(now) < expiry) {
    return keep(point, Rule::within_policy,
                fmt::format("{}, kept until {}", to_string(point.tier), date(expiry)));
  }
  if (point.on_hold) return keep(point, Rule::on_hold, "on hold");
  if (!point.in_use.empty()) return keep(point, Rule::in_use, point.in_use);
  if (&point == guarded.newest) {
    return keep(point, Rule::newest,
                point.replica ? "the newest replica in " + point.region : "the newest backup");
  }
  if (&point == guarded.last_good) return keep(point, Rule::last_good, "the newest one not known to be bad");
  if (&point == guarded.newest_verified) return keep(point, Rule::newest_verified, "the newest verified one");
  if (!point.replica && point.complete && schedule.target_region && !point.replicated) {
    return keep(point, Rule::waiting_for_replica, "waits for its replica in " + *schedule.target_region);
  }
  return {point, false, Rule::expired, fmt::format("{}, expired on {}", to_string(point.tier), date(expiry))};
}

// A replica that lost its source would be all there is, and one whose source stays would only be copied
// again.
void keep_replicas_of_kept_sources(std::vector<Decision>& decisions) {
  std::map<std::string, bool> source_stays;
  for (const auto& decision : decisions) {
    if (!decision.point.replica && decision.keep) source_stays[decision.point.name] = true;
  }
  for (auto& decision : decisions) {
    if (decision.keep || !decision.point.replica || !source_stays.contains(decision.point.name)) continue;
    decision = keep(decision.point, Rule::source_kept, "its source is kept");
  }
}

void apply_limit(RetentionPlan& plan, const DeleteLimit& limit) {
  std::map<std::pair<bool, std::string>, std::pair<int, int>> counts;  // region -> (all, going)
  for (const auto& decision : plan.decisions) {
    auto& [all, going] = counts[{decision.point.replica, decision.point.region}];
    ++all;
    if (!decision.keep) ++going;
  }
  for (const auto& [where, count] : counts) {
    const auto& [all, going] = count;
    const int most = std::max(limit.at_least, (all * limit.percent + 99) / 100);
    if (going <= most) continue;
    plan.over_limit = true;
    plan.limit_reason = fmt::format("{} of {} {} in {} would go in one run; more than {} needs your word",
                                    going, all, where.first ? "replicas" : "backups", where.second, most);
  }
}

}  // namespace

std::vector<Decision> RetentionPlan::deletions() const {
  std::vector<Decision> out;
  std::copy_if(decisions.begin(), decisions.end(), std::back_inserter(out),
               [](const Decision& decision) { return !decision.keep; });
  return out;
}

RetentionPlan plan_retention(const BackupSchedule& schedule, const std::vector<Point>& points,
                             core::TimePoint now, const DeleteLimit& limit) {
  std::map<std::pair<bool, std::string>, std::vector<const Point*>> regions;
  for (const auto& point : points) regions[{point.replica, point.region}].push_back(&point);
  RetentionPlan plan;
  for (const auto& [where, region] : regions) {
    const Guarded guarded = find_guarded(region);
    for (const Point* point : region) plan.decisions.push_back(decide(schedule, *point, guarded, now));
  }
  keep_replicas_of_kept_sources(plan.decisions);
  std::stable_sort(plan.decisions.begin(), plan.decisions.end(),
                   [](const Decision& a, const Decision& b) { return older(a.point, b.point); });
  apply_limit(plan, limit);
  return plan;
}

}  // namespace azlin::backup
