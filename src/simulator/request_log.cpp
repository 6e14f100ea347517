#include "simulator/request_log.hpp"

namespace azlin::simulator {

void RequestLog::add(LoggedRequest entry) {
  const std::lock_guard lock(mutex_);
  entry.number = ++last_;
  entries_.push_back(std::move(entry));
  if (entries_.size() > kKept) entries_.pop_front();
}

Json RequestLog::since(std::int64_t after) const {
  const std::lock_guard lock(mutex_);
  Json list = Json::array();
  for (const auto& entry : entries_) {
    if (entry.number <= after) continue;
    list.push_back({{"number", entry.number},
                    {"time", core::to_iso8601(entry.time)},
                    {"method", entry.method},
                    {"path", entry.path},
                    {"query", entry.query},
                    {"status", entry.status},
                    {"milliseconds", entry.milliseconds}});
  }
  return list;
}

std::int64_t RequestLog::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void RequestLog::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

}  // namespace azlin::simulator
