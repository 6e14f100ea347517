#include "azlin/replication/job_store.hpp"

#include <gmock/gmock.h>

#include "azlin/core/error.hpp"
#include "support/temp_dir.hpp"

namespace azlin::replication {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

class JobStoreTest : public testing::Test {
 protected:
  Job job(const std::string& set, const std::string& region = "westus2") const {
    Job made;
    made.subscription = "sub";
    made.vm_key = "production/web";
    made.vm_name = "web";
    made.set = made.source_snapshot = set;
    made.target_snapshot = set + "-" + region;
    made.source_region = "eastus";
    made.target_region = region;
    made.source_group = made.target_group = "Production";
    made.data_time = now;
    Copy copy;
    copy.source_id = "/s/" + set;
    copy.target_id = "/t/" + set;
    copy.family = "f";
    copy.expected.size_bytes = 100;
    made.copies = {copy};
    return made;
  }
  std::vector<std::int64_t> ids(const JobFilter& filter) {
    std::vector<std::int64_t> out;
    for (const auto& each : store.list(filter)) out.push_back(each.id);
    return out;
  }
  test::TempDir dir;
  std::string path = dir.file("replication.db");
  JobStore store{path};
  core::TimePoint now = core::parse_time("2025-12-01 08:00").value();
};

TEST_F(JobStoreTest, TableHasTheColumnsOfTheRequirements) {
  store.enqueue(job("a"), now);
  store::Database raw(path, store::Migrations{"", "", ""});
  auto query = raw.prepare(
      "SELECT id, source_snapshot, target_snapshot, source_region, target_region, source_resource_group, "
      "target_resource_group, status, started_at, completed_at, error_message, created_at FROM "
      "replication_jobs");
  ASSERT_TRUE(query.step());
  EXPECT_EQ(query.text(2), "a-westus2");
  EXPECT_EQ(query.text(7), "pending");
  EXPECT_EQ(query.text(8), "2025-12-01T08:00:00Z");
  EXPECT_TRUE(query.is_null(9));
  EXPECT_TRUE(query.is_null(10));
}

TEST_F(JobStoreTest, OpenJobOfTheSameSetAndRegionIsJoined) {
  const auto [first, inserted] = store.enqueue(job("a"), now);
  EXPECT_TRUE(inserted);
  JobStore other(path);  // another process
  EXPECT_EQ(other.enqueue(job("a"), now).first.id, first.id);
  EXPECT_NE(store.enqueue(job("a", "northeurope"), now).first.id, first.id);
  auto ended = first;
  ended.status = Status::failed;
  store.save(ended);
  EXPECT_TRUE(store.enqueue(job("a"), now).second) << "a new try is a new row";
}

TEST_F(JobStoreTest, SavedJobIsReadBack) {
  auto saved = store.enqueue(job("a"), now).first;
  saved.status = Status::in_progress;
  saved.started_at = now + 1min;
  saved.operation = 7;
  saved.copies[0].status = Status::in_progress;
  saved.copies[0].percent = 12.5;
  saved.copies[0].attempts = 2;
  saved.copies[0].not_before = now + 5s;
  saved.copies[0].error = "why";
  store.save(saved);
  const auto read = store.find(saved.id).value();
  EXPECT_EQ(read.status, Status::in_progress);
  EXPECT_EQ(read.started_at, now + 1min);
  EXPECT_EQ(read.copies[0].percent, 12.5);
  EXPECT_EQ(read.copies[0].not_before, now + 5s);
  EXPECT_EQ(read.copies[0].error, "why");
  EXPECT_EQ(read.attempts(), 2);
  EXPECT_EQ(store.in_flight("sub", "westus2"), 1);
}

TEST_F(JobStoreTest, RequestToCancelSurvivesASaveOfWhoDidNotKnow) {
  auto known = store.enqueue(job("a"), now).first;
  EXPECT_TRUE(store.request_cancel(known.id));
  known.status = Status::in_progress;
  store.save(known);
  EXPECT_TRUE(store.find(known.id)->cancel_requested);
  known.status = Status::failed;
  store.save(known);
  EXPECT_FALSE(store.request_cancel(known.id)) << "it has ended";
}

TEST_F(JobStoreTest, ListIsNewestFirstAndFiltered) {
  auto first = store.enqueue(job("a"), now).first;
  const auto second = store.enqueue(job("b"), now).first;
  const auto third = store.enqueue(job("c", "northeurope"), now).first;
  first.status = Status::completed;
  store.save(first);
  EXPECT_THAT(ids({}), ElementsAre(third.id, second.id, first.id));
  JobFilter filter;
  filter.status = Status::pending;
  EXPECT_THAT(ids(filter), ElementsAre(third.id, second.id));
  filter.target_region = "westus2";
  EXPECT_THAT(ids(filter), ElementsAre(second.id));
  JobFilter limited;
  limited.limit = 1;
  EXPECT_THAT(ids(limited), ElementsAre(third.id));
  JobFilter elsewhere;
  elsewhere.subscription = "another";
  EXPECT_THAT(ids(elsewhere), ElementsAre());
}

TEST_F(JobStoreTest, EachAttemptIsKept) {
  const auto id = store.enqueue(job("a"), now).first.id;
  store.begin_attempt(id, -1, 1, now);
  store.end_attempt(id, -1, 1, now + 1s, "refused");
  store.begin_attempt(id, -1, 2, now + 2s);
  store.begin_attempt(id, -1, 3, now + 3s);
  store.drop_attempt(id, -1, 3);
  const auto attempts = store.attempts(id);
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0].error, "refused");
  EXPECT_EQ(attempts[0].ended_at, now + 1s);
  EXPECT_FALSE(attempts[1].ended_at);
}

TEST_F(JobStoreTest, DurationsComeFromCompletedJobsThatWereSeenToRun) {
  EXPECT_FALSE(store.durations("sub", "production/web", "westus2"));
  for (const auto& [set, minutes, note] :
       {std::tuple{"a", 10, ""}, std::tuple{"b", 14, ""}, std::tuple{"c", 99, "found in Azure"}}) {
    auto done = store.enqueue(job(set), now).first;
    done.status = Status::completed;
    done.completed_at = done.started_at + std::chrono::minutes{minutes};
    done.note = note;
    store.save(done);
  }
  const auto range = store.durations("sub", "production/web", "westus2");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, core::Millis{10min});
  EXPECT_EQ(range->second, core::Millis{14min});
}

}  // namespace
}  // namespace azlin::replication
