#include "azlin/store/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "azlin/core/error.hpp"
#include "support/fake_clock.hpp"
#include "support/temp_dir.hpp"

namespace azlin::store {
namespace {

using core::Error;
using core::ErrorKind;
using testing::HasSubstr;

class JournalTest : public testing::Test {
 protected:
  // Runs `work` in a process that then dies without cleaning up.
  template <class Work>
  void in_a_killed_process(Work work) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        Journal journal(path_, clock_);
        work(journal);
      } catch (const std::exception&) {
      }
      ::_exit(9);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
  }
  ErrorKind kind_of_start(Journal& journal, const std::string& key, std::string* text = nullptr) {
    try {
      journal.start("backup.trigger", "vm1", "{}", key).succeed();
    } catch (const Error& error) {
      if (text != nullptr) *text = std::string(error.what()) + " / " + error.hint();
      return error.kind();
    }
    return ErrorKind::findings;  // stands for "no error"
  }

  test::TempDir dir_;
  test::FakeClock clock_;
  std::string path_ = dir_.file("operations.db");
};

TEST_F(JournalTest, OperationLeavesItsTrail) {
  Journal journal(path_, clock_);
  auto operation = journal.start("backup.trigger", "vm1", R"({"tier":"daily"})", "vm1");
  const auto first = operation.begin("create-snapshot", R"({"name":"a"})");
  const auto second = operation.begin("create-snapshot", R"({"name":"b"})");
  clock_.advance(core::Millis{1500});
  operation.done(first, R"({"name":"a","id":"x"})");
  operation.failed(second, "quota");
  operation.rolled_back("quota");

  const auto record = journal.find(operation.id());
  ASSERT_TRUE(record);
  EXPECT_EQ(record->kind, "backup.trigger");
  EXPECT_EQ(record->plan, R"({"tier":"daily"})");
  EXPECT_EQ(record->state, "rolled_back");
  EXPECT_EQ(record->error, "quota");
  EXPECT_EQ(record->pid, ::getpid());
  EXPECT_FALSE(record->user.empty());
  EXPECT_EQ(*record->ended_at - record->started_at, core::Millis{1500});
  ASSERT_EQ(record->steps.size(), 2u);
  EXPECT_EQ(record->steps[0].state, "done");
  EXPECT_EQ(record->steps[0].data, R"({"name":"a","id":"x"})");
  EXPECT_EQ(record->steps[1].state, "failed");
  EXPECT_EQ(record->steps[1].data, R"({"name":"b"})");
  EXPECT_EQ(record->steps[1].error, "quota");
}

TEST_F(JournalTest, SecondCommandOnOneVmIsBusy) {
  Journal journal(path_, clock_), other(path_, clock_);
  auto operation = journal.start("backup.trigger", "vm1", "{}", "vm1");
  std::string text;
  EXPECT_EQ(kind_of_start(other, "vm1", &text), ErrorKind::busy);
  EXPECT_THAT(text, HasSubstr("backup.trigger"));
  EXPECT_THAT(text, HasSubstr("pid " + std::to_string(::getpid())));
  EXPECT_EQ(kind_of_start(other, "vm2"), ErrorKind::findings) << "another VM is free";
  EXPECT_EQ(kind_of_start(other, ""), ErrorKind::findings) << "no key, no lock";
  operation.succeed();
  EXPECT_EQ(kind_of_start(other, "vm1"), ErrorKind::findings);
  EXPECT_EQ(other.list(10, "running").size(), 0u) << "a refused start leaves nothing behind";
}

