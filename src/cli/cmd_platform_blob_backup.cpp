// azlin platform storage backup: Azure Backup for blobs.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/platform/blob_backup.hpp"
#include "cli/cmd_platform.hpp"
#include "cli/platform_session.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

struct BackupVaultArgument {
  std::string name;
  std::optional<std::string> group;
};
struct BackupVaultCreateOptions {
  std::string name, group, location, redundancy = "GeoRedundant";
};
struct BackupVaultListOptions {
  std::optional<std::string> group;
};
struct BlobPolicyCreateOptions {
  BackupVaultArgument vault;
  std::string name, daily_at = "02:00";
  int operational_days = 0, vaulted_days = 0;
};
struct BlobPolicyListOptions {
  BackupVaultArgument vault;
};
struct BlobEnableOptions {
  ResourceArgument account;
  BackupVaultArgument vault;
  std::string policy;
  std::vector<std::string> containers;
};
struct BlobStatusOptions {
  BackupVaultArgument vault;
};
struct BlobPointsOptions {
  ResourceArgument account;
  BackupVaultArgument vault;
  int days = 30;
};
struct BlobBackupRestoreOptions {
  ResourceArgument account;
  BackupVaultArgument vault;
  std::string at, point, to;
  std::vector<std::string> ranges, containers;
};

void bind_vault_option(CLI::App& command, BackupVaultArgument& vault) {
  command.add_option("--vault", vault.name, "Backup vault: its name, or its full id")->required();
  command.add_option("--vault-group", vault.group, "Resource group of the Backup vault");
}

platform::BackupVault vault_of(PlatformSession& session, const BackupVaultArgument& argument) {
  const bool by_id = argument.name.starts_with("/subscriptions/");
  return platform::find_backup_vault(session.service(), by_id ? "" : session.runtime().subscription(),
                                     argument.group, argument.name, session.stop());
}

