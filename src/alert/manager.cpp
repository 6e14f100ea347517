#include "azlin/alert/manager.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "alert/queue.hpp"
#include "alert/sender.hpp"
#include "alert/text.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/suggest.hpp"

namespace azlin::alert {

using core::Error;
using core::ErrorKind;
using core::Millis;

namespace {

constexpr Millis kFirstDelay{60'000}, kLongestDelay{3'600'000}, kLongestRetryAfter{24 * 3'600'000};
constexpr Millis kLongestAttempt{15'000}, kShortestAttempt{1'000};
constexpr Millis kLeaseMargin{30'000};  // beyond the attempt's limit: then its process is taken for dead
constexpr std::chrono::days kKeep{90};

// The rules that evaluate_overdue judges by VM.
bool is_overdue_rule(Rule rule) {
  return rule == Rule::verification_overdue || rule == Rule::rpo_exceeded || rule == Rule::rto_exceeded;
}

}  // namespace

Millis delivery_delay(int attempts, bool permanent, std::optional<Millis> retry_after) {
  const int doublings = std::clamp(attempts - 1, 0, 10);
  const auto delay = permanent ? kLongestDelay : std::min(kLongestDelay, kFirstDelay * (1 << doublings));
  return std::max(delay, std::min(retry_after.value_or(Millis{0}), kLongestRetryAfter));
}

AlertManager::AlertManager(const std::string& db_path, AlertConfig config, http::Transport& transport,
                           core::Env env, core::Clock& clock)
    : config_(std::move(config)),
      clock_(clock),
      queue_(std::make_unique<Queue>(db_path)),
      sender_(std::make_unique<Sender>(transport, std::move(env), clock)) {}

AlertManager::~AlertManager() = default;

void AlertManager::set_scope(const std::string& subscription) {
  scope_ = subscription.empty() ? "" : "@" + core::to_lower(clean_line(subscription).substr(0, 8));
}

std::string AlertManager::scoped(const std::string& key) const {
  return key.find('@') == std::string::npos ? key + scope_ : key;
}

void AlertManager::take_over(AlertEvent& event) {
  event.key = scoped(event.key);
  for (const auto& former : event.former_keys) queue_->take_over(scoped(clean_line(former)), event.key);
}

RaiseResult AlertManager::raise(const AlertEvent& event) {
  const auto& rule = config_.rule(event.rule);
  if (!rule.enabled) return RaiseResult::disabled;
  AlertEvent clean = event;
  clean.subject = shortened(clean_line(event.subject), 200);
  clean.group = shortened(clean_line(event.group), 200);
  clean.key = event.key.empty() ? alert_key(event.rule, {clean.subject, clean.group}) : clean_line(event.key);
  take_over(clean);
  clean.severity = event.severity.value_or(rule.severity);
  clean.title = shortened(clean_line(event.title), 300);
  clean.text = shortened(clean_text(event.text), 8'000);
  for (auto& [name, value] : clean.facts) {
    name = shortened(clean_line(name), 100);
    value = shortened(clean_line(value), 1'000);
  }
  if (clean.at == core::TimePoint{}) clean.at = clock_.now();
  return queue_->raise(clean, config_);
}

bool AlertManager::resolve(const std::string& key, const std::string& text) {
  return queue_->resolve(scoped(clean_line(key)), shortened(clean_text(text), 8'000), config_, clock_.now());
}

void AlertManager::handle(const AlertEvent& event) {
  if (!event.resolved) {
    raise(event);
    return;
  }
  AlertEvent well = event;
  well.key = clean_line(event.key);
  take_over(well);
  resolve(well.key, well.text);
}

std::vector<AlertEvent> AlertManager::check(const OverdueFacts& facts) {
  auto events = evaluate_overdue(config_, facts, clock_.now());
  if (facts.all_vms_known) {
    std::set<std::string> known;  // keys
    for (const auto& vm : facts.vms) {
      for (const Rule rule : kRules) {
        if (!is_overdue_rule(rule)) continue;
        auto event = all_clear(rule, {vm.vm, vm.group});
        take_over(event);
        known.insert(event.key);
      }
    }
    for (const auto& open : list()) {
      const auto& key = open.event.key;
      if (key != scoped(key.substr(0, key.find('@')))) continue;  // of another subscription
      if (is_overdue_rule(open.event.rule) && known.count(key) == 0) {
        auto event = all_clear(open.event.rule, open.event.subject, "This VM is no longer protected.");
        event.key = key;
        events.push_back(std::move(event));
      }
    }
  }
  for (const auto& event : events) handle(event);
  return events;
}

DeliverReport AlertManager::deliver(const DeliverLimits& limits, std::stop_token stop) {
  DeliverReport report;
  const auto end = clock_.now() + limits.time;
  if (config_.error.empty()) queue_->fan_out(config_, clock_.now());
  std::vector<const Channel*> channels;  // that have something due and did not fail in this call
  for (const auto& channel : config_.channels) channels.push_back(&channel);
  // One message a channel in turn, so that a slow channel does not starve the others.
  for (std::size_t turn = 0; !channels.empty() && report.delivered + report.failed < limits.attempts;) {
    const auto left = end - clock_.now();
    if (left <= Millis{0} || stop.stop_requested()) break;
    turn %= channels.size();
    const auto share =
        std::clamp<Millis>(left / static_cast<int>(channels.size()), kShortestAttempt, kLongestAttempt);
    if (deliver_one(*channels[turn], share, report, stop))
      ++turn;
    else
      channels.erase(channels.begin() + static_cast<std::ptrdiff_t>(turn));
  }
  queue_->purge(clock_.now() - kKeep);
  report.waiting = queue_->waiting();
  return report;
}

bool AlertManager::deliver_one(const Channel& channel, Millis limit, DeliverReport& report,
                               const std::stop_token& stop) {
  const auto now = clock_.now();
  const auto claim = queue_->claim(channel.name, now, now + limit + kLeaseMargin);
  if (!claim) return false;
  SendResult result;
  try {
    result = sender_->send(channel, claim->message, limit, stop);
  } catch (...) {
    queue_->release(claim->delivery);
    throw;
  }
  if (result.ok) {
    queue_->delivered(claim->delivery, clock_.now());
    ++report.delivered;
    return true;
  }
  const auto delay = delivery_delay(claim->attempts + 1, result.permanent, result.retry_after);
  queue_->failed(claim->delivery, channel.name, clock_.now() + delay, result.detail);
  report.errors.push_back(channel.name + ": " + result.detail);
  ++report.failed;
  return false;
}

std::vector<AlertRecord> AlertManager::list(std::optional<core::TimePoint> resolved_since) {
  return queue_->list(resolved_since);
}

std::vector<ChannelState> AlertManager::channel_states() {
  auto states = queue_->channel_states();
  for (const auto& channel : config_.channels) {
    const auto found = std::find_if(states.begin(), states.end(),
                                    [&](const ChannelState& s) { return s.channel == channel.name; });
    auto& state = found == states.end() ? states.emplace_back() : *found;
    state.channel = channel.name;
    state.type = channel.type();
  }
  return states;
}

std::vector<TestResult> AlertManager::test(const std::string& wanted, std::stop_token stop) {
  if (!config_.error.empty()) throw Error(ErrorKind::usage, config_.error);
  if (config_.channels.empty())
    throw Error(ErrorKind::usage, "no channel is set up",
                "add one under channels: in alerts.yaml (docs/alerts.md)");
  if (!wanted.empty() && config_.find_channel(wanted) == nullptr) {
    std::vector<std::string> known;
    for (const auto& channel : config_.channels) known.push_back(channel.name);
    throw Error(ErrorKind::usage,
                fmt::format("unknown channel '{}'{}", wanted, core::suggestion(wanted, known)));
  }
  Message message;
  message.kind = MessageKind::test;
  message.event.severity = Severity::low;
  message.event.title = "Test message";
  message.event.text = "Somebody ran `azlin alert test`. If you can read this, the channel works.";
  message.event.at = message.first_at = clock_.now();
  std::vector<TestResult> results;
  for (const auto& channel : config_.channels) {
    if (!wanted.empty() && channel.name != wanted) continue;
    message.id = core::new_guid();
    const auto sent = sender_->send(channel, message, kLongestAttempt, stop);
    results.push_back({channel.name, channel.type(), sent.ok, sent.detail});
  }
  return results;
}

}  // namespace azlin::alert
