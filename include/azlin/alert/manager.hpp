#pragma once
// Alerts and their messages (alerts.db). A message is on disk before anything is sent, so that neither a dead
// network nor a dead process loses it; it is delivered at least once, and its id lets a receiver drop a
// repetition.
//
// One alert is open a key. While it is open, raising it again sends nothing but a reminder after the rule's
// `renotify`, or at once when its severity rises. Resolving sends one message and closes it.
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/alert/config.hpp"
#include "azlin/alert/evaluate.hpp"
#include "azlin/alert/event.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/core/env.hpp"

namespace azlin::http {
class Transport;
}

namespace azlin::alert {

class Queue;
class Sender;

enum class RaiseResult {
  notified,  // a message was queued (or waits for alerts.yaml to be mended)
  repeated,  // already open: counted, no message
  recorded,  // open now, but no channel is to hear of it
  disabled,  // the rule is off: nothing was kept
};

struct AlertRecord {
  std::int64_t id = 0;
  AlertEvent event;  // as last raised; severity is set
  core::TimePoint first_at, last_at;
  std::int64_t count = 0;  // times raised
  std::optional<core::TimePoint> resolved_at;
  std::int64_t undelivered = 0;  // messages that still wait
};

// What still waits for one channel.
struct ChannelState {
  std::string channel;
  std::string type;  // "" when alerts.yaml has no such channel any more
  std::int64_t waiting = 0;
  std::int64_t delivered = 0;
  std::optional<core::TimePoint> next_attempt_at;
  std::string last_error;  // of the newest failed attempt that still waits
};

struct DeliverLimits {
  core::Millis time{4'000};  // no attempt begins after this, and none may last beyond it by more than 1 s
  int attempts = 20;
};

struct DeliverReport {
  int delivered = 0, failed = 0;    // attempts
  std::int64_t waiting = 0;         // afterwards, on all channels
  std::vector<std::string> errors;  // "slack: HTTP 503", one a channel
};

struct TestResult {
  std::string channel, type;
  bool ok = false;
  std::string detail;  // what the channel answered, or why it failed
};

// Several processes may work on one alerts.db; an object is for one thread. Borrows transport and clock.
// Database trouble throws core::Error as store::Database says.
class AlertManager {
 public:
  AlertManager(const std::string& db_path, AlertConfig config, http::Transport& transport, core::Env env,
               core::Clock& clock);
  ~AlertManager();

  // The subscription that this run works on: alerts of one name in another are others. Keys get its first 8
  // characters behind an '@'; a key that has an '@' is taken as it is. Empty (the default): no scope.
  void set_scope(const std::string& subscription);

  // All three only write; deliver() sends. handle() is raise or resolve by `event.resolved`.
  RaiseResult raise(const AlertEvent& event);
  // False: nothing was open under that key. `text` goes into the message.
  bool resolve(const std::string& key, const std::string& text = {});
  void handle(const AlertEvent& event);
  // Applies evaluate_overdue, and resolves open alerts on VMs that are no longer protected when all VMs are
  // known.
  std::vector<AlertEvent> check(const OverdueFacts& facts);

  // Sends what is due. After a failure its channel rests until a later call (1 min, doubled up to 1 h; a
  // refusal that the same settings will meet again, 1 h; Retry-After is a floor); the other channels go on.
  // Never throws for what a channel does; core::Error (interrupted) when `stop` is requested, with the
  // message in hand kept.
  DeliverReport deliver(const DeliverLimits& limits, std::stop_token stop);

  // Open alerts, and those resolved at or after `resolved_since`. Open first, then the newest first.
  std::vector<AlertRecord> list(std::optional<core::TimePoint> resolved_since = {});
  std::vector<ChannelState> channel_states();

  // A test message now, past the queue, to one channel or (empty) to all. Throws core::Error: usage for an
  // unknown channel or when there is none; usage when alerts.yaml is not valid.
  std::vector<TestResult> test(const std::string& channel, std::stop_token stop);

  const AlertConfig& config() const { return config_; }

 private:
  // False when the channel is done with for this call: nothing due, or it failed.
  bool deliver_one(const Channel& channel, core::Millis limit, DeliverReport& report,
                   const std::stop_token& stop);

  std::string scoped(const std::string& key) const;
  // Gives the event's key its scope, and an alert that is open under a former key that key.
  void take_over(AlertEvent& event);

  AlertConfig config_;
  std::string scope_;  // "@1a2b3c4d", or empty
  core::Clock& clock_;
  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Sender> sender_;
};

// The wait before attempt `attempts` + 1 of a message: pure.
core::Millis delivery_delay(int attempts, bool permanent, std::optional<core::Millis> retry_after);

}  // namespace azlin::alert
