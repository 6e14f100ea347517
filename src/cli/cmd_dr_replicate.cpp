// azlin dr test --replicate.
#include <fmt/format.h>

#include "azlin/backup/names.hpp"
#include "azlin/core/names.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/replication_view.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;

namespace {

bool lies_there(const backup::BackupInfo& backup, const std::string& region) {
  const auto* replica = replication::replica_in(backup, region);
  return (replica != nullptr && replica->complete) ||
         (!backup.replica_only && backup.complete && core::equal_ignoring_case(backup.region, region));
}

// The named backup, or the newest complete one; nullopt: a copy is there already.
std::optional<std::string> missing_copy(const std::vector<backup::BackupInfo>& backups,
                                        const dr::DRTestConfig& config) {
  if (backups.empty())
    throw Error(ErrorKind::not_found, config.vm.name + " has no backups",
                "make one: azlin backup trigger " + config.vm.name);
  std::vector<std::string> names;
  for (const auto& backup : backups) names.push_back(backup.name);
  if (config.backup) {
    const auto& named = backups[backup::find_by_prefix(names, *config.backup, "backup")];
    return lies_there(named, config.test_region) ? std::nullopt : std::optional(named.name);
  }
  const backup::BackupInfo* newest = nullptr;
  for (const auto& backup : backups) {
    if (lies_there(backup, config.test_region)) return std::nullopt;
    if (newest == nullptr && backup.complete && !backup.replica_only) newest = &backup;
  }
  if (newest == nullptr)
    throw Error(ErrorKind::not_found, config.vm.name + " has no complete backup that could be copied",
                "make one: azlin backup trigger " + config.vm.name);
  return newest->name;
}

}  // namespace

void replicate_for_drill(Runtime& runtime, const dr::DRTestConfig& config) {
  backup::BackupManager backups(runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path());
  const auto name = missing_copy(backups.list(config.vm, runtime.stop()), config);
  if (!name) return;
  const auto target = replication_target(runtime, config.test_region, {}, {});
  const auto replications = open_replication(runtime);
  Console& console = runtime.console();
  console.line(fmt::format("Replicating {} to {} first...", *name, config.test_region));
  const auto jobs = replications->queue({replications->plan(config.vm, *name, target, runtime.stop())},
                                        target, runtime.stop());
  const auto ended = replications->wait(
      {jobs.front().id}, 1,
      [&](const std::vector<replication::Job>& now) {
        console.note(state_text(now.front(), replications->progress_of(now.front())));
      },
      runtime.stop());
  report_replications(runtime, ended);
  if (ended.front().status == replication::Status::completed) return;
  throw Error(ErrorKind::failed,
              fmt::format("{} could not be copied to {}: {}", *name, config.test_region, ended.front().error),
              "the drill was not begun");
}

}  // namespace azlin::cli
