#include "azlin/http/retry.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "azlin/core/log.hpp"
#include "azlin/core/names.hpp"

namespace azlin::http {
namespace {

using core::Millis;

Millis random_up_to(Millis longest, std::mt19937_64& random) {
  return Millis{
      std::uniform_int_distribution<std::int64_t>{0, std::max<std::int64_t>(longest.count(), 0)}(random)};
}

// base * 2^(attempt-1), not over the ceiling.
Millis backoff(Millis base, Millis ceiling, int attempt) {
  const int doublings = std::clamp(attempt - 1, 0, 30);
  return base > ceiling / (std::int64_t{1} << doublings) ? ceiling : base * (std::int64_t{1} << doublings);
}

// After so long a service that gives no answer, each time after a minute, is not asked again.
constexpr Millis kOutagePatience{90'000};

bool means_outage(int status) {
  return status == 0 || status == 500 || (status >= 502 && status <= 504);
}

bool can_repeat(const Outcome& outcome, Repeatable repeatable) {
  const bool always = repeatable == Repeatable::yes;
  switch (outcome.status) {
    case 0:
      return outcome.network_retryable && (always || !outcome.maybe_received);
    case 429:
    case 503:
      return true;  // refused before it was begun
    case 408:
    case 500:
    case 502:
    case 504:
      return always;
    default:
      return false;
  }
}

// A whole number of at most 9 digits; longer ones are as long as that.
std::optional<std::int64_t> parse_count(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  if (text.size() > 9) return 999'999'999;
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "Wed, 21 Oct 2015 07:28:00 GMT"
std::optional<core::TimePoint> parse_http_date(const std::string& text) {
  static constexpr const char* kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  int day = 0, year = 0, hour = 0, minute = 0, second = 0, used = 0;
  char month[4] = {};
  if (std::sscanf(text.c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT%n", &day, month, &year, &hour, &minute,
                  &second, &used) != 6 ||
      static_cast<std::size_t>(used) != text.size())
    return std::nullopt;
  const char* found = std::strstr(kMonths, month);
  if (found == nullptr || std::strlen(month) != 3 || (found - kMonths) % 3 != 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>((found - kMonths) / 3 + 1)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return core::TimePoint{std::chrono::sys_days{date}} + std::chrono::hours{hour} +
         std::chrono::minutes{minute} + std::chrono::seconds{second};
}

std::mt19937_64& shared_random() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return random;
}

}  // namespace

std::optional<Millis> retry_delay(const RetryPolicy& policy, int attempt, const Outcome& outcome,
                                  Repeatable repeatable, std::mt19937_64& random) {
  const int most = means_outage(outcome.status) ? std::min(policy.max_attempts, policy.outage_attempts)
                                                : policy.max_attempts;
  if (attempt >= most || !can_repeat(outcome, repeatable)) return std::nullopt;
  const Millis floor = outcome.retry_after.value_or(Millis{0});
  if (floor > policy.longest_retry_after) return std::nullopt;
  // 503 with no time named is an outage, not a queue: nobody waits half a minute for one request of a region
  // that is down.
  const bool throttled = outcome.status == 429 || (outcome.status == 503 && outcome.retry_after);
  const Millis jitter =
      random_up_to(backoff(throttled ? policy.throttled_base : policy.base, policy.ceiling, attempt), random);
  if (jitter >= floor) return jitter;
  return floor + random_up_to(policy.base, random);  // not all threads at the same instant
}

std::optional<Millis> parse_retry_after(const Response& response, core::TimePoint now) {
  for (const char* name : {"retry-after-ms", "x-ms-retry-after-ms"}) {
    const auto text = response.header(name);
    if (const auto millis = text ? parse_count(*text) : std::nullopt) return Millis{*millis};
  }
  const auto text = response.header("Retry-After");
  if (!text) return std::nullopt;
  if (const auto seconds = parse_count(*text)) return std::chrono::seconds{*seconds};
  const auto date = parse_http_date(*text);
  if (!date) return std::nullopt;
  const auto sent = parse_http_date(response.header("Date").value_or(""));
  return std::max(*date - sent.value_or(now), Millis{0});
}

Repeatable repeatable_by_method(std::string_view method) {
  return method == "POST" || method == "PATCH" ? Repeatable::only_if_not_begun : Repeatable::yes;
}

Response send_with_retry(Transport& transport, core::Clock& clock, const RetryPolicy& policy,
                         const Request& request, Repeatable repeatable, std::stop_token stop,
                         const RetryHooks& hooks) {
  Request attempt_request = request;
  bool delivered = false;
  if (request.on_body) {
    attempt_request.on_body = [&](const char* data, std::size_t size) {
      delivered = true;
      return request.on_body(data, size);
    };
  }
  const auto begun = clock.now();
  for (int attempt = 1;; ++attempt) {
    std::optional<Response> response;
    std::exception_ptr failure;
    Outcome outcome;
    if (hooks.before) hooks.before(attempt_request);
    try {
      response = transport.send(attempt_request, stop);
      outcome.status = response->status;
      outcome.retry_after = parse_retry_after(*response, clock.now());
      if (hooks.judge) hooks.judge(*response, outcome);
    } catch (const NetworkError& error) {
      failure = std::current_exception();
      outcome = {.network_retryable = error.retryable() && !delivered,
                 .maybe_received = error.maybe_received()};
    }
    const auto delay = retry_delay(policy, attempt, outcome, repeatable, shared_random());
    const bool hopeless =
        means_outage(outcome.status) && !outcome.retry_after && clock.now() - begun >= kOutagePatience;
    if (!delay || hopeless) {
      if (failure) std::rethrow_exception(failure);
      return std::move(*response);
    }
    core::log_debug("{} {}: attempt {} gave {}, again in {} ms", request.method,
                    core::redact_url(request.url), attempt,
                    outcome.status == 0 ? "no reply" : std::to_string(outcome.status), delay->count());
    if (!clock.sleep_for(*delay, stop))
      throw core::Error(core::ErrorKind::interrupted, "interrupted while waiting to send a request again");
  }
}

}  // namespace azlin::http
