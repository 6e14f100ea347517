#include "alert/message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"

namespace azlin::alert {
namespace {

using testing::HasSubstr;
using testing::Not;

Message sample() {
  Message message;
  message.id = "11111111-2222-3333-4444-555555555555";
  message.thread = "99999999-2222-3333-4444-555555555555";
  message.event = problem(Rule::dr_test_failure, "prod-db-vm", "DR test of prod-db-vm failed",
                          "Boot: no agent.\nTry again.", {{"Region", "westus2"}, {"RTO", "10m 47s"}});
  message.event.severity = Severity::critical;
  message.event.at = *core::parse_time("2025-12-01T08:00:00Z");
  message.first_at = *core::parse_time("2025-11-30T08:00:00Z");
  message.count = 3;
  return message;
}

EmailChannel mailbox_settings() {
  EmailChannel email;
  email.host = "smtp.example.com";
  email.from = "azlin@example.com";
  email.from_name = "Azlin";
  email.to = {"ops@example.com", "oncall@example.com"};
  return email;
}

// RFC 4231, test cases 1, 2, 3 and 6.
TEST(AlertMessageTest, HmacKnowsItsVectors) {
  EXPECT_EQ(hmac_sha256_hex(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256_hex(std::string(20, '\xaa'), std::string(50, '\xdd')),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(
      hmac_sha256_hex(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(AlertMessageTest, SignatureCoversTimeAndBody) {
  EXPECT_EQ(webhook_signature("k", 1764576000, "{}"), "sha256=" + hmac_sha256_hex("k", "1764576000.{}"));
  EXPECT_NE(webhook_signature("k", 1764576001, "{}"), webhook_signature("k", 1764576000, "{}"));
}

TEST(AlertMessageTest, EventSurvivesTheDatabase) {
  const auto event = sample().event;
  const auto back = event_from_json(to_json(event));
  EXPECT_EQ(back.rule, event.rule);
  EXPECT_EQ(back.subject, event.subject);
  EXPECT_EQ(back.key, "dr_test_failure:prod-db-vm");
  EXPECT_EQ(back.severity, event.severity);
  EXPECT_EQ(back.text, event.text);
  EXPECT_EQ(back.facts, event.facts);
  EXPECT_EQ(back.at, event.at);
  EXPECT_EQ(back.group, "");
  auto in_group = event;
  in_group.group = "Production";
  EXPECT_EQ(event_from_json(to_json(in_group)).group, "Production");
  EXPECT_THROW(event_from_json("{}"), core::Error);
  EXPECT_THROW(event_from_json("nonsense"), core::Error);
}

TEST(AlertMessageTest, HeadlineSaysWhatKindItIs) {
  auto message = sample();
  const struct {
    MessageKind kind;
    const char* text;
  } rows[] = {{MessageKind::raised, "[azlin] CRITICAL: DR test of prod-db-vm failed"},
              {MessageKind::escalated, "[azlin] CRITICAL: DR test of prod-db-vm failed"},
              {MessageKind::reminder, "[azlin] CRITICAL (still open): DR test of prod-db-vm failed"},
              {MessageKind::resolved, "[azlin] RESOLVED: DR test of prod-db-vm failed"},
              {MessageKind::test, "[azlin] TEST: DR test of prod-db-vm failed"}};
  for (const auto& row : rows) {
    message.kind = row.kind;
    EXPECT_EQ(headline(message), row.text);
    EXPECT_EQ(parse_message_kind(to_string(row.kind)), row.kind);
  }
  EXPECT_THROW(parse_message_kind("other"), core::Error);
}

TEST(AlertMessageTest, SlackPayloadHasTextAndBlocks) {
  const auto json = nlohmann::json::parse(slack_payload(sample()));
  EXPECT_EQ(json["text"], "[azlin] CRITICAL: DR test of prod-db-vm failed");
  ASSERT_EQ(json["blocks"].size(), 4u);
  EXPECT_EQ(json["blocks"][0]["type"], "header");
  EXPECT_EQ(json["blocks"][0]["text"]["type"], "plain_text");
  EXPECT_EQ(json["blocks"][1]["text"]["text"], "Boot: no agent.\nTry again.");
  ASSERT_EQ(json["blocks"][2]["fields"].size(), 3u);
  EXPECT_EQ(json["blocks"][2]["fields"][1]["text"], "*Region*\nwestus2");
  EXPECT_EQ(json["blocks"][3]["elements"][0]["type"], "mrkdwn");
}

TEST(AlertMessageTest, SlackMarkupInTextsIsEscaped) {
  auto message = sample();
  message.event.title = "<!channel> & co";
  message.event.text = "<https://evil.example|click>";
  const auto json = nlohmann::json::parse(slack_payload(message));
  EXPECT_EQ(json["text"], "[azlin] CRITICAL: &lt;!channel&gt; &amp; co");
  EXPECT_EQ(json["blocks"][1]["text"]["text"], "&lt;https://evil.example|click&gt;");
}

TEST(AlertMessageTest, SlackPayloadStaysWithinItsLimits) {
  auto message = sample();
  message.event.title = std::string(300, 't');
  message.event.text = std::string(8000, '<');
  message.event.facts.clear();
  for (int i = 0; i < 30; ++i)
    message.event.facts.emplace_back("n" + std::to_string(i), std::string(1000, '&'));
  const auto json = nlohmann::json::parse(slack_payload(message));
  EXPECT_LE(json["blocks"][0]["text"]["text"].get<std::string>().size(), 150u);
  const auto text = json["blocks"][1]["text"]["text"].get<std::string>();
  EXPECT_LE(text.size(), 3000u);
  EXPECT_TRUE(text.ends_with(";\xE2\x80\xA6")) << "no escape is cut: " << text.substr(text.size() - 10);
  EXPECT_EQ(json["blocks"][2]["fields"].size(), 10u);
  for (const auto& field : json["blocks"][2]["fields"])
    EXPECT_LE(field["text"].get<std::string>().size(), 2000u);
}

TEST(AlertMessageTest, WebhookPayloadHasTheDocumentedMembers) {
  auto message = sample();
  message.kind = MessageKind::escalated;
  EXPECT_EQ(nlohmann::json::parse(webhook_payload(message)),
            nlohmann::json::parse(
                R"({"version":1,"id":"11111111-2222-3333-4444-555555555555","type":"alert.escalated",
"rule":"dr_test_failure","severity":"critical","subject":"prod-db-vm","resourceGroup":null,"key":"dr_test_failure:prod-db-vm",
"title":"DR test of prod-db-vm failed","text":"Boot: no agent.\nTry again.",
"facts":[{"name":"Region","value":"westus2"},{"name":"RTO","value":"10m 47s"}],
"openSince":"2025-11-30T08:00:00Z","count":3,"at":"2025-12-01T08:00:00Z"})"));
  message.kind = MessageKind::test;
  EXPECT_TRUE(nlohmann::json::parse(webhook_payload(message))["rule"].is_null());
  message.event.group = "Production";
  EXPECT_EQ(nlohmann::json::parse(webhook_payload(message))["resourceGroup"], "Production");
  EXPECT_NE(plain_text(message).find("Resource group: Production"), std::string::npos);
  EXPECT_NE(slack_payload(message).find("Production"), std::string::npos);
}

TEST(AlertMessageTest, MailHasItsHeadersAndAPlainBody) {
  const auto text = mail(sample(), mailbox_settings(), *core::parse_time("2025-12-01T08:00:01Z"));
  EXPECT_EQ(text,
            "Date: Mon, 01 Dec 2025 08:00:01 +0000\r\n"
            "From: \"Azlin\" <azlin@example.com>\r\n"
            "To: ops@example.com,\r\n oncall@example.com\r\n"
            "Subject: [azlin] CRITICAL: DR test of prod-db-vm failed\r\n"
            "Message-ID: <11111111-2222-3333-4444-555555555555@example.com>\r\n"
            "References: <99999999-2222-3333-4444-555555555555@example.com>\r\n"
            "Importance: high\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "DR test of prod-db-vm failed\r\n"
            "\r\n"
            "Boot: no agent.\r\n"
            "Try again.\r\n"
            "\r\n"
            "  Subject: prod-db-vm\r\n"
            "  Region: westus2\r\n"
            "  RTO: 10m 47s\r\n"
            "\r\n"
            "dr_test_failure =C2=B7 critical =C2=B7 2025-12-01 08:00:00 UTC\r\n");
}

TEST(AlertMessageTest, TitleCannotAddAHeaderToTheMail) {
  auto message = sample();
  message.event.title = "x\r\nBcc: evil@example.com";
  const auto text = mail(message, mailbox_settings(), message.event.at);
  EXPECT_THAT(text.substr(0, text.find("\r\n\r\n")), Not(HasSubstr("\r\nBcc:")));
}

}  // namespace
}  // namespace azlin::alert
