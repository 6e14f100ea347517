#include "azlin/core/cancel.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "azlin/core/error.hpp"

namespace azlin::core {

TEST(CancelTest, ThrowsOnlyAfterAStop) {
  std::stop_source stop;
  EXPECT_NO_THROW(throw_if_stopped(stop.get_token(), "testing"));
  stop.request_stop();
  try {
    throw_if_stopped(stop.get_token(), "testing");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    EXPECT_STREQ(error.what(), "interrupted while testing");
  }
}

// In a child of their own: a signal is for the whole process.
TEST(CancelDeathTest, FirstSignalRequestsAStop) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const auto stop = interrupt_token();
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock(mutex);
        raise(SIGTERM);
        stopped.wait(lock, stop, [] { return false; });
        _exit(stop.stop_requested() ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

// As timeout(1) sends it: to the process, and to its group.
TEST(CancelDeathTest, ASignalThatComesTwiceAtOnceIsOne) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        const auto stop = interrupt_token();
        raise(SIGINT);
        raise(SIGINT);
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock(mutex);
        stopped.wait(lock, stop, [] { return false; });
        _exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(CancelDeathTest, ALaterSignalEndsWith130) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        interrupt_token();
        while (true) raise(SIGINT);  // a second of impatience
      },
      ::testing::ExitedWithCode(130), "");
}

}  // namespace azlin::core
