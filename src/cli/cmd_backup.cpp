#include "cli/cmd_backup.hpp"

namespace azlin::cli {

void add_backup_commands(CLI::App& root, Job& chosen) {
  CLI::App* group =
      add_group(root, "backup", "Snapshot backups of VMs with daily, weekly and monthly retention");
  add_backup_schedule_commands(*group, chosen);
  add_backup_run_commands(*group, chosen);
  add_backup_list_command(*group, chosen);
  add_backup_restore_command(*group, chosen);
  add_backup_care_commands(*group, chosen);
  add_backup_replication_commands(*group, chosen);
  add_backup_replication_jobs_commands(*group, chosen);
  add_verification_commands(*group, chosen);
}

}  // namespace azlin::cli
