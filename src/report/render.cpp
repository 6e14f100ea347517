#include "azlin/report/render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "azlin/core/format.hpp"

namespace azlin::report {

using nlohmann::ordered_json;

namespace {

ordered_json time_json(const std::optional<core::TimePoint>& time) {
  return time ? ordered_json(core::to_iso8601(*time)) : ordered_json(nullptr);
}
ordered_json seconds_json(const std::optional<core::Millis>& time) {
  return time ? ordered_json(static_cast<double>(time->count()) / 1000.0) : ordered_json(nullptr);
}
ordered_json text_json(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

ordered_json metric_json(const Metric& metric) {
  return {{"key", metric.key},
          {"name", metric.name},
          {"target", metric.target},
          {"value", metric.value ? ordered_json(*metric.value) : ordered_json(nullptr)},
          {"unit", metric.unit},
          {"text", metric.text},
          {"good", metric.good},
          {"total", metric.total},
          {"result", to_string(metric.met)},
          {"measured", metric.measured},
          {"note", text_json(metric.note)}};
}

ordered_json vm_json(const VmRow& row) {
  return {{"vm", row.vm},
          {"resourceGroup", row.group},
          {"scheduled", row.scheduled},
          {"backups", row.backups},
          {"verified", row.verified},
          {"replicas", row.replicas},
          {"newestBackup", time_json(row.newest)},
          {"newestReplica", time_json(row.newest_replica)},
          {"lastVerified", time_json(row.last_verified)},
          {"lastDrill", time_json(row.last_drill)},
          {"lastRtoSeconds", seconds_json(row.last_rto)},
          {"targetRtoSeconds", seconds_json(row.target_rto)},
          {"longestGapSeconds", seconds_json(row.longest_gap)},
          {"drills", row.drills},
          {"drillsPassed", row.drills_passed},
          {"attempts", row.attempts},
          {"succeeded", row.succeeded}};
}

ordered_json line_json(const CostLine& line) {
  return {{"vm", line.vm},
          {"what", line.what},
          {"region", line.region},
          {"count", line.count},
          {"gib", line.basis ? ordered_json(line.gib) : ordered_json(nullptr)},
          {"basis", line.basis ? ordered_json(to_string(*line.basis)) : ordered_json(nullptr)},
          {"monthly", line.monthly}};
}

// A cell of a Markdown table.
std::string cell(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '|' || c == '\\' || c == '`' || c == '*' || c == '_' || c == '<' || c == '[') result += '\\';
    result += c == '\n' || c == '\r' ? ' ' : c;
  }
  return result;
}

std::string md_row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const auto& each : cells) text += " " + cell(each) + " |";
  return text + "\n";
}

std::string md_table(const std::vector<std::string>& heads,
                     const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return "no data\n";
  std::string text = md_row(heads) + "|";
  for (std::size_t i = 0; i < heads.size(); ++i) text += "---|";
  text += "\n";
  for (const auto& row : rows) text += md_row(row);
  return text;
}

std::string stamp(const std::optional<core::TimePoint>& time) {
  return time ? core::to_display_minutes(*time) : "–";
}
std::string span(const std::optional<core::Millis>& time) {
  return time ? core::to_display(*time) : "–";
}

std::string csv_field(const std::string& text) {
  // A spreadsheet would run a cell that begins like a formula.
  const bool formula = !text.empty() && std::string("=+-@\t\r").find(text[0]) != std::string::npos;
  const std::string safe = formula ? "'" + text : text;
  if (safe.find_first_of(",\"\n\r") == std::string::npos) return safe;
  std::string result = "\"";
  for (const char c : safe) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + "\"";
}

std::string csv_row(const std::vector<std::string>& fields) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) text += (i == 0 ? "" : ",") + csv_field(fields[i]);
  return text + "\r\n";
}

void add_cost_markdown(std::string& text, const CostEstimate& cost) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& line : cost.lines)
    rows.push_back({line.vm, line.what, line.region, std::to_string(line.count),
                    line.basis ? fmt::format("{:.1f}", line.gib) : "–",
                    line.basis ? to_string(*line.basis) : "–", money(line.monthly, cost.currency)});
  text += md_table({"VM", "What", "Region", "Count", "GiB", "Basis", "A month"}, rows);
  text += fmt::format("\n**Estimate: {} a month.**\n\n", money(cost.total, cost.currency));
  for (const auto& line : cost.assumptions) text += "- " + cell(line) + "\n";
}

}  // namespace

std::string money(double amount, const std::string& currency) {
  if (currency != "USD") return fmt::format("{:.2f} {}", amount, currency);
  return fmt::format("{}${:.2f}", amount < 0 ? "-" : "", std::abs(amount));
}

ordered_json to_json(const CostEstimate& estimate) {
  ordered_json json = {{"currency", estimate.currency},      {"prices", estimate.prices},
                       {"monthly", estimate.total},          {"estimate", true},
                       {"sets", ordered_json::object()},     {"lines", ordered_json::array()},
                       {"assumptions", estimate.assumptions}};
  for (const auto& [basis, count] : estimate.sets) json["sets"][to_string(basis)] = count;
  for (const auto& line : estimate.lines) json["lines"].push_back(line_json(line));
  return json;
}

