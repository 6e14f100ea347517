#include <gtest/gtest.h>

#include "azlin/core/error.hpp"
#include "azlin/vault/protection.hpp"
#include "azlin/vault/restore.hpp"

namespace azlin::vault {
namespace {

core::TimePoint at(const char* text) {
  return core::parse_time(text).value();
}

RecoveryPoint point(const char* name, const char* time, const char* type = "Full") {
  RecoveryPoint made;
  made.id = std::string("/item/recoveryPoints/") + name;
  made.name = name;
  made.time = at(time);
  made.type = type;
  return made;
}

RecoveryPoints some_points() {
  RecoveryPoints points;
  points.points = {point("2002", "2025-12-02T02:00:00Z", "Differential"),
                   point("1001", "2025-12-01T02:00:00Z")};
  points.logs = {{at("2025-12-02T02:00:00Z"), at("2025-12-02T08:15:00Z")},
                 {at("2025-12-01T02:00:00Z"), at("2025-12-01T20:00:00Z")}};
  points.log_point_id = "/item/recoveryPoints/DefaultRangeRecoveryPoint";
  return points;
}

// Message of the refusal.
std::string refusal(const RecoveryPoints& points, const PointChoice& choice) {
  try {
    choose_point(points, choice, "HXE");
    return "";
  } catch (const core::Error& error) {
    return error.what();
  }
}

TEST(ChoosePointTest, LatestIsTheEndOfTheLogs) {
  const auto chosen = choose_point(some_points(), {}, "HXE");
  EXPECT_EQ(chosen.id, "/item/recoveryPoints/DefaultRangeRecoveryPoint");
  EXPECT_EQ(chosen.at, at("2025-12-02T08:15:00Z"));
}

TEST(ChoosePointTest, LatestWithoutLogsIsTheNewestPoint) {
  auto points = some_points();
  points.logs.clear();
  EXPECT_EQ(choose_point(points, {"latest", std::nullopt}, "HXE").id, "/item/recoveryPoints/2002");
}

TEST(ChoosePointTest, LatestIsThePointWhenItIsNewerThanTheLogs) {
  auto points = some_points();
  points.points.insert(points.points.begin(), point("3003", "2025-12-03T02:00:00Z"));
  EXPECT_EQ(choose_point(points, {}, "HXE").id, "/item/recoveryPoints/3003");
}

TEST(ChoosePointTest, AMomentInARange) {
  const auto chosen = choose_point(some_points(), {"", at("2025-12-01T12:00:00Z")}, "HXE");
  EXPECT_EQ(chosen.at, at("2025-12-01T12:00:00Z"));
}

TEST(ChoosePointTest, AMomentInTheGapSaysWhichRangesThereAre) {
  const std::string said = refusal(some_points(), {"", at("2025-12-01T21:00:00Z")});
  EXPECT_NE(said.find("no backup of HXE covers 2025-12-01 21:00:00 UTC"), std::string::npos) << said;
  EXPECT_NE(said.find("2025-12-01 02:00:00 to 2025-12-01 20:00:00"), std::string::npos) << said;
  EXPECT_NE(said.find("2025-12-02 02:00:00 to 2025-12-02 08:15:00"), std::string::npos) << said;
}

TEST(ChoosePointTest, ByUnambiguousBeginning) {
  EXPECT_EQ(choose_point(some_points(), {"10", std::nullopt}, "HXE").id, "/item/recoveryPoints/1001");
  auto points = some_points();
  points.points.push_back(point("1002", "2025-11-30T02:00:00Z"));
  EXPECT_NE(refusal(points, {"10", std::nullopt}).find("several"), std::string::npos);
  EXPECT_NE(refusal(points, {"99", std::nullopt}).find("no recovery point '99'"), std::string::npos);
}

TEST(ChoosePointTest, NothingYet) {
  EXPECT_NE(refusal({}, {}).find("no recovery point yet"), std::string::npos);
}

struct RefusalCase {
  const char* name;
  Workload workload;
  const char* friendly;
  const char* state;
  std::optional<int> points;
  BackupType type;
  const char* expected;  // part of the reason; "" allowed
};
class BackupRefusalTest : public ::testing::TestWithParam<RefusalCase> {};

TEST_P(BackupRefusalTest, NamesWhatWorks) {
  ProtectedItem item;
  item.workload = GetParam().workload;
  item.friendly_name = GetParam().friendly;
  item.state = GetParam().state;
  item.points = GetParam().points;
  const std::string reason = why_not(item, GetParam().type);
  if (std::string_view(GetParam().expected).empty()) {
    EXPECT_EQ(reason, "");
  } else {
    EXPECT_NE(reason.find(GetParam().expected), std::string::npos) << reason;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rules, BackupRefusalTest,
    ::testing::Values(
        RefusalCase{"HanaFull", Workload::hana, "SYSTEMDB", "IRPending", 0, BackupType::full, ""},
        RefusalCase{"HanaLog", Workload::hana, "SYSTEMDB", "Protected", 1, BackupType::log,
                    "only full and differential"},
        RefusalCase{"HanaIncremental", Workload::hana, "SYSTEMDB", "Protected", 1, BackupType::incremental,
                    "`--type differential`"},
        RefusalCase{"SqlLog", Workload::sql, "sales", "Protected", 1, BackupType::log, ""},
        RefusalCase{"SqlLogBeforeFull", Workload::sql, "sales", "IRPending", 0, BackupType::log,
                    "`--type full` first"},
        RefusalCase{"SqlMaster", Workload::sql, "master", "Protected", 1, BackupType::differential,
                    "only full backups"},
        RefusalCase{"SqlCopyOnly", Workload::sql, "sales", "IRPending", 0, BackupType::copy_only_full, ""},
        RefusalCase{"Stopped", Workload::sql, "sales", "ProtectionStopped", 1, BackupType::full,
                    "resumes it"},
        RefusalCase{"VmLog", Workload::vm, "vm1", "Protected", 1, BackupType::log, "has no types"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace azlin::vault
