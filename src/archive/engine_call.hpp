#pragma once
// One run of restic, and the reading of what it says.
#include "azlin/archive/engine.hpp"
#include "azlin/core/error.hpp"

namespace azlin::archive {

struct Engine::Call {
  std::vector<std::string> arguments;
  std::string doing = {};  // for messages: "listing snapshots"
  bool is_long = false;
  std::string directory = {}, input = {};
  std::vector<std::string> secrets = {};  // besides the password: /dev/fd/4, …
  std::function<void(std::string_view)> on_line = {}, on_output = {};
  std::optional<core::Stage> stage = {};  // in place of the arguments
  int also_accept = 0;                    // an exit code besides 0
  bool accepts(int code) const { return code == 0 || code == also_accept; }
};

// What restic's stderr and exit code mean. Codes are coarse up to 0.16, so texts decide; 0.17 has 10, 11, 12.
struct Diagnosis {
  core::ErrorKind kind = core::ErrorKind::failed;
  std::string message, hint;
};
Diagnosis diagnose(const std::string& err, int exit_code);

// Throws core::Error (failed) when it is no JSON.
nlohmann::json parse_json(const std::string& text, const std::string& command);
EngineSnapshot read_snapshot(const nlohmann::json& each);
// "a,b". Throws core::Error (usage) for a tag that restic would split.
std::string join_tags(const std::vector<std::string>& tags);
// restic's nanoseconds cut to milliseconds.
core::TimePoint read_time(const std::string& text);

}  // namespace azlin::archive
