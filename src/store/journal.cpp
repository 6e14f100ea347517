#include "azlin/store/journal.hpp"

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"
#include "azlin/core/run_id.hpp"
#include "azlin/store/correlation.hpp"
#include "store/process_identity.hpp"

namespace azlin::store {

using core::Error;
using core::ErrorKind;

namespace {

const Migrations kSchema = {R"sql(
CREATE TABLE operations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  plan TEXT NOT NULL,
  state TEXT NOT NULL,
  error TEXT NOT NULL DEFAULT '',
  user TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  pid_started TEXT NOT NULL,
  started_at DATETIME NOT NULL,
  ended_at DATETIME
);
CREATE INDEX idx_operations_state ON operations(state);
CREATE TABLE steps (
  operation_id INTEGER NOT NULL REFERENCES operations(id),
  seq INTEGER NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  data TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '',
  at DATETIME NOT NULL,
  PRIMARY KEY (operation_id, seq)
);
CREATE TABLE locks (
  key TEXT PRIMARY KEY,
  operation_id INTEGER NOT NULL REFERENCES operations(id)
);
)sql",
                            R"sql(
CREATE TABLE correlations (
  operation_id INTEGER NOT NULL REFERENCES operations(id),
  correlation_id TEXT NOT NULL,
  PRIMARY KEY (operation_id, correlation_id)
);
)sql"};

constexpr const char* kColumns =
    "id, kind, target, plan, state, error, user, host, pid, started_at, ended_at, pid_started";

struct Row {
  OperationRecord record;
  ProcessIdentity process;
};

Row read_row(const Statement& row) {
  Row out;
  auto& record = out.record;
  record.id = row.integer(0);
  record.kind = row.text(1);
  record.target = row.text(2);
  record.plan = row.text(3);
  record.state = row.text(4);
  record.error = row.text(5);
  record.user = row.text(6);
  record.host = row.text(7);
  record.pid = static_cast<int>(row.integer(8));
  record.started_at = core::parse_time(row.text(9)).value_or(core::TimePoint{});
  if (const auto ended = row.optional_text(10)) record.ended_at = core::parse_time(*ended);
  out.process = {record.user, record.host, record.pid, row.text(11)};
  return out;
}

std::vector<StepRecord> read_steps(Database& db, std::int64_t id) {
  auto query =
      db.prepare("SELECT seq, name, state, data, error, at FROM steps WHERE operation_id = ? ORDER BY seq");
  query.bind(1, id);
  std::vector<StepRecord> steps;
  while (query.step()) {
    steps.push_back({query.integer(0), query.text(1), query.text(2), query.text(3), query.text(4),
                     core::parse_time(query.text(5)).value_or(core::TimePoint{})});
  }
  return steps;
}

std::optional<Row> find_row(Database& db, std::int64_t id) {
  auto query = db.prepare(fmt::format("SELECT {} FROM operations WHERE id = ?", kColumns));
  query.bind(1, id);
  if (!query.step()) return std::nullopt;
  return read_row(query);
}

bool is_open(const std::string& state) {
  return state == "running" || state == "interrupted";
}

bool was_interrupted(const Row& row) {
  if (row.record.state == "interrupted") return true;
  return row.record.state == "running" && !may_be_alive(row.process);
}

[[noreturn]] void throw_held(const Row& holder, const std::string& target) {
  const auto& record = holder.record;
  const std::string who =
      fmt::format("operation {} ({}, started {} by {} on {}, pid {})", record.id, record.kind,
                  core::to_display(record.started_at), record.user, record.host, record.pid);
  if (was_interrupted(holder)) {
    throw Error(ErrorKind::busy, fmt::format("{} was left unfinished by {}", target, who),
                "run `azlin recover` first: it finishes or undoes it");
  }
  throw Error(
      ErrorKind::busy, fmt::format("{} is busy: {} works on it", target, who),
      "wait for it to end; `azlin operations show " + std::to_string(record.id) + "` tells how far it is");
}

