// azlin state: the local databases.
#include <fmt/format.h>

#include "azlin/core/format.hpp"
#include "azlin/verification/manager.hpp"
#include "cli/command.hpp"
#include "cli/replication_view.hpp"

namespace azlin::cli {

namespace {

using nlohmann::ordered_json;

struct RebuildOptions {};

void bind(CLI::App& command, RebuildOptions&) {
  command.footer(
      "After a database was lost or set aside as corrupt: adds what Azure's tags tell and no row knows.\n"
      "What is there stays as it is.\n"
      "Example: azlin state rebuild\n"
      "Exit codes: 0, 1, 5");
}

int run(Runtime& runtime, const RebuildOptions&) {
  Console& console = runtime.console();
  if (runtime.dry_run()) {
    console.line(
        "Dry run: nothing is written. Rows would be added to replication.db for replicas without one, and "
        "to verification.db for backups that are tagged as verified.");
    console.result({{"dryRun", true}});
    return 0;
  }
  const auto rebuilt = open_replication(runtime)->rebuild(runtime.subscription(), runtime.stop());
  console.line(fmt::format("✓ replication.db: {} added, {} known already",
                           core::counted(rebuilt.jobs.size(), "replica"), rebuilt.known));
  snapshot::SnapshotManager snapshots(runtime.arm(), runtime.journal(), runtime.clock());
  verification::VerificationManager verifications(runtime.arm(), runtime.journal(), runtime.clock(),
                                                  runtime.home() + "/verification.db");
  const auto verified = verifications.rebuild(snapshots.list_all(runtime.subscription(), runtime.stop()));
  console.line(fmt::format("✓ verification.db: {} added", core::counted(verified, "verification")));
  console.result({{"replication", {{"added", rebuilt.jobs.size()}, {"known", rebuilt.known}}},
                  {"verification", {{"added", verified}}}});
  return 0;
}

}  // namespace

void add_state_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "state", "The local history and work lists");
  add_command<RebuildOptions>(*group, "rebuild", "Refill them with what Azure knows", chosen);
}

}  // namespace azlin::cli
