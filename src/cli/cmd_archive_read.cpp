// azlin archive list, show, restore, verify: what reads archives.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <utility>

#include "azlin/archive/paths.hpp"
#include "azlin/archive/remote.hpp"
#include "azlin/archive/restore.hpp"
#include "azlin/archive/scratch_folder.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/input_file.hpp"
#include "cli/archive_commands.hpp"
#include "cli/archive_lock.hpp"
#include "cli/archive_session.hpp"

namespace azlin::cli {

namespace {

using archive::Archive;
using archive::ArchiveManager;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

struct ArchiveListOptions {
  RepositoryArgument repository;
  std::string name;
  bool incomplete = false;
};
struct ArchiveShowOptions {
  RepositoryArgument repository;
  std::string name, file;
};
struct ArchiveRestoreOptions {
  RepositoryArgument repository;
  std::string name, mode = "full-rebuild", target, ssh_config, scratch;
  std::vector<std::string> services;
  std::optional<std::string> timestamp, provider, environment, name_space;
  bool verify = false;
};
struct ArchiveVerifyOptions {
  RepositoryArgument repository;
  std::string name, scratch;
  bool deep = false;
};

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& each : items) out += (out.empty() ? "" : ",") + each;
  return out;
}

ordered_json to_json(const Archive& archive) {
  return {{"id", archive.id},
          {"name", archive.name},
          {"type", archive.type},
          {"takenAt", core::to_iso8601(archive.taken_at)},
          {"host", archive.host},
          {"services", archive.services},
          {"files", archive.files},
          {"bytes", archive.bytes},
          {"complete", archive.complete},
          {"parts", archive.snapshots.size()},
          {"set", archive.set}};
}

// ---- list

void bind(CLI::App& command, ArchiveListOptions& options) {
  bind_repository(command, options.repository);
  command.add_option("--name", options.name, "Only archives of this name");
  command.add_flag("--incomplete", options.incomplete,
                   "Those that a crash left unfinished, in place of the whole ones");
  command.footer(
      "Example: azlin archive list -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 3 no repository, 5 wrong password");
}

