#include "azlin/core/file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

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

TEST_F(FileTest, AReadThatBreaksOffIsAnErrorAndNoHalf) {
  EXPECT_THROW(read_file("/proc/self/mem"), Error) << "nothing is mapped at its start";
}

TEST_F(FileTest, APipeIsWrittenToAndNotReplaced) {
  const auto pipe = dir_.file("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  EXPECT_NO_THROW(check_output_file(pipe, "report"));
  write_file(pipe, "the report");
  char got[32] = {};
  EXPECT_EQ(read(reader, got, sizeof got - 1), 10);
  EXPECT_STREQ(got, "the report");
  close(reader);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

TEST_F(FileTest, ALinkToADeviceStays) {
  const auto link = dir_.file("link");
  std::filesystem::create_symlink("/dev/null", link);
  write_file(link, "x");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
}

// As /dev/stdout is with `> FILE`.
TEST_F(FileTest, TheFileBehindADescriptorIsAddedTo) {
  const auto path = dir_.file("out");
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  ASSERT_EQ(write(file, "1", 1), 1);
  const auto name = "/proc/self/fd/" + std::to_string(file);
  EXPECT_NO_THROW(check_output_file(name, "report"));
  write_file(name, "2");
  close(file);
  EXPECT_EQ(read_file(path), "12");
}

// Writing replaces the file, so its folder must be open to this user, who is not root here.
TEST_F(FileTest, AFileInAClosedFolderIsRefusedBeforehand) {
  write_file(dir_.file("closed/out"), "x", 0666);
  for (const auto& each : {dir_.path().string(), dir_.file("closed")})
    ASSERT_EQ(chmod(each.c_str(), 0555), 0);
  const auto refused = [&] {
    if (geteuid() == 0 && setuid(65534) != 0) return false;
    try {
      check_output_file(dir_.file("closed/out"), "report");
    } catch (const Error& error) {
      return error.kind() == ErrorKind::usage &&
             std::string(error.what()).find("Permission denied") != std::string::npos;
    }
    return false;
  };
  EXPECT_EXIT(_exit(refused() ? 0 : 1), testing::ExitedWithCode(0), "");
  for (const auto& each : {dir_.path().string(), dir_.file("closed")}) chmod(each.c_str(), 0755);
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
