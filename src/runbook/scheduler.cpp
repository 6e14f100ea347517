#include "azlin/runbook/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"

namespace azlin::runbook {

using core::Error;
using core::ErrorKind;

namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string trimmed(const std::string& text) {
  const auto from = text.find_first_not_of(" \t\r\n"), to = text.find_last_not_of(" \t\r\n");
  return from == std::string::npos ? std::string() : text.substr(from, to - from + 1);
}

// The value of `key=` at the start of a line.
std::string line_value(const std::string& text, const std::string& key) {
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.rfind(key, 0) == 0) return line.substr(key.size());
  }
  return {};
}

// What stands behind "--" on a command line, without its quotes.
std::string command_of(const std::string& line) {
  const auto at = line.find(" -- ");
  std::string command;
  for (const char c : at == std::string::npos ? line : line.substr(at + 4)) {
    if (c == ';') break;
    if (c != '"' && c != '\'') command += c;
  }
  return trimmed(command);
}

std::string cron_job_name(const std::string& line) {
  const std::string word = " schedule run ";
  const auto at = line.find(word);
  if (at == std::string::npos) return {};
  const auto from = at + word.size();
  return line.substr(from, line.find(' ', from) - from);
}

std::string first_words(const std::string& line, int count) {
  std::istringstream stream(line);
  std::string result, word;
  for (int i = 0; i < count && stream >> word; ++i) result += (i == 0 ? "" : " ") + word;
  return result;
}

}  // namespace

const char* to_string(Backend backend) {
  return backend == Backend::systemd ? "systemd" : "crontab";
}

Scheduler::Scheduler(core::ProcessRunner& processes, Place place, std::stop_token stop)
    : processes_(processes), place_(std::move(place)), stop_(std::move(stop)) {}

core::ProcessResult Scheduler::systemctl(std::vector<std::string> words) {
  core::ProcessRequest request;
  request.argv = {"systemctl"};
  if (!place_.system) request.argv.emplace_back("--user");
  request.argv.insert(request.argv.end(), words.begin(), words.end());
  return processes_.run(request, stop_);
}

void Scheduler::must(const core::ProcessResult& result, const std::string& doing) {
  if (result.exit_code == 0) return;
  const auto said = trimmed(result.err.empty() ? result.out : result.err);
  throw Error(ErrorKind::failed, fmt::format("{} failed: {}", doing, said.empty() ? "no reason given" : said),
              "--with crontab uses cron instead; `azlin schedule remove` takes out what is there");
}

Backend Scheduler::choose() {
  try {
    const auto state = trimmed(systemctl({"is-system-running"}).out);
    static const std::set<std::string> alive = {"running", "degraded", "starting", "initializing"};
    if (alive.contains(state)) return Backend::systemd;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
  }
  if (read_crontab()) return Backend::crontab;
  throw Error(ErrorKind::not_found, "neither systemd nor cron runs here, so nothing can be scheduled",
              "--dry-run prints the unit files; or install cron");
}

std::vector<std::string> Scheduler::own_units() {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(place_.unit_dir, none)) {
    const auto name = entry.path().filename().string();
    if (name.rfind("azlin-", 0) != 0 || !(ends_with(name, ".timer") || ends_with(name, ".service"))) continue;
    if (core::read_file(entry.path()).value_or("").rfind(kMadeBy, 0) == 0) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Timers are stopped before their files go, or systemd would keep them until the next start.
std::vector<std::string> Scheduler::remove_units(const std::map<std::string, std::string>& but) {
  std::vector<std::string> names = own_units();
  std::erase_if(names, [&](const std::string& name) { return but.contains(name); });
  if (names.empty()) return names;
  for (const auto& name : names) {
    if (ends_with(name, ".timer")) must(systemctl({"disable", "--now", name}), "stopping " + name);
  }
  for (const auto& name : names) std::filesystem::remove(unit_path(name));
  must(systemctl({"daemon-reload"}), "systemctl daemon-reload");
  return names;
}

std::optional<std::string> Scheduler::read_crontab() {
  core::ProcessRequest request;
  request.argv = {"crontab", "-l"};
  core::ProcessResult result;
  try {
    result = processes_.run(request, stop_);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return std::nullopt;
    throw;
  }
  // Only this one failure means an empty crontab; after any other, writing would lose what is there.
  if (result.exit_code != 0 && result.err.find("no crontab") != std::string::npos) return "";
  must(result, "crontab -l");
  return result.out;
}

void Scheduler::write_crontab(const std::string& text) {
  core::ProcessRequest request;
  request.argv = {"crontab", "-"};
  request.input = text;
  must(processes_.run(request, stop_), "crontab -");
}

bool Scheduler::remove_block() {
  const auto crontab = read_crontab();
  if (!crontab || block_of(*crontab, place_.home).empty()) return false;
  write_crontab(with_block(*crontab, place_.home, ""));
  return true;
}

void Scheduler::install(Backend backend, const std::vector<Job>& jobs, const Installation& where) {
  if (backend == Backend::crontab) {
    const auto crontab = read_crontab();
    if (!crontab) throw Error(ErrorKind::not_found, "there is no program `crontab`", "install cron");
    write_crontab(with_block(*crontab, place_.home, crontab_block(jobs, where)));
    remove_units({});
    return;
  }
  const auto files = unit_files(jobs, where);
  for (const auto& [name, text] : files) {
    const auto there = core::read_file(unit_path(name));
    if (there && there->rfind(kMadeBy, 0) != 0)
      throw Error(ErrorKind::failed, fmt::format("{} is not azlin's own file", unit_path(name)),
                  "move it away, or give the job another name");
  }
  remove_units(files);
  std::vector<std::string> enable = {"enable", "--now"};
  for (const auto& [name, text] : files) {
    core::write_file(unit_path(name), text, 0644);
    if (ends_with(name, ".timer")) enable.push_back(name);
  }
  must(systemctl({"daemon-reload"}), "systemctl daemon-reload");
  must(systemctl(enable), "starting the timers");
  remove_block();
}

std::vector<std::string> Scheduler::remove() {
  std::vector<std::string> removed;
  for (const auto& name : remove_units({})) removed.push_back(unit_path(name));
  if (remove_block()) removed.push_back("the lines of azlin in the crontab");
  return removed;
}

InstalledJob Scheduler::timer_state(const std::string& timer) {
  const auto base = timer.substr(0, timer.size() - std::string(".timer").size());
  InstalledJob job;
  job.name = base.substr(std::string("azlin-").size());
  job.calendar = line_value(core::read_file(unit_path(timer)).value_or(""), "OnCalendar=");
  job.command =
      command_of(line_value(core::read_file(unit_path(base + ".service")).value_or(""), "ExecStart="));
  const auto state = systemctl({"show", timer, "--property=ActiveState,NextElapseUSecRealtime"});
  job.active = line_value(state.out, "ActiveState=") == "active";
  job.next = line_value(state.out, "NextElapseUSecRealtime=");
  return job;
}

std::optional<Installed> Scheduler::show() {
  Installed installed;
  for (const auto& name : own_units()) {
    if (ends_with(name, ".timer")) installed.jobs.push_back(timer_state(name));
  }
  if (!installed.jobs.empty()) return installed;
  const auto block = block_of(read_crontab().value_or(""), place_.home);
  if (block.empty()) return std::nullopt;
  installed.backend = Backend::crontab;
  std::istringstream lines(block);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#' || line[0] == '@') continue;
    installed.jobs.push_back({cron_job_name(line), command_of(line), first_words(line, 5), true, ""});
  }
  return installed;
}

}  // namespace azlin::runbook
