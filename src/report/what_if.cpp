#include <fmt/format.h>

#include <charconv>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "report/sizes.hpp"

namespace azlin::report {

using backup::Tier;
using core::Error;
using core::ErrorKind;

namespace {

constexpr double kDaysPerMonth = 30;
constexpr core::Millis kUsualDrill = std::chrono::minutes{30};

// What a VM's schedule and drills are, as far as they cost.
struct Shape {
  int daily = 0, weekly = 0, monthly = 0;
  std::string region;           // of replicas; empty: none
  core::Millis drill_every{0};  // 0: none
};

// Mean GiB of a VM's sets.
struct Means {
  std::map<Tier, double> tier;
  double whole = 0;  // the first of a chain
};

int count_of(const std::string& text, const std::string& value, int least) {
  int number = -1;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < least || number > 10000)
    throw Error(ErrorKind::usage, fmt::format("--what-if {}: a whole number of {} or more", text, least));
  return number;
}

Shape shape_of(const backup::BackupSchedule& schedule, const dr::PolicyView* policy) {
  Shape shape{schedule.daily, schedule.weekly_on ? schedule.weekly : 0,
              schedule.monthly_on ? schedule.monthly : 0, schedule.target_region.value_or(""),
              core::Millis{0}};
  if (policy != nullptr && policy->policy && policy->policy->enabled)
    shape.drill_every = policy->policy->every;
  return shape;
}

Shape changed(Shape shape, const WhatIf& change) {
  shape.daily = change.daily.value_or(shape.daily);
  shape.weekly = change.weekly.value_or(shape.weekly);
  shape.monthly = change.monthly.value_or(shape.monthly);
  shape.region = change.region.value_or(shape.region);
  shape.drill_every = change.drill_every.value_or(shape.drill_every);
  return shape;
}

// The provisioned size where there is nothing to go by.
Means means_of(const std::vector<SizedSet>& sets, double provisioned) {
  std::map<Tier, std::pair<double, int>> sums;
  Means means;
  means.whole = provisioned;
  bool first = true;
  for (const auto& set : sets) {
    if (set.replica) continue;
    if (first) {
      means.whole = set.gib;
      first = false;
      continue;
    }
    sums[set.tier].first += set.gib;
    ++sums[set.tier].second;
  }
  double any = 0;
  int count = 0;
  for (const auto& [tier, sum] : sums) {
    any += sum.first;
    count += sum.second;
  }
  for (const Tier tier : {Tier::daily, Tier::weekly, Tier::monthly}) {
    const auto found = sums.find(tier);
    means.tier[tier] = found != sums.end() ? found->second.first / found->second.second
                       : count > 0         ? any / count
                                           : provisioned;
  }
  return means;
}

double storage(const Shape& shape, const Means& means) {
  const int sets = shape.daily + shape.weekly + shape.monthly;
  if (sets == 0) return 0;
  const double deltas = shape.daily * means.tier.at(Tier::daily) +
                        shape.weekly * means.tier.at(Tier::weekly) +
                        shape.monthly * means.tier.at(Tier::monthly);
  // One of them is the whole one.
  return means.whole + deltas * (sets - 1) / sets;
}

double monthly_cost(const Shape& shape, const Means& means, const std::string& home, double drill,
                    const cost::Prices& prices) {
  const double gib = storage(shape, means);
  double total = gib * prices.snapshot_month(home);
  if (!shape.region.empty()) {
    total += gib * prices.snapshot_month(shape.region);
    total += kDaysPerMonth * means.tier.at(Tier::daily) * prices.transfer_gib(shape.region);
  }
  if (shape.drill_every.count() > 0)
    total += drill * kDaysPerMonth * 24 * 3'600'000.0 / static_cast<double>(shape.drill_every.count());
  return total;
}

double mean_drill(const CostFacts& facts, const backup::VmRef& vm, int gib, const cost::Prices& prices) {
  double sum = 0;
  int count = 0;
  for (const auto& drill : facts.drills) {
    if (!drill.completed_at || !core::equal_ignoring_case(drill.vm.key(), vm.key())) continue;
    sum += cost_of(drill, facts.backups, prices);
    ++count;
  }
  if (count > 0) return sum / count;
  return cost::drill_cost(prices, {"", "", {{"", gib}}, false, kUsualDrill});
}

}  // namespace

void add_change(WhatIf& change, const std::string& text) {
  const auto equals = text.find('=');
  const auto key = text.substr(0, equals);
  const auto value = equals == std::string::npos ? std::string() : text.substr(equals + 1);
  if (key == "daily") {
    change.daily = count_of(text, value, 1);
  } else if (key == "weekly") {
    change.weekly = count_of(text, value, 0);
  } else if (key == "monthly") {
    change.monthly = count_of(text, value, 0);
  } else if (key == "region") {
    change.region = value == "none" ? "" : core::normalize_region(value);
  } else if (key == "drill") {
    const auto every = value == "none" ? core::Millis{0} : core::parse_duration(value);
    if (!every || (value != "none" && *every < std::chrono::hours{1}))
      throw Error(ErrorKind::usage, fmt::format("--what-if {}: a time of an hour or more, or none", text));
    change.drill_every = every;
  } else {
    throw Error(ErrorKind::usage, fmt::format("--what-if {}: unknown change", text),
                "daily=N, weekly=N, monthly=N, region=NAME|none, drill=TIME|none");
  }
}

std::vector<Comparison> compare(const CostFacts& facts, const cost::Prices& prices, const WhatIf& change) {
  const auto vms = by_vm(facts.backups);
  std::vector<Comparison> result;
  for (const auto& each : facts.scheduled) {
    if (!each.schedule || !each.schedule->enabled) continue;
    const auto found = vms.find(core::to_lower(each.vm.key()));
    if (found == vms.end()) continue;  // nothing to go by
    const auto& newest = *found->second.back();
    const dr::PolicyView* policy = nullptr;
    for (const auto& view : facts.policies) {
      if (core::equal_ignoring_case(view.vm.key(), each.vm.key())) policy = &view;
    }
    const auto means = means_of(size_backups(found->second, facts), newest.size_gb);
    const auto drill = mean_drill(facts, each.vm, newest.size_gb, prices);
    const auto shape = shape_of(*each.schedule, policy);
    result.push_back({label_of(facts.backups, newest.vm_name, group_of(newest)),
                      monthly_cost(shape, means, newest.region, drill, prices),
                      monthly_cost(changed(shape, change), means, newest.region, drill, prices)});
  }
  return result;
}

}  // namespace azlin::report
