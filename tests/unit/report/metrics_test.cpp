#include "azlin/report/metrics.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "support/report_facts.hpp"

namespace azlin::report {
namespace {

using namespace test;  // NOLINT: the facts of these tests

// The text format 0.0.4 as strictly as promtool reads it: HELP and TYPE before the samples of a name, each
// name in one block, no sample twice, values that are numbers, a line break at the end.
void expect_valid(const std::string& text) {
  static const std::regex comment(R"(^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$)");
  static const std::regex sample(
      R"re(^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-z_]+="([^"\\]|\\["\\n])*",?)*\})? -?[0-9.e+-]+$)re");
  ASSERT_FALSE(text.empty());
  EXPECT_EQ(text.back(), '\n');
  std::set<std::string> done, samples;
  std::string current;
  bool typed = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, comment)) {
      if (match[2] != current) {
        EXPECT_TRUE(done.insert(match[2]).second) << "again: " << line;
        current = match[2];
        typed = false;
      }
      if (match[1] == "TYPE") {
        EXPECT_EQ(match[3], "gauge");
        typed = true;
      }
      continue;
    }
    ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
    EXPECT_EQ(match[1], current) << line;
    EXPECT_TRUE(typed) << line;
    EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << "twice: " << line;
  }
}

TEST(MetricsTest, IsValidWithEverythingAndWithNothing) {
  expect_valid(to_prometheus(make_report(empty_facts()), {}));
  auto facts = empty_facts();
  facts.scheduled = {scheduled(), scheduled("db")};
  facts.backups = {with_replica(verified(backup_at(1), 1))};
  facts.backups[0].vm_name = "we\"b\\\n";
  facts.operations = {trigger_at(1, "succeeded")};
  facts.drills = {drill_at(1, dr::Verdict::passed, 10)};
  CostFacts cost;
  cost.backups = facts.backups;
  cost.now = kNow;
  facts.cost = estimate(cost, cost::shipped_prices());
  MetricsFacts metrics;
  metrics.version = "1";
  metrics.commit = "abc";
  metrics.runs = {{"backup", kNow, 0}, {"drill", kNow, 6}};
  expect_valid(to_prometheus(make_report(facts), metrics));
}

TEST(MetricsTest, WhatIsNotKnownHasNoSample) {
  auto facts = empty_facts();
  facts.scheduled = {scheduled()};
  const auto text = to_prometheus(make_report(facts), {});
  EXPECT_NE(text.find("azlin_backups{vm=\"web\",resource_group=\"Production\"} 0\n"), std::string::npos)
      << text;
  for (const char* name : {"azlin_backup_newest", "azlin_drill_rto", "azlin_success_ratio", "azlin_cost"})
    EXPECT_EQ(text.find(name), std::string::npos) << name;
  EXPECT_NE(text.find("azlin_attempts{what=\"backup_success\"} 0\n"), std::string::npos);
}

TEST(MetricsTest, TimesAreSecondsAndRatiosFractions) {
  auto facts = empty_facts();
  facts.backups = {backup_at(12)};
  facts.operations = {trigger_at(1, "succeeded"), trigger_at(2, "failed")};
  const auto text = to_prometheus(make_report(facts), {});
  EXPECT_NE(
      text.find(
          "azlin_backup_newest_timestamp_seconds{vm=\"web\",resource_group=\"Production\"} 1765324800\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("azlin_success_ratio{what=\"backup_success\"} 0.5\n"), std::string::npos);
  EXPECT_NE(text.find("azlin_target_met{what=\"backup_success\"} 0\n"), std::string::npos);
}

}  // namespace
}  // namespace azlin::report
