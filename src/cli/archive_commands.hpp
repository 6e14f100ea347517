#pragma once
// The parts of the group `azlin archive`, one function a file.
#include "cli/command.hpp"

namespace azlin::store {
struct OperationRecord;
}

namespace azlin::cli {

void add_archive_commands(CLI::App& root, Job& chosen);  // the group with all of them

void add_archive_schedule_commands(CLI::App& archive_group, Job& chosen);
void add_archive_create_commands(CLI::App& archive_group, Job& chosen);  // init, create, files, database, …
void add_archive_read_commands(CLI::App& archive_group, Job& chosen);    // list, show, restore, verify
void add_archive_transfer_commands(CLI::App& archive_group, Job& chosen);  // download, migrate, encrypt, sync
void add_archive_care_commands(CLI::App& archive_group, Job& chosen);      // prune, compare, key rotate
void add_archive_report_command(CLI::App& archive_group, Job& chosen);

// Settles an archive that a crash left unfinished; one line a thing done.
std::vector<std::string> recover_archive_create(Runtime& runtime, const store::OperationRecord& operation);

}  // namespace azlin::cli
