#pragma once
// The tables of alerts.db (docs/alerts.md). Every change is one transaction, on disk when the call returns.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "alert/message.hpp"
#include "azlin/alert/manager.hpp"
#include "azlin/store/database.hpp"

namespace azlin::alert {

// A message that this process is to bring to a channel, held by a lease.
struct Claim {
  std::int64_t delivery = 0;
  int attempts = 0;  // before this one
  Message message;
};

// One thread; several processes may share the file.
class Queue {
 public:
  explicit Queue(const std::string& path);

  // `event` is clean, with key, severity and time. The messages it makes are spread to channels with
  // `config`, unless that has an error: then by a later fan_out.
  RaiseResult raise(const AlertEvent& event, const AlertConfig& config);
  // The alert that is open under `former`, if any, is from now on the one of `key`, unless that has one.
  void take_over(const std::string& former, const std::string& key);
  bool resolve(const std::string& key, const std::string& text, const AlertConfig& config,
               core::TimePoint now);
  // Spreads the messages that wait for a valid configuration.
  void fan_out(const AlertConfig& config, core::TimePoint now);

  // The next due delivery of `channel`, leased until `lease_until`. One alert's messages keep their order on
  // a channel.
  std::optional<Claim> claim(const std::string& channel, core::TimePoint now, core::TimePoint lease_until);
  void delivered(std::int64_t delivery, core::TimePoint now);
  // Also holds back whatever else waits for the channel until `next`.
  void failed(std::int64_t delivery, const std::string& channel, core::TimePoint next,
              const std::string& error);
  void release(std::int64_t delivery);  // not attempted after all

  std::int64_t waiting();
  std::vector<AlertRecord> list(std::optional<core::TimePoint> resolved_since);
  std::vector<ChannelState> channel_states();
  // Forgets what was resolved, and delivered or given up, before `before`.
  void purge(core::TimePoint before);

 private:
  void add_message(std::int64_t alert, MessageKind kind, const AlertEvent& event, const AlertConfig& config);
  void spread(const std::string& message, const std::string& alert_key,
              const std::vector<std::string>& channels, core::TimePoint now);
  store::Database db_;
};

}  // namespace azlin::alert
