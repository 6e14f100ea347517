#pragma once
// What the worker does with vaults: the same calls and the same journal as the commands.
#include <string>

#include "azlin/arm/client.hpp"
#include "azlin/store/journal.hpp"

namespace azlin::crash {

// "vault-prepare" registers VM `hana`, protects HXE/SYSTEMDB and backs it up. "vault-protect" protects
// HXE/HXE; "vault-unprotect", "vault-delete-data", "vault-backup" and "vault-restore" are about SYSTEMDB.
// False for a command that is none of these.
bool vault_work(arm::ArmClient& arm, store::Journal& journal, const std::string& command);

// What `azlin recover` does with this operation of a vault. False: it stays open.
bool recover_vault_work(arm::ArmClient& arm, store::Journal& journal,
                        const store::OperationRecord& operation);

}  // namespace azlin::crash
