// azlin orphans.
#include <fmt/format.h>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/dr/orphans.hpp"
#include "azlin/report/render.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/dry_run.hpp"
#include "cli/report_facts.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

struct OrphansOptions {
  std::string older_than = "7d";
  bool remove = false;
};

void bind(CLI::App& command, OrphansOptions& options) {
  command.add_option("--older-than", options.older_than, "Younger ones are passed over")
      ->type_name("TIME")
      ->capture_default_str();
  command.add_flag("--remove", options.remove, "Remove them, after asking");
  command.footer(
      "Unattached disks, network interfaces and public addresses that azlin made, and plain snapshots of VMs "
      "that\n"
      "are gone. The tag azlin:keep keeps any of them. Backups are never removed here: those whose VM is "
      "gone are\n"
      "named, and their retention decides. If a list cannot be read whole, there is no verdict.\n"
      "Example: azlin orphans --older-than 7d\n"
      "Exit codes: 0 none, or all were removed, 1 a list failed, 4 some could not be removed, 5, 6 there are "
      "some");
}

core::Millis parse_age(const std::string& text) {
  const auto age = core::parse_duration(text);
  if (age) return *age;
  throw Error(ErrorKind::usage, fmt::format("--older-than '{}' is no time", text), "write it as 7d or 12h");
}

ordered_json json_of(const dr::Orphan& orphan) {
  return {{"kind", dr::to_string(orphan.kind)},
          {"id", orphan.id},
          {"name", orphan.name},
          {"resourceGroup", orphan.resource_group},
          {"region", orphan.region},
          {"madeBy", orphan.made_by},
          {"ageDays", std::chrono::floor<std::chrono::days>(orphan.age).count()},
          {"sizeGb", orphan.size_gb},
          {"estimatedMonthly", orphan.monthly_cost}};
}

void print(Console& console, const dr::OrphanReport& report) {
  std::vector<std::vector<std::string>> rows = {
      {"KIND", "NAME", "GROUP", "REGION", "AGE", "SIZE", "A MONTH"}};
  for (const auto& orphan : report.orphans) {
    rows.push_back({dr::to_string(orphan.kind), orphan.name, orphan.resource_group, orphan.region,
                    fmt::format("{} days", std::chrono::floor<std::chrono::days>(orphan.age).count()),
                    orphan.size_gb > 0 ? fmt::format("{} GB", orphan.size_gb) : "-",
                    report::money(orphan.monthly_cost, report.currency)});
  }
  if (report.orphans.empty()) {
    console.line("✓ No orphans");
  } else {
    for (const auto& line : in_columns(rows)) console.line(line);
    console.line(fmt::format("\n{}, about {} a month (estimate: list prices, docs/cost.md)",
                             core::counted(report.orphans.size(), "orphan"),
                             report::money(report.monthly_cost, report.currency)));
  }
  if (report.young + report.kept > 0)
    console.line(
        fmt::format("Passed over: {} too young or of unknown age, {} kept", report.young, report.kept));
  if (report.backups.empty()) return;
  console.line(fmt::format("\n{} of VMs that are gone (kept: their retention decides)",
                           core::counted(report.backups.size(), "backup")));
  for (const auto& each : report.backups)
    console.line(fmt::format("  {} of {} in {}", each.name, each.vm_key, each.region));
}

int remove_all(Runtime& runtime, const dr::OrphanReport& report, ordered_json& json) {
  Console& console = runtime.console();
  std::size_t stay = 0;
  for (const auto& removal : dr::remove_orphans(runtime.arm(), runtime.journal(), runtime.clock().now(),
                                                report.orphans, runtime.stop())) {
    stay += removal.error.empty() ? 0 : 1;
    console.line(removal.error.empty() ? "✓ removed " + removal.id
                                       : fmt::format("✗ {}: {}", removal.id, removal.error));
    json["removed"].push_back({{"id", removal.id}, {"error", removal.error}});
  }
  console.result(json, "orphans");
  return stay == 0 ? 0 : core::exit_code(ErrorKind::partial);
}

int run(Runtime& runtime, const OrphansOptions& options) {
  Console& console = runtime.console();
  const core::Millis older_than = parse_age(options.older_than);
  dr::Inventory inventory;
  try {
    inventory = dr::take_inventory(runtime.arm(), runtime.subscription(), runtime.stop());
  } catch (const arm::ArmError& error) {
    throw Error(error.kind(), fmt::format("no verdict: a list could not be read: {}", error.what()),
                "nothing counts as an orphan until all lists are whole");
  }
  const auto report =
      dr::judge_orphans(inventory, runtime.clock().now(), older_than, prices_for_estimates(runtime));
  ordered_json json = {{"dryRun", runtime.dry_run()},
                       {"orphans", ordered_json::array()},
                       {"backupsOfGoneVms", ordered_json::array()},
                       {"passedOver", {{"young", report.young}, {"kept", report.kept}}},
                       {"estimatedMonthly", report.monthly_cost},
                       {"currency", report.currency},
                       {"removed", ordered_json::array()}};
  for (const auto& orphan : report.orphans) json["orphans"].push_back(json_of(orphan));
  for (const auto& each : report.backups)
    json["backupsOfGoneVms"].push_back(
        {{"name", each.name}, {"vm", each.vm_key}, {"region", each.region}, {"sizeGb", each.size_gb}});
  print(console, report);
  if (report.orphans.empty()) {
    console.result(json, "orphans");
    return 0;
  }
  if (options.remove && runtime.dry_run()) {
    for (const auto& orphan : report.orphans) console.line("Would remove " + orphan.id);
  } else if (options.remove &&
             console.confirm("removing " + core::counted(report.orphans.size(), "orphan"))) {
    return remove_all(runtime, report, json);
  }
  console.result(json, "orphans");
  if (!options.remove) console.line("→ azlin orphans --remove removes them, after asking");
  return core::exit_code(ErrorKind::findings);
}

}  // namespace

void add_orphans_command(CLI::App& root, Job& chosen) {
  add_command<OrphansOptions>(root, "orphans", "What azlin made and nobody owns any more", chosen);
}

}  // namespace azlin::cli
