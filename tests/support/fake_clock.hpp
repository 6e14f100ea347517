#pragma once
// A clock that stands until a test moves it. Sleeping moves it, so nothing waits.
#include <mutex>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::test {

class FakeClock final : public core::Clock {
 public:
  explicit FakeClock(core::TimePoint start = std::chrono::sys_days{std::chrono::year{2025} / 12 / 1} +
                                             std::chrono::hours{8})
      : now_(start) {}

  core::TimePoint now() override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  bool sleep_for(core::Millis duration, std::stop_token stop) override {
    const std::lock_guard lock(mutex_);
    sleeps_.push_back(duration);
    if (stop.stop_requested()) return false;
    now_ += duration;
    return true;
  }
  void set(core::TimePoint now) {
    const std::lock_guard lock(mutex_);
    now_ = now;
  }
  void advance(core::Millis by) {
    const std::lock_guard lock(mutex_);
    now_ += by;
  }
  // Every duration asked for, in order.
  std::vector<core::Millis> sleeps() {
    const std::lock_guard lock(mutex_);
    return sleeps_;
  }

 private:
  std::mutex mutex_;
  core::TimePoint now_;
  std::vector<core::Millis> sleeps_;
};

}  // namespace azlin::test
