#pragma once
// The last requests, for a test to ask which ones were made. Thread-safe; in memory only.
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "azlin/core/clock.hpp"
#include "simulator/message.hpp"

namespace azlin::simulator {

struct LoggedRequest {
  std::int64_t number = 0;  // counts from 1
  core::TimePoint time{};
  std::string method, path, query;  // as sent; signatures in a SAS are left out
  int status = 0;                   // 0: the connection was cut
  double milliseconds = 0;          // of server time
};

class RequestLog {
 public:
  static constexpr std::size_t kKept = 50'000;
  void add(LoggedRequest entry);
  // Those numbered above `after`, oldest first, as the admin endpoint gives them.
  Json since(std::int64_t after) const;
  std::int64_t last() const;
  void clear();

 private:
  mutable std::mutex mutex_;
  std::deque<LoggedRequest> entries_;
  std::int64_t last_ = 0;
};

}  // namespace azlin::simulator
