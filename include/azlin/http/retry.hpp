#pragma once
// When to try again, and after how long.
#include <optional>
#include <random>

#include "azlin/http/transport.hpp"

namespace azlin::http {

struct RetryPolicy {
  int max_attempts = 6;                // the first one included
  int outage_attempts = 6;             // the most when there is no reply, or 500, 502, 503 or 504
  core::Millis base{500};              // doubled each attempt, full jitter
  core::Millis throttled_base{2'000};  // for 429, and 503 with Retry-After
  core::Millis ceiling{60'000};
  core::Millis longest_retry_after{
      1'200'000};  // a longer Retry-After is an error at once: 20 min is Compute's most
};

// What one attempt ended in.
struct Outcome {
  int status = 0;  // 0: no reply
  bool network_retryable = false;
  bool maybe_received = false;              // with status 0
  std::optional<core::Millis> retry_after;  // a floor, from Retry-After or retry-after-ms
};

// GET, HEAD, PUT, DELETE, OPTIONS, and PATCH of tags can be repeated; a POST cannot unless it was never
// received, or was answered 429/503 (not begun).
enum class Repeatable { yes, only_if_not_begun };

// nullopt: do not retry. Pure but for `random`. `attempt` counts from 1.
std::optional<core::Millis> retry_delay(const RetryPolicy& policy, int attempt, const Outcome& outcome,
                                        Repeatable repeatable, std::mt19937_64& random);

// Retry-After in seconds or as an HTTP date (measured from the reply's own Date where it has one, so that a
// wrong local clock does not matter), or retry-after-ms. nullopt: none, or not readable. Never negative.
std::optional<core::Millis> parse_retry_after(const Response& response, core::TimePoint now);

// What a caller adds to each attempt. Both may be empty.
struct RetryHooks {
  std::function<void(Request&)> before;                  // authorise, wait for a turn
  std::function<void(const Response&, Outcome&)> judge;  // may change the outcome that decides about a retry
};

// Sends until there is a reply that is not to be retried, and returns it (also a failing one when attempts
// ran out). Throws what Transport::send throws when the last attempt had no reply, and core::Error
// (interrupted) on stop. A request whose on_body has been given bytes is not sent again.
Response send_with_retry(Transport& transport, core::Clock& clock, const RetryPolicy& policy,
                         const Request& request, Repeatable repeatable, std::stop_token stop,
                         const RetryHooks& hooks = {});

// Whether a request of that method can be repeated: all but POST and PATCH.
Repeatable repeatable_by_method(std::string_view method);

}  // namespace azlin::http
