// azlin report, azlin metrics.
#include "cli/cmd_report.hpp"

#include <fmt/format.h>

#include <iostream>

#include "azlin/core/error.hpp"
#include "azlin/core/file.hpp"
#include "azlin/report/metrics.hpp"
#include "azlin/report/render.hpp"
#include "azlin/runbook/scheduler.hpp"
#include "cli/alerts.hpp"
#include "cli/evidence_view.hpp"
#include "cli/report_facts.hpp"

namespace azlin::cli {

namespace {

using core::Error;
using core::ErrorKind;
using nlohmann::ordered_json;

constexpr unsigned kReadableByAll = 0644;

struct ReportOptions {
  ReportScope scope;
  std::optional<std::string> format, output, prices, evidence, key;
};
struct MetricsOptions {
  int days = 30;
  std::optional<std::string> output;
};

void bind(CLI::App& command, ReportOptions& options) {
  command.add_option("--days", options.scope.days, "How far back")->capture_default_str();
  command.add_option("--vm", options.scope.vm, "Only this VM")->type_name("VM");
  command.add_option("-g,--resource-group", options.scope.resource_group, "Resource group of the VM")
      ->type_name("GROUP")
      ->needs(command.get_option("--vm"));
  command.add_option("--format", options.format, "md (default), html, csv or json")
      ->check(CLI::IsMember({"md", "html", "csv", "json"}));
  command.add_option("--output", options.output, "Write it to this file instead of stdout")
      ->type_name("FILE");
  command.add_option("--prices", options.prices, "Price table for the cost estimate")->type_name("FILE");
  command
      .add_option(
          "--evidence", options.evidence,
          "Write a signed bundle for an auditor into this new folder: the report and the rows behind it")
      ->type_name("DIR");
  command.add_option("--key", options.key, "With --evidence: Ed25519 private key (PEM) to sign with")
      ->type_name("FILE");
  command.footer(
      "Example: azlin report --days 90 --format html --output report.html\n"
      "Changes nothing. Exit codes: 0 also when a target is missed (`azlin status` and `azlin dr readiness` "
      "are "
      "for monitors), 1, 2, 3, 5");
}

std::string format_of(Runtime& runtime, const ReportOptions& options) {
  if (options.format) return *options.format;
  return runtime.options().output == "text" ? "md" : runtime.options().output;
}

std::string rendered(const report::Report& report, const std::string& format) {
  if (format == "html") return report::to_html(report);
  if (format == "csv") return report::to_csv(report);
  if (format == "json")
    return report::to_json(report).dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  return report::to_markdown(report);
}

void put(Runtime& runtime, const std::string& text, const std::optional<std::string>& file) {
  if (!file) {
    std::cout << text;
    return;
  }
  if (runtime.dry_run()) {
    runtime.console().note(fmt::format("Would write {} bytes to {}", text.size(), *file));
    return;
  }
  core::write_file(*file, text, kReadableByAll);
  runtime.console().note("Written to " + *file);
}

int run(Runtime& runtime, const ReportOptions& options) {
  if (options.key && !options.evidence) throw Error(ErrorKind::usage, "--key goes with --evidence");
  if (options.evidence && (options.format || options.output))
    throw Error(ErrorKind::usage, "--evidence writes a folder of its own: without --format and --output");
  if (options.output) core::check_output_file(*options.output, "report");
  const auto prices = prices_in_force(runtime, options.prices);
  auto facts = gather_report(runtime, options.scope);
  facts.cost = report::estimate(gather_cost(runtime, facts), prices);
  const auto report = report::make_report(std::move(facts));
  if (options.evidence) return write_evidence(runtime, report, *options.evidence, options.key);
  put(runtime, rendered(report, format_of(runtime, options)), options.output);
  return 0;
}

void bind(CLI::App& command, MetricsOptions& options) {
  command.add_option("--days", options.days, "Days that ratios are counted over")->capture_default_str();
  command
      .add_option("--output", options.output,
                  "Write this file at once and whole, e.g. into node_exporter's textfile folder")
      ->type_name("FILE");
  command.footer(
      "Prometheus' text format. What is not known has no sample.\n"
      "Example: azlin metrics --output /var/lib/prometheus/node-exporter/azlin.prom\nExit codes: 0, 1, 2, 5");
}

int run(Runtime& runtime, const MetricsOptions& options) {
  ReportScope scope;
  scope.days = options.days;
  auto facts = gather_report(runtime, scope);
  facts.cost = report::estimate(gather_cost(runtime, facts), prices_in_force(runtime, {}));
  report::MetricsFacts metrics;
  metrics.version = AZLIN_VERSION;
  metrics.commit = source_commit();
  metrics.alerts_open = static_cast<int>(open_alerts(runtime)->list().size());
  metrics.interrupted = static_cast<int>(runtime.journal().interrupted().size());
  for (const auto& [job, last] : runbook::last_runs(runtime.home())) {
    if (last.ended) metrics.runs.push_back({job, *last.ended, last.exit_code});
  }
  put(runtime, report::to_prometheus(report::make_report(std::move(facts)), metrics), options.output);
  if (options.output) runtime.console().result({{"file", *options.output}, {"dryRun", runtime.dry_run()}});
  return 0;
}

}  // namespace

void add_report_commands(CLI::App& root, Job& chosen) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = root.add_subcommand(
      "report", "Backups, copies, verification and drills against their targets, and the cost");
  bind(*command, *options);
  command->callback([command, options, &chosen] {
    if (command->get_subcommands().empty())  // else `report verify` has been chosen
      chosen = [options](Runtime& runtime) { return run(runtime, *options); };
  });
  add_evidence_command(*command, chosen);
  add_command<MetricsOptions>(root, "metrics", "Metrics for Prometheus", chosen);
}

}  // namespace azlin::cli
