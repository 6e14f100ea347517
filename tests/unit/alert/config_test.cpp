#include "azlin/alert/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::alert {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// The user guide's file, word for word.
constexpr const char* kGuide = R"(# Backup failure alerts
backup_failure:
  enabled: true
  severity: high
  channels: [slack, email]

# DR test failure alerts
dr_test_failure:
  enabled: true
  severity: critical
  channels: [slack, email, webhook]

# RTO threshold exceeded
rto_exceeded:
  enabled: true
  severity: high
  threshold_minutes: 15
  channels: [slack]

# Verification failure alerts
verification_failure:
  enabled: true
  severity: high
  channels: [slack, email]

# Unverified backups (backups not verified for >7 days)
verification_overdue:
  enabled: true
  severity: medium
  threshold_days: 7
  channels: [slack]
)";

constexpr const char* kChannels = R"(
channels:
  slack:
    webhook_url: env:SLACK_URL
  email:
    host: smtp.example.com
    username: azlin
    password: file:/run/secrets/smtp
    from: Azlin Backups <azlin@example.com>
    to: [ops@example.com, oncall@example.com]
  webhook:
    url: https://example.com/hooks/azlin
    secret: env:HOOK_KEY
  night-shift:
    type: slack
    webhook_url: env:NIGHT_URL
)";

std::string mistakes_in(const std::string& text) {
  try {
    parse_config(text, "a.yaml");
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::usage);
    return error.what();
  }
  return "none";
}

TEST(AlertConfigTest, FileOfTheUserGuideIsRead) {
  const auto config = parse_config(kGuide, "a.yaml");
  EXPECT_EQ(config.rule(Rule::dr_test_failure).severity, Severity::critical);
  EXPECT_EQ(config.rule(Rule::rto_exceeded).threshold, 15);
  EXPECT_EQ(config.rule(Rule::verification_overdue).threshold, 7);
  EXPECT_EQ(config.rule(Rule::verification_overdue).severity, Severity::medium);
  EXPECT_THAT(*config.rule(Rule::dr_test_failure).channels, ElementsAre("slack", "email", "webhook"));
  ASSERT_EQ(config.warnings.size(), 9u);
  EXPECT_EQ(config.warnings[0],
            "a.yaml:5:14: channel 'slack' is not set up under channels:, so it hears nothing");
}

TEST(AlertConfigTest, ChannelsAreReadAndTheirWarningsGo) {
  const auto config = parse_config(std::string(kGuide) + kChannels, "a.yaml");
  EXPECT_THAT(config.warnings, IsEmpty());
  ASSERT_EQ(config.channels.size(), 4u);
  EXPECT_EQ(std::get<SlackChannel>(config.channels[0].settings).webhook_url.text(), "env:SLACK_URL");
  const auto& email = std::get<EmailChannel>(config.channels[1].settings);
  EXPECT_EQ(email.host, "smtp.example.com");
  EXPECT_EQ(email.port, 587);
  EXPECT_EQ(email.security, http::SmtpSecurity::starttls);
  EXPECT_EQ(email.from, "azlin@example.com");
  EXPECT_EQ(email.from_name, "Azlin Backups");
  EXPECT_THAT(email.to, ElementsAre("ops@example.com", "oncall@example.com"));
  EXPECT_EQ(std::get<std::string>(std::get<WebhookChannel>(config.channels[2].settings).url),
            "https://example.com/hooks/azlin");
  EXPECT_STREQ(config.find_channel("night-shift")->type(), "slack");
  EXPECT_EQ(config.find_channel("nobody"), nullptr);
}

TEST(AlertConfigTest, RuleSpeaksToTheChannelsItNamesAndUnnamedRulesToAll) {
  const auto config =
      parse_config(std::string(kGuide) + kChannels + "rpo_exceeded: {channels: []}\n", "a.yaml");
  EXPECT_THAT(config.channels_of(Rule::backup_failure), ElementsAre("slack", "email"));
  EXPECT_THAT(config.channels_of(Rule::replication_failure),
              ElementsAre("slack", "email", "webhook", "night-shift"));
  EXPECT_THAT(config.channels_of(Rule::rpo_exceeded), IsEmpty());
}

