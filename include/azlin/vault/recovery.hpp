#pragma once
// Commands on vaults in the journal, and what a crash left of them. Their work goes on in Azure without us: a
// job that was begun is followed to its end; a request whose fate is unknown is looked up, never repeated.
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/store/journal.hpp"
#include "azlin/vault/model.hpp"
#include "azlin/vault/service.hpp"

namespace azlin::vault {

// Kinds of journal operations that these commands write begin with this.
inline constexpr const char* kJournalPrefix = "vault.";
bool recovers(const std::string& kind);

// A change that a command makes, as the journal has it.
struct Change {
  std::string kind;    // "protect": "vault.protect" in the journal
  std::string target;  // id of the item
  std::string region;  // path of the secondary region whose job it is; else ""
};
// Notes the change and does it. `begin` returns the job's name ("": none). `follow` waits for that job and
// returns how it ended; empty: nobody waits, and the job comes back as running. Throws what they throw, and
// core::Error (failed) when the job did not complete.
Job make_change(store::Journal& journal, const VaultId& vault, const Change& change,
                const std::function<std::string()>& begin,
                const std::function<Job(const std::string&)>& follow);

struct RecoveredWork {
  bool settled = false;
  std::vector<std::string> notes;
};
// Takes the operation over and ends it. Throws core::Error (interrupted) on stop: it waits for the next time.
RecoveredWork recover(Service& service, store::Journal& journal, const store::OperationRecord& operation,
                      std::stop_token stop = {});

}  // namespace azlin::vault
