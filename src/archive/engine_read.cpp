#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "archive/engine_call.hpp"
#include "archive/sha256.hpp"
#include "azlin/archive/paths.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr std::size_t kNamedProblems = 20;

// Lines of restic that name what is wrong.
std::vector<std::string> named_problems(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto has = [&](const char* word) { return line.find(word) != std::string::npos; };
    const bool bad = has("error") || has("Error") || has("does not exist") || has("not found") ||
                     has("damaged") || has("ciphertext") || has("mismatch") || has("invalid") ||
                     has("not match") || has("ignoring") || has("incomplete");
    if (bad && !has("no errors were found") && !has("Fatal: repository contains errors")) out.push_back(line);
  }
  if (out.size() > kNamedProblems) {
    const auto more = out.size() - kNamedProblems;
    out.resize(kNamedProblems);
    out.push_back(fmt::format("… and {} more lines", more));
  }
  return out;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += (out.empty() ? "" : "; ") + line;
  return out;
}

std::vector<std::string> ids_of(const json& group, const char* key) {
  std::vector<std::string> out;
  if (!group.contains(key) || !group[key].is_array()) return out;
  for (const auto& each : group[key]) out.push_back(each.value("id", ""));
  return out;
}

}  // namespace

std::vector<EngineNode> Engine::list_files(const std::string& id, std::stop_token stop) {
  std::vector<EngineNode> out;
  Call call{.arguments = {"--json", "--no-lock", "ls", "--", id}, .doing = "listing files"};
  call.is_long = true;
  call.on_line = [&](std::string_view line) {
    const json each = json::parse(line, nullptr, false);
    if (!each.is_object() ||
        (each.value("struct_type", "") != "node" && each.value("message_type", "") != "node"))
      return;
    out.push_back({each.value("path", ""), each.value("type", ""), each.value("size", std::uint64_t{0}),
                   read_time(each.value("mtime", ""))});
  };
  run(call, stop);
  return out;
}

void Engine::restore(const RestoreRequest& request, std::stop_token stop) {
  Call call{.arguments = {"--no-lock", "restore", "--target", request.target}, .doing = "restoring"};
  if (request.verify) call.arguments.emplace_back("--verify");
  for (const auto& path : request.include) call.arguments.insert(call.arguments.end(), {"--include", path});
  call.arguments.insert(call.arguments.end(), {"--", request.id});
  call.is_long = true;
  call.also_accept = 1;  // read below: which files are missing is the message
  std::error_code error;
  std::filesystem::create_directories(request.target, error);
  if (error)
    throw Error(kind_of(error),
                fmt::format("cannot make the folder {}: {}", request.target, error.message()));
  const auto ended = run(call, stop);
  if (ended.exit_code == 0) return;
  std::vector<std::string> lost;
  std::istringstream lines(ended.err);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("ignoring error for ")) lost.push_back(line.substr(19));
  }
  if (lost.empty()) fail(ended, call.doing);
  if (ended.err.find("no space left") != std::string::npos)
    throw Error(ErrorKind::failed,
                fmt::format("there is no space left in {} to restore into: {}", request.target, lost.front()),
                "free some, or name another place; the repository is not harmed");
  if (lost.size() > kNamedProblems) lost.resize(kNamedProblems);
  throw Error(ErrorKind::failed,
              fmt::format("restoring from {} left out damaged or unwritable files: {}", destination_.text,
                          joined(lost)),
              "the other files are in place; `azlin archive verify --deep` says what is damaged");
}

void Engine::dump(const std::string& id, const std::string& path,
                  const std::function<void(std::string_view)>& piece, std::stop_token stop) {
  Call call{.arguments = {"--no-lock", "dump", "--", id, path}, .doing = fmt::format("reading {}", path)};
  call.is_long = true;
  call.on_output = piece;
  run(call, stop);
}

std::string Engine::dump_text(const std::string& id, const std::string& path, std::stop_token stop) {
  std::string out;
  dump(
      id, path, [&](std::string_view piece) { out.append(piece); }, stop);
  return out;
}

