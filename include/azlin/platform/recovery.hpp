#pragma once
// What a crash left of commands on platform resources. An operation in Azure goes on without us: it is looked
// at and followed, never repeated. Work on files goes on when the command is run again.
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/platform/service.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::platform {

// Kinds of journal operations that these commands write begin with this.
inline constexpr const char* kJournalPrefix = "platform.";
// A recovery plan that was under way: its own record says which steps are done, `--resume` goes on from
// there.
inline constexpr const char* kRecoveryRunKind = "recovery.run";
bool recovers(const std::string& kind);

struct RecoveredWork {
  bool settled = false;
  std::vector<std::string> notes;
};
// Takes the operation over and ends it. Its plan may name `look` (a resource's path) with `lookVersion`,
// whose state is then reported, and `again`, what to do to go on.
RecoveredWork recover(Service& service, store::Journal& journal, const store::OperationRecord& operation,
                      std::stop_token stop = {});

}  // namespace azlin::platform
