// azlin archive: configuration, services and data of servers, in any store.
#include "cli/archive_commands.hpp"

namespace azlin::cli {

void add_archive_commands(CLI::App& root, Job& chosen) {
  CLI::App* group = add_group(root, "archive", "Configuration, services and data of servers, in any store");
  add_archive_create_commands(*group, chosen);
  add_archive_read_commands(*group, chosen);
  add_archive_transfer_commands(*group, chosen);
  add_archive_care_commands(*group, chosen);
  add_archive_report_command(*group, chosen);
  add_archive_schedule_commands(*group, chosen);
}

}  // namespace azlin::cli
