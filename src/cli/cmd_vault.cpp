// azlin vault: the vaults themselves. What they protect is in cmd_vault_vms, cmd_vault_items and
// cmd_vault_jobs.
#include <fmt/format.h>

#include "azlin/azure/resources.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/vault/vaults.hpp"
#include "cli/cmd_vault.hpp"
#include "cli/command.hpp"
#include "cli/vault_session.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

struct VaultListOptions {
  std::optional<std::string> resource_group;
};
struct VaultShowOptions {
  VaultArgument vault;
};
struct VaultSettingFlags {
  std::optional<std::string> redundancy, soft_delete, immutability, cross_region_restore;
  std::optional<int> soft_delete_days;
};
struct VaultCreateOptions {
  std::string name, resource_group, location;
  VaultSettingFlags settings;
  std::vector<std::string> tags;
};
struct VaultUpdateOptions {
  VaultArgument vault;
  VaultSettingFlags settings;
};
struct VaultDeleteOptions {
  std::string name;
  std::optional<std::string> resource_group;
};
struct VaultUseOptions {
  std::string name;
  std::optional<std::string> resource_group;
};
struct VaultTestOptions {
  VaultArgument vault;
};

ordered_json to_json(const vault::Vault& vault) {
  return {{"name", vault.id.name},
          {"resourceGroup", vault.id.resource_group},
          {"subscription", vault.id.subscription},
          {"id", vault.id.id()},
          {"location", vault.location},
          {"redundancy", vault.redundancy},
          {"crossRegionRestore", vault.cross_region_restore},
          {"softDelete", vault.soft_delete},
          {"softDeleteDays", vault.soft_delete_days},
          {"immutability", vault.immutability},
          {"publicNetworkAccess", vault.public_network_access},
          {"tags", vault.tags}};
}

// What config.toml says about the vault: its key and description.
const vault::NamedVault* configured(const vault::Settings& settings, const vault::VaultId& id) {
  const auto same = [&](const vault::NamedVault& entry) {
    return core::equal_ignoring_case(entry.id.id(), id.id());
  };
  for (const auto& entry : settings.named)
    if (same(entry)) return &entry;
  return settings.primary && same(*settings.primary) ? &*settings.primary : nullptr;
}

void bind(CLI::App& command, VaultListOptions& options) {
  command.add_option("-g,--resource-group", options.resource_group, "Only of this group");
  command.footer(
      "Example: azlin vault list\n"
      "Exit codes: 0, 1, 2, 5");
}

int run(Runtime& runtime, const VaultListOptions& options) {
  if (options.resource_group) core::check_resource_group(*options.resource_group);
  const auto settings = recovery_settings(runtime);
  vault::Service service(runtime.arm());
  const auto chosen = vault::read_choice(runtime.home());
  Console& console = runtime.console();
  ordered_json json = {{"vaults", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "GROUP", "REGION", "REDUNDANCY", "SOFT DELETE", "KEY", "DESCRIPTION"}};
  for (const auto& vault :
       vault::VaultManager(service).list(runtime.subscription(), options.resource_group, runtime.stop())) {
    const auto* known = configured(settings, vault.id);
    const bool in_use = chosen && core::equal_ignoring_case(chosen->id(), vault.id.id());
    json["vaults"].push_back(to_json(vault));
    json["vaults"].back()["key"] = known != nullptr ? known->key : "";
    json["vaults"].back()["description"] = known != nullptr ? known->description : "";
    json["vaults"].back()["inUse"] = in_use;
    rows.push_back({vault.id.name + (in_use ? " *" : ""), vault.id.resource_group, vault.location,
                    vault.redundancy, vault.soft_delete, known != nullptr ? known->key : "",
                    known != nullptr ? known->description : ""});
  }
  if (rows.size() == 1) console.line("No Recovery Services vaults");
  if (rows.size() > 1)
    for (const auto& line : in_columns(rows)) console.line(line);
  console.result(json, "vaults");
  return 0;
}

void print_vault(Console& console, const vault::Vault& vault, const std::string& description,
                 ordered_json json) {
  console.line(console.bold(vault.id.name) + (description.empty() ? "" : "  " + description));
  console.line("  Group:                " + vault.id.resource_group);
  console.line("  Region:               " + vault.location);
  console.line("  Redundancy:           " + vault.redundancy);
  console.line(std::string("  Cross-region restore: ") + (vault.cross_region_restore ? "on" : "off"));
  console.line(
      fmt::format("  Soft delete:          {} ({} days)", vault.soft_delete, vault.soft_delete_days));
  console.line("  Immutability:         " + vault.immutability);
  console.result(json);
}

