#pragma once
// What the throttling headers of all replies said last, shared by all threads of the process.
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "azlin/core/clock.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::arm {

// The buckets that a request draws from: Azure Resource Manager's (per subscription and kind of request) and
// the provider's (per operation). Those of a virtual machine are its own; the disk provider's are the
// subscription's.
struct ThrottleKeys {
  std::string arm;       // "read", "write", "delete"
  std::string provider;  // "read microsoft.compute/snapshots list"
};
ThrottleKeys throttle_keys(const std::string& method, const std::string& url);

// Thread-safe. After a 429 all threads wait as long as the service said, but only with requests that draw
// from the same bucket; when a bucket runs low they go on at the rate at which it refills. A wait of half a
// minute and over that the service asks for is told once, as a warning. Borrows the clock.
class ThrottleGate {
 public:
  ThrottleGate(core::Clock& clock, core::Millis longest_wait) : clock_(clock), longest_wait_(longest_wait) {}

  // Waits for the turn of a request. Throws core::Error (interrupted) on stop.
  void wait(const ThrottleKeys& keys, std::stop_token stop);
  void observe(const ThrottleKeys& keys, const http::Response& response);

 private:
  struct Bucket {
    core::TimePoint blocked_until;
    core::TimePoint next_turn;
    core::Millis interval{0};     // between requests while the bucket is low…
    core::TimePoint paced_until;  // …and until when, unless a reply says so again
  };
  core::TimePoint reserve(const ThrottleKeys& keys);
  void pace(Bucket& bucket, core::Millis interval);
  void tell(const std::string& kind, int status, core::Millis asked, core::TimePoint until);

  core::Clock& clock_;
  core::Millis longest_wait_;
  std::mutex mutex_;
  core::TimePoint seen_{};  // the clock at the last reservation
  core::TimePoint told_{};  // until when people know that azlin waits
  std::map<std::string, Bucket> buckets_;
};

}  // namespace azlin::arm
