#pragma once
// The simulator as a background process of this user: found, started, stopped.
#include <optional>
#include <string>

#include "azlin/core/clock.hpp"
#include "azlin/core/env.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::cli {

struct RunningSimulator {
  std::string url;  // "http://127.0.0.1:41234"
  int pid = 0;
};

// What the simulator at `url` says its time is; nullopt when nothing there answers, or no simulator.
std::optional<core::TimePoint> simulated_time(http::Transport& transport, const std::string& url);

struct SimulatorStart {
  int port = 0;  // 0: any free one
  std::string latency = "demo";
  std::string seed = "sample";
  bool throttle = false;
};

class SimulatorProcess {
 public:
  // `home` is azlin's state folder; the simulator's lies in `<home>/simulator` unless AZLIN_SIMULATOR_STATE
  // names another.
  SimulatorProcess(const std::string& home, const core::Env& env, http::Transport& transport);

  std::optional<RunningSimulator> find();
  // Starts one when none runs (safe when several commands do so at once). Throws core::Error: what it ended
  // with (usage, not_found: a bad seed), or failed with the last lines of its log when it is not up in 20 s.
  RunningSimulator ensure(const SimulatorStart& start);
  // False: none was running.
  bool stop();

  const std::string& state_dir() const { return state_dir_; }

 private:
  RunningSimulator launch(const SimulatorStart& start);
  std::string state_dir_;
  http::Transport& transport_;
};

}  // namespace azlin::cli