void take_lock(Database& db, const std::string& key, const std::string& target, std::int64_t operation) {
  auto held = db.prepare("SELECT operation_id FROM locks WHERE key = ?");
  held.bind(1, std::string_view(key));
  if (held.step()) {
    const auto holder = find_row(db, held.integer(0));
    if (holder && is_open(holder->record.state)) throw_held(*holder, target);
  }
  db.prepare("INSERT OR REPLACE INTO locks (key, operation_id) VALUES (?, ?)")
      .bind(1, std::string_view(key))
      .bind(2, operation)
      .run();
}

// By it the service's activity log is searched.
void note_correlation(Database& db, std::int64_t operation) {
  db.prepare("INSERT OR IGNORE INTO correlations (operation_id, correlation_id) VALUES (?, ?)")
      .bind(1, operation)
      .bind(2, std::string_view(core::run_id()))
      .run();
}

std::int64_t insert_operation(Database& db, const std::string& kind, const std::string& target,
                              const std::string& plan, core::TimePoint now) {
  const ProcessIdentity self = this_process();
  db.prepare(
        "INSERT INTO operations (kind, target, plan, state, user, host, pid, pid_started, started_at) "
        "VALUES (?, ?, ?, 'running', ?, ?, ?, ?, ?)")
      .bind(1, std::string_view(kind))
      .bind(2, std::string_view(target))
      .bind(3, std::string_view(plan))
      .bind(4, std::string_view(self.user))
      .bind(5, std::string_view(self.host))
      .bind(6, static_cast<std::int64_t>(self.pid))
      .bind(7, std::string_view(self.started))
      .bind(8, std::string_view(core::to_iso8601(now)))
      .run();
  const auto id = db.last_insert_id();
  note_correlation(db, id);
  return id;
}

// Call inside a transaction.
void end_operation(Database& db, std::int64_t id, const char* state, const std::string& error,
                   core::TimePoint now) {
  db.prepare("UPDATE operations SET state = ?, error = ?, ended_at = ? WHERE id = ?")
      .bind(1, std::string_view(state))
      .bind(2, std::string_view(error))
      .bind(3, std::string_view(core::to_iso8601(now)))
      .bind(4, id)
      .run();
  if (!is_open(state)) db.prepare("DELETE FROM locks WHERE operation_id = ?").bind(1, id).run();
}

}  // namespace

Operation::~Operation() {
  if (journal_ == nullptr) return;
  try {
    end("failed", "ended without a result");
  } catch (const std::exception& error) {
    core::log_warn("operation {} could not be closed in the journal: {}", id_, error.what());
  }
}

std::int64_t Operation::begin(const std::string& step, const std::string& data_json) {
  const std::lock_guard lock(journal_->mutex_);
  auto insert = journal_->db_.prepare(
      "INSERT INTO steps (operation_id, seq, name, state, data, at) "
      "SELECT ?1, coalesce(max(seq), 0) + 1, ?2, 'begun', ?3, ?4 FROM steps WHERE operation_id = ?1 "
      "RETURNING seq");
  insert.bind(1, id_)
      .bind(2, std::string_view(step))
      .bind(3, std::string_view(data_json))
      .bind(4, std::string_view(core::to_iso8601(journal_->clock_.now())));
  insert.step();
  const auto seq = insert.integer(0);
  insert.run();
  return seq;
}

void Operation::set_step(std::int64_t seq, const char* state, const std::string& data,
                         const std::string& error) {
  const std::lock_guard lock(journal_->mutex_);
  journal_->db_
      .prepare(
          "UPDATE steps SET state = ?1, data = CASE WHEN ?2 = '' THEN data ELSE ?2 END, error = ?3, at = ?4 "
          "WHERE operation_id = ?5 AND seq = ?6")
      .bind(1, std::string_view(state))
      .bind(2, std::string_view(data))
      .bind(3, std::string_view(error))
      .bind(4, std::string_view(core::to_iso8601(journal_->clock_.now())))
      .bind(5, id_)
      .bind(6, seq)
      .run();
}

void Operation::done(std::int64_t seq, const std::string& data_json) {
  set_step(seq, "done", data_json, {});
}
void Operation::undone(std::int64_t seq) {
  set_step(seq, "undone", {}, {});
}
void Operation::failed(std::int64_t seq, const std::string& error) {
  set_step(seq, "failed", {}, error);
}

