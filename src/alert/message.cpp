#include "alert/message.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <nlohmann/json.hpp>

#include "alert/mime.hpp"
#include "alert/text.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::alert {

using Json = nlohmann::ordered_json;

namespace {

constexpr std::array kKinds = {MessageKind::raised, MessageKind::reminder, MessageKind::escalated,
                               MessageKind::resolved, MessageKind::test};

Severity severity_of(const AlertEvent& event) {
  return event.severity.value_or(default_severity(event.rule));
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

Json facts_of(const AlertEvent& event) {
  Json facts = Json::array();
  for (const auto& [name, value] : event.facts) facts.push_back({{"name", name}, {"value", value}});
  return facts;
}

// Slack reads &, < and > as markup; everything else is shown as it is.
std::string slack_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

// Cut first, then escaped: a cut must not fall into an escape. 5 is the longest escape.
std::string slack_text(std::string_view text, std::size_t limit) {
  std::string escaped = slack_escaped(text);
  for (std::size_t keep = limit; escaped.size() > limit && keep > 0; keep = keep * 4 / 5)
    escaped = slack_escaped(shortened(text, keep));
  return escaped;
}

std::string footer(const Message& message) {
  const auto& event = message.event;
  if (message.kind == MessageKind::test) return core::to_display(event.at) + " UTC";
  std::string text = fmt::format("{} · {} · {} UTC", to_string(event.rule), to_string(severity_of(event)),
                                 core::to_display(event.at));
  if (message.kind == MessageKind::reminder || message.kind == MessageKind::escalated)
    text +=
        fmt::format(" · open since {} UTC, seen {} times", core::to_display(message.first_at), message.count);
  if (message.kind == MessageKind::resolved)
    text += fmt::format(" · was open since {} UTC", core::to_display(message.first_at));
  return text;
}

}  // namespace

const char* to_string(MessageKind kind) {
  switch (kind) {
    case MessageKind::raised:
      return "raised";
    case MessageKind::reminder:
      return "reminder";
    case MessageKind::escalated:
      return "escalated";
    case MessageKind::resolved:
      return "resolved";
    case MessageKind::test:
      return "test";
  }
  return "";
}

MessageKind parse_message_kind(std::string_view name) {
  for (const auto kind : kKinds)
    if (name == to_string(kind)) return kind;
  throw core::Error(core::ErrorKind::failed,
                    fmt::format("alerts.db: no kind of message is called '{}'", name));
}

std::string to_json(const AlertEvent& event) {
  return Json{{"rule", to_string(event.rule)},
              {"subject", event.subject},
              {"group", event.group},
              {"key", event.key},
              {"severity", to_string(severity_of(event))},
              {"title", event.title},
              {"text", event.text},
              {"facts", facts_of(event)},
              {"at", core::to_iso8601(event.at)}}
      .dump();
}

AlertEvent event_from_json(const std::string& text) {
  try {
    const auto json = Json::parse(text);
    AlertEvent event;
    event.rule = parse_rule(json.at("rule").get<std::string>()).value();
    event.subject = json.at("subject").get<std::string>();
    event.group = json.value("group", "");  // rows of earlier versions have none
    event.key = json.at("key").get<std::string>();
    event.severity = parse_severity(json.at("severity").get<std::string>()).value();
    event.title = json.at("title").get<std::string>();
    event.text = json.at("text").get<std::string>();
    for (const auto& fact : json.at("facts"))
      event.facts.emplace_back(fact.at("name").get<std::string>(), fact.at("value").get<std::string>());
    event.at = core::parse_time(json.at("at").get<std::string>()).value();
    return event;
  } catch (const std::exception& error) {
    throw core::Error(core::ErrorKind::failed,
                      fmt::format("alerts.db holds an alert that cannot be read: {}", error.what()));
  }
}

std::string headline(const Message& message) {
  std::string label = upper(to_string(severity_of(message.event)));
  if (message.kind == MessageKind::resolved) label = "RESOLVED";
  if (message.kind == MessageKind::reminder) label += " (still open)";
  if (message.kind == MessageKind::test) label = "TEST";
  return fmt::format("[azlin] {}: {}", label, message.event.title);
}

std::string plain_text(const Message& message) {
  const auto& event = message.event;
  std::string text = event.title + "\n";
  if (!event.text.empty()) text += "\n" + event.text + "\n";
  std::string facts;
  if (!event.subject.empty()) facts += "  Subject: " + event.subject + "\n";
  if (!event.group.empty()) facts += "  Resource group: " + event.group + "\n";
  for (const auto& [name, value] : event.facts) facts += "  " + name + ": " + value + "\n";
  if (!facts.empty()) text += "\n" + facts;
  return text + "\n" + footer(message) + "\n";
}

std::string slack_payload(const Message& message) {
  const auto& event = message.event;
  Json blocks = Json::array();
  blocks.push_back(
      {{"type", "header"}, {"text", {{"type", "plain_text"}, {"text", shortened(headline(message), 150)}}}});
  if (!event.text.empty())
    blocks.push_back(
        {{"type", "section"}, {"text", {{"type", "mrkdwn"}, {"text", slack_text(event.text, 2900)}}}});
  Json fields = Json::array();
  const auto add = [&](const std::string& name, const std::string& value) {
    if (fields.size() < 10)
      fields.push_back(
          {{"type", "mrkdwn"}, {"text", "*" + slack_text(name, 200) + "*\n" + slack_text(value, 1700)}});
  };
  if (!event.subject.empty()) add("Subject", event.subject);
  if (!event.group.empty()) add("Resource group", event.group);
  for (const auto& [name, value] : event.facts) add(name, value);
  if (!fields.empty()) blocks.push_back({{"type", "section"}, {"fields", fields}});
  const Json origin = {{"type", "mrkdwn"}, {"text", slack_text(footer(message), 1900)}};
  blocks.push_back({{"type", "context"}, {"elements", Json::array({origin})}});
  return Json{{"text", slack_text(headline(message), 2900)}, {"blocks", blocks}}.dump();
}

std::string webhook_payload(const Message& message) {
  const auto& event = message.event;
  return Json{{"version", 1},
              {"id", message.id},
              {"type", std::string("alert.") + to_string(message.kind)},
              {"rule", message.kind == MessageKind::test ? Json(nullptr) : Json(to_string(event.rule))},
              {"severity", to_string(severity_of(event))},
              {"subject", event.subject},
              {"resourceGroup", event.group.empty() ? Json(nullptr) : Json(event.group)},
              {"key", event.key},
              {"title", event.title},
              {"text", event.text},
              {"facts", facts_of(event)},
              {"openSince", core::to_iso8601(message.first_at)},
              {"count", message.count},
              {"at", core::to_iso8601(event.at)}}
      .dump();
}

std::string hmac_sha256_hex(const std::string& key, const std::string& data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest.data(),
           &length) == nullptr)
    throw core::Error(core::ErrorKind::failed, "cannot compute an HMAC-SHA256");
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string webhook_signature(const std::string& secret, std::int64_t timestamp, const std::string& body) {
  return "sha256=" + hmac_sha256_hex(secret, fmt::format("{}.{}", timestamp, body));
}

std::string mail(const Message& message, const EmailChannel& channel, core::TimePoint now) {
  const auto domain = channel.from.substr(channel.from.find('@') + 1);
  std::string to;
  for (const auto& address : channel.to) to += (to.empty() ? "" : ",\r\n ") + address;
  std::string out = "Date: " + mail_date(now) + "\r\n";
  out += "From: " + mailbox(channel.from_name, channel.from) + "\r\n";
  out += "To: " + to + "\r\n";
  out += "Subject: " + header_text(shortened(headline(message), 300), 9) + "\r\n";
  out += fmt::format("Message-ID: <{}@{}>\r\n", message.id, domain);
  // One thread for all messages of an alert.
  if (!message.thread.empty()) out += fmt::format("References: <{}@{}>\r\n", message.thread, domain);
  if (severity_of(message.event) == Severity::critical && message.kind != MessageKind::resolved)
    out += "Importance: high\r\n";
  out +=
      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\n";
  return out + quoted_printable(plain_text(message));
}

}  // namespace azlin::alert
