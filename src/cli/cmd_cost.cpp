// azlin cost: what backups cost a month, and what a change would save.
#include <fmt/format.h>

#include <iostream>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/report/render.hpp"
#include "cli/cmd_dr.hpp"
#include "cli/cmd_report.hpp"
#include "cli/report_facts.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

struct CostOptions {
  std::optional<std::string> vm, resource_group, prices;
  int days = 30;
  bool refresh = false, print = false;
  std::optional<double> daily_change;
  std::vector<std::string> what_if;
};

void bind(CLI::App& command, CostOptions& options) {
  command.add_option("vm", options.vm, "Only this VM")->type_name("VM");
  command.add_option("-g,--resource-group", options.resource_group, "Resource group of the VM")
      ->type_name("GROUP");
  command.add_option("--days", options.days, "Days that transfer, drills and test disks are counted over")
      ->capture_default_str();
  command
      .add_option("--prices", options.prices, "Price table (TOML) instead of prices.toml or the shipped one")
      ->type_name("FILE");
  command.add_flag("--refresh-prices", options.refresh,
                   "Take snapshot prices of the regions in use from Azure's public list into prices.toml");
  command.add_flag("--print-prices", options.print, "Print the table in force, as --prices takes it");
  command
      .add_option("--daily-change", options.daily_change,
                  "Percent of a disk that changes in a day, for what was not measured (else: all of it)")
      ->check([](const std::string& text) {
        return text.find_first_not_of("0123456789.") == text.npos ? "" : "give a number";
      })
      ->check(CLI::Range(0.0, 100.0));
  command
      .add_option("--what-if", options.what_if,
                  "A change: daily=N, weekly=N, monthly=N, region=NAME|none, drill=TIME|none; several times")
      ->type_name("CHANGE");
  command.footer(
      "An estimate: Azure does not say what an incremental snapshot is billed for. Sizes that a `backup "
      "verify "
      "--level full`\nread are counted as read, the others as whole disks: an upper bound, and said so.\n"
      "Example: azlin cost --daily-change 3 --what-if daily=14 --what-if drill=30d\nExit codes: 0, 1, 2, 3, "
      "5");
}

std::vector<std::string> regions_of(const report::CostFacts& facts) {
  std::set<std::string> regions;
  for (const auto& backup : facts.backups) {
    regions.insert(backup.region);
    for (const auto& replica : backup.replicas) regions.insert(replica.region);
  }
  for (const auto& each : facts.scheduled) {
    if (each.schedule && each.schedule->target_region) regions.insert(*each.schedule->target_region);
  }
  regions.erase("");
  return {regions.begin(), regions.end()};
}

cost::Prices refreshed(Runtime& runtime, const cost::Prices& prices, const report::CostFacts& facts) {
  const auto url = runtime.env().get_or("AZLIN_PRICES_URL", cost::kPriceList);
  const auto regions = regions_of(facts);
  if (regions.empty())
    throw Error(ErrorKind::not_found, "there are no backups, so no region to look prices up for");
  if (runtime.dry_run()) {
    runtime.console().note(fmt::format("Would ask {} for {} regions", url, regions.size()));
    return prices;
  }
  const auto fresh =
      cost::refresh(runtime.transport(), url, prices, regions, runtime.clock().now(), runtime.stop());
  const auto path = runtime.home() + "/prices.toml";
  core::write_file(path, cost::to_toml(fresh));
  runtime.console().note("Prices are in " + path);
  return fresh;
}

void print_estimate(Console& console, const report::CostEstimate& estimate) {
  std::vector<std::vector<std::string>> rows = {{"VM", "WHAT", "REGION", "COUNT", "GIB", "BASIS", "A MONTH"}};
  for (const auto& line : estimate.lines)
    rows.push_back({line.vm, line.what, line.region, std::to_string(line.count),
                    line.basis ? fmt::format("{:.1f}", line.gib) : "-",
                    line.basis ? report::to_string(*line.basis) : "-",
                    report::money(line.monthly, estimate.currency)});
  if (estimate.lines.empty()) console.line("No backups, no drills: nothing costs anything");
  if (!estimate.lines.empty()) {
    for (const auto& line : in_columns(rows)) console.line(line);
    const bool bounded = estimate.sets.contains(report::Basis::bound);
    console.line();
    console.line(fmt::format("Estimate: {}{} a month", bounded ? "at most " : "",
                             report::money(estimate.total, estimate.currency)));
  }
  for (const auto& line : estimate.assumptions) console.line("  " + line);
}

ordered_json print_comparison(Console& console, const std::vector<report::Comparison>& comparisons,
                              const std::string& currency) {
  ordered_json json = {{"vms", ordered_json::array()}, {"now", 0.0}, {"then", 0.0}, {"saved", 0.0}};
  double now = 0, then = 0;
  std::vector<std::vector<std::string>> rows = {{"VM", "AS IT IS", "CHANGED", "SAVED"}};
  const auto add = [&](const std::string& name, double before, double after) {
    rows.push_back({name, report::money(before, currency), report::money(after, currency),
                    report::money(before - after, currency)});
  };
  for (const auto& each : comparisons) {
    now += each.now;
    then += each.then;
    add(each.vm, each.now, each.then);
    json["vms"].push_back(
        {{"vm", each.vm}, {"now", each.now}, {"then", each.then}, {"saved", each.now - each.then}});
  }
  add("all", now, then);
  json["now"] = now;
  json["then"] = then;
  json["saved"] = now - then;
  console.line();
  console.line("A month, once the schedule has run for as long as it keeps:");
  for (const auto& line : in_columns(rows)) console.line("  " + line);
  if (comparisons.empty()) console.line("  No VM has both a schedule and a backup to go by");
  return json;
}

int run(Runtime& runtime, const CostOptions& options) {
  Console& console = runtime.console();
  if (options.print && !options.refresh) {
    const auto prices = prices_in_force(runtime, options.prices);
    if (console.text()) console.line(cost::to_toml(prices));
    console.result({{"source", prices.source},
                    {"currency", prices.currency},
                    {"snapshot", prices.snapshot},
                    {"disk", prices.disk},
                    {"vm", prices.vm},
                    {"transfer", prices.transfer},
                    {"address", prices.address}});
    return 0;
  }
  report::WhatIf change;
  for (const auto& text : options.what_if) report::add_change(change, text);
  if (change.region && !change.region->empty())
    backup::check_regions(runtime.arm(), runtime.subscription(), {*change.region}, runtime.stop());
  auto prices = prices_in_force(runtime, options.prices);
  const auto facts = gather_report(runtime, {options.days, options.vm, options.resource_group});
  auto costs = gather_cost(runtime, facts);
  costs.daily_change = options.daily_change;
  if (options.refresh) prices = refreshed(runtime, prices, costs);
  const auto estimate = report::estimate(costs, prices);
  print_estimate(console, estimate);
  auto json = report::to_json(estimate);
  if (!options.what_if.empty()) {
    costs.policies = open_drills(runtime).policies(facts.subscription, {}, runtime.stop());
    json["whatIf"] = print_comparison(console, report::compare(costs, prices, change), prices.currency);
  }
  console.result(json, "lines");
  return 0;
}

}  // namespace

void add_cost_command(CLI::App& root, Job& chosen) {
  add_command<CostOptions>(root, "cost", "What backups cost a month, and what a change would save", chosen);
}

}  // namespace azlin::cli
