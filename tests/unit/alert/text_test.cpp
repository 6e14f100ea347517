#include "alert/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace azlin::alert {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(AlertTextTest, BadBytesAndControlCharactersGo) {
  const std::string kBad = "\xEF\xBF\xBD";
  const struct {
    const char* name;
    std::string in, out;
  } rows[] = {
      {"plain", "a\n\tb", "a\n\tb"},
      {"control", std::string("a\0b\x1b[31mc\x7f", 9), "ab[31mc"},
      {"utf-8", "Z\xC3\xBCrich \xF0\x9F\x94\xA5", "Z\xC3\xBCrich \xF0\x9F\x94\xA5"},
      {"lonely byte", "a\xFF", "a" + kBad},
      {"cut character", "a\xE2\x82", "a" + kBad + kBad},
      {"overlong", "\xC0\xAF", kBad + kBad},
      {"surrogate", "\xED\xA0\x80", kBad + kBad + kBad},
      {"beyond the last", "\xF4\x90\x80\x80", kBad + kBad + kBad + kBad},
  };
  for (const auto& row : rows) EXPECT_EQ(clean_text(row.in), row.out) << row.name;
  EXPECT_EQ(clean_line("a\r\nb\tc"), "a b c");
}

TEST(AlertTextTest, CredentialsInTextsGo) {
  for (const char* text :
       {"GET https://x.blob.core.windows.net/d?sv=1&sig=TOPSECRET%3D&se=2 failed",
        "Authorization: Bearer TOPSECRET.abc-def", "DefaultEndpoints;AccountKey=TOPSECRET==;x",
        "password=TOPSECRET", "?client_secret=TOPSECRET"}) {
    EXPECT_THAT(clean_text(text), Not(HasSubstr("TOPSECRET"))) << text;
    EXPECT_THAT(clean_text(text), HasSubstr("REDACTED")) << text;
  }
  EXPECT_EQ(clean_text("the signal=5 design=1"), "the signal=5 design=1");
}

TEST(AlertTextTest, ShorteningKeepsCharactersWhole) {
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdefg", 6), "abc\xE2\x80\xA6");
  EXPECT_EQ(shortened("ab\xE2\x82\xAC\xE2\x82\xAC", 7), "ab\xE2\x80\xA6");
}

TEST(AlertTextTest, KnownSecretIsReplacedEverywhere) {
  EXPECT_EQ(without_secret("x hush y hush", "hush"), "x [secret] y [secret]");
  EXPECT_EQ(without_secret("abc", "a"), "abc");
}

}  // namespace
}  // namespace azlin::alert
