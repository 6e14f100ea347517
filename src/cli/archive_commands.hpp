#pragma once
// The parts of the group `azlin archive`, one function a file.
#include "cli/command.hpp"

namespace azlin::cli {

void add_archive_commands(CLI::App& root, Job& chosen);  // the group with all of them

void add_archive_schedule_commands(CLI::App& archive_group, Job& chosen);
void add_archive_transfer_commands(CLI::App& archive_group, Job& chosen);  // download, migrate, encrypt, sync
void add_archive_care_commands(CLI::App& archive_group, Job& chosen);      // prune, compare, key rotate
void add_archive_report_command(CLI::App& archive_group, Job& chosen);

}  // namespace azlin::cli