void bind(CLI::App& command, BackupVaultCreateOptions& options) {
  command.add_option("name", options.name, "Name of the Backup vault")->required();
  command.add_option("-g,--resource-group", options.group, "Existing resource group")->required();
  command.add_option("-l,--location", options.location, "Region of the accounts")->required();
  command.add_option("--redundancy", options.redundancy, "GeoRedundant, LocallyRedundant or ZoneRedundant")
      ->check(CLI::IsMember({"GeoRedundant", "LocallyRedundant", "ZoneRedundant"}))
      ->capture_default_str();
  command.footer(
      "Blobs are protected in a Backup vault, not in a Recovery Services vault.\n"
      "Example: azlin platform storage backup vault create blob-vault -g Production -l eastus\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const BackupVaultCreateOptions& options) {
  core::check_resource_group(options.group);
  PlatformSession session(runtime);
  const auto region = session.known_region(options.location);
  const auto id =
      fmt::format("/subscriptions/{}/resourceGroups/{}/providers/Microsoft.DataProtection/backupVaults/{}",
                  runtime.subscription(), options.group, options.name);
  session.change("storage.backup-vault", id,
                 {{"look", id}, {"lookVersion", platform::kDataProtectionVersion}}, [&] {
                   platform::create_backup_vault(session.service(), runtime.subscription(), options.group,
                                                 options.name, region, options.redundancy, session.stop());
                 });
  if (session.dry_run()) return session.print_planned();
  const auto vault = platform::find_backup_vault(session.service(), "", {}, id, session.stop());
  runtime.console().line(
      fmt::format("✓ Backup vault {} made; give its identity {} the role Storage Account Backup "
                  "Contributor on the accounts",
                  vault.name, vault.principal));
  runtime.console().result({{"vault", vault.name}, {"id", vault.id}, {"principal", vault.principal}});
  return 0;
}

void bind(CLI::App& command, BackupVaultListOptions& options) {
  command.add_option("-g,--resource-group", options.group, "Only of this group");
  command.footer(
      "Example: azlin platform storage backup vault list\n"
      "Exit codes: 0, 1, 2, 5");
}

int run(Runtime& runtime, const BackupVaultListOptions& options) {
  PlatformSession session(runtime);
  ordered_json json = {{"vaults", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {{"NAME", "GROUP", "REGION", "REDUNDANCY"}};
  for (const auto& vault : platform::list_backup_vaults(session.service(), runtime.subscription(),
                                                        options.group, session.stop())) {
    rows.push_back({vault.name, vault.resource_group, vault.location, vault.redundancy});
    json["vaults"].push_back({{"name", vault.name},
                              {"resourceGroup", vault.resource_group},
                              {"location", vault.location},
                              {"redundancy", vault.redundancy},
                              {"principal", vault.principal}});
  }
  for (const auto& line : in_columns(rows)) runtime.console().line(line);
  runtime.console().result(json, "vaults");
  return 0;
}

void bind(CLI::App& command, BlobPolicyCreateOptions& options) {
  command.add_option("name", options.name, "Name of the policy")->required();
  bind_vault_option(command, options.vault);
  command.add_option("--operational-days", options.operational_days, "1-360: kept in the account itself");
  command.add_option("--vaulted-days", options.vaulted_days, "Up to 3650: kept in the vault");
  command.add_option("--daily-at", options.daily_at, "UTC, of vaulted backups")->capture_default_str();
  command.footer(
      "A policy cannot be changed: make one of another name.\n"
      "Example: azlin platform storage backup policy create month --vault blob-vault --operational-days 30\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const BlobPolicyCreateOptions& options) {
  PlatformSession session(runtime);
  const auto vault = vault_of(session, options.vault);
  platform::BlobPolicy policy{options.operational_days, options.vaulted_days, options.daily_at};
  const auto id = vault.id + "/backupPolicies/" + options.name;
  session.change(
      "storage.backup-policy", id, {{"look", id}, {"lookVersion", platform::kDataProtectionVersion}},
      [&] { platform::create_blob_policy(session.service(), vault, options.name, policy, session.stop()); });
  if (session.dry_run()) return session.print_planned();
  runtime.console().line(fmt::format("✓ Policy {} made in {}", options.name, vault.name));
  runtime.console().result({{"policy", options.name}, {"vault", vault.name}});
  return 0;
}

void bind(CLI::App& command, BlobPolicyListOptions& options) {
  bind_vault_option(command, options.vault);
  command.footer(
      "Example: azlin platform storage backup policy list --vault blob-vault\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const BlobPolicyListOptions& options) {
  PlatformSession session(runtime);
  ordered_json json = {{"policies", ordered_json::array()}};
  for (const auto& body :
       platform::list_blob_policies(session.service(), vault_of(session, options.vault), session.stop())) {
    runtime.console().line("  " + body.value("name", ""));
    json["policies"].push_back(
        {{"name", body.value("name", "")}, {"properties", body.value("properties", nlohmann::json())}});
  }
  runtime.console().result(json);
  return 0;
}

void bind(CLI::App& command, BlobEnableOptions& options) {
  bind_resource(command, options.account, "Storage account");
  bind_vault_option(command, options.vault);
  command.add_option("--policy", options.policy, "Policy of the vault")->required();
  command.add_option("--container", options.containers, "Container of vaulted backups; may be repeated")
      ->allow_extra_args(false);
  command.footer(
      "Operational backup sets soft delete, point-in-time restore and a delete lock on the account by "
      "itself.\n"
      "Example: azlin platform storage backup enable prodstorage01 --vault blob-vault --policy month\n"
      "Exit codes: 0, 1, 2, 3, 5, 7");
}

int run(Runtime& runtime, const BlobEnableOptions& options) {
  PlatformSession session(runtime);
  const auto account = session.resource(platform::Kind::storage, options.account);
  const auto vault = vault_of(session, options.vault);
  if (!session.dry_run() && !runtime.console().confirm("protecting the blobs of " + account.name))
    throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  session.change("storage.backup-enable", account.id, {{"vault", vault.id}, {"policy", options.policy}}, [&] {
    platform::protect_blobs(session.service(), vault, options.policy, account, options.containers,
                            session.stop());
  });
  if (session.dry_run()) return session.print_planned();
  const auto instance = platform::find_blob_instance(session.service(), vault, account.id, session.stop());
  runtime.console().line(
      fmt::format("✓ {} is protected by {}: {}", account.name, vault.name, instance.state));
  runtime.console().result({{"account", account.name},
                            {"vault", vault.name},
                            {"policy", options.policy},
                            {"state", instance.state}});
  return 0;
}

void bind(CLI::App& command, BlobStatusOptions& options) {
  bind_vault_option(command, options.vault);
  command.footer(
      "Example: azlin platform storage backup status --vault blob-vault\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const BlobStatusOptions& options) {
  PlatformSession session(runtime);
  ordered_json json = {{"instances", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {{"ACCOUNT", "POLICY", "STATE"}};
  for (const auto& each :
       platform::list_blob_instances(session.service(), vault_of(session, options.vault), session.stop())) {
    const auto account = each.account_id.substr(each.account_id.rfind('/') + 1);
    rows.push_back({account, each.policy, each.state});
    json["instances"].push_back(
        {{"account", account}, {"policy", each.policy}, {"state", each.state}, {"error", each.error}});
  }
  for (const auto& line : in_columns(rows)) runtime.console().line(line);
  runtime.console().result(json, "instances");
  return 0;
}

void bind(CLI::App& command, BlobPointsOptions& options) {
  bind_resource(command, options.account, "Storage account");
  bind_vault_option(command, options.vault);
  command.add_option("--days", options.days, "Look back so far")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  command.footer(
      "Example: azlin platform storage backup points prodstorage01 --vault blob-vault\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const BlobPointsOptions& options) {
  PlatformSession session(runtime);
  const auto account = session.resource(platform::Kind::storage, options.account);
  const auto instance = platform::find_blob_instance(session.service(), vault_of(session, options.vault),
                                                     account.id, session.stop());
  const auto now = runtime.clock().now();
  ordered_json json = {
      {"account", account.name}, {"ranges", ordered_json::array()}, {"points", ordered_json::array()}};
  for (const auto& range : platform::restorable_times(
           session.service(), instance, now - std::chrono::days{options.days}, now, session.stop())) {
    runtime.console().line(fmt::format("  any time from {} to {} UTC", core::to_display(range.start),
                                       core::to_display(range.end)));
    json["ranges"].push_back(
        {{"start", core::to_iso8601(range.start)}, {"end", core::to_iso8601(range.end)}});
  }
  for (const auto& point : platform::vaulted_points(session.service(), instance, session.stop())) {
    runtime.console().line(fmt::format("  {}  {} UTC (vaulted)", point.id, core::to_display(point.at)));
    json["points"].push_back({{"id", point.id}, {"at", core::to_iso8601(point.at)}});
  }
  runtime.console().result(json);
  return 0;
}

void bind(CLI::App& command, BlobBackupRestoreOptions& options) {
  bind_resource(command, options.account, "Storage account");
  bind_vault_option(command, options.vault);
  auto* at = command.add_option("--at", options.at, "Operational: the account back to this time");
  command.add_option("--range", options.ranges, "Operational: FROM..TO (container/blob)")
      ->allow_extra_args(false);
  command.add_option("--point", options.point, "Vaulted: a recovery point")->excludes(at);
  command.add_option("--to", options.to, "Vaulted: the account to restore into");
  command.add_option("--container", options.containers, "Vaulted: only this container; may be repeated")
      ->allow_extra_args(false);
  command.footer(
      "Example: azlin platform storage backup restore prodstorage01 --vault blob-vault --at "
      "2025-12-01T08:00:00Z\n"
      "Exit codes: 0, 1, 2, 3, 5, 7, 130");
}

int run(Runtime& runtime, const BlobBackupRestoreOptions& options) {
  PlatformSession session(runtime);
  Console& console = runtime.console();
  if (options.at.empty() == options.point.empty())
    throw Error(ErrorKind::usage, "say --at TIME (operational) or --point ID (vaulted)");
  platform::BlobRestore restore;
  if (!options.at.empty()) restore.at = time_of(options.at);
  restore.ranges = parse_ranges(options.ranges);
  restore.recovery_point = options.point;
  restore.containers = options.containers;
  const auto account = session.resource(platform::Kind::storage, options.account);
  if (!options.to.empty()) restore.into = session.resource(platform::Kind::storage, {options.to, {}});
  const auto body = platform::blob_restore_body(account, restore);
  const auto vault = vault_of(session, options.vault);
  const auto instance = platform::find_blob_instance(session.service(), vault, account.id, session.stop());
  if (!session.dry_run()) {
    console.warn(restore.into ? "Blobs are written into " + restore.into->name + "."
                              : "What was written to " + account.name + " since is undone.");
    if (!console.confirm("restoring blobs of " + account.name))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  session.change("storage.backup-restore", account.id,
                 {{"vault", vault.id}, {"at", options.at}, {"point", options.point}}, [&] {
                   platform::restore_blobs(session.service(), instance, body, session.stop(),
                                           [&](const std::string& status, std::optional<double>) {
                                             console.note("restore: " + status);
                                           });
                 });
  if (session.dry_run()) return session.print_planned();
  console.line("✓ Restored");
  console.result(
      {{"account", account.name}, {"at", options.at}, {"point", options.point}, {"to", options.to}});
  return 0;
}

}  // namespace

void add_blob_backup_commands(CLI::App& storage, Job& chosen) {
  CLI::App* group = add_group(storage, "backup", "Azure Backup for blobs");
  CLI::App* vault = add_group(*group, "vault", "Backup vaults");
  add_command<BackupVaultCreateOptions>(*vault, "create", "Make a Backup vault", chosen);
  add_command<BackupVaultListOptions>(*vault, "list", "Backup vaults of the subscription", chosen);
  CLI::App* policy = add_group(*group, "policy", "How long blobs are kept");
  add_command<BlobPolicyCreateOptions>(*policy, "create", "Make a policy", chosen);
  add_command<BlobPolicyListOptions>(*policy, "list", "Policies of a vault", chosen);
  add_command<BlobEnableOptions>(*group, "enable", "Protect an account", chosen);
  add_command<BlobStatusOptions>(*group, "status", "What a vault protects", chosen);
  add_command<BlobPointsOptions>(*group, "points", "To which times an account can be taken back", chosen);
  add_command<BlobBackupRestoreOptions>(*group, "restore",
                                        "To a time, or a vaulted point into another account", chosen);
}

}  // namespace azlin::cli
