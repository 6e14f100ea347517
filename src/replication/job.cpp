#include "azlin/replication/job.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace azlin::replication {

using nlohmann::json;

namespace {

// What one copy adds to the progress of its job.
void add_copy(Progress& result, const Copy& copy, core::TimePoint now, bool& eta_known) {
  if (copy.status == Status::completed) return;
  const auto elapsed = copy.started_at ? now - *copy.started_at : core::Millis{0};
  if (copy.status != Status::in_progress || copy.percent <= 0 || elapsed <= core::Millis{0}) {
    eta_known = false;
    return;
  }
  const auto ms = static_cast<double>(elapsed.count());
  const double share = copy.percent / 100.0;
  result.bytes_per_second = result.bytes_per_second.value_or(0) +
                            static_cast<double>(copy.expected.size_bytes) * share / (ms / 1000.0);
  const core::Millis eta{static_cast<std::int64_t>(ms * (1.0 - share) / share)};
  result.eta = std::max(result.eta.value_or(core::Millis{0}), eta);
}

}  // namespace

const char* to_string(Status status) {
  switch (status) {
    case Status::pending:
      return "pending";
    case Status::in_progress:
      return "in_progress";
    case Status::completed:
      return "completed";
    case Status::failed:
      return "failed";
  }
  return "";
}

std::optional<Status> parse_status(std::string_view text) {
  for (const Status status : {Status::pending, Status::in_progress, Status::completed, Status::failed}) {
    if (text == to_string(status)) return status;
  }
  return std::nullopt;
}

std::string to_json(const Expected& expected) {
  return json{{"sourceUniqueId", expected.source_unique_id},
              {"sizeBytes", expected.size_bytes},
              {"sizeGb", expected.size_gb},
              {"osType", expected.os_type},
              {"generation", expected.generation},
              {"securityType", expected.security_type},
              {"capabilities", expected.capabilities},
              {"encryptionSet", expected.encryption_set_id}}
      .dump();
}

Expected parse_expected(const std::string& text) {
  const json body = json::parse(text, nullptr, false);
  Expected expected;
  if (!body.is_object()) return expected;
  expected.source_unique_id = body.value("sourceUniqueId", "");
  expected.size_bytes = body.value("sizeBytes", std::uint64_t{0});
  expected.size_gb = body.value("sizeGb", 0);
  expected.os_type = body.value("osType", "");
  expected.generation = body.value("generation", "");
  expected.security_type = body.value("securityType", "");
  expected.capabilities = body.value("capabilities", "");
  expected.encryption_set_id = body.value("encryptionSet", "");
  return expected;
}

std::uint64_t Job::size_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& copy : copies) sum += copy.expected.size_bytes;
  return sum;
}

int Job::size_gb() const {
  int sum = 0;
  for (const auto& copy : copies) sum += copy.expected.size_gb;
  return sum;
}

double Job::percent() const {
  if (status == Status::completed) return 100;
  double done = 0;
  for (const auto& copy : copies) {
    const double share = copy.status == Status::completed ? 100.0 : copy.percent;
    done += share * static_cast<double>(copy.expected.size_bytes);
  }
  const auto all = static_cast<double>(size_bytes());
  return all > 0 ? done / all : 0;
}

int Job::attempts() const {
  int most = 0;
  for (const auto& copy : copies) most = std::max(most, copy.attempts);
  return most;
}

std::optional<core::TimePoint> Job::last_progress_at() const {
  std::optional<core::TimePoint> last;
  for (const auto& copy : copies) {
    if (copy.last_progress_at && (!last || *last < *copy.last_progress_at)) last = copy.last_progress_at;
  }
  return last;
}

Progress progress(const Job& job, core::TimePoint now, core::Millis stalled_after) {
  Progress result;
  result.percent = job.percent();
  if (job.status != Status::in_progress) return result;
  bool eta_known = true;
  bool moves = false;
  for (const auto& copy : job.copies) {
    add_copy(result, copy, now, eta_known);
    moves = moves || copy.status == Status::in_progress;
  }
  if (!eta_known) result.eta.reset();
  const auto elapsed = now - job.started_at;
  if (result.percent > 0 && elapsed > core::Millis{0})
    result.percent_per_minute = result.percent * 60'000.0 / static_cast<double>(elapsed.count());
  result.quiet = std::max(core::Millis{0}, now - job.last_progress_at().value_or(job.started_at));
  result.stalled = moves && result.quiet >= stalled_after;
  return result;
}

}  // namespace azlin::replication
