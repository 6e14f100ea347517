#pragma once
// One thing that happened, or that is so, as a command hands it to the AlertManager.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "azlin/alert/rule.hpp"
#include "azlin/core/clock.hpp"

namespace azlin::alert {

struct AlertEvent {
  Rule rule = Rule::backup_failure;
  std::string subject;               // the VM, or another thing's name; "" for all of them
  std::string key;                   // one open alert a key: alert_key()
  std::optional<Severity> severity;  // nullopt: the rule's
  std::string title;                 // one line: "Backup of prod-db-vm failed"
  std::string text;                  // what happened and what to do; plain text, several lines
  std::vector<std::pair<std::string, std::string>> facts;  // {"Region", "westus2"}, in the order to show
  core::TimePoint at{};                                    // when it happened; the epoch: now
  bool resolved = false;                                   // true: it is well again
};

// "backup_failure:prod-db-vm", and with `detail` (a backup, a region) ":detail" behind it. Lower case.
std::string alert_key(Rule rule, const std::string& subject, const std::string& detail = {});

// An event with its key filled in.
AlertEvent problem(Rule rule, const std::string& subject, std::string title, std::string text,
                   std::vector<std::pair<std::string, std::string>> facts = {});
// The same thing is well again.
AlertEvent all_clear(Rule rule, const std::string& subject, std::string text = {},
                     const std::string& detail = {});

}  // namespace azlin::alert
