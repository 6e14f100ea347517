#include "verification/history.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/error.hpp"

namespace azlin::verification {

namespace {

constexpr std::int64_t kMostManifests = 64;  // of one disk's snapshots

const store::Migrations& migrations() {
  static const store::Migrations kSteps = {R"(
CREATE TABLE verifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    backup_name TEXT NOT NULL,
    vm_name TEXT NOT NULL,
    verified_at DATETIME NOT NULL,
    success BOOLEAN NOT NULL,
    disk_readable BOOLEAN,
    size_matches BOOLEAN,
    test_disk_created BOOLEAN,
    test_disk_deleted BOOLEAN,
    error_message TEXT,
    verification_time_seconds REAL,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_backup_name ON verifications(backup_name);
CREATE INDEX idx_vm_name ON verifications(vm_name);
CREATE INDEX idx_verified_at ON verifications(verified_at);
CREATE INDEX idx_success ON verifications(success);
)",
                                           R"(
ALTER TABLE verifications ADD COLUMN resource_group TEXT NOT NULL DEFAULT '';
ALTER TABLE verifications ADD COLUMN region TEXT NOT NULL DEFAULT '';
ALTER TABLE verifications ADD COLUMN replica BOOLEAN NOT NULL DEFAULT 0;
ALTER TABLE verifications ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
ALTER TABLE verifications ADD COLUMN level_asked TEXT NOT NULL DEFAULT 'disk';
ALTER TABLE verifications ADD COLUMN level TEXT NOT NULL DEFAULT 'disk';
ALTER TABLE verifications ADD COLUMN action TEXT;
ALTER TABLE verifications ADD COLUMN cleanup_error TEXT;
ALTER TABLE verifications ADD COLUMN operation INTEGER;
ALTER TABLE verifications ADD COLUMN evidence TEXT;
CREATE TABLE manifests (
    unique_id TEXT PRIMARY KEY,
    snapshot_id TEXT NOT NULL,
    family_id TEXT NOT NULL,
    disk TEXT NOT NULL,
    taken_at TEXT NOT NULL,
    hashed_at TEXT NOT NULL,
    root TEXT NOT NULL,
    manifest BLOB NOT NULL
);
CREATE INDEX idx_manifest_family ON manifests(family_id, taken_at);
)"};
  return kSteps;
}

void bind_flag(store::Statement& statement, int index, const std::optional<bool>& flag) {
  flag ? statement.bind(index, std::int64_t{*flag}) : statement.bind_null(index);
}

std::optional<bool> flag(const store::Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column) != 0;
}

std::optional<std::string> not_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

core::TimePoint time_at(const store::Statement& row, int column) {
  return core::parse_time(row.text(column)).value_or(core::TimePoint{});
}

// Rows written before there was an outcome have a yes or no.
Outcome outcome_of(const store::Statement& row, int outcome, int success) {
  return parse_outcome(row.text(outcome))
      .value_or(row.integer(success) != 0 ? Outcome::passed : Outcome::failed);
}

constexpr const char* kColumns =
    "id, backup_name, vm_name, verified_at, success, disk_readable, size_matches, test_disk_created, "
    "test_disk_deleted, error_message, verification_time_seconds, resource_group, region, replica, outcome, "
    "level_asked, level, action, cleanup_error, operation, evidence";

Verification read_row(const store::Statement& row) {
  Verification run;
  run.id = row.integer(0);
  run.backup = row.text(1);
  run.vm = row.text(2);
  run.at = time_at(row, 3);
  run.outcome = outcome_of(row, 14, 4);
  run.readable = flag(row, 5);
  run.size_matches = flag(row, 6);
  run.test_disk_created = row.integer(7) != 0;
  run.test_disk_deleted = row.integer(8) != 0;
  run.error = row.text(9);
  run.duration = core::Millis{static_cast<std::int64_t>(row.real(10) * 1000)};
  run.resource_group = row.text(11);
  run.region = row.text(12);
  run.replica = row.integer(13) != 0;
  run.asked = parse_level(row.text(15)).value_or(Level::disk);
  run.reached = parse_level(row.text(16)).value_or(Level::none);
  run.action = row.text(17);
  run.cleanup_error = row.text(18);
  run.operation = row.integer(19);
  run.evidence = row.text(20);
  return run;
}

KeptManifest read_manifest(const store::Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3), time_at(row, 4), time_at(row, 5), row.text(6)};
}

constexpr const char* kManifestColumns = "snapshot_id, unique_id, family_id, disk, taken_at, hashed_at, root";

}  // namespace

History::History(const std::string& path) : db_(path, migrations()) {}

