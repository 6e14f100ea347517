#pragma once
// Archive schedules and what became of their runs (archive.db; tables: docs/database.md).
#include <optional>
#include <string>
#include <vector>

#include "azlin/archive/cron.hpp"
#include "azlin/archive/retention.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/store/database.hpp"

namespace azlin::archive {

// create: a new archive. verify, deep_verify: checks, the latter as a test restore. sync: a copy to
// `sync_to`.
enum class ScheduleAction { create, verify, deep_verify, sync };
const char* to_string(ScheduleAction action);  // "create", "verify", "test-restore", "sync"
std::optional<ScheduleAction> parse_schedule_action(const std::string& text);

struct Schedule {
  std::string name;
  std::string archive;  // create: what its archives are called; verify, test-restore: whose newest is checked
  CronExpression cron = CronExpression::parse("@daily");
  CronZone zone = CronZone::utc;
  ScheduleAction action = ScheduleAction::create;
  std::string type = "config";  // config | full | service | disaster-recovery
  std::vector<std::string> services;
  bool include_data = false;
  std::string destination;
  std::string sync_to;                 // sync: the second destination
  std::optional<Retention> retention;  // nullopt: nothing is pruned
  core::TimePoint created_at;
  // When the newest run that counts was due: runs up to it are done with.
  std::optional<core::TimePoint> last_due;

  core::TimePoint next_due() const { return cron.next_after(last_due.value_or(created_at), zone); }
};

struct ScheduleRun {
  std::int64_t id = 0;
  std::string schedule;
  core::TimePoint due_at, started_at;
  std::optional<core::TimePoint> ended_at;  // nullopt: running, or its process died
  bool ok = false;
  std::string detail;  // what was made, or why it failed
};

// Safe under several processes; an object is for one thread.
class ScheduleStore {
 public:
  // Opens or creates `<home>/archive.db`.
  explicit ScheduleStore(const std::string& path);

  // Throws core::Error: usage (a bad name, no destination, services that do not fit the type, sync without a
  // target), failed (the name is taken).
  void add(const Schedule& schedule);
  // By name.
  std::vector<Schedule> list();
  // Throws core::Error (not_found) naming those there are. Its runs stay.
  void remove(const std::string& name);

  // Those whose next run is not after `now`. One that was missed several times is due once.
  std::vector<Schedule> due(core::TimePoint now);
  // Before a run: from here on the times up to `now` count as served, also when the process dies.
  std::int64_t begin(const Schedule& schedule, core::TimePoint now);
  void end(std::int64_t run, bool ok, const std::string& detail, core::TimePoint now);
  // Newest first.
  std::vector<ScheduleRun> runs(const std::string& schedule = {}, int limit = 1000);

 private:
  store::Database db_;
};

// Held while due schedules run; the system frees it when the process ends, however it ends.
class RunLock {
 public:
  // Throws core::Error (busy) when another process holds it.
  explicit RunLock(const std::string& path);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace azlin::archive
