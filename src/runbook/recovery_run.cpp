#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "azlin/core/cancel.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/parallel.hpp"
#include "azlin/runbook/recovery.hpp"

namespace azlin::runbook {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr StepState kStates[] = {StepState::waiting, StepState::running, StepState::done, StepState::failed,
                                 StepState::skipped};

json time_json(const std::optional<core::TimePoint>& time) {
  return time ? json(core::to_iso8601(*time)) : json(nullptr);
}

std::optional<core::TimePoint> time_of(const json& value) {
  return value.is_string() ? core::parse_time(value.get<std::string>()) : std::nullopt;
}

json to_json(const RecoveryRun& run) {
  json out = {{"id", run.id},
              {"plan", run.plan},
              {"file", run.file},
              {"digest", run.digest},
              {"state", run.state},
              {"started", core::to_iso8601(run.started)},
              {"ended", time_json(run.ended)},
              {"steps", json::array()}};
  for (const auto& step : run.steps)
    out["steps"].push_back({{"name", step.name},
                            {"phase", step.phase},
                            {"state", to_string(step.state)},
                            {"exitCode", step.exit_code},
                            {"attempts", step.attempts},
                            {"started", time_json(step.started)},
                            {"ended", time_json(step.ended)},
                            {"message", step.message}});
  return out;
}

RecoveryRun run_of(const json& body) {
  RecoveryRun run;
  run.id = body.at("id");
  run.plan = body.at("plan");
  run.file = body.at("file");
  run.digest = body.at("digest");
  run.state = body.at("state");
  run.started = time_of(body.at("started")).value_or(core::TimePoint{});
  run.ended = time_of(body.at("ended"));
  for (const auto& each : body.at("steps")) {
    StepRecord step;
    step.name = each.at("name");
    step.phase = each.at("phase");
    for (const auto state : kStates)
      if (each.at("state") == to_string(state)) step.state = state;
    step.exit_code = each.at("exitCode");
    step.attempts = each.at("attempts");
    step.started = time_of(each.at("started"));
    step.ended = time_of(each.at("ended"));
    step.message = each.at("message");
    run.steps.push_back(std::move(step));
  }
  return run;
}

std::string path_of(const std::string& folder, const std::string& id) {
  return folder + "/" + id + ".json";
}

void write_run(const std::string& folder, const RecoveryRun& run) {
  const auto path = path_of(folder, run.id), part = path + ".part";
  const int fd = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const auto text = to_json(run).dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  const bool good =
      fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  if (!good || rename(part.c_str(), path.c_str()) != 0)
    throw Error(ErrorKind::failed, fmt::format("the state of the run cannot be written to {}", path));
}

// One process works on a plan with its variables; freed by the kernel when it ends, however it ends. The lock
// file says which run it is.
class PlanHold {
 public:
  PlanHold(const std::string& folder, const RecoveryPlan& plan, const std::string& id)
      : fd_(open((folder + "/" + plan.digest + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ < 0) throw Error(ErrorKind::failed, fmt::format("cannot write into {}", folder));
    if (flock(fd_, LOCK_EX | LOCK_NB) == 0) {
      const auto text = fmt::format("{} in process {}", id, getpid());
      if (ftruncate(fd_, 0) == 0 && pwrite(fd_, text.data(), text.size(), 0) > 0) return;
      close(fd_);
      throw Error(ErrorKind::failed, fmt::format("cannot write into {}", folder));
    }
    const auto holder = text();
    close(fd_);
    throw Error(ErrorKind::busy,
                fmt::format("plan {} is being run already: run {}", plan.name,
                            holder.empty() ? "of another azlin" : holder),
                "wait until it has ended; `azlin recovery list` shows the runs");
  }
  ~PlanHold() { close(fd_); }
  PlanHold(const PlanHold&) = delete;
  PlanHold& operator=(const PlanHold&) = delete;

 private:
  // Empty while the holder writes it.
  std::string text() const {
    char buffer[128];
    const auto length = pread(fd_, buffer, sizeof buffer, 0);
    return length > 0 ? std::string(buffer, static_cast<std::size_t>(length)) : std::string();
  }

  int fd_;
};

class Run {
 public:
  Run(const RecoveryPlan& plan, std::string folder, core::Clock& clock, const RecoveryHooks& hooks,
      std::stop_token stop)
      : plan_(plan), folder_(std::move(folder)), clock_(clock), hooks_(hooks), stop_(std::move(stop)) {}