std::int64_t History::add(const Verification& run) {
  const std::lock_guard lock(mutex_);
  auto row = db_.prepare(
      "INSERT INTO verifications (backup_name, vm_name, verified_at, success, disk_readable, size_matches, "
      "test_disk_created, test_disk_deleted, error_message, verification_time_seconds, resource_group, "
      "region, replica, outcome, level_asked, level, action, cleanup_error, operation, evidence) "
      "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  row.bind(1, run.backup)
      .bind(2, run.vm)
      .bind(3, core::to_iso8601(run.at))
      .bind(4, std::int64_t{run.outcome == Outcome::passed});
  bind_flag(row, 5, run.readable);
  bind_flag(row, 6, run.size_matches);
  row.bind(7, std::int64_t{run.test_disk_created})
      .bind(8, std::int64_t{run.test_disk_deleted})
      .bind(9, not_empty(run.error))
      .bind(10, static_cast<double>(run.duration.count()) / 1000.0)
      .bind(11, run.resource_group)
      .bind(12, run.region)
      .bind(13, std::int64_t{run.replica})
      .bind(14, to_string(run.outcome))
      .bind(15, to_string(run.asked))
      .bind(16, to_string(run.reached))
      .bind(17, not_empty(run.action))
      .bind(18, not_empty(run.cleanup_error))
      .bind(19, run.operation)
      .bind(20, evidence_json(run))
      .run();
  return db_.last_insert_id();
}

std::vector<Verification> History::since(core::TimePoint from, const std::optional<std::string>& vm) {
  const std::lock_guard lock(mutex_);
  auto row = db_.prepare(
      fmt::format("SELECT {} FROM verifications WHERE verified_at >= ? {} ORDER BY verified_at, id", kColumns,
                  vm ? "AND vm_name = ? COLLATE NOCASE" : ""));
  row.bind(1, core::to_iso8601(std::chrono::floor<std::chrono::seconds>(from)));
  if (vm) row.bind(2, *vm);
  std::vector<Verification> runs;
  while (row.step()) runs.push_back(read_row(row));
  std::erase_if(runs, [&](const auto& run) { return run.at < from; });
  return runs;
}

void History::mark_cleaned(std::int64_t operation) {
  const std::lock_guard lock(mutex_);
  db_.prepare(
         "UPDATE verifications SET test_disk_deleted = test_disk_created, cleanup_error = NULL "
         "WHERE operation = ? AND cleanup_error IS NOT NULL")
      .bind(1, operation)
      .run();
}

bool History::knows(const std::string& group, const std::string& backup, const std::string& region,
                    core::TimePoint at) {
  const std::lock_guard lock(mutex_);
  // The tag's time has whole seconds, and was written moments before or after the row.
  auto row = db_.prepare(
      "SELECT COUNT(*) FROM verifications WHERE backup_name = ? AND "
      "abs(strftime('%s', verified_at) - strftime('%s', ?)) <= 60 AND "
      "((resource_group = ? COLLATE NOCASE AND region = ?) OR (resource_group = '' AND region = ''))");
  row.bind(1, backup).bind(2, core::to_iso8601(at)).bind(3, group).bind(4, region);
  row.step();
  return row.integer(0) > 0;
}

std::optional<Level> History::failed_at(const std::string& group, const std::string& backup,
                                        const std::string& region) {
  const std::lock_guard lock(mutex_);
  auto row = db_.prepare(
      "SELECT level_asked FROM verifications WHERE backup_name = ? AND resource_group = ? COLLATE NOCASE AND "
      "region = ? AND outcome = ? ORDER BY id DESC LIMIT 1");
  row.bind(1, backup).bind(2, group).bind(3, region).bind(4, to_string(Outcome::failed));
  return row.step() ? parse_level(row.text(0)) : std::nullopt;
}

void History::keep(const KeptManifest& about, const Manifest& manifest) {
  const std::lock_guard lock(mutex_);
  db_.prepare(fmt::format("INSERT OR REPLACE INTO manifests ({}, manifest) VALUES (?,?,?,?,?,?,?,?)",
                          kManifestColumns))
      .bind(1, about.snapshot_id)
      .bind(2, about.unique_id)
      .bind(3, about.family_id)
      .bind(4, about.disk_spec)
      .bind(5, core::to_iso8601(about.taken_at))
      .bind(6, core::to_iso8601(about.hashed_at))
      .bind(7, about.root)
      .bind_blob(8, encode(manifest))
      .run();
  if (about.family_id.empty()) return;
  db_.prepare(
         "DELETE FROM manifests WHERE family_id = ?1 AND unique_id NOT IN (SELECT unique_id FROM manifests "
         "WHERE family_id = ?1 ORDER BY taken_at DESC LIMIT ?2)")
      .bind(1, about.family_id)
      .bind(2, kMostManifests)
      .run();
}

std::optional<KeptManifest> History::find_manifest(const std::string& unique_id) {
  const std::lock_guard lock(mutex_);
  auto row = db_.prepare(fmt::format("SELECT {} FROM manifests WHERE unique_id = ?", kManifestColumns));
  row.bind(1, unique_id);
  if (unique_id.empty() || !row.step()) return std::nullopt;
  return read_manifest(row);
}

std::vector<KeptManifest> History::earlier(const std::string& family_id, core::TimePoint taken_at) {
  const std::lock_guard lock(mutex_);
  auto row = db_.prepare(fmt::format("SELECT {} FROM manifests WHERE family_id = ?", kManifestColumns));
  row.bind(1, family_id);
  std::vector<KeptManifest> found;
  while (!family_id.empty() && row.step()) found.push_back(read_manifest(row));
  std::erase_if(found, [&](const auto& each) { return each.taken_at >= taken_at; });
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.taken_at > b.taken_at; });
  return found;
}

Manifest History::load(const std::string& unique_id) {
  const std::lock_guard lock(mutex_);
  auto row = db_.prepare("SELECT manifest FROM manifests WHERE unique_id = ?");
  row.bind(1, unique_id);
  if (!row.step()) throw core::Error(core::ErrorKind::failed, "the kept manifest is gone");
  return decode(row.blob(0));
}

}  // namespace azlin::verification
