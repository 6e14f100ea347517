#pragma once
// What azlin alerts about, and how urgent it is. Names are those of alerts.yaml (docs/alerts.md).
#include <array>
#include <optional>
#include <string_view>

namespace azlin::alert {

enum class Rule {
  backup_failure,             // a backup was not made
  retention_violation,        // old backups could not be removed, or kept disks or drills were left behind
  replication_failure,        // a copy to another region failed
  dr_test_failure,            // a drill failed at restore, boot, connectivity or cleanup
  rto_exceeded,               // a recovery took longer than its target
  success_rate_below_target,  // too few drills of the window passed
  verification_failure,       // a backup was found not to be restorable
  verification_overdue,       // a backup was not verified for too long
  rpo_exceeded,               // the newest backup is too old
};
inline constexpr std::array kRules = {
    Rule::backup_failure,       Rule::retention_violation,  Rule::replication_failure,
    Rule::dr_test_failure,      Rule::rto_exceeded,         Rule::success_rate_below_target,
    Rule::verification_failure, Rule::verification_overdue, Rule::rpo_exceeded};

enum class Severity { low, medium, high, critical };  // in rising order
inline constexpr std::array kSeverities = {Severity::low, Severity::medium, Severity::high,
                                           Severity::critical};

const char* to_string(Rule rule);
const char* to_string(Severity severity);
std::optional<Rule> parse_rule(std::string_view name);
std::optional<Severity> parse_severity(std::string_view name);

// What alerts.yaml says without saying it.
Severity default_severity(Rule rule);

// A rule's one number, in the unit that its key names.
struct ThresholdKind {
  const char* key;  // "threshold_minutes"
  double standard;  // used when the file does not say
  double least, most;
};
// nullopt: the rule has none.
std::optional<ThresholdKind> threshold_kind(Rule rule);

}  // namespace azlin::alert
