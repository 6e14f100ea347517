// azlin vault register-vm and its sisters: VMs whose databases a vault can reach.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/vault/registration.hpp"
#include "cli/cmd_vault.hpp"
#include "cli/vault_session.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

namespace {

// -g is the vault's group here; the VM's has a flag of its own.
struct VmOptions {
  VaultArgument vault;
  std::string vm;
  std::optional<std::string> workload, vm_resource_group;
};
struct RegisterOptions : VmOptions {};
struct ReregisterOptions : VmOptions {};
struct UnregisterOptions : VmOptions {};
struct StatusOptions {
  VaultArgument vault;
  std::optional<std::string> vm, vm_resource_group;
};

ordered_json to_json(const vault::Container& container) {
  ordered_json json = {{"vm", container.friendly_name}, {"vmId", container.vm_id},
                       {"container", container.name},   {"status", container.status},
                       {"health", container.health},    {"inquiry", container.inquiry},
                       {"found", container.found},      {"updatedAt", nullptr}};
  if (container.updated_at) json["updatedAt"] = core::to_iso8601(*container.updated_at);
  return json;
}

std::string found_text(const vault::Container& container) {
  std::string text;
  for (const auto& [type, count] : container.found)
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, type);
  return text.empty() ? "none" : text;
}

void bind_vm_options(CLI::App& command, VmOptions& options, bool with_workload) {
  command.add_option("vm", options.vm, "Name of the VM")->required();
  command.add_option("--vm-resource-group", options.vm_resource_group, "Resource group of the VM");
  if (with_workload)
    command.add_option("--workload", options.workload,
                       "SAPHana or MSSQL (default: SAPHana; of a registered VM what is in it)");
  bind_vault(command, options.vault);
}

std::string vm_id_of(Runtime& runtime, const VmOptions& options) {
  return find_vm_id(runtime, options.vm, options.vm_resource_group);
}

vault::Workload database_workload(const std::string& text) {
  const auto workload = vault::parse_workload(text);
  if (workload == vault::Workload::vm)
    throw Error(ErrorKind::usage, "a VM is registered for the databases in it",
                "use --workload SAPHana or MSSQL; a VM itself needs "
                "no registration: `azlin vault protect <vm> --workload AzureVM`");
  return workload;
}

// Of a registered VM: what was found in it.
vault::Workload present_workload(vault::RegistrationManager& registrations, const std::string& vm_id,
                                 std::stop_token stop) {
  const auto container = registrations.require(vm_id, stop);
  const auto count = [&](const char* type) {
    const auto found = container.found.find(type);
    return found == container.found.end() ? 0 : found->second;
  };
  return count("SQL") > count("SAPHana") ? vault::Workload::sql : vault::Workload::hana;
}

int enroll(Runtime& runtime, const VmOptions& options, bool again) {
  if (options.workload) database_workload(*options.workload);
  VaultSession session(runtime, options.vault);
  const std::string vm_id = vm_id_of(runtime, options);
  vault::RegistrationManager registrations(session.service(), session.id());
  const auto workload = options.workload ? database_workload(*options.workload)
                        : again          ? present_workload(registrations, vm_id, runtime.stop())
                                         : vault::Workload::hana;
  vault::Container container;
  runtime.console().note(fmt::format("Registering {} with vault {} …", options.vm, session.id().name));
  session.change(
      {again ? "reregister" : "register", vm_id, options.vm, ""},
      [&] {
        container = again ? registrations.enroll_again(vm_id, workload, runtime.stop())
                          : registrations.enroll(vm_id, workload, runtime.stop());
        return std::string();
      },
      false);
  if (session.dry_run()) return session.print_planned();
  runtime.console().line(fmt::format("✓ {} is registered with vault {} ({} found)", options.vm,
                                     session.id().name, found_text(container)));
  runtime.console().result(to_json(container));
  return 0;
}

void bind(CLI::App& command, RegisterOptions& options) {
  bind_vm_options(command, options, true);
  command.footer(
      "Example: azlin vault register-vm prod-db-vm --workload SAPHana\n"
      "Exit codes: 0, 1, 2, 3, 5");
}
int run(Runtime& runtime, const RegisterOptions& options) {
  return enroll(runtime, options, false);
}

void bind(CLI::App& command, ReregisterOptions& options) {
  bind_vm_options(command, options, true);
  command.footer(
      "Repairs the workload extension of a registered VM.\n"
      "Example: azlin vault reregister-vm prod-db-vm\n"
      "Exit codes: 0, 1, 2, 3, 5");
}
int run(Runtime& runtime, const ReregisterOptions& options) {
  return enroll(runtime, options, true);
}