void Operation::end(const char* state, const std::string& error) {
  if (journal_ == nullptr) return;
  {
    const std::lock_guard lock(journal_->mutex_);
    Transaction transaction(journal_->db_);
    end_operation(journal_->db_, id_, state, error, journal_->clock_.now());
    transaction.commit();
  }
  journal_ = nullptr;
}

void Operation::succeed() {
  end("succeeded", {});
}
void Operation::fail(const std::string& error) {
  end("failed", error);
}
void Operation::rolled_back(const std::string& error) {
  end("rolled_back", error);
}
void Operation::recovered(const std::string& note) {
  end("recovered", note);
}
void Operation::interrupt(const std::string& error) {
  end("interrupted", error);
}

Journal::Journal(const std::string& path, core::Clock& clock) : db_(path, kSchema), clock_(clock) {}

Operation Journal::start(const std::string& kind, const std::string& target, const std::string& plan_json,
                         const std::string& lock_key) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(db_);
  const auto id = insert_operation(db_, kind, target, plan_json, clock_.now());
  if (!lock_key.empty()) take_lock(db_, lock_key, target, id);
  transaction.commit();
  return {this, id};
}

Operation Journal::resume(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(db_);
  const auto row = find_row(db_, id);
  if (!row) throw Error(ErrorKind::not_found, fmt::format("there is no operation {}", id));
  if (!is_open(row->record.state)) {
    throw Error(ErrorKind::failed, fmt::format("operation {} has ended ({})", id, row->record.state));
  }
  if (!was_interrupted(*row)) throw_held(*row, row->record.target);
  const ProcessIdentity self = this_process();
  db_.prepare(
         "UPDATE operations SET state = 'running', host = ?, pid = ?, pid_started = ?, ended_at = NULL WHERE "
         "id = ?")
      .bind(1, std::string_view(self.host))
      .bind(2, static_cast<std::int64_t>(self.pid))
      .bind(3, std::string_view(self.started))
      .bind(4, id)
      .run();
  note_correlation(db_, id);
  transaction.commit();
  return {this, id};
}

void Journal::record(const std::string& kind, const std::string& target, const std::string& plan_json,
                     const std::string& error) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(db_);
  const auto id = insert_operation(db_, kind, target, plan_json, clock_.now());
  end_operation(db_, id, error.empty() ? "succeeded" : "failed", error, clock_.now());
  transaction.commit();
}

std::vector<OperationRecord> Journal::interrupted() {
  const std::lock_guard lock(mutex_);
  auto query = db_.prepare(fmt::format(
      "SELECT {} FROM operations WHERE state IN ('running', 'interrupted') ORDER BY id", kColumns));
  std::vector<OperationRecord> found;
  while (query.step()) {
    const Row row = read_row(query);
    if (was_interrupted(row)) found.push_back(row.record);
  }
  for (auto& record : found) record.steps = read_steps(db_, record.id);
  return found;
}

std::vector<OperationRecord> Journal::list(int limit, const std::optional<std::string>& state) {
  const std::lock_guard lock(mutex_);
  auto query = db_.prepare(fmt::format(
      "SELECT {} FROM operations WHERE ?1 IS NULL OR state = ?1 ORDER BY id DESC LIMIT ?2", kColumns));
  query.bind(1, state).bind(2, static_cast<std::int64_t>(limit));
  std::vector<OperationRecord> found;
  while (query.step()) found.push_back(read_row(query).record);
  return found;
}

std::optional<OperationRecord> Journal::find(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  const auto row = find_row(db_, id);
  if (!row) return std::nullopt;
  OperationRecord record = row->record;
  record.steps = read_steps(db_, id);
  return record;
}

std::map<std::int64_t, std::vector<std::string>> correlation_ids(const std::string& journal_path) {
  Database db(journal_path, kSchema);
  auto query = db.prepare("SELECT operation_id, correlation_id FROM correlations ORDER BY rowid");
  std::map<std::int64_t, std::vector<std::string>> ids;
  while (query.step()) ids[query.integer(0)].push_back(query.text(1));
  return ids;
}

}  // namespace azlin::store
