#include "arm/throttle.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "arm/error_body.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"
#include "azlin/http/retry.hpp"

namespace azlin::arm {
namespace {

using core::Millis;

constexpr core::Millis kClockStep{1'000};
constexpr int kArmLow = 20;            // of 200 to 250
constexpr int kProviderLow = 10;       // of what a provider counts in 3 minutes
constexpr Millis kReadInterval{40};    // ARM refills 25 reads a second
constexpr Millis kWriteInterval{100};  // and 10 writes
constexpr Millis kProviderInterval{1'000};
constexpr Millis kPaceFor{60'000};
constexpr Millis kDefaultBlock{2'000};  // after a 429 that names no time
constexpr Millis kLongWait{30'000};     // a person would wonder

std::vector<std::string> segments_of(const std::string& url) {
  const auto slashes = url.find("//");
  auto start = slashes == std::string::npos ? 0 : url.find('/', slashes + 2);
  std::vector<std::string> out;
  if (start == std::string::npos) return out;
  const auto path = core::to_lower(url.substr(start, url.find('?', start) - start));
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    if (end > at) out.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::optional<int> to_int(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// The least of "Microsoft.Compute/HighCostGet3Min;99,Microsoft.Compute/HighCostGet30Min;800".
std::optional<int> least_remaining(std::string_view header) {
  std::optional<int> least;
  while (!header.empty()) {
    const auto entry = header.substr(0, header.find(','));
    header.remove_prefix(std::min(entry.size() + 1, header.size()));
    const auto semicolon = entry.rfind(';');
    const auto value =
        semicolon == std::string_view::npos ? std::nullopt : to_int(entry.substr(semicolon + 1));
    if (value) least = std::min(least.value_or(*value), *value);
  }
  return least;
}

}  // namespace

ThrottleKeys throttle_keys(const std::string& method, const std::string& url) {
  ThrottleKeys out;
  out.arm = method == "GET" || method == "HEAD" ? "read" : method == "DELETE" ? "delete" : "write";
  const auto parts = segments_of(url);
  const auto provider = std::find(parts.rbegin(), parts.rend(), "providers");
  if (provider == parts.rend()) {
    out.provider = out.arm + " " + (parts.size() > 2 ? parts[2] : "");
    return out;
  }
  const auto first = static_cast<std::size_t>(parts.rend() - provider);  // of the namespace
  std::string type = first < parts.size() ? parts[first] : "";
  for (auto i = first + 1; i < parts.size(); i += 2) type += "/" + parts[i];
  const bool list = (parts.size() - first) % 2 == 0;  // ends with a type; for POST that is the action
  const bool one_vm = type.starts_with("microsoft.compute/virtualmachines") && parts.size() > first + 2;
  out.provider = out.arm + " " + type + (list ? " list" : "") + (one_vm ? " " + parts[first + 2] : "");
  return out;
}

core::TimePoint ThrottleGate::reserve(const ThrottleKeys& keys) {
  const std::lock_guard lock(mutex_);
  auto start = clock_.now();
  // The clock was set back: by the times that were noted with it one would wait for as long as that step.
  if (start + kClockStep < seen_) {
    buckets_.clear();
    told_ = {};
  }
  seen_ = start;
  for (const auto* key : {&keys.arm, &keys.provider}) {
    const auto found = buckets_.find(*key);
    if (found == buckets_.end()) continue;
    start = std::max(start, found->second.blocked_until);
    if (clock_.now() < found->second.paced_until) start = std::max(start, found->second.next_turn);
  }
  for (const auto* key : {&keys.arm, &keys.provider}) {
    const auto found = buckets_.find(*key);
    if (found != buckets_.end()) found->second.next_turn = start + found->second.interval;
  }
  return start;
}

void ThrottleGate::pace(Bucket& bucket, Millis interval) {
  bucket.interval = interval;
  bucket.paced_until =
      interval > Millis{0} ? std::max(clock_.now(), bucket.blocked_until) + kPaceFor : clock_.now();
}

// Not for each of the requests that wait side by side.
void ThrottleGate::tell(const std::string& kind, int status, Millis asked, core::TimePoint until) {
  if (until - std::max(told_, clock_.now()) < kLongWait) return;
  told_ = until;
  core::log_warn("the service asks to wait for {} s (status {}): requests like '{}' go on at {}",
                 std::chrono::duration_cast<std::chrono::seconds>(asked).count(), status, kind,
                 core::to_iso8601(until));
}

void ThrottleGate::wait(const ThrottleKeys& keys, std::stop_token stop) {
  const auto wait = reserve(keys) - clock_.now();
  if (wait <= Millis{0}) return;
  core::log_debug("throttled: waiting {} ms for '{}'", wait.count(), keys.provider);
  if (!clock_.sleep_for(wait, std::move(stop)))
    throw core::Error(core::ErrorKind::interrupted,
                      "interrupted while waiting for the service to take more requests");
}

void ThrottleGate::observe(const ThrottleKeys& keys, const http::Response& response) {
  const auto now = clock_.now();
  std::optional<int> arm_left, provider_left;
  for (const auto& [name, value] : response.headers) {
    const auto key = core::to_lower(name);
    if (key == "x-ms-ratelimit-remaining-resource") {
      if (const auto left = least_remaining(value))
        provider_left = std::min(provider_left.value_or(*left), *left);
    } else if (key.starts_with("x-ms-ratelimit-remaining-")) {
      if (const auto left = to_int(value)) arm_left = std::min(arm_left.value_or(*left), *left);
    }
  }
  const std::lock_guard lock(mutex_);
  const auto arm_interval = keys.arm == "read" ? kReadInterval : kWriteInterval;
  if (arm_left) pace(buckets_[keys.arm], *arm_left >= kArmLow ? Millis{0} : arm_interval);
  if (provider_left)
    pace(buckets_[keys.provider], *provider_left >= kProviderLow ? Millis{0} : kProviderInterval);
  const auto asked = http::parse_retry_after(response, now);
  if (response.status == 503 && asked && *asked <= longest_wait_)
    tell(keys.provider, response.status, *asked, now + *asked);
  if (response.status != 429) return;

  const auto code = parse_service_error(response.body).code;
  const bool by_arm =
      code == "SubscriptionRequestsThrottled" || code == "TenantRequestsThrottled" || arm_left == 0;
  const auto wait = asked.value_or(kDefaultBlock);
  auto& bucket = buckets_[by_arm ? keys.arm : keys.provider];
  bucket.blocked_until = std::max(bucket.blocked_until, now + std::min(wait, longest_wait_));
  tell(keys.provider, response.status, wait, bucket.blocked_until);
  pace(bucket, std::max(bucket.interval, arm_interval));
}

}  // namespace azlin::arm
