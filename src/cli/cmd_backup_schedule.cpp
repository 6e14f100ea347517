// azlin backup configure, disable, config-show, forecast.
#include <fmt/format.h>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "cli/backup_view.hpp"
#include "cli/cmd_backup.hpp"
#include "cli/dry_run.hpp"
#include "cli/vault_engine.hpp"
#include "cli/vm_argument.hpp"

namespace azlin::cli {

namespace {

using backup::Tier;
using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

struct ConfigureOptions {
  VmArgument vm;
  std::optional<int> daily, weekly, monthly;
  bool no_weekly = false, no_monthly = false;
  bool cross_region = false, no_cross_region = false;
  std::optional<std::string> target_region, engine, vault;
  bool replace = false;
};
struct DisableOptions {
  VmArgument vm;
};
struct ConfigShowOptions {
  VmArgument vm;
};
struct ForecastOptions {
  VmArgument vm;
  std::string on;
};

backup::BackupManager manager(Runtime& runtime) {
  return {runtime.arm(), runtime.journal(), runtime.clock(), runtime.journal_path()};
}

void bind(CLI::App& command, ConfigureOptions& options) {
  bind_vm(command, options.vm);
  command.add_option("--daily-retention", options.daily, "Days to keep daily backups (default 7)")
      ->type_name("DAYS");
  command.add_option("--weekly-retention", options.weekly, "Weeks to keep weekly backups (default 4)")
      ->type_name("WEEKS");
  command.add_option("--monthly-retention", options.monthly, "Months to keep monthly backups (default 12)")
      ->type_name("MONTHS");
  command.add_flag("--no-weekly", options.no_weekly, "Take no weekly backups");
  command.add_flag("--no-monthly", options.no_monthly, "Take no monthly backups");
  command.add_flag("--cross-region", options.cross_region, "Replicate each backup to --target-region");
  command.add_flag("--no-cross-region", options.no_cross_region, "Do not replicate");
  command.add_option("--target-region", options.target_region, "Where replicas go, e.g. westus2")
      ->type_name("REGION");
  command.add_flag("--replace", options.replace,
                   "Write the schedule anew although the one that is there cannot be read");
  command
      .add_option("--engine", options.engine,
                  "snapshot: disk snapshots that azlin takes; azure-backup: a vault's policy, run by Azure")
      ->check(CLI::IsMember({"snapshot", "azure-backup"}));
  command.add_option("--vault", options.vault, "With --engine azure-backup: the vault (as `azlin vault`)")
      ->type_name("NAME");
  command.footer(
      "What is not stated stays as it is. A lower number deletes recovery points: they are shown first.\n"
      "Example: azlin backup configure prod-db-vm --daily-retention 7 --cross-region --target-region "
      "westus2\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

backup::ScheduleChange change_of(const ConfigureOptions& options) {
  if (options.cross_region && options.no_cross_region) {
    throw Error(ErrorKind::usage, "--cross-region and --no-cross-region contradict each other",
                "nothing was changed");
  }
  backup::ScheduleChange change;
  change.daily = options.daily;
  change.weekly = options.weekly;
  change.monthly = options.monthly;
  change.no_weekly = options.no_weekly;
  change.no_monthly = options.no_monthly;
  if (options.cross_region) change.cross_region = true;
  if (options.no_cross_region) change.cross_region = false;
  if (options.target_region) change.target_region = core::normalize_region(*options.target_region);
  return change;
}

void check_positive(const std::optional<int>& value, const char* flag) {
  if (value && *value < 1)
    throw Error(ErrorKind::usage, fmt::format("{} must be positive, not {}", flag, *value),
                "nothing was changed");
}

// True: go on.
bool confirm_losses(Runtime& runtime, const backup::ConfigurePlan& plan) {
  if (plan.would_go.empty()) return true;
  Console& console = runtime.console();
  console.warn(fmt::format("the new numbers let {} go that the old ones keep:",
                           core::counted(plan.would_go.size(), "backup")));
  for (const auto& decision : plan.would_go)
    console.warn(fmt::format("  {}  {}", decision.point.name, decision.reason));
  return console.confirm("lowering the retention");
}

int run(Runtime& runtime, const ConfigureOptions& options) {
  check_positive(options.daily, "--daily-retention");
  check_positive(options.weekly, "--weekly-retention");
  check_positive(options.monthly, "--monthly-retention");
  const auto change = change_of(options);
  auto backups = manager(runtime);
  const auto vm = resolve_vm(runtime, options.vm);
  const auto vault = engine_of(runtime, vm);
  if (options.engine ? *options.engine == "azure-backup" : vault.has_value())
    return configure_in_vault(runtime, vm, vault, {options.vault, std::nullopt}, change);
  if (options.vault)
    throw Error(ErrorKind::usage, "--vault goes with --engine azure-backup", "nothing was changed");
  const auto plan = backups.plan_configure(vm, change, options.replace, runtime.stop());
  Console& console = runtime.console();
  warn_unreadable(console, plan.unreadable);
  ordered_json json = {{"vm", vm.name},
                       {"resourceGroup", vm.resource_group},
                       {"schedule", to_json(plan.after)},
                       {"wouldDelete", ordered_json::array()}};
  for (const auto& decision : plan.would_go) json["wouldDelete"].push_back(to_json(decision));
  if (runtime.dry_run()) {
    print_schedule(console, plan.after);
    for (const auto& decision : plan.would_go)
      console.line(fmt::format("  would let go: {}  {}", decision.point.name, decision.reason));
    print_dry_run(
        console,
        {tags_patch(vm.id(), fmt::format("{}={}", backup::kScheduleTag, backup::to_tag(plan.after)))}, json);
    return 0;
  }
  if (!confirm_losses(runtime, plan)) throw Error(ErrorKind::failed, "not confirmed: nothing was changed");
  if (vault && !console.confirm("stopping Azure Backup of " + vm.name))
    throw Error(ErrorKind::failed, "not confirmed: nothing was changed");
  backups.configure(plan, runtime.stop());
  if (vault) leave_vault(runtime, vm, *vault);
  console.line("✓ Backup schedule configured for " + vm.name);
  print_schedule(console, plan.after);
  console.line();
  console.line(fmt::format("Configuration saved to VM tags ({})", backup::kScheduleTag));
  console.result(json);
  return 0;
}

void bind(CLI::App& command, DisableOptions& options) {
  bind_vm(command, options.vm);
  command.footer(
      "Existing backups stay, and nothing deletes them until backups are configured again.\n"
      "Example: azlin backup disable staging-vm\n"
      "Exit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const DisableOptions& options) {
  auto backups = manager(runtime);
  const auto vm = resolve_vm(runtime, options.vm);
  if (const auto vault = engine_of(runtime, vm)) return disable_in_vault(runtime, vm, *vault);
  if (runtime.dry_run()) {
    print_dry_run(runtime.console(), {tags_patch(vm.id(), std::string(backup::kScheduleTag) + ": disabled")});
    return 0;
  }
  backups.disable(vm, runtime.stop());
  runtime.console().line(fmt::format("✓ Backups disabled for {} (existing backups are preserved)", vm.name));
  runtime.console().result({{"vm", vm.name}, {"resourceGroup", vm.resource_group}, {"enabled", false}});
  return 0;
}

void bind(CLI::App& command, ConfigShowOptions& options) {
  bind_vm(command, options.vm);
  command.footer(
      "Example: azlin backup config-show prod-db-vm\n"
      "Exit codes: 0, 1, 2, 3 not configured, 5");
}

std::string tier_line(const backup::ScheduleView& view, Tier tier) {
  const auto last = view.last.find(tier);
  return fmt::format("{} (last: {})", view.schedule->retention_text(tier),
                     last == view.last.end() ? "never" : core::to_display_minutes(last->second));
}

ordered_json view_json(const backup::ScheduleView& view) {
  ordered_json json = {{"vm", view.vm.name},
                       {"resourceGroup", view.vm.resource_group},
                       {"configured", view.schedule.has_value()}};
  if (view.schedule) json["schedule"] = to_json(*view.schedule);
  json["total"] = view.total;
  json["tiers"] = ordered_json::object();
  for (const Tier tier : {Tier::daily, Tier::weekly, Tier::monthly}) {
    const auto count = view.counts.find(tier);
    const auto last = view.last.find(tier);
    json["tiers"][backup::to_string(tier)] = {
        {"count", count == view.counts.end() ? 0 : count->second},
        {"last",
         last == view.last.end() ? ordered_json(nullptr) : ordered_json(core::to_iso8601(last->second))}};
  }
  return json;
}

int run(Runtime& runtime, const ConfigShowOptions& options) {
  const auto vm = resolve_vm(runtime, options.vm);
  if (const auto vault = engine_of(runtime, vm)) return show_in_vault(runtime, vm, *vault);
  const auto view = manager(runtime).show(vm, runtime.stop());
  Console& console = runtime.console();
  warn_unreadable(console, view.unreadable);
  console.result(view_json(view));
  if (!view.schedule) {
    if (!console.text()) return core::exit_code(ErrorKind::not_found);
    throw Error(ErrorKind::not_found, "no backups are configured for " + vm.name,
                "azlin backup configure " + vm.name);
  }
  const auto count = [&](Tier tier) { return view.counts.contains(tier) ? view.counts.at(tier) : 0; };
  console.line(fmt::format("Backup Configuration for {}:", vm.name));
  console.line(std::string("  Status: ") + (view.schedule->enabled ? "Enabled" : "Disabled"));
  console.line("  Daily retention: " + tier_line(view, Tier::daily));
  console.line("  Weekly retention: " + tier_line(view, Tier::weekly) +
               (view.schedule->weekly_on ? "" : " (off)"));
  console.line("  Monthly retention: " + tier_line(view, Tier::monthly) +
               (view.schedule->monthly_on ? "" : " (off)"));
  console.line("  Cross-region: " + (view.schedule->target_region
                                         ? "enabled → " + *view.schedule->target_region
                                         : std::string("disabled")));
  console.line(fmt::format("  Total backups: {} (daily: {}, weekly: {}, monthly: {})", view.total,
                           count(Tier::daily), count(Tier::weekly), count(Tier::monthly)));
  return 0;
}

void bind(CLI::App& command, ForecastOptions& options) {
  bind_vm(command, options.vm);
  command.add_option("--on", options.on, "The date, e.g. 2026-03-01")->required()->type_name("DATE");
  command.footer("Example: azlin backup forecast prod-db-vm --on 2026-03-01\nExit codes: 0, 1, 2, 3, 5");
}

int run(Runtime& runtime, const ForecastOptions& options) {
  const auto on = core::parse_time(options.on);
  if (!on)
    throw Error(ErrorKind::usage, fmt::format("--on '{}' is no date", options.on), "write it as 2026-03-01");
  const auto vm = resolve_vm(runtime, options.vm);
  refuse_in_vault(
      runtime, vm, "forecast",
      "`azlin backup list` shows until when Azure keeps each point, `azlin backup config-show` the policy");
  const auto forecast = manager(runtime).forecast(vm, *on, runtime.stop());
  Console& console = runtime.console();
  ordered_json json = {{"vm", vm.name},
                       {"on", core::to_iso8601(*on)},
                       {"assumption", forecast.assumption},
                       {"points", ordered_json::array()}};
  console.line(fmt::format("Backups of {} that will exist on {} ({}):", vm.name,
                           core::to_display(*on).substr(0, 10), forecast.points.size()));
  std::vector<std::vector<std::string>> rows;
  for (const auto& point : forecast.points) {
    rows.push_back({core::to_display_minutes(point.created), backup::to_string(point.tier),
                    point.exists_now ? "exists" : "expected", point.reason});
    json["points"].push_back({{"name", point.name},
                              {"tier", backup::to_string(point.tier)},
                              {"createdAt", core::to_iso8601(point.created)},
                              {"existsNow", point.exists_now},
                              {"reason", point.reason}});
  }
  for (const auto& line : in_columns(rows)) console.line("  " + line);
  console.line("  (" + forecast.assumption + ")");
  console.result(json, "points");
  return 0;
}

}  // namespace

void add_backup_schedule_commands(CLI::App& group, Job& chosen) {
  add_command<ConfigureOptions>(group, "configure", "Set the schedule and retention of a VM's backups",
                                chosen);
  add_command<DisableOptions>(group, "disable", "Stop a VM's backups; existing ones stay", chosen);
  add_command<ConfigShowOptions>(group, "config-show", "Show a VM's schedule", chosen);
  add_command<ForecastOptions>(group, "forecast", "Which backups will exist on a date, and why", chosen);
}

}  // namespace azlin::cli
