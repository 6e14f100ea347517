#include "azlin/runbook/scheduler.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "support/fake_process_runner.hpp"
#include "support/temp_dir.hpp"

namespace azlin::runbook {
namespace {

using core::Error;
using core::ErrorKind;

core::ProcessResult said(const std::string& out, int code = 0, const std::string& err = "") {
  core::ProcessResult result;
  result.exit_code = code;
  result.out = out;
  result.err = err;
  return result;
}

class SchedulerTest : public ::testing::Test {
 protected:
  std::string units() const { return dir_.path().string() + "/units"; }
  std::string home() const { return dir_.path().string() + "/home"; }
  Scheduler scheduler() { return Scheduler(processes_, {false, units(), home()}, {}); }
  Installation where() const { return {"/usr/bin/azlin", {{"AZLIN_HOME", home()}}, "", false}; }
  std::vector<Job> jobs(std::vector<std::string> names) {
    std::vector<Job> result;
    for (const auto& name : names)
      result.push_back({name, name, {"recover"}, "*-*-* 01:00:00", core::Millis{0}, false});
    return result;
  }
  void install(std::vector<std::string> names) {
    processes_.expect({"systemctl", "--user", "daemon-reload"}, said(""));
    processes_.expect({"systemctl", "--user", "enable", "--now"}, said(""));
    processes_.expect({"crontab", "-l"}, said("", 1, "no crontab for me"));
    scheduler().install(Backend::systemd, jobs(names), where());
  }

  test::TempDir dir_;
  test::FakeProcessRunner processes_;
};

TEST_F(SchedulerTest, SystemdIsChosenWhereItsManagerRuns) {
  processes_.expect({"systemctl", "--user", "is-system-running"}, said("degraded\n", 1));
  EXPECT_EQ(scheduler().choose(), Backend::systemd);
}

TEST_F(SchedulerTest, TheCrontabIsChosenElse) {
  processes_.expect({"systemctl", "--user", "is-system-running"}, said("offline\n", 1));
  processes_.expect({"crontab", "-l"}, said("", 1, "no crontab for me"));
  EXPECT_EQ(scheduler().choose(), Backend::crontab);
}

TEST_F(SchedulerTest, WithoutBothNothingIsFound) {
  processes_.expect_missing({"systemctl"});
  processes_.expect_missing({"crontab"});
  try {
    scheduler().choose();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
  }
}

TEST_F(SchedulerTest, InstallingAgainRemovesJobsThatAreGone) {
  install({"a", "b"});
  EXPECT_TRUE(std::filesystem::exists(units() + "/azlin-b.timer"));
  processes_.expect({"systemctl", "--user", "disable", "--now", "azlin-b.timer"}, said(""));
  processes_.expect({"systemctl", "--user", "daemon-reload"}, said(""));
  install({"a"});
  EXPECT_TRUE(std::filesystem::exists(units() + "/azlin-a.timer"));
  EXPECT_FALSE(std::filesystem::exists(units() + "/azlin-b.timer"));
  EXPECT_FALSE(std::filesystem::exists(units() + "/azlin-b.service"));
}

TEST_F(SchedulerTest, AFileOfSomebodyElseIsNeitherOverwrittenNorRemoved) {
  core::write_file(units() + "/azlin-a.timer", "[Timer]\nOnCalendar=daily\n");
  EXPECT_THROW(scheduler().install(Backend::systemd, jobs({"a"}), where()), Error);
  processes_.expect({"crontab", "-l"}, said("", 1, "no crontab for me"));
  EXPECT_TRUE(scheduler().remove().empty());
  EXPECT_EQ(core::read_file(units() + "/azlin-a.timer"), "[Timer]\nOnCalendar=daily\n");
}

TEST_F(SchedulerTest, WhatSystemctlSaysIsInTheError) {
  processes_.expect({"systemctl", "--user", "daemon-reload"}, said("", 1, "Failed to connect to bus"));
  try {
    scheduler().install(Backend::systemd, jobs({"a"}), where());
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("Failed to connect to bus"), std::string::npos);
  }
}

TEST_F(SchedulerTest, ACrontabThatCannotBeReadIsNotWritten) {
  processes_.expect({"crontab", "-l"}, said("", 1, "you are not allowed to use this program"));
  EXPECT_THROW(scheduler().install(Backend::crontab, jobs({"a"}), where()), Error);
}

TEST_F(SchedulerTest, TheCrontabKeepsWhatIsNotOurs) {
  processes_.expect({"crontab", "-l"}, said("0 0 * * * other\n"));
  processes_.expect({"crontab", "-"}, said(""));
  scheduler().install(Backend::crontab, jobs({"a"}), where());
  const auto written = processes_.requests().back().input;
  EXPECT_EQ(written.rfind("0 0 * * * other\n# BEGIN azlin ", 0), 0U) << written;

  processes_.expect({"crontab", "-l"}, said(written));
  const auto shown = scheduler().show();
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->backend, Backend::crontab);
  ASSERT_EQ(shown->jobs.size(), 1U);
  EXPECT_EQ(shown->jobs[0].name, "a");
  EXPECT_EQ(shown->jobs[0].calendar, "0 1 * * *");
  EXPECT_EQ(shown->jobs[0].command, "recover");

  processes_.expect({"crontab", "-l"}, said(written));
  processes_.expect({"crontab", "-"}, said(""));
  EXPECT_EQ(scheduler().remove().size(), 1U);
  EXPECT_EQ(processes_.requests().back().input, "0 0 * * * other\n");
}

TEST_F(SchedulerTest, ShowTellsWhatSystemdSays) {
  install({"a"});
  processes_.expect({"systemctl", "--user", "show", "azlin-a.timer"},
                    said("ActiveState=inactive\nNextElapseUSecRealtime=Sat 2026-11-21 01:00:00 UTC\n"));
  const auto shown = scheduler().show();
  ASSERT_TRUE(shown);
  ASSERT_EQ(shown->jobs.size(), 1U);
  EXPECT_FALSE(shown->jobs[0].active);
  EXPECT_EQ(shown->jobs[0].next, "Sat 2026-11-21 01:00:00 UTC");
  EXPECT_EQ(shown->jobs[0].calendar, "*-*-* 01:00:00");
  EXPECT_EQ(shown->jobs[0].command, "recover");
}

TEST_F(SchedulerTest, AJobIsLockedWhileItRuns) {
  {
    const RunLock held(home(), "a");
    try {
      const RunLock second(home(), "a");
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::busy);
    }
    const RunLock other(home(), "b");
  }
  const RunLock again(home(), "a");
}

TEST_F(SchedulerTest, TheLastRunIsKept) {
  const core::TimePoint start{std::chrono::seconds(1'800'000'000)};
  const RunLock lock(home(), "a");
  lock.note({"a", start, {}, 0});
  EXPECT_EQ(last_runs(home()).at("a").ended, std::nullopt);
  lock.note({"a", start, start + std::chrono::seconds(5), 4});
  core::write_file(home() + "/schedule/broken.json", "{");
  const auto runs = last_runs(home());
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs.at("a").started, start);
  EXPECT_EQ(runs.at("a").ended, start + std::chrono::seconds(5));
  EXPECT_EQ(runs.at("a").exit_code, 4);
}

}  // namespace
}  // namespace azlin::runbook
