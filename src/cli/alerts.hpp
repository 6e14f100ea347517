#pragma once
// Alerts from a command: it does its work, then hands over what happened.
#include <memory>
#include <vector>

#include "azlin/alert/manager.hpp"
#include "cli/command.hpp"

namespace azlin::cli {

// alerts.yaml and alerts.db of the state folder. A bad alerts.yaml is not an error here: alerts wait until it
// is mended (config().error says why).
std::unique_ptr<alert::AlertManager> open_alerts(Runtime& runtime);

// Writes the events (problems, or all-clears with `resolved` set) and tries for a few seconds to deliver.
// Never throws: a command must not fail because of its alerts; what goes wrong is a warning on stderr. Does
// nothing in a dry run.
void report_events(Runtime& runtime, const std::vector<alert::AlertEvent>& events) noexcept;

// The same for what has no subscription: this machine's archives. Archives may run where Azure is not set up.
void report_local_events(Runtime& runtime, const std::vector<alert::AlertEvent>& events) noexcept;

// What `azlin alert check` judges, read from the service for the run's subscription. Throws as the parts that
// it asks do: no alert is resolved on a missing answer.
alert::OverdueFacts collect_facts(Runtime& runtime);

// azlin alert: list, test, check, resolve.
void add_alert_commands(CLI::App& root, Job& chosen);

}  // namespace azlin::cli
