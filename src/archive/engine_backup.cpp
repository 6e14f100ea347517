#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>

#include "archive/engine_call.hpp"
#include "archive/sha256.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

// restic takes the wall clock of the machine's zone.
std::string local_time(core::TimePoint time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts = {};
  localtime_r(&seconds, &parts);
  std::array<char, 32> text = {};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return text.data();
}

// restic passes over a source that is not there and ends with 0.
void check_sources(const BackupRequest& request) {
  if (request.paths.empty()) throw Error(ErrorKind::usage, "nothing was named to archive");
  for (const auto& path : request.paths) {
    struct stat info = {};
    const std::string full = path.starts_with("/") ? path : request.directory + "/" + path;
    if (lstat(full.c_str(), &info) != 0)
      throw Error(ErrorKind::not_found, fmt::format("cannot archive {}: {}", path, strerror(errno)),
                  "correct the path; nothing was archived");
  }
}

// What restic could not read: JSON lines on stderr, "archival" and "scan" of the same file once.
std::vector<std::string> read_problems(const std::string& err) {
  std::vector<std::string> out;
  std::istringstream lines(err);
  for (std::string line; std::getline(lines, line);) {
    const json each = json::parse(line, nullptr, false);
    if (!each.is_object() || each.value("message_type", "") != "error") continue;
    std::string reason = "cannot be read";
    if (each.contains("error") && each["error"].is_object()) {
      const json& detail = each["error"];
      if (detail.contains("message")) reason = detail.value("message", reason);
      if (detail.contains("Err") && detail["Err"].is_number_integer())
        reason = strerror(detail["Err"].get<int>());
    }
    std::string text = fmt::format("{}: {}", each.value("item", "?"), reason);
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  }
  return out;
}

// Reads status and summary lines.
class Follower {
 public:
  explicit Follower(std::function<void(std::uint64_t, std::uint64_t)> progress)
      : progress_(std::move(progress)) {}
  void operator()(std::string_view line) {
    const json each = json::parse(line, nullptr, false);
    if (!each.is_object()) return;
    const std::string type = each.value("message_type", "");
    if (type == "status" && progress_)
      progress_(each.value("bytes_done", std::uint64_t{0}), each.value("total_bytes", std::uint64_t{0}));
    if (type == "summary") summary = each;
  }
  json summary;

 private:
  std::function<void(std::uint64_t, std::uint64_t)> progress_;
};

// The 8 characters of the summary. Without a summary restic's exit code means nothing.
std::string saved_id(const json& summary, const std::string& what) {
  const std::string id = summary.is_object() ? summary.value("snapshot_id", "") : "";
  if (id.empty()) throw Error(ErrorKind::failed, fmt::format("restic ended without a summary of {}", what));
  return id;
}

}  // namespace

std::vector<std::string> Engine::backup_arguments(const std::vector<std::string>& tags,
                                                  const std::optional<core::TimePoint>& time) const {
  join_tags(tags);  // refuses what would be split
  std::vector<std::string> out = {"--json", "backup"};
  if (!options_.host.empty()) out.insert(out.end(), {"--host", options_.host});
  for (const auto& tag : tags) out.insert(out.end(), {"--tag", tag});
  if (time) out.insert(out.end(), {"--time", local_time(*time)});
  return out;
}

