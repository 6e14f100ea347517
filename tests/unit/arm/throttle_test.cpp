#include "arm/throttle.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "support/fake_clock.hpp"

namespace azlin::arm {
namespace {

using core::Millis;
using http::Headers;
using namespace std::chrono_literals;

constexpr const char* kSnapshots =
    "https://m/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/snapshots";
constexpr const char* kVm =
    "https://m/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/";

struct KeyRow {
  const char* name;
  const char* method;
  std::string url;
  const char* arm;
  const char* provider;
};

class ThrottleKeysTest : public ::testing::TestWithParam<KeyRow> {};

TEST_P(ThrottleKeysTest, NameTheBuckets) {
  const auto keys = throttle_keys(GetParam().method, GetParam().url);
  EXPECT_EQ(keys.arm, GetParam().arm);
  EXPECT_EQ(keys.provider, GetParam().provider);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ThrottleKeysTest,
    ::testing::Values(
        KeyRow{"List", "GET", kSnapshots, "read", "read microsoft.compute/snapshots list"},
        KeyRow{"Item", "GET", std::string(kSnapshots) + "/a?api-version=1", "read",
               "read microsoft.compute/snapshots"},
        KeyRow{"AnyCase", "GET", std::string(kSnapshots) + "/B", "read", "read microsoft.compute/snapshots"},
        KeyRow{"Put", "PUT", std::string(kSnapshots) + "/a", "write", "write microsoft.compute/snapshots"},
        KeyRow{"Delete", "DELETE", std::string(kSnapshots) + "/a", "delete",
               "delete microsoft.compute/snapshots"},
        KeyRow{"Action", "POST", std::string(kSnapshots) + "/a/beginGetAccess", "write",
               "write microsoft.compute/snapshots/begingetaccess list"},
        KeyRow{"OneVm", "GET", std::string(kVm) + "VM1?x", "read",
               "read microsoft.compute/virtualmachines vm1"},
        KeyRow{"VmList", "GET", "https://m/subscriptions/s/providers/Microsoft.Compute/virtualMachines",
               "read", "read microsoft.compute/virtualmachines list"},
        KeyRow{"Group", "HEAD", "https://m/subscriptions/s/resourceGroups/g", "read", "read resourcegroups"},
        KeyRow{"Subscriptions", "GET", "https://m/subscriptions", "read", "read "},
        KeyRow{"Root", "GET", "https://m", "read", "read "}),
    [](const auto& row) { return row.param.name; });

class ThrottleGateTest : public ::testing::Test {
 protected:
  void answer(const ThrottleKeys& keys, int status, Headers headers = {}, std::string body = {}) {
    gate.observe(keys, {.status = status, .headers = std::move(headers), .body = std::move(body)});
  }
  // How long a request of that kind waits now.
  Millis waited(const ThrottleKeys& keys) {
    const auto before = clock.now();
    gate.wait(keys, {});
    return clock.now() - before;
  }
  test::FakeClock clock;
  ThrottleGate gate{clock, 20min};
  const ThrottleKeys list = throttle_keys("GET", kSnapshots);
  const ThrottleKeys item = throttle_keys("GET", std::string(kSnapshots) + "/a");
  const ThrottleKeys put = throttle_keys("PUT", std::string(kSnapshots) + "/a");
};

TEST_F(ThrottleGateTest, NothingKnownMeansNoWait) {
  EXPECT_EQ(waited(list), 0ms);
}

TEST_F(ThrottleGateTest, AllRequestsOfTheKindWaitAfterA429) {
  answer(list, 429, {{"Retry-After", "17"}});
  EXPECT_GE(waited(list), 17s);
}

TEST_F(ThrottleGateTest, ClockThatIsSetBackMakesNobodyWait) {
  EXPECT_EQ(waited(list), 0ms);
  answer(list, 429, {{"Retry-After", "17"}});
  clock.advance(-24h);
  EXPECT_EQ(waited(list), 0ms);
}

TEST_F(ThrottleGateTest, OtherKindsGoOn) {
  answer(list, 429, {{"Retry-After", "17"}});
  EXPECT_EQ(waited(item), 0ms);
  EXPECT_EQ(waited(put), 0ms);
}

TEST_F(ThrottleGateTest, ThrottledVmLeavesOtherVmsAlone) {
  answer(throttle_keys("POST", std::string(kVm) + "a/start"), 429, {{"Retry-After", "60"}});
  EXPECT_EQ(waited(throttle_keys("POST", std::string(kVm) + "b/start")), 0ms);
  EXPECT_GE(waited(throttle_keys("POST", std::string(kVm) + "a/start")), 60s);
}

TEST_F(ThrottleGateTest, SubscriptionThrottleStopsAllReadsButNoWrite) {
  answer(list, 429, {{"Retry-After", "10"}},
         R"({"error":{"code":"SubscriptionRequestsThrottled","message":"x"}})");
  EXPECT_EQ(waited(put), 0ms);
  EXPECT_GE(waited(item), 10s);
}

TEST_F(ThrottleGateTest, EmptyArmBucketCountsAsSubscriptionThrottle) {
  answer(list, 429, {{"Retry-After", "10"}, {"x-ms-ratelimit-remaining-subscription-reads", "0"}});
  EXPECT_GE(waited(item), 10s);
}

TEST_F(ThrottleGateTest, WaitsAShortTimeWhereNoneIsNamed) {
  answer(list, 429);
  EXPECT_EQ(waited(list), 2s);
}

TEST_F(ThrottleGateTest, NeverWaitsLongerThanTheLimit) {
  answer(list, 429, {{"Retry-After", "86400"}});
  EXPECT_LE(waited(list), 20min);
}

TEST_F(ThrottleGateTest, LongWaitIsToldOnce) {
  testing::internal::CaptureStderr();
  answer(list, 429, {{"Retry-After", "17"}});
  answer(list, 200);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  answer(list, 429, {{"Retry-After", "1200"}});
  clock.advance(1s);
  answer(list, 429, {{"Retry-After", "1200"}});
  answer(put, 429, {{"Retry-After", "60"}});
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "warning: the service asks to wait for 1200 s (status 429): requests like 'read "
            "microsoft.compute/snapshots list' go on at 2025-12-01T08:20:00Z\n");
}

TEST_F(ThrottleGateTest, NextLongWaitIsToldAgain) {
  answer(list, 429, {{"Retry-After", "60"}});
  waited(list);
  testing::internal::CaptureStderr();
  answer(list, 503, {{"Retry-After", "60"}});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("60 s (status 503)"), std::string::npos);
  testing::internal::CaptureStderr();
  answer(item, 429, {{"Retry-After", "86400"}});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("go on at 2025-12-01T08:21:"), std::string::npos);
}

