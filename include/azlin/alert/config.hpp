#pragma once
// ~/.azlin/alerts.yaml. The format is docs/alerts.md: a mapping a rule, and `channels:` with where messages
// go.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "azlin/alert/rule.hpp"
#include "azlin/alert/secret.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/http/smtp.hpp"

namespace azlin::alert {

struct SlackChannel {
  SecretRef webhook_url;  // the whole address is the credential
};

struct WebhookChannel {
  std::variant<std::string, SecretRef> url;  // https, or http to loopback
  SecretRef secret;                          // key of the HMAC signature
};

struct EmailChannel {
  std::string host;
  int port = 587;  // 465 with security: tls
  http::SmtpSecurity security = http::SmtpSecurity::starttls;
  std::string username;  // empty: no login
  std::optional<SecretRef> password;
  std::string from, from_name;  // "ops@example.com", and what stands before "<ops@example.com>", if anything
  std::vector<std::string> to;
  std::string ca_file;
};

struct Channel {
  std::string name;  // as rules refer to it
  std::variant<SlackChannel, WebhookChannel, EmailChannel> settings;
  const char* type() const;  // "slack" | "webhook" | "email"
};

struct RuleSettings {
  bool enabled = true;
  Severity severity = Severity::high;
  std::optional<double> threshold;  // in the unit of threshold_kind(); set for each rule that has one
  std::optional<std::vector<std::string>> channels;  // nullopt: every channel; empty: recorded only
  core::Millis renotify{24 * 3'600'000};             // a reminder after this long while it lasts; 0: never
};

struct AlertConfig {
  std::map<Rule, RuleSettings> rules;  // every rule is here
  std::vector<Channel> channels;       // in the order of the file
  std::vector<std::string> warnings;   // "file:line:column: …": valid, but surely not meant
  std::string error;                   // set by load_for_raising: the file is not valid

  const RuleSettings& rule(Rule rule) const { return rules.at(rule); }
  const Channel* find_channel(std::string_view name) const;
  // The configured channels that `rule` speaks to.
  std::vector<std::string> channels_of(Rule rule) const;
};

// Every rule on, with its default severity and threshold, and no channel: what a missing file means.
AlertConfig default_config();

// Throws core::Error (usage) with every mistake, one a line: "file:line:column: what, and what was perhaps
// meant". A value that may be a secret is never quoted.
AlertConfig parse_config(const std::string& text, const std::string& file);
// A missing file gives default_config(). Throws as parse_config does, and (failed) when it cannot be read.
AlertConfig load_config(const std::string& path);
// For a command that must not fail because of alerts.yaml: with a bad file, the defaults with `error` set.
// Alerts raised then wait until the file is mended.
AlertConfig load_for_raising(const std::string& path) noexcept;

}  // namespace azlin::alert
