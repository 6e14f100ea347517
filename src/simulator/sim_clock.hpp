#pragma once
// The simulated cloud's time: the machine's plus an offset, or standing still. Thread-safe.
#include <mutex>
#include <optional>
#include <string>

#include "azlin/core/clock.hpp"

namespace azlin::simulator {

class SimClock {
 public:
  core::TimePoint now() const;
  void set(core::TimePoint time);  // goes on from there, or stands there when frozen
  void advance(core::Millis by);
  void freeze();  // stands still at now()
  void resume();  // goes on from where it stands
  void reset();   // the machine's time again
  bool frozen() const;

  // What save() gave, load() takes: the clock survives a restart.
  std::string save() const;
  void load(const std::string& saved);

 private:
  core::TimePoint now_locked() const;
  mutable std::mutex mutex_;
  core::Millis offset_{0};
  std::optional<core::TimePoint> frozen_at_;
};

// "2025-12-01T08:00:00.1234567+00:00", as Compute writes its times.
std::string to_azure_time(core::TimePoint time);

}  // namespace azlin::simulator
