#include "azlin/alert/rule.hpp"

namespace azlin::alert {

const char* to_string(Rule rule) {
  switch (rule) {
    case Rule::backup_failure:
      return "backup_failure";
    case Rule::retention_violation:
      return "retention_violation";
    case Rule::replication_failure:
      return "replication_failure";
    case Rule::dr_test_failure:
      return "dr_test_failure";
    case Rule::rto_exceeded:
      return "rto_exceeded";
    case Rule::success_rate_below_target:
      return "success_rate_below_target";
    case Rule::verification_failure:
      return "verification_failure";
    case Rule::verification_overdue:
      return "verification_overdue";
    case Rule::rpo_exceeded:
      return "rpo_exceeded";
  }
  return "";
}

const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::low:
      return "low";
    case Severity::medium:
      return "medium";
    case Severity::high:
      return "high";
    case Severity::critical:
      return "critical";
  }
  return "";
}

std::optional<Rule> parse_rule(std::string_view name) {
  for (const Rule rule : kRules)
    if (name == to_string(rule)) return rule;
  return std::nullopt;
}

std::optional<Severity> parse_severity(std::string_view name) {
  for (const Severity severity : kSeverities)
    if (name == to_string(severity)) return severity;
  return std::nullopt;
}

Severity default_severity(Rule rule) {
  switch (rule) {
    case Rule::dr_test_failure:
      return Severity::critical;
    case Rule::retention_violation:
    case Rule::verification_overdue:
      return Severity::medium;
    default:
      return Severity::high;
  }
}

std::optional<ThresholdKind> threshold_kind(Rule rule) {
  switch (rule) {
    case Rule::rto_exceeded:
      return ThresholdKind{"threshold_minutes", 15, 1, 100'000};
    case Rule::success_rate_below_target:
      return ThresholdKind{"threshold_percent", 99.9, 0, 100};
    case Rule::verification_overdue:
      return ThresholdKind{"threshold_days", 7, 1, 3650};
    case Rule::rpo_exceeded:
      return ThresholdKind{"threshold_hours", 24, 1, 100'000};
    default:
      return std::nullopt;
  }
}

}  // namespace azlin::alert
