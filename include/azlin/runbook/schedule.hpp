#pragma once
// What runs by itself: a table of jobs, changed by a template, written as systemd timers or a crontab. Pure.
#include <map>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::runbook {

struct Job {
  std::string name;                  // lower-case letters, digits and '-': "backup"
  std::string what;                  // one line for people
  std::vector<std::string> command;  // words after `azlin`
  std::string calendar;              // as systemd's OnCalendar, of the forms that to_cron() takes
  core::Millis delay{0};             // a start is put off by up to this, always by the same on one machine
  bool at_start = false;             // also two minutes after the machine started
};

// Each job does only what is due, so that it may run more often than needed.
const std::vector<Job>& standard_jobs();

// Changes to the standard jobs that are known by a name.
struct Template {
  std::string name, what;
  std::string text;  // TOML, docs/schedule.md; "${x}" is a variable
};
const std::vector<Template>& templates();

// The standard jobs with the changes of a template: the name of one, or a file. Throws core::Error: usage
// with the key where something in it is wrong or a variable has no value, not_found.
std::vector<Job> jobs_of(const std::string& template_or_file,
                         const std::map<std::string, std::string>& variables = {});
// The same for TOML text; `name` is for errors.
std::vector<Job> apply_template(const std::string& toml, const std::string& name);

// "Mon..Fri *-*-* 01/4:05:00" -> "5 1-23/4 * * 1-5". Takes [days] [*-*-D] H:M[:00] with `*`, numbers, lists,
// A..B and A/STEP, and hourly, daily, weekly, monthly. Throws core::Error (usage) for anything else.
std::string to_cron(const std::string& calendar);

// Where the jobs run: what a unit needs to know of this installation.
struct Installation {
  std::string program;                         // absolute path of azlin
  std::map<std::string, std::string> setting;  // environment; never a secret
  std::string env_file;                        // read if it is there: the place for secrets
  bool system = false;                         // of the machine, not of one user
};

// First line of each file; a file without it is not ours.
inline constexpr const char* kMadeBy = "# Made by `azlin schedule install`, which also overwrites it.";
std::string service_unit(const Job& job, const Installation& where);
std::string timer_unit(const Job& job);
// File name -> text, of all jobs.
std::map<std::string, std::string> unit_files(const std::vector<Job>& jobs, const Installation& where);

// The lines between "# BEGIN azlin HOME" and "# END azlin HOME".
std::string crontab_block(const std::vector<Job>& jobs, const Installation& where);
// `crontab` with its block of this home replaced (or, where `block` is empty, taken out). The rest stays byte
// for byte. Throws core::Error (failed) when a marker is missing or there twice.
std::string with_block(const std::string& crontab, const std::string& home, const std::string& block);
// The block that is there; empty: none.
std::string block_of(const std::string& crontab, const std::string& home);

// The delay of a job on a machine: the same each time, spread over [0, most).
core::Millis fixed_delay(const std::string& machine, const std::string& job, core::Millis most);

}  // namespace azlin::runbook
