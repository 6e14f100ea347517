#include "azlin/replication/job_store.hpp"

#include <fmt/format.h>

namespace azlin::replication {

namespace {

// The first step is the table of the requirement documents, to the letter; all else is added.
const store::Migrations kSchema = {R"sql(
CREATE TABLE replication_jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source_snapshot TEXT NOT NULL,
    target_snapshot TEXT NOT NULL,
    source_region TEXT NOT NULL,
    target_region TEXT NOT NULL,
    source_resource_group TEXT NOT NULL,
    target_resource_group TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at DATETIME NOT NULL,
    completed_at DATETIME,
    error_message TEXT,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_snapshot ON replication_jobs(source_snapshot);
CREATE INDEX idx_status ON replication_jobs(status);
CREATE INDEX idx_target_region ON replication_jobs(target_region);
)sql",
                                   R"sql(
ALTER TABLE replication_jobs ADD COLUMN subscription TEXT NOT NULL DEFAULT '';
ALTER TABLE replication_jobs ADD COLUMN vm TEXT NOT NULL DEFAULT '';
ALTER TABLE replication_jobs ADD COLUMN vm_name TEXT NOT NULL DEFAULT '';
ALTER TABLE replication_jobs ADD COLUMN backup_set TEXT NOT NULL DEFAULT '';
ALTER TABLE replication_jobs ADD COLUMN data_time DATETIME;
ALTER TABLE replication_jobs ADD COLUMN progress REAL NOT NULL DEFAULT 0;
ALTER TABLE replication_jobs ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE replication_jobs ADD COLUMN last_progress_at DATETIME;
ALTER TABLE replication_jobs ADD COLUMN operation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE replication_jobs ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE replication_jobs ADD COLUMN cancel_requested INTEGER NOT NULL DEFAULT 0;
ALTER TABLE replication_jobs ADD COLUMN marked_until DATETIME;
CREATE INDEX idx_replication_vm ON replication_jobs(subscription, vm);
CREATE UNIQUE INDEX idx_replication_open ON replication_jobs(subscription, vm, backup_set, target_region)
  WHERE status IN ('pending', 'in_progress') AND backup_set <> '';
CREATE TABLE replication_copies (
  job_id INTEGER NOT NULL REFERENCES replication_jobs(id),
  lun INTEGER NOT NULL,
  source_id TEXT NOT NULL,
  target_id TEXT NOT NULL,
  family TEXT NOT NULL,
  status TEXT NOT NULL,
  progress REAL NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  adopted INTEGER NOT NULL DEFAULT 0,
  started_at DATETIME,
  completed_at DATETIME,
  last_progress_at DATETIME,
  not_before DATETIME,
  error TEXT NOT NULL DEFAULT '',
  expected TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (job_id, lun)
);
CREATE INDEX idx_replication_copies_status ON replication_copies(status);
CREATE TABLE replication_attempts (
  job_id INTEGER NOT NULL REFERENCES replication_jobs(id),
  lun INTEGER NOT NULL,
  number INTEGER NOT NULL,
  started_at DATETIME NOT NULL,
  ended_at DATETIME,
  error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (job_id, lun, number)
);
)sql",
                                   R"sql(
ALTER TABLE replication_jobs ADD COLUMN left_behind INTEGER NOT NULL DEFAULT 0;
)sql"};

constexpr const char* kColumns =
    "id, source_snapshot, target_snapshot, source_region, target_region, source_resource_group, "
    "target_resource_group, status, started_at, completed_at, error_message, created_at, subscription, vm, "
    "vm_name, backup_set, data_time, operation, note, cancel_requested, marked_until, left_behind";

std::optional<core::TimePoint> time_at(const store::Statement& row, int column) {
  const auto text = row.optional_text(column);
  return text ? core::parse_time(*text) : std::nullopt;
}

std::optional<std::string> text_of(const std::optional<core::TimePoint>& time) {
  return time ? std::optional(core::to_iso8601(*time)) : std::nullopt;
}

// A row of an older azlin, or written by hand, may have any status: what is not known has failed.
Status status_at(const store::Statement& row, int column) {
  return parse_status(row.text(column)).value_or(Status::failed);
}

