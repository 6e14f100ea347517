#pragma once
// One attempt to bring one message to one channel.
#include <optional>
#include <stop_token>
#include <string>

#include "alert/message.hpp"
#include "azlin/alert/config.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/core/env.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::alert {

struct SendResult {
  bool ok = false;
  bool permanent = false;  // the same settings will be refused again
  std::optional<core::Millis> retry_after;
  std::string detail;  // for people; never a secret
};

// Secrets are read anew at each attempt, so that a mended or rotated one counts at once. Borrows transport
// and clock.
class Sender {
 public:
  Sender(http::Transport& transport, core::Env env, core::Clock& clock)
      : transport_(transport), env_(std::move(env)), clock_(clock) {}

  // Lasts at most about `limit`. Throws only core::Error (interrupted).
  SendResult send(const Channel& channel, const Message& message, core::Millis limit, std::stop_token stop);

 private:
  SendResult send_slack(const SlackChannel& channel, const Message& message, core::Millis limit,
                        std::stop_token stop);
  SendResult send_webhook(const WebhookChannel& channel, const Message& message, core::Millis limit,
                          std::stop_token stop);
  SendResult send_email(const EmailChannel& channel, const Message& message, core::Millis limit,
                        std::stop_token stop);
  SendResult post(http::Request request, core::Millis limit, std::stop_token stop);

  http::Transport& transport_;
  core::Env env_;
  core::Clock& clock_;
};

}  // namespace azlin::alert
