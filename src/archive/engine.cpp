#include "azlin/archive/engine.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <regex>
#include <sstream>
#include <thread>

#include "archive/engine_call.hpp"
#include "azlin/archive/digest.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

std::string EngineSnapshot::tag(const std::string& key) const {
  for (const auto& each : tags) {
    if (each.starts_with(key + "=")) return each.substr(key.size() + 1);
  }
  return {};
}

Engine::Engine(Destination destination, EngineOptions options)
    : destination_(std::move(destination)), options_(std::move(options)) {
  if (options_.password.empty())
    throw Error(ErrorKind::usage,
                fmt::format("there is no password for the repository {}", destination_.text),
                "set AZLIN_ARCHIVE_PASSWORD, or give --password-file or --password-command");
}

// Of this process's variables the child sees what ssh and the loader need; the rest is ours.
core::Stage Engine::stage(std::vector<std::string> arguments) const {
  core::Stage out;
  for (const char* name : {"PATH", "HOME", "LANG", "TMPDIR", "USER"}) {
    if (const char* value = std::getenv(name)) out.env[name] = value;
  }
  for (const auto& [name, value] : destination_.env) out.env[name] = value;
  out.env["RESTIC_REPOSITORY"] = destination_.url;
  out.env["RESTIC_PASSWORD_FILE"] = "/dev/fd/3";
  out.env["RESTIC_PROGRESS_FPS"] = "1";
  out.env["RESTIC_COMPRESSION"] = options_.compression;
  if (!options_.cache_dir.empty()) out.env["RESTIC_CACHE_DIR"] = options_.cache_dir;
  out.argv = {options_.program};
  out.argv.insert(out.argv.end(), destination_.options.begin(), destination_.options.end());
  if (options_.cache_dir.empty()) out.argv.emplace_back("--no-cache");
  out.argv.insert(out.argv.end(), arguments.begin(), arguments.end());
  out.secrets = {options_.password};
  return out;
}

// restic with two repositories: this one and `from`.
core::Stage Engine::paired_stage(std::vector<std::string> arguments, const Engine& from) const {
  core::Stage out = stage(std::move(arguments));
  for (const auto& [name, value] : from.destination_.env) {
    const auto here = out.env.find(name);
    if (here != out.env.end() && here->second != value)
      throw Error(ErrorKind::usage,
                  fmt::format("{} and {} need different values of {}, and restic can be given only one",
                              from.destination_.text, destination_.text, name),
                  "copy by way of a local repository");
    out.env[name] = value;
  }
  // Options of the other store ("sftp.command", "--cacert") apply to both.
  const auto& theirs = from.destination_.options;
  for (std::size_t i = 0; i + 1 < theirs.size(); i += 2) {
    const auto& ours = destination_.options;
    bool same = false;
    for (std::size_t j = 0; j + 1 < ours.size(); j += 2)
      same = same || (ours[j] == theirs[i] && ours[j + 1] == theirs[i + 1]);
    if (!same) out.argv.insert(out.argv.begin() + 1, {theirs[i], theirs[i + 1]});
  }
  out.env["RESTIC_FROM_REPOSITORY"] = from.destination_.url;
  out.env["RESTIC_FROM_PASSWORD_FILE"] = "/dev/fd/4";
  out.secrets.push_back(from.options_.password);
  return out;
}

core::PipelineResult Engine::run(const Call& call, std::stop_token stop) {
  core::PipelineRequest request;
  request.program = call.stage ? *call.stage : stage(call.arguments);
  request.program.directory = call.directory;
  for (const auto& secret : call.secrets) request.program.secrets.push_back(secret);
  request.input = call.input;
  request.on_line = call.on_line;
  request.on_output = call.on_output;
  request.time_limit = call.is_long ? options_.long_limit : options_.short_limit;
  core::log_debug("restic {} on {}", call.doing, destination_.text);
  return finish(run_pipeline(request, stop), call);
}

// What holds for every end: a killed restic left a lock, an interrupted one is our own doing.
core::PipelineResult Engine::finish(core::PipelineResult result, const Call& call) {
  if (result.killed) unlock_quietly();
  if (result.stopped)
    throw Error(ErrorKind::interrupted,
                fmt::format("interrupted while {} ({})", call.doing, destination_.text));
  if (result.timed_out) {
    const auto limit = call.is_long ? options_.long_limit : options_.short_limit;
    throw Error(ErrorKind::failed,
                fmt::format("{}: no answer from {} within {}", call.doing, destination_.text,
                            core::to_display(limit)),
                "check that the store can be reached; restic repeats in silence until then");
  }
  if (!call.accepts(result.exit_code)) fail(result, call.doing);
  return result;
}

