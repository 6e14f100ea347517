#include "azlin/archive/schedule.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::archive {
namespace {

core::TimePoint at(const std::string& text) {
  return core::parse_time(text).value();
}

class ScheduleStoreTest : public ::testing::Test {
 protected:
  Schedule daily(const std::string& name = "daily-config") {
    Schedule out;
    out.name = out.archive = name;
    out.cron = CronExpression::parse("0 2 * * *");
    out.destination = "/mnt/backup";
    out.retention = Retention::parse("30d");
    out.created_at = at("2025-12-01 08:00");
    return out;
  }
  core::ErrorKind refusal(const Schedule& schedule) {
    try {
      store.add(schedule);
    } catch (const core::Error& error) {
      return error.kind();
    }
    ADD_FAILURE() << "it was added";
    return core::ErrorKind::failed;
  }
  std::vector<std::string> due(const std::string& now) {
    std::vector<std::string> out;
    for (const auto& each : store.due(at(now))) out.push_back(each.name);
    return out;
  }

  test::TempDir dir;
  ScheduleStore store{dir.file("archive.db")};
};

TEST_F(ScheduleStoreTest, KeepsEverythingThatASchedulesSays) {
  auto weekly = daily("weekly-full");
  weekly.cron = CronExpression::parse("@weekly");
  weekly.zone = CronZone::local;
  weekly.type = "service";
  weekly.services = {"nextcloud", "gitlab"};
  weekly.include_data = true;
  weekly.retention = Retention::parse("12w");
  store.add(weekly);
  const auto listed = ScheduleStore(dir.file("archive.db")).list();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].archive, "weekly-full");
  EXPECT_EQ(listed[0].cron.text(), "@weekly");
  EXPECT_EQ(listed[0].zone, CronZone::local);
  EXPECT_EQ(listed[0].services, weekly.services);
  EXPECT_TRUE(listed[0].include_data);
  EXPECT_EQ(listed[0].retention->text(), "12w");
  EXPECT_EQ(listed[0].created_at, weekly.created_at);
  struct stat facts {};
  ASSERT_EQ(stat(dir.file("archive.db").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
}

TEST_F(ScheduleStoreTest, IsDueAtItsTimeAndOnceForSeveralMissed) {
  store.add(daily());
  EXPECT_TRUE(due("2025-12-02 01:59").empty());
  EXPECT_EQ(due("2025-12-02 02:00").size(), 1U);
  EXPECT_EQ(due("2025-12-09 12:00").size(), 1U);
  const auto run = store.begin(store.list()[0], at("2025-12-09 12:00"));
  EXPECT_TRUE(due("2025-12-10 01:59").empty());
  EXPECT_EQ(due("2025-12-10 02:00").size(), 1U);
  store.end(run, true, "etc-1", at("2025-12-09 12:05"));
  const auto runs = store.runs("daily-config");
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].due_at, at("2025-12-02 02:00"));
  EXPECT_TRUE(runs[0].ok);
  EXPECT_EQ(runs[0].ended_at, at("2025-12-09 12:05"));
}

TEST_F(ScheduleStoreTest, ARunWhoseProcessDiedStaysWithoutAnEnd) {
  store.add(daily());
  store.begin(store.list()[0], at("2025-12-02 02:00"));
  ScheduleStore again(dir.file("archive.db"));
  ASSERT_EQ(again.runs().size(), 1U);
  EXPECT_FALSE(again.runs()[0].ended_at);
  EXPECT_FALSE(again.runs()[0].ok);
}

TEST_F(ScheduleStoreTest, TheLongestOverdueComesFirst) {
  auto hourly = daily("a-hourly");
  hourly.cron = CronExpression::parse("@hourly");
  hourly.created_at = at("2025-12-02 01:30");
  store.add(hourly);
  store.add(daily("b-daily"));
  EXPECT_EQ(due("2025-12-02 05:00"), (std::vector<std::string>{"a-hourly", "b-daily"}));
  store.begin(store.list()[0], at("2025-12-02 03:00"));
  EXPECT_EQ(due("2025-12-02 05:00"), (std::vector<std::string>{"b-daily", "a-hourly"}));
}

TEST_F(ScheduleStoreTest, RefusesWhatCannotRun) {
  EXPECT_EQ(refusal(daily("../x")), core::ErrorKind::usage);
  EXPECT_EQ(refusal(daily("")), core::ErrorKind::usage);
  auto bad = daily();
  bad.destination.clear();
  EXPECT_EQ(refusal(bad), core::ErrorKind::usage);
  bad = daily();
  bad.type = "service";
  EXPECT_EQ(refusal(bad), core::ErrorKind::usage);
  bad = daily();
  bad.action = ScheduleAction::sync;
  EXPECT_EQ(refusal(bad), core::ErrorKind::usage);
  bad = daily();
  bad.action = ScheduleAction::verify;
  EXPECT_EQ(refusal(bad), core::ErrorKind::usage);
  bad.retention.reset();
  bad.archive.clear();
  EXPECT_EQ(refusal(bad), core::ErrorKind::usage);
  EXPECT_TRUE(store.list().empty());
}

TEST_F(ScheduleStoreTest, ANameIsTakenOnceAndRemovedOnce) {
  store.add(daily());
  EXPECT_EQ(refusal(daily()), core::ErrorKind::failed);
  store.remove("daily-config");
  EXPECT_THROW(store.remove("daily-config"), core::Error);
  EXPECT_TRUE(store.list().empty());
}

TEST_F(ScheduleStoreTest, OneRunAtATime) {
  const auto path = dir.file("archive.lock");
  {
    RunLock held(path);
    EXPECT_THROW(RunLock second(path), core::Error);
  }
  RunLock again(path);
}

}  // namespace
}  // namespace azlin::archive