  void begin(const std::string& file) {
    std::string stamp = core::to_iso8601(std::chrono::floor<std::chrono::seconds>(clock_.now()));
    std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
    run_.id = fmt::format("{}-{}", stamp, core::new_guid().substr(0, 4));
    run_.plan = plan_.name;
    run_.file = file;
    run_.digest = plan_.digest;
    run_.started = clock_.now();
    for (const auto& step : plan_.steps) {
      run_.steps.emplace_back();
      run_.steps.back().name = step.name;
      run_.steps.back().phase = step.phase;
    }
    hold();
    write_run(folder_, run_);
  }

  void resume(const std::string& id) {
    run_ = read_run(folder_, id);
    if (run_.digest != plan_.digest)
      throw Error(ErrorKind::usage, fmt::format("run {} was of another plan, or of other variables", id),
                  "give the same ones, or begin a new run without --resume");
    hold();
    run_ = read_run(folder_, id);  // as whoever held it left it
    for (auto& step : run_.steps)
      if (step.state == StepState::running || step.state == StepState::failed)
        step.state = StepState::waiting;
    run_.state = "running";
    run_.ended.reset();
    write_run(folder_, run_);
  }

  RecoveryRun all() {
    for (std::size_t first = 0; first < plan_.steps.size();) {
      const auto last = batch_end(first);
      if (stop_.stop_requested()) return end("interrupted");
      if (!approved(first, last)) return end("waiting for approval");
      const auto outcomes = core::run_parallel(last - first, static_cast<int>(last - first), {},
                                               [&](std::size_t i) { one(first + i); });
      for (const auto& outcome : outcomes)
        if (outcome) std::rethrow_exception(outcome);  // the state could not be written
      if (stop_.stop_requested()) return end("interrupted");
      for (auto i = first; i < last; ++i)
        if (run_.steps[i].state == StepState::failed && !plan_.steps[i].go_on) return end("failed");
      first = last;
    }
    const bool all_good = std::all_of(run_.steps.begin(), run_.steps.end(),
                                      [](const auto& step) { return step.state == StepState::done; });
    return end(all_good ? "done" : "done with failures");
  }

 private:
  void hold() {
    hold_.emplace(folder_, plan_, run_.id);
    if (hooks_.begun) hooks_.begun();
  }

  // Steps from `first` on that run together.
  std::size_t batch_end(std::size_t first) const {
    auto last = first + 1;
    if (!plan_.steps[first].parallel) return last;
    while (last < plan_.steps.size() && plan_.steps[last].parallel &&
           plan_.steps[last].phase == plan_.steps[first].phase)
      ++last;
    return last;
  }

  bool approved(std::size_t first, std::size_t last) {
    for (auto i = first; i < last; ++i) {
      if (run_.steps[i].state == StepState::done || plan_.steps[i].approval.empty()) continue;
      if (!hooks_.approve || !hooks_.approve(plan_.steps[i])) return false;
    }
    return true;
  }

  void note(std::size_t i, const std::function<void(StepRecord&)>& change) {
    const std::lock_guard lock(mutex_);
    change(run_.steps[i]);
    write_run(folder_, run_);
    if (hooks_.told) hooks_.told(run_.steps[i]);
  }

