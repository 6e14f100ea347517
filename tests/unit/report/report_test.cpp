#include "azlin/report/report.hpp"

#include <gtest/gtest.h>

#include "azlin/report/render.hpp"
#include "support/report_facts.hpp"

namespace azlin::report {
namespace {

using namespace test;  // NOLINT: the facts of these tests

const Metric& metric(const Report& report, const std::string& key) {
  for (const auto& each : report.metrics) {
    if (each.key == key) return each;
  }
  throw std::runtime_error("no metric " + key);
}

TEST(ReportTest, WithoutFactsEveryMetricSaysNoData) {
  const auto report = make_report(empty_facts());
  ASSERT_EQ(report.metrics.size(), 6U);
  for (const auto& each : report.metrics) {
    EXPECT_EQ(each.met, Met::no_data) << each.key;
    EXPECT_EQ(each.text, "no data") << each.key;
    EXPECT_FALSE(each.value) << each.key;
  }
  for (const auto& text : {to_markdown(report), to_html(report), to_csv(report), to_json(report).dump()}) {
    EXPECT_EQ(text.find("100 %"), std::string::npos);
    EXPECT_EQ(text.find(">0 %"), std::string::npos);
    EXPECT_NE(text.find("no data"), std::string::npos);
  }
}

TEST(ReportTest, BackupRateCountsRunsThatEnded) {
  auto facts = empty_facts();
  for (int i = 0; i < 99; ++i) facts.operations.push_back(trigger_at(i + 1, "succeeded"));
  facts.operations.push_back(trigger_at(200, "rolled_back"));
  facts.operations.push_back(trigger_at(0, "running"));
  auto report = make_report(facts);
  EXPECT_EQ(metric(report, "backup_success").good, 99);
  EXPECT_EQ(metric(report, "backup_success").total, 100);
  EXPECT_EQ(metric(report, "backup_success").text, "99 %");
  EXPECT_EQ(metric(report, "backup_success").met, Met::missed) << "99 is not over 99";
  facts.operations.push_back(trigger_at(300, "succeeded"));
  EXPECT_EQ(metric(make_report(facts), "backup_success").met, Met::met);
}

TEST(ReportTest, ReplicationRateLeavesOutWhatRunsAndWhatWasCancelled) {
  auto facts = empty_facts();
  facts.replications = {job_at(1, replication::Status::completed),
                        job_at(2, replication::Status::in_progress),
                        job_at(3, replication::Status::failed, "cancelled by hand")};
  EXPECT_EQ(metric(make_report(facts), "replication_success").total, 1);
  facts.replications.push_back(job_at(4, replication::Status::failed, "quota"));
  const auto report = make_report(facts);
  EXPECT_EQ(metric(report, "replication_success").text, "50 %");
  EXPECT_EQ(metric(report, "replication_success").met, Met::missed);
}

TEST(ReportTest, VerificationRateIsOverTheBackupsThatExist) {
  auto facts = empty_facts();
  facts.backups = {verified(backup_at(1), 1), backup_at(25)};
  facts.verifications = {run_at(1, facts.backups[0].name, verification::Outcome::passed)};
  const auto report = make_report(facts);
  EXPECT_EQ(metric(report, "verification_success").good, 1);
  EXPECT_EQ(metric(report, "verification_success").total, 2);
  EXPECT_EQ(report.vms.at(0).verified, 1);
}

TEST(ReportTest, DrillRateAndMedianAreOfDrillsThatEnded) {
  auto facts = empty_facts();
  facts.drills = {drill_at(1, dr::Verdict::passed, 10), drill_at(2, dr::Verdict::passed, 12),
                  drill_at(3, dr::Verdict::passed, 40), drill_at(4, dr::Verdict::interrupted),
                  drill_at(5, dr::Verdict::restore_only, 1)};
  auto report = make_report(facts);
  EXPECT_EQ(metric(report, "drill_success").text, "100 %");
  EXPECT_EQ(metric(report, "drill_success").met, Met::met);
  EXPECT_NE(metric(report, "drill_success").note.find("1 restore only, 1 interrupted"), std::string::npos);
  EXPECT_EQ(metric(report, "rto_median").text, "12m 00s");
  EXPECT_EQ(metric(report, "rto_median").met, Met::met);
  facts.drills.push_back(drill_at(6, dr::Verdict::failed));
  report = make_report(facts);
  EXPECT_EQ(metric(report, "drill_success").met, Met::missed);
  EXPECT_FALSE(report.met());
  EXPECT_FALSE(report.findings.empty());
}

TEST(ReportTest, RpoIsTheLongestGapUpToNow) {
  auto facts = empty_facts();
  facts.scheduled = {scheduled()};
  facts.backups = {backup_at(20), backup_at(44)};
  EXPECT_EQ(metric(make_report(facts), "rpo_max").value, 24.0 * 3600);
  EXPECT_EQ(metric(make_report(facts), "rpo_max").met, Met::missed) << "24 h is not under 24 h";
  facts.backups[1] = backup_at(43);
  EXPECT_EQ(metric(make_report(facts), "rpo_max").met, Met::met);
  facts.backups = {backup_at(30)};
  EXPECT_EQ(metric(make_report(facts), "rpo_max").value, 30.0 * 3600) << "nothing since";
}

TEST(ReportTest, ABackupThatExpiredStillCountsByTheJournal) {
  auto facts = empty_facts();
  facts.scheduled = {scheduled()};
  facts.backups = {backup_at(5), backup_at(53)};
  facts.operations = {trigger_at(29, "succeeded")};
  EXPECT_EQ(metric(make_report(facts), "rpo_max").value, 24.0 * 3600);
}

TEST(ReportTest, AScheduledVmWithoutABackupMissesTheRpo) {
  auto facts = empty_facts();
  facts.scheduled = {scheduled(), scheduled("db")};
  facts.backups = {backup_at(1)};
  const auto report = make_report(facts);
  EXPECT_EQ(metric(report, "rpo_max").met, Met::missed);
  EXPECT_EQ(metric(report, "rpo_max").note, "no backup yet: db");
}

TEST(ReportTest, ADrillOfTheFirstSchemaMakesNoNamesake) {
  auto facts = empty_facts();
  facts.scheduled = {scheduled()};
  facts.drills = {drill_at(1, dr::Verdict::passed, 10)};
  facts.drills[0].vm.resource_group = "";
  auto report = make_report(facts);
  EXPECT_EQ(report.label("web", ""), "web");
  EXPECT_EQ(report.label("web", "Production"), "web");
  facts.scheduled.push_back(scheduled());
  facts.scheduled[1].vm.resource_group = "Staging";
  report = make_report(facts);
  EXPECT_EQ(report.label("web", ""), "web");
  EXPECT_EQ(report.label("web", "Production"), "web (Production)");
}

TEST(ReportTest, TheCalendarShowsTheBestOfEachDay) {
  auto facts = empty_facts();
  facts.days = 3;
  facts.backups = {backup_at(1, backup::Tier::monthly), backup_at(2), backup_at(100)};
  facts.operations = {trigger_at(3, "failed"), trigger_at(30, "failed")};
  const auto report = make_report(facts);
  ASSERT_EQ(report.calendar.size(), 1U);
  EXPECT_EQ(report.calendar[0].days, (std::vector<Day>{Day::none, Day::failed, Day::monthly}));
}

TEST(RenderTest, EverythingFromOutsideIsEscaped) {
  auto facts = empty_facts();
  auto backup = backup_at(1);
  backup.vm_name = "<script>alert('x')</script>\"&";
  facts.backups = {backup};
  facts.drills = {drill_at(1, dr::Verdict::failed, 3)};
  facts.drills[0].error = "a|b\n<img src=x onerror=y>";
  facts.subscription = "<b>";
  const auto report = make_report(facts);
  const auto html = to_html(report);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("<img"), std::string::npos);
  EXPECT_EQ(html.find("<b>"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;"), std::string::npos);
  const auto markdown = to_markdown(report);
  EXPECT_EQ(markdown.find("a|b"), std::string::npos);
  EXPECT_NE(markdown.find("a\\|b \\<img"), std::string::npos);
}

TEST(RenderTest, TheHtmlLoadsNothing) {
  const auto html = to_html(make_report(empty_facts()));
  for (const char* loads :
       {"src=", "href=", "url(", "@import", "http:", "https:", "<script", "<link", "<iframe"})
    EXPECT_EQ(html.find(loads), std::string::npos) << loads;
  EXPECT_NE(html.find("@media print"), std::string::npos);
}

TEST(RenderTest, ChartsAppearWhenThereIsData) {
  auto facts = empty_facts();
  facts.backups = {with_replica(verified(backup_at(1), 1))};
  facts.drills = {drill_at(1, dr::Verdict::passed, 10)};
  CostFacts cost;
  cost.backups = facts.backups;
  cost.now = kNow;
  facts.cost = estimate(cost, cost::shipped_prices());
  const auto html = to_html(make_report(facts));
  for (const char* title : {"RTO of each drill against its target", "Backups that passed a verification",
                            "Backups by day", "Storage by tier"})
    EXPECT_NE(html.find(std::string("<title>") + title), std::string::npos) << title;
}

TEST(RenderTest, CsvFieldsAreQuotedAndNoFormulaRuns) {
  auto facts = empty_facts();
  auto backup = backup_at(1);
  backup.vm_name = "=cmd|'/c calc'!A1,\"x\"";
  facts.backups = {backup};
  const auto csv = to_csv(make_report(facts));
  EXPECT_NE(csv.find("vm,\"'=cmd|'/c calc'!A1,\"\"x\"\"\",backups,1,"), std::string::npos) << csv;
  EXPECT_EQ(csv.rfind("section,subject,name,value,unit,target,result\r\n", 0), 0U);
}

}  // namespace
}  // namespace azlin::report
