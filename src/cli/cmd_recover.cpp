// azlin recover.
#include <fmt/format.h>

#include "azlin/archive/create.hpp"
#include "azlin/backup/manager.hpp"
#include "azlin/backup/restore.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/dr/failback.hpp"
#include "azlin/platform/recovery.hpp"
#include "azlin/snapshot/dead_leases.hpp"
#include "azlin/vault/recovery.hpp"
#include "azlin/verification/manager.hpp"
#include "cli/archive_commands.hpp"
#include "cli/archive_session.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/command.hpp"
#include "cli/replication_view.hpp"

namespace azlin::cli {

namespace {

using core::ErrorKind;
using nlohmann::ordered_json;

struct RecoverOptions {};

void bind(CLI::App& command, RecoverOptions&) {
  command.footer(
      "After a crash or a lost connection: finishes or undoes what was left. Safe to run at any time.\n"
      "Example: azlin recover\n"
      "Exit codes: 0, 1, 4 something still waits, 5");
}

verification::VerificationManager verifications(Runtime& runtime) {
  return {runtime.arm(), runtime.journal(), runtime.clock(), runtime.home() + "/verification.db"};
}

// Test disks past their time, from any machine: what no journal here knows of. Returns how many stay.
std::size_t sweep_test_disks(Runtime& runtime, ordered_json& json) {
  std::size_t stay = 0;
  json["testDisks"] = ordered_json::array();
  std::vector<snapshot::Removal> removals;
  try {
    removals = verifications(runtime).remove_expired(runtime.subscription(), runtime.stop());
  } catch (const core::Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    runtime.console().warn(fmt::format("test disks past their time were not looked for: {}", error.what()));
  }
  for (const auto& removal : removals) {
    stay += removal.error.empty() ? 0 : 1;
    runtime.console().line(removal.error.empty()
                               ? "✓ deleted test disk " + removal.name + ": its time was over"
                               : fmt::format("✗ test disk {}: {}", removal.name, removal.error));
    json["testDisks"].push_back({{"name", removal.name}, {"error", removal.error}});
  }
  return stay;
}

// Returns how many stay.
std::size_t remove_dead_leases(Runtime& runtime, ordered_json& json) {
  std::size_t stay = 0;
  json["leases"] = ordered_json::array();
  std::vector<snapshot::DeadLease> leases;
  try {
    leases = snapshot::remove_dead_leases(runtime.arm(), runtime.journal(), runtime.subscription(),
                                          runtime.stop());
  } catch (const core::Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    runtime.console().warn(
        fmt::format("leases that were not given back were not looked for: {}", error.what()));
  }
  for (const auto& lease : leases) {
    const std::string vm = core::ResourceId::parse(lease.vm_id).name;
    stay += lease.error.empty() ? 0 : 1;
    runtime.console().line(lease.error.empty()
                               ? fmt::format("✓ took the lease off VM {}: no command here works on it", vm)
                               : fmt::format("✗ the lease of VM {}: {}", vm, lease.error));
    json["leases"].push_back({{"vm", vm}, {"id", lease.vm_id}, {"error", lease.error}});
  }
  return stay;
}

backup::Recovered recover_one(Runtime& runtime, const store::OperationRecord& operation) {
  if (backup::RestoreManager::recovers(operation.kind)) {
    backup::RestoreManager restores(runtime.arm(), runtime.journal(), runtime.clock(), runtime.processes(),
                                    runtime.journal_path());
    return restores.recover(operation, runtime.stop());
  }
  if (backup::BackupManager::recovers(operation.kind)) {
    backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
    return backups.recover(operation, runtime.stop());
  }
  if (replication::ReplicationManager::recovers(operation.kind))
    return open_replication(runtime)->recover(operation, runtime.stop());
  if (verification::VerificationManager::recovers(operation.kind))
    return verifications(runtime).recover(operation, runtime.stop());
  if (dr::DRTestManager::recovers(operation.kind))
    return open_drills(runtime).recover(operation, runtime.stop());
  if (operation.kind == dr::kFailbackKind) return recover_failback(runtime, operation);
  if (dr::FailoverManager::recovers(operation.kind))
    return open_failovers(runtime).recover(operation, runtime.stop());
  if (vault::recovers(operation.kind)) {
    vault::Service service(runtime.arm());
    const auto done = vault::recover(service, runtime.journal(), operation, runtime.stop());
    return {operation.id, operation.kind, operation.target, done.settled, done.notes};
  }
  if (platform::recovers(operation.kind)) {
    platform::Service service(runtime.arm());
    const auto done = platform::recover(service, runtime.journal(), operation, runtime.stop());
    return {operation.id, operation.kind, operation.target, done.settled, done.notes};
  }
  if (archive::Creator::recovers(operation.kind))
    return {operation.id, operation.kind, operation.target, true, recover_archive_create(runtime, operation)};
  if (recovers_archive(operation.kind))
    return {operation.id, operation.kind, operation.target, true, recover_archive(runtime, operation)};
  return {
      operation.id, operation.kind, operation.target, false, {"this azlin does not know how to recover it"}};
}

// The recovery of one operation ends those it began: a failback its restore.
bool has_ended(Runtime& runtime, const store::OperationRecord& operation) {
  const auto now = runtime.journal().find(operation.id);
  return now && now->state != "running" && now->state != "interrupted";
}

int run(Runtime& runtime, const RecoverOptions&) {
  Console& console = runtime.console();
  ordered_json json = {{"dryRun", runtime.dry_run()}, {"operations", ordered_json::array()}};
  std::size_t open = 0;
  const auto interrupted = runtime.journal().interrupted();
  for (const auto& operation : interrupted) {
    backup::Recovered done{operation.id, operation.kind, operation.target, false, {}};
    if (!runtime.dry_run()) {
      try {
        if (has_ended(runtime, operation))
          done = {operation.id, operation.kind, operation.target, true, {"settled with another operation"}};
        else
          done = recover_one(runtime, operation);
      } catch (const core::Error& error) {
        if (error.kind() == ErrorKind::interrupted) throw;
        done.notes.emplace_back(error.what());
      }
    }
    open += done.settled ? 0 : 1;
    console.line(fmt::format("{} operation {}: {} on {}",
                             done.settled        ? "✓"
                             : runtime.dry_run() ? "·"
                                                 : "✗",
                             done.operation, done.kind, done.target.substr(done.target.rfind('/') + 1)));
    for (const auto& note : done.notes) console.line("    " + note);
    json["operations"].push_back({{"id", done.operation},
                                  {"kind", done.kind},
                                  {"target", done.target},
                                  {"settled", done.settled},
                                  {"notes", done.notes}});
  }
  if (!runtime.dry_run()) open += sweep_test_disks(runtime, json) + remove_dead_leases(runtime, json);
  const auto none = [&](const char* what) { return !json.contains(what) || json[what].empty(); };
  if (interrupted.empty() && none("testDisks") && none("leases")) console.line("✓ Nothing to recover");
  console.result(json, "operations");
  return open == 0 || runtime.dry_run() ? 0 : core::exit_code(ErrorKind::partial);
}

}  // namespace

void add_system_commands(CLI::App& root, Job& chosen) {
  add_command<RecoverOptions>(root, "recover", "Finish or undo what a crash left", chosen);
  add_doctor_command(root, chosen);
}

}  // namespace azlin::cli
