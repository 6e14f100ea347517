#include "azlin/backup/schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <climits>

namespace azlin::backup {
namespace {

using core::Error;
using core::ErrorKind;
using testing::HasSubstr;

std::string usage_error(const std::optional<BackupSchedule>& existing, const ScheduleChange& change,
                        const std::string& region = "eastus") {
  try {
    apply(existing, change, region);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "no error";
}

TEST(ScheduleTest, NothingStatedGivesTheDefaults) {
  const BackupSchedule made = apply({}, {}, "eastus");
  EXPECT_EQ(made, BackupSchedule{});
  EXPECT_TRUE(made.enabled);
  EXPECT_EQ(made.daily, 7);
  EXPECT_EQ(made.weekly, 4);
  EXPECT_EQ(made.monthly, 12);
  EXPECT_FALSE(made.target_region);
}

TEST(ScheduleTest, StatedValuesAreKeptAsStated) {
  const BackupSchedule made = apply({}, {.daily = 14, .weekly = 8, .monthly = 24}, "eastus");
  EXPECT_EQ(parse_schedule(to_tag(made), "vm"), made);
  EXPECT_EQ(made.retention(Tier::daily), 14);
  EXPECT_EQ(made.retention(Tier::weekly), 8);
  EXPECT_EQ(made.retention(Tier::monthly), 24);
}

TEST(ScheduleTest, UnstatedValuesStayWhenConfiguredAgain) {
  BackupSchedule before;
  before.enabled = false;
  before.weekly = 9;
  before.monthly_on = false;
  before.target_region = "westus2";
  BackupSchedule expected = before;
  expected.enabled = true;
  expected.daily = 14;
  EXPECT_EQ(apply(before, {.daily = 14}, "eastus"), expected);
}

TEST(ScheduleTest, TierGoesOffAndComesBackWithItsNumber) {
  const BackupSchedule off = apply({}, {.no_weekly = true, .no_monthly = true}, "eastus");
  EXPECT_FALSE(off.weekly_on);
  EXPECT_FALSE(off.monthly_on);
  EXPECT_EQ(parse_schedule(to_tag(off), "vm"), off);
  const BackupSchedule on = apply(off, {.weekly = 6}, "eastus");
  EXPECT_TRUE(on.weekly_on);
  EXPECT_FALSE(on.monthly_on);
  EXPECT_EQ(on.weekly, 6);
}

TEST(ScheduleTest, NumbersBelowOneAreRefused) {
  for (const int bad : {0, -1, INT_MIN}) {
    EXPECT_THAT(usage_error({}, {.daily = bad}), HasSubstr("--daily-retention must be positive"));
    EXPECT_THAT(usage_error({}, {.weekly = bad}), HasSubstr("--weekly-retention must be positive"));
    EXPECT_THAT(usage_error({}, {.monthly = bad}), HasSubstr("--monthly-retention must be positive"));
  }
}

TEST(ScheduleTest, MoreThanFiveHundredSnapshotsAreRefused) {
  EXPECT_THAT(usage_error({}, {.daily = 484}), HasSubstr("Azure allows 500"));
  EXPECT_THAT(usage_error({}, {.daily = INT_MAX, .weekly = INT_MAX, .monthly = INT_MAX}),
              HasSubstr("Azure allows 500"));
  EXPECT_EQ(apply({}, {.daily = 483}, "eastus").daily, 483);  // 483 + 4 + 12 + the one being made
}

TEST(ScheduleTest, CrossRegionNeedsAnotherRegion) {
  EXPECT_THAT(usage_error({}, {.cross_region = true}), HasSubstr("needs a region"));
  EXPECT_THAT(usage_error({}, {.cross_region = true, .target_region = "eastus"}), HasSubstr("own region"));
  EXPECT_THAT(usage_error({}, {.target_region = "East US"}), HasSubstr("own region"));
  EXPECT_EQ(apply({}, {.cross_region = true, .target_region = "West US 2"}, "eastus").target_region,
            "westus2");
  EXPECT_EQ(apply({}, {.target_region = "westus2"}, "eastus").target_region, "westus2");
}

TEST(ScheduleTest, CrossRegionGoesOff) {
  BackupSchedule before;
  before.target_region = "westus2";
  EXPECT_EQ(apply(before, {.cross_region = false}, "eastus").target_region, std::nullopt);
  EXPECT_EQ(apply(before, {.cross_region = true}, "eastus").target_region, "westus2");
}

TEST(ScheduleTest, ContradictionsAreRefused) {
  EXPECT_THAT(usage_error({}, {.weekly = 4, .no_weekly = true}), HasSubstr("contradict"));
  EXPECT_THAT(usage_error({}, {.monthly = 4, .no_monthly = true}), HasSubstr("contradict"));
  EXPECT_THAT(usage_error({}, {.cross_region = false, .target_region = "westus2"}), HasSubstr("contradict"));
}

TEST(ScheduleTest, TagIsCompactAndFitsAzure) {
  EXPECT_EQ(to_tag(BackupSchedule{}), R"({"v":1,"on":true,"d":7,"w":4,"m":12})");
  BackupSchedule largest{false, 499, 499, 499, false, false, "australiasoutheast"};
  EXPECT_LE(to_tag(largest).size(), 256u);
  EXPECT_EQ(parse_schedule(to_tag(largest), "vm"), largest);
}

TEST(ScheduleTest, SeedsLongFormIsRead) {
  const BackupSchedule read = parse_schedule(
      R"({"enabled": true, "daily_retention": 14, "weekly_retention": 8, "monthly_retention": 24,
          "last_daily": "2025-12-01T08:00:00", "last_weekly": null, "last_monthly": null,
          "cross_region_enabled": true, "target_region": "westus2"})",
      "vm");
  EXPECT_EQ(read, (BackupSchedule{true, 14, 8, 24, true, true, "westus2"}));
}

TEST(ScheduleTest, LongFormFillsInDefaults) {
  EXPECT_EQ(parse_schedule(R"({"enabled":true,"daily_retention":14})", "vm"),
            (BackupSchedule{true, 14, 4, 12, true, true, {}}));
  EXPECT_EQ(parse_schedule(R"({"enabled":false,"daily":3})", "vm"),
            (BackupSchedule{false, 3, 4, 12, true, true, {}}));
  EXPECT_EQ(
      parse_schedule(R"({"enabled":true,"cross_region_enabled":false,"target_region":"westus2"})", "vm"),
      BackupSchedule{});
}

struct Bad {
  const char* name;
  const char* text;
  const char* why;
};
class InvalidScheduleTest : public testing::TestWithParam<Bad> {};

TEST_P(InvalidScheduleTest, IsATypedErrorThatNamesVmAndTag) {
  try {
    parse_schedule(GetParam().text, "prod-db-vm");
    FAIL() << "accepted " << GetParam().text;
  } catch (const InvalidSchedule& error) {
    EXPECT_EQ(error.kind(), ErrorKind::failed);
    EXPECT_THAT(error.what(), HasSubstr("azlin:backup-schedule of VM prod-db-vm"));
    EXPECT_THAT(error.what(), HasSubstr(GetParam().why));
    EXPECT_THAT(error.what(), HasSubstr("no backup was deleted"));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, InvalidScheduleTest,
    testing::Values(
        Bad{"Empty", "", "not JSON"}, Bad{"Text", "daily", "not JSON"},
        Bad{"CutOff", R"({"v":1,"on":true,"d":7,"w":4,"m":1)", "cut off"},
        Bad{"Array", "[1]", "not a JSON object"},
        Bad{"PythonDict", "{'enabled': True, 'daily_retention': 7}", "not JSON"},
        Bad{"NewerVersion", R"({"v":2,"on":true,"d":7,"w":4,"m":12})", "version 2"},
        Bad{"VersionText", R"({"v":"1","on":true,"d":7,"w":4,"m":12})", "version"},
        Bad{"CompactMissingField", R"({"v":1,"on":true,"d":7,"w":4})", "'m' is missing"},
        Bad{"CompactNull", R"({"v":1,"on":null,"d":7,"w":4,"m":12})", "'on' is not true or false"},
        Bad{"Zero", R"({"v":1,"on":true,"d":0,"w":4,"m":12})", "'d' is not a whole number"},
        Bad{"Negative", R"({"enabled":true,"weekly_retention":-4})",
            "'weekly_retention' is not a whole number"},
        Bad{"Fraction", R"({"v":1,"on":true,"d":7.5,"w":4,"m":12})", "'d' is not a whole number"},
        Bad{"Huge", R"({"v":1,"on":true,"d":99999999999999999999,"w":4,"m":12})",
            "'d' is not a whole number"},
        Bad{"UnknownKey", R"({"v":1,"on":true,"d":7,"w":4,"m":12,"y":3})", "does not know"},
        Bad{"UnknownTierOff", R"({"v":1,"on":true,"d":7,"w":4,"m":12,"off":"d"})", "unknown tier"},
        Bad{"LongWithoutEnabled", R"({"daily_retention":7})", "'enabled' is missing"},
        Bad{"LongUnknownKey", R"({"enabled":true,"yearly_retention":7})", "does not know"},
        Bad{"LongCrossRegionWithoutTarget", R"({"enabled":true,"cross_region_enabled":true})", "without"}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace azlin::backup
