#include "azlin/alert/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace azlin::alert {

using core::Millis;
using core::TimePoint;

namespace {

Millis scaled(double count, Millis unit) {
  return Millis(std::llround(count * static_cast<double>(unit.count())));
}

// "26 h", "9 days": an age as people say it.
std::string age_text(Millis age) {
  const auto hours = std::chrono::floor<std::chrono::hours>(age).count();
  if (hours < 1) return fmt::format("{} min", std::chrono::floor<std::chrono::minutes>(age).count());
  return hours < 72 ? fmt::format("{} h", hours) : fmt::format("{} days", hours / 24);
}

// 99.89 must not be shown as 99.9 beside a target of 99.9: cut, not rounded.
std::string percent_text(const RateFact& fact) {
  const auto hundredths = std::int64_t{fact.passed} * 10'000 / fact.total;
  return fmt::format("{}.{:02} %", hundredths / 100, hundredths % 100);
}

const std::string& label_of(const VmFacts& facts) {
  return facts.label.empty() ? facts.vm : facts.label;
}

const std::string& words_of(const VmFacts& facts) {
  return facts.words.empty() ? facts.vm : facts.words;
}

std::optional<AlertEvent> judge_verification(const AlertConfig& config, const VmFacts& facts, TimePoint now) {
  const auto& rule = config.rule(Rule::verification_overdue);
  if (!rule.enabled || !facts.backups_known) return std::nullopt;
  const auto limit = scaled(*rule.threshold, std::chrono::hours(24));
  std::size_t overdue = 0;
  const BackupFact* oldest = nullptr;
  const auto since = [](const BackupFact& backup) { return backup.verified_at.value_or(backup.taken_at); };
  for (const auto& backup : facts.backups) {
    if (now - since(backup) <= limit) continue;
    ++overdue;
    if (oldest == nullptr || since(backup) < since(*oldest)) oldest = &backup;
  }
  if (oldest == nullptr)
    return all_clear(Rule::verification_overdue, {facts.vm, facts.group},
                     "Every backup is verified in time again.");
  const auto last =
      oldest->verified_at ? core::to_display(*oldest->verified_at) + " UTC" : std::string("never");
  return problem(
      Rule::verification_overdue, {facts.vm, facts.group},
      fmt::format("Verification of {} is overdue", label_of(facts)),
      fmt::format("{} of {} backups of {} not verified for over {:g} days. Run: azlin backup verify-all {}",
                  overdue, facts.backups.size(), label_of(facts), *rule.threshold, words_of(facts)),
      {{"Oldest", oldest->name},
       {"Taken", core::to_display(oldest->taken_at) + " UTC"},
       {"Last verified", last}});
}

std::optional<AlertEvent> judge_rpo(const AlertConfig& config, const VmFacts& facts, TimePoint now) {
  const auto& rule = config.rule(Rule::rpo_exceeded);
  if (!rule.enabled || !facts.backups_known) return std::nullopt;
  const auto limit = facts.rpo_target.value_or(scaled(*rule.threshold, std::chrono::hours(1)));
  const auto newest =
      std::max_element(facts.backups.begin(), facts.backups.end(),
                       [](const BackupFact& a, const BackupFact& b) { return a.taken_at < b.taken_at; });
  const bool none = newest == facts.backups.end();
  const std::optional<TimePoint> since = none ? facts.protected_since : newest->taken_at;
  if (since && now - *since <= limit)
    return all_clear(Rule::rpo_exceeded, {facts.vm, facts.group},
                     "The newest backup is recent enough again.");
  const auto title =
      none ? fmt::format("{} has no backup", label_of(facts))
           : fmt::format("Newest backup of {} is {} old", label_of(facts), age_text(now - *since));
  std::vector<std::pair<std::string, std::string>> details = {{"RPO target", age_text(limit)}};
  if (!none) details.insert(details.begin(), {"Newest backup", newest->name});
  return problem(
      Rule::rpo_exceeded, {facts.vm, facts.group}, title,
      fmt::format("What was written since then would be lost. Run: azlin backup trigger {}", words_of(facts)),
      std::move(details));
}

std::optional<AlertEvent> judge_rate(const AlertConfig& config, const RateFact& fact) {
  const auto& rule = config.rule(Rule::success_rate_below_target);
  if (!rule.enabled || fact.total <= 0) return std::nullopt;
  const double rate = 100.0 * fact.passed / fact.total;
  if (rate >= *rule.threshold)
    return all_clear(Rule::success_rate_below_target, fact.subject,
                     "The success rate of drills meets its target again.");
  const auto of = fact.subject.empty() ? std::string() : " of " + fact.subject;
  return problem(Rule::success_rate_below_target, fact.subject,
                 fmt::format("Success rate of DR drills{} is {}", of, percent_text(fact)),
                 fmt::format("{} of {} drills passed in the last {} days. See: azlin dr test-history",
                             fact.passed, fact.total, fact.window_days),
                 {{"Target", fmt::format("{:g} %", *rule.threshold)}});
}

}  // namespace

std::optional<AlertEvent> evaluate_rto(const AlertConfig& config, const Subject& vm, Millis rto,
                                       std::optional<Millis> target) {
  const auto& rule = config.rule(Rule::rto_exceeded);
  if (!rule.enabled) return std::nullopt;
  const auto limit = target.value_or(scaled(*rule.threshold, std::chrono::minutes(1)));
  if (rto <= limit) return all_clear(Rule::rto_exceeded, vm, "The newest recovery met its target again.");
  const auto in_group = vm.group.empty() ? std::string() : " -g " + vm.group;
  return problem(Rule::rto_exceeded, vm,
                 fmt::format("Recovery of {} took {}", vm.name, core::to_display(rto)),
                 fmt::format("That is longer than its target. The phases: azlin dr test-history {}{}",
                             vm.name, in_group),
                 {{"RTO", core::to_display(rto)}, {"Target", core::to_display(limit)}});
}

std::vector<AlertEvent> evaluate_overdue(const AlertConfig& config, const OverdueFacts& facts,
                                         TimePoint now) {
  std::vector<AlertEvent> events;
  const auto add = [&](std::optional<AlertEvent> event) {
    if (event) events.push_back(std::move(*event));
  };
  for (const auto& vm : facts.vms) {
    add(judge_verification(config, vm, now));
    add(judge_rpo(config, vm, now));
    if (vm.last_rto) add(evaluate_rto(config, {vm.vm, vm.group}, *vm.last_rto, vm.rto_target));
  }
  for (const auto& rate : facts.rates) add(judge_rate(config, rate));
  return events;
}

}  // namespace azlin::alert
