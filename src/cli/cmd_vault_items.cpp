// azlin vault protectable, protect, unprotect, undelete, items.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"
#include "azlin/vault/policies.hpp"
#include "azlin/vault/registration.hpp"
#include "cli/cmd_vault.hpp"
#include "cli/list_stream.hpp"
#include "cli/vault_session.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using vault::ItemQuery;
using vault::ProtectableItem;
using vault::ProtectedItem;
using vault::Workload;

namespace {

struct ItemArgument {
  VaultArgument vault;
  std::optional<std::string> item, server, workload;
};
struct ProtectableOptions : ItemArgument {
  bool refresh = false;
};
struct ProtectOptions : ItemArgument {
  std::string policy;
  bool all = false, automatic = false, no_wait = false;
};
struct UnprotectOptions : ItemArgument {
  bool all = false, delete_data = false, no_wait = false;
};
struct UndeleteOptions : ItemArgument {
  bool all = false, no_wait = false;
};
struct ItemsOptions : ItemArgument {
  std::optional<std::string> policy;
  bool deleted = false, secondary = false;
};

void bind_item(CLI::App& command, ItemArgument& argument, const char* help) {
  command.add_option("item", argument.item, help);
  command.add_option("--server", argument.server, "Name of the VM that holds it");
  command.add_option("--workload", argument.workload, "SAPHana, MSSQL or AzureVM");
  bind_vault(command, argument.vault);
}

ItemQuery query_of(const ItemArgument& argument) {
  ItemQuery query;
  query.name = argument.item.value_or("");
  query.server = argument.server.value_or("");
  if (argument.workload) query.workload = vault::parse_workload(*argument.workload);
  return query;
}

// One item, or --all: exactly one of them, and --all needs --server or a workload, so that nobody sweeps a
// vault by mistake.
void check_selection(const ItemArgument& argument, bool all) {
  if (all == argument.item.has_value())
    throw Error(ErrorKind::usage, "name one item, or say --all",
                "such as HXE/SYSTEMDB, or --all --server saphana-vm1");
}

ordered_json to_json(const ProtectedItem& item) {
  ordered_json json = {{"name", item.friendly_name},
                       {"instance", item.parent},
                       {"server", item.server},
                       {"workload", to_string(item.workload)},
                       {"state", item.state},
                       {"health", item.health},
                       {"lastBackupStatus", item.last_backup_status},
                       {"lastBackupAt", nullptr},
                       {"policy", item.policy_name},
                       {"softDeleted", item.soft_deleted},
                       {"softDeleteRemaining", item.soft_delete_remaining},
                       {"id", item.id}};
  if (item.last_backup) json["lastBackupAt"] = core::to_iso8601(*item.last_backup);
  return json;
}

ordered_json to_json(const ProtectableItem& item) {
  return {{"name", item.friendly_name},
          {"instance", item.parent},
          {"server", item.server},
          {"workload", to_string(item.workload)},
          {"type", item.type},
          {"protectable", item.protectable},
          {"autoProtectable", item.auto_protectable},
          {"autoProtected", item.auto_protected},
          {"id", item.id}};
}

// ---- protectable ----

void bind(CLI::App& command, ProtectableOptions& options) {
  bind_item(command, options, "Name, or INSTANCE/DATABASE; none: all");
  command.add_flag("--refresh", options.refresh, "Look for new databases first");
  command.footer(
      "Example: azlin vault protectable --server prod-db-vm\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

// Asks every registered VM, or the one named, for new databases.
void refresh(VaultSession& session, const ItemArgument& argument) {
  vault::RegistrationManager registrations(session.service(), session.id());
  for (const auto& container : registrations.list(session.runtime().stop())) {
    if (argument.server && !core::equal_ignoring_case(container.friendly_name, *argument.server)) continue;
    for (const auto workload : {Workload::hana, Workload::sql}) {
      if (argument.workload && vault::parse_workload(*argument.workload) != workload) continue;
      registrations.rediscover(container, workload, session.runtime().stop());
    }
  }
}

int run(Runtime& runtime, const ProtectableOptions& options) {
  VaultSession session(runtime, options.vault);
  if (options.refresh) refresh(session, options);
  ListStream rows(runtime.console(), "items",
                  {"NAME", "INSTANCE", "SERVER", "WORKLOAD", "TYPE", "PROTECTABLE"});
  session.protection().each_protectable(
      query_of(options),
      [&](ProtectableItem&& item) {
        rows.add({item.friendly_name, item.parent, item.server, to_string(item.workload), item.type,
                  item.auto_protected     ? "automatic"
                  : item.protectable      ? "yes"
                  : item.auto_protectable ? "--auto"
                                          : "no"},
                 [&] { return to_json(item); });
        return true;
      },
      runtime.stop());
  rows.end(
      "Nothing to protect: `azlin vault register-vm` makes a VM's databases known, --refresh looks for new "
      "ones");
  return 0;
}

// ---- protect ----

void bind(CLI::App& command, ProtectOptions& options) {
  bind_item(command, options, "Name, or INSTANCE/DATABASE; a VM's name with --workload AzureVM");
  command.add_option("--policy", options.policy, "Name of the policy")->required();
  command.add_flag("--all", options.all, "Every unprotected database of --server");
  command.add_flag("--auto", options.automatic, "All databases of a SQL instance, also later ones");
  command.add_flag("--no-wait", options.no_wait, "Print the job's id and return");
  command.footer(
      "Of an item that is protected already, changes the policy; of one whose protection was stopped, "
      "resumes it.\n"
      "Example: azlin vault protect HXE/HXE --policy hana-daily\n"
      "Exit codes: 0, 1, 2, 3, 4 some failed, 5");
}

// A protected item of that name, if there is one: then the policy is changed or protection resumed.
std::optional<ProtectedItem> existing_item(VaultSession& session, const ItemQuery& query) {
  std::optional<ProtectedItem> found;
  int count = 0;
  session.protection().each_item(
      query,
      [&](ProtectedItem&& item) {
        found = std::move(item);
        return ++count < 2;
      },
      false, session.runtime().stop());
  return count == 1 ? found : std::nullopt;
}

vault::Policy policy_for(VaultSession& session, const std::string& name, Workload workload) {
  auto policy = vault::PolicyManager(session.service(), session.id()).require(name, session.runtime().stop());
  if (policy.workload && *policy.workload != workload)
    throw Error(ErrorKind::usage,
                fmt::format("policy {} is for {}, and this is {}", name, to_string(*policy.workload),
                            to_string(workload)),
                fmt::format("`azlin policy list --workload {}` shows those that fit", to_string(workload)));
  return policy;
}

int protect_all(VaultSession& session, const ProtectOptions& options) {
  if (!options.server)
    throw Error(ErrorKind::usage, "--all needs --server", "it protects the databases of one VM");
  std::vector<ProtectableItem> wanted;
  session.protection().each_protectable(
      query_of(options),
      [&](ProtectableItem&& item) {
        if (item.protectable && item.type != "SAPHanaDBInstance") wanted.push_back(std::move(item));
        return true;
      },
      session.runtime().stop());
  if (wanted.empty())
    throw Error(ErrorKind::not_found, "nothing on " + *options.server + " is unprotected",
                vault::help_for("BMSUserErrorDataSourceObjectNotFound", 404));
  std::map<std::string, ProtectableItem> by_id;
  std::vector<ProtectedItem> items;
  for (const auto& item : wanted) {
    ProtectedItem row;
    row.id = item.id;
    row.friendly_name = item.friendly_name;
    row.parent = item.parent;
    row.server = item.server;
    row.workload = item.workload;
    items.push_back(row);
    by_id[item.id] = item;
  }
  if (!session.dry_run()) {
    for (const auto& item : items) session.console().note("  " + item_label(item));
    if (!session.console().confirm(fmt::format("protecting {} databases", items.size())))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  return run_bulk(session, "protected", items, [&](const ProtectedItem& item) {
    const auto policy = policy_for(session, options.policy, item.workload);
    return session.change(
        {"protect", item.id, item_label(item), ""},
        [&] { return session.protection().protect(by_id.at(item.id), policy.id, session.runtime().stop()); },
        !options.no_wait);
  });
}

int protect_vm(VaultSession& session, const ProtectOptions& options) {
  const auto policy = policy_for(session, options.policy, Workload::vm);
  const std::string vm_id = find_vm_id(session.runtime(), *options.item, std::nullopt);
  std::string job;
  const auto done = session.change(
      {"protect", vm_id, *options.item, ""},
      [&] { return job = session.protection().protect_vm(vm_id, policy.id, session.runtime().stop()); },
      !options.no_wait);
  return report_job(session, fmt::format("{} is protected by policy {}", *options.item, options.policy), job,
                    done);
}

int run(Runtime& runtime, const ProtectOptions& options) {
  check_selection(options, options.all);
  VaultSession session(runtime, options.vault);
  if (options.all) return protect_all(session, options);
  const ItemQuery query = query_of(options);
  auto protection = session.protection();
  if (options.automatic) {
    const auto instance = protection.require_protectable(query, runtime.stop());
    const auto policy = policy_for(session, options.policy, instance.workload);
    session.change(
        {"protect", instance.id, item_label(instance), ""},
        [&] {
          protection.auto_protect(instance, policy.id, runtime.stop());
          return std::string();
        },
        false);
    if (session.dry_run()) return session.print_planned();
    runtime.console().line(fmt::format("✓ Databases of {} are protected automatically by {}",
                                       item_label(instance), options.policy));
    runtime.console().result(
        {{"instance", instance.friendly_name}, {"policy", options.policy}, {"automatic", true}});
    return 0;
  }
  std::string job;
  if (const auto item = existing_item(session, query)) {
    const auto policy = policy_for(session, options.policy, item->workload);
    const auto done = session.change(
        {"policy", item->id, item_label(*item), ""},
        [&] { return job = protection.set_policy(*item, policy.id, runtime.stop()); }, !options.no_wait);
    return report_job(session, fmt::format("{} is protected by policy {}", item_label(*item), options.policy),
                      job, done);
  }
  if (query.workload == Workload::vm) return protect_vm(session, options);
  const auto item = protection.require_protectable(query, runtime.stop());
  const auto policy = policy_for(session, options.policy, item.workload);
  const auto done = session.change(
      {"protect", item.id, item_label(item), ""},
      [&] { return job = protection.protect(item, policy.id, runtime.stop()); }, !options.no_wait);
  return report_job(session, fmt::format("{} is protected by policy {}", item_label(item), options.policy),
                    job, done);
}

// ---- unprotect, undelete ----

std::vector<ProtectedItem> selected(VaultSession& session, const ItemArgument& argument, bool all,
                                    const std::function<bool(const ProtectedItem&)>& wanted) {
  auto protection = session.protection();
  if (!all) return {protection.require_item(query_of(argument), false, session.runtime().stop())};
  if (!argument.server && !argument.workload)
    throw Error(ErrorKind::usage, "--all needs --server or --workload",
                "so that nobody sweeps a whole vault by mistake");
  std::vector<ProtectedItem> items;
  protection.each_item(
      query_of(argument),
      [&](ProtectedItem&& item) {
        if (wanted(item)) items.push_back(std::move(item));
        return true;
      },
      false, session.runtime().stop());
  if (items.empty())
    throw Error(ErrorKind::not_found, "no such items in vault " + session.id().name,
                "`azlin vault items` lists them");
  return items;
}

void bind(CLI::App& command, UnprotectOptions& options) {
  bind_item(command, options, "Name, or INSTANCE/DATABASE");
  command.add_flag("--all", options.all, "Every item of --server or --workload");
  command.add_flag("--delete-backup-data", options.delete_data,
                   "Also delete the backups (kept for some days by soft delete)");
  command.add_flag("--no-wait", options.no_wait, "Print the job's id and return");
  command.footer(
      "Without --delete-backup-data the backups are kept.\n"
      "Example: azlin vault unprotect HXE/HXE\n"
      "Exit codes: 0, 1, 2, 3, 4 some failed, 5");
}

int run(Runtime& runtime, const UnprotectOptions& options) {
  check_selection(options, options.all);
  VaultSession session(runtime, options.vault);
  const auto items = selected(session, options, options.all, [&](const ProtectedItem& item) {
    return !item.soft_deleted && (options.delete_data || item.state != "ProtectionStopped");
  });
  const std::string what = options.delete_data ? "deleting the backups of " : "stopping the protection of ";
  const std::string count =
      items.size() == 1 ? item_label(items.front()) : fmt::format("{} items", items.size());
  if (!session.dry_run()) {
    for (const auto& item : items) runtime.console().warn("  " + item_label(item));
    runtime.console().warn(options.delete_data ? "Their protection ends and their backups will be deleted."
                                               : "Their protection ends; their backups are kept.");
    if (!runtime.console().confirm(what + count))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  auto protection = session.protection();
  std::string name;
  const auto one = [&](const ProtectedItem& item) {
    return session.change(
        {options.delete_data ? "delete-data" : "unprotect", item.id, item_label(item), ""},
        [&] {
          return name = options.delete_data ? protection.delete_data(item, runtime.stop())
                                            : protection.stop_protection(item, runtime.stop());
        },
        !options.no_wait);
  };
  const std::string verb = options.delete_data ? "unprotected, backups deleted" : "unprotected, backups kept";
  if (options.all) return run_bulk(session, verb, items, one);
  const auto job = one(items.front());
  if (options.delete_data && !session.dry_run())
    runtime.console().note("Where soft delete is on, `azlin vault undelete` brings them back for some days");
  return report_job(session, item_label(items.front()) + ": " + verb, name, job);
}

void bind(CLI::App& command, UndeleteOptions& options) {
  bind_item(command, options, "Name, or INSTANCE/DATABASE");
  command.add_flag("--all", options.all, "Every soft deleted item of --server or --workload");
  command.add_flag("--no-wait", options.no_wait, "Print the job's id and return");
  command.footer(
      "Protection stays stopped: `azlin vault protect` resumes it.\n"
      "Example: azlin vault undelete HXE/HXE\n"
      "Exit codes: 0, 1, 2, 3, 4 some failed, 5");
}

int run(Runtime& runtime, const UndeleteOptions& options) {
  check_selection(options, options.all);
  VaultSession session(runtime, options.vault);
  const auto items =
      selected(session, options, options.all, [](const ProtectedItem& item) { return item.soft_deleted; });
  auto protection = session.protection();
  std::string name;
  const auto one = [&](const ProtectedItem& item) {
    return session.change(
        {"undelete", item.id, item_label(item), ""},
        [&] { return name = protection.undelete(item, runtime.stop()); }, !options.no_wait);
  };
  if (options.all) return run_bulk(session, "undeleted", items, one);
  const auto job = one(items.front());
  return report_job(session, item_label(items.front()) + " is undeleted; its protection is stopped", name,
                    job);
}

// ---- items ----

void bind(CLI::App& command, ItemsOptions& options) {
  bind_item(command, options, "Name, or INSTANCE/DATABASE; none: all");
  command.add_option("--policy", options.policy, "Only those of this policy");
  command.add_flag("--deleted", options.deleted, "Only soft deleted ones");
  command.add_flag("--cross-region", options.secondary, "What has reached the paired region");
  command.footer(
      "Example: azlin vault items --server prod-db-vm\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const ItemsOptions& options) {
  VaultSession session(runtime, options.vault);
  ListStream rows(runtime.console(), "items",
                  {"NAME", "INSTANCE", "SERVER", "WORKLOAD", "STATE", "LAST BACKUP", "POLICY"});
  session.protection().each_item(
      query_of(options),
      [&](ProtectedItem&& item) {
        if (options.policy && !core::equal_ignoring_case(*options.policy, item.policy_name)) return true;
        if (options.deleted && !item.soft_deleted) return true;
        rows.add({item.friendly_name, item.parent, item.server, to_string(item.workload),
                  item.soft_deleted
                      ? "soft deleted, " +
                            item.soft_delete_remaining.substr(0, item.soft_delete_remaining.find('.')) +
                            " days left"
                      : item.state,
                  item.last_backup ? core::to_display_minutes(*item.last_backup) : "never", item.policy_name},
                 [&] { return to_json(item); });
        return true;
      },
      options.secondary, runtime.stop());
  rows.end("No protected items");
  return 0;
}

}  // namespace

void add_vault_item_commands(CLI::App& group, Job& chosen) {
  add_command<ProtectableOptions>(group, "protectable", "What can be protected", chosen);
  add_command<ProtectOptions>(group, "protect", "Protect a database or VM, change its policy, or resume",
                              chosen);
  add_command<UnprotectOptions>(group, "unprotect", "Stop protection, keeping or deleting the backups",
                                chosen);
  add_command<UndeleteOptions>(group, "undelete", "Bring a soft deleted item back", chosen);
  add_command<ItemsOptions>(group, "items", "What is protected", chosen);
}

}  // namespace azlin::cli
