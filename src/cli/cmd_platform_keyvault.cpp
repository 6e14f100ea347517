// azlin platform keyvault: secrets, keys and certificates to files and back.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/core/format.hpp"
#include "azlin/platform/vault_backup.hpp"
#include "cli/cmd_platform.hpp"
#include "cli/platform_session.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using platform::ItemKind;

namespace {

struct ItemNames {
  std::vector<std::string> secrets, keys, certificates;
  std::size_t count() const { return secrets.size() + keys.size() + certificates.size(); }
};
struct KeyVaultBackupOptions {
  ResourceArgument vault;
  ItemNames names;
  std::string folder, file;
  PasswordArgument password;
  bool values = false;
  int parallel = 8;
};
struct KeyVaultRestoreOptions : KeyVaultBackupOptions {
  std::string kind = "secret";
  bool recover_deleted = false, purge_deleted = false, allow_incomplete = false;
};

struct KeyVaultDiffOptions {
  ResourceArgument vault;
  std::string folder;
  PasswordArgument password;
  bool values = false;
};

void bind_names(CLI::App& command, ItemNames& names) {
  command.add_option("--secret", names.secrets, "Only this secret; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_option("--key", names.keys, "Only this key; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command.add_option("--certificate", names.certificates, "Only this certificate; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
}

// What backup and restore have in common: whose items, which, and where they lie.
void bind_items(CLI::App& command, KeyVaultBackupOptions& options, const char* folder_flag,
                const char* folder_help, const char* file_help) {
  bind_resource(command, options.vault, "Key vault");
  bind_names(command, options.names);
  auto* folder = command.add_option(folder_flag, options.folder, folder_help);
  command.add_option("--file", options.file, file_help)->excludes(folder);
}

void bind_parallel(CLI::App& command, int& parallel) {
  command.add_option("--parallel", parallel, "Items at once")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
}

// A vault and its data plane.
struct OpenVault {
  OpenVault(PlatformSession& session, const ResourceArgument& argument)
      : vault(session.resource(platform::Kind::key_vault, argument)),
        data(session.vault_data(vault)),
        client(*data) {}
  platform::Resource vault;
  std::unique_ptr<platform::DataPlane> data;
  platform::KeyVaultClient client;
};

platform::VaultIdentity identity_of(const platform::Resource& vault) {
  return {vault.id, vault.name, vault.subscription, vault.location,
          vault.body.value("/properties/vaultUri"_json_pointer, "")};
}

ordered_json to_json(const std::vector<platform::ItemFailure>& items, const char* why) {
  ordered_json out = ordered_json::array();
  for (const auto& item : items)
    out.push_back({{"kind", platform::to_string(item.kind)}, {"name", item.name}, {why, item.error}});
  return out;
}

void print(Console& console, const char* mark, const std::vector<platform::ItemFailure>& items) {
  for (const auto& item : items)
    console.line(fmt::format("{} {} {}: {}", mark, platform::to_string(item.kind), item.name, item.error));
}

// What became of several items. The hint of an item's failure is printed once.
int exit_of(Console& console, const std::vector<platform::ItemFailure>& failures, std::size_t done) {
  if (failures.empty()) return 0;
  const auto refused = [](const auto& each) { return each.cause == ErrorKind::unauthorized; };
  const auto first = std::find_if(failures.begin(), failures.end(), refused);
  if (first != failures.end() && !first->hint.empty()) console.warn(first->hint);
  if (done > 0) return core::exit_code(ErrorKind::partial);
  return core::exit_code(std::all_of(failures.begin(), failures.end(), refused) ? ErrorKind::unauthorized
                                                                                : ErrorKind::failed);
}

void bind(CLI::App& command, KeyVaultBackupOptions& options) {
  bind_items(command, options, "--to", "Folder of the backup; one that is there goes on",
             "One item into one file, as `az keyvault secret backup` writes it (not encrypted by azlin)");
  bind_password(command, options.password);
  command.add_flag("--values", options.values,
                   "Keep the secrets' values, too (encrypted): they can be restored into another geography");
  bind_parallel(command, options.parallel);
  command.footer(
      "Example: azlin platform keyvault backup prod-kv --to ./kv-backup --password-file ~/.kv-password\n"
      "Interrupted or killed, run it again: it goes on. A second run fetches only what has changed.\n"
      "Exit codes: 0, 1, 2, 3, 4 some items failed, 5, 6 disabled items were skipped, 7, 130");
}

// One item, one file: what the seed's script did for each secret.
int back_up_file(PlatformSession& session, platform::KeyVaultClient& client, const platform::Resource& vault,
                 const KeyVaultBackupOptions& options) {
  if (options.names.count() != 1)
    throw Error(ErrorKind::usage, "--file takes exactly one --secret, --key or --certificate");
  const auto kind = !options.names.secrets.empty() ? ItemKind::secret
                    : !options.names.keys.empty()  ? ItemKind::key
                                                   : ItemKind::certificate;
  const auto& name = !options.names.secrets.empty() ? options.names.secrets.front()
                     : !options.names.keys.empty()  ? options.names.keys.front()
                                                    : options.names.certificates.front();
  if (!session.dry_run()) {
    session.change("keyvault.backup", vault.id, {{"item", name}, {"file", options.file}},
                   [&] { platform::back_up_vault_file(client, kind, name, options.file, session.stop()); });
  }
  session.console().line(fmt::format("{} {} {} of {}: {}", session.dry_run() ? "Would save" : "✓ Saved",
                                     platform::to_string(kind), name, vault.name, options.file));
  session.console().result(
      {{"vault", vault.name}, {"item", name}, {"file", options.file}, {"dryRun", session.dry_run()}});
  return 0;
}

int dry_run_backup(PlatformSession& session, platform::KeyVaultClient& client, const std::string& vault) {
  ordered_json json = {{"dryRun", true}, {"vault", vault}};
  for (const auto kind : platform::kItemKinds) {
    std::size_t count = 0;
    for (const auto& item : client.list(kind, session.stop())) count += item.managed ? 0 : 1;
    json[std::string(platform::to_string(kind)) + "s"] = count;
    session.console().line(fmt::format("  {} to look at", core::counted(count, platform::to_string(kind))));
  }
  session.console().line("Dry run: nothing was saved.");
  session.console().result(json);
  return 0;
}

int run(Runtime& runtime, const KeyVaultBackupOptions& options) {
  if (options.folder.empty() == options.file.empty())
    throw Error(ErrorKind::usage, "say where the backup goes: --to FOLDER (or --file for one item)");
  if (!options.file.empty()) core::check_output_file(options.file, "backup");
  PlatformSession session(runtime);
  Console& console = runtime.console();
  OpenVault open(session, options.vault);
  auto& [vault, data, client] = open;
  if (!options.file.empty()) return back_up_file(session, client, vault, options);
  platform::VaultBackupOptions work;
  work.folder = options.folder;
  work.secrets = options.names.secrets;
  work.keys = options.names.keys;
  work.certificates = options.names.certificates;
  work.password = password_of(runtime, options.password);
  work.values = options.values;
  work.parallel = options.parallel;
  if (session.dry_run()) return dry_run_backup(session, client, vault.name);
  platform::VaultBackupResult result;
  session.change("keyvault.backup", vault.id,
                 {{"vault", vault.id},
                  {"folder", options.folder},
                  {"again", "run `azlin platform keyvault backup` with the same folder again: it goes on"}},
                 [&] {
                   ProgressLine progress(console, "items");
                   result = platform::back_up_vault(
                       client, identity_of(vault), runtime.clock(), work,
                       [&](std::size_t done, std::size_t all) { progress.update(done, all); },
                       session.stop());
                   if (result.manifest.complete && !result.manifest.partial && result.failures.empty())
                     session.log().record({vault.id, "keyvault backup", runtime.clock().now(), options.folder,
                                           static_cast<std::int64_t>(result.manifest.items.size())});
                 });
  const auto& skipped = result.skipped;
  print(console, "✗", result.failures);
  print(console, "!", skipped);
  const auto good = result.saved + result.unchanged;
  std::size_t versions = 0;
  for (const auto& item : result.manifest.items) versions += item.versions.size();
  console.line(fmt::format("{} {} of {} in {}: {} saved, {} unchanged, {} with their certificate",
                           result.failures.empty() ? "✓" : "✗", core::counted(good, "item"), vault.name,
                           options.folder, result.saved, result.unchanged, result.managed));
  if (!skipped.empty())
    console.line(fmt::format("  {} skipped: enable them and run it again, or they are in no backup",
                             core::counted(skipped.size(), "disabled item")));
  if (result.absent > 0)
    console.line(fmt::format("  {} no longer in the vault; the backup keeps them", result.absent));
  if (work.password)
    console.line("  Encrypted with AES-256-GCM; without the password the files are worth nothing");
  console.result({{"vault", vault.name},
                  {"folder", options.folder},
                  {"complete", result.manifest.complete},
                  {"encrypted", work.password.has_value()},
                  {"items", result.manifest.items.size()},
                  {"versions", versions},
                  {"saved", result.saved},
                  {"unchanged", result.unchanged},
                  {"managed", result.managed},
                  {"absent", result.absent},
                  {"throttled", result.throttled},
                  {"failures", to_json(result.failures, "error")},
                  {"skipped", to_json(skipped, "reason")}});
  if (result.failures.empty() && !skipped.empty()) return core::exit_code(ErrorKind::findings);
  return exit_of(console, result.failures, good);
}

void bind(CLI::App& command, KeyVaultRestoreOptions& options) {
  bind_items(command, options, "--from", "Folder of the backup",
             "One file, as `az keyvault secret backup` writes it");
  command.add_option("--kind", options.kind, "What the file holds")
      ->check(CLI::IsMember({"secret", "key", "certificate"}))
      ->capture_default_str();
  bind_password(command, options.password);
  auto* recover = command.add_flag("--recover-deleted", options.recover_deleted,
                                   "Bring back soft-deleted items of the same name, then compare");
  command
      .add_flag("--purge-deleted", options.purge_deleted,
                "Purge soft-deleted items of the same name (for good), then restore")
      ->excludes(recover);
  command.add_flag("--values", options.values, "Set the secrets' values anew: works in any geography");
  command.add_flag("--allow-incomplete", options.allow_incomplete,
                   "Also from a backup that was not finished");
  bind_parallel(command, options.parallel);
  command.footer(
      "Example: azlin platform keyvault restore dr-kv --from ./kv-backup --password-file ~/.kv-password\n"
      "Only into the subscription and geography of the backup. Certificates come first, with their key and "
      "secret.\nExit codes: 0, 1, 2, 3, 4 some items were not restored, 5, 7, 130");
}

int restore_file(PlatformSession& session, platform::KeyVaultClient& client, const platform::Resource& vault,
                 const KeyVaultRestoreOptions& options) {
  const auto kind = options.kind == "secret" ? ItemKind::secret
                    : options.kind == "key"  ? ItemKind::key
                                             : ItemKind::certificate;
  if (!session.dry_run()) {
    session.change("keyvault.restore", vault.id, {{"file", options.file}},
                   [&] { platform::restore_vault_file(client, kind, options.file, session.stop()); });
  }
  session.console().line(fmt::format("{} {} into {}", session.dry_run() ? "Would restore" : "✓ Restored",
                                     options.file, vault.name));
  session.console().result({{"vault", vault.name}, {"file", options.file}, {"dryRun", session.dry_run()}});
  return 0;
}

ordered_json steps_json(const std::vector<platform::RestoreStep>& steps) {
  ordered_json out = ordered_json::array();
  for (const auto& step : steps)
    out.push_back({{"kind", platform::to_string(step.item.kind)},
                   {"name", step.item.name},
                   {"versions", step.item.versions.size()},
                   {"action", step.action},
                   {"ok", step.ok},
                   {"outcome", step.outcome}});
  return out;
}

std::map<std::string, std::size_t> count_actions(const std::vector<platform::RestoreStep>& steps) {
  std::map<std::string, std::size_t> counts;
  for (const auto& step : steps) ++counts[step.action];
  return counts;
}

// What became of it, and the exit code.
int print_restored(Console& console, const std::string& vault,
                   const std::vector<platform::RestoreStep>& steps) {
  std::vector<platform::ItemFailure> failures;
  std::size_t same = 0;
  for (const auto& step : steps) {
    same += step.outcome == "same" ? 1 : 0;
    if (!step.ok) failures.push_back({step.item.kind, step.item.name, step.outcome, step.cause, step.hint});
  }
  print(console, "✗", failures);
  const auto failed = failures.size();
  if (failed == 0 && same == steps.size()) {
    console.line(fmt::format("✓ Nothing to restore: {} of the backup {} in {} already",
                             core::counted(same, "item"), same == 1 ? "is" : "are", vault));
  } else {
    console.line(fmt::format("{} {} restored into {}, {} were there already, {} not restored",
                             failed == 0 ? "✓" : "✗", core::counted(steps.size() - failed - same, "item"),
                             vault, same, failed));
  }
  console.result({{"vault", vault},
                  {"restored", steps.size() - failed - same},
                  {"same", same},
                  {"failed", failed},
                  {"items", steps_json(steps)}},
                 "items");
  return exit_of(console, failures, steps.size() - failed);
}

int run(Runtime& runtime, const KeyVaultRestoreOptions& options) {
  if (options.folder.empty() == options.file.empty())
    throw Error(ErrorKind::usage, "say what is restored: --from FOLDER or --file FILE");
  PlatformSession session(runtime);
  Console& console = runtime.console();
  OpenVault open(session, options.vault);
  auto& [vault, data, client] = open;
  if (!options.file.empty()) return restore_file(session, client, vault, options);
  platform::VaultRestoreOptions work;
  work.folder = options.folder;
  work.secrets = options.names.secrets;
  work.keys = options.names.keys;
  work.certificates = options.names.certificates;
  work.password = platform::backup_password(options.password.file, runtime.env());
  work.deleted = options.recover_deleted ? platform::Deleted::recover
                 : options.purge_deleted ? platform::Deleted::purge
                                         : platform::Deleted::refuse;
  work.values = options.values;
  work.allow_incomplete = options.allow_incomplete;
  work.parallel = options.parallel;
  auto steps = platform::plan_vault_restore(client, identity_of(vault), work, session.stop());
  print(console, "!", platform::read_vault_manifest(work.folder).skipped);
  const auto counts = count_actions(steps);
  for (const auto& [action, count] : counts)
    console.line(fmt::format("  {:8} {}", action, core::counted(count, "item")));
  if (session.dry_run()) {
    console.line("Dry run: nothing was restored.");
    console.result({{"dryRun", true}, {"vault", vault.name}, {"items", steps_json(steps)}}, "items");
    return 0;
  }
  if (counts.contains("purge"))
    console.warn(
        fmt::format("{} will be purged for good.", core::counted(counts.at("purge"), "deleted item")));
  const std::size_t changes = std::count_if(steps.begin(), steps.end(), platform::changes_the_vault);
  const auto work_off = [&] {
    ProgressLine progress(console, "items");
    platform::restore_vault(
        client, work, steps, [&](std::size_t done, std::size_t all) { progress.update(done, all); },
        session.stop());
  };
  if (changes == 0) {
    work_off();
    return print_restored(console, vault.name, steps);
  }
  if (!console.confirm(fmt::format("restoring {} into {}", core::counted(changes, "item"), vault.name)))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  session.change("keyvault.restore", vault.id,
                 {{"vault", vault.id},
                  {"folder", options.folder},
                  {"again", "run `azlin platform keyvault restore` again: what is there already is skipped"}},
                 work_off);
  return print_restored(console, vault.name, steps);
}

void bind(CLI::App& command, KeyVaultDiffOptions& options) {
  bind_resource(command, options.vault, "Key vault");
  command.add_option("--from", options.folder, "Folder of the backup")->required();
  command.add_option("--password-file", options.password.file,
                     "File with the backup's password (else AZLIN_BACKUP_PASSWORD)");
  command.add_flag("--values", options.values, "Compare the secrets' values instead of the versions");
  command.footer(
      "Is every item of the backup in the vault, with its versions? Changes nothing.\n"
      "Example: azlin platform keyvault diff dr-kv --from ./kv-backup --password-file ~/.kv-password\n"
      "Exit codes: 0 all are, 1, 2, 3, 5, 6 some are not");
}

int run(Runtime& runtime, const KeyVaultDiffOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  OpenVault open(session, options.vault);
  auto& [vault, data, client] = open;
  platform::VaultRestoreOptions work;
  work.folder = options.folder;
  work.password = platform::backup_password(options.password.file, runtime.env());
  work.values = options.values;
  const auto steps = platform::plan_vault_restore(client, identity_of(vault), work, session.stop());
  std::size_t other = 0;
  for (const auto& step : steps) {
    if (step.action == "same") continue;
    ++other;
    console.line(fmt::format("✗ {} {}: {}", platform::to_string(step.item.kind), step.item.name,
                             step.action == "restore" ? "not as in the backup, or not there" : step.action));
  }
  console.line(fmt::format("{} {} of {} are as in the backup", other == 0 ? "✓" : "✗", steps.size() - other,
                           steps.size()));
  console.result({{"vault", vault.name}, {"items", steps_json(steps)}, {"differ", other}}, "items");
  return other == 0 ? 0 : core::exit_code(ErrorKind::findings);
}

}  // namespace

void add_keyvault_commands(CLI::App& platform, Job& chosen) {
  CLI::App* group = add_group(platform, "keyvault", "Secrets, keys and certificates: backup and restore");
  add_command<KeyVaultBackupOptions>(*group, "backup", "All or named items into a folder", chosen);
  add_command<KeyVaultRestoreOptions>(*group, "restore", "A backup into a vault, compared afterwards",
                                      chosen);
  add_command<KeyVaultDiffOptions>(*group, "diff", "A vault against a backup", chosen);
}

}  // namespace azlin::cli
