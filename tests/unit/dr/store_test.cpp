#include "azlin/dr/store.hpp"

#include <gtest/gtest.h>

#include "azlin/store/database.hpp"
#include "support/temp_dir.hpp"

namespace azlin::dr {
namespace {

core::TimePoint at(const char* text) {
  return core::parse_time(text).value();
}

const char* first_schema() {
  return R"(CREATE TABLE dr_tests (
id INTEGER PRIMARY KEY AUTOINCREMENT,
vm_name TEXT NOT NULL,
backup_name TEXT NOT NULL,
test_region TEXT NOT NULL,
started_at DATETIME NOT NULL,
completed_at DATETIME,
success BOOLEAN,
restore_succeeded BOOLEAN,
boot_succeeded BOOLEAN,
connectivity_succeeded BOOLEAN,
cleanup_succeeded BOOLEAN,
rto_seconds REAL,
error_message TEXT,
created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_vm_name_test ON dr_tests(vm_name);
CREATE INDEX idx_started_at ON dr_tests(started_at);
CREATE INDEX idx_success_test ON dr_tests(success);)";
}

class DrillStoreTest : public ::testing::Test {
 protected:
  DRTestResult add(const std::string& vm, const char* time, Verdict verdict) {
    DRTestResult result;
    result.vm = {"sub", "Production", vm};
    result.backup_name = vm + "-backup";
    result.test_region = "westus2";
    result.started_at = at(time);
    result.drill_id = "d-" + std::to_string(++last_);
    store.insert(result);
    result.verdict = verdict;
    result.completed_at = result.started_at + std::chrono::minutes{20};
    if (verdict == Verdict::passed) result.rto = std::chrono::minutes{last_};
    result.phases = {{Step::restore, Outcome::passed, result.started_at, core::Millis{8500}, "x"}};
    result.left = {{"/some/id", "why"}};
    result.use =
        cost::DrillUse{"westus2", "Standard_D2s_v5", {{"Premium_LRS", 30}}, true, core::Millis{1500}};
    store.update(result);
    return result;
  }
  test::TempDir dir;
  DrillStore store{dir.file("dr_tests.db")};
  int last_ = 0;
};

TEST_F(DrillStoreTest, GivesBackWhatWasWritten) {
  const auto written = add("web", "2025-12-01 10:00", Verdict::passed);
  const auto rows = store.list_drill("d-1");
  ASSERT_EQ(rows.size(), 1U);
  const DRTestResult* found = &rows.front();
  EXPECT_EQ(found->vm.resource_group, "Production");
  EXPECT_EQ(found->verdict, Verdict::passed);
  EXPECT_EQ(found->rto, written.rto);
  ASSERT_EQ(found->phases.size(), 1U);
  EXPECT_EQ(found->phases[0].took, core::Millis{8500});
  EXPECT_EQ(found->phases[0].started, written.started_at);
  ASSERT_EQ(found->left.size(), 1U);
  EXPECT_EQ(found->left[0].error, "why");
  EXPECT_EQ(found->use, written.use);
}

TEST(DrillStoreMigrationTest, RowsOfTheFirstSchemaAreKeptAndFound) {
  const test::TempDir dir;
  const auto path = dir.file("dr_tests.db");
  {
    store::Database old(path, {first_schema()});
    old.prepare(
           "INSERT INTO dr_tests (vm_name, backup_name, test_region, started_at, completed_at, success, "
           "rto_seconds) VALUES ('web', 'b', 'westus2', '2025-12-01T10:00:00Z', '2025-12-01T10:20:00Z', 1, "
           "600),"
           " ('web', 'b', 'westus2', '2025-12-02T10:00:00Z', '2025-12-02T10:20:00Z', 0, NULL),"
           " ('web', 'b', 'westus2', '2025-12-03T10:00:00Z', NULL, NULL, NULL)")
        .run();
  }
  DrillStore store(path);
  const auto rows = store.list({.vm = "web", .subscription = "sub"});
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].verdict, Verdict::interrupted);
  EXPECT_EQ(rows[1].verdict, Verdict::failed);
  EXPECT_EQ(rows[2].verdict, Verdict::passed);
  EXPECT_EQ(rows[2].rto, std::chrono::minutes{10});
  EXPECT_TRUE(store.list({.vm = "web", .resource_group = "Production"}).empty()) << "its group is not known";
}

TEST_F(DrillStoreTest, TheVmsOfAPlanAreOneDrill) {
  for (const char* vm : {"web", "db"}) {
    DRTestResult result;
    result.vm = {"sub", "Production", vm};
    result.drill_id = "d-shop";
    store.insert(result);
  }
  EXPECT_EQ(store.list_drill("d-shop").size(), 2U);
  EXPECT_TRUE(store.list_drill("d-none").empty());
}

TEST_F(DrillStoreTest, ListsTheWindowNewestFirstAndFiltersByTheWholeName) {
  add("web", "2025-11-01 10:00", Verdict::passed);
  add("web", "2025-12-01 10:00", Verdict::failed);
  add("web2", "2025-12-02 10:00", Verdict::passed);
  add("web", "2025-12-03 10:00", Verdict::passed);
  const auto found = store.list({.vm = "WEB", .since = at("2025-11-15")});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].started_at, at("2025-12-03 10:00"));
  EXPECT_EQ(found[1].verdict, Verdict::failed);
}

TEST_F(DrillStoreTest, ColumnsOfTheRequirementsSayPassFailOrNeither) {
  add("web", "2025-12-01 10:00", Verdict::passed);
  add("web", "2025-12-02 10:00", Verdict::failed);
  add("web", "2025-12-03 10:00", Verdict::restore_only);
  store::Database db(dir.file("copy.db"), {"CREATE TABLE x (y)"});
  db.execute("ATTACH '" + dir.file("dr_tests.db") + "' AS dr");
  auto rows = db.prepare("SELECT success, restore_succeeded, boot_succeeded FROM dr.dr_tests ORDER BY id");
  ASSERT_TRUE(rows.step());
  EXPECT_EQ(rows.integer(0), 1);
  EXPECT_EQ(rows.integer(1), 1);
  EXPECT_TRUE(rows.is_null(2));
  ASSERT_TRUE(rows.step());
  EXPECT_EQ(rows.integer(0), 0);
  EXPECT_FALSE(rows.is_null(0));
  ASSERT_TRUE(rows.step());
  EXPECT_TRUE(rows.is_null(0));
}

TEST_F(DrillStoreTest, RestoreOnlyAndInterruptedDoNotCount) {
  add("web", "2025-12-01 10:00", Verdict::passed);
  add("web", "2025-12-02 10:00", Verdict::failed);
  add("web", "2025-12-03 10:00", Verdict::passed);
  add("web", "2025-12-04 10:00", Verdict::restore_only);
  add("web", "2025-12-05 10:00", Verdict::interrupted);
  const auto stats = statistics(store.list({}));
  EXPECT_EQ(stats.total(), 3);
  EXPECT_NEAR(stats.rate().value(), 66.7, 0.1);
  EXPECT_EQ(stats.average_rto, std::chrono::minutes{2});
  EXPECT_EQ(stats.max_rto, std::chrono::minutes{3});
  EXPECT_EQ(stats.restore_only, 1);
  EXPECT_EQ(stats.interrupted, 1);
}

TEST_F(DrillStoreTest, NoTestsAreNoData) {
  EXPECT_FALSE(statistics({}).rate());
}

}  // namespace
}  // namespace azlin::dr
