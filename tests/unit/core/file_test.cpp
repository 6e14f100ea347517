#include "azlin/core/file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::core {
namespace {

class FileTest : public ::testing::Test {
 protected:
  test::TempDir dir_;
};

TEST_F(FileTest, WhatIsWrittenIsReadWithItsModeAndNothingElseStays) {
  const auto file = dir_.file("a/b/out.txt");
  write_file(file, "old", 0644);
  write_file(file, std::string("new\0text", 8), 0600);
  EXPECT_EQ(read_file(file), std::string("new\0text", 8));
  struct stat info {};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_.file("a/b")), {}), 1);
}

TEST_F(FileTest, AMissingFileIsNoneAndAFolderIsAnError) {
  EXPECT_EQ(read_file(dir_.file("none")), std::nullopt);
  EXPECT_THROW(read_file(dir_.path().string()), Error);
}

TEST_F(FileTest, AnErrorNamesThePath) {
  write_file(dir_.file("plain"), "x");
  try {
    write_file(dir_.file("plain/below"), "y");
    FAIL() << "written below a file";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("plain/below"), std::string::npos);
  }
}

TEST_F(FileTest, WhatCannotBeWrittenIsRefusedBeforehandAndNothingIsMade) {
  write_file(dir_.file("plain"), "x");
  for (const auto& bad : {dir_.path().string(), dir_.file("none/out"), dir_.file("plain/out"),
                          dir_.file("plain/"), std::string("/proc/no-such/out"), std::string()})
    EXPECT_THROW(check_output_file(bad, "report"), Error) << bad;
  EXPECT_FALSE(std::filesystem::exists(dir_.file("none")));
  for (const auto& good : {dir_.file("new"), dir_.file("plain"), std::string("/dev/stdout")})
    EXPECT_NO_THROW(check_output_file(good, "report")) << good;
  EXPECT_FALSE(std::filesystem::exists(dir_.file("new")));
}

}  // namespace
}  // namespace azlin::core
