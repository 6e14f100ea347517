#include "azlin/archive/scratch_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "support/temp_dir.hpp"

namespace azlin::archive {
namespace {

namespace fs = std::filesystem;

class ScratchFolderTest : public ::testing::Test {
 protected:
  test::TempDir dir;
  fs::path parent = dir.file("parent");
};

TEST_F(ScratchFolderTest, IsPrivateAndGoneAfterwards) {
  {
    const ScratchFolder scratch(parent);
    std::ofstream(scratch.path() / "secret") << "x";
    EXPECT_EQ(fs::status(scratch.path()).permissions(), fs::perms::owner_all);
  }
  EXPECT_TRUE(fs::is_empty(parent));
}

TEST_F(ScratchFolderTest, WhatIsKeptStays) {
  {
    ScratchFolder scratch(parent);
    std::ofstream(scratch.path() / "a") << "x";
    scratch.keep_as(parent / "kept");
  }
  EXPECT_TRUE(fs::exists(parent / "kept" / "a"));
  EXPECT_EQ(std::distance(fs::directory_iterator(parent), {}), 1);
}

TEST_F(ScratchFolderTest, ThatOfAKilledProcessIsRemovedAndThatOfALiveOneIsNot) {
  const pid_t killed = fork();
  if (killed == 0) {
    const ScratchFolder scratch(parent);
    std::ofstream(scratch.path() / "secret") << "x";
    kill(getpid(), SIGKILL);
    _exit(1);
  }
  waitpid(killed, nullptr, 0);
  ASSERT_FALSE(fs::is_empty(parent));
  const ScratchFolder live(parent);  // removes the other
  EXPECT_EQ(std::distance(fs::directory_iterator(parent), {}), 1);
  EXPECT_EQ(ScratchFolder::remove_left_ones(parent), 0U);
  EXPECT_TRUE(fs::exists(live.path()));
}

TEST_F(ScratchFolderTest, NothingElseIsRemoved) {
  fs::create_directories(parent / "data");
  fs::create_directory_symlink(parent / "data", parent / ".azlin-scratch-link");
  EXPECT_EQ(ScratchFolder::remove_left_ones(parent), 0U);
  EXPECT_TRUE(fs::exists(parent / "data"));
  EXPECT_EQ(ScratchFolder::remove_left_ones(dir.file("nowhere")), 0U);
}

}  // namespace
}  // namespace azlin::archive
