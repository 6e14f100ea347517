#pragma once
// A simulated Azure in a known state, a fresh azlin home, and the worker that is killed on them.
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/simulator_fixture.hpp"
#include "support/temp_dir.hpp"

namespace azlin::crash {

// The point of death, as the worker takes it.
struct Death {
  std::string point = "none";
  int number = 0;
};

struct Outcome {
  bool killed = false;
  int code = 0;
  nlohmann::json report;  // null unless it lived to the end
  std::string err;
};

// The state that every scene begins with, made once in a process. VM `web` (three disks, runs, backups and
// plain snapshots of some days behind it), the morning of 5 December 2025.
const std::string& base_state();

// base_state() with a copy of the newest backup in westus2.
const std::string& replicated_state();
// The VMs db and web, which belong together, each with one backup and a copy of it in westus2.
const std::string& group_state();
// replicated_state() after a failover to westus2: web runs there and at home.
const std::string& failed_over_state();

class Scene {
 public:
  // `state`: as base_state() gives it.
  explicit Scene(const std::string& state = base_state());
  // Another beginning: a folder that Simulator::save() made, or a seed file; the clock stands at `now`.
  Scene(const std::string& begin, const std::string& now);
  Outcome run(const std::string& command, const Death& death = {});
  // The same, where nobody answers.
  Outcome run_cut_off(const std::string& command);
  test::Simulator& simulator() { return simulator_; }
  std::string journal_path() const { return home_.file("operations.db"); }
  // Method, path and status of the last requests, one a line.
  std::string last_requests(std::size_t count);

 private:
  Outcome run_at(const std::string& url, const std::string& command, const Death& death);
  test::Simulator simulator_;
  test::TempDir home_;
};

}  // namespace azlin::crash
