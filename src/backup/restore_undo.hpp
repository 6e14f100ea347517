#pragma once
// Undoing a restore from what the journal says of it: after a failure, and by `azlin recover`.
#include <string>

#include "azlin/arm/client.hpp"
#include "azlin/backup/lease.hpp"
#include "azlin/store/journal.hpp"
#include "backup/restore_record.hpp"

namespace azlin::backup {

// Puts the old disks back and starts the VM again (in place), or removes the new VM; removes every disk that
// the operation made. Ends `operation` as rolled back; when something cannot be undone now, leaves it
// interrupted. Gives the lease back (if there is one) before the operation ends. Returns a sentence about the
// outcome. Idempotent; cannot be canceled.
std::string undo_restore(arm::ArmClient& arm, const store::OperationRecord& found,
                         store::Operation& operation, std::optional<VmLease>& lease,
                         const std::string& reason);

struct OldDisks {
  std::vector<std::string> settled;   // ids; one that is gone is settled
  std::vector<std::string> warnings;  // which were left as they are, and why
  std::string open;                   // why one has to be tried again; empty: none has
};

// Tags the replaced disks azlin:kept, or deletes them, as the record says; each is tried. One that is
// attached again is left alone. What Azure refuses for good (a lock, a policy, a missing right) is told and
// not open: a restore that waits for that keeps its VM's lock.
OldDisks settle_old_disks(arm::ArmClient& arm, const RestoreRecord& record, std::int64_t operation);

// Whether the restore got as far as to mark the backup's snapshots, all of them.
enum class Marked { perhaps, surely };

// Takes this restore's azlin:in-use off the backup's snapshots; another's stays. What is surely there is
// taken off without a look; else there is one, as the tags may be what this user may not write.
void unmark(arm::ArmClient& arm, const RestoreRecord& record, Marked marked, std::stop_token stop);

}  // namespace azlin::backup