Job read_job(const store::Statement& row) {
  Job job;
  job.id = row.integer(0);
  job.source_snapshot = row.text(1);
  job.target_snapshot = row.text(2);
  job.source_region = row.text(3);
  job.target_region = row.text(4);
  job.source_group = row.text(5);
  job.target_group = row.text(6);
  job.status = status_at(row, 7);
  job.started_at = time_at(row, 8).value_or(core::TimePoint{});
  job.completed_at = time_at(row, 9);
  job.error = row.text(10);
  job.queued_at = time_at(row, 11).value_or(job.started_at);
  job.subscription = row.text(12);
  job.vm_key = row.text(13);
  job.vm_name = row.text(14);
  job.set = row.text(15);
  job.data_time = time_at(row, 16).value_or(core::TimePoint{});
  job.operation = row.integer(17);
  job.note = row.text(18);
  job.cancel_requested = row.integer(19) != 0;
  job.marked_until = time_at(row, 20);
  job.left_behind = row.integer(21) != 0;
  return job;
}

Copy read_copy(const store::Statement& row) {
  Copy copy;
  copy.lun = static_cast<int>(row.integer(0));
  copy.source_id = row.text(1);
  copy.target_id = row.text(2);
  copy.family = row.text(3);
  copy.status = status_at(row, 4);
  copy.percent = row.real(5);
  copy.attempts = static_cast<int>(row.integer(6));
  copy.adopted = row.integer(7) != 0;
  copy.started_at = time_at(row, 8);
  copy.completed_at = time_at(row, 9);
  copy.last_progress_at = time_at(row, 10);
  copy.not_before = time_at(row, 11);
  copy.error = row.text(12);
  copy.expected = parse_expected(row.text(13));
  return copy;
}

std::string where_clause(const JobFilter& filter) {
  std::string where = "WHERE 1";
  if (!filter.subscription.empty()) where += " AND subscription = ?1";
  if (!filter.vm_key.empty()) where += " AND vm = ?2";
  if (!filter.set.empty()) where += " AND backup_set = ?3";
  if (!filter.target_region.empty()) where += " AND target_region = ?4";
  if (filter.status) where += " AND status = ?5";
  if (filter.left_behind) where += " AND left_behind <> 0";
  if (filter.open_only) where += " AND status IN ('pending', 'in_progress')";
  return where;
}

}  // namespace

JobStore::JobStore(const std::string& path) : db_(path, kSchema) {}

void JobStore::insert_copies(const Job& job) {
  auto insert = db_.prepare(
      "INSERT OR REPLACE INTO replication_copies (job_id, lun, source_id, target_id, family, status, "
      "progress, attempts, adopted, started_at, completed_at, last_progress_at, not_before, error, expected) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (const auto& copy : job.copies) {
    insert.bind(1, job.id)
        .bind(2, std::int64_t{copy.lun})
        .bind(3, copy.source_id)
        .bind(4, copy.target_id)
        .bind(5, copy.family)
        .bind(6, to_string(copy.status))
        .bind(7, copy.percent)
        .bind(8, std::int64_t{copy.attempts})
        .bind(9, std::int64_t{copy.adopted ? 1 : 0})
        .bind(10, text_of(copy.started_at))
        .bind(11, text_of(copy.completed_at))
        .bind(12, text_of(copy.last_progress_at))
        .bind(13, text_of(copy.not_before))
        .bind(14, copy.error)
        .bind(15, to_json(copy.expected))
        .run();
  }
}

