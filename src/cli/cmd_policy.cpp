// azlin policy: backup policies of a vault.
#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/vault/policies.hpp"
#include "cli/command.hpp"
#include "cli/vault_session.hpp"

namespace azlin::cli {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;
using vault::PolicySpec;

namespace {

struct PolicyFlags {
  std::optional<std::string> workload, file, time, time_zone;
  std::vector<std::string> full_days, differential_days, incremental_days;
  std::optional<int> keep_days, keep_weeks, keep_months, keep_years, differential_keep, incremental_keep,
      log_every, log_keep, instant_days, every_hours;
  bool daily = false, no_differential = false, no_log = false, compression = false, use_template = false;
};
struct PolicyCreateOptions {
  VaultArgument vault;
  std::string name;
  PolicyFlags flags;
};
struct PolicyUpdateOptions {
  VaultArgument vault;
  std::string name;
  PolicyFlags flags;
};
struct PolicyListOptions {
  VaultArgument vault;
  std::optional<std::string> workload;
};
struct PolicyNameOptions {
  VaultArgument vault;
  std::string name;
};
struct PolicyShowOptions : PolicyNameOptions {};
struct PolicyDeleteOptions : PolicyNameOptions {};

void bind_flags(CLI::App& command, PolicyFlags& flags) {
  command.add_option("--workload", flags.workload, "SAPHana, MSSQL or AzureVM");
  command.add_option("--file", flags.file, "A JSON or YAML file (docs/vault.md), or the service's own body");
  command.add_option("--time", flags.time, "Time of day of scheduled backups, HH:MM");
  command.add_option("--time-zone", flags.time_zone, "A Windows time zone id, such as \"UTC\"");
  command.add_flag("--daily", flags.daily, "Full backups every day");
  command.add_option("--full-days", flags.full_days, "Days of full backups, such as Sunday")->delimiter(',');
  command.add_option("--keep-days", flags.keep_days, "Days that daily full backups are kept");
  command.add_option("--keep-weeks", flags.keep_weeks, "Weeks that weekly full backups are kept");
  command.add_option("--keep-months", flags.keep_months, "Months that the first of a month is kept");
  command.add_option("--keep-years", flags.keep_years, "Years that the first of January is kept");
  command.add_option("--differential-days", flags.differential_days, "Days of differential backups")
      ->delimiter(',');
  command.add_option("--differential-keep-days", flags.differential_keep, "Days that they are kept");
  command.add_flag("--no-differential", flags.no_differential, "No differential backups");
  command.add_option("--incremental-days", flags.incremental_days, "Days of incremental backups (SAP HANA)")
      ->delimiter(',');
  command.add_option("--incremental-keep-days", flags.incremental_keep, "Days that they are kept");
  command.add_option("--log-every", flags.log_every, "Minutes between log backups");
  command.add_option("--log-keep-days", flags.log_keep, "Days that logs are kept");
  command.add_flag("--no-log", flags.no_log, "No log backups (SQL Server)");
  command.add_flag("--compression", flags.compression, "Compress backups (SQL Server)");
  command.add_option("--instant-days", flags.instant_days, "Days that VM snapshots are kept");
  command.add_option("--every-hours", flags.every_hours, "VM backups every 4, 6, 8 or 12 hours");
}

template <class Value, class Into>
void take(const std::optional<Value>& value, Into& into) {
  if (value) into = *value;
}

// The template of the workload, changed by the flags.
PolicySpec spec_of(const PolicyFlags& flags) {
  PolicySpec spec = vault::template_policy(vault::parse_workload(*flags.workload));
  take(flags.time, spec.time);
  take(flags.time_zone, spec.time_zone);
  const bool vm = spec.workload == vault::Workload::vm;
  if (flags.daily && !flags.full_days.empty())
    throw Error(ErrorKind::usage, "--daily and --full-days exclude each other");
  if (flags.daily && !vm) {
    spec.full_days.clear();
    spec.full = {30, 0, 0, 0};
    spec.differential_days.clear();  // they need weekly full backups
    spec.differential_keep_days = 0;
  }
  if (!flags.full_days.empty()) {
    spec.full_days = flags.full_days;
    if (vm) spec.full = {0, 12, 12, 0};
  }
  take(flags.keep_days, spec.full.days);
  take(flags.keep_weeks, spec.full.weeks);
  take(flags.keep_months, spec.full.months);
  take(flags.keep_years, spec.full.years);
  if (flags.no_differential || !flags.incremental_days.empty()) {
    spec.differential_days.clear();
    spec.differential_keep_days = 0;
  }
  if (!flags.differential_days.empty()) {
    spec.differential_days = flags.differential_days;
    if (spec.differential_keep_days == 0) spec.differential_keep_days = 30;
  }
  take(flags.differential_keep, spec.differential_keep_days);
  if (!flags.incremental_days.empty()) {
    spec.incremental_days = flags.incremental_days;
    spec.incremental_keep_days = 30;
  }
  take(flags.incremental_keep, spec.incremental_keep_days);
  if (flags.no_log) spec.log_minutes = spec.log_keep_days = 0;
  take(flags.log_every, spec.log_minutes);
  take(flags.log_keep, spec.log_keep_days);
  take(flags.instant_days, spec.instant_days);
  take(flags.every_hours, spec.every_hours);
  spec.compression = flags.compression;
  return spec;
}

nlohmann::json body_of(const PolicyFlags& flags) {
  if (flags.file) return vault::policy_from_json(core::read_input_file(*flags.file, "policy file"));
  if (!flags.workload)
    throw Error(ErrorKind::usage, "the policy's --workload or --file is missing",
                "SAPHana, MSSQL or AzureVM; the rest has defaults");
  const PolicySpec spec = spec_of(flags);
  vault::check_policy(spec);
  return vault::policy_body(spec);
}

std::string workload_text(const vault::Policy& policy) {
  return policy.workload ? to_string(*policy.workload) : "other";
}

ordered_json to_json(const vault::Policy& policy) {
  return {{"name", policy.name},
          {"workload", workload_text(policy)},
          {"timeZone", policy.time_zone},
          {"schedules", policy.schedules},
          {"retentions", policy.retentions},
          {"items", policy.items},
          {"id", policy.id},
          {"properties", policy.properties}};
}

void print_policy(Console& console, const vault::Policy& policy) {
  console.line(
      fmt::format("{} ({}, {})", console.bold(policy.name), workload_text(policy), policy.time_zone));
  for (const auto& line : policy.schedules) console.line("  Schedule:  " + line);
  for (const auto& line : policy.retentions) console.line("  Retention: " + line);
  console.line(fmt::format("  Protected items: {}", policy.items));
  console.result(to_json(policy));
}

int write(Runtime& runtime, const VaultArgument& argument, const std::string& name,
          const nlohmann::json& body, bool fresh) {
  if (fresh) vault::check_policy_name(name);
  VaultSession session(runtime, argument);
  vault::PolicyManager policies(session.service(), session.id());
  const auto existing = policies.find(name, runtime.stop());
  if (fresh && existing)
    throw Error(ErrorKind::usage, "policy " + name + " exists already", "`azlin policy update` changes it");
  if (!fresh && !existing) policies.require(name, runtime.stop());
  if (!fresh && existing->items > 0 && !session.dry_run()) {
    runtime.console().warn(fmt::format(
        "{} items follow this policy; a shorter retention also lets go of older backups.", existing->items));
    if (!runtime.console().confirm("changing policy " + name))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  vault::Policy policy;
  session.change(
      {fresh ? "policy-create" : "policy-update", session.id().id() + "/backupPolicies/" + name, name, ""},
      [&] {
        policy = policies.put(name, body, runtime.stop());
        return std::string();
      },
      false);
  if (session.dry_run()) return session.print_planned();
  runtime.console().line(fmt::format("✓ Policy {} {}", name, fresh ? "created" : "changed"));
  print_policy(runtime.console(), policy);
  return 0;
}

void bind(CLI::App& command, PolicyCreateOptions& options) {
  command.add_option("name", options.name, "Name of the policy");
  bind_flags(command, options.flags);
  command.add_flag(
      "--template", options.flags.use_template,
      "Without a name, print the policy that the flags make; with one, create it from the defaults");
  bind_vault(command, options.vault);
  command.footer(
      "What is not stated has sane defaults: weekly full on Sunday kept 12 weeks and 12 months, differential "
      "on\n"
      "Wednesday kept 30 days, logs every 15 (SAPHana) or 60 (MSSQL) minutes kept 15 days; VMs daily, kept "
      "30 days.\n"
      "Example: azlin policy create hana-daily --workload SAPHana --daily --keep-days 14\n"
      "Exit codes: 0, 1, 2, 5");
}

int run(Runtime& runtime, const PolicyCreateOptions& options) {
  PolicyFlags flags = options.flags;
  if (flags.use_template && !flags.workload && !flags.file) flags.workload = "SAPHana";
  const auto body = body_of(flags);
  if (options.name.empty()) {
    if (!flags.use_template) throw Error(ErrorKind::usage, "the policy's name is missing");
    runtime.console().line(nlohmann::json{{"properties", body}}.dump(2));
    runtime.console().result({{"properties", body}});
    return 0;
  }
  return write(runtime, options.vault, options.name, body, true);
}

void bind(CLI::App& command, PolicyUpdateOptions& options) {
  command.add_option("name", options.name, "Name of the policy")->required();
  bind_flags(command, options.flags);
  bind_vault(command, options.vault);
  command.footer(
      "The policy is written anew: what is not stated gets its default.\n"
      "Example: azlin policy update hana-daily --workload SAPHana --daily --keep-days 30\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const PolicyUpdateOptions& options) {
  return write(runtime, options.vault, options.name, body_of(options.flags), false);
}

void bind(CLI::App& command, PolicyListOptions& options) {
  command.add_option("--workload", options.workload, "SAPHana, MSSQL or AzureVM");
  bind_vault(command, options.vault);
  command.footer(
      "Example: azlin policy list --workload SAPHana\n"
      "Exit codes: 0, 1, 2, 5");
}

int run(Runtime& runtime, const PolicyListOptions& options) {
  VaultSession session(runtime, options.vault);
  std::optional<vault::Workload> workload;
  if (options.workload) workload = vault::parse_workload(*options.workload);
  Console& console = runtime.console();
  ordered_json json = {{"policies", ordered_json::array()}};
  std::vector<std::vector<std::string>> rows = {{"NAME", "WORKLOAD", "ITEMS", "SCHEDULE"}};
  for (const auto& policy :
       vault::PolicyManager(session.service(), session.id()).list(workload, runtime.stop())) {
    json["policies"].push_back(to_json(policy));
    rows.push_back({policy.name, workload_text(policy), std::to_string(policy.items),
                    policy.schedules.empty() ? "" : fmt::format("{}", fmt::join(policy.schedules, "; "))});
  }
  if (rows.size() == 1) console.line("No such policies");
  if (rows.size() > 1)
    for (const auto& line : in_columns(rows)) console.line(line);
  console.result(json, "policies");
  return 0;
}

void bind_name(CLI::App& command, PolicyNameOptions& options) {
  command.add_option("name", options.name, "Name of the policy")->required();
  bind_vault(command, options.vault);
}
void bind(CLI::App& command, PolicyShowOptions& options) {
  bind_name(command, options);
  command.footer(
      "Example: azlin policy show hana-daily\n"
      "Exit codes: 0, 1, 2, 3, 5");
}
void bind(CLI::App& command, PolicyDeleteOptions& options) {
  bind_name(command, options);
  command.footer(
      "Example: azlin policy delete hana-weekly\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const PolicyShowOptions& options) {
  VaultSession session(runtime, options.vault);
  print_policy(runtime.console(),
               vault::PolicyManager(session.service(), session.id()).require(options.name, runtime.stop()));
  return 0;
}

int run(Runtime& runtime, const PolicyDeleteOptions& options) {
  VaultSession session(runtime, options.vault);
  vault::PolicyManager policies(session.service(), session.id());
  const auto policy = policies.require(options.name, runtime.stop());
  if (!session.dry_run()) {
    runtime.console().warn(fmt::format("Policy {} will be deleted.", policy.name));
    if (!runtime.console().confirm("deleting policy " + policy.name))
      throw core::Error(core::ErrorKind::failed, "not confirmed: nothing was changed");
  }
  session.change(
      {"policy-delete", policy.id, policy.name, ""},
      [&] {
        policies.remove(policy.name, runtime.stop());
        return std::string();
      },
      false);
  if (session.dry_run()) return session.print_planned();
  runtime.console().line("✓ Policy " + policy.name + " deleted");
  runtime.console().result({{"deleted", policy.name}});
  return 0;
}

}  // namespace

void add_policy_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "policy", "Backup policies of a Recovery Services vault");
  add_command<PolicyCreateOptions>(*group, "create", "Make a policy", chosen);
  add_command<PolicyListOptions>(*group, "list", "Policies of the vault", chosen);
  add_command<PolicyShowOptions>(*group, "show", "One policy", chosen);
  add_command<PolicyUpdateOptions>(*group, "update", "Write a policy anew", chosen);
  add_command<PolicyDeleteOptions>(*group, "delete", "Delete a policy that nothing uses", chosen);
}

}  // namespace azlin::cli
