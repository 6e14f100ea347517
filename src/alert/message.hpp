#pragma once
// What goes over a channel: one message, and its form for each kind of receiver. Pure.
#include <cstdint>
#include <string>

#include "azlin/alert/config.hpp"
#include "azlin/alert/event.hpp"

namespace azlin::alert {

enum class MessageKind { raised, reminder, escalated, resolved, test };
const char* to_string(MessageKind kind);
MessageKind parse_message_kind(std::string_view name);  // throws core::Error (failed) for another word

struct Message {
  std::string id;  // GUID: the same at each attempt, so that a receiver can drop a repetition
  MessageKind kind = MessageKind::raised;
  AlertEvent event;          // severity is set, texts are clean; `at` is when the message was made
  core::TimePoint first_at;  // since when the alert is open
  std::int64_t count = 1;    // times raised so far
  std::string thread;        // the same for all messages of one alert
};

// The event as kept in alerts.db, and back.
std::string to_json(const AlertEvent& event);
AlertEvent event_from_json(const std::string& json);

// "[azlin] CRITICAL: DR test of vm1 failed", "[azlin] RESOLVED: …"
std::string headline(const Message& message);
// Everything else as plain text.
std::string plain_text(const Message& message);

// Body of an incoming-webhook call: `text` (for notifications) and blocks, within Slack's limits; markup is
// escaped.
std::string slack_payload(const Message& message);

// docs/alerts.md gives the members.
std::string webhook_payload(const Message& message);
// "sha256=" and the hex HMAC-SHA256 of "<timestamp>.<body>".
std::string webhook_signature(const std::string& secret, std::int64_t timestamp, const std::string& body);
std::string hmac_sha256_hex(const std::string& key, const std::string& data);

// A whole RFC 5322 message: plain text in UTF-8, quoted-printable, lines of at most 76 characters ended by CR
// LF.
std::string mail(const Message& message, const EmailChannel& channel, core::TimePoint now);

}  // namespace azlin::alert
