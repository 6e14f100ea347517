#include "azlin/alert/secret.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::alert {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(SecretRefTest, OnlyReferencesParse) {
  for (const char* good : {"env:NAME", "env:_a1", "file:/run/secrets/x"})
    EXPECT_EQ(SecretRef::parse(good)->text(), good);
  for (const char* bad :
       {"", "secret", "env:", "env:1A", "env:A B", "file:", "file:relative", "ENV:NAME", "https://e.com"})
    EXPECT_FALSE(SecretRef::parse(bad)) << bad;
}

TEST(SecretRefTest, ValueComesFromVariableOrFile) {
  test::TempDir dir;
  std::ofstream(dir.file("key")) << "from the file\r\n";
  core::Env env;
  env.set("KEY", "value");
  EXPECT_EQ(SecretRef::parse("env:KEY")->read(env), "value");
  EXPECT_EQ(SecretRef::parse("file:" + dir.file("key"))->read({}), "from the file");
}

TEST(SecretRefTest, FailureNamesTheReferenceNotTheValue) {
  test::TempDir dir;
  std::ofstream(dir.file("empty")) << "\n";
  std::ofstream(dir.file("lines")) << "first\nsecond\n";
  std::ofstream(dir.file("long")) << std::string(70'000, 'x');
  for (const auto& text :
       {std::string("env:UNSET"), "file:" + dir.file("none"), "file:" + dir.file("empty"),
        "file:" + dir.file("lines"), "file:" + dir.file("long"), "file:" + dir.path().string()}) {
    try {
      SecretRef::parse(text)->read({});
      ADD_FAILURE() << text << " was read";
    } catch (const core::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(text.substr(text.find(':') + 1)));
      EXPECT_THAT(error.what(), Not(HasSubstr("second")));
    }
  }
}

TEST(SecretRefTest, AddressesWithCredentialsAreTold) {
  for (const char* secret : {"https://u:p@e.com/", "https://e.com/?code=x", "https://e.com/h#frag",
                             "https://e.com/services/T00000000/B00000000/abcDEF1234567890abcDEF12",
                             "https://e.com/a1b2c3d4-e5f6-7890-abcd-ef0123456789"})
    EXPECT_TRUE(url_holds_secret(secret)) << secret;
  for (const char* plain :
       {"https://e.com", "https://e.com/", "https://alerts.example.com:8443/hooks/azlin/v2",
        "https://e.com/a-long-name-without-any-figures-in-it"})
    EXPECT_FALSE(url_holds_secret(plain)) << plain;
}

}  // namespace
}  // namespace azlin::alert
