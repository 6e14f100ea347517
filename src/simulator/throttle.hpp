#pragma once
// Token buckets: ARM's per subscription and principal, and Compute's. Counts always, refuses only when
// enabled. Used under Context::mutex.
#include <map>
#include <string>

#include "azlin/core/clock.hpp"
#include "simulator/message.hpp"

namespace azlin::simulator {

// Holds up to `size` tokens and gains `per_second`.
struct Bucket {
  double size = 0, per_second = 0;
  double level = -1;  // -1: full, not used yet
  core::TimePoint at{};

  // Takes one token if there is one. Time that went back adds nothing.
  bool take(core::TimePoint now);
  // Seconds until a token is there, rounded up, at least 1.
  int wait_seconds() const;
};

class Throttle {
 public:
  bool enabled = false;
  // Charges the request and adds the x-ms-ratelimit-… headers to `headers`. Throws ApiError 429 when enabled
  // and a bucket is empty: SubscriptionRequestsThrottled in ARM's form, OperationNotAllowed in Compute's.
  void charge(const Request& request, core::TimePoint now, Headers& headers);
  // Resource Graph: 15 queries in 5 seconds. Adds x-ms-user-quota-…; throws ApiError 429 RateLimiting when
  // enabled.
  void charge_graph(const Request& request, core::TimePoint now, Headers& headers);
  // The data plane of a store: `kind` keyVault (4,000 in 10 s), keyVaultCreate (300 in 10 s) or
  // appConfiguration (30,000 in an hour), unless `store_limits` has another number. Throws ApiError 429 with
  // Retry-After when enabled.
  void charge_store(const std::string& kind, const std::string& store, core::TimePoint now);
  void clear() { buckets_.clear(); }

  std::map<std::string, int> store_limits;

 private:
  void charge_arm(const Request& request, core::TimePoint now, Headers& headers);
  void charge_compute(const Request& request, core::TimePoint now, Headers& headers);
  Bucket& bucket(const std::string& name, double size, double per_second);
  std::map<std::string, Bucket> buckets_;
};

}  // namespace azlin::simulator
