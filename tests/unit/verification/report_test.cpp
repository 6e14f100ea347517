#include "azlin/verification/report.hpp"

#include <gmock/gmock.h>

namespace azlin::verification {
namespace {

const core::TimePoint kNow = core::parse_time("2025-12-10 12:00").value();
constexpr core::Millis kDay = std::chrono::hours{24};

backup::BackupInfo backup_of(const std::string& vm, const std::string& name, core::TimePoint created,
                             std::optional<core::TimePoint> passed_at = {}) {
  backup::BackupInfo info;
  info.vm_name = vm;
  info.name = name;
  info.region = "eastus";
  info.created = created;
  info.verified = passed_at ? backup::Verified::passed : backup::Verified::unknown;
  info.verified_at = passed_at;
  return info;
}

Verification run_of(const std::string& vm, const std::string& backup, core::TimePoint at, Outcome outcome) {
  Verification run;
  run.vm = vm;
  run.backup = backup;
  run.region = "eastus";
  run.at = at;
  run.outcome = outcome;
  return run;
}

TEST(DueTest, RecentBackupsAreDueDailyAndOlderOnesWeekly) {
  EXPECT_EQ(due(kNow - kDay, {}, kNow), Due::never);
  EXPECT_EQ(due(kNow - kDay * 2, kNow - kDay, kNow), Due::overdue);
  EXPECT_EQ(due(kNow - kDay * 2, kNow - std::chrono::hours{20}, kNow), Due::no);
  EXPECT_EQ(due(kNow - kDay * 30, kNow - kDay * 3, kNow), Due::no);
  EXPECT_EQ(due(kNow - kDay * 30, kNow - kDay * 7, kNow), Due::overdue);
}

TEST(ReportTest, WithoutRunsThereIsNoDataInsteadOfZero) {
  const auto report = make_report({}, {}, 7, kNow);
  EXPECT_EQ(report.overall.success_rate(), std::nullopt);
  EXPECT_EQ(report.overall.verified_percent(), std::nullopt);
  const auto some = make_report({}, {backup_of("a", "a1", kNow - kDay)}, 7, kNow);
  EXPECT_EQ(some.overall.success_rate(), std::nullopt);
  EXPECT_EQ(some.overall.verified_percent(), 0.0);
  ASSERT_EQ(some.vms.size(), 1u);
  EXPECT_EQ(some.vms.at(0).unverified.at(0).backup, "a1");
}

TEST(ReportTest, VmsOfOneNameAreApart) {
  auto a = backup_of("web", "web-1", kNow - kDay), b = backup_of("web", "web-1", kNow - kDay);
  a.vm_key = "production/web";
  b.vm_key = "staging/web";
  auto run = run_of("web", "web-1", kNow, Outcome::passed);
  run.resource_group = "Production";
  const auto report = make_report({run}, {a, b}, 7, kNow);
  ASSERT_EQ(report.vms.size(), 2U);
  EXPECT_EQ(report.vms[0].group, "Production");
  EXPECT_EQ(report.vms[0].verified, 1);
  EXPECT_EQ(report.vms[1].group, "staging");
  EXPECT_EQ(report.vms[1].verified, 0);
  EXPECT_EQ(report.overall.verified, 1);
}

// Its rows name neither group nor region.
TEST(ReportTest, ARunOfTheFirstSchemaVerifiesTheBackupOfItsName) {
  auto info = backup_of("web", "web-1", kNow - kDay);
  info.vm_key = "production/web";
  auto run = run_of("web", "web-1", kNow, Outcome::passed);
  run.region = "";
  EXPECT_EQ(make_report({run}, {info}, 7, kNow).overall.verified, 1);
  run.backup = "web-2";
  EXPECT_EQ(make_report({run}, {info}, 7, kNow).overall.verified, 0);
}

TEST(ReportTest, TheLastVerdictOfABackupCounts) {
  const auto report = make_report(
      {run_of("a", "a1", kNow - kDay * 2, Outcome::failed), run_of("a", "a1", kNow - kDay, Outcome::passed),
       run_of("a", "a1", kNow, Outcome::inconclusive), run_of("b", "b1", kNow - kDay, Outcome::failed),
       run_of("b", "b2", kNow - kDay, Outcome::inconclusive)},
      {backup_of("a", "a1", kNow - kDay * 3), backup_of("b", "b1", kNow - kDay * 3),
       backup_of("b", "b2", kNow - kDay * 3, kNow - kDay * 20)},
      7, kNow);
  ASSERT_EQ(report.vms.size(), 2u);
  EXPECT_EQ(report.vms.at(0).success_rate(), 100.0);
  EXPECT_EQ(report.vms.at(0).verified, 1);
  EXPECT_EQ(report.vms.at(1).success_rate(), 0.0);
  EXPECT_EQ(report.vms.at(1).inconclusive, 1);
  EXPECT_EQ(report.vms.at(1).unverified.size(), 2u);
  EXPECT_EQ(report.overall.success_rate(), 50.0);
  EXPECT_EQ(report.overall.last, kNow - kDay);
  ASSERT_EQ(report.failures.size(), 2u);
  EXPECT_EQ(report.failures.at(0).backup, "b1");
}

TEST(ReportTest, WhatAnotherMachineVerifiedIsKnownByItsTag) {
  const auto report = make_report({}, {backup_of("a", "a1", kNow - kDay * 3, kNow - kDay)}, 7, kNow);
  EXPECT_EQ(report.overall.verified, 1);
  EXPECT_EQ(report.overall.success_rate(), std::nullopt) << "its runs are not known here";
}

}  // namespace
}  // namespace azlin::verification
