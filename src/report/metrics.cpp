#include "azlin/report/metrics.hpp"

#include <fmt/format.h>

namespace azlin::report {

namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

std::string label_value(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    result += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return result;
}

double seconds(core::TimePoint time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1000.0;
}
double seconds(core::Millis time) {
  return static_cast<double>(time.count()) / 1000.0;
}

// All samples of one name stand together behind one HELP and TYPE, as the format wants it.
class Family {
 public:
  Family(std::string& out, const char* name, const char* help) : out_(out), name_(name), help_(help) {}
  void add(const Labels& labels, double value) {
    if (first_) out_ += fmt::format("# HELP {} {}\n# TYPE {} gauge\n", name_, help_, name_);
    first_ = false;
    std::string inside;
    for (const auto& [key, text] : labels)
      inside += fmt::format("{}{}=\"{}\"", inside.empty() ? "" : ",", key, label_value(text));
    out_ += inside.empty() ? fmt::format("{} {}\n", name_, value)
                           : fmt::format("{}{{{}}} {}\n", name_, inside, value);
  }

 private:
  std::string& out_;
  const char* name_;
  const char* help_;
  bool first_ = true;
};

Labels labels_of(const VmRow& row) {
  return {{"vm", row.vm}, {"resource_group", row.group}};
}

template <class Value>
void per_vm(std::string& out, const Report& report, const char* name, const char* help, Value value) {
  Family family(out, name, help);
  for (const auto& row : report.vms) {
    if (const std::optional<double> known = value(row)) family.add(labels_of(row), *known);
  }
}

std::optional<double> known(const std::optional<core::TimePoint>& time) {
  return time ? std::optional(seconds(*time)) : std::nullopt;
}
std::optional<double> known(const std::optional<core::Millis>& time) {
  return time ? std::optional(seconds(*time)) : std::nullopt;
}

void add_vms(std::string& out, const Report& report) {
  per_vm(out, report, "azlin_vm_scheduled", "1: the VM has a backup schedule that is on",
         [](const VmRow& row) { return std::optional(row.scheduled ? 1.0 : 0.0); });
  per_vm(out, report, "azlin_backups", "Complete backups that exist",
         [](const VmRow& row) { return std::optional<double>(row.backups); });
  per_vm(out, report, "azlin_replicas", "Complete copies in other regions",
         [](const VmRow& row) { return std::optional<double>(row.replicas); });
  per_vm(out, report, "azlin_backup_newest_timestamp_seconds", "When the newest complete backup was made",
         [](const VmRow& row) { return known(row.newest); });
  per_vm(out, report, "azlin_replica_newest_timestamp_seconds",
         "When the newest backup was made that has a complete copy in another region",
         [](const VmRow& row) { return known(row.newest_replica); });
  per_vm(out, report, "azlin_verification_newest_timestamp_seconds",
         "When a backup last passed a verification",
         [](const VmRow& row) { return known(row.last_verified); });
  per_vm(out, report, "azlin_drill_newest_timestamp_seconds",
         "When the last drill began that passed or failed",
         [](const VmRow& row) { return known(row.last_drill); });
  per_vm(out, report, "azlin_drill_rto_seconds", "Recovery time of the last drill",
         [](const VmRow& row) { return known(row.last_rto); });
  per_vm(out, report, "azlin_drill_target_rto_seconds", "What that recovery time was compared with",
         [](const VmRow& row) { return known(row.target_rto); });
}

void add_targets(std::string& out, const Report& report) {
  {
    Family ratio(out, "azlin_success_ratio", "Share that succeeded in the window, 0 to 1");
    for (const auto& metric : report.metrics) {
      if (metric.unit == "%" && metric.value) ratio.add({{"what", metric.key}}, *metric.value / 100.0);
    }
  }
  {
    Family attempts(out, "azlin_attempts", "What the success ratio was made of");
    for (const auto& metric : report.metrics) {
      if (metric.unit == "%") attempts.add({{"what", metric.key}}, metric.total);
    }
  }
  {
    Family times(out, "azlin_objective_seconds", "Median recovery time and longest time between backups");
    for (const auto& metric : report.metrics) {
      if (metric.unit == "s" && metric.value) times.add({{"what", metric.key}}, *metric.value);
    }
  }
  Family met(out, "azlin_target_met", "1: the target is met, 0: it is missed; absent: no data");
  for (const auto& metric : report.metrics) {
    if (metric.met != Met::no_data) met.add({{"what", metric.key}}, metric.met == Met::met ? 1 : 0);
  }
}

}  // namespace

std::string to_prometheus(const Report& report, const MetricsFacts& facts) {
  std::string out;
  Family(out, "azlin_build_info", "The program")
      .add({{"version", facts.version}, {"commit", facts.commit}}, 1);
  Family(out, "azlin_metrics_timestamp_seconds", "When these metrics were made")
      .add({}, seconds(report.facts.now));
  Family(out, "azlin_window_seconds", "How far back ratios are counted").add({}, report.facts.days * 86400.0);
  add_vms(out, report);
  add_targets(out, report);
  if (report.facts.cost) {
    Family cost(out, "azlin_cost_monthly", "Estimated cost a month, in the currency of the price table");
    for (const auto& line : report.facts.cost->lines)
      cost.add({{"vm", line.vm}, {"what", line.what}, {"region", line.region}}, line.monthly);
  }
  Family(out, "azlin_alerts_open", "Alerts that are open").add({}, facts.alerts_open);
  Family(out, "azlin_operations_interrupted", "Operations that wait for azlin recover")
      .add({}, facts.interrupted);
  {
    Family ended(out, "azlin_job_ended_timestamp_seconds", "When the last run of a scheduled job ended");
    for (const auto& run : facts.runs) ended.add({{"job", run.job}}, seconds(run.ended));
  }
  Family code(out, "azlin_job_exit_code", "Exit code of the last run of a scheduled job");
  for (const auto& run : facts.runs) code.add({{"job", run.job}}, run.exit_code);
  return out;
}

}  // namespace azlin::report
