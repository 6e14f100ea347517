#include "azlin/http/retry.hpp"

#include <gtest/gtest.h>

#include "support/fake_clock.hpp"
#include "support/scripted_transport.hpp"

namespace azlin::http {
namespace {

using core::Millis;
using test::reply;
using namespace std::chrono_literals;

constexpr Repeatable kYes = Repeatable::yes, kPost = Repeatable::only_if_not_begun;
constexpr std::int64_t kNever = -1;

struct DelayRow {
  const char* name;
  int attempt;
  Outcome outcome;
  Repeatable repeatable;
  std::int64_t least, most;  // ms; kNever: not retried
};

Outcome status(int code) {
  return {.status = code};
}
Outcome status(int code, Millis retry_after) {
  return {.status = code, .retry_after = retry_after};
}
Outcome lost(bool retryable, bool maybe_received) {
  return {.network_retryable = retryable, .maybe_received = maybe_received};
}

class RetryDelayTest : public ::testing::TestWithParam<DelayRow> {};

TEST_P(RetryDelayTest, LiesInItsRange) {
  const auto& row = GetParam();
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    const auto delay = retry_delay({}, row.attempt, row.outcome, row.repeatable, random);
    if (row.least == kNever) {
      ASSERT_FALSE(delay);
      continue;
    }
    ASSERT_TRUE(delay);
    EXPECT_GE(delay->count(), row.least);
    EXPECT_LE(delay->count(), row.most);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, RetryDelayTest,
    ::testing::Values(DelayRow{"Ok", 1, status(200), kYes, kNever, 0},
                      DelayRow{"Created", 1, status(201), kYes, kNever, 0},
                      DelayRow{"Redirect", 1, status(302), kYes, kNever, 0},
                      DelayRow{"BadRequest", 1, status(400), kYes, kNever, 0},
                      DelayRow{"Unauthorized", 1, status(401), kYes, kNever, 0},
                      DelayRow{"Forbidden", 1, status(403), kYes, kNever, 0},
                      DelayRow{"NotFound", 1, status(404), kYes, kNever, 0},
                      DelayRow{"Conflict", 1, status(409), kYes, kNever, 0},
                      DelayRow{"Gone", 1, status(410), kYes, kNever, 0},
                      DelayRow{"Precondition", 1, status(412), kYes, kNever, 0},
                      DelayRow{"NotImplemented", 1, status(501), kYes, kNever, 0},
                      DelayRow{"Timeout408", 1, status(408), kYes, 0, 500},
                      DelayRow{"Internal", 1, status(500), kYes, 0, 500},
                      DelayRow{"BadGateway", 1, status(502), kYes, 0, 500},
                      DelayRow{"GatewayTimeout", 1, status(504), kYes, 0, 500},
                      DelayRow{"Throttled", 1, status(429), kYes, 0, 2'000},
                      DelayRow{"Unavailable", 1, status(503), kYes, 0, 500},
                      DelayRow{"SecondAttempt", 2, status(500), kYes, 0, 1'000},
                      DelayRow{"ThirdAttempt", 3, status(500), kYes, 0, 2'000},
                      DelayRow{"FifthThrottled", 5, status(429), kYes, 0, 32'000},
                      DelayRow{"LastAttempt", 6, status(500), kYes, kNever, 0},
                      DelayRow{"LastThrottled", 6, status(429), kYes, kNever, 0},
                      DelayRow{"PostThrottled", 1, status(429), kPost, 0, 2'000},
                      DelayRow{"PostUnavailable", 1, status(503), kPost, 0, 500},
                      DelayRow{"PostInternal", 1, status(500), kPost, kNever, 0},
                      DelayRow{"PostGatewayTimeout", 1, status(504), kPost, kNever, 0},
                      DelayRow{"PostBadGateway", 1, status(502), kPost, kNever, 0},
                      DelayRow{"PostTimeout", 1, status(408), kPost, kNever, 0},
                      DelayRow{"RefusedConnection", 1, lost(true, false), kYes, 0, 500},
                      DelayRow{"LostReply", 1, lost(true, true), kYes, 0, 500},
                      DelayRow{"PostRefusedConnection", 1, lost(true, false), kPost, 0, 500},
                      DelayRow{"PostLostReply", 1, lost(true, true), kPost, kNever, 0},
                      DelayRow{"TlsFailure", 1, lost(false, false), kYes, kNever, 0},
                      DelayRow{"RetryAfterIsTheFloor", 1, status(429, 10s), kYes, 10'000, 10'500},
                      DelayRow{"RetryAfterOn503", 1, status(503, 7s), kYes, 7'000, 7'500},
                      DelayRow{"RetryAfterZeroOn503", 1, status(503, 0s), kYes, 0, 2'000},
                      DelayRow{"RetryAfterZero", 1, status(429, 0s), kYes, 0, 2'000},
                      DelayRow{"RetryAfterBelowBackoff", 5, status(429, 1s), kYes, 1'000, 32'000},
                      DelayRow{"RetryAfterTwentyMinutes", 1, status(429, 20min), kYes, 1'200'000, 1'200'500},
                      DelayRow{"RetryAfterTooLong", 1, status(429, 1201s), kYes, kNever, 0},
                      DelayRow{"RetryAfterOnSuccessIsNoRetry", 1, status(202, 5s), kYes, kNever, 0}),
    [](const auto& row) { return row.param.name; });

TEST(RetryDelayPolicyTest, OutagesMayGetFewerAttempts) {
  std::mt19937_64 random(1);
  const RetryPolicy policy{.outage_attempts = 2};
  EXPECT_TRUE(retry_delay(policy, 1, status(503), kYes, random));
  EXPECT_FALSE(retry_delay(policy, 2, status(503), kYes, random));
  EXPECT_FALSE(retry_delay(policy, 2, {.network_retryable = true}, kYes, random));
  EXPECT_TRUE(retry_delay(policy, 5, status(429), kYes, random)) << "throttling is no outage";
}

TEST(RetryDelayLimitTest, BackoffStopsAtTheCeiling) {
  RetryPolicy policy;
  policy.max_attempts = 100;
  std::mt19937_64 random(2);
  for (int attempt = 1; attempt < 99; ++attempt)
    EXPECT_LE(*retry_delay(policy, attempt, status(500), kYes, random), 60s);
}

TEST(RetryDelayLimitTest, JitterSpreadsTheDelays) {
  std::mt19937_64 random(3);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 50; ++i) seen.insert(retry_delay({}, 4, status(500), kYes, random)->count());
  EXPECT_GT(seen.size(), 40U);
}

struct AfterRow {
  const char* name;
  Headers headers;
  std::int64_t millis;  // kNever: nullopt
};

class RetryAfterTest : public ::testing::TestWithParam<AfterRow> {};

TEST_P(RetryAfterTest, IsReadOrIgnored) {
  const auto now = core::parse_time("2025-12-01T08:00:00Z").value();
  const auto delay = parse_retry_after({.status = 429, .headers = GetParam().headers}, now);
  EXPECT_EQ(delay ? delay->count() : kNever, GetParam().millis);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, RetryAfterTest,
    ::testing::Values(
        AfterRow{"None", {}, kNever}, AfterRow{"Seconds", {{"Retry-After", "17"}}, 17'000},
        AfterRow{"AnyCase", {{"retry-after", "1"}}, 1'000}, AfterRow{"Zero", {{"Retry-After", "0"}}, 0},
        AfterRow{"Huge", {{"Retry-After", "99999999999999999999"}}, 999'999'999'000},
        AfterRow{"Negative", {{"Retry-After", "-5"}}, kNever},
        AfterRow{"Words", {{"Retry-After", "soon"}}, kNever},
        AfterRow{"Empty", {{"Retry-After", ""}}, kNever},
        AfterRow{"Millis", {{"retry-after-ms", "1500"}}, 1'500},
        AfterRow{"MillisWin", {{"Retry-After", "9"}, {"x-ms-retry-after-ms", "250"}}, 250},
        AfterRow{"BadMillisFallBack", {{"Retry-After", "9"}, {"retry-after-ms", "x"}}, 9'000},
        AfterRow{"Date", {{"Retry-After", "Mon, 01 Dec 2025 08:00:30 GMT"}}, 30'000},
        AfterRow{"PastDate", {{"Retry-After", "Mon, 01 Dec 2025 07:00:00 GMT"}}, 0},
        AfterRow{
            "DateAgainstTheServersClock",
            {{"Retry-After", "Mon, 01 Dec 2025 09:00:30 GMT"}, {"Date", "Mon, 01 Dec 2025 09:00:00 GMT"}},
            30'000},
        AfterRow{"BadMonth", {{"Retry-After", "Mon, 01 Dez 2025 08:00:30 GMT"}}, kNever},
        AfterRow{"MonthAcrossNames", {{"Retry-After", "Mon, 01 anF 2025 08:00:30 GMT"}}, kNever},
        AfterRow{"BadDay", {{"Retry-After", "Mon, 31 Feb 2025 08:00:30 GMT"}}, kNever},
        AfterRow{"TrailingText", {{"Retry-After", "Mon, 01 Dec 2025 08:00:30 GMT!"}}, kNever}),
    [](const auto& row) { return row.param.name; });

class SendWithRetryTest : public ::testing::Test {
 protected:
  Response send(const std::string& method = "GET", const RetryHooks& hooks = {}, std::stop_token stop = {}) {
    return send_with_retry(transport, clock, {}, {.method = method, .url = "https://h/a"},
                           repeatable_by_method(method), stop, hooks);
  }
  test::FakeClock clock;
  test::ScriptedTransport transport;
};

TEST_F(SendWithRetryTest, GoesOnUntilItWorks) {
  transport.expect("GET", "/a", reply(503, "", {{"Retry-After", "3"}}));
  transport.expect_failure("GET", "/a", true);
  transport.expect("GET", "/a", reply(200, "done"));
  EXPECT_EQ(send().body, "done");
  const auto sleeps = clock.sleeps();
  ASSERT_EQ(sleeps.size(), 2U);
  EXPECT_GE(sleeps[0], 3s);
}

TEST_F(SendWithRetryTest, ReturnsTheLastFailureWhenAttemptsRunOut) {
  for (int i = 0; i < 6; ++i) transport.expect("GET", "/a", reply(500, std::to_string(i)));
  EXPECT_EQ(send().body, "5");
}

TEST_F(SendWithRetryTest, ThrowsTheLastNetworkError) {
  for (int i = 0; i < 6; ++i) transport.expect_failure("GET", "/a", false);
  EXPECT_THROW(send(), NetworkError);
}

TEST_F(SendWithRetryTest, ServiceThatIsSilentForMinutesIsGivenUp) {
  for (int i = 0; i < 2; ++i) {
    transport.expect("GET", "/a", [&](const Request&) -> Response {
      clock.advance(1min);
      throw NetworkError("no answer within a minute", true, true);
    });
  }
  EXPECT_THROW(send(), NetworkError);
  EXPECT_EQ(transport.requests().size(), 2U);
}

TEST_F(SendWithRetryTest, WhoSaysWhenToComeBackIsWaitedFor) {
  for (int i = 0; i < 5; ++i) transport.expect("GET", "/a", reply(503, "", {{"Retry-After", "60"}}));
  transport.expect("GET", "/a", reply(200, "done"));
  EXPECT_EQ(send().body, "done");
}

TEST_F(SendWithRetryTest, PostWithALostReplyIsNotSentAgain) {
  transport.expect_failure("POST", "/a", true);
  EXPECT_THROW(send("POST"), NetworkError);
  EXPECT_EQ(transport.requests().size(), 1U);
}

TEST_F(SendWithRetryTest, StopEndsTheWait) {
  std::stop_source stop;
  transport.expect("GET", "/a", [&](const Request&) {
    stop.request_stop();
    return reply(503);
  });
  try {
    send("GET", {}, stop.get_token());
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::interrupted);
  }
}

TEST_F(SendWithRetryTest, HooksRunForEachAttemptAndMayAskForAnother) {
  transport.expect("GET", "/a", reply(409));
  transport.expect("GET", "/a", reply(200));
  int attempts = 0;
  RetryHooks hooks;
  hooks.before = [&](Request& request) { request.headers = {{"n", std::to_string(++attempts)}}; };
  hooks.judge = [](const Response& response, Outcome& outcome) {
    if (response.status == 409) outcome.status = 503;
  };
  EXPECT_EQ(send("GET", hooks).status, 200);
  EXPECT_EQ(transport.sent_header(0, "n"), "1");
  EXPECT_EQ(transport.sent_header(1, "n"), "2");
}

TEST_F(SendWithRetryTest, BytesAlreadyDeliveredAreNotDeliveredTwice) {
  std::string got;
  Request request{.url = "https://h/a"};
  request.on_body = [&](const char* data, std::size_t size) {
    got.append(data, size);
    return true;
  };
  transport.expect("GET", "/a", [](const Request& seen) -> Response {
    seen.on_body("half", 4);
    throw NetworkError("cut", true, true);
  });
  EXPECT_THROW(send_with_retry(transport, clock, {}, request, Repeatable::yes, {}), NetworkError);
  EXPECT_EQ(got, "half");
}

}  // namespace
}  // namespace azlin::http
