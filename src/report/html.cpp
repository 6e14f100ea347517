#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/format.hpp"
#include "azlin/report/render.hpp"
#include "report/charts.hpp"

namespace azlin::report {

namespace {

constexpr const char* kStyle = R"css(
:root { color-scheme: light; --ink: #1a1f2b; --soft: #5b6475; --line: #d8dce4; --good: #2a7f4f; --bad: #b3261e; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink); background: #fff;
  max-width: 1040px; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
.sub, .none, .legend, footer { color: var(--soft); }
.banner { border-left: 5px solid var(--good); background: #eef7f1; padding: .6rem 1rem; margin: 1rem 0; }
.banner.missed { border-color: var(--bad); background: #fbeeed; } .banner.nodata { border-color: #8a93a5; background: #f2f4f7; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; } td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.t { white-space: nowrap; } td { overflow-wrap: break-word; }
td.met, td.miss, td.nd { white-space: nowrap; }
.met { color: var(--good); font-weight: 600; } .miss { color: var(--bad); font-weight: 600; } .nd { color: var(--soft); }
figure { margin: .5rem 0 1rem; } svg { width: 100%; height: auto; display: block; }
svg text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--ink); }
svg .label { text-anchor: end; } svg .axis, svg .value { fill: var(--soft); }
.good { fill: #3d9a66; } .bad { fill: #c9433a; } .rest { fill: #c3c9d4; } .d0 { fill: #eceef2; } .d1 { fill: #9cc7b0; }
.d2 { fill: #4f9d78; } .d3 { fill: #1f6a47; } .targetkey { fill: #1a1f2b; } .target { stroke: #1a1f2b; stroke-width: 2; }
.legend { font-size: .85rem; margin: .3rem 0; } .legend span { margin-right: 1rem; white-space: nowrap; }
.legend svg { display: inline-block; width: .8em; height: .8em; }
footer { margin: 2.5rem 0 1rem; font-size: .85rem; border-top: 1px solid var(--line); padding-top: .6rem; }
@media print { body { margin: 0; max-width: none; font-size: 11px; } h2 { break-after: avoid; }
  figure, tr, .banner { break-inside: avoid; } thead { display: table-header-group; } .wide { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } @page { margin: 15mm; } }
)css";

using Cells = std::vector<std::string>;  // escaped already

std::string row_of(const Cells& cells) {
  std::string text = "<tr>";
  for (const auto& cell : cells) text += cell.rfind("<td", 0) == 0 ? cell : "<td>" + cell + "</td>";
  return text + "</tr>\n";
}

std::string number(const std::string& text) {
  return "<td class=\"n\">" + text + "</td>";
}
std::string stamp(const std::optional<core::TimePoint>& time) {
  return "<td class=\"t\">" + (time ? core::to_display_minutes(*time) : std::string("–")) + "</td>";
}
// A VM's name does not break where it fits.
std::string vm_cell(const std::string& name) {
  constexpr std::size_t kFits = 24;
  return (name.size() <= kFits ? "<td class=\"t\">" : "<td>") + escaped(name) + "</td>";
}
std::string span(const std::optional<core::Millis>& time) {
  return number(time ? core::to_display(*time) : "–");
}

std::string table(const std::vector<std::string>& heads, const std::vector<Cells>& rows) {
  if (rows.empty()) return "<p class=\"none\">no data</p>\n";
  std::string text = "<div class=\"wide\"><table><thead><tr>";
  for (const auto& head : heads)
    text += head[0] == '#' ? "<th class=\"n\">" + head.substr(1) + "</th>" : "<th>" + head + "</th>";
  text += "</tr></thead><tbody>\n";
  for (const auto& row : rows) text += row_of(row);
  return text + "</tbody></table></div>\n";
}

std::string met_cell(Met met) {
  const char* css = met == Met::met ? "met" : met == Met::missed ? "miss" : "nd";
  return fmt::format("<td class=\"{}\">{}</td>", css,
                     met == Met::met      ? "✓ met"
                     : met == Met::missed ? "✗ missed"
                                          : "no data");
}

std::string metrics_table(const Report& report) {
  std::vector<Cells> rows;
  for (const auto& metric : report.metrics) {
    const auto counted = metric.unit == "%" && metric.total > 0
                             ? fmt::format(" ({} of {})", metric.good, metric.total)
                             : std::string();
    rows.push_back({escaped(metric.name), number(escaped(metric.target)), number(metric.text + counted),
                    met_cell(metric.met),
                    escaped(metric.measured + (metric.note.empty() ? "" : "; " + metric.note))});
  }
  return table({"Metric", "#Target", "#Value", "Result", "What was counted"}, rows);
}

std::string vm_table(const Report& report) {
  std::vector<Cells> rows;
  for (const auto& vm : report.vms) {
    rows.push_back({escaped(report.label(vm.vm, vm.group)), vm.scheduled ? "yes" : "no",
                    number(std::to_string(vm.backups)), stamp(vm.newest), number(std::to_string(vm.replicas)),
                    stamp(vm.last_verified), stamp(vm.last_drill), span(vm.last_rto), span(vm.longest_gap)});
  }
  return table({"VM", "Schedule", "#Backups", "Newest (UTC)", "#Replicas", "Last verified", "Last drill",
                "#Its RTO", "#Longest gap"},
               rows);
}

std::string drill_table(const Report& report) {
  std::vector<Cells> rows;
  for (const auto& drill : report.facts.drills) {
    const bool good = drill.verdict == dr::Verdict::passed;
    rows.push_back(
        {stamp(drill.started_at), vm_cell(report.label(drill.vm.name, drill.vm.resource_group)),
         escaped(drill.test_region), escaped(drill.backup_name),
         fmt::format("<td class=\"{}\">{}</td>", good ? "met" : "miss", dr::to_string(drill.verdict)),
         span(drill.rto), number(core::to_display(drill.target_rto)), escaped(drill.error)});
  }
  return table({"Begun (UTC)", "VM", "Region", "Backup", "Result", "#RTO", "#Target", "Error"}, rows);
}

std::string replication_table(const Report& report) {
  std::vector<Cells> rows;
  for (const auto& job : report.facts.replications) {
    rows.push_back({stamp(job.queued_at),
                    vm_cell(report.label(job.vm_name, job.vm_key.substr(0, job.vm_key.find('/')))),
                    escaped(job.source_snapshot), escaped(job.source_region + " → " + job.target_region),
                    replication::to_string(job.status), stamp(job.completed_at), escaped(job.error)});
  }
  return table({"Queued (UTC)", "VM", "Backup", "Regions", "Status", "Completed", "Error"}, rows);
}

std::string verification_table(const Report& report) {
  std::vector<Cells> rows;
  for (const auto& run : report.facts.verifications) {
    const bool good = run.outcome == verification::Outcome::passed;
    rows.push_back(
        {stamp(run.at), escaped(run.backup), escaped(run.region), verification::to_string(run.reached),
         fmt::format("<td class=\"{}\">{}</td>", good ? "met" : "miss", verification::to_string(run.outcome)),
         escaped(run.error)});
  }
  return table({"Ended (UTC)", "Backup", "Region", "Level", "Result", "Error"}, rows);
}

std::string cost_table(const Report& report) {
  if (!report.facts.cost) return "<p class=\"none\">no data</p>\n";
  const auto& cost = *report.facts.cost;
  std::vector<Cells> rows;
  for (const auto& line : cost.lines)
    rows.push_back({vm_cell(line.vm), escaped(line.what), escaped(line.region),
                    number(std::to_string(line.count)),
                    number(line.basis ? fmt::format("{:.1f}", line.gib) : "–"),
                    line.basis ? to_string(*line.basis) : "–", number(money(line.monthly, cost.currency))});
  std::string text = table({"VM", "What", "Region", "#Count", "#GiB", "Basis", "#A month"}, rows);
  text +=
      fmt::format("<p><strong>Estimate: {} a month.</strong></p>\n<ul>\n", money(cost.total, cost.currency));
  for (const auto& line : cost.assumptions) text += "<li>" + escaped(line) + "</li>\n";
  return text + "</ul>\n";
}

std::string banner(const Report& report) {
  const bool nothing = std::all_of(report.metrics.begin(), report.metrics.end(),
                                   [](const auto& metric) { return metric.met == Met::no_data; });
  if (nothing) return "<div class=\"banner nodata\"><strong>No data in this window.</strong></div>\n";
  if (report.met() && report.findings.empty())
    return "<div class=\"banner\"><strong>✓ Every target with data is met.</strong></div>\n";
  std::string text = fmt::format(
      "<div class=\"banner missed\"><strong>{}</strong>\n<ul>\n",
      report.met() ? "Targets are met; these failed all the same:" : "✗ Not every target is met:");
  for (const auto& finding : report.findings) text += "<li>" + escaped(finding) + "</li>\n";
  return text + "</ul></div>\n";
}

std::string figure(const std::string& chart) {
  return "<figure>" + chart + "</figure>\n";
}

std::string controls_table() {
  std::vector<Cells> rows;
  for (const auto& control : controls())
    rows.push_back({escaped(control.part), escaped(control.controls), escaped(control.why)});
  return table({"Part", "Serves", "Because"}, rows);
}

}  // namespace

std::string to_html(const Report& report) {
  const auto& facts = report.facts;
  const auto title = "Backup and recovery report" + (facts.vm.empty() ? std::string() : ": " + facts.vm);
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n";
  page += "<title>" + escaped(title) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n";
  page += "<h1>" + escaped(title) + "</h1>\n";
  page += fmt::format("<p class=\"sub\">{} to {} UTC ({}). Subscription {}.{}</p>\n",
                      core::to_display_minutes(report.from), core::to_display_minutes(facts.now),
                      core::counted(static_cast<std::size_t>(facts.days), "day"), escaped(facts.subscription),
                      facts.simulated ? " <strong>Simulated Azure.</strong>" : "");
  page += banner(report);
  page += "<h2>Targets</h2>\n" + metrics_table(report);
  page += "<h2>VMs</h2>\n" + vm_table(report);
  page += "<h2>Backups by day</h2>\n" + figure(calendar_chart(report));
  page += "<h2>Replication</h2>\n" + replication_table(report);
  page += "<h2>Verification</h2>\n" + figure(verification_chart(report)) + verification_table(report);
  page += "<h2>Drills and recovery times</h2>\n" + figure(rto_chart(report)) + drill_table(report);
  page += "<h2>Storage and cost</h2>\n" + figure(storage_chart(report)) + cost_table(report);
  page += "<h2>Controls</h2>\n" + controls_table();
  page += fmt::format(
      "<footer>Made by azlin {} on {} UTC. Attempts, replications and drills are those that this machine "
      "knows; "
      "backups are those that exist in Azure. Where nothing was observed it says “no data”. "
      "Whether a control is met is for an auditor to say.</footer>\n</body>\n</html>\n",
      escaped(facts.version), core::to_display_minutes(facts.now));
  return page;
}

}  // namespace azlin::report
