#include "azlin/report/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "azlin/core/format.hpp"
#include "azlin/core/names.hpp"
#include "azlin/dr/readiness.hpp"
#include "azlin/verification/report.hpp"
#include "report/sizes.hpp"

namespace azlin::report {

namespace {

constexpr core::Millis kDay = std::chrono::hours{24};
constexpr core::Millis kTargetRpo = dr::kTargetRpo;

std::string percent_text(double value) {
  auto text = fmt::format("{:.2f}", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text + " %";
}

// Rates: the target is met above it.
Metric rate(const char* key, const char* name, double target, int good, int total, const char* measured) {
  Metric metric;
  metric.key = key;
  metric.name = name;
  metric.target = fmt::format("> {:g} %", target);
  metric.unit = "%";
  metric.good = good;
  metric.total = total;
  metric.measured = measured;
  metric.text = "no data";
  if (total == 0) return metric;
  metric.value = 100.0 * good / total;
  metric.text = percent_text(*metric.value);
  metric.met = *metric.value > target ? Met::met : Met::missed;
  return metric;
}

Metric time_metric(const char* key, const char* name, const char* target_text, core::Millis target,
                   const std::optional<core::Millis>& value, const char* measured) {
  Metric metric;
  metric.key = key;
  metric.name = name;
  metric.target = target_text;
  metric.unit = "s";
  metric.measured = measured;
  metric.text = "no data";
  if (!value) return metric;
  metric.value = static_cast<double>(value->count()) / 1000.0;
  metric.text = core::to_display(*value);
  metric.met = *value < target ? Met::met : Met::missed;
  return metric;
}

bool is_backup_attempt(const store::OperationRecord& operation) {
  return operation.kind == "backup.trigger" && operation.state != "running";
}

// By group and name, lower case, as azlin:vm has it.
std::string key_of(const store::OperationRecord& operation) {
  try {
    const auto id = core::ResourceId::parse(operation.target);
    return core::to_lower(id.resource_group + "/" + id.name);
  } catch (const core::Error&) {
    return core::to_lower(operation.target);
  }
}

class Maker {
 public:
  explicit Maker(ReportFacts facts) { report_.facts = std::move(facts); }

  Report make() {
    const auto& facts = report_.facts;
    report_.from = facts.now - std::chrono::hours{24 * facts.days};
    add_rows();
    for (auto& [key, row] : rows_) report_.vms.push_back(row);
    std::stable_sort(report_.vms.begin(), report_.vms.end(),
                     [](const auto& a, const auto& b) { return a.vm < b.vm; });
    add_metrics();
    add_calendar();
    add_findings();
    return std::move(report_);
  }

 private:
  VmRow& row(const std::string& key, const std::string& vm, const std::string& group) {
    auto& row = rows_[core::to_lower(key)];
    if (row.vm.empty()) {
      row.vm = vm;
      row.group = group;
    }
    return row;
  }

  void add_rows() {
    const auto& facts = report_.facts;
    for (const auto& each : facts.scheduled)
      row(each.vm.key(), each.vm.name, each.vm.resource_group).scheduled =
          !each.schedule || each.schedule->enabled;
    for (const auto& backup : facts.backups) add_backup(backup);
    for (const auto& operation : facts.operations) add_attempt(operation);
    for (const auto& drill : facts.drills) add_drill(drill);
    for (auto& [key, row] : rows_) row.longest_gap = longest_gap(key);
  }

  void add_backup(const backup::BackupInfo& backup) {
    auto& row = this->row(backup.vm_key, backup.vm_name, group_of(backup));
    for (const auto& replica : backup.replicas) {
      if (!replica.complete) continue;
      ++row.replicas;
      row.newest_replica = std::max(row.newest_replica.value_or(backup.created), backup.created);
    }
    times_[core::to_lower(backup.vm_key)].insert(backup.created);
    if (!backup.complete || backup.replica_only) return;
    ++row.backups;
    row.newest = std::max(row.newest.value_or(backup.created), backup.created);
    if (backup.verified != backup::Verified::passed || !backup.verified_at) return;
    row.last_verified = std::max(row.last_verified.value_or(*backup.verified_at), *backup.verified_at);
    if (*backup.verified_at >= report_.from) ++row.verified;
  }

  void add_attempt(const store::OperationRecord& operation) {
    if (!is_backup_attempt(operation)) return;
    const auto key = key_of(operation);
    const auto slash = key.find('/');
    auto& row =
        this->row(key, operation.target.substr(operation.target.rfind('/') + 1), key.substr(0, slash));
    ++row.attempts;
    if (operation.state != "succeeded") return;
    ++row.succeeded;
    times_[key].insert(operation.started_at);
  }

  void add_drill(const dr::DRTestResult& drill) {
    auto& row = this->row(drill.vm.key(), drill.vm.name, drill.vm.resource_group);
    if (drill.verdict != dr::Verdict::passed && drill.verdict != dr::Verdict::failed) return;
    ++row.drills;
    row.drills_passed += drill.verdict == dr::Verdict::passed ? 1 : 0;
    if (row.last_drill && *row.last_drill > drill.started_at) return;
    row.last_drill = drill.started_at;
    row.last_rto = drill.rto;
    row.target_rto = drill.target_rto;
  }

  // Of what is known: backups that exist, and those that this machine made. The first one known begins it.
  std::optional<core::Millis> longest_gap(const std::string& key) {
    const auto found = times_.find(key);
    if (found == times_.end()) return std::nullopt;
    std::optional<core::TimePoint> last;
    std::optional<core::Millis> longest;
    for (const auto time : found->second) {
      if (last && time >= report_.from) longest = std::max(longest.value_or(time - *last), time - *last);
      last = time;
    }
    const auto open = report_.facts.now - *last;
    return std::max(longest.value_or(open), open);
  }

  void add_metrics() {
    int attempts = 0, succeeded = 0;
    for (const auto& row : report_.vms) {
      attempts += row.attempts;
      succeeded += row.succeeded;
    }
    auto& metrics = report_.metrics;
    metrics.push_back(rate("backup_success", "Backup success rate", 99, succeeded, attempts,
                           "runs of backup trigger on this machine that made a complete backup"));
    metrics.push_back(replication_rate());
    metrics.push_back(verification_rate());
    metrics.push_back(drill_rate());
    metrics.push_back(median_rto());
    metrics.push_back(rpo());
  }

  Metric replication_rate() {
    int good = 0, total = 0;
    for (const auto& job : report_.facts.replications) {
      if (!job.ended() || job.cancelled()) continue;
      ++total;
      good += job.status == replication::Status::completed ? 1 : 0;
    }
    return rate("replication_success", "Replication success rate", 95, good, total,
                "replication jobs that ended; cancelled ones are not counted");
  }

  // The report of the verification part judges which run of a backup counts.
  Metric verification_rate() {
    const auto& facts = report_.facts;
    const auto part =
        verification::make_report(facts.verifications, facts.backups, facts.days, facts.now).overall;
    auto metric = rate("verification_success", "Verification success rate", 99, part.verified, part.total,
                       "backups that exist and passed a verification within the window");
    if (part.checked > 0)
      metric.note = fmt::format("of {} that this machine checked, {} passed", part.checked, part.passed);
    return metric;
  }

  Metric drill_rate() {
    const auto stats = dr::statistics(report_.facts.drills);
    auto metric = rate("drill_success", "DR test success rate", dr::kTargetRate, stats.passed, stats.total(),
                       "drills of this machine that passed or failed");
    if (stats.restore_only + stats.interrupted > 0)
      metric.note =
          fmt::format("not counted: {} restore only, {} interrupted", stats.restore_only, stats.interrupted);
    return metric;
  }

  Metric median_rto() {
    std::vector<core::Millis> times;
    for (const auto& drill : report_.facts.drills) {
      if (drill.verdict == dr::Verdict::passed && drill.rto) times.push_back(*drill.rto);
    }
    const auto median = times.empty() ? std::nullopt : std::optional(dr::percentile(times, 50));
    auto metric = time_metric("rto_median", "RTO (median)", "< 15 min", dr::kDefaultTargetRto, median,
                              "restore and boot, of the drills that passed");
    metric.total = static_cast<int>(times.size());
    return metric;
  }

  Metric rpo() {
    std::optional<core::Millis> longest;
    std::string without;
    for (const auto& row : report_.vms) {
      if (!row.scheduled) continue;
      if (row.longest_gap) longest = std::max(longest.value_or(*row.longest_gap), *row.longest_gap);
      if (!row.longest_gap) without += (without.empty() ? "" : ", ") + report_.label(row.vm, row.group);
    }
    auto metric = time_metric("rpo_max", "RPO (longest time between backups)", "< 24 h", kTargetRpo, longest,
                              "backups that exist or were made here, of VMs with a schedule, up to now");
    if (without.empty()) return metric;
    metric.note = "no backup yet: " + without;
    metric.met = Met::missed;
    return metric;
  }

  static Day day_of(backup::Tier tier) {
    return tier == backup::Tier::daily    ? Day::daily
           : tier == backup::Tier::weekly ? Day::weekly
                                          : Day::monthly;
  }

  // A backup that was made and has expired since shows as made: the journal knows it.
  void add_calendar() {
    const auto& facts = report_.facts;
    const auto first = std::chrono::floor<std::chrono::days>(facts.now) - std::chrono::days{facts.days - 1};
    const auto index = [&](core::TimePoint time) {
      return (std::chrono::floor<std::chrono::days>(time) - first).count();
    };
    std::map<std::string, std::vector<Day>> all;
    const auto set = [&](const std::string& key, core::TimePoint time, Day day) {
      auto& days = all[core::to_lower(key)];
      days.resize(static_cast<std::size_t>(facts.days), Day::none);
      const auto at = index(time);
      if (at < 0 || at >= facts.days) return;
      auto& cell = days[static_cast<std::size_t>(at)];
      const bool better = cell == Day::none || cell == Day::failed || (day != Day::failed && day > cell);
      if (better) cell = day;
    };
    for (const auto& [key, row] : rows_) set(key, {}, Day::none);
    for (const auto& operation : facts.operations) {
      if (is_backup_attempt(operation))
        set(key_of(operation), operation.started_at,
            operation.state == "succeeded" ? Day::daily : Day::failed);
    }
    for (const auto& backup : facts.backups) {
      if (backup.complete) set(backup.vm_key, backup.created, day_of(backup.tier));
    }
    for (auto& [key, days] : all)
      report_.calendar.push_back({report_.label(rows_[key].vm, rows_[key].group), std::move(days)});
    std::stable_sort(report_.calendar.begin(), report_.calendar.end(),
                     [](const auto& a, const auto& b) { return a.vm < b.vm; });
  }

  void add_findings() {
    for (const auto& metric : report_.metrics) {
      if (metric.met == Met::missed)
        report_.findings.push_back(fmt::format("{} is {}, target {}{}", metric.name, metric.text,
                                               metric.target,
                                               metric.note.empty() ? "" : " (" + metric.note + ")"));
    }
    for (const auto& each : report_.facts.scheduled) {
      if (!each.schedule)
        report_.findings.push_back(
            fmt::format("{}: {}", report_.label(each.vm.name, each.vm.resource_group), each.error));
    }
    for (const auto& drill : report_.facts.drills) {
      if (drill.verdict == dr::Verdict::failed)
        report_.findings.push_back(fmt::format("drill of {} on {} failed: {}",
                                               report_.label(drill.vm.name, drill.vm.resource_group),
                                               core::to_display_minutes(drill.started_at), drill.error));
    }
    for (const auto& run : report_.facts.verifications) {
      if (run.outcome == verification::Outcome::failed)
        report_.findings.push_back(fmt::format("verification of {} on {} failed: {}", run.backup,
                                               core::to_display_minutes(run.at), run.error));
    }
  }

  Report report_;
  std::map<std::string, VmRow> rows_;
  std::map<std::string, std::set<core::TimePoint>> times_;
};

}  // namespace

const char* to_string(Met met) {
  switch (met) {
    case Met::no_data:
      return "no data";
    case Met::met:
      return "met";
    case Met::missed:
      return "missed";
  }
  return "";
}

std::string Report::label(const std::string& vm, const std::string& group) const {
  if (group.empty()) return vm;  // a row of the first schema does not say
  const bool shared = std::any_of(vms.begin(), vms.end(), [&](const VmRow& other) {
    return !other.group.empty() && core::equal_ignoring_case(other.vm, vm) &&
           !core::equal_ignoring_case(other.group, group);
  });
  return shared ? vm + " (" + group + ")" : vm;
}

bool Report::met() const {
  return std::none_of(metrics.begin(), metrics.end(),
                      [](const Metric& metric) { return metric.met == Met::missed; });
}

Report make_report(ReportFacts facts) {
  return Maker(std::move(facts)).make();
}

const std::vector<Control>& controls() {
  static const std::vector<Control> all = {
      {"Backups", "ISO/IEC 27001 A.8.13; DORA art. 12(1)",
       "copies are taken as often and kept as long as the schedule says"},
      {"Replication", "ISO/IEC 27001 A.8.13; DORA art. 12(3)", "copies are kept apart from their source"},
      {"Verification", "ISO/IEC 27001 A.8.13; DORA art. 12(2), 12(7)",
       "copies are tested regularly, and what they hold is checked"},
      {"Drills", "SOC 2 A1.3; ISO/IEC 27001 A.8.13; DORA art. 12(2), 12(3)",
       "recovery is tested in a network that is separate from production"},
      {"RTO and RPO", "SOC 2 A1.3; DORA art. 12(6)",
       "recovery times and points are measured against targets"},
      {"Evidence bundle", "SOC 2 A1.3; DORA art. 12(2)",
       "the records behind the report are kept, signed and chained"},
  };
  return all;
}

}  // namespace azlin::report
