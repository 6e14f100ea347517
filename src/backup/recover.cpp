// After a crash.
#include <fmt/format.h>

#include "azlin/backup/manager.hpp"
#include "azlin/core/error.hpp"
#include "azlin/snapshot/vm_command.hpp"

namespace azlin::backup {

using core::Error;

bool BackupManager::recovers(const std::string& kind) {
  return snapshot::settles(kind);
}

Recovered BackupManager::recover(const store::OperationRecord& record, std::stop_token stop) {
  Recovered out{record.id, record.kind, record.target, false, {}};
  auto operation = journal_.resume(record.id);
  try {
    out.notes = snapshots_.recover(record, operation, stop);
    operation.recovered(fmt::format("{}", fmt::join(out.notes, "; ")));
    out.settled = true;
  } catch (const Error& error) {
    operation.interrupt(error.what());
    out.notes.push_back(error.what());
  }
  return out;
}

}  // namespace azlin::backup
