#include "azlin/runbook/schedule.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"

namespace azlin::runbook {
namespace {

using core::Error;
using core::ErrorKind;

TEST(CalendarTest, BecomesALineOfCron) {
  const struct {
    const char *calendar, *cron;
  } rows[] = {
      {"*-*-* 03:30:00", "30 3 * * *"},
      {"*-*-* *:0/15:00", "*/15 * * * *"},
      {"*-*-* 1/4:05:00", "5 1-23/4 * * *"},
      {"Mon..Fri *-*-* 06:00", "0 6 * * 1-5"},
      {"Sun 12:00:00", "0 12 * * 0"},
      {"*-*-01 04:00:00", "0 4 1 * *"},
      {"Sat..Sun 08,20:00", "0 8,20 * * 6-7"},
      {"hourly", "0 * * * *"},
      {"weekly", "0 0 * * 1"},
      {"9..17:00", "0 9-17 * * *"},
  };
  for (const auto& row : rows) EXPECT_EQ(to_cron(row.calendar), row.cron) << row.calendar;
}

TEST(CalendarTest, WhatCronCannotSayIsRefused) {
  for (const char* calendar :
       {"", "yearly", "2026-01-01 00:00", "*-*-* 25:00", "*-*-* 03:60", "03:30:30", "Foo 03:00", "03", "3:0x",
        "*-*-* 03:30:00 UTC", "Fri..Mon 03:00", "Mon *-*-01 03:00", "*-*-* 1/0:00", "*-*-* 5..2:00", "1,:00"})
    EXPECT_THROW(to_cron(calendar), Error) << calendar;
}

TEST(JobsTest, EveryStandardJobHasACalendarForBothBackends) {
  ASSERT_GE(standard_jobs().size(), 5U);
  for (const auto& job : standard_jobs()) {
    EXPECT_NO_THROW(to_cron(job.calendar)) << job.name;
    EXPECT_FALSE(job.command.empty()) << job.name;
    EXPECT_FALSE(job.what.empty()) << job.name;
  }
  for (const auto& each : templates()) {
    std::map<std::string, std::string> variables;
    if (each.name == "platform") variables = {{"storage", "store"}, {"folder", "/srv"}};
    EXPECT_NO_THROW(jobs_of(each.name, variables)) << each.name;
  }
}

const Job* find(const std::vector<Job>& jobs, const std::string& name) {
  for (const auto& job : jobs) {
    if (job.name == name) return &job;
  }
  return nullptr;
}

TEST(TemplateTest, ChangesAddsAndSwitchesOff) {
  const auto jobs = apply_template(R"(
[jobs.backup]
calendar = "*-*-* 22:00:00"
delay = "5m"
[jobs.drill]
enabled = false
[jobs.monday-report]
command = "report --days 7"
calendar = "Mon 07:00"
what = "the week"
)",
                                   "t.toml");
  ASSERT_NE(find(jobs, "backup"), nullptr);
  EXPECT_EQ(find(jobs, "backup")->calendar, "*-*-* 22:00:00");
  EXPECT_EQ(find(jobs, "backup")->delay, std::chrono::minutes(5));
  EXPECT_EQ(find(jobs, "backup")->command.front(), "backup");
  EXPECT_EQ(find(jobs, "drill"), nullptr);
  ASSERT_NE(find(jobs, "monday-report"), nullptr);
  EXPECT_EQ(find(jobs, "monday-report")->command, (std::vector<std::string>{"report", "--days", "7"}));
}

TEST(TemplateTest, WithoutTheStandardOnlyWhatItNamesIsLeft) {
  const auto jobs = apply_template("standard = false\n[jobs.backup]\n", "t.toml");
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs.front().name, "backup");
}

TEST(TemplateTest, MistakesNameTheKey) {
  const struct {
    const char *toml, *says;
  } rows[] = {
      {"x = 1", "unknown key x"},
      {"[jobs.backup]\ncalender = \"daily\"", "unknown key jobs.backup.calender"},
      {"[jobs.backup]\ncalendar = \"sometimes\"", "'sometimes' is not a calendar"},
      {"[jobs.backup]\nenabled = 1", "jobs.backup.enabled is true or false"},
      {"[jobs.backup]\ndelay = \"2d\"", "jobs.backup.delay"},
      {"[jobs.new]\ncalendar = \"daily\"", "jobs.new.command"},
      {"[jobs.new]\ncommand = \"recover\"", "jobs.new has no calendar"},
      {"[jobs.new]\ncommand = \"recover; rm -rf /\"\ncalendar = \"daily\"", "jobs.new.command"},
      {"[jobs.new]\ncommand = \"schedule run x\"\ncalendar = \"daily\"", "jobs.new.command"},
      {"[jobs.New]\ncommand = \"recover\"\ncalendar = \"daily\"", "no name for a job"},
      {"standard = false", "no job is left"},
      {"[jobs", "t.toml:1"},
  };
  for (const auto& row : rows) {
    try {
      apply_template(row.toml, "t.toml");
      ADD_FAILURE() << "taken: " << row.toml;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_NE(std::string(error.what()).find(row.says), std::string::npos) << error.what();
    }
  }
}