// Calls that need the repository for themselves: dead locks are removed first, a live one is waited for.
core::PipelineResult Engine::run_exclusive(const Call& call, std::stop_token stop) {
  const auto until = std::chrono::steady_clock::now() + options_.lock_wait;
  core::SystemClock clock;
  for (core::Millis pause{0};; pause = std::min(pause * 2 + core::Millis{500}, core::Millis{5'000})) {
    try {
      auto result = run(call, stop);
      // Of a check an error is accepted, but not the one that it could not begin.
      if (result.exit_code != 0 && diagnose(result.err, result.exit_code).kind == ErrorKind::busy)
        fail(result, call.doing);
      return result;
    } catch (const Error& error) {
      const bool first = pause == core::Millis{0};
      const bool over = std::chrono::steady_clock::now() + pause >= until;
      if (error.kind() != ErrorKind::busy || (over && !first)) throw;
    }
    clock.sleep_for(pause, stop);
    unlock(stop);
  }
}

void Engine::fail(const core::PipelineResult& result, const std::string& doing) const {
  const Diagnosis found = diagnose(result.err, result.exit_code);
  throw Error(found.kind, fmt::format("{} failed on {}: {}", doing, destination_.text, found.message),
              found.hint);
}

void Engine::unlock_quietly() {
  try {
    unlock();
  } catch (const Error& error) {
    core::log_debug("unlock: {}", error.what());
  }
}

void Engine::unlock(std::stop_token stop) {
  run({.arguments = {"unlock"}, .doing = "removing dead locks"}, stop);
}

std::string Engine::version(std::stop_token stop) {
  core::PipelineRequest request;
  request.program.argv = {options_.program, "version"};
  request.program.env = stage({}).env;
  request.time_limit = options_.short_limit;
  const auto result = run_pipeline(request, stop);
  std::smatch match;
  static const std::regex form(R"(restic (\d+)\.(\d+)\.(\d+))");
  if (!std::regex_search(result.out, match, form))
    throw Error(ErrorKind::failed, fmt::format("'{} version' did not say a version", options_.program));
  if (match[1] == "0" && std::stoi(match[2]) < 14)
    throw Error(ErrorKind::failed, fmt::format("restic {} is too old", match.str().substr(7)),
                "install restic 0.14 or newer");
  return match.str().substr(7);
}

bool Engine::exists(std::stop_token stop) {
  return find_repository(stop).has_value();
}

std::optional<std::string> Engine::find_repository(std::stop_token stop) {
  try {
    return repository_id(stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found || !core::is_installed(options_.program)) throw;
    return std::nullopt;
  }
}

std::string Engine::repository_id(std::stop_token stop) {
  const auto result =
      run({.arguments = {"--no-lock", "cat", "config"}, .doing = "opening the repository"}, stop);
  return parse_json(result.out, "cat config").value("id", "");
}

void Engine::init(std::stop_token stop) {
  run({.arguments = {"init"}, .doing = "making the repository"}, stop);
  repository_id(stop);  // some stores accept it and cannot be read (reference: S3 over plain http)
}

void Engine::init_like(const Engine& from, std::stop_token stop) {
  Call call{.arguments = {}, .doing = "making the repository"};
  call.stage = paired_stage({"init", "--copy-chunker-params"}, from);
  run(call, stop);
  repository_id(stop);
}

std::vector<EngineSnapshot> Engine::snapshots(const std::vector<std::string>& tags, std::stop_token stop) {
  std::vector<std::string> arguments = {"--json", "--no-lock", "snapshots"};
  if (!tags.empty()) {  // one --tag with commas: all of them
    arguments.emplace_back("--tag");
    arguments.push_back(join_tags(tags));
  }
  const auto result = run({.arguments = arguments, .doing = "listing snapshots"}, stop);
  std::vector<EngineSnapshot> out;
  for (const auto& each : parse_json(result.out, "snapshots")) out.push_back(read_snapshot(each));
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
  return out;
}

// restic names a snapshot's file by the SHA-256 of its bytes, so in a local repository the file itself says
// that it is there and whole, without another run of restic.
std::optional<std::string> Engine::find_stored(const std::string& short_id) const {
  if (destination_.kind != DestinationKind::local || short_id.empty()) return std::nullopt;
  std::error_code error;
  for (const auto& each : std::filesystem::directory_iterator(destination_.url + "/snapshots", error)) {
    const std::string name = each.path().filename().string();
    if (name.starts_with(short_id) && sha256_file(each.path()) == name) return name;
  }
  return std::nullopt;
}

// The full id of a snapshot that restic has just named by 8 characters: only what is there counts.
std::string Engine::confirm(const std::string& short_id, const std::vector<std::string>& tags,
                            std::stop_token stop) {
  if (auto stored = find_stored(short_id)) return *stored;
  for (const auto& each : snapshots(tags, stop)) {
    if (each.id.starts_with(short_id)) return each.id;
  }
  throw Error(ErrorKind::failed,
              fmt::format("restic said that it saved snapshot {}, but {} does not list it with our tags",
                          short_id, destination_.text),
              "run `azlin archive verify`");
}

std::vector<EngineKey> Engine::keys(std::stop_token stop) {
  const auto result =
      run({.arguments = {"--json", "--no-lock", "key", "list"}, .doing = "listing keys"}, stop);
  std::vector<EngineKey> out;
  for (const auto& each : parse_json(result.out, "key list")) {
    out.push_back({each.value("id", ""), each.value("userName", ""), each.value("hostName", ""),
                   each.value("created", ""), each.value("current", false)});
  }
  return out;
}

void Engine::add_key(const std::string& new_password, std::stop_token stop) {
  Call call{.arguments = {"key", "add", "--new-password-file", "/dev/fd/4"}, .doing = "adding a key"};
  call.secrets = {new_password};
  run(call, stop);
}

void Engine::remove_key(const std::string& id, std::stop_token stop) {
  run_exclusive({.arguments = {"key", "remove", id}, .doing = "removing a key"}, stop);
}

void Engine::copy_from(const Engine& from, const std::vector<EngineSnapshot>& which, std::stop_token stop) {
  if (which.empty()) return;
  Call call{.arguments = {}, .doing = fmt::format("copying from {}", from.destination_.text)};
  call.is_long = true;
  std::vector<std::string> arguments = {"copy"};
  for (const auto& each : which) arguments.push_back(each.id);
  call.stage = paired_stage(std::move(arguments), from);
  run(call, stop);
  const auto here = snapshots({}, stop);  // restic's word is not enough
  for (const auto& sent : which) {
    const bool there = std::any_of(here.begin(), here.end(), [&](const auto& each) {
      return each.id == sent.id || each.original == sent.id ||
             (!sent.original.empty() && each.original == sent.original);
    });
    if (!there)
      throw Error(ErrorKind::failed,
                  fmt::format("snapshot {} was copied to {} but is not there", sent.id, destination_.text));
  }
}

DiffResult Engine::diff(const std::string& a, const std::string& b, std::stop_token stop) {
  DiffResult out;
  Call call{.arguments = {"--json", "--no-lock", "diff", "--", a, b}, .doing = "comparing snapshots"};
  call.is_long = true;
  call.on_line = [&](std::string_view line) {
    const json each = json::parse(line, nullptr, false);
    if (!each.is_object()) return;
    if (each.value("message_type", "") == "change") {
      out.changes.push_back({each.value("path", ""), each.value("modifier", "")});
    } else if (each.value("message_type", "") == "statistics") {
      out.added_bytes = each["added"].value("bytes", std::uint64_t{0});
      out.removed_bytes = each["removed"].value("bytes", std::uint64_t{0});
    }
  };
  run(call, stop);
  return out;
}

EngineStats Engine::stats(bool raw, const std::vector<std::string>& ids, std::stop_token stop) {
  Call call{.arguments = {"--json", "--no-lock", "stats", "--mode", raw ? "raw-data" : "restore-size"},
            .doing = "measuring"};
  call.is_long = true;
  call.arguments.insert(call.arguments.end(), ids.begin(), ids.end());
  const json all = parse_json(run(call, stop).out, "stats");
  return {all.value("total_size", std::uint64_t{0}), all.value("total_file_count", std::uint64_t{0}),
          all.value("total_blob_count", std::uint64_t{0})};
}

void Engine::add_tags(const std::vector<std::string>& ids, const std::vector<std::string>& tags,
                      std::stop_token stop) {
  if (ids.empty() || tags.empty()) return;
  Call call{.arguments = {"tag", "--add", join_tags(tags)}, .doing = "tagging"};
  call.arguments.insert(call.arguments.end(), ids.begin(), ids.end());
  run_exclusive(call, stop);
}

}  // namespace azlin::archive
