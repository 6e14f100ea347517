#include "azlin/snapshot/schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "azlin/core/error.hpp"

namespace azlin::snapshot {
namespace {

using core::Error;
using core::ErrorKind;

TEST(SnapshotScheduleTest, ComesBack) {
  const SnapshotSchedule schedule{false, 6, 10};
  EXPECT_EQ(parse_snapshot_schedule(to_tag(schedule), "vm"), schedule);
  EXPECT_EQ(to_tag(SnapshotSchedule{}), R"({"v":1,"on":true,"h":24,"keep":2})");
}

TEST(SnapshotScheduleTest, NumbersOutOfRangeAreRefused) {
  for (const SnapshotSchedule& bad :
       {SnapshotSchedule{true, 0, 2}, SnapshotSchedule{true, -1, 2}, SnapshotSchedule{true, 24, 0},
        SnapshotSchedule{true, 24, 500}, SnapshotSchedule{true, 9000, 2}}) {
    try {
      check(bad);
      ADD_FAILURE() << to_tag(bad);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
    }
  }
  EXPECT_NO_THROW(check({true, 1, 1}));
}

TEST(SnapshotScheduleTest, UnreadableTagNamesVmAndTag) {
  for (const char* bad :
       {"", "{", "[]", R"({"v":2,"on":true,"h":1,"keep":1})", R"({"v":1,"on":1,"h":1,"keep":1})",
        R"({"v":1,"on":true,"h":0,"keep":1})", R"({"v":1,"on":true,"keep":1})",
        R"({"v":1,"on":true,"h":1,"keep":900})", R"({"v":1,"on":true,"h":1,"keep":1,"x":1})"}) {
    try {
      parse_snapshot_schedule(bad, "my-vm");
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("azlin:snapshot-schedule of VM my-vm")) << bad;
    }
  }
}

}  // namespace
}  // namespace azlin::snapshot
