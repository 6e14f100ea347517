#include "azlin/archive/password.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::archive {
namespace {

class PasswordTest : public ::testing::Test {
 protected:
  std::string file(const std::string& text, mode_t mode = 0600) {
    const std::string path = dir.file("pw" + std::to_string(++count));
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  std::string read(const PasswordSource& flags, const PasswordSource& configured = {}) {
    return read_password(flags, configured, env, dir.path().string());
  }
  test::TempDir dir;
  core::Env env{{{"PATH", "/usr/bin:/bin"}}};
  int count = 0;
};

TEST_F(PasswordTest, FlagsThenVariableThenConfiguration) {
  const PasswordSource configured{.file = file("configured\n")};
  EXPECT_EQ(read({}, configured), "configured");
  env.set("AZLIN_ARCHIVE_PASSWORD", "variable");
  EXPECT_EQ(read({}, configured), "variable");
  EXPECT_EQ(read({.file = file("flag\r\n")}, configured), "flag");
  EXPECT_EQ(read({.command = {"printf", "printed\\nmore"}}), "printed");
}

TEST_F(PasswordTest, NoneIsAUsageErrorWithWhatToSet) {
  try {
    read({});
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::usage);
    EXPECT_NE(error.hint().find("AZLIN_ARCHIVE_PASSWORD"), std::string::npos);
  }
}

TEST_F(PasswordTest, FileForOthersAndFailedCommandAndKeyVaultAreRefused) {
  EXPECT_THROW(read({.file = file("x", 0644)}), core::Error);
  EXPECT_THROW(read({.file = file("")}), core::Error);
  EXPECT_THROW(read({.command = {"false"}}), core::Error);
  EXPECT_THROW(read({.command = {"true"}}), core::Error);
  EXPECT_THROW(read({.file = "https://v.vault.azure.net/secrets/x"}), core::Error);
}

TEST_F(PasswordTest, MachineKeyIsMadeOnceAndPrivate) {
  const std::string key = read({.machine_key = true});
  EXPECT_EQ(key.size(), 64U);
  EXPECT_EQ(read({.machine_key = true}), key);
  EXPECT_EQ(read({}), key);
  struct stat info = {};
  ASSERT_EQ(stat(dir.file("archive.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(PasswordTest, CommandsAreSplitWithoutAShell) {
  EXPECT_EQ(split_command("a  'b c' \"d\"e ''"), (std::vector<std::string>{"a", "b c", "de", ""}));
  EXPECT_THROW(split_command("a 'b"), core::Error);
  EXPECT_TRUE(split_command("").empty());
}

}  // namespace
}  // namespace azlin::archive