// The backup schedule of the platform resources: the accounts and folders are the operator's.
TEST(TemplateTest, VariablesAreFilledIn) {
  const auto jobs = jobs_of("platform", {{"storage", "prodstore"}, {"folder", "/srv/backup"}});
  const auto found =
      std::find_if(jobs.begin(), jobs.end(), [](const Job& job) { return job.name == "platform-storage"; });
  ASSERT_NE(found, jobs.end());
  EXPECT_EQ(found->command, (std::vector<std::string>{"platform", "storage", "export", "prodstore", "--to",
                                                      "/srv/backup/storage"}));
  using Variables = std::map<std::string, std::string>;
  for (const auto& bad :
       {Variables{}, Variables{{"storage", "a"}}, Variables{{"storage", "a"}, {"folder", "/with space"}},
        Variables{{"storage", "a"}, {"folder", "/$(x)"}},
        Variables{{"storage", "a"}, {"folder", "/b"}, {"other", "c"}}})
    EXPECT_THROW(jobs_of("platform", bad), core::Error);
  EXPECT_THROW(jobs_of("standard", {{"storage", "a"}}), core::Error);
}

TEST(TemplateTest, ANameThatIsNeitherIsNotFound) {
  try {
    jobs_of("no-such-template");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_NE(error.hint().find("standard"), std::string::npos);
  }
}

Installation installation() {
  return {"/opt/a b/azlin", {{"AZLIN_HOME", "/home/o'hara/100%"}}, "/home/x/schedule.env", false};
}

const Job kJob = {
    "backup", "back up", {"backup", "trigger", "--due", "$x"}, "*-*-* 01:05:00", std::chrono::minutes(15),
    false};

TEST(UnitsTest, ServiceQuotesAndRunsOnce) {
  const auto text = service_unit(kJob, installation());
  EXPECT_EQ(text.rfind(kMadeBy, 0), 0U);
  EXPECT_NE(text.find("Type=oneshot\n"), std::string::npos);
  EXPECT_NE(text.find("Environment=\"AZLIN_HOME=/home/o'hara/100%%\"\n"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(ExecStart="/opt/a b/azlin" schedule run backup -- "backup" "trigger" "--due" "$$x")"
                      "\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("network-online"), std::string::npos);
  auto system = installation();
  system.system = true;
  EXPECT_NE(service_unit(kJob, system).find("After=network-online.target"), std::string::npos);
}

TEST(UnitsTest, TimerSpreadsAndCatchesUp) {
  auto job = kJob;
  job.at_start = true;
  const auto text = timer_unit(job);
  for (const char* line :
       {"OnCalendar=*-*-* 01:05:00\n", "RandomizedDelaySec=900\n", "FixedRandomDelay=true\n",
        "Persistent=true\n", "OnStartupSec=2min\n", "WantedBy=timers.target\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
}

TEST(CrontabTest, LinesAreQuotedForShellAndCron) {
  auto where = installation();
  const auto block = crontab_block({kJob}, where);
  EXPECT_EQ(block.rfind("# BEGIN azlin /home/o'hara/100%\n", 0), 0U);
  EXPECT_NE(block.find("5 1 * * * { if [ -r '/home/x/schedule.env' ]"), std::string::npos) << block;
  EXPECT_NE(block.find("AZLIN_HOME='/home/o'\\''hara/100\\%'"), std::string::npos) << block;
  EXPECT_NE(
      block.find("'/opt/a b/azlin' schedule run backup --delay 900s -- 'backup' 'trigger' '--due' '$x'"),
      std::string::npos);
  EXPECT_NE(block.find("| logger -t azlin-backup\n"), std::string::npos);
}

TEST(CrontabTest, OnlyTheBlockOfThisHomeChanges) {
  const std::string mine = "# BEGIN azlin /h\nnew\n# END azlin /h\n";
  const std::string others = "MAILTO=x\n# BEGIN azlin /other\nkeep\n# END azlin /other\n";
  EXPECT_EQ(with_block("", "/h", mine), mine);
  EXPECT_EQ(with_block("1 2 * * * x", "/h", mine), "1 2 * * * x\n" + mine);
  const auto both = with_block(others, "/h", "# BEGIN azlin /h\nold\n# END azlin /h\n") + "tail\n";
  EXPECT_EQ(with_block(both, "/h", mine), others + mine + "tail\n");
  EXPECT_EQ(with_block(both, "/h", ""), others + "tail\n");
  EXPECT_EQ(block_of(both, "/h"), "# BEGIN azlin /h\nold\n# END azlin /h\n");
  EXPECT_EQ(block_of(others, "/h"), "");
}

TEST(CrontabTest, ABrokenBlockIsNotTouched) {
  for (const char* text : {"# BEGIN azlin /h\nx\n", "# END azlin /h\n", "# END azlin /h\n# BEGIN azlin /h\n",
                           "# BEGIN azlin /h\n# END azlin /h\n# BEGIN azlin /h\n# END azlin /h\n"})
    EXPECT_THROW(with_block(text, "/h", ""), Error) << text;
}

TEST(DelayTest, IsFixedAndInRange) {
  const auto most = core::Millis(900'000);
  EXPECT_EQ(fixed_delay("host", "backup", most), fixed_delay("host", "backup", most));
  EXPECT_NE(fixed_delay("host", "backup", most), fixed_delay("host2", "backup", most));
  EXPECT_EQ(fixed_delay("host", "backup", core::Millis{0}), core::Millis{0});
  for (int i = 0; i < 100; ++i) {
    const auto delay = fixed_delay("host" + std::to_string(i), "backup", most);
    EXPECT_GE(delay.count(), 0);
    EXPECT_LT(delay, most);
  }
}

}  // namespace
}  // namespace azlin::runbook
