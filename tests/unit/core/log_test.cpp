#include "azlin/core/log.hpp"

#include <gtest/gtest.h>

namespace azlin::core {
namespace {

struct UrlRow {
  const char* name;
  const char* url;
  const char* shown;
};

class RedactUrlTest : public ::testing::TestWithParam<UrlRow> {};

TEST_P(RedactUrlTest, KeepsOnlyWhatIsAllowed) {
  EXPECT_EQ(redact_url(GetParam().url), GetParam().shown);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, RedactUrlTest,
    ::testing::Values(
        UrlRow{"ApiVersion", "https://h/a?api-version=2023-10-02", "https://h/a?api-version=2023-10-02"},
        UrlRow{"Sas", "https://h/a?sv=2018&sr=b&sig=abc%3D",
               "https://h/a?sv=REDACTED&sr=REDACTED&sig=REDACTED"},
        UrlRow{
            "PollSignature", "https://h/op?p=g&api-version=1&t=1&c=MII&s=x&h=y&monitor=true",
            "https://h/op?p=REDACTED&api-version=1&t=REDACTED&c=REDACTED&s=REDACTED&h=REDACTED&monitor=true"},
        UrlRow{"EncodedNameOfSecret", "https://h/a?%73ig=abc", "https://h/a?%73ig=REDACTED"},
        UrlRow{"EncodedAllowedName", "https://h/a?%24filter=x", "https://h/a?%24filter=x"},
        UrlRow{"UpperCase", "https://h/a?API-Version=1&SIG=2", "https://h/a?API-Version=1&SIG=REDACTED"},
        UrlRow{"UserInfo", "https://user:pw@h/a", "https://h/a"},
        UrlRow{"UserInfoWithAt", "https://user:p@w@h:1/a?top=1", "https://h:1/a?top=REDACTED"},
        UrlRow{"AtInPathStays", "https://h/a@b", "https://h/a@b"},
        UrlRow{"NoScheme", "user:pw@h/a?sig=1", "h/a?sig=REDACTED"},
        UrlRow{"Relative", "/a/b?sig=1&comp=range", "/a/b?sig=REDACTED&comp=range"},
        UrlRow{"SecondQuestionMark", "https://h/a?api-version=1&x=2?sig=3",
               "https://h/a?api-version=1&x=REDACTED"},
        UrlRow{"ValueWithoutName", "https://h/a?secretvalue", "https://h/a?REDACTED"},
        UrlRow{"EmptyQuery", "https://h/a?", "https://h/a"},
        UrlRow{"Fragment", "https://h/a#token=1", "https://h/a"},
        UrlRow{"QueryOnly", "?sig=1", "?sig=REDACTED"},
        UrlRow{"NewLine", "https://h/a\nb?sig=1", "https://h/a?b?sig=REDACTED"}, UrlRow{"Empty", "", ""}),
    [](const auto& row) { return row.param.name; });

class LogTest : public ::testing::Test {
 protected:
  void TearDown() override { set_log_level(LogLevel::warn); }
  static std::string captured(const std::function<void()>& act) {
    ::testing::internal::CaptureStderr();
    act();
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogTest, DefaultLevelHidesInfoAndShowsWarnings) {
  const auto text = captured([] {
    log_info("hidden {}", 1);
    log_warn("seen {}", 2);
  });
  EXPECT_EQ(text, "warning: seen 2\n");
}

TEST_F(LogTest, AnEventIsOneLine) {
  EXPECT_EQ(captured([] { log_warn("a\nerror: b\x1b[0m"); }), "warning: a\\nerror: b?[0m\n");
}

TEST_F(LogTest, DebugLinesCarryTheTime) {
  const auto text = captured([] {
    set_log_level(LogLevel::debug);
    log_debug("x");
  });
  EXPECT_NE(text.find("Z ["), std::string::npos) << text;
  EXPECT_NE(text.find("debug: x"), std::string::npos) << text;
}

TEST_F(LogTest, OffIsSilent) {
  EXPECT_EQ(captured([] {
              set_log_level(LogLevel::off);
              log_warn("x");
            }),
            "");
}

}  // namespace
}  // namespace azlin::core