BackupResult Engine::backup(const BackupRequest& request,
                            const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                            std::stop_token stop) {
  check_sources(request);
  Follower follower(progress);
  Call call{.arguments = backup_arguments(request.tags, request.time), .doing = "archiving files"};
  for (const auto& pattern : request.excludes)
    call.arguments.insert(call.arguments.end(), {"--exclude", pattern});
  // restic reads it when it has derived its key and locked the repository, before it looks at any source.
  // Its patterns come after the one that excludes everything, and of nothing restic makes no snapshot.
  if (!request.gate.empty())
    call.arguments.insert(call.arguments.end(), {"--exclude", "*", "--exclude-file", request.gate});
  call.arguments.insert(call.arguments.end(), {"--files-from-raw", "-"});
  for (const auto& path : request.paths) call.input += path + '\0';
  call.directory = request.directory;
  call.is_long = true;
  call.also_accept = 3;  // some sources unreadable: the snapshot was written
  call.on_line = std::ref(follower);
  const auto ended = run(call, stop);
  BackupResult out;
  out.id = saved_id(follower.summary, "the backup");
  out.id = request.confirm ? confirm(out.id, request.tags, stop) : find_stored(out.id).value_or(out.id);
  out.problems = read_problems(ended.err);
  if (ended.exit_code == 3 && out.problems.empty())
    out.problems.emplace_back("restic could not read every source");
  out.files = follower.summary.value("total_files_processed", std::uint64_t{0});
  out.bytes = follower.summary.value("total_bytes_processed", std::uint64_t{0});
  out.bytes_added = follower.summary.value("data_added", std::uint64_t{0});
  return out;
}

StreamResult Engine::store_stream(core::PipelineRequest request, const std::string& filename,
                                  const std::vector<std::string>& tags, bool must_confirm,
                                  std::stop_token stop) {
  Follower follower({});
  StreamResult out;
  Sha256 hash;
  const bool piped = request.producer.has_value();
  if (piped) {
    request.on_piped = [&](std::string_view piece) {
      hash.add(piece);
      out.bytes += piece.size();
    };
  } else {
    hash.add(request.input);
    out.bytes = request.input.size();
  }
  request.on_line = std::ref(follower);
  request.time_limit = options_.long_limit;
  Call call{.arguments = {}, .doing = fmt::format("archiving {}", filename)};
  call.is_long = true;
  core::PipelineResult ended = run_pipeline(request, stop);
  if (piped && ended.producer_exit != 0 && ended.exit_code != 0 && !ended.stopped && !ended.timed_out) {
    if (ended.killed) unlock_quietly();
    const bool its_own = ended.producer_exit < 128;
    if (its_own || ended.exit_code == 130)
      throw Error(ErrorKind::failed,
                  fmt::format("{} failed with exit code {}: {}", request.producer->argv.at(0),
                              ended.producer_exit, last_line(ended.producer_err)),
                  "nothing of it was kept");
  }
  ended = finish(std::move(ended), call);
  const std::string id = saved_id(follower.summary, filename);
  if (ended.producer_exit != 0) {  // it ended badly after restic had all it wanted
    forget({confirm(id, tags, stop)}, stop);
    throw Error(ErrorKind::failed,
                fmt::format("{} failed with exit code {}: {}", request.producer->argv.at(0),
                            ended.producer_exit, last_line(ended.producer_err)),
                "its snapshot was removed");
  }
  out.id = must_confirm ? confirm(id, tags, stop) : find_stored(id).value_or(id);
  out.sha256 = hash.hex();
  out.bytes_added = follower.summary.value("data_added", std::uint64_t{0});
  return out;
}

StreamResult Engine::backup_stream(const StreamRequest& request, std::stop_token stop) {
  core::PipelineRequest pipeline;
  pipeline.producer = request.producer;
  auto arguments = backup_arguments(request.tags, request.time);
  arguments.insert(arguments.end(), {"--stdin", "--stdin-filename", request.filename});
  pipeline.program = stage(std::move(arguments));
  return store_stream(std::move(pipeline), request.filename, request.tags, request.confirm, stop);
}

StreamResult Engine::backup_text(const std::string& text, const std::string& filename,
                                 const std::vector<std::string>& tags, std::stop_token stop) {
  if (text.empty()) throw Error(ErrorKind::usage, fmt::format("{} is empty", filename));
  core::PipelineRequest pipeline;
  pipeline.input = text;
  auto arguments = backup_arguments(tags, {});
  arguments.insert(arguments.end(), {"--stdin", "--stdin-filename", filename});
  pipeline.program = stage(std::move(arguments));
  return store_stream(std::move(pipeline), filename, tags, true, stop);
}

}  // namespace azlin::archive
