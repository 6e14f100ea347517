// What to do about the service's refusals.
#include <fmt/format.h>

#include "azlin/core/names.hpp"
#include "azlin/vault/service.hpp"

namespace azlin::vault {

namespace {

struct Advice {
  const char* code;
  const char* text;
};

// By the service's code; a job's error title is one, too.
constexpr Advice kAdvice[] = {
    {"AuthorizationFailed",
     "1. `azlin auth status` shows whose token is used. 2. `azlin vault test-connection` names the action "
     "that is missing and "
     "the role that grants it: Backup Reader to look, Backup Operator with Virtual Machine Contributor to "
     "protect and restore, "
     "Backup Contributor for policies and for deleting. 3. A new role assignment takes up to five minutes."},
    {"LinkedAuthorizationFailed",
     "the other resource of the request needs a role, too: Virtual Machine Contributor on source and target "
     "VM"},
    {"InvalidAuthenticationToken", "run `azlin auth clear`, then `azlin auth login` or `az login`"},
    {"ExpiredAuthenticationToken", "run `azlin auth clear`, then `azlin auth login` or `az login`"},
    {"SubscriptionNotFound",
     "check --subscription and `subscription_id` in [recovery_services] of config.toml"},
    {"ResourceGroupNotFound",
     "check --resource-group and `resource_group` in [recovery_services] of config.toml"},
    {"ResourceNotFound",
     "`azlin vault list` shows the vaults that this credential sees; check name, group and subscription"},
    {"BMSUserErrorDataSourceObjectNotFound",
     "1. `azlin vault registration-status <vm>`: a database needs its VM registered (`azlin vault "
     "register-vm <vm>`). "
     "2. `azlin vault protectable --refresh --server <vm>` looks for new databases. 3. `azlin vault items` "
     "shows what is "
     "protected."},
    {"BMSUserErrorContainerHasDatasources",
     "stop protection of its items first: `azlin vault unprotect --all --server <vm>` (the backups are "
     "kept)"},
    {"BMSUserErrorNodePartOfActiveAG", "stop protection of the availability group's databases first"},
    {"BMSUserErrorConflictingProtectionOperation",
     "another operation on the item is under way: `azlin vault jobs --status InProgress`, then try again"},
    {"BMSUserErrorObjectLocked",
     "another operation holds the item: `azlin vault jobs --status InProgress`, then try again"},
    {"RSVaultUpdateErrorConflictingOperationInProgress",
     "another change of the vault is under way; try again in a minute"},
    {"BMSUserErrorVaultDeletionNotAllowed",
     "`azlin vault items` and `azlin vault registration-status` show what is left: unprotect with "
     "--delete-backup-data, then "
     "unregister the VMs"},
    {"BMSUserErrorVaultDeletionNotPermitted",
     "soft deleted items keep the vault: wait for their days to pass, or undelete them, turn soft delete off "
     "where that is "
     "allowed, and delete them again"},
    {"BMSUserErrorVaultDeletionForbidden",
     "items and soft deleted items are left: `azlin vault items` shows both"},
    {"BMSUserErrorPolicyObjectInUse",
     "`azlin vault items --policy <name>` shows what uses it: move those to another policy"},
    {"BMSUserErrorInvalidPolicyInput", "`azlin policy create --template` prints a policy that is accepted"},
    {"BMSUserErrorPolicyRetentionInvalid",
     "at least 7 days for each kind of backup, at most 180 for differential and incremental"},
    {"UserErrorLogRetentionNotInValidRangeInPolicy", "logs are kept 7 to 35 days"},
    {"UserErrorLogRetentionMoreThanDiffRetentionInPolicy",
     "keep logs for fewer days than differential backups"},
    {"BMSUserErrorInstantRPRetentionExceedsVaultedRetention",
     "--instant-days must not pass the days of daily backups"},
    {"StorageModelModifyError",
     "redundancy can be changed only before anything is registered or protected in the vault"},
    {"BMSUserErrorSoftDeleteStateNotSetToAlwaysON",
     "this vault is secure by default: soft delete stays on, for 14 to 180 days"},
    {"CloudDosAbsoluteLimitReached",
     "the day's limit of such operations is reached; it is free again tomorrow"},
    // jobs
    {"UserErrorParentFullBackupMissing", "take a full backup first: `azlin vault backup <item> --type full`"},
    {"UserErrorSQLPODoesNotSupportBackupType",
     "master takes only full backups; the simple recovery model takes no logs; a read-only database takes "
     "only full ones"},
    {"OperationCancelledBecauseConflictingOperationRunningUserError",
     "wait for the backup that runs: `azlin vault jobs`"},
    {"WorkloadExtensionNotReachable",
     "1. Is the VM running? 2. `azlin vault reregister-vm <vm>` repairs the extension. 3. Does the VM reach "
     "Azure Backup, Azure "
     "Storage and Microsoft Entra ID?"},
    {"VMNotInRunningStateUserError", "start the VM, then try again"},
    {"GuestAgentStatusUnavailableUserError",
     "the VM agent does not answer: is the VM running, and its agent up to date?"},
    {"UserErrorHanaPreScriptNotRun",
     "1. Run the pre-registration script on the VM as root. 2. `azlin vault reregister-vm <vm>`. 3. Repeat "
     "the command."},
    {"UserErrorInOpeningHanaOdbcConnection",
     "1. Does HANA run and take connections? 2. Is AZUREWLBACKUPHANAUSER's key valid? Run the "
     "pre-registration script again."},
    {"UserErrorInsufficientPrivilegeOfDatabaseUser",
     "run the pre-registration script again: it grants the backup user its roles"},
    {"UserErrorHANALSNValidationFailure",
     "the log chain is broken: `azlin vault backup <item> --type full` begins a new one"},
    {"UserErrorSQLLSNValidationFailure",
     "the log chain is broken: `azlin vault backup <item> --type full` begins a new one"},
    {"UserErrorInvalidBackintConfiguration",
     "Backint's parameters were changed in HANA: restore what the script had set"},
    {"UserErrorSQLNoSysadminMembership",
     "make NT SERVICE\\AzureWLBackupPluginSvc a member of the sysadmin role, then re-register"},
    {"UserErrorOpeningSQLConnection", "does the SQL instance run and take connections?"},
    {"UserErrorHANAPODoesNotExist", "the database is gone: `azlin vault unprotect <item>` keeps its backups"},
    {"UserErrorSQLPODoesNotExist", "the database is gone: `azlin vault unprotect <item>` keeps its backups"},
    {"UserErrorCannotRestoreExistingDBWithoutForceOverwrite",
     "give --overwrite, or another --target-database"},
    {"UserErrorTargetPOExistsOverwriteNotSpecified", "give --overwrite, or another --target-database"},
    {"UserErrorIncompatibleSrcTargetSystemsForRestore",
     "SYSTEMDB goes only to SYSTEMDB, a tenant database only to a tenant"},
    {"UserErrorDBNameNotInCorrectFormat", "begin with a letter; letters, digits and '_' only"},
};

}  // namespace

std::string help_for(const std::string& code, int status) {
  for (const auto& advice : kAdvice)
    if (core::equal_ignoring_case(advice.code, code)) return advice.text;
  if (status == 401) return help_for("InvalidAuthenticationToken", 0);
  if (status == 403) return help_for("AuthorizationFailed", 0);
  return "";
}

void rethrow_with_help(const arm::ArmError& error, const std::string& doing) {
  const std::string help = help_for(error.code(), error.status());
  std::string said = error.service_message();
  for (std::size_t at = 0; (at = said.find("\r\n", at)) != std::string::npos;) said.replace(at, 2, " ");
  throw arm::ArmError(error.kind(), fmt::format("cannot {}: {}", doing, said.empty() ? error.what() : said),
                      help.empty() ? error.hint() : help, error.status(), error.code(), error.request_id(),
                      error.service_message());
}

}  // namespace azlin::vault