std::pair<Job, bool> JobStore::enqueue(const Job& job, core::TimePoint now) {
  const std::lock_guard lock(mutex_);
  store::Transaction transaction(db_);
  if (!job.ended()) {
    JobFilter same;
    same.subscription = job.subscription;
    same.vm_key = job.vm_key;
    same.set = job.set;
    same.target_region = job.target_region;
    same.open_only = true;
    const auto open = list_locked(same);
    if (!open.empty()) return {open.front(), false};
  }
  db_.prepare(
         "INSERT INTO replication_jobs (source_snapshot, target_snapshot, source_region, target_region, "
         "source_resource_group, target_resource_group, status, started_at, completed_at, created_at, "
         "subscription, vm, vm_name, backup_set, data_time, progress, note) "
         "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(1, job.source_snapshot)
      .bind(2, job.target_snapshot)
      .bind(3, job.source_region)
      .bind(4, job.target_region)
      .bind(5, job.source_group)
      .bind(6, job.target_group)
      .bind(7, to_string(job.status))
      .bind(8, core::to_iso8601(job.started_at == core::TimePoint{} ? now : job.started_at))
      .bind(9, text_of(job.completed_at))
      .bind(10, core::to_iso8601(now))
      .bind(11, job.subscription)
      .bind(12, job.vm_key)
      .bind(13, job.vm_name)
      .bind(14, job.set)
      .bind(15, core::to_iso8601(job.data_time))
      .bind(16, job.percent())
      .bind(17, job.note)
      .run();
  Job inserted = job;
  inserted.id = db_.last_insert_id();
  insert_copies(inserted);
  transaction.commit();
  return {*find_locked(inserted.id), true};
}

std::vector<Copy> JobStore::read_copies(std::int64_t job) {
  auto query = db_.prepare(
      "SELECT lun, source_id, target_id, family, status, progress, attempts, adopted, started_at, "
      "completed_at, last_progress_at, not_before, error, expected FROM replication_copies WHERE job_id = ? "
      "ORDER BY lun");
  query.bind(1, job);
  std::vector<Copy> copies;
  while (query.step()) copies.push_back(read_copy(query));
  return copies;
}

std::optional<Job> JobStore::find_locked(std::int64_t id) {
  auto query = db_.prepare(fmt::format("SELECT {} FROM replication_jobs WHERE id = ?", kColumns));
  query.bind(1, id);
  if (!query.step()) return std::nullopt;
  Job job = read_job(query);
  job.copies = read_copies(id);
  return job;
}

std::optional<Job> JobStore::find(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  return find_locked(id);
}

std::vector<Job> JobStore::list_locked(const JobFilter& filter) {
  std::string sql =
      fmt::format("SELECT {} FROM replication_jobs {} ORDER BY id DESC", kColumns, where_clause(filter));
  if (filter.limit > 0) sql += fmt::format(" LIMIT {}", filter.limit);
  auto query = db_.prepare(sql);
  if (!filter.subscription.empty()) query.bind(1, filter.subscription);
  if (!filter.vm_key.empty()) query.bind(2, filter.vm_key);
  if (!filter.set.empty()) query.bind(3, filter.set);
  if (!filter.target_region.empty()) query.bind(4, filter.target_region);
  if (filter.status) query.bind(5, to_string(*filter.status));
  std::vector<Job> jobs;
  while (query.step()) jobs.push_back(read_job(query));
  for (auto& job : jobs) job.copies = read_copies(job.id);
  return jobs;
}

std::vector<Job> JobStore::list(const JobFilter& filter) {
  const std::lock_guard lock(mutex_);
  return list_locked(filter);
}

void JobStore::save(const Job& job) {
  const std::lock_guard lock(mutex_);
  store::Transaction transaction(db_);
  db_.prepare(
         "UPDATE replication_jobs SET status = ?, started_at = ?, completed_at = ?, error_message = ?, "
         "progress = ?, attempts = ?, last_progress_at = ?, operation = ?, note = ?, marked_until = ?, "
         "left_behind = ? WHERE id = ?")
      .bind(1, to_string(job.status))
      .bind(2, core::to_iso8601(job.started_at))
      .bind(3, text_of(job.completed_at))
      .bind(4, job.error.empty() ? std::nullopt : std::optional(job.error))
      .bind(5, job.percent())
      .bind(6, std::int64_t{job.attempts()})
      .bind(7, text_of(job.last_progress_at()))
      .bind(8, job.operation)
      .bind(9, job.note)
      .bind(10, text_of(job.marked_until))
      .bind(11, std::int64_t{job.left_behind ? 1 : 0})
      .bind(12, job.id)
      .run();
  insert_copies(job);
  transaction.commit();
}

bool JobStore::request_cancel(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  db_.prepare(
         "UPDATE replication_jobs SET cancel_requested = 1 WHERE id = ? AND status IN ('pending', "
         "'in_progress')")
      .bind(1, id)
      .run();
  return db_.changes() > 0;
}

void JobStore::begin_attempt(std::int64_t job, int lun, int number, core::TimePoint at) {
  const std::lock_guard lock(mutex_);
  db_.prepare(
         "INSERT OR REPLACE INTO replication_attempts (job_id, lun, number, started_at) VALUES (?, ?, ?, ?)")
      .bind(1, job)
      .bind(2, std::int64_t{lun})
      .bind(3, std::int64_t{number})
      .bind(4, core::to_iso8601(at))
      .run();
}

void JobStore::end_attempt(std::int64_t job, int lun, int number, core::TimePoint at,
                           const std::string& error) {
  const std::lock_guard lock(mutex_);
  db_.prepare(
         "UPDATE replication_attempts SET ended_at = ?, error = ? WHERE job_id = ? AND lun = ? AND number = "
         "?")
      .bind(1, core::to_iso8601(at))
      .bind(2, error)
      .bind(3, job)
      .bind(4, std::int64_t{lun})
      .bind(5, std::int64_t{number})
      .run();
}

void JobStore::drop_attempt(std::int64_t job, int lun, int number) {
  const std::lock_guard lock(mutex_);
  db_.prepare("DELETE FROM replication_attempts WHERE job_id = ? AND lun = ? AND number = ?")
      .bind(1, job)
      .bind(2, std::int64_t{lun})
      .bind(3, std::int64_t{number})
      .run();
}

std::vector<Attempt> JobStore::attempts(std::int64_t job) {
  const std::lock_guard lock(mutex_);
  auto query = db_.prepare(
      "SELECT lun, number, started_at, ended_at, error FROM replication_attempts WHERE job_id = ? "
      "ORDER BY started_at, lun, number");
  query.bind(1, job);
  std::vector<Attempt> attempts;
  while (query.step()) {
    attempts.push_back({static_cast<int>(query.integer(0)), static_cast<int>(query.integer(1)),
                        time_at(query, 2).value_or(core::TimePoint{}), time_at(query, 3), query.text(4)});
  }
  return attempts;
}

int JobStore::in_flight(const std::string& subscription, const std::string& target_region) {
  const std::lock_guard lock(mutex_);
  auto query = db_.prepare(
      "SELECT count(*) FROM replication_copies c JOIN replication_jobs j ON j.id = c.job_id "
      "WHERE c.status = 'in_progress' AND j.status = 'in_progress' AND j.subscription = ? AND "
      "j.target_region = ?");
  query.bind(1, subscription).bind(2, target_region);
  query.step();
  return static_cast<int>(query.integer(0));
}

std::optional<std::pair<core::Millis, core::Millis>> JobStore::durations(const std::string& subscription,
                                                                         const std::string& vm_key,
                                                                         const std::string& target_region) {
  JobFilter filter;
  filter.subscription = subscription;
  filter.vm_key = vm_key;
  filter.target_region = target_region;
  filter.status = Status::completed;
  filter.limit = 50;
  std::optional<std::pair<core::Millis, core::Millis>> result;
  for (const auto& job : list(filter)) {
    if (!job.completed_at || !job.note.empty()) continue;
    const core::Millis took = *job.completed_at - job.started_at;
    if (!result) result = {took, took};
    result = {std::min(result->first, took), std::max(result->second, took)};
  }
  return result;
}

Job JobStore::newest_of_set(const Job& job) {
  JobFilter same;
  same.subscription = job.subscription;
  same.vm_key = job.vm_key;
  same.set = job.set;
  same.target_region = job.target_region;
  same.limit = 1;
  const auto newest = list(same);
  return newest.empty() ? job : newest.front();
}

std::vector<std::pair<std::string, std::string>> JobStore::open_vms() {
  const std::lock_guard lock(mutex_);
  auto query = db_.prepare(
      "SELECT DISTINCT subscription, vm FROM replication_jobs WHERE (status IN ('pending', 'in_progress') OR "
      "left_behind <> 0) AND vm <> '' ORDER BY 1, 2");
  std::vector<std::pair<std::string, std::string>> vms;
  while (query.step()) vms.emplace_back(query.text(0), query.text(1));
  return vms;
}

}  // namespace azlin::replication
