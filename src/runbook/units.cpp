// Jobs as unit files and as lines of a crontab.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/runbook/schedule.hpp"

namespace azlin::runbook {

namespace {

// In double quotes, with what systemd reads as special made plain: systemd.service(5), Command lines.
std::string unit_quoted(const std::string& text, bool command) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '%' || (command && c == '$')) result += c;
    result += c;
  }
  return result + '"';
}

std::string shell_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

// crontab(5): a bare % is a new line.
std::string cron_escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '%') result += '\\';
    result += c;
  }
  return result;
}

std::string marker(const char* which, const std::string& home) {
  return fmt::format("# {} azlin {}\n", which, home);
}

void check_line(const std::string& text) {
  if (text.find('\n') != std::string::npos)
    throw core::Error(core::ErrorKind::usage, "a setting with a line break cannot go into a schedule");
}

// Begin and end of the block, markers included; nullopt: there is none.
std::optional<std::pair<std::size_t, std::size_t>> find_block(const std::string& crontab,
                                                              const std::string& home) {
  const auto at_line = [&](const std::string& line, std::size_t from) {
    auto at = crontab.find(line, from);
    while (at != std::string::npos && at != 0 && crontab[at - 1] != '\n') at = crontab.find(line, at + 1);
    return at;
  };
  const auto begin_line = marker("BEGIN", home), end_line = marker("END", home);
  const auto begin = at_line(begin_line, 0), end = at_line(end_line, 0);
  if (begin == std::string::npos && end == std::string::npos) return std::nullopt;
  const bool twice = begin != std::string::npos && end != std::string::npos &&
                     (at_line(begin_line, begin + 1) != std::string::npos ||
                      at_line(end_line, end + 1) != std::string::npos);
  if (begin == std::string::npos || end == std::string::npos || end < begin || twice)
    throw core::Error(core::ErrorKind::failed,
                      "the crontab has a marker of azlin without its other one, or one twice",
                      "mend it with `crontab -e`: one `# BEGIN azlin` and one `# END azlin` line");
  return std::pair{begin, end + end_line.size()};
}

}  // namespace

std::string service_unit(const Job& job, const Installation& where) {
  std::string text = fmt::format("{}\n[Unit]\nDescription=azlin: {}\n", kMadeBy, job.what);
  // The manager of one user knows nothing of the network.
  if (where.system) text += "Wants=network-online.target\nAfter=network-online.target\n";
  text += "\n[Service]\nType=oneshot\n";
  for (const auto& [name, value] : where.setting) {
    check_line(value);
    text += fmt::format("Environment={}\n", unit_quoted(name + "=" + value, false));
  }
  if (!where.env_file.empty()) text += fmt::format("EnvironmentFile=-{}\n", where.env_file);
  text += "ExecStart=" + unit_quoted(where.program, true) + " schedule run " + job.name + " --";
  for (const auto& word : job.command) text += " " + unit_quoted(word, true);
  // 7: another run is at it. An undo after SIGTERM takes its time.
  return text + fmt::format(
                    "\nSuccessExitStatus=7\nStandardOutput=journal\nStandardError=journal\n"
                    "SyslogIdentifier=azlin-{}\nKillMode=mixed\nTimeoutStopSec=15min\nNice=5\n",
                    job.name);
}

std::string timer_unit(const Job& job) {
  return fmt::format(
      "{}\n[Unit]\nDescription=azlin: {}\n\n[Timer]\nOnCalendar={}\n{}RandomizedDelaySec={}\n"
      "FixedRandomDelay=true\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n",
      kMadeBy, job.what, job.calendar, job.at_start ? "OnStartupSec=2min\n" : "", job.delay.count() / 1000);
}

std::map<std::string, std::string> unit_files(const std::vector<Job>& jobs, const Installation& where) {
  std::map<std::string, std::string> files;
  for (const auto& job : jobs) {
    files["azlin-" + job.name + ".service"] = service_unit(job, where);
    files["azlin-" + job.name + ".timer"] = timer_unit(job);
  }
  return files;
}

std::string crontab_block(const std::vector<Job>& jobs, const Installation& where) {
  const auto home = where.setting.at("AZLIN_HOME");
  std::string block = marker("BEGIN", home);
  for (const auto& job : jobs) {
    std::string command = "{ ";
    if (!where.env_file.empty()) {
      const auto file = shell_quoted(where.env_file);
      command += fmt::format("if [ -r {0} ]; then set -a; . {0}; set +a; fi; ", file);
    }
    for (const auto& [name, value] : where.setting) {
      check_line(value);
      command += name + "=" + shell_quoted(value) + " ";
    }
    command += fmt::format("{} schedule run {} --delay {}s --", shell_quoted(where.program), job.name,
                           job.delay.count() / 1000);
    for (const auto& word : job.command) command += " " + shell_quoted(word);
    command += fmt::format("; }} 2>&1 | logger -t azlin-{}", job.name);
    block += to_cron(job.calendar) + " " + cron_escaped(command) + "\n";
    if (job.at_start) block += "@reboot sleep 120; " + cron_escaped(command) + "\n";
  }
  return block + marker("END", home);
}

std::string with_block(const std::string& crontab, const std::string& home, const std::string& block) {
  std::string text = crontab;
  const auto found = find_block(crontab, home);
  if (found) return text.replace(found->first, found->second - found->first, block);
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text + block;
}

std::string block_of(const std::string& crontab, const std::string& home) {
  const auto found = find_block(crontab, home);
  return found ? crontab.substr(found->first, found->second - found->first) : std::string();
}

}  // namespace azlin::runbook
