#include "alert/mime.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace azlin::alert {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t from = 0;
  for (auto at = text.find("\r\n"); at != std::string::npos; at = text.find("\r\n", from)) {
    lines.push_back(text.substr(from, at - from));
    from = at + 2;
  }
  if (from < text.size()) lines.push_back(text.substr(from));
  return lines;
}

TEST(MimeTest, QuotedPrintableRows) {
  const struct {
    const char* name;
    std::string in, out;
  } rows[] = {
      {"plain", "a b\n", "a b\r\n"},
      {"no end of line", "a", "a\r\n"},
      {"equals", "1=2\n", "1=3D2\r\n"},
      {"umlaut", "Z\xC3\xBCrich\n", "Z=C3=BCrich\r\n"},
      {"blank at the end of a line", "a \nb\t\n", "a=20\r\nb=09\r\n"},
      {"blank at the very end", "a ", "a=20\r\n"},
      {"empty lines", "a\n\nb\n", "a\r\n\r\nb\r\n"},
      {"CR LF is one end", "a\r\nb\r\n", "a\r\nb\r\n"},
      {"lonely CR", "a\rb\n", "a=0Db\r\n"},
      {"dot line is left to SMTP", ".\n", ".\r\n"},
      {"nothing", "", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(quoted_printable(row.in), row.out) << row.name;
}

TEST(MimeTest, QuotedPrintableLinesAreShort) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "\xC3\xBC=x ";
  const auto encoded = quoted_printable(text + "\n" + std::string(500, 'y'));
  std::string decoded;
  for (const auto& line : lines_of(encoded)) {
    EXPECT_LE(line.size(), 76u);
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] != '=') {
        decoded += line[i];
      } else if (i + 1 < line.size()) {
        decoded += static_cast<char>(std::stoi(line.substr(i + 1, 2), nullptr, 16));
        i += 2;
      }
    }
  }
  EXPECT_EQ(decoded, text + std::string(500, 'y'));
}

TEST(MimeTest, HeaderCannotBreakOut) {
  const auto value = header_text("x\r\nBcc: evil@example.com\r\n\r\nbody", 9);
  for (const auto& line : lines_of("Subject: " + value))
    EXPECT_TRUE(line.starts_with("Subject:") || line.starts_with(" ")) << line;
  EXPECT_EQ(header_text("a\nb", 9), "a b");
  EXPECT_THAT(header_text("\xC3\xBC\r\nBcc: e@f", 9), Not(HasSubstr("\r\nBcc")));
}

TEST(MimeTest, HeaderOutsideAsciiIsEncodedInShortWords) {
  EXPECT_EQ(header_text("Z\xC3\xBCrich is up", 9), "=?UTF-8?Q?Z=C3=BCrich_is_up?=");
  EXPECT_EQ(header_text("=?UTF-8?Q?not_me?=", 9), "=?UTF-8?Q?=3D=3FUTF=2D8=3FQ=3Fnot=5Fme=3F=3D?=");
  std::string text;
  for (int i = 0; i < 60; ++i) text += "\xE2\x82\xAC";
  for (const auto& line : lines_of("Subject: " + header_text(text, 9))) {
    EXPECT_LE(line.size(), 76u);
    // No character is cut in two: each line holds whole triples.
    std::size_t bytes = 0;
    for (auto at = line.find("=E2"); at != std::string::npos; at = line.find("=E2", at + 1)) bytes += 3;
    std::size_t escapes = 0;
    for (auto at = line.find("=8"); at != std::string::npos; at = line.find("=8", at + 1)) ++escapes;
    EXPECT_EQ(escapes * 3, bytes) << line;
  }
}

TEST(MimeTest, LongAsciiHeaderIsFoldedAtBlanks) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "word" + std::to_string(i) + " ";
  const auto lines = lines_of("Subject: " + header_text(text, 9));
  EXPECT_GT(lines.size(), 2u);
  for (const auto& line : lines) EXPECT_LE(line.size(), 76u);
}

TEST(MimeTest, MailboxIsQuotedOrEncoded) {
  EXPECT_EQ(mailbox("", "a@b"), "a@b");
  EXPECT_EQ(mailbox("Ops, \"Team\"", "a@b"), "\"Ops, \\\"Team\\\"\" <a@b>");
  EXPECT_EQ(mailbox("B\xC3\xBCro", "a@b"), "=?UTF-8?Q?B=C3=BCro?=\r\n <a@b>");
}

TEST(MimeTest, DateIsThatOfMail) {
  EXPECT_EQ(mail_date(*core::parse_time("2025-12-01T08:05:09Z")), "Mon, 01 Dec 2025 08:05:09 +0000");
  EXPECT_EQ(mail_date(*core::parse_time("2024-02-29T23:59:59Z")), "Thu, 29 Feb 2024 23:59:59 +0000");
}

}  // namespace
}  // namespace azlin::alert
