#include "azlin/alert/evaluate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace azlin::alert {
namespace {

using core::TimePoint;
using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;
using testing::IsEmpty;

class EvaluateTest : public testing::Test {
 protected:
  static constexpr Rule kVerification = Rule::verification_overdue;

  const AlertEvent* find(const std::vector<AlertEvent>& events, Rule rule) const {
    for (const auto& event : events)
      if (event.rule == rule) return &event;
    return nullptr;
  }
  std::vector<AlertEvent> judge(const VmFacts& vm) const {
    return evaluate_overdue(config_, {{vm}, {}, false}, now_);
  }
  VmFacts vm(std::vector<BackupFact> backups) const {
    VmFacts facts;
    facts.vm = "vm1";
    facts.backups_known = true;
    facts.backups = std::move(backups);
    return facts;
  }

  TimePoint now_ = *core::parse_time("2025-12-10T00:00:00Z");
  AlertConfig config_ = default_config();
};

TEST_F(EvaluateTest, VerificationIsOverdueBySevenDays) {
  const struct {
    const char* name;
    hours taken, verified;  // ago; verified 0: never
    bool overdue;
  } rows[] = {
      {"young and never verified", hours(24), hours(0), false},
      {"old and never verified", hours(24 * 8), hours(0), true},
      {"exactly seven days", hours(24 * 7), hours(0), false},
      {"old, verified yesterday", hours(24 * 90), hours(24), false},
      {"old, verified eight days ago", hours(24 * 90), hours(24 * 8), true},
  };
  for (const auto& row : rows) {
    BackupFact backup{"b", now_ - row.taken, {}};
    if (row.verified > hours(0)) backup.verified_at = now_ - row.verified;
    const auto events = judge(vm({backup}));
    const auto* event = find(events, kVerification);
    ASSERT_NE(event, nullptr) << row.name;
    EXPECT_EQ(event->resolved, !row.overdue) << row.name;
    EXPECT_EQ(event->key, "verification_overdue:vm1");
  }
}

TEST_F(EvaluateTest, OverdueVerificationCountsAndNamesTheOldest) {
  const auto events = judge(vm({{"b-new", now_ - hours(1), {}},
                                {"b-old", now_ - hours(24 * 20), {}},
                                {"b-mid", now_ - hours(24 * 30), now_ - hours(24 * 9)}}));
  const auto* event = find(events, kVerification);
  EXPECT_THAT(event->text, HasSubstr("2 of 3 backups of vm1 not verified for over 7 days"));
  EXPECT_EQ(event->facts[0].second, "b-old");
  EXPECT_EQ(event->facts[2].second, "never");
}

TEST_F(EvaluateTest, TheCommandNamesTheVmAsItTakesIt) {
  auto old = vm({{"b", now_ - hours(24 * 20), {}}});
  EXPECT_THAT(find(judge(old), kVerification)->text, HasSubstr("azlin backup verify-all vm1"));
  EXPECT_THAT(find(judge(old), Rule::rpo_exceeded)->text, HasSubstr("azlin backup trigger vm1"));
  old.vm = "vm1 (Production)";
  old.words = "vm1 -g Production";
  EXPECT_THAT(find(judge(old), kVerification)->text, HasSubstr("azlin backup verify-all vm1 -g Production"));
  EXPECT_THAT(find(judge(old), Rule::rpo_exceeded)->text,
              HasSubstr("azlin backup trigger vm1 -g Production"));
}

TEST_F(EvaluateTest, RecoveryPointTooOld) {
  const struct {
    const char* name;
    std::optional<hours> newest, target, since;
    bool exceeded;
  } rows[] = {
      {"within 24 h", hours(24), {}, {}, false},
      {"beyond 24 h", hours(25), {}, {}, true},
      {"the VM's own target", hours(2), hours(1), {}, true},
      {"the VM's own, met", hours(30), hours(48), {}, false},
      {"no backup, protected lately", {}, {}, hours(1), false},
      {"no backup, protected long", {}, {}, hours(48), true},
      {"no backup, since unknown", {}, {}, {}, true},
  };
  for (const auto& row : rows) {
    auto facts = vm({});
    if (row.newest)
      facts.backups = {{"older", now_ - *row.newest - hours(99), {}}, {"newest", now_ - *row.newest, {}}};
    if (row.target) facts.rpo_target = *row.target;
    if (row.since) facts.protected_since = now_ - *row.since;
    const auto events = judge(facts);
    EXPECT_EQ(!find(events, Rule::rpo_exceeded)->resolved, row.exceeded) << row.name;
  }
}

TEST_F(EvaluateTest, UnknownGivesNoVerdict) {
  VmFacts facts;
  facts.vm = "vm1";
  EXPECT_THAT(judge(facts), IsEmpty());
  EXPECT_THAT(evaluate_overdue(config_, {{}, {{"vm1", 30, 0, 0}}, true}, now_), IsEmpty());
}

TEST_F(EvaluateTest, RuleThatIsOffGivesNone) {
  for (auto& [rule, settings] : config_.rules) settings.enabled = false;
  auto facts = vm({});
  facts.last_rto = minutes(60);
  EXPECT_THAT(evaluate_overdue(config_, {{facts}, {{"", 30, 10, 0}}, true}, now_), IsEmpty());
}

TEST_F(EvaluateTest, RecoveryTimeAgainstItsTarget) {
  EXPECT_TRUE(evaluate_rto(config_, "vm1", minutes(15), {})->resolved)
      << "15 minutes are not over 15 minutes";
  const auto late = *evaluate_rto(config_, "vm1", minutes(15) + std::chrono::seconds(1), {});
  EXPECT_FALSE(late.resolved);
  EXPECT_EQ(late.title, "Recovery of vm1 took 15m 01s");
  EXPECT_TRUE(evaluate_rto(config_, "vm1", minutes(50), minutes(60))->resolved);
  auto facts = vm({});
  facts.backups_known = false;
  facts.last_rto = minutes(20);
  facts.rto_target = minutes(10);
  EXPECT_EQ(judge(facts).at(0).rule, Rule::rto_exceeded);
}

TEST_F(EvaluateTest, SuccessRateIsNeverRoundedUpToItsTarget) {
  const auto judge_rate = [&](int total, int passed) {
    return evaluate_overdue(config_, {{}, {{"", 30, total, passed}}, true}, now_).at(0);
  };
  EXPECT_TRUE(judge_rate(1000, 999).resolved);
  EXPECT_TRUE(judge_rate(5, 5).resolved);
  const auto low = judge_rate(10'000, 9'989);
  EXPECT_FALSE(low.resolved);
  EXPECT_EQ(low.title, "Success rate of DR drills is 99.89 %");
  EXPECT_THAT(judge_rate(1'000'000, 998'999).title, HasSubstr("99.89 %"));
}

}  // namespace
}  // namespace azlin::alert
