// One run of a job at a time, and how the last one went: `<home>/schedule/JOB.lock` and `JOB.json`.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/runbook/scheduler.hpp"

namespace azlin::runbook {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

std::string folder(const std::string& home) {
  return home + "/schedule";
}

std::optional<RunRecord> parse(const std::string& text) {
  const auto json = ordered_json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("startedAt") || !json["startedAt"].is_string()) return std::nullopt;
  const auto started = core::parse_time(json["startedAt"].get<std::string>());
  if (!started) return std::nullopt;
  RunRecord run;
  run.started = *started;
  if (json.contains("endedAt") && json["endedAt"].is_string())
    run.ended = core::parse_time(json["endedAt"].get<std::string>());
  if (json.contains("exitCode") && json["exitCode"].is_number_integer())
    run.exit_code = json["exitCode"].get<int>();
  return run;
}

}  // namespace

std::map<std::string, RunRecord> last_runs(const std::string& home) {
  std::map<std::string, RunRecord> runs;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder(home), none)) {
    if (entry.path().extension() != ".json") continue;
    auto run = parse(core::read_file(entry.path()).value_or(""));
    if (!run) continue;
    run->job = entry.path().stem();
    runs[run->job] = *run;
  }
  return runs;
}

RunLock::RunLock(const std::string& home, const std::string& job) : home_(home) {
  std::error_code ignored;
  std::filesystem::create_directories(folder(home), ignored);
  const auto path = folder(home) + "/" + job + ".lock";
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0)
    throw Error(ErrorKind::failed, fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  if (flock(file_, LOCK_EX | LOCK_NB) == 0) return;
  close(file_);
  throw Error(ErrorKind::busy, fmt::format("another run of the job '{}' is not done yet", job),
              "nothing was begun; the next turn looks again");
}

RunLock::~RunLock() {
  close(file_);
}

void RunLock::note(const RunRecord& run) const {
  ordered_json json = {
      {"startedAt", core::to_iso8601(run.started)}, {"endedAt", nullptr}, {"exitCode", nullptr}};
  if (run.ended) {
    json["endedAt"] = core::to_iso8601(*run.ended);
    json["exitCode"] = run.exit_code;
  }
  core::write_file(folder(home_) + "/" + run.job + ".json", json.dump() + "\n");
}

}  // namespace azlin::runbook