TEST(AlertConfigTest, DefaultsOfEveryRuleAreAsDocumented) {
  test::TempDir dir;
  const auto config = load_config(dir.file("missing.yaml"));
  EXPECT_EQ(config.rules.size(), kRules.size());
  for (const auto& [rule, settings] : config.rules) {
    EXPECT_TRUE(settings.enabled) << to_string(rule);
    EXPECT_EQ(settings.severity, default_severity(rule)) << to_string(rule);
    EXPECT_EQ(settings.threshold.has_value(), threshold_kind(rule).has_value()) << to_string(rule);
    EXPECT_EQ(settings.renotify, std::chrono::hours(24));
  }
  EXPECT_EQ(config.rule(Rule::success_rate_below_target).threshold, 99.9);
  EXPECT_EQ(config.rule(Rule::rpo_exceeded).threshold, 24);
  EXPECT_THAT(config.channels, IsEmpty());
  EXPECT_EQ(parse_config("", "a.yaml").rules.size(), kRules.size());
  EXPECT_EQ(parse_config("# nothing yet\n", "a.yaml").rules.size(), kRules.size());
}

TEST(AlertConfigTest, EveryMistakeHasItsLineAndColumn) {
  const struct {
    const char* name;
    const char* text;
    const char* mistake;
  } rows[] = {
      {"unknown rule", "backup_failur:\n  enabled: true\n",
       "a.yaml:1:1: unknown rule 'backup_failur'; did you mean 'backup_failure'?"},
      {"rule nothing like it", "zebra: {}\n",
       "a.yaml:1:1: unknown rule 'zebra'; known are: backup_failure, "},
      {"unknown key", "backup_failure:\n  enabled: true\n  severty: high\n",
       "a.yaml:3:3: unknown key 'severty' in backup_failure; did you mean 'severity'?"},
      {"threshold of another rule", "rto_exceeded:\n  threshold_days: 3\n",
       "a.yaml:2:3: unknown key 'threshold_days' in rto_exceeded"},
      {"threshold on a rule without", "backup_failure: {threshold_days: 3}\n",
       "a.yaml:1:18: unknown key 'threshold_days' in backup_failure"},
      {"unknown severity", "backup_failure:\n  severity: hihg\n",
       "a.yaml:2:13: unknown severity 'hihg'; did you mean 'high'?"},
      {"not a boolean", "backup_failure:\n  enabled: maybe\n", "a.yaml:2:12: enabled must be true or false"},
      {"no number", "rto_exceeded:\n  threshold_minutes: fast\n",
       "a.yaml:2:22: threshold_minutes must be a number from 1 to 100000"},
      {"number with a tail", "rto_exceeded:\n  threshold_minutes: 15m\n",
       "a.yaml:2:22: threshold_minutes must be a number"},
      {"zero days", "verification_overdue:\n  threshold_days: 0\n",
       "a.yaml:2:19: threshold_days must be a number from 1"},
      {"not a number at all", "rto_exceeded:\n  threshold_minutes: nan\n",
       "a.yaml:2:22: threshold_minutes must be"},
      {"more than all", "success_rate_below_target: {threshold_percent: 101}\n",
       "a.yaml:1:48: threshold_percent must be a number from 0 to 100"},
      {"channels no list", "backup_failure:\n  channels: slack\n", "a.yaml:2:13: channels must be a list"},
      {"unknown channel", "backup_failure:\n  channels: [email, slak]\n",
       "a.yaml:2:21: unknown channel 'slak'; did you mean 'slack'?"},
      {"rule given twice", "backup_failure: {}\nrto_exceeded: {}\nbackup_failure: {}\n",
       "a.yaml:3:1: 'backup_failure' is given twice"},
      {"key given twice", "backup_failure:\n  severity: low\n  severity: high\n",
       "a.yaml:3:3: 'severity' is given twice"},
      {"rule without a mapping", "backup_failure: on\n", "a.yaml:1:17: backup_failure must be a mapping"},
      {"file is a list", "- backup_failure\n", "a.yaml:1:1: the file must be a mapping"},
      {"bad renotify", "backup_failure:\n  renotify: often\n", "a.yaml:2:13: renotify must be never"},
      {"renotify too often", "backup_failure:\n  renotify: 10s\n", "a.yaml:2:13: renotify must be never"},
      {"renotify nothing", "backup_failure:\n  renotify: 0s\n", "a.yaml:2:13: renotify must be never"},
      {"open bracket", "backup_failure:\n  channels: [slack\n", "a.yaml:3:1: not valid YAML"},
      {"tab", "backup_failure:\n\tenabled: true\n", "a.yaml:2:9: not valid YAML"},
      {"two documents", "backup_failure: {}\n---\nrto_exceeded: {}\n",
       "a.yaml:3:1: a second document begins here"},
      {"channel without type", "channels:\n  pager:\n    webhook_url: env:X\n",
       "a.yaml:2:3: channel 'pager' needs a type"},
      {"unknown type", "channels:\n  pager: {type: slck}\n",
       "a.yaml:2:17: unknown type 'slck'; did you mean 'slack'?"},
      {"channel is no mapping", "channels:\n  slack: env:URL\n",
       "a.yaml:2:10: channel 'slack' must be a mapping"},
      {"channel lacks its key", "channels:\n  slack: {}\n", "a.yaml:2:3: channel 'slack' needs webhook_url"},
      {"odd channel name", "channels:\n  'a b': {type: slack}\n", "a.yaml:2:3: a channel's name is"},
      {"key of another type", "channels:\n  slack: {webhook_url: env:U, host: h}\n",
       "a.yaml:2:31: unknown key 'host' in channel 'slack'"},
      {"http to elsewhere", "channels:\n  webhook: {url: 'http://example.com/h', secret: env:S}\n",
       "a.yaml:2:18: url must be https"},
      {"no url", "channels:\n  webhook: {url: example, secret: env:S}\n",
       "a.yaml:2:18: url must be an address"},
      {"unsigned webhook", "channels:\n  webhook: {url: 'https://example.com/h'}\n",
       "a.yaml:2:3: channel 'webhook' needs secret"},
      {"bad port", "channels:\n  email: {host: h, from: a@b, to: c@d, port: 70000}\n",
       "a.yaml:2:46: port must be a number from 1 to 65535"},
      {"bad sender", "channels:\n  email: {host: h, from: nobody, to: c@d}\n", "a.yaml:2:26: from must be"},
      {"bad recipient", "channels:\n  email: {host: h, from: a@b, to: [c@d, 'e f@g']}\n",
       "a.yaml:2:41: to must hold addresses"},
      {"no recipient", "channels:\n  email: {host: h, from: a@b, to: []}\n",
       "a.yaml:2:35: to needs at least one address"},
      {"recipient with a header", "channels:\n  email: {host: h, from: a@b, to: \"c@d\\r\\nBcc: e@f\"}\n",
       "a.yaml:2:35: to must hold addresses"},
      {"sender with a header", "channels:\n  email: {host: h, from: \"x\\r\\nBcc: e@f <a@b>\", to: c@d}\n",
       "a.yaml:2:26: from must be one line"},
      {"host with a port", "channels:\n  email: {host: 'h/../x', from: a@b, to: c@d}\n",
       "a.yaml:2:17: host must be"},
      {"login without a password", "channels:\n  email: {host: h, from: a@b, to: c@d, username: u}\n",
       "a.yaml:2:3: channel 'email' needs username and password"},
      {"unknown security", "channels:\n  email: {host: h, from: a@b, to: c@d, security: startls}\n",
       "a.yaml:2:50: unknown security 'startls'; did you mean 'starttls'?"},
      {"plain to elsewhere", "channels:\n  email: {host: h, from: a@b, to: c@d, security: none}\n",
       "a.yaml:2:50: security: none is only for"},
      {"relative CA file", "channels:\n  email: {host: h, from: a@b, to: c@d, ca_file: ca.pem}\n",
       "a.yaml:2:49: ca_file must be an absolute path"},
  };
  for (const auto& row : rows) EXPECT_THAT(mistakes_in(row.text), HasSubstr(row.mistake)) << row.name;
}

