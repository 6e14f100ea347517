// The table of jobs and the templates that change it. A further job is one more line here.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "azlin/core/config.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/runbook/schedule.hpp"

namespace azlin::runbook {

using core::Error;
using core::ErrorKind;

namespace {

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

Job job(const char* name, const char* what, const char* command, const char* calendar, int delay_seconds,
        bool at_start = false) {
  return {name, what, words_of(command), calendar, std::chrono::seconds(delay_seconds), at_start};
}

bool is_job_name(const std::string& name) {
  return !name.empty() && name.size() <= 40 && name.front() != '-' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

[[noreturn]] void refuse(const std::string& file, const std::string& what) {
  throw Error(ErrorKind::usage, fmt::format("{}: {}", file, what), "the keys are listed in docs/schedule.md");
}

bool boolean(const std::string& file, const std::string& key, const std::string& value) {
  if (value != "true" && value != "false") refuse(file, fmt::format("{} is true or false", key));
  return value == "true";
}

void check_command(const std::string& file, const Job& job) {
  const auto quoted = std::any_of(job.command.begin(), job.command.end(), [](const std::string& word) {
    return word.find_first_of("'\"\\$`;|&<>\n") != std::string::npos;
  });
  if (job.command.empty() || quoted)
    refuse(file, fmt::format("jobs.{}.command is the words after `azlin`, without quotes", job.name));
  if (job.command.front() == "azlin" || job.command.front() == "schedule")
    refuse(file, fmt::format("jobs.{}.command begins with a command of azlin other than schedule", job.name));
}

void set_key(const std::string& file, Job& job, bool& enabled, const std::string& key,
             const std::string& value) {
  const auto full = fmt::format("jobs.{}.{}", job.name, key);
  if (key == "command") {
    job.command = words_of(value);
  } else if (key == "calendar") {
    job.calendar = value;
  } else if (key == "what") {
    job.what = value;
  } else if (key == "enabled") {
    enabled = boolean(file, full, value);
  } else if (key == "at_start") {
    job.at_start = boolean(file, full, value);
  } else if (key == "delay") {
    const auto delay = core::parse_duration(value);
    if (!delay || *delay > std::chrono::hours(24)) refuse(file, full + " is a time of at most a day: 15m");
    job.delay = *delay;
  } else {
    refuse(file, "unknown key " + full);
  }
}

void check_keys(const core::Config& config, const std::string& name) {
  for (const auto& [key, value] : config.values()) {
    if (key != "standard" && key.rfind("jobs.", 0) != 0) refuse(name, "unknown key " + key);
  }
}

// "${storage}" replaced by its value: one word, since a command is words.
std::string filled(std::string text, const std::string& file,
                   const std::map<std::string, std::string>& variables) {
  std::set<std::string> used;
  for (auto at = text.find("${"); at != std::string::npos; at = text.find("${", at)) {
    const auto end = text.find('}', at);
    if (end == std::string::npos) refuse(file, "a variable has no closing brace");
    const auto name = text.substr(at + 2, end - at - 2);
    const auto found = variables.find(name);
    if (found == variables.end())
      refuse(file, fmt::format("the variable '{0}' has no value: give it with --set {0}=VALUE", name));
    const auto& value = found->second;
    if (value.empty() || value.find_first_of(" \t\n'\"\\$`;|&<>") != std::string::npos)
      refuse(file, fmt::format("the value of '{}' is one word without quotes", name));
    text.replace(at, end + 1 - at, value);
    at += value.size();
    used.insert(name);
  }
  for (const auto& [name, value] : variables)
    if (!used.contains(name)) refuse(file, fmt::format("there is no variable '{}'", name));
  return text;
}

// Everything that [jobs.NAME] says; nullopt: it is switched off.
std::optional<Job> changed(const core::Config& config, const std::string& file, Job job) {
  bool enabled = true;
  const std::string prefix = "jobs." + job.name + ".";
  for (const auto& [key, value] : config.values()) {
    if (key.rfind(prefix, 0) == 0) set_key(file, job, enabled, key.substr(prefix.size()), value);
  }
  if (!enabled) return std::nullopt;
  check_command(file, job);
  if (job.calendar.empty()) refuse(file, fmt::format("jobs.{} has no calendar", job.name));
  to_cron(job.calendar);
  return job;
}

}  // namespace

const std::vector<Job>& standard_jobs() {
  static const std::vector<Job> jobs = {
      job("recover", "finish or undo what a crash left", "recover", "*-*-* *:0/15:00", 60, true),
      job("backup", "back up what is due and expire what is over", "backup trigger --due", "*-*-* 1/4:05:00",
          900),
      job("replication", "follow copies under way and begin the next", "backup replication-jobs",
          "*-*-* *:0/10:00", 60),
      job("verify", "verify the backups that are due", "backup verify-all --all", "*-*-* 03:30:00", 1800),
      job("drill", "drill the VMs whose drill is due", "dr test-all", "*-*-* 05:30:00", 1800),
      job("archive", "run the archive schedules that are due", "archive schedule run-due", "*-*-* *:0/5:00",
          30),
      job("alert", "raise what is overdue and deliver what waits", "alert check", "*-*-* *:20:00", 300),
  };
  return jobs;
}

const std::vector<Template>& templates() {
  static const std::vector<Template> all = {
      {"standard", "every job at its usual time", ""},
      {"backup-only", "no verification and no drills: machines that may not create disks or VMs",
       "[jobs.verify]\nenabled = false\n[jobs.drill]\nenabled = false\n"},
      {"platform",
       "platform resources: storage daily, App Configuration and Key Vault weekly, all assessed; needs --set "
       "storage=ACCOUNT and --set folder=FOLDER",
       R"(standard = false
[jobs.recover]
[jobs.alert]
[jobs.platform-assess]
what = "Cosmos DB continuous for 30 days, storage kept for 30 days, backups young enough"
command = "platform assess --all"
calendar = "*-*-* 06:30:00"
delay = "15m"
[jobs.platform-storage]
what = "the critical storage account into a folder, what changed only"
command = "platform storage export ${storage} --to ${folder}/storage"
calendar = "*-*-* 02:30:00"
delay = "15m"
[jobs.platform-checkpoint]
what = "App Configuration and Key Vault; run it before changes, too"
command = "platform checkpoint --to ${folder}/checkpoints"
calendar = "Sun 04:30"
delay = "15m"
)"},
  };
  return all;
}

std::vector<Job> apply_template(const std::string& toml, const std::string& name) {
  const auto config = core::Config::parse(toml, name);
  check_keys(config, name);
  const bool standard = boolean(name, "standard", config.get("standard").value_or("true"));
  std::vector<Job> result;
  std::set<std::string> known;
  for (const auto& each : standard_jobs()) {
    known.insert(each.name);
    const auto named = config.tables_under("jobs");
    if (!standard && std::find(named.begin(), named.end(), each.name) == named.end()) continue;
    if (auto job = changed(config, name, each)) result.push_back(std::move(*job));
  }
  for (const auto& own : config.tables_under("jobs")) {
    if (known.contains(own)) continue;
    if (!is_job_name(own)) refuse(name, fmt::format("'{}' is no name for a job (a-z, 0-9, -)", own));
    if (auto job = changed(config, name, {own, own, {}, "", core::Millis{0}, false}))
      result.push_back(std::move(*job));
  }
  if (result.empty()) refuse(name, "no job is left");
  return result;
}

std::vector<Job> jobs_of(const std::string& template_or_file,
                         const std::map<std::string, std::string>& variables) {
  for (const auto& each : templates()) {
    if (each.name == template_or_file)
      return apply_template(filled(each.text, each.name, variables), each.name);
  }
  std::error_code error;  // then reading it says what is wrong
  if (std::filesystem::exists(template_or_file, error) || error) {
    const auto text = core::read_input_file(template_or_file, "template");
    return apply_template(filled(text, template_or_file, variables), template_or_file);
  }
  std::vector<std::string> names;
  for (const auto& each : templates()) names.push_back(each.name);
  throw Error(ErrorKind::not_found, fmt::format("'{}' is neither a template nor a file", template_or_file),
              fmt::format("templates: {}", fmt::join(names, ", ")));
}

core::Millis fixed_delay(const std::string& machine, const std::string& job, core::Millis most) {
  if (most.count() <= 0) return core::Millis{0};
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (const unsigned char c : machine + "/" + job) hash = (hash ^ c) * 1099511628211U;
  return core::Millis{static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(most.count()))};
}

}  // namespace azlin::runbook
