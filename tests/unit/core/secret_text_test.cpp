#include "azlin/core/secret_text.hpp"

#include <gtest/gtest.h>

namespace azlin::core {
namespace {

struct SecretRow {
  const char *name, *in, *out;
};

class SecretTextTest : public ::testing::TestWithParam<SecretRow> {};

TEST_P(SecretTextTest, IsReplacedAndNothingElse) {
  EXPECT_EQ(without_secrets(GetParam().in), GetParam().out);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, SecretTextTest,
    ::testing::Values(
        SecretRow{"Signature", "https://h/b?sv=1&SIG=a%3D&se=2", "https://h/b?sv=1&SIG=REDACTED&se=2"},
        SecretRow{"ConnectionString", "Ends=x;AccountKey=ab+/==;Suffix=y",
                  "Ends=x;AccountKey=REDACTED;Suffix=y"},
        SecretRow{"SharedKey", "SharedAccessKey=a", "SharedAccessKey=REDACTED"},
        SecretRow{"ClientSecret", "client_secret=\"a\" client_secret=b c",
                  "client_secret=\"a\" client_secret=REDACTED c"},
        SecretRow{"Bearer", "got Bearer  eyJ0.eyJ1.x-_ here", "got Bearer  REDACTED here"},
        SecretRow{"NoValue", "sig= password=; token=", "sig= password=; token="},
        SecretRow{"OtherWords", "the signal=5 design=1 bearers come", "the signal=5 design=1 bearers come"},
        SecretRow{"AtTheEnd", "Bearer", "Bearer"}, SecretRow{"Empty", "", ""}),
    [](const auto& row) { return row.param.name; });

// A service may answer with megabytes; a pattern that recurses at each character would end azlin.
TEST(SecretTextTest, MayBeOfAnyLength) {
  const std::string key(1'000'000, 'x');
  EXPECT_EQ(without_secrets("token=" + key + " y"), "token=REDACTED y");
  EXPECT_EQ(without_secrets(key), key);
}

}  // namespace
}  // namespace azlin::core