void bind(CLI::App& command, UnregisterOptions& options) {
  bind_vm_options(command, options, false);
  command.footer(
      "Stop protection of its databases first.\n"
      "Example: azlin vault unregister-vm prod-app-vm\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const UnregisterOptions& options) {
  VaultSession session(runtime, options.vault);
  const std::string vm_id = vm_id_of(runtime, options);
  if (!session.dry_run()) {
    runtime.console().warn(
        fmt::format("{} will be unregistered from vault {}.", options.vm, session.id().name));
    if (!runtime.console().confirm("unregistering " + options.vm))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  session.change(
      {"unregister", vm_id, options.vm, ""},
      [&] {
        vault::RegistrationManager(session.service(), session.id()).withdraw(vm_id, runtime.stop());
        return std::string();
      },
      false);
  if (session.dry_run()) return session.print_planned();
  runtime.console().line(
      fmt::format("✓ {} is no longer registered with vault {}", options.vm, session.id().name));
  runtime.console().result({{"unregistered", options.vm}, {"vault", session.id().name}});
  return 0;
}

void bind(CLI::App& command, StatusOptions& options) {
  command.add_option("vm", options.vm, "Name of a VM; none: all that are registered");
  command.add_option("--vm-resource-group", options.vm_resource_group, "Resource group of the VM");
  bind_vault(command, options.vault);
  command.footer(
      "Example: azlin vault registration-status prod-db-vm\n"
      "Exit codes: 0, 1, 2, 3 not registered, 5");
}

// With a vault unknown to us the service says which one has the VM.
std::string other_vault(VaultSession& session, const std::string& vm_id, const std::string& region) {
  const auto answer = session.service().send(
      "POST",
      fmt::format("/subscriptions/{}/providers/Microsoft.RecoveryServices/locations/{}/backupStatus",
                  session.id().subscription, region),
      {{"resourceType", "VM"}, {"resourceId", vm_id}}, "ask where the VM is protected", vault::kBackupVersion,
      session.runtime().stop());
  return answer.value("vaultId", "");
}

int show_one(VaultSession& session, const std::string& vm, const std::string& vm_id) {
  vault::RegistrationManager registrations(session.service(), session.id());
  const auto container = registrations.find(vm_id, session.runtime().stop());
  Console& console = session.console();
  if (!container) {
    const auto resource = session.service().get(session.id().id(), "read vault", vault::kVaultVersion,
                                                session.runtime().stop());
    const std::string elsewhere =
        session.dry_run() ? "" : other_vault(session, vm_id, resource.value("location", ""));
    ordered_json json = {
        {"vm", vm}, {"vmId", vm_id}, {"status", "NotRegistered"}, {"protectedBy", elsewhere}};
    console.line(fmt::format("{} is not registered with vault {}", vm, session.id().name));
    if (!elsewhere.empty()) console.line("  The VM itself is protected by " + elsewhere);
    console.line(fmt::format("  `azlin vault register-vm {}` registers it", vm));
    console.result(json);
    return core::exit_code(ErrorKind::not_found);
  }
  console.line(fmt::format("{}: {} ({}), databases and instances found: {}", vm, container->status,
                           container->health, found_text(*container)));
  console.result(to_json(*container));
  return 0;
}

int run(Runtime& runtime, const StatusOptions& options) {
  VaultSession session(runtime, options.vault);
  if (options.vm)
    return show_one(session, *options.vm, find_vm_id(runtime, *options.vm, options.vm_resource_group));
  Console& console = runtime.console();
  ordered_json json = {{"vms", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {{"VM", "STATUS", "HEALTH", "UPDATED"}};
  for (const auto& container :
       vault::RegistrationManager(session.service(), session.id()).list(runtime.stop())) {
    json["vms"].push_back(to_json(container));
    rows.push_back({container.friendly_name, container.status, container.health,
                    container.updated_at ? core::to_display(*container.updated_at) : ""});
  }
  if (rows.size() == 1) console.line("No VMs are registered with vault " + session.id().name);
  if (rows.size() > 1)
    for (const auto& line : in_columns(rows)) console.line(line);
  console.result(json, "vms");
  return 0;
}

}  // namespace

void add_vault_vm_commands(CLI::App& group, Job& chosen) {
  add_command<RegisterOptions>(group, "register-vm", "Register a VM for the backup of its databases", chosen);
  add_command<ReregisterOptions>(group, "reregister-vm", "Register again (troubleshooting)", chosen);
  add_command<UnregisterOptions>(group, "unregister-vm", "End the registration", chosen);
  add_command<StatusOptions>(group, "registration-status", "Which VMs are registered", chosen);
}

}  // namespace azlin::cli
