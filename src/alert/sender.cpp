#include "alert/sender.hpp"

#include <fmt/format.h>

#include "alert/text.hpp"
#include "azlin/http/retry.hpp"

namespace azlin::alert {

using core::Error;
using core::ErrorKind;

namespace {

constexpr std::size_t kDetail = 300;
constexpr std::size_t kLongestReply = 64U << 10;

SendResult failure(std::string detail, bool permanent, std::optional<core::Millis> retry_after = {}) {
  return {false, permanent, retry_after, shortened(clean_line(detail), kDetail)};
}

bool is_transient(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

// The address of an incoming webhook, with its rules: https, or http to this machine.
std::string checked_url(const std::string& url) {
  if (url.starts_with("https://") || (url.starts_with("http://") && http::is_loopback_url(url))) return url;
  throw Error(ErrorKind::failed, "the address is not https");
}

// Whatever the transport or the receiver says, no part of the credential stays in it. The host alone is none.
std::string scrubbed(std::string text, const std::string& url) {
  const auto host = url.find("://");
  const auto rest = host == std::string::npos ? host : url.find_first_of("/?#@", host + 3);
  if (rest == std::string::npos || url.substr(rest) == "/") return text;
  text = without_secret(std::move(text), url);
  const auto path = host == std::string::npos ? host : url.find_first_of("/?", host + 3);
  return path == std::string::npos ? text : without_secret(std::move(text), url.substr(path));
}

}  // namespace

SendResult Sender::send(const Channel& channel, const Message& message, core::Millis limit,
                        std::stop_token stop) {
  try {
    if (const auto* slack = std::get_if<SlackChannel>(&channel.settings))
      return send_slack(*slack, message, limit, stop);
    if (const auto* hook = std::get_if<WebhookChannel>(&channel.settings))
      return send_webhook(*hook, message, limit, stop);
    return send_email(std::get<EmailChannel>(channel.settings), message, limit, stop);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    return failure(error.what(), true);  // settings or secrets
  } catch (const std::exception& error) {
    return failure(error.what(), false);
  }
}

SendResult Sender::post(http::Request request, core::Millis limit, std::stop_token stop) {
  request.method = "POST";
  request.secret_path = true;
  request.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  request.total_timeout = limit;
  request.connect_timeout = std::min(limit, core::Millis{5'000});
  request.longest_body = kLongestReply;
  // Of a reply that says yes the text is not needed: an endless one is cut, and the message was taken.
  std::size_t seen = 0;
  request.on_body = [&seen](const char*, std::size_t size) { return (seen += size) <= kLongestReply; };
  try {
    const auto response = transport_.send(request, std::move(stop));
    if (response.status >= 200 && response.status < 300)
      return {true, false, {}, fmt::format("HTTP {}", response.status)};
    if (response.status >= 300 && response.status < 400)
      return failure(
          fmt::format("HTTP {}: redirects are not followed, name the address they lead to", response.status),
          true);
    const auto body = shortened(clean_line(response.body), 120);
    return failure(
        scrubbed(fmt::format("HTTP {}{}{}", response.status, body.empty() ? "" : ": ", body), request.url),
        !is_transient(response.status), http::parse_retry_after(response, clock_.now()));
  } catch (const http::NetworkError& error) {
    if (seen > kLongestReply) return {true, false, {}, "taken, with a reply over 64 KiB"};
    return failure(scrubbed(error.what(), request.url), false);
  }
}

SendResult Sender::send_slack(const SlackChannel& channel, const Message& message, core::Millis limit,
                              std::stop_token stop) {
  http::Request request;
  request.url = checked_url(channel.webhook_url.read(env_));
  request.body = slack_payload(message);
  return post(std::move(request), limit, std::move(stop));
}

SendResult Sender::send_webhook(const WebhookChannel& channel, const Message& message, core::Millis limit,
                                std::stop_token stop) {
  const auto* reference = std::get_if<SecretRef>(&channel.url);
  const auto secret = channel.secret.read(env_);
  const std::int64_t timestamp =
      std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
  http::Request request;
  request.url =
      checked_url(reference != nullptr ? reference->read(env_) : std::get<std::string>(channel.url));
  request.body = webhook_payload(message);
  request.headers = {{"X-Azlin-Id", message.id},
                     {"X-Azlin-Timestamp", std::to_string(timestamp)},
                     {"X-Azlin-Signature", webhook_signature(secret, timestamp, request.body)}};
  auto result = post(std::move(request), limit, std::move(stop));
  result.detail = without_secret(std::move(result.detail), secret);
  return result;
}

SendResult Sender::send_email(const EmailChannel& channel, const Message& message, core::Millis limit,
                              std::stop_token stop) {
  http::SmtpRequest request;
  request.host = channel.host;
  request.port = channel.port;
  request.security = channel.security;
  request.user = channel.username;
  if (channel.password) request.password = channel.password->read(env_);
  request.ca_file = channel.ca_file;
  request.from = channel.from;
  request.to = channel.to;
  request.message = mail(message, channel, clock_.now());
  request.total_timeout = limit;
  request.connect_timeout = std::min(limit, core::Millis{5'000});
  try {
    http::send_mail(request, std::move(stop));
    return {true, false, {}, fmt::format("accepted by {}:{}", channel.host, channel.port)};
  } catch (const http::SmtpError& error) {
    return failure(without_secret(error.what(), request.password), error.permanent());
  }
}

}  // namespace azlin::alert