TEST(AlertConfigTest, AllMistakesComeAtOnceInTheOrderOfTheFile) {
  EXPECT_EQ(
      mistakes_in("backup_failure:\n  channels: [pagr]\n  enabled: 7\nrto: {}\nchannels: {slack: {}}\n"),
      "a.yaml:2:14: unknown channel 'pagr'; known are: slack, email, webhook\n"
      "a.yaml:3:12: enabled must be true or false\n"
      "a.yaml:4:1: unknown rule 'rto'; known are: backup_failure, retention_violation, replication_failure, "
      "dr_test_failure, rto_exceeded, success_rate_below_target, verification_failure, verification_overdue, "
      "rpo_exceeded, channels\n"
      "a.yaml:5:12: channel 'slack' needs webhook_url");
}

TEST(AlertConfigTest, SecretInClearIsRefusedAndNeverQuoted) {
  const std::string kSecret = "hunter2hunter2hunter2";
  const struct {
    const char* name;
    std::string text;
    const char* place;
  } rows[] = {
      {"slack",
       "channels:\n  slack: {webhook_url: 'https://hooks.slack.com/services/T1/B1/" + kSecret + "'}\n",
       "a.yaml:2:24"},
      {"password",
       "channels:\n  email: {host: h, from: a@b, to: c@d, username: u, password: " + kSecret + "}\n",
       "a.yaml:2:63"},
      {"webhook key", "channels:\n  webhook: {url: 'https://e.com/h', secret: " + kSecret + "}\n",
       "a.yaml:2:45"},
      {"url with a token",
       "channels:\n  webhook: {url: 'https://e.com/h?sig=" + kSecret + "', secret: env:S}\n", "a.yaml:2:18"},
      {"url with a login",
       "channels:\n  webhook: {url: 'https://u:" + kSecret + "@e.com/h', secret: env:S}\n", "a.yaml:2:18"},
      {"url with a key in it",
       "channels:\n  webhook: {url: 'https://e.com/h/" + kSecret + "', secret: env:S}\n", "a.yaml:2:18"},
      {"relative file", "channels:\n  slack: {webhook_url: 'file:" + kSecret + "'}\n", "a.yaml:2:24"},
      {"channel as a text", "channels:\n  slack: " + kSecret + "\n", "a.yaml:2:10"},
  };
  for (const auto& row : rows) {
    const auto mistakes = mistakes_in(row.text);
    EXPECT_THAT(mistakes, HasSubstr(row.place)) << row.name;
    EXPECT_THAT(mistakes, Not(HasSubstr(kSecret))) << row.name;
  }
}