void bind(CLI::App& command, VaultShowOptions& options) {
  bind_vault(command, options.vault);
  command.add_option("name", options.vault.vault, "Vault (as --vault)")
      ->excludes(command.get_option("--vault"));
  command.footer(
      "Example: azlin vault show my-vault\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const VaultShowOptions& options) {
  VaultSession session(runtime, options.vault);
  const auto vault = vault::VaultManager(session.service()).find(session.id(), runtime.stop());
  if (!vault)
    throw Error(ErrorKind::not_found, "there is no vault " + session.id().name,
                vault::help_for("ResourceNotFound", 404));
  const auto settings = recovery_settings(runtime);
  const auto* known = configured(settings, vault->id);
  auto json = to_json(*vault);
  json["description"] = known != nullptr ? known->description : "";
  print_vault(runtime.console(), *vault, known != nullptr ? known->description : "", json);
  return 0;
}

void bind_settings(CLI::App& command, VaultSettingFlags& flags) {
  command.add_option("--redundancy", flags.redundancy, "GeoRedundant, LocallyRedundant or ZoneRedundant")
      ->check(CLI::IsMember({"GeoRedundant", "LocallyRedundant", "ZoneRedundant"}));
  command
      .add_option("--cross-region-restore", flags.cross_region_restore,
                  "on or off; cannot be turned off again")
      ->check(CLI::IsMember({"on", "off"}));
  command.add_option("--soft-delete", flags.soft_delete, "Enabled, Disabled or AlwaysON (for good)")
      ->check(CLI::IsMember({"Enabled", "Disabled", "AlwaysON"}));
  command.add_option("--soft-delete-days", flags.soft_delete_days, "14 to 180")->check(CLI::Range(14, 180));
  command.add_option("--immutability", flags.immutability, "Disabled, Unlocked or Locked (for good)")
      ->check(CLI::IsMember({"Disabled", "Unlocked", "Locked"}));
}

vault::VaultSettings settings_of(const VaultSettingFlags& flags) {
  vault::VaultSettings settings;
  settings.redundancy = flags.redundancy;
  settings.soft_delete = flags.soft_delete;
  settings.soft_delete_days = flags.soft_delete_days;
  settings.immutability = flags.immutability;
  if (flags.cross_region_restore) settings.cross_region_restore = *flags.cross_region_restore == "on";
  return settings;
}

void bind(CLI::App& command, VaultCreateOptions& options) {
  command.add_option("name", options.name, "Name of the vault")->required();
  command.add_option("-g,--resource-group", options.resource_group, "Existing resource group")->required();
  command.add_option("-l,--location", options.location, "Region, such as eastus")->required();
  command.add_option("--tag", options.tags, "NAME=VALUE; may be repeated");
  bind_settings(command, options.settings);
  command.footer(
      "Example: azlin vault create spare-vault -g Production -l eastus --redundancy LocallyRedundant\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

std::map<std::string, std::string> parse_tags(const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> tags;
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Error(ErrorKind::usage, "'" + pair + "' is not NAME=VALUE");
    tags[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return tags;
}

// Where the vault is to be. The service itself refuses a group that is not there, but not in a dry run.
void check_place(Runtime& runtime, const VaultCreateOptions& options) {
  check_known_region(runtime, core::normalize_region(options.location));
  if (runtime.dry_run() && !azure::find_resource_group(runtime.arm(), runtime.subscription(),
                                                       options.resource_group, runtime.stop()))
    throw Error(ErrorKind::not_found, "there is no resource group " + options.resource_group,
                "`az group list -o table` shows those that this credential sees; nothing was changed");
}

int run(Runtime& runtime, const VaultCreateOptions& options) {
  recovery_settings(runtime);
  core::check_resource_group(options.resource_group);
  vault::check_vault_name(options.name);
  VaultSession session(runtime, vault::VaultId{runtime.subscription(), options.resource_group, options.name});
  vault::VaultManager vaults(session.service());
  check_place(runtime, options);
  if (vaults.find(session.id(), runtime.stop()))
    throw Error(ErrorKind::usage, "vault " + options.name + " exists already",
                "`azlin vault update` changes it");
  vault::Vault made;
  session.change(
      {"create", session.id().id(), options.name, ""},
      [&] {
        made = vaults.create(session.id(), options.location, parse_tags(options.tags),
                             settings_of(options.settings), runtime.stop());
        return std::string();
      },
      false);
  if (session.dry_run()) return session.print_planned();
  runtime.console().line("✓ Vault " + options.name + " created");
  print_vault(runtime.console(), made, "", to_json(made));
  return 0;
}

void bind(CLI::App& command, VaultUpdateOptions& options) {
  bind_vault(command, options.vault);
  bind_settings(command, options.settings);
  command.footer(
      "What is not stated stays as it is. AlwaysON, Locked and cross-region restore cannot be taken back.\n"
      "Example: azlin vault update --vault my-vault --soft-delete-days 30\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const VaultUpdateOptions& options) {
  const auto settings = settings_of(options.settings);
  if (settings.empty())
    throw Error(ErrorKind::usage, "nothing to change was stated", "see `azlin vault update --help`");
  VaultSession session(runtime, options.vault);
  const bool for_good = settings.soft_delete == "AlwaysON" || settings.immutability == "Locked" ||
                        settings.cross_region_restore.value_or(false);
  if (for_good && !session.dry_run()) {
    runtime.console().warn(fmt::format("This cannot be taken back for vault {}.", session.id().name));
    if (!runtime.console().confirm("changing vault " + session.id().name + " for good"))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  vault::Vault changed;
  session.change(
      {"update", session.id().id(), session.id().name, ""},
      [&] {
        changed = vault::VaultManager(session.service()).update(session.id(), settings, runtime.stop());
        return std::string();
      },
      false);
  if (session.dry_run()) return session.print_planned();
  runtime.console().line("✓ Vault " + session.id().name + " changed");
  print_vault(runtime.console(), changed, "", to_json(changed));
  return 0;
}

void bind(CLI::App& command, VaultDeleteOptions& options) {
  command.add_option("name", options.name, "Vault: a name, a key of config.toml, or an id")->required();
  command.add_option("-g,--resource-group", options.resource_group, "Resource group of the vault");
  command.footer(
      "Only an empty vault can be deleted.\n"
      "Example: azlin vault delete spare-vault\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const VaultDeleteOptions& options) {
  VaultSession session(runtime, VaultArgument{options.name, options.resource_group});
  vault::VaultManager vaults(session.service());
  if (!vaults.find(session.id(), runtime.stop()))
    throw Error(ErrorKind::not_found, "there is no vault " + session.id().name,
                vault::help_for("ResourceNotFound", 404));
  if (!session.dry_run()) {
    runtime.console().warn(
        fmt::format("Vault {} in {} will be deleted.", session.id().name, session.id().resource_group));
    if (!runtime.console().confirm("deleting vault " + session.id().name))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  session.change(
      {"delete", session.id().id(), session.id().name, ""},
      [&] {
        vaults.remove(session.id(), runtime.stop());
        return std::string();
      },
      false);
  if (session.dry_run()) return session.print_planned();
  runtime.console().line("✓ Vault " + session.id().name + " deleted");
  runtime.console().result({{"deleted", session.id().name}});
  return 0;
}

void bind(CLI::App& command, VaultUseOptions& options) {
  command.add_option("name", options.name, "Vault: a name, a key of config.toml, or an id")->required();
  command.add_option("-g,--resource-group", options.resource_group, "Resource group of the vault");
  command.footer(
      "Commands without --vault work with it from now on.\n"
      "Example: azlin vault use my-vault\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const VaultUseOptions& options) {
  VaultSession session(runtime, VaultArgument{options.name, options.resource_group});
  if (!vault::VaultManager(session.service()).find(session.id(), runtime.stop()))
    throw Error(ErrorKind::not_found, "there is no vault " + session.id().name,
                vault::help_for("ResourceNotFound", 404));
  if (!session.dry_run()) vault::write_choice(runtime.home(), session.id());
  runtime.console().line(
      fmt::format("✓ Using vault {} in {}", session.id().name, session.id().resource_group));
  runtime.console().result({{"vault", session.id().name}, {"id", session.id().id()}});
  return 0;
}

void bind(CLI::App& command, VaultTestOptions& options) {
  bind_vault(command, options.vault);
  command.footer(
      "Checks the endpoint, the token, the vault, and each RBAC action that the commands need.\n"
      "Example: azlin vault test-connection --vault my-vault\n"
      "Exit codes: 0 all is well, 2, 6 something is missing");
}

int run(Runtime& runtime, const VaultTestOptions& options) {
  VaultSession session(runtime, options.vault);
  Console& console = runtime.console();
  ordered_json json = {{"vault", session.id().name}, {"ok", true}, {"checks", ordered_json::array()}};
  for (const auto& check :
       vault::VaultManager(session.service()).test_connection(session.id(), runtime.stop())) {
    if (!check.ok) json["ok"] = false;
    json["checks"].push_back({{"check", check.what}, {"ok", check.ok}, {"detail", check.detail}});
    console.line(
        fmt::format("{} {}: {}", check.ok ? console.green("✓") : console.red("✗"), check.what, check.detail));
  }
  console.result(json, "checks");
  return json["ok"] == true ? 0 : core::exit_code(ErrorKind::findings);
}

}  // namespace

void add_vault_commands(CLI::App& root, Job& chosen) {
  CLI::App* group =
      add_group(root, "vault", "Recovery Services vaults: SAP HANA, SQL Server and VMs in Azure Backup");
  add_command<VaultListOptions>(*group, "list", "Vaults of the subscription", chosen);
  add_command<VaultShowOptions>(*group, "show", "One vault with its settings", chosen);
  add_command<VaultCreateOptions>(*group, "create", "Make a vault", chosen);
  add_command<VaultUpdateOptions>(*group, "update", "Change redundancy, soft delete, immutability", chosen);
  add_command<VaultDeleteOptions>(*group, "delete", "Delete an empty vault", chosen);
  add_command<VaultUseOptions>(*group, "use", "Choose the vault of the next commands", chosen);
  add_command<VaultTestOptions>(*group, "test-connection", "Check access and permissions", chosen);
  add_vault_vm_commands(*group, chosen);
  add_vault_item_commands(*group, chosen);
  add_vault_job_commands(*group, chosen);
}

}  // namespace azlin::cli
