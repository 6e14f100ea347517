#pragma once
// One thing that happened, or that is so, as a command hands it to the AlertManager.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "azlin/alert/rule.hpp"
#include "azlin/core/clock.hpp"

namespace azlin::alert {

// Whom an alert is about: a VM (two of one name in two groups are two), or another thing by its name alone.
struct Subject {
  Subject(const char* its_name) : name(its_name) {}
  Subject(std::string its_name, std::string its_group = {})
      : name(std::move(its_name)), group(std::move(its_group)) {}
  std::string name, group;
};

struct AlertEvent {
  Rule rule = Rule::backup_failure;
  std::string subject;  // the VM, or another thing's name; "" for all of them
  std::string group;    // the VM's resource group; empty: the subject has none
  std::string key;      // one open alert a key: alert_key()
  // What earlier versions called it. An alert that is open under one of them is taken over.
  std::vector<std::string> former_keys;
  std::optional<Severity> severity;  // nullopt: the rule's
  std::string title;                 // one line: "Backup of prod-db-vm failed"
  std::string text;                  // what happened and what to do; plain text, several lines
  std::vector<std::pair<std::string, std::string>> facts;  // {"Region", "westus2"}, in the order to show
  core::TimePoint at{};                                    // when it happened; the epoch: now
  bool resolved = false;                                   // true: it is well again
};

// "backup_failure:production/prod-db-vm", or "retention_violation:dr:d-1a2b3c4d" where the subject has no
// group; with `detail` (a backup, a region) ":detail" behind it. Lower case. `detail` has no '@': a scope
// follows one.
std::string alert_key(Rule rule, const Subject& subject, const std::string& detail = {});

// An event with its keys filled in.
AlertEvent problem(Rule rule, const Subject& subject, std::string title, std::string text,
                   std::vector<std::pair<std::string, std::string>> facts = {},
                   const std::string& detail = {});
// The same thing is well again.
AlertEvent all_clear(Rule rule, const Subject& subject, std::string text = {},
                     const std::string& detail = {});

}  // namespace azlin::alert
