#include "azlin/archive/schedule.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

using core::Error;
using core::ErrorKind;

const store::Migrations kSchema = {R"sql(
CREATE TABLE schedules (
  name TEXT PRIMARY KEY,
  archive TEXT NOT NULL,
  cron TEXT NOT NULL,
  zone TEXT NOT NULL,
  action TEXT NOT NULL,
  type TEXT NOT NULL,
  services TEXT NOT NULL,
  include_data INTEGER NOT NULL,
  destination TEXT NOT NULL,
  sync_to TEXT NOT NULL,
  retention TEXT,
  created_at DATETIME NOT NULL,
  last_due DATETIME
);
CREATE TABLE schedule_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  schedule TEXT NOT NULL,
  due_at DATETIME NOT NULL,
  started_at DATETIME NOT NULL,
  ended_at DATETIME,
  ok INTEGER NOT NULL DEFAULT 0,
  detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX idx_runs_schedule ON schedule_runs(schedule, id);
)sql"};

struct ActionName {
  ScheduleAction action;
  const char* name;
};
constexpr std::array<ActionName, 4> kActions = {{{ScheduleAction::create, "create"},
                                                 {ScheduleAction::verify, "verify"},
                                                 {ScheduleAction::deep_verify, "test-restore"},
                                                 {ScheduleAction::sync, "sync"}}};

void check(const Schedule& schedule) {
  const auto letter = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  };
  const auto& name = schedule.name;
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), letter) ||
      !std::isalnum(static_cast<unsigned char>(name[0])))
    throw Error(ErrorKind::usage, fmt::format("'{}' cannot name a schedule", name),
                "1-64 letters, digits, '-', '_' and '.', the first a letter or digit");
  const bool checks =
      schedule.action == ScheduleAction::verify || schedule.action == ScheduleAction::deep_verify;
  if (checks && schedule.archive.empty())
    throw Error(ErrorKind::usage, "a check needs to know of which archives",
                "--archive NAME: the newest of that name");
  if (schedule.destination.empty()) throw Error(ErrorKind::usage, "a schedule needs a destination");
  const bool creates = schedule.action == ScheduleAction::create;
  if (creates && schedule.type == "service" && schedule.services.empty())
    throw Error(ErrorKind::usage, "archives of type service need to know which services", "--service NAME");
  if ((schedule.action == ScheduleAction::sync) != !schedule.sync_to.empty())
    throw Error(ErrorKind::usage, "a second destination and the action sync belong together");
  if (!creates && schedule.retention)
    throw Error(ErrorKind::usage, "only schedules that create archives have a retention");
}

core::TimePoint time_of(const std::string& text) {
  const auto time = core::parse_time(text);
  if (!time)
    throw Error(ErrorKind::failed, fmt::format("archive.db holds the time '{}', which cannot be read", text));
  return *time;
}

Schedule read(const store::Statement& row) {
  Schedule out;
  out.name = row.text(0);
  out.archive = row.text(1);
  out.cron = CronExpression::parse(row.text(2));
  out.zone = row.text(3) == "local" ? CronZone::local : CronZone::utc;
  out.action = parse_schedule_action(row.text(4)).value_or(ScheduleAction::create);
  out.type = row.text(5);
  out.services = nlohmann::json::parse(row.text(6)).get<std::vector<std::string>>();
  out.include_data = row.integer(7) != 0;
  out.destination = row.text(8);
  out.sync_to = row.text(9);
  if (!row.is_null(10)) out.retention = Retention::parse(row.text(10));
  out.created_at = time_of(row.text(11));
  if (!row.is_null(12)) out.last_due = time_of(row.text(12));
  return out;
}

}  // namespace

const char* to_string(ScheduleAction action) {
  return std::find_if(kActions.begin(), kActions.end(), [&](const auto& row) { return row.action == action; })
      ->name;
}

std::optional<ScheduleAction> parse_schedule_action(const std::string& text) {
  for (const auto& row : kActions) {
    if (text == row.name) return row.action;
  }
  return std::nullopt;
}

ScheduleStore::ScheduleStore(const std::string& path) : db_(path, kSchema) {}

