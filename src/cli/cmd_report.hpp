#pragma once
// What sums up: schedule, report, metrics, cost, status, version.
#include <optional>

#include "azlin/runbook/scheduler.hpp"
#include "cli/command.hpp"

namespace azlin::cli {

void add_schedule_commands(CLI::App& root, Job& chosen);
void add_report_commands(CLI::App& root, Job& chosen);  // report, report verify, metrics
void add_cost_command(CLI::App& root, Job& chosen);
void add_status_command(CLI::App& root, Job& chosen);
void add_version_command(CLI::App& root, Job& chosen);

// What `azlin schedule install` has put into systemd or the crontab, of this user or of the machine; nullopt:
// nothing, or neither can be asked.
std::optional<runbook::Installed> installed_schedule(Runtime& runtime);
// Whether a scheduled run that ended with this code wants somebody's attention.
bool is_bad_run(int exit_code);

}  // namespace azlin::cli
