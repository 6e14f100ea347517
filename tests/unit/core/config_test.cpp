#include "azlin/core/config.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::core {
namespace {

Env env(const std::map<std::string, std::string>& values) {
  return Env(values);
}

class ConfigTest : public ::testing::Test {
 protected:
  Config load(const std::string& text) {
    std::ofstream(dir.file("config.toml")) << text;
    return Config::load(dir.file("config.toml"));
  }
  test::TempDir dir;
};

TEST_F(ConfigTest, MissingFileIsEmpty) {
  EXPECT_FALSE(Config::load(dir.file("none.toml")).get("cloud"));
}

TEST_F(ConfigTest, ValuesAreReadByDottedKey) {
  const auto config = load(R"(
cloud = "simulator"
parallel = 8
ratio = 0.5
strict = true
groups = ["a", "b"]
[recovery_services.vaults.production]
vault_name = "rsv-prod"
[recovery_services.vaults."dev.test"]
vault_name = "rsv-dev"
)");
  EXPECT_EQ(config.get("cloud"), "simulator");
  EXPECT_EQ(config.get("parallel"), "8");
  EXPECT_EQ(config.get("ratio"), "0.5");
  EXPECT_EQ(config.get("strict"), "true");
  EXPECT_EQ(config.get("groups"), "a,b");
  EXPECT_EQ(config.get("recovery_services.vaults.production.vault_name"), "rsv-prod");
  EXPECT_EQ(config.get("recovery_services.vaults.dev.test.vault_name"), "rsv-dev");
  EXPECT_FALSE(config.get("recovery_services"));
  EXPECT_EQ(config.tables_under("recovery_services.vaults"),
            (std::vector<std::string>{"dev.test", "production"}));
  EXPECT_TRUE(config.tables_under("nothing").empty());
}

TEST_F(ConfigTest, SyntaxErrorNamesFileAndLine) {
  try {
    load("cloud = \"a\"\nbroken = = 1\n");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("config.toml:2:"), std::string::npos) << error.what();
  }
}

TEST_F(ConfigTest, FlagsComeBeforeVariablesBeforeTheFile) {
  const auto config = load("cloud = \"file\"\n");
  Env variables;
  EXPECT_EQ(setting({}, variables, "AZLIN_CLOUD", config, "cloud"), "file");
  variables.set("AZLIN_CLOUD", "variable");
  EXPECT_EQ(setting({}, variables, "AZLIN_CLOUD", config, "cloud"), "variable");
  EXPECT_EQ(setting("flag", variables, "AZLIN_CLOUD", config, "cloud"), "flag");
  EXPECT_FALSE(setting({}, variables, "AZLIN_OTHER", config, "other"));
}

TEST(EnvTest, HomeComesFromItsVariableOrHome) {
  EXPECT_EQ(env({{"HOME", "/h"}}).azlin_home(), "/h/.azlin");
  EXPECT_EQ(env({{"HOME", "/h"}, {"AZLIN_HOME", "/a"}}).azlin_home(), "/a");
  EXPECT_THROW(Env().azlin_home(), Error);
}

TEST(EnvTest, EmptyIsUnset) {
  EXPECT_FALSE(env({{"A", ""}}).get("A"));
}

}  // namespace
}  // namespace azlin::core