TEST_F(ThrottleGateTest, ThreadsAreLetGoOneAfterTheOther) {
  answer(list, 429, {{"Retry-After", "5"}});
  EXPECT_GE(waited(list), 5s);
  EXPECT_GT(waited(list), 0ms);
  EXPECT_GT(waited(list), 0ms);
}

TEST_F(ThrottleGateTest, LowRemainderSlowsDownToTheRefillRate) {
  answer(list, 200, {{"x-ms-ratelimit-remaining-subscription-reads", "3"}});
  waited(item);
  EXPECT_EQ(waited(item), 40ms);
  EXPECT_EQ(waited(list), 40ms);
  EXPECT_EQ(waited(put), 0ms);
}

TEST_F(ThrottleGateTest, HighRemainderEndsTheSlowdown) {
  answer(list, 200, {{"x-ms-ratelimit-remaining-subscription-reads", "3"}});
  waited(list);
  answer(list, 200, {{"x-ms-ratelimit-remaining-subscription-reads", "200"}});
  EXPECT_EQ(waited(list), 0ms);
  EXPECT_EQ(waited(list), 0ms);
}

TEST_F(ThrottleGateTest, SlowdownEndsByItselfWithoutNews) {
  answer(list, 200, {{"x-ms-ratelimit-remaining-subscription-reads", "3"}});
  clock.advance(61s);
  EXPECT_EQ(waited(list), 0ms);
  EXPECT_EQ(waited(list), 0ms);
}

TEST_F(ThrottleGateTest, ProviderBucketsAreReadJoinedAndRepeated) {
  answer(list, 200,
         {{"x-ms-ratelimit-remaining-resource",
           "Microsoft.Compute/HighCostGet3Min;290,Microsoft.Compute/HighCostGet30Min;4"},
          {"x-ms-ratelimit-remaining-resource", "Microsoft.Compute/Other;99"}});
  waited(list);
  EXPECT_EQ(waited(list), 1s);
  EXPECT_EQ(waited(item), 0ms);
}

TEST_F(ThrottleGateTest, UnreadableHeadersChangeNothing) {
  answer(list, 200,
         {{"x-ms-ratelimit-remaining-subscription-reads", "few"},
          {"x-ms-ratelimit-remaining-resource", ";,;x,"}});
  EXPECT_EQ(waited(list), 0ms);
  EXPECT_EQ(waited(list), 0ms);
}

TEST_F(ThrottleGateTest, StopEndsTheWait) {
  answer(list, 429, {{"Retry-After", "17"}});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(gate.wait(list, stop.get_token()), core::Error);
}

}  // namespace
}  // namespace azlin::arm
