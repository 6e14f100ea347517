// Waiting for another process that names an archive.
#include "archive/stamp.hpp"

#include <gtest/gtest.h>
#include <sys/file.h>

#include <cstdio>
#include <filesystem>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::archive {
namespace {

const core::TimePoint kNow = core::parse_time("2025-12-24T14:30:22Z").value();
constexpr int kTimes = 3;

// Of another process, until somebody has slept a few times.
class Holder final : public core::Clock {
 public:
  explicit Holder(const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    file_ = std::fopen(path.c_str(), "w");
    EXPECT_EQ(flock(fileno(file_), LOCK_EX), 0);
  }
  ~Holder() override { std::fclose(file_); }
  core::TimePoint now() override { return now_; }
  bool sleep_for(core::Millis duration, std::stop_token stop) override {
    if (++slept == kTimes) flock(fileno(file_), LOCK_UN);
    if (slept == 1) on_first.request_stop();
    now_ += duration;
    return !stop.stop_requested();
  }
  int slept = 0;
  std::stop_source on_first;

 private:
  core::TimePoint now_ = kNow;
  std::FILE* file_ = nullptr;
};

TEST(StampTest, WaitsForAnotherProcess) {
  test::TempDir dir;
  Holder clock(dir.file("archive-ids/weekly"));
  EXPECT_GT(stamp_archive(dir.path(), "weekly", clock, {}), kNow);
  EXPECT_EQ(clock.slept, kTimes);
}

TEST(StampTest, WaitingCanBeInterrupted) {
  test::TempDir dir;
  Holder clock(dir.file("archive-ids/weekly"));
  try {
    stamp_archive(dir.path(), "weekly", clock, clock.on_first.get_token());
    FAIL() << "not interrupted";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::interrupted);
  }
  EXPECT_EQ(clock.slept, 1);
}

}  // namespace
}  // namespace azlin::archive
