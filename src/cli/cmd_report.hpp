#pragma once
// What sums up: schedule, report, cost, metrics, status, version.
#include "cli/command.hpp"

namespace azlin::cli {

void add_schedule_commands(CLI::App& root, Job& chosen);

// Whether a scheduled run that ended with this code wants somebody's attention.
bool is_bad_run(int exit_code);

}  // namespace azlin::cli
