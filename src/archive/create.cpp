#include "azlin/archive/create.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "archive/early_backup.hpp"
#include "archive/producers.hpp"
#include "archive/runbook.hpp"
#include "archive/sha256.hpp"
#include "archive/staging.hpp"
#include "archive/stamp.hpp"
#include "azlin/archive/digest.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/log.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;
using nlohmann::json;

namespace {

constexpr std::size_t kMostExcludes = 5'000;  // they go to restic as arguments
constexpr std::size_t kFullId = 64;           // characters: the engine has seen that snapshot in the store
constexpr const char* kHooks = "hooks";       // the step
constexpr const char* kLogs = "logs";         // a folder of the archive
constexpr const char* kBackupLog = "logs/backup.log";

std::string host_name() {
  std::array<char, 256> name = {};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

void run_hooks(const std::vector<std::vector<std::string>>& hooks, const char* when,
               std::vector<std::string>& log, std::stop_token stop) {
  for (const auto& argv : hooks) {
    core::PipelineRequest request;
    request.program = {.argv = argv, .env = plain_environment()};
    request.time_limit = core::Millis{3600'000};
    const auto result = run_pipeline(request, stop);
    log.push_back(fmt::format("hook {} '{}' ended with {}", when, argv[0], result.exit_code));
    if (result.exit_code != 0)  // the hint is shown and not kept: nobody knows what a hook prints
      throw Error(ErrorKind::failed,
                  fmt::format("the hook {} '{}' ended with {}", when, argv[0], result.exit_code),
                  result.err.empty() ? "" : "it said: " + last_line(result.err));
  }
}

// restic before 0.16 replaces what is no UTF-8 in the target of a link: that link is not what it was, and
// known not to be. Source: https://github.com/restic/restic/pull/3802
void mark_changed_links(Walk& found, Metadata& metadata) {
  const std::string& version = metadata.tools["restic"];
  if (!version.starts_with("0.14.") && !version.starts_with("0.15.")) return;
  for (auto& source : found.sources) {
    std::error_code error;
    if (!source.link) continue;
    const auto target = std::filesystem::read_symlink(source.path, error).string();
    if (error || as_utf8(target) == target) continue;
    source.changed = true;
    metadata.findings.push_back(
        fmt::format("{}: the target of this link is no UTF-8, and restic {} changes it; restic 0.16 keeps it",
                    source.path, version));
  }
}

}  // namespace

// What one run knows.
struct Creator::Run {
  Run(const CreatePlan& p, store::Operation o, std::string folder)
      : plan(p), operation(std::move(o)), staging(std::move(folder)) {}
  void say(const std::string& line) {
    log.push_back(line);
    if (progress) progress(line);
  }
  std::vector<std::string> tags(const std::string& part) const {
    std::vector<std::string> out = {
        kMark,         "name=" + plan.name, "type=" + plan.type, "archive=" + plan.id, "set=" + plan.set,
        "part=" + part};
    for (const auto& service : plan.services) out.push_back("service=" + service);
    return out;
  }
  // Of the part "meta", when the other parts hold so much.
  BackupRequest metadata_request(std::size_t parts, std::uint64_t files, std::uint64_t bytes) const {
    BackupRequest out{.directory = staging.folder(), .tags = tags("meta")};
    out.confirm = false;  // all parts are, at the end
    out.paths = {"metadata.json", "checksums.sha256", kLogs};
    if (plan.type == "disaster-recovery") out.paths.emplace_back("runbook.md");
    for (const auto& [key, value] :
         std::map<std::string, std::uint64_t>{{"parts", parts}, {"files", files}, {"bytes", bytes}})
      out.tags.push_back(fmt::format("{}={}", key, value));
    return out;
  }
  const CreatePlan& plan;
  store::Operation operation;
  Staging staging;
  std::function<void(const std::string&)> progress;
  std::vector<std::string> log, verification;
  std::vector<std::string> ids;  // of the snapshots that were stored
  Manifest manifest;
  CreateResult result;
  bool touched = false;               // something may have been stored
  std::optional<std::int64_t> hooks;  // the step, while those after have not run
  std::optional<EarlyBackup> early;   // of the part "meta", while it waits
};

Creator::Creator(Engine& engine, store::Journal& journal, core::Clock& clock, std::string home,
                 std::string version)
    : engine_(engine),
      journal_(journal),
      clock_(clock),
      home_(std::move(home)),
      version_(std::move(version)) {}

CreateResult Creator::create(CreatePlan plan, const std::function<void(const std::string&)>& progress,
                             std::stop_token stop) {
  settle(plan, stop);
  const auto began = plan.at = stamp_archive(home_, plan.name, clock_, stop);
  plan.id = archive_id(plan.name, plan.at);
  const std::string staging = staging_folder(plan);
  const json noted = {{"archive", plan.id}, {"name", plan.name},
                      {"set", plan.set},    {"destination", engine_.destination().url},
                      {"staging", staging}, {"services", plan.services}};
  Run run(plan,
          journal_.start("archive.create", plan.id, noted.dump(),
                         fmt::format("archive:{}:{}", engine_.destination().url, plan.name)),
          staging);
  run.progress = progress;
  try {
    open_repository(run, stop);
    begin_hooks(run, stop);
    store_files(run, stop);
    store_streams(run, stop);
    end_hooks(run);
    check_repository(run, stop);
    store_metadata(run, stop);
    confirm(run, stop);
    run.operation.succeed();
  } catch (const std::exception& error) {
    run.early.reset();  // it holds a lock
    try {
      end_hooks(run);
    } catch (const Error& also) {
      core::log_warn("{}", also.what());
    }
    undo(run, error);
    throw;
  }
  run.result.took = std::chrono::duration_cast<core::Millis>(clock_.now() - began);
  return std::move(run.result);
}

// The same for each run of this name to this destination, so that restic finds the last one's files again;
// the journal lets only one of them run.
std::string Creator::staging_folder(const CreatePlan& plan) const {
  return fmt::format("{}/archive-staging/{}-{}", home_, plan.name,
                     sha256_text(engine_.destination().url).substr(0, 8));
}

void Creator::begin_hooks(Run& run, std::stop_token stop) {
  if (run.plan.before.empty() && run.plan.after.empty()) return;
  run.hooks = run.operation.begin(kHooks, "{}");
  run_hooks(run.plan.before, "before", run.log, stop);
}

// Once, whatever happened since the others ran.
void Creator::end_hooks(Run& run) {
  if (!run.hooks) return;
  const auto step = *std::exchange(run.hooks, std::nullopt);
  run_hooks(run.plan.after, "after", run.log, {});
  run.operation.done(step);
}

void Creator::undo(Run& run, const std::exception& error) {
  const auto* known = dynamic_cast<const Error*>(&error);
  const bool shut_out =
      known != nullptr && (known->kind() == ErrorKind::unauthorized || known->kind() == ErrorKind::not_found);
  // A repository that did not open holds nothing of this run.
  if (!run.touched || (shut_out && run.ids.empty())) return run.operation.fail(error.what());
  try {
    forget_set(run.plan.set, {});
    run.operation.rolled_back(error.what());
  } catch (const Error& also) {  // the store may be gone: recovery tries again
    run.operation.interrupt(fmt::format("{}; undoing it failed: {}", error.what(), also.what()));
  }
}

// What an earlier run of this name left unfinished here.
void Creator::settle(const CreatePlan& plan, std::stop_token stop) {
  for (const auto& each : journal_.interrupted()) {
    const json noted = json::parse(each.plan, nullptr, false);
    if (recovers(each.kind) && noted.value("name", "") == plan.name &&
        noted.value("destination", "") == engine_.destination().url)
      recover(each, plan.after, stop);
  }
}

// Each call of the engine costs what deriving its key takes, so a local repository is opened by the first
// backup itself. A distant store is tried first, for it may be silent, and so is any before a hook stops a
// service or a dump is begun.
void Creator::open_repository(Run& run, std::stop_token stop) {
  const auto step = run.operation.begin("repository", "{}");
  const bool local = engine_.destination().kind == DestinationKind::local;
  if (!local || !run.plan.before.empty() || run.plan.files.empty()) {
    if (!engine_.exists(stop)) make_repository(run, stop);
  }
  run.operation.done(step);
  Metadata& metadata = run.result.metadata;
  metadata.id = run.plan.id;
  metadata.name = run.plan.name;
  metadata.type = run.plan.type;
  metadata.set = run.plan.set;
  metadata.created_at = run.plan.at;
  metadata.host = host_name();
  metadata.services = run.plan.services;
  metadata.include_data = run.plan.include_data;
  metadata.findings = run.plan.findings;
  metadata.tools = {{"azlin", version_}, {"restic", engine_.version(stop)}};
}

void Creator::make_repository(Run& run, std::stop_token stop) {
  run.say(fmt::format("making a repository in {}", engine_.destination().text));
  engine_.init(stop);
}

BackupResult Creator::first_backup(Run& run, const BackupRequest& request, std::stop_token stop) {
  try {
    return engine_.backup(request, {}, stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found || engine_.exists(stop)) throw;
  }
  make_repository(run, stop);
  return engine_.backup(request, {}, stop);
}

void Creator::store_files(Run& run, std::stop_token stop) {
  if (run.plan.files.empty()) return;
  const auto step = run.operation.begin("files", "{}");
  Walk found = walk(run.plan);
  if (found.excluded.size() > kMostExcludes)
    throw Error(ErrorKind::usage, fmt::format("the rules leave out {} single paths", found.excluded.size()),
                "leave out their folders instead");
  BackupRequest request{.directory = run.staging.folder(), .tags = run.tags("data")};
  for (const auto& each : run.plan.files) {
    run.staging.link(each.place);
    request.paths.push_back(each.place + each.source);
  }
  for (const auto& path : found.excluded)
    request.excludes.push_back(literal_pattern(run.staging.folder() + "/" + path));
  request.confirm = false;  // all parts are, at the end
  run.say(fmt::format("archiving {}", core::counted(found.sources.size(), "file")));
  run.touched = true;
  prepare_metadata(run, found);
  Hasher hasher(found.sources);
  BackupResult stored;
  try {
    stored = first_backup(run, request, stop);
  } catch (...) {
    hasher.cancel();
    throw;
  }
  hasher.finish();
  mark_changed_links(found, run.result.metadata);
  run.ids.push_back(stored.id);
  run.result.bytes_added += stored.bytes_added;
  run.result.unreadable = stored.problems;
  for (const auto& each : found.unreadable) run.result.unreadable.push_back(each);
  describe_files(run.plan, found, run.result.metadata, run.manifest);
  run.operation.done(step, json{{"snapshot", stored.id}}.dump());
}

// Starts the last run of the engine beside the first one, into a local repository when all that its tags must
// say can be foreseen. If the files turn out other than they were found, it is not used.
void Creator::prepare_metadata(Run& run, const Walk& found) {
  if (engine_.destination().kind != DestinationKind::local || !run.plan.streams.empty()) return;
  std::uint64_t bytes = 0;
  for (const auto& each : found.sources) bytes += each.size;
  const auto request = run.metadata_request(1, found.sources.size(), bytes);
  for (const auto& path : request.paths) run.staging.write(path == kLogs ? kBackupLog : path, "");
  try {
    run.early.emplace(engine_, request, run.plan.set);
  } catch (const Error& error) {
    core::log_debug("the metadata wait for the files: {}", error.what());
  }
}

BackupResult Creator::backup_metadata(Run& run, const BackupRequest& request, std::stop_token stop) {
  if (run.early && run.early->waits() && run.early->is_for(request)) return run.early->begin(stop);
  run.early.reset();
  return engine_.backup(request, {}, stop);
}

void Creator::store_streams(Run& run, std::stop_token stop) {
  std::size_t number = 0;
  for (const auto& stream : run.plan.streams) {
    run.touched = true;
    const std::string part = fmt::format("dump-{}", ++number);
    const auto step = run.operation.begin("dump", json{{"part", part}, {"path", stream.path}}.dump());
    run.say(fmt::format("archiving {}", stream.source));
    const auto stored = engine_.backup_stream(
        {.producer = prepare(stream), .filename = stream.path, .tags = run.tags(part), .confirm = false},
        stop);
    run.ids.push_back(stored.id);
    run.result.bytes_added += stored.bytes_added;
    Part described{.id = part,
                   .kind = stream.kind,
                   .service = stream.service,
                   .source = stream.source,
                   .path = stream.path,
                   .data = true,
                   .files = 1,
                   .bytes = stored.bytes,
                   .sha256 = stored.sha256,
                   .changed = {},
                   .details = stream.details};
    run.result.metadata.parts.push_back(std::move(described));
    run.manifest.files.push_back({stream.path, stored.bytes, stored.sha256, false});
    run.operation.done(step, json{{"part", part}, {"snapshot", stored.id}}.dump());
  }
}

void Creator::check_repository(Run& run, std::stop_token stop) {
  if (!run.plan.verify) {
    run.verification.emplace_back("not verified: --verify=false");
    return;
  }
  run.say("checking the repository");
  CheckResult checked;
  if (run.early && run.early->waits()) checked = engine_.check({.shared = true}, stop);
  if (!checked.sound) {
    run.early.reset();  // only with the repository for itself can the engine be sure of damage
    checked = engine_.check({}, stop);
  }
  if (!checked.sound) {
    std::string all;
    for (const auto& line : checked.problems) all += "\n  " + line;
    throw Error(ErrorKind::failed,
                fmt::format("the repository {} is damaged:{}", engine_.destination().text, all),
                "restore what it holds from a second copy; this archive was not kept");
  }
  run.verification.emplace_back(
      "structure of the repository: sound (data was not read again; `azlin archive verify --deep` does)");
}

void Creator::store_metadata(Run& run, std::stop_token stop) {
  const auto step = run.operation.begin("metadata", "{}");
  Metadata& metadata = run.result.metadata;
  metadata.finished_at = clock_.now();
  for (const auto& each : run.result.unreadable) metadata.findings.push_back("not archived: " + each);
  for (const auto& part : metadata.parts) {
    run.result.files += part.files;
    run.result.bytes += part.bytes;
  }
  std::string log;
  for (const auto& line : run.log) log += line + "\n";
  std::string verification;
  for (const auto& line : run.verification) verification += line + "\n";
  run.staging.write("metadata.json", to_json(metadata).dump(2) + "\n");
  run.staging.write("checksums.sha256", to_text(run.manifest));
  run.staging.write(kBackupLog, fmt::format("{} archive {}\n{}{} all parts are stored\n",
                                            core::to_iso8601(metadata.created_at), metadata.id, log,
                                            core::to_iso8601(metadata.finished_at)));
  run.staging.write("logs/verification.log", verification);
  if (run.plan.type == "disaster-recovery")
    run.staging.write("runbook.md", make_runbook(metadata, engine_.destination().text));
  const auto request = run.metadata_request(run.ids.size(), run.result.files, run.result.bytes);
  run.ids.push_back(backup_metadata(run, request, stop).id);
  run.operation.done(step);
}

void Creator::confirm(Run& run, std::stop_token stop) {
  if (std::all_of(run.ids.begin(), run.ids.end(), [](const auto& id) { return id.size() == kFullId; }))
    return;
  for (const auto& archive : group_archives(engine_.snapshots({kMark, "set=" + run.plan.set}, stop))) {
    if (archive.complete) return;
  }
  throw Error(ErrorKind::failed, fmt::format("archive {} was written, but {} does not list all its parts",
                                             run.plan.id, engine_.destination().text));
}

std::vector<std::string> Creator::forget_set(const std::string& set, std::stop_token stop) {
  std::vector<std::string> ids;
  for (const auto& each : engine_.snapshots({kMark, "set=" + set}, stop)) ids.push_back(each.id);
  engine_.forget(ids, stop);
  return ids;
}

std::vector<std::string> Creator::recover(const store::OperationRecord& record,
                                          const std::vector<std::vector<std::string>>& after,
                                          std::stop_token stop) {
  const json plan = json::parse(record.plan, nullptr, false);
  const std::string set = plan.value("set", "");
  const std::string staging = plan.value("staging", "");
  store::Operation operation = journal_.resume(record.id);
  try {
    std::vector<std::string> notes, log;
    const bool hooked = std::any_of(record.steps.begin(), record.steps.end(), [](const auto& step) {
      return step.name == kHooks && step.state == "begun";
    });
    if (hooked) {
      try {
        run_hooks(after, "after", log, stop);
        notes.push_back(fmt::format("ran the {} after it", core::counted(after.size(), "hook")));
      } catch (const Error& error) {
        // Perhaps what it puts right was never begun; it must not block the rest.
        if (error.kind() == ErrorKind::interrupted) throw;
        notes.push_back(fmt::format("{}; see what it should have put right", error.what()));
      }
    }
    if (staging.starts_with(home_ + "/archive-staging/")) {
      end_early_backups(staging);
      remove_staging(staging);
    }
    bool whole = false;
    std::size_t found = 0;
    if (engine_.exists(stop)) {
      engine_.unlock(stop);
      for (const auto& archive : group_archives(engine_.snapshots({kMark, "set=" + set}, stop))) {
        whole = archive.complete;
        found = archive.snapshots.size();
      }
      if (whole) notes.push_back(fmt::format("archive {} turned out whole and stays", record.target));
      if (!whole && found > 0) {
        forget_set(set, stop);
        notes.push_back(fmt::format("forgot {} of the unfinished archive {}", core::counted(found, "part"),
                                    record.target));
      }
    }
    if (found == 0) notes.push_back(fmt::format("nothing of {} had been stored", record.target));
    operation.recovered(notes.back());
    return notes;
  } catch (const Error& error) {
    operation.interrupt(error.what());
    throw;
  }
}

}  // namespace azlin::archive
