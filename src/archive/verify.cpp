#include <fmt/format.h>

#include "archive/scratch_server.hpp"
#include "archive/sha256.hpp"
#include "azlin/archive/restore.hpp"
#include "azlin/archive/scratch_folder.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"

namespace azlin::archive {

using core::Error;
using core::ErrorKind;

namespace {

std::string detail(const Part& part, const char* key) {
  const auto found = part.details.find(key);
  return found == part.details.end() ? std::string() : found->second;
}

void load_database(Engine& engine, const Archive& archive, const Part& part, const std::string& folder,
                   VerifyReport& report, std::stop_token stop) {
  const std::string kind = detail(part, "engine");
  if (kind == "mongodb") {
    report.not_checked.push_back(part.source + ": there is no MongoDB server to load it into");
    return;
  }
  std::unique_ptr<ScratchServer> server;
  try {
    server = std::make_unique<ScratchServer>(kind, folder, stop);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    report.not_checked.push_back(fmt::format("{}: no scratch server: {}", part.source, error.what()));
    return;
  }
  const auto loader = server->loader(detail(part, "format"));
  if (!loader) {
    report.not_checked.push_back(fmt::format("{}: unknown format '{}'", part.source, detail(part, "format")));
    return;
  }
  const auto loaded = engine.dump_into(archive.part(part.id)->id, "/" + part.path, *loader, stop);
  if (loaded.exit_code != 0) {
    report.problems.push_back(fmt::format("{} does not load: {}", part.source, last_line(loaded.err)));
    return;
  }
  report.databases.push_back(
      fmt::format("{}: loaded, {}", part.source, core::counted(server->tables(stop), "table")));
}

void restore_and_compare(Engine& engine, const Archive& archive, const ScratchFolder& scratch,
                         core::Clock& clock, VerifyReport& report, Metadata& metadata, std::stop_token stop) {
  ArchiveRestore request{.archive = archive, .target = scratch.path().string(), .verify = true};
  try {
    const auto outcome = restore_archive(engine, request, plan_restore(engine, request, stop), clock, stop);
    report.restored = true;
    metadata = outcome.plan.metadata;
    for (const auto& path : outcome.mismatches) report.problems.push_back(path + " is not what was archived");
    for (const auto& path : outcome.changed)
      report.not_checked.push_back(
          path +
          ": it changed while it was archived, or restic cannot keep it, so its checksum says nothing");
    report.files_compared = outcome.plan.files - outcome.mismatches.size() - outcome.changed.size();
  } catch (const Error& error) {
    // Every byte was read and is sound: then it is the scratch folder or the store that is at fault.
    if (error.kind() == ErrorKind::interrupted || report.sound) throw;
    report.problems.emplace_back(error.what());
  }
}

}  // namespace

VerifyReport verify_archive(Engine& engine, const Archive& archive, const VerifyOptions& options,
                            core::Clock& clock, const std::function<void(const std::string&)>& progress,
                            std::stop_token stop) {
  const auto began = clock.now();
  const auto say = [&](const char* what) {
    if (progress) progress(what);
  };
  VerifyReport report;
  report.complete = archive.complete;
  if (!archive.complete) report.problems.push_back(archive.id + " is incomplete");
  say(options.deep ? "reading all data of the repository" : "checking the structure of the repository");
  const auto checked = engine.check({.read_data = options.deep}, stop);
  report.sound = checked.sound;
  report.data_read = options.deep && checked.sound;
  report.problems.insert(report.problems.end(), checked.problems.begin(), checked.problems.end());
  if (!options.deep) {
    report.not_checked.emplace_back("the data itself: --deep reads it, restores it and loads the dumps");
  } else if (archive.complete) {
    const ScratchFolder scratch(options.scratch);
    say("restoring into a scratch folder and comparing checksums");
    Metadata metadata;
    restore_and_compare(engine, archive, scratch, clock, report, metadata, stop);
    for (const auto& part : metadata.parts) {
      if (part.kind != "database") continue;
      say("loading a dump into a scratch server");
      load_database(engine, archive, part, scratch.beside("db").string(), report, stop);
    }
  }
  report.took = std::chrono::duration_cast<core::Millis>(clock.now() - began);
  return report;
}

}  // namespace azlin::archive
