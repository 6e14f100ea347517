#pragma once
// Backup of a key vault's items to a folder, and their restore into a vault.
//
// The folder: `manifest.json` (whose backup, when, how it is encrypted, whether it is complete),
// `items.jsonl` (a line an item; of several lines for one item the last counts), `items/` (a file an item:
// the service's backup of all its versions, sealed). An item is noted only when its file is on disk, so a
// backup that was killed goes on where it stopped, and a second run fetches only what has changed.
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "azlin/core/clock.hpp"
#include "azlin/core/error.hpp"
#include "azlin/platform/keyvault.hpp"
#include "azlin/platform/seal.hpp"

namespace azlin::platform {

struct VaultIdentity {
  std::string id, name, subscription, location, uri;
};

struct SavedItem {
  ItemKind kind = ItemKind::secret;
  std::string name;
  std::string file;    // under the folder
  std::string sha256;  // of the file, hexadecimal
  std::vector<ItemVersion> versions;
  bool values = false;  // a sealed file with the values of a secret's versions is there, too
  bool absent = false;  // no longer in the vault at the last run; the file is kept
};

struct ItemFailure {
  ItemKind kind = ItemKind::secret;
  std::string name, error;
  core::ErrorKind cause = core::ErrorKind::failed;
  std::string hint;  // of the error
};

struct VaultManifest {
  VaultIdentity vault;
  core::TimePoint started_at, finished_at;
  bool complete = false;
  bool partial = false;                  // named items only
  std::optional<nlohmann::json> recipe;  // of the encryption; nullopt: the files are as `az` writes them
  std::vector<SavedItem> items;          // kind, then name
  std::vector<ItemFailure> skipped;      // disabled when last asked for: the service backs up none
};

// Throws core::Error: not_found (no manifest), failed (it cannot be read).
VaultManifest read_vault_manifest(const std::string& folder);

struct VaultBackupOptions {
  std::string folder;
  std::vector<std::string> certificates, keys, secrets;  // all empty: everything
  std::optional<std::string> password;  // nullopt: not sealed; the service's encryption stays
  bool values =
      false;  // secrets' values, too: they can be restored into another geography. Needs a password.
  int parallel = 8;
};

// (items done, items in all)
using ItemProgress = std::function<void(std::size_t, std::size_t)>;

struct VaultBackupResult {
  VaultManifest manifest;  // complete also when disabled items were skipped
  std::size_t saved = 0, unchanged = 0, managed = 0, absent = 0, throttled = 0;
  std::vector<ItemFailure> failures;
  std::vector<ItemFailure> skipped;  // by this run; the manifest's are those of the whole backup
};
// Throws core::Error: usage (values without a password, a folder that holds another vault's backup),
// unauthorized (the folder's password is another), not_found (a named item), busy (another backup writes
// there). Failures of single items are in the result.
VaultBackupResult back_up_vault(KeyVaultClient& client, const VaultIdentity& vault, core::Clock& clock,
                                const VaultBackupOptions& options, const ItemProgress& progress = {},
                                std::stop_token stop = {});

enum class Deleted { refuse, recover, purge };  // what to do with a soft-deleted item of the same name

struct VaultRestoreOptions {
  std::string folder;
  std::vector<std::string> certificates, keys, secrets;  // all empty: everything
  std::optional<std::string> password;
  Deleted deleted = Deleted::refuse;
  bool values = false;            // set the values anew instead of restoring the service's backups
  bool allow_incomplete = false;  // a backup that was not finished
  int parallel = 8;
};

struct RestoreStep {
  SavedItem item;
  // "restore", "same", "differs", "recover", "purge", "deleted" (soft-deleted, and nothing was said),
  // "cannot" (keys and certificates by value)
  std::string action;
  std::string outcome;  // after the restore: "restored", "same", or why not
  bool ok = true;
  core::ErrorKind cause = core::ErrorKind::failed;  // when not ok
  std::string hint;
};

// Would the step change the vault? ("restore", "recover", "purge")
bool changes_the_vault(const RestoreStep& step);

// What a restore would do: reads the vault, changes nothing. Throws core::Error: usage when subscription or
// geography differ (and values were not asked for), or the backup is incomplete; unauthorized (password);
// not_found (a named item is not in the backup).
std::vector<RestoreStep> plan_vault_restore(KeyVaultClient& client, const VaultIdentity& target,
                                            const VaultRestoreOptions& options, std::stop_token stop = {});

// Does it, certificates first, and compares the versions of each item afterwards.
void restore_vault(KeyVaultClient& client, const VaultRestoreOptions& options,
                   std::vector<RestoreStep>& steps, const ItemProgress& progress = {},
                   std::stop_token stop = {});

// The service's backup of one item into a file, as `az keyvault … backup` writes it.
void back_up_vault_file(KeyVaultClient& client, ItemKind kind, const std::string& name,
                        const std::string& path, std::stop_token stop = {});
// One file that azlin or `az keyvault … backup` wrote, without a manifest.
void restore_vault_file(KeyVaultClient& client, ItemKind kind, const std::string& path,
                        std::stop_token stop = {});

}  // namespace azlin::platform
