#include "simulator/sim_clock.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace azlin::simulator {
namespace {

core::TimePoint machine_time() {
  return std::chrono::time_point_cast<core::Millis>(std::chrono::system_clock::now());
}

}  // namespace

core::TimePoint SimClock::now_locked() const {
  return frozen_at_ ? *frozen_at_ : machine_time() + offset_;
}

core::TimePoint SimClock::now() const {
  const std::lock_guard lock(mutex_);
  return now_locked();
}

void SimClock::set(core::TimePoint time) {
  const std::lock_guard lock(mutex_);
  offset_ = time - machine_time();
  if (frozen_at_) frozen_at_ = time;
}

void SimClock::advance(core::Millis by) {
  const std::lock_guard lock(mutex_);
  offset_ += by;
  if (frozen_at_) *frozen_at_ += by;
}

void SimClock::freeze() {
  const std::lock_guard lock(mutex_);
  frozen_at_ = now_locked();
}

void SimClock::resume() {
  const std::lock_guard lock(mutex_);
  if (frozen_at_) offset_ = *frozen_at_ - machine_time();
  frozen_at_.reset();
}

void SimClock::reset() {
  const std::lock_guard lock(mutex_);
  offset_ = core::Millis{0};
  frozen_at_.reset();
}

bool SimClock::frozen() const {
  const std::lock_guard lock(mutex_);
  return frozen_at_.has_value();
}

std::string SimClock::save() const {
  const std::lock_guard lock(mutex_);
  nlohmann::json saved = {{"offset", offset_.count()}};
  if (frozen_at_) saved["frozen"] = frozen_at_->time_since_epoch().count();
  return saved.dump();
}

void SimClock::load(const std::string& text) {
  const auto saved = nlohmann::json::parse(text);
  const std::lock_guard lock(mutex_);
  offset_ = core::Millis{saved.at("offset").get<std::int64_t>()};
  frozen_at_.reset();
  if (saved.contains("frozen"))
    frozen_at_ = core::TimePoint{core::Millis{saved.at("frozen").get<std::int64_t>()}};
}

std::string to_azure_time(core::TimePoint time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}.{:03d}0000+00:00",
                     static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count(), clock.subseconds().count());
}

}  // namespace azlin::simulator
