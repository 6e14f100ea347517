#include "azlin/archive/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace azlin::archive {
namespace {

constexpr double kCompletion = 99.9, kRestores = 99.0, kVerifications = 100.0;  // percent
constexpr core::Millis kRto = std::chrono::hours(4), kRpo = std::chrono::hours(24);
constexpr const char* kNoData = "no data";

void count(Rate& rate, const Observed& each) {
  ++rate.all;
  rate.good += each.ok ? 1 : 0;
}

// The mean of what was added.
class Mean {
 public:
  void add(core::Millis took) {
    sum_ += took;
    ++count_;
  }
  std::optional<core::Millis> value() const {
    return count_ == 0 ? std::nullopt : std::optional(core::Millis{sum_.count() / count_});
  }

 private:
  core::Millis sum_{0};
  std::int64_t count_ = 0;
};

Measure rate_line(const char* name, const Rate& rate, double target) {
  Measure out{name, fmt::format("{} %", target), kNoData, std::nullopt};
  if (const auto percent = rate.percent()) {
    out.value = fmt::format("{:.1f} % ({} of {})", *percent, rate.good, rate.all);
    out.met = *percent >= target;
  }
  return out;
}

Measure limit_line(const char* name, const std::optional<core::Millis>& value, core::Millis limit,
                   const char* target) {
  Measure out{name, target, kNoData, std::nullopt};
  if (value) {
    out.value = core::to_display(*value);
    out.met = *value < limit;
  }
  return out;
}

Measure plain_line(const char* name, const std::optional<core::Millis>& value) {
  return {name, "", value ? core::to_display(*value) : kNoData, std::nullopt};
}

}  // namespace

std::optional<double> Rate::percent() const {
  return all == 0 ? std::nullopt
                  : std::optional(100.0 * static_cast<double>(good) / static_cast<double>(all));
}

Metrics measure(const std::vector<Observed>& observed) {
  Metrics out;
  Mean backup, restore;
  for (const auto& each : observed) {
    const bool timed = each.ok && each.took;
    if (each.kind == "create") count(out.completion, each);
    if (each.kind == "restore") count(out.restores, each);
    if (each.kind == "verify") count(out.verifications, each);
    if (each.kind == "create" && timed) backup.add(*each.took);
    if (each.kind != "restore" || !timed) continue;
    restore.add(*each.took);
    out.longest_restore = std::max(out.longest_restore.value_or(core::Millis{0}), *each.took);
  }
  out.mean_time_to_backup = backup.value();
  out.mean_time_to_restore = restore.value();
  return out;
}

std::vector<Measure> against_targets(const Metrics& metrics,
                                     const std::optional<core::Millis>& oldest_newest) {
  return {rate_line("Archives completed", metrics.completion, kCompletion),
          rate_line("Restores succeeded", metrics.restores, kRestores),
          rate_line("Verifications passed", metrics.verifications, kVerifications),
          limit_line("Longest restore (RTO)", metrics.longest_restore, kRto, "under 4 h"),
          limit_line("Age of the newest (RPO)", oldest_newest, kRpo, "under 24 h"),
          plain_line("Mean time to backup", metrics.mean_time_to_backup),
          plain_line("Mean time to restore", metrics.mean_time_to_restore)};
}

}  // namespace azlin::archive
