#pragma once
// Puts the schedule's jobs into systemd or a crontab, takes them out again, and says how they did.
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/core/process.hpp"
#include "azlin/runbook/schedule.hpp"

namespace azlin::runbook {

enum class Backend { systemd, crontab };
const char* to_string(Backend backend);

// The last run of a job, as `azlin schedule run` noted it.
struct RunRecord {
  std::string job;
  core::TimePoint started;
  std::optional<core::TimePoint> ended;  // nullopt: it runs, or was killed
  int exit_code = 0;
};
// All that are noted under `<home>/schedule`, by name of the job. A file that cannot be read is left out.
std::map<std::string, RunRecord> last_runs(const std::string& home);

// Held while a job runs; freed by the kernel when the process ends, however it ends.
class RunLock {
 public:
  // Throws core::Error: busy when another run of the job holds it; failed.
  RunLock(const std::string& home, const std::string& job);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  void note(const RunRecord& run) const;  // for last_runs()

 private:
  std::string home_;
  int file_ = -1;
};

struct InstalledJob {
  std::string name, command;  // command: as it stands in the unit or crontab
  std::string calendar;
  bool active = true;  // systemd: the timer waits for its next turn
  std::string next;    // as systemd says it; empty: not known
};
struct Installed {
  Backend backend = Backend::systemd;
  std::vector<InstalledJob> jobs;
};

struct Place {
  bool system = false;   // systemd's own manager; else the user's
  std::string unit_dir;  // where its unit files go
  std::string home;      // azlin's state folder: whose block in the crontab
};

// Borrows the runner. Throws core::Error (failed) with what the tool said.
class Scheduler {
 public:
  Scheduler(core::ProcessRunner& processes, Place place, std::stop_token stop);

  // systemd where its manager runs, else the crontab where there is one. Throws core::Error (not_found).
  Backend choose();
  // Replaces whatever azlin put there before, also into the other backend. Refuses (failed) to overwrite a
  // unit file that is not its own.
  void install(Backend backend, const std::vector<Job>& jobs, const Installation& where);
  // What was removed, one line each; empty: nothing was there.
  std::vector<std::string> remove();
  // nullopt: nothing is installed.
  std::optional<Installed> show();

 private:
  core::ProcessResult systemctl(std::vector<std::string> words);
  void must(const core::ProcessResult& result, const std::string& doing);
  std::vector<std::string> own_units();
  std::vector<std::string> remove_units(const std::map<std::string, std::string>& but);
  std::string unit_path(const std::string& name) const { return place_.unit_dir + "/" + name; }
  std::optional<std::string> read_crontab();  // nullopt: there is no crontab program
  void write_crontab(const std::string& text);
  bool remove_block();
  InstalledJob timer_state(const std::string& timer);

  core::ProcessRunner& processes_;
  Place place_;
  std::stop_token stop_;
};

}  // namespace azlin::runbook