  void one(std::size_t i) {
    const auto& step = plan_.steps[i];
    if (run_.steps[i].state == StepState::done) return;
    note(i, [&](StepRecord& record) {
      record.state = StepState::running;
      record.started = clock_.now();
      record.ended.reset();
      record.message.clear();
    });
    for (int attempt = 0; attempt <= step.retries; ++attempt) {
      StepOutcome outcome;
      try {
        outcome = hooks_.runner(step, stop_);
      } catch (const Error& error) {
        outcome = {core::exit_code(error.kind()), error.what()};
      }
      const bool good = std::find(step.good_codes.begin(), step.good_codes.end(), outcome.exit_code) !=
                        step.good_codes.end();
      const bool over = good || attempt == step.retries || stop_.stop_requested();
      note(i, [&](StepRecord& record) {
        ++record.attempts;
        record.exit_code = outcome.exit_code;
        record.message = good ? "" : outcome.message;
        if (!over) return;
        record.state = good ? StepState::done : StepState::failed;
        record.ended = clock_.now();
      });
      if (over) return;
    }
  }

  RecoveryRun end(const std::string& state) {
    run_.state = state;
    run_.ended = clock_.now();
    write_run(folder_, run_);
    return run_;
  }

  const RecoveryPlan& plan_;
  std::string folder_;
  core::Clock& clock_;
  const RecoveryHooks& hooks_;
  std::stop_token stop_;
  std::mutex mutex_;
  RecoveryRun run_;
  std::optional<PlanHold> hold_;
};

}  // namespace

const char* to_string(StepState state) {
  switch (state) {
    case StepState::waiting:
      return "waiting";
    case StepState::running:
      return "running";
    case StepState::done:
      return "done";
    case StepState::failed:
      return "failed";
    case StepState::skipped:
      break;
  }
  return "skipped";
}

RecoveryRun read_run(const std::string& folder, const std::string& id) {
  std::ifstream file;
  if (id.find('/') == std::string::npos) file.open(path_of(folder, id));
  if (!file.is_open())
    throw Error(ErrorKind::not_found, fmt::format("there is no run {}", id),
                "`azlin recovery list` shows them");
  try {
    return run_of(json::parse(file));
  } catch (const json::exception&) {
    throw Error(ErrorKind::failed, fmt::format("the state of run {} cannot be read", id));
  }
}

std::vector<RecoveryRun> list_runs(const std::string& folder) {
  std::vector<RecoveryRun> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".json") continue;
    try {
      out.push_back(read_run(folder, entry.path().stem().string()));
    } catch (const Error&) {
      continue;
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.started > b.started; });
  return out;
}

RecoveryRun run_plan(const RecoveryPlan& plan, const std::string& file, const std::string& folder,
                     const std::optional<std::string>& resume, core::Clock& clock, const RecoveryHooks& hooks,
                     std::stop_token stop) {
  std::filesystem::create_directories(folder);
  chmod(folder.c_str(), 0700);
  Run run(plan, folder, clock, hooks, std::move(stop));
  resume ? run.resume(*resume) : run.begin(file);
  return run.all();
}

std::string recovery_report(const RecoveryRun& run) {
  const auto span = [](const std::optional<core::TimePoint>& from, const std::optional<core::TimePoint>& to) {
    return from && to ? core::to_display(*to - *from) : std::string("-");
  };
  std::string out =
      fmt::format("# Recovery run {}\n\nPlan: {}  \nState: {}  \nStarted: {} UTC  \nTook: {}\n\n", run.id,
                  run.plan, run.state, core::to_display(run.started), span(run.started, run.ended));
  out +=
      "| phase | step | state | started (UTC) | took | attempts | exit code "
      "|\n|---|---|---|---|---|---|---|\n";
  for (const auto& step : run.steps)
    out +=
        fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", step.phase, step.name, to_string(step.state),
                    step.started ? core::to_display(*step.started) : "-", span(step.started, step.ended),
                    step.attempts, step.state == StepState::waiting ? "-" : std::to_string(step.exit_code));
  for (const auto& step : run.steps)
    if (!step.message.empty())
      out += fmt::format("\n## {} failed\n\n```\n{}\n```\n", step.name, step.message);
  return out;
}

}  // namespace azlin::runbook
