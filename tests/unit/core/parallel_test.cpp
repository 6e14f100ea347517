#include "azlin/core/parallel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>

#include "azlin/core/error.hpp"

namespace azlin::core {
namespace {

ErrorKind kind_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& caught) {
    return caught.kind();
  }
}

TEST(ParallelTest, RunsEveryItemOnce) {
  std::vector<std::atomic<int>> runs(100);
  const auto results = run_parallel(100, 8, {}, [&](std::size_t i) { ++runs[i]; });
  for (const auto& count : runs) EXPECT_EQ(count, 1);
  for (const auto& error : results) EXPECT_FALSE(error);
}

TEST(ParallelTest, NothingToDoIsFine) {
  EXPECT_TRUE(run_parallel(0, 4, {}, [](std::size_t) { FAIL(); }).empty());
}

TEST(ParallelTest, RefusesLessThanOneThread) {
  EXPECT_THROW(run_parallel(1, 0, {}, [](std::size_t) {}), Error);
}

TEST(ParallelTest, FailureOfOneLeavesTheOthers) {
  std::atomic<int> done{0};
  const auto results = run_parallel(10, 3, {}, [&](std::size_t i) {
    if (i == 4) throw Error(ErrorKind::busy, "four");
    ++done;
  });
  EXPECT_EQ(done, 9);
  EXPECT_EQ(kind_of(results[4]), ErrorKind::busy);
  EXPECT_FALSE(results[3]);
}

TEST(ParallelTest, UsesAsManyThreadsAsAllowed) {
  std::barrier meet(4);  // would wait for ever with fewer
  run_parallel(4, 4, {}, [&](std::size_t) { meet.arrive_and_wait(); });
}

TEST(ParallelTest, NeverExceedsTheLimit) {
  std::atomic<int> running{0}, most{0};
  run_parallel(200, 3, {}, [&](std::size_t) {
    const int now = ++running;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::yield();
    --running;
  });
  EXPECT_LE(most, 3);
}

TEST(ParallelTest, StopKeepsTheRestFromBeginning) {
  std::stop_source stop;
  std::atomic<int> begun{0};
  const auto results = run_parallel(10, 1, stop.get_token(), [&](std::size_t i) {
    ++begun;
    if (i == 2) stop.request_stop();
  });
  EXPECT_EQ(begun, 3);
  EXPECT_FALSE(results[2]) << "an item that was begun keeps its own result";
  for (std::size_t i = 3; i < 10; ++i) EXPECT_EQ(kind_of(results[i]), ErrorKind::interrupted);
}

}  // namespace
}  // namespace azlin::core
