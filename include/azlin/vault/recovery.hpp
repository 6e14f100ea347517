#pragma once
// What a crash left of commands on vaults. Their work goes on in Azure without us: a job that was begun is
// followed to its end; a request whose fate is unknown is looked up, never repeated.
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/store/journal.hpp"
#include "azlin/vault/service.hpp"

namespace azlin::vault {

// Kinds of journal operations that these commands write begin with this.
inline constexpr const char* kJournalPrefix = "vault.";
bool recovers(const std::string& kind);

struct RecoveredWork {
  bool settled = false;
  std::vector<std::string> notes;
};
// Takes the operation over and ends it. Throws core::Error (interrupted) on stop: it waits for the next time.
RecoveredWork recover(Service& service, store::Journal& journal, const store::OperationRecord& operation,
                      std::stop_token stop = {});

}  // namespace azlin::vault
