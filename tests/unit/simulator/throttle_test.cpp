#include "simulator/throttle.hpp"

#include <gtest/gtest.h>

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ThrottleTest : public ::testing::Test {
 protected:
  static Request request(const std::string& method, const std::string& path) {
    Request made;
    made.method = method;
    made.target = parse_target(method, split_path(path));
    made.principal = "someone";
    return made;
  }
  // How many of them are let through before the first refusal.
  int allowed(const Request& wanted, core::TimePoint now, int limit) {
    Headers headers;
    for (int i = 0; i < limit; ++i) {
      try {
        throttle_.charge(wanted, now, headers);
      } catch (const ApiError& error) {
        refusal_ = error;
        return i;
      }
    }
    return limit;
  }

  Throttle throttle_;
  std::optional<ApiError> refusal_;
  const core::TimePoint start_{seconds(1'764'576'000)};
  const std::string group_ = "/subscriptions/s/resourceGroups/g";
};

TEST(BucketTest, RegainsWithTimeAndNeverPassesItsSize) {
  const core::TimePoint t{seconds(1'000)};
  Bucket bucket{2, 1};
  EXPECT_TRUE(bucket.take(t));
  EXPECT_TRUE(bucket.take(t));
  EXPECT_FALSE(bucket.take(t));
  EXPECT_EQ(bucket.wait_seconds(), 1);
  EXPECT_FALSE(bucket.take(t + milliseconds(900)));
  EXPECT_TRUE(bucket.take(t + milliseconds(1'000)));
  EXPECT_TRUE(bucket.take(t + seconds(1'000)));
  EXPECT_TRUE(bucket.take(t + seconds(1'000)));
  EXPECT_FALSE(bucket.take(t + seconds(1'000)));
}

TEST(BucketTest, ClockSetBackGivesNothing) {
  Bucket bucket{1, 1};
  EXPECT_TRUE(bucket.take(core::TimePoint{seconds(1'000)}));
  EXPECT_FALSE(bucket.take(core::TimePoint{seconds(500)}));
  EXPECT_TRUE(bucket.take(core::TimePoint{seconds(501)}));
}

// ARM: reads 250 (refill 25 a second), writes 200 (10), deletes 200 (10).
TEST_F(ThrottleTest, ArmBucketsHaveAzuresSizes) {
  throttle_.enabled = true;
  EXPECT_EQ(allowed(request("GET", group_), start_, 1'000), 250);
  EXPECT_EQ(refusal_->code, "SubscriptionRequestsThrottled");
  EXPECT_EQ(refusal_->message,
            "Number of 'read' requests for subscription 's' actor 'someone' exceeded. Please try again after "
            "'1' seconds.");
  EXPECT_EQ(refusal_->headers[0], (std::pair<std::string, std::string>{"Retry-After", "1"}));
  EXPECT_EQ(allowed(request("GET", group_), start_ + seconds(2), 1'000), 50);
  EXPECT_EQ(allowed(request("PUT", group_), start_, 1'000), 200);
  EXPECT_EQ(allowed(request("DELETE", group_), start_ + seconds(1), 1'000), 200);
}

// Compute's 429 has no "error" around it; its details' message is JSON in a text.
TEST_F(ThrottleTest, ComputeRefusesInItsOwnForm) {
  throttle_.enabled = true;
  const auto start = request("POST", group_ + "/providers/Microsoft.Compute/virtualMachines/v/start");
  EXPECT_EQ(allowed(start, start_, 100), 12);  // 12 for one VM
  EXPECT_EQ(
      allowed(request("POST", group_ + "/providers/Microsoft.Compute/virtualMachines/w/start"), start_, 5),
      5);
  ASSERT_TRUE(refusal_);
  const Json body = Json::parse(Reply::error(*refusal_).body);
  EXPECT_EQ(body["code"], "OperationNotAllowed");
  EXPECT_EQ(body["details"][0]["code"], "TooManyRequests");
  const Json inner = Json::parse(body["details"][0]["message"].get<std::string>());
  EXPECT_EQ(inner["operationGroup"], "UpdateVMResource");
  EXPECT_EQ(inner["allowedRequestCount"], 12);
  EXPECT_EQ(allowed(start, start_ + seconds(60), 100), 4);  // 4 a minute come back
}

TEST_F(ThrottleTest, CountsButDoesNotRefuseUnlessEnabled) {
  Headers headers;
  EXPECT_EQ(allowed(request("GET", group_), start_, 1'000), 1'000);
  throttle_.charge(request("PUT", group_ + "/providers/Microsoft.Compute/snapshots/x"), start_, headers);
  EXPECT_EQ(headers[0],
            (std::pair<std::string, std::string>{"x-ms-ratelimit-remaining-subscription-writes", "199"}));
  EXPECT_EQ(headers[2].second,
            "Microsoft.Compute/HighCostSnapshotCreateHydrate3Min;999,Microsoft.Compute/"
            "HighCostSnapshotCreateHydrate30Min;7999");
}

// 15 queries in 5 seconds.
TEST_F(ThrottleTest, GraphHasAWindow) {
  throttle_.enabled = true;
  const auto query = request("POST", "/providers/Microsoft.ResourceGraph/resources");
  Headers headers;
  for (int i = 0; i < 15; ++i) throttle_.charge_graph(query, start_, headers);
  EXPECT_EQ(headers[28].second, "0");
  EXPECT_EQ(headers[29].second, "00:00:05");
  EXPECT_THROW(throttle_.charge_graph(query, start_ + seconds(4), headers), ApiError);
  EXPECT_NO_THROW(throttle_.charge_graph(query, start_ + seconds(5), headers));
}

}  // namespace
}  // namespace azlin::simulator
