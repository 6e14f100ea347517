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

// Tags a replaced disk azlin:kept, or deletes it, as the record says. False: it is attached again, and was
// left alone. One that is gone is settled.
bool settle_old_disk(arm::ArmClient& arm, const RestoreRecord& record, const std::string& disk_id,
                     std::int64_t operation, std::stop_token stop);

// Whether the restore got as far as to mark the backup's snapshots, all of them.
enum class Marked { perhaps, surely };

// Takes this restore's azlin:in-use off the backup's snapshots; another's stays. What is surely there is
// taken off without a look; else there is one, as the tags may be what this user may not write.
void unmark(arm::ArmClient& arm, const RestoreRecord& record, Marked marked, std::stop_token stop);

}  // namespace azlin::backup