TEST_F(JournalTest, OfManyAtOnceExactlyOneRuns) {
  Journal journal(path_, clock_);
  std::vector<Operation> running;
  std::mutex mutex;
  int busy = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      try {
        auto operation = journal.start("backup.trigger", "vm1", "{}", "vm1");
        const std::lock_guard lock(mutex);
        running.push_back(std::move(operation));
      } catch (const Error& error) {
        const std::lock_guard lock(mutex);
        if (error.kind() == ErrorKind::busy) ++busy;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(running.size(), 1u);
  EXPECT_EQ(busy, 7);
}

TEST_F(JournalTest, OperationWithoutAnEndIsFailed) {
  Journal journal(path_, clock_);
  std::int64_t id = 0;
  try {
    auto operation = journal.start("backup.trigger", "vm1", "{}", "vm1");
    id = operation.id();
    throw std::runtime_error("on the way");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(journal.find(id)->state, "failed");
  EXPECT_EQ(kind_of_start(journal, "vm1"), ErrorKind::findings);
}

TEST_F(JournalTest, MovedOperationEndsOnce) {
  Journal journal(path_, clock_);
  std::optional<Operation> kept;
  { kept.emplace(journal.start("backup.trigger", "vm1", "{}", "vm1")); }
  EXPECT_EQ(journal.find(kept->id())->state, "running");
  kept->succeed();
  EXPECT_EQ(journal.find(kept->id())->state, "succeeded");
}

TEST_F(JournalTest, KilledCommandIsFoundWithItsStepsAndKeepsItsLock) {
  in_a_killed_process([](Journal& journal) {
    auto operation = journal.start("backup.trigger", "vm1", "{}", "vm1");
    operation.begin("create-snapshot", R"({"id":"x"})");
    ::_exit(9);
  });
  Journal journal(path_, clock_);
  const auto found = journal.interrupted();
  ASSERT_EQ(found.size(), 1u);
  ASSERT_EQ(found[0].steps.size(), 1u);
  EXPECT_EQ(found[0].steps[0].state, "begun");

  std::string text;
  EXPECT_EQ(kind_of_start(journal, "vm1", &text), ErrorKind::busy);
  EXPECT_THAT(text, HasSubstr("azlin recover"));

  auto operation = journal.resume(found[0].id);
  EXPECT_TRUE(journal.interrupted().empty());
  EXPECT_EQ(kind_of_start(journal, "vm1"), ErrorKind::busy) << "the lock goes with it";
  operation.undone(1);
  operation.recovered("undone");
  EXPECT_EQ(kind_of_start(journal, "vm1"), ErrorKind::findings);
  EXPECT_EQ(journal.find(found[0].id)->state, "recovered");
}

TEST_F(JournalTest, InterruptedOperationWaitsForRecovery) {
  Journal journal(path_, clock_);
  auto operation = journal.start("backup.trigger", "vm1", "{}", "vm1");
  operation.interrupt("the network is gone");
  ASSERT_EQ(journal.interrupted().size(), 1u);
  EXPECT_EQ(kind_of_start(journal, "vm1"), ErrorKind::busy);
  journal.resume(operation.id()).recovered("");
  EXPECT_EQ(kind_of_start(journal, "vm1"), ErrorKind::findings);
}

TEST_F(JournalTest, OperationOfAnotherHostCountsAsAlive) {
  {
    Journal journal(path_, clock_);
    auto operation = journal.start("backup.trigger", "vm1", "{}", "vm1");
    Database(path_, Migrations(2)).execute("UPDATE operations SET host = 'elsewhere', pid = 1");
    EXPECT_TRUE(journal.interrupted().empty());
    EXPECT_EQ(kind_of_start(journal, "vm1"), ErrorKind::busy);
    operation.succeed();
  }
}

TEST_F(JournalTest, ReusedPidIsAnotherProcess) {
  Journal journal(path_, clock_);
  auto operation = journal.start("backup.trigger", "vm1", "{}", "vm1");
  Database(path_, Migrations(2)).execute("UPDATE operations SET pid_started = '1@another-boot'");
  EXPECT_EQ(journal.interrupted().size(), 1u);
  operation.succeed();
}

TEST_F(JournalTest, ResumeRefusesWhatIsNotInterrupted) {
  Journal journal(path_, clock_);
  auto operation = journal.start("backup.trigger", "vm1", "{}", "vm1");
  const auto kind_of_resume = [&](std::int64_t id) {
    try {
      journal.resume(id);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::findings;
  };
  EXPECT_EQ(kind_of_resume(operation.id()), ErrorKind::busy);
  operation.succeed();
  EXPECT_EQ(kind_of_resume(operation.id()), ErrorKind::failed);
  EXPECT_EQ(kind_of_resume(4711), ErrorKind::not_found);
}

TEST_F(JournalTest, AuditTrailIsNewestFirstAndFiltered) {
  Journal journal(path_, clock_);
  journal.record("backup.configure", "vm1", "{}", "");
  journal.record("backup.hold", "vm1", "{}", "refused");
  const auto all = journal.list(10);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].kind, "backup.hold");
  EXPECT_EQ(all[0].state, "failed");
  EXPECT_EQ(all[0].error, "refused");
  EXPECT_EQ(all[1].state, "succeeded");
  EXPECT_EQ(journal.list(1).size(), 1u);
  EXPECT_EQ(journal.list(10, "failed").size(), 1u);
  EXPECT_FALSE(journal.find(99));
}

}  // namespace
}  // namespace azlin::store