int run(Runtime& runtime, const ArchiveListOptions& options) {
  auto engine = open_engine(runtime, options.repository);
  const auto all = ArchiveManager(engine).list({options.name, options.incomplete}, runtime.stop());
  Console& console = runtime.console();
  ordered_json json = {{"destination", engine.destination().text}, {"archives", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows;
  std::map<std::string, int> made;  // by how many machines an id
  for (const auto& each : all) ++made[each.id];
  for (const auto& each : all) {
    json["archives"].push_back(to_json(each));
    const std::string set = made[each.id] > 1 ? "  set " + each.set : "";  // its id does not name it
    rows.push_back({each.id + set, each.type, core::to_display_minutes(each.taken_at),
                    core::counted(each.files, "file"), core::to_size(each.bytes), joined(each.services)});
  }
  console.line(fmt::format("{} in {} ({}):", options.incomplete ? "Unfinished archives" : "Archives",
                           engine.destination().text, all.size()));
  for (const auto& line : in_columns(rows)) console.line("  " + line);
  console.result(json, "archives");
  return 0;
}

// ---- show

void bind(CLI::App& command, ArchiveShowOptions& options) {
  bind_repository(command, options.repository);
  command.add_option("name", options.name, "Its id, a beginning of it, or a name: then the newest")
      ->required();
  command.add_option("--file", options.file, "Print logs/backup.log, logs/verification.log, runbook.md, …");
  command.footer(
      "Example: azlin archive show weekly --file metadata.json -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const ArchiveShowOptions& options) {
  auto engine = open_engine(runtime, options.repository);
  ArchiveManager manager(engine);
  const auto found = manager.find(options.name, {}, runtime.stop());
  Console& console = runtime.console();
  if (!options.file.empty()) {
    const auto text = manager.text(found, options.file, runtime.stop());
    if (!text) throw Error(ErrorKind::not_found, fmt::format("archive {} has no {}", found.id, options.file));
    console.line(text->substr(0, text->find_last_not_of('\n') + 1));
    console.result({{"id", found.id}, {"file", options.file}, {"text", *text}});
    return 0;
  }
  const auto metadata = manager.metadata(found, runtime.stop());
  console.line(fmt::format("Archive {}", found.id));
  console.line(fmt::format("  Type: {}   Host: {}   Services: {}", metadata.type, metadata.host,
                           joined(metadata.services)));
  console.line(fmt::format("  From {} to {} UTC", core::to_display(metadata.created_at),
                           core::to_display(metadata.finished_at)));
  std::vector<std::vector<std::string>> rows;
  for (const auto& part : metadata.parts)
    rows.push_back({part.path, part.kind, core::counted(part.files, "file"), core::to_size(part.bytes),
                    part.sha256.substr(0, 12)});
  for (const auto& line : in_columns(rows)) console.line("  " + line);
  for (const auto& finding : metadata.findings) console.line("  ! " + finding);
  ordered_json json = archive::to_json(metadata);
  json["complete"] = found.complete;
  WriteLock(runtime, engine.destination()).show(found, json);
  console.result(json, "parts");
  return 0;
}

// ---- restore

void bind(CLI::App& command, ArchiveRestoreOptions& options) {
  bind_repository(command, options.repository);
  command.add_option("name,--backup", options.name, "Its id, a beginning of it, or a name: then the newest")
      ->required();
  command.add_option("--mode,--type", options.mode, "full-rebuild, selective or config-only")
      ->check(CLI::IsMember({"full-rebuild", "selective", "config-only"}))
      ->capture_default_str();
  command.add_option("--service,--services", options.services, "selective: which; repeatable")
      ->delimiter(',');
  command
      .add_option("--target", options.target,
                  "Folder in which the archive's layout is made; on another machine: [user@]host:DIR, by ssh")
      ->type_name("DIR|HOST:DIR");
  command.add_option("--ssh-config", options.ssh_config, "Another machine: configuration for ssh")
      ->type_name("FILE");
  command
      .add_option("--scratch", options.scratch,
                  "Another machine: where it is restored here first (default: TMPDIR or /tmp)")
      ->type_name("DIR");
  command.add_option("--timestamp", options.timestamp, "The newest of this name that is not later")
      ->type_name("TIME");
  command.add_flag("--verify", options.verify,
                   "Read again what was written and compare with the archive's checksums");
  for (auto& [flag, value] :
       std::map<std::string, std::optional<std::string>*>{{"--provider", &options.provider},
                                                          {"--environment", &options.environment},
                                                          {"--namespace", &options.name_space}})
    command.add_option(flag, *value, "Refused, with what to use instead")->group("");
  command.footer(
      "Where files and dumps go from DIR is in the archive's runbook: `azlin archive show NAME --file "
      "runbook.md`\n"
      "(disaster-recovery archives).\n"
      "Example: azlin archive restore weekly --mode config-only --target /restore -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 3, 5, 6 restored, but not what was archived");
}

// What would need another cloud's or a cluster's own tools.
void refuse_platforms(const ArchiveRestoreOptions& options) {
  if (options.provider || options.environment)
    throw Error(ErrorKind::usage, "azlin makes no machines with another provider",
                "make one with that provider's tools, then restore into it: --target user@host:/restore");
  if (options.name_space)
    throw Error(ErrorKind::usage, "azlin does not write into a Kubernetes cluster",
                "restore into a folder and apply the manifests there: kubectl apply -n NAMESPACE -f DIR");
}

// Restores into a scratch folder here, compares, and sends it: the other machine needs neither restic nor the
// password.
archive::RestoreOutcome restore_remotely(Runtime& runtime, archive::Engine& engine,
                                         archive::ArchiveRestore request, const archive::RestorePlan& plan,
                                         const archive::RemoteFolder& remote, const std::string& parent) {
  const archive::ScratchFolder scratch(parent);
  const bool again = std::exchange(request.verify, true);
  request.target = scratch.path().string();
  auto done = archive::restore_archive(engine, request, plan, runtime.clock(), runtime.stop());
  if (!done.mismatches.empty()) return done;  // nothing is sent that is not what was archived
  runtime.console().note("sending it to " + remote.text());
  remote.send(scratch.path(), runtime.stop());
  done.verified = again;
  if (again) {
    done.mismatches = remote.differing(done.compared, runtime.stop());
    done.verified = done.mismatches.empty();
  }
  return done;
}

ordered_json to_json(const Archive& found, const archive::RestorePlan& plan, bool dry) {
  ordered_json json = {{"dryRun", dry},
                       {"id", found.id},
                       {"files", plan.files},
                       {"bytes", plan.bytes},
                       {"parts", ordered_json::array()},
                       {"leftOut", plan.left_out},
                       {"overwrites", plan.overwrites}};
  for (const auto& part : plan.parts)
    json["parts"].push_back(
        {{"path", part.path}, {"service", part.service}, {"files", part.files}, {"bytes", part.bytes}});
  return json;
}

int run(Runtime& runtime, const ArchiveRestoreOptions& options) {
  refuse_platforms(options);
  auto target = archive::parse_remote_target(options.target);
  if (target) target->ssh_config = options.ssh_config;
  if (!target && !options.ssh_config.empty())
    throw Error(ErrorKind::usage, "--ssh-config is for a target on another machine",
                "--target user@host:DIR");
  // Both mean none to ssh.
  const bool none =
      options.ssh_config.empty() || options.ssh_config == "none" || options.ssh_config == "/dev/null";
  if (!none) core::check_input_file(options.ssh_config, "ssh configuration");
  const std::string scratch = archive::scratch_parent(options.scratch);
  std::optional<archive::RemoteFolder> remote;
  if (target) remote.emplace(*target);
  auto engine = open_engine(runtime, options.repository);
  std::optional<core::TimePoint> at;
  if (options.timestamp) {
    at = core::parse_time(*options.timestamp);
    if (!at)
      throw Error(ErrorKind::usage, fmt::format("'{}' is no time", *options.timestamp),
                  "for example 2024-12-24T14:30:00Z");
  }
  archive::ArchiveRestore request{
      .archive = ArchiveManager(engine).find(options.name, at, runtime.stop()),
      .mode = archive::parse_restore_mode(options.mode).value(),
      .services = options.services,
      .target = remote || options.target.empty()
                    ? options.target
                    : std::filesystem::absolute(options.target).lexically_normal().string(),
      .verify = options.verify};
  if (!options.services.empty() && options.mode == "full-rebuild")
    request.mode = archive::RestoreMode::selective;
  auto plan = archive::plan_restore(engine, request, runtime.stop());
  if (remote && !remote->is_empty(runtime.stop()))
    plan.overwrites.push_back(remote->text() + " is not empty: files of the same name there");
  Console& console = runtime.console();
  const std::string& id = request.archive.id;
  if (runtime.dry_run()) {
    console.line(fmt::format("Would restore {} of {} ({}) into {}:", core::counted(plan.files, "file"), id,
                             core::to_size(plan.bytes), request.target));
    for (const auto& part : plan.parts) console.line("  " + part.path);
    for (const auto& each : plan.left_out) console.line("  left out: " + each);
    for (const auto& each : plan.overwrites) console.line("  overwrites " + each);
    console.result(to_json(request.archive, plan, true));
    return 0;
  }
  if (!plan.overwrites.empty()) {
    console.warn(remote ? fmt::format("{} will be replaced", plan.overwrites.front())
                        : fmt::format("{} in {} will be replaced",
                                      core::counted(plan.overwrites.size(), "file"), request.target));
    if (!console.confirm("replacing files in " + request.target))
      throw Error(ErrorKind::failed, "not confirmed: nothing was restored");
  }
  ordered_json noted = {
      {"archive", id}, {"target", request.target}, {"mode", archive::to_string(request.mode)}};
  if (remote) noted["scratch"] = scratch;
  archive::RestoreOutcome done;
  auto operation = runtime.journal().start("archive.restore", id, noted.dump(), "");
  try {
    done = remote ? restore_remotely(runtime, engine, request, plan, *remote, scratch)
                  : archive::restore_archive(engine, request, plan, runtime.clock(), runtime.stop());
  } catch (const Error& error) {
    operation.fail(error.what());
    throw;
  }
  if (done.mismatches.empty())
    operation.succeed();
  else
    operation.fail("files differ");
  console.line(fmt::format("{} Restored {} of {} into {} in {}{}", done.mismatches.empty() ? "✓" : "✗",
                           core::counted(plan.files, "file"), id, request.target, core::to_display(done.took),
                           done.verified    ? ", every checksum compared"
                           : options.verify ? ""
                                            : " (not verified)"));
  for (const auto& each : done.mismatches) console.line("  ✗ not what was archived: " + each);
  for (const auto& each : done.changed)
    console.line("  ! not archived as it was (it changed meanwhile, or see `archive show`), not compared: " +
                 each);
  ordered_json json = to_json(request.archive, plan, false);
  json["verified"] = done.verified;
  json["mismatches"] = done.mismatches;
  json["notCompared"] = done.changed;
  json["seconds"] = static_cast<double>(done.took.count()) / 1000.0;
  console.result(json);
  return done.mismatches.empty() ? 0 : core::exit_code(ErrorKind::findings);
}

// ---- verify

void bind(CLI::App& command, ArchiveVerifyOptions& options) {
  bind_repository(command, options.repository);
  command.add_option("name,--backup", options.name, "Its id, a beginning of it, or a name: then the newest")
      ->required();
  command.add_flag(
      "--deep,--deep-check", options.deep,
      "Read all data, restore into a scratch folder, compare checksums, load dumps into scratch servers");
  command
      .add_option("--scratch", options.scratch, "Where the scratch folder is made (default: TMPDIR or /tmp)")
      ->type_name("DIR");
  command.footer(
      "Without --deep flipped bits in the data are not found.\n"
      "Example: azlin archive verify weekly --deep -d /mnt/backup\n"
      "Exit codes: 0, 1, 2, 3, 5, 6 something is wrong");
}

int run(Runtime& runtime, const ArchiveVerifyOptions& options) {
  auto engine = open_engine(runtime, options.repository);
  const auto found = ArchiveManager(engine).find(options.name, {}, runtime.stop());
  Console& console = runtime.console();
  const std::string scratch = archive::scratch_parent(options.scratch);
  if (runtime.dry_run()) {
    console.line(fmt::format("Would {} {} ({} files)", options.deep ? "read, restore and compare" : "check",
                             found.id, found.files));
    console.result({{"dryRun", true}, {"id", found.id}, {"deep", options.deep}});
    return 0;
  }
  ordered_json noted = {{"archive", found.id}, {"deep", options.deep}};
  if (options.deep) noted["scratch"] = scratch;
  auto operation = runtime.journal().start(options.deep ? "archive.test-restore" : "archive.verify", found.id,
                                           noted.dump(), "");
  archive::VerifyReport report;
  try {
    report = archive::verify_archive(
        engine, found, {.deep = options.deep, .scratch = scratch}, runtime.clock(),
        [&](const std::string& line) { console.note(line); }, runtime.stop());
  } catch (const Error& error) {
    operation.fail(error.what());
    throw;
  }
  if (report.passed())
    operation.succeed();
  else
    operation.fail(report.problems.empty() ? "not sound" : report.problems.front());
  console.line(fmt::format("{} {}: {}", report.passed() ? "✓" : "✗", found.id,
                           !report.passed() ? "DAMAGED or incomplete"
                           : !options.deep  ? "complete, structure sound"
                                            : fmt::format("all data read, {} restored and compared",
                                                          core::counted(report.files_compared, "file"))));
  for (const auto& each : report.databases) console.line("  ✓ " + each);
  for (const auto& each : report.problems) console.line("  ✗ " + each);
  for (const auto& each : report.not_checked) console.line("  · not checked: " + each);
  console.result({{"id", found.id},
                  {"deep", options.deep},
                  {"passed", report.passed()},
                  {"complete", report.complete},
                  {"sound", report.sound},
                  {"dataRead", report.data_read},
                  {"restored", report.restored},
                  {"filesCompared", report.files_compared},
                  {"databases", report.databases},
                  {"problems", report.problems},
                  {"notChecked", report.not_checked},
                  {"seconds", static_cast<double>(report.took.count()) / 1000.0}});
  return report.passed() ? 0 : core::exit_code(ErrorKind::findings);
}

}  // namespace

void add_archive_read_commands(CLI::App& group, Job& chosen) {
  add_command<ArchiveListOptions>(group, "list", "Whole archives, newest first", chosen);
  add_command<ArchiveShowOptions>(group, "show", "What one holds", chosen);
  add_command<ArchiveRestoreOptions>(group, "restore", "Bring it back into a folder", chosen);
  add_command<ArchiveVerifyOptions>(group, "verify", "Check it; --deep restores it and loads its dumps",
                                    chosen);
}

}  // namespace azlin::cli