core::PipelineResult Engine::dump_into(const std::string& id, const std::string& path,
                                       const core::Stage& consumer, std::stop_token stop) {
  core::PipelineRequest request;
  request.producer = stage({"--no-lock", "dump", "--", id, path});
  request.program = consumer;
  request.time_limit = options_.long_limit;
  auto ended = run_pipeline(request, stop);
  if (ended.stopped) throw Error(ErrorKind::interrupted, fmt::format("interrupted while reading {}", path));
  if (ended.producer_exit != 0 && ended.producer_exit < 128) {
    core::PipelineResult engine;
    engine.exit_code = ended.producer_exit;
    engine.err = ended.producer_err;
    fail(engine, fmt::format("reading {}", path));
  }
  return ended;
}

CheckResult Engine::check(const CheckRequest& request, std::stop_token stop) {
  Call call{.arguments = {"check"}, .doing = "checking the repository"};
  if (request.shared) call.arguments = {"--no-lock", "check"};
  if (request.read_data) {
    call.arguments.emplace_back("--read-data");
  } else if (request.parts > 0) {
    if (request.part < 1 || request.part > request.parts)
      throw Error(ErrorKind::usage, fmt::format("there is no share {} of {}", request.part, request.parts));
    call.arguments.push_back(fmt::format("--read-data-subset={}/{}", request.part, request.parts));
  }
  call.is_long = true;
  call.also_accept = 1;
  const auto ended = run_exclusive(call, stop);
  CheckResult out;
  out.sound = ended.exit_code == 0;
  if (out.sound) return out;
  const Diagnosis found = diagnose(ended.err, ended.exit_code);
  const bool damage = (ended.err + ended.out).find("contains errors") != std::string::npos ||
                      (ended.err + ended.out).find("error for tree") != std::string::npos ||
                      found.message.find("ciphertext") != std::string::npos;
  const bool reached = ended.err.find("unable to open repository at") == std::string::npos;
  if (!damage && (found.kind != ErrorKind::failed || !reached)) fail(ended, call.doing);
  out.problems = named_problems(ended.out + "\n" + ended.err);
  if (out.problems.empty()) out.problems.push_back(found.message);
  return out;
}

void Engine::forget(const std::vector<std::string>& ids, std::stop_token stop) {
  if (ids.empty()) return;  // without ids restic would ask its rules
  for (const auto& id : ids) {
    if (id.size() < 8) throw Error(ErrorKind::usage, fmt::format("'{}' is no snapshot id", id));
  }
  Call call{.arguments = {"forget", "--"}, .doing = "removing snapshots"};
  call.arguments.insert(call.arguments.end(), ids.begin(), ids.end());
  run_exclusive(call, stop);
}

PolicyGroup Engine::forget_policy(const std::vector<std::string>& tags, const std::vector<std::string>& rules,
                                  bool dry_run, std::stop_token stop) {
  if (rules.empty()) throw Error(ErrorKind::usage, "no rule says what to keep");
  Call call{.arguments = {"--json", "forget", "--dry-run", "--group-by", "", "--tag", join_tags(tags)},
            .doing = "choosing what to remove"};
  call.arguments.insert(call.arguments.end(), rules.begin(), rules.end());
  const json groups = parse_json(run_exclusive(call, stop).out, "forget");
  PolicyGroup out;
  for (const auto& group : groups) {
    auto keep = ids_of(group, "keep"), remove = ids_of(group, "remove");
    if (keep.empty() && !remove.empty())
      throw Error(
          ErrorKind::failed,
          fmt::format("the rule would remove all {} snapshots, so nothing was removed", remove.size()),
          "correct the rule; to remove everything, name the archives");
    out.keep.insert(out.keep.end(), keep.begin(), keep.end());
    out.remove.insert(out.remove.end(), remove.begin(), remove.end());
  }
  if (!dry_run) forget(out.remove, stop);  // exactly those that the dry run named
  return out;
}

void Engine::prune(std::stop_token stop) {
  Call call{.arguments = {"prune"}, .doing = "removing unused data"};
  call.is_long = true;
  run_exclusive(call, stop);
}

}  // namespace azlin::archive