void ScheduleStore::add(const Schedule& schedule) {
  check(schedule);
  store::Transaction transaction(db_);
  auto taken = db_.prepare("SELECT 1 FROM schedules WHERE name = ?");
  if (taken.bind(1, schedule.name).step())
    throw Error(ErrorKind::failed, fmt::format("there is a schedule '{}' already", schedule.name),
                fmt::format("`azlin archive schedule remove {}` first", schedule.name));
  auto insert = db_.prepare("INSERT INTO schedules VALUES (?,?,?,?,?,?,?,?,?,?,?,?,NULL)");
  insert.bind(1, schedule.name)
      .bind(2, schedule.archive)
      .bind(3, schedule.cron.text())
      .bind(4, schedule.zone == CronZone::local ? "local" : "utc");
  insert.bind(5, to_string(schedule.action))
      .bind(6, schedule.type)
      .bind(7, nlohmann::json(schedule.services).dump());
  insert.bind(8, std::int64_t{schedule.include_data})
      .bind(9, schedule.destination)
      .bind(10, schedule.sync_to);
  insert.bind(11, schedule.retention ? std::optional(schedule.retention->text()) : std::nullopt);
  insert.bind(12, core::to_iso8601(schedule.created_at)).run();
  transaction.commit();
}

std::vector<Schedule> ScheduleStore::list() {
  std::vector<Schedule> out;
  auto rows = db_.prepare("SELECT * FROM schedules ORDER BY name");
  while (rows.step()) out.push_back(read(rows));
  return out;
}

void ScheduleStore::remove(const std::string& name) {
  db_.prepare("DELETE FROM schedules WHERE name = ?").bind(1, name).run();
  if (db_.changes() > 0) return;
  std::string names;
  for (const auto& each : list()) names += (names.empty() ? "" : ", ") + each.name;
  throw Error(ErrorKind::not_found, fmt::format("there is no archive schedule '{}'", name),
              names.empty() ? "there are none" : "there are: " + names);
}

std::vector<Schedule> ScheduleStore::due(core::TimePoint now) {
  auto out = list();
  std::erase_if(out, [&](const auto& schedule) { return schedule.next_due() > now; });
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.next_due() < b.next_due(); });
  return out;
}

std::int64_t ScheduleStore::begin(const Schedule& schedule, core::TimePoint now) {
  store::Transaction transaction(db_);
  auto insert = db_.prepare("INSERT INTO schedule_runs (schedule, due_at, started_at) VALUES (?,?,?)");
  insert.bind(1, schedule.name)
      .bind(2, core::to_iso8601(schedule.next_due()))
      .bind(3, core::to_iso8601(now))
      .run();
  const auto id = db_.last_insert_id();
  auto update = db_.prepare("UPDATE schedules SET last_due = ? WHERE name = ?");
  update.bind(1, core::to_iso8601(now)).bind(2, schedule.name).run();
  transaction.commit();
  return id;
}

void ScheduleStore::end(std::int64_t run, bool ok, const std::string& detail, core::TimePoint now) {
  auto update = db_.prepare("UPDATE schedule_runs SET ended_at = ?, ok = ?, detail = ? WHERE id = ?");
  update.bind(1, core::to_iso8601(now)).bind(2, std::int64_t{ok}).bind(3, detail).bind(4, run).run();
}

std::vector<ScheduleRun> ScheduleStore::runs(const std::string& schedule, int limit) {
  std::vector<ScheduleRun> out;
  auto rows = db_.prepare(
      "SELECT id, schedule, due_at, started_at, ended_at, ok, detail FROM schedule_runs "
      "WHERE ?1 = '' OR schedule = ?1 ORDER BY id DESC LIMIT ?2");
  rows.bind(1, schedule).bind(2, std::int64_t{limit});
  while (rows.step()) {
    ScheduleRun run{rows.integer(0),      rows.text(1), time_of(rows.text(2)), time_of(rows.text(3)), {},
                    rows.integer(5) != 0, rows.text(6)};
    if (!rows.is_null(4)) run.ended_at = time_of(rows.text(4));
    out.push_back(std::move(run));
  }
  return out;
}

RunLock::RunLock(const std::string& path)
    : fd_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  if (fd_ >= 0) close(fd_);
  if (error == EWOULDBLOCK)
    throw Error(ErrorKind::busy, "another `azlin archive schedule run-due` is running",
                "what it does not get to is due next time");
  throw Error(ErrorKind::failed, fmt::format("cannot lock {}: {}", path, std::strerror(error)));
}

RunLock::~RunLock() {
  close(fd_);
}

}  // namespace azlin::archive
