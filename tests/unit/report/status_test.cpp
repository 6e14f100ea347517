#include "azlin/report/status.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/report_facts.hpp"

namespace azlin::report {
namespace {

using namespace test;  // NOLINT: the facts of these tests

// All is well: one VM, backed up an hour ago, copied, verified, drilled.
StatusFacts well() {
  StatusFacts facts;
  facts.report = empty_facts();
  facts.report.scheduled = {scheduled()};
  facts.report.scheduled[0].schedule->target_region = "westus2";
  facts.report.backups = {with_replica(verified(backup_at(1), 1))};
  dr::PolicyView policy;
  policy.vm = {"sub", "Production", "web"};
  policy.policy = dr::DrPolicy{};
  policy.policy->region = "westus2";
  policy.due = kNow + std::chrono::hours{24};
  facts.policies = {policy};
  facts.schedule_installed = true;
  return facts;
}

bool to_do(const Status& status, const std::string& command) {
  return std::find(status.to_do.begin(), status.to_do.end(), command) != status.to_do.end();
}

TEST(StatusTest, WellMeansNothingToDo) {
  const auto status = make_status(well());
  EXPECT_FALSE(status.attention);
  EXPECT_TRUE(status.to_do.empty()) << status.to_do.front();
  EXPECT_EQ(status.vms, 1);
  EXPECT_EQ(status.backed_up, 1);
  EXPECT_EQ(status.copied, 1);
  EXPECT_EQ(status.verified, 1);
  EXPECT_EQ(status.drilled, 1);
}

TEST(StatusTest, EachThingThatIsMissingIsOverdueWithItsCommand) {
  const auto one = [](const StatusFacts& facts, const std::string& command) {
    const auto status = make_status(facts);
    EXPECT_TRUE(status.attention) << command;
    EXPECT_EQ(status.overdue.size(), 1U) << command;
    EXPECT_TRUE(to_do(status, command)) << (status.to_do.empty() ? "nothing" : status.to_do.front());
  };
  auto facts = well();
  facts.report.backups.clear();
  one(facts, "azlin backup trigger web");
  facts = well();
  facts.report.backups = {verified(backup_at(25), 1)};
  facts.report.scheduled[0].schedule->target_region.reset();
  one(facts, "azlin backup trigger web");
  facts = well();
  facts.report.backups = {with_replica(backup_at(1))};
  one(facts, "azlin backup verify-all web");
  facts = well();
  facts.report.backups[0].replicas.clear();
  one(facts, "azlin backup replicate-all web --target-region westus2");
  facts = well();
  facts.policies[0].due = kNow - std::chrono::hours{1};
  one(facts, "azlin dr test web --test-region westus2");
  facts = well();
  facts.report.scheduled[0].schedule.reset();
  facts.report.scheduled[0].error = "cut off";
  one(facts, "azlin backup configure web --replace");
}

TEST(StatusTest, CommandsNameTheGroupWhereAVmHasANamesake) {
  StatusFacts facts;
  facts.report = empty_facts();
  facts.report.scheduled = {scheduled(), scheduled()};
  facts.report.scheduled[1].vm.resource_group = "Staging";
  const auto status = make_status(facts);
  ASSERT_EQ(status.overdue.size(), 2U);
  EXPECT_EQ(status.overdue[0].what, "web (Production): no backup yet");
  EXPECT_EQ(status.overdue[1].command, "azlin backup trigger web -g Staging");
}

TEST(StatusTest, ADrillOfTheFirstSchemaMakesNoNamesake) {
  auto facts = well();
  facts.report.drills = {drill_at(1, dr::Verdict::failed)};
  facts.report.drills[0].vm.resource_group = "";
  facts.policies[0].due = kNow - std::chrono::hours{1};
  auto status = make_status(facts);
  ASSERT_EQ(status.failures.size(), 1U);
  EXPECT_EQ(status.failures[0].what, "drill of web: failed");
  EXPECT_EQ(status.failures[0].command, "azlin dr test web --test-region westus2");
  ASSERT_EQ(status.overdue.size(), 1U);
  EXPECT_EQ(status.overdue[0].command, "azlin dr test web --test-region westus2");
  facts.report.scheduled.push_back(scheduled());
  facts.report.scheduled[1].vm.resource_group = "Staging";
  status = make_status(facts);
  EXPECT_EQ(status.failures.at(0).what, "drill of web: failed") << "nobody knows which of the two";
}

TEST(StatusTest, ATimerThatDoesNotRunIsOverdue) {
  auto facts = well();
  facts.stopped_jobs = {"backup"};
  const auto status = make_status(facts);
  EXPECT_TRUE(status.attention);
  EXPECT_TRUE(to_do(status, "azlin schedule install"));
  EXPECT_EQ(status.overdue.at(0).what, "the timer of the job backup does not run");
}

TEST(StatusTest, AFailureThatWasMendedIsListedAndNotUrgent) {
  auto facts = well();
  facts.report.operations = {trigger_at(3, "failed"), trigger_at(2, "succeeded")};
  auto status = make_status(facts);
  ASSERT_EQ(status.failures.size(), 1U);
  EXPECT_TRUE(status.failures[0].mended);
  EXPECT_FALSE(status.attention);
  facts.report.operations.pop_back();
  status = make_status(facts);
  EXPECT_FALSE(status.failures[0].mended);
  EXPECT_TRUE(status.attention);
  EXPECT_TRUE(to_do(status, "azlin backup trigger web"));
}

TEST(StatusTest, CopiesVerificationsAndDrillsThatFailedAreListed) {
  auto facts = well();
  facts.report.replications = {job_at(3, replication::Status::failed, "quota"),
                               job_at(4, replication::Status::failed, "cancelled")};
  facts.report.verifications = {run_at(2, "b", verification::Outcome::failed)};
  facts.report.drills = {drill_at(1, dr::Verdict::failed)};
  const auto status = make_status(facts);
  ASSERT_EQ(status.failures.size(), 3U);
  EXPECT_EQ(status.failures[0].what, "drill of web: failed") << "the newest first";
  EXPECT_TRUE(to_do(status, "azlin backup verify b"));
}

TEST(StatusTest, InterruptedWorkAlertsAndBadRunsWantAttention) {
  auto facts = well();
  facts.interrupted = {trigger_at(1, "interrupted")};
  EXPECT_TRUE(to_do(make_status(facts), "azlin recover"));
  EXPECT_TRUE(make_status(facts).attention);
  facts = well();
  facts.alerts = {{"x", "high", kNow}};
  EXPECT_TRUE(make_status(facts).attention);
  facts = well();
  facts.bad_runs = {{"backup", kNow, 4}};
  EXPECT_TRUE(make_status(facts).attention);
  EXPECT_TRUE(to_do(make_status(facts), "journalctl -t azlin-backup"));
}

TEST(StatusTest, AFleetWithoutProtectionIsNotWell) {
  StatusFacts facts;
  facts.report = empty_facts();
  const auto status = make_status(facts);
  EXPECT_TRUE(status.attention);
  EXPECT_TRUE(to_do(status, "azlin backup configure VM"));
}

}  // namespace
}  // namespace azlin::report
