#include "azlin/replication/job.hpp"

#include <gtest/gtest.h>

namespace azlin::replication {
namespace {

using namespace std::chrono_literals;

constexpr core::Millis kStalled = 30min;

class JobTest : public testing::Test {
 protected:
  Copy copy(int lun, std::uint64_t bytes, Status status, double percent) const {
    Copy made;
    made.lun = lun;
    made.expected.size_bytes = bytes;
    made.status = status;
    made.percent = percent;
    made.started_at = start;
    made.last_progress_at = start;
    return made;
  }
  Job running(std::vector<Copy> copies) const {
    Job job;
    job.status = Status::in_progress;
    job.started_at = start;
    job.copies = std::move(copies);
    return job;
  }
  core::TimePoint start = core::parse_time("2025-12-01 08:00").value();
};

TEST_F(JobTest, StatusNamesAreThoseOfTheTable) {
  for (const Status status : {Status::pending, Status::in_progress, Status::completed, Status::failed})
    EXPECT_EQ(parse_status(to_string(status)), status);
  EXPECT_EQ(parse_status("stalled"), std::nullopt);
}

TEST_F(JobTest, PercentIsWeighedBySize) {
  const auto job = running({copy(-1, 300, Status::completed, 100), copy(0, 100, Status::in_progress, 40)});
  EXPECT_DOUBLE_EQ(job.percent(), 85);
}

TEST_F(JobTest, NothingIsEstimatedBeforeTheServiceNamesProgress) {
  const auto seen = progress(running({copy(-1, 100, Status::in_progress, 0)}), start + 5min, kStalled);
  EXPECT_FALSE(seen.eta);
  EXPECT_FALSE(seen.percent_per_minute);
  EXPECT_FALSE(seen.bytes_per_second);
}

TEST_F(JobTest, EtaIsThatOfTheSlowestCopy) {
  const auto job =
      running({copy(-1, 6'000, Status::in_progress, 50), copy(0, 6'000, Status::in_progress, 25)});
  const auto seen = progress(job, start + 10min, kStalled);
  EXPECT_EQ(seen.eta, core::Millis{30min});
  EXPECT_DOUBLE_EQ(seen.percent_per_minute.value(), 3.75);
  EXPECT_DOUBLE_EQ(seen.bytes_per_second.value(), 7.5);
}

TEST_F(JobTest, NoEtaWhileACopyOfTheSetStillWaits) {
  const auto job = running({copy(-1, 100, Status::in_progress, 50), copy(0, 100, Status::pending, 0)});
  EXPECT_FALSE(progress(job, start + 10min, kStalled).eta);
}

TEST_F(JobTest, StalledAfterSoLongWithoutProgressAndNotBefore) {
  auto job = running({copy(-1, 100, Status::in_progress, 50)});
  EXPECT_FALSE(progress(job, start + 30min - 1ms, kStalled).stalled);
  EXPECT_TRUE(progress(job, start + 30min, kStalled).stalled);
  job.copies[0].last_progress_at = start + 20min;
  EXPECT_FALSE(progress(job, start + 30min, kStalled).stalled);
  job.status = Status::completed;
  EXPECT_FALSE(progress(job, start + 48h, kStalled).stalled);
}

TEST_F(JobTest, ExpectationsSurviveTheirText) {
  const Expected expected{"uid", 123, 4, "Linux", "V2", "TrustedLaunch", R"({"architecture":"x64"})", "/des"};
  EXPECT_EQ(parse_expected(to_json(expected)), expected);
  EXPECT_EQ(parse_expected("no json"), Expected{});
}

}  // namespace
}  // namespace azlin::replication