ordered_json to_json(const Report& report) {
  const auto& facts = report.facts;
  ordered_json json = {{"from", core::to_iso8601(report.from)},
                       {"to", core::to_iso8601(facts.now)},
                       {"days", facts.days},
                       {"subscription", facts.subscription},
                       {"simulated", facts.simulated},
                       {"vm", text_json(facts.vm)},
                       {"version", facts.version},
                       {"met", report.met()},
                       {"metrics", ordered_json::array()},
                       {"vms", ordered_json::array()},
                       {"findings", report.findings},
                       {"cost", facts.cost ? to_json(*facts.cost) : ordered_json(nullptr)},
                       {"controls", ordered_json::array()}};
  for (const auto& metric : report.metrics) json["metrics"].push_back(metric_json(metric));
  for (const auto& row : report.vms) json["vms"].push_back(vm_json(row));
  for (const auto& control : controls())
    json["controls"].push_back(
        {{"part", control.part}, {"controls", control.controls}, {"why", control.why}});
  return json;
}

std::string to_markdown(const Report& report) {
  const auto& facts = report.facts;
  std::string text = fmt::format(
      "# Backup and recovery report{}\n\n{} to {} UTC ({}). Subscription {}.{}\n\n",
      facts.vm.empty() ? "" : ": " + cell(facts.vm), core::to_display_minutes(report.from),
      core::to_display_minutes(facts.now), core::counted(static_cast<std::size_t>(facts.days), "day"),
      cell(facts.subscription), facts.simulated ? " Simulated Azure." : "");
  std::vector<std::vector<std::string>> rows;
  for (const auto& metric : report.metrics) {
    const auto counted = metric.unit == "%" && metric.total > 0
                             ? fmt::format(" ({} of {})", metric.good, metric.total)
                             : std::string();
    rows.push_back({metric.name, metric.target, metric.text + counted, to_string(metric.met),
                    metric.measured + (metric.note.empty() ? "" : "; " + metric.note)});
  }
  text += "## Targets\n\n" + md_table({"Metric", "Target", "Value", "Result", "What was counted"}, rows);
  text += "\n## Findings\n\n";
  if (report.findings.empty()) text += "none\n";
  for (const auto& finding : report.findings) text += "- " + cell(finding) + "\n";
  rows.clear();
  for (const auto& vm : report.vms)
    rows.push_back({report.label(vm.vm, vm.group), vm.scheduled ? "yes" : "no", std::to_string(vm.backups),
                    stamp(vm.newest), std::to_string(vm.replicas), stamp(vm.last_verified),
                    stamp(vm.last_drill), span(vm.last_rto), span(vm.longest_gap)});
  text += "\n## VMs\n\n" + md_table({"VM", "Schedule", "Backups", "Newest (UTC)", "Replicas", "Last verified",
                                     "Last drill", "Its RTO", "Longest gap"},
                                    rows);
  rows.clear();
  for (const auto& drill : facts.drills)
    rows.push_back({core::to_display_minutes(drill.started_at),
                    report.label(drill.vm.name, drill.vm.resource_group), drill.test_region,
                    dr::to_string(drill.verdict), span(drill.rto), core::to_display(drill.target_rto),
                    drill.error});
  text +=
      "\n## Drills\n\n" + md_table({"Begun (UTC)", "VM", "Region", "Result", "RTO", "Target", "Error"}, rows);
  text += "\n## Cost\n\n";
  if (facts.cost) {
    add_cost_markdown(text, *facts.cost);
  } else {
    text += "no data\n";
  }
  rows.clear();
  for (const auto& control : controls()) rows.push_back({control.part, control.controls, control.why});
  return text + "\n## Controls\n\n" + md_table({"Part", "Serves", "Because"}, rows);
}

std::string to_csv(const Report& report) {
  std::string text = csv_row({"section", "subject", "name", "value", "unit", "target", "result"});
  const auto number = [](double value) { return fmt::format("{:g}", value); };
  for (const auto& metric : report.metrics)
    text += csv_row({"target", "all", metric.key, metric.value ? number(*metric.value) : "", metric.unit,
                     metric.target, to_string(metric.met)});
  for (const auto& vm : report.vms) {
    const auto subject = report.label(vm.vm, vm.group);
    const auto count = [&](const char* name, int value) {
      text += csv_row({"vm", subject, name, std::to_string(value), "", "", ""});
    };
    const auto time = [&](const char* name, const std::optional<core::TimePoint>& value) {
      text += csv_row(
          {"vm", subject, name, value ? core::to_iso8601(*value) : "", "time", "", value ? "" : "no data"});
    };
    count("backups", vm.backups);
    count("verified", vm.verified);
    count("replicas", vm.replicas);
    time("newest_backup", vm.newest);
    time("last_verified", vm.last_verified);
    time("last_drill", vm.last_drill);
  }
  for (const auto& drill : report.facts.drills)
    text += csv_row(
        {"drill", report.label(drill.vm.name, drill.vm.resource_group), core::to_iso8601(drill.started_at),
         drill.rto ? number(static_cast<double>(drill.rto->count()) / 1000.0) : "", "s",
         number(static_cast<double>(drill.target_rto.count()) / 1000.0), dr::to_string(drill.verdict)});
  if (!report.facts.cost) return text;
  for (const auto& line : report.facts.cost->lines)
    text += csv_row({"cost", line.vm, line.what + " " + line.region, fmt::format("{:.4f}", line.monthly),
                     report.facts.cost->currency, "", line.basis ? to_string(*line.basis) : ""});
  return text;
}

}  // namespace azlin::report