TEST(AlertConfigTest, LocalMailServerMayDoWithoutTls) {
  for (const char* host : {"localhost", "127.0.0.1", "'::1'"}) {
    const auto config =
        parse_config(std::string("channels: {email: {host: ") + host + ", from: a@b, to: c@d}}", "a.yaml");
    const auto& email = std::get<EmailChannel>(config.channels.at(0).settings);
    EXPECT_EQ(email.security, http::SmtpSecurity::none) << host;
    EXPECT_EQ(email.port, 25) << host;
  }
  const auto config =
      parse_config("channels: {email: {host: mx, security: tls, from: a@b, to: c@d}}", "a.yaml");
  EXPECT_EQ(std::get<EmailChannel>(config.channels.at(0).settings).port, 465);
}

TEST(AlertConfigTest, BadFileDoesNotStopWhoOnlyRaises) {
  test::TempDir dir;
  std::ofstream(dir.file("alerts.yaml")) << "backup_failure: [";
  const auto config = load_for_raising(dir.file("alerts.yaml"));
  EXPECT_THAT(config.error, HasSubstr("alerts.yaml:1:"));
  EXPECT_EQ(config.rules.size(), kRules.size());
  EXPECT_THROW(load_config(dir.file("alerts.yaml")), core::Error);
  EXPECT_THAT(load_for_raising(dir.path().string()).error, HasSubstr("cannot read"));
}

TEST(AlertConfigTest, HostileYamlEndsInAnErrorNotInACrash) {
  EXPECT_THAT(mistakes_in(std::string(100'000, '[')), HasSubstr("not valid YAML"));
  EXPECT_THAT(mistakes_in("a: &a [*a]\n"), HasSubstr("a.yaml:1:"));
  EXPECT_NE(mistakes_in(std::string("backup_failure:\0 x", 18)), "none");
}

}  // namespace
}  // namespace azlin::alert
