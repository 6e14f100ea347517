#pragma once
// What the files on protected items share: a change of an item is a job, and an operation that ends with it.
#include <string>

#include "simulator/recovery.hpp"

namespace azlin::simulator {

struct ItemChange {
  std::string operation;  // of the job
  std::string effect;     // in Recovery::effects
  Json data;
};

// Throws ApiError 409 BMSUserErrorConflictingProtectionOperation while a job of the item runs.
void check_not_busy(Recovery& recovery, const RecoveryObject& item);

// Begins the job that does the change, and answers with an operation that ends when the job does.
// `vault_paths`: its addresses hang under the vault and it ends with 204, as those of a DELETE do.
Reply begin_item_change(Recovery& recovery, const Request& request, const Resource& vault,
                        const std::string& item_id, const std::string& workload, const std::string& entity,
                        const ItemChange& change, bool vault_paths = false);

// How protection ends: stop, delete with soft delete, undelete, purge.
void add_recovery_item_ends(Router& router, Recovery& recovery);

}  // namespace azlin::simulator
