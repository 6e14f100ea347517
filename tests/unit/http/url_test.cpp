#include <gtest/gtest.h>

#include "azlin/http/transport.hpp"

namespace azlin::http {
namespace {

struct UrlRow {
  const char* name;
  const char* url;
  bool loopback;
  const char* origin;
};

class UrlTest : public ::testing::TestWithParam<UrlRow> {};

TEST_P(UrlTest, IsReadAsTheTransportReadsIt) {
  EXPECT_EQ(is_loopback_url(GetParam().url), GetParam().loopback);
  EXPECT_EQ(url_origin(GetParam().url), GetParam().origin);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, UrlTest,
    ::testing::Values(
        UrlRow{"Azure", "https://management.azure.com/x?y", false, "https://management.azure.com:443"},
        UrlRow{"Port", "https://h:8443/", false, "https://h:8443"},
        UrlRow{"CaseIsIgnored", "HTTPS://Management.Azure.COM/X", false, "https://management.azure.com:443"},
        UrlRow{"DefaultPortIsTheSame", "https://h:443/", false, "https://h:443"},
        UrlRow{"Loopback", "http://127.0.0.1:8080/a", true, "http://127.0.0.1:8080"},
        UrlRow{"Loopback127Net", "http://127.9.8.7/", true, "http://127.9.8.7:80"},
        UrlRow{"Localhost", "http://localhost/", true, "http://localhost:80"},
        UrlRow{"Ipv6", "http://[::1]:1/", true, "http://[::1]:1"},
        UrlRow{"LooksLikeLoopback", "http://127.0.0.1.evil.example/", false,
               "http://127.0.0.1.evil.example:80"},
        UrlRow{"LocalhostPrefix", "http://localhost.evil.example/", false,
               "http://localhost.evil.example:80"},
        UrlRow{"UserInfoIsNoHost", "http://127.0.0.1@evil.example/", false, "http://evil.example:80"},
        UrlRow{"Backslash", "http://127.0.0.1\\@evil.example/", false, ""},
        UrlRow{"PathOnly", "/subscriptions/s", false, ""}, UrlRow{"Empty", "", false, ""}),
    [](const auto& row) { return row.param.name; });

TEST(PercentEncodeTest, KeepsOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/c'd+&=\xc3\xa4"), "a%20b%2Fc%27d%2B%26%3D%C3%A4");
}

TEST(ResponseTest, HeaderNamesIgnoreCase) {
  const Response response{.headers = {{"X-Ms-Request-Id", "1"}, {"x-ms-request-id", "2"}}};
  EXPECT_EQ(response.header("x-ms-request-id"), "1");
  EXPECT_FALSE(response.header("x"));
}

}  // namespace
}  // namespace azlin::http
