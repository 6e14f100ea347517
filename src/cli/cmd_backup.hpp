#pragma once
// The backup group, in files by purpose.
#include "cli/command.hpp"

namespace azlin::cli {

void add_backup_schedule_commands(CLI::App& group, Job& chosen);  // configure, disable, config-show, forecast
void add_backup_run_commands(CLI::App& group, Job& chosen);       // trigger
void add_backup_list_command(CLI::App& group, Job& chosen);       // list
void add_backup_care_commands(CLI::App& group, Job& chosen);      // cleanup, hold, delete
void add_backup_restore_command(CLI::App& group, Job& chosen);
void add_restore_snapshot_command(CLI::App& group, Job& chosen);     // the same, in the restore group
void add_backup_replication_commands(CLI::App& group, Job& chosen);  // replicate, replicate-all
void add_backup_replication_jobs_commands(CLI::App& group,
                                          Job& chosen);        // replication-status, -jobs, -cancel
void add_verification_commands(CLI::App& group, Job& chosen);  // verify, verify-all, verification-report

}  // namespace azlin::cli
